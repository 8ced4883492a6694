//! What the policy of one log would have earned, by another: off-policy evaluation in the form of the Open Bandit Dataset.
//!
//! Where the log is too small for the question, `refused` says why and `estimate` is null. The figures of the single
//! estimators are there all the same, for a look at how far off the log is, and not to be relied on.

use std::collections::BTreeMap;

use bespoke::decision::Propensity;
use bespoke::evaluate::{
    Estimate, Estimator, Guard, Log, Logged, OffPolicy, OffPolicyError, Predicted, Target, Threshold,
};
use bespoke::stats::{Alpha, Evidence, Moments};
use serde_json::{Map, Value, json};

use crate::ope_synthetic;
use crate::options::Options;
use crate::stats::input::number;
use crate::table::Table;
use crate::{Answer, Command, read};

pub(crate) const COMMAND: Command = Command {
    name: "ope",
    arguments: "--log FILE --target FILE --format obd [--action-dist FILE] [--model FILE] | --synthetic RUNS",
    about: "estimates what the policy of the second log is worth from the first, by each estimator; a CSV gives its \
            probabilities of all items for each row of the first log (or each position, or once); else its shares of \
            items by position are taken; another CSV gives predicted rewards of all items for each row; --synthetic \
            tells each estimator's error on generated logs",
    run,
    try_out,
};

fn run(arguments: &[String]) -> Answer {
    let options =
        Options::read(arguments, &["--log", "--target", "--format", "--action-dist", "--model", "--synthetic"])?;
    if options.text("--synthetic").is_some() {
        return ope_synthetic::answer(options.parsed("--synthetic", 0, "a number of runs")?);
    }
    match options.needed("--format")? {
        "obd" => {}
        other => return Err(format!("unknown format `{other}`; there is obd")),
    }
    let rows = |name: &str| {
        let path = options.needed(name)?;
        Table::read(&read(path)?).and_then(|table| Rows::read(&table)).map_err(|why| format!("{path}: {why}"))
    };
    let logged = rows("--log")?;
    let target = if options.text("--target").is_some() { Some(rows("--target")?) } else { None };
    let numbers = |name: &str| {
        let of = |path| matrix(&read(path)?).map_err(|why| format!("{path}: {why}"));
        options.text(name).map(of).transpose()
    };
    let (given, model) = (numbers("--action-dist")?, numbers("--model")?);
    answer(&logged, target.as_ref(), given.as_deref(), model.as_deref())
}

fn try_out() -> Answer {
    // Three items drawn evenly at two positions; the other log has the last one, which pays most, half of the time.
    let log = |items: &[usize]| {
        let row = |n: usize| {
            let (item, round) = (items[n % items.len()], n / items.len());
            let chance = items.iter().filter(|of| **of == item).count() as f64 / items.len() as f64;
            let is_clicked = item == 2 && round % 2 == 0 || item == 0 && round % 10 == 0;
            format!("{item},{},{},{chance},{}\n", n / 7 % 2 + 1, u8::from(is_clicked), n % 5)
        };
        let rows: String = (0..1_200).map(row).collect();
        let table = Table::read(&format!("item_id,position,click,propensity_score,user_feature_0\n{rows}"));
        table.and_then(|of| Rows::read(&of))
    };
    answer(&log(&[0, 1, 2])?, Some(&log(&[0, 2, 1, 2])?), None, None)
}

/// The rows of a log of the Open Bandit Dataset, by column.
struct Rows {
    items: Vec<usize>,
    positions: Vec<u32>,
    rewards: Vec<f64>,
    propensities: Vec<Propensity>,
    features: Vec<Vec<f64>>,
}

impl Rows {
    fn read(table: &Table) -> Result<Self, String> {
        let whole = |of: f64, name: &str| {
            // Ids and positions are small whole numbers.
            let is_whole = (0.0..=65_535.0).contains(&of) && of.fract() == 0.0;
            if is_whole {
                Ok(of as u32)
            } else {
                Err(format!("`{name}` holds {of}, which is no whole number up to 65535"))
            }
        };
        let items = table.numbers("item_id")?.into_iter().map(|of| whole(of, "item_id").map(|of| of as usize));
        let items = items.collect::<Result<Vec<usize>, String>>()?;
        let positions = match table.column("position") {
            Some(_) => {
                table.numbers("position")?.into_iter().map(|of| whole(of, "position")).collect::<Result<_, _>>()?
            }
            None => vec![0; items.len()],
        };
        let rewards = table.numbers(if table.column("click").is_some() { "click" } else { "reward" })?;
        let propensities = table.numbers("propensity_score")?.into_iter().enumerate();
        let propensities = propensities
            .map(|(at, of)| Propensity::new(of).map_err(|why| format!("row {}: {why}", at + 1)))
            .collect::<Result<_, _>>()?;
        let features = features(table, &positions)?;
        Ok(Self { items, positions, rewards, propensities, features })
    }

    fn arms(&self) -> usize {
        self.items.iter().max().map_or(1, |most| most + 1)
    }

    fn log(&self, arms: usize) -> Result<Log, String> {
        let record = |at: usize| Logged {
            features: self.features[at].clone(),
            arm: self.items[at],
            propensity: self.propensities[at],
            reward: self.rewards[at],
            position: Some(self.positions[at]),
        };
        Log::new(arms, (0..self.items.len()).map(record).collect()).map_err(said)
    }

    /// How often each item was shown at each position, as shares; under no position, at all of them.
    fn shares(&self, arms: usize) -> BTreeMap<Option<u32>, Vec<f64>> {
        let mut counts: BTreeMap<Option<u32>, Vec<f64>> = BTreeMap::new();
        for (item, position) in self.items.iter().zip(&self.positions) {
            for of in [None, Some(*position)] {
                counts.entry(of).or_insert_with(|| vec![0.0; arms])[*item] += 1.0;
            }
        }
        for row in counts.values_mut() {
            let sum: f64 = row.iter().sum();
            row.iter_mut().for_each(|of| *of /= sum);
        }
        counts
    }
}

/// What the model reads: the position, the person's features, and affinities to items. Words become zeros and ones for
/// those that enough rows have.
fn features(table: &Table, positions: &[u32]) -> Result<Vec<Vec<f64>>, String> {
    let mut columns = dummies(positions.iter().map(ToString::to_string).collect());
    for name in table.columns() {
        let (is_user, is_pair) = (name.starts_with("user_feature"), name.starts_with("user-item_affinity"));
        if is_user || is_pair {
            match table.numbers(name) {
                Ok(numbers) if numbers.iter().all(|of| of.is_finite()) => columns.push(numbers),
                _ => columns.extend(dummies(table.text(name)?.map(str::to_owned).collect())),
            }
        }
    }
    columns.retain(|column| column.iter().any(|of| of.total_cmp(&column[0]).is_ne()));
    columns.truncate(bespoke::bandit::Contextual::MAX_FEATURES);
    Ok((0..positions.len()).map(|at| columns.iter().map(|column| column[at]).collect()).collect())
}

fn dummies(words: Vec<String>) -> Vec<Vec<f64>> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    words.iter().for_each(|word| *counts.entry(word).or_default() += 1);
    let enough = (words.len() / 200).max(LEAST_ROWS);
    let kept = counts.into_iter().filter(|(_, count)| *count >= enough).map(|(word, _)| word);
    kept.map(|kept| words.iter().map(|word| f64::from(u8::from(word == kept))).collect()).collect()
}

/// Rows of numbers, of which the first may be a header.
fn matrix(text: &str) -> Result<Vec<Vec<f64>>, String> {
    let mut rows: Vec<Vec<f64>> = Vec::new();
    for (at, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        match line.split(',').map(|cell| cell.trim().parse::<f64>()).collect::<Result<Vec<f64>, _>>() {
            Ok(row) if rows.first().is_none_or(|first| first.len() == row.len()) => rows.push(row),
            Err(_) if at == 0 => {}
            _ => return Err(format!("line {} needs as many numbers as the others", at + 1)),
        }
    }
    Ok(rows)
}

/// The target's probabilities, as they were given (for each row, each position in order, or once) or as its log shows them.
fn distribution(
    logged: &Rows,
    log: &Log,
    target: Option<&Rows>,
    given: Option<&[Vec<f64>]>,
) -> Result<Vec<f64>, String> {
    let shares = target.map(|target| target.shares(log.arms()));
    let mut positions = logged.positions.clone();
    positions.sort_unstable();
    positions.dedup();
    let row = |at: usize| -> Result<Vec<f64>, String> {
        let position = logged.positions[at];
        if let Some(given) = given {
            let of_position = || positions.binary_search(&position).unwrap_or(0);
            let of_row = match given.len() {
                rows if rows == logged.items.len() => at,
                1 => 0,
                rows if rows == positions.len() => of_position(),
                rows => return Err(format!("{rows} rows of probabilities are given for {} rows", logged.items.len())),
            };
            let mut row = given[of_row].clone();
            let sum: f64 = row.iter().sum();
            // What is off by rounding is mended; anything else is told by the target's own check.
            if (sum - 1.0).abs() < 0.01 {
                row.iter_mut().for_each(|of| *of /= sum);
            }
            row.resize(log.arms().max(row.len()), 0.0);
            return Ok(row);
        }
        let shares = shares.as_ref().ok_or("`--target` or `--action-dist` is missing")?;
        Ok(shares.get(&Some(position)).or_else(|| shares.get(&None)).cloned().unwrap_or_default())
    };
    let mut all = Vec::new();
    for at in 0..logged.items.len() {
        all.extend(row(at)?);
    }
    Ok(all)
}

fn answer(logged: &Rows, target: Option<&Rows>, given: Option<&[Vec<f64>]>, model: Option<&[Vec<f64>]>) -> Answer {
    let columns = given.and_then(|rows| rows.first()).map_or(0, Vec::len);
    let arms = logged.arms().max(target.map_or(0, Rows::arms)).max(columns);
    let log = logged.log(arms)?;
    let policy = Target::new(&log, distribution(logged, &log, target, given)?).map_err(said)?;
    let usual = OffPolicy::default();
    let model = match model {
        Some(rows) => Predicted::new(&log, rows.concat()),
        None => Predicted::cross_fitted(&log, usual.folds, usual.seed),
    };
    let model = model.map_err(said)?;
    let paid = target.map(|target| target.rewards.iter().copied().collect::<Moments>());
    let off = |estimate: f64| paid.map(|paid| (estimate / paid.mean() - 1.0).abs()).filter(|of| of.is_finite());

    let judge = |estimator, guard| OffPolicy { estimator, guard, ..usual };
    let mut by_name = Map::new();
    for estimator in estimators()? {
        let found = judge(estimator, Guard::NONE).estimate(&log, &policy, Some(&model));
        let mut line = found.map_or_else(|why| json!({"refused": why.to_string()}), |found| told(&found));
        line["relative_error"] = line["estimate"].as_f64().and_then(off).map_or(Value::Null, number);
        by_name.insert(estimator.name().to_owned(), line);
    }
    let found = usual.estimate(&log, &policy, Some(&model));
    let unguarded = by_name.get(usual.estimator.name()).cloned().unwrap_or_default();
    let of = |name: &str| unguarded.get(name).cloned().unwrap_or_default();
    let trusted = |name: &str| if found.is_ok() { of(name) } else { Value::Null };
    let line = json!({
        "command": "ope",
        "records": log.records().len(),
        "arms": arms,
        "features": log.features(),
        "target": if given.is_some() { "given" } else { "estimated by position" },
        "estimator": usual.estimator.name(),
        "refused": found.as_ref().err().map(ToString::to_string),
        "estimate": trusted("estimate"),
        "interval": trusted("interval"),
        "effective_sample_size": of("effective_sample_size"),
        "largest_weight": of("largest_weight"),
        "positives": of("positives"),
        "unsupported": policy.unsupported(&log),
        "relative_error": trusted("relative_error"),
        "on_policy": paid.map(on_policy),
        "estimators": by_name,
    });
    Ok(line.to_string())
}

/// Every estimator, once.
pub(crate) fn estimators() -> Result<[Estimator; 6], String> {
    let switch = Estimator::Switch(Threshold::new(SWITCH).map_err(said)?);
    Ok([Estimator::Ips, Estimator::Snips, Estimator::Dm, Estimator::Dr, Estimator::Sndr, switch])
}

fn told(found: &Estimate) -> Value {
    json!({
        "estimate": found.value,
        "error": found.error,
        "interval": [found.interval.low, found.interval.high],
        "effective_sample_size": found.effective_size,
        "largest_weight": found.largest_weight,
        "positives": found.positives,
    })
}

/// What the target's own log paid.
fn on_policy(paid: Moments) -> Value {
    let error = (paid.variance() / paid.count() as f64).sqrt();
    let interval = Evidence::new(paid.mean(), error, paid.count()).map(|of| of.interval(Alpha::USUAL));
    json!({
        "mean": number(paid.mean()),
        "interval": interval.map_or(Value::Null, |of| json!([of.low, of.high])),
        "count": paid.count(),
    })
}

#[expect(clippy::needless_pass_by_value, reason = "for `map_err`")]
fn said(error: OffPolicyError) -> String {
    error.to_string()
}

/// Above this weight the model is trusted alone.
const SWITCH: f64 = 10.0;
/// A word becomes a feature if one row in 200 has it, and at least so many.
const LEAST_ROWS: usize = 50;
