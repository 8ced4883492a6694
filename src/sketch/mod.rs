//! Small summaries of long streams.

mod decayed;
mod exact;

pub use decayed::{Decayed, DecayedSum, FRACTION, Popularity};
pub use exact::ExactSum;
