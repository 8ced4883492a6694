//! Why a plan cannot be.

use std::fmt;
use std::ops::Deref;

use super::PlanHash;
use crate::stats::Undefined;

/// A mistake in an experiment's plan.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PlanError {
    /// A text is empty or too long.
    #[error("`{at}` has {bytes} bytes; it has from 1 to {limit}")]
    Text {
        /// The field.
        at: String,
        /// How long it is.
        bytes: usize,
        /// How long it may be.
        limit: usize,
    },
    /// A list has too few or too many entries.
    #[error("`{at}` has {found} entries; a plan has from {least} to {most}")]
    Count {
        /// The field.
        at: &'static str,
        /// How many there are.
        found: usize,
        /// The fewest.
        least: usize,
        /// The most.
        most: usize,
    },
    /// Two arms or two metrics have one name.
    #[error("`{at}` is `{name}`, as one before it; give each a name of its own")]
    Twice {
        /// The field.
        at: String,
        /// The name.
        name: String,
    },
    /// The control is no arm.
    #[error("`control` is `{found}`, which is no arm{}", meant(nearest.as_deref()))]
    Control {
        /// The name found.
        found: String,
        /// The arm that may be meant.
        nearest: Option<String>,
    },
    /// Nothing decides.
    #[error("no metric is primary; give one of `metrics` the role `primary`")]
    NoPrimary,
    /// A number is out of range.
    #[error("`{at}` is {found}, but must be {wanted}")]
    Number {
        /// The field.
        at: String,
        /// The number found.
        found: f64,
        /// What would be right.
        wanted: &'static str,
    },
    /// A metric has what its kind does not take, or lacks what it does.
    #[error("`{at}` of a metric of kind `{kind}` must be {wanted}")]
    Fit {
        /// The field.
        at: String,
        /// The kind of metric.
        kind: &'static str,
        /// What would be right.
        wanted: &'static str,
    },
    /// The arms are no full factorial design.
    #[error("`{at}` {found}; arms with levels have one of each factor, and each combination has one arm")]
    Levels {
        /// The field.
        at: String,
        /// What is wrong with it.
        found: &'static str,
    },
    /// The size cannot be computed from what the control is expected to do.
    #[error("`units` cannot be computed from what metric `{metric}` expects: {reason}")]
    Size {
        /// The metric.
        metric: String,
        /// Why.
        reason: Undefined,
    },
    /// A design that ends has no end.
    #[error("the design `{design}` needs `units`, or what is `expected` of metric `{metric}` to compute them")]
    NoUnits {
        /// The design.
        design: &'static str,
        /// A primary metric of which nothing is expected.
        metric: String,
    },
    /// The plan is another one than at the first look.
    #[error("the plan is {found}, but looks were taken under {registered}; go on with that one, or register anew")]
    Changed {
        /// The plan that was registered.
        registered: PlanHash,
        /// The plan that came.
        found: PlanHash,
    },
    /// An analysis has no plan.
    #[error("the analysis has no plan; begin it with the registered one")]
    Unplanned,
    /// The parts of a stored registration do not fit each other.
    #[error("the parts of a stored registration do not fit its plan; take another copy")]
    Stored,
    /// There are fewer units than at the last look.
    #[error("there are {found} units, but the last look saw {before}; analyse all units since the start")]
    FewerUnits {
        /// How many there are.
        found: u64,
        /// How many there were.
        before: u64,
    },
    /// More looks than bounds are computed for.
    #[error("this would be look {found}; a group sequential design has at most {limit}, so look less often")]
    TooManyLooks {
        /// Which look it would be.
        found: usize,
        /// How many there may be.
        limit: usize,
    },
    /// Text is not a plan's hash.
    #[error("`{found}` is not a plan's hash; it is the 32 hexadecimal digits that a registration carries")]
    Hash {
        /// The text.
        found: String,
    },
}

/// All mistakes of a plan, at least one.
#[derive(Clone, Debug, PartialEq)]
pub struct PlanErrors(Vec<PlanError>);

impl PlanErrors {
    /// All of them, of which there is one at least.
    pub(super) fn new(errors: Vec<PlanError>) -> Self {
        Self(errors)
    }
}

impl Deref for PlanErrors {
    type Target = [PlanError];
    fn deref(&self) -> &[PlanError] {
        &self.0
    }
}

impl From<PlanError> for PlanErrors {
    fn from(error: PlanError) -> Self {
        Self(vec![error])
    }
}

impl fmt::Display for PlanErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, error) in self.0.iter().enumerate() {
            write!(f, "{}{error}", if i > 0 { "; " } else { "" })?;
        }
        Ok(())
    }
}

impl std::error::Error for PlanErrors {}

fn meant(nearest: Option<&str>) -> String {
    nearest.map_or_else(String::new, |name| format!("; did you mean `{name}`?"))
}
