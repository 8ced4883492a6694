//! How much the arms share, learned from what they showed: empirical Bayes over a grid of precisions.
//!
//! With standardised features `z` (a leading one included) and arms a, the model is hierarchical (Lindley and Smith,
//! "Bayes estimates for the linear model", JRSS B 1972):
//!
//! ```text
//! y = zᵀθ_a + ε       ε ~ N(0, σ²)
//! θ_a ~ N(β, σ² Λ⁻¹)  Λ = diag(means, slopes · g_1, … slopes · g_d)
//! β   ~ N(0, σ² K⁻¹)  K = diag(0.01,  common · g_1, … common · g_d)
//! g_j = (quarter of the range of feature j / its deviation, at least 1)^rarity
//! ```
//!
//! Where arms are described by traits `v_a`, the mean of `θ_a` is shifted by `wᵀv_a` in its constant, with
//! `w ~ N(0, σ² / means)`: `β` and `w` are solved for together.
//!
//! Means, slopes, common are powers of four and rarity is 0, 1 or 2, chosen by climbing the marginal likelihood
//! (MacKay, "Bayesian interpolation", Neural Computation 1992, §4), with a slight preference for the middle. Great
//! `slopes` and `common` are a bandit without context; great `means` are arms that all pay the same.

use super::belief::Belief;
use super::moments::Moments;
use crate::linalg::{Fours, cholesky, dot64, fours, inverse_transposed, no_fours, packed_at};

/// The chosen precisions, as places in the grid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) struct Precisions {
    pub(super) means: u8,
    pub(super) slopes: u8,
    pub(super) common: u8,
    pub(super) rarity: u8,
}

impl Precisions {
    pub(super) const START: Self = Self { means: 2, slopes: 3, common: GRID - 1, rarity: 0 };

    pub(super) fn is_sound(self) -> bool {
        self.means < GRID && self.slopes < GRID && self.common < GRID && self.rarity < RARITIES
    }

    /// This with one of the four moved by one, if there is such a place.
    fn moved(mut self, which: usize, up: bool) -> Option<Self> {
        let (cell, most) = match which {
            0 => (&mut self.means, GRID),
            1 => (&mut self.slopes, GRID),
            2 => (&mut self.common, GRID),
            _ => (&mut self.rarity, RARITIES),
        };
        *cell = if up { cell.checked_add(1)? } else { cell.checked_sub(1)? };
        (*cell < most).then_some(self)
    }
}

/// What one arm showed, in standardised features with a leading one.
pub(super) struct Shown<'a> {
    pub(super) arm: usize,
    count: f64,
    /// `Σ z zᵀ`.
    products: Vec<f64>,
    /// `Σ z y`.
    pub(super) rewards: Vec<f64>,
    /// `Σ y²`.
    squares: f64,
    /// What is known of the arm beside, if anything.
    traits: &'a [f64],
}

impl Shown<'_> {
    pub(super) fn new(arm: usize, moments: &Moments, scaling: &Scaling) -> Self {
        let width = scaling.center.len() + 1;
        let (count, reward) = (moments.count, moments.reward);
        let scale = |at: usize| scaling.scale[at];
        let cells = moments.spread.as_flattened();
        let spread = |row: usize, column: usize| cells[packed_at(row, column)];
        let z: Vec<f64> = (0..width - 1).map(|at| (moments.features[at] - scaling.center[at]) * scale(at)).collect();
        let (mut products, mut rewards) = (vec![0.0; width * width], vec![0.0; width]);
        products[0] = count;
        rewards[0] = count * reward;
        for row in 0..width - 1 {
            products[row + 1] = count * z[row];
            products[(row + 1) * width] = count * z[row];
            rewards[row + 1] = moments.shared[row] * scale(row) + count * reward * z[row];
            for column in 0..width - 1 {
                products[(row + 1) * width + column + 1] =
                    spread(row, column) * scale(row) * scale(column) + count * z[row] * z[column];
            }
        }
        Self { arm, count, products, rewards, squares: moments.squares + count * reward * reward, traits: &[] }
    }

    /// The inverse of `Σ z zᵀ + ridge`.
    pub(super) fn inverse(&self, ridge: f64) -> Vec<f64> {
        let (width, mut matrix) = (self.rewards.len(), self.products.clone());
        (0..width).for_each(|at| matrix[at * width + at] += ridge);
        invert(&mut matrix, width).0
    }

    /// The squares that these coefficients, solved with a ridge, leave, the ridge's part included.
    pub(super) fn rest(&self, solution: &[f64]) -> f64 {
        (self.squares - dot64(&solution[..self.rewards.len()], &self.rewards)).max(0.0)
    }
}

/// How features are standardised, and how rare their greatest values are.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub(super) struct Scaling {
    pub(super) center: Vec<f64>,
    /// One over the deviation.
    pub(super) scale: Vec<f64>,
    /// `g` at a rarity of one.
    rarity: Vec<f64>,
}

impl Scaling {
    pub(super) fn new(all: &Moments, ranges: &[(f64, f64)]) -> Self {
        let width = all.features.len();
        let deviation = |at: usize| libm::sqrt(all.spread.as_flattened()[packed_at(at, at)] / all.count);
        // What never changes says nothing: whatever the scale, its centred value is zero.
        let or_one = |number: f64| if number > 1e-150 && number.is_finite() { number } else { 1.0 };
        let scale: Vec<f64> = (0..width).map(|at| 1.0 / or_one(deviation(at))).collect();
        let rarity = ranges.iter().zip(&scale).map(|((low, high), scale)| (0.25 * (high - low) * scale).max(1.0));
        Self { center: all.features.clone(), rarity: rarity.collect(), scale }
    }

    pub(super) fn is_sound(&self, width: usize) -> bool {
        let all = [&self.center, &self.scale, &self.rarity];
        all.iter().all(|of| of.len() == width && of.iter().all(|number| number.is_finite()))
    }

    /// Features as they are.
    pub(super) fn none(width: usize) -> Self {
        Self { center: vec![0.0; width], scale: vec![1.0; width], rarity: vec![1.0; width] }
    }

    /// The features with a leading one; without any, the means of all.
    #[inline(always)]
    pub(super) fn standardise(&self, features: &[f64]) -> Fours {
        let mut z = no_fours(fours(self.center.len() + 1));
        let cells = z.as_flattened_mut();
        cells[0] = 1.0;
        let scaled =
            features.iter().zip(&self.center).zip(&self.scale).map(|((x, center), scale)| (x - center) * scale);
        cells[1..].iter_mut().zip(scaled).for_each(|(cell, scaled)| *cell = scaled);
        z
    }

    /// The diagonals of `Λ` and of `K`.
    pub(super) fn diagonals(&self, of: Precisions) -> (Vec<f64>, Vec<f64>) {
        let weights = || self.rarity.iter().map(|rarity| libm::pow(*rarity, f64::from(of.rarity)));
        let diagonal = |first: f64, rest: f64| std::iter::once(first).chain(weights().map(|g| rest * g)).collect();
        (diagonal(grid(of.means), grid(of.slopes)), diagonal(COMMON_MEAN, grid(of.common)))
    }
}

/// The posterior under some precisions.
struct Fit {
    /// The logarithm of the marginal likelihood, up to a constant.
    evidence: f64,
    variance: f64,
    /// `β`, and what each trait of an arm is worth.
    common: Vec<f64>,
    /// For each arm that was shown, the inverse of `Σ z zᵀ + Λ`.
    inverses: Vec<Vec<f64>>,
}

/// Chooses the precisions anew from where they stand: how features are standardised, the residual variance, and the
/// posterior of each arm. `traits` are those of every arm, as many for each, or none.
pub(super) fn believe(
    moments: &[Moments],
    ranges: &[(f64, f64)],
    traits: &[Vec<f64>],
    precisions: &mut Precisions,
) -> (Scaling, f64, Vec<Belief>) {
    let mut all = Moments::new(ranges.len());
    moments.iter().for_each(|moments| all.merge(moments));
    let scaling = Scaling::new(&all, ranges);
    let seen = moments.iter().enumerate().filter(|(_, moments)| moments.count > 0.0);
    let traits_of = |arm: usize| traits.get(arm).map_or(&[][..], Vec::as_slice);
    let shown: Vec<Shown> =
        seen.map(|(arm, moments)| Shown { traits: traits_of(arm), ..Shown::new(arm, moments, &scaling) }).collect();
    let fit = climb(&shown, &scaling, precisions);
    let (lambda, _) = scaling.diagonals(*precisions);
    let (common, worth) = fit.common.split_at(lambda.len());
    let mut center = common.to_vec();
    let mut belief = |arm: usize| {
        center[0] = common[0] + dot64(worth, traits_of(arm));
        Belief::new(&lambda, &center)
    };
    let mut beliefs: Vec<Belief> = (0..moments.len()).map(&mut belief).collect();
    for (of, inverse) in shown.iter().zip(fit.inverses) {
        beliefs[of.arm].replace(&inverse, &of.rewards);
    }
    (scaling, fit.variance, beliefs)
}

/// Climbs from where the precisions stand to where the marginal likelihood is highest nearby.
///
/// Cost: arms · width³ for each of some ten places of the grid.
fn climb(shown: &[Shown<'_>], scaling: &Scaling, at: &mut Precisions) -> Fit {
    let mut best = fit(shown, scaling, *at);
    for _ in 0..ROUNDS {
        let before = *at;
        for which in 0..4 {
            for up in [false, true] {
                while let Some(next) = at.moved(which, up) {
                    let tried = fit(shown, scaling, next);
                    if tried.evidence <= best.evidence || tried.evidence.is_nan() {
                        break;
                    }
                    (best, *at) = (tried, next);
                }
            }
        }
        if *at == before {
            break;
        }
    }
    best
}

fn fit(shown: &[Shown<'_>], scaling: &Scaling, at: Precisions) -> Fit {
    let (lambda, mut kappa) = scaling.diagonals(at);
    let width = lambda.len();
    // What traits tell of an arm's mean is as large as what they leave.
    kappa.resize(width + shown.first().map_or(0, |of| of.traits.len()), lambda[0]);
    let whole = kappa.len();
    let logs = |of: &[f64]| of.iter().map(|cell| libm::log(*cell)).sum::<f64>();
    let (mut precision, mut pull, mut rest, mut volume) = (vec![0.0; whole * whole], vec![0.0; whole], 0.0, 0.0);
    let (mut inverses, mut count, mut squares, mut sum) = (Vec::with_capacity(shown.len()), 0.0, 0.0, 0.0);
    for of in shown {
        let mut matrix = of.products.clone();
        (0..width).for_each(|cell| matrix[cell * width + cell] += lambda[cell]);
        let (inverse, log_volume) = invert(&mut matrix, width);
        volume += log_volume - logs(&lambda);
        let solution: Vec<f64> = inverse.chunks_exact(width).map(|row| dot64(row, &of.rewards)).collect();
        rest += of.squares - dot64(&solution, &of.rewards);
        for row in 0..width {
            pull[row] += lambda[row] * solution[row];
            precision[row * whole + row] += lambda[row];
            for column in 0..width {
                precision[row * whole + column] -= lambda[row] * lambda[column] * inverse[row * width + column];
            }
        }
        // A trait shifts the arm's mean: its column is that of the constant, as often as the arm has it.
        for (at, of_trait) in of.traits.iter().enumerate() {
            let row = (width + at) * whole;
            pull[width + at] += of_trait * lambda[0] * solution[0];
            for column in 0..width {
                let shared = if column == 0 { lambda[0] } else { 0.0 } - lambda[0] * lambda[column] * inverse[column];
                precision[row + column] += of_trait * shared;
                precision[column * whole + width + at] += of_trait * shared;
            }
            for (other, of_other) in of.traits.iter().enumerate() {
                precision[row + width + other] += of_trait * of_other * lambda[0] * (1.0 - lambda[0] * inverse[0]);
            }
        }
        inverses.push(inverse);
        count += of.count;
        squares += of.squares;
        sum += of.rewards[0];
    }
    (0..whole).for_each(|cell| precision[cell * whole + cell] += kappa[cell]);
    let (inverse, log_volume) = invert(&mut precision, whole);
    volume += log_volume - logs(&kappa);
    let common: Vec<f64> = inverse.chunks_exact(whole).map(|row| dot64(row, &pull)).collect();
    let rest = (rest - dot64(&common, &pull)).max(0.0);
    // As if two more had been seen, with a tenth of the variance that there is without a model.
    let plain = (squares - sum * sum / count).max(1e-12);
    let variance = (rest + 0.2 * plain / count) / (count + 2.0);
    let far = |place: u8, middle: f64| (f64::from(place) - middle) * (f64::from(place) - middle);
    let preference = 0.1 * (far(at.means, 2.0) + far(at.slopes, 3.0));
    let evidence = -0.5 * ((count + 2.0) * libm::log(variance) + volume) - preference;
    Fit { evidence, variance, common, inverses }
}

/// The inverse of a positive definite square, and the logarithm of its determinant. The square is used up.
pub(in crate::bandit) fn invert(square: &mut [f64], width: usize) -> (Vec<f64>, f64) {
    cholesky(square, width, 1e-14);
    let volume = 2.0 * (0..width).map(|at| libm::log(square[at * width + at])).sum::<f64>();
    let upper = inverse_transposed(square, width);
    let mut inverse = vec![0.0; width * width];
    for row in 0..width {
        for column in 0..=row {
            let cell =
                dot64(&upper[row * width + row..(row + 1) * width], &upper[column * width + row..(column + 1) * width]);
            inverse[row * width + column] = cell;
            inverse[column * width + row] = cell;
        }
    }
    (inverse, volume)
}

/// The precision at a place of the grid: 4^-2 to 4^10.
pub(super) fn grid(place: u8) -> f64 {
    // Powers of four are exact.
    f64::from_bits((1023 - 4 + 2 * u64::from(place)) << 52)
}

const GRID: u8 = 13;
const RARITIES: u8 = 3;
const ROUNDS: usize = 2;
/// The precision of the mean of all arms' means: next to nothing is known of it.
const COMMON_MEAN: f64 = 0.01;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_grid_is_of_powers_of_four() {
        assert_eq!([0, 2, 12].map(grid).map(f64::to_bits), [0.0625, 1.0, 1_048_576.0].map(f64::to_bits));
    }

    #[test]
    fn an_inverse_undoes_its_square() {
        let square = [4.0, 1.0, 0.5, 1.0, 3.0, -1.0, 0.5, -1.0, 2.0];
        let (inverse, volume) = invert(&mut square.clone(), 3);
        for row in 0..3 {
            for column in 0..3 {
                let cell: f64 = (0..3).map(|k| square[row * 3 + k] * inverse[k * 3 + column]).sum();
                assert!((cell - if row == column { 1.0 } else { 0.0 }).abs() < 1e-14);
            }
        }
        // 4 (6 - 1) - 1 (2 + 0.5) + 0.5 (-1 - 1.5)
        assert!((volume - libm::log(16.25)).abs() < 1e-14);
    }
}
