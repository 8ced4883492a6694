//! All that is kept of one person: one profile, or a part for each id with all of them put together.
//!
//! Most people have one id, and one profile. Where several ids are one person, what each brought is kept as a *part*,
//! so that the person can be taken apart again exactly; decisions read the profile that is put together from all.

use serde::{Deserialize, Serialize};

use super::groups::GroupStore;
use crate::catalog::Catalog;
use crate::decision::Decision;
use crate::engine::{Changes, Engine, Expired, OpenDecisions};
use crate::event::Event;
use crate::id::UserKey;
use crate::profile::{Membership, Profile};
use crate::time::Timestamp;

/// All that is kept of one person, or of one part.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Record {
    pub(super) profile: Profile,
    /// Boxed, since most people have none at most times.
    pub(super) open: Option<Box<OpenDecisions>>,
    /// None if there is one part, and its source is the person's canonical id.
    rest: Option<Box<Rest>>,
    /// The time for which the person is queued to be settled.
    #[serde(skip, default = "never")]
    pub(super) queued: Timestamp,
}

const fn never() -> Timestamp {
    Timestamp::MAX
}

impl Default for Record {
    fn default() -> Self {
        Self { profile: Profile::default(), open: None, rest: None, queued: never() }
    }
}

/// Under which id something happened, and to which id it belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(super) struct Label {
    pub(super) source: UserKey,
    /// The source itself, or the user who was identified on it.
    pub(super) owner: UserKey,
}

/// What one id has brought to a person.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Part {
    pub(super) label: Label,
    /// Whose parts were sealed into this one.
    pub(super) sealed: Vec<Label>,
    /// Is nobody's.
    pub(super) hidden: bool,
    /// Without a rest.
    pub(super) record: Record,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Rest {
    /// There is one part, which is the record itself.
    Sole { label: Label, sealed: Vec<Label> },
    /// The parts, sorted by label; the record is what they make together.
    Many(Vec<Part>),
}

impl Label {
    /// That of what happened under an id that is no device.
    pub(super) const fn own(id: UserKey) -> Self {
        Self { source: id, owner: id }
    }
}

impl Part {
    fn new(label: Label) -> Self {
        Self { label, sealed: Vec::new(), hidden: false, record: Record::default() }
    }

    /// A part with a profile.
    pub(super) fn holding(source: UserKey, owner: UserKey, profile: Profile) -> Self {
        let record = Record { profile, ..Record::default() };
        Self { record, ..Self::new(Label { source, owner }) }
    }

    /// Makes the profile that of the source, with the counters of an engine and no memberships.
    pub(super) fn fit(&mut self, engine: &Engine, catalog: &Catalog) {
        self.record.profile.belongs_to(self.label.source);
        engine.fit(&mut self.record.profile, catalog);
    }

    /// Whether nothing is known.
    pub(super) fn is_empty(&self) -> bool {
        self.record.is_blank() && self.sealed.is_empty()
    }

    /// When the earliest of what it holds happened.
    pub(super) fn began(&self) -> Timestamp {
        self.record.profile.first_seen().min(self.record.heard())
    }

    /// Takes in another part of the same label, or one that is sealed into this one.
    pub(super) fn absorb(&mut self, other: Self, engine: &Engine) {
        self.record.merge(&other.record, engine);
        self.sealed.extend(other.sealed);
        if other.label != self.label {
            self.sealed.push(other.label);
        }
        self.sealed.sort_unstable();
        self.sealed.dedup();
    }
}

impl Record {
    /// The person that these parts make. `before` is what was known of the person's memberships.
    pub(super) fn of(
        person: UserKey,
        mut parts: Vec<Part>,
        before: Membership,
        engine: &Engine,
        catalog: &Catalog,
    ) -> Self {
        parts.retain(|part| !part.is_empty());
        parts.sort_by_key(|part| part.label);
        parts.iter_mut().for_each(|part| part.fit(engine, catalog));
        seal(&mut parts, engine);
        let is_sole = parts.len() == 1 && parts.iter().all(|part| !part.hidden);
        let mut record = match parts.pop() {
            Some(only) if is_sole => {
                let is_plain = only.label == Label::own(person) && only.sealed.is_empty();
                let rest = Rest::Sole { label: only.label, sealed: only.sealed };
                Self { rest: (!is_plain).then(|| Box::new(rest)), ..only.record }
            }
            last => {
                parts.extend(last);
                let mut together = Self::default();
                together.put_together(&parts, engine);
                Self { rest: Some(Box::new(Rest::Many(parts))), ..together }
            }
        };
        record.profile.belongs_to(person);
        engine.unsettle(&mut record.profile, before);
        record
    }

    /// The parts of a person.
    pub(super) fn into_parts(mut self, person: UserKey) -> Vec<Part> {
        self.queued = never();
        match self.rest.take().map(|rest| *rest) {
            None => vec![Part { record: self, ..Part::new(Label::own(person)) }],
            Some(Rest::Sole { label, sealed }) => vec![Part { record: self, sealed, ..Part::new(label) }],
            Some(Rest::Many(parts)) => parts,
        }
    }

    /// The labels of the parts, with the profile of each.
    pub(super) fn parts(&self, person: UserKey) -> Vec<(Label, &[Label], bool, &Profile)> {
        match self.rest.as_deref() {
            None => vec![(Label::own(person), &[], false, &self.profile)],
            Some(Rest::Sole { label, sealed }) => vec![(*label, sealed, false, &self.profile)],
            Some(Rest::Many(parts)) => {
                let of = |part: &'_ Part| (part.label, part.hidden);
                let zip = parts.iter().map(|part| (of(part), part));
                zip.map(|((label, hidden), part)| (label, &*part.sealed, hidden, &part.record.profile)).collect()
            }
        }
    }

    /// Folds an event into the part that it belongs to, and into the whole. The second answer is whether the part
    /// did not have it yet.
    pub(super) fn apply(
        &mut self,
        (person, label): (UserKey, Label),
        event: &Event,
        (engine, catalog, groups): (&Engine, &Catalog, &GroupStore),
        now: Timestamp,
    ) -> (Changes, bool) {
        let none = OpenDecisions::default();
        let part = self.part_at(person, label, engine, catalog);
        engine.join_group(event, &mut self.profile);
        groups.attach(&mut self.profile);
        let Some(at) = part else {
            let open = self.open.as_deref().unwrap_or(&none);
            let changes = engine.apply_for(person, event, open, &mut self.profile, catalog, now);
            let is_new = !changes.repeated && !changes.untracked;
            return (changes, is_new);
        };
        let Some(Rest::Many(parts)) = self.rest.as_deref_mut() else { return (Changes::default(), false) };
        let (part, open) = (&mut parts[at], self.open.as_deref().unwrap_or(&none));
        engine.hear(event, &mut part.record.profile);
        if part.record.profile.has(event) {
            return (Changes { repeated: true, ..engine.refresh(&mut self.profile, catalog, now) }, false);
        }
        if part.hidden {
            let tracked = engine.tracks(&self.profile, event.time);
            let is_new = tracked && engine.gather(event, open, &mut part.record.profile, catalog);
            return (Changes { untracked: !tracked, ..Changes::default() }, is_new);
        }
        // Consent is the whole person's.
        let mut changes = engine.apply_for(person, event, open, &mut self.profile, catalog, now);
        let is_new = !changes.untracked && engine.gather(event, open, &mut part.record.profile, catalog);
        if is_new && changes.repeated {
            // Two ids brought the same event: the whole is what the parts make.
            let before = std::mem::take(&mut self.profile.membership);
            self.put_parts_together(engine);
            self.profile.belongs_to(person);
            groups.attach(&mut self.profile);
            engine.unsettle(&mut self.profile, before);
            let more = engine.refresh(&mut self.profile, catalog, now);
            changes.entered.extend(more.entered);
            changes.left.extend(more.left);
        }
        (changes, is_new)
    }

    /// Keeps a decision that was made for an id of the person.
    pub(super) fn keep(
        &mut self,
        (person, label): (UserKey, Label),
        decision: &Decision,
        engine: &Engine,
        catalog: &Catalog,
    ) {
        let at = self.part_at(person, label, engine, catalog);
        self.open().keep(decision, engine);
        if let (Some(at), Some(Rest::Many(parts))) = (at, self.rest.as_deref_mut()) {
            parts[at].record.open().keep(decision, engine);
        }
    }

    /// Lets the parts know what has become of the open decisions of the whole.
    pub(super) fn share_open(&mut self) {
        let Some(open) = &self.open else { return };
        if let Some(Rest::Many(parts)) = self.rest.as_deref_mut() {
            parts.iter_mut().filter_map(|part| part.record.open.as_mut()).for_each(|of| of.follow(open));
        }
    }

    /// Whether the record is the part of this label, and nothing else.
    pub(super) fn is_whole(&self, (person, label): (UserKey, Label)) -> bool {
        match self.rest.as_deref() {
            None => label == Label::own(person),
            Some(Rest::Sole { label: of, sealed }) => *of == label || sealed.contains(&label),
            Some(Rest::Many(_)) => false,
        }
    }

    /// The profile of the part with this label, if there is one.
    pub(super) fn find(&self, (person, label): (UserKey, Label)) -> Option<&Profile> {
        match self.rest.as_deref() {
            None => (label == Label::own(person)).then_some(&self.profile),
            Some(Rest::Sole { label: of, sealed }) => {
                (*of == label || sealed.contains(&label)).then_some(&self.profile)
            }
            Some(Rest::Many(parts)) => place(parts, label).map(|at| &parts[at].record.profile),
        }
    }

    /// The profile of the part with this label: what happened under one id.
    pub(super) fn of_label(&self, label: Label) -> &Profile {
        match self.rest.as_deref() {
            Some(Rest::Many(parts)) => place(parts, label).map_or(&self.profile, |at| &parts[at].record.profile),
            _ => &self.profile,
        }
    }

    /// The place of the part with this label, which is made if it is not there; none if the record is that part.
    fn part_at(&mut self, person: UserKey, label: Label, engine: &Engine, catalog: &Catalog) -> Option<usize> {
        match self.rest.as_deref() {
            None if label == Label::own(person) => return None,
            Some(Rest::Sole { label: of, sealed }) if *of == label || sealed.contains(&label) => return None,
            Some(Rest::Many(parts)) => {
                if let Some(at) = place(parts, label) {
                    return Some(at);
                }
            }
            None if self.profile.is_blank() && self.open.is_none() => {
                self.rest = Some(Box::new(Rest::Sole { label, sealed: Vec::new() }));
                return None;
            }
            _ => {}
        }
        let (whole, open, queued) = (self.profile.clone(), self.open.clone(), self.queued);
        let mut parts = std::mem::take(self).into_parts(person);
        parts.push(Part::new(label));
        parts.sort_by_key(|part| part.label);
        parts.iter_mut().for_each(|part| part.fit(engine, catalog));
        seal(&mut parts, engine);
        // An empty part changes nothing of the whole.
        let at = place(&parts, label);
        *self = Self { profile: whole, open, rest: Some(Box::new(Rest::Many(parts))), queued };
        at
    }

    fn put_parts_together(&mut self, engine: &Engine) {
        if let Some(rest) = self.rest.take() {
            if let Rest::Many(parts) = &*rest {
                self.put_together(parts, engine);
            }
            self.rest = Some(rest);
        }
    }

    /// Makes this what the parts make together.
    fn put_together(&mut self, parts: &[Part], engine: &Engine) {
        let mut whole = Self::default();
        for part in parts.iter().filter(|part| !part.hidden) {
            whole.merge(&part.record, engine);
        }
        (self.profile, self.open) = (whole.profile, whole.open);
    }

    /// Takes in what another part knows.
    fn merge(&mut self, other: &Self, engine: &Engine) {
        let engine_of_parts = other.profile.membership.engine;
        engine.unite(&mut self.profile, &other.profile);
        self.profile.membership.engine = engine_of_parts;
        if let Some(open) = &other.open {
            self.open().merge(open);
        }
    }

    /// Whether nothing at all is known.
    pub(super) fn is_blank(&self) -> bool {
        let parts_are = match self.rest.as_deref() {
            Some(Rest::Many(parts)) => parts.iter().all(Part::is_empty),
            _ => true,
        };
        self.profile.is_blank() && self.open.is_none() && parts_are
    }

    /// When the person was last heard of.
    pub(super) fn heard(&self) -> Timestamp {
        let asked = self.open.as_ref().and_then(|open| open.newest());
        self.profile.heard().max(asked.unwrap_or(Timestamp::MIN))
    }

    pub(super) fn open(&mut self) -> &mut OpenDecisions {
        self.open.get_or_insert_default()
    }

    /// Removes what is older than the settings say, of the whole and of its parts.
    pub(super) fn expire(&mut self, engine: &Engine, now: Timestamp) -> Expired {
        if let Some(Rest::Many(parts)) = self.rest.as_deref_mut() {
            parts.iter_mut().for_each(|part| drop(engine.expire(&mut part.record.profile, now)));
        }
        engine.expire(&mut self.profile, now)
    }

    /// The decisions that await their reward.
    pub(super) fn decisions(&self) -> Option<&OpenDecisions> {
        self.open.as_deref()
    }

    /// A copy of the open decisions, of which there may be none.
    pub(super) fn open_decisions(&self) -> OpenDecisions {
        self.open.as_deref().cloned().unwrap_or_default()
    }

    /// Whether decisions await their reward.
    pub(super) fn is_open(&self) -> bool {
        self.open.is_some()
    }

    pub(super) fn bytes(&self) -> usize {
        let open = self.open.as_ref().map_or(0, |open| size_of::<OpenDecisions>() + open.heap_bytes());
        let rest = self.rest.as_deref().map_or(0, |rest| {
            let sealed = |of: &Vec<Label>| of.capacity() * size_of::<Label>();
            size_of::<Rest>()
                + match rest {
                    Rest::Sole { sealed: of, .. } => sealed(of),
                    Rest::Many(parts) => {
                        let of = |part: &Part| {
                            size_of::<Part>() - size_of::<Self>() + sealed(&part.sealed) + part.record.bytes()
                        };
                        let unused = parts.capacity() - parts.len();
                        unused * size_of::<Part>() + parts.iter().map(of).sum::<usize>()
                    }
                }
        });
        size_of::<Self>() - size_of::<Profile>() + self.profile.bytes() + open + rest
    }

    /// Whether the parts are in order and have no parts themselves, as a stored record must.
    pub(super) fn is_sound(&self) -> bool {
        match self.rest.as_deref() {
            Some(Rest::Many(parts)) => {
                let plain = parts.iter().all(|part| part.record.rest.is_none());
                let shown = parts.iter().filter(|part| !part.hidden).count();
                plain && shown <= PARTS && parts.windows(2).all(|pair| pair[0].label < pair[1].label)
            }
            _ => true,
        }
    }
}

/// The place of the part with a label, or of the one that it was sealed into.
fn place(parts: &[Part], label: Label) -> Option<usize> {
    let at = parts.binary_search_by_key(&label, |part| part.label).ok();
    at.or_else(|| parts.iter().position(|part| part.sealed.contains(&label)))
}

/// Beyond [`PARTS`] the oldest parts of devices, or where there are none the oldest of all, become one.
fn seal(parts: &mut Vec<Part>, engine: &Engine) {
    while parts.len() > PARTS {
        let age = |part: &Part| (part.label.source == part.label.owner, part.record.profile.first_seen(), part.label);
        let mut order: Vec<usize> = (0..parts.len()).filter(|at| !parts[*at].hidden).collect();
        order.sort_by_key(|at| age(&parts[*at]));
        let (Some(into), Some(from)) = (order.first().copied(), order.get(1).copied()) else { return };
        let other = parts.remove(from);
        let into = if from < into { into - 1 } else { into };
        parts[into].absorb(other, engine);
    }
}

/// How many parts a person has at most.
pub(super) const PARTS: usize = 64;
