//! The normal equations of one row of an implicit-feedback factorisation, whose matrix is mostly shared.
//!
//! With a vector `y` for every item, of which a row has some, the equations are
//!
//! ```text
//! (W + Σ_i∈row y_i y_iᵀ + shrink · 1) x = Σ_i∈row y_i        W = weight · Σ_i y_i y_iᵀ, the same for every row
//! ```
//!
//! (Hu, Koren and Volinsky, ICDM 2008, eq. 4). [`Ridge::approach`] takes a few steps of conjugate gradients from where
//! the row stood (Takács, Pilászy and Tikk, RecSys 2011, §4.2), which is all that a round of alternating needs, and
//! never ends further from the solution than it began.

use super::gram::gram;
use super::vector::{add_scaled, dot};

/// What all rows share.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Ridge {
    width: usize,
    /// `W`, a square.
    whole: Vec<f32>,
}

/// The memory of one row's equations.
#[derive(Debug, Default)]
pub(crate) struct RidgeWork {
    residual: Vec<f32>,
    direction: Vec<f32>,
    image: Vec<f32>,
}

impl Ridge {
    /// Sums up the vectors, which lie one behind the other. Cost: n k² / 2.
    pub(crate) fn new(vectors: &[f32], width: usize, weight: f64, threads: usize) -> Self {
        let lower = if width == 0 { Vec::new() } else { gram(vectors, width, threads) };
        let cell = |at: usize| {
            let (row, column) = (at / width, at % width);
            (weight * lower[row.max(column) * width + row.min(column)]) as f32
        };
        let whole = (0..lower.len()).map(cell).collect();
        Self { width, whole }
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
}

fn vector(vectors: &[f32], width: usize, item: u32) -> &[f32] {
    let from = item as usize * width;
    &vectors[from..from + width]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As many steps as there are numbers lead to the solution of the equations, cell by cell.
    #[test]
    fn full_steps_solve_the_equations() {
        let (width, count) = (5, 40_u32);
        let vectors: Vec<f32> =
            (0..width * count as usize).map(|i| ((i * 37 + 11) % 101) as f32 / 50.0 - 1.0).collect();
        let (row, weight, shrink) = ([1, 4, 5, 17, 30, 31], 0.1, 0.5);
        let ridge = Ridge::new(&vectors, width, weight, 2);
        let mut found = vec![0.0; width];
        ridge.approach(&row, &vectors, shrink as f32, width, &mut found, &mut RidgeWork::default());
        let at = |item: u32, k: usize| f64::from(vectors[item as usize * width + k]);
        for a in 0..width {
            let right: f64 = row.iter().map(|item| at(*item, a)).sum();
            let mut left = shrink * f64::from(found[a]);
            for (b, x) in found.iter().enumerate() {
                let all: f64 = (0..count).map(|item| at(item, a) * at(item, b)).sum();
                let own: f64 = row.iter().map(|item| at(*item, a) * at(*item, b)).sum();
                left += (weight * all + own) * f64::from(*x);
            }
            assert!((left - right).abs() < 1e-4, "{left} {right}");
        }
    }
}
