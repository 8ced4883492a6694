//! How far each estimator is from the truth, on logs that are generated: the truth is known there.
//!
//! A request has five standard normal features x. Arm a pays 1 with the probability q = sigmoid(b_a + c·x + d_a·x), else
//! nothing, with b_a ~ N(0, 1), c ~ N(0, 0.25 I) and d_a ~ N(0, 0.25 I), drawn anew in each run. The target is the softmax
//! of 10 q. It is judged by 10,000 records of: a softmax of -3 q (adverse, 10 arms), of 3 q (close), an even draw
//! (uniform), and an even draw among 100 arms; the first and the third once more with a log that lacks the features. The
//! truth is the target's expected reward on the very requests that were logged; told is the mean of |estimate / truth - 1|,
//! and how often the interval of 95 % holds the truth.

use bespoke::decision::Propensity;
use bespoke::evaluate::{Estimator, Guard, Log, Logged, OffPolicy, Predicted, Target};
use bespoke::stats::{Moments, normal_quantile};
use rand::rand_core::SeedableRng;
use rand::rngs::Xoshiro256PlusPlus;
use rand::{Rng, RngExt};
use serde_json::{Map, Value, json};

use crate::Answer;
use crate::measure::round;
use crate::ope::estimators;
use crate::progress::Progress;

/// The settings: a name, the number of arms, by what the logging policy multiplies what arms pay, and whether the log has
/// the features.
const SETTINGS: [(&str, usize, f64, bool); 6] = [
    ("adverse", 10, -3.0, true),
    ("close", 10, 3.0, true),
    ("uniform", 10, 0.0, true),
    ("uniform_100_arms", 100, 0.0, true),
    ("adverse_without_features", 10, -3.0, false),
    ("uniform_without_features", 10, 0.0, false),
];
const RECORDS: usize = 10_000;
const FEATURES: usize = 5;
const TARGET: f64 = 10.0;

pub(crate) fn answer(runs: u64) -> Answer {
    let mut progress = Progress::new("simulating", SETTINGS.len() * usize::try_from(runs).unwrap_or(1));
    let mut settings = Map::new();
    for (name, arms, logging, has_features) in SETTINGS {
        let mut errors = [Moments::default(); 6];
        let mut held = [0_u64; 6];
        for run in 0..runs {
            let (log, target, truth) = world(arms, logging, has_features, run)?;
            let model =
                Predicted::cross_fitted(&log, OffPolicy::default().folds, run).map_err(|why| why.to_string())?;
            for ((estimator, errors), held) in estimators()?.into_iter().zip(&mut errors).zip(&mut held) {
                let judge = OffPolicy { estimator, guard: Guard::NONE, ..OffPolicy::default() };
                let found = judge.estimate(&log, &target, Some(&model)).map_err(|why| why.to_string())?;
                errors.observe((found.value / truth - 1.0).abs());
                *held += u64::from((found.interval.low..=found.interval.high).contains(&truth));
            }
            progress.step();
        }
        let row = |(estimator, (errors, held)): (Estimator, (&Moments, &u64))| {
            let share = if runs > 0 { *held as f64 / runs as f64 } else { 0.0 };
            let line = json!({"relative_error": round(errors.mean(), 5), "interval_holds": round(share, 3)});
            (estimator.name().to_owned(), line)
        };
        let rows: Map<String, Value> = estimators()?.into_iter().zip(errors.iter().zip(&held)).map(row).collect();
        settings.insert(name.to_owned(), Value::Object(rows));
    }
    progress.finish();
    Ok(json!({"command": "ope", "synthetic": settings, "runs": runs, "records": RECORDS}).to_string())
}

/// A log, a target, and what the target is worth.
fn world(arms: usize, logging: f64, has_features: bool, run: u64) -> Result<(Log, Target, f64), String> {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(run);
    let constants: Vec<f64> = (0..arms).map(|_| normal(&mut rng)).collect();
    let common: Vec<f64> = (0..FEATURES).map(|_| 0.5 * normal(&mut rng)).collect();
    let own: Vec<Vec<f64>> = (0..arms).map(|_| (0..FEATURES).map(|_| 0.5 * normal(&mut rng)).collect()).collect();
    let (mut records, mut chances, mut truth) = (Vec::new(), Vec::new(), 0.0);
    for _ in 0..RECORDS {
        let features: Vec<f64> = (0..FEATURES).map(|_| normal(&mut rng)).collect();
        let pays: Vec<f64> = (0..arms)
            .map(|arm| {
                let slopes = common.iter().zip(&own[arm]).map(|(common, own)| common + own);
                let logit = constants[arm] + slopes.zip(&features).map(|(slope, x)| slope * x).sum::<f64>();
                1.0 / (1.0 + libm::exp(-logit))
            })
            .collect();
        let (by_log, by_target) = (softmax(&pays, logging), softmax(&pays, TARGET));
        let mut rest: f64 = rng.random();
        let drawn = by_log.iter().position(|of| {
            rest -= of;
            rest < 0.0
        });
        let arm = drawn.unwrap_or(arms - 1);
        let reward = f64::from(u8::from(rng.random_bool(pays[arm])));
        truth += by_target.iter().zip(&pays).map(|(chance, pays)| chance * pays).sum::<f64>();
        let propensity = Propensity::new(by_log[arm]).map_err(|why| why.to_string())?;
        let features = if has_features { features } else { Vec::new() };
        records.push(Logged { features, ..Logged::new(arm, propensity, reward) });
        chances.extend(by_target);
    }
    let log = Log::new(arms, records).map_err(|why| why.to_string())?;
    let target = Target::new(&log, chances).map_err(|why| why.to_string())?;
    Ok((log, target, truth / RECORDS as f64))
}

fn softmax(pays: &[f64], times: f64) -> Vec<f64> {
    let most = pays.iter().map(|of| of * times).fold(f64::NEG_INFINITY, f64::max);
    let parts: Vec<f64> = pays.iter().map(|of| libm::exp(of * times - most)).collect();
    let sum: f64 = parts.iter().sum();
    parts.into_iter().map(|of| of / sum).collect()
}

fn normal(rng: &mut dyn Rng) -> f64 {
    // Away from the ends, where the quantile is infinite.
    normal_quantile((rng.random::<f64>()).clamp(1e-15, 1.0 - 1e-15))
}
