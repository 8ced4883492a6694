//! Experiments: from units to evidence.
//!
//! An experiment assigns units to arms ([`Allocation`], [`Enrolment`], [`Factorial`], over [`BucketHash`];
//! [`FirstExposure`] where arms stick, [`Ramp`] where a share rises), counts them ([`Tally`]), checks that the counts
//! are as they should be ([`Balance`]), and compares what the arms did. Every metric reduces to an [`Arm`] (units,
//! value, variance) and every comparison to an [`Evidence`](crate::stats::Evidence) (estimate, standard error, units),
//! which all that follows reads: fixed-horizon tests, [`AlwaysValid`] and [`GroupSequential`] inference, a
//! [`Posterior`], [`NonInferiority`], and [`Heterogeneity`] between segments. Sizes before the experiment come from
//! [`Sizing`](crate::stats::Sizing).
//!
//! [`Analysis`] does it all for one table of units, and says a [`Verdict`]; what it means is fixed before by an
//! [`ExperimentPlan`], and a [`Registration`] sees to it that looks follow that. The plan says what metrics are made of
//! ([`MetricKind`], covariates, caps) and what arms are (steps of intensity, levels of factors); columns say what units
//! are (segments, days, [`Tiers`] of value). What was found goes into a [`Learning`] record, which the next plan reads.
//!
//! **Decide on the absolute scale** ([`difference`]) or that of the log-ratio ([`log_ratio`]); relative lift is for
//! display. What has no answer is an [`Undefined`](crate::stats::Undefined) reason, never a NaN.

mod across;
mod allocation;
mod analysis;
mod arm;
mod assign;
mod backlog;
mod balance;
mod bayes;
mod cell;
mod compare;
mod covariate;
mod days;
mod enrolment;
mod factorial;
mod findings;
mod flags;
mod heterogeneity;
mod judge;
mod learning;
mod look;
mod metric;
mod opportunity;
mod plan;
mod ramp;
mod recommend;
mod sequential;
mod split;
mod sticky;
mod tail;
mod tally;
mod text;
mod tier;
mod trend;
mod verdict;

pub use across::{FactorEffect, IntensityTrend};
pub use allocation::{Allocation, AllocationError, Move, Moves};
pub use analysis::Analysis;
pub use arm::{Arm, QuantileRanks};
pub use assign::{BucketHash, BucketRange, fnv1a_32, fnv1a_64, murmur3_32, murmur3_128};
pub use backlog::{Backlog, BacklogError, Idea, Selection};
pub use balance::{Balance, BalanceWatch};
pub use bayes::{EventRate, Posterior, Prior, Rank, RateComparison};
pub use compare::{NonInferiority, as_lift, contrast, difference, fieller, log_ratio, post_stratified, relative_lift};
pub use covariate::Adjusted;
pub use days::{Days, Period};
pub use enrolment::{Enrolment, Place};
pub use factorial::Factorial;
pub use findings::{Basis, Belief, Capped, Comparison, Covariate, Findings, Net, Part, Shift, Size, Split, Tail};
pub use flags::Flag;
pub use heterogeneity::Heterogeneity;
pub use learning::{Learned, Learning};
pub use opportunity::{Opportunity, Worth};
pub use plan::{
    Design, Direction, Expected, ExperimentPlan, Measure, MetricKind, Null, Outlook, PlanBuilder, PlanError,
    PlanErrors, PlanHash, PlannedArm, PlannedMetric, Registration, Role,
};
pub use ramp::{Ramp, RampReason, RampStep};
pub use sequential::{
    AlwaysValid, Boundary, EmpiricalBernstein, GroupSequential, Power, Shape, SmallestP, Spending, approximate_ratio,
    bernoulli_sequence, boundary_z, hoeffding_sequence, optimal_ratio,
};
pub use sticky::FirstExposure;
pub use tally::Tally;
pub use tier::{TierEffect, TierPart, Tiers};
pub use trend::{Step, Trend};
pub use verdict::{Invalid, Recommendation, Verdict};

#[cfg(test)]
mod tests;
