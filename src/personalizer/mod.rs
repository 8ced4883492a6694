//! One object for hosts that want one: engine, profiles, models and open decisions in memory, shared between threads.
//!
//! A [`Personalizer`] adds no rule of its own; it holds what an [`Engine`] works on and says which person an id
//! means. All methods take `&self`. People lie in 64 shards, each behind a lock that is held for one event; a
//! decision waits neither for a snapshot nor for another engine, and for an event only while that event of the same
//! shard is folded, which takes microseconds.
//!
//! Which ids are one person is said by [`identity`](crate::identity). What each id brings is kept as a part of its own,
//! so that [`Personalizer::unlink`] takes a person apart exactly; what goes with what is learned within such a part.
//!
//! Its state does not depend on the order in which events and links arrive, nor on how often, as long as no limit
//! bites: two hosts that ingest the same end with the same snapshot bytes. The limits that matter here: 500 links that
//! reach each other, 16 identifications of a device, 64 parts of a person, and the newest 256 events of a device and
//! [`recent`](crate::identity::Settings::recent) of all, which are folded again when it turns out late who was there.
//! Exceptions are decisions with their exposures and rewards, which happen in their order; consent, which holds from
//! when it is known; and what goes with what on a device whose second user becomes known late.

mod due;
mod export;
mod export_all;
mod fitted;
mod graph;
mod groups;
mod import;
mod people;
mod recent;
mod record;
mod regroup;
mod relink;
mod retain;
mod snapshot;
mod survey;
mod unite;
mod who;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use smallvec::SmallVec;

pub use due::Due;
pub use export_all::{Export, ExportError, ExportRow, Exported};
pub use import::Imported;
pub use people::Limits;
pub use retain::{Retained, Suppression};

use crate::catalog::{CatalogError, Item};
use crate::decision::{Decision, Request};
use crate::engine::{Changes, DecideScratch, Engine, Exposure, Models, OpenDecisions, Payments};
use crate::event::{Event, EventError, EventKind};
use crate::hash::Symbol;
use crate::id::UserKey;
use crate::identity::{BlockedValue, LinkOutcome, Settings, SettingsError};
use crate::profile::{Profile, weight_of};
use crate::recommend::Seen;
use crate::report::Report;
use crate::time::Timestamp;
use export::Names;
use groups::GroupStore;
use people::People;
use record::Record;

/// Engine, profiles, models and open decisions, shared between threads.
///
/// ```
/// use bespoke::decision::Request;
/// use bespoke::engine::Engine;
/// use bespoke::event::{Event, EventKind};
/// use bespoke::personalizer::Personalizer;
/// use bespoke::time::Timestamp;
///
/// let engine = Engine::from_json(r#"{
///     "segments": [{"name": "keen", "rule": "event('item_viewed').within(7 days).count() >= 2"}],
///     "placements": ["home"],
///     "campaigns": [{"name": "hello", "placement": "home", "audience": "segment('keen')", "payload": "hi!"}]
/// }"#).unwrap();
/// let shop = Personalizer::new(engine);
/// let now: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
/// for id in ["e1", "e2"] {
///     shop.ingest(&Event::new(EventKind::ItemViewed, "ann", now).item("shoe-1").id(id), now).unwrap();
/// }
/// let decision = shop.decide(&Request::new("home").user("ann"), now);
/// assert_eq!(decision.campaign.as_deref(), Some("hello"));
/// ```
#[derive(Debug)]
pub struct Personalizer {
    engine: RwLock<Arc<Engine>>,
    models: RwLock<Models>,
    people: People,
    groups: GroupStore,
    names: Names,
    /// Buffers that are not in use; one for each thread that ever worked at the same time.
    scratch: Mutex<Vec<Scratch>>,
}

#[derive(Debug, Default)]
struct Scratch {
    decide: DecideScratch,
    context: Vec<Seen>,
}

/// What an event did.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ingested {
    /// The person it was counted for.
    pub user: Option<UserKey>,
    /// It was delivered before; nothing has changed.
    pub repeated: bool,
    /// The segments that the person is in now and was not before.
    pub entered: SmallVec<[Arc<str>; 2]>,
    /// The segments that the person was in before and is not now.
    pub left: SmallVec<[Arc<str>; 2]>,
    /// The attributes that were not taken, since the schema declares them of another kind, and the purposes of consent
    /// that the settings do not name.
    pub mismatched: SmallVec<[Symbol; 1]>,
    /// The attributes that were not taken, since they are larger than a profile may keep.
    pub oversized: SmallVec<[Symbol; 1]>,
    /// The person does not consent to tracking: nothing was kept of the event but what it says about consent. Links
    /// between ids are made all the same, so that a refusal holds for all ids of a person.
    pub untracked: bool,
    /// What the exposure did, if the event is one.
    pub exposure: Option<Exposure>,
    /// The decisions that the event paid.
    pub payments: Payments,
    /// What became of the links between the ids that the event names, but for those that were known.
    pub links: SmallVec<[LinkOutcome; 1]>,
    /// The ids of the event that name nobody, and were left out.
    pub blocked: Vec<BlockedValue>,
}

/// Why an event was not taken in. Nothing has changed.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum IngestError {
    /// The event is not sound.
    #[error(transparent)]
    Event(#[from] EventError),
    /// All ids of the event have values that name nobody, such as `null`.
    #[error("the event names nobody: `{}` is no {} of anybody's", id.value, id.kind)]
    Blocked {
        /// The first of them.
        id: BlockedValue,
    },
    /// The person was erased, and the event lies before that.
    #[error("the event of {time} is about somebody who was erased at {erased}; only later events are taken")]
    Erased {
        /// The event's time.
        time: Timestamp,
        /// When the person was erased.
        erased: Timestamp,
    },
}

/// What [`Personalizer::erase`] removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Erased {
    /// Whether there was a profile.
    pub profile: bool,
    /// How many other ids of the person were forgotten.
    pub links: usize,
}

impl Personalizer {
    /// Nobody known and nothing learned, with the default [`Limits`].
    #[must_use]
    pub fn new(engine: Engine) -> Self {
        Self::with_limits(engine, Limits::default())
    }

    /// Nobody known and nothing learned.
    #[must_use]
    pub fn with_limits(engine: Engine, limits: Limits) -> Self {
        let (models, settings) = (RwLock::new(engine.models()), engine.identity().clone());
        Self {
            engine: RwLock::new(Arc::new(engine)),
            models,
            people: People::new(limits, settings),
            groups: GroupStore::new(limits.groups),
            names: Names::default(),
            scratch: Mutex::default(),
        }
    }

    /// Says how ids become people, in place of what the definitions say; for a personalizer that knows nobody yet, or
    /// that is about to be restored.
    ///
    /// # Errors
    /// A [`SettingsError`] if the settings cannot be.
    ///
    /// ```
    /// use bespoke::identity::Settings;
    /// use bespoke::{Engine, Personalizer};
    /// let settings = Settings { blocked: vec!["kiosk-*".to_owned()], ..Settings::default() };
    /// assert!(Personalizer::new(Engine::from_json("{}")?).identities(settings).is_ok());
    /// # Ok::<(), bespoke::Error>(())
    /// ```
    pub fn identities(mut self, settings: Settings) -> Result<Self, SettingsError> {
        settings.check()?;
        self.people = People::new(self.people.limits, settings);
        Ok(self)
    }

    /// Takes in an event: links ids, folds it into the person's profile, notes an exposure, pays decisions, teaches
    /// the models. `now` is the present by the host's clock.
    ///
    /// # Errors
    /// An [`IngestError`] if the event is not sound, or about somebody erased; nothing has changed then.
    pub fn ingest(&self, event: &Event, now: Timestamp) -> Result<Ingested, IngestError> {
        event.check(now)?;
        let engine = self.engine();
        let mut ingested = Ingested::default();
        let names = self.people.graph.names(event, &mut ingested.blocked);
        if names.is_empty() {
            if let Some(id) = ingested.blocked.pop() {
                return Err(IngestError::Blocked { id });
            }
        }
        let is_device = names.first().is_some_and(|name| self.people.graph.rules.rank(name.kind).is_device());
        let mut scratch = self.scratch();
        let mut links = SmallVec::new();
        let result =
            self.people.update(event, &names, now, (&engine, &self.models), &mut links, &mut |place, record| {
                ingested.user = Some(place.0);
                let refused = self.groups.update(event, &engine);
                let (changes, is_new) = {
                    let models = read(&self.models);
                    self.people.apply(event, (place, is_device), record, (&engine, &models.catalog, &self.groups), now)
                };
                let Changes { repeated, entered, left, mismatched, oversized, untracked } = changes;
                (ingested.repeated, ingested.entered, ingested.left) = (repeated, entered, left);
                (ingested.mismatched, ingested.oversized, ingested.untracked) = (mismatched, oversized, untracked);
                ingested.mismatched.extend(refused);
                let teaches = is_new && weight_of(&event.kind) > 0.0 && !event.items.is_empty();
                let is_exposure = event.kind == EventKind::Exposed;
                if untracked || !teaches && (repeated || !(is_exposure || record.is_open())) {
                    return;
                }
                let mut models = write(&self.models);
                if !repeated && record.is_open() {
                    ingested.exposure = engine.expose(event, record.open(), &mut models);
                    ingested.payments = engine.pay(event, record.open(), &mut models);
                    record.share_open();
                } else if !repeated && is_exposure {
                    // Of what was never decided nothing is kept.
                    ingested.exposure = engine.expose(event, &mut OpenDecisions::default(), &mut models);
                }
                if is_new {
                    engine.learn(event, record.of_label(place.1), &mut models, &mut scratch.context);
                }
            });
        self.give_back(scratch);
        ingested.links = links;
        result?;
        self.names.learn(event);
        Ok(ingested)
    }

    /// Answers a request, and keeps the decision open for its exposure and reward, if the person consents to tracking.
    /// Total; see [`Engine::decide`].
    pub fn decide(&self, request: &Request, now: Timestamp) -> Decision {
        let engine = self.engine();
        let mut scratch = self.scratch();
        let with = (&*engine, &self.models);
        let asked = self.people.graph.asked(request);
        let id = asked.unwrap_or_else(|| UserKey::anonymous(""));
        self.freshen(self.people.resolve(id));
        let decision = self.people.visit(id, now, with, &mut |(user, _)| {
            self.people.read(user, |record| {
                let models = read(&self.models);
                let fresh;
                let profile = match record {
                    Some(record) => &record.profile,
                    None => {
                        fresh = Profile::of(user);
                        &fresh
                    }
                };
                engine.decide_for(user, request, profile, &models, now, &mut scratch.decide)
            })
        });
        self.give_back(scratch);
        if asked.is_some() && decision.campaign.is_some() {
            self.people.change_owner(id, now, with, &mut |place, record| {
                if engine.tracks(&record.profile, now) {
                    record.keep(place, &decision, &engine, &read(&self.models).catalog);
                }
            });
        }
        decision
    }

    /// Erases a person: the profile, memberships, open decisions, and every other id that was linked. Events up to
    /// `now` that come later for any of these ids are refused, also after [`Personalizer::restore`]. What the models
    /// have learned from all people together keeps the person's share, which names nobody; visits that `next_click`
    /// learned from go, and a fitted model knows whose events it was fitted from no more.
    ///
    /// Cost: a look at every link.
    pub fn erase(&self, user: UserKey, now: Timestamp) -> Erased {
        self.people.erase(user, now, (&self.engine(), &self.models))
    }

    /// Puts another engine in place of the one that runs, at a time by the host's clock. Decisions under way finish with the old one. Profiles are
    /// fitted to the new segments when they are next touched, by an event or by [`Personalizer::due`]; bandits keep
    /// what they know of variants that stay.
    pub fn replace_engine(&self, engine: Engine, now: Timestamp) {
        let mut running = write(&self.engine);
        engine.adopt(&mut write(&self.models));
        *running = Arc::new(engine.succeeding(&running, now));
        drop(running);
        self.people.queue_all();
    }

    /// The engine that runs.
    #[must_use]
    pub fn engine(&self) -> Arc<Engine> {
        Arc::clone(&read(&self.engine))
    }

    /// Takes an item into the catalog, in place of the one with the same id.
    ///
    /// # Errors
    /// A [`CatalogError`] if the item is not sound or the catalog is full.
    pub fn upsert_item(&self, item: Item) -> Result<Option<Item>, CatalogError> {
        write(&self.models).catalog.upsert(item)
    }

    /// Removes an item from the catalog, and gives it back if it was there.
    pub fn remove_item(&self, id: &str) -> Option<Item> {
        write(&self.models).catalog.remove(id)
    }

    /// Lets `look` see the catalog and what was learned from all people together. Learning waits meanwhile.
    pub fn with_models<T>(&self, look: impl FnOnce(&Models) -> T) -> T {
        look(&read(&self.models))
    }

    /// The key under which the person with this id is kept: the canonical one of the person's ids, and of a shared
    /// device the person who was last identified on it.
    #[must_use]
    pub fn resolve(&self, user: UserKey) -> UserKey {
        self.people.resolve(user)
    }

    /// A copy of the profile of a person.
    #[must_use]
    pub fn profile(&self, user: UserKey) -> Option<Profile> {
        let user = self.people.resolve(user);
        self.freshen(user);
        self.people.read(user, |record| record.map(|record| record.profile.clone()))
    }

    /// The segments that a person is in at a time, in the order of their compilation.
    #[must_use]
    pub fn memberships(&self, user: UserKey, now: Timestamp) -> Vec<Arc<str>> {
        let engine = self.engine();
        let user = self.people.resolve(user);
        self.freshen(user);
        self.people.read(user, |record| match record {
            Some(Record { profile, .. }) if profile.person().is_some() => {
                engine.memberships(profile, now).cloned().collect()
            }
            // Of somebody without an event nothing is known but the key.
            _ => engine.memberships(&Profile::of(user), now).cloned().collect(),
        })
    }

    /// What the campaigns have earned so far.
    #[must_use]
    pub fn report(&self) -> Report {
        Report::new(&self.engine(), &read(&self.models))
    }

    /// How many people are kept.
    #[must_use]
    pub fn people(&self) -> usize {
        self.people.len()
    }

    /// The bytes that people take: profiles, open decisions, links, groups and the tables that hold them, without the
    /// allocator's overhead. Cost: a look at every profile.
    #[must_use]
    pub fn people_bytes(&self) -> usize {
        self.people.bytes() + self.groups.bytes()
    }

    fn scratch(&self) -> Scratch {
        lock(&self.scratch).pop().unwrap_or_default()
    }

    fn give_back(&self, scratch: Scratch) {
        lock(&self.scratch).push(scratch);
    }
}

// A thread that panics while it holds a lock (in a host's closure, say) leaves whole values behind: every step under
// a lock either happens or not. So a poisoned lock is taken all the same.

fn read<T>(lock: &RwLock<T>) -> RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

fn write<T>(lock: &RwLock<T>) -> RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}

fn lock<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}
