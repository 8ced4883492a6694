//! What a customer is worth today: the purchases to come, times what each brings, discounted.

use serde::{Deserialize, Serialize};

use super::{BgNbd, GammaGamma, Purchases};
use crate::stats::Undefined;

/// Over how many months to count, and by how much money loses value in each.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Discount {
    /// Months to come.
    pub months: u32,
    /// What a month takes: 0.01 is a percent.
    pub monthly_rate: f64,
}

impl Discount {
    /// Weeks in a month, as the lifetimes package counts them.
    pub const WEEKS_PER_MONTH: f64 = 4.345;
}

/// The discounted value of what a customer is expected to buy, with both models in weeks: the sum over months of the
/// expected purchases times the expected spend, each paid at the month's end.
///
/// # Errors
/// [`Undefined::NoMaximum`] where the spend has no mean, and [`Undefined::Parameter`] for a rate of -1 and below.
///
/// ```
/// use bespoke::lifetime::{BgNbd, Discount, GammaGamma, Purchases, customer_value};
/// let buys = BgNbd::new(0.243, 4.414, 0.793, 2.426)?;
/// let spends = GammaGamma::new(6.25, 3.74, 15.44)?;
/// let customer = Purchases::new(1, 1.71, 38.86, 11.77)?;
/// let value = customer_value(&buys, &spends, &customer, Discount { months: 12, monthly_rate: 0.01 })?;
/// assert!((value - 4.637_294_66).abs() < 1e-7);
/// # Ok::<(), bespoke::stats::Undefined>(())
/// ```
pub fn customer_value(
    buys: &BgNbd,
    spends: &GammaGamma,
    customer: &Purchases,
    discount: Discount,
) -> Result<f64, Undefined> {
    let factor = 1.0 / (1.0 + discount.monthly_rate);
    if !(factor > 0.0 && factor.is_finite()) {
        return Err(Undefined::Parameter);
    }
    let spend = spends.expected(customer).ok_or(Undefined::NoMaximum)?;
    let (mut before, mut worth, mut sum) = (0.0, 1.0, 0.0);
    for month in 1..=discount.months {
        let upto = buys.expected(customer, f64::from(month) * Discount::WEEKS_PER_MONTH);
        worth *= factor;
        sum += spend * (upto - before) * worth;
        before = upto;
    }
    Ok(sum)
}
