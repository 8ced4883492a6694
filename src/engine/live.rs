//! What changes by time passing alone: memberships at any time, and the time at which the next one turns.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;

use smallvec::SmallVec;

use super::facts::ProfileFacts;
use super::{Changes, Engine, Touched};
use crate::catalog::Catalog;
use crate::profile::{Flip, Flips, Profile, Stage};
use crate::rule::Aspect;
use crate::time::{Span, Timestamp};

/// A change of memberships that comes by time passing alone; see [`Engine::next_change`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NextChange {
    /// When it comes: the first millisecond at which the memberships are other ones.
    pub time: Timestamp,
    /// The segments that the person is in from then on. Where nothing is entered nor left, the search has ended at
    /// its limit: nothing changes before [`NextChange::time`], and a further call from there goes on.
    pub entered: SmallVec<[Arc<str>; 2]>,
    /// The segments that the person is in until then.
    pub left: SmallVec<[Arc<str>; 2]>,
}

impl NextChange {
    /// How many evaluations of a rule one search takes at most.
    pub const LOOKS: usize = 10_000;
}

impl Engine {
    /// Settles the segments that time alone can have changed by now: what `apply` does, without an event. Gives what
    /// has changed since they were settled last, by `apply` or by this.
    pub fn refresh(&self, profile: &mut Profile, catalog: &Catalog, now: Timestamp) -> Changes {
        let mut changes = Changes::default();
        if profile.membership.engine == self.fingerprint && profile.membership.holds_at(now) {
            return changes;
        }
        let had_dropped = profile.counters.has_dropped();
        let mut touched = self.begin(profile, catalog, now);
        self.make_room(profile, had_dropped, &mut touched);
        self.settle_all(profile, touched, now, &mut changes);
        self.settle_within(profile, now, &mut changes);
        changes
    }

    /// The names of the segments that the person is in at a time, in the order of their compilation. The time may lie
    /// after the newest event or before it; what happened after it does not count then.
    pub fn memberships<'a>(
        &'a self,
        profile: &Profile,
        now: Timestamp,
    ) -> impl Iterator<Item = &'a Arc<str>> + use<'a> {
        let flips = self.flips_at(profile, now);
        let (mut flips, mut blank) = (flips.into_iter().peekable(), self.blank.iter().copied().peekable());
        // Both lists are in the order of the segments: who is in one of them is a member, who is in both is none, but
        // for what is unknown.
        let members = std::iter::from_fn(move || {
            loop {
                let flip = flips.peek().copied();
                match (blank.peek().copied(), flip.map(Flip::segment)) {
                    (Some(blank_one), flipped) if flipped.is_none_or(|flipped| blank_one < flipped) => {
                        return blank.next();
                    }
                    (blank_one, Some(flipped)) => {
                        if blank_one == Some(flipped) {
                            blank.next();
                        }
                        let is_in = flips.next().is_some_and(|flip| self.differs(flip)) != (blank_one == Some(flipped));
                        if is_in {
                            return Some(flipped);
                        }
                    }
                    _ => return None,
                }
            }
        });
        members.map(|index| &self.segments[index as usize].name)
    }

    /// The earliest time after `now` at which the person enters or leaves a segment although nothing happens, and
    /// which: a window that ends, a cart that has been left for long enough, an event still ahead that is reached.
    /// `None` if there is no such time. The profile stays as it is.
    ///
    /// Exact to the millisecond. Cost: an evaluation for each time at which a condition could turn, up to
    /// [`NextChange::LOOKS`] of them; should these not suffice, the answer names no segment, and says until when
    /// nothing changes.
    ///
    /// ```
    /// use bespoke::catalog::Catalog;
    /// use bespoke::{Engine, Event, EventKind, Profile, Span, Timestamp};
    /// let engine = Engine::from_json(r#"{"segments": [{"name": "left-behind", "rule":
    ///     "event('item_added').within(1 day) AND NOT event('item_added').within(2 hours)"}]}"#)?;
    /// let now: Timestamp = "2026-03-01T12:00:00Z".parse()?;
    /// let mut profile = Profile::default();
    /// engine.apply(&Event::new(EventKind::ItemAdded, "ann", now), &mut profile, &Catalog::new(), now);
    /// let next = engine.next_change(&profile, now).unwrap();
    /// assert_eq!((next.time, &*next.entered[0]), (now + Span::hours(2), "left-behind"));
    /// let next = engine.next_change(&profile, next.time).unwrap();
    /// assert_eq!((next.time, &*next.left[0]), (now + Span::days(1), "left-behind"));
    /// assert_eq!(engine.next_change(&profile, next.time), None);
    /// # Ok::<(), bespoke::Error>(())
    /// ```
    #[must_use]
    pub fn next_change(&self, profile: &Profile, now: Timestamp) -> Option<NextChange> {
        let mut flips = self.flips_at(profile, now);
        let mut touched = Touched::new();
        if profile.membership.engine == self.fingerprint {
            self.touch_due(profile, &mut touched);
            touched.sort_unstable();
            touched.dedup();
        } else {
            self.touch_all(profile, &mut touched);
        }
        let (mut now, mut looks) = (now, 0);
        loop {
            let truth = |index: u32, now| {
                let facts = ProfileFacts { engine: self, profile, flips: &flips, now, context: &[] };
                self.segments[index as usize].rule.eval(&facts)
            };
            // Each segment waits for the time until which its answer is known to hold; of equal times those it refers
            // to come first.
            let mut waiting: BinaryHeap<Reverse<(Timestamp, u32)>> =
                touched.iter().map(|index| Reverse((truth(*index, now).until, *index))).collect();
            now = loop {
                let Reverse((time, index)) = waiting.pop().filter(|Reverse((time, _))| *time < Timestamp::MAX)?;
                looks += 1;
                if looks > NextChange::LOOKS {
                    return Some(NextChange { time, entered: SmallVec::new(), left: SmallVec::new() });
                }
                let truth = truth(index, time);
                if truth.answer != self.answer(&flips, index) {
                    break time;
                }
                waiting.push(Reverse((truth.until.max(time + Span::from_millis(1)), index)));
            };
            let mut changes = Changes::default();
            self.settle(profile, &mut flips, touched.clone(), now, &mut changes);
            // What was unknown and is no has changed nothing; the search goes on from there.
            if !(changes.entered.is_empty() && changes.left.is_empty()) {
                return Some(NextChange { time: now, entered: changes.entered, left: changes.left });
            }
            looks += touched.len();
        }
    }

    /// The segments that differ from those of an empty profile, as they are at a time.
    pub(super) fn flips_at(&self, profile: &Profile, now: Timestamp) -> Flips {
        let mut flips = profile.membership.flips();
        let mut touched = Touched::new();
        if profile.membership.engine != self.fingerprint {
            flips.clear();
            self.touch_concerned(profile, &flips, &mut touched);
        } else if !profile.membership.holds_at(now) {
            self.touch_due(profile, &mut touched);
        } else {
            return flips;
        }
        self.settle_noting(profile, &mut flips, touched, now, |_, _| {});
        flips
    }

    /// Whether a profile's memberships are this engine's, as of a time that is known.
    pub(crate) fn has_settled(&self, profile: &Profile) -> bool {
        let membership = &profile.membership;
        membership.engine == self.fingerprint && membership.since < membership.due
    }

    /// Notes all segments; for an empty profile those in which one empty profile differs from another.
    pub(super) fn touch_all(&self, profile: &Profile, touched: &mut Touched) {
        if profile.events() == 0 {
            touched.extend_from_slice(self.reach.of_aspect(Aspect::Person));
            touched.extend_from_slice(self.reach.of_aspect(Aspect::Clock));
        } else {
            touched.extend(0..self.segments.len() as u32);
        }
    }

    /// Where the person stands, and since when, if any rule asks for it.
    pub(super) fn stage(&self, profile: &Profile, now: Timestamp) -> Option<(Stage, Timestamp)> {
        if self.reach.of_aspect(Aspect::Lifecycle).is_empty() {
            return None;
        }
        Some(self.upkeep.lifecycle.stage(&profile.visits()?, now))
    }

    /// Notes the segments that time alone can have changed: those that read a counter which has counted something,
    /// or something else that is there and moves with time. All others answer as for an empty profile, or read what
    /// only events change.
    pub(super) fn touch_due(&self, profile: &Profile, touched: &mut Touched) {
        for id in profile.counters.ids() {
            touched.extend_from_slice(self.reach.of_counter(id));
        }
        for (aspect, is_there) in [
            (Aspect::Session, true),
            (Aspect::Lifecycle, profile.events() > 0),
            (Aspect::Purchases, !profile.spent().is_empty()),
            (Aspect::Clock, true),
        ] {
            if is_there {
                touched.extend_from_slice(self.reach.of_aspect(aspect));
            }
        }
        if !profile.gaps.is_empty() {
            // Counters that are not there may become certain to have nothing to count. They are counted in u32.
            for index in 0..self.plan.len() {
                if self.planned_absent_since(profile, index) > Timestamp::MIN {
                    touched.extend_from_slice(self.reach.of_planned(index as u32));
                }
            }
        }
        for of in profile.affinities().iter() {
            touched.extend_from_slice(self.reach.of_fading(of.dimension, of.value));
        }
        let mut said =
            profile.extra.iter().flat_map(|extra| extra.preferences.iter()).map(|of| of.dimension).peekable();
        while let Some(dimension) = said.next() {
            // They are in the order of their dimensions.
            if said.peek() != Some(&dimension) {
                self.touch_tastes(profile, dimension, touched);
            }
        }
        // A group can have changed without an event of the person.
        for of in profile.extra.iter().flat_map(|extra| extra.groups.iter()) {
            touched.extend_from_slice(self.reach.of_group(of.kind));
        }
    }
}
