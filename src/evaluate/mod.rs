//! Judging policies by what others did: off-policy evaluation from logged decisions.
//!
//! A log of decisions, each with the probability with which it was made and the reward that it brought, tells what
//! another policy would have earned, as far as that policy does what the log has: records that it would choose oftener
//! count more, the others less. [`OffPolicy`] estimates that value by one of the [`Estimator`]s, always with its error,
//! interval, effective sample size and largest weight, and refuses to answer where these say that the log is too small
//! for the question ([`Guard`]). [`OffPolicy::compare`] judges two policies by the same records.
//!
//! [`Replay`] judges a policy that learns while it runs, by the records in which it does as was done. [`SlateLog`] holds
//! ranked lists with a reward per position.
//!
//! Cost: a pass over records and arms; estimators with a model fit it first ([`Predicted::cross_fitted`]).

mod error;
mod estimator;
mod log;
mod off_policy;
mod predicted;
mod replay;
mod slate;
mod target;
#[cfg(test)]
mod tests;

pub use error::OffPolicyError;
pub use estimator::{Estimator, Threshold};
pub use log::{Log, Logged};
pub use off_policy::{Comparison, Estimate, Guard, OffPolicy};
pub use predicted::Predicted;
pub use replay::{Replay, ReplayEstimate};
pub use slate::{SlateAssumption, SlateEstimate, SlateLog, SlatePosition};
pub use target::Target;

/// That so many numbers are one for each arm of each record.
fn fits(log: &Log, arms: usize, found: usize) -> Result<(), OffPolicyError> {
    let wanted = log.records().len() * log.arms();
    if arms == log.arms() && found == wanted { Ok(()) } else { Err(OffPolicyError::Length { found, wanted }) }
}
