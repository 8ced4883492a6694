//! What a purchase is worth: the Gamma-Gamma model (Fader and Hardie, "The Gamma-Gamma model of monetary value", 2013).
//!
//! A customer's purchases are gamma distributed with shape `p` around a mean of their own, whose scale is itself gamma
//! distributed with shape `q` and rate `v`. How much is spent must not hang together with how often.

use serde::{Deserialize, Serialize};

use super::Purchases;
use super::fit::maximum;
use crate::stats::undefined::positive;
use crate::stats::{JointMoments, Undefined, digamma, ln_beta};

/// The model with its three parameters, each above zero.
///
/// ```
/// use bespoke::lifetime::{GammaGamma, Purchases};
/// let model = GammaGamma::new(6.25, 3.74, 15.44)?;
/// let customer = Purchases::new(4, 20.0, 30.0, 73.74)?;
/// assert!((model.expected(&customer).unwrap() - 69.935_111_75).abs() < 1e-8); // lifetimes
/// # Ok::<(), bespoke::stats::Undefined>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "(f64, f64, f64)", into = "(f64, f64, f64)")]
pub struct GammaGamma {
    p: f64,
    q: f64,
    v: f64,
}

impl GammaGamma {
    /// The model with these parameters.
    ///
    /// # Errors
    /// [`Undefined::Parameter`] unless all are finite and above zero.
    pub fn new(p: f64, q: f64, v: f64) -> Result<Self, Undefined> {
        Ok(Self { p: positive(p)?, q: positive(q)?, v: positive(v)? })
    }

    /// The parameters that make what was spent likeliest, over customers with repeat purchases of a mean above zero.
    ///
    /// # Errors
    /// [`Undefined::NoRepeats`] if there are none, and [`Undefined::NoMaximum`] where a parameter runs off, as when all
    /// spend the same.
    pub fn fit(customers: &[Purchases]) -> Result<Self, Undefined> {
        let rows: Vec<(f64, f64)> = spenders(customers).collect();
        if rows.is_empty() {
            return Err(Undefined::NoRepeats);
        }
        // Customers are far fewer than 2^53.
        let weight = rows.len() as f64;
        let mean = rows.iter().map(|row| row.1).sum::<f64>() / weight;
        let objective = |[p, q, v]: [f64; 3]| {
            let model = Self { p, q, v };
            let (mut sum, mut slopes) = (0.0, [0.0; 3]);
            for (x, m) in &rows {
                let (value, slope) = model.ln_likelihood_of(*x, *m);
                sum += value;
                slopes.iter_mut().zip(slope).for_each(|(total, slope)| *total += slope);
            }
            (sum, [slopes[0] * p, slopes[1] * q, slopes[2] * v])
        };
        let starts = [[5.0, 3.0, 0.4 * mean], [1.0, 1.0, mean], [20.0, 10.0, mean]];
        let found = starts.into_iter().find_map(|start| maximum(start, weight, objective));
        let [p, q, v] = found.ok_or(Undefined::NoMaximum)?;
        Self::new(p, q, v)
    }

    /// The parameters p, q and v.
    #[must_use]
    pub const fn parameters(&self) -> (f64, f64, f64) {
        (self.p, self.q, self.v)
    }

    /// The log-likelihood of what was spent (equation 1a), over customers with repeat purchases of a mean above zero.
    #[must_use]
    pub fn ln_likelihood(&self, customers: &[Purchases]) -> f64 {
        spenders(customers).map(|(x, m)| self.ln_likelihood_of(x, m).0).sum()
    }

    /// The log-likelihood of one customer, and its slopes by p, q and v.
    fn ln_likelihood_of(&self, x: f64, m: f64) -> (f64, [f64; 3]) {
        let Self { p, q, v } = *self;
        let (shape, total) = (p * x, x * m + v);
        let (ln_v, ln_total, ln_spent) = (libm::log(v), libm::log(total), libm::log(x * m));
        // (px - 1) ln m + px ln x = px ln(xm) - ln m
        let value = -ln_beta(shape, q) + q * (ln_v - ln_total) + shape * (ln_spent - ln_total) - libm::log(m);
        let both = digamma(shape + q);
        let slopes = [
            x * (both - digamma(shape) + ln_spent - ln_total),
            both - digamma(q) + ln_v - ln_total,
            q / v - (shape + q) / total,
        ];
        (value, slopes)
    }

    /// What a purchase of this customer is expected to bring; `None` where the model has no mean.
    #[must_use]
    pub fn expected(&self, customer: &Purchases) -> Option<f64> {
        let x = customer.repeats() as f64;
        let below = self.p * x + self.q - 1.0;
        (below > 0.0).then(|| self.p * (self.v + x * customer.mean_spend()) / below)
    }

    /// What a purchase of a new customer is expected to bring, `p v / (q - 1)`; `None` where `q` is at most one.
    #[must_use]
    pub fn population_mean(&self) -> Option<f64> {
        (self.q > 1.0).then(|| self.p * self.v / (self.q - 1.0))
    }

    /// How what is spent and how often hang together, among customers with repeat purchases: the model takes this for
    /// zero, and above about 0.3 it should not be believed. `None` where one of the two does not vary.
    #[must_use]
    pub fn correlation(customers: &[Purchases]) -> Option<f64> {
        let mut joint = JointMoments::default();
        spenders(customers).for_each(|(x, m)| joint.observe([x, m]));
        let spread = joint.variance(0) * joint.variance(1);
        (spread > 0.0).then(|| joint.covariance(0, 1) / libm::sqrt(spread))
    }
}

/// Counts of repeat purchases and the mean spent, of those who have both.
fn spenders(customers: &[Purchases]) -> impl Iterator<Item = (f64, f64)> {
    customers.iter().filter(|c| c.repeats() > 0 && c.mean_spend() > 0.0).map(|c| (c.repeats() as f64, c.mean_spend()))
}

impl TryFrom<(f64, f64, f64)> for GammaGamma {
    type Error = Undefined;
    fn try_from((p, q, v): (f64, f64, f64)) -> Result<Self, Undefined> {
        Self::new(p, q, v)
    }
}

impl From<GammaGamma> for (f64, f64, f64) {
    fn from(model: GammaGamma) -> Self {
        model.parameters()
    }
}
