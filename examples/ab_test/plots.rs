//! The charts of an experiment: its first metric over time, by segment and as a posterior, and the steps of a funnel.

use bespoke::experiment::{AlwaysValid, Comparison, Findings, Posterior, Split, Tally};
use bespoke::stats::{Evidence, Moments, normal_density};

use crate::svg::{COLORS, Chart, Unit};
use crate::units::Units;

/// Every chart that there is something to draw for, by the name of its file.
pub(crate) fn all(units: &Units, order: &[usize], findings: &Findings) -> Result<Vec<(&'static str, String)>, String> {
    let mut charts = Vec::new();
    charts.extend(over_time(units, order, findings).map(|chart| ("over_time.svg", chart)));
    charts.extend(forest(findings).map(|chart| ("segments.svg", chart)));
    charts.extend(posterior(findings).map(|chart| ("posterior.svg", chart)));
    charts.extend(funnel(findings).map(|chart| ("funnel.svg", chart)));
    if charts.is_empty() { Err("there is nothing to draw: no metric has an effect".to_owned()) } else { Ok(charts) }
}

/// The comparisons of the first metric, one for each arm.
fn of_first(findings: &Findings) -> Vec<&Comparison> {
    let first = findings.comparisons.first().map(|found| &found.metric);
    findings.comparisons.iter().filter(|found| Some(&found.metric) == first).collect()
}

fn unit(found: &Comparison) -> Unit {
    if found.is_proportion { Unit::Points } else { Unit::Signed }
}

/// The difference after every so many units, with the sequence of intervals that hold all together.
fn over_time(units: &Units, order: &[usize], findings: &Findings) -> Option<String> {
    let found = of_first(findings);
    let alpha = findings.basis.alpha;
    let planned = findings.basis.planned.and_then(|planned| {
        let two = 2.0 / units.names.len() as f64;
        // A cast from `f64` saturates; the arms of a drawing are taken for equal.
        AlwaysValid::planned((planned as f64 * two) as u64, alpha).ok()
    });
    let watch = planned.unwrap_or_else(|| AlwaysValid::unplanned(alpha));
    let mut tallies = vec![Tally::Mean(Moments::default()); units.names.len()];
    let mut lines: Vec<Vec<(f64, f64, f64, f64)>> = vec![Vec::new(); units.names.len()];
    let every = order.len().div_ceil(POINTS).max(1);
    for (seen, row) in order.iter().enumerate() {
        tallies[units.arms[*row]].observe(&[units.values[0][*row]]);
        if (seen + 1) % every != 0 && seen + 1 != order.len() {
            continue;
        }
        for arm in 1..tallies.len() {
            let Ok(effect) = Tally::difference(&tallies[0], &tallies[arm]) else { continue };
            if tallies[0].units().min(tallies[arm].units()) < LEAST {
                continue;
            }
            let at = watch.interval(&effect, alpha);
            lines[arm].push(((seen + 1) as f64, effect.estimate(), at.low, at.high));
        }
    }
    // What the first tenth says would flatten the rest.
    let late = |line: &&(f64, f64, f64, f64)| line.0 >= 0.08 * order.len() as f64;
    let ends = lines.iter().flatten().filter(late).flat_map(|line| [line.2, line.3]);
    let (low, high) = range(ends.chain([0.0]))?;
    let sure = 100.0 * (1.0 - alpha.value());
    let subtitle = format!("Arm less control, with {sure:.0}% confidence sequences: they hold at all times together");
    let title = format!("{} over time", found.first()?.metric);
    let mut chart = Chart::new(&title, &subtitle, (860.0, 440.0), 78.0).ranged((0.0, order.len() as f64), (low, high));
    chart.x_axis("units seen, all arms", Unit::Plain);
    chart.y_axis("difference", unit(found.first()?));
    chart.level(0.0);
    let colors = |arm: usize| COLORS[(arm - 1) % COLORS.len()];
    for (arm, line) in lines.iter().enumerate().skip(1) {
        chart.band(&line.iter().map(|(x, _, low, high)| (*x, *low, *high)).collect::<Vec<_>>(), colors(arm));
    }
    for (arm, line) in lines.iter().enumerate().skip(1) {
        chart.line(&line.iter().map(|(x, y, ..)| (*x, *y)).collect::<Vec<_>>(), colors(arm));
    }
    chart.legend(&(1..units.names.len()).map(|arm| (colors(arm), units.names[arm].as_str())).collect::<Vec<_>>());
    Some(chart.finish())
}

/// The effect in each segment of the column whose segments differ most.
fn forest(findings: &Findings) -> Option<String> {
    let first = findings.comparisons.first().map(|found| &found.metric);
    let of_first = findings.splits.iter().filter(|split| Some(&split.metric) == first);
    let split: &Split = of_first.min_by(|a, b| a.p.total_cmp(&b.p))?;
    let whole = findings.comparisons.iter().find(|found| (&found.arm, &found.metric) == (&split.arm, &split.metric))?;
    let parts = &split.parts[..split.parts.len().min(MOST_ROWS)];
    let at = whole.interval?;
    let ends = parts.iter().flat_map(|part| [part.interval.low, part.interval.high]).chain([0.0, at.low, at.high]);
    let rows = parts.len() as f64 + 1.0;
    let title = format!("{}: {} by {}", split.arm, split.metric, split.column);
    let told = if split.is_flagged { "the effect differs" } else { "no difference of effects is shown" };
    let p = if split.p < 0.001 { format!("{:.1e}", split.p) } else { format!("{:.3}", split.p) };
    let subtitle = format!(
        "Arm less control with {:.0}% intervals; hollow: drawn towards all; Q = {:.1}, p = {p}: {told}",
        100.0 * (1.0 - findings.basis.alpha.value()),
        split.q
    );
    let size = (860.0, 170.0 + 38.0 * rows);
    let mut chart = Chart::new(&title, &subtitle, size, 190.0).ranged(range(ends)?, (0.0, rows));
    chart.x_axis("difference", unit(whole));
    chart.upright(0.0);
    for (i, part) in parts.iter().enumerate() {
        let y = rows - 0.5 - i as f64;
        chart.row(y, &format!("{} ({})", part.segment, part.units));
        chart.rule((part.interval.low, y), (part.interval.high, y), COLORS[0], 2.0, "");
        chart.dot(part.shrunk, y, 6.5, COLORS[1], false);
        chart.dot(part.difference, y, 4.0, COLORS[0], true);
    }
    chart.row(0.5, "all");
    chart.rule((at.low, 0.5), (at.high, 0.5), "#111", 3.0, "");
    chart.dot(whole.difference, 0.5, 5.0, "#111", true);
    chart.legend(&[(COLORS[0], "as seen"), (COLORS[1], "shrunk")]);
    Some(chart.finish())
}

/// What is believed of the difference under a flat prior.
fn posterior(findings: &Findings) -> Option<String> {
    let found = of_first(findings);
    let of = |found: &&Comparison| {
        let effect = Evidence::new(found.difference, found.error?, findings.basis.units).ok()?;
        Some((found.arm.clone(), Posterior::new(&effect, None), found.chance_to_win?))
    };
    let posteriors: Vec<(String, Posterior, f64)> = found.iter().filter_map(of).collect();
    let reach = |of: &Posterior| [of.mean - 4.0 * of.deviation, of.mean + 4.0 * of.deviation];
    let (low, high) = range(posteriors.iter().flat_map(|(_, of, _)| reach(of)).chain([0.0]))?;
    let density = |of: &Posterior, x: f64| normal_density((x - of.mean) / of.deviation) / of.deviation;
    let top = posteriors.iter().map(|(_, of, _)| density(of, of.mean)).fold(0.0, f64::max);
    let chances: Vec<String> = posteriors.iter().map(|(arm, _, chance)| format!("{arm} {chance:.3}")).collect();
    let title = format!("{}: what is believed of the difference", found.first()?.metric);
    let subtitle = format!("Chance to be better: {}; flat prior, not peek-safe", chances.join(", "));
    let mut chart = Chart::new(&title, &subtitle, (860.0, 380.0), 40.0).ranged((low, high), (0.0, 1.08));
    chart.x_axis("difference", unit(found.first()?));
    for (i, (_, of, _)) in posteriors.iter().enumerate() {
        let at = |step: u32| low + (high - low) * f64::from(step) / 300.0;
        let points: Vec<(f64, f64)> = (0..=300).map(|step| (at(step), density(of, at(step)) / top)).collect();
        let color = COLORS[i % COLORS.len()];
        chart.band(&points.iter().map(|(x, y)| (*x, 0.0, *y)).collect::<Vec<_>>(), color);
        chart.line(&points, color);
    }
    chart.upright(0.0);
    let names = posteriors.iter().enumerate().map(|(i, (arm, ..))| (COLORS[i % COLORS.len()], arm.as_str()));
    chart.legend(&names.collect::<Vec<_>>());
    Some(chart.finish())
}

/// The rates as steps, the most frequent first: which share of each arm got so far.
fn funnel(findings: &Findings) -> Option<String> {
    let arms: Vec<&str> = findings.sizes.iter().map(|size| size.arm.as_str()).collect();
    let rates = |found: &&Comparison| found.is_proportion && found.direction.sign() > 0.0;
    let mut steps: Vec<(&str, Vec<f64>)> = Vec::new();
    for found in findings.comparisons.iter().filter(rates) {
        match steps.iter_mut().find(|(metric, _)| *metric == found.metric) {
            Some((_, values)) => values.push(found.value),
            None => steps.push((&found.metric, vec![found.base, found.value])),
        }
    }
    steps.truncate(8);
    steps.sort_by(|a, b| b.1[0].total_cmp(&a.1[0]));
    let most = steps.iter().flat_map(|(_, values)| values).copied().fold(0.0, f64::max);
    if steps.is_empty() || most <= 0.0 {
        return None;
    }
    let (many, rows) = (arms.len() as f64, steps.len() as f64);
    let size = (860.0, 140.0 + rows * (16.0 + 24.0 * many));
    let mut chart = Chart::new("Funnel", "Share of the units of each arm", size, 150.0)
        // Room for the text after the longest bar.
        .ranged((0.0, 1.12 * most), (0.0, rows));
    chart.x_axis("share of units", Unit::Percent);
    let colors = |arm: usize| if arm == 0 { "#8a8a8a" } else { COLORS[(arm - 1) % COLORS.len()] };
    for (i, (name, values)) in steps.iter().enumerate() {
        let middle = rows - 0.5 - i as f64;
        chart.row(middle, name);
        for (arm, value) in values.iter().enumerate() {
            let top = middle + 0.4 - 0.8 * arm as f64 / many;
            chart.bar(*value, (top - 0.72 / many, top), colors(arm), &Unit::Percent.text(*value, 0.001));
        }
    }
    chart.legend(&arms.iter().enumerate().map(|(arm, name)| (colors(arm), *name)).collect::<Vec<_>>());
    Some(chart.finish())
}

/// From the least to the most, with some room; none without numbers.
fn range(numbers: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    let (low, high) = numbers.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| (low.min(x), high.max(x)));
    let room = 0.06 * (high - low);
    (low.is_finite() && high > low).then_some((low - room, high + room))
}

/// How many points a line has.
const POINTS: usize = 240;
/// How many units each arm needs before it is drawn.
const LEAST: u64 = 50;
/// How many segments a forest has.
const MOST_ROWS: usize = 30;
