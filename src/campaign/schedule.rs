//! When a campaign runs.

use crate::decision::Outcome;
use crate::time::Timestamp;

/// The time in which a campaign runs: from `starts` on and before `ends`; open where there is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Schedule {
    /// The first moment.
    pub starts: Option<Timestamp>,
    /// The first moment after.
    pub ends: Option<Timestamp>,
}

impl Schedule {
    /// Why the campaign does not run at a time; `None` if it does.
    #[must_use]
    pub fn closed(&self, now: Timestamp) -> Option<Outcome> {
        if let Some(starts) = self.starts.filter(|starts| now < *starts) {
            return Some(Outcome::NotStarted { starts });
        }
        self.ends.filter(|ends| now >= *ends).map(|ended| Outcome::Ended { ended })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schedule_is_half_open() {
        let at = Timestamp::from_millis;
        let schedule = Schedule { starts: Some(at(5)), ends: Some(at(7)) };
        assert_eq!(schedule.closed(at(4)), Some(Outcome::NotStarted { starts: at(5) }));
        assert_eq!((schedule.closed(at(5)), schedule.closed(at(6))), (None, None));
        assert_eq!(schedule.closed(at(7)), Some(Outcome::Ended { ended: at(7) }));
    }
}
