//! What was tried, and what came of it.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Dial, ModelSettings};
use crate::time::Timestamp;

/// What was chosen, and why. As text it is a table of the trials.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tuning {
    /// What to fit.
    pub chosen: ModelSettings,
    /// The trial that those who choose found best, where it was not the default.
    pub best: Option<usize>,
    /// How much better than the default the others found it, in NDCG.
    pub gain: f64,
    /// The standard error of that: where the gain is not above twice as much, the default was kept.
    pub gain_error: f64,
    /// How the log was parted.
    pub split: Split,
    /// How many people were asked: one half chose, the other confirmed.
    pub people: usize,
    /// How long the slates were that were scored.
    pub k: u32,
    /// Whether there was time for everything.
    pub is_complete: bool,
    /// What was tried, in this order.
    pub trials: Vec<Trial>,
}

/// How a log is parted into what is fitted and what is scored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Split {
    /// What came before, and what came from then on.
    Time(Timestamp),
    /// A fifth of each person's items is held back.
    Hash,
}

/// One model with its settings, and how good it was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Trial {
    /// What was fitted.
    pub settings: ModelSettings,
    /// Which setting was changed from the best so far, and to what; none where a model stood at its default.
    pub changed: Option<(Dial, f32)>,
    /// The mean NDCG of all who were asked.
    pub ndcg: f64,
    /// How much better than the default those who choose found it.
    pub gain: f64,
    /// The standard error of that.
    pub gain_error: f64,
}

impl fmt::Display for Tuning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let split = match self.split {
            Split::Time(cut) => format!("the events from {cut} on"),
            Split::Hash => "a fifth of each person's items".to_owned(),
        };
        writeln!(f, "held back {split}; asked {} people", self.people)?;
        let k = format!("ndcg@{}", self.k);
        writeln!(
            f,
            "{:>5}  {:<13}  {:<10}  {:>7}  {k:>8}  {:>8}  {:>7}",
            "trial", "model", "dial", "value", "gain", "±"
        )?;
        for (at, trial) in self.trials.iter().enumerate() {
            let (dial, value) = trial.changed.map_or(("", String::new()), |(dial, to)| (dial.name(), to.to_string()));
            let (model, mark) = (trial.settings.name(), if self.best == Some(at) { "  best" } else { "" });
            let Trial { ndcg, gain, gain_error, .. } = trial;
            writeln!(
                f,
                "{at:>5}  {model:<13}  {dial:<10}  {value:>7}  {ndcg:>8.4}  {gain:>+8.4}  {gain_error:>7.4}{mark}"
            )?;
        }
        if !self.is_complete {
            writeln!(f, "stopped before everything was tried")?;
        }
        match self.best {
            Some(best) => {
                let verdict = if self.gain > 2.0 * self.gain_error { "it is chosen" } else { "the default stays" };
                write!(f, "trial {best} confirmed by {:+.4} ± {:.4}: {verdict}", self.gain, self.gain_error)
            }
            None => write!(f, "nothing is better than the default: it stays"),
        }
    }
}
