//! What is learned from everybody: the catalog's popularity, what goes with what, and how campaigns fare.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use serde::{Deserialize, Serialize};

use super::Engine;
use super::earnings::Earnings;
use super::fitted::FittedModels;
use super::open::Paid;
use crate::bandit::{Bandit, Policy, Reward, Trial};
use crate::campaign::{Chooser, HOLDOUT};
use crate::catalog::Catalog;
use crate::hash::Symbol;
use crate::recommend::{
    Clicks, GroupedSettings, NeighborSettings, Neighbors, Popular, PopularIn, PopularSettings, Relation,
};
use crate::sketch::ExactSum;
use crate::state::State;
use crate::time::Timestamp;

/// Everything that is learned from all people together: a state.
///
/// Made by [`Engine::models`]; [`Engine::adopt`] fits it to changed definitions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Models {
    /// What can be recommended.
    pub catalog: Catalog,
    /// What people look at these days.
    pub popular: Popular,
    /// What goes with what.
    pub neighbors: Neighbors,
    /// What goes with what in the other ways that strategies ask for, each learned since one first did.
    pub relations: BTreeMap<Relation, Neighbors>,
    /// What is clicked next, since strategies ask for it: bounded by its settings
    /// ([`ClickSettings`](crate::recommend::ClickSettings)), unless told otherwise to the 100,000 visits that ended last.
    pub clicks: Option<Clicks>,
    /// What people look at lately, if strategies ask for what is on the rise.
    pub lately: Option<Popular>,
    /// What is popular in each category, by the symbol of its path, since strategies ask for it.
    pub popular_in_category: PopularIn,
    /// What is popular with the people of segments, by the symbols of their names, since strategies ask for it.
    pub popular_in_segment: PopularIn,
    /// How campaigns fare, by the symbol of their names.
    pub(super) campaigns: BTreeMap<Symbol, CampaignState>,
    /// The models that the host has fitted and handed in. They are no part of the stored form.
    #[serde(skip)]
    pub(super) fitted: FittedModels,
}

/// How a campaign fares.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct CampaignState {
    /// The variants in the order of the definition; then [`HOLDOUT`], if anybody is held out; then those of earlier
    /// definitions that were shown.
    pub(super) variants: Vec<VariantState>,
    /// The policy, with an arm for each variant of the definition.
    pub(super) bandit: Option<Bandit>,
}

/// How a variant fares.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct VariantState {
    pub(super) name: Symbol,
    pub(super) tally: Tally,
    /// What the sources of its blend have earned, if it learns.
    pub(super) earnings: Earnings,
}

/// What was counted of one variant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// How many decisions were shown.
    pub exposures: u64,
    /// How many of these were paid by the goal.
    pub conversions: u64,
    /// The money of the events that paid.
    pub amount: ExactSum,
    /// Its squares, from which it follows how much it varies.
    pub squares: ExactSum,
}

impl Tally {
    /// Adds what another tally has counted.
    pub fn merge(&mut self, other: &Self) {
        self.exposures = self.exposures.saturating_add(other.exposures);
        self.conversions = self.conversions.saturating_add(other.conversions);
        self.amount.merge(other.amount);
        self.squares.merge(other.squares);
    }

    /// Counts that a decision was paid.
    pub(crate) fn pay(&mut self, amount: f64) {
        self.conversions = self.conversions.saturating_add(1);
        self.amount.add(amount);
        self.squares.add(amount * amount);
    }
}

impl Models {
    /// What was counted of a variant.
    #[must_use]
    pub fn tally(&self, campaign: &str, variant: &str) -> Tally {
        let of = self.campaigns.get(&Symbol::new(campaign));
        let of = of.and_then(|state| state.variants.iter().find(|of| of.name == Symbol::new(variant)));
        of.map(|of| of.tally).unwrap_or_default()
    }

    /// The policy of a campaign whose chooser is a bandit.
    #[must_use]
    pub fn bandit(&self, campaign: &str) -> Option<&Bandit> {
        self.campaigns.get(&Symbol::new(campaign))?.bandit.as_ref()
    }

    /// Counts that a decision was shown.
    pub(super) fn expose(&mut self, campaign: Symbol, variant: Symbol, shown: Timestamp, features: &[f64]) {
        let Some(state) = self.campaigns.get_mut(&campaign) else { return };
        let Some(at) = state.variants.iter().position(|of| of.name == variant) else { return };
        let tally = &mut state.variants[at].tally;
        tally.exposures = tally.exposures.saturating_add(1);
        if let Some(bandit) = state.bandit.as_mut().filter(|bandit| at < bandit.arms()) {
            // It is refused only if the definition reads other features by now, and then teaches nothing.
            let _ = bandit.expose(&Trial::new(at, shown).features(features));
        }
    }

    /// Counts that a shown decision was paid.
    pub(super) fn pay(&mut self, campaign: Symbol, paid: &Paid, reward: f64, amount: f64) {
        let Paid { variant, shown, features, .. } = paid;
        let Some(state) = self.campaigns.get_mut(&campaign) else { return };
        let Some(at) = state.variants.iter().position(|of| of.name == *variant) else { return };
        state.variants[at].tally.pay(amount);
        let bandit = state.bandit.as_mut().filter(|bandit| at < bandit.arms());
        if let (Some(bandit), Ok(reward)) = (bandit, Reward::new(reward)) {
            // Compiling the definitions has made sure that this bandit takes such rewards; see above for the features.
            let _ = bandit.learn(&Trial::new(at, *shown).features(features), reward);
        }
    }
}

impl State for Models {
    const KIND: &'static str = "models";
    const VERSION: u16 = 1;

    fn merge(&mut self, other: &Self) {
        self.catalog.merge(&other.catalog);
        self.popular.merge(&other.popular);
        self.neighbors.merge(&other.neighbors);
        for (relation, theirs) in &other.relations {
            match self.relations.entry(*relation) {
                Entry::Occupied(ours) => ours.into_mut().merge(theirs),
                Entry::Vacant(place) => drop(place.insert(theirs.clone())),
            }
        }
        merge_if_known(&mut self.clicks, other.clicks.as_ref());
        merge_if_known(&mut self.lately, other.lately.as_ref());
        self.fitted.merge(&other.fitted);
        self.popular_in_category.merge(&other.popular_in_category);
        self.popular_in_segment.merge(&other.popular_in_segment);
        for (name, theirs) in &other.campaigns {
            let ours = self.campaigns.entry(*name).or_default();
            for of in &theirs.variants {
                match ours.variants.iter_mut().find(|ours| ours.name == of.name) {
                    Some(ours) => {
                        ours.tally.merge(&of.tally);
                        ours.earnings.merge(&of.earnings);
                    }
                    None => ours.variants.push(of.clone()),
                }
            }
            match (&mut ours.bandit, &theirs.bandit) {
                (Some(ours), Some(theirs)) => ours.merge(theirs),
                (ours @ None, theirs) => ours.clone_from(theirs),
                (Some(_), None) => {}
            }
        }
    }
}

/// Takes in what a model knows that either side may lack.
fn merge_if_known<S: State + Clone>(ours: &mut Option<S>, theirs: Option<&S>) {
    match (ours, theirs) {
        (Some(ours), Some(theirs)) => ours.merge(theirs),
        (ours @ None, theirs) => *ours = theirs.cloned(),
        (Some(_), None) => {}
    }
}

impl super::CompiledCampaign {
    /// Whether a state's variants begin with those of this campaign, so that the arms of its bandit are these.
    pub(super) fn is_adopted_by(&self, state: &CampaignState) -> bool {
        let arms = state.bandit.as_ref().map_or(0, Policy::arms);
        let same = state.variants.iter().zip(&self.symbols).all(|(of, symbol)| of.name == *symbol);
        same && state.variants.len() >= self.symbols.len() && arms == self.symbols.len()
    }
}

impl Engine {
    /// Fresh models for these definitions: an empty catalog, nothing learned.
    #[must_use]
    pub fn models(&self) -> Models {
        let half_life = self.settings.popularity_half_life;
        let popular = Popular::new(PopularSettings { half_life, ..PopularSettings::default() });
        let grouped = || PopularIn::new(GroupedSettings { half_life, ..GroupedSettings::default() });
        let neighbors = NeighborSettings { fade: self.settings.related_fade, ..NeighborSettings::default() };
        let mut models = Models {
            catalog: Catalog::new(),
            popular: popular.unwrap_or_default(),
            neighbors: Neighbors::new(neighbors).unwrap_or_default(),
            relations: BTreeMap::new(),
            clicks: None,
            lately: None,
            popular_in_category: grouped().unwrap_or_default(),
            popular_in_segment: grouped().unwrap_or_default(),
            campaigns: BTreeMap::new(),
            fitted: FittedModels::default(),
        };
        self.adopt(&mut models);
        models
    }

    /// Fits models to these definitions: campaigns that are new begin with nothing, a variant keeps what was counted
    /// under its name, and a bandit keeps what it knows of each variant that is still there. What was learned of
    /// campaigns that are gone stays, in case they come back. Models that strategies did not ask for before begin with
    /// nothing too.
    pub fn adopt(&self, models: &mut Models) {
        if self.asked.trending && models.lately.is_none() {
            let half_life = self.settings.trending_half_life;
            models.lately = Popular::new(PopularSettings { half_life, ..PopularSettings::default() }).ok();
        }
        if self.asked.clicks && models.clicks.is_none() {
            models.clicks = Some(Clicks::default());
        }
        for relation in &self.asked.relations {
            let fresh = || Neighbors::new(relation.settings()).unwrap_or_default();
            models.relations.entry(*relation).or_insert_with(fresh);
        }
        for campaign in &self.campaigns {
            let state = models.campaigns.entry(campaign.symbol).or_default();
            let before = std::mem::take(&mut state.variants);
            let mut names = campaign.symbols.clone();
            let place = |name: &Symbol| before.iter().position(|of| of.name == *name);
            let was: Vec<Option<usize>> = names.iter().map(place).collect();
            // Behind the arms of the bandit, which learns nothing from them.
            names.extend(self.holds_out(campaign).then(|| Symbol::new(HOLDOUT)));
            let of = |name: &Symbol| {
                let fresh = || VariantState { name: *name, tally: Tally::default(), earnings: Earnings::default() };
                place(name).map_or_else(fresh, |at| before[at].clone())
            };
            state.variants = names.iter().map(of).collect();
            state.variants.extend(before.iter().filter(|of| !names.contains(&of.name)).cloned());
            state.bandit = match &campaign.chooser {
                Chooser::Bandit(spec) => match state.bandit.take() {
                    Some(bandit) => bandit.rearranged(spec, campaign.features.len(), &was).ok(),
                    None => Bandit::new(spec, was.len(), campaign.features.len()).ok(),
                },
                _ => None,
            };
        }
    }
}
