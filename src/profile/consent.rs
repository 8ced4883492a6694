//! What a person has consented to, by purpose: the newest decision holds, and of two at the same time the refusal.
//!
//! The newest few decisions are kept with their times, so that an event that comes late is judged by what held when
//! it happened. A decision that itself comes late counts from then on for the events that come after it: what was
//! folded before it stays folded, and is taken away by erasing.

use serde::{Deserialize, Serialize};

use crate::hash::Symbol;
use crate::state::packed::{self, Packed, take};
use crate::time::Timestamp;

/// The purpose without which events are not kept.
pub const TRACKING: &str = "tracking";
/// The purpose without which decisions are made as for an unknown person.
pub const PERSONALISATION: &str = "personalisation";

/// One decision of a person about one purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Said {
    /// The symbol of the purpose's name.
    pub purpose: Symbol,
    /// When the person decided.
    pub time: Timestamp,
    /// Whether they consented.
    pub granted: bool,
}

/// The decisions of one person, by purpose and time.
///
/// At most [`Consent::LIMIT`] are kept for a purpose, the newest, and for at most [`Consent::PURPOSES`] purposes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Stored")]
pub struct Consent(#[serde(with = "packed")] Vec<Kept>);

#[derive(Deserialize)]
struct Stored(#[serde(with = "packed")] Vec<Kept>);

/// A decision in 16 bytes: the time in milliseconds, doubled, and one more if it was granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Kept {
    purpose: Symbol,
    stamp: u64,
}

impl Kept {
    const fn time(self) -> Timestamp {
        Timestamp::from_millis((self.stamp >> 1) as i64)
    }
    const fn granted(self) -> bool {
        self.stamp & 1 == 1
    }
}

impl Packed for Kept {
    const WIDTH: usize = 16;
    fn pack(&self, bytes: &mut [u8]) {
        bytes[..8].copy_from_slice(&self.purpose.to_bits().to_le_bytes());
        bytes[8..].copy_from_slice(&self.stamp.to_le_bytes());
    }
    fn unpack(bytes: &[u8]) -> Self {
        let purpose = Symbol::from_bits(u64::from_le_bytes(take(bytes, 0)));
        Self { purpose, stamp: u64::from_le_bytes(take(bytes, 8)) }
    }
}

impl Consent {
    /// The most decisions that are kept for one purpose.
    pub const LIMIT: usize = 8;
    /// The bytes that a decision takes.
    pub(super) const SLOT_BYTES: usize = size_of::<Kept>();
    /// The most purposes that definitions may name.
    pub const PURPOSES: usize = 16;

    /// Notes a decision. Whether it is news.
    pub(crate) fn say(&mut self, purpose: Symbol, time: Timestamp, granted: bool) -> bool {
        let of = self.of(purpose);
        let (start, len) = (of.start, of.len());
        let place = self.0[of].partition_point(|kept| kept.time() < time) + start;
        match self.0.get_mut(place).filter(|kept| kept.purpose == purpose && kept.time() == time) {
            Some(kept) if kept.granted() && !granted => kept.stamp &= !1,
            Some(_) => return false,
            None if len == Self::LIMIT && place == start => return false,
            None => {
                // Event times are not negative.
                let stamp = (time.millis() as u64) << 1 | u64::from(granted);
                if len == Self::LIMIT {
                    self.0.copy_within(start + 1..place, start);
                    self.0[place - 1] = Kept { purpose, stamp };
                } else {
                    self.0.reserve_exact(1);
                    self.0.insert(place, Kept { purpose, stamp });
                }
            }
        }
        true
    }

    /// Drops the oldest decision that a newer one follows; `false` if there is none. The newest always stay.
    pub(super) fn give_up(&mut self) -> bool {
        let followed = |at: &usize| self.0.get(at + 1).is_some_and(|next| next.purpose == self.0[*at].purpose);
        let oldest = (0..self.0.len()).filter(followed).min_by_key(|at| (self.0[*at].time(), self.0[*at].purpose));
        oldest.map(|at| self.0.remove(at)).is_some()
    }

    pub(super) fn shrink(&mut self) {
        self.0.shrink_to_fit();
    }

    /// What the person said last about a purpose; `None` if nothing.
    #[must_use]
    pub fn newest(&self, purpose: impl Into<Symbol>) -> Option<bool> {
        self.0[self.of(purpose.into())].last().map(|kept| kept.granted())
    }

    /// What held at a time; `None` if nothing had been said yet. Before the oldest of [`Consent::LIMIT`] decisions,
    /// where others may have been forgotten, it is a refusal.
    #[must_use]
    pub fn at(&self, purpose: impl Into<Symbol>, time: Timestamp) -> Option<bool> {
        let said = &self.0[self.of(purpose.into())];
        let before = said.partition_point(|kept| kept.time() <= time);
        match before.checked_sub(1) {
            Some(last) => Some(said[last].granted()),
            None => (said.len() == Self::LIMIT).then_some(false),
        }
    }

    /// Every decision that is kept, by purpose and time.
    pub fn iter(&self) -> impl Iterator<Item = Said> + '_ {
        self.0.iter().map(|kept| Said { purpose: kept.purpose, time: kept.time(), granted: kept.granted() })
    }

    pub(super) fn merge(&mut self, other: &Self) {
        for said in other.iter() {
            self.say(said.purpose, said.time, said.granted);
        }
    }

    pub(super) fn heap_bytes(&self) -> usize {
        self.0.capacity() * size_of::<Kept>()
    }

    fn of(&self, purpose: Symbol) -> std::ops::Range<usize> {
        let start = self.0.partition_point(|kept| kept.purpose < purpose);
        start..start + self.0[start..].partition_point(|kept| kept.purpose == purpose)
    }
}

impl TryFrom<Stored> for Consent {
    type Error = &'static str;
    fn try_from(Stored(kept): Stored) -> Result<Self, &'static str> {
        if !kept.windows(2).all(|pair| (pair[0].purpose, pair[0].time()) < (pair[1].purpose, pair[1].time())) {
            return Err("decisions about consent out of order");
        }
        let runs = || kept.chunk_by(|a, b| a.purpose == b.purpose);
        if runs().count() > Self::PURPOSES || runs().any(|of| of.len() > Self::LIMIT) {
            return Err("too many decisions about consent");
        }
        Ok(Self(kept))
    }
}

/// What holds where a person has said nothing, by purpose.
#[derive(Clone, Debug)]
pub(crate) struct Unasked {
    tracking: bool,
    personalisation: bool,
    /// By symbol, in order.
    purposes: Vec<(Symbol, bool)>,
}

impl Default for Unasked {
    /// Everything is granted.
    fn default() -> Self {
        Self::new([(TRACKING, true), (PERSONALISATION, true)])
    }
}

impl Unasked {
    pub(crate) fn new<'a>(purposes: impl IntoIterator<Item = (&'a str, bool)>) -> Self {
        let mut purposes: Vec<_> = purposes.into_iter().map(|(name, granted)| (Symbol::new(name), granted)).collect();
        purposes.sort_unstable();
        let of = |name: &str| purposes.iter().find(|(known, _)| *known == Symbol::new(name)).is_none_or(|(_, of)| *of);
        Self { tracking: of(TRACKING), personalisation: of(PERSONALISATION), purposes }
    }

    /// Whether the definitions name a purpose.
    pub(crate) fn knows(&self, purpose: Symbol) -> bool {
        self.find(purpose).is_some()
    }

    /// Whether a person with these decisions consents to a purpose; nobody does to one that nobody named.
    pub(crate) fn grants(&self, consent: Option<&Consent>, purpose: Symbol) -> bool {
        consent.and_then(|consent| consent.newest(purpose)).or_else(|| self.find(purpose)).unwrap_or(false)
    }

    /// Whether an event of this time may be kept: it was granted then, and still is.
    pub(crate) fn tracks(&self, consent: Option<&Consent>, time: Timestamp) -> bool {
        let Some(consent) = consent else { return self.tracking };
        let then = consent.at(TRACKING, time).unwrap_or(self.tracking);
        then && consent.newest(TRACKING).unwrap_or(self.tracking)
    }

    /// Whether decisions may look at the profile.
    pub(crate) fn personalises(&self, consent: Option<&Consent>) -> bool {
        consent.and_then(|consent| consent.newest(PERSONALISATION)).unwrap_or(self.personalisation)
    }

    fn find(&self, purpose: Symbol) -> Option<bool> {
        let at = self.purposes.binary_search_by_key(&purpose, |(known, _)| *known).ok()?;
        Some(self.purposes[at].1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const fn time(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    #[test]
    fn a_late_event_is_judged_by_what_held_then_and_by_what_holds_now() {
        let unasked = Unasked::default();
        let mut consent = Consent::default();
        assert!(unasked.tracks(Some(&consent), time(1)));
        consent.say(Symbol::new(TRACKING), time(10), false);
        // Withdrawn since: not even what happened before is taken any more.
        assert!(!unasked.tracks(Some(&consent), time(5)) && !unasked.tracks(Some(&consent), time(15)));
        consent.say(Symbol::new(TRACKING), time(20), true);
        // Granted again: all but what happened in between.
        assert!(unasked.tracks(Some(&consent), time(5)) && unasked.tracks(Some(&consent), time(20)));
        assert!(!unasked.tracks(Some(&consent), time(10)) && !unasked.tracks(Some(&consent), time(19)));
    }

    #[test]
    fn nobody_consents_to_what_nobody_named() {
        assert!(!Unasked::default().grants(None, Symbol::new("email")));
        assert!(Unasked::new([("email", true)]).grants(None, Symbol::new("email")));
    }

    proptest! {
        /// Against the definition: of each time the refusal, of the times the newest eight.
        #[test]
        fn decisions_do_not_depend_on_the_order_of_arrival(
            said in prop::collection::vec((0..3_u64, 0..14_i64, any::<bool>()), 0..60),
            cut in 0..60_usize,
        ) {
            let fold = |said: &[(u64, i64, bool)]| {
                let mut consent = Consent::default();
                for (purpose, at, granted) in said {
                    consent.say(Symbol::from_bits(*purpose), time(*at), *granted);
                }
                consent
            };
            let whole = fold(&said);
            for purpose in 0..3 {
                let mut by_time = std::collections::BTreeMap::new();
                for (_, at, granted) in said.iter().filter(|(of, ..)| *of == purpose) {
                    *by_time.entry(*at).or_insert(true) &= *granted;
                }
                let wanted: Vec<(i64, bool)> =
                    by_time.iter().rev().take(Consent::LIMIT).map(|(at, granted)| (*at, *granted)).collect();
                let found: Vec<(i64, bool)> = whole
                    .iter()
                    .filter(|said| said.purpose == Symbol::from_bits(purpose))
                    .map(|said| (said.time.millis(), said.granted))
                    .collect();
                prop_assert_eq!(found.into_iter().rev().collect::<Vec<_>>(), wanted);
                prop_assert_eq!(
                    whole.newest(Symbol::from_bits(purpose)),
                    by_time.last_key_value().map(|(_, granted)| *granted)
                );
            }
            let (a, b) = said.split_at(cut.min(said.len()));
            let mut merged = fold(b);
            merged.merge(&fold(a));
            prop_assert_eq!(&merged, &whole);
            let back: Consent = postcard::from_bytes(&postcard::to_allocvec(&whole).unwrap()).unwrap();
            prop_assert_eq!(back, whole);
        }
    }
}
