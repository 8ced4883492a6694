//! Forgetting by age, and the list of those who were erased.

use serde::{Deserialize, Serialize};

use super::due::Due;
use super::{Personalizer, write};
use crate::id::UserKey;
use crate::time::Timestamp;

/// What [`Personalizer::retain`] has removed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Retained {
    /// How many people.
    pub people: usize,
    /// How many attributes and past values of attributes, of people who stay.
    pub attributes: usize,
    /// How many events of histories.
    pub events: usize,
    /// How many counters and computed attributes.
    pub counters: usize,
    /// How many stated preferences.
    pub preferences: usize,
    /// How many visits that `next_click` learned from, by the shorter of the ages of history and of people.
    pub visits: usize,
    /// Who has entered and left segments by it, in the order of their keys.
    pub changes: Vec<Due>,
}

/// An id whose person was erased, and when: what was written up to then is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Suppression {
    /// The key of the id, a hash.
    pub id: UserKey,
    /// When the person was erased.
    pub time: Timestamp,
}

impl Personalizer {
    /// Removes what is older than the settings say ([`Settings::retention`](crate::engine::Settings::retention)), and
    /// tells what. Goes from shard to shard, so that events and decisions wait for a 64th of the people at most. Cost:
    /// a look at everything that is kept of everybody.
    ///
    /// ```
    /// use bespoke::{Engine, Event, EventKind, Personalizer, Span, Timestamp};
    /// let shop = Personalizer::new(Engine::from_json(r#"{"settings": {"retention": {"unseen": "365d"}}}"#)?);
    /// let now: Timestamp = "2026-03-01T12:00:00Z".parse()?;
    /// shop.ingest(&Event::new(EventKind::PageViewed, "ann", now), now)?;
    /// assert_eq!(shop.retain(now + Span::days(365)).people, 0);
    /// assert_eq!(shop.retain(now + Span::days(366)).people, 1);
    /// # Ok::<(), bespoke::Error>(())
    /// ```
    pub fn retain(&self, now: Timestamp) -> Retained {
        let engine = self.engine();
        let mut retained = Retained::default();
        for shard in &self.people.shards {
            let mut shard = write(shard);
            shard.retain(|user, record| {
                if engine.is_unseen(record.heard(), now) {
                    retained.people += 1;
                    return false;
                }
                let expired = record.expire(&engine, now);
                retained.attributes += expired.attributes;
                retained.events += expired.events;
                retained.counters += expired.counters;
                retained.preferences += expired.preferences;
                let (entered, left) = (expired.changes.entered, expired.changes.left);
                if !(entered.is_empty() && left.is_empty()) {
                    retained.changes.push(Due { time: now, user: *user, entered, left });
                }
                true
            });
        }
        // Visits say under which ids they were made.
        let settings = &engine.settings().retention;
        let oldest = settings.history.into_iter().chain(settings.unseen).min();
        if let (Some(span), Some(clicks)) = (oldest, write(&self.models).clicks.as_mut()) {
            retained.visits = clicks.expire(now - span);
        }
        // What is kept of events as they came has no age limit of its own.
        self.people.recents.clear();
        retained.changes.sort_by_key(|change| change.user);
        retained
    }

    /// The ids whose people were erased, in order: for another process, in which they shall be gone too. They are
    /// hashes and name nobody.
    ///
    /// ```
    /// use bespoke::{Engine, Event, EventKind, Personalizer, Span, Timestamp, UserKey};
    /// let (here, there) = (Personalizer::new(Engine::from_json("{}")?), Personalizer::new(Engine::from_json("{}")?));
    /// let now: Timestamp = "2026-03-01T12:00:00Z".parse()?;
    /// let event = Event::new(EventKind::PageViewed, "ann", now);
    /// there.ingest(&event, now)?;
    /// here.erase(UserKey::known("ann"), now + Span::hours(1));
    /// assert_eq!(there.suppress(&here.suppressions()), 1);
    /// assert!(there.profile(UserKey::known("ann")).is_none() && there.ingest(&event, now).is_err());
    /// # Ok::<(), bespoke::Error>(())
    /// ```
    #[must_use]
    pub fn suppressions(&self) -> Vec<Suppression> {
        let mut all: Vec<Suppression> =
            self.people.erased().into_iter().map(|(id, time)| Suppression { id, time }).collect();
        all.sort_unstable();
        all
    }

    /// Erases the people behind these ids as of the times at which they were erased elsewhere, and refuses what was
    /// written up to then. Somebody who came back after having been erased stays. Gives how many people were removed.
    pub fn suppress(&self, suppressions: &[Suppression]) -> usize {
        let mut removed = 0;
        for Suppression { id, time } in suppressions {
            removed += usize::from(self.people.suppress(*id, *time, (&self.engine(), &self.models)));
        }
        removed
    }
}
