//! How many bytes a profile takes, and what gives way when these are too many.
//!
//! Each part has a share of what the definitions allow. Beyond that, the part that exceeds its share most gives up the
//! least of what it holds, again and again, until the profile is an eighth below what is allowed. So a person about
//! whom one thing is said without end loses of that, and not of all else. What goes is a function of the profile alone,
//! and below what is allowed nothing goes: there the order in which events arrive leaves no trace.
//!
//! | Part | Share | What goes first |
//! |---|---|---|
//! | counters | 3/8 | the one that takes most bytes; absent counters are unknown from then on |
//! | attributes | 2/8 | the one set longest ago, those that the schema does not declare first |
//! | history | 1/8 | the oldest event, which stays counted in the sessions |
//! | affinities | 1/8 | the weakest of the dimension that has most |
//! | all else | 1/8 | past values of attributes, computed attributes, preferences, groups, older consents, currencies |

use smallvec::SmallVec;

use super::session::Touches;
use super::{CounterId, Extra, Profile, Sessions, Upkeep};
use crate::hash::Symbol;

/// What had to go, so that what reads it is settled anew.
#[derive(Debug, Default)]
pub(crate) struct Shed {
    pub(crate) attributes: SmallVec<[Symbol; 8]>,
    pub(crate) counters: SmallVec<[CounterId; 8]>,
    pub(crate) gathered: SmallVec<[CounterId; 4]>,
    pub(crate) groups: SmallVec<[Symbol; 2]>,
    pub(crate) affinities: bool,
}

impl Profile {
    /// The bytes that the profile takes, itself and what it holds on the heap, without the allocator's overhead.
    #[must_use]
    pub fn bytes(&self) -> usize {
        size_of::<Self>()
            + self.attributes.heap_bytes()
            + self.affinities.heap_bytes()
            + self.history.heap_bytes()
            + self.rest_bytes()
            + self.counters.heap_bytes()
            + self.gaps.heap_bytes()
            + self.membership.heap_bytes()
    }

    /// What changes whenever a list grows: all of [`Profile::bytes`] but what single attributes and counters hold. It
    /// costs a look at each part, however much these hold.
    pub(crate) fn outline(&self) -> usize {
        self.attributes.list_bytes()
            + self.affinities.heap_bytes()
            + self.history.heap_bytes()
            + self.rest_bytes()
            + self.counters.list_bytes()
            + self.membership.heap_bytes()
    }

    fn rest_bytes(&self) -> usize {
        self.touches.as_ref().map_or(0, |touches| size_of::<Touches>() + touches.heap_bytes())
            + self.sealed.as_ref().map_or(0, |_| size_of::<Sessions>())
            + self.extra.as_ref().map_or(0, |extra| size_of::<Extra>() + extra.heap_bytes())
            + size_of_val(&*self.spent)
    }

    /// Gives up as much as it takes to stay below what is allowed.
    pub(crate) fn shed(&mut self, keep: &Upkeep) -> Shed {
        let mut shed = Shed::default();
        let fixed = size_of::<Self>() + self.membership.heap_bytes();
        let shared = keep.bytes.saturating_sub(fixed);
        let target = fixed + shared / 8 * 7;
        self.counters.tidy();
        self.shrink();
        while self.bytes() > target {
            let parts = [
                (self.counters.heap_bytes(), 3),
                (self.attributes.heap_bytes(), 2),
                (self.history.heap_bytes(), 1),
                (self.affinities.heap_bytes(), 1),
                (self.rest_bytes(), 1),
            ];
            let mut order = [0, 1, 2, 3, 4];
            // By how much of its share each takes; of equals the first of the list.
            order.sort_by_key(|part| std::cmp::Reverse(parts[*part].0 * 6 / parts[*part].1));
            if !order.into_iter().any(|part| self.give_up(part, keep, &mut shed)) {
                break;
            }
        }
        self.shrink();
        shed
    }

    /// Gives up the least of one part; `false` if it has nothing to give.
    fn give_up(&mut self, part: usize, keep: &Upkeep, shed: &mut Shed) -> bool {
        match part {
            0 => {
                let left = self.counters.leave_largest();
                shed.counters.extend(left);
                self.counters.shrink();
                left.is_some()
            }
            1 => {
                let left = self.attributes.leave_oldest(&keep.kinds);
                shed.attributes.extend(left);
                left.is_some()
            }
            2 => {
                let sealed = &mut self.sealed;
                // One event stays, so that a repetition of the newest is still recognised.
                let left = self.history.len() > 1
                    && self.history.give_up_oldest(&mut |left| sealed.get_or_insert_default().push(left, keep));
                self.history.shrink();
                left
            }
            3 => {
                let left = self.affinities.give_up_weakest();
                shed.affinities |= left;
                self.affinities.shrink();
                left
            }
            _ => {
                let of_extra = self.extra.as_mut().is_some_and(|extra| extra.give_up(shed));
                of_extra || {
                    let mut spent = std::mem::take(&mut self.spent).into_vec();
                    let left = spent.pop().is_some();
                    self.spent = spent.into();
                    left
                }
            }
        }
    }

    fn shrink(&mut self) {
        self.affinities.shrink();
        self.history.shrink();
        self.counters.shrink();
        if let Some(extra) = &mut self.extra {
            extra.shrink();
        }
    }
}
