//! What people are made of, moved to where it belongs after a change of who is who.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, RwLock, RwLockWriteGuard};

use super::graph::Ids;
use super::people::{People, evict, shard_of};
use super::recent::{Base, Log};
use super::record::{Part, Record};
use super::relink::Plan;
use super::{read, write};
use crate::catalog::Catalog;
use crate::engine::{Engine, Models};
use crate::event::EventKind;
use crate::id::UserKey;
use crate::identity::Component;
use crate::profile::{Membership, Profile};
use crate::time::Timestamp;

/// The shards of ids that nobody else looks up at the moment.
type Closed<'a> = [(usize, RwLockWriteGuard<'a, Ids>)];

impl People {
    /// Makes a planned change. Who is who must not change meanwhile otherwise. People whose parts change are settled
    /// at `now`, all but that of `later`, or when they are next touched.
    pub(super) fn carry_out(
        &self,
        plan: &Plan,
        (engine, models): (&Engine, &RwLock<Models>),
        now: Option<Timestamp>,
        later: Option<UserKey>,
    ) {
        let target = plan.old.first().map_or_else(|| Arc::new(RwLock::default()), Arc::clone);
        let mut others: Vec<RwLockWriteGuard<'_, Component>> = plan.old.iter().skip(1).map(|of| write(of)).collect();
        let mut component = write(&target);
        let joining = plan.after.slots().iter().map(|slot| slot.key).filter(|id| component.slot(*id).is_none());
        let joining: Vec<UserKey> = joining.collect();
        let mut shards: Vec<usize> = joining.iter().chain(&plan.left).map(|id| shard_of(*id)).collect();
        shards.sort_unstable();
        shards.dedup();
        // Nobody looks up any of these ids until all has moved.
        let mut closed = self.graph.close(shards.into_iter());
        let at = |closed: &Closed<'_>, id: UserKey| closed.iter().position(|(shard, _)| *shard == shard_of(id));
        for id in joining {
            if let Some(at) = at(&closed, id) {
                closed[at].1.linked.insert(id, Arc::clone(&target));
            }
        }
        for id in &plan.left {
            if let Some(at) = at(&closed, *id) {
                closed[at].1.linked.remove(id);
            }
        }
        self.graph.count_links(plan.before.links().len(), plan.after.links().len());
        others.iter_mut().for_each(|other| **other = Component::default());
        *component = plan.after.clone();
        let is = |id: UserKey| self.person_of(plan, &closed, id);
        self.move_parts(plan, &is, (engine, models), now, later);
    }

    /// The person of an id after a planned change.
    fn person_of(&self, plan: &Plan, closed: &Closed<'_>, id: UserKey) -> UserKey {
        if let Some(person) = plan.after.person(id) {
            return person;
        }
        let Some((_, ids)) = closed.iter().find(|(shard, _)| *shard == shard_of(id)) else {
            return self.graph.person(id);
        };
        // Of a component that does not change, since those that do are in the plan.
        let other = ids.linked.get(&id).map(Arc::clone);
        other.and_then(|other| read(&other).person(id)).unwrap_or(id)
    }

    fn move_parts(
        &self,
        plan: &Plan,
        is: &dyn Fn(UserKey) -> UserKey,
        (engine, models): (&Engine, &RwLock<Models>),
        now: Option<Timestamp>,
        later: Option<UserKey>,
    ) {
        let mut sources: BTreeSet<UserKey> = plan.moved().into_iter().map(|moved| moved.from).collect();
        let changed = plan.devices();
        for device in &changed {
            let users = plan.before.users(*device).iter().chain(plan.after.users(*device));
            for owner in users.map(|mark| mark.user).chain([*device]) {
                sources.insert(plan.before.person(owner).unwrap_or_else(|| is(owner)));
            }
        }
        let mut pulled = Pulled::default();
        sources.iter().for_each(|person| self.pull(*person, &mut pulled));
        if pulled.parts.is_empty() {
            return;
        }
        let parts = {
            let models = read(models);
            self.assign(plan, &changed, std::mem::take(&mut pulled.parts), engine, &models.catalog)
        };
        // Those who get something and were not touched so far are put together anew as well.
        let mut people: BTreeMap<UserKey, Vec<Part>> = BTreeMap::new();
        for part in parts {
            people.entry(is(part.label.owner)).or_default().push(part);
        }
        for (person, parts) in &mut people {
            if !sources.contains(person) {
                self.pull(*person, &mut pulled);
                parts.append(&mut pulled.parts);
            }
        }
        let later = later.map(is);
        for (person, parts) in people {
            let before = pulled.memberships.remove(&person).unwrap_or_default();
            let record = {
                let models = read(models);
                let mut parts = unite(parts, engine);
                for part in &mut parts {
                    let (source, owner) = (part.label.source, part.label.owner);
                    if plan.after.slot(source).is_some() || plan.before.slot(source).is_some() {
                        part.hidden = plan.after.is_hidden(source, owner);
                    }
                }
                let mut record = Record::of(person, parts, before, engine, &models.catalog);
                if let Some(now) = now.filter(|_| later != Some(person)) {
                    let _ = engine.refresh(&mut record.profile, &models.catalog, now);
                }
                record
            };
            self.put(person, record);
        }
    }

    /// Puts a person in place.
    pub(super) fn put(&self, person: UserKey, record: Record) {
        let mut shard = write(&self.shards[shard_of(person)]);
        shard.insert(person, Box::new(record));
        self.queue(person, &mut shard);
        evict(&mut shard, self.limits.people);
    }

    /// Takes a person apart.
    fn pull(&self, person: UserKey, pulled: &mut Pulled) {
        let Some(mut record) = write(&self.shards[shard_of(person)]).remove(&person) else { return };
        let whole = std::mem::take(&mut record.profile.membership);
        // A part goes on with the counters of the engine that the whole was settled under.
        record.profile.membership.engine = whole.engine;
        pulled.memberships.insert(person, whole);
        pulled.parts.extend(record.into_parts(person));
    }

    /// Gives what happened on devices to whom it belongs now.
    fn assign(
        &self,
        plan: &Plan,
        changed: &[UserKey],
        parts: Vec<Part>,
        engine: &Engine,
        catalog: &Catalog,
    ) -> Vec<Part> {
        let (mut on, mut others): (Vec<Part>, Vec<Part>) =
            parts.into_iter().partition(|part| changed.binary_search(&part.label.source).is_ok());
        for part in &mut on {
            part.fit(engine, catalog);
        }
        for device in changed {
            let of;
            (of, on) = on.into_iter().partition(|part| part.label.source == *device);
            match self.recents.take(*device) {
                Some(log) => others.extend(self.fold_again(plan, *device, log, of, engine, catalog)),
                None => others.extend(of.into_iter().map(|mut part| {
                    let label = part.label;
                    part.label.owner = plan.heir(*device, label.owner, &part.record.profile);
                    part
                })),
            }
        }
        others.extend(on);
        others
    }

    /// Folds what is kept of a device's events again, each for its owner.
    fn fold_again(
        &self,
        plan: &Plan,
        device: UserKey,
        log: Log,
        parts: Vec<Part>,
        engine: &Engine,
        catalog: &Catalog,
    ) -> Vec<Part> {
        let mut bases = log.bases;
        let mut done: Vec<Part> = Vec::new();
        for mut part in parts {
            let owner = part.label.owner;
            // A part without events in the log is a base by itself.
            let base: Base = match bases.iter().position(|(of, _)| *of == owner) {
                Some(at) => bases.remove(at).1,
                None => Some(Box::new(std::mem::take(&mut part.record.profile))),
            };
            part.label.owner = match &base {
                Some(base) => plan.heir(device, owner, base),
                None => plan.heir(device, owner, &part.record.profile),
            };
            part.record.profile = base.map(|base| *base).unwrap_or_default();
            done.push(part);
        }
        // The owner of a part that has left in the meantime.
        for (owner, base) in bases {
            if let Some(base) = base {
                let heir = plan.heir(device, owner, &base);
                done.push(Part::holding(device, heir, *base));
            }
        }
        let mut done = unite(done, engine);
        done.iter_mut().for_each(|part| part.fit(engine, catalog));
        let mut again = Log { bases: Vec::new(), events: log.events };
        for event in &again.events {
            let owner = plan.after.owner(device, event.time);
            let at = done.iter().position(|part| part.label.owner == owner).unwrap_or_else(|| {
                done.push(Part::holding(device, owner, Profile::default()));
                done.len() - 1
            });
            let open = done[at].record.open_decisions();
            let profile = &mut done[at].record.profile;
            if let Err(place) = again.bases.binary_search_by_key(&owner, |(of, _)| *of) {
                let base: Base = (!profile.is_blank()).then(|| Box::new(profile.clone()));
                again.bases.insert(place, (owner, base));
            }
            // What was said about consent is kept of those too who do not consent, but nothing else.
            engine.hear(event, profile);
            if event.kind != EventKind::ConsentChanged || engine.tracks(profile, event.time) {
                engine.gather(event, &open, profile, catalog);
            }
        }
        self.recents.put(device, again);
        done.retain(|part| !part.is_empty());
        done
    }
}

/// What was taken out to be moved.
#[derive(Default)]
struct Pulled {
    parts: Vec<Part>,
    memberships: BTreeMap<UserKey, Membership>,
}

/// One part for each label.
pub(super) fn unite(mut parts: Vec<Part>, engine: &Engine) -> Vec<Part> {
    parts.sort_by_key(|part| part.label);
    let mut united: Vec<Part> = Vec::new();
    for part in parts {
        match united.last_mut().filter(|last| last.label == part.label) {
            Some(last) => last.absorb(part, engine),
            None => united.push(part),
        }
    }
    united
}

impl Plan {
    /// The devices that other people were identified on than was known, in the order of their keys.
    fn devices(&self) -> Vec<UserKey> {
        let all = self.before.devices().chain(self.after.devices());
        let mut all: Vec<UserKey> =
            all.filter(|device| self.before.users(*device) != self.after.users(*device)).collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// Whom something goes to that was folded for an owner and cannot be told apart.
    fn heir(&self, device: UserKey, owner: UserKey, profile: &Profile) -> UserKey {
        let [first, last] = [profile.first_seen(), profile.last_seen()].map(|time| self.after.owner(device, time));
        if owner == first || owner == last { owner } else { first }
    }
}
