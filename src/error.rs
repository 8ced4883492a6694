//! One error for hosts that pass them all on with `?`.

use crate::bandit::BanditError;
use crate::catalog::CatalogError;
use crate::config::Problems;
use crate::decision::NotAPropensity;
use crate::evaluate::OffPolicyError;
use crate::event::{EventError, EventJsonError, EventReadError, SegmentSpecError};
use crate::experiment::{AllocationError, BacklogError, PlanError, PlanErrors};
use crate::id::DecisionIdError;
use crate::identity::SettingsError;
use crate::insight::InsightError;
use crate::personalizer::{ExportError, IngestError};
use crate::recommend::RecommendError;
use crate::rule::{RuleError, RuleErrors};
use crate::schema::RowError;
use crate::state::StateError;
use crate::stats::StatsError;
use crate::time::TimeError;

/// Any error of this crate; each says what its module's error says.
///
/// ```
/// use bespoke::{Engine, Error, Personalizer};
/// fn load(definitions: &str, snapshot: &[u8]) -> Result<Personalizer, Error> {
///     let shop = Personalizer::new(Engine::from_json(definitions)?);
///     shop.restore(snapshot)?;
///     Ok(shop)
/// }
/// let error = load(r#"{"placements": ["home"], "campagins": []}"#, &[]).unwrap_err();
/// assert!(matches!(error, Error::Definitions(_)));
/// assert!(error.to_string().ends_with("did you mean `campaigns`?"));
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Definitions have mistakes.
    #[error(transparent)]
    Definitions(#[from] Problems),
    /// A rule is not sound.
    #[error(transparent)]
    Rule(#[from] RuleError),
    /// A rule in JSON has mistakes.
    #[error(transparent)]
    Rules(#[from] RuleErrors),
    /// Text is an event in neither form.
    #[error(transparent)]
    EventRead(#[from] EventReadError),
    /// Text is not an event in the crate's own form.
    #[error(transparent)]
    EventJson(#[from] EventJsonError),
    /// Text is not a message of the Segment specification.
    #[error(transparent)]
    SegmentSpec(#[from] SegmentSpecError),
    /// An event is not sound.
    #[error(transparent)]
    Event(#[from] EventError),
    /// An event was not taken in.
    #[error(transparent)]
    Ingest(#[from] IngestError),
    /// A row of a table cannot be read.
    #[error(transparent)]
    Row(#[from] RowError),
    /// An item was not taken into the catalog.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// Nothing can be exported.
    #[error(transparent)]
    Export(#[from] ExportError),
    /// Value cannot be looked into.
    #[error(transparent)]
    Insight(#[from] InsightError),
    /// Settings of identity cannot be.
    #[error(transparent)]
    Identity(#[from] SettingsError),
    /// A stored state cannot be read.
    #[error(transparent)]
    State(#[from] StateError),
    /// A bandit cannot be made, or does not take a reward.
    #[error(transparent)]
    Bandit(#[from] BanditError),
    /// A policy cannot be judged by a log.
    #[error(transparent)]
    OffPolicy(#[from] OffPolicyError),
    /// A recommender cannot be made.
    #[error(transparent)]
    Recommend(#[from] RecommendError),
    /// A statistic is not defined for these numbers.
    #[error(transparent)]
    Stats(#[from] StatsError),
    /// An experiment's plan has mistakes.
    #[error(transparent)]
    Plan(#[from] PlanErrors),
    /// A look does not fit the registered plan.
    #[error(transparent)]
    Registration(#[from] PlanError),
    /// A backlog of ideas has a mistake.
    #[error(transparent)]
    Backlog(#[from] BacklogError),
    /// An allocation of units to arms cannot be.
    #[error(transparent)]
    Allocation(#[from] AllocationError),
    /// Text is not a time, or not a span of time.
    #[error(transparent)]
    Time(#[from] TimeError),
    /// Text is not a decision's id.
    #[error(transparent)]
    DecisionId(#[from] DecisionIdError),
    /// A number is not a propensity.
    #[error(transparent)]
    Propensity(#[from] NotAPropensity),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_what_the_error_inside_says() {
        let inside = CatalogError::EmptyId;
        assert_eq!(Error::from(inside.clone()).to_string(), inside.to_string());
        // `Result<(), Error>` travels up through every call of a host.
        assert!(size_of::<Error>() <= 128, "{}", size_of::<Error>());
    }
}
