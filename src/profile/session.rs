//! Sessions: runs of events without a long silence between them, and where the visits came from.

use serde::{Deserialize, Serialize};

use super::Upkeep;
use super::history::Remembered;
use crate::time::{Span, Timestamp};

/// The sessions of a profile, folded up to some event.
///
/// A session ends when no event has come for the *gap* (30 minutes unless set otherwise). Events fold in the order
/// of their times; an event that comes late is put where it belongs by folding the kept history again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sessions {
    /// How many sessions there have been, the newest included.
    pub count: u32,
    /// How many events the newest has.
    pub events: u32,
    /// How many of these are views of pages, screens, lists and items.
    pub views: u32,
    /// When the newest began.
    pub start: Timestamp,
    /// When its last event was.
    pub last: Timestamp,
    /// The times of the events before and after the latest silence that was long for the lifecycle; both the same if
    /// there was none.
    silence: (Timestamp, Timestamp),
}

impl Sessions {
    /// Takes in the next event by time.
    pub(super) fn push(&mut self, event: &Remembered, keep: &Upkeep) {
        let (gap, long) = (keep.session_gap, keep.lifecycle.at_risk);
        if self.count > 0 && event.time.since(self.last) > long {
            self.silence = (self.last, event.time);
        }
        if self.count == 0 || event.time.since(self.last) > gap {
            self.count = self.count.saturating_add(1);
            self.start = event.time;
            (self.events, self.views) = (0, 0);
        }
        self.last = self.last.max(event.time);
        self.events = self.events.saturating_add(1);
        self.views = self.views.saturating_add(u32::from(event.is_view()));
    }

    /// Until when the newest session lasts if nothing more happens.
    #[must_use]
    pub fn until(&self, gap: Span) -> Timestamp {
        if self.count == 0 { Timestamp::MIN } else { self.last + gap }
    }

    /// Whether the newest session still runs at a time.
    #[must_use]
    pub fn is_open(&self, now: Timestamp, gap: Span) -> bool {
        self.count > 0 && now <= self.until(gap)
    }

    /// The times of the events before and after the latest silence longer than
    /// [`Lifecycle::at_risk`](super::Lifecycle), if there was one.
    #[must_use]
    pub fn silence(&self) -> Option<(Timestamp, Timestamp)> {
        (self.silence.0 < self.silence.1).then_some(self.silence)
    }

    /// The length of the newest session from its first to its last event.
    #[must_use]
    pub fn length(&self) -> Span {
        self.last.since(self.start)
    }
}

/// Where a visit came from, and when.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Touch {
    /// When the event with the source happened.
    pub time: Timestamp,
    /// The source as the event named it.
    pub source: Box<str>,
}

/// The first and the last source that events named.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Touches {
    /// The earliest; of several at the same time the lowest by name.
    pub first: Option<Touch>,
    /// The latest; of several at the same time the highest by name.
    pub last: Option<Touch>,
}

impl Touches {
    pub(super) fn add(&mut self, time: Timestamp, source: &str) {
        let earlier = self.first.as_ref().is_none_or(|first| (time, source) < (first.time, &first.source));
        if earlier {
            self.first = Some(Touch { time, source: source.into() });
        }
        let later = self.last.as_ref().is_none_or(|last| (time, source) > (last.time, &last.source));
        if later {
            match &mut self.last {
                // A visit from the same source again takes no new text.
                Some(last) if &*last.source == source => last.time = time,
                last => *last = Some(Touch { time, source: source.into() }),
            }
        }
    }

    pub(super) fn merge(&mut self, other: &Self) {
        for touch in [&other.first, &other.last].into_iter().flatten() {
            self.add(touch.time, &touch.source);
        }
    }

    pub(super) fn heap_bytes(&self) -> usize {
        [&self.first, &self.last].into_iter().flatten().map(|touch| touch.source.len()).sum()
    }
}
