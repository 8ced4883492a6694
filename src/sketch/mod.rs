//! Small summaries of long streams.

mod decayed;
mod exact;

pub(crate) use decayed::Moment;
pub use decayed::{Decayed, DecayedSum, FRACTION, Popularity};
pub use exact::ExactSum;
