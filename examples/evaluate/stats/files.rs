//! Cases on files of real data: what the rows hold is tallied, and the tallies are asked.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use bespoke::experiment::{
    Adjusted, Arm, Balance, Heterogeneity, Posterior, RateComparison, Tally, difference, relative_lift,
};
use bespoke::lifetime::Purchases;
use bespoke::stats::{Alpha, Evidence, JointMoments, Moments, Proportion};
use serde_json::{Value, json};

use super::customers::{buys, fit, spend_fit, spends};
use super::input::{Input, interval};
use super::tests::{beta, compare};
use super::{Failed, Found};
use crate::table::Table;

pub(crate) fn answer(kind: &str, input: Input<'_>, files: &mut Files) -> Option<Found> {
    Some(match kind {
        "real_srm" => srm(input, files),
        "real_proportion" => proportion(input, files),
        "real_mean" => mean(input, files),
        "real_cuped" => cuped(input, files),
        "real_segment_lift" => segments(input, files),
        "bgnbd_ll" => {
            customers(input, files).and_then(|of| Ok(json!({"log_likelihood": buys(input)?.ln_likelihood(&of)})))
        }
        "bgnbd_fit" => fit(&customers(input, files)),
        "gamma_gamma_ll" => {
            customers(input, files).and_then(|of| Ok(json!({"log_likelihood": spends(input)?.ln_likelihood(&of)})))
        }
        "gamma_gamma_fit" => spend_fit(&customers(input, files)),
        "bgnbd_forecast_total" => forecast(input, files),
        _ => return None,
    })
}

/// Tables that were read, by path.
pub(crate) struct Files {
    root: PathBuf,
    tables: BTreeMap<String, Table>,
}

impl Files {
    pub(crate) fn new(root: &str) -> Self {
        Self { root: Path::new(root).to_path_buf(), tables: BTreeMap::new() }
    }

    fn table(&mut self, input: Input<'_>) -> Result<&Table, Failed> {
        let name = input.text("file")?;
        if !self.tables.contains_key(&name) {
            // `shared/…` where the root is that folder itself.
            let whole = self.root.join(&name);
            let within = name.split_once('/').map(|(_, rest)| self.root.join(rest));
            let path = if whole.exists() { whole } else { within.filter(|path| path.exists()).unwrap_or(whole) };
            let table = Table::read(&crate::read(&path.to_string_lossy())?)?;
            self.tables.insert(name.clone(), table);
        }
        self.tables.get(&name).ok_or(Failed::Unread(name))
    }
}

fn srm(input: Input<'_>, files: &mut Files) -> Found {
    let arms: Vec<String> = input.list("arms")?.iter().map(|arm| arm.0.as_str().unwrap_or("").to_owned()).collect();
    let column = input.text("arm_column")?;
    let mut counts = vec![0; arms.len()];
    for arm in files.table(input)?.text(&column)? {
        if let Some(at) = arms.iter().position(|name| name == arm) {
            counts[at] += 1;
        }
    }
    let found = Balance::new(&counts, &vec![1.0; arms.len()])?;
    Ok(json!({"counts": counts, "chi2": found.chi_square, "p": found.p}))
}

/// Which arm each row belongs to: `Some(false)` is the control.
fn sides(input: Input<'_>, table: &Table) -> Result<Vec<Option<bool>>, Failed> {
    let (control, treatment) = (input.text("control")?, input.text("treatment")?);
    let side = |arm: &str| match arm {
        arm if arm == control => Some(false),
        arm if arm == treatment => Some(true),
        _ => None,
    };
    Ok(table.text(&input.text("arm_column")?)?.map(side).collect())
}

/// The tallies of both arms over some columns.
fn tallies(input: Input<'_>, table: &Table, empty: Tally, columns: &[Vec<f64>]) -> Result<(Tally, Tally), Failed> {
    let (mut a, mut b) = (empty, empty);
    let mut unit = vec![0.0; columns.len()];
    for (row, side) in sides(input, table)?.into_iter().enumerate() {
        unit.iter_mut().zip(columns).for_each(|(number, column)| *number = column[row]);
        match side {
            Some(false) => a.observe(&unit),
            Some(true) => b.observe(&unit),
            None => {}
        }
    }
    Ok((a, b))
}

fn proportion(input: Input<'_>, files: &mut Files) -> Found {
    let table = files.table(input)?;
    let metric = table.numbers(&input.text("metric")?)?;
    let tallies = tallies(input, table, Tally::Rate(Proportion::default()), &[metric])?;
    let (Tally::Rate(a), Tally::Rate(b)) = tallies else { return Err(Failed::Unread("no rate".into())) };
    let alpha = Alpha::USUAL;
    let mut found = compare(&a, &b, alpha)?;
    for name in ["se_unpooled", "z_unpooled", "p_unpooled", "ci_agresti_caffo"] {
        found.as_object_mut().map(|fields| fields.remove(name));
    }
    let lift = relative_lift(&Arm::from(&a), &Arm::from(&b))?.normal();
    let of = |seen: &Proportion| beta(1.0 + seen.successes() as f64, 1.0 + (seen.trials() - seen.successes()) as f64);
    let belief = RateComparison::new(&of(&a)?, &of(&b)?);
    let more = json!({
        "x_a": a.successes(), "n_a": a.trials(), "x_b": b.successes(), "n_b": b.trials(),
        "p_a": a.rate(), "p_b": b.rate(),
        "lift": lift.estimate(),
        "se_lift": lift.error(),
        "ci_lift_z": interval(lift.interval(alpha)),
        "prob_b_better": belief.treatment_better,
        "expected_loss_b": belief.loss_of_treatment,
        "expected_loss_a": belief.loss_of_control,
    });
    if let (Value::Object(found), Value::Object(more)) = (&mut found, more) {
        found.extend(more);
    }
    Ok(found)
}

fn mean(input: Input<'_>, files: &mut Files) -> Found {
    let table = files.table(input)?;
    let mut metric = table.numbers(&input.text("metric")?)?;
    if input.has("cap") {
        let cap = input.number("cap")?;
        metric.iter_mut().for_each(|value| *value = value.min(cap));
    }
    let (a, b) = tallies(input, table, Tally::Mean(Moments::default()), &[metric])?;
    let (a, b, alpha) = (a.arm()?, b.arm()?, Alpha::USUAL);
    let (found, lift) = (difference(&a, &b)?, relative_lift(&a, &b)?);
    Ok(json!({
        "n_a": a.units(), "mean_a": a.value(), "var_a": a.variance(),
        "n_b": b.units(), "mean_b": b.value(), "var_b": b.variance(),
        "diff": found.estimate(),
        "se": found.error(),
        "t": found.z(),
        "df": found.freedom(),
        "p": found.p(),
        "ci": interval(found.interval(alpha)),
        "lift": lift.estimate(),
        "se_lift": lift.error(),
        "ci_lift_t": interval(lift.interval(alpha)),
        "prob_b_better": Posterior::new(&found, None).chance_to_win(),
    }))
}

fn cuped(input: Input<'_>, files: &mut Files) -> Found {
    let table = files.table(input)?;
    let columns = [table.numbers(&input.text("metric")?)?, table.numbers(&input.text("covariate")?)?];
    let tallies = tallies(input, table, Tally::MeanGiven(JointMoments::default()), &columns)?;
    let (Tally::MeanGiven(a), Tally::MeanGiven(b)) = tallies else { return Err(Failed::Unread("no covariate".into())) };
    let found = Adjusted::mean(&a, &b)?;
    Ok(json!({
        "theta": found.theta,
        "diff": found.difference.estimate(),
        "se": found.difference.error(),
        "p": found.difference.p(),
        "ci": interval(found.difference.interval(Alpha::USUAL)),
        "variance_reduction": found.variance_reduction,
    }))
}

fn segments(input: Input<'_>, files: &mut Files) -> Found {
    let table = files.table(input)?;
    let metric = table.numbers(&input.text("metric")?)?;
    let segments = table.text(&input.text("segment_column")?)?;
    let mut levels: BTreeMap<&str, [Proportion; 2]> = BTreeMap::new();
    for ((segment, side), value) in segments.zip(sides(input, table)?).zip(metric) {
        if let Some(side) = side {
            levels.entry(segment).or_default()[usize::from(side)].observe(value > 0.0);
        }
    }
    let effects = levels.values().map(|[a, b]| Proportion::unpooled(a, b));
    let effects = effects.collect::<Result<Vec<_>, _>>()?;
    let found = Heterogeneity::new(&effects)?;
    Ok(json!({
        "levels": levels.keys().collect::<Vec<_>>(),
        "diff": effects.iter().map(Evidence::estimate).collect::<Vec<f64>>(),
        "se": effects.iter().map(Evidence::error).collect::<Vec<f64>>(),
        "pooled": found.pooled.estimate(),
        "q": found.q,
        "df": found.freedom,
        "p": found.p,
    }))
}

fn customers(input: Input<'_>, files: &mut Files) -> Result<Vec<Purchases>, Failed> {
    Ok(summaries(files.table(input)?)?)
}

/// The customers of a table of summaries.
pub(crate) fn summaries(table: &Table) -> Result<Vec<Purchases>, String> {
    let (repeats, recency) = (table.numbers("frequency")?, table.numbers("recency")?);
    let observed = table.numbers("T")?;
    let spent = match table.column("monetary") {
        Some(_) => table.numbers("monetary")?,
        None => vec![0.0; repeats.len()],
    };
    let one = |(i, x): (usize, &f64)| {
        let repeats = Proportion::from_counts(0.0, *x).map(|count| count.trials());
        let found = repeats.and_then(|repeats| Purchases::new(repeats, recency[i], observed[i], spent[i]));
        found.map_err(|reason| format!("row {}: {reason}", i + 1))
    };
    repeats.iter().enumerate().map(one).collect()
}

fn forecast(input: Input<'_>, files: &mut Files) -> Found {
    let (table, t) = (files.table(input)?, input.number("t")?);
    let customers = summaries(table)?;
    let model = bespoke::lifetime::BgNbd::fit(&customers)?;
    let total: f64 = customers.iter().map(|customer| model.expected(customer, t)).sum();
    let mut found = json!({"total_expected": total});
    if table.column("holdout_days").is_some() {
        found["actual"] = json!(table.numbers("holdout_days")?.iter().sum::<f64>());
    }
    Ok(found)
}
