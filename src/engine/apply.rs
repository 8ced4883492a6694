//! Taking in events: one at a time, or many of one person before the segments are settled.

use smallvec::SmallVec;

use super::facts::EventView;
use super::{Changes, Engine, OpenDecisions, Touched};
use crate::catalog::Catalog;
use crate::event::{Event, EventKind};
use crate::id::UserKey;
use crate::profile::Profile;
use crate::rule::Aspect;
use crate::time::Timestamp;

impl Engine {
    /// Takes in an event that has passed [`Event::check`]: folds it into the profile, and settles the segments that
    /// it, or the time that has passed, can have changed. `now` is the present; an event that comes late keeps its
    /// own time.
    ///
    /// An event that the profile has already (see [`Event::id`]) changes nothing. Nor does one of a person who does not
    /// consent to tracking, or did not when it happened: see [`Changes::untracked`]. Cost: what the event touches; no
    /// allocation once the profile has reached its size.
    pub fn apply(&self, event: &Event, profile: &mut Profile, catalog: &Catalog, now: Timestamp) -> Changes {
        self.apply_view(&EventView::new(event, catalog), None, profile, now)
    }

    /// [`Engine::apply_for`] without settling: what is to be settled is noted, and [`Engine::finish`] settles it for
    /// many events at once.
    #[expect(clippy::too_many_arguments, reason = "those of `apply_for`, and what it is to note")]
    pub(crate) fn take_in_for(
        &self,
        user: UserKey,
        event: &Event,
        open: &OpenDecisions,
        profile: &mut Profile,
        catalog: &Catalog,
        now: Timestamp,
        pending: &mut Option<Pending>,
    ) -> Changes {
        let view = EventView::new(event, catalog).showing(self.shown(event, open));
        self.take_in(&view, Some(user), profile, now, pending)
    }

    pub(super) fn apply_view(
        &self,
        view: &EventView<'_>,
        user: Option<UserKey>,
        profile: &mut Profile,
        now: Timestamp,
    ) -> Changes {
        let mut pending = None;
        let mut changes = self.take_in(view, user, profile, now, &mut pending);
        if let Some(pending) = pending {
            self.finish(profile, pending, now, &mut changes);
        }
        changes
    }

    /// Folds an event in, and notes the segments that are to be settled: those that it can have changed, and before
    /// the first event that is kept those that time has changed, or all if they are others now.
    fn take_in(
        &self,
        view: &EventView<'_>,
        user: Option<UserKey>,
        profile: &mut Profile,
        now: Timestamp,
        pending: &mut Option<Pending>,
    ) -> Changes {
        let (event, catalog) = (view.event(), view.catalog());
        let mut unheard = SmallVec::new();
        if event.kind == EventKind::ConsentChanged {
            unheard = profile.hear(event, &self.upkeep);
        }
        if !self.upkeep.unasked.tracks(profile.consent(), event.time) {
            let mut changes = Changes { untracked: true, mismatched: unheard, ..Changes::default() };
            // What is said about consent takes room too.
            if profile.bytes() > self.upkeep.bytes {
                self.settle_within(profile, now, &mut changes);
            }
            return changes;
        }
        let (outline, had_dropped) = (profile.outline(), profile.counters.has_dropped());
        let grew = profile.membership.engine != self.fingerprint;
        // Also after the first event: what it joined can have changed what others read.
        let begun = self.begin(profile, catalog, now);
        let pending = match pending {
            Some(pending) => {
                pending.touched.extend(begun);
                pending
            }
            None => pending.insert(Pending { touched: begun, grew }),
        };
        let touched = &mut pending.touched;
        let is_renamed = match user {
            Some(user) => profile.belongs_to(user),
            None => profile.is_named_by(event),
        };
        if is_renamed {
            touched.extend_from_slice(self.reach.of_aspect(Aspect::Person));
        }
        let stage = self.stage(profile, now);
        let fold = profile.fold(event, catalog, &self.upkeep);
        let mut grew = pending.grew;
        if !fold.repeated {
            grew |= self.count(view, profile, fold.id, touched);
            self.touch(&fold, profile, touched);
            // Each further event only puts off what the silence after it will bring.
            if self.stage(profile, now) != stage {
                touched.extend_from_slice(self.reach.of_aspect(Aspect::Lifecycle));
            }
        }
        grew |= !fold.attributes.is_empty() || profile.outline() != outline;
        if grew {
            self.make_room(profile, had_dropped, touched);
        }
        pending.grew = grew;
        let mut mismatched = fold.mismatched;
        mismatched.extend(unheard);
        Changes { repeated: fold.repeated, mismatched, oversized: fold.oversized, ..Changes::default() }
    }

    pub(super) fn begin(&self, profile: &mut Profile, catalog: &Catalog, now: Timestamp) -> Touched {
        let mut touched = Touched::new();
        if profile.membership.engine != self.fingerprint {
            self.take_over(profile, catalog, now, &mut touched);
        } else if !profile.membership.holds_at(now) {
            self.touch_due(profile, &mut touched);
            profile.membership.due = Timestamp::MAX;
        }
        touched
    }

    /// Settles what was noted.
    pub(crate) fn finish(&self, profile: &mut Profile, pending: Pending, now: Timestamp, changes: &mut Changes) {
        let outline = profile.outline();
        self.settle_all(profile, pending.touched, now, changes);
        if pending.grew || profile.outline() != outline {
            self.settle_within(profile, now, changes);
        }
    }
}

/// What is to be settled after events were folded in.
#[derive(Debug)]
pub(crate) struct Pending {
    touched: Touched,
    /// Whether the profile may have grown, so that it is to be kept within its bytes.
    grew: bool,
}

impl Pending {
    /// Notes every segment once.
    pub(crate) fn tidy(&mut self) {
        self.touched.sort_unstable();
        self.touched.dedup();
    }
}
