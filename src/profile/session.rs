//! Sessions: runs of events without a long silence between them, and where the visits came from.

use serde::{Deserialize, Serialize};

use super::Upkeep;
use super::history::Remembered;
use crate::event::Event;
use crate::id::MAX_ID_BYTES;
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
    /// What else it said of the visit; `None` for most.
    tags: Option<Box<Tags>>,
}

/// What the link said that brought a visit.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Tags {
    medium: Option<Box<str>>,
    campaign: Option<Box<str>>,
}

impl Touch {
    /// By what means the visit came, such as `email`: the event's property `utm_medium`, or as the Segment specification
    /// has it `context.campaign.medium`, of at most 512 bytes.
    #[must_use]
    pub fn medium(&self) -> Option<&str> {
        self.tags.as_deref()?.medium.as_deref()
    }

    /// Which campaign of the host's brought the visit: the event's property `utm_campaign`, or as the Segment
    /// specification has it `context.campaign.name`, of at most 512 bytes.
    #[must_use]
    pub fn campaign(&self) -> Option<&str> {
        self.tags.as_deref()?.campaign.as_deref()
    }

    fn seen(&self) -> Seen<'_> {
        Seen { time: self.time, source: &self.source, medium: self.medium(), campaign: self.campaign() }
    }
}

/// A touch as an event tells it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Seen<'a> {
    time: Timestamp,
    source: &'a str,
    medium: Option<&'a str>,
    campaign: Option<&'a str>,
}

impl<'a> Seen<'a> {
    /// `None` for an event that names no source.
    pub(super) fn of(event: &'a Event) -> Option<Self> {
        let source = event.source.as_deref()?;
        let tag = |names: [&str; 2]| {
            let texts = names.into_iter().filter_map(|name| event.properties.get(name)?.as_text());
            texts.into_iter().find(|text| (1..=MAX_ID_BYTES).contains(&text.len()))
        };
        let medium = tag(["utm_medium", "context.campaign.medium"]);
        let campaign = tag(["utm_campaign", "context.campaign.name"]);
        Some(Self { time: event.time, source, medium, campaign })
    }

    fn touch(self) -> Touch {
        let tags = Tags { medium: self.medium.map(Into::into), campaign: self.campaign.map(Into::into) };
        let tags = (tags != Tags::default()).then(|| Box::new(tags));
        Touch { time: self.time, source: self.source.into(), tags }
    }
}

/// The first and the last source that events named.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Touches {
    /// The earliest; of several at the same time the lowest by source, medium and campaign.
    pub first: Option<Touch>,
    /// The latest; of several at the same time the highest.
    pub last: Option<Touch>,
}

impl Touches {
    pub(super) fn add(&mut self, seen: Seen<'_>) {
        if self.first.as_ref().is_none_or(|first| seen < first.seen()) {
            self.first = Some(seen.touch());
        }
        if self.last.as_ref().is_none_or(|last| seen > last.seen()) {
            match &mut self.last {
                // A visit from the same source again takes no new text.
                Some(last) if Seen { time: last.time, ..seen } == last.seen() => last.time = seen.time,
                last => *last = Some(seen.touch()),
            }
        }
    }

    pub(super) fn merge(&mut self, other: &Self) {
        for touch in [&other.first, &other.last].into_iter().flatten() {
            self.add(touch.seen());
        }
    }

    pub(super) fn heap_bytes(&self) -> usize {
        let of_tags = |tags: &Tags| {
            let texts = [&tags.medium, &tags.campaign].into_iter().flatten();
            size_of::<Tags>() + texts.map(|text| text.len()).sum::<usize>()
        };
        let of = |touch: &Touch| touch.source.len() + touch.tags.as_deref().map_or(0, of_tags);
        [&self.first, &self.last].into_iter().flatten().map(of).sum()
    }

    /// The most bytes that both take.
    pub(super) const fn worst_bytes() -> usize {
        size_of::<Self>() + 2 * (size_of::<Tags>() + 3 * MAX_ID_BYTES)
    }
}
