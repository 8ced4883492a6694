//! The directions along which a symmetric matrix only stretches (Golub and Van Loan, "Matrix Computations", 4th
//! edition, §8.5.2: the cyclic method of Jacobi).
//!
//! Slower than by a triangle of three diagonals, and as exact as it gets, in few lines: a turn makes one cell off the
//! diagonal zero, and sweeps over all cells converge quadratically.

/// The eigenvalues of a symmetric matrix in falling order, and its eigenvectors, each a row; `a` is a square of `width`
/// of which the lower triangle is read.
///
/// Cost: some 6 to 10 sweeps of 4 k³ multiplications.
pub(crate) fn eigen(a: &[f64], width: usize) -> (Vec<f64>, Vec<f64>) {
    let mut square: Vec<f64> = (0..width * width)
        .map(|at| {
            let (row, column) = (at / width, at % width);
            a[row.max(column) * width + row.min(column)]
        })
        .collect();
    let mut vectors: Vec<f64> = (0..width * width).map(|at| f64::from(u8::from(at / width == at % width))).collect();
    let whole: f64 = square.iter().map(|cell| cell * cell).sum();
    for _ in 0..SWEEPS {
        let off: f64 = (0..width).map(|row| square[row * width..][..row].iter().map(|x| x * x).sum::<f64>()).sum();
        if off <= whole * NEGLIGIBLE {
            break;
        }
        for row in 1..width {
            for column in 0..row {
                turn(&mut square, &mut vectors, width, column, row);
            }
        }
    }
    let value = |at: usize| square[at * width + at];
    let mut order: Vec<usize> = (0..width).collect();
    order.sort_by(|a, b| value(*b).total_cmp(&value(*a)));
    let rows = order.iter().flat_map(|at| &vectors[at * width..(at + 1) * width]).copied().collect();
    (order.iter().map(|at| value(*at)).collect(), rows)
}

/// Turns the plane of two directions, `p` below `q`, so that their cell becomes zero (ibid., algorithm 8.5.1).
fn turn(square: &mut [f64], vectors: &mut [f64], width: usize, p: usize, q: usize) {
    let cell = square[q * width + p];
    if cell == 0.0 {
        return;
    }
    let slope = (square[q * width + q] - square[p * width + p]) / (2.0 * cell);
    let tangent = slope.signum() / (slope.abs() + libm::sqrt(1.0 + slope * slope));
    let cosine = 1.0 / libm::sqrt(1.0 + tangent * tangent);
    let sine = tangent * cosine;
    mix(square, width, p, q, cosine, sine);
    // The same from the other side; whole rows are mixed above, and the columns here.
    for row in square.chunks_exact_mut(width) {
        let (a, b) = (row[p], row[q]);
        (row[p], row[q]) = (cosine * a - sine * b, sine * a + cosine * b);
    }
    // What rounding has left of it.
    (square[p * width + q], square[q * width + p]) = (0.0, 0.0);
    mix(vectors, width, p, q, cosine, sine);
}

/// Mixes two rows, the first of them above the second.
fn mix(square: &mut [f64], width: usize, p: usize, q: usize, cosine: f64, sine: f64) {
    let (above, below) = square.split_at_mut(q * width);
    for (a, b) in above[p * width..(p + 1) * width].iter_mut().zip(&mut below[..width]) {
        (*a, *b) = (cosine * *a - sine * *b, sine * *a + cosine * *b);
    }
}

/// More sweeps than any matrix of finite numbers has been seen to need.
const SWEEPS: usize = 30;
/// The squares off the diagonal that are left, as a share of all squares: about the square of what rounding leaves.
const NEGLIGIBLE: f64 = 1e-30;

#[cfg(test)]
mod tests {
    use super::*;

    /// 2 and 4 along the diagonals of a square, by hand.
    #[test]
    fn the_directions_of_a_worked_example() {
        let (values, vectors) = eigen(&[3.0, 0.0, 1.0, 3.0], 2);
        assert!((values[0] - 4.0).abs() < 1e-15 && (values[1] - 2.0).abs() < 1e-15, "{values:?}");
        assert!((vectors[0] - vectors[1]).abs() < 1e-15 && (vectors[0].abs() - 0.5_f64.sqrt()).abs() < 1e-15);
        assert!((vectors[2] + vectors[3]).abs() < 1e-15);
        assert_eq!(eigen(&[], 0), (Vec::new(), Vec::new()));
    }

    /// Every direction is only stretched, by falling amounts, and they are orthonormal: also where some amounts are
    /// equal, and some zero.
    #[test]
    fn directions_are_stretched_alone() {
        for width in [1, 5, 24] {
            // A sum of squares of fewer directions than there are, and one direction of equal strength for each.
            let part = |row: usize, at: usize| ((row * 37 + at * 11 + 5) % 17) as f64 - 8.0;
            let depth = width / 2 + 1;
            let a: Vec<f64> = (0..width * width)
                .map(|at| {
                    let (row, column) = (at / width, at % width);
                    (0..depth).map(|k| part(row, k) * part(column, k)).sum::<f64>()
                })
                .collect();
            let (values, vectors) = eigen(&a, width);
            assert!(values.is_sorted_by(|a, b| a >= b));
            let scale = values[0].max(1.0);
            for (i, value) in values.iter().enumerate() {
                let vector = &vectors[i * width..(i + 1) * width];
                for row in 0..width {
                    let image: f64 = (0..width).map(|k| a[row * width + k] * vector[k]).sum();
                    assert!((image - value * vector[row]).abs() < 1e-12 * scale, "{width} {i} {row}");
                }
                for j in 0..width {
                    let product: f64 =
                        vector.iter().zip(&vectors[j * width..(j + 1) * width]).map(|(a, b)| a * b).sum();
                    assert!((product - f64::from(u8::from(i == j))).abs() < 1e-12);
                }
            }
        }
    }
}
