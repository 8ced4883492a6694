//! A matrix of zeros and ones, by rows.

use std::hint::black_box;

/// Which columns each row has, in rising order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sparse {
    /// Where each row begins, and at last where the last one ends.
    starts: Vec<usize>,
    columns: Vec<u32>,
    width: usize,
}

impl Sparse {
    /// A matrix of so many columns, without rows.
    pub(crate) fn new(width: usize) -> Self {
        Self { starts: vec![0], columns: Vec::new(), width }
    }

    /// Appends a row. The columns are below the width, in rising order, each once.
    pub(crate) fn push_row(&mut self, columns: impl IntoIterator<Item = u32>) {
        self.columns.extend(columns);
        self.starts.push(self.columns.len());
    }

    /// How many rows there are.
    pub(crate) fn height(&self) -> usize {
        self.starts.len() - 1
    }

    /// How many columns there are.
    pub(crate) const fn width(&self) -> usize {
        self.width
    }

    /// The columns of a row.
    #[inline]
    pub(crate) fn row(&self, row: usize) -> &[u32] {
        &self.columns[self.starts[row]..self.starts[row + 1]]
    }

    /// Every row, first to last.
    pub(crate) fn rows(&self) -> impl ExactSizeIterator<Item = &[u32]> {
        self.starts.windows(2).map(|ends| &self.columns[ends[0]..ends[1]])
    }

    /// The matrix with rows and columns exchanged. O(ones).
    pub(crate) fn transposed(&self) -> Self {
        let mut starts = vec![0; self.width + 1];
        for column in &self.columns {
            starts[*column as usize + 1] += 1;
        }
        for at in 0..self.width {
            starts[at + 1] += starts[at];
        }
        let mut next = starts.clone();
        let mut columns = vec![0; self.columns.len()];
        for (row, cells) in self.rows().enumerate() {
            for column in cells {
                // Rows are counted in a `u32` by whoever builds the matrix.
                columns[next[*column as usize]] = row as u32;
                next[*column as usize] += 1;
            }
        }
        Self { starts, columns, width: self.height() }
    }

    /// How many bytes it holds on the heap.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.starts.capacity() * size_of::<usize>() + self.columns.capacity() * size_of::<u32>()
    }
}

/// Reads a number of every cache line of some rows, so that the processor fetches them at one time, and not each when
/// it is come to. It changes nothing.
pub(crate) fn fetch<'a>(rows: impl Iterator<Item = &'a [u32]>) {
    const LINE: usize = 64 / size_of::<u32>();
    black_box(rows.flat_map(|row| row.iter().step_by(LINE).chain(row.last())).fold(0, |all, number| all | number));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transposing_twice_gives_the_same() {
        let mut matrix = Sparse::new(4);
        for row in [&[0, 2][..], &[], &[1, 2, 3], &[2]] {
            matrix.push_row(row.iter().copied());
        }
        let transposed = matrix.transposed();
        assert_eq!((transposed.height(), transposed.width()), (4, 4));
        assert_eq!(transposed.row(2), [0, 2, 3]);
        assert_eq!(transposed.transposed(), matrix);
    }
}
