//! Who changes by time passing alone, and when to ask again.
//!
//! Every person whose memberships time can change waits in a queue of their shard, ordered by a time before which
//! nothing changes for them. A person is queued again only when that time comes earlier; an event that postpones it,
//! as most do, leaves the queue alone, and the person is put back when the queue reaches them. So `ingest` pays next
//! to nothing, and [`Personalizer::due`] looks at those whose time has come, not at everybody.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;

use smallvec::SmallVec;

use super::people::{People, Record, Shard, shard_of};
use super::{Personalizer, lock, read, write};
use crate::decision::Request;
use crate::engine::NextChange;
use crate::id::UserKey;
use crate::profile::Profile;
use crate::rule::Explanation;
use crate::time::Timestamp;

/// A change of one person's memberships that came by time passing alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    /// When it came: the exact time, however long after it was asked. It is the time of asking for people who have not
    /// been touched since a snapshot was restored or the engine replaced, and beyond a person's 63 turns in one call.
    pub time: Timestamp,
    /// Whose it is.
    pub user: UserKey,
    /// The segments that the person is in from then on.
    pub entered: SmallVec<[Arc<str>; 2]>,
    /// The segments that the person was in until then.
    pub left: SmallVec<[Arc<str>; 2]>,
}

/// The people of a shard by the time at which they are to be looked at.
///
/// An entry stands as long as the person's record names its time; others are dropped when they come up.
#[derive(Debug, Default)]
pub(super) struct Queue(BinaryHeap<Reverse<(Timestamp, UserKey)>>);

impl Queue {
    /// Puts a person in, if their memberships can change earlier than they are queued for.
    pub(super) fn add(&mut self, user: UserKey, record: &mut Record) {
        let due = record.profile.membership.due;
        if due < record.queued {
            record.queued = due;
            self.0.push(Reverse((due, user)));
        }
    }

    /// Drops entries that stand for nobody, once they are more than those that do.
    pub(super) fn tidy(&mut self, shard: &Shard) {
        if self.0.len() <= 2 * shard.len() + 16 {
            return;
        }
        let mut standing = std::mem::take(&mut self.0).into_vec();
        standing.retain(|Reverse((time, user))| stands(shard, *time, *user));
        standing.sort_unstable();
        standing.dedup();
        self.0 = standing.into();
    }

    /// Puts everybody in who has a profile, to be looked at as soon as is asked.
    pub(super) fn refill(&mut self, shard: &mut Shard) {
        self.0.clear();
        // A heap's order of leaving does not depend on that of coming.
        #[expect(clippy::iter_over_hash_type, reason = "the queue orders them")]
        for (user, record) in shard.iter_mut() {
            if record.profile.events() > 0 {
                record.queued = Timestamp::MIN;
                self.0.push(Reverse((Timestamp::MIN, *user)));
            }
        }
    }

    /// The earliest entry that stands.
    fn first(&mut self, shard: &Shard) -> Option<(Timestamp, UserKey)> {
        while let Some(Reverse((time, user))) = self.0.peek().copied() {
            if stands(shard, time, user) {
                return Some((time, user));
            }
            self.0.pop();
        }
        None
    }

    pub(super) fn bytes(&self) -> usize {
        self.0.capacity() * size_of::<(Timestamp, UserKey)>()
    }
}

fn stands(shard: &Shard, time: Timestamp, user: UserKey) -> bool {
    shard.get(&user).is_some_and(|record| record.queued == time)
}

impl Personalizer {
    /// Settles everybody whose memberships time alone has changed by `now`, and gives what changed: each change once,
    /// with the time at which it came, in the order of time and key. What [`Personalizer::ingest`] has reported for a
    /// person is not reported again.
    ///
    /// This is what makes a cart that was left behind show: no event says so.
    ///
    /// One call looks at 1,024 people of each of the 64 shards at most, those whose time has come first; as long as
    /// [`Personalizer::next_due`] is not after `now`, there are more. Cost: those whose time has come; after
    /// [`Personalizer::restore`] and [`Personalizer::replace_engine`] everybody is looked at once.
    ///
    /// ```
    /// use bespoke::{Engine, Event, EventKind, Personalizer, Span, Timestamp, UserKey};
    /// let shop = Personalizer::new(Engine::from_json(r#"{"segments": [{"name": "left-behind", "rule":
    ///     "event('item_added').within(1 day) AND NOT event('item_added').within(2 hours)"}]}"#)?);
    /// let now: Timestamp = "2026-03-01T12:00:00Z".parse()?;
    /// shop.ingest(&Event::new(EventKind::ItemAdded, "ann", now).item("ridge"), now)?;
    /// assert_eq!(shop.next_due(), Some(now + Span::hours(2))); // the host sleeps until then
    /// assert!(shop.due(now + Span::hours(1)).is_empty());
    /// let due = shop.due(now + Span::hours(3)); // and oversleeps
    /// assert_eq!((due[0].time, due[0].user), (now + Span::hours(2), UserKey::known("ann")));
    /// assert_eq!(&*due[0].entered[0], "left-behind");
    /// # Ok::<(), bespoke::Error>(())
    /// ```
    pub fn due(&self, now: Timestamp) -> Vec<Due> {
        let mut due = Vec::new();
        for (shard, queue) in self.people.shards.iter().zip(&self.people.queues) {
            if lock(queue).0.peek().is_none_or(|Reverse((time, _))| *time > now) {
                continue;
            }
            let mut shard = write(shard);
            let mut queue = lock(queue);
            // Asked for under the lock: whoever is queued for a new engine is settled by that.
            let engine = self.engine();
            let models = read(&self.models);
            for _ in 0..MOST_PEOPLE {
                let Some((_, user)) = queue.first(&shard).filter(|(time, _)| *time <= now) else { break };
                queue.0.pop();
                let Some(record) = shard.get_mut(&user) else { break };
                record.queued = Timestamp::MAX;
                self.groups.attach(&mut record.profile);
                for step in 0..MOST_STEPS {
                    let membership = &record.profile.membership;
                    // Somebody who was settled is led through each change; the last step goes to the end.
                    let is_led = step + 1 < MOST_STEPS && engine.has_settled(&record.profile);
                    let time = if is_led { membership.due.min(now) } else { now };
                    let changes = engine.refresh(&mut record.profile, &models.catalog, time);
                    if !(changes.entered.is_empty() && changes.left.is_empty()) {
                        due.push(Due { time, user, entered: changes.entered, left: changes.left });
                    }
                    if record.profile.membership.due > now {
                        break;
                    }
                }
                queue.add(user, record);
            }
        }
        due.sort_by_key(|due| (due.time, due.user));
        due
    }

    /// A time before which [`Personalizer::due`] has nothing to give, if no event comes: until then a host can sleep.
    /// `None` if time changes nothing for anybody.
    #[must_use]
    pub fn next_due(&self) -> Option<Timestamp> {
        let both = self.people.shards.iter().zip(&self.people.queues);
        let first = both.filter_map(|(shard, queue)| {
            let shard = read(shard);
            lock(queue).first(&shard)
        });
        first.map(|(time, _)| time).min()
    }

    /// The next change of a person's memberships that comes by time passing alone; see [`Engine::next_change`].
    ///
    /// [`Engine::next_change`]: crate::engine::Engine::next_change
    #[must_use]
    pub fn next_change(&self, user: UserKey, now: Timestamp) -> Option<NextChange> {
        let engine = self.engine();
        let user = self.people.resolve(user);
        self.freshen(user);
        self.people.read(user, |record| match record {
            Some(record) => engine.next_change(&record.profile, now),
            None => engine.next_change(&Profile::default(), now),
        })
    }

    /// Why a person is in a segment or not; see [`Engine::explain`](crate::engine::Engine::explain).
    #[must_use]
    pub fn explain(&self, segment: &str, user: UserKey, now: Timestamp) -> Option<Explanation> {
        let engine = self.engine();
        self.people.read(self.people.resolve(user), |record| match record {
            Some(record) => engine.explain(segment, &record.profile, now),
            None => engine.explain(segment, &Profile::default(), now),
        })
    }

    /// Why a campaign's audience takes in whom a request is for, or not; see
    /// [`Engine::explain_campaign`](crate::engine::Engine::explain_campaign).
    #[must_use]
    pub fn explain_campaign(&self, campaign: &str, request: &Request, now: Timestamp) -> Option<Explanation> {
        let engine = self.engine();
        self.people.read(self.people.resolve(request.key()), |record| match record {
            Some(record) => engine.explain_campaign(campaign, request, &record.profile, now),
            None => engine.explain_campaign(campaign, request, &Profile::default(), now),
        })
    }
}

impl People {
    /// Queues a person after a change.
    pub(super) fn queue(&self, user: UserKey, shard: &mut Shard) {
        let Some(record) = shard.get_mut(&user) else { return };
        if record.profile.membership.due < record.queued {
            let mut queue = lock(&self.queues[shard_of(user)]);
            queue.add(user, record);
            queue.tidy(shard);
        }
    }

    /// Queues everybody, to be settled by a new engine.
    pub(super) fn queue_all(&self) {
        for (shard, queue) in self.shards.iter().zip(&self.queues) {
            let mut shard = write(shard);
            lock(queue).refill(&mut shard);
        }
    }
}

/// How many people of a shard one call settles at most.
const MOST_PEOPLE: usize = 1024;
/// Through how many times of a possible change a person is led in one call.
const MOST_STEPS: usize = 64;
