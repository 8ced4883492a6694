//! Distributions and intervals: what a rate is likely to be, given what was seen.
//!
//! The functions work on log-odds inside, where a beta distribution is log-concave, has no singular ends and keeps its
//! shape however many trials it holds, so that a posterior of ten million trials is as easy as one of ten. All
//! transcendental functions come from `libm` and all sampling is this module's own: the same inputs give the same bits
//! on every platform and with every release of a dependency.

mod adjust;
mod best;
mod best_means;
mod beta;
mod binomial;
pub(crate) mod evidence;
pub(crate) mod functions;
mod gamma;
mod interval;
mod moments;
mod normal;
mod power;
mod proportion;
pub(crate) mod quadrature;
mod ranks;
pub(crate) mod root;
mod share;
pub(crate) mod special;
mod student;
pub(crate) mod undefined;

pub use adjust::{Adjustment, adjusted, adjusted_by_weight};
pub use best::best_rates;
pub use best_means::best_means;
pub use beta::Beta;
pub use binomial::{binomial_between, binomial_lower_tail, fisher_exact};
pub use evidence::Evidence;
pub use functions::{hypergeometric, lambert_lower};
pub use gamma::{digamma, gamma_lower_quantile, gamma_upper_quantile, ln_beta, ln_gamma, regularized_gamma};
pub use interval::{Alpha, Interval, agresti_coull, clopper_pearson, jeffreys, wilson};
pub use moments::{JointMoments, Moments};
pub use normal::{
    inverse_erf, inverse_erfc, normal_both_tails, normal_density, normal_lower_tail, normal_quantile,
    normal_upper_quantile, normal_upper_tail,
};
pub use power::{Effect, Sizing, power_at};
pub use proportion::Proportion;
pub use ranks::{mid_ranks, rank_sum};
pub use special::{Tails, regularized_beta};
pub use student::{noncentral_student_both_tails, student_both_tails, student_upper_quantile, student_upper_tail};
pub use undefined::Undefined;

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
    /// Nothing can be inferred from what was given.
    #[error(transparent)]
    Undefined(#[from] Undefined),
}

#[cfg(test)]
mod reference_tests;
#[cfg(test)]
mod tests;
