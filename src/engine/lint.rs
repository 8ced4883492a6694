//! What definitions say that is sound but hardly meant.

use super::Definitions;
use super::Engine;
use super::definitions::Paths;
use crate::campaign::{Campaign, arbiter};
use crate::config::{Fault, Problems, Warning, join};
use crate::hash::Map;
use crate::rule::{Linter, Rule, Unknown};

impl Definitions {
    /// What these definitions say that is hardly meant: conditions that nobody can meet or that exclude nobody, two
    /// segments with one rule, campaigns that another always forestalls, and counters that at worst take more bytes than
    /// a profile has for them ([`Cost::counter_room`](super::Cost::counter_room)). Each with its place and a suggestion, as
    /// [`Fault::Warning`].
    ///
    /// No warning is given for a condition that some person meets; what a bounded search does not settle is not warned
    /// of. A host that wants to be strict refuses definitions with warnings.
    ///
    /// ```
    /// use bespoke::engine::Definitions;
    /// let definitions = Definitions::from_json(r#"{"segments": [
    ///     {"name": "keen", "rule": "event('item_viewed').count() >= 3 AND event('item_viewed').count() < 2"}
    /// ]}"#).unwrap();
    /// assert_eq!(definitions.warnings().to_string(), "segments[0].rule: nobody can meet \
    ///     `event('item_viewed').count() >= 3 AND event('item_viewed').count() < 2`: `event('item_viewed').count() >= 3` and \
    ///     `event('item_viewed').count() < 2` exclude each other; drop one of them, or join them with OR");
    /// ```
    #[must_use]
    pub fn warnings(&self) -> Problems {
        // Definitions with mistakes have no cost.
        self.warnings_at(&Paths::of(self), Engine::new(self.clone()).ok().as_ref())
    }

    /// [`Definitions::warnings`] of a JSON document, each with its line and column.
    ///
    /// # Errors
    /// [`Problems`]: the mistakes, if there are any, as from [`Engine::from_json`].
    pub fn warnings_of_json(text: &str) -> Result<Problems, Problems> {
        let engine = Engine::from_json(text)?;
        let (definitions, paths, _) = Self::read(text)?;
        let mut warnings = definitions.warnings_at(&paths, Some(&engine));
        warnings.locate(text);
        Ok(warnings)
    }

    fn warnings_at(&self, paths: &Paths, engine: Option<&Engine>) -> Problems {
        let mut warnings = Problems::default();
        let rules: Map<&str, &Rule> = self.segments.iter().map(|of| (of.name.as_str(), &of.rule)).collect();
        let linter = Linter { schema: &self.schema, segment: &|name| rules.get(name).copied() };
        let look = |rule, path: String, warnings: &mut Problems| {
            if !warnings.is_full() {
                linter.look(rule, &mut |inside, warning| {
                    warnings.push_inside(path.clone(), inside, Fault::Warning(warning));
                });
            }
        };
        let mut written: Map<(String, bool), &str> = Map::default();
        for (segment, path) in self.segments.iter().zip(&paths.segments) {
            look(&segment.rule, join(path, "rule"), &mut warnings);
            let unknown = segment.unknown.unwrap_or(self.settings.unknown);
            let rule = (segment.rule.to_string(), unknown == Unknown::Include);
            if let Some(first) = written.get(&rule) {
                let segment = (*first).to_owned();
                warnings.push(join(path, "rule"), Fault::Warning(Warning::SameRule { segment }));
            } else {
                written.insert(rule, &segment.name);
            }
        }
        for (campaign, path) in self.campaigns.iter().zip(&paths.campaigns) {
            if let Some(rule) = &campaign.audience {
                look(rule, join(path, "audience"), &mut warnings);
            }
        }
        self.forestalled(&linter, paths, &mut warnings);
        if let Some(warning) = engine.and_then(|engine| engine.cost().warning()) {
            warnings.push("settings.profile_bytes", Fault::Warning(warning));
        }
        warnings
    }

    /// Warns of campaigns that another one of their placement always forestalls.
    fn forestalled<'a>(&'a self, linter: &Linter<'a>, paths: &Paths, warnings: &mut Problems) {
        let mut by_placement: std::collections::BTreeMap<&str, Vec<usize>> = std::collections::BTreeMap::new();
        for (index, campaign) in self.campaigns.iter().enumerate() {
            by_placement.entry(&campaign.placement).or_default().push(index);
        }
        let includes = |of: &Campaign| of.unknown.unwrap_or(self.settings.unknown) == Unknown::Include;
        for (_, mut of) in by_placement {
            arbiter::rank(&self.campaigns, &mut of);
            // Each campaign that was not forestalled itself may forestall those after it.
            let mut first: Vec<&Campaign> = Vec::new();
            for index in of {
                let campaign = &self.campaigns[index];
                let by = first.iter().find(|by| {
                    runs_as_long(by, campaign)
                        && (includes(by) || !includes(campaign))
                        && linter.is_within(campaign.audience.as_ref(), by.audience.as_ref())
                });
                match by {
                    Some(by) => {
                        let warning = Warning::Unreachable { by: by.name.clone() };
                        let path = paths.campaigns.get(index).cloned().unwrap_or_default();
                        warnings.push(path, Fault::Warning(warning));
                    }
                    // One that may find no items leaves the placement to others.
                    None if first.len() < MOST_COMPARED => {
                        let fills = campaign.variants.iter().all(|variant| variant.recommend.is_none());
                        first.extend(fills.then_some(campaign));
                    }
                    None => {}
                }
                if warnings.is_full() {
                    return;
                }
            }
        }
    }
}

/// Whether a campaign runs whenever another one does.
fn runs_as_long(long: &Campaign, short: &Campaign) -> bool {
    let starts = long.schedule.starts.is_none_or(|starts| short.schedule.starts.is_some_and(|other| starts <= other));
    let ends = long.schedule.ends.is_none_or(|ends| short.schedule.ends.is_some_and(|other| ends >= other));
    starts && ends
}

/// With how many campaigns of a placement each further one is compared.
const MOST_COMPARED: usize = 50;
