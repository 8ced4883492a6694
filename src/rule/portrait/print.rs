//! The text form.

use std::fmt;

use super::super::ast::Points;
use super::super::print::{Quoted, number};
use super::{AffinityMeasure, Portrait};

impl fmt::Display for Portrait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Affinity { dimension, value, measure } => {
                write!(f, "affinity({}, {})", Quoted(dimension), Quoted(value))?;
                match measure {
                    AffinityMeasure::Share => Ok(()),
                    measure => write!(f, ".{}()", measure.name()),
                }
            }
            Self::Top(dimension) => write!(f, "affinity({}).top()", Quoted(dimension)),
            Self::Percent(salt) => write!(f, "percent({})", Quoted(salt)),
            Self::Stage => f.write_str("lifecycle()"),
            Self::StageSince => f.write_str("lifecycle().since()"),
            Self::Purchases => f.write_str("purchases().count()"),
            Self::PurchaseSince => f.write_str("purchases().since()"),
            Self::Spent(currency) => write!(f, "purchases({}).sum()", Quoted(currency)),
            Self::Rfm(score) => write!(f, "rfm({})", score.name()),
            Self::Local(fact, None) => write!(f, "local({})", fact.name()),
            Self::Local(fact, Some(offset)) => write!(f, "local({}, '{offset}')", fact.name()),
            Self::Variant(campaign) => write!(f, "variant({})", Quoted(campaign)),
        }
    }
}

/// Writes a scoring rule without its threshold.
pub(crate) fn score(f: &mut fmt::Formatter<'_>, parts: &[Points]) -> fmt::Result {
    f.write_str("score(")?;
    for (i, part) in parts.iter().enumerate() {
        f.write_str(if i > 0 { ", " } else { "" })?;
        number(f, part.points)?;
        write!(f, " IF {}", part.rule)?;
    }
    f.write_str(")")
}
