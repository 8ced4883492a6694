//! Parts of a person: what each id brought, kept apart so that it can be taken out again.

use super::facts::EventView;
use super::{Engine, OpenDecisions, Touched};
use crate::catalog::Catalog;
use crate::event::{Event, EventKind};
use crate::profile::{Membership, Profile};

impl Engine {
    /// Folds an event into a part of a person's profile, whose memberships are not kept; `false` if the part has it
    /// already. The person's open decisions are as in [`Engine::apply_for`].
    pub(crate) fn gather(&self, event: &Event, open: &OpenDecisions, part: &mut Profile, catalog: &Catalog) -> bool {
        self.fit(part, catalog);
        self.join_group(event, part);
        let had_dropped = part.counters.has_dropped();
        let fold = part.fold(event, catalog, &self.upkeep);
        if !fold.repeated {
            let view = EventView::new(event, catalog).showing(self.shown(event, open));
            self.count(&view, part, fold.id, &mut Touched::new());
            self.make_room(part, had_dropped, &mut Touched::new());
        }
        !fold.repeated
    }

    /// Lets a part note what an event says about consent.
    pub(crate) fn hear(&self, event: &Event, part: &mut Profile) {
        if event.kind == EventKind::ConsentChanged {
            // The whole tells which purposes nobody knows.
            let _ = part.hear(event, &self.upkeep);
        }
    }

    /// Makes a profile a part of a person's: its counters are this engine's, and it has no memberships.
    pub(crate) fn fit(&self, part: &mut Profile, catalog: &Catalog) {
        let is_other = ![self.fingerprint, !self.fingerprint].contains(&part.membership.engine);
        if is_other && part.events() > 0 {
            self.take_over(part, catalog, part.last_seen(), &mut Touched::new());
        }
        part.membership = Membership::default();
        part.membership.engine = self.fingerprint;
    }

    /// Makes a profile that was put together a person's, whose memberships were these before. All segments are to be
    /// settled; the next event tells what changes.
    pub(crate) fn unsettle(&self, profile: &mut Profile, before: Membership) {
        let is_own = [self.fingerprint, !self.fingerprint].contains(&before.engine);
        profile.membership = before;
        if is_own {
            // The complement says that the flips are this engine's, but all segments are to be settled.
            profile.membership.engine = !self.fingerprint;
        }
    }
}
