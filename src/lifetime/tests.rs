//! The models against other implementations, against themselves, and on customers that no model fits.

use super::*;
use crate::stats::{Undefined, hypergeometric};

#[track_caller]
fn close(found: f64, wanted: f64, relative: f64) {
    assert!((found - wanted).abs() <= relative * wanted.abs(), "{found:e} is not {wanted:e} to {relative:e}");
}

fn paper() -> BgNbd {
    BgNbd::new(0.243, 4.414, 0.793, 2.426).unwrap()
}

fn customer(x: u64, t: f64, end: f64) -> Purchases {
    Purchases::new(x, t, end, 0.0).unwrap()
}

/// mpmath 1.4 at 40 digits, by equations 6 to 10 as they stand.
#[test]
fn the_model_is_that_of_the_paper() {
    let model = paper();
    close(model.expected(&customer(0, 0.0, 38.86), 39.0), 0.195_098_052_011_262_62, 1e-12);
    close(model.expected(&customer(29, 37.71, 38.71), 39.0), 19.415_568_259_139_58, 1e-12);
    close(model.expected(&customer(5, 5.0, 38.86), 26.0), 0.007_341_587_511_491_687, 1e-12);
    close(model.alive(&customer(5, 5.0, 38.86)), 0.002_717_973_701_211_311, 1e-12);
    let shares =
        [0.491_027_725_058_527_26, 0.210_494_262_150_158_57, 0.096_754_294_896_041_7, 0.055_046_615_521_459_084];
    for (n, wanted) in shares.into_iter().enumerate() {
        close(model.probability_of_new(n as u64, 78.0), wanted, 1e-12);
    }
    let few = [(0, 0.0, 37.0), (1, 16.57, 37.0), (0, 0.0, 37.0), (2, 32.0, 37.0), (0, 0.0, 36.86), (1, 8.86, 36.86)]
        .into_iter()
        .chain([
            (3, 2.71, 36.86),
            (25, 27.29, 36.86),
            (0, 0.0, 36.86),
            (0, 0.0, 36.86),
            (0, 0.0, 36.86),
            (0, 0.0, 36.86),
        ]);
    let few: Vec<Purchases> = few.map(|(x, t, end)| customer(x, t, end)).collect();
    close(BgNbd::new(0.5, 8.0, 1.2, 3.0).unwrap().ln_likelihood(&few), -73.334_711_725_860_53, 1e-13);
}

/// Equation 10 with the hypergeometric function as the paper has it, and `a` on both sides of one.
#[test]
fn one_is_no_special_drop_out() {
    let direct = |a: f64, x: f64, since: f64, t: f64| {
        let (r, b) = (0.6, 2.2);
        let f = hypergeometric(r + x, b + x, a + b + x - 1.0, t / (since + t)).unwrap();
        (a + b + x - 1.0) / (a - 1.0) * (1.0 - libm::pow(since / (since + t), r + x) * f)
    };
    for x in [1, 4, 40] {
        let expected = |a: f64| {
            let model = BgNbd::new(0.6, 5.0, a, 2.2).unwrap();
            let person = customer(x, 20.0, 30.0);
            model.expected(&person, 25.0) / model.alive(&person)
        };
        for a in [0.3, 0.9, 1.2, 3.0] {
            close(expected(a), direct(a, x as f64, 35.0, 25.0), 1e-10);
        }
        // Continuous through one: a step of 1e-6 changes it by about as much.
        assert!((expected(1.0) / expected(1.0 + 1e-6) - 1.0).abs() < 1e-5);
        assert!((expected(1.0) / expected(1.0 - 1e-6) - 1.0).abs() < 1e-5);
    }
}

#[test]
fn shares_of_purchases_sum_to_one_and_to_the_mean() {
    let model = paper();
    let shares: Vec<f64> = (0..2_000).map(|n| model.probability_of_new(n, 30.0)).collect();
    close(shares.iter().sum(), 1.0, 1e-10);
    let mean: f64 = shares.iter().enumerate().map(|(n, share)| n as f64 * share).sum();
    close(mean, model.expected_of_new(30.0), 1e-9);
}

/// Customers drawn from the model by a fixed stream: its parameters come back to within what 4,000 customers tell
/// (standard errors by the curvature of the likelihood are near 4 % for r and α, and 12 % for a and b).
#[test]
fn a_fit_finds_the_parameters_that_made_the_data() {
    let mut state = 9_u64;
    let mut unit = || {
        state = crate::hash::combine(&[state, 7]);
        crate::hash::unit(state).max(1e-12)
    };
    let mut customers = Vec::new();
    for _ in 0..4_000 {
        // Exponential rates (r = 1) with α = 6, and drop-out by a = 1, b = 3: 1 - U^(1/3).
        let rate = -libm::log(unit()) / 6.0;
        let leaves = 1.0 - libm::pow(unit(), 1.0 / 3.0);
        let (mut x, mut last, mut at) = (0, 0.0, 0.0);
        loop {
            at -= libm::log(unit()) / rate;
            if at > 40.0 {
                break;
            }
            (x, last) = (x + 1, at);
            if unit() < leaves {
                break;
            }
        }
        customers.push(customer(x, last, 40.0));
    }
    let model = BgNbd::fit(&customers).unwrap();
    let (r, alpha, a, b) = model.parameters();
    close(r, 1.0, 0.2);
    close(alpha, 6.0, 0.2);
    close(a / (a + b), 0.25, 0.15);
    // No neighbour is likelier.
    let best = model.ln_likelihood(&customers);
    for i in 0..4 {
        for factor in [0.99, 1.01] {
            let mut near = [r, alpha, a, b];
            near[i] *= factor;
            assert!(BgNbd::new(near[0], near[1], near[2], near[3]).unwrap().ln_likelihood(&customers) < best);
        }
    }
}

#[test]
fn customers_that_no_model_fits_are_refused_with_a_reason() {
    assert_eq!(BgNbd::fit(&[]), Err(Undefined::NoUnits));
    assert_eq!(BgNbd::fit(&[customer(0, 0.0, 10.0), customer(0, 0.0, 12.0)]), Err(Undefined::NoRepeats));
    assert_eq!(GammaGamma::fit(&[customer(3, 1.0, 2.0)]), Err(Undefined::NoRepeats));
    assert_eq!(Purchases::new(1, 3.0, 2.0, 0.0), Err(Undefined::RecencyAfterEnd));
    assert_eq!(Purchases::new(1, f64::NAN, 2.0, 0.0), Err(Undefined::NotFinite));
    assert_eq!(Purchases::new(1, 1.0, 2.0, -5.0), Err(Undefined::Parameter));
    assert_eq!(Purchases::of_days(&[(9, 1.0)], 5), Err(Undefined::NoUnits));
    assert_eq!(BgNbd::new(0.0, 1.0, 1.0, 1.0), Err(Undefined::Parameter));
    // All alike, a single one, none who ever leaves, times of zero, and counts of millions: an answer or a reason.
    let spent = |x, t, end, m| Purchases::new(x, t, end, m).unwrap();
    for hostile in [
        vec![spent(3, 10.0, 20.0, 5.0); 50],
        vec![spent(1, 0.0, 0.0, 1e-300)],
        vec![spent(2, 20.0, 20.0, 7.0), spent(3, 20.0, 20.0, 7.0)],
        vec![spent(5_000_000, 1e-9, 1e9, 1e12), spent(0, 0.0, 1e-9, 0.0)],
        vec![spent(u64::MAX, 1e300, 1e300, 1e300), spent(1, 0.5, 1e300, 2.0)],
    ] {
        if let Ok(model) = BgNbd::fit(&hostile) {
            assert!(
                hostile.iter().all(|c| model.expected(c, 10.0).is_finite() && (0.0..=1.0).contains(&model.alive(c)))
            );
        }
        if let Ok(model) = GammaGamma::fit(&hostile) {
            assert!(hostile.iter().all(|c| model.expected(c).is_none_or(f64::is_finite)));
        }
    }
}

/// lifetimes 0.11.3: `summary_data_from_transaction_data` on the same days.
#[test]
fn a_summary_counts_days_with_purchases() {
    let orders = [(9, 7.0), (5, 10.0), (5, 20.0), (40, 3.0), (40, 2.0), (300, 99.0)];
    let found = Purchases::of_days(&orders, 270).unwrap();
    assert_eq!((found.repeats(), found.mean_spend()), (2, 6.0));
    assert_eq!((found.recency(), found.observed()), (5.0, 265.0 / 7.0));
    let once = Purchases::of_days(&[(0, 5.0), (0, 6.0)], 200).unwrap();
    assert_eq!((once.repeats(), once.recency(), once.mean_spend()), (0, 0.0, 0.0));
}

#[test]
fn scores_are_groups_as_equal_as_they_can_be() {
    let values: Vec<f64> = (0..11).map(|i| f64::from(i * 7 % 11)).collect();
    let scores = quantile_scores(&values, 5).unwrap();
    let sizes: Vec<usize> = (1..=5).map(|k| scores.iter().filter(|score| **score == k).count()).collect();
    assert_eq!(sizes, [3, 2, 2, 2, 2]);
    assert_eq!(quantile_scores(&[], 5), Ok(Vec::new()));
    assert_eq!(quantile_scores(&[f64::NAN], 5), Err(Undefined::NotFinite));
    assert_eq!(quantile_scores(&[1.0], 0), Err(Undefined::Parameter));
}
