//! Taking in the past in bulk.

use std::sync::Arc;

use smallvec::SmallVec;

use super::graph::Place;
use super::record::Record;
use super::{IngestError, Personalizer, write};
use crate::engine::{Changes, Engine, OpenDecisions};
use crate::event::{Event, EventKind};
use crate::hash::Map;
use crate::id::UserKey;
use crate::profile::weight_of;
use crate::recommend::Seen;
use crate::time::Timestamp;

/// What [`Personalizer::import`] did.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Imported {
    /// How many events were taken in.
    pub taken: u64,
    /// How many were known already, and changed nothing.
    pub repeated: u64,
    /// How many were left out, since their people do not consent to tracking, or did not at the time.
    pub untracked: u64,
    /// How many were refused.
    pub refused: u64,
    /// How many attributes were not taken, since the schema declares them of another kind.
    pub mismatched: u64,
    /// Why events were refused, by their place among those given, from zero: the first hundred.
    pub errors: Vec<(u64, IngestError)>,
}

impl Personalizer {
    /// Takes in past events, or rows of a customer list (see [`RowReader`](crate::schema::RowReader)), in any order.
    ///
    /// People, models and memberships end as if each event had been [ingested](Personalizer::ingest) by itself, at
    /// the same `now`, as long as nobody reaches a limit of a [profile](crate::profile::Profile). But what happened in
    /// the past is not news: nobody is told of segments entered and left, memberships are settled once per person and
    /// batch, no exposure is counted and no decision is paid. `now` is the present by the host's clock; events keep
    /// their own times.
    ///
    /// Events are taken in batches of 65,536, so any number of them can be given; within a batch those of one person
    /// are sorted by time, which makes late ones as cheap as others. Several threads can import at once, best each
    /// the events of its own people. Cost: about half that of ingesting one by one (`benches/import.rs`); other events
    /// wait only for a few at a time.
    ///
    /// ```
    /// use bespoke::{Engine, Event, EventKind, Personalizer, Timestamp, UserKey};
    /// let shop = Personalizer::new(Engine::from_json(
    ///     r#"{"segments": [{"name": "buyers", "rule": "event('purchased').within(90 days)"}]}"#)?);
    /// let now: Timestamp = "2026-03-01T12:00:00Z".parse()?;
    /// let past = ["2026-02-01", "2025-03-01", "2027-01-01"].map(|day| {
    ///     Event::new(EventKind::Purchased, "ann", day.parse().unwrap()).value(20.0, "EUR")
    /// });
    /// let imported = shop.import(past, now);
    /// assert_eq!((imported.taken, imported.refused), (2, 1));
    /// assert_eq!(imported.errors[0].0, 2); // the third lies in the future
    /// assert_eq!(shop.memberships(UserKey::known("ann"), now).len(), 1);
    /// # Ok::<(), bespoke::Error>(())
    /// ```
    pub fn import(&self, events: impl IntoIterator<Item = Event>, now: Timestamp) -> Imported {
        let mut imported = Imported::default();
        let mut events = events.into_iter();
        let mut batch = Vec::new();
        let mut start = 0;
        loop {
            batch.clear();
            batch.extend(events.by_ref().take(BATCH));
            if batch.is_empty() {
                return imported;
            }
            self.import_batch(&batch, start, now, &mut imported);
            start += batch.len() as u64;
        }
    }

    fn import_batch(&self, events: &[Event], start: u64, now: Timestamp, imported: &mut Imported) {
        let batch = Batch { shop: self, engine: self.engine(), events, now };
        let mut errors: Vec<(u64, IngestError)> = Vec::new();
        let mut scratch = self.scratch();
        for run in runs(events, now, &mut errors) {
            // Once an event is not too old for the erasure of its person, no later one is.
            let mut rest = &run[..];
            while let Some((first, after)) = rest.split_first() {
                let event = &events[*first];
                let mut blocked = Vec::new();
                let names = self.people.graph.names(event, &mut blocked);
                let Some(name) = names.first() else {
                    errors.extend(blocked.pop().map(|id| (*first as u64, IngestError::Blocked { id })));
                    rest = after;
                    continue;
                };
                // Whose a device is depends on the time, so that its events go one by one.
                let is_device = self.people.graph.rules.rank(name.kind).is_device();
                let (run, later) = if is_device { rest.split_at(1) } else { (rest, &rest[..0]) };
                let (with, mut links) = ((&*batch.engine, &self.models), SmallVec::new());
                let result = self.people.update(event, &names, now, with, &mut links, &mut |place, record| {
                    batch.fold(run, (place, is_device), record, &mut scratch.context, imported);
                });
                match result {
                    Ok(()) => rest = later,
                    Err(error) => {
                        errors.push((*first as u64, error));
                        rest = after;
                    }
                }
            }
        }
        self.give_back(scratch);
        imported.refused += errors.len() as u64;
        errors.sort_by_key(|(index, _)| *index);
        let room = MOST_ERRORS - imported.errors.len();
        imported.errors.extend(errors.into_iter().take(room).map(|(index, error)| (start + index, error)));
    }
}

/// Events that are taken in together.
struct Batch<'a> {
    shop: &'a Personalizer,
    engine: Arc<Engine>,
    events: &'a [Event],
    now: Timestamp,
}

impl Batch<'_> {
    /// Folds a run of events of one person in, and settles the memberships once.
    fn fold(
        &self,
        run: &[usize],
        (place, is_device): (Place, bool),
        record: &mut Record,
        context: &mut Vec<Seen>,
        imported: &mut Imported,
    ) {
        let Self { engine, events, now, .. } = self;
        if is_device || !record.is_whole(place) {
            run.iter().for_each(|index| self.fold_part(&events[*index], (place, is_device), record, context, imported));
            return;
        }
        let (mut pending, none) = (None, OpenDecisions::default());
        let user = place.0;
        let (open, profile) = (record.open.as_deref().unwrap_or(&none), &mut record.profile);
        // Requests wait while models learn, so they have their turn between a few events.
        for run in run.chunks(AT_ONCE) {
            let mut models = write(&self.shop.models);
            for event in run.iter().map(|index| &events[*index]) {
                imported.mismatched += self.shop.groups.update(event, engine).len() as u64;
                engine.join_group(event, profile);
                self.shop.groups.attach(profile);
                self.shop.names.learn(event);
                let changes = engine.take_in_for(user, event, open, profile, &models.catalog, *now, &mut pending);
                imported.mismatched += changes.mismatched.len() as u64;
                if changes.untracked || changes.repeated {
                    imported.untracked += u64::from(changes.untracked);
                    imported.repeated += u64::from(changes.repeated);
                    continue;
                }
                imported.taken += 1;
                if weight_of(&event.kind) > 0.0 && !event.items.is_empty() {
                    engine.learn(event, profile, &mut models, context);
                }
            }
            if let Some(pending) = &mut pending {
                pending.tidy();
            }
        }
        if let Some(pending) = pending {
            engine.finish(profile, pending, *now, &mut Changes::default());
        }
    }
}

impl Batch<'_> {
    /// Folds an event in where a person has several parts, or the event is kept as it came as well.
    fn fold_part(
        &self,
        event: &Event,
        (place, is_device): (Place, bool),
        record: &mut Record,
        context: &mut Vec<Seen>,
        imported: &mut Imported,
    ) {
        let Self { shop, engine, now, .. } = self;
        imported.mismatched += shop.groups.update(event, engine).len() as u64;
        shop.names.learn(event);
        let mut models = write(&shop.models);
        let with = (&**engine, &models.catalog, &shop.groups);
        let (changes, is_new) = shop.people.apply(event, (place, is_device), record, with, *now);
        imported.mismatched += changes.mismatched.len() as u64;
        imported.untracked += u64::from(changes.untracked);
        imported.repeated += u64::from(changes.repeated && !changes.untracked);
        imported.taken += u64::from(!changes.untracked && !changes.repeated);
        if is_new && weight_of(&event.kind) > 0.0 && !event.items.is_empty() {
            engine.learn(event, record.of_label(place.1), &mut models, context);
        }
    }
}

/// The sound events of a batch, by their indexes, in runs that name the same person in the same way: people in the
/// order of their keys, the events of one by time. People whom an event of the batch links are taken for one here,
/// so that a link happens among their events when it did. An event that links stands alone.
fn runs(batch: &[Event], now: Timestamp, errors: &mut Vec<(u64, IngestError)>) -> Vec<Vec<usize>> {
    let mut groups = Groups::default();
    let mut sound: Vec<(UserKey, usize)> = Vec::with_capacity(batch.len());
    for (index, event) in batch.iter().enumerate() {
        if let Err(error) = event.check(now) {
            errors.push((index as u64, error.into()));
        } else if let Some(key) = event.key() {
            others(event).for_each(|other| groups.join(key, other));
            sound.push((key, index));
        }
    }
    let mut order: Vec<(UserKey, Timestamp, usize, UserKey)> =
        sound.into_iter().map(|(key, index)| (groups.root(key), batch[index].time, index, key)).collect();
    order.sort_unstable();
    let alone = |index: usize| others(&batch[index]).next().is_some();
    let runs = order.chunk_by(|a, b| a.3 == b.3 && !alone(a.2) && !alone(b.2));
    runs.map(|run| run.iter().map(|(_, _, index, _)| *index).collect()).collect()
}

/// The ids that an event names beside the one under which it is kept.
fn others(event: &Event) -> impl Iterator<Item = UserKey> + '_ {
    let previous = event.previous.as_deref().filter(|_| event.kind == EventKind::Aliased);
    let anonymous = previous.or(event.anonymous.as_deref()).map(UserKey::anonymous);
    let key = event.key();
    let further = event.ids.iter().map(|(kind, value)| UserKey::of(kind, value));
    anonymous.into_iter().chain(further).filter(move |id| Some(*id) != key)
}

/// Which ids a batch links: a forest in which each id points towards the lowest of its tree.
#[derive(Default)]
struct Groups(Map<UserKey, UserKey>);

impl Groups {
    fn root(&mut self, id: UserKey) -> UserKey {
        let mut root = id;
        while let Some(above) = self.0.get(&root) {
            root = *above;
        }
        // What was passed on the way points to the root from now on, so that no path is walked often.
        let mut at = id;
        while let Some(above) = self.0.get_mut(&at) {
            at = std::mem::replace(above, root);
        }
        root
    }

    fn join(&mut self, a: UserKey, b: UserKey) {
        let (a, b) = (self.root(a), self.root(b));
        if a != b {
            self.0.insert(a.max(b), a.min(b));
        }
    }
}

/// How many events are sorted at once.
const BATCH: usize = 1 << 16;
/// How many events of a person are folded before requests have their turn.
const AT_ONCE: usize = 32;
/// How many errors are told.
const MOST_ERRORS: usize = 100;
