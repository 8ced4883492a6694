//! What a person has bought: when last, how often, for how much, and the scores of these three.
//!
//! Recency, frequency and monetary value, each scored by cut points, are the oldest way to sort customers (Bult and
//! Wansbeek, Marketing Science 1995). Nothing is kept for it beside the sums per currency that profiles have anyway;
//! a score follows from them, the cut points and the present.

use serde::{Deserialize, Serialize};

use crate::hash::{Symbol, combine};
use crate::schema;
use crate::sketch::ExactSum;
use crate::time::{Span, Timestamp};

/// Money spent in one currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spent {
    /// The symbol of the currency's name; that of the empty text where events named none.
    pub currency: Symbol,
    /// When the last purchase was; [`Timestamp::MIN`] if there were only refunds.
    pub last: Timestamp,
    /// How many purchases.
    pub purchases: u32,
    /// The sum of their amounts less refunds.
    pub amount: ExactSum,
}

/// The cut points of the scores, compiled from the schema's.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rfm {
    recency: Box<[Span]>,
    frequency: Box<[u32]>,
    monetary: Option<(Symbol, Box<[f64]>)>,
}

impl From<&schema::Rfm> for Rfm {
    fn from(of: &schema::Rfm) -> Self {
        let monetary = |of: &schema::Monetary| (Symbol::new(&of.currency), of.cuts.as_slice().into());
        Self {
            recency: of.recency.as_slice().into(),
            frequency: of.frequency.as_slice().into(),
            monetary: of.monetary.as_ref().map(monetary),
        }
    }
}

impl Rfm {
    /// A hash of all the cut points.
    pub(crate) fn digest(&self) -> u64 {
        // The lengths tell where each list ends.
        let mut parts = vec![self.recency.len() as u64, self.frequency.len() as u64];
        parts.extend(self.recency.iter().map(|cut| cut.millis().unsigned_abs()));
        parts.extend(self.frequency.iter().map(|cut| u64::from(*cut)));
        if let Some((currency, cuts)) = &self.monetary {
            parts.push(currency.to_bits());
            parts.extend(cuts.iter().map(|cut| cut.to_bits()));
        }
        combine(&parts)
    }
}

/// What a profile has bought, with the cut points by which it is scored.
#[derive(Clone, Copy, Debug, Default)]
pub struct Purchases<'a> {
    /// By currency.
    pub spent: &'a [Spent],
    /// The cut points; without them there are no scores.
    pub rfm: Option<&'a Rfm>,
}

impl<'a> Purchases<'a> {
    /// How many there were.
    #[must_use]
    pub fn count(&self) -> u32 {
        self.spent.iter().fold(0, |sum, of| sum.saturating_add(of.purchases))
    }

    /// When the last one was.
    #[must_use]
    pub fn last(&self) -> Option<Timestamp> {
        self.spent.iter().filter(|of| of.purchases > 0).map(|of| of.last).max()
    }

    /// How much was spent in a currency, less refunds.
    #[must_use]
    pub fn amount(&self, currency: Symbol) -> f64 {
        let of = self.spent.iter().find(|of| of.currency == currency);
        of.map_or(0.0, |of| of.amount.value())
    }

    /// One more than the number of cut points that the time since the last purchase has not reached.
    #[must_use]
    pub fn recency(&self, now: Timestamp) -> Option<u32> {
        let (rfm, ago) = (self.rfm?, now.since(self.last()?));
        Some(score(&rfm.recency, |cut| ago < *cut))
    }

    /// One more than the number of cut points that the number of purchases has reached.
    #[must_use]
    pub fn frequency(&self) -> Option<u32> {
        let (rfm, count) = (self.rfm?, self.count());
        (count > 0).then(|| score(&rfm.frequency, |cut| count >= *cut))
    }

    /// One more than the number of cut points that the amount has reached; `None` also if the schema has none.
    #[must_use]
    pub fn monetary(&self) -> Option<u32> {
        let (currency, cuts) = self.rfm?.monetary.as_ref()?;
        let amount = self.amount(*currency);
        (self.count() > 0).then(|| score(cuts, |cut| amount >= *cut))
    }

    /// The cut points of recency.
    pub(crate) fn cuts(&self) -> &'a [Span] {
        self.rfm.map_or(&[], |rfm| &rfm.recency)
    }
}

fn score<T>(cuts: &[T], passed: impl Fn(&T) -> bool) -> u32 {
    // A schema has few cuts.
    1 + cuts.iter().filter(|cut| passed(cut)).count() as u32
}
