//! The triangular factor of a positive definite matrix (Golub and Van Loan, "Matrix Computations", 4th edition, §4.2).

/// The lower triangle `l` with `l lᵀ = a`, in place; `a` is a square of `width` of which the lower triangle is read.
///
/// A pivot that is not above `floor` times the largest diagonal element is raised to it, so that a matrix which is
/// not quite positive definite, by rounding or because columns depend on each other, has a factor too. Cost: k³ / 3.
pub(crate) fn cholesky(a: &mut [f64], width: usize, floor: f64) {
    let largest = (0..width).map(|i| a[i * width + i]).fold(f64::MIN_POSITIVE, f64::max);
    for row in 0..width {
        let (done, rest) = a.split_at_mut(row * width);
        let current = &mut rest[..width];
        for column in 0..row {
            let other = &done[column * width..(column + 1) * width];
            let sum = dot64(&current[..column], &other[..column]);
            current[column] = (current[column] - sum) / other[column];
        }
        let pivot = current[row] - dot64(&current[..row], &current[..row]);
        current[row] = pivot.max(floor * largest).sqrt();
        current[row + 1..].fill(0.0);
    }
}

/// The transpose of the inverse of a lower triangle: an upper triangle. Cost: k³ / 6.
pub(crate) fn inverse_transposed(lower: &[f64], width: usize) -> Vec<f64> {
    // Row j of the result is column j of the inverse, found by forward substitution.
    let mut upper = vec![0.0; width * width];
    for (start, column) in upper.chunks_mut(width.max(1)).enumerate() {
        column[start] = 1.0 / lower[start * width + start];
        for row in start + 1..width {
            let sum = dot64(&lower[row * width + start..row * width + row], &column[start..row]);
            column[row] = -sum / lower[row * width + row];
        }
    }
    upper
}

/// Replaces `b` by the `x` with `l x = b`. Cost: k² / 2.
pub(crate) fn solve_lower(lower: &[f64], width: usize, b: &mut [f64]) {
    for row in 0..width {
        let cells = &lower[row * width..=row * width + row];
        b[row] = (b[row] - dot64(&cells[..row], &b[..row])) / cells[row];
    }
}

/// Replaces `b` by the `x` with `lᵀ x = b`. Cost: k² / 2.
pub(crate) fn solve_upper(lower: &[f64], width: usize, b: &mut [f64]) {
    for row in (0..width).rev() {
        let cells = &lower[row * width..=row * width + row];
        let x = b[row] / cells[row];
        b[row] = x;
        for (b, cell) in b[..row].iter_mut().zip(cells) {
            *b -= x * cell;
        }
    }
}

/// The sum of products, in four lanes.
pub(crate) fn dot64(a: &[f64], b: &[f64]) -> f64 {
    let mut lanes = [0.0; 4];
    let (chunks_a, chunks_b) = (a.chunks_exact(4), b.chunks_exact(4));
    let rest: f64 = chunks_a.remainder().iter().zip(chunks_b.remainder()).map(|(a, b)| a * b).sum();
    for (a, b) in chunks_a.zip(chunks_b) {
        for (lane, (a, b)) in lanes.iter_mut().zip(a.iter().zip(b)) {
            *lane += a * b;
        }
    }
    (lanes[0] + lanes[1]) + (lanes[2] + lanes[3]) + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_factor_of_a_worked_example() {
        // Wikipedia, "Cholesky decomposition", example.
        let mut a = vec![4.0, 12.0, -16.0, 12.0, 37.0, -43.0, -16.0, -43.0, 98.0];
        cholesky(&mut a, 3, 0.0);
        assert_eq!(a, [2.0, 0.0, 0.0, 6.0, 1.0, 0.0, -8.0, 5.0, 3.0]);
        let upper = inverse_transposed(&a, 3);
        for row in 0..3 {
            for column in 0..3 {
                let product: f64 = (0..3).map(|i| a[row * 3 + i] * upper[column * 3 + i]).sum();
                assert!((product - f64::from(u8::from(row == column))).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn a_matrix_without_full_rank_has_a_factor() {
        let mut a = vec![1.0, 1.0, 1.0, 1.0];
        cholesky(&mut a, 2, 1e-12);
        assert!(a.iter().all(|x| x.is_finite()));
    }
}
