//! How likely each of several beta-distributed rates is to be the highest: see [`crate::stats::best_rates`].

pub(crate) use crate::stats::best_rates as best;
