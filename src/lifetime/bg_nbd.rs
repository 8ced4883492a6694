//! How many purchases are to come: the BG/NBD model (Fader, Hardie and Lee, "'Counting your customers' the easy way",
//! Marketing Science 24, 2005).
//!
//! A customer buys at a rate of their own, gamma distributed with shape `r` and rate `α`, and after each purchase leaves
//! for good with a probability of their own, beta distributed with `a` and `b`. Equations are numbered as in the paper.
//!
//! The hypergeometric function of equations 9 and 10 is put through Euler's transform, which makes its terms fall at
//! once, and the factor `1 / (a - 1)` is divided out of the series, so that `a = 1` is no special case.

use serde::{Deserialize, Serialize};

use super::Purchases;
use super::fit::maximum;
use crate::stats::undefined::positive;
use crate::stats::{Undefined, digamma, ln_beta, ln_gamma, regularized_beta};

/// The model with its four parameters, each above zero.
///
/// ```
/// use bespoke::lifetime::{BgNbd, Purchases};
/// let model = BgNbd::new(0.243, 4.414, 0.793, 2.426)?; // the paper's own
/// let customer = Purchases::new(2, 30.43, 38.86, 22.35)?;
/// assert!((model.expected(&customer, 39.0) - 1.226).abs() < 1e-3); // the paper, section 5
/// # Ok::<(), bespoke::stats::Undefined>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "(f64, f64, f64, f64)", into = "(f64, f64, f64, f64)")]
pub struct BgNbd {
    r: f64,
    alpha: f64,
    a: f64,
    b: f64,
}

impl BgNbd {
    /// The model with these parameters.
    ///
    /// # Errors
    /// [`Undefined::Parameter`] unless all are finite and above zero.
    pub fn new(r: f64, alpha: f64, a: f64, b: f64) -> Result<Self, Undefined> {
        Ok(Self { r: positive(r)?, alpha: positive(alpha)?, a: positive(a)?, b: positive(b)? })
    }

    /// The parameters that make what was seen likeliest, by BFGS on their logs with exact slopes. Equal customers are
    /// counted once; a fit of some thousand customers takes milliseconds.
    ///
    /// # Errors
    /// [`Undefined::NoUnits`] without customers, [`Undefined::NoRepeats`] if none bought again, and
    /// [`Undefined::NoMaximum`] where a parameter runs off to zero or infinity.
    pub fn fit(customers: &[Purchases]) -> Result<Self, Undefined> {
        if customers.is_empty() {
            return Err(Undefined::NoUnits);
        }
        if customers.iter().all(|customer| customer.repeats() == 0) {
            return Err(Undefined::NoRepeats);
        }
        let mut rows: Vec<(u64, f64, f64)> =
            customers.iter().map(|c| (c.repeats(), c.recency(), c.observed())).collect();
        rows.sort_by(|x, y| x.0.cmp(&y.0).then(x.1.total_cmp(&y.1)).then(x.2.total_cmp(&y.2)));
        let rows: Vec<(f64, f64, f64, f64)> = rows
            .chunk_by(|x, y| x == y)
            // Customers and purchases are far fewer than 2^53.
            .filter_map(|equal| equal.first().map(|(x, t, end)| (*x as f64, *t, *end, equal.len() as f64)))
            .collect();
        let weight = customers.len() as f64;
        let span = rows.iter().map(|row| row.2 * row.3).sum::<f64>() / weight;
        let objective = |[r, alpha, a, b]: [f64; 4]| {
            let model = Self { r, alpha, a, b };
            let (mut sum, mut slopes) = (0.0, [0.0; 4]);
            let mut add = |(value, slope): (f64, [f64; 4]), count: f64| {
                sum += count * value;
                slopes.iter_mut().zip(slope).for_each(|(total, slope)| *total += count * slope);
            };
            for equal in rows.chunk_by(|one, other| one.0.total_cmp(&other.0).is_eq()) {
                let x = equal.first().map_or(0.0, |row| row.0);
                add(model.of_count(x), equal.iter().map(|row| row.3).sum());
                equal.iter().for_each(|(x, t, end, count)| add(model.of_times(*x, *t, *end), *count));
            }
            (sum, [slopes[0] * r, slopes[1] * alpha, slopes[2] * a, slopes[3] * b])
        };
        let starts = [[0.5, 0.25 * span, 1.0, 2.5], [1.0, span, 1.0, 1.0], [0.2, 0.05 * span, 0.3, 3.0]];
        let found = starts.into_iter().find_map(|start| maximum(start.map(|p: f64| p.max(1e-3)), weight, objective));
        let [r, alpha, a, b] = found.ok_or(Undefined::NoMaximum)?;
        Self::new(r, alpha, a, b)
    }

    /// The parameters r, α, a and b.
    #[must_use]
    pub const fn parameters(&self) -> (f64, f64, f64, f64) {
        (self.r, self.alpha, self.a, self.b)
    }

    /// The log-likelihood of these customers (equation 6).
    #[must_use]
    pub fn ln_likelihood(&self, customers: &[Purchases]) -> f64 {
        // Counts beyond 2^53 are rounded by a part in 10^16.
        let one = |c: &Purchases| {
            let x = c.repeats() as f64;
            self.of_count(x).0 + self.of_times(x, c.recency(), c.observed()).0
        };
        customers.iter().map(one).sum()
    }

    /// What of a customer's log-likelihood hangs on the count alone, and its slopes by r, α, a and b.
    fn of_count(&self, x: f64) -> (f64, [f64; 4]) {
        let Self { r, alpha, a, b } = *self;
        let value = ln_gamma(r + x) - ln_gamma(r) + r * libm::log(alpha) + ln_beta(a, b + x) - ln_beta(a, b);
        // B(a, b + x) / B(a, b) carries ψ(a) on both sides, which cancels.
        let both = digamma(a + b) - digamma(a + b + x);
        let of_r = digamma(r + x) - digamma(r) + libm::log(alpha);
        (value, [of_r, r / alpha, both, both + digamma(b + x) - digamma(b)])
    }

    /// What hangs on the times, and its slopes.
    fn of_times(&self, x: f64, t: f64, end: f64) -> (f64, [f64; 4]) {
        let Self { r, alpha, a, b } = *self;
        let ln_end = libm::log(alpha + end);
        let alive = -(r + x) * ln_end;
        if x <= 0.0 {
            return (alive, [-ln_end, -(r + x) / (alpha + end), 0.0, 0.0]);
        }
        let ln_t = libm::log(alpha + t);
        let left = libm::log(a / (b + x - 1.0)) - (r + x) * ln_t;
        let most = alive.max(left);
        let either = most + libm::log(libm::exp(alive - most) + libm::exp(left - most));
        let (is_alive, has_left) = (libm::exp(alive - either), libm::exp(left - either));
        let slopes = [
            -is_alive * ln_end - has_left * ln_t,
            -(r + x) * (is_alive / (alpha + end) + has_left / (alpha + t)),
            has_left / a,
            -has_left / (b + x - 1.0),
        ];
        (either, slopes)
    }

    /// How likely a customer has not left; one for those who bought once, since leaving follows a repeat purchase.
    ///
    /// ```
    /// use bespoke::lifetime::{BgNbd, Purchases};
    /// let model = BgNbd::new(0.243, 4.414, 0.793, 2.426)?;
    /// assert!((model.alive(&Purchases::new(29, 37.71, 38.71, 0.0)?) - 0.950_786_857_956).abs() < 1e-11); // lifetimes
    /// # Ok::<(), bespoke::stats::Undefined>(())
    /// ```
    #[must_use]
    pub fn alive(&self, customer: &Purchases) -> f64 {
        1.0 / (1.0 + self.odds_of_having_left(customer))
    }

    fn odds_of_having_left(&self, customer: &Purchases) -> f64 {
        let x = customer.repeats() as f64;
        if customer.repeats() == 0 {
            return 0.0;
        }
        let longer = (customer.observed() - customer.recency()) / (self.alpha + customer.recency());
        self.a / (self.b + x - 1.0) * libm::exp((self.r + x) * libm::log1p(longer))
    }

    /// How many purchases to expect of a customer in a time to come (equation 10), in the unit of their observation; zero
    /// for a time that is not above zero.
    #[must_use]
    pub fn expected(&self, customer: &Purchases, time: f64) -> f64 {
        // Counts beyond 2^53 are rounded by a part in 10^16.
        let x = customer.repeats() as f64;
        self.purchases(x, self.alpha + customer.observed(), time) * self.alive(customer)
    }

    /// How many repeat purchases to expect of a new customer (equation 9).
    ///
    /// ```
    /// let model = bespoke::lifetime::BgNbd::new(0.243, 4.414, 0.793, 2.426)?;
    /// assert!((model.expected_of_new(78.0) - 1.860_519_058).abs() < 1e-8); // lifetimes
    /// # Ok::<(), bespoke::stats::Undefined>(())
    /// ```
    #[must_use]
    pub fn expected_of_new(&self, time: f64) -> f64 {
        self.purchases(0.0, self.alpha, time)
    }

    /// `(a + b + x - 1) / (a - 1) [1 - (1 - z)^{r + x} ₂F₁(r + x, b + x; a + b + x - 1; z)]` with `z = t / (since + t)`.
    fn purchases(&self, x: f64, since: f64, time: f64) -> f64 {
        if time.is_nan() || time <= 0.0 {
            return 0.0;
        }
        let Self { r, a, b, .. } = *self;
        let time = time.min(1e6 * since);
        let (c, e, first) = (a + b + x - 1.0, a - 1.0, a + b - 1.0 - r);
        let z = time / (since + time);
        // ln(1 - z)
        let ln_rest = -libm::log1p(time / since);
        // By Euler's transform it is -c [((1-z)^e - 1) / e + (1-z)^e G], where c G = Σ (first)_k (a)_{k-1} / (c+1)_{k-1} z^k / k!
        // begins at k = 1 and has no pole at e = 0 or c = 0.
        let (mut term, mut sum) = (first * z, first * z);
        for k in 1..200_000_u32 {
            let k = f64::from(k);
            term *= (first + k) * (a + k - 1.0) / (c + k) * z / (k + 1.0);
            sum += term;
            if term.abs() <= 1e-17 * sum.abs() * (1.0 - z) {
                break;
            }
        }
        let growth = if e.abs() < 1e-300 { ln_rest } else { libm::expm1(e * ln_rest) / e };
        (-(c * growth + libm::exp(e * ln_rest) * sum)).max(0.0)
    }

    /// How likely a new customer makes so many repeat purchases in a time (equation 8).
    ///
    /// ```
    /// let model = bespoke::lifetime::BgNbd::new(0.243, 4.414, 0.793, 2.426)?;
    /// assert!((model.probability_of_new(1, 78.0) - 0.210_494_262).abs() < 1e-8); // lifetimes
    /// # Ok::<(), bespoke::stats::Undefined>(())
    /// ```
    #[must_use]
    pub fn probability_of_new(&self, purchases: u64, time: f64) -> f64 {
        let Self { r, alpha, a, b } = *self;
        if time.is_nan() || time <= 0.0 {
            return f64::from(u8::from(purchases == 0));
        }
        let n = purchases as f64;
        let (ln_alpha, ln_z) = (-libm::log1p(time / alpha), -libm::log1p(alpha / time));
        let stayed = ln_beta(a, b + n) - ln_beta(a, b);
        if purchases == 0 {
            return libm::exp(stayed + r * ln_alpha);
        }
        // Γ(r + n) / (Γ(r) n!) = 1 / (n B(r, n))
        let ln_count = -libm::log(n) - ln_beta(r, n) + r * ln_alpha + n * ln_z;
        let left = ln_beta(a + 1.0, b + n - 1.0) - ln_beta(a, b);
        // At least n purchases of somebody who never leaves.
        let more = regularized_beta(n, r, time / (alpha + time)).lower;
        libm::exp(stayed + ln_count) + libm::exp(left) * more
    }
}

impl TryFrom<(f64, f64, f64, f64)> for BgNbd {
    type Error = Undefined;
    fn try_from((r, alpha, a, b): (f64, f64, f64, f64)) -> Result<Self, Undefined> {
        Self::new(r, alpha, a, b)
    }
}

impl From<BgNbd> for (f64, f64, f64, f64) {
    fn from(model: BgNbd) -> Self {
        model.parameters()
    }
}
