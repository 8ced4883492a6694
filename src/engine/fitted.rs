//! The models that are fitted in one go, off the hot path, and put to work whole.

use std::sync::Arc;

use super::Models;
use crate::recommend::{Collaborative, Factor};

/// A model that was fitted in one go, ready to be [put to work](Models::install). It is shared, never copied.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Fitted {
    /// What the source `collaborative` asks.
    Collaborative(Arc<Collaborative>),
    /// What the source `factor` asks.
    Factor(Arc<Factor>),
}

/// Those that are at work.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct FittedModels {
    pub(super) collaborative: Option<Arc<Collaborative>>,
    pub(super) factor: Option<Arc<Factor>>,
}

impl FittedModels {
    /// Takes over what is lacking: of two models that were fitted one cannot make a third.
    pub(super) fn merge(&mut self, other: &Self) {
        let Self { collaborative, factor } = other;
        self.collaborative = self.collaborative.take().or_else(|| collaborative.clone());
        self.factor = self.factor.take().or_else(|| factor.clone());
    }
}

impl Models {
    /// Puts a fitted model to work in place of the one of its kind, which is given back. What asks `collaborative` or
    /// `factor` proposes nothing until the first one is there; the next source of the strategy fills the slate.
    ///
    /// A fitted model is no part of [`Models`]' stored form, since it is large and changes only when it is fitted
    /// again: a host stores it by its own `to_bytes` once, and installs it again. When states merge, the model stays
    /// that is there.
    ///
    /// ```
    /// use bespoke::engine::Engine;
    /// use bespoke::recommend::{Collaborative, CollaborativeSettings, Log};
    /// let engine = Engine::from_json(r#"{"placements": ["home"], "campaigns": [
    ///     {"name": "for you", "placement": "home", "recommend": {"sources": ["collaborative", "popular"]}}
    /// ]}"#)?;
    /// let mut models = engine.models();
    /// let fitted = Collaborative::fit(&Log::default(), CollaborativeSettings::default(), 1)?;
    /// assert!(models.install(fitted).is_none());
    /// # Ok::<(), bespoke::Error>(())
    /// ```
    pub fn install(&mut self, model: impl Into<Fitted>) -> Option<Fitted> {
        match model.into() {
            Fitted::Collaborative(model) => self.fitted.collaborative.replace(model).map(Fitted::Collaborative),
            Fitted::Factor(model) => self.fitted.factor.replace(model).map(Fitted::Factor),
        }
    }

    /// The model that the source `collaborative` asks, if one has been installed.
    #[must_use]
    pub const fn collaborative(&self) -> Option<&Arc<Collaborative>> {
        self.fitted.collaborative.as_ref()
    }

    /// The model that the source `factor` asks, if one has been installed.
    #[must_use]
    pub const fn factor(&self) -> Option<&Arc<Factor>> {
        self.fitted.factor.as_ref()
    }

    /// Keeps the fitted models of another state that this one takes the place of.
    pub(crate) fn succeed(&mut self, other: &Self) {
        self.fitted.merge(&other.fitted);
    }
}

impl From<Collaborative> for Fitted {
    fn from(model: Collaborative) -> Self {
        Self::Collaborative(Arc::new(model))
    }
}

impl From<Arc<Collaborative>> for Fitted {
    fn from(model: Arc<Collaborative>) -> Self {
        Self::Collaborative(model)
    }
}

impl From<Factor> for Fitted {
    fn from(model: Factor) -> Self {
        Self::Factor(Arc::new(model))
    }
}

impl From<Arc<Factor>> for Fitted {
    fn from(model: Arc<Factor>) -> Self {
        Self::Factor(model)
    }
}
