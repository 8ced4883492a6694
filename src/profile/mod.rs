//! What is known about one person, kept live event by event in bounded memory.
//!
//! A [`Profile`] holds attributes (the newest by event time), decayed affinities to item attributes, the newest
//! events, sessions with the first and last touch, money per currency, and the counters that rules ask for. Every
//! part is a fold that does not depend on the order in which events arrive, as long as no limit bites; [`Profile`]
//! documents each limit.
//!
//! The profile knows no rules: an [`Engine`](crate::engine::Engine) tells it which [`Upkeep`] its definitions need.

mod affinity;
mod attribute;
mod channel;
mod consent;
mod counter;
mod counters;
mod extra;
mod fold;
mod forget;
mod gaps;
mod gathered;
mod group;
mod history;
mod interest;
mod latest;
mod lifecycle;
mod membership;
mod person;
mod preference;
mod purchases;
mod session;
mod weight;
mod window;
mod worst;

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

pub use affinity::{Affinities, Affinity, Dimension};
pub use attribute::{Attribute, Attributes};
pub use channel::Channel;
pub(crate) use channel::Channels;
pub(crate) use consent::Unasked;
pub use consent::{Consent, PERSONALISATION, Said, TRACKING};
pub(crate) use counter::Reached;
pub use counter::{Asked, Counter, CounterId, Estimate, Grid, Kept, MOST_STEPS, Period, Reading, Steps, Windowed};
pub(crate) use counters::Counters;
pub(crate) use extra::Extra;
pub(crate) use fold::{Fold, event_id};
pub(crate) use gaps::{Gap, Gaps};
pub(crate) use gathered::{Gather, Gathered};
pub use group::Group;
pub(crate) use group::group_of;
pub use history::{History, Remembered};
pub(crate) use interest::Mark;
pub use interest::{Interest, weight_of};
pub use lifecycle::{Lifecycle, Stage, Visits};
pub(crate) use membership::{Flip, Flips, Membership};
pub use preference::Preference;
pub(crate) use preference::Preferences;
pub use purchases::{Purchases, Rfm, Spent};
pub use session::{Sessions, Touch, Touches};
pub(crate) use weight::Shed;
pub use window::{Frame, Window};

use crate::event::Event;
use crate::hash::{Map, Symbol};
use crate::id::UserKey;
use crate::schema::Keeping;
use crate::state::State;
use crate::time::{Span, Timestamp};
use crate::value::{Kind, Value};
use latest::Latest;
use person::Person;

/// What a profile keeps, as the definitions ask for it.
#[derive(Clone, Debug)]
pub struct Upkeep {
    /// After how long a silence a new session begins.
    pub session_gap: Span,
    /// How many events the history keeps, at most [`History::LIMIT`].
    pub history: usize,
    /// The item attributes to which affinities are kept.
    pub dimensions: Vec<Dimension>,
    /// After how much time people move from stage to stage of their lifecycle.
    pub lifecycle: Lifecycle,
    /// The cut points by which purchases are scored.
    pub rfm: Rfm,
    /// The declared kinds of attributes.
    pub(crate) kinds: Map<Symbol, Kind>,
    /// How attributes are kept whose newest value alone is not enough.
    pub(crate) keeping: Map<Symbol, Keeping>,
    /// The declared kinds of groups, with the kinds of their attributes.
    pub(crate) groups: Map<Symbol, Map<Symbol, Kind>>,
    /// The declared channels.
    pub(crate) channels: Channels,
    /// What holds where people have said nothing about consent.
    pub(crate) unasked: Unasked,
    /// The most bytes that a profile may take.
    pub(crate) bytes: usize,
}

impl Upkeep {
    /// The most bytes that a profile may take, unless the settings say otherwise.
    pub(crate) const BYTES: usize = 8 * 1024;

    /// How an attribute is kept.
    pub(crate) fn keeping(&self, name: Symbol) -> Keeping {
        if self.keeping.is_empty() { Keeping::default() } else { self.keeping.get(&name).copied().unwrap_or_default() }
    }

    /// How many past values of an attribute are kept, if any.
    pub(crate) fn past(&self, name: Symbol) -> Option<usize> {
        Some(usize::from(self.keeping(name).history)).filter(|past| *past > 0)
    }

    /// The most bytes that one value may hold outside itself.
    pub(crate) const fn largest(&self) -> usize {
        self.bytes / 8
    }
}

impl Default for Upkeep {
    /// Sessions of 30 minutes, 64 events of history, and no affinities.
    fn default() -> Self {
        Self {
            session_gap: Span::minutes(30),
            history: 64,
            dimensions: Vec::new(),
            lifecycle: Lifecycle::default(),
            rfm: Rfm::default(),
            kinds: Map::default(),
            keeping: Map::default(),
            groups: Map::default(),
            channels: Channels::default(),
            unasked: Unasked::default(),
            bytes: Self::BYTES,
        }
    }
}

/// What is known about one person.
///
/// Limits, and what gives way: 256 attributes (the one set longest ago), 32 affinities a dimension (the weakest),
/// the newest events of the history (the oldest), 8 currencies (further ones are not counted), 512 counters (further
/// ones are unknown), and [`Settings::profile_bytes`](crate::engine::Settings::profile_bytes) in all, of which each part
/// has its share. Below them any order of arrival and any repetition within the history give the same bytes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Profile {
    person: Person,
    /// When the first event happened.
    first_seen: Timestamp,
    /// When the newest event happened.
    last_seen: Timestamp,
    /// How many events have been taken in.
    events: u32,
    attributes: Attributes,
    affinities: Affinities,
    history: History,
    /// The sessions up to the last event that has left the history, if one has.
    sealed: Option<Box<Sessions>>,
    /// The sessions up to the newest event.
    sessions: Sessions,
    /// None until an event names a source.
    touches: Option<Box<Touches>>,
    spent: Box<[Spent]>,
    /// None for most.
    pub(crate) extra: Option<Box<Extra>>,
    pub(crate) counters: Counters,
    pub(crate) gaps: Gaps,
    pub(crate) membership: Membership,
}

impl Default for Profile {
    fn default() -> Self {
        Self {
            person: Person::default(),
            first_seen: Timestamp::MAX,
            last_seen: Timestamp::MIN,
            events: 0,
            attributes: Attributes::default(),
            affinities: Affinities::default(),
            history: History::default(),
            sealed: None,
            sessions: Sessions::default(),
            touches: None,
            spent: Box::default(),
            extra: None,
            counters: Counters::default(),
            gaps: Gaps::default(),
            membership: Membership::default(),
        }
    }
}

impl Profile {
    /// The profile of a person of whom nothing is known but the key.
    #[must_use]
    pub fn of(person: UserKey) -> Self {
        Self { person: Person::told(person), ..Self::default() }
    }

    /// The same profile, as that of this person.
    pub(crate) fn owned_by(self, person: UserKey) -> Self {
        Self { person: Person::told(person), ..self }
    }

    /// Notes whose profile it is, as its keeper says; whether that changes its key.
    pub(crate) fn belongs_to(&mut self, person: UserKey) -> bool {
        self.person.key() != Some(person) && {
            self.person = Person::told(person);
            true
        }
    }

    /// Notes whose profile it is, as an event says; whether that changes its key.
    pub(crate) fn is_named_by(&mut self, event: &Event) -> bool {
        self.person.learn(Person::of(event))
    }

    /// Notes what an event of kind [`EventKind::ConsentChanged`](crate::event::EventKind::ConsentChanged) says, and
    /// gives the names that are not purposes or came without true or false.
    pub(crate) fn hear(&mut self, event: &Event, keep: &Upkeep) -> SmallVec<[Symbol; 1]> {
        let mut unheard = SmallVec::new();
        for (name, value) in &event.properties {
            let purpose = Symbol::new(name);
            match value {
                Value::Bool(granted) if keep.unasked.knows(purpose) => {
                    self.extra.get_or_insert_default().consent.say(purpose, event.time, *granted);
                }
                _ => unheard.push(purpose),
            }
        }
        unheard
    }

    /// Whether nothing at all is known.
    pub(crate) fn is_blank(&self) -> bool {
        self.events == 0 && self.extra.is_none()
    }

    /// When the person was last heard of: by an event, or by a decision about consent.
    pub(crate) fn heard(&self) -> Timestamp {
        let said = self.consent().and_then(|consent| consent.iter().map(|said| said.time).max());
        self.last_seen.max(said.unwrap_or(Timestamp::MIN))
    }

    /// Takes in what another profile of the same person knows: the other of two devices, or of two shards. Of events
    /// that both have seen, the counts and weights are added twice, except in the history and in exact counters.
    pub fn merge_with(&mut self, other: &Self, keep: &Upkeep) {
        self.person.learn(other.person);
        self.first_seen = self.first_seen.min(other.first_seen);
        self.last_seen = self.last_seen.max(other.last_seen);
        self.events = self.events.saturating_add(other.events);
        self.attributes.merge(&other.attributes, keep);
        self.affinities.merge(&other.affinities);
        merge_sealed(&mut self.sealed, other.sealed.as_deref());
        let sealed = &mut self.sealed;
        self.history.merge(&other.history, keep.history, &mut |left| {
            sealed.get_or_insert_default().push(left, keep);
        });
        self.recount_sessions(keep);
        if let Some(touches) = &other.touches {
            self.touches.get_or_insert_default().merge(touches);
        }
        for spent in &other.spent {
            self.add_spent(*spent);
        }
        if let Some(extra) = &other.extra {
            self.extra.get_or_insert_default().merge(extra, keep);
        }
        self.counters.merge(&other.counters);
        self.gaps.merge(&other.gaps);
        self.membership = Membership::default();
    }

    /// From when on the history holds every event.
    pub(crate) fn history_since(&self) -> Timestamp {
        self.sealed.as_ref().map_or(Timestamp::MIN, |sealed| sealed.last + Span::from_millis(1))
    }

    /// Whose profile it is: whom its keeper named ([`Profile::of`]), else the known user whom events named, else the
    /// anonymous id; of several the lowest. `None` before the first event.
    #[must_use]
    pub fn person(&self) -> Option<UserKey> {
        self.person.key()
    }
    /// When the first event happened; [`Timestamp::MAX`] before it.
    #[must_use]
    pub const fn first_seen(&self) -> Timestamp {
        self.first_seen
    }
    /// When the newest event happened; [`Timestamp::MIN`] before the first.
    #[must_use]
    pub const fn last_seen(&self) -> Timestamp {
        self.last_seen
    }
    /// How many events have been taken in, at most 4,294,967,295.
    #[must_use]
    pub const fn events(&self) -> u64 {
        self.events as u64
    }
    /// The attributes.
    #[must_use]
    pub const fn attributes(&self) -> &Attributes {
        &self.attributes
    }
    /// The newest different values of an attribute whose history the schema asks for, each with the time at which it
    /// was last written, newest first.
    ///
    /// ```
    /// use bespoke::{Engine, Event, EventKind, Personalizer, Timestamp, UserKey};
    /// let shop = Personalizer::new(Engine::from_json(
    ///     r#"{"schema": {"attributes": {"plan": {"kind": "text", "history": 3}}}}"#,
    /// )?);
    /// let noon: Timestamp = "2026-03-01T12:00:00Z".parse()?;
    /// for (hour, plan) in [(0, "free"), (1, "pro"), (2, "pro")] {
    ///     let time = noon + bespoke::Span::hours(hour);
    ///     shop.ingest(&Event::new(EventKind::Identified, "ann", time).attribute("plan", plan), time)?;
    /// }
    /// let ann = shop.profile(UserKey::known("ann")).unwrap_or_default();
    /// let plans: Vec<String> = ann.past("plan").map(|(_, value)| value.to_string()).collect();
    /// assert_eq!(plans, ["\"pro\"", "\"free\""]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn past(&self, attribute: impl Into<Symbol>) -> impl Iterator<Item = (Timestamp, &Value)> {
        let past = self.extra.as_deref().and_then(|extra| extra.past.of(attribute.into()));
        past.into_iter().flat_map(Latest::iter)
    }
    /// What the person said about consent; `None` if nothing. What holds where they said nothing is the engine's to
    /// know: see [`Engine::consents`](crate::engine::Engine::consents).
    #[must_use]
    pub fn consent(&self) -> Option<&Consent> {
        self.extra.as_deref().map(|extra| &extra.consent)
    }
    /// The groups that the person belongs to: the symbol of the kind, the group's id, and since when; a group is there
    /// until a newer event names another of its kind, or says that the person has left.
    pub fn groups(&self) -> impl Iterator<Item = (Symbol, &str, Timestamp)> {
        let all = self.extra.as_deref().into_iter().flat_map(|extra| extra.groups.iter());
        all.filter_map(|of| Some((of.kind, of.id.as_text()?, of.time)))
    }
    /// Attaches what is known about the person's group of a kind, in place of what was attached before; rules read it
    /// from then on. Does nothing if the person belongs to no such group.
    ///
    /// A [`Personalizer`](crate::personalizer::Personalizer) does this by itself. A host that keeps profiles attaches
    /// the groups that it keeps, made by [`Engine::fold_group`](crate::engine::Engine::fold_group), after loading a
    /// profile, and whenever a group has changed.
    pub fn attach_group(&mut self, kind: impl Into<Symbol>, group: Option<Arc<Group>>) {
        let kind = kind.into();
        let Some(extra) = &mut self.extra else { return };
        for of in extra.groups.iter_mut().filter(|of| of.kind == kind && !of.id.is_null()) {
            let same = match (&of.view, &group) {
                (Some(kept), Some(new)) => Arc::ptr_eq(kept, new),
                (None, None) => true,
                _ => false,
            };
            if !same {
                of.view.clone_from(&group);
                self.membership.due = Timestamp::MIN;
            }
        }
    }
    /// The affinities to item attributes.
    #[must_use]
    pub const fn affinities(&self) -> &Affinities {
        &self.affinities
    }
    /// The newest events.
    #[must_use]
    pub const fn history(&self) -> &History {
        &self.history
    }
    /// When the person was seen, as far as the lifecycle asks; `None` before the first event.
    #[must_use]
    pub fn visits(&self) -> Option<Visits> {
        let visits = Visits { first: self.first_seen, last: self.last_seen, silence: self.sessions.silence() };
        (self.events > 0).then_some(visits)
    }
    /// The sessions.
    #[must_use]
    pub const fn sessions(&self) -> &Sessions {
        &self.sessions
    }
    /// Where the first and the last visit came from; `None` if no event has named a source.
    #[must_use]
    pub fn touches(&self) -> Option<&Touches> {
        self.touches.as_deref()
    }
    /// The money spent, by currency.
    #[must_use]
    pub fn spent(&self) -> &[Spent] {
        &self.spent
    }
}

impl State for Profile {
    const KIND: &'static str = "profile";
    const VERSION: u16 = 1;

    /// [`Profile::merge_with`] under the default [`Upkeep`].
    fn merge(&mut self, other: &Self) {
        self.merge_with(other, &Upkeep::default());
    }
}

/// The sessions before both histories begin. Where both have some, their order is no longer known: the counts add
/// up, and the newer one goes on.
fn merge_sealed(ours: &mut Option<Box<Sessions>>, theirs: Option<&Sessions>) {
    let Some(theirs) = theirs else { return };
    let Some(ours) = ours else {
        *ours = Some(Box::new(*theirs));
        return;
    };
    let count = ours.count.saturating_add(theirs.count);
    if (theirs.last, theirs.start) > (ours.last, ours.start) {
        **ours = *theirs;
    }
    ours.count = count;
}

/// Makes room for one more by an eighth, where `Vec` would double: profiles are many and small.
fn reserve<T>(vec: &mut Vec<T>) {
    if vec.len() == vec.capacity() {
        vec.reserve_exact((vec.len() / 8).max(2));
    }
}

/// How many items of one event touch affinities and the history.
pub(crate) const MAX_LINES: usize = 16;
/// How many currencies a profile counts in.
const MAX_CURRENCIES: usize = 8;
