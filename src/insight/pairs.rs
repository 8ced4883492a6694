//! How many people two segments share, for all pairs that occur, in bounded memory.

use serde::Serialize;

use crate::hash::Map;

/// Two segments that share people.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Overlap {
    /// The one that the engine compiles first.
    pub a: String,
    /// The other.
    pub b: String,
    /// How many people are in both.
    pub both: u64,
    /// The part of those in either who are in both (Jaccard, 1901).
    pub jaccard: f64,
    /// The part of the first who are in the second.
    pub a_in_b: f64,
    /// The part of the second who are in the first.
    pub b_in_a: f64,
    /// How they lie to each other.
    pub relation: Relation,
}

/// How two segments that share people lie to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Relation {
    /// The same people are in both.
    Identical,
    /// All of the first are in the second.
    Inside,
    /// All of the second are in the first.
    Around,
    /// Each has people of its own, or it is not known that one has none.
    Partial,
}

/// Counts of pairs of indexes.
#[derive(Clone, Debug)]
pub(super) enum Pairs {
    /// One for each pair, where these fit into the limit.
    All(Vec<u32>),
    /// Only the frequent ones.
    Frequent(Frequent),
}

/// The frequent pairs (Misra and Gries, 1982, merged as by Agarwal and others, "Mergeable summaries", 2012): when
/// twice as many are counted as the limit allows, the count of the first beyond the limit is taken off all, and what
/// is not above zero leaves. A count is then too low by at most what was taken off in all.
#[derive(Clone, Debug)]
pub(super) struct Frequent {
    counts: Map<(u32, u32), u32>,
    limit: usize,
    missed: u64,
}

impl Pairs {
    /// Counts for this many indexes, with at most `limit` pairs kept; at least as many as there are indexes.
    pub(super) fn new(indexes: usize, limit: usize) -> Self {
        let all = indexes.saturating_mul(indexes.saturating_sub(1)) / 2;
        if all <= limit {
            return Self::All(vec![0; all]);
        }
        Self::Frequent(Frequent { counts: Map::default(), limit: limit.max(indexes), missed: 0 })
    }

    /// Counts every pair of these indexes, which rise.
    pub(super) fn observe(&mut self, indexes: &[u32]) {
        match self {
            Self::All(counts) => {
                for (at, high) in indexes.iter().enumerate() {
                    for low in &indexes[..at] {
                        let count = &mut counts[place(*low, *high)];
                        *count = count.saturating_add(1);
                    }
                }
            }
            Self::Frequent(frequent) => {
                for (at, high) in indexes.iter().enumerate() {
                    for low in &indexes[..at] {
                        frequent.add((*low, *high), 1);
                    }
                    // Within a row at most as many are new as there are indexes, which the limit exceeds.
                    frequent.bound();
                }
            }
        }
    }

    /// Takes in the counts of other people, for as many indexes and with the same limit.
    pub(super) fn merge(&mut self, other: &Self) {
        match (self, other) {
            (Self::All(mine), Self::All(theirs)) => {
                for (mine, theirs) in mine.iter_mut().zip(theirs) {
                    *mine = mine.saturating_add(*theirs);
                }
            }
            (Self::Frequent(mine), Self::Frequent(theirs)) => {
                let mut pairs: Vec<_> = theirs.counts.iter().map(|(pair, count)| (*pair, *count)).collect();
                pairs.sort_unstable();
                for (pair, count) in pairs {
                    mine.add(pair, count);
                    mine.bound();
                }
                mine.missed += theirs.missed;
            }
            _ => {}
        }
    }

    /// How many people had both; less than there were by at most [`Pairs::missed`].
    pub(super) fn count(&self, a: u32, b: u32) -> u64 {
        let (low, high) = (a.min(b), a.max(b));
        u64::from(match self {
            Self::All(counts) => counts.get(place(low, high)).copied().unwrap_or(0),
            Self::Frequent(frequent) => frequent.counts.get(&(low, high)).copied().unwrap_or(0),
        })
    }

    /// By how many any count can be too low.
    pub(super) const fn missed(&self) -> u64 {
        match self {
            Self::All(_) => 0,
            Self::Frequent(frequent) => frequent.missed,
        }
    }

    /// The pairs that were counted, in order.
    pub(super) fn counted(&self) -> Vec<(u32, u32)> {
        match self {
            Self::All(counts) => {
                let mut pairs = Vec::new();
                let (mut low, mut high) = (0, 1);
                for count in counts {
                    if *count > 0 {
                        pairs.push((low, high));
                    }
                    low += 1;
                    if low == high {
                        (low, high) = (0, high + 1);
                    }
                }
                pairs
            }
            Self::Frequent(frequent) => {
                let mut pairs: Vec<_> = frequent.counts.keys().copied().collect();
                pairs.sort_unstable();
                pairs
            }
        }
    }
}

impl Frequent {
    fn add(&mut self, pair: (u32, u32), count: u32) {
        let kept = self.counts.entry(pair).or_insert(0);
        *kept = kept.saturating_add(count);
    }

    fn bound(&mut self) {
        if self.counts.len() <= 2 * self.limit {
            return;
        }
        let mut counts: Vec<u32> = self.counts.values().copied().collect();
        // The largest that does not belong to the `limit` most frequent.
        let (_, beyond, _) = counts.select_nth_unstable_by(self.limit, |a, b| b.cmp(a));
        let beyond = *beyond;
        self.counts.retain(|_, count| {
            *count = count.saturating_sub(beyond);
            *count > 0
        });
        self.missed += u64::from(beyond);
    }
}

/// The place of a pair in the triangle of all pairs, by rows of the higher index.
fn place(low: u32, high: u32) -> usize {
    let (low, high) = (low as usize, high as usize);
    high * high.saturating_sub(1) / 2 + low
}

#[cfg(test)]
mod tests {
    use super::*;

    /// People with up to twelve of 60 indexes each, low ones far more often.
    fn people(count: u64) -> Vec<Vec<u32>> {
        let of = |person: u64| {
            let draw = |i: u64| crate::hash::unit(crate::hash::combine(&[person, i]));
            let mut indexes: Vec<u32> =
                (0..12).map(|i| (60.0 * draw(i) * draw(i + 100) * draw(i + 200)) as u32).collect();
            indexes.sort_unstable();
            indexes.dedup();
            indexes
        };
        (0..count).map(of).collect()
    }

    fn exact(people: &[Vec<u32>], a: u32, b: u32) -> u64 {
        people.iter().filter(|of| of.contains(&a) && of.contains(&b)).count() as u64
    }

    #[test]
    fn pairs_that_fit_are_counted_exactly() {
        let people = people(500);
        let mut pairs = Pairs::new(60, 60 * 59 / 2);
        people.iter().for_each(|of| pairs.observe(of));
        for a in 0..60 {
            for b in a + 1..60 {
                assert_eq!(pairs.count(b, a), exact(&people, a, b), "{a} {b}");
            }
        }
        let counted = pairs.counted();
        assert!(counted.is_sorted() || counted.iter().all(|(a, b)| a < b));
        assert!(counted.iter().all(|(a, b)| exact(&people, *a, *b) > 0));
    }

    #[test]
    fn beyond_the_limit_a_count_is_too_low_by_no_more_than_is_said() {
        let people = people(3_000);
        let mut pairs = Pairs::new(60, 100);
        let mut halves = [Pairs::new(60, 100), Pairs::new(60, 100)];
        for (i, of) in people.iter().enumerate() {
            pairs.observe(of);
            halves[i % 2].observe(of);
        }
        let [mut merged, other] = halves;
        merged.merge(&other);
        for pairs in [pairs, merged] {
            assert!(pairs.missed() > 0 && pairs.counted().len() <= 200);
            // Misra and Gries: what is taken off in all is at most the sum of counts by one more than the limit.
            let all: u64 = people.iter().map(|of| (of.len() * (of.len() - 1) / 2) as u64).sum();
            assert!(pairs.missed() <= all / 101, "{} {all}", pairs.missed());
            for a in 0..60 {
                for b in a + 1..60 {
                    let (found, wanted) = (pairs.count(a, b), exact(&people, a, b));
                    assert!(found <= wanted && wanted <= found + pairs.missed(), "{a} {b}: {found} {wanted}");
                }
            }
        }
    }
}
