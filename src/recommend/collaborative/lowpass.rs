//! The smoothed part: what is left of a history when only the leading directions of all histories are kept.
//!
//! With `A = D_u^-½ R D_i^-½` and an orthonormal basis `V` of its leading right singular directions, a history `x` is
//! smoothed to `x D_i^-½ V Vᵀ D_i^½` (Shen et al., "How powerful is graph convolution for recommendation?", CIKM
//! 2021, eq. 12).
//!
//! An answer reads the rows of `V` of some tens of items, which lie anywhere in memory, and it is waiting for them that
//! costs. So a cell has four bits, with one factor for each row, and all rows are [fetched](LowPass::fetch) before the
//! first is read, so that the waits are one. The sums of products are of integers.

use std::hint::black_box;

use super::settings::MAX_RANK;
use crate::linalg::{Scaled, leading_subspace};

/// Each item's row of the basis.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct LowPass {
    pub(super) rank: usize,
    /// The rows, each of as many blocks as hold the rank; the cells behind it are zero.
    blocks: Vec<Block>,
    /// What the cells of a row are multiplied with.
    pub(super) factors: Vec<f32>,
}

/// Cells of a row: one cache line. A byte holds the cell of its own number in the lower half, and the one that stands
/// `HALF` behind it in the upper; each with [`ZERO`] added to it.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(align(64))]
struct Block([u8; HALF]);

impl LowPass {
    /// Fits the basis. O(rounds · ones · rank + items · rank²).
    pub(super) fn fit(matrix: &Scaled<'_>, rank: usize, threads: usize) -> Self {
        // With about as many directions as people or items nothing would be smoothed away, and nothing said.
        let rank = rank.min(matrix.columns.height() / 4).min(matrix.rows.height() / 4);
        if rank == 0 {
            return Self::default();
        }
        let basis = leading_subspace(matrix, rank, ROUNDS, threads);
        let mut lowpass = Self { rank, ..Self::default() };
        basis.chunks(rank).for_each(|row| lowpass.push(row));
        lowpass
    }

    /// Reads rows back from the bytes of their blocks; `None` if they do not fit the rank and the factors.
    pub(super) fn read(rank: usize, bytes: &[u8], factors: Vec<f32>) -> Option<Self> {
        let expected = factors.len().checked_mul(rank.div_ceil(CELLS)).and_then(|blocks| blocks.checked_mul(HALF));
        let fits = rank <= MAX_RANK as usize && expected == Some(bytes.len()) && (rank > 0 || factors.is_empty());
        let blocks = bytes.chunks_exact(HALF).filter_map(|bytes| Some(Block(bytes.try_into().ok()?)));
        fits.then(|| Self { rank, blocks: blocks.collect(), factors })
    }

    /// The bytes of all blocks.
    pub(super) fn bytes(&self) -> Vec<u8> {
        self.blocks.iter().flat_map(|block| block.0).collect()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rank == 0
    }

    /// Appends a row, rounded with that of a few factors which leaves the least error: where few cells are large, it is
    /// better to cut these short than to lose all others.
    fn push(&mut self, row: &[f32]) {
        let largest = row.iter().fold(0.0_f32, |most, cell| most.max(cell.abs()));
        let error = |factor: f32| -> f32 {
            let scale = inverse(factor);
            let mut lanes = [0.0_f32; 8];
            for cells in row.chunks(lanes.len()) {
                for (lane, cell) in lanes.iter_mut().zip(cells) {
                    let left = cell - round(cell * scale) * factor;
                    *lane += left * left;
                }
            }
            lanes.iter().sum()
        };
        let mut best = (f32::INFINITY, 0.0);
        for part in PARTS {
            let factor = largest * part / LARGEST;
            let error = error(factor);
            if error < best.0 {
                best = (error, factor);
            }
        }
        let scale = inverse(best.1);
        for cells in row.chunks(CELLS) {
            let mut block = Block([(ZERO << 4 | ZERO) as u8; HALF]);
            for (at, cell) in cells.iter().enumerate() {
                // From 1 to 15, by the bounds of rounding, which what is not a number keeps to as well.
                let cell = (round(cell * scale) as i32 + ZERO) as u8;
                let byte = &mut block.0[at % HALF];
                *byte = if at < HALF { *byte & 0xf0 | cell } else { *byte & 0x0f | cell << 4 };
            }
            self.blocks.push(block);
        }
        self.factors.push(best.1);
    }

    /// Puts a history into the basis: items with their weights, `D_i^-½` included.
    pub(super) fn project(&self, history: &[(u32, f32)], query: &mut Projected) {
        let Projected { sums, numbers, zero } = query;
        sums.clear();
        sums.resize(self.rank.div_ceil(CELLS) * CELLS, 0.0);
        let mut whole = 0.0;
        for (item, weight) in history {
            let weight = weight * self.factors[*item as usize];
            for (sums, block) in sums.chunks_exact_mut(CELLS).zip(self.row(*item)) {
                let (low, high) = sums.split_at_mut(HALF);
                for ((low, high), byte) in low.iter_mut().zip(high).zip(&block.0) {
                    *low += weight * f32::from(byte & 0x0f);
                    *high += weight * f32::from(byte >> 4);
                }
            }
            whole += weight * ZERO as f32;
        }
        sums.iter_mut().for_each(|sum| *sum -= whole);
        // What stands behind the rank is zero but for rounding; its cells are zero in all rows.
        let largest = sums.iter().fold(0.0_f32, |most, sum| most.max(sum.abs()));
        let scale = if largest > 0.0 { WHOLE / largest } else { 0.0 };
        numbers.clear();
        // At most `WHOLE` in size.
        numbers.extend(sums.iter().map(|sum| nearest(sum * scale) as i16));
        *zero = numbers.iter().map(|number| i32::from(*number)).sum::<i32>() * ZERO;
    }

    /// Appends how near each of some items is to a projected history, in units that are the same for all items.
    pub(super) fn near(&self, query: &Projected, items: impl Iterator<Item = u32>, near: &mut Vec<f32>) {
        near.extend(items.map(|item| {
            let sum: i32 = self.row(item).iter().zip(query.numbers.chunks_exact(CELLS)).map(product).sum();
            // Below 2^31 in size; a score needs no more than 24 bits of it.
            (sum - query.zero) as f32 * self.factors[item as usize]
        }));
    }

    /// Reads a byte of every cache line of some rows, so that the processor fetches them at one time, and not each when
    /// the sums come to it.
    pub(super) fn fetch(&self, items: impl Iterator<Item = u32>) {
        black_box(items.flat_map(|item| self.row(item)).fold(0, |all, block| all | block.0[0]));
    }

    fn row(&self, item: u32) -> &[Block] {
        let of_row = self.rank.div_ceil(CELLS);
        &self.blocks[item as usize * of_row..][..of_row]
    }

    pub(super) fn heap_bytes(&self) -> usize {
        self.blocks.capacity() * size_of::<Block>() + self.factors.capacity() * size_of::<f32>()
    }
}

/// A history in the basis, and the memory that it takes to put it there.
#[derive(Debug, Default)]
pub(super) struct Projected {
    sums: Vec<f32>,
    /// The sums rounded to whole numbers, up to a factor.
    numbers: Vec<i16>,
    /// What the numbers add up to with a row of [`ZERO`]s.
    zero: i32,
}

/// The sum of the products of a block's cells, each more by [`ZERO`], with so many numbers.
fn product((block, numbers): (&Block, &[i16])) -> i32 {
    const LANES: usize = 8;
    let (low, high) = numbers.split_at(HALF);
    // Each adds up 16 products of at most 15 and `WHOLE`, which fit.
    let mut lanes = [0_i16; LANES];
    let halves = low.chunks_exact(LANES).zip(high.chunks_exact(LANES));
    for ((low, high), bytes) in halves.zip(block.0.chunks_exact(LANES)) {
        for (lane, ((low, high), byte)) in lanes.iter_mut().zip(low.iter().zip(high).zip(bytes)) {
            *lane += low * i16::from(byte & 0x0f) + high * i16::from(byte >> 4);
        }
    }
    lanes.iter().map(|lane| i32::from(*lane)).sum()
}

/// One over a factor, or zero where that is no number.
fn inverse(factor: f32) -> f32 {
    let inverse = 1.0 / factor;
    if inverse.is_finite() { inverse } else { 0.0 }
}

/// The nearest whole number that a cell can be.
#[expect(clippy::manual_clamp, reason = "in this order what is not a number becomes one that is")]
fn round(number: f32) -> f32 {
    nearest(number.max(-LARGEST).min(LARGEST))
}

/// The nearest whole number, of two the even one; of numbers below 2^22 in size.
fn nearest(number: f32) -> f32 {
    // From 2^23 to 2^24 floats are the whole numbers.
    const SHIFT: f32 = 12_582_912.0;
    (number + SHIFT) - SHIFT
}

/// How often random vectors are multiplied: enough for directions that differ by a few per cent to come apart.
const ROUNDS: usize = 3;
/// The largest number in a projected history. Its cells are rounded far more coarsely.
const WHOLE: f32 = 127.0;
/// How many cells a block has.
const CELLS: usize = 2 * HALF;
/// How many bytes a block has.
const HALF: usize = 64;
/// What stands for zero.
const ZERO: i32 = 8;
/// The largest that a cell can be.
const LARGEST: f32 = 7.0;
/// Which parts of the largest number of a row are tried as the largest of its cells.
const PARTS: [f32; 6] = [1.0, 0.8, 0.65, 0.5, 0.4, 0.3];

#[cfg(test)]
mod tests {
    use super::*;

    /// Cells of whole numbers up to 7 in size, with a 7 in each row, lose nothing by rounding, so that only the
    /// rounding of the history shows: by at most half a step in each direction, of `WHOLE` steps up to the largest.
    #[test]
    fn products_are_those_of_the_rows() {
        const RANK: usize = 200;
        let cell = |row: usize, at: usize| ((row * 31 + at * at * 7 + at / 3) % 15) as f32 - 7.0;
        let row = |row: usize| (0..RANK).map(|at| if at == row { 7.0 } else { cell(row, at) }).collect::<Vec<f32>>();
        let mut lowpass = LowPass { rank: RANK, ..LowPass::default() };
        (0..6).for_each(|of| lowpass.push(&row(of)));
        let history = [(0, 1.0), (4, 0.25)];
        let exact: Vec<f32> = (0..RANK).map(|at| row(0)[at] + row(4)[at] * 0.25).collect();
        let largest = exact.iter().fold(0.0_f32, |most, number| most.max(number.abs()));
        let (mut query, mut near) = (Projected::default(), Vec::new());
        lowpass.project(&history, &mut query);
        lowpass.near(&query, 0..6, &mut near);
        for (of, near) in near.iter().enumerate() {
            let expected: f32 = row(of).iter().zip(&exact).map(|(a, b)| a * b).sum();
            let bound = row(of).iter().map(|cell| cell.abs()).sum::<f32>() * largest / WHOLE / 2.0;
            let found = near * largest / WHOLE;
            assert!((found - expected).abs() <= bound * 1.001, "{of}: {found} {expected} {bound}");
        }
    }

    /// The least error is never above that of rounding to the largest, which is half a step for each cell.
    #[test]
    fn rounding_leaves_no_more_than_half_a_step() {
        let row: Vec<f32> = (0..300).map(|at| libm::sinf(at as f32 * 1.7) * if at == 9 { 8.0 } else { 1.0 }).collect();
        let largest = row.iter().fold(0.0_f32, |most, cell| most.max(cell.abs()));
        let mut lowpass = LowPass { rank: row.len(), ..LowPass::default() };
        lowpass.push(&row);
        let byte = |at: usize| lowpass.blocks[at / CELLS].0[at % HALF];
        let half = |at: usize| if at % CELLS < HALF { byte(at) & 0x0f } else { byte(at) >> 4 };
        let cell = |at: usize| (i32::from(half(at)) - ZERO) as f32 * lowpass.factors[0];
        let error: f32 = row.iter().enumerate().map(|(at, number)| (number - cell(at)) * (number - cell(at))).sum();
        let step = largest / LARGEST;
        assert!(error <= row.len() as f32 * step * step / 4.0, "{error}");
    }

    #[test]
    fn bytes_that_do_not_fit_are_refused() {
        assert!(LowPass::read(3, &[0; HALF], vec![1.0]).is_some());
        assert!(LowPass::read(3, &[0; HALF - 1], vec![1.0]).is_none());
        assert!(LowPass::read(3, &[0; 2 * HALF], vec![1.0]).is_none());
        assert!(LowPass::read(0, &[], vec![1.0]).is_none());
        assert!(LowPass::read(usize::MAX, &[], Vec::new()).is_none());
    }
}
