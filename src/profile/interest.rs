//! Interest in single items: what to show again, and where the recommenders start from.

use super::{History, Profile};
use crate::event::EventKind;
use crate::hash::Symbol;
use crate::time::{Span, Timestamp};

/// A person's interest in one item, from the kept history.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interest {
    /// The item.
    pub item: Symbol,
    /// When the newest event with it was.
    pub last: Timestamp,
    /// How many events had it.
    pub repeats: u32,
    /// How long the person stayed with it in all, in seconds; zero if events did not say.
    pub dwell: f64,
    /// The weights of the events, each halved for every 7 days that have passed, and raised by dwell: a minute
    /// doubles a view. Below zero if the person turned the item away.
    pub score: f64,
    /// Whether the item was bought and not given back.
    pub bought: bool,
    /// Whether the item was waved away after all else.
    pub dismissed: bool,
}

/// What became of an item that a person showed interest in, or turned away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) item: Symbol,
    /// As [`Interest::bought`].
    pub(crate) bought: bool,
    /// As [`Interest::dismissed`].
    pub(crate) dismissed: bool,
}

/// The weight of an event of this kind as a sign of interest in its items; a view weighs one.
///
/// The order (bought, carted, wished or shared, viewed; removal and dismissal against) is what implicit-feedback
/// practice agrees on (Hu, Koren and Volinsky, 2008, for the idea of graded confidence); the sizes are round numbers.
#[must_use]
pub fn weight_of(kind: &EventKind) -> f64 {
    use EventKind as K;
    match kind {
        K::ItemViewed | K::ItemClicked => 1.0,
        K::Rated => 2.0,
        K::ItemAdded | K::Wished | K::Shared => 3.0,
        K::Purchased => 5.0,
        K::ItemRemoved | K::Unwished => -2.0,
        K::Refunded | K::Dismissed => -4.0,
        _ => 0.0,
    }
}

impl Profile {
    /// The items of the history with the interest in each at a time, newest first, ties by symbol.
    ///
    /// `interests` is cleared and filled, so that a caller can keep its memory.
    pub fn interests(&self, now: Timestamp, interests: &mut Vec<Interest>) {
        interests.clear();
        collect(self.history(), now, interests);
        interests.sort_unstable_by(|a, b| (b.last, a.item).cmp(&(a.last, b.item)));
    }

    /// What the person could go on with: the items of [`Profile::interests`] that they did not buy nor turn away,
    /// strongest interest first, ties by the newer, then by symbol. What lies in the cart weighs three views.
    ///
    /// ```
    /// use bespoke::catalog::Catalog;
    /// use bespoke::hash::Symbol;
    /// use bespoke::{Engine, Event, EventKind, Profile, Span, Timestamp};
    /// let engine = Engine::from_json("{}")?;
    /// let (mut ann, noon): (Profile, Timestamp) = (Profile::default(), "2026-03-01T12:00:00Z".parse()?);
    /// let events = [("socks", EventKind::ItemAdded), ("socks", EventKind::Purchased), ("film", EventKind::ItemViewed),
    ///     ("book", EventKind::ItemAdded), ("hat", EventKind::ItemViewed), ("hat", EventKind::Dismissed)];
    /// for (minute, (item, kind)) in (0..).zip(events) {
    ///     let event = Event::new(kind, "ann", noon + Span::minutes(minute)).item(item);
    ///     engine.apply(&event, &mut ann, &Catalog::new(), event.time);
    /// }
    /// let items: Vec<Symbol> = ann.unfinished(noon + Span::hours(1)).iter().map(|of| of.item).collect();
    /// assert_eq!(items, ["book".into(), "film".into()]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn unfinished(&self, now: Timestamp) -> Vec<Interest> {
        let mut interests = Vec::new();
        self.interests(now, &mut interests);
        interests.retain(|interest| interest.score > 0.0 && !interest.bought && !interest.dismissed);
        // The sort keeps the order of equals: newest first, ties by symbol.
        interests.sort_by(|a, b| b.score.total_cmp(&a.score));
        interests
    }

    /// The items of [`Profile::interests`] without their weights, which cost a power of two for each event.
    pub(crate) fn marks(&self, marks: &mut Vec<Mark>) {
        marks.clear();
        for event in self.history().iter() {
            let (Some(item), Some(kind)) = (event.item, &event.known) else { continue };
            if weight_of(kind) == 0.0 {
                continue;
            }
            let at = marks.iter().position(|mark| mark.item == item).unwrap_or_else(|| {
                marks.push(Mark { item, bought: false, dismissed: false });
                marks.len() - 1
            });
            match kind {
                EventKind::Purchased => marks[at].bought = true,
                EventKind::Refunded => marks[at].bought = false,
                _ => {}
            }
            marks[at].dismissed = *kind == EventKind::Dismissed;
        }
    }
}

fn collect(history: &History, now: Timestamp, interests: &mut Vec<Interest>) {
    for event in history.iter() {
        let Some(item) = event.item else { continue };
        let Some(kind) = &event.known else { continue };
        let weight = weight_of(kind);
        if weight == 0.0 {
            continue;
        }
        let age = now.since(event.time).millis() as f64 / HALF_LIFE.millis() as f64;
        let stayed = if weight > 0.0 { 1.0 + (event.dwell() / 60.0).min(3.0) } else { 1.0 };
        let score = weight * stayed * libm::exp2(-age);
        let at = interests.iter().position(|interest| interest.item == item).unwrap_or_else(|| {
            let fresh = Interest {
                item,
                last: event.time,
                repeats: 0,
                dwell: 0.0,
                score: 0.0,
                bought: false,
                dismissed: false,
            };
            interests.push(fresh);
            interests.len() - 1
        });
        let interest = &mut interests[at];
        interest.last = interest.last.max(event.time);
        interest.repeats += 1;
        interest.dwell += event.dwell();
        interest.score += score;
        match kind {
            EventKind::Purchased => interest.bought = true,
            EventKind::Refunded => interest.bought = false,
            _ => {}
        }
        interest.dismissed = *kind == EventKind::Dismissed;
    }
}

const HALF_LIFE: Span = Span::days(7);
