//! Questions and statements of the host's about who is who.

use super::Personalizer;
use super::graph::Place;
use super::groups::GroupStore;
use super::people::People;
use super::record::{Label, Record};
use super::relink::Judged;
use crate::catalog::Catalog;
use crate::engine::{Changes, Engine};
use crate::event::{Event, EventKind};
use crate::hash::Symbol;
use crate::id::{MAX_ID_BYTES, UserKey};
use crate::identity::{Explanation, Fact, Fragment, Id, Link, LinkOutcome, Refusal};
use crate::profile::Profile;
use crate::time::Timestamp;

impl Personalizer {
    /// Links two ids, and tells what that did. A replayed link changes nothing.
    ///
    /// Cost: that of the links that reach each other already, of which there are at most
    /// [`links`](crate::identity::Settings::links), and of putting together the people who change.
    ///
    /// ```
    /// use bespoke::identity::{Link, LinkOutcome};
    /// use bespoke::{Engine, Personalizer, Timestamp, UserKey};
    /// let shop = Personalizer::new(Engine::from_json("{}")?);
    /// let now: Timestamp = "2026-03-01T12:00:00Z".parse()?;
    /// let link = Link::new(("user", "ann"), ("email", "ann@example.com"), now);
    /// assert!(matches!(shop.link(&link, now), LinkOutcome::Joined { into, .. } if into == UserKey::known("ann")));
    /// assert_eq!(shop.link(&link, now), LinkOutcome::Unchanged);
    /// # Ok::<(), bespoke::Error>(())
    /// ```
    pub fn link(&self, link: &Link, now: Timestamp) -> LinkOutcome {
        let _held = self.people.graph.hold();
        match self.people.fact(link) {
            Ok(fact) => self.people.link(&fact, now, (&self.engine(), &self.models), None),
            Err(reason) => LinkOutcome::Refused { reason, limit: 0 },
        }
    }

    /// What [`Personalizer::link`] would do. Nothing changes.
    #[must_use]
    pub fn would_link(&self, link: &Link, now: Timestamp) -> LinkOutcome {
        let _held = self.people.graph.hold();
        match self.people.fact(link).map(|fact| self.people.graph.judge(&fact, now)) {
            Ok(Judged::Not(outcome) | Judged::To(_, outcome)) => outcome,
            Err(reason) => LinkOutcome::Refused { reason, limit: 0 },
        }
    }

    /// Revokes the evidence up to a time that two ids are one person's: what either brought goes back to where it came
    /// from, to the byte, but for what was sealed. Later evidence links them again.
    ///
    /// ```
    /// use bespoke::identity::{Link, LinkOutcome};
    /// use bespoke::{Engine, Personalizer, Timestamp, UserKey};
    /// let shop = Personalizer::new(Engine::from_json("{}")?);
    /// let now: Timestamp = "2026-03-01T12:00:00Z".parse()?;
    /// let (ann, laptop) = (UserKey::known("ann"), UserKey::anonymous("laptop"));
    /// shop.link(&Link::new(("user", "ann"), ("anonymous", "laptop"), now), now);
    /// assert_eq!(shop.resolve(laptop), ann);
    /// assert!(matches!(shop.unlink(ann, laptop, now), LinkOutcome::Repartitioned { .. }));
    /// assert_eq!(shop.resolve(laptop), laptop);
    /// # Ok::<(), bespoke::Error>(())
    /// ```
    pub fn unlink(&self, a: UserKey, b: UserKey, now: Timestamp) -> LinkOutcome {
        let _held = self.people.graph.hold();
        let plan = self.people.graph.plan(&[a, b], now, |component| {
            component.revoke(a, b, now);
        });
        let moved = plan.moved();
        self.people.carry_out(&plan, (&self.engine(), &self.models), Some(now), None);
        if moved.is_empty() { LinkOutcome::Unchanged } else { LinkOutcome::Repartitioned { moved } }
    }

    /// Who an id is and why: all ids of the person, the links that lead from each to the canonical one, those that
    /// were refused and for what reason, and what is kept under each id.
    ///
    /// ```
    /// use bespoke::identity::Link;
    /// use bespoke::{Engine, Personalizer, Timestamp, UserKey};
    /// let shop = Personalizer::new(Engine::from_json("{}")?);
    /// let now: Timestamp = "2026-03-01T12:00:00Z".parse()?;
    /// shop.link(&Link::new(("user", "ann"), ("anonymous", "laptop"), now), now);
    /// let explained = shop.explain_identity(UserKey::anonymous("laptop"));
    /// assert_eq!((explained.person, explained.members.len()), (UserKey::known("ann"), 2));
    /// assert!(explained.to_string().contains("stated by the host at 2026-03-01"));
    /// # Ok::<(), bespoke::Error>(())
    /// ```
    #[must_use]
    pub fn explain_identity(&self, id: UserKey) -> Explanation {
        let _held = self.people.graph.hold();
        let person = self.people.resolve(id);
        let graph = &self.people.graph;
        let (members, refused) = graph.with(person, |component, _| {
            component.map(|component| component.explain(person, &graph.rules)).unwrap_or_default()
        });
        let fragment = |(label, sealed, hidden, profile): (Label, &[Label], bool, &Profile)| {
            Fragment {
                source: label.source,
                owner: label.owner,
                events: profile.events(),
                first: profile.first_seen(),
                last: profile.last_seen(),
                // A person has few ids.
                sealed: sealed.len() as u32,
                hidden,
            }
        };
        let fragments = self.people.read(person, |record| {
            record.map(|record| record.parts(person).into_iter().map(fragment).collect()).unwrap_or_default()
        });
        Explanation { id, person, members, refused, fragments }
    }
}

impl People {
    /// A link as it goes into the graph.
    fn fact(&self, link: &Link) -> Result<Fact, Refusal> {
        let is_sound =
            |id: &Id| [&id.kind, &id.value].into_iter().all(|text| !text.is_empty() && text.len() <= MAX_ID_BYTES);
        let (a, b) = (link.a.key(), link.b.key());
        if !is_sound(&link.a) || !is_sound(&link.b) || a == b || !link.time.is_plausible() {
            return Err(Refusal::Unsound);
        }
        if self.graph.settings.blocks(&link.a.value) || self.graph.settings.blocks(&link.b.value) {
            return Err(Refusal::Blocked);
        }
        if [a, b].into_iter().any(|id| self.graph.erased(id).is_some_and(|erased| link.time <= erased)) {
            return Err(Refusal::Erased);
        }
        Ok(Fact {
            a,
            kind_a: Symbol::new(&link.a.kind),
            b,
            kind_b: Symbol::new(&link.b.kind),
            time: link.time,
            evidence: link.evidence,
            expires: link.expires.unwrap_or(Timestamp::MAX),
        })
    }

    /// Folds an event into a person, and keeps it for a while as it came if it belongs to whoever is identified on
    /// its device.
    pub(super) fn apply(
        &self,
        event: &Event,
        (place, is_device): (Place, bool),
        record: &mut Record,
        (engine, catalog, groups): (&Engine, &Catalog, &GroupStore),
        now: Timestamp,
    ) -> (Changes, bool) {
        let (_, label) = place;
        if !is_device || !self.recents.is_on() {
            return record.apply(place, event, (engine, catalog, groups), now);
        }
        let base = self.recents.wants_base(label.source, label.owner).then(|| {
            record.find(place).filter(|profile| !profile.is_blank()).map(|profile| {
                let mut base = Box::new(profile.clone());
                engine.fit(&mut base, catalog);
                base
            })
        });
        let (changes, is_new) = record.apply(place, event, (engine, catalog, groups), now);
        if is_new || event.kind == EventKind::ConsentChanged {
            self.recents.keep(label.source, label.owner, base, event);
        }
        (changes, is_new)
    }
}
