//! What is asked, and what is answered: requests and decisions.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::id::{DecisionId, UserKey};
use crate::time::Timestamp;
use crate::value::Properties;

/// The probability with which a choice was made, in (0, 1].
///
/// Logged with every decision, it lets other policies be judged from the same log (inverse propensity scoring).
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Propensity(f64);

impl Propensity {
    /// A choice that could not have been another.
    pub const CERTAIN: Self = Self(1.0);

    /// Takes a probability.
    ///
    /// # Errors
    /// [`NotAPropensity`] unless it lies in (0, 1].
    pub fn new(probability: f64) -> Result<Self, NotAPropensity> {
        if probability > 0.0 && probability <= 1.0 { Ok(Self(probability)) } else { Err(NotAPropensity(probability)) }
    }

    /// The probability.
    #[must_use]
    pub const fn value(self) -> f64 {
        self.0
    }
}

impl TryFrom<f64> for Propensity {
    type Error = NotAPropensity;
    fn try_from(probability: f64) -> Result<Self, NotAPropensity> {
        Self::new(probability)
    }
}

impl From<Propensity> for f64 {
    fn from(propensity: Propensity) -> Self {
        propensity.0
    }
}

/// A number that is not the probability of something that happened.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error("{0} is not a propensity: it must be more than 0 and at most 1")]
pub struct NotAPropensity(pub f64);

/// A question: what to show to this person in this place.
///
/// ```
/// use bespoke::decision::Request;
/// let request = Request::new("home").user("ann").context("weather", "rain");
/// assert_eq!(request.placement, "home");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Request {
    /// The id by which the host knows the person.
    pub user: Option<String>,
    /// The id of a visitor that is not (yet) a known person.
    pub anonymous: Option<String>,
    /// The name of the placement to fill.
    pub placement: String,
    /// What is known about this request: page, category, weather …
    pub context: Properties,
    /// How many items are wanted, if fewer than the variant would give.
    pub limit: Option<usize>,
}

impl Request {
    /// A question about a placement, from nobody in particular.
    #[must_use]
    pub fn new(placement: impl Into<String>) -> Self {
        Self { placement: placement.into(), ..Self::default() }
    }

    /// Says that a known user asks.
    #[must_use]
    pub fn user(mut self, id: impl Into<String>) -> Self {
        self.user = Some(id.into());
        self
    }

    /// Says that a visitor with an anonymous id asks.
    #[must_use]
    pub fn anonymous(mut self, id: impl Into<String>) -> Self {
        self.anonymous = Some(id.into());
        self
    }

    /// Adds what is known about the request.
    #[must_use]
    pub fn context(mut self, name: impl Into<String>, value: impl Into<crate::value::Value>) -> Self {
        self.context.insert(name.into(), value.into());
        self
    }

    /// The key of the person who asks; that of the empty anonymous id if nobody is named.
    #[must_use]
    pub fn key(&self) -> UserKey {
        match (&self.user, &self.anonymous) {
            (Some(user), _) => UserKey::known(user),
            (None, anonymous) => UserKey::anonymous(anonymous.as_deref().unwrap_or("")),
        }
    }
}

/// The answer to a request: what to show, with what probability it was chosen, and why.
///
/// There is always an answer. Where no campaign applies, `campaign` and `variant` are empty and the host shows what
/// it shows by default; the verdicts say why.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Decision {
    /// The name of the decision, to send back with the exposure.
    pub id: DecisionId,
    /// For whom it was made.
    pub user: UserKey,
    /// The placement it fills.
    pub placement: Arc<str>,
    /// When it was made.
    pub time: Timestamp,
    /// The campaign that won the placement.
    pub campaign: Option<Arc<str>>,
    /// The variant that was chosen; [`HOLDOUT`](crate::campaign::HOLDOUT) for somebody who is held out.
    pub variant: Option<Arc<str>>,
    /// The variant's payload, as the campaign's definition gives it.
    pub payload: Option<Arc<serde_json::Value>>,
    /// The items, best first.
    pub slate: Vec<Ranked>,
    /// The probability with which the variant was chosen, given that the campaign won and the person was not held out;
    /// or else with which somebody is held out.
    pub propensity: Propensity,
    /// What the campaign's bandit was told, in the order of its features; with the propensity it suffices to judge other
    /// policies by the log.
    #[serde(default)]
    pub features: Vec<f64>,
    /// Why no campaign fills the placement, if none does; the host shows what it shows by default.
    pub fallback: Option<Fallback>,
    /// What became of each campaign of the placement, the winner first, then by falling priority.
    pub verdicts: Vec<Verdict>,
    /// The person does not consent to personalisation: the decision was made as for an unknown one.
    #[serde(default)]
    pub impersonal: bool,
    /// The experiment of the campaign says by name which variant this person gets, for testing: it teaches nothing, and
    /// its exposure and its rewards are not counted.
    #[serde(default)]
    pub forced: bool,
}

/// Why a decision is empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Fallback {
    /// The definitions have no placement of this name.
    UnknownPlacement,
    /// No campaign of the placement applies; the verdicts say why not.
    NoCampaign,
    /// A campaign applies, but the person is among those who are kept out to measure what it adds. The host sends back
    /// an exposure for what it shows by default, as it would for what a campaign shows.
    HeldOut,
}

/// One item of a slate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ranked {
    /// The item's id.
    pub item: Box<str>,
    /// The score that its source gave it; comparable within one source only.
    pub score: f64,
    /// Which recommender brought it.
    pub source: Source,
    /// The item of the person's history that spoke for it most, where one did.
    pub because: Option<Box<str>>,
    /// How much of the score that item gave: from zero, where none spoke for it, to all of it.
    #[serde(default)]
    pub contribution: f64,
    /// What each source of the strategy's [blend](crate::decision::Part) said for it, in the order of the sources: their
    /// scores add up to the item's. Empty for an item that no blend proposed.
    #[serde(default)]
    pub parts: Box<[Part]>,
    /// The probability with which the item stands at its position, given the variant and the items before it: one, but
    /// for what was drawn to be tried.
    #[serde(default = "certain")]
    pub propensity: Propensity,
}

/// What one source of a blend said for an item.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Part {
    /// Who spoke.
    pub source: Source,
    /// With what weight it spoke.
    pub weight: f64,
    /// What it added to the item's score: its weight times the share of its vote that went to the item.
    pub score: f64,
}

const fn certain() -> Propensity {
    Propensity::CERTAIN
}

/// The recommenders from which a slate is filled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Source {
    /// What people went to from the items of this person's history.
    Related,
    /// What people who looked at these items look at too.
    ViewedTogether,
    /// What people bought after they had looked at these items.
    ViewedThenBought,
    /// What people bought together with these items.
    BoughtTogether,
    /// What is clicked next after these items: what goes with them, what came next in visits like this one, and the
    /// odds of going back.
    NextClick,
    /// What the people had who share most with this person; of a model that was fitted.
    Collaborative,
    /// What follows from a few numbers for each item; of a model that was fitted.
    Factor,
    /// What this person looked at before.
    Recent,
    /// What many people look at these days.
    Popular,
    /// What many people look at in the category that is asked for, or else in those that this person likes.
    PopularInCategory,
    /// What the people of a segment look at that this person is in.
    PopularInSegment,
    /// What more people look at than before.
    Trending,
    /// What is like the items of this person's history.
    Similar,
    /// What is of the categories, brands and other values that this person likes.
    Affinity,
    /// What the request gave to choose from, in its order.
    Given,
    /// What a rule of the house puts there.
    Pinned,
    /// What was drawn to be tried; [`Ranked::propensity`] says with what probability.
    Explored,
    /// What the catalog has, newest first: the last resort that always fills the slate.
    Catalog,
}

impl Source {
    /// The word for it in definitions.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Related => "related",
            Self::ViewedTogether => "viewed_together",
            Self::ViewedThenBought => "viewed_then_bought",
            Self::BoughtTogether => "bought_together",
            Self::NextClick => "next_click",
            Self::Collaborative => "collaborative",
            Self::Factor => "factor",
            Self::Recent => "recent",
            Self::Popular => "popular",
            Self::PopularInCategory => "popular_in_category",
            Self::PopularInSegment => "popular_in_segment",
            Self::Trending => "trending",
            Self::Similar => "similar",
            Self::Affinity => "affinity",
            Self::Given => "given",
            Self::Pinned => "pinned",
            Self::Explored => "explored",
            Self::Catalog => "catalog",
        }
    }
}

/// What became of one campaign when a placement was decided.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// The campaign.
    pub campaign: Arc<str>,
    /// What became of it.
    pub outcome: Outcome,
}

/// Why a campaign won or lost.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Outcome {
    /// It fills the placement.
    Won,
    /// It applied, but another of higher priority (or of the same, and earlier by name) fills the placement.
    Outranked {
        /// The campaign that won.
        by: Arc<str>,
    },
    /// The person is not in its audience.
    NotInAudience,
    /// It has not begun.
    NotStarted {
        /// When it begins.
        starts: Timestamp,
    },
    /// It is over.
    Ended {
        /// When it ended.
        ended: Timestamp,
    },
    /// The chosen variant recommends items, and none passed its filters.
    NoItems,
    /// Its experiment does not take the person: not in the share of units that it takes, in another of its exclusion
    /// group, or the request does not have the id that the experiment goes by.
    NotInExperiment,
    /// It would have won, and the person is kept out to measure what it adds.
    HeldOut,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Won => f.write_str("won"),
            Self::Outranked { by } => write!(f, "outranked by `{by}`"),
            Self::NotInAudience => f.write_str("not in its audience"),
            Self::NotStarted { starts } => write!(f, "starts at {starts}"),
            Self::Ended { ended } => write!(f, "ended at {ended}"),
            Self::NoItems => f.write_str("no item passed its filters"),
            Self::NotInExperiment => f.write_str("not in its experiment"),
            Self::HeldOut => f.write_str("held out, to measure what it adds"),
        }
    }
}

impl fmt::Display for Ranked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let says = match self.source {
            Source::Related => "goes with",
            Source::ViewedTogether => "viewed together with",
            Source::ViewedThenBought => "bought after viewing",
            Source::BoughtTogether => "bought together with",
            Source::NextClick if self.because.as_ref() == Some(&self.item) => {
                return write!(f, "{}: people go back to it", self.item);
            }
            Source::NextClick => "likely clicked next after",
            Source::Collaborative => "had by people who had",
            Source::Factor => "suits somebody who had",
            Source::Recent => return write!(f, "{}: seen before", self.item),
            Source::Popular => return write!(f, "{}: popular", self.item),
            Source::PopularInCategory => return write!(f, "{}: popular in its category", self.item),
            Source::PopularInSegment => return write!(f, "{}: popular with people like them", self.item),
            Source::Similar => "like",
            Source::Affinity => return write!(f, "{}: to their taste", self.item),
            Source::Trending => return write!(f, "{}: on the rise", self.item),
            Source::Given => return write!(f, "{}: as it was given", self.item),
            Source::Pinned => return write!(f, "{}: put there by a rule", self.item),
            Source::Explored => return write!(f, "{}: tried out", self.item),
            Source::Catalog => return write!(f, "{}: from the catalog", self.item),
        };
        write!(f, "{}: {says} {}", self.item, self.because.as_deref().unwrap_or("what was seen"))
    }
}
