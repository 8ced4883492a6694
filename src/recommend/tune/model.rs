//! The models that can be chosen from, as one.

use serde::{Deserialize, Serialize};

use crate::recommend::settings::RecommendError;
use crate::recommend::{
    Candidate, Collaborative, CollaborativeSettings, Factor, FactorSettings, Log, Popular, PopularSettings, Query,
    Recommender, Scratch,
};

/// Which model, and how it is set up.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "model", content = "settings")]
#[non_exhaustive]
pub enum ModelSettings {
    /// What everybody likes.
    Popular(PopularSettings),
    /// What the people like this one had.
    Collaborative(CollaborativeSettings),
    /// What follows from a few numbers for each item.
    Factor(FactorSettings),
}

impl Default for ModelSettings {
    fn default() -> Self {
        Self::Collaborative(CollaborativeSettings::default())
    }
}

impl ModelSettings {
    /// The model's word in texts.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Popular(_) => "popular",
            Self::Collaborative(_) => "collaborative",
            Self::Factor(_) => "factor",
        }
    }

    /// Fits the model to a log, on so many threads; the result is the same for any number of them.
    ///
    /// # Errors
    /// A [`RecommendError`] that names the setting that is out of range.
    pub fn fit(&self, log: &Log, threads: usize) -> Result<Model, RecommendError> {
        Ok(match *self {
            Self::Popular(settings) => {
                let mut popular = Popular::new(settings)?;
                log.iter().for_each(|(_, seen)| popular.learn(seen.item, seen.weight, seen.time));
                Model::Popular(popular)
            }
            Self::Collaborative(settings) => Model::Collaborative(Collaborative::fit(log, settings, threads)?),
            Self::Factor(settings) => Model::Factor(Factor::fit(log, settings, threads)?),
        })
    }
}

/// A fitted model of any kind that can be chosen.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Model {
    /// What everybody likes.
    Popular(Popular),
    /// What the people like this one had.
    Collaborative(Collaborative),
    /// What follows from a few numbers for each item.
    Factor(Factor),
}

impl Model {
    /// The same log's model with other settings, without fitting what they leave as it is.
    pub(super) fn refit(self, to: &ModelSettings, log: &Log, threads: usize) -> Result<Self, RecommendError> {
        match (self, to) {
            (Self::Collaborative(model), ModelSettings::Collaborative(settings))
                if model.settings().rank == settings.rank
                    && model.settings().trend_half_life == settings.trend_half_life =>
            {
                Ok(Self::Collaborative(model.with_settings(*settings)?))
            }
            _ => to.fit(log, threads),
        }
    }
}

impl Recommender for Model {
    fn rank(&self, query: &Query<'_>, scratch: &mut Scratch, slate: &mut Vec<Candidate>) {
        match self {
            Self::Popular(model) => model.rank(query, scratch, slate),
            Self::Collaborative(model) => model.rank(query, scratch, slate),
            Self::Factor(model) => model.rank(query, scratch, slate),
        }
    }
}
