//! Variants that stick: a unit keeps the arm that it was first exposed to, although shares change later.
//!
//! What sticks is the unit's own first exposure, and the **host holds it** with the unit: in a profile, a cookie or a
//! column. It is there already, since exposures are events; it goes when the person is erased; it is as large as an
//! arm's name; and a list of all units in here would grow with them, and be a second place to ask. What is in here is
//! what is done with it: [`Enrolment::keep`](super::Enrolment::keep) places a unit, and [`FirstExposure::merge`] puts
//! two ids of one person together.
//!
//! Where shares change, units that keep their arm are older than those that come: count each under the arm that it was
//! first exposed to, and look at the days ([`Analysis::days`](super::Analysis::days)) or at each step by itself.

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// The arm that a unit was first exposed to.
///
/// ```
/// use bespoke::experiment::{Allocation, Enrolment, FirstExposure, Place};
/// let narrow = Allocation::new("new-page", &[("old", 0.5), ("new", 0.5)])?;
/// let ann = (0..).map(|i| format!("user-{i}")).find(|id| narrow.arm(id) == Some(1)).unwrap();
/// let first = FirstExposure::new("new", "2026-03-01T12:00:00Z".parse()?);
/// let later = Enrolment::new("user", narrow.reshaped(&[("old", 0.9), ("new", 0.1)])?)?;
/// assert_eq!(later.keep(&ann, Some(&first)).arm(), Some(1));
/// // An arm that was taken away keeps nobody.
/// let stopped = Enrolment::new("user", narrow.reshaped(&[("old", 1.0), ("new", 0.0)])?)?;
/// assert_eq!(stopped.keep(&ann, Some(&first)), Place::Arm { arm: 0 });
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FirstExposure {
    /// The arm.
    pub arm: String,
    /// When.
    pub at: Timestamp,
}

impl FirstExposure {
    /// An exposure to an arm.
    pub fn new(arm: impl Into<String>, at: Timestamp) -> Self {
        Self { arm: arm.into(), at }
    }

    /// Takes in an exposure of the same unit, or of another id of it: the earlier one stays, and of two at one time
    /// that of the lower name. Whether the unit crossed over: it saw both arms, and belongs to neither without doubt.
    pub fn merge(&mut self, other: &Self) -> bool {
        let has_crossed = self.arm != other.arm;
        if (other.at, &other.arm) < (self.at, &self.arm) {
            self.clone_from(other);
        }
        has_crossed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::{Allocation, Enrolment, Place};

    fn at(arm: &str, millis: i64) -> FirstExposure {
        FirstExposure::new(arm, Timestamp::from_millis(millis))
    }

    /// In whatever order exposures come, the same one is the first.
    #[test]
    fn the_earliest_exposure_stays() {
        let seen = [at("b", 5), at("a", 9), at("c", 5), at("b", 7)];
        for order in [[0, 1, 2, 3], [3, 2, 1, 0], [2, 0, 3, 1], [1, 3, 0, 2]] {
            let mut first = seen[order[0]].clone();
            let crossed = order[1..].iter().filter(|i| first.merge(&seen[**i])).count();
            assert_eq!(first, at("b", 5));
            assert!(crossed >= 1);
        }
        let mut same = at("a", 3);
        assert!(!same.merge(&at("a", 1)) && same == at("a", 1));
        let text = serde_json::to_string(&same).unwrap();
        assert_eq!(serde_json::from_str::<FirstExposure>(&text).unwrap(), same);
    }

    #[test]
    fn exposed_units_keep_their_arm_and_others_follow_the_shares() {
        let before = Allocation::new("x", &[("a", 0.5), ("b", 0.5)]).unwrap();
        let enrolment = |allocation| Enrolment::new("user", allocation).unwrap();
        let wide = enrolment(before.clone());
        let narrow = enrolment(before.reshaped(&[("a", 0.2), ("b", 0.1)]).unwrap());
        let without = enrolment(before.reshaped(&[("a", 0.5), ("c", 0.5)]).unwrap());
        let held = narrow.clone().holdout("all", 0.3).unwrap();
        let mut kept = 0;
        for i in 0..2_000 {
            let id = format!("user-{i}");
            let arm = wide.place(&id).arm().unwrap();
            let first = at(["a", "b"][arm], 1);
            let now = narrow.keep(&id, Some(&first));
            assert_eq!(now.arm(), Some(arm));
            match narrow.place(&id) {
                Place::Arm { arm: by_share } if by_share == arm => assert_eq!(now, Place::Arm { arm }),
                _ => {
                    assert_eq!(now, Place::Kept { arm });
                    kept += 1;
                }
            }
            // Nothing sticks of what nobody saw, of an arm there is not, or of who is kept out.
            assert_eq!(narrow.keep(&id, None), narrow.place(&id));
            assert_eq!(without.keep(&id, Some(&at("b", 1))), without.place(&id));
            if held.place(&id) == Place::Held {
                assert_eq!(held.keep(&id, Some(&first)), Place::Held);
            }
        }
        // Seven tenths of the units have lost their bucket, ± five deviations of 20.5.
        assert!((1_297..=1_503).contains(&kept), "{kept}");
        let forced = narrow.forced("user-1", "b").unwrap();
        assert_eq!(forced.keep("user-1", Some(&at("a", 1))), Place::Forced { arm: 1 });
    }
}
