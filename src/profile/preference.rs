//! What a person says they like or do not: kept beside what their behaviour says, until it expires.
//!
//! A stated liking lifts a value by as much as the strongest value of its dimension weighs (by one view where nothing
//! has any weight), so that it comes first at once and stays in sight however much is viewed elsewhere. A stated
//! dislike takes the value's weight away. All weights of a dimension fade alike, so shares still change by time only
//! when a statement expires.

use serde::{Deserialize, Serialize};

use super::{Affinity, Dimension, Profile};
use crate::hash::Symbol;
use crate::time::{Span, Timestamp};

/// What a person said about one value of an item attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Preference {
    /// The dimension, as [`Dimension::code`] gives it.
    pub(crate) dimension: u32,
    /// The symbol of the value.
    pub value: Symbol,
    /// When they said it.
    pub time: Timestamp,
    /// Until when it holds.
    pub until: Timestamp,
    /// Whether they like it.
    pub liked: bool,
}

/// What one person said, by dimension and value: the newest of each; of two at the same time the dislike, then the one
/// that holds longer.
///
/// At most [`Preferences::LIMIT`] are kept; beyond that the one that was said longest ago leaves, ties by the lower
/// symbol.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Stored")]
pub(crate) struct Preferences(Vec<Preference>);

#[derive(Deserialize)]
struct Stored(Vec<Preference>);

impl Preferences {
    pub(crate) const LIMIT: usize = 32;
    /// How long a statement holds that does not say.
    pub(crate) const LIFETIME: Span = Span::days(365);

    /// Notes what was said; gives what had to leave for it.
    pub(super) fn add(&mut self, said: Preference) -> Option<Preference> {
        match self.0.binary_search_by_key(&(said.dimension, said.value), |of| (of.dimension, of.value)) {
            Ok(at) => {
                let rank = |of: &Preference| (of.time, !of.liked, of.until);
                if rank(&said) > rank(&self.0[at]) {
                    self.0[at] = said;
                }
            }
            Err(at) => {
                super::reserve(&mut self.0);
                self.0.insert(at, said);
                if self.0.len() > Self::LIMIT {
                    return self.leave_oldest();
                }
            }
        }
        None
    }

    /// Takes out what was said longest ago.
    pub(super) fn leave_oldest(&mut self) -> Option<Preference> {
        let oldest = (0..self.0.len()).min_by_key(|at| (self.0[*at].time, self.0[*at].value));
        oldest.map(|at| self.0.remove(at))
    }

    pub(super) fn shrink(&mut self) {
        self.0.shrink_to_fit();
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Preference> {
        self.0.iter()
    }

    fn of(&self, dimension: u32) -> impl Iterator<Item = &Preference> {
        self.0.iter().filter(move |of| of.dimension == dimension)
    }

    pub(super) fn merge(&mut self, other: &Self) {
        for said in &other.0 {
            self.add(*said);
        }
    }

    /// Drops what has expired, and gives how many that is.
    pub(super) fn expire(&mut self, now: Timestamp) -> usize {
        let before = self.0.len();
        self.0.retain(|said| said.until > now);
        before - self.0.len()
    }

    pub(super) fn heap_bytes(&self) -> usize {
        self.0.capacity() * size_of::<Preference>()
    }
}

impl TryFrom<Stored> for Preferences {
    type Error = &'static str;
    fn try_from(Stored(said): Stored) -> Result<Self, &'static str> {
        let key = |of: &Preference| (of.dimension, of.value);
        if said.len() > Self::LIMIT || !said.windows(2).all(|pair| key(&pair[0]) < key(&pair[1])) {
            return Err("preferences out of order");
        }
        Ok(Self(said))
    }
}

impl Profile {
    /// The values of a dimension of which anything is known, by the dimension's code.
    pub(crate) fn tastes(&self, dimension: u32) -> impl Iterator<Item = Symbol> {
        let said = self.extra.as_deref().into_iter().flat_map(move |extra| extra.preferences.of(dimension));
        let weighed = self.affinities.dimension(dimension).iter().map(|of| of.value);
        weighed.chain(said.map(|of| of.value))
    }

    /// What the person said about values of a dimension.
    pub fn preferences(&self, dimension: &Dimension) -> impl Iterator<Item = &Preference> {
        let (extra, code) = (self.extra.as_deref(), dimension.code());
        extra.into_iter().flat_map(move |extra| extra.preferences.of(code))
    }

    /// The share of a dimension's interest that goes to a value, from 0 to 1, with what the person said about it:
    /// [`Affinities::share`](super::Affinities::share) where they said nothing.
    ///
    /// ```
    /// use bespoke::catalog::Catalog;
    /// use bespoke::{Engine, Event, EventKind, Profile, Span, Timestamp};
    /// let engine = Engine::from_json(r#"{"segments": [
    ///     {"name": "runners", "rule": "affinity('category', 'shoes/running') >= 0.5"}]}"#)?;
    /// let now: Timestamp = "2026-03-01T12:00:00Z".parse()?;
    /// let mut ann = Profile::default();
    /// let said = Event::new(EventKind::PreferenceStated, "ann", now).property("category", "shoes/running");
    /// let changes = engine.apply(&said.property("for", "30d"), &mut ann, &Catalog::new(), now);
    /// assert_eq!(&*changes.entered[0], "runners"); // half to `shoes/running`, half to `shoes` above it
    /// assert!(engine.memberships(&ann, now + Span::days(30)).next().is_none());
    /// # Ok::<(), bespoke::Error>(())
    /// ```
    #[must_use]
    pub fn affinity(&self, dimension: &Dimension, value: impl Into<Symbol>, now: Timestamp) -> f64 {
        let value = value.into();
        let mut said = self.preferences(dimension).filter(|said| said.until > now).peekable();
        if said.peek().is_none() {
            return self.affinities.share(dimension, value);
        }
        let (mut of_value, mut total) = (0.0, 0.0);
        let mut weights = Vec::new();
        self.weights(dimension, now, &mut weights);
        for (symbol, weight) in weights {
            total += weight;
            if symbol == value {
                of_value = weight;
            }
        }
        if total > 0.0 { of_value / total } else { 0.0 }
    }

    /// The values of a dimension with their weights at a time, and with what the person said about them, strongest
    /// first, ties by the lower symbol.
    #[must_use]
    pub fn interests_in(&self, dimension: &Dimension, now: Timestamp) -> Vec<(Symbol, f64)> {
        let mut ranked = self.affinities.ranked(dimension, now);
        if self.preferences(dimension).any(|said| said.until > now) {
            lift(&mut ranked, self.preferences(dimension).filter(|said| said.until > now));
            ranked.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        }
        ranked
    }

    /// The place of a value in the profile's interest, from one on; with what the person said, those of weight only.
    pub(crate) fn affinity_rank(&self, dimension: &Dimension, value: Symbol, now: Timestamp) -> Option<u32> {
        if !self.preferences(dimension).any(|said| said.until > now) {
            return self.affinities.rank(dimension, value);
        }
        let place = self.interests_in(dimension, now).iter().filter(|of| of.1 > 0.0).position(|of| of.0 == value)?;
        // At most 64 values.
        Some(place as u32 + 1)
    }

    /// The value in the first place.
    pub(crate) fn affinity_top(&self, dimension: &Dimension, now: Timestamp) -> Option<Symbol> {
        if !self.preferences(dimension).any(|said| said.until > now) {
            return self.affinities.top(dimension);
        }
        self.interests_in(dimension, now).first().filter(|of| of.1 > 0.0).map(|of| of.0)
    }

    /// Until when what the person said about a dimension stays as it is.
    pub(crate) fn preferences_until(&self, dimension: &Dimension, now: Timestamp) -> Timestamp {
        let untils = self.preferences(dimension).map(|said| said.until).filter(|until| *until > now);
        untils.min().unwrap_or(Timestamp::MAX)
    }

    /// The weights of a dimension relative to each other, in place of what `weights` holds: none below zero, and what
    /// was said lifts or takes away.
    pub(crate) fn weights(&self, dimension: &Dimension, now: Timestamp, weights: &mut Vec<(Symbol, f64)>) {
        let of = self.affinities.dimension(dimension.code());
        let newest = of.iter().map(|affinity| affinity.weight.epoch()).max().unwrap_or_default();
        let worth = |affinity: &Affinity| (affinity.value, affinity.weight.at_epoch(newest).max(0.0));
        weights.clear();
        weights.extend(of.iter().map(worth));
        lift(weights, self.preferences(dimension).filter(|said| said.until > now));
    }
}

/// Lifts what is liked by the greatest weight, and takes away what is not.
fn lift<'a>(weights: &mut Vec<(Symbol, f64)>, said: impl Iterator<Item = &'a Preference>) {
    let strongest = weights.iter().map(|(_, weight)| *weight).fold(0.0, f64::max);
    let lift = if strongest > 0.0 { strongest } else { 1.0 };
    for said in said {
        let at = weights.iter().position(|(value, _)| *value == said.value).unwrap_or_else(|| {
            weights.push((said.value, 0.0));
            weights.len() - 1
        });
        let weight = &mut weights[at].1;
        *weight = if said.liked { weight.max(0.0) + lift } else { 0.0 };
    }
}
