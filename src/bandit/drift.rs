//! Whether what an arm pays has changed: windows that shrink where their older part differs from the newer (ADWIN:
//! Bifet and Gavaldà, "Learning from time-changing data with adaptive windowing", SDM 2007).
//!
//! Each arm has a window of its newest rewards, kept as buckets whose sizes grow by powers of two, up to [`MOST`] of
//! each. Where the means of two parts of it differ by more than their equation 3.1 allows,
//!
//! ```text
//! ε = √(2/m · σ² · ln(2/δ')) + 2/(3m) · ln(2/δ')     1/m = 1/n₀ + 1/n₁     δ' = δ / ln n
//! ```
//!
//! the older part is dropped. A reward costs O(1), and every [`EVERY`]th a look at O(log n) cuts; an arm takes some 100
//! bytes for every doubling of its window.

use serde::{Deserialize, Serialize};

use super::{BanditError, HalfLife, Reward, tally};
use crate::bandit::error::check_setting;

/// Watches the rewards of arms for changes: beside a policy, which it tells when to forget.
///
/// For rewards of any size; they are taken relative to the greatest one seen. Not merged between shards: order matters
/// to it.
///
/// ```
/// use bespoke::bandit::{DriftWatch, Reward};
/// let mut watch = DriftWatch::new(2, 0.002)?;
/// let mut found = None;
/// for n in 0..2_000 {
///     let pays = if n < 1_000 { n % 10 == 0 } else { n % 2 == 0 };
///     found = found.or(watch.observe(0, Reward::new(f64::from(u8::from(pays)))?)?);
/// }
/// let found = found.expect("a rate of 10 % became one of 50 %");
/// assert!(found.before < 0.11 && found.after > 0.3);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Stored")]
pub struct DriftWatch {
    delta: f64,
    windows: Vec<Window>,
}

/// A change that was found.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Drift {
    /// The arm.
    pub arm: usize,
    /// Its mean reward before.
    pub before: f64,
    /// Its mean reward since.
    pub after: f64,
    /// How many of its trials lay before, within the window.
    pub trials: u64,
}

impl Drift {
    /// After how many exposures of all arms a trial should count half from now on, so that a change like this one is
    /// followed before the next: half the trials that all arms together had between two changes.
    #[must_use]
    pub fn proposal(&self, arms: usize) -> HalfLife {
        let all = self.trials.saturating_mul(arms as u64) / 2;
        HalfLife::Exposures(u32::try_from(all).unwrap_or(u32::MAX).max(10))
    }
}

/// The newest rewards of an arm, oldest bucket first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Window {
    buckets: Vec<Bucket>,
    /// How many came since the last look.
    since: u32,
    /// The size of the greatest reward so far.
    greatest: f64,
}

/// Rewards in a row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Bucket {
    count: f64,
    sum: f64,
    squares: f64,
}

impl DriftWatch {
    /// Watches so many arms; `delta` is about how likely an arm that never changes is taken for one that did, at each
    /// look, from 1e-9 to 0.5.
    ///
    /// # Errors
    /// [`BanditError::Arms`] or [`BanditError::Setting`].
    pub fn new(arms: usize, delta: f64) -> Result<Self, BanditError> {
        tally::check_count(arms)?;
        check_setting("delta", delta, 1e-9, 0.5)?;
        Ok(Self { delta, windows: vec![Window::default(); arms] })
    }

    /// Takes in what a trial of an arm has paid, in the order of the trials; says if the arm has changed.
    ///
    /// # Errors
    /// [`BanditError::NoSuchArm`].
    pub fn observe(&mut self, arm: usize, reward: Reward) -> Result<Option<Drift>, BanditError> {
        let arms = self.windows.len();
        let window = self.windows.get_mut(arm).ok_or(BanditError::NoSuchArm { arm, arms })?;
        window.add(reward.value());
        if window.since < EVERY {
            return Ok(None);
        }
        window.since = 0;
        Ok(window.shrink(self.delta).map(|(old, new)| Drift {
            arm,
            before: old.sum / old.count,
            after: new.sum / new.count,
            // Counts are whole, and far below 2^53.
            trials: old.count as u64,
        }))
    }
}

impl Window {
    fn add(&mut self, reward: f64) {
        self.since += 1;
        self.greatest = self.greatest.max(reward.abs());
        self.buckets.push(Bucket { count: 1.0, sum: reward, squares: reward * reward });
        // From the newest on, two of each size that has too many become one of the next.
        let mut end = self.buckets.len();
        while end > 0 {
            let size = self.buckets[end - 1].count;
            let alike = self.buckets[..end].iter().rev().take_while(|of| of.count.total_cmp(&size).is_eq()).count();
            if alike <= MOST {
                break;
            }
            let first = end - alike;
            let next = self.buckets.remove(first + 1);
            self.buckets[first].join(&next);
            end = first + 1;
        }
    }

    /// Drops what is older than a change, oldest first; gives the parts of the last cut.
    fn shrink(&mut self, delta: f64) -> Option<(Bucket, Bucket)> {
        let mut found = None;
        while let Some(at) = self.cut(delta) {
            let (mut old, mut new) = (Bucket::default(), Bucket::default());
            self.buckets[..at].iter().for_each(|of| old.join(of));
            self.buckets[at..].iter().for_each(|of| new.join(of));
            found = Some((old, new));
            self.buckets.drain(..at);
        }
        found
    }

    /// Where the older part differs from the newer.
    fn cut(&self, delta: f64) -> Option<usize> {
        let mut all = Bucket::default();
        self.buckets.iter().for_each(|of| all.join(of));
        if all.count < 2.0 * LEAST {
            return None;
        }
        let mean = all.sum / all.count;
        let variance = (all.squares / all.count - mean * mean).max(0.0);
        // The bound is for rewards of up to one.
        let scale = self.greatest;
        let ln = libm::log(2.0 * libm::log(all.count) / delta);
        let mut old = Bucket::default();
        for (at, of) in self.buckets.iter().enumerate() {
            let new = all.count - old.count;
            if old.count >= LEAST && new >= LEAST {
                let inverse = 1.0 / old.count + 1.0 / new;
                let bound = libm::sqrt(2.0 * inverse * variance * ln) + 2.0 / 3.0 * inverse * ln * scale;
                if (old.sum / old.count - (all.sum - old.sum) / new).abs() > bound {
                    return Some(at);
                }
            }
            old.join(of);
        }
        None
    }
}

impl Bucket {
    fn join(&mut self, other: &Self) {
        self.count += other.count;
        self.sum += other.sum;
        self.squares += other.squares;
    }
}

#[derive(Deserialize)]
struct Stored {
    delta: f64,
    windows: Vec<Window>,
}

impl TryFrom<Stored> for DriftWatch {
    type Error = BanditError;

    fn try_from(Stored { delta, windows }: Stored) -> Result<Self, BanditError> {
        let fresh = Self::new(windows.len(), delta)?;
        let numbers =
            |of: &Bucket| of.count >= 1.0 && of.squares >= 0.0 && (of.count + of.sum + of.squares).is_finite();
        let greatest = |of: &Window| (0.0..=Reward::MAX).contains(&of.greatest);
        let is_sound = windows.iter().all(greatest) && windows.iter().flat_map(|of| &of.buckets).all(numbers);
        if is_sound { Ok(Self { windows, ..fresh }) } else { Err(BanditError::Stored) }
    }
}

/// How many buckets of each size are kept, as in the paper.
const MOST: usize = 5;
/// How many rewards come between two looks, as in the paper's implementation.
const EVERY: u32 = 32;
/// How many rewards each part of a window has at least.
const LEAST: f64 = 5.0;

#[cfg(test)]
mod tests {
    use rand::RngExt;
    use rand::rand_core::SeedableRng;
    use rand::rngs::Xoshiro256PlusPlus;

    use super::*;

    /// Rates that change once, from `before` to `after`, after 3,000 of 6,000 trials: when it is found, and how often
    /// before.
    fn watched(seed: u64, before: f64, after: f64) -> (usize, Option<usize>) {
        let (mut watch, mut rng) = (DriftWatch::new(1, 0.002).unwrap(), Xoshiro256PlusPlus::seed_from_u64(seed));
        let (mut early, mut found) = (0, None);
        for step in 0..6_000 {
            let pays = f64::from(u8::from(rng.random::<f64>() < if step < 3_000 { before } else { after }));
            if watch.observe(0, Reward::new(pays).unwrap()).unwrap().is_some() {
                if step < 3_000 {
                    early += 1;
                } else {
                    found = found.or(Some(step - 3_000));
                }
            }
        }
        (early, found)
    }

    /// Over 40 runs a false alarm within 3,000 trials, of 93 looks at `δ = 0.002` whose bound is conservative, comes in
    /// none or one; a change from 5 to 15 % is found in every run, within 1,000 trials in most.
    #[test]
    fn changes_are_found_and_nothing_else() {
        let (mut early, mut late, mut quick) = (0, 0, 0);
        for seed in 0..40 {
            let (before, found) = watched(seed, 0.05, 0.15);
            early += before;
            late += usize::from(found.is_none());
            quick += usize::from(found.is_some_and(|found| found < 1_000));
            early += usize::from(watched(seed + 100, 0.1, 0.1).1.is_some());
        }
        assert!(early <= 2 && late == 0 && quick >= 30, "{early} {late} {quick}");
    }

    #[test]
    fn a_window_takes_the_memory_of_its_doublings() {
        let mut window = Window::default();
        (0..100_000).for_each(|n| window.add(f64::from(n % 2)));
        let all: f64 = window.buckets.iter().map(|of| of.count).sum();
        assert!((all - 100_000.0).abs() < 1e-9 && window.buckets.len() <= (MOST + 1) * 17, "{}", window.buckets.len());
        assert!(window.buckets.windows(2).all(|pair| pair[0].count >= pair[1].count));
    }

    #[test]
    fn it_is_stored_and_refuses_what_does_not_fit() {
        let mut watch = DriftWatch::new(2, 0.01).unwrap();
        (0..500).for_each(|n| assert!(watch.observe(n % 2, Reward::new(n as f64).unwrap()).is_ok()));
        let text = serde_json::to_string(&watch).unwrap();
        assert_eq!(serde_json::from_str::<DriftWatch>(&text).unwrap(), watch);
        assert!(serde_json::from_str::<DriftWatch>(&text.replace("0.01", "0.9")).is_err());
        assert_eq!(watch.observe(2, Reward::NONE), Err(BanditError::NoSuchArm { arm: 2, arms: 2 }));
        assert_eq!(Drift { arm: 0, before: 0.1, after: 0.2, trials: 300 }.proposal(10), HalfLife::Exposures(1_500));
    }
}
