//! Recency, frequency and money: a customer's orders in four numbers, and scores by rank.

use serde::{Deserialize, Serialize};

use crate::stats::Undefined;
use crate::stats::undefined::finite;

/// What one customer bought, as the purchase models read it: in weeks, days with purchases counted once.
///
/// ```
/// use bespoke::lifetime::Purchases;
/// let found = Purchases::of_days(&[(5, 10.0), (5, 20.0), (9, 7.0)], 270)?;
/// assert_eq!((found.repeats(), found.mean_spend()), (1, 7.0));
/// assert!((found.recency() - 4.0 / 7.0).abs() < 1e-15 && (found.observed() - 265.0 / 7.0).abs() < 1e-13);
/// # Ok::<(), bespoke::stats::Undefined>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "(u64, f64, f64, f64)", into = "(u64, f64, f64, f64)")]
pub struct Purchases {
    repeats: u64,
    recency: f64,
    observed: f64,
    mean_spend: f64,
}

impl Purchases {
    /// Days with repeat purchases, the time of the last one and the length of observation, both from the first
    /// purchase in weeks (any unit will do, as long as it is one), and the mean spent per day with a repeat purchase.
    ///
    /// # Errors
    /// [`Undefined::NotFinite`]; [`Undefined::Parameter`] for a time or an amount below zero;
    /// [`Undefined::RecencyAfterEnd`].
    pub fn new(repeats: u64, recency: f64, observed: f64, mean_spend: f64) -> Result<Self, Undefined> {
        for number in [recency, observed, mean_spend] {
            if finite(number)? < 0.0 {
                return Err(Undefined::Parameter);
            }
        }
        if recency > observed {
            return Err(Undefined::RecencyAfterEnd);
        }
        Ok(Self { repeats, recency, observed, mean_spend })
    }

    /// From orders, each a day's number and an amount, up to and with the day `end`; later ones do not count.
    ///
    /// # Errors
    /// [`Undefined::NoUnits`] without an order until then, and as [`Purchases::new`].
    pub fn of_days(orders: &[(i64, f64)], end: i64) -> Result<Self, Undefined> {
        let mut orders: Vec<(i64, f64)> = orders.iter().copied().filter(|(day, _)| *day <= end).collect();
        orders.sort_by_key(|(day, _)| *day);
        let (Some((first, _)), Some((last, _))) = (orders.first().copied(), orders.last().copied()) else {
            return Err(Undefined::NoUnits);
        };
        let (mut repeats, mut spent) = (0, 0.0);
        for day in orders.chunk_by(|a, b| a.0 == b.0).skip(1) {
            repeats += 1;
            spent += day.iter().map(|(_, amount)| amount).sum::<f64>();
        }
        // Days are far fewer than 2^53.
        let weeks = |day: i64| day.saturating_sub(first) as f64 / 7.0;
        let mean = if repeats > 0 { spent / repeats as f64 } else { 0.0 };
        Self::new(repeats, weeks(last), weeks(end), mean)
    }

    /// On how many days there was a purchase after the first.
    #[must_use]
    pub const fn repeats(&self) -> u64 {
        self.repeats
    }
    /// From the first to the last purchase.
    #[must_use]
    pub const fn recency(&self) -> f64 {
        self.recency
    }
    /// From the first purchase to the end of observation.
    #[must_use]
    pub const fn observed(&self) -> f64 {
        self.observed
    }
    /// The mean spent per day with a repeat purchase; zero without one.
    #[must_use]
    pub const fn mean_spend(&self) -> f64 {
        self.mean_spend
    }
}

impl TryFrom<(u64, f64, f64, f64)> for Purchases {
    type Error = Undefined;
    fn try_from((repeats, recency, observed, mean_spend): (u64, f64, f64, f64)) -> Result<Self, Undefined> {
        Self::new(repeats, recency, observed, mean_spend)
    }
}

impl From<Purchases> for (u64, f64, f64, f64) {
    fn from(p: Purchases) -> Self {
        (p.repeats, p.recency, p.observed, p.mean_spend)
    }
}

/// Scores from 1 (the lowest values) to `k`, in groups as equal as they can be; equal values are ranked in the order in
/// which they come. For recency in days, where less is better, score the negated days. `O(n log n)`.
///
/// # Errors
/// [`Undefined::Parameter`] for no scores, and [`Undefined::NotFinite`] for a value that is not a number.
///
/// ```
/// use bespoke::lifetime::quantile_scores;
/// assert_eq!(quantile_scores(&[5.0, 4.0, 6.0], 3)?, [2, 1, 3]);
/// assert_eq!(quantile_scores(&[1.0, 1.0, 1.0], 3)?, [1, 2, 3]);
/// # Ok::<(), bespoke::stats::Undefined>(())
/// ```
pub fn quantile_scores(values: &[f64], k: u32) -> Result<Vec<u32>, Undefined> {
    if k == 0 {
        return Err(Undefined::Parameter);
    }
    if values.iter().any(|value| value.is_nan()) {
        return Err(Undefined::NotFinite);
    }
    let mut order: Vec<usize> = (0..values.len()).collect();
    // Zero and minus zero are equal.
    order.sort_by(|a, b| (values[*a] + 0.0).total_cmp(&(values[*b] + 0.0)));
    let mut scores = vec![0; values.len()];
    for (rank, at) in order.into_iter().enumerate() {
        let score = rank as u128 * u128::from(k) / values.len() as u128 + 1;
        // At most k.
        scores[at] = score as u32;
    }
    Ok(scores)
}
