//! The links that reach each other, and the ids that they name.

use serde::{Deserialize, Serialize};

use super::settings::{Rank, Rules};
use super::{Evidence, Hidden, Refusal};
use crate::hash::Symbol;
use crate::id::UserKey;
use crate::time::{Span, Timestamp};

/// A link on its way in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fact {
    pub(crate) a: UserKey,
    pub(crate) kind_a: Symbol,
    pub(crate) b: UserKey,
    pub(crate) kind_b: Symbol,
    pub(crate) time: Timestamp,
    pub(crate) evidence: Evidence,
    /// [`Timestamp::MAX`] for never.
    pub(crate) expires: Timestamp,
}

/// A link that is kept. The lower key is `a`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Known {
    pub(crate) a: UserKey,
    pub(crate) b: UserKey,
    /// The strongest.
    pub(crate) evidence: Evidence,
    /// The earliest time that is not revoked; [`Timestamp::MAX`] if all evidence is.
    pub(crate) first: Timestamp,
    pub(crate) expires: Timestamp,
    /// Evidence up to this time does not count.
    pub(crate) revoked: Timestamp,
    /// Why it joins nobody; computed.
    #[serde(skip)]
    pub(crate) refused: Option<Refusal>,
}

impl Known {
    /// The order in which links join.
    const fn order(&self) -> (Evidence, Timestamp, UserKey, UserKey) {
        (self.evidence, self.first, self.a, self.b)
    }

    /// Whether it has evidence that is not revoked.
    pub(crate) fn is_live(&self) -> bool {
        self.first < Timestamp::MAX
    }

    pub(crate) fn has(&self, id: UserKey) -> bool {
        self.a == id || self.b == id
    }

    pub(crate) fn other(&self, id: UserKey) -> UserKey {
        if self.a == id { self.b } else { self.a }
    }
}

/// That a user was identified on a device at a time. Marks are sorted, the newest [`MARKS`] of a device are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Mark {
    pub(crate) device: UserKey,
    pub(crate) time: Timestamp,
    pub(crate) user: UserKey,
}

/// An id that links name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Slot {
    pub(crate) key: UserKey,
    pub(crate) kind: Symbol,
    pub(super) rank: Rank,
    /// How many links to it were not kept.
    pub(crate) dropped: u32,
    /// When it was first linked; computed.
    pub(crate) first: Timestamp,
    /// The canonical id of its person; computed.
    pub(crate) person: UserKey,
}

/// All links that reach each other, at most as many as the settings say.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Component {
    /// Sorted by key.
    pub(super) slots: Vec<Slot>,
    /// In the order in which they join.
    pub(super) links: Vec<Known>,
    marks: Vec<Mark>,
    /// The marks and the first times of links between devices and users; computed.
    timeline: Vec<Mark>,
    pub(super) hidden: Hidden,
    /// When the first of the links expires; computed.
    expires: Timestamp,
}

/// What became of a link that was put in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Insert {
    /// It was there.
    Same,
    /// It is there now; what is computed is to be computed again.
    Kept,
    /// Others come before it, and there is no room.
    Dropped,
}

impl Default for Component {
    fn default() -> Self {
        Self {
            slots: Vec::new(),
            links: Vec::new(),
            marks: Vec::new(),
            timeline: Vec::new(),
            hidden: Hidden::Never,
            expires: Timestamp::MAX,
        }
    }
}

impl Component {
    /// Takes in all that another one holds.
    pub(crate) fn absorb(&mut self, other: &Self) {
        for slot in &other.slots {
            match self.slots.binary_search_by_key(&slot.key, |of| of.key) {
                Ok(at) => self.slots[at].dropped = self.slots[at].dropped.max(slot.dropped),
                Err(at) => self.slots.insert(at, *slot),
            }
        }
        self.links.extend_from_slice(&other.links);
        self.links.sort_unstable_by_key(Known::order);
        for (ours, theirs) in [(&mut self.marks, &other.marks), (&mut self.timeline, &other.timeline)] {
            ours.extend_from_slice(theirs);
            ours.sort_unstable();
            ours.dedup();
        }
        (self.hidden, self.expires) = (other.hidden, self.expires.min(other.expires));
    }

    /// Takes in the links and marks of another one that may know the same links. [`Component::settle`] has to follow.
    pub(crate) fn unite(&mut self, other: &Self) {
        for slot in &other.slots {
            match self.slots.binary_search_by_key(&slot.key, |of| of.key) {
                Ok(at) => self.slots[at].dropped = self.slots[at].dropped.saturating_add(slot.dropped),
                Err(at) => self.slots.insert(at, *slot),
            }
        }
        for theirs in &other.links {
            let Some(ours) = self.links.iter_mut().find(|link| (link.a, link.b) == (theirs.a, theirs.b)) else {
                self.links.push(*theirs);
                continue;
            };
            let revoked = ours.revoked.max(theirs.revoked);
            let valid: Vec<Known> =
                [*ours, *theirs].into_iter().filter(|link| link.is_live() && link.first > revoked).collect();
            *ours = Known {
                revoked,
                first: valid.iter().map(|link| link.first).min().unwrap_or(Timestamp::MAX),
                evidence: valid.iter().map(|link| link.evidence).min().unwrap_or(ours.evidence),
                expires: valid.iter().map(|link| link.expires).max().unwrap_or(ours.expires),
                ..*ours
            };
        }
        self.links.sort_unstable_by_key(Known::order);
        other.marks.iter().for_each(|mark| {
            self.put_mark(*mark);
        });
    }

    /// Whether a link cannot be kept, at a cost that does not depend on what else would have to be looked at.
    pub(crate) fn is_full_before(&self, fact: &Fact, rules: &Rules) -> bool {
        let last = self.links.last().filter(|_| self.links.len() >= rules.links);
        let (a, b) = fact.pair();
        last.is_some_and(|last| last.order() < (fact.evidence, fact.time, a, b)) && self.link(a, b).is_none()
    }

    /// Notes that a link to this id was not kept.
    pub(crate) fn note_dropped(&mut self, id: UserKey) {
        if let Ok(at) = self.slots.binary_search_by_key(&id, |of| of.key) {
            self.slots[at].dropped = self.slots[at].dropped.saturating_add(1);
        }
    }

    /// Puts a link in. [`Component::settle`] has to follow.
    pub(crate) fn insert(&mut self, fact: &Fact, rules: &Rules) -> Insert {
        let (a, b) = fact.pair();
        let Some(known) = self.links.iter_mut().find(|link| (link.a, link.b) == (a, b)) else {
            return self.insert_new(fact, rules);
        };
        if fact.time <= known.revoked {
            return Insert::Same;
        }
        let expires = if known.is_live() { known.expires.max(fact.expires) } else { fact.expires };
        let evidence = if known.is_live() { known.evidence.min(fact.evidence) } else { fact.evidence };
        let stronger = Known { evidence, first: known.first.min(fact.time), expires, ..*known };
        let is_same = *known == stronger;
        *known = stronger;
        let is_marked = self.mark(fact, rules);
        if is_same && !is_marked {
            return Insert::Same;
        }
        self.links.sort_unstable_by_key(Known::order);
        Insert::Kept
    }

    fn insert_new(&mut self, fact: &Fact, rules: &Rules) -> Insert {
        let (a, b) = fact.pair();
        if self.is_full_before(fact, rules) {
            self.note_dropped(a);
            self.note_dropped(b);
            self.mark(fact, rules);
            return Insert::Dropped;
        }
        for (key, kind) in [(fact.a, fact.kind_a), (fact.b, fact.kind_b)] {
            if let Err(at) = self.slots.binary_search_by_key(&key, |of| of.key) {
                let slot = Slot { key, kind, rank: rules.rank(kind), dropped: 0, first: fact.time, person: key };
                self.slots.insert(at, slot);
            }
        }
        let (expires, revoked) = (fact.expires, Timestamp::MIN);
        let link = Known { a, b, evidence: fact.evidence, first: fact.time, expires, revoked, refused: None };
        let at = self.links.partition_point(|of| of.order() < link.order());
        self.links.insert(at, link);
        self.mark(fact, rules);
        Insert::Kept
    }

    /// Notes who was identified on a device; `false` if that was known.
    fn mark(&mut self, fact: &Fact, rules: &Rules) -> bool {
        if fact.evidence > Evidence::Identified {
            return false;
        }
        let mut is_new = false;
        for (device, user, kind) in [(fact.a, fact.b, fact.kind_b), (fact.b, fact.a, fact.kind_a)] {
            let is_device = self.slot(device).is_some_and(|slot| slot.rank.is_device());
            if !is_device || !rules.is_unique(kind) {
                continue;
            }
            is_new |= self.put_mark(Mark { device, time: fact.time, user });
        }
        is_new
    }

    /// Puts a mark in its place, if it is among the newest of its device; `false` if nothing has changed.
    fn put_mark(&mut self, mark: Mark) -> bool {
        let Err(at) = self.marks.binary_search(&mark) else { return false };
        let from = self.marks.partition_point(|of| of.device < mark.device);
        let len = self.marks[from..].partition_point(|of| of.device == mark.device);
        if len < MARKS {
            self.marks.insert(at, mark);
        } else if at > from {
            self.marks[from..at].rotate_left(1);
            self.marks[at - 1] = mark;
        }
        len < MARKS || at > from
    }

    /// Revokes what is known of a link up to a time; `false` if there is no such link.
    pub(crate) fn revoke(&mut self, a: UserKey, b: UserKey, time: Timestamp) -> bool {
        let (a, b) = (a.min(b), a.max(b));
        let Some(link) = self.links.iter_mut().find(|link| (link.a, link.b) == (a, b)) else { return false };
        link.revoked = link.revoked.max(time);
        if link.first <= link.revoked {
            link.first = Timestamp::MAX;
        }
        self.marks.retain(|mark| {
            let is_of = (mark.device, mark.user) == (a, b) || (mark.device, mark.user) == (b, a);
            !is_of || mark.time > time
        });
        self.links.sort_unstable_by_key(Known::order);
        true
    }

    /// Takes out the links of ids that were seen up to a time. It stays known when these ids used devices that are
    /// not among them, so that what they did there does not become somebody else's; from then on nobody does.
    pub(crate) fn forget(&mut self, gone: &dyn Fn(UserKey) -> bool, until: Timestamp) {
        let (used, after) = (self.timeline.clone(), until + Span::from_millis(1));
        self.links.retain(|link| !(gone(link.a) || gone(link.b)) || (link.is_live() && link.first > until));
        // A device that is gone itself needs no note that from then on nobody uses it.
        let is_closed = |mark: &Mark| mark.user == mark.device && mark.time <= after;
        self.marks.retain(|mark| !gone(mark.device) || (mark.time > until && !is_closed(mark)));
        for mark in used.into_iter().filter(|mark| gone(mark.user) && !gone(mark.device) && mark.time <= until) {
            self.put_mark(mark);
            self.put_mark(Mark { time: after, user: mark.device, ..mark });
        }
    }

    /// Drops the links that have expired or have no room, and computes who is who. Gives the ids that nothing links
    /// any more, and that are therefore no longer here.
    pub(crate) fn settle(&mut self, rules: &Rules, now: Timestamp) -> Vec<UserKey> {
        self.links.retain(|link| link.expires > now || !link.is_live());
        while self.links.len() > rules.links {
            let Some(link) = self.links.pop() else { break };
            self.note_dropped(link.a);
            self.note_dropped(link.b);
        }
        let mut named: Vec<UserKey> = self.links.iter().flat_map(|link| [link.a, link.b]).collect();
        named.extend(self.marks.iter().map(|mark| mark.device));
        named.sort_unstable();
        named.dedup();
        let mut left = Vec::new();
        self.slots.retain(|slot| {
            let stays = named.binary_search(&slot.key).is_ok();
            if !stays {
                left.push(slot.key);
            }
            stays
        });
        self.hidden = rules.hidden;
        let live = self.links.iter().filter(|link| link.is_live());
        self.expires = live.map(|link| link.expires).min().unwrap_or(Timestamp::MAX);
        self.partition(rules);
        self.draw_timeline(rules);
        left
    }

    fn draw_timeline(&mut self, rules: &Rules) {
        self.timeline.clone_from(&self.marks);
        for link in self.links.iter().filter(|link| link.is_live() && link.evidence < Evidence::Probable) {
            for (device, user) in [(link.a, link.b), (link.b, link.a)] {
                let is = |id: UserKey, of: &dyn Fn(&Slot) -> bool| self.slot(id).is_some_and(of);
                if is(device, &|slot| slot.rank.is_device()) && is(user, &|slot| rules.is_unique(slot.kind)) {
                    self.timeline.push(Mark { device, time: link.first, user });
                }
            }
        }
        self.timeline.sort_unstable();
        self.timeline.dedup();
    }

    /// Who used a device, by time.
    pub(crate) fn users(&self, device: UserKey) -> &[Mark] {
        let from = self.timeline.partition_point(|of| of.device < device);
        let len = self.timeline[from..].partition_point(|of| of.device == device);
        &self.timeline[from..from + len]
    }

    /// Whom something belongs to that was done under an id at a time: the id itself, unless it is a device that
    /// somebody was identified on.
    pub(crate) fn owner(&self, id: UserKey, time: Timestamp) -> UserKey {
        let users = self.users(id);
        let Some(first) = users.first() else { return id };
        if self.hidden == Hidden::Shared {
            let second = users.iter().find(|mark| mark.user != first.user);
            if second.is_some_and(|second| time < second.time) {
                return id;
            }
        }
        let before = users.partition_point(|mark| mark.time <= time);
        users[..before].last().unwrap_or(first).user
    }

    /// Whether what was done under a device belongs to nobody.
    pub(crate) fn is_hidden(&self, source: UserKey, owner: UserKey) -> bool {
        self.hidden == Hidden::Shared && source == owner && !self.users(source).is_empty()
    }

    /// The devices among the ids.
    pub(crate) fn devices(&self) -> impl Iterator<Item = UserKey> + '_ {
        self.slots.iter().filter(|slot| slot.rank.is_device()).map(|slot| slot.key)
    }

    /// The devices that a user was identified on.
    pub(crate) fn devices_of(&self, user: UserKey) -> Vec<UserKey> {
        self.timeline.iter().filter(|mark| mark.user == user).map(|mark| mark.device).collect()
    }

    /// When its newest link was first seen, and its lowest id.
    pub(crate) fn age(&self) -> (Timestamp, Option<UserKey>) {
        let live = self.links.iter().filter(|link| link.is_live());
        let newest = live.map(|link| link.first).max().unwrap_or(Timestamp::MIN);
        (newest, self.slots.first().map(|slot| slot.key))
    }

    pub(crate) fn slot(&self, id: UserKey) -> Option<&Slot> {
        self.slots.binary_search_by_key(&id, |of| of.key).ok().map(|at| &self.slots[at])
    }

    pub(crate) fn link(&self, a: UserKey, b: UserKey) -> Option<&Known> {
        let (a, b) = (a.min(b), a.max(b));
        self.links.iter().find(|link| (link.a, link.b) == (a, b))
    }

    /// Whether a fact of an event says nothing new.
    pub(crate) fn knows(&self, fact: &Fact, rules: &Rules) -> bool {
        let (a, b) = fact.pair();
        let Some(link) = self.link(a, b) else { return false };
        if fact.time <= link.revoked {
            return true;
        }
        let is_marked = || {
            let is = |device: UserKey, user: UserKey, kind: Symbol| {
                !self.slot(device).is_some_and(|slot| slot.rank.is_device())
                    || !rules.is_unique(kind)
                    || self.marks.binary_search(&Mark { device, time: fact.time, user }).is_ok()
            };
            is(fact.a, fact.b, fact.kind_b) && is(fact.b, fact.a, fact.kind_a)
        };
        let is_older = link.first <= fact.time && link.evidence <= fact.evidence && link.expires >= fact.expires;
        is_older && (fact.evidence > Evidence::Identified || is_marked())
    }

    /// The limit that a link which joins nobody would break.
    pub(crate) fn limit(&self, link: &Known, rules: &Rules) -> usize {
        let of = |id: UserKey, kind: Symbol| {
            let person = self.person(id);
            self.slots.iter().filter(|slot| slot.kind == kind && Some(slot.person) == person).count()
        };
        match link.refused {
            Some(Refusal::Unique | Refusal::Shared) => 1,
            Some(Refusal::Ids) => rules.ids,
            Some(Refusal::Links) => rules.links,
            Some(Refusal::PerKind) => {
                let is_over =
                    |(kind, most): &&(Symbol, u16)| of(link.a, *kind) + of(link.b, *kind) > usize::from(*most);
                rules.limited().iter().find(is_over).map_or(0, |(_, most)| usize::from(*most))
            }
            _ => 0,
        }
    }

    /// The canonical id of an id's person.
    pub(crate) fn person(&self, id: UserKey) -> Option<UserKey> {
        self.slot(id).map(|slot| slot.person)
    }

    /// The earliest time at which a link expires.
    pub(crate) const fn expires(&self) -> Timestamp {
        self.expires
    }

    pub(crate) fn slots(&self) -> &[Slot] {
        &self.slots
    }

    pub(crate) fn links(&self) -> &[Known] {
        &self.links
    }

    pub(crate) fn marks(&self) -> &[Mark] {
        &self.marks
    }

    /// Puts back what was stored. [`Component::settle`] has to follow.
    pub(crate) fn restore(&mut self, slots: &[(UserKey, Symbol, u32)], links: &[Known], marks: &[Mark], rules: &Rules) {
        for (key, kind, dropped) in slots {
            if let Err(at) = self.slots.binary_search_by_key(key, |of| of.key) {
                let (first, rank) = (Timestamp::MAX, rules.rank(*kind));
                self.slots.insert(at, Slot { key: *key, kind: *kind, rank, dropped: *dropped, first, person: *key });
            }
        }
        self.links.extend_from_slice(links);
        self.links.sort_unstable_by_key(Known::order);
        self.links.dedup_by_key(|link| (link.a, link.b));
        self.marks.extend_from_slice(marks);
        self.marks.sort_unstable();
        self.marks.dedup();
    }

    pub(crate) fn bytes(&self) -> usize {
        size_of::<Self>()
            + self.slots.capacity() * size_of::<Slot>()
            + self.links.capacity() * size_of::<Known>()
            + (self.marks.capacity() + self.timeline.capacity()) * size_of::<Mark>()
    }
}

impl Fact {
    /// Both ids, the lower first.
    pub(crate) fn pair(&self) -> (UserKey, UserKey) {
        (self.a.min(self.b), self.a.max(self.b))
    }
}

/// How many identifications on one device are kept beside the first of each user: the newest.
pub(super) const MARKS: usize = 16;
