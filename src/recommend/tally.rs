//! Sums by small numbers, for the recommenders that number their items, and the ranking of these.
//!
//! A sparse set (Briggs and Torczon, "An efficient representation for sparse sets", LOPLAS 1993): one place for each
//! number there is, which need not be cleared, since it counts only if the entry there has the number.

use super::scratch::{SHORT_POOL, best_scores};
use super::{Candidate, Query, Scratch, Source};
use crate::hash::Symbol;

/// Sums in the order in which their numbers are first met.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// Where a number's entry is, if it has one; anything otherwise.
    places: Vec<u32>,
    entries: Vec<Entry>,
    /// Those of them that a pool has.
    kept: Vec<Entry>,
}

/// What has been added up for one number.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub(super) number: u32,
    /// Who contributed most.
    pub(super) by: u32,
    pub(super) sum: f64,
    most: f64,
}

impl Tally {
    /// Forgets everything, for numbers below this one.
    pub(super) fn begin(&mut self, numbers: usize) {
        self.entries.clear();
        if self.places.len() < numbers {
            self.places.resize(numbers, 0);
        }
    }

    /// Adds somebody's contribution. Contributions to one number are added in the order of the calls.
    #[inline]
    pub(super) fn add(&mut self, number: u32, amount: f64, by: u32) {
        let place = &mut self.places[number as usize];
        match self.entries.get_mut(*place as usize) {
            Some(entry) if entry.number == number => {
                entry.sum += amount;
                if amount > entry.most {
                    (entry.most, entry.by) = (amount, by);
                }
            }
            _ => {
                // At most as many as there are numbers.
                *place = self.entries.len() as u32;
                self.entries.push(Entry { number, by, sum: amount, most: amount });
            }
        }
    }

    /// Counts the whole of each sum as the contribution of who contributed most.
    pub(super) fn credit(&mut self) {
        self.entries.iter_mut().for_each(|entry| entry.most = entry.sum);
    }

    pub(super) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The sum of all contributions, whatever the order of the entries.
    pub(super) fn total(&self) -> f64 {
        total(self.entries.iter().map(|entry| entry.sum))
    }

    /// Multiplies what was added up for each number; nothing may be added after that.
    pub(super) fn scale(&mut self, factor: impl Fn(u32) -> f64) {
        for entry in &mut self.entries {
            let factor = factor(entry.number);
            entry.sum *= factor;
            entry.most *= factor;
        }
    }

    /// Drops what is not in the pool of the query: where it is short, most is not. Nothing may be added after that.
    pub(super) fn narrow(&mut self, query: &Query<'_>, number: impl Fn(Symbol) -> Option<u32>) {
        let Some(pool) = query.pool.filter(|pool| pool.len() < SHORT_POOL) else { return };
        let Self { places, entries, kept } = self;
        let entry = |number: u32| {
            let place = *places.get(number as usize)?;
            entries.get(place as usize).filter(|entry| entry.number == number)
        };
        kept.clear();
        // A pool may name an item twice.
        kept.extend(pool.iter().filter_map(|item| entry(number(*item)?)));
        // Copied, not swapped: each buffer keeps the size that its own use has given it.
        entries.clear();
        entries.extend_from_slice(kept);
    }

    /// Appends the best that are accepted and not taken, ties by symbol; `first` comes before all others, as the latest
    /// of a history. `reason` says what it means that somebody contributed most: the source, and the item of the history
    /// behind it.
    pub(super) fn finish(
        &self,
        (query, first): (&Query<'_>, Option<Symbol>),
        scratch: &mut Scratch,
        symbol: impl Fn(u32) -> Symbol,
        reason: impl Fn(u32) -> (Source, Option<Symbol>),
        slate: &mut Vec<Candidate>,
    ) {
        let mut keys = std::mem::take(&mut scratch.order);
        let mut show = |item: Symbol, score: f64, most: f64, by: u32| {
            if slate.len() < query.limit && !scratch.is_taken(item) && (query.accept)(item) {
                let (score, (source, because)) = (score.min(f64::MAX), reason(by));
                let contribution = because.map_or(0.0, |_| most.clamp(0.0, score));
                slate.push(Candidate { item, score, source, because, contribution });
            }
            slate.len() < query.limit
        };
        let mut last = None;
        if let Some(item) = first {
            let own = self.entries.iter().find(|entry| symbol(entry.number) == item);
            // More than all others together.
            let (more, score) = (1.0 + self.total(), own.map_or(0.0, |entry| entry.sum));
            let (most, by) = own.map_or((0.0, 0), |entry| (entry.most, entry.by));
            show(item, score + more, more.max(most), if more > most { 0 } else { by });
        }
        let entry = |at: u32| &self.entries[at as usize];
        let scores = self.entries.iter().map(|entry| entry.sum);
        let tie = |a: &Entry, b: &Entry| symbol(a.number).cmp(&symbol(b.number));
        let order = |a, b| entry(b).sum.total_cmp(&entry(a).sum).then_with(|| tie(entry(a), entry(b)));
        best_scores(&mut keys, scores, query.limit, order, |at| {
            let Entry { number, by, sum, most } = *entry(at);
            // What a pool named twice has one score and stands side by side.
            if last.replace(number) == Some(number) {
                return true;
            }
            let item = symbol(number);
            if first == Some(item) { true } else { show(item, sum, most, by) }
        });
        scratch.order = keys;
    }
}

/// The sum of numbers that are not negative, each rounded to 2^-30 of the greatest: the same in whatever order they
/// come, since whole numbers are added.
pub(super) fn total(numbers: impl Iterator<Item = f64> + Clone) -> f64 {
    let most = numbers.clone().fold(0.0, |most, number| if number > most { number } else { most });
    // Beyond these there is nothing to be divided by it, or it is nothing that was learned.
    if !(1e-300..1e300).contains(&most) {
        return most;
    }
    let scale = 1.0 / most;
    // Where the last bit of a number's mantissa is 2^-30, the mantissa is the whole number wanted.
    let place = 1.5 * f64::from(1_u32 << 22);
    let units = |number: f64| (number * scale + place).to_bits().wrapping_sub(place.to_bits());
    numbers.fold(0_u64, |sum, number| sum.wrapping_add(units(number))) as f64 / f64::from(1_u32 << 30) * most
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn totals_do_not_depend_on_the_order(numbers in prop::collection::vec(0.0..9.0_f64, 0..99), power in -200..200) {
            let numbers: Vec<f64> = numbers.iter().map(|number| number * libm::exp2(f64::from(power))).collect();
            let forth = total(numbers.iter().copied());
            let back = total(numbers.iter().rev().copied());
            prop_assert_eq!(forth.to_bits(), back.to_bits());
            let plain: f64 = numbers.iter().sum();
            // Each of at most 98 is rounded by at most half of 2^-30 of the greatest.
            prop_assert!((forth - plain).abs() <= plain * 98.0 / f64::from(1_u32 << 31) + plain * 1e-12);
        }
    }

    #[test]
    fn a_total_of_nothing_is_nothing() {
        assert!(total([].into_iter()).to_bits() == 0 && total([0.0, 0.0].into_iter()).to_bits() == 0);
    }
}
