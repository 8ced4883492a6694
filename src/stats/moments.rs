//! Counts, means and spreads of numbers, one at a time, merged, or from sums that somebody else added up.
//!
//! Deviations are kept instead of sums of squares (Welford, 1962; merged by Chan, Golub and LeVeque, 1979), so that
//! large means lose no digits. Sums from a warehouse become the same state; what they lost before stays lost.

use serde::{Deserialize, Serialize};

use super::Undefined;
use super::undefined::{count, finite};

/// Count, mean and spread of one number per unit.
///
/// ```
/// use bespoke::stats::Moments;
/// let mut seen = Moments::default();
/// [9.0, 10.0, 11.0].iter().for_each(|x| seen.observe(*x));
/// let told = Moments::from_sums(3.0, 30.0, 302.0)?;
/// assert_eq!((seen.mean(), seen.variance()), (told.mean(), told.variance()));
/// # Ok::<(), bespoke::stats::Undefined>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Moments {
    count: u64,
    mean: f64,
    /// The sum of squared distances from the mean.
    squares: f64,
}

impl Moments {
    /// So many numbers with this mean and sample variance.
    ///
    /// # Errors
    /// [`Undefined::NotFinite`] or [`Undefined::NegativeVariance`].
    pub fn new(count: u64, mean: f64, variance: f64) -> Result<Self, Undefined> {
        let (mean, variance) = (finite(mean)?, finite(variance)?);
        if variance < 0.0 {
            return Err(Undefined::NegativeVariance);
        }
        Ok(Self { count, mean, squares: variance * count.saturating_sub(1) as f64 })
    }

    /// From aggregates: how many, their sum, and the sum of their squares.
    ///
    /// A spread that rounding took below zero by a part in 10^12 of the squares is zero.
    ///
    /// # Errors
    /// [`Undefined::NotACount`], [`Undefined::NotFinite`], [`Undefined::EmptyArm`] if there are none, and
    /// [`Undefined::NegativeVariance`] for sums that no numbers have.
    pub fn from_sums(n: f64, sum: f64, sum_squares: f64) -> Result<Self, Undefined> {
        let joint = JointMoments::from_sums(n, [sum], [[sum_squares]])?;
        Ok(joint.moments(0))
    }

    /// Takes in a number.
    pub fn observe(&mut self, number: f64) {
        self.count += 1;
        let before = number - self.mean;
        // Counts beyond 2^53 are rounded by a part in 10^16.
        self.mean += before / self.count as f64;
        self.squares += before * (number - self.mean);
    }

    /// Takes in what another has seen.
    pub fn merge(&mut self, other: &Self) {
        if self.count == 0 || other.count == 0 {
            if self.count == 0 {
                *self = *other;
            }
            return;
        }
        let (ours, theirs) = (self.count as f64, other.count as f64);
        let gap = other.mean - self.mean;
        self.count += other.count;
        let share = theirs / (ours + theirs);
        self.mean += gap * share;
        self.squares += other.squares + gap * gap * ours * share;
    }

    /// How many numbers there were.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.count
    }
    /// Their mean; zero of none.
    #[must_use]
    pub const fn mean(&self) -> f64 {
        self.mean
    }
    /// Their variance as an estimate for all that could come; zero of fewer than two.
    #[must_use]
    pub fn variance(&self) -> f64 {
        if self.count < 2 { 0.0 } else { self.squares / (self.count - 1) as f64 }
    }
}

impl FromIterator<f64> for Moments {
    fn from_iter<I: IntoIterator<Item = f64>>(numbers: I) -> Self {
        let mut moments = Self::default();
        numbers.into_iter().for_each(|number| moments.observe(number));
        moments
    }
}

/// Counts, means, variances and covariances of `N` numbers per unit: what ratios and covariates need.
///
/// ```
/// use bespoke::stats::JointMoments;
/// let mut joint = JointMoments::default();
/// [[1.0, 2.0], [2.0, 4.0], [3.0, 6.0]].into_iter().for_each(|pair| joint.observe(pair));
/// assert_eq!((joint.mean(1), joint.variance(1), joint.covariance(0, 1)), (4.0, 4.0, 2.0));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Stored", into = "Stored")]
pub struct JointMoments<const N: usize> {
    count: u64,
    means: [f64; N],
    /// Sums of products of distances from the means; the lower triangle is kept, and its mirror image is equal.
    products: [[f64; N]; N],
}

impl<const N: usize> Default for JointMoments<N> {
    fn default() -> Self {
        Self { count: 0, means: [0.0; N], products: [[0.0; N]; N] }
    }
}

impl<const N: usize> JointMoments<N> {
    /// From aggregates: how many units, the sum of each number, and the sums of products (squares on the diagonal; only
    /// the lower triangle is read).
    ///
    /// # Errors
    /// As [`Moments::from_sums`].
    pub fn from_sums(n: f64, sums: [f64; N], products: [[f64; N]; N]) -> Result<Self, Undefined> {
        let units = count(n)?;
        if units == 0 {
            return Err(Undefined::EmptyArm);
        }
        let mut joint = Self { count: units, ..Self::default() };
        for i in 0..N {
            joint.means[i] = finite(sums[i])? / n;
            for (j, product) in products[i].iter().enumerate().take(i + 1) {
                let product = finite(*product)? - sums[i] * joint.means[j];
                joint.products[i][j] = product;
                joint.products[j][i] = product;
            }
            if joint.products[i][i] < 0.0 {
                if joint.products[i][i] < -1e-12 * products[i][i].abs() {
                    return Err(Undefined::NegativeVariance);
                }
                joint.products[i][i] = 0.0;
            }
        }
        Ok(joint)
    }

    /// Takes in a unit.
    pub fn observe(&mut self, unit: [f64; N]) {
        self.count += 1;
        let share = 1.0 / self.count as f64;
        let mut before = [0.0; N];
        for i in 0..N {
            before[i] = unit[i] - self.means[i];
            self.means[i] += before[i] * share;
            let after = unit[i] - self.means[i];
            for (j, before) in before.iter().enumerate().take(i) {
                self.products[i][j] += after * before;
                self.products[j][i] = self.products[i][j];
            }
            self.products[i][i] += after * before[i];
        }
    }

    /// Takes in what another has seen.
    pub fn merge(&mut self, other: &Self) {
        if self.count == 0 || other.count == 0 {
            if self.count == 0 {
                *self = *other;
            }
            return;
        }
        let (ours, theirs) = (self.count as f64, other.count as f64);
        let share = theirs / (ours + theirs);
        let mut gaps = [0.0; N];
        for i in 0..N {
            gaps[i] = other.means[i] - self.means[i];
            self.means[i] += gaps[i] * share;
            for j in 0..=i {
                let product = self.products[i][j] + other.products[i][j] + gaps[i] * gaps[j] * ours * share;
                self.products[i][j] = product;
                self.products[j][i] = product;
            }
        }
        self.count += other.count;
    }

    /// How many units there were.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.count
    }
    /// The mean of number `i`, from 0.
    #[must_use]
    pub const fn mean(&self, i: usize) -> f64 {
        self.means[i]
    }
    /// The sample variance of number `i`; zero of fewer than two units.
    #[must_use]
    pub fn variance(&self, i: usize) -> f64 {
        self.covariance(i, i)
    }
    /// The sample covariance of two of the numbers; zero of fewer than two units.
    #[must_use]
    pub fn covariance(&self, i: usize, j: usize) -> f64 {
        if self.count < 2 { 0.0 } else { self.products[i][j] / (self.count - 1) as f64 }
    }
    /// Number `i` alone.
    #[must_use]
    pub const fn moments(&self, i: usize) -> Moments {
        Moments { count: self.count, mean: self.means[i], squares: self.products[i][i] }
    }
    /// Some of the numbers alone, in the order given.
    #[must_use]
    pub fn part<const M: usize>(&self, of: [usize; M]) -> JointMoments<M> {
        JointMoments {
            count: self.count,
            means: of.map(|i| self.means[i]),
            products: of.map(|i| of.map(|j| self.products[i][j])),
        }
    }

    /// The variance of the sum of the numbers with these weights: `gᵀ Σ g`, as the delta method asks.
    #[must_use]
    pub fn variance_along(&self, weights: &[f64; N]) -> f64 {
        self.covariance_along(weights, weights)
    }
    /// The covariance of two weighted sums of the numbers.
    #[must_use]
    pub fn covariance_along(&self, a: &[f64; N], b: &[f64; N]) -> f64 {
        let mut sum = 0.0;
        for (i, a) in a.iter().enumerate() {
            for (j, b) in b.iter().enumerate() {
                sum += a * b * self.covariance(i, j);
            }
        }
        sum
    }
}

/// The stored form, since serde knows no arrays of any length: the means, and the lower triangle of products by rows.
#[derive(Serialize, Deserialize)]
struct Stored {
    count: u64,
    means: Vec<f64>,
    products: Vec<f64>,
}

impl<const N: usize> TryFrom<Stored> for JointMoments<N> {
    type Error = Undefined;
    fn try_from(stored: Stored) -> Result<Self, Undefined> {
        if stored.means.len() != N || stored.products.len() != N * (N + 1) / 2 {
            return Err(Undefined::LengthMismatch);
        }
        let mut joint = Self { count: stored.count, ..Self::default() };
        let mut products = stored.products.into_iter();
        for i in 0..N {
            joint.means[i] = finite(stored.means[i])?;
            for j in 0..=i {
                let product = finite(products.next().unwrap_or(0.0))?;
                joint.products[i][j] = product;
                joint.products[j][i] = product;
            }
            if joint.products[i][i] < 0.0 {
                return Err(Undefined::NegativeVariance);
            }
        }
        Ok(joint)
    }
}

impl<const N: usize> From<JointMoments<N>> for Stored {
    fn from(joint: JointMoments<N>) -> Self {
        let products = (0..N).flat_map(|i| joint.products[i][..=i].to_vec()).collect();
        Self { count: joint.count, means: joint.means.to_vec(), products }
    }
}
