//! The small counters of one profile, and the events that they share.
//!
//! Most counters hold few events for life, and the same event is in many of them. So the events of all small counters
//! stand in one table, each once, and a counter is its id and where its events stand: sixteen bytes for a counter and
//! twelve for an event, however many counters have taken it. A counter that outgrows this moves out.

use super::CounterId;
use super::count::{Count, Evicted, KEEP_STEPS, Slot, Times, step_for};
use crate::time::Timestamp;

/// Counters of events that hold [`REFS`] events at most, or four with the first and the last of those that left.
#[derive(Clone, Debug, Default)]
pub(crate) struct Few {
    /// First the counters by id, four words each, then the events by time and hash, three words each, then room.
    words: Box<[u32]>,
    counters: u16,
    /// An event that no counter refers to any more stays until its room is wanted.
    slots: u8,
}

/// A small counter, as it is read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Held {
    slots: [Slot; REFS],
    len: u8,
    evicted: Option<Evicted>,
    total: u32,
    keep: u8,
}

impl Held {
    pub(crate) fn times(&self) -> Times<'_> {
        let slots = &self.slots[..usize::from(self.len).min(REFS)];
        Times { slots, evicted: self.evicted, total: self.total, keep: self.keep }
    }
}

/// A counter in four words: its id, its step of [`KEEP_STEPS`], how many events it refers to and whether it has lost
/// some, how many of these, and the places of its events in the table, oldest first. The last two places are those of
/// the first and the last that it has lost.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Entry {
    id: u64,
    step: u8,
    len: u8,
    has_lost: bool,
    lost: u8,
    refs: [u8; REFS],
}

impl Entry {
    fn unpack(words: [u32; ENTRY]) -> Self {
        let [kept, lost, refs @ ..] = wide(words[2], words[3]).to_le_bytes();
        let (step, len, has_lost) = (kept & 7, kept >> 3 & 7, kept >> 7 == 1);
        Self { id: wide(words[0], words[1]), step, len, has_lost, lost, refs }
    }

    fn pack(self) -> [u32; ENTRY] {
        let [a, b, c, d, e, f] = self.refs;
        let kept = self.step | self.len << 3 | u8::from(self.has_lost) << 7;
        let rest = u64::from_le_bytes([kept, self.lost, a, b, c, d, e, f]);
        [self.id as u32, (self.id >> 32) as u32, rest as u32, (rest >> 32) as u32]
    }

    fn held(&self) -> &[u8] {
        &self.refs[..usize::from(self.len).min(REFS)]
    }

    /// Gives each place another number.
    fn renumber(&mut self, mut number: impl FnMut(u8) -> u8) {
        let len = usize::from(self.len).min(REFS);
        self.refs[..len].iter_mut().for_each(|of| *of = number(*of));
        if self.has_lost {
            self.refs[FIRST..].iter_mut().for_each(|of| *of = number(*of));
        }
    }

    fn keep(&self) -> u8 {
        KEEP_STEPS.get(usize::from(self.step)).copied().unwrap_or(KEEP_STEPS[0])
    }
}

impl Few {
    pub(crate) const COUNTER_BYTES: usize = 4 * ENTRY;
    pub(crate) const SLOT_BYTES: usize = 4 * SLOT;

    pub(crate) const fn len(&self) -> usize {
        self.counters as usize
    }

    pub(crate) fn heap_bytes(&self) -> usize {
        size_of_val(&*self.words)
    }

    /// The bytes of one counter and of the events that it refers to.
    pub(crate) fn bytes_of(&self, at: usize) -> usize {
        let entry = self.entry(at);
        let refs = entry.held().len() + if entry.has_lost { 2 } else { 0 };
        Self::COUNTER_BYTES + refs * Self::SLOT_BYTES
    }

    /// The place of a counter, or the one where it would be.
    pub(crate) fn find(&self, id: CounterId) -> Result<usize, usize> {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = usize::midpoint(low, high);
            match self.id(middle).cmp(&id) {
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
                std::cmp::Ordering::Equal => return Ok(middle),
            }
        }
        Err(low)
    }

    pub(crate) fn id(&self, at: usize) -> CounterId {
        CounterId(wide(self.words[ENTRY * at], self.words[ENTRY * at + 1]))
    }

    pub(crate) fn read(&self, at: usize) -> Held {
        let entry = self.entry(at);
        let mut slots = [Slot::default(); REFS];
        for (slot, of) in slots.iter_mut().zip(entry.held()) {
            *slot = self.slot(*of);
        }
        let time = |of: usize| self.slot(entry.refs[of]).time;
        let evicted = entry.has_lost.then(|| Evicted { first: time(FIRST), floor: time(FLOOR) });
        let total = u32::from(entry.lost) + u32::from(entry.len);
        Held { slots, len: entry.len, evicted, total, keep: entry.keep() }
    }

    /// Lets a counter take in an event, as [`Counter::observe`](super::Counter::observe) does; `false` if it has
    /// outgrown what small ones hold, and has not.
    pub(crate) fn observe(&mut self, at: usize, slot: Slot, keep: u8) -> bool {
        let Some(new) = self.place(slot) else { return false };
        let before = self.entry(at);
        let mut entry = before;
        if entry.keep() < keep {
            entry.step = step_of(step_for(keep)).unwrap_or(entry.step);
        }
        let len = entry.held().len();
        if !entry.held().contains(&new) {
            // Places are in the order of their events.
            let place = entry.held().iter().take_while(|of| **of < new).count();
            if len < usize::from(entry.keep()) {
                if len + if entry.has_lost { 2 } else { 0 } >= REFS {
                    return false;
                }
                entry.refs.copy_within(place..len, place + 1);
                entry.refs[place] = new;
                entry.len += 1;
            } else {
                if entry.lost == u8::MAX || len > FIRST {
                    return false;
                }
                entry.lost += 1;
                let mut leaves = new;
                if let Some(before) = place.checked_sub(1) {
                    leaves = entry.refs[0];
                    entry.refs.copy_within(1..place, 0);
                    entry.refs[before] = new;
                }
                let time = |of: u8| self.slot(of).time;
                if !entry.has_lost || time(leaves) < time(entry.refs[FIRST]) {
                    entry.refs[FIRST] = leaves;
                }
                if !entry.has_lost || time(leaves) > time(entry.refs[FLOOR]) {
                    entry.refs[FLOOR] = leaves;
                }
                entry.has_lost = true;
            }
        }
        if entry != before {
            self.set(at, entry);
        }
        true
    }

    /// Takes in a counter that is not there; `false` if it is larger than small ones are, or the table is full.
    pub(crate) fn put(&mut self, id: CounterId, count: Times<'_>) -> bool {
        let len = count.slots.len();
        let lost = (count.total as usize).checked_sub(len).and_then(|lost| u8::try_from(lost).ok());
        let (Some(step), Some(lost), Err(at)) = (step_of(count.keep), lost, self.find(id)) else { return false };
        if len + if count.evicted.is_some() { 2 } else { 0 } > REFS {
            return false;
        }
        let ends = count.evicted.map_or([None, None], |evicted| [Some(evicted.first), Some(evicted.floor)]);
        let missing = |few: &Self| {
            let slots = count.slots.iter().filter(|slot| few.search(**slot).is_err()).count();
            slots + ends.iter().flatten().filter(|time| few.search_time(**time).is_err()).count()
        };
        // Where that makes room, what was there may have gone.
        if !self.reserve(1, missing(self)) || !self.reserve(1, missing(self)) {
            return false;
        }
        for slot in count.slots {
            if let Err(place) = self.search(*slot) {
                self.insert(place, *slot);
            }
        }
        for time in ends.into_iter().flatten() {
            if let Err(place) = self.search_time(time) {
                self.insert(place, Slot { time, event: 0 });
            }
        }
        let mut refs = [0; REFS];
        for (of, slot) in refs.iter_mut().zip(count.slots) {
            *of = self.search(*slot).unwrap_or_default();
        }
        for (of, time) in refs[FIRST..].iter_mut().zip(ends) {
            *of = time.map_or(*of, |time| self.search_time(time).unwrap_or_default());
        }
        // At most six.
        let entry = Entry { id: id.0, step, len: len as u8, has_lost: count.evicted.is_some(), lost, refs };
        let (start, used) = (ENTRY * at, self.used());
        self.words.copy_within(start..used, start + ENTRY);
        self.counters += 1;
        self.set(at, entry);
        true
    }

    /// Takes a counter out.
    pub(crate) fn remove(&mut self, at: usize) -> Count {
        let count = Count::from(self.read(at).times());
        let (end, used) = (ENTRY * (at + 1), self.used());
        self.words.copy_within(end..used, end - ENTRY);
        self.counters -= 1;
        count
    }

    /// Lets go of all the room that is not needed.
    pub(crate) fn shrink(&mut self) {
        self.collect();
        self.resize(self.used());
    }

    /// The place of an event in the table, where it is put if it is not there; `None` if the table is full.
    fn place(&mut self, slot: Slot) -> Option<u8> {
        let mut place = self.search(slot);
        if place.is_err() {
            if !self.reserve(0, 1) {
                return None;
            }
            place = self.search(slot);
        }
        match place {
            Ok(at) => Some(at),
            Err(at) => {
                self.insert(at, slot);
                Some(at)
            }
        }
    }

    fn search(&self, slot: Slot) -> Result<u8, u8> {
        // Most events are the newest so far, or have just been put there.
        match self.slots.checked_sub(1).map(|last| (last, self.slot(last).cmp(&slot))) {
            None => Err(0),
            Some((last, std::cmp::Ordering::Equal)) => Ok(last),
            Some((last, std::cmp::Ordering::Less)) => Err(last + 1),
            Some(_) => {
                let at = self.partition(|other| other < slot);
                if self.slot(at) == slot { Ok(at) } else { Err(at) }
            }
        }
    }

    /// The place of the first event of a time.
    fn search_time(&self, time: Timestamp) -> Result<u8, u8> {
        let at = self.partition(|other| { other.time } < time);
        if at < self.slots && { self.slot(at).time } == time { Ok(at) } else { Err(at) }
    }

    fn partition(&self, is_before: impl Fn(Slot) -> bool) -> u8 {
        let (mut low, mut high) = (0, self.slots);
        while low < high {
            let middle = u8::midpoint(low, high);
            if is_before(self.slot(middle)) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }

    /// Puts an event into the table, which has room for it.
    fn insert(&mut self, at: u8, slot: Slot) {
        let (start, used) = (self.start(at), self.used());
        self.words.copy_within(start..used, start + SLOT);
        let time = { slot.time }.millis() as u64;
        self.words[start..start + SLOT].copy_from_slice(&[time as u32, (time >> 32) as u32, slot.event]);
        if at < self.slots {
            for counter in 0..self.len() {
                let mut entry = self.entry(counter);
                entry.renumber(|of| of + u8::from(of >= at));
                self.set(counter, entry);
            }
        }
        self.slots += 1;
    }

    /// Makes room; `false` if the table cannot hold so many events.
    fn reserve(&mut self, counters: usize, slots: usize) -> bool {
        let more = ENTRY * counters + SLOT * slots;
        let fits = |few: &Self| usize::from(few.slots) + slots <= MOST_SLOTS;
        if self.used() + more <= self.words.len() && fits(self) {
            return true;
        }
        self.collect();
        if !fits(self) {
            return false;
        }
        // An eighth is left free, so that neither is the whole moved for each event nor searched for what can go.
        let (needed, free) = (self.used() + more, (self.used() / 8).max(SLOT));
        if self.words.len() < needed + free / 2 {
            self.resize(needed + free);
        }
        true
    }

    /// Lets go of the events that no counter refers to.
    fn collect(&mut self) {
        let mut is_used = [false; MOST_SLOTS + 1];
        for at in 0..self.len() {
            self.entry(at).renumber(|of| {
                is_used[usize::from(of)] = true;
                of
            });
        }
        let mut numbers = [0_u8; MOST_SLOTS + 1];
        let mut left = 0;
        for at in 0..self.slots {
            if is_used[usize::from(at)] {
                numbers[usize::from(at)] = left;
                let from = self.start(at);
                self.words.copy_within(from..from + SLOT, self.start(left));
                left += 1;
            }
        }
        if left == self.slots {
            return;
        }
        self.slots = left;
        for at in 0..self.len() {
            let mut entry = self.entry(at);
            entry.renumber(|of| numbers[usize::from(of)]);
            self.set(at, entry);
        }
    }

    fn resize(&mut self, words: usize) {
        if words != self.words.len() {
            let used = self.used();
            let mut all = Vec::with_capacity(words);
            all.extend_from_slice(&self.words[..used]);
            all.resize(words, 0);
            self.words = all.into_boxed_slice();
        }
    }

    fn used(&self) -> usize {
        self.start(self.slots)
    }

    fn start(&self, slot: u8) -> usize {
        ENTRY * self.len() + SLOT * usize::from(slot)
    }

    fn slot(&self, at: u8) -> Slot {
        let words = self.words.get(self.start(at)..).and_then(|words| words.first_chunk::<SLOT>());
        let [low, high, event] = *words.unwrap_or(&[0; SLOT]);
        Slot { time: Timestamp::from_millis(wide(low, high) as i64), event }
    }

    fn entry(&self, at: usize) -> Entry {
        let words = self.words.get(ENTRY * at..).and_then(|words| words.first_chunk::<ENTRY>());
        Entry::unpack(*words.unwrap_or(&[0; ENTRY]))
    }

    fn set(&mut self, at: usize, entry: Entry) {
        self.words[ENTRY * at..ENTRY * (at + 1)].copy_from_slice(&entry.pack());
    }
}

fn wide(low: u32, high: u32) -> u64 {
    u64::from(high) << 32 | u64::from(low)
}

fn step_of(keep: u8) -> Option<u8> {
    // There are five steps.
    KEEP_STEPS.iter().position(|step| *step == keep).map(|step| step as u8)
}

/// The words of a counter and of an event.
const ENTRY: usize = 4;
const SLOT: usize = 3;
/// How many events a small counter refers to.
const REFS: usize = 6;
/// Where the first and the last event are that it has lost.
const FIRST: usize = 4;
const FLOOR: usize = 5;
/// How many events the table holds.
const MOST_SLOTS: usize = 255;
