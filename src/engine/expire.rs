//! Forgetting by age.

use super::{Changes, Engine, Touched};
use crate::profile::Profile;
use crate::rule::Aspect;
use crate::time::{Span, Timestamp};

/// After how long what is known about people is forgotten; what has no time here is kept.
///
/// ```
/// use bespoke::{Engine, Span};
/// let engine = Engine::from_json(r#"{"settings": {"retention": {"history": "90d", "unseen": "730d"}}}"#)?;
/// assert_eq!(engine.settings().retention.history, Some(Span::days(90)));
/// # Ok::<(), bespoke::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Retention {
    /// Attributes and their past values, since they were written last.
    pub attributes: Option<Span>,
    /// Events of the history, and first and last touches, since they happened.
    pub history: Option<Span>,
    /// Counters and computed attributes, since the newest event that they count; a sum over all time since the newest
    /// event of the person. They answer then as if nothing had been counted.
    pub counters: Option<Span>,
    /// People, since they were last heard of.
    pub unseen: Option<Span>,
}

/// What [`Engine::expire`] has removed from a profile.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expired {
    /// How many attributes and past values of attributes.
    pub attributes: usize,
    /// How many events of the history.
    pub events: usize,
    /// How many counters and computed attributes.
    pub counters: usize,
    /// How many stated preferences, which expire by themselves.
    pub preferences: usize,
    /// The segments that the person has entered and left by it.
    pub changes: Changes,
}

impl Engine {
    /// Removes from a profile what is older than the settings say ([`Retention`]), and settles the segments that this
    /// changes. What comes late and is older is taken in, and removed by the next call. Cost: a look at all that the
    /// profile holds.
    pub fn expire(&self, profile: &mut Profile, now: Timestamp) -> Expired {
        let (mut expired, mut touched) = (Expired::default(), Touched::new());
        let before = |span: Option<Span>| span.map(|span| now - span);
        let retention = &self.settings.retention;
        if let Some(time) = before(retention.attributes) {
            let (gone, past) = profile.forget_attributes(time);
            for name in &gone {
                touched.extend_from_slice(self.reach.of_attribute(*name));
            }
            expired.attributes = gone.len() + past;
        }
        if let Some(time) = before(retention.history) {
            expired.events = profile.forget_history(time, &self.upkeep);
            touched.extend_from_slice(self.reach.of_aspect(Aspect::Session));
        }
        if let Some(time) = before(retention.counters) {
            let (counters, gathered) = profile.forget_counters(time);
            for id in &counters {
                touched.extend_from_slice(self.reach.of_counter(*id));
            }
            for id in &gathered {
                touched.extend_from_slice(self.reach.of_computed(*id));
            }
            expired.counters = counters.len() + gathered.len();
        }
        expired.preferences = profile.forget_preferences(now);
        for dimension in self.upkeep.dimensions.iter().filter(|_| expired.preferences > 0) {
            touched.extend_from_slice(self.reach.of_dimension(dimension.attribute));
        }
        // A profile of another engine is settled as a whole when it is next touched.
        if profile.membership.engine == self.fingerprint && !touched.is_empty() {
            self.settle_all(profile, touched, now, &mut expired.changes);
        }
        expired
    }

    /// Whether a person who was heard of last at a time is to be forgotten.
    pub(crate) fn is_unseen(&self, heard: Timestamp, now: Timestamp) -> bool {
        self.settings.retention.unseen.is_some_and(|span| heard < now - span)
    }
}
