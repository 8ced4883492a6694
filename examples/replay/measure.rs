//! What was measured: how often the prediction was right, and how long things took.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use bespoke::decision::{Decision, Source};
use bespoke::event::Event;

/// The present.
#[expect(clippy::disallowed_methods, reason = "an example is a host: it has a clock, which the library has not")]
pub(crate) fn clock() -> Instant {
    Instant::now()
}

/// Predictions and what became of them.
#[derive(Debug, Default)]
pub(crate) struct Score {
    pub(crate) predictions: usize,
    pub(crate) hits: usize,
    /// The sum of 1 / rank over the hits.
    reciprocal: f64,
    /// How many items each source brought, and how many of them were hits.
    pub(crate) sources: BTreeMap<Source, (usize, usize)>,
    /// Predictions of an event about an item that the catalog did not have, so that it could only fail.
    pub(crate) unknown: usize,
    /// Predictions of an event about an item that the person had seen.
    pub(crate) repeats: usize,
}

impl Score {
    /// Compares a slate with what happened. Of an event about several items, the best ranked counts.
    pub(crate) fn add(&mut self, decision: &Decision, event: &Event) {
        self.predictions += 1;
        for ranked in &decision.slate {
            self.sources.entry(ranked.source).or_default().0 += 1;
        }
        let is_hit = |id: &str| event.items.iter().any(|item| item.id == id);
        if let Some(at) = decision.slate.iter().position(|ranked| is_hit(&ranked.item)) {
            self.hits += 1;
            // A slate has at most 200 items.
            self.reciprocal += 1.0 / (at + 1) as f64;
            self.sources.entry(decision.slate[at].source).or_default().1 += 1;
        }
    }

    /// The share of predictions that named the item.
    pub(crate) fn hit_rate(&self) -> f64 {
        share(self.hits, self.predictions)
    }

    /// The mean over all predictions of 1 / rank, zero where the item was not named.
    pub(crate) fn mrr(&self) -> f64 {
        if self.predictions == 0 { 0.0 } else { self.reciprocal / self.predictions as f64 }
    }
}

/// How long each of many equal steps took.
#[derive(Debug, Default)]
pub(crate) struct Times {
    /// In nanoseconds; longer than four seconds counts as that.
    nanos: Vec<u32>,
    total: Duration,
}

impl Times {
    /// Does something, and notes how long it took.
    pub(crate) fn measure<T>(&mut self, act: impl FnOnce() -> T) -> T {
        let start = clock();
        let result = act();
        let took = start.elapsed();
        self.total += took;
        self.nanos.push(u32::try_from(took.as_nanos()).unwrap_or(u32::MAX));
        result
    }

    /// How many there were for each second that they took.
    pub(crate) fn per_second(&self) -> f64 {
        if self.total.is_zero() { 0.0 } else { self.nanos.len() as f64 / self.total.as_secs_f64() }
    }

    /// The times, in microseconds, below which the given percentages of all lie (nearest rank).
    pub(crate) fn percentiles<const N: usize>(&mut self, percents: [usize; N]) -> [f64; N] {
        self.nanos.sort_unstable();
        percents.map(|percent| {
            let rank = (self.nanos.len() * percent).div_ceil(100);
            self.nanos.get(rank.saturating_sub(1)).map_or(0.0, |nanos| f64::from(*nanos) / 1000.0)
        })
    }
}

/// A part of a whole, zero of nothing.
pub(crate) fn share(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

/// The most memory that the process has had, in bytes; only Linux says.
pub(crate) fn peak_memory() -> Option<usize> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<usize>().ok()?.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_by_nearest_rank() {
        let mut times = Times { nanos: (1..=200).rev().map(|n| n * 1000).collect(), total: Duration::from_secs(2) };
        assert_eq!(times.percentiles([50, 90, 99]), [100.0, 180.0, 198.0]);
        assert!((times.per_second() - 100.0).abs() < 1e-9);
        assert_eq!(Times::default().percentiles([50]), [0.0]);
    }
}
