//! What is asked about all people at once.

use super::Personalizer;
use crate::insight::{Analysis, InsightError, Sample, SizeReport, SizeSettings, Sizes, ValueSettings, Worth};
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

    /// A sample of at most `limit` people; see [`Sample`].
    ///
    /// Events wait only while a few hundred people of one shard are looked at. Cost: a hash for each person, and a
    /// copy of those in the sample.
    #[must_use]
    pub fn sample(&self, limit: usize, seed: u64) -> Sample {
        let mut sample = Sample::new(limit, seed);
        self.people.each(&mut |key, record| sample.observe(key, &record.profile));
        sample
    }

    /// What goes with value among the people of a sample, and which segments would be worth having; see [`Analysis`].
    ///
    /// Attributes are looked at by the names that events brought, too, of which the crate remembers 4,096.
    ///
    /// Models that would learn wait while the analysis is made, since it reads the catalog; that takes as long as to
    /// evaluate some hundred rules for each person of the sample.
    ///
    /// # Errors
    /// An [`InsightError`] if the worth is membership of a segment that the engine does not have.
    ///
    /// ```
    /// use bespoke::{Engine, Event, EventKind, Personalizer, Timestamp};
    /// use bespoke::insight::{ValueSettings, Worth};
    /// let shop = Personalizer::new(Engine::from_json(r#"{"schema": {"attributes": {"plan": "text"}}}"#)?);
    /// let now: Timestamp = "2026-03-01T12:00:00Z".parse()?;
    /// let orders = (0..1_000).flat_map(|i| {
    ///     let (name, plan) = (i.to_string(), ["free", "pro"][i % 2]);
    ///     let spent = (i % 7 + i % 2 * 4) as f64;
    ///     [Event::new(EventKind::Identified, &name, now).attribute("plan", plan),
    ///      Event::new(EventKind::Purchased, &name, now).value(spent, "EUR")]
    /// });
    /// shop.import(orders, now);
    /// let sample = shop.sample(20_000, 0);
    /// let analysis = shop.analysis(&sample, &Worth::spent("EUR"), &ValueSettings::default(), now)?;
    /// println!("{}", analysis.drivers());
    /// assert_eq!(analysis.suggestions().found[0].rule.to_string(), "plan = 'pro'");
    /// # Ok::<(), bespoke::Error>(())
    /// ```
    pub fn analysis(
        &self,
        sample: &Sample,
        worth: &Worth<'_>,
        settings: &ValueSettings,
        now: Timestamp,
    ) -> Result<Analysis, InsightError> {
        let engine = self.engine();
        let mut settings = settings.clone();
        settings.attributes.extend(self.names.all().into_iter().map(String::from));
        self.with_models(|models| Analysis::new(&engine, sample, &models.catalog, worth, &settings, now))
    }
}
