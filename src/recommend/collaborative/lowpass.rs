//! The smoothed part: what is left of a history when only the leading directions of all histories are kept.
//!
//! With `A = D_u^-½ R D_i^-½` and an orthonormal basis `V` of its leading right singular directions, a history `x` is
//! smoothed to `x D_i^-½ V Vᵀ D_i^½` (Shen et al., "How powerful is graph convolution for recommendation?", CIKM
//! 2021, eq. 12). Each item keeps its row of `V` in bytes with one factor, and the sums of products are of integers.

use crate::linalg::{Scaled, leading_subspace};

/// Each item's row of the basis.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct LowPass {
    pub(super) rank: usize,
    /// The rows, in bytes.
    pub(super) cells: Vec<i8>,
    /// What the bytes of a row are multiplied with.
    pub(super) factors: Vec<f32>,
}

impl LowPass {
    /// Fits the basis. O(rounds · ones · rank + items · rank²).
    pub(super) fn fit(matrix: &Scaled<'_>, rank: usize, threads: usize) -> Self {
        // With about as many directions as people or items nothing would be smoothed away, and nothing said.
        let rank = rank.min(matrix.columns.height() / 4).min(matrix.rows.height() / 4);
        if rank == 0 {
            return Self::default();
        }
        let basis = leading_subspace(matrix, rank, ROUNDS, threads);
        let (mut cells, mut factors) = (Vec::with_capacity(basis.len()), Vec::new());
        for row in basis.chunks(rank) {
            let largest = row.iter().fold(0.0_f32, |most, cell| most.max(cell.abs()));
            let factor = largest / f32::from(i8::MAX);
            let scale = if factor > 0.0 { 1.0 / factor } else { 0.0 };
            // At most 127 in size, by the choice of the factor; what is not a number becomes zero.
            cells.extend(row.iter().map(|cell| libm::rintf(cell * scale) as i8));
            factors.push(factor);
        }
        Self { rank, cells, factors }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rank == 0
    }

    fn row(&self, item: u32) -> &[i8] {
        let from = item as usize * self.rank;
        &self.cells[from..from + self.rank]
    }

    /// Puts a history into the basis: items with their weights, `D_i^-½` included.
    pub(super) fn project(&self, history: impl Iterator<Item = (u32, f32)>, sums: &mut Vec<f32>, query: &mut Vec<i16>) {
        sums.clear();
        sums.resize(self.rank, 0.0);
        for (item, weight) in history {
            let weight = weight * self.factors[item as usize];
            for (sum, cell) in sums.iter_mut().zip(self.row(item)) {
                *sum += weight * f32::from(*cell);
            }
        }
        let largest = sums.iter().fold(0.0_f32, |most, sum| most.max(sum.abs()));
        let scale = if largest > 0.0 { WHOLE / largest } else { 0.0 };
        query.clear();
        // At most `WHOLE` in size.
        query.extend(sums.iter().map(|sum| libm::rintf(sum * scale) as i16));
    }

    /// How near an item is to a projected history, in units that are the same for all items.
    pub(super) fn near(&self, query: &[i16], item: u32) -> f32 {
        let product = |(a, b): (&i16, &i8)| i32::from(*a) * i32::from(*b);
        let sum: i32 = query.iter().zip(self.row(item)).map(product).sum();
        sum as f32 * self.factors[item as usize]
    }

    pub(super) fn heap_bytes(&self) -> usize {
        self.cells.capacity() + self.factors.capacity() * size_of::<f32>()
    }
}

/// How often random vectors are multiplied: enough for directions that differ by a few per cent to come apart.
const ROUNDS: usize = 3;
/// The largest number in a projected history: the products with bytes, summed over the largest rank, fit 32 bits.
const WHOLE: f32 = 2047.0;
