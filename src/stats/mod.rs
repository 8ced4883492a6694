//! Distributions and intervals: what a rate is likely to be, given what was seen.
//!
//! The functions work on log-odds inside, where a beta distribution is log-concave, has no singular ends and keeps its
//! shape however many trials it holds, so that a posterior of ten million trials is as easy as one of ten. All
//! transcendental functions come from `libm` and all sampling is this module's own: the same inputs give the same bits
//! on every platform and with every release of a dependency.

mod beta;
mod interval;
mod power;
pub(crate) mod quadrature;
mod ranks;
pub(crate) mod special;
mod welch;

pub use beta::Beta;
pub use interval::{Interval, Level, jeffreys, wilson};
pub use power::Effect;
pub use ranks::{mid_ranks, normal_upper_tail, rank_sum};
pub use special::{Tails, normal_upper_quantile, regularized_beta};
pub use welch::{Moments, Welch, false_discovery};

/// Why a statistic cannot be built.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum StatsError {
    /// A parameter of a beta distribution is out of range.
    #[error("a beta distribution needs parameters from {} to {}, but one is {found}", Beta::MIN, Beta::MAX)]
    BetaParameter {
        /// The parameter found.
        found: f64,
    },
    /// A confidence level is out of range.
    #[error("a confidence level lies between 0 and 1, such as 0.95, but {found} was given")]
    Level {
        /// The level found.
        found: f64,
    },
    /// More trials succeeded than were made.
    #[error("{successes} successes were given in {trials} trials; successes are at most the trials")]
    MoreSuccessesThanTrials {
        /// The successes given.
        successes: u64,
        /// The trials given.
        trials: u64,
    },
}
