//! Who takes part in an experiment, and with which arm: holdout, exclusion group, traffic and forced variants in order.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::allocation::check_text;
use super::{Allocation, AllocationError, FirstExposure};

/// How units come into an experiment.
///
/// The steps have salts of their own, so that who is in one has nothing to do with who is in another.
///
/// ```
/// use bespoke::experiment::{Allocation, Enrolment, Place};
/// let arms = Allocation::new("new-page", &[("old", 0.5), ("new", 0.5)])?;
/// let group = Allocation::new("checkout", &[("new-page", 0.5), ("new-form", 0.5)])?;
/// let enrolment = Enrolment::new("user", arms)?
///     .holdout("everything", 0.05)?
///     .within(group, "new-page")?
///     .forced("tester-1", "new")?;
/// assert_eq!(enrolment.place("tester-1"), Place::Forced { arm: 1 });
/// let placed = (0..1_000).filter(|i| matches!(enrolment.place(&format!("user-{i}")), Place::Arm { .. })).count();
/// assert!((395..555).contains(&placed)); // 0.95 × 0.5 of them, ± five deviations
/// # Ok::<(), bespoke::experiment::AllocationError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Stored", into = "Stored")]
pub struct Enrolment(Stored);

/// Where a unit is with respect to an experiment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// In this arm.
    Arm {
        /// Its index.
        arm: usize,
    },
    /// In this arm because somebody put it there: not to be counted.
    Forced {
        /// Its index.
        arm: usize,
    },
    /// In this arm because it was exposed to it, though its bucket is now another's, or nobody's.
    Kept {
        /// Its index.
        arm: usize,
    },
    /// Kept out of all campaigns.
    Held,
    /// Another experiment of the exclusion group has it, or none.
    Elsewhere,
    /// Not in the share of units that the experiment takes.
    Outside,
}

impl Place {
    /// The arm whose experience the unit gets.
    #[must_use]
    pub const fn arm(self) -> Option<usize> {
        match self {
            Self::Arm { arm } | Self::Kept { arm } | Self::Forced { arm } => Some(arm),
            Self::Held | Self::Elsewhere | Self::Outside => None,
        }
    }
}

impl Enrolment {
    /// An experiment whose unit is such an id (`user`, `device`, `account`), with its arms.
    ///
    /// # Errors
    /// [`AllocationError::Text`] for a name of nothing or over 512 bytes.
    pub fn new(unit: &str, arms: Allocation) -> Result<Self, AllocationError> {
        Stored { unit: unit.to_owned(), holdout: None, group: None, arms, forced: BTreeMap::new() }.checked()
    }

    /// Keeps a share of all units out. All experiments that give the same salt keep the same ones out, and a larger
    /// share keeps all of a smaller one.
    ///
    /// # Errors
    /// As [`Allocation::new`], and [`AllocationError::SameSalt`].
    pub fn holdout(mut self, salt: &str, share: f64) -> Result<Self, AllocationError> {
        self.0.holdout = Some(Allocation::new(salt, &[("holdout", share)])?);
        self.0.checked()
    }

    /// Puts the experiment into an exclusion group, an allocation whose arms are experiments.
    ///
    /// # Errors
    /// [`AllocationError::Unknown`] for an experiment that the group has not, and [`AllocationError::SameSalt`].
    pub fn within(mut self, group: Allocation, experiment: &str) -> Result<Self, AllocationError> {
        self.0.group = Some((group, experiment.to_owned()));
        self.0.checked()
    }

    /// Puts a unit into an arm whatever its bucket, for testing.
    ///
    /// # Errors
    /// [`AllocationError::Unknown`] for an arm there is not, and [`AllocationError::Forced`] beyond 10,000.
    pub fn forced(mut self, unit: &str, arm: &str) -> Result<Self, AllocationError> {
        self.0.forced.insert(unit.to_owned(), arm.to_owned());
        self.0.checked()
    }

    /// The kind of id that is put into arms.
    #[must_use]
    pub fn unit(&self) -> &str {
        &self.0.unit
    }

    /// Whether it keeps units out of its own accord.
    #[must_use]
    pub const fn holds_out(&self) -> bool {
        self.0.holdout.is_some()
    }

    /// The arms.
    #[must_use]
    pub const fn arms(&self) -> &Allocation {
        &self.0.arms
    }

    /// Where a unit is, by its id of the kind [`Enrolment::unit`]: always the same.
    #[must_use]
    pub fn place(&self, id: &str) -> Place {
        let of = &self.0;
        let index = |name: &String| of.arms.arms().iter().position(|arm| arm == name);
        if let Some(arm) = of.forced.get(id).and_then(index) {
            return Place::Forced { arm };
        }
        if of.holdout.as_ref().is_some_and(|holdout| holdout.arm(id).is_some()) {
            return Place::Held;
        }
        let elsewhere = |(group, own): &(Allocation, String)| group.arm(id).is_none_or(|at| group.arms()[at] != *own);
        if of.group.as_ref().is_some_and(elsewhere) {
            return Place::Elsewhere;
        }
        of.arms.arm(id).map_or(Place::Outside, |arm| Place::Arm { arm })
    }

    /// Where a unit is that keeps the arm which it was first exposed to: whatever shares are now, as long as that arm
    /// has any. Holdout, exclusion group and forced variants come before; of who was exposed to nothing it is
    /// [`Enrolment::place`].
    #[must_use]
    pub fn keep(&self, id: &str, first: Option<&FirstExposure>) -> Place {
        let place = self.place(id);
        let arms = &self.0.arms;
        let first = first.and_then(|first| arms.arms().iter().position(|arm| *arm == first.arm));
        match (place, first.filter(|arm| arms.share(*arm) > 0.0)) {
            (Place::Arm { arm: now }, Some(arm)) if now != arm => Place::Kept { arm },
            (Place::Outside, Some(arm)) => Place::Kept { arm },
            _ => place,
        }
    }
}

/// The stored form.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    unit: String,
    #[serde(default)]
    holdout: Option<Allocation>,
    /// The group, and which of its experiments this is.
    #[serde(default)]
    group: Option<(Allocation, String)>,
    arms: Allocation,
    #[serde(default)]
    forced: BTreeMap<String, String>,
}

impl Stored {
    fn checked(self) -> Result<Enrolment, AllocationError> {
        check_text("unit", &self.unit)?;
        let steps = [Some(self.arms.salt()), self.holdout.as_ref().map(Allocation::salt), self.group_salt()];
        let salts: Vec<&str> = steps.into_iter().flatten().collect();
        if let Some(at) = (1..salts.len()).find(|at| salts[..*at].contains(&salts[*at])) {
            return Err(AllocationError::SameSalt { salt: salts[at].to_owned() });
        }
        let known = |arms: &Allocation, name: &String| {
            let unknown = || AllocationError::Unknown { name: name.clone() };
            if arms.arms().contains(name) { Ok(()) } else { Err(unknown()) }
        };
        if let Some((group, own)) = &self.group {
            known(group, own)?;
        }
        if self.forced.len() > FORCED {
            return Err(AllocationError::Forced { found: self.forced.len() });
        }
        self.forced.values().try_for_each(|arm| known(&self.arms, arm))?;
        Ok(Enrolment(self))
    }

    fn group_salt(&self) -> Option<&str> {
        self.group.as_ref().map(|(group, _)| group.salt())
    }
}

impl TryFrom<Stored> for Enrolment {
    type Error = AllocationError;
    fn try_from(stored: Stored) -> Result<Self, AllocationError> {
        stored.checked()
    }
}

impl From<Enrolment> for Stored {
    fn from(of: Enrolment) -> Self {
        of.0
    }
}

/// The most units that are forced.
const FORCED: usize = 10_000;
