//! How large segments are, what keeps people out of them, and how they overlap.

use std::sync::Arc;

use serde::Serialize;

use super::pairs::{Overlap, Pairs, Relation};
use crate::engine::Engine;
use crate::profile::Profile;
use crate::rule::Compiled;
use crate::stats::Effect;
use crate::time::Timestamp;

/// What a survey of sizes is to find out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SizeSettings {
    /// What an experiment within a segment is to tell: a segment is too small if its halves are smaller than
    /// [`Effect::people`].
    pub effect: Effect,
    /// How many overlaps of each segment are listed: those with the highest Jaccard index, ties by the lower place.
    pub overlaps: usize,
    /// How many pairs of segments are counted at the same time, 4 bytes each for up to 2,896 segments, about 26 beyond.
    /// Where more occur, the frequent ones are counted, and [`SizeReport::missed`] says how exactly.
    pub pairs: usize,
}

impl Default for SizeSettings {
    /// The usual [`Effect`], five overlaps of each segment, and four million pairs.
    fn default() -> Self {
        Self { effect: Effect::default(), overlaps: 5, pairs: 4 << 20 }
    }
}

/// A survey of segments that goes from person to person.
///
/// Memory does not grow with the number of people. Cost of a person: what the memberships cost that are due, the
/// square of how many segments differ from those of an empty profile, and a look at the first conditions of each
/// segment that has several.
///
/// ```
/// use bespoke::insight::{Extent, SizeSettings, Sizes};
/// use bespoke::{Engine, Event, EventKind, Profile, Timestamp, catalog::Catalog};
/// let engine = Engine::from_json(r#"{"segments": [
///     {"name": "german", "rule": {"country": "DE"}},
///     {"name": "german pros", "rule": "country = 'DE' AND plan = 'pro'"}
/// ]}"#)?;
/// let now: Timestamp = "2026-03-01T12:00:00Z".parse()?;
/// let person = |country: &str, plan: &str| {
///     let mut profile = Profile::default();
///     let event = Event::new(EventKind::Identified, "x", now).attribute("country", country).attribute("plan", plan);
///     engine.apply(&event, &mut profile, &Catalog::new(), now);
///     profile
/// };
/// let people = [person("DE", "pro"), person("DE", "free"), person("AT", "pro"), person("AT", "free")];
/// let report = Sizes::of(&engine, &people, now, SizeSettings::default()).report();
/// assert_eq!((report.segments[0].people, report.segments[1].people), (2, 1));
/// assert_eq!(report.segments[1].extent, Extent::TooSmall);
/// // One person fails only for the plan, one only for the country.
/// assert_eq!(report.segments[1].parts[1].excludes_alone, 1);
/// assert_eq!(report.overlaps[0].b_in_a, 1.0);
/// # Ok::<(), bespoke::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Sizes<'a> {
    engine: &'a Engine,
    now: Timestamp,
    settings: SizeSettings,
    people: u64,
    /// How many are in a segment that an empty profile is not in, or the other way round, by segment.
    flips: Vec<u64>,
    /// Of how many it is not known whether they are in it, by segment.
    unknown: Vec<u64>,
    /// A buffer.
    differing: Vec<u32>,
    pairs: Pairs,
    /// By segment; empty for a rule that is no conjunction.
    parts: Vec<Vec<Tally>>,
    /// The rules of the parts, which surveys of several threads share.
    rules: Arc<Vec<Vec<(String, Compiled)>>>,
}

/// What a condition of a segment does.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    /// How many fail this condition and no other.
    alone: u64,
    /// How many fail this condition and none before it.
    first: u64,
}

/// How large the segments are and how they overlap. Displays as tables.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SizeReport {
    /// The time for which the memberships hold.
    pub now: Timestamp,
    /// How many people were looked at.
    pub people: u64,
    /// What an experiment within a segment is to tell.
    pub effect: Effect,
    /// How many people a segment needs for that, in both halves together; `None` if no number suffices.
    pub needed: Option<u64>,
    /// The segments in the order of their compilation.
    pub segments: Vec<SegmentSize>,
    /// The pairs of segments that share people, the highest Jaccard index first: of each segment those that
    /// [`SizeSettings::overlaps`] asks for. Empty segments, and those that everybody is in, are left out.
    pub overlaps: Vec<Overlap>,
    /// By how many people the counts of pairs can be wrong; zero unless more pairs occurred than fit.
    pub missed: u64,
}

/// How large a segment is.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SegmentSize {
    /// Its name.
    pub name: String,
    /// How many people are in it.
    pub people: u64,
    /// Of how many it is not known, since what is kept of them does not reach back far enough. They are
    /// in it only if the segment's [`Unknown`](crate::rule::Unknown) says so.
    pub unknown: u64,
    /// Which part of all people that is; zero if nobody was looked at.
    pub share: f64,
    /// What the size means.
    pub extent: Extent,
    /// The smallest relative rise of [`Effect::base`] that an experiment between the halves of the segment tells;
    /// `None` if it tells none.
    pub detectable: Option<f64>,
    /// The conditions that all must hold, in their order; empty unless there are several.
    pub parts: Vec<PartSize>,
}

/// What the size of a segment means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Extent {
    /// Nobody is in it.
    Empty,
    /// Too few are in it to learn from.
    TooSmall,
    /// It is large enough.
    Enough,
    /// Everybody is in it: it tells nobody from anybody.
    Everyone,
}

/// What one condition of a segment does.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PartSize {
    /// The condition as text.
    pub rule: String,
    /// How many pass this condition and all before it.
    pub left: u64,
    /// How many this condition alone keeps out: they pass all others.
    pub excludes_alone: u64,
    /// How many pass all other conditions: the size of the segment without this one.
    pub without: u64,
}

impl<'a> Sizes<'a> {
    /// A survey of nobody yet.
    #[must_use]
    pub fn new(engine: &'a Engine, now: Timestamp, settings: SizeSettings) -> Self {
        let (places, lists) = (engine.places(), engine.lists());
        let rules = (0..engine.segments().len()).map(|index| {
            let parts = engine.segment_at(index).map(|segment| segment.rule.parts()).unwrap_or_default();
            if parts.len() < 2 {
                return Vec::new();
            }
            parts.iter().filter_map(|part| Some((part.to_string(), Engine::probe(part, &places, lists)?))).collect()
        });
        let rules: Vec<Vec<(String, Compiled)>> = rules.collect();
        let segments = rules.len();
        Self {
            engine,
            now,
            settings,
            people: 0,
            flips: vec![0; segments],
            unknown: vec![0; segments],
            differing: Vec::new(),
            pairs: Pairs::new(segments, settings.pairs),
            parts: rules.iter().map(|of| vec![Tally::default(); of.len()]).collect(),
            rules: Arc::new(rules),
        }
    }

    /// A survey of these people.
    #[must_use]
    pub fn of<'p>(
        engine: &'a Engine,
        people: impl IntoIterator<Item = &'p Profile>,
        now: Timestamp,
        settings: SizeSettings,
    ) -> Self {
        let mut sizes = Self::new(engine, now, settings);
        people.into_iter().for_each(|profile| sizes.observe(profile));
        sizes
    }

    /// Looks at one more person.
    pub fn observe(&mut self, profile: &Profile) {
        self.people += 1;
        let flips = self.engine.flips(profile, self.now);
        self.differing.clear();
        for flip in &flips {
            let index = flip.segment() as usize;
            self.unknown[index] += u64::from(flip.is_unknown());
            if self.engine.differs(*flip) {
                self.flips[index] += 1;
                self.differing.push(flip.segment());
            }
        }
        self.pairs.observe(&self.differing);
        for (index, (rules, tallies)) in self.rules.iter().zip(&mut self.parts).enumerate() {
            let unknown = self.engine.unknown(index);
            let fails =
                |(_, rule): &(String, Compiled)| !unknown.admits(self.engine.asked(rule, profile, &flips, self.now));
            let Some(first) = rules.iter().position(fails) else { continue };
            tallies[first].first += 1;
            if !rules[first + 1..].iter().any(fails) {
                tallies[first].alone += 1;
            }
        }
    }

    /// Takes in a survey of other people, with the same engine, time and settings: so that threads can share the
    /// work. Surveys of another engine are left alone.
    pub fn merge(&mut self, other: &Self) {
        if !std::ptr::eq(self.engine, other.engine) || self.now != other.now || self.settings != other.settings {
            return;
        }
        self.people += other.people;
        let counts = self.flips.iter_mut().chain(&mut self.unknown);
        for (mine, theirs) in counts.zip(other.flips.iter().chain(&other.unknown)) {
            *mine += theirs;
        }
        self.pairs.merge(&other.pairs);
        for (mine, theirs) in self.parts.iter_mut().flatten().zip(other.parts.iter().flatten()) {
            mine.alone += theirs.alone;
            mine.first += theirs.first;
        }
    }

    /// What was found out. Cost: a look at every pair that occurred, and at every pair with a segment that an empty
    /// profile is in.
    #[must_use]
    pub fn report(&self) -> SizeReport {
        let needed = self.settings.effect.people().map(|half| half.saturating_mul(2));
        let segments = self.engine.segments().enumerate().map(|(index, name)| {
            let people = self.size(index);
            let extent = match people {
                0 => Extent::Empty,
                _ if people == self.people => Extent::Everyone,
                _ if needed.is_none_or(|needed| people < needed) => Extent::TooSmall,
                _ => Extent::Enough,
            };
            SegmentSize {
                name: name.to_string(),
                people,
                unknown: self.unknown[index],
                share: part(people, self.people),
                extent,
                detectable: self.settings.effect.detectable(people / 2),
                parts: self.funnel(index, people),
            }
        });
        SizeReport {
            now: self.now,
            people: self.people,
            effect: self.settings.effect,
            needed,
            segments: segments.collect(),
            overlaps: self.overlaps(),
            missed: self.pairs.missed(),
        }
    }

    /// How many people are in a segment.
    fn size(&self, index: usize) -> u64 {
        if self.engine.is_blank(index) { self.people - self.flips[index] } else { self.flips[index] }
    }

    fn funnel(&self, index: usize, people: u64) -> Vec<PartSize> {
        let mut left = self.people;
        let of = self.rules[index].iter().zip(&self.parts[index]);
        of.map(|((rule, _), tally)| {
            left -= tally.first;
            PartSize { rule: rule.clone(), left, excludes_alone: tally.alone, without: people + tally.alone }
        })
        .collect()
    }

    /// How many people are in both segments, from how many differ from an empty profile in both.
    fn both(&self, a: u32, b: u32) -> u64 {
        let (of_a, of_b) = (self.flips[a as usize], self.flips[b as usize]);
        let count = self.pairs.count(a, b);
        match (self.engine.is_blank(a as usize), self.engine.is_blank(b as usize)) {
            (false, false) => count,
            (true, false) => of_b.saturating_sub(count),
            (false, true) => of_a.saturating_sub(count),
            (true, true) => (self.people + count).saturating_sub(of_a + of_b),
        }
    }

    fn overlaps(&self) -> Vec<Overlap> {
        let segments = self.flips.len() as u32; // counted in u32 when they are compiled
        let blank: Vec<u32> = (0..segments).filter(|index| self.engine.is_blank(*index as usize)).collect();
        let mut nearest = Nearest { limit: self.settings.overlaps, of: vec![Vec::new(); segments as usize] };
        let mut offer = |a: u32, b: u32| {
            let (of_a, of_b) = (self.size(a as usize), self.size(b as usize));
            let both = self.both(a, b);
            let tells = |size: u64| size > 0 && size < self.people;
            if both > 0 && tells(of_a) && tells(of_b) {
                nearest.offer(Pair { both, either: of_a + of_b - both, a, b });
            }
        };
        for (a, b) in self.pairs.counted() {
            if !self.engine.is_blank(a as usize) && !self.engine.is_blank(b as usize) {
                offer(a, b);
            }
        }
        for a in &blank {
            // Two of them meet once.
            let others = (0..segments).filter(|b| !self.engine.is_blank(*b as usize) || b > a);
            others.for_each(|b| offer(*a.min(&b), *a.max(&b)));
        }
        let names: Vec<&Arc<str>> = self.engine.segments().collect();
        nearest.into_sorted().into_iter().map(|pair| self.overlap(&pair, &names)).collect()
    }

    fn overlap(&self, pair: &Pair, names: &[&Arc<str>]) -> Overlap {
        let (of_a, of_b) = (self.size(pair.a as usize), self.size(pair.b as usize));
        // A count of two segments that nobody is in at first can only be too low, so all of one is all of it.
        let is_certain = self.pairs.missed() == 0
            || !(self.engine.is_blank(pair.a as usize) || self.engine.is_blank(pair.b as usize));
        let relation = match (pair.both == of_a, pair.both == of_b) {
            _ if !is_certain => Relation::Partial,
            (true, true) => Relation::Identical,
            (true, false) => Relation::Inside,
            (false, true) => Relation::Around,
            (false, false) => Relation::Partial,
        };
        Overlap {
            a: names[pair.a as usize].to_string(),
            b: names[pair.b as usize].to_string(),
            both: pair.both,
            jaccard: part(pair.both, pair.either),
            a_in_b: part(pair.both, of_a),
            b_in_a: part(pair.both, of_b),
            relation,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Pair {
    both: u64,
    either: u64,
    a: u32,
    b: u32,
}

impl Pair {
    /// The higher Jaccard index first, compared as fractions so that equal ones are equal; ties by place.
    fn order(&self, other: &Self) -> std::cmp::Ordering {
        let ours = u128::from(self.both) * u128::from(other.either);
        let theirs = u128::from(other.both) * u128::from(self.either);
        theirs.cmp(&ours).then((self.a, self.b).cmp(&(other.a, other.b)))
    }
}

/// The best pairs of each segment.
struct Nearest {
    limit: usize,
    of: Vec<Vec<Pair>>,
}

impl Nearest {
    fn offer(&mut self, pair: Pair) {
        for segment in [pair.a, pair.b] {
            let kept = &mut self.of[segment as usize];
            let at = kept.partition_point(|other| other.order(&pair).is_lt());
            if at < self.limit {
                kept.truncate(self.limit - 1);
                kept.insert(at, pair);
            }
        }
    }

    fn into_sorted(self) -> Vec<Pair> {
        let mut pairs: Vec<Pair> = self.of.into_iter().flatten().collect();
        pairs.sort_unstable_by(Pair::order);
        pairs.dedup();
        pairs
    }
}

/// A part of a whole; zero of nothing. Counts beyond 2^53 are rounded by a part in 10^16.
fn part(count: u64, of: u64) -> f64 {
    if of == 0 { 0.0 } else { count as f64 / of as f64 }
}

#[cfg(test)]
mod tests;
