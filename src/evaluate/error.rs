//! Why a log cannot be judged by, or a policy not be judged.

use super::Log;
use crate::stats::Undefined;

/// What is wrong with a log, a target or a setting, or why there is no answer that could be trusted.
///
/// ```
/// use bespoke::evaluate::{Log, OffPolicyError};
/// assert_eq!(Log::new(2, Vec::new()), Err(OffPolicyError::Empty));
/// ```
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum OffPolicyError {
    /// The log holds nothing.
    #[error("the log is empty; it needs decisions with their rewards")]
    Empty,
    /// The number of arms is out of range.
    #[error("a log has from 1 to {} arms, but {found} were given", Log::MAX_ARMS)]
    Arms {
        /// How many were given.
        found: usize,
    },
    /// A record names an arm that there is not.
    #[error("record {at}: there is no arm {arm}: the arms are 0 to {}", arms.saturating_sub(1))]
    NoSuchArm {
        /// The record, from zero.
        at: usize,
        /// The arm that it names.
        arm: usize,
        /// How many there are.
        arms: usize,
    },
    /// A reward is not a number, or too large to add up.
    #[error("record {at}: a reward is a number from -{max:e} to {max:e}, but {found} was given", max = Log::MAX_REWARD)]
    Reward {
        /// The record, from zero.
        at: usize,
        /// The reward found.
        found: f64,
    },
    /// A record has another number of features than the first.
    #[error("record {at}: {found} features were given, but {wanted} are needed")]
    Features {
        /// The record, from zero.
        at: usize,
        /// How many it has.
        found: usize,
        /// How many the first record has, or how many there may be.
        wanted: usize,
    },
    /// A feature is not a number, or too large.
    #[error("record {at}: a feature is a number from -1e9 to 1e9, but the one at {feature} is {found}")]
    Feature {
        /// The record, from zero.
        at: usize,
        /// The feature, from zero.
        feature: usize,
        /// What was found.
        found: f64,
    },
    /// What was given for the records is not as much as they need.
    #[error("{found} numbers were given, but the log needs {wanted}: one for each record, or for each of its arms")]
    Length {
        /// How many were given.
        found: usize,
        /// How many are needed.
        wanted: usize,
    },
    /// A target's probability is none.
    #[error("record {at}: the target's probability of arm {arm} is {found}, but must be from 0 to 1")]
    Probability {
        /// The record, from zero.
        at: usize,
        /// The arm.
        arm: usize,
        /// What was found.
        found: f64,
    },
    /// A target's probabilities do not sum to one.
    #[error("record {at}: the target's probabilities sum to {found}, but must sum to 1")]
    Sum {
        /// The record, from zero.
        at: usize,
        /// Their sum.
        found: f64,
    },
    /// A predicted reward is not a number.
    #[error("record {at}: the predicted reward of arm {arm} is {found}, but must be finite")]
    Prediction {
        /// The record, from zero.
        at: usize,
        /// The arm.
        arm: usize,
        /// What was found.
        found: f64,
    },
    /// A threshold of weights is none.
    #[error("a threshold of weights is a number from 0, possibly infinite, but {found} was given")]
    Threshold {
        /// What was found.
        found: f64,
    },
    /// The log cannot be split so.
    #[error("the log cannot be split in {found} folds; from 2 to its {records} records can be")]
    Folds {
        /// How many were asked for.
        found: usize,
        /// How many records there are.
        records: usize,
    },
    /// The target never does what was logged.
    #[error("the target never chooses an arm that was logged, so that the log says nothing of it; log more at random")]
    NoOverlap,
    /// The weights leave too few records that count.
    #[error(
        "the weighted log counts for {found:.1} records, but at least {needed} are needed; \
         log more, or judge a policy nearer to the one that was logged"
    )]
    TooFewEffective {
        /// The effective size.
        found: f64,
        /// The least that was asked for.
        needed: u64,
    },
    /// Too few records say what is good.
    #[error("{found} records that count have a reward above zero, but at least {needed} are needed; log more")]
    TooFewPositive {
        /// How many there are.
        found: u64,
        /// The least that was asked for.
        needed: u64,
    },
    /// A logged propensity lies below the floor of a replay.
    #[error("the propensity {found} is below the replay's floor {floor}; take the least that was logged as the floor")]
    BelowFloor {
        /// The propensity found.
        found: f64,
        /// The floor.
        floor: f64,
    },
    /// A slate shows nothing.
    #[error("slate {at} is empty; it needs at least one position")]
    EmptySlate {
        /// The slate, from zero.
        at: usize,
    },
    /// A number of a slate is none.
    #[error("slate {at}, position {position}: {found} was given, but a reward is finite and a probability from 0 to 1")]
    SlateNumber {
        /// The slate, from zero.
        at: usize,
        /// The position, from zero.
        position: usize,
        /// What was found.
        found: f64,
    },
    /// Chance has no size that could be told.
    #[error(transparent)]
    Undefined(#[from] Undefined),
}
