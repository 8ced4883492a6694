//! Products of tall matrices, in tiles that stay in registers.
//!
//! Matrices lie row by row. A tile of four by eight sums takes eight registers of four lanes, which every x86-64 and
//! AArch64 machine has to spare; two columns of eight, packed, stay in the nearest cache.

use super::parallel::for_each;

/// The side of a tile that is laid along a register.
const WIDE: usize = 8;
/// The other side.
const HIGH: usize = 4;
/// So many rows are packed and summed in single precision before they are added in double.
const CHUNK: usize = 256;

/// The lower triangle of `yᵀy` with the diagonal, row by row as a square of `width`; zero above the diagonal.
///
/// `y` has `width` columns. Cost: n k² / 2 multiplications.
pub(crate) fn gram(y: &[f32], width: usize, threads: usize) -> Vec<f64> {
    let panels = width.div_ceil(WIDE);
    let mut sums = vec![0.0_f64; panels * WIDE * panels * WIDE];
    let mut packed = vec![0.0_f32; panels * CHUNK * WIDE];
    for chunk in y.chunks(CHUNK * width) {
        pack(chunk, width, &mut packed);
        let panel = |at: usize| &packed[at * CHUNK * WIDE..(at + 1) * CHUNK * WIDE];
        // A band of the output has the rows of one panel.
        let bands = sums.chunks_mut(WIDE * panels * WIDE).enumerate();
        for_each(bands, threads, |(left, band)| {
            for right in 0..=left {
                for half in 0..WIDE / HIGH {
                    let tile = tile(panel(left), half * HIGH, panel(right));
                    for (row, sums) in tile.iter().enumerate() {
                        let at = (half * HIGH + row) * panels * WIDE + right * WIDE;
                        for (sum, term) in band[at..at + WIDE].iter_mut().zip(sums) {
                            *sum += f64::from(*term);
                        }
                    }
                }
            }
        });
    }
    let square = |at: usize| {
        let (row, column) = (at / width, at % width);
        if column > row { 0.0 } else { sums[row * panels * WIDE + column] }
    };
    (0..width * width).map(square).collect()
}

/// `y` times an upper triangle, in place; the triangle is a square of `width`, row by row.
///
/// Cost: n k² / 2 multiplications.
pub(super) fn times_upper(y: &mut [f32], width: usize, upper: &[f32], threads: usize) {
    // Below the diagonal the triangle has nothing.
    multiply(y, width, upper, threads, |panel| (panel + 1) * WIDE);
}

/// `y` times a square, in place. Cost: n k² multiplications.
pub(crate) fn times(y: &mut [f32], width: usize, square: &[f32], threads: usize) {
    multiply(y, width, square, threads, |_| width);
}

/// `y` times a square of which only so many rows count for each panel of columns.
fn multiply(y: &mut [f32], width: usize, square: &[f32], threads: usize, depth: impl Fn(usize) -> usize + Sync) {
    let panels = width.div_ceil(WIDE);
    // By panels of eight columns, each row of which lies in one piece.
    let mut packed = vec![0.0_f32; panels * width * WIDE];
    for (at, panel) in packed.chunks_mut(width * WIDE).enumerate() {
        for (row, cells) in panel.chunks_mut(WIDE).enumerate() {
            let from = at * WIDE;
            let to = (from + WIDE).min(width);
            cells[..to - from].copy_from_slice(&square[row * width + from..row * width + to]);
        }
    }
    for_each(y.chunks_mut(CHUNK * width), threads, |rows| {
        let mut before = vec![0.0_f32; HIGH * width];
        for some in rows.chunks_mut(HIGH * width) {
            before.fill(0.0);
            before[..some.len()].copy_from_slice(some);
            let (low, high) = before.split_at(2 * width);
            let ((a, b), (c, d)) = (low.split_at(width), high.split_at(width));
            for (at, panel) in packed.chunks(width * WIDE).enumerate() {
                let depth = depth(at).min(width);
                let mut sums = [[0.0_f32; WIDE]; HIGH];
                let terms = a.iter().zip(b).zip(c.iter().zip(d)).zip(panel.chunks_exact(WIDE)).take(depth);
                for (((a, b), (c, d)), cells) in terms {
                    for (sums, factor) in sums.iter_mut().zip([a, b, c, d]) {
                        for (sum, cell) in sums.iter_mut().zip(cells) {
                            *sum += factor * cell;
                        }
                    }
                }
                for (row, sums) in some.chunks_mut(width).zip(&sums) {
                    let row = &mut row[at * WIDE..((at + 1) * WIDE).min(width)];
                    row.copy_from_slice(&sums[..row.len()]);
                }
            }
        }
    });
}

/// Lays some rows out by panels of eight columns; what is missing is zero.
fn pack(rows: &[f32], width: usize, packed: &mut [f32]) {
    packed.fill(0.0);
    for (row, cells) in rows.chunks(width).enumerate() {
        for (at, cells) in cells.chunks(WIDE).enumerate() {
            let to = (at * CHUNK + row) * WIDE;
            packed[to..to + cells.len()].copy_from_slice(cells);
        }
    }
}

/// The sums over all rows of the products of four columns of one panel with the eight of another.
#[inline]
fn tile(left: &[f32], from: usize, right: &[f32]) -> [[f32; WIDE]; HIGH] {
    let mut sums = [[0.0_f32; WIDE]; HIGH];
    for (left, right) in left.chunks_exact(WIDE).zip(right.chunks_exact(WIDE)) {
        for (sums, factor) in sums.iter_mut().zip(&left[from..from + HIGH]) {
            for (sum, cell) in sums.iter_mut().zip(right) {
                *sum += factor * cell;
            }
        }
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(count: usize) -> Vec<f32> {
        (0..count).map(|i| ((i * 7919 + 13) % 101) as f32 / 16.0 - 3.0).collect()
    }

    #[test]
    fn products_are_those_of_the_definition() {
        for (height, width) in [(1, 1), (300, 5), (70, 8), (513, 19)] {
            let y = numbers(height * width);
            let at = |r: usize, c: usize| f64::from(y[r * width + c]);
            for threads in [1, 3] {
                let found = gram(&y, width, threads);
                for row in 0..width {
                    for column in 0..width {
                        let sum: f64 = (0..height).map(|r| at(r, row) * at(r, column)).sum();
                        let expected = if column > row { 0.0 } else { sum };
                        assert!((found[row * width + column] - expected).abs() <= 1e-5 * (1.0 + sum.abs()));
                    }
                }
                let upper: Vec<f32> = numbers(width * width)
                    .into_iter()
                    .enumerate()
                    .map(|(i, x)| if i % width >= i / width { x } else { 0.0 })
                    .collect();
                let mut product = y.clone();
                times_upper(&mut product, width, &upper, threads);
                for row in 0..height {
                    for column in 0..width {
                        let sum: f64 = (0..width).map(|i| at(row, i) * f64::from(upper[i * width + column])).sum();
                        assert!((f64::from(product[row * width + column]) - sum).abs() <= 1e-4 * (1.0 + sum.abs()));
                    }
                }
            }
        }
    }
}
