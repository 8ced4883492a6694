//! The newest events of a profile, packed into 20 bytes each.
//!
//! The history serves several masters: it recognises repeated deliveries, shows what a person looked at, gives the
//! recommenders their context, lets sessions be recounted when an event comes late, and refills counters when
//! definitions change. It is a set: the newest events in the order (time, id, item), whatever order they came in.

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use crate::event::EventKind;
use crate::hash::{Symbol, fold};
use crate::state::packed::{self, Packed, take};
use crate::time::Timestamp;

/// One item of one event in the history; an event without items has one entry with no item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[repr(C, packed(4))]
pub(super) struct Entry {
    /// Milliseconds in the high 48 bits, then 8 bits of kind and 8 bits of dwell, so that entries sort by time.
    packed: u64,
    id: u32,
    /// Zero for none. No name has the symbol zero but by a chance of one in 2^64.
    item: u64,
}

/// An event in the history, or one item of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Remembered {
    /// When it happened.
    pub time: Timestamp,
    /// The event's kind, if it is one that the crate knows.
    pub known: Option<EventKind>,
    /// The symbol of a kind of the host's own; that of nothing for a known kind.
    pub custom: Symbol,
    /// The item, if the event was about one.
    pub item: Option<Symbol>,
    /// Steps of 1/16 of a doubling of one second: 255 of them reach 17 hours.
    pub(crate) dwell: u8,
    /// The hash of the event's id in 32 bits.
    pub(crate) id: u32,
}

impl Remembered {
    /// An event as the history keeps it, without its items.
    pub(super) fn new(kind: &EventKind, time: Timestamp, dwell: f64, id: u64) -> Self {
        let (known, custom) = match kind {
            EventKind::Custom(name) => (None, Symbol::new(name)),
            known => (Some(known.clone()), Symbol::default()),
        };
        // A cast from `f64` saturates, and a NaN becomes zero.
        let dwell = libm::round(16.0 * libm::log2(1.0 + dwell.max(0.0))) as u8;
        Self { time, known, custom, item: None, dwell, id: fold(id) }
    }

    /// How long the person stayed, in seconds, to within 5 %; zero if it is not known.
    #[must_use]
    pub fn dwell(&self) -> f64 {
        libm::exp2(f64::from(self.dwell) / 16.0) - 1.0
    }

    /// Whether it was a view of a page, a screen, a list, the cart or an item.
    pub(super) fn is_view(&self) -> bool {
        use EventKind as K;
        matches!(self.known, Some(K::PageViewed | K::ScreenViewed | K::ListViewed | K::ItemViewed | K::CartViewed))
    }
}

/// The newest events, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Stored")]
pub struct History {
    #[serde(with = "packed")]
    entries: Vec<Entry>,
    /// The custom kinds that entries name by index, sorted; none is without an entry.
    #[expect(clippy::box_collection, reason = "eight bytes instead of 24 in the many profiles that have none")]
    kinds: Option<Box<Vec<Symbol>>>,
}

impl History {
    /// The most entries that any history keeps; what a profile keeps is set by its owner up to this.
    pub const LIMIT: usize = 128;

    /// Whether an event of this kind with this id is there.
    ///
    /// Of the id 32 bits are compared, beside the kind: one event in about a billion is taken for another.
    pub(super) fn has(&self, id: u64, kind: &EventKind) -> bool {
        let id = fold(id);
        self.entries.iter().any(|entry| entry.id == id && self.is_kind(entry, kind))
    }

    /// Whether the event of another history's entry is there.
    fn holds(&self, entry: &Entry, of: &Self) -> bool {
        let same = |kept: &Entry| match entry.code() {
            CUSTOM.. => self.custom(kept) == of.custom(entry),
            code => kept.code() == code,
        };
        self.entries.iter().any(|kept| kept.id == entry.id && same(kept))
    }

    fn is_kind(&self, entry: &Entry, kind: &EventKind) -> bool {
        match kind {
            EventKind::Custom(name) => self.custom(entry) == Some(Symbol::new(name)),
            known => known.code() == Some(entry.code()),
        }
    }

    fn custom(&self, entry: &Entry) -> Option<Symbol> {
        self.kinds.as_ref()?.get(usize::from(entry.code().wrapping_sub(CUSTOM))).copied()
    }

    /// Adds the entries of one event. Events that no longer fit leave whole, oldest first, and are passed to
    /// `leave`. An event older than all that fit does not stay itself.
    pub(super) fn add(
        &mut self,
        event: &Remembered,
        items: &[Symbol],
        limit: usize,
        leave: &mut dyn FnMut(&Remembered),
    ) {
        let code = self.code(event);
        // Times lie between the years 1970 and 9999, so 48 bits hold the milliseconds.
        let packed = (event.time.millis() as u64) << 16 | u64::from(code) << 8 | u64::from(event.dwell);
        let limit = limit.clamp(1, Self::LIMIT);
        let none = [Symbol::default()];
        let items = if items.is_empty() { &none[..] } else { items };
        for item in items.iter().take(limit.min(super::MAX_LINES)) {
            let entry = Entry { packed, id: event.id, item: item.to_bits() };
            let at = self.entries.partition_point(|other| other.key() <= entry.key());
            super::reserve(&mut self.entries);
            self.entries.insert(at, entry);
        }
        while self.entries.len() > limit {
            self.leave_oldest(leave);
        }
    }

    /// Takes the oldest event out with all its items.
    fn leave_oldest(&mut self, leave: &mut dyn FnMut(&Remembered)) {
        let Some(oldest) = self.entries.first().copied() else { return };
        let lines = self.entries.partition_point(|entry| (entry.time(), entry.id) <= (oldest.time(), oldest.id));
        leave(&self.unpack(&oldest));
        self.entries.drain(..lines);
        self.forget_kinds();
    }

    /// Takes the oldest event out, if there is one.
    pub(super) fn give_up_oldest(&mut self, leave: &mut dyn FnMut(&Remembered)) -> bool {
        let is_there = !self.entries.is_empty();
        self.leave_oldest(leave);
        is_there
    }

    /// Takes the events before a time out, and gives how many.
    pub(super) fn forget_before(&mut self, time: Timestamp, leave: &mut dyn FnMut(&Remembered)) -> usize {
        let mut gone = 0;
        while self.entries.first().is_some_and(|oldest| oldest.time() < time) {
            self.leave_oldest(leave);
            gone += 1;
        }
        gone
    }

    pub(super) fn shrink(&mut self) {
        self.entries.shrink_to_fit();
        if let Some(kinds) = &mut self.kinds {
            kinds.shrink_to_fit();
        }
    }

    /// The entries, oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = Remembered> + ExactSizeIterator + '_ {
        self.entries.iter().map(|entry| self.unpack(entry))
    }

    /// The events, oldest first, each once however many items it has.
    pub(super) fn events(&self) -> impl Iterator<Item = Remembered> + '_ {
        let mut last = None;
        self.iter().filter(move |event| last.replace((event.time, event.id)) != Some((event.time, event.id)))
    }

    /// How many entries there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(super) fn merge(&mut self, other: &Self, limit: usize, leave: &mut dyn FnMut(&Remembered)) {
        for lines in other.entries.chunk_by(|a, b| (a.time(), a.id) == (b.time(), b.id)) {
            let Some(first) = lines.first().filter(|first| !self.holds(first, other)) else { continue };
            // One event can have the same item twice: it comes and goes whole.
            let items: SmallVec<[Symbol; 16]> =
                lines.iter().filter(|line| line.item != 0).map(|line| Symbol::from_bits(line.item)).collect();
            self.add(&other.unpack(first), &items, Self::LIMIT, leave);
        }
        while self.entries.len() > limit.clamp(1, Self::LIMIT) {
            self.leave_oldest(leave);
        }
    }

    pub(super) fn heap_bytes(&self) -> usize {
        let kinds = self.kinds.as_ref().map_or(0, |kinds| size_of::<Vec<Symbol>>() + kinds.capacity() * 8);
        self.entries.capacity() * size_of::<Entry>() + kinds
    }

    fn unpack(&self, entry: &Entry) -> Remembered {
        let known = EventKind::from_code(entry.code());
        Remembered {
            time: entry.time(),
            known,
            custom: self.custom(entry).unwrap_or_default(),
            item: (entry.item != 0).then(|| Symbol::from_bits(entry.item)),
            dwell: entry.packed as u8,
            id: entry.id,
        }
    }

    /// The code of a kind; a new custom kind takes its place in the order and moves the codes above it.
    fn code(&mut self, event: &Remembered) -> u8 {
        if let Some(code) = event.known.as_ref().and_then(EventKind::code) {
            return code;
        }
        let kinds = self.kinds.get_or_insert_default();
        let at = match kinds.binary_search(&event.custom) {
            Ok(at) => at,
            Err(at) => {
                kinds.insert(at, event.custom);
                for entry in &mut self.entries {
                    if entry.code() >= CUSTOM + at as u8 {
                        entry.packed += 1 << 8;
                    }
                }
                at
            }
        };
        // At most LIMIT + 1 kinds are named at once, so the code fits.
        CUSTOM + at as u8
    }

    /// Drops the custom kinds that no entry names any more.
    fn forget_kinds(&mut self) {
        let Some(kinds) = &mut self.kinds else { return };
        let mut at = 0;
        while at < kinds.len() {
            let code = CUSTOM + at as u8;
            if self.entries.iter().any(|entry| entry.code() == code) {
                at += 1;
                continue;
            }
            kinds.remove(at);
            for entry in &mut self.entries {
                if entry.code() > code {
                    entry.packed -= 1 << 8;
                }
            }
        }
        if kinds.is_empty() {
            self.kinds = None;
        }
    }
}

impl Entry {
    const fn time(&self) -> Timestamp {
        Timestamp::from_millis((self.packed >> 16) as i64)
    }
    const fn code(&self) -> u8 {
        (self.packed >> 8) as u8
    }
    fn key(&self) -> (u64, u32, u64, u64) {
        (self.packed >> 16, self.id, self.item, self.packed & 0xffff)
    }
}

#[derive(Deserialize)]
struct Stored {
    #[serde(with = "packed")]
    entries: Vec<Entry>,
    kinds: Option<Vec<Symbol>>,
}

impl Packed for Entry {
    const WIDTH: usize = 20;
    fn pack(&self, bytes: &mut [u8]) {
        bytes[..8].copy_from_slice(&{ self.packed }.to_le_bytes());
        bytes[8..12].copy_from_slice(&{ self.id }.to_le_bytes());
        bytes[12..].copy_from_slice(&{ self.item }.to_le_bytes());
    }
    fn unpack(bytes: &[u8]) -> Self {
        Self {
            packed: u64::from_le_bytes(take(bytes, 0)),
            id: u32::from_le_bytes(take(bytes, 8)),
            item: u64::from_le_bytes(take(bytes, 12)),
        }
    }
}

impl TryFrom<Stored> for History {
    type Error = &'static str;
    fn try_from(Stored { entries, kinds }: Stored) -> Result<Self, &'static str> {
        let kinds = kinds.unwrap_or_default();
        if entries.len() > Self::LIMIT || kinds.len() > Self::LIMIT {
            return Err("a history that is too long");
        }
        let known =
            |code: u8| EventKind::from_code(code).is_some() || usize::from(code.wrapping_sub(CUSTOM)) < kinds.len();
        if !entries.iter().all(|entry| known(entry.code())) || !kinds.windows(2).all(|pair| pair[0] < pair[1]) {
            return Err("a history with unknown kinds");
        }
        if !entries.windows(2).all(|pair| pair[0].key() <= pair[1].key()) {
            return Err("a history out of order");
        }
        let mut history = Self { entries, kinds: (!kinds.is_empty()).then(|| Box::new(kinds)) };
        history.forget_kinds();
        Ok(history)
    }
}

/// The first code of a custom kind; the crate's own kinds have lower ones.
const CUSTOM: u8 = 64;
#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn add(history: &mut History, time: i64, kind: &str, items: &[u64], limit: usize) {
        let kind = EventKind::from(kind);
        let id = crate::hash::combine(&[time as u64, kind.symbol().to_bits()]);
        let event = Remembered::new(&kind, Timestamp::from_millis(time), 0.0, id);
        let items: Vec<Symbol> = items.iter().map(|item| Symbol::from_bits(*item)).collect();
        if !history.has(id, &kind) {
            history.add(&event, &items, limit, &mut |_| {});
        }
    }

    #[test]
    fn an_entry_takes_20_bytes_and_dwell_keeps_5_percent() {
        assert_eq!(size_of::<Entry>(), 20);
        for seconds in [1.0, 7.0, 60.0, 3000.0, 50_000.0] {
            let back = Remembered::new(&EventKind::ItemViewed, Timestamp::EPOCH, seconds, 0).dwell();
            assert!((back / seconds - 1.0).abs() < 0.05, "{seconds} {back}");
        }
        let code = |seconds| Remembered::new(&EventKind::ItemViewed, Timestamp::EPOCH, seconds, 0).dwell;
        assert_eq!((code(f64::NAN), code(f64::MAX)), (0, 255));
    }

    #[test]
    fn events_leave_whole_and_oldest_first() {
        let mut history = History::default();
        add(&mut history, 1, "purchased", &[1, 2, 3], 4);
        add(&mut history, 2, "item_viewed", &[4], 4);
        let mut left = Vec::new();
        let event = Remembered::new(&EventKind::ItemViewed, Timestamp::from_millis(3), 0.0, 9);
        history.add(&event, &[Symbol::from_bits(5)], 4, &mut |event| left.push(event.time.millis()));
        assert_eq!((left, history.len()), (vec![1], 2));
    }

    proptest! {
        /// Custom kinds keep their meaning as others come and go, and the order of arrival leaves no trace.
        #[test]
        fn a_history_is_a_set(
            events in prop::collection::btree_map(0..500_i64, 0..12_u8, 0..60),
            order in any::<u64>(),
        ) {
            let mut shuffled: Vec<_> = events.iter().collect();
            shuffled.sort_by_key(|(time, _)| crate::hash::combine(&[order, **time as u64]));
            let (mut a, mut b) = (History::default(), History::default());
            for (time, kind) in &events {
                add(&mut a, *time, &format!("kind{kind}"), &[7], 128);
            }
            for (time, kind) in shuffled {
                add(&mut b, *time, &format!("kind{kind}"), &[7], 128);
            }
            prop_assert_eq!(&a, &b);
            let kinds: Vec<Symbol> = a.iter().map(|event| event.custom).collect();
            let wanted: Vec<Symbol> = events.values().map(|kind| Symbol::new(&format!("kind{kind}"))).collect();
            prop_assert_eq!(kinds, wanted);
            let back: History = postcard::from_bytes(&postcard::to_allocvec(&a).unwrap()).unwrap();
            prop_assert_eq!(back, a);
        }
    }
}
