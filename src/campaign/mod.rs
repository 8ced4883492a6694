//! Campaigns: who is shown what, where, when, and what counts as success.
//!
//! A [`Campaign`] fills a placement for its audience within its schedule. Where several apply, the arbiter takes
//! the one of highest priority. Its [`Chooser`] picks one of its variants, each of which carries a payload, or a
//! [`Strategy`] that recommends items, or both. Its [`Goal`] says which later events pay.

pub(crate) mod arbiter;
mod chooser;
mod feature;
mod goal;
mod holdout;
mod read;
mod read_strategy;
mod ready;
mod schedule;
mod strategy;

use std::sync::Arc;

pub use chooser::Chooser;
pub(crate) use chooser::{is_distribution, place, share, split};
pub use feature::{Feature, MAX_FEATURES};
pub use goal::{Goal, GoalItems, Pay};
pub use holdout::HOLDOUT;
pub(crate) use holdout::held_out;
pub(crate) use read::{read_unknown, rule};
pub use schedule::Schedule;
pub(crate) use strategy::WEIGHTS;
pub use strategy::{Calibrate, Filters, MAX_SLATE, Repeats, Seen, SegmentRule, Strategy, Target, Weighted};

use crate::rule::{Rule, Unknown};

/// A place that the host can fill.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placement {
    /// The name by which requests ask for it.
    pub name: String,
}

/// Who is shown what, where and when: a definition.
#[derive(Clone, Debug, PartialEq)]
pub struct Campaign {
    /// The name, unlike that of every other campaign.
    pub name: String,
    /// The placement that it fills.
    pub placement: String,
    /// Whom it is for; everybody if there is no rule.
    pub audience: Option<Rule>,
    /// Whether it is for those of whom the audience does not tell; `None` for what the settings say of all.
    pub unknown: Option<Unknown>,
    /// When it runs.
    pub schedule: Schedule,
    /// Of several campaigns that apply the one of highest priority wins, ties by name.
    pub priority: i32,
    /// The alternatives; at least one.
    pub variants: Vec<Variant>,
    /// How one of them is chosen.
    pub chooser: Chooser,
    /// The share of its people, from 0 to 1, who are kept out, so that what it adds can be measured ([`HOLDOUT`]).
    pub holdout: f64,
    /// What a bandit with features is told, in this order; changing them has it begin anew.
    pub features: Vec<Feature>,
    /// What counts as success.
    pub goal: Option<Goal>,
}

/// An alternative of a campaign.
#[derive(Clone, Debug, PartialEq)]
pub struct Variant {
    /// The name, unlike that of the campaign's other variants.
    pub name: String,
    /// What the host is to show; the crate passes it on as it is.
    pub payload: Option<Arc<serde_json::Value>>,
    /// How items are recommended, if the variant shows some.
    pub recommend: Option<Strategy>,
}

impl Campaign {
    /// A campaign for everybody, at all times, of priority 0, with one empty variant `default` that is always chosen.
    #[must_use]
    pub fn new(name: impl Into<String>, placement: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            placement: placement.into(),
            audience: None,
            unknown: None,
            schedule: Schedule::default(),
            priority: 0,
            variants: vec![Variant { name: "default".to_owned(), payload: None, recommend: None }],
            chooser: Chooser::default(),
            holdout: 0.0,
            features: Vec::new(),
            goal: None,
        }
    }
}

/// The most variants of a campaign.
pub const MAX_VARIANTS: usize = 64;
