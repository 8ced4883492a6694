//! The 16-point Gauss–Legendre rule on [-1, 1], and the integrals of its interpolating polynomials.

/// The points, descending.
pub(crate) const NODES: [f64; 16] = [
    0.989_400_934_991_649_9,
    0.944_575_023_073_232_6,
    0.865_631_202_387_831_7,
    0.755_404_408_355_003,
    0.617_876_244_402_643_7,
    0.458_016_777_657_227_4,
    0.281_603_550_779_258_9,
    0.095_012_509_837_637_44,
    -0.095_012_509_837_637_44,
    -0.281_603_550_779_258_9,
    -0.458_016_777_657_227_4,
    -0.617_876_244_402_643_7,
    -0.755_404_408_355_003,
    -0.865_631_202_387_831_7,
    -0.944_575_023_073_232_6,
    -0.989_400_934_991_649_9,
];

/// The weights of the points (Abramowitz and Stegun, table 25.4).
pub(crate) const WEIGHTS: [f64; 16] = [
    0.027_152_459_411_754_095,
    0.062_253_523_938_647_894,
    0.095_158_511_682_492_78,
    0.124_628_971_255_533_87,
    0.149_595_988_816_576_73,
    0.169_156_519_395_002_54,
    0.182_603_415_044_923_6,
    0.189_450_610_455_068_5,
    0.189_450_610_455_068_5,
    0.182_603_415_044_923_6,
    0.169_156_519_395_002_54,
    0.149_595_988_816_576_73,
    0.124_628_971_255_533_87,
    0.095_158_511_682_492_78,
    0.062_253_523_938_647_894,
    0.027_152_459_411_754_095,
];

/// `UPPER[l][k]` is the integral from point `k` to 1 of the polynomial that is 1 at point `l` and 0 at the others.
///
/// From its expansion in Legendre polynomials: `w_l / 2 Σ_m (2m + 1) P_m(x_l) ∫ P_m`, where the integral of `P_m` from
/// `x` to 1 is `(P_{m-1}(x) - P_{m+1}(x)) / (2m + 1)`.
pub(crate) static UPPER: [[f64; 16]; 16] = upper();

// A `const fn` has no iterators.
const fn upper() -> [[f64; 16]; 16] {
    let mut matrix = [[0.0; 16]; 16];
    let mut l = 0;
    while l < 16 {
        let at_l = legendre(NODES[l]);
        let mut k = 0;
        while k < 16 {
            let at_k = legendre(NODES[k]);
            let mut sum = 1.0 - NODES[k];
            let mut m = 1;
            while m < 16 {
                sum += at_l[m] * (at_k[m - 1] - at_k[m + 1]);
                m += 1;
            }
            matrix[l][k] = 0.5 * WEIGHTS[l] * sum;
            k += 1;
        }
        l += 1;
    }
    matrix
}

/// The Legendre polynomials of degree 0 to 16 at a point, by Bonnet's recurrence.
const fn legendre(x: f64) -> [f64; 17] {
    let mut values = [1.0; 17];
    values[1] = x;
    let mut m = 1;
    while m < 16 {
        let degree = m as f64;
        values[m + 1] = ((2.0 * degree + 1.0) * x * values[m] - degree * values[m - 1]) / (degree + 1.0);
        m += 1;
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_polynomial_of_degree_fifteen_is_integrated_from_every_point() {
        for (k, x) in NODES.into_iter().enumerate() {
            let sum: f64 = (0..16).map(|l| UPPER[l][k] * 16.0 * libm::pow(NODES[l], 15.0)).sum();
            assert!((sum - (1.0 - libm::pow(x, 16.0))).abs() < 1e-14);
        }
    }
}
