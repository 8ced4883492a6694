//! Proposes what came next in the visits that are most like this one: nearest sessions, on an index that is kept up
//! with every click.
//!
//! The weights are those of V-STAN: items seen late count more, visits that ended lately count more, and in a visit
//! the items next to the click that is shared count most (Garg, Gupta, Malhotra, Vig and Shroff, "Sequence and time
//! aware neighborhood for session-based recommendations", SIGIR 2019; Ludewig, Mauro, Latifi and Jannach, "Empirical
//! analysis of session-based recommendation algorithms", UMUAI 2021). The search is that of VMIS-kNN: of each item
//! only the visits that have it, and of these only the newest (Kersbergen, Sprangers and Schelter, "Serenade:
//! low-latency session-based recommendation in e-commerce at scale", SIGMOD 2022). With back(j) for how many events
//! ago the person saw item j last, and m for the latest of these items that visit s has, at place p at last:
//!
//! ```text
//! near(s)  = Σ_{j in s}  weight_j · fade^back(j) / √|s| · 2^-(age of s / half_life)
//! score(i) = Σ_{s of the nearest}  near(s) · fade^back(m) · Σ_{places q of i in s}  g(q - p)
//! g(d)     = near^(d - 1) after the shared click │ backward · near^(-d - 1) before it │ repeat at it
//! ```
//!
//! Cost: learning O(log v) for v visits; ranking O(depth · recent + neighbors · length of visits).

use std::cmp::Ordering;

use serde::{Deserialize, Serialize, Serializer};
use smallvec::SmallVec;

use super::scratch::best_scores;
use super::settings::{RecommendError, Repeat, SessionSettings};
use super::tally::Tally;
use super::visits::{StoredVisit, Visits};
use super::{Candidate, Query, Recommender, Scratch, Source, counts};
use crate::hash::Symbol;
use crate::state::State;
use crate::time::Timestamp;

/// Ranks items by what came next in the visits nearest to this one.
///
/// A visit is what one visitor clicked without a longer pause than the settings' `gap`; it may be found from its first
/// click on. A visit whose last click is the last of the history is taken for this one, and says nothing. Late clicks
/// go where they belong, though one that bridges the gap between two visits does not make them one. Clicks at the same
/// time are ordered by symbol.
///
/// Merging is exact, to the bit, if all clicks of a visitor went into one of the states and none bridged a gap, as long
/// as no visit is too long and there are not too many: of these the visits go that ended first. What another state
/// learned with other settings is taken in under one's own.
///
/// ```
/// use bespoke::hash::Symbol;
/// use bespoke::recommend::{Query, Recommender, Scratch, Seen, SeenKind, Sessions};
/// use bespoke::time::{Span, Timestamp};
/// let now = Timestamp::from_millis(1_700_000_000_000);
/// let (tent, stove) = (Symbol::new("tent"), Symbol::new("stove"));
/// let mut sessions = Sessions::default();
/// sessions.learn(Symbol::new("ann"), tent, now, 1.0);
/// sessions.learn(Symbol::new("ann"), stove, now + Span::minutes(1), 1.0);
/// // Somebody else looks at the tent.
/// let saw_tent = [Seen { item: tent, time: now + Span::hours(1), weight: 1.0, kind: SeenKind::Viewed }];
/// let query = Query { history: &saw_tent, now: now + Span::hours(1), limit: 5, accept: &|_| true, pool: None };
/// let mut slate = Vec::new();
/// sessions.rank(&query, &mut Scratch::default(), &mut slate);
/// assert_eq!((slate[0].item, slate[0].because), (stove, Some(tent)));
/// ```
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(try_from = "Stored")]
pub struct Sessions {
    settings: SessionSettings,
    visits: Visits,
}

impl Sessions {
    /// Knows nothing yet.
    ///
    /// # Errors
    /// A [`RecommendError`] that names the setting that is out of range.
    pub fn new(settings: SessionSettings) -> Result<Self, RecommendError> {
        settings.check()?;
        Ok(Self { settings, visits: Visits::default() })
    }

    /// Takes in that a visitor, a person or a session of the host's, clicked an item. O(log v).
    ///
    /// Weights that are not finite or not above zero count as no click; others do not differ.
    pub fn learn(&mut self, visitor: Symbol, item: Symbol, time: Timestamp, weight: f32) {
        if counts(weight) {
            self.visits.click(visitor, item, time, &self.settings);
        }
    }

    /// Forgets the visits of a visitor that began up to a time, and tells how many these were: what is left is what
    /// there would be without them, but for older visits that had left for want of room. O(visits of the visitor · log v).
    ///
    /// ```
    /// use bespoke::hash::Symbol;
    /// use bespoke::recommend::Sessions;
    /// use bespoke::time::{Span, Timestamp};
    /// let now = Timestamp::from_millis(1_700_000_000_000);
    /// let (ann, tent) = (Symbol::new("ann"), Symbol::new("tent"));
    /// let mut sessions = Sessions::default();
    /// sessions.learn(ann, tent, now, 1.0);
    /// sessions.learn(ann, tent, now + Span::days(1), 1.0);
    /// assert_eq!((sessions.forget(ann, now), sessions.len()), (1, 1));
    /// assert_eq!((sessions.forget(ann, Timestamp::MAX), sessions), (1, Sessions::default()));
    /// ```
    pub fn forget(&mut self, visitor: Symbol, until: Timestamp) -> usize {
        self.visits.forget(visitor, until)
    }

    /// Forgets the visits that ended before a time, and tells how many these were.
    pub fn expire(&mut self, before: Timestamp) -> usize {
        self.visits.expire(before)
    }

    /// How many visits are kept.
    #[must_use]
    pub fn len(&self) -> usize {
        self.visits.len()
    }

    /// Whether nothing has been learned.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.visits.len() == 0
    }

    /// How many items the kept visits have.
    #[must_use]
    pub fn items(&self) -> usize {
        self.visits.items()
    }

    /// The settings it was made with.
    #[must_use]
    pub const fn settings(&self) -> &SessionSettings {
        &self.settings
    }

    /// About how many bytes it holds on the heap. O(visits).
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        self.visits.heap_bytes()
    }

    /// Finds the visits that have items in common with this one, and how near they are.
    fn find(&self, known: &[Known], query: &Query<'_>, tally: &mut Tally, near: &mut Vec<(f64, u32)>) {
        tally.begin(self.visits.visit_numbers());
        for Known { number, weight, .. } in known {
            for visit in self.visits.having(*number).take(self.settings.recent as usize) {
                tally.add(visit, *weight, 0);
            }
        }
        let own = query.history.iter().rev().find(|seen| counts(seen.weight)).map(|seen| (seen.time, seen.item));
        let own = own.and_then(|(time, item)| Some((time, self.visits.number(item)?)));
        let half_life = self.settings.half_life.millis() as f64;
        near.clear();
        near.extend(tally.entries().iter().filter_map(|entry| {
            let visit = self.visits.visit(entry.number);
            let (last, items) = (visit.last(), visit.items());
            if own.is_some_and(|(time, item)| last == time && items.last() == Some(&item)) {
                return None;
            }
            // Whether a visit is a little nearer than another needs no more than 24 bits.
            let age = (query.now.since(last).millis() as f64 / half_life) as f32;
            Some((entry.sum / (items.len() as f64).sqrt() * f64::from(libm::exp2f(-age)), entry.number))
        }));
    }

    /// Adds up what the nearest of these visits say for each item, nearest first.
    fn listen(&self, known: &[Known], visits: &[(f64, u32)], keys: &mut Vec<u64>, tally: &mut Tally) {
        let SessionSettings { near, backward, repeat, neighbors, .. } = self.settings;
        let own = match repeat {
            Repeat::Forbid => 0.0,
            Repeat::Allow(factor) => f64::from(factor),
            Repeat::First => 1.0,
        };
        // What is further away than that adds next to nothing.
        let mut powers = [1.0_f64; 32];
        for place in 1..powers.len() {
            powers[place] = powers[place - 1] * f64::from(near);
        }
        tally.begin(self.visits.item_numbers());
        // The later begun is the nearer; no two have one key, but for one visitor's at the same time.
        let begun = |at: u32| self.visits.visit(visits[at as usize].1).key();
        let order = |a: u32, b: u32| -> Ordering {
            visits[b as usize].0.total_cmp(&visits[a as usize].0).then_with(|| begun(b).cmp(&begun(a)))
        };
        let mut left = neighbors;
        // What has faded to nothing says nothing.
        best_scores(keys, visits.iter().map(|(near, _)| *near), neighbors as usize, order, |at| {
            let (weight, number) = visits[at as usize];
            let items = self.visits.visit(number).items();
            left -= 1;
            let shared = known.iter().find_map(|known| {
                let place = items.iter().rposition(|item| *item == known.number)?;
                Some((known, place))
            });
            let Some((known, shared)) = shared else { return left > 0 };
            let weight = weight * known.faded;
            for (place, item) in items.iter().enumerate() {
                let power = |distance: usize| powers.get(distance - 1).copied().unwrap_or(0.0);
                let share = match place.cmp(&shared) {
                    Ordering::Less => f64::from(backward) * power(shared - place),
                    Ordering::Equal => own,
                    Ordering::Greater => power(place - shared),
                };
                tally.add(*item, weight * share, known.place);
            }
            left > 0
        });
    }
}

impl Recommender for Sessions {
    fn rank(&self, query: &Query<'_>, scratch: &mut Scratch, slate: &mut Vec<Candidate>) {
        let SessionSettings { depth, fade, repeat, .. } = self.settings;
        if scratch.begin(query, slate) == 0 {
            return;
        }
        if repeat == Repeat::Forbid {
            scratch.forbid_history(query);
        }
        let mut latest = std::mem::take(&mut scratch.latest);
        let mut known = SmallVec::<[Known; 16]>::new();
        latest.clear();
        let mut faded = 1.0;
        for seen in query.history.iter().rev().filter(|seen| counts(seen.weight)) {
            if latest.len() >= depth as usize {
                break;
            }
            if !latest.iter().any(|(item, _)| *item == seen.item) {
                let weight = f64::from(seen.weight) * faded;
                if let Some(number) = self.visits.number(seen.item) {
                    known.push(Known { number, place: latest.len() as u32, weight, faded });
                }
                latest.push((seen.item, weight));
            }
            faded *= f64::from(fade);
        }
        let (mut tally, mut nearest) = (std::mem::take(&mut scratch.tally), std::mem::take(&mut scratch.nearest));
        self.find(&known, query, &mut tally, &mut nearest);
        self.listen(&known, &nearest, &mut scratch.order, &mut tally);
        tally.credit();
        tally.narrow(query, |item| self.visits.number(item));
        let first = latest.first().filter(|_| repeat == Repeat::First).map(|(item, _)| *item);
        let reason = |place: u32| (Source::Related, latest.get(place as usize).map(|(item, _)| *item));
        tally.finish((query, first), scratch, |number| self.visits.symbol(number), reason, slate);
        (scratch.latest, scratch.tally, scratch.nearest) = (latest, tally, nearest);
    }
}

impl PartialEq for Sessions {
    /// Whether both keep the same visits under the same settings.
    fn eq(&self, other: &Self) -> bool {
        self.settings == other.settings && self.visits.store() == other.visits.store()
    }
}

impl State for Sessions {
    const KIND: &'static str = "sessions";
    const VERSION: u16 = 1;

    fn merge(&mut self, other: &Self) {
        other.visits.store().iter().for_each(|visit| self.visits.adopt(visit, &self.settings));
    }
}

/// An item of the history that some visit has.
#[derive(Clone, Copy)]
struct Known {
    number: u32,
    /// Its place among the latest distinct items.
    place: u32,
    weight: f64,
    /// What is left of a weight of one.
    faded: f64,
}

/// The stored form: visits by start and visitor.
#[derive(Serialize, Deserialize)]
struct Stored {
    settings: SessionSettings,
    visits: Vec<StoredVisit>,
}

impl Serialize for Sessions {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Stored { settings: self.settings, visits: self.visits.store() }.serialize(serializer)
    }
}

impl TryFrom<Stored> for Sessions {
    type Error = RecommendError;

    fn try_from(stored: Stored) -> Result<Self, RecommendError> {
        let mut sessions = Self::new(stored.settings)?;
        StoredVisit::check(&stored.visits, &stored.settings)?;
        stored.visits.iter().for_each(|visit| sessions.visits.restore(visit, &stored.settings));
        Ok(sessions)
    }
}
