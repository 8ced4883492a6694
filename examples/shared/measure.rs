//! How long things took, and how much memory: for every example that measures.

#![allow(clippy::allow_attributes, dead_code, reason = "each example uses a part")]

use std::time::{Duration, Instant};

/// The present.
#[expect(clippy::disallowed_methods, reason = "an example is a host: it has a clock, which the library has not")]
pub(crate) fn clock() -> Instant {
    Instant::now()
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

    /// The mean in microseconds; zero of nothing.
    pub(crate) fn mean(&self) -> f64 {
        if self.nanos.is_empty() { 0.0 } else { self.total.as_secs_f64() * 1e6 / self.nanos.len() as f64 }
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

/// The most memory that the process has had, in bytes; only Linux says.
pub(crate) fn peak_memory() -> Option<usize> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<usize>().ok()?.checked_mul(1024)
}

/// Lets the peak begin anew at what the process has now; only Linux can, elsewhere the peak stays.
pub(crate) fn forget_peak() {
    // It may not be writable, as in some containers: then the peak is that of all so far.
    let _ = std::fs::write("/proc/self/clear_refs", "5");
}

/// A part of a whole, zero of nothing.
pub(crate) fn share(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

/// A number to so many digits after the point.
pub(crate) fn round(number: f64, digits: u32) -> f64 {
    let scale = f64::from(10_u32.pow(digits));
    (number * scale).round() / scale
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
