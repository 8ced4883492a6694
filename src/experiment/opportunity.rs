//! What a campaign idea is worth against what it takes: size × reach × base rate × lift × value, with its uncertainty.

use serde::{Deserialize, Serialize};

use crate::stats::{Undefined, normal_upper_tail};

/// An idea for a campaign, in numbers of one year.
///
/// ```
/// use bespoke::experiment::Opportunity;
/// let idea = Opportunity {
///     segment_size: 8_000.0, reach: 0.9, baseline_rate: 0.12, relative_lift: 0.25, lift_error: 0.1,
///     value_per_conversion: 110.0, success_probability: 0.5, days: 3.0, cost: 1_500.0,
/// };
/// let worth = idea.worth()?;
/// assert!((worth.value - 23_760.0).abs() < 1e-9 && (worth.score - 3_960.0).abs() < 1e-9);
/// assert!((worth.pays - 0.990_414).abs() < 1e-6);
/// # Ok::<(), bespoke::stats::Undefined>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Opportunity {
    /// How many people are in the segment.
    pub segment_size: f64,
    /// The share of them that a campaign reaches, from 0 to 1.
    pub reach: f64,
    /// The share of those that converts anyway, from 0 to 1.
    pub baseline_rate: f64,
    /// By which part of itself that share is expected to rise.
    pub relative_lift: f64,
    /// The standard deviation of that expectation; zero where it is taken for certain.
    pub lift_error: f64,
    /// What a conversion is worth, in money.
    pub value_per_conversion: f64,
    /// How likely the campaign is to be built and work at all, from 0 to 1.
    pub success_probability: f64,
    /// How many days of work it takes, above 0.
    pub days: f64,
    /// What it costs, in money, from 0.
    pub cost: f64,
}

/// What an [`Opportunity`] promises in a year.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Worth {
    /// Conversions that would not have been.
    pub conversions: f64,
    /// Their value, if the campaign works.
    pub value: f64,
    /// The standard deviation of that value, from that of the lift.
    pub value_error: f64,
    /// The value times the probability of success.
    pub expected: f64,
    /// The expected value per day of work: what ideas are ranked by.
    pub score: f64,
    /// The expected value less the cost, per cost; `None` where it costs nothing.
    pub roi: Option<f64>,
    /// How likely the value is above the cost, if the campaign works.
    pub pays: f64,
}

impl Opportunity {
    /// Works out what it is worth.
    ///
    /// # Errors
    /// [`Undefined::NotFinite`]; [`Undefined::Rate`] for a share out of range; [`Undefined::Parameter`] for a size,
    /// days, cost or error that is negative, or days of zero.
    pub fn worth(&self) -> Result<Worth, Undefined> {
        let all = [
            self.segment_size,
            self.reach,
            self.baseline_rate,
            self.relative_lift,
            self.lift_error,
            self.value_per_conversion,
            self.success_probability,
            self.days,
            self.cost,
        ];
        if all.iter().any(|number| !number.is_finite()) {
            return Err(Undefined::NotFinite);
        }
        if [self.reach, self.baseline_rate, self.success_probability].iter().any(|s| !(0.0..=1.0).contains(s)) {
            return Err(Undefined::Rate);
        }
        if self.segment_size < 0.0 || self.days <= 0.0 || self.cost < 0.0 || self.lift_error < 0.0 {
            return Err(Undefined::Parameter);
        }
        let anyway = self.segment_size * self.reach * self.baseline_rate;
        let conversions = anyway * self.relative_lift;
        let value = conversions * self.value_per_conversion;
        let value_error = (anyway * self.value_per_conversion * self.lift_error).abs();
        let expected = self.success_probability * value;
        let pays = if value_error > 0.0 {
            normal_upper_tail((self.cost - value) / value_error)
        } else {
            f64::from(u8::from(value > self.cost))
        };
        Ok(Worth {
            conversions,
            value,
            value_error,
            expected,
            score: expected / self.days,
            roi: (self.cost > 0.0).then(|| (expected - self.cost) / self.cost),
            pays,
        })
    }
}
