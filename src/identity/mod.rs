//! Which ids are one person: facts that only accumulate, and a view that is computed from them.
//!
//! The facts are links: two ids belong together, since a time, on some evidence. Who is who is computed from the set
//! of links, never from the order in which they came: the links are taken in the order of their evidence, then of
//! their time, then of the ids, and each joins two people unless it would break a limit ([`Settings`]), such as one
//! user id a person. The same links give the same people, whatever came first and however often it came.
//!
//! A person's *canonical* id is the one that was linked first; of several at the same time a user id goes before an
//! e-mail, phone or other id, and these before anonymous and device ids; then the lower key. All others lead there.
//!
//! An anonymous or device id that is linked to a second user does not join the two. Such a *shared device* has its
//! own time line: what was done on it without a user id goes to the user who was last identified on it before, or to
//! the first one where that was before anybody was.
//!
//! The people of links that reach each other are computed together. Cost of a new link: O(n log n) for n links that
//! reach each other, of which there are at most 500; the first 500 in the order above are kept.

mod component;
mod explain;
mod partition;
mod settings;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use explain::{Explanation, Fragment, Member, Step};
pub use settings::{BlockedValue, Hidden, Settings, SettingsError};

pub(crate) use component::{Component, Fact, Insert, Known, Mark};
pub(crate) use settings::{MAX_RECENT, Rules};

use crate::id::UserKey;
use crate::time::Timestamp;

/// One id of a person: what kind it is, and its value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Id {
    /// `user`, `anonymous`, `email`, `phone`, `device`, or a kind of the host's own.
    pub kind: String,
    /// The value, in any of the forms that [`normal`](crate::id::normal) makes one.
    pub value: String,
}

impl Id {
    /// An id.
    ///
    /// ```
    /// use bespoke::id::UserKey;
    /// use bespoke::identity::Id;
    /// assert_eq!(Id::new("user", "ann").key(), UserKey::known("ann"));
    /// ```
    #[must_use]
    pub fn new(kind: impl Into<String>, value: impl Into<String>) -> Self {
        Self { kind: kind.into(), value: value.into() }
    }

    /// The key under which it is kept.
    #[must_use]
    pub fn key(&self) -> UserKey {
        UserKey::of(&self.kind, &self.value)
    }
}

impl From<(&str, &str)> for Id {
    fn from((kind, value): (&str, &str)) -> Self {
        Self::new(kind, value)
    }
}

/// Why two ids are taken for one person's, the strongest first: links join people in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Evidence {
    /// The host says so.
    Stated,
    /// An [`Aliased`](crate::event::EventKind::Aliased) event.
    Aliased,
    /// An [`Identified`](crate::event::EventKind::Identified) event.
    Identified,
    /// Another event that named both.
    Together,
    /// A guess of the host's, such as the same address and device within minutes. It joins people after all other
    /// links have, and never says who uses a device; give it a time at which it expires.
    Probable,
}

impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Stated => "stated by the host",
            Self::Aliased => "an alias",
            Self::Identified => "an identification",
            Self::Together => "named by one event",
            Self::Probable => "a probable match",
        })
    }
}

/// The fact that two ids are one person's.
///
/// ```
/// use bespoke::identity::{Evidence, Link};
/// use bespoke::time::{Span, Timestamp};
/// let seen: Timestamp = "2026-03-01".parse()?;
/// let guess = Link::new(("anonymous", "phone"), ("anonymous", "laptop"), seen)
///     .evidence(Evidence::Probable)
///     .expires(seen + Span::days(30));
/// assert_eq!(guess.a.kind, "anonymous");
/// # Ok::<(), bespoke::time::TimeError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Link {
    /// One id.
    pub a: Id,
    /// The other.
    pub b: Id,
    /// When that was seen.
    pub time: Timestamp,
    /// On what evidence.
    pub evidence: Evidence,
    /// From when on it no longer holds; `None` for ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Timestamp>,
}

impl Link {
    /// A link that the host states.
    #[must_use]
    pub fn new(a: impl Into<Id>, b: impl Into<Id>, time: Timestamp) -> Self {
        Self { a: a.into(), b: b.into(), time, evidence: Evidence::Stated, expires: None }
    }

    /// Says on what evidence.
    #[must_use]
    pub const fn evidence(mut self, evidence: Evidence) -> Self {
        self.evidence = evidence;
        self
    }

    /// Says from when on it no longer holds.
    #[must_use]
    pub const fn expires(mut self, time: Timestamp) -> Self {
        self.expires = Some(time);
        self
    }
}

/// What became of a link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum LinkOutcome {
    /// The ids were one person's already.
    Unchanged,
    /// Two people are one now.
    Joined {
        /// The canonical id that leads to the other from now on.
        from: UserKey,
        /// The person's canonical id.
        into: UserKey,
    },
    /// The link is kept, but joins nobody.
    Refused {
        /// Why.
        reason: Refusal,
        /// The limit that it would break; zero if the reason is not about a number.
        limit: usize,
    },
    /// An earlier or stronger link than others made people change otherwise than by joining two.
    Repartitioned {
        /// The ids that lead elsewhere now, in the order of their keys.
        moved: Vec<Moved>,
    },
}

/// An id that leads to another person than before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moved {
    /// The id.
    pub id: UserKey,
    /// The canonical id that it led to.
    pub from: UserKey,
    /// The canonical id that it leads to now.
    pub into: UserKey,
}

/// Why a link joins nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Refusal {
    /// The device is another user's as well: from the time of the link on, what is done on it goes to this one.
    Shared,
    /// One person would have two ids of a kind that is unique.
    Unique,
    /// One person would have more ids of a kind than are allowed.
    PerKind,
    /// One person would have more ids than are allowed.
    Ids,
    /// More links reach each other than are kept, and others come before this one. It is counted, but not kept.
    Links,
    /// One of the ids has a value that names nobody, such as `null`. It is not kept.
    Blocked,
    /// It would split people, and they are not to be split ([`Settings::frozen`]). It is not kept.
    Frozen,
    /// It has expired. It is not kept.
    Expired,
    /// It was revoked, and this is no later evidence.
    Revoked,
    /// One of the ids was erased after that time. It is not kept.
    Erased,
    /// Both ids are the same, or an id is empty or has over 512 bytes. It is not kept.
    Unsound,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Shared => "the device is shared with another user",
            Self::Unique => "a person has one id of that kind",
            Self::PerKind => "the person has the most ids of that kind",
            Self::Ids => "the person has the most ids",
            Self::Links => "the most links are kept already",
            Self::Blocked => "the value names nobody",
            Self::Frozen => "people are not to be split",
            Self::Expired => "it has expired",
            Self::Revoked => "it was revoked",
            Self::Erased => "an id was erased",
            Self::Unsound => "these are not two ids",
        })
    }
}

#[cfg(test)]
mod tests;
