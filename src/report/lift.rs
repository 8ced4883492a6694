//! What a campaign has added, against those who were held out of it.

use serde::Serialize;

use crate::engine::Tally;
use crate::stats::{Alpha, Evidence, Interval, Moments, Proportion, Undefined};

/// What a campaign has added for each decision that was shown, and in all.
///
/// A decision is what is counted, not a person: where somebody is shown many, intervals are too narrow.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Lift {
    /// Conversions for each decision that was shown, more than where nothing was shown; with Newcombe's 95 % interval.
    pub rate: Result<Gain, Undefined>,
    /// Money for each decision that was shown, likewise; with Welch's 95 % interval, which money from few large orders
    /// makes too narrow.
    pub amount: Result<Gain, Undefined>,
}

/// How much more, for each decision and in all.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Gain {
    /// For each decision that was shown.
    pub each: f64,
    /// Where that is likely to lie.
    pub interval: Interval,
    /// In all decisions that were shown.
    pub total: f64,
    /// Where that is likely to lie.
    pub total_interval: Interval,
}

impl Lift {
    /// Those who were shown something against those who were held out.
    #[must_use]
    pub fn new(shown: &Tally, held_out: &Tally) -> Self {
        // Counts beyond 2^53 are rounded by a part in 10^16.
        let count = shown.exposures as f64;
        let gain = |each: f64, interval: Interval| Gain {
            each,
            interval,
            total: each * count,
            total_interval: Interval { low: interval.low * count, high: interval.high * count },
        };
        let rate = || {
            let (control, treatment) = (proportion(held_out)?, proportion(shown)?);
            let interval = Proportion::newcombe(&control, &treatment, Alpha::USUAL)?;
            Ok(gain(treatment.rate() - control.rate(), interval))
        };
        let amount = || {
            let evidence = Evidence::of_means(&moments(held_out)?, &moments(shown)?)?;
            Ok(gain(evidence.estimate(), evidence.interval(Alpha::USUAL)))
        };
        Self { rate: rate(), amount: amount() }
    }
}

fn proportion(tally: &Tally) -> Result<Proportion, Undefined> {
    if tally.exposures == 0 {
        return Err(Undefined::EmptyArm);
    }
    Proportion::new(tally.conversions.min(tally.exposures), tally.exposures)
}

fn moments(tally: &Tally) -> Result<Moments, Undefined> {
    if tally.exposures == 0 {
        return Err(Undefined::EmptyArm);
    }
    Moments::from_sums(tally.exposures as f64, tally.amount.value(), tally.squares.value())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(exposures: u64, amounts: &[f64]) -> Tally {
        let mut tally = Tally { exposures, ..Tally::default() };
        amounts.iter().for_each(|amount| tally.pay(*amount));
        tally
    }

    /// Newcombe's own example: 56 of 70 against 48 of 80 (1998, table II, case a).
    #[test]
    fn rates_are_compared_as_published() {
        let lift = Lift::new(&tally(70, &[0.0; 56]), &tally(80, &[0.0; 48]));
        let Gain { each, interval, total, total_interval } = lift.rate.unwrap();
        assert!((each - 0.2).abs() < 1e-12 && (total - 14.0).abs() < 1e-12);
        assert!((interval.low - 0.0524).abs() < 5e-5 && (interval.high - 0.3339).abs() < 5e-5, "{interval:?}");
        assert!((total_interval.low - 70.0 * interval.low).abs() < 1e-12);
        assert_eq!(lift.amount, Err(Undefined::ZeroVariance));
    }

    /// scipy.stats.ttest_ind([10, 20, 0, 0], [5, 0, 0, 0, 0], equal_var=False).confidence_interval()
    #[test]
    fn money_counts_those_who_spent_nothing() {
        let gain = Lift::new(&tally(4, &[10.0, 20.0]), &tally(5, &[5.0])).amount.unwrap();
        assert!((gain.each - 6.5).abs() < 1e-12);
        assert!(
            (gain.interval.low + 8.377_798_873_552).abs() < 1e-6
                && (gain.interval.high - 21.377_798_873_552).abs() < 1e-6,
            "{gain:?}"
        );
    }

    #[test]
    fn without_anybody_there_is_a_reason_and_no_number() {
        let lift = Lift::new(&tally(0, &[]), &tally(9, &[1.0]));
        assert_eq!((lift.rate, lift.amount), (Err(Undefined::EmptyArm), Err(Undefined::EmptyArm)));
    }
}
