//! Shares of units, and the difference between two of them.

use serde::{Deserialize, Serialize};

use super::undefined::count;
use super::{Alpha, Evidence, Interval, Undefined, wilson};

/// So many successes among so many trials.
///
/// ```
/// use bespoke::stats::{Alpha, Proportion};
/// let (control, treatment) = (Proportion::new(300, 1_000)?, Proportion::new(250, 500)?);
/// let test = Proportion::pooled(&control, &treatment)?;
/// assert!((test.z() - 7.577_352_304_240_825).abs() < 1e-12); // statsmodels: proportions_ztest
/// let interval = Proportion::newcombe(&control, &treatment, Alpha::USUAL)?;
/// assert!(interval.low > 0.147 && interval.high < 0.252);
/// # Ok::<(), bespoke::stats::Undefined>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "(u64, u64)", into = "(u64, u64)")]
pub struct Proportion {
    successes: u64,
    trials: u64,
}

impl Proportion {
    /// Checks two counts.
    ///
    /// # Errors
    /// [`Undefined::MoreSuccessesThanUnits`].
    pub const fn new(successes: u64, trials: u64) -> Result<Self, Undefined> {
        if successes > trials { Err(Undefined::MoreSuccessesThanUnits) } else { Ok(Self { successes, trials }) }
    }

    /// From aggregates, which come as floating-point numbers.
    ///
    /// # Errors
    /// [`Undefined::NotACount`] besides what [`Proportion::new`] refuses.
    pub fn from_counts(successes: f64, trials: f64) -> Result<Self, Undefined> {
        Self::new(count(successes)?, count(trials)?)
    }

    /// Takes in a trial.
    pub fn observe(&mut self, success: bool) {
        self.trials += 1;
        self.successes += u64::from(success);
    }

    /// Takes in what another has seen.
    pub fn merge(&mut self, other: &Self) {
        self.trials += other.trials;
        self.successes += other.successes;
    }

    /// How many succeeded.
    #[must_use]
    pub const fn successes(&self) -> u64 {
        self.successes
    }
    /// How many there were.
    #[must_use]
    pub const fn trials(&self) -> u64 {
        self.trials
    }
    /// The share that succeeded; zero of none.
    #[must_use]
    pub fn rate(&self) -> f64 {
        if self.trials == 0 { 0.0 } else { self.successes as f64 / self.trials as f64 }
    }
    /// The variance of a trial at that rate, `p (1 - p)`.
    #[must_use]
    pub fn variance(&self) -> f64 {
        self.rate() * ((self.trials - self.successes) as f64 / self.trials.max(1) as f64)
    }

    /// The second rate less the first, with the error that it has if both rates are one: what a test of no difference
    /// asks.
    ///
    /// # Errors
    /// [`Undefined::EmptyArm`], or [`Undefined::ZeroVariance`] if all succeeded or none did.
    pub fn pooled(first: &Self, second: &Self) -> Result<Evidence, Undefined> {
        let mut all = *first;
        all.merge(second);
        let (a, b) = Self::sizes(first, second)?;
        let squared = all.variance() * (1.0 / a + 1.0 / b);
        Evidence::new(second.rate() - first.rate(), libm::sqrt(squared), all.trials)
    }

    /// The second rate less the first, with the error from each rate itself (Wald).
    ///
    /// # Errors
    /// [`Undefined::EmptyArm`], or [`Undefined::ZeroVariance`] if neither arm varies.
    pub fn unpooled(first: &Self, second: &Self) -> Result<Evidence, Undefined> {
        let (a, b) = Self::sizes(first, second)?;
        let squared = first.variance() / a + second.variance() / b;
        Evidence::new(second.rate() - first.rate(), libm::sqrt(squared), first.trials + second.trials)
    }

    /// Newcombe's hybrid of two Wilson intervals ("Interval estimation for the difference between independent
    /// proportions", 1998, method 10): where the difference is likely to lie, also for few units and rates near 0 or 1.
    ///
    /// # Errors
    /// [`Undefined::EmptyArm`].
    pub fn newcombe(first: &Self, second: &Self, alpha: impl Into<Alpha>) -> Result<Interval, Undefined> {
        Self::sizes(first, second)?;
        let alpha = alpha.into();
        let (p, q) = (first.rate(), second.rate());
        let of = |arm: &Self| wilson(arm.successes, arm.trials, alpha);
        let (a, b) = (of(first)?, of(second)?);
        let gap = q - p;
        Ok(Interval { low: gap - libm::hypot(q - b.low, a.high - p), high: gap + libm::hypot(b.high - q, p - a.low) })
    }

    /// The interval of Agresti and Caffo (2000): Wald's after a success and a failure more in each arm.
    ///
    /// # Errors
    /// [`Undefined::EmptyArm`].
    pub fn agresti_caffo(first: &Self, second: &Self, alpha: impl Into<Alpha>) -> Result<Interval, Undefined> {
        Self::sizes(first, second)?;
        let more = |arm: &Self| Self { successes: arm.successes + 1, trials: arm.trials + 2 };
        Ok(Self::unpooled(&more(first), &more(second))?.interval(alpha))
    }

    fn sizes(first: &Self, second: &Self) -> Result<(f64, f64), Undefined> {
        if first.trials == 0 || second.trials == 0 {
            return Err(Undefined::EmptyArm);
        }
        // Counts beyond 2^53 are rounded by a part in 10^16.
        Ok((first.trials as f64, second.trials as f64))
    }
}

impl TryFrom<(u64, u64)> for Proportion {
    type Error = Undefined;
    fn try_from((successes, trials): (u64, u64)) -> Result<Self, Undefined> {
        Self::new(successes, trials)
    }
}

impl From<Proportion> for (u64, u64) {
    fn from(p: Proportion) -> Self {
        (p.successes, p.trials)
    }
}
