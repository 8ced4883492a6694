//! What is asked about all people at once.

use super::Personalizer;
use crate::insight::{SizeReport, SizeSettings, Sizes};
use crate::time::Timestamp;

impl Personalizer {
    /// How large the segments are, what keeps people out of them, and how they overlap; see [`Sizes`].
    ///
    /// Events wait only while a few hundred people of one shard are looked at. Cost: a look at every person.
    ///
    /// ```
    /// use bespoke::{Engine, Event, EventKind, Personalizer, Timestamp};
    /// use bespoke::insight::SizeSettings;
    /// let shop = Personalizer::new(Engine::from_json(r#"{"segments": [{"name": "pros", "rule": {"plan": "pro"}}]}"#)?);
    /// let now: Timestamp = "2026-03-01T12:00:00Z".parse()?;
    /// for (name, plan) in [("ann", "pro"), ("ben", "free")] {
    ///     shop.ingest(&Event::new(EventKind::Identified, name, now).attribute("plan", plan), now)?;
    /// }
    /// let report = shop.sizes(SizeSettings::default(), now);
    /// assert_eq!((report.people, report.segments[0].people), (2, 1));
    /// # Ok::<(), bespoke::Error>(())
    /// ```
    #[must_use]
    pub fn sizes(&self, settings: SizeSettings, now: Timestamp) -> SizeReport {
        let engine = self.engine();
        let mut sizes = Sizes::new(&engine, now, settings);
        self.people.each(&mut |_, record| sizes.observe(&record.profile));
        sizes.report()
    }
}
