//! The portrait of a person at a time, as far as it is not plain values and events: affinities, purchases and their
//! scores, lifecycle, a stable percentage, local time, and the variant that a campaign showed first.
//!
//! Each is a value that is compared like any other. Those that change by time passing alone are step functions, or
//! solved for the time at which they cross a threshold, so that [`Truth::until`](super::Truth::until) is exact.

mod builder;
mod check;
mod eval;
mod json;
mod local;
mod parse;
mod print;
mod score;

pub use local::LocalFact;

pub(super) use check::{check, check_event, check_score};
pub(super) use eval::{Node, first_shown, local_value, rfm};
pub(super) use json::{KEYS, read, write, write_score};
pub(super) use parse::{FUNCTIONS, function};
pub(super) use print::score;
pub(super) use score::Scoring;

use crate::profile::Stage;
use crate::time::Offset;

/// What is compared.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Portrait {
    /// A number: the share of the interest, the decayed weight, or the place, from one on.
    Affinity { dimension: String, value: String, measure: AffinityMeasure },
    /// Text: the value of the strongest interest.
    Top(String),
    /// A number from 0 to under 100.
    Percent(String),
    /// Text.
    Stage,
    /// A span of time.
    StageSince,
    /// A number.
    Purchases,
    /// A span of time.
    PurchaseSince,
    /// A number.
    Spent(String),
    /// A number from one on.
    Rfm(RfmScore),
    /// A number or text; without an offset the request's.
    Local(LocalFact, Option<Offset>),
    /// Text.
    Variant(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AffinityMeasure {
    Share,
    Score,
    Rank,
}

/// A score of what a person has bought, by the cut points of the schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum RfmScore {
    /// How lately; the highest score for the latest.
    Recency,
    /// How often.
    Frequency,
    /// For how much.
    Monetary,
}

impl RfmScore {
    /// Every score.
    pub const ALL: [Self; 3] = [Self::Recency, Self::Frequency, Self::Monetary];

    /// The name by which rules call it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Recency => "recency",
            Self::Frequency => "frequency",
            Self::Monetary => "monetary",
        }
    }

    /// The score with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|score| score.name() == name)
    }
}

impl Portrait {
    /// What it is, as messages say.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Affinity { .. } | Self::Top(_) => "affinities",
            Self::Percent(_) => "percentages",
            Self::Stage | Self::StageSince => "the lifecycle",
            Self::Purchases | Self::PurchaseSince | Self::Spent(_) | Self::Rfm(_) => "purchases",
            Self::Local(..) => "the local time",
            Self::Variant(_) => "variants",
        }
    }
}

impl AffinityMeasure {
    const ALL: [Self; 3] = [Self::Share, Self::Score, Self::Rank];

    /// The method of the text form.
    const fn name(self) -> &'static str {
        match self {
            Self::Share => "share",
            Self::Score => "score",
            Self::Rank => "rank",
        }
    }

    /// The key of the JSON form.
    const fn key(self) -> &'static str {
        match self {
            Self::Share => "$affinity",
            Self::Score => "$affinityScore",
            Self::Rank => "$affinityRank",
        }
    }
}

/// The names of a lifecycle's stages.
fn stages() -> [&'static str; 5] {
    Stage::ALL.map(Stage::name)
}

#[cfg(test)]
pub(super) mod tests;
