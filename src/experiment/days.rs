//! Whether an effect wears off or grows: the effect of units that came at different times, and a line through it.
//!
//! Days are put together until each period has enough units in both arms to take its effect for normal, so that a rate
//! of few events, whose error is smallest where it is itself, does not pull the line. The line is [`Trend`]'s; its
//! slope asks about novelty, and is adjusted by Benjamini and Hochberg over all arms and metrics.

use serde::{Deserialize, Serialize};

use super::Trend;
use super::analysis::Analysis;
use super::cell::{Cell, Effect};
use super::metric::{Column, Content};
use crate::stats::{Adjustment, Evidence, adjusted};

/// An effect over the days on which units came.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Days {
    /// The arm.
    pub arm: String,
    /// The metric.
    pub metric: String,
    /// The column that holds the day.
    pub column: String,
    /// By how much the effect rises each day.
    pub slope: f64,
    /// Its standard error.
    pub error: f64,
    /// Of no change, at one look.
    pub p: f64,
    /// Adjusted by Benjamini and Hochberg over arms and metrics.
    pub p_adjusted: f64,
    /// How likely so much distance from a line is by chance; 1 for two periods.
    pub misfit_p: f64,
    /// Whether the effect changes.
    pub is_flagged: bool,
    /// The periods in order.
    pub periods: Vec<Period>,
}

/// Some days in a row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Period {
    /// The first day.
    pub from: String,
    /// The last one.
    pub to: String,
    /// The units of both arms.
    pub units: u64,
    /// The difference among those.
    pub difference: f64,
    /// Its standard error.
    pub error: f64,
    /// The difference among all units up to there.
    pub total: f64,
    /// Its standard error.
    pub total_error: f64,
}

/// The effects of all arms and metrics over days, where there is a column for that and two periods at least.
pub(super) fn days(of: &Analysis) -> Vec<Days> {
    let mut found = Vec::new();
    for column in of.columns.iter().filter(|column| column.content == Content::Days) {
        let mut order: Vec<(f64, &str, &[Cell])> = column
            .values
            .iter()
            .filter_map(|(text, cells)| Some((day(text)?, text.as_str(), cells.as_slice())))
            .collect();
        order.sort_by(|a, b| a.0.total_cmp(&b.0));
        for arm in 1..of.arms.len() {
            found.extend((0..of.metrics.len()).filter_map(|metric| over(of, arm, metric, column, &order)));
        }
    }
    let p: Vec<f64> = found.iter().map(|of| of.p).collect();
    let many = adjusted(&p, Adjustment::FalseDiscovery).unwrap_or_default();
    found.iter_mut().zip(many).for_each(|(found, p)| {
        found.p_adjusted = p;
        found.is_flagged = p <= of.alpha.value();
    });
    found
}

/// Days that are put together: where they are on average, and both arms.
struct Block<'a> {
    days: f64,
    from: &'a str,
    to: &'a str,
    control: Cell,
    arm: Cell,
}

impl Block<'_> {
    fn units(&self) -> u64 {
        self.control.moments.count() + self.arm.moments.count()
    }

    fn merge(&mut self, other: &Self) {
        self.days += other.days;
        self.control.merge(&other.control);
        self.arm.merge(&other.arm);
    }
}

fn over(of: &Analysis, arm: usize, metric: usize, column: &Column, order: &[(f64, &str, &[Cell])]) -> Option<Days> {
    let (arms, kind) = (of.arms.len(), of.kind(metric));
    let mut blocks: Vec<Block<'_>> = Vec::new();
    let mut is_open = false;
    for (day, text, cells) in order {
        let (control, arm) = (cells[metric * arms].clone(), cells[metric * arms + arm].clone());
        let mut block = Block { days: 0.0, from: text, to: text, control, arm };
        block.days = day * block.units() as f64;
        match blocks.last_mut().filter(|_| is_open) {
            Some(last) => {
                last.merge(&block);
                last.to = text;
            }
            None => blocks.push(block),
        }
        is_open = blocks.last().is_some_and(|last| !(last.control.is_enough(kind) && last.arm.is_enough(kind)));
    }
    // What is left at the end belongs to the period before.
    if is_open {
        let (rest, last) = (blocks.pop()?, blocks.last_mut()?);
        last.merge(&rest);
        last.to = rest.to;
    }
    let mut total = (Cell::new(kind), Cell::new(kind));
    let (mut periods, mut points) = (Vec::new(), Vec::new());
    for block in &blocks {
        total.0.merge(&block.control);
        total.1.merge(&block.arm);
        let effect = Effect::between(kind, &block.control, &block.arm).ok()?;
        let upto = Effect::between(kind, &total.0, &total.1).ok()?;
        let units = block.units();
        points.push((block.days / units.max(1) as f64, effect.estimate(), 1.0 / (effect.error() * effect.error())));
        periods.push(Period {
            from: block.from.to_owned(),
            to: block.to.to_owned(),
            units,
            difference: effect.estimate(),
            error: effect.error(),
            total: upto.estimate(),
            total_error: upto.error(),
        });
    }
    let units = blocks.iter().map(Block::units).sum();
    let Trend { slope, misfit_p, .. } = Trend::through(&points, units).ok()?;
    let p = Evidence::p(&slope);
    Some(Days {
        arm: of.arms[arm].clone(),
        metric: of.metrics[metric].name.clone(),
        column: column.name.clone(),
        slope: slope.estimate(),
        error: slope.error(),
        p,
        p_adjusted: p,
        misfit_p,
        is_flagged: false,
        periods,
    })
}

/// A whole number, or a date of the Gregorian calendar as days since 1970 (Hinnant, "chrono-compatible low-level date
/// algorithms"); none of other text.
fn day(text: &str) -> Option<f64> {
    if let Ok(number) = text.trim().parse::<i32>() {
        return Some(f64::from(number));
    }
    let mut parts = text.trim().splitn(3, '-').map(|part| part.parse::<u32>().ok());
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    if year > 9_999 || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    // Years from March, so that the leap day is the last.
    let (year, month) = if month < 3 { (year.checked_sub(1)?, month + 9) } else { (year, month - 3) };
    let days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1;
    Some(f64::from(days) - 719_468.0)
}
