//! Looking whenever one likes: inference that holds at all looks together.
//!
//! - [`AlwaysValid`]: the normal mixture, for any metric, asymptotically; the default without a plan.
//! - [`GroupSequential`]: a few planned looks that spend alpha (Lan and DeMets); the default with a plan, since it keeps
//!   nearly all the power of a single look.
//! - [`Boundary`] and the confidence sequences for numbers in [0, 1] ([`bernoulli_sequence`], [`hoeffding_sequence`],
//!   [`EmpiricalBernstein`]): without asymptotics.

mod boundary;
mod bounded;
mod group;
mod levels;
mod mixture;

pub use boundary::Boundary;
pub use bounded::{EmpiricalBernstein, bernoulli_sequence, hoeffding_sequence};
pub use group::{GroupSequential, Power, Shape, Spending};
pub(super) use levels::Levels;
pub use mixture::{AlwaysValid, SmallestP, approximate_ratio, boundary_z, optimal_ratio};
