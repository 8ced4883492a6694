//! Linear algebra whose results are the same bits on every machine and for any number of threads.
//!
//! A general library would be faster by its use of fused multiplication and of the widest registers there are, and
//! would for the same reason give other bits on another processor. Here every sum has one order, lanes never mix, and
//! the compiler may vectorise but not fuse. What is split between threads is always the output: each number is
//! computed by one of them, in the one order.

mod cholesky;
mod eigen;
mod gram;
mod packed;
mod parallel;
mod ridge;
mod sparse;
mod subspace;
mod vector;

pub(crate) use cholesky::{cholesky, dot64, inverse_transposed, solve_lower, solve_upper};
pub(crate) use eigen::eigen;
pub(crate) use gram::{gram, times};
pub(crate) use packed::{
    Four, Fours, dot_fours, fours, multiplied_out, no_fours, pack, packed_at, packed_forms, packed_len, packed_less,
    packed_times, to_fours,
};
pub(crate) use parallel::for_each;
pub(crate) use ridge::{Ridge, RidgeWork};
pub(crate) use sparse::{Sparse, fetch};
pub(crate) use subspace::{Scaled, leading_subspace};
pub(crate) use vector::dot;
