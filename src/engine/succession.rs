//! New definitions in place of old ones: what profiles keep of the old, and from when on new counters know everything.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use super::{Changes, CompiledSegment, Engine, EventView, Touched, flip};
use crate::catalog::Catalog;
use crate::event::{Event, EventItem, EventKind};
use crate::hash::Map;
use crate::profile::{CounterId, Flips, Gap, Kept, Membership, Profile, Remembered};
use crate::rule::{Answer, Aspect, CounterSpec, Unknown};
use crate::time::{Span, Timestamp};

/// An engine that was succeeded.
#[derive(Debug)]
pub(super) struct Before {
    fingerprint: u64,
    /// When it took the place of another.
    began: Timestamp,
    /// The names, whether an empty profile is in them, and whether those are of whom their rules do not tell.
    segments: Vec<(Arc<str>, bool, Unknown)>,
    places: Map<Arc<str>, usize>,
}

/// Since when an engine and its counters have been at work, as a snapshot keeps it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Births {
    fingerprint: u64,
    began: Timestamp,
    counters: Vec<(CounterId, Timestamp)>,
    before: Vec<(u64, Timestamp)>,
}

impl Engine {
    /// Remembers the engine that this one takes the place of at a time, and those before it, so that profiles that
    /// were settled under them report only what really changes, and counters that are new answer what they cannot
    /// know as unknown: on a profile that is older, a counter knows what the history of events tells it, and
    /// everything from then on.
    ///
    /// ```
    /// use bespoke::catalog::Catalog;
    /// use bespoke::{Engine, Event, EventKind, Profile, Span, Timestamp};
    /// let old = Engine::from_json(r#"{"segments": []}"#)?;
    /// let now: Timestamp = "2026-03-01T12:00:00Z".parse()?;
    /// let mut profile = Profile::default();
    /// let bought = Event::new(EventKind::Purchased, "ann", now).value(20.0, "EUR");
    /// old.apply(&bought, &mut profile, &Catalog::new(), now);
    /// let new = Engine::from_json(r#"{"segments": [
    ///     {"name": "thrifty", "rule": "event('purchased').within(7 days).sum(value) < 50"}
    /// ]}"#)?.succeeding(&old, now);
    /// // How much that was is not remembered; a week later it no longer matters.
    /// new.refresh(&mut profile, &Catalog::new(), now);
    /// assert_eq!(new.memberships(&profile, now).count(), 0);
    /// assert_eq!(new.memberships(&profile, now + Span::days(7)).count(), 1);
    /// # Ok::<(), bespoke::Error>(())
    /// ```
    #[must_use]
    pub fn succeeding(mut self, old: &Self, now: Timestamp) -> Self {
        let now = now.max(old.began + Span::from_millis(1));
        for (spec, birth) in self.plan.iter().zip(&mut self.births) {
            *birth = old.birth(spec.id()).unwrap_or(now);
        }
        self.began = now;
        let of = |segment: &CompiledSegment| (Arc::clone(&segment.name), segment.blank, segment.unknown);
        let segments: Vec<(Arc<str>, bool, Unknown)> = old.segments.iter().map(of).collect();
        let places = segments.iter().enumerate().map(|(i, (name, ..))| (Arc::clone(name), i)).collect();
        let last = Before { fingerprint: old.fingerprint, began: old.began, segments, places };
        let all = std::iter::once(Arc::new(last)).chain(old.before.iter().cloned());
        self.before = all.take(MAX_BEFORE).collect();
        self
    }

    /// Since when a counter of these definitions has been kept; [`Timestamp::MIN`] if from the beginning. `None` if
    /// no rule asks for it.
    #[must_use]
    pub fn birth(&self, id: CounterId) -> Option<Timestamp> {
        self.plan.binary_search_by_key(&id, CounterSpec::id).ok().map(|at| self.births[at])
    }

    /// What a snapshot keeps of the births.
    pub(crate) fn births(&self) -> Births {
        Births {
            fingerprint: self.fingerprint,
            began: self.began,
            counters: self.plan.iter().map(CounterSpec::id).zip(self.births.iter().copied()).collect(),
            before: self.before.iter().map(|before| (before.fingerprint, before.began)).collect(),
        }
    }

    /// Takes up what a snapshot kept. Counters that it does not know begin behind its newest event.
    pub(crate) fn resuming(mut self, births: &Births, newest: Timestamp) -> Self {
        let now = newest.max(births.began) + Span::from_millis(1);
        let known: Map<CounterId, Timestamp> = births.counters.iter().copied().collect();
        for (spec, birth) in self.plan.iter().zip(&mut self.births) {
            *birth = known.get(&spec.id()).copied().unwrap_or(now);
        }
        let is_same = births.fingerprint == self.fingerprint;
        self.began = if is_same { births.began } else { now };
        let last = (!is_same).then_some((births.fingerprint, births.began));
        let of = |(fingerprint, began)| {
            // What their segments were has been told before.
            Arc::new(Before { fingerprint, began, segments: Vec::new(), places: Map::default() })
        };
        self.before = last.into_iter().chain(births.before.iter().copied()).map(of).take(MAX_BEFORE).collect();
        self
    }

    /// From when on a counter that a profile does not have is known to have nothing to count.
    pub(super) fn absent_since(&self, profile: &Profile, id: CounterId) -> Timestamp {
        if profile.counters.has_dropped() {
            // What it would have counted is never known.
            return Timestamp::MAX;
        }
        if profile.gaps.is_empty() && !self.is_foreign(profile) {
            return Timestamp::MIN;
        }
        let at = self.plan.binary_search_by_key(&id, CounterSpec::id);
        at.map_or(Timestamp::MIN, |at| self.planned_absent_since(profile, at))
    }

    /// The same by the counter's index in the plan.
    pub(super) fn planned_absent_since(&self, profile: &Profile, at: usize) -> Timestamp {
        let foreign = self.is_foreign(profile);
        let (spec, birth) = (&self.plan[at], self.births[at]);
        let mut since = profile.gaps.complete_since(birth, spec.is_bare());
        if foreign {
            // Nothing has been filled from the history yet.
            since = since.max(self.gap(profile).complete_since(birth, false));
        }
        spec.missing_before(since)
    }

    /// Whether a profile was last settled under other definitions.
    pub(super) fn is_foreign(&self, profile: &Profile) -> bool {
        ![0, self.fingerprint, !self.fingerprint].contains(&profile.membership.engine) && profile.events() > 0
    }

    /// Which counters are new to a profile, and what they can know of it.
    fn gap(&self, profile: &Profile) -> Gap {
        let before = self.before.iter().find(|before| before.fingerprint == profile.membership.engine);
        Gap {
            from: before.map_or(Timestamp::MIN, |before| before.began + Span::from_millis(1)),
            upto: self.began,
            history: profile.history_since(),
            seen: profile.last_seen() + Span::from_millis(1),
        }
    }

    /// Merges another part of the same person into this one: what one of the two could not count is missing from a
    /// counter that the other has.
    pub(crate) fn unite(&self, profile: &mut Profile, other: &Profile) {
        let mut missing: SmallVec<[(CounterId, Timestamp); 4]> = SmallVec::new();
        for of in [&*profile, other] {
            if of.gaps.is_empty() && !self.is_foreign(of) {
                continue;
            }
            let absent = self.plan.iter().map(CounterSpec::id).filter(|id| !of.counters.has(*id));
            let since = absent.map(|id| (id, self.absent_since(of, id)));
            missing.extend(since.filter(|(_, since)| *since > Timestamp::MIN));
        }
        let gaps =
            [self.is_foreign(profile).then(|| self.gap(profile)), self.is_foreign(other).then(|| self.gap(other))];
        gaps.into_iter().flatten().for_each(|gap| profile.gaps.add(gap));
        profile.merge_with(other, &self.upkeep);
        for (id, since) in missing {
            profile.counters.miss_before(id, since);
        }
    }

    /// Makes a profile's memberships this engine's: all segments are to be settled, and counters that the profile
    /// does not have are filled from its history, as far as that reaches.
    pub(super) fn take_over(&self, profile: &mut Profile, catalog: &Catalog, now: Timestamp, touched: &mut Touched) {
        let flips = self.translate(&profile.membership);
        if self.is_foreign(profile) {
            let gap = self.gap(profile);
            if self.births.iter().any(|birth| (gap.from..=gap.upto).contains(birth)) {
                profile.gaps.add(gap);
            }
        }
        profile.membership = Membership::new(self.fingerprint, &flips);
        if profile.events() == 0 {
            // What an empty profile is in by the clock is nothing that it enters.
            let clock = self.reach.of_aspect(Aspect::Clock).into();
            let mut flips = flips;
            let (due, _) = self.settle(profile, &mut flips, clock, now, &mut Changes::default());
            profile.membership.due = due;
            profile.membership.set_flips(&flips);
            return;
        }
        profile.recount_sessions(&self.upkeep);
        // Counters that nothing asks for any more would take the room of new ones.
        profile.counters.retain(|id| self.plan.binary_search_by_key(&id, CounterSpec::id).is_ok());
        if let Some(extra) = &mut profile.extra {
            extra.gathered.retain(|id| self.gathering.asks(id));
        }
        let missing = |spec: &CounterSpec| !profile.counters.has(spec.id());
        let wanted: Vec<bool> = self.plan.iter().map(missing).collect();
        if wanted.contains(&true) {
            let history: Vec<Remembered> = profile.history().iter().collect();
            for event in history.chunk_by(|a, b| (a.time, a.id) == (b.time, b.id)) {
                self.recall(event, profile, catalog, &wanted);
            }
        }
        self.touch_concerned(profile, &profile.membership.flips(), touched);
    }

    /// Memberships under an engine that this one succeeded, in its own indexes: a segment of the same name is as it
    /// was, so that only real changes are reported. Under any other engine nothing is known.
    fn translate(&self, membership: &Membership) -> Flips {
        if membership.engine == !self.fingerprint {
            return membership.flips();
        }
        let Some(before) = self.before.iter().find(|before| before.fingerprint == membership.engine) else {
            return Flips::new();
        };
        // Segments are counted in u32 when they are compiled.
        let flips = membership.flips();
        let flipped = |(index, segment): (usize, &CompiledSegment)| {
            let place = *before.places.get(&segment.name)?;
            let (_, blank, unknown) = before.segments[place];
            let was = match flip::answer(&flips, place as u32, blank) {
                // Whoever was in it, and is so no more since the unknown are treated otherwise, leaves it.
                Answer::Unknown if unknown != segment.unknown => unknown.admits(Answer::Unknown).into(),
                was => was,
            };
            flip::of(index as u32, was, segment.blank)
        };
        self.segments.iter().enumerate().filter_map(flipped).collect()
    }

    /// Counts an event of the history in the counters that are wanted. The history holds no properties, so counters
    /// that test any count nothing of it, and amounts stay empty; what the catalog says of the items is known.
    fn recall(&self, event: &[Remembered], profile: &mut Profile, catalog: &Catalog, wanted: &[bool]) {
        let Some(first) = event.first() else { return };
        let symbol = first.known.as_ref().map_or(first.custom, EventKind::symbol);
        let ids = event.iter().filter_map(|of| catalog.item(catalog.slot(of.item?)?));
        let items = ids.map(|item| EventItem::new(item.id.as_str())).collect();
        let kind = first.known.clone().unwrap_or_default();
        let record = Event { kind, time: first.time, items, ..Event::default() };
        let view = EventView::new(&record, catalog);
        let mut reached: SmallVec<[(u32, usize); 16]> = SmallVec::new();
        self.reach.counters(symbol, &view, &self.names, &self.plan, &mut |index, step| {
            if wanted[index as usize] && self.plan[index as usize].is_recallable() {
                reached.push((index, step));
            }
        });
        for (index, step) in reached {
            self.observe(profile, index, step, (first.time, u64::from(first.id)), &view);
        }
    }

    /// Lets a counter of a profile take in an event that matches one of its steps; whether it takes more room now.
    pub(super) fn observe(
        &self,
        profile: &mut Profile,
        index: u32,
        step: usize,
        (time, id): (Timestamp, u64),
        view: &EventView<'_>,
    ) -> bool {
        let spec = &self.plan[index as usize];
        let facts = (view, &self.names);
        // An event without the property that is asked for is left out.
        let Some(amount) = spec.amount(&facts).filter(|_| spec.takes(time)) else { return false };
        let (counters, gaps) = (&mut profile.counters, &profile.gaps);
        let since = || match gaps.is_empty() {
            true => Timestamp::MIN,
            false => gaps.complete_since(self.births[index as usize], spec.is_bare()),
        };
        if let Kept::Times(keep) = spec.kept() {
            return counters.count(spec.id(), || spec.missing_before(since()), (time, id), keep);
        }
        let fresh = || spec.counter_since(since());
        counters.change(spec.id(), fresh, |counter| spec.observe(counter, step, (time, id, amount), &facts))
    }
}

/// How many succeeded engines are remembered.
const MAX_BEFORE: usize = 16;
