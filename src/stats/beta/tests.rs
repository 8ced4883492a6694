//! Tails, quantiles and draws against values from elsewhere.

use core::convert::Infallible;

use rand::{Rng, TryRng};
use statrs::distribution::{Continuous, ContinuousCDF};

use super::Beta;
use crate::stats::{Alpha, StatsError, Undefined, jeffreys, normal_upper_quantile, wilson};

/// SplitMix64 (Steele, Lea and Flood, 2014).
struct SplitMix(u64);
impl TryRng for SplitMix {
    type Error = Infallible;
    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        self.try_next_u64().map(|n| (n >> 32) as u32)
    }
    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        Ok(z ^ (z >> 31))
    }
    fn try_fill_bytes(&mut self, dest: &mut [u8]) -> Result<(), Infallible> {
        dest.iter_mut().for_each(|byte| *byte = self.next_u64() as u8);
        Ok(())
    }
}

#[track_caller]
fn close(found: f64, wanted: f64, relative: f64) {
    assert!((found - wanted).abs() <= relative * wanted.abs(), "{found:e} is not {wanted:e} to {relative:e}");
}

/// `betainc(a, b, 0, x, regularized=True)` of mpmath 1.3 at 30 digits, and its complement.
const TAILS: [(f64, f64, f64, f64, f64); 5] = [
    (0.5, 0.5, 0.3, 0.369_010_119_565_545_4, 0.630_989_880_434_454_6),
    (2.5, 7.0, 0.1, 0.101_880_299_113_054_43, 0.898_119_700_886_945_6),
    (30.0, 50.0, 0.2, 1.722_945_272_179_604_2e-4, 0.999_827_705_472_782),
    (1.0, 10_000.0, 0.002, 0.999_999_997_979_714, 2.020_286_090_238_499_3e-9),
    (300.0, 700.0, 0.2, 3.328_240_872_606_494e-14, 0.999_999_999_999_966_7),
];

#[test]
fn both_tails_are_those_of_mpmath() {
    for (a, b, x, lower, upper) in TAILS {
        let beta = Beta::new(a, b).unwrap();
        close(beta.cdf(x), lower, 1e-12);
        close(beta.sf(x), upper, 1e-12);
    }
}

#[test]
fn large_parameters_keep_their_tails() {
    // mpmath 1.3: the density integrated at 30 digits.
    close(Beta::new(5e4, 5e4).unwrap().cdf(0.4985), 0.171_390_915_902_228_5, 1e-12);
    close(Beta::new(1e6, 9e6).unwrap().cdf(0.0998), 0.017_465_613_242_324_2, 1e-11);
}

#[test]
fn the_distribution_agrees_with_statrs() {
    for a in [0.1, 0.7, 1.0, 3.0, 40.0, 900.0] {
        for b in [0.1, 1.0, 2.5, 70.0, 2_000.0] {
            let (ours, theirs) = (Beta::new(a, b).unwrap(), statrs::distribution::Beta::new(a, b).unwrap());
            for x in [0.001, 0.05, 0.3, 0.5, 0.8, 0.99] {
                if theirs.cdf(x) > 1e-200 {
                    close(ours.cdf(x), theirs.cdf(x), 2e-11);
                }
                if theirs.sf(x) > 1e-200 {
                    close(ours.sf(x), theirs.sf(x), 2e-11);
                }
                assert!((ours.ln_density(x) - theirs.ln_pdf(x)).abs() < 1e-11 * theirs.ln_pdf(x).abs().max(1.0));
            }
        }
    }
}

#[test]
fn a_quantile_is_where_the_distribution_reaches_it() {
    for a in [0.1, 0.5, 1.0, 30.0, 5e3, 1e7] {
        for b in [0.1, 1.0, 8.0, 4e3, 1e6] {
            let beta = Beta::new(a, b).unwrap();
            for p in [1e-30, 1e-6, 0.025, 0.5, 0.975, 0.999_999] {
                let x = beta.quantile(p);
                // One unit in the last place of x changes the probability by this much.
                let unit = libm::exp(beta.ln_density(x)) * f64::EPSILON * x;
                if x > 1e-300 && x < 1.0 {
                    let found = beta.cdf(x);
                    assert!((found - p).abs() <= 1e-9 * p + 4.0 * unit, "{a} {b} {p}: {found}");
                }
            }
        }
    }
    // The closed form for α = 1: 1 - (1 - p)^(1/β).
    assert!((Beta::new(1.0, 3.0).unwrap().quantile(0.271) - (1.0 - libm::cbrt(0.729))).abs() < 1e-15);
}

#[test]
fn parameters_out_of_range_are_refused() {
    for bad in [0.0, -1.0, 0.09, 2e12, f64::NAN, f64::INFINITY] {
        assert!(matches!(Beta::new(1.0, bad), Err(StatsError::BetaParameter { .. })));
        assert_eq!(Alpha::new(bad - 2.0), Err(Undefined::Alpha));
    }
    assert!(serde_json::from_str::<Beta>("[0.0, 1.0]").is_err());
}

/// Over 20,000 draws the standard error of the mean is sd/141 and that of the variance below variance · √(5/20,000),
/// kurtosis being at most 6 here; the bounds are five of them.
#[test]
fn draws_have_the_mean_and_variance_of_the_distribution() {
    for (a, b) in [(0.3, 0.6), (1.0, 1.0), (2.0, 9.0), (300.0, 20.0)] {
        let beta = Beta::new(a, b).unwrap();
        let mut rng = SplitMix(7);
        let draws: Vec<f64> = (0..20_000).map(|_| beta.sample(&mut rng)).collect();
        let mean = draws.iter().sum::<f64>() / 20_000.0;
        let variance = draws.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / 20_000.0;
        assert!((mean - beta.mean()).abs() < 5.0 * libm::sqrt(beta.variance()) / 141.0, "{a} {b}: {mean}");
        assert!((variance / beta.variance() - 1.0).abs() < 5.0 * libm::sqrt(5.0 / 20_000.0), "{a} {b}: {variance}");
    }
}

#[test]
fn the_stream_of_draws_is_pinned() {
    let mut rng = SplitMix(1);
    let found =
        [(0.5, 0.5), (1.0, 1.0), (31.0, 71.0)].map(|(a, b)| Beta::new(a, b).unwrap().sample(&mut rng).to_bits());
    assert_eq!(found, GOLDEN, "{found:#x?}");
}
const GOLDEN: [u64; 3] = [0x3fe2_e5aa_383f_a2a7, 0x3faa_e625_745a_1034, 0x3fd1_517c_cc62_ca57];

#[test]
fn normal_quantiles_are_those_of_r() {
    // R 4: qnorm(c(0.5, 0.1, 0.025, 1e-3, 1e-20), lower.tail = FALSE)
    let wanted = [
        (0.5, 0.0),
        (0.1, 1.281_551_565_544_6),
        (0.025, 1.959_963_984_540_054),
        (0.001, 3.090_232_306_167_813),
        (1e-20, 9.262_340_089_798_408),
    ];
    for (tail, z) in wanted {
        assert!((normal_upper_quantile(tail) - z).abs() <= 2e-15 * f64::max(z, 1.0), "{tail}");
    }
}

#[test]
fn intervals_are_those_of_the_literature() {
    let alpha = Alpha::USUAL;
    // Brown, Cai and DasGupta (2001), table 5: the Jeffreys interval for n = 7, x = 2, to three digits.
    let found = jeffreys(2, 7, alpha).unwrap();
    assert!((found.low - 0.065).abs() < 6e-4 && (found.high - 0.648).abs() < 6e-4, "{found:?}");
    // Newcombe (1998), table I: score method without correction, 81/263 and 0/20.
    let found = wilson(81, 263, alpha).unwrap();
    assert!((found.low - 0.2553).abs() < 5e-5 && (found.high - 0.3662).abs() < 5e-5, "{found:?}");
    let found = wilson(0, 20, alpha).unwrap();
    assert!(found.low == 0.0 && (found.high - 0.1611).abs() < 5e-5, "{found:?}");
    assert!(wilson(3, 2, alpha).is_err() && jeffreys(3, 2, alpha).is_err());
}
