//! What was logged: decisions with their propensity and their reward.

use serde::{Deserialize, Serialize};

use super::OffPolicyError;
use crate::bandit::{Contextual, Reward};
use crate::decision::Propensity;

/// One logged decision.
///
/// ```
/// use bespoke::decision::Propensity;
/// use bespoke::evaluate::Logged;
/// let record = Logged { features: vec![1.0, 0.0], ..Logged::new(2, Propensity::new(0.25)?, 1.0) };
/// assert_eq!((record.arm, record.position), (2, None));
/// # Ok::<(), bespoke::decision::NotAPropensity>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Logged {
    /// What was known of the request, as many numbers in every record of a log; none where nothing was.
    #[serde(default)]
    pub features: Vec<f64>,
    /// The arm that was chosen, from zero.
    pub arm: usize,
    /// With what probability it was chosen, under these features.
    pub propensity: Propensity,
    /// What it paid, more being better; in any unit, and zero where nothing was paid.
    pub reward: f64,
    /// Where it was shown, if that matters to who chooses.
    #[serde(default)]
    pub position: Option<u32>,
}

impl Logged {
    /// A decision of which neither features nor position are known.
    #[must_use]
    pub fn new(arm: usize, propensity: Propensity, reward: f64) -> Self {
        Self { features: Vec::new(), arm, propensity, reward, position: None }
    }
}

/// A checked log of decisions among the same arms, in any order.
///
/// ```
/// use bespoke::decision::Propensity;
/// use bespoke::evaluate::{Log, Logged, OffPolicyError};
/// let record = |arm| Logged::new(arm, Propensity::CERTAIN, 1.0);
/// assert_eq!(Log::new(2, vec![record(0), record(1)])?.records().len(), 2);
/// assert_eq!(Log::new(2, vec![record(2)]), Err(OffPolicyError::NoSuchArm { at: 0, arm: 2, arms: 2 }));
/// # Ok::<(), OffPolicyError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Log {
    arms: usize,
    width: usize,
    records: Vec<Logged>,
}

impl Log {
    /// The most arms.
    pub const MAX_ARMS: usize = 65_536;
    /// The largest reward, and its negative the smallest: that of a [bandit](Reward).
    pub const MAX_REWARD: f64 = Reward::MAX;

    /// Checks the records. Cost: one pass over them.
    ///
    /// # Errors
    /// [`OffPolicyError::Empty`], [`OffPolicyError::Arms`], or of the first record that does not fit:
    /// [`OffPolicyError::NoSuchArm`], [`OffPolicyError::Reward`], [`OffPolicyError::Features`] (also for more than
    /// [`Contextual::MAX_FEATURES`]) or [`OffPolicyError::Feature`].
    pub fn new(arms: usize, records: Vec<Logged>) -> Result<Self, OffPolicyError> {
        if !(1..=Self::MAX_ARMS).contains(&arms) {
            return Err(OffPolicyError::Arms { found: arms });
        }
        let width = records.first().ok_or(OffPolicyError::Empty)?.features.len();
        if width > Contextual::MAX_FEATURES {
            return Err(OffPolicyError::Features { at: 0, found: width, wanted: Contextual::MAX_FEATURES });
        }
        for (at, record) in records.iter().enumerate() {
            if record.arm >= arms {
                return Err(OffPolicyError::NoSuchArm { at, arm: record.arm, arms });
            }
            if Reward::new(record.reward).is_err() {
                return Err(OffPolicyError::Reward { at, found: record.reward });
            }
            let found = record.features.len();
            if found != width {
                return Err(OffPolicyError::Features { at, found, wanted: width });
            }
            let is_wrong = |of: &f64| of.is_nan() || of.abs() > Contextual::MAX_FEATURE;
            if let Some(feature) = record.features.iter().position(is_wrong) {
                return Err(OffPolicyError::Feature { at, feature, found: record.features[feature] });
            }
        }
        Ok(Self { arms, width, records })
    }

    /// How many arms there are, logged or not.
    #[must_use]
    pub const fn arms(&self) -> usize {
        self.arms
    }

    /// How many features each record has.
    #[must_use]
    pub const fn features(&self) -> usize {
        self.width
    }

    /// The records, in the order given; at least one.
    #[must_use]
    pub fn records(&self) -> &[Logged] {
        &self.records
    }
}
