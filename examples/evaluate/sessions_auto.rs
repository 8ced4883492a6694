//! Chooses settings for next clicks from the log alone: those that predict its own last sessions best.

use bespoke::recommend::{ClickSettings, NeighborSettings, Repeat, SessionSettings};
use bespoke::time::Span;
use serde_json::{Value, json};

use super::measure::{Times, clock, round};
use super::sessions::{Fitted, Model, Score};
use super::sessions_log::Log;

/// Learns from the sessions that end first, predicts the fifth that ends last, and changes one dial after the other in
/// a fixed order. A change is kept if HR + MRR gains more than its standard error, so that chance alone moves little.
///
/// The budget, in seconds, bounds how many changes are tried: given time for all, the choice is always the same.
pub(crate) fn choose(log: Log<'_>, k: usize, budget: f64) -> Result<(ClickSettings, Value), String> {
    let start = clock();
    let (train, test) = log.split();
    let mut chosen = ClickSettings::default();
    let mut best = score(chosen, &train, &test, k)?;
    let mut tried = vec![report("default", &best, true)];
    for (name, change) in CHANGES {
        if start.elapsed().as_secs_f64() >= budget {
            break;
        }
        let changed = change(chosen);
        let score = score(changed, &train, &test, k)?;
        let (gain, error) = score.gain(&best);
        let is_kept = gain > error && gain > 0.0;
        tried.push(report(name, &score, is_kept));
        if is_kept {
            (chosen, best) = (changed, score);
        }
    }
    let held_out = test.sessions.len();
    Ok((chosen, json!({"held_out": held_out, "of": CHANGES.len() + 1, "in_order": tried})))
}

fn score(settings: ClickSettings, train: &Log<'_>, test: &Log<'_>, k: usize) -> Result<Score, String> {
    let mut fitted = Fitted::new(Model::clicks(settings)?);
    fitted.fit(train, &mut Times::default());
    fitted.predict(test, k, &mut Times::default(), |_, _, _| Ok(()))
}

fn report(name: &str, score: &Score, is_kept: bool) -> Value {
    json!({
        "change": name,
        "hr": round(score.hit_rate(), 4),
        "mrr": round(score.reciprocal_rank(), 4),
        "kept": is_kept,
    })
}

/// What makes other settings of the best so far.
type Change = fn(ClickSettings) -> ClickSettings;

/// The changes, those first that matter most where data differ.
const CHANGES: &[(&str, Change)] = &[
    ("repeat: forbid", |s| ClickSettings { repeat: Repeat::Forbid, ..s }),
    ("repeat: first", |s| ClickSettings { repeat: Repeat::First, ..s }),
    ("similar: 0.7", |s| ClickSettings { similar: 0.7, ..s }),
    ("similar: 0", |s| ClickSettings { similar: 0.0, ..s }),
    ("returning: 1.5", |s| ClickSettings { returning: 1.5, ..s }),
    ("returning: 0.7", |s| ClickSettings { returning: 0.7, ..s }),
    ("neighbors.spread: 0", |s| neighbors(s, |n| n.spread = 0.0)),
    ("neighbors.spread: 3", |s| neighbors(s, |n| n.spread = 3.0)),
    ("neighbors.evenness: 0", |s| neighbors(s, |n| n.evenness = 0.0)),
    ("neighbors.evenness: 0.3", |s| neighbors(s, |n| n.evenness = 0.3)),
    ("neighbors.fade: 0.75", |s| neighbors(s, |n| n.fade = 0.75)),
    ("neighbors.fade: 0.3", |s| neighbors(s, |n| n.fade = 0.3)),
    ("neighbors.backward: 0.2", |s| neighbors(s, |n| n.backward = 0.2)),
    ("neighbors.backward: 1", |s| neighbors(s, |n| n.backward = 1.0)),
    ("neighbors.half_life: 3d", |s| neighbors(s, |n| n.half_life = Span::days(3))),
    ("neighbors.half_life: 60d", |s| neighbors(s, |n| n.half_life = Span::days(60))),
    ("neighbors.pace: 10m", |s| neighbors(s, |n| n.pace = Span::minutes(10))),
    ("sessions.fade: 0.6", |s| sessions(s, |v| v.fade = 0.6)),
    ("sessions.half_life: 1d", |s| sessions(s, |v| v.half_life = Span::days(1))),
    ("sessions.half_life: 30d", |s| sessions(s, |v| v.half_life = Span::days(30))),
    ("sessions.neighbors: 200", |s| sessions(s, |v| (v.neighbors, v.recent) = (200, 500))),
];

fn neighbors(mut settings: ClickSettings, change: impl Fn(&mut NeighborSettings)) -> ClickSettings {
    change(&mut settings.neighbors);
    settings
}

fn sessions(mut settings: ClickSettings, change: impl Fn(&mut SessionSettings)) -> ClickSettings {
    change(&mut settings.sessions);
    settings
}
