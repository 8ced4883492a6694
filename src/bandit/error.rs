//! What can be wrong with a bandit.

use super::{MAX_ARMS, Reward};

/// What is wrong with a bandit's definition, its input or its stored state.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum BanditError {
    /// The number of arms is out of range.
    #[error("a bandit has from 1 to {MAX_ARMS} arms, but {found} were given")]
    Arms {
        /// How many were given.
        found: usize,
    },
    /// There is no such arm.
    #[error("there is no arm {arm}: the arms are 0 to {}", arms.saturating_sub(1))]
    NoSuchArm {
        /// The arm asked for.
        arm: usize,
        /// How many there are.
        arms: usize,
    },
    /// A reward is not a number, or too large to add up.
    #[error("a reward is a number from -{max:e} to {max:e}, but {found} was given", max = Reward::MAX)]
    Reward {
        /// The number found.
        found: f64,
    },
    /// A reward is outside what the policy can learn from.
    #[error(
        "`{policy}` learns from rewards from 0 to 1, but {found} was given; scale it, or take a policy for amounts"
    )]
    RewardRange {
        /// The policy.
        policy: &'static str,
        /// The number found.
        found: f64,
    },
    /// A request has another number of features than the policy.
    #[error("{found} features were given, but the policy has {wanted}")]
    Features {
        /// How many were given.
        found: usize,
        /// How many there must be, or may be at most.
        wanted: usize,
    },
    /// A feature is not a number, or too large.
    #[error("a feature is a number from -1e9 to 1e9, but the one at {at} is {found}")]
    Feature {
        /// Its place, from zero.
        at: usize,
        /// What was given.
        found: f64,
    },
    /// A setting is out of range.
    #[error("`{name}` lies from {least} to {most}, but {found} was given")]
    Setting {
        /// The setting.
        name: &'static str,
        /// What was given.
        found: f64,
        /// The least that it can be.
        least: f64,
        /// The most that it can be.
        most: f64,
    },
    /// A definition names no policy, or several.
    #[error("a bandit has one policy, but {found} are named; name one of {names}")]
    Policies {
        /// How many are named.
        found: usize,
        /// Those that there are.
        names: &'static str,
    },
    /// A definition says twice after how long a trial counts half.
    #[error("`half_life` and `half_life_exposures` are both given; keep one of them")]
    HalfLives,
    /// A half-life is asked of a policy that cannot forget.
    #[error("`{policy}` does not forget; take the half-life away, or the policy `contextual`")]
    Unfading {
        /// The policy.
        policy: &'static str,
    },
    /// A trial is to be forgotten of an arm that has none.
    #[error("arm {arm} has no trial left to forget; forget a trial once, and only where it was learned")]
    NothingToForget {
        /// The arm.
        arm: usize,
    },
    /// A single trial is to be forgotten by a policy in which it cannot be told from the others.
    #[error("`{policy}` cannot forget a single trial; learn it again from the trials that may stay")]
    Unforgettable {
        /// The policy, or its setting.
        policy: &'static str,
    },
    /// A position of slates cannot be compared with the first.
    #[error(
        "position {at} cannot be compared with the first; show arms at both, or at others that link them, until some are taken"
    )]
    Positions {
        /// The position, from zero.
        at: usize,
    },
    /// Arms are described to a policy whose arms share nothing.
    #[error("arms can be described to the policy `contextual` only; take it, or leave the descriptions away")]
    Undescribed,
    /// A stored policy does not hold together.
    #[error("the parts of a stored bandit do not fit each other; learn it again, or take another copy")]
    Stored,
}

/// Whether a setting lies in its range.
pub(super) fn check_setting(name: &'static str, found: f64, least: f64, most: f64) -> Result<(), BanditError> {
    if (least..=most).contains(&found) { Ok(()) } else { Err(BanditError::Setting { name, found, least, most }) }
}
