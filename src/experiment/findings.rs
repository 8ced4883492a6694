//! What an analysis found, as values and as a table.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::text::signed;
use super::{
    Balance, Days, Design, Direction, FactorEffect, Flag, IntensityTrend, Invalid, Learned, MetricKind, NonInferiority,
    PlanHash, Recommendation, Role, TierEffect, Verdict,
};
use crate::stats::{Alpha, Evidence, Interval};

/// All that an [`Analysis`](super::Analysis) found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Findings {
    /// Under which plan and design they were found, and how far it has come.
    pub basis: Basis,
    /// The arms, the control first.
    pub sizes: Vec<Size>,
    /// Whether they have the shares that they should have; none where that cannot be asked.
    pub balance: Option<Balance>,
    /// The p of that which holds at all looks, where a [`Registration`](super::Registration) watches: it blocks verdicts
    /// in place of the other.
    pub balance_watched: Option<f64>,
    /// Every arm against the control, by metric.
    pub comparisons: Vec<Comparison>,
    /// How effects differ by segment, for every arm, metric and column with two segments or more that have an effect.
    pub splits: Vec<Split>,
    /// How effects go over the days on which units came, where a column holds those.
    pub days: Vec<Days>,
    /// How effects go with tiers of value, where a column holds those.
    pub tiers: Vec<TierEffect>,
    /// How metrics go with the intensity of arms, where the plan gives three of them one.
    pub trends: Vec<IntensityTrend>,
    /// What factors do, where the plan gives arms levels of them.
    pub factors: Vec<FactorEffect>,
    /// Gains that may be none, where the plan says what metrics measure.
    pub flags: Vec<Flag>,
    /// What to do with each arm.
    pub recommendations: Vec<(String, Recommendation)>,
}

/// What findings rest on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Basis {
    /// When one looks; always-valid without a plan.
    pub design: Design,
    /// The plan's fingerprint; none without a plan.
    pub plan: Option<PlanHash>,
    /// The error rate of both sides.
    pub alpha: Alpha,
    /// The units in all arms.
    pub units: u64,
    /// How many there are to be.
    pub planned: Option<u64>,
    /// Which look this is, from 1.
    pub look: u64,
}

impl Basis {
    /// The part of the planned units that is there, which may be above 1.
    #[must_use]
    pub fn information(&self) -> Option<f64> {
        // Counts beyond 2^53 are rounded by a part in 10^16; a plan has two units at least.
        self.planned.map(|planned| self.units as f64 / planned.max(1) as f64)
    }
}

impl fmt::Display for Basis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.plan {
            None => write!(f, "no plan: always-valid, tuned for 10000 units in two arms together")?,
            Some(hash) => write!(f, "plan {hash}: {}, look {}", self.design.name(), self.look)?,
        }
        if let (Some(planned), Some(information)) = (self.planned, self.information()) {
            write!(f, " at {:.1}% of {planned} units", 100.0 * information)?;
        } else if self.plan.is_some() {
            write!(f, ", tuned for 10000 units in two arms together")?;
        }
        write!(f, "; alpha {}", self.alpha.value())
    }
}

/// How many units an arm has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Size {
    /// The arm.
    pub arm: String,
    /// Its units.
    pub units: u64,
}

/// An arm against the control.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// The arm.
    pub arm: String,
    /// The metric.
    pub metric: String,
    /// What the metric is for.
    pub role: Role,
    /// Which way it should go.
    pub direction: Direction,
    /// What it is; without a plan a rate if all values are 0 or 1, and else a mean.
    pub kind: MetricKind,
    /// Of a quantile, which one.
    pub quantile: Option<f64>,
    /// Whether it is a share of units.
    pub is_proportion: bool,
    /// The control's value.
    pub base: f64,
    /// The arm's value.
    pub value: f64,
    /// The arm's less the control's, adjusted for the covariate where there is one.
    pub difference: f64,
    /// Where that lies, at one look: Newcombe's interval of proportions, Welch's of means.
    pub interval: Option<Interval>,
    /// Where that lies, at all looks of the design together; none where it does not look yet.
    pub interval_design: Option<Interval>,
    /// The standard error of the difference.
    pub error: Option<f64>,
    /// The difference over the control's value, for display.
    pub lift: Option<f64>,
    /// Where the lift lies, by the log-ratio, or by Fieller where that has none.
    pub lift_interval: Option<Interval>,
    /// Of no difference, at one look that was fixed before; none where it is too early or undefined.
    pub p: Option<f64>,
    /// That adjusted: by Holm over primary metrics and arms, by Benjamini and Hochberg over secondary ones; a
    /// guardrail's is not.
    pub p_adjusted: Option<f64>,
    /// What decides: the smallest p so far of what the plan asks, valid at all looks of its design. Of a guardrail that
    /// of harm; of a metric with a margin that of being worse by it; otherwise that of no difference.
    pub p_design: Option<f64>,
    /// That adjusted likewise.
    pub p_design_adjusted: Option<f64>,
    /// How far the arm is above the worst that the margin allows, in the metric's direction, at one look; none without a
    /// margin.
    pub not_worse: Option<NonInferiority>,
    /// The lift with its error by the delta method, for records of what was learned; no decision reads it.
    pub lift_evidence: Option<Evidence>,
    /// What is believed of the lift with what past results say, where the plan has that: not peek-safe.
    pub belief: Option<Belief>,
    /// How likely the arm is better, under a flat prior: not peek-safe.
    pub chance_to_win: Option<f64>,
    /// By how much the arm is expected to be worse where it is.
    pub expected_loss: Option<f64>,
    /// What the largest values do, for means without a fixed cap.
    pub tail: Option<Tail>,
    /// The cap that the plan fixes.
    pub capped: Option<Capped>,
    /// What the difference is worth less what the arm costs more, per unit of one exposure, where the plan says so.
    pub net: Option<Net>,
    /// What the covariate did.
    pub covariate: Option<Covariate>,
    /// What it amounts to.
    pub verdict: Verdict,
}

impl Comparison {
    /// The sentence that a manager reads: with the interval of the design where there is one.
    #[must_use]
    pub fn sentence(&self) -> String {
        let Self { arm, metric, .. } = self;
        let moves = if self.difference < 0.0 { "lowers" } else { "raises" };
        let size = match self.interval_design.or(self.interval) {
            Some(at) => format!("{} ({} to {})", signed(self.difference), signed(at.low), signed(at.high)),
            None => signed(self.difference),
        };
        match self.verdict {
            Verdict::Inferior if self.role == Role::Guardrail => {
                format!("{arm} harms {metric}, which it must not: {size}.")
            }
            Verdict::Superior => format!("{arm} {moves} {metric} by {size}, which is better."),
            Verdict::Inferior => format!("{arm} {moves} {metric} by {size}, which is worse."),
            Verdict::NonInferior => format!("{arm} is not worse in {metric} by the margin of the plan: {size}."),
            Verdict::Inconclusive if self.role == Role::Guardrail => {
                format!("No harm of {arm} to {metric} is shown: {size}.")
            }
            Verdict::Inconclusive => format!("{arm} may or may not change {metric}: {size}."),
            Verdict::TooEarly => format!("It is too early to say what {arm} does to {metric}."),
            Verdict::Invalid(Invalid::SampleRatio) => {
                format!("{metric} of {arm} cannot be judged: units were lost or counted wrongly.")
            }
            Verdict::Invalid(Invalid::Undefined(reason)) => format!("{metric} of {arm} has no answer: {reason}."),
        }
    }
}

impl Comparison {
    /// How its p-values are adjusted.
    pub(super) const fn by(&self) -> &'static str {
        match self.role {
            Role::Primary => "Holm",
            Role::Secondary => "BH",
            Role::Guardrail => "alone",
        }
    }
}

/// An effect in short.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Shift {
    /// The difference.
    pub difference: f64,
    /// Where it lies.
    pub interval: Interval,
    /// Its p.
    pub p: f64,
}

impl From<(f64, Interval, f64)> for Shift {
    fn from((difference, interval, p): (f64, Interval, f64)) -> Self {
        Self { difference, interval, p }
    }
}

/// What is believed of a lift, of a plan that reads past results.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Belief {
    /// What they say.
    pub learned: Learned,
    /// The lift that was seen, drawn towards what they say.
    pub lift: f64,
    /// Where it lies.
    pub interval: Interval,
    /// How likely the arm is better.
    pub chance_to_win: f64,
    /// By which part of the control's value the arm is expected to be worse where it is.
    pub expected_loss: f64,
}

/// A difference in money, net of costs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Net {
    /// What a unit earns more.
    pub difference: f64,
    /// Where that lies, at one look; costs are taken for known.
    pub interval: Interval,
}

/// A cap that holds in all arms.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Capped {
    /// Larger numbers count as this.
    pub at: f64,
    /// How many units, of all arms, lie above it; none where units came as sums.
    pub units: Option<u64>,
}

/// What a covariate from before the experiment did to a comparison (CUPED).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Covariate {
    /// By how much the metric rises with it.
    pub theta: f64,
    /// Which share of the squared error it took away; negative where it added some.
    pub variance_reduction: f64,
    /// The difference without it.
    pub unadjusted: f64,
}

/// What the largest values do to a difference of means.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tail {
    /// How far one unit moves the difference.
    pub moved_by: f64,
    /// Whether that is more than half a standard error.
    pub is_heavy: bool,
    /// The effect without that unit.
    pub without: Shift,
    /// The quantile of all arms at which values are capped.
    pub cap: f64,
    /// How many units, of all arms, lie above it.
    pub units_capped: u64,
    /// The effect with values capped.
    pub capped: Shift,
}

/// How an effect differs between the segments of a column.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Split {
    /// The arm.
    pub arm: String,
    /// The metric.
    pub metric: String,
    /// The column.
    pub column: String,
    /// Cochran's Q.
    pub q: f64,
    /// Its degrees of freedom.
    pub freedom: u64,
    /// How likely so much disagreement is if all segments have one effect.
    pub p: f64,
    /// Adjusted by Benjamini and Hochberg over all splits.
    pub p_adjusted: f64,
    /// The share of the spread that is not chance.
    pub i_squared: f64,
    /// The variance of the true effects between the segments, from 0.
    pub between: f64,
    /// Whether the effect differs: at one look.
    pub is_flagged: bool,
    /// The segments, by name.
    pub parts: Vec<Part>,
}

/// The effect in a segment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Part {
    /// The segment.
    pub segment: String,
    /// Its units in both arms.
    pub units: u64,
    /// The difference.
    pub difference: f64,
    /// Its standard error.
    pub error: f64,
    /// Where it lies.
    pub interval: Interval,
    /// Its p.
    pub p: f64,
    /// Adjusted by Benjamini and Hochberg over all segments.
    pub p_adjusted: f64,
    /// The difference drawn towards that of all segments.
    pub shrunk: f64,
}
