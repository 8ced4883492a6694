//! The normal equations of one row of an implicit-feedback factorisation, whose matrix is mostly shared.
//!
//! With a vector `y` for every item, of which a row has some, the equations are
//!
//! ```text
//! (W + Σ_i∈row y_i y_iᵀ + shrink · 1) x = Σ_i∈row y_i        W = weight · Σ_i y_i y_iᵀ, the same for every row
//! ```
//!
//! (Hu, Koren and Volinsky, ICDM 2008, eq. 4). [`Ridge::solve`] is exact; [`Ridge::approach`] takes a few steps of
//! conjugate gradients from where the row stood (Takács, Pilászy and Tikk, RecSys 2011, §4.2), which is all that a
//! round of alternating needs, and never ends further from the solution than it began.

use super::cholesky::{cholesky, solve_lower, solve_upper};
use super::gram::gram;
use super::vector::{add_scaled, dot};

/// What all rows share.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Ridge {
    width: usize,
    /// `W`, a square of which the lower triangle is set.
    lower: Vec<f64>,
    /// `W`, whole.
    whole: Vec<f32>,
}

/// The memory of one row's equations.
#[derive(Debug, Default)]
pub(crate) struct RidgeWork {
    /// The lower triangle of the factor of the row's matrix.
    lower: Vec<f64>,
    solution: Vec<f64>,
    /// Some vectors of a row in double precision.
    some: Vec<f64>,
    residual: Vec<f32>,
    direction: Vec<f32>,
    image: Vec<f32>,
}

impl Ridge {
    /// Sums up the vectors, which lie one behind the other. Cost: n k² / 2.
    pub(crate) fn new(vectors: &[f32], width: usize, weight: f64, threads: usize) -> Self {
        let mut lower = if width == 0 { Vec::new() } else { gram(vectors, width, threads) };
        lower.iter_mut().for_each(|cell| *cell *= weight);
        let cell = |at: usize| {
            let (row, column) = (at / width, at % width);
            lower[row.max(column) * width + row.min(column)] as f32
        };
        let whole = (0..lower.len()).map(cell).collect();
        Self { width, lower, whole }
    }

    /// Solves a row's equations, and leaves the factor in `work` for [`Self::solve_again`].
    ///
    /// Cost: (n + k / 3 + 2) k² / 2 for a row of n.
    pub(crate) fn solve<'w>(&self, row: &[u32], vectors: &[f32], shrink: f64, work: &'w mut RidgeWork) -> &'w [f64] {
        let width = self.width;
        let RidgeWork { lower, solution, some, .. } = work;
        lower.clear();
        lower.extend_from_slice(&self.lower);
        solution.clear();
        solution.resize(width, 0.0);
        for at in 0..width {
            lower[at * width + at] += shrink;
        }
        for group in row.chunks(GROUP) {
            // Vectors that are missing from the last group are zero.
            some.clear();
            some.resize(width * GROUP, 0.0);
            for (to, item) in some.chunks_exact_mut(width.max(1)).zip(group) {
                for ((to, sum), from) in to.iter_mut().zip(&mut *solution).zip(vector(vectors, width, *item)) {
                    *to = f64::from(*from);
                    *sum += *to;
                }
            }
            let (a, rest) = some.split_at(width);
            let (b, rest) = rest.split_at(width);
            let (c, d) = rest.split_at(width);
            for at in 0..width {
                let factors = [a[at], b[at], c[at], d[at]];
                let cells = &mut lower[at * width..=at * width + at];
                for ((cell, (a, b)), (c, d)) in cells.iter_mut().zip(a.iter().zip(b)).zip(c.iter().zip(d)) {
                    *cell += (factors[0] * a + factors[1] * b) + (factors[2] * c + factors[3] * d);
                }
            }
        }
        cholesky(lower, width, FLOOR);
        solve_lower(lower, width, solution);
        solve_upper(lower, width, solution);
        solution
    }

    /// Solves the equations of the row that was solved last for another right side. Cost: k².
    pub(crate) fn solve_again<'w>(&self, right: &[f32], work: &'w mut RidgeWork) -> &'w [f64] {
        let RidgeWork { lower, solution, .. } = work;
        solution.clear();
        solution.extend(right.iter().map(|x| f64::from(*x)));
        solve_lower(lower, self.width, solution);
        solve_upper(lower, self.width, solution);
        solution
    }

    /// Takes so many steps towards the solution of a row's equations. Cost: (steps + 1) (k² + 2 n k).
    pub(crate) fn approach(
        &self,
        row: &[u32],
        vectors: &[f32],
        shrink: f32,
        steps: usize,
        x: &mut [f32],
        work: &mut RidgeWork,
    ) {
        let RidgeWork { residual, direction, image, .. } = work;
        self.image(row, vectors, shrink, x, image);
        residual.clear();
        residual.extend(image.iter().map(|cell| -cell));
        for item in row {
            add_scaled(residual, 1.0, vector(vectors, self.width, *item));
        }
        direction.clear();
        direction.extend_from_slice(residual);
        let mut before = dot(residual, residual);
        for _ in 0..steps {
            if before < f32::MIN_POSITIVE {
                break;
            }
            self.image(row, vectors, shrink, direction, image);
            let step = before / dot(direction, image);
            if !step.is_finite() {
                break;
            }
            add_scaled(x, step, direction);
            add_scaled(residual, -step, image);
            let after = dot(residual, residual);
            let keep = after / before;
            for (direction, residual) in direction.iter_mut().zip(&*residual) {
                *direction = residual + keep * *direction;
            }
            before = after;
        }
    }

    /// The row's matrix times `x`.
    fn image(&self, row: &[u32], vectors: &[f32], shrink: f32, x: &[f32], image: &mut Vec<f32>) {
        image.clear();
        image.extend(x.iter().map(|x| shrink * x));
        for (x, shared) in x.iter().zip(self.whole.chunks_exact(self.width.max(1))) {
            add_scaled(image, *x, shared);
        }
        for item in row {
            let vector = vector(vectors, self.width, *item);
            add_scaled(image, dot(vector, x), vector);
        }
    }

    pub(crate) fn heap_bytes(&self) -> usize {
        self.lower.capacity() * size_of::<f64>() + self.whole.capacity() * size_of::<f32>()
    }
}

fn vector(vectors: &[f32], width: usize, item: u32) -> &[f32] {
    let from = item as usize * width;
    &vectors[from..from + width]
}

/// So many vectors are added to the matrix at once.
const GROUP: usize = 4;
/// What rounding in double precision may take from a pivot, as a share of the largest.
const FLOOR: f64 = 1e-14;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_solve_the_equations() {
        let (width, count) = (5, 40_u32);
        let vectors: Vec<f32> =
            (0..width * count as usize).map(|i| ((i * 37 + 11) % 101) as f32 / 50.0 - 1.0).collect();
        let (row, weight, shrink) = ([1, 4, 5, 17, 30, 31], 0.1, 0.5);
        let ridge = Ridge::new(&vectors, width, weight, 2);
        let mut work = RidgeWork::default();
        let exact = ridge.solve(&row, &vectors, shrink, &mut work).to_vec();
        let at = |item: u32, k: usize| f64::from(vectors[item as usize * width + k]);
        for a in 0..width {
            let right: f64 = row.iter().map(|item| at(*item, a)).sum();
            let mut left = shrink * exact[a];
            for (b, x) in exact.iter().enumerate() {
                let all: f64 = (0..count).map(|item| at(item, a) * at(item, b)).sum();
                let own: f64 = row.iter().map(|item| at(*item, a) * at(*item, b)).sum();
                left += (weight * all + own) * x;
            }
            assert!((left - right).abs() < 1e-5, "{left} {right}");
        }
        let mut near = vec![0.0; width];
        ridge.approach(&row, &vectors, shrink as f32, width, &mut near, &mut work);
        for (near, exact) in near.iter().zip(&exact) {
            assert!((f64::from(*near) - exact).abs() < 1e-5, "{near} {exact}");
        }
        let own: Vec<f32> =
            (0..width).map(|k| row.iter().map(|item| vectors[*item as usize * width + k]).sum()).collect();
        let again = ridge.solve_again(&own, &mut work);
        assert!(again.iter().zip(&exact).all(|(a, b)| (a - b).abs() < 1e-5));
    }
}
