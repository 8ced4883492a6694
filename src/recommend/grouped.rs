//! Proposes what is liked within a group: among the people of a segment, or in a category.
//!
//! Each group has a [`Popular`] of its own, so that a niche with few events has an order as exact as the whole shop's.
//! Neither the groups nor the items of one can grow without bound.
//!
//! Cost: learning as [`Popular`]; ranking O(groups asked · items of a group).

use std::cmp::Reverse;

use serde::{Deserialize, Serialize, Serializer};

use super::scratch::{Cell, Ranked};
use super::settings::{GroupedSettings, RecommendError};
use super::{Candidate, Popular, PopularSettings, Query, Recommender, Scratch, Source, counts};
use crate::hash::{Map, Symbol};
use crate::state::State;
use crate::time::Timestamp;

/// What is popular within each of many groups, which are symbols: of a segment's name, of a category.
///
/// Each group keeps the items that are worth most in it ([`Popular`], whose promises on order and merging hold for
/// each). When there are too many groups, the sixteenth that was touched least recently leaves, ties by the lower
/// symbol; below that, order and cut of the events change nothing, to the bit. Merging takes in nothing from a state
/// with another half-life.
///
/// ```
/// use bespoke::hash::Symbol;
/// use bespoke::recommend::PopularIn;
/// use bespoke::time::Timestamp;
/// let (now, hat) = (Timestamp::from_millis(1_700_000_000_000), Symbol::new("hat"));
/// let mut popular = PopularIn::default();
/// popular.learn(Symbol::new("students"), hat, 1.0, now);
/// assert!(popular.of(Symbol::new("students")).is_some_and(|of| (of.score(hat, now) - 1.0).abs() < 0.001));
/// assert!(popular.of(Symbol::new("pensioners")).is_none());
/// ```
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(try_from = "Stored")]
pub struct PopularIn {
    settings: GroupedSettings,
    groups: Map<Symbol, Group>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Group {
    /// The newest event.
    touched: Timestamp,
    popular: Popular,
}

impl PopularIn {
    /// Knows nothing yet.
    ///
    /// # Errors
    /// A [`RecommendError`] that names the setting that is out of range.
    pub fn new(settings: GroupedSettings) -> Result<Self, RecommendError> {
        settings.check()?;
        Ok(Self { settings, groups: Map::default() })
    }

    /// Takes in that somebody showed interest in an item within a group.
    ///
    /// Weights that are not finite, or not above zero, count as nothing.
    pub fn learn(&mut self, group: Symbol, item: Symbol, weight: f32, time: Timestamp) {
        if !counts(weight) {
            return;
        }
        let of = self.group(group);
        of.touched = of.touched.max(time);
        of.popular.learn(item, weight, time);
        self.evict();
    }

    /// What is popular in one group.
    #[must_use]
    pub fn of(&self, group: Symbol) -> Option<&Popular> {
        self.groups.get(&group).map(|group| &group.popular)
    }

    /// Ranks by the share that somebody has in each group times how close an item comes to the best of it.
    ///
    /// `source` is what slates say of the items.
    #[must_use]
    pub const fn among<'a>(&'a self, groups: &'a [(Symbol, f64)], source: Source) -> PopularAmong<'a> {
        PopularAmong { state: self, groups, source }
    }

    /// How many groups are known.
    #[must_use]
    pub fn len(&self) -> usize {
        self.groups.len()
    }

    /// Whether no group is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }

    /// The settings it was made with.
    #[must_use]
    pub const fn settings(&self) -> &GroupedSettings {
        &self.settings
    }

    /// About how many bytes it holds on the heap. O(groups).
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        let within: usize = self.groups.values().map(|group| group.popular.heap_bytes()).sum();
        self.groups.capacity() * (size_of::<(Symbol, Group)>() + 1) + within
    }

    fn group(&mut self, group: Symbol) -> &mut Group {
        let settings = PopularSettings { half_life: self.settings.half_life, capacity: self.settings.items };
        // The settings were checked when this state was made.
        let fresh = || Group { touched: Timestamp::MIN, popular: Popular::new(settings).unwrap_or_default() };
        self.groups.entry(group).or_insert_with(fresh)
    }

    /// Lets the sixteenth of the groups go that was touched least recently, if there are too many.
    fn evict(&mut self) {
        let most = self.settings.groups as usize;
        if self.groups.len() <= most {
            return;
        }
        let mut ages: Vec<_> = self.groups.iter().map(|(name, group)| (group.touched, *name)).collect();
        ages.sort_unstable();
        for (_, name) in &ages[..ages.len() - (most - most / 16)] {
            self.groups.remove(name);
        }
    }
}

/// What is popular in the groups of one person: made by [`PopularIn::among`].
///
/// An item scores `Σ share · worth / worth of the group's best item` over the groups, so that a large group does not
/// drown a small one. Shares that are not finite, or not above zero, count as nothing.
#[derive(Clone, Copy, Debug)]
pub struct PopularAmong<'a> {
    state: &'a PopularIn,
    groups: &'a [(Symbol, f64)],
    source: Source,
}

impl Recommender for PopularAmong<'_> {
    fn rank(&self, query: &Query<'_>, scratch: &mut Scratch, slate: &mut Vec<Candidate>) {
        let Some(mut ranked) = Ranked::begin(scratch, query, slate) else { return };
        for (group, share) in self.groups.iter().filter(|(_, share)| share.is_finite() && *share > 0.0) {
            let Some(popular) = self.state.of(*group) else { continue };
            let mut places = popular.places();
            let Some(&(Reverse(best), first)) = places.next() else { continue };
            ranked.add(first, *share, 0);
            for (Reverse(worth), item) in places {
                ranked.add(*item, share * worth.ratio(&best), 0);
            }
        }
        ranked.finish(Cell::by_score, |_| (self.source, None, 1.0), slate);
    }
}

impl State for PopularIn {
    const KIND: &'static str = "popular in";
    const VERSION: u16 = 1;

    fn merge(&mut self, other: &Self) {
        if self.settings.half_life != other.settings.half_life {
            return;
        }
        // Groups do not touch each other, so the order in which they are taken in shows nowhere.
        other.groups.iter().for_each(|(name, theirs)| {
            let ours = self.group(*name);
            ours.touched = ours.touched.max(theirs.touched);
            ours.popular.merge(&theirs.popular);
        });
        self.evict();
    }
}

/// The stored form: groups in the order of their symbols.
#[derive(Serialize, Deserialize)]
struct Stored {
    settings: GroupedSettings,
    groups: Vec<(Symbol, Group)>,
}

impl Serialize for PopularIn {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut groups: Vec<_> = self.groups.iter().map(|(name, group)| (*name, group.clone())).collect();
        groups.sort_unstable_by_key(|(name, _)| *name);
        Stored { settings: self.settings, groups }.serialize(serializer)
    }
}

impl TryFrom<Stored> for PopularIn {
    type Error = RecommendError;

    fn try_from(stored: Stored) -> Result<Self, RecommendError> {
        let mut popular = Self::new(stored.settings)?;
        if stored.groups.len() > stored.settings.groups as usize {
            return Err(RecommendError::TooMany { found: stored.groups.len(), most: stored.settings.groups });
        }
        if !stored.groups.is_sorted_by(|a, b| a.0 < b.0) {
            return Err(RecommendError::Disorder);
        }
        let wanted = PopularSettings { half_life: stored.settings.half_life, capacity: stored.settings.items };
        if stored.groups.iter().any(|(_, group)| *group.popular.settings() != wanted) {
            return Err(RecommendError::Disagree);
        }
        popular.groups = stored.groups.into_iter().collect();
        Ok(popular)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::time::Span;

    const START: Timestamp = Timestamp::from_millis(1_700_000_000_000);

    fn name(number: u8) -> Symbol {
        Symbol::new(&format!("name-{number}"))
    }

    fn fold(log: &[(u8, u8, u32)]) -> PopularIn {
        let mut state = PopularIn::default();
        log.iter().for_each(|(group, item, hours)| {
            state.learn(name(*group), name(*item), 1.0, START + Span::hours(*hours));
        });
        state
    }

    fn logs() -> impl Strategy<Value = Vec<(u8, u8, u32)>> {
        prop::collection::vec((0..3_u8, 0..6_u8, 0..300_u32), 0..40)
    }

    proptest! {
        #[test]
        fn a_group_is_what_its_own_events_make_it(log in logs(), cut in 0..40_usize) {
            let state = fold(&log);
            for group in 0..3 {
                let mut alone = Popular::new(PopularSettings { capacity: 256, ..PopularSettings::default() }).unwrap();
                log.iter().filter(|event| event.0 == group).for_each(|(_, item, hours)| {
                    alone.learn(name(*item), 1.0, START + Span::hours(*hours));
                });
                prop_assert_eq!(state.of(name(group)).cloned().unwrap_or_else(|| alone.clone()), alone);
            }
            let (left, right) = log.split_at(cut.min(log.len()));
            let mut merged = fold(right);
            merged.merge(&fold(left));
            prop_assert_eq!(merged.to_bytes().unwrap(), state.to_bytes().unwrap());
            prop_assert_eq!(&PopularIn::from_bytes(&state.to_bytes().unwrap()).unwrap(), &state);
            merged.merge(&PopularIn::default());
            prop_assert_eq!(merged, state);
        }

        /// A sum of rounded terms is off by at most 1/1024 of an event each, of which there are up to forty.
        #[test]
        fn scores_are_shares_of_the_best_of_each_group(log in logs(), shares in [0.1..1.0_f64, 0.1..1.0, 0.1..1.0]) {
            let (state, now) = (fold(&log), START + Span::hours(400));
            let groups: Vec<_> = (0..3).map(name).zip(shares).chain([(name(9), 1.0), (name(0), f64::NAN)]).collect();
            let mut slate = Vec::new();
            let query = Query { history: &[], now, limit: 9, accept: &|_| true, pool: None };
            state.among(&groups, Source::PopularInSegment).rank(&query, &mut Scratch::default(), &mut slate);
            let mut plain = BTreeMap::<Symbol, f64>::new();
            for (group, share) in groups.iter().take(3) {
                let Some(popular) = state.of(*group) else { continue };
                let scores: Vec<_> = (0..6).map(|item| popular.score(name(item), now)).collect();
                let best = scores.iter().copied().fold(0.0, f64::max);
                (0..6).for_each(|item| *plain.entry(name(item)).or_default() += share * scores[usize::from(item)] / best);
            }
            plain.retain(|_, score| *score > 0.0);
            prop_assert_eq!(slate.len(), plain.len());
            for of in slate {
                prop_assert!((of.score - plain[&of.item]).abs() < 1e-9 && of.source == Source::PopularInSegment);
            }
        }
    }

    #[test]
    fn groups_and_their_items_are_bounded() {
        let settings = GroupedSettings { items: 16, groups: 16, ..GroupedSettings::default() };
        let mut state = PopularIn::new(settings).unwrap();
        for group in 0..17 {
            (0..100).for_each(|item| state.learn(name(group), name(item), 1.0, START + Span::hours(u32::from(group))));
        }
        assert_eq!(state.len(), 15);
        assert!(state.of(name(0)).is_none() && state.of(name(16)).is_some_and(|of| of.len() <= 16));
        for settings in [GroupedSettings { items: 0, ..settings }, GroupedSettings { groups: 0, ..settings }] {
            assert!(PopularIn::new(settings).is_err());
        }
    }

    #[test]
    fn groups_that_learning_cannot_lead_to_do_not_decode() {
        let why = |groups: &str| {
            let json = format!(r#"{{"settings":{{"groups":2}},"groups":[{groups}]}}"#);
            serde_json::from_str::<PopularIn>(&json).map(|_| ()).unwrap_err().to_string()
        };
        let group = |name: &str, items: u32| {
            let popular = format!(r#"{{"settings":{{"capacity":{items}}},"sums":[]}}"#);
            format!(r#"["{name}",{{"touched":"2023-11-20","popular":{popular}}}]"#)
        };
        assert_eq!(why(&group("01", 9)), RecommendError::Disagree.to_string());
        let good = |name| group(name, 256);
        assert_eq!(why(&format!("{},{}", good("02"), good("01"))), RecommendError::Disorder.to_string());
        let three = [good("01"), good("02"), good("03")].join(",");
        assert_eq!(why(&three), "3 entries are stored where at most 2 can be");
    }
}
