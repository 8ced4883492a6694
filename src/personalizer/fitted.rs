//! Models that are fitted off the hot path: what they are fitted from, and how they come to work.

use super::{Personalizer, write};
use crate::engine::{Fitted, sign, visitor};
use crate::recommend::Log;

impl Personalizer {
    /// What the people who are kept did with items, as far as their histories reach
    /// ([`Settings::history`](crate::engine::Settings::history)): enough to fit a model from, where the host has no
    /// longer log of its own ([`Engine::signs`](crate::Engine::signs)). The same people give the same log.
    ///
    /// Cost: a walk over all histories, a few hundred people at a time, for which events of their shard wait.
    #[must_use]
    pub fn log(&self) -> Log {
        let mut log = Log::default();
        self.people.each(&mut |user, record| {
            let signs = record.profile.history().iter().filter_map(|event| sign(&event));
            signs.for_each(|seen| log.push(visitor(user), seen));
        });
        log
    }

    /// Puts a fitted model to work in place of the one of its kind, which is given back. Decisions under way finish
    /// with the old one; the next ones wait for no more than a pointer to be exchanged.
    ///
    /// Fitting takes seconds, so a host does it on a thread of its own, from [`Personalizer::log`] or from the events
    /// that it has stored, and again now and then. Until the first model is there the source proposes nothing, and the
    /// next source of the strategy fills the slate. A snapshot does not hold fitted models; [`Personalizer::restore`]
    /// leaves in place what is installed. A host stores their own bytes beside it, and installs them after a restart.
    ///
    /// ```
    /// use bespoke::recommend::{Collaborative, CollaborativeSettings};
    /// use bespoke::{Engine, Event, EventKind, Personalizer, Request, Source, Timestamp};
    /// use bespoke::catalog::Item;
    /// let shop = Personalizer::new(Engine::from_json(r#"{"placements": ["home"], "campaigns": [
    ///     {"name": "for you", "placement": "home", "recommend": {"sources": ["collaborative", "popular"]}}
    /// ]}"#)?);
    /// let now: Timestamp = "2026-03-01T12:00:00Z".parse()?;
    /// for item in ["tent", "stove"] {
    ///     shop.upsert_item(Item::new(item))?;
    /// }
    /// for (user, item) in [("ann", "tent"), ("ann", "stove"), ("bob", "tent"), ("bob", "stove"), ("cid", "tent")] {
    ///     shop.ingest(&Event::new(EventKind::ItemViewed, user, now).item(item), now)?;
    /// }
    /// let model = Collaborative::fit(&shop.log(), CollaborativeSettings::default(), 1)?;
    /// let bytes = model.to_bytes()?; // for the next start
    /// assert!(shop.install(model).is_none());
    /// let first = &shop.decide(&Request::new("home").user("cid"), now).slate[0];
    /// assert_eq!((&*first.item, first.source), ("stove", Source::Collaborative));
    /// # Ok::<(), bespoke::Error>(())
    /// ```
    pub fn install(&self, model: impl Into<Fitted>) -> Option<Fitted> {
        let model = model.into();
        // What is given back is dropped by the caller, behind the lock.
        write(&self.models).install(model)
    }
}
