//! Groups that people belong to: a company, an account, a household, with attributes of their own.
//!
//! A person belongs to at most one group of each kind, the newest by event time. The group's attributes are kept once,
//! beside the people, as an immutable value that is replaced when they change; a profile holds a view of it, which
//! rules read. The view is no part of the person's state: it is not stored, and whoever keeps the groups attaches it.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use super::Upkeep;
use super::attribute::{self, Attributes, Written};
use super::channel::Channel;
use super::fold::fit;
use crate::event::{Event, EventKind};
use crate::hash::{Map, Symbol};
use crate::id::MAX_ID_BYTES;
use crate::schema::Keep;
use crate::time::{Span, Timestamp};
use crate::value::{Kind, Value};

/// What is known about one group: attributes, each the newest by event time.
///
/// At most [`Attributes::LIMIT`] attributes are kept, each of at most [`Group::MAX_VALUE_BYTES`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Group {
    attributes: Attributes,
    /// When the group was forgotten; what was written up to then does not come back.
    forgotten: Option<Timestamp>,
    /// The newest write.
    newest: Timestamp,
}

impl Group {
    /// The most bytes that one value may hold outside itself.
    pub const MAX_VALUE_BYTES: usize = 1024;
    /// The most attributes of a group.
    pub const LIMIT: usize = 64;

    /// The attributes.
    #[must_use]
    pub const fn attributes(&self) -> &Attributes {
        &self.attributes
    }

    /// The time of the newest write.
    #[must_use]
    pub const fn newest(&self) -> Timestamp {
        self.newest
    }

    /// The group after an event about it, and in `refused` the names of the attributes that were not taken, since they
    /// are of another kind than declared, or too large. `None` if nothing has changed.
    pub(crate) fn with(&self, event: &Event, keep: &Upkeep, refused: &mut SmallVec<[Symbol; 1]>) -> Option<Self> {
        if self.forgotten.is_some_and(|forgotten| event.time <= forgotten) {
            return None;
        }
        let mut group = self.clone();
        let written = Written::new(event.time, event.channel.as_deref().map(Channel::new).unwrap_or_default());
        let none = Map::default();
        let kinds = group_of(event).and_then(|(kind, _)| keep.groups.get(&kind)).unwrap_or(&none);
        let mut set = |wholes: &[Symbol], name: Symbol, value: &Value| {
            let fits = fit(value, kinds.get(&name).copied(), Keep::Newest);
            match fits.filter(|value| value.content_bytes() <= Self::MAX_VALUE_BYTES) {
                Some(value) => {
                    let newest = |_: Symbol| Keep::Newest;
                    group.attributes.set_part(wholes, name, (written, value), keep, &newest);
                    group.attributes.cover(name, keep, &newest, &mut |_| {});
                }
                None => refused.push(name),
            }
        };
        for (name, value) in &event.attributes {
            attribute::flatten(name, value, &mut set);
        }
        group.newest = group.newest.max(event.time);
        while group.attributes.as_slice().len() > Self::LIMIT {
            group.attributes.leave_oldest(kinds);
        }
        (group != *self).then_some(group)
    }

    /// A group that was forgotten.
    pub(crate) fn forgotten(now: Timestamp) -> Self {
        Self { attributes: Attributes::default(), forgotten: Some(now), newest: now }
    }

    /// Takes in what is known about the group elsewhere.
    pub(crate) fn merge(&mut self, other: &Self, keep: &Upkeep) {
        // A group of other attributes than these two has no declared kinds here; the oldest of all leave.
        let none: Map<Symbol, Kind> = Map::default();
        self.attributes.merge(&other.attributes, keep);
        self.forgotten = self.forgotten.max(other.forgotten);
        self.newest = self.newest.max(other.newest);
        if let Some(forgotten) = self.forgotten {
            self.attributes.forget_before(forgotten + Span::from_millis(1));
        }
        while self.attributes.as_slice().len() > Self::LIMIT {
            self.attributes.leave_oldest(&none);
        }
    }

    pub(crate) const fn is_forgotten(&self) -> Option<Timestamp> {
        self.forgotten
    }

    pub(crate) fn heap_bytes(&self) -> usize {
        self.attributes.heap_bytes()
    }
}

/// A person's place in a group.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Belonging {
    /// The symbol of the kind of group.
    pub(crate) kind: Symbol,
    /// The group's id as text; null after the person has left.
    pub(crate) id: Value,
    pub(crate) time: Timestamp,
    /// The group as it was attached last.
    #[serde(skip)]
    pub(crate) view: Option<Arc<Group>>,
}

impl PartialEq for Belonging {
    fn eq(&self, other: &Self) -> bool {
        (self.kind, &self.id, self.time) == (other.kind, &other.id, other.time)
    }
}

/// The groups of one person, by kind.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Stored")]
pub(crate) struct Groups(Vec<Belonging>);

#[derive(Deserialize)]
struct Stored(Vec<Belonging>);

impl Groups {
    /// The most kinds of groups that one person belongs to. Beyond that the one that was joined longest ago leaves,
    /// ties by the lower symbol.
    pub(crate) const LIMIT: usize = 8;
    /// The most bytes that one takes: with the two counters that lie before the text of its id.
    pub(super) const WORST_BYTES: usize = size_of::<Belonging>() + MAX_ID_BYTES + 16;

    /// Notes that the person belongs to a group from a time on. Of two at the same time the greater id holds.
    pub(super) fn join(&mut self, kind: Symbol, id: Value, time: Timestamp) -> bool {
        match self.0.binary_search_by_key(&kind, |of| of.kind) {
            Ok(at) => {
                let of = &mut self.0[at];
                if time.cmp(&of.time).then_with(|| id.total_cmp(&of.id)).is_le() {
                    return false;
                }
                of.time = time;
                if of.id == id {
                    return false;
                }
                (of.id, of.view) = (id, None);
            }
            Err(at) => {
                self.0.reserve_exact(1);
                self.0.insert(at, Belonging { kind, id, time, view: None });
                if self.0.len() > Self::LIMIT {
                    self.leave_oldest();
                }
            }
        }
        true
    }

    /// Takes out the group that was joined longest ago, and gives its kind.
    pub(super) fn leave_oldest(&mut self) -> Option<Symbol> {
        let oldest = (0..self.0.len()).min_by_key(|at| (self.0[*at].time, self.0[*at].kind))?;
        Some(self.0.remove(oldest).kind)
    }

    pub(super) fn shrink(&mut self) {
        self.0.shrink_to_fit();
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Belonging> {
        self.0.iter()
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Belonging> {
        self.0.iter_mut()
    }

    /// An attribute of the group of a kind; `id` is the group's id.
    pub(crate) fn value(&self, kind: Symbol, name: Symbol) -> Option<&Value> {
        let at = self.0.binary_search_by_key(&kind, |of| of.kind).ok()?;
        let of = &self.0[at];
        if of.id.is_null() {
            return None;
        }
        if name == Symbol::new("id") {
            return Some(&of.id);
        }
        of.view.as_ref()?.attributes.value(name)
    }

    /// Whether the group of a kind has any part of an object of this name.
    pub(crate) fn has_parts(&self, kind: Symbol, name: Symbol) -> bool {
        let Ok(at) = self.0.binary_search_by_key(&kind, |of| of.kind) else { return false };
        let view = self.0[at].view.as_ref().filter(|_| !self.0[at].id.is_null());
        view.is_some_and(|group| group.attributes.has_parts(name))
    }

    pub(super) fn merge(&mut self, other: &Self) {
        for of in &other.0 {
            self.join(of.kind, of.id.clone(), of.time);
        }
    }

    pub(super) fn heap_bytes(&self) -> usize {
        self.0.capacity() * size_of::<Belonging>() + self.0.iter().map(|of| of.id.heap_bytes()).sum::<usize>()
    }
}

impl TryFrom<Stored> for Groups {
    type Error = &'static str;
    fn try_from(Stored(groups): Stored) -> Result<Self, &'static str> {
        if groups.len() > Self::LIMIT || !groups.windows(2).all(|pair| pair[0].kind < pair[1].kind) {
            return Err("groups out of order");
        }
        Ok(Self(groups))
    }
}

/// Which group an event is about: the symbol of its kind, and its id, or null where the person leaves it.
///
/// The property `group_id` names the group, `group_kind` its kind (`account` where there is none); `left: true` says
/// that the person leaves.
pub(crate) fn group_of(event: &Event) -> Option<(Symbol, &Value)> {
    if event.kind != EventKind::Grouped {
        return None;
    }
    let kind = match event.properties.get("group_kind") {
        None => "account",
        Some(kind) => kind.as_text()?,
    };
    let id = event.properties.get("group_id").filter(|id| id.as_text().is_some_and(|id| id.len() <= 512))?;
    Some((Symbol::new(kind), id))
}

/// Whether the person leaves the group.
pub(crate) fn leaves(event: &Event) -> bool {
    event.properties.get("left") == Some(&Value::Bool(true))
}
