//! Chooses a model and its settings from the log itself.
//!
//! A part of the log is held back: where events have times, the latest fifth of it, else a fifth of each person's
//! items, by a stable hash. Each trial is fitted to the rest, and asked for a sample of people who have events in both
//! parts; what it proposes is scored by NDCG@k against what was held back. The trials come in a fixed order: the
//! default and popularity, then the dials of the better of these, one after the other, each left where it was best, at
//! last the factor model, and if it is better still, its dials.
//!
//! Trying many settings finds one that was lucky. So half of the people choose, and the other half is only asked at the
//! end whether the choice is better than the default: by at least two standard errors of the paired difference, or the
//! default stays.
//!
//! Cost: a fit for each model, and of another one for each trial that cannot do without; people · an answer for every
//! trial. The library has no clock: the host is asked before each trial whether there is time for it.

mod dial;
mod model;
mod report;
mod sample;
#[cfg(test)]
mod tests;

pub use dial::Dial;
use dial::GRID;
pub use model::{Model, ModelSettings};
pub use report::{Split, Trial, Tuning};
use sample::Sample;
use serde::{Deserialize, Serialize};

use super::log::Log;
use super::settings::{RecommendError, check_count};
use super::{FactorSettings, PopularSettings};

/// How [`tune`] compares models.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TuneSettings {
    /// How long the slates are that are scored; at least one. 20 unless told.
    pub k: u32,
    /// How many people are asked at most, half of whom choose; at least one. 4,000 unless told.
    pub people: u32,
    /// Picks the people, and what is held back of theirs.
    pub seed: u64,
}

impl Default for TuneSettings {
    fn default() -> Self {
        Self { k: 20, people: 4000, seed: 0 }
    }
}

/// Chooses a model and its settings for a log, on so many threads, of which the caller's is one; `go_on` is asked
/// before every trial whether there is time for it.
///
/// The same log, settings and answers of `go_on` give the same choice, for any number of threads and any order of the
/// log. With no time at all, or nobody to ask, it is the default. The model is then to be fitted to the whole log.
///
/// ```
/// use bespoke::hash::Symbol;
/// use bespoke::recommend::{Log, ModelSettings, Seen, SeenKind, TuneSettings, tune};
/// use bespoke::time::Timestamp;
/// let mut log = Log::default();
/// for (user, item) in [("ann", "tent"), ("ann", "stove"), ("bob", "tent"), ("bob", "stove")] {
///     log.push(Symbol::new(user), Seen { item: Symbol::new(item), time: Timestamp::EPOCH, weight: 1.0, kind: SeenKind::Viewed });
/// }
/// let mut left = 3;
/// let tuning = tune(&log, TuneSettings::default(), 1, &mut || {
///     left -= 1;
///     left >= 0
/// })?;
/// // Four events prove nothing.
/// assert_eq!(tuning.chosen, ModelSettings::default());
/// let model = tuning.chosen.fit(&log, 1)?;
/// # Ok::<(), bespoke::recommend::RecommendError>(())
/// ```
///
/// # Errors
/// A [`RecommendError`] that names the setting that is out of range.
pub fn tune(
    log: &Log,
    settings: TuneSettings,
    threads: usize,
    go_on: &mut dyn FnMut() -> bool,
) -> Result<Tuning, RecommendError> {
    check_count("k", settings.k)?;
    check_count("people", settings.people)?;
    let sample = Sample::new(log, settings)?;
    let mut search = Search { sample, trials: Vec::new(), scores: Vec::new(), threads };
    let is_complete = !search.sample.is_empty() && search.run(go_on)?;
    Ok(search.conclude(settings.k, is_complete))
}

/// What was tried so far.
struct Search {
    sample: Sample,
    trials: Vec<Trial>,
    /// Each trial's score for each person.
    scores: Vec<Vec<f64>>,
    threads: usize,
}

impl Search {
    /// Makes all trials there is time for, and says whether that was all.
    fn run(&mut self, go_on: &mut dyn FnMut() -> bool) -> Result<bool, RecommendError> {
        // The one that takes longest for one trial comes last.
        let groups = [
            vec![ModelSettings::default(), ModelSettings::Popular(PopularSettings::default())],
            vec![ModelSettings::Factor(FactorSettings::default())],
        ];
        // The best so far: its number, and the model asked last of its kind.
        let mut best: Option<(usize, Model)> = None;
        for group in groups {
            let first = self.trials.len();
            for settings in group {
                if !go_on() {
                    return Ok(false);
                }
                let model = settings.fit(&self.sample.kept, self.threads)?;
                let trial = self.attempt(settings, None, &model);
                if best.as_ref().is_none_or(|(than, _)| self.is_better(trial, *than)) {
                    best = Some((trial, model));
                }
            }
            // The dials of a model of an earlier group have been turned.
            if let Some((trial, model)) = best.take_if(|(trial, _)| *trial >= first) {
                best = self.turn(trial, model, go_on)?;
                if best.is_none() {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    /// Turns every dial of the best model so far, and gives what is best then; `None` if the time was up before.
    fn turn(
        &mut self,
        mut best: usize,
        mut model: Model,
        go_on: &mut dyn FnMut() -> bool,
    ) -> Result<Option<(usize, Model)>, RecommendError> {
        for (dial, values) in GRID {
            if dial.needs_times() && !self.sample.has_times {
                continue;
            }
            let from = self.trials[best].settings;
            for value in *values {
                let Some(settings) = dial.set(&from, *value) else { continue };
                if !go_on() {
                    return Ok(None);
                }
                model = model.refit(&settings, &self.sample.kept, self.threads)?;
                let trial = self.attempt(settings, Some((*dial, *value)), &model);
                if self.is_better(trial, best) {
                    best = trial;
                }
            }
        }
        Ok(Some((best, model)))
    }

    fn attempt(&mut self, settings: ModelSettings, changed: Option<(Dial, f32)>, model: &Model) -> usize {
        let scores = self.sample.score(model, self.threads);
        let ndcg = scores.iter().sum::<f64>() / scores.len() as f64;
        self.trials.push(Trial { settings, changed, ndcg, ..Trial::default() });
        self.scores.push(scores);
        self.trials.len() - 1
    }

    /// Whether those who choose find one trial better than another, by more than a standard error.
    fn is_better(&self, trial: usize, than: usize) -> bool {
        let (gain, error) = paired(&self.scores[trial], &self.scores[than], CHOOSE);
        gain > error
    }

    fn conclude(mut self, k: u32, is_complete: bool) -> Tuning {
        let mut best = 0;
        for trial in 1..self.trials.len() {
            if self.is_better(trial, best) {
                best = trial;
            }
        }
        let (mut gain, mut error) = (0.0, 0.0);
        if let Some(default) = self.scores.first() {
            for (trial, scores) in self.trials.iter_mut().zip(&self.scores) {
                (trial.gain, trial.gain_error) = paired(scores, default, CHOOSE);
            }
            (gain, error) = paired(&self.scores[best], default, CONFIRM);
        }
        let is_confirmed = best > 0 && gain > MARGIN * error;
        let chosen = if is_confirmed { self.trials[best].settings } else { ModelSettings::default() };
        Tuning {
            chosen,
            best: (best > 0).then_some(best),
            gain,
            gain_error: error,
            split: self.sample.split,
            people: self.sample.len(),
            k,
            is_complete,
            trials: self.trials,
        }
    }
}

/// By how much every second score is better than the other, and the standard error of that.
fn paired(scores: &[f64], than: &[f64], from: usize) -> (f64, f64) {
    let those = || scores.iter().zip(than).skip(from).step_by(2).map(|(score, than)| score - than);
    let count = those().count() as f64;
    if count < 2.0 {
        // One person proves nothing.
        return (0.0, 0.0);
    }
    let mean = those().sum::<f64>() / count;
    let spread: f64 = those().map(|x| (x - mean) * (x - mean)).sum::<f64>() / (count - 1.0);
    (mean, (spread / count).sqrt())
}

/// The people who choose are those at even places, the others confirm.
const CHOOSE: usize = 0;
const CONFIRM: usize = 1;
/// How many standard errors better than the default the choice has to be.
const MARGIN: f64 = 2.0;
