//! What the campaigns earned: a value for tools, and a table for people.

mod lift;

use std::fmt;

pub use lift::{Gain, Lift};
use serde::Serialize;

use crate::bandit::Policy;
use crate::campaign::HOLDOUT;
use crate::engine::{Engine, Models, Tally};
use crate::stats::{Alpha, Interval, jeffreys};

/// How every campaign fares.
///
/// ```
/// use bespoke::engine::Engine;
/// use bespoke::report::Report;
/// let engine = Engine::from_json(r#"{"placements": ["home"],
///     "campaigns": [{"name": "hello", "placement": "home", "payload": "hi!"}]}"#).unwrap();
/// let report = Report::new(&engine, &engine.models());
/// assert_eq!(report.campaigns[0].variants[0].exposures, 0);
/// assert!(report.to_string().contains("hello"));
/// ```
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// The campaigns in the order of their definition.
    pub campaigns: Vec<CampaignReport>,
}

/// How one campaign fares.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CampaignReport {
    /// The campaign's name.
    pub name: String,
    /// The placement that it fills.
    pub placement: String,
    /// The variants in the order of their definition.
    pub variants: Vec<VariantReport>,
    /// Those who are held out, if anybody is or was.
    pub holdout: Option<VariantReport>,
    /// What all variants together have added, against those.
    pub lift: Option<Lift>,
}

/// How one variant fares.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct VariantReport {
    /// The variant's name.
    pub name: String,
    /// How many decisions were shown.
    pub exposures: u64,
    /// How many of these were paid by the goal.
    pub conversions: u64,
    /// Conversions per exposure, if there were exposures.
    pub rate: Option<f64>,
    /// Where the rate is likely to lie: the 95 % Jeffreys interval (Brown, Cai and DasGupta, 2001).
    pub interval: Interval,
    /// The money of the events that paid, all currencies added up as plain numbers.
    pub amount: f64,
    /// The probability that the variant is the best of the campaign, where a bandit with a posterior chooses.
    pub best: Option<f64>,
}

impl Report {
    /// Draws up the report. Cost: O(variants), and an integral for each Thompson bandit that has changed.
    #[must_use]
    pub fn new(engine: &Engine, models: &Models) -> Self {
        let campaign = |campaign: &crate::campaign::Campaign| {
            let best = models.bandit(&campaign.name).and_then(Policy::best);
            let held_out = models.tally(&campaign.name, HOLDOUT);
            let has_holdout = held_out.exposures > 0 || campaign.holdout > 0.0 || engine.settings().holdout > 0.0;
            let mut shown = Tally::default();
            let variants = campaign.variants.iter().enumerate().map(|(arm, variant)| {
                let tally = models.tally(&campaign.name, &variant.name);
                shown.merge(&tally);
                VariantReport::new(&variant.name, &tally, best.as_ref().and_then(|best| best.get(arm).copied()))
            });
            let variants = variants.collect();
            CampaignReport {
                name: campaign.name.clone(),
                placement: campaign.placement.clone(),
                variants,
                holdout: has_holdout.then(|| VariantReport::new(HOLDOUT, &held_out, None)),
                lift: has_holdout.then(|| Lift::new(&shown, &held_out)),
            }
        };
        Self { campaigns: engine.campaigns().map(campaign).collect() }
    }
}

impl VariantReport {
    fn new(name: &str, tally: &Tally, best: Option<f64>) -> Self {
        let (shown, paid) = (tally.exposures, tally.conversions.min(tally.exposures));
        Self {
            name: name.to_owned(),
            exposures: tally.exposures,
            conversions: tally.conversions,
            // Counts beyond 2^53 are rounded by a part in 10^16.
            rate: (shown > 0).then(|| tally.conversions as f64 / shown as f64),
            interval: jeffreys(paid, shown, Alpha::USUAL).unwrap_or(Interval::WHOLE),
            amount: tally.amount.value(),
            best,
        }
    }
}

impl fmt::Display for Report {
    /// A table with a line for each variant, for those who are held out, and for what the campaign has added.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.campaigns.iter().flat_map(|campaign| {
            std::iter::once(campaign.name.chars().count())
                .chain(campaign.variants.iter().map(|variant| variant.name.chars().count() + 2))
        });
        let width = names.max().unwrap_or(0).max(20);
        writeln!(
            f,
            "{:<width$} {:>7} {:>6} {:>7} {:>16} {:>9} {:>8}",
            "campaign / variant", "shown", "paid", "rate", "95 % interval", "amount", "P(best)"
        )?;
        for campaign in &self.campaigns {
            writeln!(f, "{:<width$} on {}", campaign.name, campaign.placement)?;
            for variant in campaign.variants.iter().chain(&campaign.holdout) {
                let percent = |share: f64| format!("{:.1} %", 100.0 * share);
                let interval = format!("{} – {}", percent(variant.interval.low), percent(variant.interval.high));
                writeln!(
                    f,
                    "{:<width$} {:>7} {:>6} {:>7} {:>16} {:>9.2} {:>8}",
                    format!("  {}", variant.name),
                    variant.exposures,
                    variant.conversions,
                    variant.rate.map_or_else(|| "–".to_owned(), percent),
                    if variant.exposures > 0 { interval } else { "–".to_owned() },
                    variant.amount,
                    variant.best.map_or_else(|| "–".to_owned(), percent),
                )?;
            }
            if let Some(Lift { rate, amount }) = &campaign.lift {
                for (gain, of) in [(rate, "conversions"), (amount, "money")] {
                    match gain {
                        Ok(Gain { total, total_interval: Interval { low, high }, .. }) => {
                            writeln!(f, "  added: {total:+.1} {of} ({low:+.1} to {high:+.1})")?;
                        }
                        Err(reason) => writeln!(f, "  added {of}: {reason}")?,
                    }
                }
            }
        }
        Ok(())
    }
}
