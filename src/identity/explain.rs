//! Why ids are one person, and why others are not.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::component::{Component, Known};
use super::settings::Rules;
use super::{Evidence, Refusal};
use crate::id::UserKey;
use crate::time::Timestamp;

/// Who an id is, and why. For people it prints as text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Explanation {
    /// The id that was asked about.
    pub id: UserKey,
    /// The canonical id of the person.
    pub person: UserKey,
    /// All ids of the person, in the order of their keys.
    pub members: Vec<Member>,
    /// The links of these ids that join nobody.
    pub refused: Vec<Step>,
    /// What is kept under each id.
    pub fragments: Vec<Fragment>,
}

/// An id of a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// The id.
    pub id: UserKey,
    /// Its kind; the symbol of it if the settings do not know the name.
    pub kind: Box<str>,
    /// When it was first linked; `None` if it is linked to nothing.
    pub first: Option<Timestamp>,
    /// The links by which it leads to the canonical id, beginning here; the fewest there are.
    pub chain: Vec<Step>,
    /// How often a link to it came that was not kept, since others came before it.
    pub dropped: u32,
}

/// A link between two ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// The id with the lower key.
    pub a: UserKey,
    /// The other.
    pub b: UserKey,
    /// The strongest evidence.
    pub evidence: Evidence,
    /// When it was first seen; `None` if that is revoked.
    pub time: Option<Timestamp>,
    /// From when on it no longer holds.
    pub expires: Option<Timestamp>,
    /// Why it joins nobody.
    pub refused: Option<Refusal>,
}

/// What is known under one id of a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fragment {
    /// The id under which it happened.
    pub source: UserKey,
    /// The id that it belongs to: the user who was identified on it, if it is a device.
    pub owner: UserKey,
    /// How many events.
    pub events: u64,
    /// When the first was.
    pub first: Timestamp,
    /// When the newest was.
    pub last: Timestamp,
    /// How many further ids' fragments were sealed into this one and cannot be told apart any more.
    pub sealed: u32,
    /// Whether it is nobody's ([`Hidden`](super::Hidden)).
    pub hidden: bool,
}

impl From<&Known> for Step {
    fn from(link: &Known) -> Self {
        let some = |time: Timestamp| (time < Timestamp::MAX).then_some(time);
        let (time, expires) = (some(link.first), some(link.expires));
        Self { a: link.a, b: link.b, evidence: link.evidence, time, expires, refused: link.refused }
    }
}

impl Component {
    /// The ids of a person, and the links of these that join nobody.
    pub(crate) fn explain(&self, person: UserKey, rules: &Rules) -> (Vec<Member>, Vec<Step>) {
        let is_of = |id: UserKey| self.person(id) == Some(person);
        let joined: Vec<&Known> = self.links.iter().filter(|link| link.refused.is_none() && is_of(link.a)).collect();
        // Breadth first from the canonical id, so that each chain is as short as can be.
        let mut reached: Vec<(UserKey, Vec<Step>)> = vec![(person, Vec::new())];
        let mut next = 0;
        while let Some((from, chain)) = reached.get(next).cloned() {
            next += 1;
            for link in joined.iter().filter(|link| link.has(from)) {
                let to = link.other(from);
                if reached.iter().any(|(id, _)| *id == to) {
                    continue;
                }
                let mut longer = vec![Step::from(*link)];
                longer.extend_from_slice(&chain);
                reached.push((to, longer));
            }
        }
        reached.sort_by_key(|(id, _)| *id);
        let member = |(id, chain): (UserKey, Vec<Step>)| {
            let slot = self.slot(id)?;
            let first = (slot.first < Timestamp::MAX).then_some(slot.first);
            Some(Member { id, kind: rules.name(slot.kind), first, chain, dropped: slot.dropped })
        };
        let refused = self.links.iter().filter(|link| link.refused.is_some() && (is_of(link.a) || is_of(link.b)));
        (reached.into_iter().filter_map(member).collect(), refused.map(Step::from).collect())
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} is {}", self.id, self.person)?;
        for member in &self.members {
            write!(f, "  {} {}", member.kind, member.id)?;
            for step in &member.chain {
                write!(f, " - {} - {}", Told(step), step.b)?;
            }
            if member.dropped > 0 {
                write!(f, ", {} links not kept", member.dropped)?;
            }
            writeln!(f)?;
        }
        for step in &self.refused {
            write!(f, "  not joined: {} and {}, {}", step.a, step.b, Told(step))?;
            match step.refused {
                Some(refused) => writeln!(f, ": {refused}")?,
                None => writeln!(f)?,
            }
        }
        for of in &self.fragments {
            write!(f, "  {} events under {} from {} to {}", of.events, of.source, of.first, of.last)?;
            if of.owner != of.source {
                write!(f, ", of {}", of.owner)?;
            }
            if of.sealed > 0 {
                write!(f, ", with {} ids sealed in", of.sealed)?;
            }
            writeln!(f, "{}", if of.hidden { ", nobody's" } else { "" })?;
        }
        Ok(())
    }
}

/// The evidence and time of a link.
struct Told<'a>(&'a Step);

impl fmt::Display for Told<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.time {
            Some(time) => write!(f, "{} at {time}", self.0.evidence),
            None => write!(f, "{}, revoked", self.0.evidence),
        }
    }
}
