//! Two means compared without taking their variances for equal (Welch, "The generalization of 'Student's' problem
//! when several different population variances are involved", Biometrika 34, 1947), and many such tests at once
//! (Benjamini and Hochberg, "Controlling the false discovery rate", 1995).

use serde::{Deserialize, Serialize};

use super::{Interval, Level, regularized_beta};

/// Count, mean and spread of numbers, one at a time (Welford, 1962), so that large means lose no digits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Moments {
    count: u64,
    mean: f64,
    /// The sum of squared distances from the mean.
    squares: f64,
}

impl Moments {
    /// Takes in a number.
    pub fn observe(&mut self, number: f64) {
        self.count += 1;
        let before = number - self.mean;
        // Counts beyond 2^53 are rounded by a part in 10^16.
        self.mean += before / self.count as f64;
        self.squares += before * (number - self.mean);
    }

    /// How many numbers there were.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.count
    }
    /// Their mean; zero of none.
    #[must_use]
    pub const fn mean(&self) -> f64 {
        self.mean
    }
    /// Their variance as an estimate for all that could come; zero of fewer than two.
    #[must_use]
    pub fn variance(&self) -> f64 {
        if self.count < 2 { 0.0 } else { self.squares / (self.count - 1) as f64 }
    }

    /// The squared standard error of the mean.
    fn error(&self) -> f64 {
        if self.count == 0 { 0.0 } else { self.variance() / self.count as f64 }
    }
}

/// The difference between two means, as Welch's test sees it.
///
/// ```
/// use bespoke::stats::{Level, Moments, Welch};
/// let of = |numbers: &[f64]| {
///     let mut moments = Moments::default();
///     numbers.iter().for_each(|number| moments.observe(*number));
///     moments
/// };
/// // R: t.test(c(30.02, 29.99, 30.11, 29.97, 30.01, 29.99), c(29.89, 29.93, 29.72, 29.98, 30.02, 29.98))
/// let welch = Welch::new(
///     &of(&[30.02, 29.99, 30.11, 29.97, 30.01, 29.99]),
///     &of(&[29.89, 29.93, 29.72, 29.98, 30.02, 29.98]),
/// ).unwrap();
/// assert!((welch.difference - 0.095).abs() < 1e-12 && (welch.p - 0.09077).abs() < 5e-6);
/// let interval = welch.interval(Level::USUAL);
/// assert!(interval.low < 0.0 && interval.high > 0.19);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Welch {
    /// The first mean less the second.
    pub difference: f64,
    /// The standard error of the difference.
    pub error: f64,
    /// The degrees of freedom by Welch and Satterthwaite.
    pub freedom: f64,
    /// How likely a difference this large or larger, in either direction, is if there is none.
    pub p: f64,
}

impl Welch {
    /// Compares two samples; `None` if one has fewer than two numbers, or neither varies.
    #[must_use]
    pub fn new(a: &Moments, b: &Moments) -> Option<Self> {
        if a.count < 2 || b.count < 2 {
            return None;
        }
        let (of_a, of_b) = (a.error(), b.error());
        let sum = of_a + of_b;
        if sum.is_nan() || sum <= 0.0 {
            return None;
        }
        let freedom = sum * sum / (of_a * of_a / (a.count - 1) as f64 + of_b * of_b / (b.count - 1) as f64);
        let (difference, error) = (a.mean - b.mean, libm::sqrt(sum));
        let p = student_both_tails(difference / error, freedom);
        Some(Self { difference, error, freedom, p })
    }

    /// Where the difference is likely to lie.
    #[must_use]
    pub fn interval(&self, level: Level) -> Interval {
        let reach = self.error * student_upper_quantile(level.tail(), self.freedom);
        Interval { low: self.difference - reach, high: self.difference + reach }
    }
}

/// The probability that Student's t lies further from zero than `t`.
fn student_both_tails(t: f64, freedom: f64) -> f64 {
    // Abramowitz and Stegun 26.7.1 and 26.5.27.
    regularized_beta(0.5 * freedom, 0.5, freedom / (freedom + t * t)).lower
}

/// What Student's t exceeds with probability `tail`, by bisection on its own tail.
fn student_upper_quantile(tail: f64, freedom: f64) -> f64 {
    let (mut low, mut high) = (0.0, 2.0);
    while student_both_tails(high, freedom) > 2.0 * tail && high < 1e12 {
        (low, high) = (high, 2.0 * high);
    }
    for _ in 0..60 {
        let t = 0.5 * (low + high);
        if student_both_tails(t, freedom) > 2.0 * tail { low = t } else { high = t }
    }
    0.5 * (low + high)
}

/// What each of many tests says once their number is taken into account: the smallest share of false discoveries at
/// which it counts as one (Benjamini and Hochberg, 1995, as adjusted p-values). In the order of the tests.
///
/// It holds for independent tests, and for those that rise and fall together (Benjamini and Yekutieli, 2001).
///
/// ```
/// // R: p.adjust(c(0.01, 0.02, 0.03, 0.5), "BH")
/// let q = bespoke::stats::false_discovery(&[0.01, 0.02, 0.03, 0.5]);
/// assert!(q.iter().zip([0.04, 0.04, 0.04, 0.5]).all(|(q, wanted)| (q - wanted).abs() < 1e-12));
/// ```
#[must_use]
pub fn false_discovery(p: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|a, b| p[*a].total_cmp(&p[*b]));
    let (mut q, mut least) = (vec![1.0; p.len()], 1.0_f64);
    for (rank, at) in order.iter().enumerate().rev() {
        // Tests are far fewer than 2^53.
        least = least.min(p[*at] * p.len() as f64 / (rank + 1) as f64);
        q[*at] = least;
    }
    q
}

#[cfg(test)]
mod tests {
    use super::*;
    use statrs::distribution::{ContinuousCDF, StudentsT};

    #[test]
    fn tails_and_quantiles_are_students() {
        for freedom in [1.0, 2.5, 7.03, 30.0, 1_000.0, 50_000.0] {
            let student = StudentsT::new(0.0, 1.0, freedom).unwrap();
            for t in [0.0, 0.3, 1.0, 1.959_964, 4.0, 9.0] {
                let (ours, theirs) = (student_both_tails(t, freedom), 2.0 * student.sf(t));
                assert!((ours - theirs).abs() < 1e-9, "{freedom} {t}: {ours} {theirs}");
            }
            let t = student_upper_quantile(0.025, freedom);
            assert!((student.sf(t) - 0.025).abs() < 1e-9, "{freedom} {t}");
        }
    }

    /// Tables of Student's t, such as R's `qt(0.975, c(1, 10, 120))`.
    #[test]
    fn quantiles_are_those_of_the_tables() {
        for (freedom, wanted) in [(1.0, 12.706_204_736), (10.0, 2.228_138_852), (120.0, 1.979_930_405)] {
            assert!((student_upper_quantile(0.025, freedom) - wanted).abs() < 1e-7);
        }
    }

    #[test]
    fn what_cannot_be_compared_is_not() {
        let mut same = Moments::default();
        (0..5).for_each(|_| same.observe(3.0));
        assert_eq!(Welch::new(&same, &same), None);
        assert_eq!(Welch::new(&Moments::default(), &same), None);
    }

    /// With no effect anywhere, any discovery is a false one, and the share of runs with one is at most the level.
    /// Over 4,000 runs of 20 tests the standard error of 5 % is 0.0034; the bound is five of them.
    #[test]
    fn where_nothing_is_there_one_run_in_twenty_finds_something() {
        let mut state = 1_u64;
        let mut unit = || {
            state = crate::hash::combine(&[state, 1]);
            crate::hash::unit(state)
        };
        let found = (0..4_000).filter(|_| {
            let p: Vec<f64> = (0..20).map(|_| unit()).collect();
            false_discovery(&p).iter().any(|q| *q <= 0.05)
        });
        let share = found.count() as f64 / 4_000.0;
        assert!((share - 0.05).abs() < 5.0 * 0.0034, "{share}");
    }
}
