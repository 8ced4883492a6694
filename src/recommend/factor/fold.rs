//! Solves for a history that was not in the log, or has grown since, and says what each of its items adds to a score.
//!
//! With the items' vectors turned so that `W = unobserved · Σ y yᵀ` is a diagonal, `d = W + hold`, and the history's
//! vectors the rows of `S`, what suits the history is `x = (d + SᵀS)⁻¹ Sᵀ1` (Hu, Koren and Volinsky, ICDM 2008, eq. 4).
//! With `T = S d^-½` that is
//!
//! ```text
//! x = d^-½ (1 + TᵀT)⁻¹ Tᵀ1 = d^-½ Tᵀ (1 + TTᵀ)⁻¹ 1
//! ```
//!
//! (Woodbury's identity), so that a history shorter than the vectors are costs by its own length: tens of thousands of
//! multiplications, where the matrix of a rank of 128 would take a million. Either matrix is one plus a sum of squares,
//! and so never badly conditioned.

use crate::linalg::{cholesky, dot64, solve_lower, solve_upper};

/// The memory of one history's equations.
#[derive(Debug, Default)]
pub(super) struct Fold {
    /// One over the square root of each direction's share of `d`.
    roots: Vec<f64>,
    /// `T`, a row for each item of the history.
    rows: Vec<f64>,
    /// The triangular factor of the smaller matrix.
    lower: Vec<f64>,
    /// How many rows or columns that has.
    order: usize,
    right: Vec<f64>,
    part: Vec<f64>,
}

impl Fold {
    /// Leaves in `person` what suits a history best: so many vectors, each as wide as the spectrum of `W`.
    ///
    /// Cost: for m vectors of k numbers, m k n / 2 + n³ / 6 with n the smaller of both.
    pub(super) fn solve<'v>(
        &mut self,
        spectrum: &[f64],
        hold: f64,
        history: impl Iterator<Item = &'v [f32]>,
        person: &mut Vec<f32>,
    ) {
        let width = spectrum.len();
        let Self { roots, rows, lower, order, right, .. } = self;
        roots.clear();
        roots.extend(spectrum.iter().map(|value| 1.0 / libm::sqrt(value + hold)));
        rows.clear();
        for vector in history {
            rows.extend(vector.iter().zip(roots.iter()).map(|(cell, root)| f64::from(*cell) * root));
        }
        let count = rows.len() / width.max(1);
        *order = count.min(width);
        lower.clear();
        lower.resize(*order * *order, 0.0);
        right.clear();
        person.clear();
        if count <= width {
            for (at, row) in rows.chunks_exact(width).enumerate() {
                for (cell, other) in lower[at * count..=at * count + at].iter_mut().zip(rows.chunks_exact(width)) {
                    *cell = dot64(row, other);
                }
            }
            right.resize(count, 1.0);
            factorize(lower, count);
            solve_lower(lower, count, right);
            solve_upper(lower, count, right);
            let x = &mut self.part;
            x.clear();
            x.resize(width, 0.0);
            for (row, factor) in rows.chunks_exact(width).zip(right.iter()) {
                x.iter_mut().zip(row).for_each(|(x, cell)| *x += factor * cell);
            }
            person.extend(x.iter().zip(roots.iter()).map(|(x, root)| (x * root) as f32));
        } else {
            right.resize(width, 0.0);
            for row in rows.chunks_exact(width) {
                for (at, factor) in row.iter().enumerate() {
                    let cells = &mut lower[at * width..=at * width + at];
                    cells.iter_mut().zip(row).for_each(|(to, cell)| *to += factor * cell);
                }
                right.iter_mut().zip(row).for_each(|(sum, cell)| *sum += cell);
            }
            factorize(lower, width);
            solve_lower(lower, width, right);
            solve_upper(lower, width, right);
            person.extend(right.iter().zip(roots.iter()).map(|(x, root)| (x * root) as f32));
        }
    }

    /// What each item of the history that was solved last adds to an item's score, in the order of the history.
    ///
    /// Cost: m k + n².
    pub(super) fn shares(&mut self, vector: &[f32]) -> &[f64] {
        let Self { roots, rows, lower, order, right, part } = self;
        let width = roots.len();
        part.clear();
        part.extend(vector.iter().zip(roots.iter()).map(|(cell, root)| f64::from(*cell) * root));
        let is_short = rows.len() <= width * width;
        if !is_short {
            solve_lower(lower, *order, part);
            solve_upper(lower, *order, part);
        }
        right.clear();
        right.extend(rows.chunks_exact(width.max(1)).map(|row| dot64(row, part)));
        if is_short {
            solve_lower(lower, *order, right);
            solve_upper(lower, *order, right);
        }
        right
    }
}

/// The factor of one plus a sum of squares, of which the lower triangle is given.
fn factorize(lower: &mut [f64], width: usize) {
    (0..width).for_each(|at| lower[at * width + at] += 1.0);
    // No pivot is below one but by rounding.
    cholesky(lower, width, 0.0);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The shorter way and the longer one are one equation: `(d + SᵀS) x = Sᵀ1`, and shares add up to the score.
    #[test]
    fn both_ways_solve_the_equations() {
        let width = 5;
        let spectrum = [9.0, 4.0, 1.0, 0.25, 0.0];
        let cell = |row: usize, k: usize| ((row * 37 + k * 11 + 3) % 19) as f32 / 8.0 - 1.0;
        let vectors: Vec<Vec<f32>> = (0..12).map(|row| (0..width).map(|k| cell(row, k)).collect()).collect();
        let (mut fold, mut person) = (Fold::default(), Vec::new());
        for count in [0, 1, 3, 5, 6, 12] {
            let some = &vectors[..count];
            fold.solve(&spectrum, 0.5, some.iter().map(Vec::as_slice), &mut person);
            for k in 0..width {
                let missed = |row: &Vec<f32>| {
                    1.0 - row.iter().zip(&person).map(|(y, x)| f64::from(*y) * f64::from(*x)).sum::<f64>()
                };
                let right: f64 = some.iter().map(|row| f64::from(row[k]) * missed(row)).sum();
                let left = (spectrum[k] + 0.5) * f64::from(person[k]);
                assert!((left - right).abs() < 1e-5, "{count} {k}: {left} {right}");
            }
            for of in &vectors {
                let score: f64 = of.iter().zip(&person).map(|(y, x)| f64::from(*y) * f64::from(*x)).sum();
                let shares = fold.shares(of);
                assert_eq!(shares.len(), count);
                assert!((shares.iter().sum::<f64>() - score).abs() < 1e-6);
            }
        }
    }
}
