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
mod counter;
mod counters;
mod gaps;
mod history;
mod interest;
mod membership;
mod session;
mod window;

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

pub use affinity::{Affinities, Affinity, Dimension};
pub use attribute::{Attribute, Attributes};
pub use counter::{Asked, Counter, CounterId, Estimate, Grid, Kept, MOST_STEPS, Period, Steps, Windowed};
pub(crate) use counters::Counters;
pub(crate) use gaps::{Gap, Gaps};
pub use history::{History, Remembered};
pub(crate) use interest::Mark;
pub use interest::{Interest, weight_of};
pub(crate) use membership::{Flip, Flips, Membership};
pub use session::{Sessions, Touch, Touches};
pub use window::{Frame, Window};

use crate::catalog::Catalog;
use crate::event::{Event, EventKind};
use crate::hash::{Map, Symbol, combine};
use crate::sketch::{Decayed, ExactSum};
use crate::state::State;
use crate::time::{Span, Timestamp};
use crate::value::{Kind, Value, digest};

/// What a profile keeps, as the definitions ask for it.
#[derive(Clone, Debug)]
pub struct Upkeep {
    /// After how long a silence a new session begins.
    pub session_gap: Span,
    /// How many events the history keeps, at most [`History::LIMIT`].
    pub history: usize,
    /// The item attributes to which affinities are kept.
    pub dimensions: Vec<Dimension>,
    /// The declared kinds of attributes.
    pub(crate) kinds: Map<Symbol, Kind>,
}

impl Default for Upkeep {
    /// Sessions of 30 minutes, 64 events of history, and no affinities.
    fn default() -> Self {
        Self { session_gap: Span::minutes(30), history: 64, dimensions: Vec::new(), kinds: Map::default() }
    }
}

/// What is known about one person.
///
/// Limits, and what gives way: 256 attributes (the one set longest ago), 32 affinities a dimension (the weakest),
/// the newest events of the history (the oldest), 8 currencies (further ones are not counted), 512 counters (further
/// ones are not kept). Below them any order of arrival and any repetition within the history give the same bytes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Profile {
    /// When the first event happened.
    first_seen: Timestamp,
    /// When the newest event happened.
    last_seen: Timestamp,
    /// How many events have been taken in.
    events: u64,
    attributes: Attributes,
    affinities: Affinities,
    history: History,
    /// The sessions up to the last event that has left the history, if one has.
    sealed: Option<Box<Sessions>>,
    /// The sessions up to the newest event.
    sessions: Sessions,
    /// None until an event names a source.
    touches: Option<Box<Touches>>,
    spent: Vec<Spent>,
    pub(crate) counters: Counters,
    pub(crate) gaps: Gaps,
    pub(crate) membership: Membership,
}

/// Money spent in one currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spent {
    /// The symbol of the currency's name; that of the empty text where events named none.
    pub currency: Symbol,
    /// How many purchases.
    pub purchases: u32,
    /// The sum of their amounts less refunds.
    pub amount: ExactSum,
}

impl Default for Profile {
    fn default() -> Self {
        Self {
            first_seen: Timestamp::MAX,
            last_seen: Timestamp::MIN,
            events: 0,
            attributes: Attributes::default(),
            affinities: Affinities::default(),
            history: History::default(),
            sealed: None,
            sessions: Sessions::default(),
            touches: None,
            spent: Vec::new(),
            counters: Counters::default(),
            gaps: Gaps::default(),
            membership: Membership::default(),
        }
    }
}

/// What an event did to a profile.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fold {
    /// The event was there already; nothing has changed.
    pub(crate) repeated: bool,
    /// The attributes whose values changed.
    pub(crate) attributes: SmallVec<[Symbol; 4]>,
    /// The dimensions, by their index in the upkeep, whose affinities changed.
    pub(crate) dimensions: SmallVec<[u8; 4]>,
    /// The attributes that came with a value of another kind than declared, and were not taken.
    pub(crate) mismatched: SmallVec<[Symbol; 1]>,
    /// The hash of the event's id.
    pub(crate) id: u64,
}

impl Profile {
    /// Takes in an event that has passed [`Event::check`]. An event that the history holds already changes nothing.
    pub(crate) fn fold(&mut self, event: &Event, catalog: &Catalog, keep: &Upkeep) -> Fold {
        let id = event_id(event);
        let mut fold = Fold { id, ..Fold::default() };
        if self.history.has(id, &event.kind) {
            fold.repeated = true;
            return fold;
        }
        self.first_seen = self.first_seen.min(event.time);
        self.events = self.events.saturating_add(1);
        self.set_attributes(event, keep, &mut fold);
        self.add_affinities(event, catalog, keep, &mut fold);
        self.remember(event, keep, id);
        self.last_seen = self.last_seen.max(event.time);
        if let Some(source) = &event.source {
            self.touches.get_or_insert_default().add(event.time, source);
        }
        self.spend(event);
        fold
    }

    fn set_attributes(&mut self, event: &Event, keep: &Upkeep, fold: &mut Fold) {
        let attributes = &mut self.attributes;
        let note = |written, name, changed: &mut SmallVec<[Symbol; 4]>| match written {
            attribute::Written::Changed => changed.push(name),
            attribute::Written::Instead(left) => changed.extend([name, left]),
            attribute::Written::Kept => {}
        };
        let mut set = |name: Symbol, value: &Value| {
            let kind = keep.kinds.get(&name).copied();
            let is_fit = kind.is_none_or(|kind| kind == Kind::Text);
            // What is sent again and again is copied once.
            if is_fit && value.as_text().is_some_and(|text| attributes.renew(name, event.time, text)) {
                return;
            }
            let Some(value) = fit(value, kind) else {
                fold.mismatched.push(name);
                return;
            };
            note(attributes.set(name, event.time, value), name, &mut fold.attributes);
        };
        for (name, value) in &event.attributes {
            attribute::flatten(name, value, &mut set);
        }
        for (name, value) in [("device", &event.device), ("channel", &event.channel)] {
            if let Some(value) = value {
                let name = Symbol::new(name);
                // An unchanged device only moves its time on: no text is copied on the steady path.
                if attributes.renew(name, event.time, value) {
                    continue;
                }
                note(attributes.set(name, event.time, value.as_str().into()), name, &mut fold.attributes);
            }
        }
    }

    fn add_affinities(&mut self, event: &Event, catalog: &Catalog, keep: &Upkeep, fold: &mut Fold) {
        let weight = weight_of(&event.kind);
        if weight == 0.0 || keep.dimensions.is_empty() {
            return;
        }
        let mut latest: Option<(Span, Decayed)> = None;
        for item in event.items.iter().take(MAX_LINES) {
            let Some(slot) = catalog.slot(Symbol::new(&item.id)) else { continue };
            for facet in catalog.facets(slot) {
                let of = keep.dimensions.iter().position(|dimension| dimension.attribute == facet.dimension);
                let Some(of) = of else { continue };
                let dimension = &keep.dimensions[of];
                let term = match latest {
                    Some((half_life, term)) if half_life == dimension.half_life => term,
                    _ => Decayed::of(weight, event.time, dimension.half_life),
                };
                latest = Some((dimension.half_life, term));
                self.affinities.add(dimension, facet.value, term);
                // A schema declares at most 64 dimensions.
                if !fold.dimensions.contains(&(of as u8)) {
                    fold.dimensions.push(of as u8);
                }
            }
        }
    }

    fn remember(&mut self, event: &Event, keep: &Upkeep, id: u64) {
        let dwell = event.properties.get("dwell").and_then(Value::as_number).unwrap_or(0.0);
        let remembered = Remembered::new(&event.kind, event.time, dwell, id);
        // A list of fifty items that was scrolled past is one event, not interest in fifty items.
        let is_list = matches!(event.kind, EventKind::ListViewed | EventKind::ListFiltered);
        let items: SmallVec<[Symbol; 4]> =
            event.items.iter().filter(|_| !is_list).take(MAX_LINES).map(|item| Symbol::new(&item.id)).collect();
        let (sealed, gap) = (&mut self.sealed, keep.session_gap);
        self.history.add(&remembered, &items, keep.history, &mut |left| {
            sealed.get_or_insert_default().push(left, gap);
        });
        if event.time >= self.last_seen {
            self.sessions.push(&remembered, gap);
        } else {
            self.recount_sessions(gap);
        }
    }

    /// Folds the sessions again from the history, after an event has come late.
    fn recount_sessions(&mut self, gap: Span) {
        self.sessions = self.sealed.as_deref().copied().unwrap_or_default();
        for event in self.history.events() {
            self.sessions.push(&event, gap);
        }
    }

    fn spend(&mut self, event: &Event) {
        let (purchases, sign) = match event.kind {
            EventKind::Purchased => (1, 1.0),
            EventKind::Refunded => (0, -1.0),
            _ => return,
        };
        let Some(amount) = event.amount() else { return };
        let mut sum = ExactSum::default();
        sum.add(sign * amount);
        self.add_spent(Spent {
            currency: Symbol::new(event.currency.as_deref().unwrap_or("")),
            purchases,
            amount: sum,
        });
    }

    fn add_spent(&mut self, more: Spent) {
        match self.spent.binary_search_by_key(&more.currency, |spent| spent.currency) {
            Ok(at) => {
                let spent = &mut self.spent[at];
                spent.purchases = spent.purchases.saturating_add(more.purchases);
                spent.amount.merge(more.amount);
            }
            Err(at) if self.spent.len() < MAX_CURRENCIES => {
                self.spent.reserve_exact(1);
                self.spent.insert(at, more);
            }
            Err(_) => {}
        }
    }

    /// Takes in what another profile of the same person knows: the other of two devices, or of two shards. Of events
    /// that both have seen, the counts and weights are added twice, except in the history and in exact counters.
    pub fn merge_with(&mut self, other: &Self, keep: &Upkeep) {
        self.first_seen = self.first_seen.min(other.first_seen);
        self.last_seen = self.last_seen.max(other.last_seen);
        self.events = self.events.saturating_add(other.events);
        self.attributes.merge(&other.attributes);
        self.affinities.merge(&other.affinities);
        merge_sealed(&mut self.sealed, other.sealed.as_deref());
        let (sealed, gap) = (&mut self.sealed, keep.session_gap);
        self.history.merge(&other.history, keep.history, &mut |left| {
            sealed.get_or_insert_default().push(left, gap);
        });
        self.recount_sessions(gap);
        if let Some(touches) = &other.touches {
            self.touches.get_or_insert_default().merge(touches);
        }
        for spent in &other.spent {
            self.add_spent(*spent);
        }
        self.merge_counters(other);
        self.membership = Membership::default();
    }

    /// Counters that only one of the profiles has may have missed what the other could not count.
    fn merge_counters(&mut self, other: &Self) {
        if !self.counters.merge(&other.counters) {
            self.gaps.miss(self.last_seen);
        }
        self.gaps.merge(&other.gaps);
    }

    /// From when on the history holds every event.
    pub(crate) fn history_since(&self) -> Timestamp {
        self.sealed.as_ref().map_or(Timestamp::MIN, |sealed| sealed.last + Span::from_millis(1))
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
    /// How many events have been taken in.
    #[must_use]
    pub const fn events(&self) -> u64 {
        self.events
    }
    /// The attributes.
    #[must_use]
    pub const fn attributes(&self) -> &Attributes {
        &self.attributes
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

    /// The bytes that the profile takes, itself and what it holds on the heap, without the allocator's overhead.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let spilled = if self.membership.flips.spilled() { self.membership.flips.capacity() * 4 } else { 0 };
        size_of::<Self>()
            + self.attributes.heap_bytes()
            + self.affinities.heap_bytes()
            + self.history.heap_bytes()
            + self.touches.as_ref().map_or(0, |touches| size_of::<Touches>() + touches.heap_bytes())
            + self.sealed.as_ref().map_or(0, |_| size_of::<Sessions>())
            + self.spent.capacity() * size_of::<Spent>()
            + self.counters.heap_bytes()
            + self.gaps.heap_bytes()
            + spilled
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

/// The hash by which a repeated event is recognised: of its id, or of what it says where it has none.
pub(crate) fn event_id(event: &Event) -> u64 {
    if let Some(id) = &event.id {
        return Symbol::new(id).to_bits();
    }
    let mut parts: SmallVec<[u64; 8]> = SmallVec::new();
    parts.extend([event.time.millis() as u64, event.kind.symbol().to_bits()]);
    parts.extend(event.decision.map(|decision| decision.to_bits()));
    parts.extend(event.items.iter().map(|item| Symbol::new(&item.id).to_bits()));
    for values in [&event.attributes, &event.properties] {
        if !values.is_empty() {
            parts.push(digest(values));
        }
    }
    combine(&parts)
}

/// The value as an attribute of the declared kind; `None` if it is of another.
fn fit(value: &Value, kind: Option<Kind>) -> Option<Value> {
    match (kind, value) {
        (None, value) => Some(value.clone()),
        (Some(_), Value::Null) => Some(Value::Null),
        (Some(Kind::Time), Value::Number(_)) => Some(value.clone()),
        (Some(Kind::Time), Value::Text(text)) => {
            let time: Timestamp = text.parse().ok()?;
            // Times between the years 1 and 9999 are exact in an `f64`.
            Some(Value::Number(time.millis() as f64))
        }
        (Some(kind), value) => (value.kind() == Some(kind)).then(|| value.clone()),
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
