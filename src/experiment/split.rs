//! How effects differ by segment: every arm and metric in every column, with what is shown of each segment.

use super::Heterogeneity;
use super::analysis::Analysis;
use super::cell::{Cell, Effect};
use super::findings::{Part, Split};
use super::metric::{Column, Content};
use crate::stats::{Adjustment, Evidence, Interval, adjusted};

/// All splits, adjusted among each other.
pub(super) fn splits(of: &Analysis) -> Vec<Split> {
    let mut splits = Vec::new();
    for arm in 1..of.arms.len() {
        for metric in 0..of.metrics.len() {
            let columns = of.columns.iter().filter(|column| column.content != Content::Days);
            splits.extend(columns.filter_map(|column| split(of, arm, metric, column)));
        }
    }
    let discovery = |p: Vec<f64>| adjusted(&p, Adjustment::FalseDiscovery).unwrap_or_default();
    let by_split = discovery(splits.iter().map(|split| split.p).collect());
    splits.iter_mut().zip(by_split).for_each(|(split, p)| {
        split.p_adjusted = p;
        split.is_flagged = p <= of.alpha.value();
    });
    let by_part = discovery(splits.iter().flat_map(|split| split.parts.iter().map(|part| part.p)).collect());
    splits.iter_mut().flat_map(|split| &mut split.parts).zip(by_part).for_each(|(part, p)| part.p_adjusted = p);
    splits
}

fn split(of: &Analysis, arm: usize, metric: usize, column: &Column) -> Option<Split> {
    let (arms, kind) = (of.arms.len(), of.kind(metric));
    let effect = |(value, cells): (&String, &Vec<Cell>)| {
        let effect = Effect::between(kind, &cells[metric * arms], &cells[metric * arms + arm]).ok()?;
        Some((value.clone(), effect.normal()))
    };
    let (values, effects): (Vec<_>, Vec<_>) = column.values.iter().filter_map(effect).unzip();
    let found = Heterogeneity::new(&effects).ok()?;
    let z = of.alpha.z();
    let part = |((segment, effect), shrunk): ((String, &Evidence), &f64)| Part {
        segment,
        units: effect.units(),
        difference: effect.estimate(),
        error: effect.error(),
        interval: Interval::around(effect.estimate(), z * effect.error()),
        p: effect.p(),
        p_adjusted: 1.0,
        shrunk: *shrunk,
    };
    Some(Split {
        arm: of.arms[arm].clone(),
        metric: of.metrics[metric].name.clone(),
        column: column.name.clone(),
        q: found.q,
        freedom: found.freedom,
        p: found.p,
        p_adjusted: 1.0,
        i_squared: found.i_squared,
        between: found.between,
        is_flagged: false,
        parts: values.into_iter().zip(&effects).zip(&found.shrunk).map(part).collect(),
    })
}
