//! The core under every analysis: an estimate, its standard error, and how many units it rests on.
//!
//! Whatever the metric (a proportion, a mean, a ratio, one adjusted for a covariate, a quantile, a stratified
//! difference), what was found reduces to this, and everything that is said of it (p-values, intervals, always-valid
//! inference, posteriors, non-inferiority) reads nothing else.

use serde::{Deserialize, Serialize};

use super::undefined::finite;
use super::{Alpha, Interval, Moments, Undefined};
use super::{student_both_tails, student_upper_quantile, student_upper_tail};

/// An effect as it was measured: an estimate with a standard error above zero.
///
/// ```
/// use bespoke::stats::{Alpha, Evidence};
/// let effect = Evidence::new(0.5, 0.2, 1_000)?;
/// assert!((effect.p() - 0.012_419_330_651_552_27).abs() < 1e-15); // R: 2 * pnorm(-2.5)
/// let interval = effect.interval(Alpha::USUAL);
/// assert!((interval.low - 0.108).abs() < 1e-3 && (interval.high - 0.892).abs() < 1e-3);
/// # Ok::<(), bespoke::stats::Undefined>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Stored", into = "Stored")]
pub struct Evidence {
    estimate: f64,
    error: f64,
    units: u64,
    /// Infinite where the estimate is taken for normal.
    freedom: f64,
}

impl Evidence {
    /// An estimate with its standard error, from so many units in all arms together.
    ///
    /// # Errors
    /// [`Undefined::NotFinite`], or [`Undefined::ZeroVariance`] for an error that is not above zero.
    pub fn new(estimate: f64, error: f64, units: u64) -> Result<Self, Undefined> {
        let (estimate, error) = (finite(estimate)?, finite(error)?);
        if error <= 0.0 {
            return Err(Undefined::ZeroVariance);
        }
        Ok(Self { estimate, error, units, freedom: f64::INFINITY })
    }

    /// The same with an error that was itself estimated with so many degrees of freedom, for Student's t.
    ///
    /// # Errors
    /// [`Undefined::Parameter`] if they are not above zero.
    pub fn freed(self, freedom: f64) -> Result<Self, Undefined> {
        if freedom > 0.0 { Ok(Self { freedom, ..self }) } else { Err(Undefined::Parameter) }
    }

    /// The same taken for normal, whatever its degrees of freedom.
    #[must_use]
    pub fn normal(self) -> Self {
        Self { freedom: f64::INFINITY, ..self }
    }

    /// The second mean less the first, without taking their variances for equal (Welch, "The generalization of
    /// 'Student's' problem when several different population variances are involved", Biometrika 34, 1947).
    ///
    /// # Errors
    /// [`Undefined::EmptyArm`], [`Undefined::OneUnit`], or [`Undefined::ZeroVariance`] if neither varies.
    ///
    /// ```
    /// use bespoke::stats::{Evidence, Moments};
    /// let of = |numbers: &[f64]| {
    ///     let mut moments = Moments::default();
    ///     numbers.iter().for_each(|number| moments.observe(*number));
    ///     moments
    /// };
    /// // R: t.test(c(30.02, 29.99, 30.11, 29.97, 30.01, 29.99), c(29.89, 29.93, 29.72, 29.98, 30.02, 29.98))
    /// let welch = Evidence::of_means(
    ///     &of(&[29.89, 29.93, 29.72, 29.98, 30.02, 29.98]),
    ///     &of(&[30.02, 29.99, 30.11, 29.97, 30.01, 29.99]),
    /// )?;
    /// assert!((welch.estimate() - 0.095).abs() < 1e-12 && (welch.p() - 0.09077).abs() < 5e-6);
    /// # Ok::<(), bespoke::stats::Undefined>(())
    /// ```
    pub fn of_means(first: &Moments, second: &Moments) -> Result<Self, Undefined> {
        for arm in [first, second] {
            match arm.count() {
                0 => return Err(Undefined::EmptyArm),
                1 => return Err(Undefined::OneUnit),
                _ => {}
            }
        }
        let part = |arm: &Moments| arm.variance() / arm.count() as f64;
        let squared = part(first) + part(second);
        let units = first.count().saturating_add(second.count());
        Self::new(second.mean() - first.mean(), libm::sqrt(squared), units)?
            .freed(welch_freedom([(part(first), first.count()), (part(second), second.count())]))
    }

    /// What was found.
    #[must_use]
    pub const fn estimate(&self) -> f64 {
        self.estimate
    }
    /// Its standard error, above zero.
    #[must_use]
    pub const fn error(&self) -> f64 {
        self.error
    }
    /// From how many units, of all arms together.
    #[must_use]
    pub const fn units(&self) -> u64 {
        self.units
    }
    /// The degrees of freedom of the error; infinite where the estimate is taken for normal.
    #[must_use]
    pub const fn freedom(&self) -> f64 {
        self.freedom
    }
    /// The estimate in standard errors.
    #[must_use]
    pub fn z(&self) -> f64 {
        self.estimate / self.error
    }
    /// How likely an estimate this far from zero is, on either side, if there is no effect: at one look, fixed before.
    #[must_use]
    pub fn p(&self) -> f64 {
        student_both_tails(self.z(), self.freedom)
    }
    /// How likely an estimate this high is if there is no effect.
    #[must_use]
    pub fn p_above(&self) -> f64 {
        student_upper_tail(self.z(), self.freedom)
    }
    /// Where the effect is likely to lie: at one look, fixed before.
    #[must_use]
    pub fn interval(&self, alpha: impl Into<Alpha>) -> Interval {
        Interval::around(self.estimate, self.error * student_upper_quantile(alpha.into().tail(), self.freedom))
    }
}

/// Satterthwaite's degrees of freedom (1946) of a sum of squared errors, each with the count that it comes from;
/// infinite where none has any.
pub(crate) fn welch_freedom(parts: [(f64, u64); 2]) -> f64 {
    let sum: f64 = parts.iter().map(|(part, _)| part).sum();
    // As shares, so that tiny variances do not underflow when squared.
    let inverse: f64 = parts
        .iter()
        .map(|(part, n)| {
            let share = part / sum;
            share * share / n.saturating_sub(1).max(1) as f64
        })
        .sum();
    1.0 / inverse
}

/// The stored form, checked when read.
#[derive(Serialize, Deserialize)]
struct Stored {
    estimate: f64,
    error: f64,
    units: u64,
    /// None where it is infinite, which JSON cannot say.
    freedom: Option<f64>,
}

impl TryFrom<Stored> for Evidence {
    type Error = Undefined;
    fn try_from(stored: Stored) -> Result<Self, Undefined> {
        let plain = Self::new(stored.estimate, stored.error, stored.units)?;
        stored.freedom.map_or(Ok(plain), |freedom| plain.freed(freedom))
    }
}

impl From<Evidence> for Stored {
    fn from(e: Evidence) -> Self {
        let freedom = e.freedom.is_finite().then_some(e.freedom);
        Self { estimate: e.estimate, error: e.error, units: e.units, freedom }
    }
}
