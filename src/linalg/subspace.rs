//! The span of the leading right singular vectors, without the vectors themselves.
//!
//! A filter that keeps the leading k directions of a matrix is the projection on their span, and is the same for every
//! orthonormal basis of it. So none of the singular vectors is needed: random vectors are multiplied by `aᵀa` a few
//! times (Halko, Martinsson and Tropp, SIAM Review 2011, algorithm 4.4) and made orthonormal after each by
//! Cholesky QR, at last twice (Yamamoto, Nakatsukasa, Yanagisawa and Fukaya, ETNA 2015, algorithm 3). A block of
//! columns is multiplied at a time, so that what is gathered stays in cache.

use super::cholesky::{cholesky, inverse_transposed};
use super::gram::{gram, times_upper};
use super::parallel::for_each;
use super::sparse::Sparse;
use rand::RngExt;
use rand::rand_core::SeedableRng;
use rand::rngs::Xoshiro256PlusPlus;

/// So many columns are multiplied together.
const BLOCK: usize = 32;

/// A matrix of zeros and ones by rows and by columns, with a factor for each.
pub(crate) struct Scaled<'a> {
    pub(crate) rows: &'a Sparse,
    pub(crate) columns: &'a Sparse,
    pub(crate) row_factors: &'a [f32],
    pub(crate) column_factors: &'a [f32],
}

/// An orthonormal basis of about the span of the leading `rank` right singular vectors, a row for each column of the
/// matrix.
///
/// Cost: 2 · rounds · ones · rank, and (rounds + 1) · columns · rank² multiplications.
pub(crate) fn leading_subspace(matrix: &Scaled<'_>, rank: usize, rounds: usize, threads: usize) -> Vec<f32> {
    let mut basis = random_signs(matrix.columns.height() * rank);
    for _ in 0..rounds {
        multiply(matrix, &mut basis, rank, threads);
        // Made orthonormal each time, the vectors never come so near to each other that single precision cannot tell
        // them apart.
        orthonormalize(&mut basis, rank, threads);
    }
    orthonormalize(&mut basis, rank, threads);
    basis
}

/// What rounding may take from a pivot, as a share of the largest: sums of 256 products in single precision.
const FLOOR: f64 = 1e-6;

fn random_signs(count: usize) -> Vec<f32> {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(0);
    let mut bits = 0_u64;
    let sign = |at: usize| {
        bits = if at % 64 == 0 { random.random() } else { bits >> 1 };
        if bits & 1 == 1 { 1.0 } else { -1.0 }
    };
    (0..count).map(sign).collect()
}

fn orthonormalize(basis: &mut [f32], rank: usize, threads: usize) {
    let mut lower = gram(basis, rank, threads);
    cholesky(&mut lower, rank, FLOOR);
    let upper: Vec<f32> = inverse_transposed(&lower, rank).into_iter().map(|x| x as f32).collect();
    times_upper(basis, rank, &upper, threads);
}

/// Multiplies by `aᵀa`, some columns at a time: a block of the product depends on the same block alone, and takes its
/// place before the next ones are begun, so that there is no second basis.
fn multiply(matrix: &Scaled<'_>, basis: &mut [f32], rank: usize, threads: usize) {
    let (people, items) = (matrix.rows.height(), matrix.columns.height());
    let blocks: Vec<usize> = (0..rank.div_ceil(BLOCK)).collect();
    for some in blocks.chunks(threads.max(1)) {
        let mut products: Vec<Vec<f32>> = vec![Vec::new(); some.len()];
        let from = &*basis;
        for_each(some.iter().zip(&mut products), threads, |(at, product)| {
            let mut over = vec![0.0_f32; items * BLOCK];
            for (to, row) in over.chunks_exact_mut(BLOCK).zip(from.chunks_exact(rank)) {
                let cells = &row[at * BLOCK..rank.min((at + 1) * BLOCK)];
                to[..cells.len()].copy_from_slice(cells);
            }
            let mut under = vec![0.0_f32; people * BLOCK];
            gather(matrix.rows, matrix.row_factors, matrix.column_factors, &over, &mut under);
            gather(matrix.columns, matrix.column_factors, matrix.row_factors, &under, &mut over);
            *product = over;
        });
        for (row, cells) in basis.chunks_exact_mut(rank).enumerate() {
            for (at, product) in some.iter().zip(&products) {
                let cells = &mut cells[at * BLOCK..rank.min((at + 1) * BLOCK)];
                cells.copy_from_slice(&product[row * BLOCK..][..cells.len()]);
            }
        }
    }
}

/// For each row: its factor times the sum of its columns' vectors, each times the column's factor.
fn gather(rows: &Sparse, factors: &[f32], others: &[f32], from: &[f32], to: &mut [f32]) {
    for ((cells, factor), to) in rows.rows().zip(factors).zip(to.chunks_exact_mut(BLOCK)) {
        let mut sums = [0.0_f32; BLOCK];
        for column in cells {
            let column = *column as usize;
            let (other, from) = (others[column], &from[column * BLOCK..(column + 1) * BLOCK]);
            for (sum, cell) in sums.iter_mut().zip(from) {
                *sum += other * cell;
            }
        }
        for (to, sum) in to.iter_mut().zip(sums) {
            *to = factor * sum;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two groups of people who share no item: the leading two directions are the groups'.
    #[test]
    fn the_leading_directions_of_two_groups_are_found() {
        let mut rows = Sparse::new(9);
        for person in 0..40_u32 {
            let from = if person % 2 == 0 { 0 } else { 4 };
            let size = if person % 2 == 0 { 4 } else { 5 };
            rows.push_row((0..size).filter(|i| (person / 2 + i) % 4 != 0).map(|i| from + i));
        }
        let columns = rows.transposed();
        let factors = |of: &Sparse| of.rows().map(|row| 1.0 / (row.len() as f32).sqrt()).collect::<Vec<_>>();
        let (row_factors, column_factors) = (factors(&rows), factors(&columns));
        let matrix =
            Scaled { rows: &rows, columns: &columns, row_factors: &row_factors, column_factors: &column_factors };
        let basis = leading_subspace(&matrix, 2, 12, 2);
        assert_eq!(basis, leading_subspace(&matrix, 2, 12, 1));
        let project = |i: usize, j: usize| (0..2).map(|k| basis[i * 2 + k] * basis[j * 2 + k]).sum::<f32>();
        // The leading direction of a group that hangs together is the square root of its items' degrees.
        let degree = |i: usize| columns.row(i).len() as f32;
        let total = |from: usize, to: usize| (from..to).map(degree).sum::<f32>();
        for i in 0..9 {
            for j in 0..9 {
                let expected = match (i < 4, j < 4) {
                    (true, true) => (degree(i) * degree(j)).sqrt() / total(0, 4),
                    (false, false) => (degree(i) * degree(j)).sqrt() / total(4, 9),
                    _ => 0.0,
                };
                assert!((project(i, j) - expected).abs() < 1e-3, "{i} {j}: {} {expected}", project(i, j));
            }
        }
    }

    /// A full matrix with hardly any second direction: vectors that differ by little stay apart.
    #[test]
    fn a_steep_spectrum_gives_an_orthonormal_basis() {
        let mut rows = Sparse::new(30);
        for person in 0..50_u32 {
            rows.push_row((0..30).filter(|item| (person * 7 + item * 3) % 23 != 0));
        }
        let columns = rows.transposed();
        let ones = |count| vec![1.0; count];
        let (row_factors, column_factors) = (ones(50), ones(30));
        let matrix =
            Scaled { rows: &rows, columns: &columns, row_factors: &row_factors, column_factors: &column_factors };
        let basis = leading_subspace(&matrix, 6, 3, 1);
        for a in 0..6 {
            for b in 0..6 {
                let product: f32 = basis.chunks(6).map(|row| row[a] * row[b]).sum();
                assert!((product - if a == b { 1.0 } else { 0.0 }).abs() < 1e-4, "{a} {b}: {product}");
            }
        }
    }
}
