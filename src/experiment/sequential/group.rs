//! A few planned looks: bounds that spend alpha over the looks, by recursive integration.
//!
//! Under drift θ the sum at information `t` is normal with mean `θ t` and variance `t`, and grows independently; its
//! density among the experiments that still run is carried from look to look by quadrature (Armitage, McPherson and
//! Rowe, 1969; Jennison and Turnbull, "Group Sequential Methods", 2000, chapter 19). The spending functions are those of
//! Lan and DeMets ("Discrete sequential boundaries for clinical trials", 1983), so that the looks need not come when
//! they were planned: what is spent depends on the information there is. Bounds agree with R's gsDesign to 1e-6.

use serde::{Deserialize, Serialize};

use crate::stats::quadrature::{NODES, WEIGHTS};
use crate::stats::root::falling_root;
use crate::stats::{Alpha, Undefined, normal_density, normal_upper_quantile, normal_upper_tail};

/// How alpha is spent as information accrues.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Spending {
    /// Little at first, like O'Brien and Fleming: `4 (1 - Φ(z_{alpha/4} / √t))`. Keeps nearly all the power.
    OBrienFleming,
    /// Evenly, like Pocock: `alpha ln(1 + (e - 1) t)`.
    Pocock,
}

/// The classical bounds for equally spaced looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// `c √(K / k)` at look `k` of `K` (O'Brien and Fleming, 1979).
    OBrienFleming,
    /// `c` at each look (Pocock, 1977).
    Pocock,
}

impl Spending {
    /// What may be spent up to information fraction `t`, both sides together; all of alpha from 1 on.
    #[must_use]
    pub fn spent(self, t: f64, alpha: Alpha) -> f64 {
        if t.is_nan() || t <= 0.0 {
            return 0.0;
        }
        let t = t.min(1.0);
        match self {
            Self::OBrienFleming => 4.0 * normal_upper_tail(normal_upper_quantile(0.25 * alpha.value()) / libm::sqrt(t)),
            Self::Pocock => alpha.value() * libm::log1p((core::f64::consts::E - 1.0) * t),
        }
    }
}

/// Symmetric two-sided bounds for |z| at looks at these fractions of the planned information.
///
/// ```
/// use bespoke::{experiment::{GroupSequential, Spending}, stats::Alpha};
/// let plan = GroupSequential::spending(&[0.25, 0.5, 0.75, 1.0], Spending::OBrienFleming, Alpha::USUAL)?;
/// let wanted = [4.332_634, 2.963_132, 2.359_044, 2.014_090]; // Lan and DeMets' program; gsDesign
/// assert!(plan.bounds().iter().zip(wanted).all(|(bound, wanted)| (bound - wanted).abs() < 1e-5));
/// # Ok::<(), bespoke::stats::Undefined>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GroupSequential {
    information: Vec<f64>,
    bounds: Vec<f64>,
}

/// What a group sequential design does under a drift.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Power {
    /// How likely some look rejects, on either side.
    pub power: f64,
    /// The expected fraction of information at which it stops.
    pub expected_information: f64,
}

impl GroupSequential {
    /// Bounds that spend alpha by a function, at whatever fractions the looks come. A look at which nothing more may be
    /// spent has an infinite bound.
    ///
    /// # Errors
    /// [`Undefined::LooksOutOfOrder`] unless there are looks, above 0, each after the one before.
    pub fn spending(information: &[f64], spending: Spending, alpha: Alpha) -> Result<Self, Undefined> {
        let information = ordered(information)?;
        let mut bounds: Vec<f64> = Vec::with_capacity(information.len());
        let mut path = Path::new(0.0);
        let mut spent = 0.0;
        for t in &information {
            let upto = spending.spent(*t, alpha);
            let bound = path.bound_for(*t, 0.5 * (upto - spent));
            spent = upto;
            path.look(*t, bound);
            bounds.push(bound);
        }
        Ok(Self { information, bounds })
    }

    /// The classical bounds at equally spaced looks, from 1 to 200.
    ///
    /// # Errors
    /// [`Undefined::LooksOutOfOrder`] for another number of looks.
    ///
    /// ```
    /// use bespoke::{experiment::{GroupSequential, Shape}, stats::Alpha};
    /// let plan = GroupSequential::equal(5, Shape::Pocock, Alpha::USUAL)?;
    /// assert!((plan.bounds()[0] - 2.413).abs() < 1e-3); // Jennison and Turnbull, table 2.1
    /// # Ok::<(), bespoke::stats::Undefined>(())
    /// ```
    pub fn equal(looks: u32, shape: Shape, alpha: Alpha) -> Result<Self, Undefined> {
        if !(1..=200).contains(&looks) {
            return Err(Undefined::LooksOutOfOrder);
        }
        let information: Vec<f64> = (1..=looks).map(|k| f64::from(k) / f64::from(looks)).collect();
        let of = |c: f64| Self {
            bounds: information
                .iter()
                .map(|t| match shape {
                    Shape::OBrienFleming => c / libm::sqrt(*t),
                    Shape::Pocock => c,
                })
                .collect(),
            information: information.clone(),
        };
        // The last look alone rejects less than all, and all of them at most their sum.
        let (low, high) = (alpha.z(), normal_upper_quantile(alpha.tail() / f64::from(looks)));
        let excess = |c: f64| of(c).power(0.0).power - alpha.value();
        let (at_low, at_high) = (excess(low), excess(high));
        if at_low <= 0.0 {
            return Ok(of(low));
        }
        Ok(of(falling_root((low, at_low), (high, at_high), 1e-12 * high, 1e-14, excess)))
    }

    /// Bounds from elsewhere.
    ///
    /// # Errors
    /// [`Undefined::LengthMismatch`]; [`Undefined::LooksOutOfOrder`]; [`Undefined::Parameter`] for a bound that is
    /// negative or not a number.
    pub fn with_bounds(information: &[f64], bounds: &[f64]) -> Result<Self, Undefined> {
        let information = ordered(information)?;
        if information.len() != bounds.len() {
            return Err(Undefined::LengthMismatch);
        }
        if bounds.iter().any(|bound| bound.is_nan() || *bound < 0.0) {
            return Err(Undefined::Parameter);
        }
        Ok(Self { information, bounds: bounds.to_vec() })
    }

    /// The bound of |z| at each look: at or above it, the look rejects.
    #[must_use]
    pub fn bounds(&self) -> &[f64] {
        &self.bounds
    }

    /// The fractions of information at which the looks come.
    #[must_use]
    pub fn information(&self) -> &[f64] {
        &self.information
    }

    /// The probability of having rejected by each look, on either side, when z has mean `drift` at full information;
    /// with no drift the error spent.
    #[must_use]
    pub fn crossing(&self, drift: f64) -> Vec<f64> {
        let mut path = Path::new(drift);
        let mut total = 0.0;
        let looks = self.information.iter().zip(&self.bounds);
        looks
            .map(|(t, bound)| {
                total += path.look(*t, *bound);
                total
            })
            .collect()
    }

    /// The power and the expected information when z has mean `drift` at full information.
    #[must_use]
    pub fn power(&self, drift: f64) -> Power {
        let crossing = self.crossing(drift);
        let (mut before, mut expected) = (0.0, 0.0);
        for (upto, t) in crossing.iter().zip(&self.information) {
            expected += (upto - before) * t;
            before = *upto;
        }
        let last = self.information.last().copied().unwrap_or(0.0);
        Power { power: before, expected_information: expected + (1.0 - before) * last }
    }

    /// The drift at which the power is this, and by how much more information that is than one look needs:
    /// `(θ / (z_{alpha/2} + z_power))²`.
    ///
    /// # Errors
    /// [`Undefined::Power`] unless it lies between what no drift gives and 1.
    pub fn inflation(&self, power: f64, alpha: Alpha) -> Result<f64, Undefined> {
        if !(power > self.power(0.0).power && power < 1.0) {
            return Err(Undefined::Power);
        }
        let plain = alpha.z() + normal_upper_quantile(1.0 - power);
        let (mut low, mut high) = (0.0, plain.max(1.0));
        while self.power(high).power < power && high < 1e3 {
            (low, high) = (high, 2.0 * high);
        }
        let lack = |drift: f64| power - self.power(drift).power;
        let drift = falling_root((low, lack(low)), (high, lack(high)), 1e-11 * high, 1e-14, lack);
        let root = drift / plain;
        Ok(root * root)
    }
}

fn ordered(information: &[f64]) -> Result<Vec<f64>, Undefined> {
    let rising = information.windows(2).all(|pair| pair[1] - pair[0] > 1e-9);
    let inside = information.iter().all(|t| *t > 0.0 && t.is_finite());
    if information.is_empty() || !rising || !inside {
        return Err(Undefined::LooksOutOfOrder);
    }
    Ok(information.to_vec())
}

/// The experiments that still run: at the last look, points of the sum with their mass.
struct Path {
    drift: f64,
    information: f64,
    points: Vec<(f64, f64)>,
}

impl Path {
    fn new(drift: f64) -> Self {
        Self { drift, information: 0.0, points: vec![(0.0, 1.0)] }
    }

    /// The probability of ending above `edge` at information `t`, of those that still run.
    fn above(&self, t: f64, edge: f64) -> f64 {
        let step = t - self.information;
        let root = libm::sqrt(step);
        let tail = |from: f64| normal_upper_tail((edge - from - self.drift * step) / root);
        self.points.iter().map(|(from, mass)| mass * tail(*from)).sum()
    }

    fn below(&self, t: f64, edge: f64) -> f64 {
        let step = t - self.information;
        let root = libm::sqrt(step);
        let tail = |from: f64| normal_upper_tail((from + self.drift * step - edge) / root);
        self.points.iter().map(|(from, mass)| mass * tail(*from)).sum()
    }

    /// The |z| above which the mass on one side is `tail`, without drift.
    fn bound_for(&self, t: f64, tail: f64) -> f64 {
        if tail <= 0.0 {
            return f64::INFINITY;
        }
        let root = libm::sqrt(t);
        // As quantiles, tails are all but straight in the bound; this look alone has the tail of its own quantile, so
        // that the bound is at most there.
        let (wanted, low, high) = (normal_upper_quantile(tail), 0.0, normal_upper_quantile(tail).max(0.0));
        let excess = |bound: f64| wanted - normal_upper_quantile(self.above(t, bound * root));
        let (at_low, at_high) = (excess(low), excess(high));
        if at_low <= 0.0 {
            return low;
        }
        if at_high >= 0.0 {
            return high;
        }
        falling_root((low, at_low), (high, at_high), 1e-14 * high, 1e-14, excess)
    }

    /// Takes a look: the probability of crossing on either side there; who has not crossed goes on.
    fn look(&mut self, t: f64, bound: f64) -> f64 {
        let root = libm::sqrt(t);
        let edge = bound * root;
        let crossed = self.above(t, edge) + self.below(t, -edge);
        let step = t - self.information;
        // Beyond nine deviations on either side of the drift nothing is left.
        let (low, high) = ((-edge).max(self.drift * t - 9.0 * root), edge.min(self.drift * t + 9.0 * root));
        let mut points = Vec::new();
        if low < high {
            // No piece is wider than what the last step blurs.
            let pieces = libm::ceil((high - low) / (PIECE * libm::sqrt(step))).clamp(4.0, 400.0);
            let half = 0.5 * (high - low) / pieces;
            let nodes = (0..pieces as u32).flat_map(|piece| {
                let center = low + half * (2.0 * f64::from(piece) + 1.0);
                // The points descend, and are to rise.
                NODES.iter().zip(WEIGHTS).rev().map(move |(node, weight)| (center + half * node, half * weight))
            });
            // Without drift one half mirrors the other.
            let is_even = self.drift.abs() <= 0.0;
            let (upto, all) = (if is_even { 0.0 } else { high }, NODES.len() * pieces as usize);
            points.extend(
                nodes.take_while(|(at, _)| *at <= upto).map(|(at, weight)| (at, weight * self.density(at, step))),
            );
            if is_even {
                let mirrored = points.iter().take(all / 2).rev().map(|(at, mass)| (-at, *mass)).collect::<Vec<_>>();
                points.truncate(all / 2);
                points.extend(mirrored);
            }
        }
        (self.points, self.information) = (points, t);
        crossed
    }

    /// The density of the sum after a further step.
    fn density(&self, at: f64, step: f64) -> f64 {
        let root = libm::sqrt(step);
        let shift = at - self.drift * step;
        self.points.iter().map(|(from, mass)| mass * normal_density((shift - from) / root)).sum::<f64>() / root
    }
}

/// How many deviations of a step one 16-point piece spans.
const PIECE: f64 = 2.5;
