//! Where to find the person whom an id means.
//!
//! Each linked id leads to its component: the links that reach each other, and the people that they make. Looking
//! an id up costs one look into the id's shard and a shared hold of its component; an id that is linked to nothing has
//! no entry, and the shard is held instead. Whoever changes who is who holds [`Graph::changing`] meanwhile, and
//! excludes those who look up only from the ids concerned.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, RwLock, RwLockWriteGuard};

use smallvec::SmallVec;

use super::people::{SHARDS, shard_of};
use super::record::Label;
use super::{IngestError, lock, read, write};
use crate::decision::Request;
use crate::event::{Event, EventKind};
use crate::hash::{Map, Symbol};
use crate::id::UserKey;
use crate::identity::{BlockedValue, Component, Evidence, Fact, Rules, Settings};
use crate::profile::Profile;
use crate::time::{Timestamp, shorten};

/// All links, and the ids of people who were erased.
#[derive(Debug)]
pub(super) struct Graph {
    pub(super) settings: Settings,
    pub(super) rules: Rules,
    changing: Mutex<()>,
    /// How many links are kept.
    links: AtomicUsize,
    pub(super) shards: Box<[RwLock<Ids>]>,
}

/// A share of all ids that are linked or erased.
#[derive(Debug, Default)]
pub(super) struct Ids {
    pub(super) linked: Map<UserKey, Arc<RwLock<Component>>>,
    pub(super) erased: Map<UserKey, Timestamp>,
}

/// An id that an event or a request names.
#[derive(Clone, Copy, Debug)]
pub(super) struct Named {
    pub(super) key: UserKey,
    pub(super) kind: Symbol,
}

/// The ids of an event: first the one under which it is kept.
pub(super) type Names = SmallVec<[Named; 4]>;

/// Where something is to be found or kept: the person, and the part.
pub(super) type Place = (UserKey, Label);

/// Something about an id that needs a change of who is who first, or a hold on more than one component.
pub(super) struct Unsteady;

impl Graph {
    pub(super) fn new(settings: Settings) -> Self {
        Self {
            rules: Rules::new(&settings),
            settings,
            changing: Mutex::default(),
            links: AtomicUsize::new(0),
            shards: (0..SHARDS).map(|_| RwLock::default()).collect(),
        }
    }

    /// Keeps everybody else from changing who is who.
    pub(super) fn hold(&self) -> MutexGuard<'_, ()> {
        lock(&self.changing)
    }

    /// The ids that an event names, without those whose values name nobody.
    pub(super) fn names(&self, event: &Event, blocked: &mut Vec<BlockedValue>) -> Names {
        let previous = event.previous.as_deref().filter(|_| event.kind == EventKind::Aliased);
        let anonymous = previous.or(event.anonymous.as_deref());
        let own = [("user", event.user.as_deref()), ("anonymous", anonymous)];
        let own = own.into_iter().filter_map(|(kind, value)| Some((kind, value?)));
        let further = event.ids.iter().map(|(kind, value)| (kind.as_str(), value.as_str()));
        let mut names = Names::new();
        for (kind, value) in own.chain(further) {
            if self.settings.blocks(value) {
                blocked.push(BlockedValue { kind: kind.to_owned(), value: shorten(value) });
                continue;
            }
            let key = UserKey::of(kind, value);
            if !names.iter().any(|name| name.key == key) {
                names.push(Named { key, kind: Symbol::new(kind) });
            }
        }
        names
    }

    /// The id by which a request is answered, if it names somebody.
    pub(super) fn asked(&self, request: &Request) -> Option<UserKey> {
        let sound = |value: &&String| !self.settings.blocks(value);
        let user = request.user.as_ref().filter(sound).map(|id| UserKey::known(id));
        user.or_else(|| request.anonymous.as_ref().filter(sound).map(|id| UserKey::anonymous(id)))
    }

    /// Lets `look` see the component of an id, or that it has none, and when the id was erased, and keeps that so
    /// meanwhile.
    pub(super) fn with<T>(&self, id: UserKey, look: impl FnOnce(Option<&Component>, Option<Timestamp>) -> T) -> T {
        loop {
            let ids = read(&self.shards[shard_of(id)]);
            let erased = ids.erased.get(&id).copied();
            let Some(component) = ids.linked.get(&id).map(Arc::clone) else { return look(None, erased) };
            drop(ids);
            let component = read(&component);
            if component.slot(id).is_some() {
                return look(Some(&component), erased);
            }
            // It has moved in the meantime.
            std::thread::yield_now();
        }
    }

    /// Refuses an event that lies before the erasure of one of its ids.
    pub(super) fn refuse(&self, time: Timestamp, names: &[Named]) -> Result<(), IngestError> {
        for name in names {
            let erased = self.erased(name.key);
            if let Some(erased) = erased.filter(|erased| time <= *erased) {
                return Err(IngestError::Erased { time, erased });
            }
        }
        Ok(())
    }

    pub(super) fn erased(&self, id: UserKey) -> Option<Timestamp> {
        read(&self.shards[shard_of(id)]).erased.get(&id).copied()
    }

    /// Lets `act` act on the place of what happened under the first of these ids, if all of them are linked as the
    /// event says and stay so meanwhile. It is told when that id was erased.
    pub(super) fn steady<T>(
        &self,
        names: &[Named],
        (time, now): (Timestamp, Timestamp),
        evidence: Evidence,
        act: impl FnOnce(Place, Option<Timestamp>) -> T,
    ) -> Result<T, Unsteady> {
        let Some((first, others)) = names.split_first() else { return Err(Unsteady) };
        self.with(first.key, |component, erased| {
            let Some(component) = component else {
                let own = (first.key, Label::own(first.key));
                return if others.is_empty() { Ok(act(own, erased)) } else { Err(Unsteady) };
            };
            let is_known = |other: &Named| component.knows(&fact(first, other, time, evidence), &self.rules);
            if component.expires() <= now || !others.iter().all(is_known) {
                return Err(Unsteady);
            }
            let owner = component.owner(first.key, time);
            let person = component.person(owner).ok_or(Unsteady)?;
            Ok(act((person, Label { source: first.key, owner }), erased))
        })
    }

    /// The place of what happens under an id at a time. Who is who must not change meanwhile.
    pub(super) fn place(&self, id: UserKey, time: Timestamp) -> Place {
        let owner = self.with(id, |component, _| component.map_or(id, |of| of.owner(id, time)));
        (self.person(owner), Label { source: id, owner })
    }

    /// The ids of a person, in order.
    pub(super) fn ids_of(&self, person: UserKey) -> Vec<UserKey> {
        self.with(person, |component, _| {
            let Some(component) = component else { return vec![person] };
            let of = component.slots().iter().filter(|slot| slot.person == person);
            of.map(|slot| slot.key).collect()
        })
    }

    /// Whom something goes to that was folded for an owner elsewhere.
    pub(super) fn heir(&self, label: Label, profile: &Profile) -> UserKey {
        self.with(label.source, |component, _| {
            let Some(component) = component else { return label.owner };
            let [first, last] =
                [profile.first_seen(), profile.last_seen()].map(|time| component.owner(label.source, time));
            if label.owner == last { label.owner } else { first }
        })
    }

    /// The canonical id of an id's person.
    pub(super) fn person(&self, id: UserKey) -> UserKey {
        self.with(id, |component, _| component.and_then(|of| of.person(id)).unwrap_or(id))
    }

    /// The component of an id. Who is who must not change meanwhile.
    pub(super) fn component(&self, id: UserKey) -> Option<Arc<RwLock<Component>>> {
        read(&self.shards[shard_of(id)]).linked.get(&id).map(Arc::clone)
    }

    /// Keeps everybody from looking up ids of these shards, which are to be in rising order.
    pub(super) fn close(&self, shards: impl Iterator<Item = usize>) -> Vec<(usize, RwLockWriteGuard<'_, Ids>)> {
        shards.map(|shard| (shard, write(&self.shards[shard]))).collect()
    }

    /// How many links are kept.
    pub(super) fn links(&self) -> usize {
        self.links.load(Ordering::Relaxed)
    }

    /// Notes that there are so many links where there were so many before.
    pub(super) fn count_links(&self, before: usize, after: usize) {
        // Only who holds `changing` counts, so this is not torn.
        self.links.store((self.links() + after).saturating_sub(before), Ordering::Relaxed);
    }

    /// Forgets all links of a component. Who is who must not change meanwhile otherwise.
    pub(super) fn disband(&self, component: &RwLock<Component>) {
        let mut component = write(component);
        for slot in component.slots() {
            write(&self.shards[shard_of(slot.key)]).linked.remove(&slot.key);
        }
        self.count_links(component.links().len(), 0);
        *component = Component::default();
    }

    /// Each component once.
    pub(super) fn components(&self) -> Vec<Arc<RwLock<Component>>> {
        let mut all: Vec<_> = self.shards.iter().flat_map(|ids| all_of(&read(ids))).collect();
        all.sort_by_key(|component| Arc::as_ptr(component).addr());
        all.dedup_by(|a, b| Arc::ptr_eq(a, b));
        all
    }

    pub(super) fn bytes(&self) -> usize {
        // A table has a control byte for each slot.
        let tables = self.shards.iter().map(|ids| {
            let ids = read(ids);
            ids.linked.capacity() * (size_of::<(UserKey, Arc<()>)>() + 1)
                + ids.erased.capacity() * (size_of::<(UserKey, Timestamp)>() + 1)
        });
        let of = |component: Arc<RwLock<Component>>| 32 + read(&component).bytes();
        tables.sum::<usize>() + self.components().into_iter().map(of).sum::<usize>()
    }
}

fn all_of(ids: &Ids) -> Vec<Arc<RwLock<Component>>> {
    ids.linked.values().map(Arc::clone).collect()
}

/// The fact that two ids are named together.
pub(super) fn fact(first: &Named, other: &Named, time: Timestamp, evidence: Evidence) -> Fact {
    Fact { a: first.key, kind_a: first.kind, b: other.key, kind_b: other.kind, time, evidence, expires: Timestamp::MAX }
}

/// How strongly an event of a kind says that its ids are one person's.
pub(super) const fn evidence_of(kind: &EventKind) -> Evidence {
    match kind {
        EventKind::Aliased => Evidence::Aliased,
        EventKind::Identified => Evidence::Identified,
        _ => Evidence::Together,
    }
}
