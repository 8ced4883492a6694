//! Keeping profiles within the bytes that the settings allow.

use super::{Changes, Engine, Touched};
use crate::profile::Profile;
use crate::time::Timestamp;

impl Engine {
    /// Makes a profile give up what it takes too many bytes for, and notes the segments that this can change. Where
    /// counters have begun to be missing, that is every segment.
    pub(super) fn make_room(&self, profile: &mut Profile, had_dropped: bool, touched: &mut Touched) {
        if profile.bytes() > self.upkeep.bytes {
            let shed = profile.shed(&self.upkeep);
            for name in &shed.attributes {
                touched.extend_from_slice(self.reach.of_attribute(*name));
            }
            for id in &shed.counters {
                touched.extend_from_slice(self.reach.of_counter(*id));
            }
            for id in &shed.gathered {
                touched.extend_from_slice(self.reach.of_computed(*id));
            }
            for kind in &shed.groups {
                touched.extend_from_slice(self.reach.of_group(*kind));
            }
            for dimension in self.upkeep.dimensions.iter().filter(|_| shed.affinities) {
                touched.extend_from_slice(self.reach.of_dimension(dimension.attribute));
            }
        }
        if profile.counters.has_dropped() && !had_dropped {
            touched.extend(0..self.segments.len() as u32);
        }
    }

    /// Settles the touched segments, and notes until when they stay as they are.
    pub(super) fn settle_all(&self, profile: &mut Profile, touched: Touched, now: Timestamp, changes: &mut Changes) {
        let mut flips = profile.membership.flips();
        let (due, has_changed) = self.settle(profile, &mut flips, touched, now, changes);
        if has_changed {
            profile.membership.set_flips(&flips);
        }
        profile.membership.due = profile.membership.due.min(due);
        profile.membership.since = now;
    }

    /// Makes room for memberships that have grown themselves, and settles what that changes.
    pub(super) fn settle_within(&self, profile: &mut Profile, now: Timestamp, changes: &mut Changes) {
        for _ in 0..ROUNDS {
            if profile.bytes() <= self.upkeep.bytes {
                break;
            }
            let (mut touched, had_dropped) = (Touched::new(), profile.counters.has_dropped());
            self.make_room(profile, had_dropped, &mut touched);
            self.settle_all(profile, touched, now, changes);
        }
        // What was entered and left in one go has not changed.
        let both = changes.entered.iter().filter(|name| changes.left.contains(name)).cloned();
        for name in both.collect::<Vec<_>>() {
            changes.entered.retain(|of| *of != name);
            changes.left.retain(|of| *of != name);
        }
    }
}

/// After how many rounds memberships have their final size: they take at most two bits for each segment.
const ROUNDS: usize = 8;
