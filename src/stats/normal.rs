//! The standard normal distribution: tails, density, quantiles; and the inverse error functions, which are the same
//! quantiles in other units.

use core::f64::consts::{FRAC_1_SQRT_2, SQRT_2};

/// The density of a standard normal number at `z`.
#[must_use]
pub fn normal_density(z: f64) -> f64 {
    libm::exp(-0.5 * z * z) * FRAC_1_SQRT_2PI
}

/// The probability that a standard normal number is below `z`, accurate also where it is tiny.
///
/// ```
/// assert!((bespoke::stats::normal_lower_tail(-20.0) / 2.753_624_118_606_233_7e-89 - 1.0).abs() < 1e-13); // mpmath
/// ```
#[must_use]
pub fn normal_lower_tail(z: f64) -> f64 {
    normal_upper_tail(-z)
}

/// The probability that a standard normal number exceeds `z`, accurate also where it is tiny.
#[must_use]
pub fn normal_upper_tail(z: f64) -> f64 {
    0.5 * libm::erfc(z * FRAC_1_SQRT_2)
}

/// The probability that a standard normal number lies further from zero than `z`, on either side.
#[must_use]
pub fn normal_both_tails(z: f64) -> f64 {
    libm::erfc(z.abs() * FRAC_1_SQRT_2)
}

/// The number that a standard normal variable exceeds with probability `tail`; infinite at 0 and 1 and beyond.
///
/// Wichura's rational approximations (algorithm AS 241, "The percentage points of the normal distribution", 1988),
/// good to about 1e-15 of the value.
///
/// ```
/// let z = bespoke::stats::normal_upper_quantile(0.025);
/// assert!((z - 1.959963984540054).abs() < 1e-14); // R's qnorm(0.975)
/// ```
#[must_use]
pub fn normal_upper_quantile(tail: f64) -> f64 {
    -normal_quantile(tail)
}

/// The number below which a standard normal variable lies with probability `p`; infinite at 0 and 1 and beyond.
///
/// ```
/// assert!((bespoke::stats::normal_quantile(0.8) - 0.841_621_233_572_914_2).abs() < 1e-15);
/// ```
#[must_use]
pub fn normal_quantile(p: f64) -> f64 {
    quantile(p, p - 0.5)
}

/// The inverse of the error function on (-1, 1); infinite at its ends and beyond.
///
/// ```
/// assert!((bespoke::stats::inverse_erf(0.5) - 0.476_936_276_204_469_9).abs() < 1e-15); // mpmath
/// ```
#[must_use]
pub fn inverse_erf(y: f64) -> f64 {
    // The lower probability would round y away; what is left of the middle is exact.
    quantile(if y < 0.0 { 0.5 * (1.0 + y) } else { 0.5 + 0.5 * y }, 0.5 * y) / SQRT_2
}

/// The inverse of the complementary error function on (0, 2), accurate also near 0; infinite at its ends and beyond.
///
/// ```
/// assert!((bespoke::stats::inverse_erfc(1e-20) - 6.601_580_622_355_143).abs() < 1e-14); // mpmath
/// ```
#[must_use]
pub fn inverse_erfc(y: f64) -> f64 {
    // y / 2 is the upper tail.
    -quantile(0.5 * y, 0.5 * (y - 1.0)) / SQRT_2
}

/// The quantile at `p`, which is `middle` away from one half.
fn quantile(p: f64, middle: f64) -> f64 {
    if middle.abs() <= 0.425 {
        let r = 0.180_625 - middle * middle;
        return middle * horner(&CENTRAL, r);
    }
    let tail = if middle < 0.0 { p } else { 0.5 - middle };
    if tail.is_nan() || tail <= 0.0 {
        return if middle < 0.0 { f64::NEG_INFINITY } else { f64::INFINITY };
    }
    let r = libm::sqrt(-libm::log(tail));
    let z = if r <= 5.0 { horner(&NEAR, r - 1.6) } else { horner(&FAR, r - 5.0) };
    if middle < 0.0 { -z } else { z }
}

/// A quotient of two polynomials of degree seven.
fn horner((above, below): &([f64; 8], [f64; 8]), x: f64) -> f64 {
    let value = |of: &[f64; 8]| of.iter().rev().fold(0.0, |sum, c| sum * x + c);
    value(above) / value(below)
}

/// The density at zero, 1 / √(2π).
const FRAC_1_SQRT_2PI: f64 = 0.398_942_280_401_432_7;

const CENTRAL: ([f64; 8], [f64; 8]) = (
    [
        3.387_132_872_796_366_6,
        133.141_667_891_784_38,
        1_971.590_950_306_551_4,
        13_731.693_765_509_461,
        45_921.953_931_549_87,
        67_265.770_927_008_7,
        33_430.575_583_588_13,
        2_509.080_928_730_122_7,
    ],
    [
        1.0,
        42.313_330_701_600_91,
        687.187_007_492_057_9,
        5_394.196_021_424_751,
        21_213.794_301_586_597,
        39_307.895_800_092_71,
        28_729.085_735_721_943,
        5_226.495_278_852_854,
    ],
);
const NEAR: ([f64; 8], [f64; 8]) = (
    [
        1.423_437_110_749_683_5,
        4.630_337_846_156_546,
        5.769_497_221_460_691,
        3.647_848_324_763_204_5,
        1.270_458_252_452_368_4,
        0.241_780_725_177_450_6,
        0.022_723_844_989_269_184,
        7.745_450_142_783_414e-4,
    ],
    [
        1.0,
        2.053_191_626_637_759,
        1.676_384_830_183_803_8,
        0.689_767_334_985_1,
        0.148_103_976_427_480_08,
        0.015_198_666_563_616_457,
        5.475_938_084_995_345e-4,
        1.050_750_071_644_416_9e-9,
    ],
);
const FAR: ([f64; 8], [f64; 8]) = (
    [
        6.657_904_643_501_103,
        5.463_784_911_164_114,
        1.784_826_539_917_291_3,
        0.296_560_571_828_504_87,
        0.026_532_189_526_576_124,
        0.001_242_660_947_388_078_4,
        2.711_555_568_743_487_6e-5,
        2.010_334_399_292_288_1e-7,
    ],
    [
        1.0,
        0.599_832_206_555_888,
        0.136_929_880_922_735_8,
        0.014_875_361_290_850_615,
        7.868_691_311_456_133e-4,
        1.846_318_317_510_054_8e-5,
        1.421_511_758_316_446e-7,
        2.044_263_103_389_939_8e-15,
    ],
);
