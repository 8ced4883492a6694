//! Changing who is who: links come, go and expire, and what people are made of moves with them.

use std::collections::BTreeMap;
use std::sync::{Arc, RwLock};

use super::graph::Graph;
use super::{read, write};
use crate::id::UserKey;
use crate::identity::{Component, Fact, Insert, LinkOutcome, Moved, Refusal};
use crate::time::Timestamp;

/// A change of who is who, worked out and not yet made.
pub(super) struct Plan {
    /// The components that it takes the place of.
    pub(super) old: Vec<Arc<RwLock<Component>>>,
    /// What they were.
    pub(super) before: Component,
    pub(super) after: Component,
    /// The ids that are linked to nothing any more.
    pub(super) left: Vec<UserKey>,
}

impl Plan {
    /// The person of an id before, if these components know it.
    fn was(&self, id: UserKey) -> Option<UserKey> {
        self.before.person(id)
    }

    /// The person of an id after; none if nothing here links it.
    fn is(&self, id: UserKey) -> Option<UserKey> {
        self.after.person(id)
    }

    /// The ids whose person is another, in the order of their keys.
    pub(super) fn moved(&self) -> Vec<Moved> {
        let mut ids: Vec<UserKey> = self.before.slots().iter().chain(self.after.slots()).map(|slot| slot.key).collect();
        ids.sort_unstable();
        ids.dedup();
        let of = |id: UserKey| Moved { id, from: self.was(id).unwrap_or(id), into: self.is(id).unwrap_or(id) };
        ids.into_iter().map(of).filter(|moved| moved.from != moved.into).collect()
    }

    /// Where the ids of each person went.
    fn fates(&self) -> BTreeMap<UserKey, Vec<UserKey>> {
        let mut fates: BTreeMap<UserKey, Vec<UserKey>> = BTreeMap::new();
        for slot in self.before.slots().iter().chain(self.after.slots()) {
            let into = self.is(slot.key).unwrap_or(slot.key);
            let of = fates.entry(self.was(slot.key).unwrap_or(slot.key)).or_default();
            if !of.contains(&into) {
                of.push(into);
            }
        }
        fates
    }

    /// Whether it takes people apart.
    fn splits(&self) -> bool {
        self.fates().values().any(|into| into.len() > 1)
    }

    /// What it did to people.
    fn outcome(&self) -> LinkOutcome {
        let moved = self.moved();
        if moved.is_empty() {
            return LinkOutcome::Unchanged;
        }
        let fates = self.fates();
        let mut joined: BTreeMap<UserKey, Vec<UserKey>> = BTreeMap::new();
        for (from, into) in &fates {
            for into in into {
                joined.entry(*into).or_default().push(*from);
            }
        }
        let mut several = joined.into_iter().filter(|(_, from)| from.len() > 1);
        match (several.next(), several.next()) {
            (Some((into, from)), None) if from.len() == 2 && !fates.values().any(|into| into.len() > 1) => {
                let other = from.into_iter().rev().find(|from| *from != into);
                LinkOutcome::Joined { from: other.unwrap_or(into), into }
            }
            _ => LinkOutcome::Repartitioned { moved },
        }
    }
}

/// What a link would do.
pub(super) enum Judged {
    /// Nothing, but it may be counted.
    Not(LinkOutcome),
    /// This.
    To(Box<Plan>, LinkOutcome),
}

impl Graph {
    /// Takes the components of some ids together, as they are.
    fn gather(&self, ids: &[UserKey]) -> (Vec<Arc<RwLock<Component>>>, Component) {
        let (mut old, mut before): (Vec<Arc<RwLock<Component>>>, Component) = Default::default();
        for component in ids.iter().filter_map(|id| self.component(*id)) {
            if old.iter().any(|of| Arc::ptr_eq(of, &component)) {
                continue;
            }
            before.absorb(&read(&component));
            old.push(component);
        }
        (old, before)
    }

    /// What a change of the links of some ids would do.
    pub(super) fn plan(&self, ids: &[UserKey], now: Timestamp, change: impl FnOnce(&mut Component)) -> Plan {
        let (old, before) = self.gather(ids);
        let mut after = before.clone();
        change(&mut after);
        let left = after.settle(&self.rules, now);
        Plan { old, before, after, left }
    }

    /// What a link would do. Who is who must not change meanwhile.
    pub(super) fn judge(&self, fact: &Fact, now: Timestamp) -> Judged {
        let refused = |reason: Refusal| {
            let limit = if reason == Refusal::Links { self.rules.links } else { 0 };
            Judged::Not(LinkOutcome::Refused { reason, limit })
        };
        if fact.expires <= now {
            return refused(Refusal::Expired);
        }
        let is_full = |id: UserKey| {
            self.component(id).is_some_and(|component| read(&component).is_full_before(fact, &self.rules))
        };
        if is_full(fact.a) || is_full(fact.b) {
            return refused(Refusal::Links);
        }
        let mut insert = Insert::Same;
        let plan = self.plan(&[fact.a, fact.b], now, |component| insert = component.insert(fact, &self.rules));
        let Some(link) = plan.after.link(fact.a, fact.b) else { return refused(Refusal::Links) };
        let outcome = match (plan.outcome(), link.refused) {
            (LinkOutcome::Unchanged, Some(reason)) => {
                LinkOutcome::Refused { reason, limit: plan.after.limit(link, &self.rules) }
            }
            (outcome, _) => outcome,
        };
        if insert == Insert::Same && plan.moved().is_empty() {
            return Judged::Not(outcome);
        }
        if self.rules.frozen && plan.splits() {
            return refused(Refusal::Frozen);
        }
        Judged::To(Box::new(plan), outcome)
    }

    /// Notes on both ids of a link that it was not kept.
    pub(super) fn note_dropped(&self, fact: &Fact) {
        for id in [fact.a, fact.b] {
            if let Some(component) = self.component(id) {
                write(&component).note_dropped(id);
            }
        }
    }
}
