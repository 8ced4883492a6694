//! What somebody is worth, as the host sees it.

use std::fmt;

use serde::Serialize;

use crate::engine::Engine;
use crate::event::EventKind;
use crate::hash::Symbol;
use crate::near::nearest;
use crate::profile::Profile;
use crate::time::{Timestamp, shorten};

/// What a person is worth, and what that follows from.
///
/// Whoever has bought has spent, and so "has bought" goes with spending as nothing else does, and tells nothing. Such
/// conditions are reported apart. The crate knows them for the worths that it computes itself; a host names them for
/// its own. Affinities come from purchases too, besides views: where many people buy what they have never looked at,
/// name `category` and the like.
///
/// ```
/// use bespoke::insight::Worth;
/// let spent = Worth::spent("EUR");
/// let visits = Worth::of("visits", |profile| f64::from(profile.sessions().count)).follows_from("page_viewed");
/// assert_eq!((spent.name(), visits.name()), ("spent EUR", "visits"));
/// ```
pub struct Worth<'a> {
    name: String,
    pub(super) of: Of<'a>,
    /// The names from which it follows, as the host gave them.
    pub(super) follows_from: Vec<String>,
}

pub(super) enum Of<'a> {
    Spent(Symbol),
    Purchases,
    Member(String),
    Host(Box<dyn Fn(&Profile) -> f64 + Send + Sync + 'a>),
}

/// Why value cannot be looked into.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InsightError {
    /// The worth is membership of a segment that is not there.
    #[error("unknown segment `{name}`{}", suggestion.as_ref().map(|near| format!("; did you mean `{near}`?")).unwrap_or_default())]
    UnknownSegment {
        /// The name given.
        name: String,
        /// The one that was probably meant.
        suggestion: Option<String>,
    },
}

impl<'a> Worth<'a> {
    /// What a person spent in a currency, less refunds; the empty text stands for events that name no currency.
    #[must_use]
    pub fn spent(currency: &str) -> Self {
        let name = if currency.is_empty() { "spent".to_owned() } else { format!("spent {currency}") };
        Self::new(name, Of::Spent(Symbol::new(currency)))
    }

    /// How many purchases a person made, in all currencies.
    #[must_use]
    pub fn purchases() -> Self {
        Self::new("purchases".to_owned(), Of::Purchases)
    }

    /// One for those in a segment, such as of those who reached a goal, and zero for others. It follows from what the
    /// segment's rule asks about.
    #[must_use]
    pub fn member(segment: impl Into<String>) -> Self {
        let segment = segment.into();
        Self::new(format!("in {segment}"), Of::Member(segment))
    }

    /// A number of the host's own; one that is not finite is taken for zero.
    #[must_use]
    pub fn of(name: impl Into<String>, worth: impl Fn(&Profile) -> f64 + Send + Sync + 'a) -> Self {
        Self::new(name.into(), Of::Host(Box::new(worth)))
    }

    /// Names an attribute, a kind of event, an item attribute or a segment that it follows from.
    #[must_use]
    pub fn follows_from(mut self, name: impl Into<String>) -> Self {
        self.follows_from.push(name.into());
        self
    }

    /// What it is called in reports.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    fn new(name: String, of: Of<'a>) -> Self {
        Self { name, of, follows_from: Vec::new() }
    }

    /// The kinds of event that it follows from by itself.
    pub(super) const fn kinds(&self) -> &'static [EventKind] {
        match self.of {
            Of::Spent(_) | Of::Purchases => &[EventKind::Purchased, EventKind::Refunded, EventKind::Cancelled],
            Of::Member(_) | Of::Host(_) => &[],
        }
    }

    /// The index of the segment whose members have worth.
    pub(super) fn segment(&self, engine: &Engine) -> Result<Option<usize>, InsightError> {
        let Of::Member(name) = &self.of else { return Ok(None) };
        match engine.segments().position(|segment| &**segment == name) {
            Some(index) => Ok(Some(index)),
            None => Err(InsightError::UnknownSegment {
                name: shorten(name),
                suggestion: nearest(name, engine.segments().map(|segment| &**segment)),
            }),
        }
    }

    /// What a person of this engine is worth at a time.
    pub(super) fn measure(&self, engine: &Engine, segment: Option<usize>, profile: &Profile, now: Timestamp) -> f64 {
        let worth = match &self.of {
            Of::Spent(currency) => {
                let spent = profile.spent().iter().find(|spent| spent.currency == *currency);
                spent.map_or(0.0, |spent| spent.amount.value())
            }
            Of::Purchases => profile.spent().iter().map(|spent| f64::from(spent.purchases)).sum(),
            Of::Member(_) => {
                let is_in = segment.is_some_and(|index| engine.is_in(&engine.flips(profile, now), index));
                f64::from(u8::from(is_in))
            }
            Of::Host(worth) => worth(profile),
        };
        if worth.is_finite() { worth } else { 0.0 }
    }
}

impl fmt::Debug for Worth<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Worth")
            .field("name", &self.name)
            .field("follows_from", &self.follows_from)
            .finish_non_exhaustive()
    }
}

/// How a condition stands to the worth that it goes with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Leak {
    /// It asks about what the worth follows from.
    Follows,
    /// Nobody without it has any worth, though many would be expected to: it is probably a step on the way.
    Necessary,
}
