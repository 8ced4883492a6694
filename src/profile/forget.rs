//! Forgetting what is older than a time.

use super::{CounterId, Extra, Profile, Upkeep};
use crate::hash::Symbol;
use crate::time::Timestamp;

impl Profile {
    /// Forgets the attributes that were written before a time, and gives their names; and past values, and how many.
    pub(crate) fn forget_attributes(&mut self, before: Timestamp) -> (Vec<Symbol>, usize) {
        let gone = self.attributes.forget_before(before);
        let past = self.extra.as_mut().map_or(0, |extra| extra.past.forget_before(before));
        self.tidy();
        (gone, past)
    }

    /// Forgets the events of the history, and the touches, before a time, and gives how many events.
    pub(crate) fn forget_history(&mut self, before: Timestamp, keep: &Upkeep) -> usize {
        let sealed = &mut self.sealed;
        let events = self.history.forget_before(before, &mut |left| {
            sealed.get_or_insert_default().push(left, keep);
        });
        if let Some(touches) = &mut self.touches {
            touches.first.take_if(|touch| touch.time < before);
            touches.last.take_if(|touch| touch.time < before);
        }
        self.touches.take_if(|touches| touches.first.is_none() && touches.last.is_none());
        events
    }

    /// Forgets the counters and what was gathered whose newest evidence lies before a time.
    pub(crate) fn forget_counters(&mut self, before: Timestamp) -> (Vec<CounterId>, Vec<CounterId>) {
        // A lifetime sum does not know its newest time.
        let is_old = |last: Option<Timestamp>| last.unwrap_or(self.last_seen) < before;
        let old = self.counters.iter().filter(|counter| is_old(counter.newest()));
        let gone: Vec<CounterId> = old.map(|counter| counter.id()).collect();
        self.counters.retain(|id| !gone.contains(&id));
        let gathered = self.extra.as_mut().map_or_else(Vec::new, |extra| extra.gathered.forget_before(before));
        self.tidy();
        (gone, gathered)
    }

    /// Forgets the preferences that have expired, and gives how many.
    pub(crate) fn forget_preferences(&mut self, now: Timestamp) -> usize {
        let gone = self.extra.as_mut().map_or(0, |extra| extra.preferences.expire(now));
        if gone > 0 {
            self.tidy();
        }
        gone
    }

    /// Lets go of the box for the rare if nothing is in it any more.
    fn tidy(&mut self) {
        self.extra.take_if(|extra| **extra == Extra::default());
    }
}
