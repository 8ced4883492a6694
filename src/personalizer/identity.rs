//! Which person an id means: links from anonymous ids to known users, and the ids of people who were erased.

use serde::{Deserialize, Serialize};

use crate::hash::Map;
use crate::id::UserKey;
use crate::time::Timestamp;

/// What became of a link between two ids that an event named.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Link {
    /// The ids were one person already.
    Known,
    /// The anonymous id belongs to the user now, with what was known under it.
    Joined,
    /// The anonymous id belonged to another user, as on a shared device: from now on its events go to this one, and
    /// what it brought to the other stays there.
    Moved,
    /// A user was identified on this device at a later time already; the link stays as it is.
    Older,
}

/// A share of all links, and of the ids of erased people.
#[derive(Clone, Debug, Default)]
pub(super) struct Identities {
    links: Map<UserKey, Owner>,
    erased: Map<UserKey, Timestamp>,
}

/// Whom an anonymous id belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Owner {
    user: UserKey,
    /// When the user was last identified on it.
    time: Timestamp,
}

/// Identities as they are stored: sorted by id.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Stored {
    links: Vec<(UserKey, Owner)>,
    erased: Vec<(UserKey, Timestamp)>,
}

impl Identities {
    /// Links an anonymous id to a user. Of two users the one identified at the later time has it, ties by key.
    pub(super) fn link(&mut self, anonymous: UserKey, user: UserKey, time: Timestamp, limit: usize) -> Link {
        let owner = Owner { user, time };
        let Some(known) = self.links.get_mut(&anonymous) else {
            self.links.insert(anonymous, owner);
            self.evict(limit);
            return Link::Joined;
        };
        if known.user == user {
            known.time = known.time.max(time);
            return Link::Known;
        }
        if (time, user) < (known.time, known.user) {
            return Link::Older;
        }
        *known = owner;
        Link::Moved
    }

    /// Whom an id belongs to, if it is linked.
    pub(super) fn owner(&self, id: UserKey) -> Option<UserKey> {
        self.links.get(&id).map(|owner| owner.user)
    }

    /// The ids that are linked to a user.
    pub(super) fn ids_of(&self, user: UserKey) -> Vec<UserKey> {
        let mut ids: Vec<UserKey> =
            self.links.iter().filter(|(_, owner)| owner.user == user).map(|(id, _)| *id).collect();
        ids.sort_unstable();
        ids
    }

    /// When somebody with this id was erased.
    pub(super) fn erased(&self, id: UserKey) -> Option<Timestamp> {
        self.erased.get(&id).copied()
    }

    /// Marks an id as erased. The latest time counts.
    pub(super) fn erase(&mut self, id: UserKey, time: Timestamp) {
        let erased = self.erased.entry(id).or_insert(time);
        *erased = time.max(*erased);
    }

    /// Takes out the links to a user, and gives their ids in order.
    pub(super) fn unlink(&mut self, user: UserKey) -> Vec<UserKey> {
        let ids = self.ids_of(user);
        for id in &ids {
            self.links.remove(id);
        }
        ids
    }

    /// Takes out one link.
    pub(super) fn forget(&mut self, id: UserKey) {
        self.links.remove(&id);
    }

    /// Takes out the links to people who were erased after they were last identified.
    pub(super) fn forget_owned(&mut self, gone: &Map<UserKey, Timestamp>) {
        self.links.retain(|_, owner| gone.get(&owner.user).is_none_or(|erased| owner.time > *erased));
    }

    /// The ids of erased people, in order.
    pub(super) fn all_erased(&self) -> Vec<(UserKey, Timestamp)> {
        sorted(&self.erased)
    }

    pub(super) fn bytes(&self) -> usize {
        // A table has a control byte for each slot.
        self.links.capacity() * (size_of::<(UserKey, Owner)>() + 1)
            + self.erased.capacity() * (size_of::<(UserKey, Timestamp)>() + 1)
    }

    pub(super) fn store(&self) -> Stored {
        Stored { links: sorted(&self.links), erased: sorted(&self.erased) }
    }

    /// Beyond the limit the sixteenth that was linked longest ago leaves; ties by id.
    fn evict(&mut self, limit: usize) {
        if self.links.len() <= limit.max(1) {
            return;
        }
        let mut all = sorted(&self.links);
        all.sort_by_key(|(id, owner)| (owner.time, *id));
        for (id, _) in &all[..(limit / 16).max(1).min(all.len())] {
            self.links.remove(id);
        }
    }
}

impl Stored {
    /// The ids that are linked or erased.
    pub(super) fn keys(&self) -> impl Iterator<Item = UserKey> {
        self.links.iter().map(|(id, _)| *id).chain(self.erased.iter().map(|(id, _)| *id))
    }
}

impl From<Stored> for Identities {
    fn from(stored: Stored) -> Self {
        Self { links: stored.links.into_iter().collect(), erased: stored.erased.into_iter().collect() }
    }
}

fn sorted<V: Copy>(map: &Map<UserKey, V>) -> Vec<(UserKey, V)> {
    let mut all: Vec<_> = map.iter().map(|(key, value)| (*key, *value)).collect();
    all.sort_unstable_by_key(|(key, _)| *key);
    all
}
