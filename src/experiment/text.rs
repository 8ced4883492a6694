//! Findings as a table for people.

use std::fmt;

use super::findings::{Belief, Findings, Shift, Split};
use super::{Days, FactorEffect, IntensityTrend, Learned};
use crate::stats::Interval;

impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sizes: Vec<String> = self.sizes.iter().map(|size| format!("{} {}", size.arm, size.units)).collect();
        writeln!(f, "{}\nunits: {}", self.basis, sizes.join(", "))?;
        if let Some(balance) = &self.balance {
            write!(f, "sample ratio: chi2 {:.3}, p {}", balance.chi_square, p(balance.p))?;
            self.balance_watched.map_or(Ok(()), |watched| write!(f, ", watched p {}", p(watched)))?;
            writeln!(f)?;
        }
        for found in &self.comparisons {
            write!(f, "\n{} / {}: {} -> {}", found.arm, found.metric, short(found.base), short(found.value))?;
            if let Some(interval) = found.interval {
                write!(f, ", {} {}", signed(found.difference), range(interval))?;
            }
            if let Some(lift) = found.lift {
                write!(f, ", lift {:+.2}%", 100.0 * lift)?;
            }
            if let Some(interval) = found.lift_interval {
                write!(f, " [{:+.2}%, {:+.2}%]", 100.0 * interval.low, 100.0 * interval.high)?;
            }
            if let (Some(raw), Some(many)) = (found.p, found.p_adjusted) {
                write!(f, ", p {} ({} {})", p(raw), found.by(), p(many))?;
            }
            if let (Some(raw), Some(many)) = (found.p_design, found.p_design_adjusted) {
                write!(f, "; by design p {} ({} {})", p(raw), found.by(), p(many))?;
            }
            if let (Some(chance), Some(loss)) = (found.chance_to_win, found.expected_loss) {
                write!(f, ", P(better) {chance:.4}, expected loss {} (not peek-safe)", short(loss))?;
            }
            writeln!(f, "\n  {}: {}", found.verdict.name(), found.sentence())?;
            if let Some(tail) = &found.tail {
                let warning = if tail.is_heavy { "heavy tail: " } else { "" };
                writeln!(f, "  {warning}one unit moves the gap by {}; {}", short(tail.moved_by), tail.without)?;
                let (cap, units) = (short(tail.cap), tail.units_capped);
                writeln!(f, "  capped at {cap} ({units} units): {}", tail.capped)?;
            }
            if let Some(Belief { learned, lift, interval, chance_to_win, expected_loss }) = &found.belief {
                let Learned { mean, deviation, results } = learned;
                let said = format!("lift {:+.2}% ± {:.2}%", 100.0 * mean, 100.0 * deviation);
                let at = format!("[{:+.2}%, {:+.2}%]", 100.0 * interval.low, 100.0 * interval.high);
                write!(f, "  with what {results} past results say ({said}): lift {:+.2}% {at}", 100.0 * lift)?;
                writeln!(f, ", P(better) {chance_to_win:.4}, expected loss {:.3}%", 100.0 * expected_loss)?;
            }
            if let Some(of) = &found.net {
                writeln!(f, "  worth {} {} a unit, net of costs", signed(of.difference), range(of.interval))?;
            }
            if let Some(of) = &found.capped {
                let units = of.units.map_or_else(String::new, |units| format!(" ({units} units)"));
                writeln!(f, "  capped at {} as planned{units}", short(of.at))?;
            }
            if let Some(of) = &found.covariate {
                let (less, without) = (100.0 * of.variance_reduction, signed(of.unadjusted));
                writeln!(f, "  covariate: takes away {less:.1}% of the squared error; {without} without it")?;
            }
        }
        for split in self.splits.iter().filter(|split| split.is_flagged) {
            let Split { arm, metric, column, q, freedom, .. } = split;
            let (raw, many) = (p(split.p), p(split.p_adjusted));
            writeln!(f, "\n{arm} / {metric} differs by {column}: Q {q:.1} on {freedom}, p {raw} (BH {many})")?;
            for part in &split.parts {
                let (size, within) = (signed(part.difference), range(part.interval));
                let (many, shrunk) = (p(part.p_adjusted), signed(part.shrunk));
                writeln!(f, "  {}: {size} {within}, BH {many}, shrunk {shrunk}", part.segment)?;
            }
        }
        for IntensityTrend { metric, is_net, slope, p: raw, p_adjusted, misfit_p, arms, .. } in &self.trends {
            let net = if *is_net { ", net of costs" } else { "" };
            let (slope, raw, many, misfit) = (signed(*slope), p(*raw), p(*p_adjusted), p(*misfit_p));
            writeln!(f, "\n{metric} by intensity{net}: {slope} a step, p {raw} (BH {many}), off a line p {misfit}")?;
            let arms: Vec<String> =
                arms.iter().map(|(arm, at, value)| format!("{arm} ({at}) {}", short(*value))).collect();
            writeln!(f, "  {}", arms.join(", "))?;
        }
        for (i, of) in self.factors.iter().enumerate() {
            let FactorEffect { metric, factor, level, with, difference, error, p_adjusted, .. } = of;
            if i == 0 || self.factors[i - 1].metric != *metric {
                writeln!(f, "\n{metric} by factor:")?;
            }
            let with =
                with.as_ref().map_or_else(String::new, |(factor, level)| format!(", more where {factor} = {level}"));
            let (size, error, many) = (signed(*difference), short(*error), p(*p_adjusted));
            writeln!(f, "  {factor} = {level}{with}: {size} ± {error}, BH {many}")?;
        }
        for days in self.days.iter().filter(|days| days.is_flagged) {
            let Days { arm, metric, slope, periods, .. } = days;
            let many = p(days.p_adjusted);
            writeln!(
                f,
                "\n{arm} / {metric} changes over days by {} a day, p {} (BH {many})",
                signed(*slope),
                p(days.p)
            )?;
            for period in periods {
                let (size, error) = (signed(period.difference), short(period.error));
                let till = if period.from == period.to { String::new() } else { format!(" to {}", period.to) };
                writeln!(f, "  {}{till}: {size} ± {error}, {} up to then", period.from, signed(period.total))?;
            }
        }
        writeln!(f)?;
        self.recommendations.iter().try_for_each(|(arm, what)| writeln!(f, "{arm}: {what}"))
    }
}

impl fmt::Display for Shift {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}, p {}", signed(self.difference), range(self.interval), p(self.p))
    }
}

fn p(p: f64) -> String {
    if p < 1e-3 { format!("{p:.2e}") } else { format!("{p:.5}") }
}
fn short(number: f64) -> String {
    if number.abs() < 1.0 { format!("{number:.5}") } else { format!("{number:.3}") }
}
pub(super) fn signed(number: f64) -> String {
    if number.abs() < 1.0 { format!("{number:+.5}") } else { format!("{number:+.3}") }
}
fn range(interval: Interval) -> String {
    format!("[{}, {}]", signed(interval.low), signed(interval.high))
}
