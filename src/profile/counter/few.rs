//! The small counters of one profile, and the events that they share.
//!
//! Most counters hold few events for life, and the same event is in many of them. So the events of all small counters
//! stand in one table, each once, and a counter is its id and where its events stand: sixteen bytes for a counter and
//! ten for an event, however many counters have taken it. A counter that outgrows this moves out.

use super::CounterId;
use super::count::{Count, Evicted, KEEP_STEPS, Slot, Times, step_for};
use crate::state::packed::take;
use crate::time::Timestamp;

/// Counters of events that hold [`REFS`] events at most, or four with the first and the last of those that left.
#[derive(Clone, Debug, Default)]
pub(crate) struct Few {
    /// First the counters by id, sixteen bytes each, then the events by time and hash, ten bytes each, then room.
    bytes: Box<[u8]>,
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

/// A counter in sixteen bytes: its id, its step of [`KEEP_STEPS`], how many events it refers to and whether it has lost
/// some, how many of these, and the places of its events in the table, oldest first. The last two places are those of
/// the first and the last that it has lost.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Entry {
    id: u64,
    step: u8,
    len: u8,
    has_lost: bool,
    lost: u16,
    refs: [u8; REFS],
}

impl Entry {
    fn unpack(bytes: [u8; ENTRY]) -> Self {
        let id = u64::from_le_bytes(take(&bytes, 0));
        let [lost, kept, refs @ ..] = take::<8>(&bytes, 8);
        if kept & FULL != 0 {
            let lost = u16::from_le_bytes([lost, kept & !FULL]);
            return Self { id, step: 0, len: FIRST as u8, has_lost: true, lost, refs };
        }
        let (step, rest) = (kept % STEPS, kept / STEPS);
        let (len, has_lost) = (rest % LENS, rest >= LENS);
        Self { id, step, len, has_lost, lost: lost.into(), refs }
    }

    /// `None` if it has lost more than it can count: beyond four events that are kept 32,767, and else 255.
    fn pack(self) -> Option<[u8; ENTRY]> {
        let [lost, high] = self.lost.to_le_bytes();
        let is_full = self.step == 0 && usize::from(self.len) == FIRST && self.has_lost;
        let kept = match (is_full, high) {
            (true, 0..FULL) => high | FULL,
            (false, 0) => self.step + STEPS * (self.len + LENS * u8::from(self.has_lost)),
            _ => return None,
        };
        let [a, b, c, d, e, f] = self.refs;
        let rest = u64::from_le_bytes([lost, kept, a, b, c, d, e, f]);
        Some((u128::from(rest) << 64 | u128::from(self.id)).to_le_bytes())
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
    pub(crate) const COUNTER_BYTES: usize = ENTRY;
    pub(crate) const SLOT_BYTES: usize = SLOT;

    pub(crate) const fn len(&self) -> usize {
        self.counters as usize
    }

    pub(crate) fn heap_bytes(&self) -> usize {
        self.bytes.len()
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
        CounterId(u64::from_le_bytes(take(&self.bytes, ENTRY * at)))
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
        let Some(new) = packed(slot.time).and_then(|_| self.place(slot)) else { return false };
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
                if len > FIRST {
                    return false;
                }
                entry.lost = entry.lost.saturating_add(1);
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
        entry == before || self.set(at, entry)
    }

    /// Takes in a counter that is not there; `false` if it is larger than small ones are, or the table is full.
    pub(crate) fn put(&mut self, id: CounterId, count: Times<'_>) -> bool {
        let len = count.slots.len();
        let lost = (count.total as usize).checked_sub(len).and_then(|lost| u16::try_from(lost).ok());
        let (Some(step), Some(lost), Err(at)) = (step_of(count.keep), lost, self.find(id)) else { return false };
        if len + if count.evicted.is_some() { 2 } else { 0 } > REFS {
            return false;
        }
        // At most six.
        let mut entry =
            Entry { id: id.0, step, len: len as u8, has_lost: count.evicted.is_some(), lost, refs: [0; REFS] };
        if entry.pack().is_none() {
            return false;
        }
        let ends = count.evicted.map_or([None, None], |evicted| [Some(evicted.first), Some(evicted.floor)]);
        let mut times = count.slots.iter().map(|slot| slot.time).chain(ends.into_iter().flatten());
        if times.any(|time| packed(time).is_none()) {
            return false;
        }
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
        for (of, slot) in entry.refs.iter_mut().zip(count.slots) {
            *of = self.search(*slot).unwrap_or_default();
        }
        for (of, time) in entry.refs[FIRST..].iter_mut().zip(ends) {
            *of = time.map_or(*of, |time| self.search_time(time).unwrap_or_default());
        }
        let (start, used) = (ENTRY * at, self.used());
        self.bytes.copy_within(start..used, start + ENTRY);
        self.counters += 1;
        self.set(at, entry)
    }

    /// Takes a counter out.
    pub(crate) fn remove(&mut self, at: usize) -> Count {
        let count = Count::from(self.read(at).times());
        let (end, used) = (ENTRY * (at + 1), self.used());
        self.bytes.copy_within(end..used, end - ENTRY);
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
        self.bytes.copy_within(start..used, start + SLOT);
        let time = packed(slot.time).unwrap_or(MIN).to_le_bytes();
        self.bytes[start..start + 6].copy_from_slice(&time[..6]);
        self.bytes[start + 6..start + SLOT].copy_from_slice(&{ slot.event }.to_le_bytes());
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
        if self.used() + more <= self.bytes.len() && fits(self) {
            return true;
        }
        self.collect();
        if !fits(self) {
            return false;
        }
        // A sixteenth is left free, so that the whole is neither moved nor searched for each event.
        let (needed, free) = (self.used() + more, (self.used() / 16).max(SLOT));
        if self.bytes.len() < needed + free / 2 {
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
                self.bytes.copy_within(from..from + SLOT, self.start(left));
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

    fn resize(&mut self, bytes: usize) {
        if bytes != self.bytes.len() {
            let mut all = Vec::with_capacity(bytes);
            all.extend_from_slice(&self.bytes[..self.used()]);
            all.resize(bytes, 0);
            self.bytes = all.into_boxed_slice();
        }
    }

    fn used(&self) -> usize {
        self.start(self.slots)
    }

    fn start(&self, slot: u8) -> usize {
        ENTRY * self.len() + SLOT * usize::from(slot)
    }

    fn slot(&self, at: u8) -> Slot {
        let bytes: [u8; SLOT] = take(&self.bytes, self.start(at));
        let [a, b, c, d, e, f, event @ ..] = bytes;
        let time = match u64::from_le_bytes([a, b, c, d, e, f, 0, 0]) {
            MIN => Timestamp::MIN,
            // Six bytes.
            millis => Timestamp::from_millis(millis as i64),
        };
        Slot { time, event: u32::from_le_bytes(event) }
    }

    fn entry(&self, at: usize) -> Entry {
        Entry::unpack(take(&self.bytes, ENTRY * at))
    }

    /// Keeps a counter; `false` if it has lost more than it can count.
    fn set(&mut self, at: usize, entry: Entry) -> bool {
        let Some(bytes) = entry.pack() else { return false };
        self.bytes[ENTRY * at..ENTRY * (at + 1)].copy_from_slice(&bytes);
        true
    }
}

/// A time as the table has it: milliseconds in 48 bits, which reach from the year 1970 beyond 9999, or that which is
/// before all others; `None` if it is neither.
fn packed(time: Timestamp) -> Option<u64> {
    if time == Timestamp::MIN {
        return Some(MIN);
    }
    u64::try_from(time.millis()).ok().filter(|millis| *millis < MIN)
}

fn step_of(keep: u8) -> Option<u8> {
    // There are five steps.
    KEEP_STEPS.iter().position(|step| *step == keep).map(|step| step as u8)
}

/// The bytes of a counter and of an event.
const ENTRY: usize = 16;
const SLOT: usize = 10;
/// How [`Timestamp::MIN`] is packed.
const MIN: u64 = (1 << 48) - 1;
/// How many events a small counter refers to.
const REFS: usize = 6;
/// Where the first and the last event are that it has lost.
const FIRST: usize = 4;
const FLOOR: usize = 5;
/// How many steps and numbers of events there are.
const STEPS: u8 = KEEP_STEPS.len() as u8;
const LENS: u8 = REFS as u8 + 1;
/// Marks a counter that keeps four events and has lost others.
const FULL: u8 = 128;
/// How many events the table holds.
const MOST_SLOTS: usize = 255;
