//! What a plan is made of: arms, metrics, what each is tested against, and when one looks.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::experiment::{Learned, Spending};

/// An arm of a plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlannedArm {
    /// Its name, from 1 to 512 bytes, each its own.
    pub name: String,
    /// Its share of the units, relative to the others: above 0, and 1 unless given.
    #[serde(default = "one")]
    pub weight: f64,
    /// What one exposure costs to deliver, in money, from 0; 0 unless given.
    #[serde(default)]
    pub cost: f64,
    /// How far it goes, from a subtle change to an extreme one, on any scale: what a trend is asked along. None where
    /// arms are not steps of one thing.
    #[serde(default)]
    pub intensity: Option<f64>,
    /// Its level of each factor, where arms are combinations of levels: then every combination has an arm, and the
    /// control's levels are the ones that others are measured against.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub levels: BTreeMap<String, String>,
}

impl PlannedArm {
    /// An arm of weight 1 that costs nothing.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), weight: 1.0, cost: 0.0, intensity: None, levels: BTreeMap::new() }
    }

    /// The same with another share of the units.
    #[must_use]
    pub fn weight(self, weight: f64) -> Self {
        Self { weight, ..self }
    }

    /// The same with a cost for each exposure, in money.
    #[must_use]
    pub fn cost(self, cost: f64) -> Self {
        Self { cost, ..self }
    }

    /// The same at this intensity.
    #[must_use]
    pub fn intensity(self, intensity: f64) -> Self {
        Self { intensity: Some(intensity), ..self }
    }

    /// The same at this level of a factor.
    #[must_use]
    pub fn level(mut self, factor: impl Into<String>, level: impl Into<String>) -> Self {
        self.levels.insert(factor.into(), level.into());
        self
    }
}

/// What a metric is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// It decides. All primary metrics and arms together are wrong with probability alpha (Holm).
    #[default]
    Primary,
    /// It explains. Of what is found, a share of at most alpha is wrong (Benjamini and Hochberg).
    Secondary,
    /// It must not get worse. Harm is asked on one side and not corrected for the number of metrics, since missing it
    /// costs more than a false alarm.
    Guardrail,
}

/// Which way a metric should go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// More is better.
    #[default]
    Up,
    /// Less is better, as of complaints or loading time.
    Down,
}

impl Direction {
    /// 1 where more is better, -1 where less is: an effect times this is above zero where it is good.
    #[must_use]
    pub const fn sign(self) -> f64 {
        match self {
            Self::Up => 1.0,
            Self::Down => -1.0,
        }
    }
}

/// What a metric makes of the numbers of units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MetricKind {
    /// Whether the unit did it: 0 or 1.
    #[default]
    Rate,
    /// How much: any finite number.
    Mean,
    /// The sum of one number over that of another ([`PlannedMetric::over`]), such as revenue per order, where users are
    /// randomised and not orders: by the delta method.
    Ratio,
    /// The number below which a share of the units lies ([`PlannedMetric::quantile`]), such as the 95th percentile of
    /// the loading time: its error is that of the order statistics around it, of units that are independent.
    Quantile,
}

impl MetricKind {
    /// The name as JSON spells it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rate => "rate",
            Self::Mean => "mean",
            Self::Ratio => "ratio",
            Self::Quantile => "quantile",
        }
    }
}

/// What an arm is tested against.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Null {
    /// No difference from the control: the arm is to be better.
    #[default]
    Zero,
    /// Worse than the control by this much, in units of the metric: the arm is to be not worse (non-inferiority).
    Absolute(f64),
    /// Worse than the control by this part of the control's value, between 0 and 1: likewise.
    Relative(f64),
}

/// What the control is expected to do, as the past says: for sizes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expected {
    /// The rate, the mean, the ratio or the quantile.
    pub value: f64,
    /// The standard deviation of a unit, after its covariate if there is one; of a rate it follows from its value. Of a
    /// ratio or a quantile the standard error of so many units in one arm, times the root of how many they are.
    #[serde(default)]
    pub deviation: Option<f64>,
}

/// A metric of a plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlannedMetric {
    /// Its name, from 1 to 512 bytes, each its own.
    pub name: String,
    /// What it is for.
    pub role: Role,
    /// What one number of a unit is.
    pub kind: MetricKind,
    /// Which way it should go.
    #[serde(default)]
    pub direction: Direction,
    /// What an arm is tested against.
    #[serde(default)]
    pub null: Null,
    /// What the control is expected to do; needed only where the plan is to compute its size.
    #[serde(default)]
    pub expected: Option<Expected>,
    /// The number that it is made of; its name unless given, so that one number may have several metrics.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reads: Option<String>,
    /// Of a ratio, the number below the line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub over: Option<String>,
    /// Of a quantile, which one: between 0 and 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quantile: Option<f64>,
    /// What is known of each unit from before the experiment, to take its variance out (CUPED): one number of a mean,
    /// two of a ratio. A rate that has one is planned as the mean of its zeros and ones.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub before: Vec<String>,
    /// Of a mean or of what is above the line of a ratio: larger numbers count as this, in all arms, so that a few units
    /// do not decide.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cap: Option<f64>,
    /// What one of the metric is worth, in the money of [`PlannedArm::cost`], such as 1 of revenue or 40 of a purchase:
    /// what arms do is then also told net of what they cost, for units of one exposure each.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worth: Option<f64>,
    /// What past results make one expect of its lift ([`Learning::of`](crate::experiment::Learning::of)): reports then
    /// say what is believed of it with those, beside what decides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub learned: Option<Learned>,
    /// What it measures, so that gains which are none can be told ([`Flag`](crate::experiment::Flag)).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub measures: Option<Measure>,
}

/// What a metric measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// What costs people nothing, such as views and clicks.
    Engagement,
    /// Whether they did what is wanted of them: a rate.
    Conversion,
    /// What that is worth, such as revenue: a mean, zero of whom did not.
    Value,
}

impl PlannedMetric {
    /// A metric that decides, of which more is better.
    pub fn primary(name: impl Into<String>, kind: MetricKind) -> Self {
        Self {
            name: name.into(),
            role: Role::Primary,
            kind,
            direction: Direction::Up,
            null: Null::Zero,
            expected: None,
            reads: None,
            over: None,
            quantile: None,
            before: Vec::new(),
            cap: None,
            worth: None,
            learned: None,
            measures: None,
        }
    }

    /// A metric that explains.
    pub fn secondary(name: impl Into<String>, kind: MetricKind) -> Self {
        Self { role: Role::Secondary, ..Self::primary(name, kind) }
    }

    /// A metric that must not get worse.
    pub fn guardrail(name: impl Into<String>, kind: MetricKind) -> Self {
        Self { role: Role::Guardrail, ..Self::primary(name, kind) }
    }

    /// The same, of which less is better.
    #[must_use]
    pub fn down(self) -> Self {
        Self { direction: Direction::Down, ..self }
    }

    /// The same, tested against this.
    #[must_use]
    pub fn null(self, null: Null) -> Self {
        Self { null, ..self }
    }

    /// The same with what the control is expected to do: its value, and the deviation of a unit where it is a mean.
    #[must_use]
    pub fn expected(self, value: f64, deviation: impl Into<Option<f64>>) -> Self {
        Self { expected: Some(Expected { value, deviation: deviation.into() }), ..self }
    }

    /// The same, made of this number.
    #[must_use]
    pub fn reads(self, number: impl Into<String>) -> Self {
        Self { reads: Some(number.into()), ..self }
    }

    /// The same, of a ratio, over this number.
    #[must_use]
    pub fn over(self, number: impl Into<String>) -> Self {
        Self { over: Some(number.into()), ..self }
    }

    /// The same, of a quantile, at this share of the units.
    #[must_use]
    pub fn quantile(self, share: f64) -> Self {
        Self { quantile: Some(share), ..self }
    }

    /// The same with what is known of each unit from before.
    #[must_use]
    pub fn before(self, numbers: &[&str]) -> Self {
        Self { before: numbers.iter().map(|name| (*name).to_owned()).collect(), ..self }
    }

    /// The same with larger numbers counted as this.
    #[must_use]
    pub fn capped(self, cap: f64) -> Self {
        Self { cap: Some(cap), ..self }
    }

    /// The same with what one of it is worth, in money.
    #[must_use]
    pub fn worth(self, money: f64) -> Self {
        Self { worth: Some(money), ..self }
    }

    /// The same with what it measures.
    #[must_use]
    pub fn measures(self, what: Measure) -> Self {
        Self { measures: Some(what), ..self }
    }

    /// The numbers of a unit that it reads, in order: its own, then the one below the line, then those from before.
    pub fn numbers(&self) -> impl Iterator<Item = &str> {
        let own = [self.reads.as_deref().or(Some(self.name.as_str())), self.over.as_deref()];
        own.into_iter().flatten().chain(self.before.iter().map(String::as_str))
    }
}

/// When one looks, and how that is paid for.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Design {
    /// Once, when all planned units are there.
    Fixed,
    /// Whenever one likes: the normal mixture, tuned at half of the planned units, or at 10,000 where none are planned.
    AlwaysValid,
    /// A few times, at whatever share of the planned units each look comes.
    GroupSequential {
        /// How many looks are meant, from 1 to 200, for the size; the actual ones may be others.
        looks: u32,
        /// How alpha is spent over them.
        spending: Spending,
    },
    /// Whenever one likes at a part of alpha, and once at the planned units at the rest.
    Hybrid {
        /// The part of alpha for looking whenever one likes, between 0 and 1, such as 0.2.
        always_valid: f64,
    },
}

impl Design {
    /// The name as JSON spells it.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Fixed => "fixed",
            Self::AlwaysValid => "always_valid",
            Self::GroupSequential { .. } => "group_sequential",
            Self::Hybrid { .. } => "hybrid",
        }
    }
}

impl Default for Design {
    /// Five looks that spend like O'Brien and Fleming: keeps 98 % of the power of a single look, and a fifth of the
    /// units.
    fn default() -> Self {
        Self::GroupSequential { looks: 5, spending: Spending::OBrienFleming }
    }
}

const fn one() -> f64 {
    1.0
}
