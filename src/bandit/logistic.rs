//! Thompson sampling of a logistic regression for each arm: for rewards from 0 to 1 whose rate depends on features.
//!
//! The posterior of an arm's coefficients is kept as a normal distribution by Laplace's approximation, trial by trial
//! (as algorithm 3 of Chapelle and Li, "An empirical evaluation of Thompson sampling", NIPS 2011, but with the whole
//! covariance: Spiegelhalter and Lauritzen, "Sequential updating of conditional probabilities on directed graphical
//! structures", Networks 1990, §4.1). A trial moves the mode along `S z` only, to where
//!
//! ```text
//! u = zᵀm + zᵀS z · (y − σ(u))        σ(u) = 1 / (1 + e^−u)
//! ```
//!
//! which is solved by Newton's method in one dimension, and adds `σ(u) (1 − σ(u)) z zᵀ` to the precision. The predictor
//! of an arm under some features so is normal, and the arm of the highest rate that of the highest predictor: the
//! probabilities are those of [`best_means`], and the arm is drawn from them.
//!
//! Cost for k arms and d features: a choice O(k d²) and the integral, learning O(d²), and O(d³) at every
//! [`EVERY`]th trial of an arm, which takes rounding back. Memory: about 8 (d + 3)² bytes per arm.

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use super::contextual::invert;
use super::error::check_setting;
use super::tally::{self, ArmTally};
use super::{Arms, BanditError, Contextual, Policy, Reward, Trial, Turn};
use crate::linalg::{
    Four, Fours, dot_fours, fours, multiplied_out, no_fours, pack, packed_at, packed_forms, packed_len, packed_less,
    packed_times,
};
use crate::state::State;
use crate::stats::{Alpha, Interval, best_means};

/// Logistic Thompson sampling: its settings.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogisticThompson {
    /// The deviation of an arm's predictor in units of that of its posterior, from 0.01 to 10.
    pub exploration: f64,
    /// The precision of each coefficient before anything is known, about zero, from 1e-6 to 1e9.
    pub ridge: f64,
}

impl Default for LogisticThompson {
    fn default() -> Self {
        Self { exploration: 1.0, ridge: 1.0 }
    }
}

impl LogisticThompson {
    pub(super) fn check(&self) -> Result<(), BanditError> {
        check_setting("exploration", self.exploration, 0.01, 10.0)?;
        check_setting("ridge", self.ridge, 1e-6, 1e9)
    }
}

/// Chooses among arms by a logistic regression of each on the features of the request.
///
/// Features are taken as they are, up to 10^9 in size: give them about the same size, as one ridge is for all of them.
/// An exposure counts as a trial that paid nothing, and its reward moves the mode when it comes: exactly taken back if
/// revised, while the precision stays that of the exposure. So learning in another order, and merging, come to the same
/// only as far as the approximation does; exposures and rewards themselves are counted exactly.
///
/// ```
/// use bespoke::Timestamp;
/// use bespoke::bandit::{Arms, Logistic, LogisticThompson, Policy, Reward, Trial, Turn};
/// let now: Timestamp = "2026-03-01T12:00:00Z".parse()?;
/// let mut policy = Logistic::new(2, 1, LogisticThompson::default())?;
/// for n in 0..300 {
///     let (arm, sunday) = (n % 2, [f64::from(u8::from(n % 7 == 6))]);
///     let pays = if arm == 1 { sunday[0] } else { 1.0 - sunday[0] };
///     policy.observe(&Trial::new(arm, now).features(&sunday), Reward::new(pays)?)?;
/// }
/// assert!(policy.propensities(&Turn::new(Arms::first(2), now).features(&[1.0]))?[1] > 0.99);
/// assert!(policy.propensities(&Turn::new(Arms::first(2), now).features(&[0.0]))?[0] > 0.99);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Stored")]
pub struct Logistic {
    settings: LogisticThompson,
    width: usize,
    less: bool,
    tallies: Vec<ArmTally>,
    /// The sums of all trials' features, at whose means arms are reported.
    sums: Vec<f64>,
    beliefs: Vec<Belief>,
}

/// The posterior of an arm's coefficients, that of a constant first; packed, and vectors as fours.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Belief {
    precision: Vec<Four>,
    inverse: Vec<Four>,
    /// The precision times the mode.
    pull: Vec<Four>,
    mode: Vec<Four>,
}

impl Logistic {
    /// Knows nothing yet, and chooses evenly.
    ///
    /// # Errors
    /// [`BanditError::Arms`] unless there are 1 to 4,096 arms, [`BanditError::Features`] for more than 256 features, and
    /// [`BanditError::Setting`] for a setting out of range.
    pub fn new(arms: usize, features: usize, settings: LogisticThompson) -> Result<Self, BanditError> {
        settings.check()?;
        let tallies = tally::fresh(arms)?;
        if features > Contextual::MAX_FEATURES {
            return Err(BanditError::Features { found: features, wanted: Contextual::MAX_FEATURES });
        }
        let beliefs = vec![Belief::new(features + 1, settings.ridge); arms];
        Ok(Self { settings, width: features, less: false, tallies, sums: vec![0.0; features], beliefs })
    }

    /// Takes less for better: complaints, returns.
    #[must_use]
    pub fn less_is_better(self) -> Self {
        Self { less: true, ..self }
    }

    /// How many features it reads.
    #[must_use]
    pub const fn features(&self) -> usize {
        self.width
    }

    /// The predictor of an arm under these features, which is the logarithm of its odds, and its deviation; nothing if
    /// there is no such arm.
    ///
    /// # Errors
    /// [`BanditError::Features`] or [`BanditError::Feature`].
    pub fn predictor(&self, arm: usize, features: &[f64]) -> Result<Option<(f64, f64)>, BanditError> {
        self.check_features(features)?;
        let one: Arms = [arm].into_iter().filter(|arm| *arm < self.arms()).collect();
        Ok(self.predictors(&one, &with_one(features)).first().copied())
    }

    /// Whether the other chooses alike, by as many features among as many arms.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        let parts = |of: &Self| (of.settings, of.less, of.width, of.tallies.len());
        parts(self) == parts(other)
    }

    /// The same for other arms: `was[i]` says which of these the new arm `i` is, if any. A new one begins with nothing.
    pub(super) fn rearranged(&self, was: &[Option<usize>]) -> Result<Self, BanditError> {
        let mut policy = Self { less: self.less, ..Self::new(was.len(), self.width, self.settings)? };
        policy.sums.clone_from(&self.sums);
        for (arm, was) in was.iter().enumerate().filter_map(|(arm, was)| Some((arm, (*was)?))) {
            if let Some((belief, tally)) = self.beliefs.get(was).zip(self.tallies.get(was)) {
                policy.beliefs[arm].clone_from(belief);
                policy.tallies[arm] = *tally;
            }
        }
        Ok(policy)
    }

    fn check_features(&self, features: &[f64]) -> Result<(), BanditError> {
        if features.len() != self.width {
            return Err(BanditError::Features { found: features.len(), wanted: self.width });
        }
        let is_sound = |feature: &f64| feature.abs() <= Contextual::MAX_FEATURE;
        match features.iter().position(|feature| !is_sound(feature)) {
            Some(at) => Err(BanditError::Feature { at, found: features[at] }),
            None => Ok(()),
        }
    }

    /// The predictors of some arms and their deviations, in order.
    fn predictors(&self, arms: &Arms, z: &[Four]) -> SmallVec<[(f64, f64); 16]> {
        let beliefs = || arms.iter().map(|arm| &self.beliefs[arm]);
        let mut squares = SmallVec::<[f64; 16]>::from_elem(0.0, arms.len());
        multiplied_out(z, |products| packed_forms(products, beliefs().map(|of| &of.inverse[..]), &mut squares));
        let deviation = |square: f64| libm::sqrt(square.max(0.0));
        beliefs().zip(squares).map(|(of, square)| (dot_fours(z, &of.mode), deviation(square))).collect()
    }

    /// The probabilities of some arms to be the best, in order, with deviations as many times as wide.
    fn shares(&self, arms: &Arms, z: &[Four], exploration: f64) -> Vec<f64> {
        let mut scores = self.predictors(arms, z);
        for (mean, deviation) in &mut scores {
            *mean = if self.less { -*mean } else { *mean };
            *deviation *= exploration;
        }
        let mut best = Vec::with_capacity(scores.len());
        best_means(&scores, &mut best);
        best
    }

    /// The means of the features so far.
    fn middle(&self) -> Fours {
        let count: f64 = self.tallies.iter().map(|tally| tally.exposures() as f64).sum();
        let means: SmallVec<[f64; 32]> = self.sums.iter().map(|sum| sum / count.max(1.0)).collect();
        with_one(&means)
    }
}

impl Policy for Logistic {
    fn tallies(&self) -> &[ArmTally] {
        &self.tallies
    }

    fn propensities(&self, turn: &Turn<'_>) -> Result<Vec<f64>, BanditError> {
        self.check_features(turn.features)?;
        let eligible = turn.eligible.below(self.arms());
        let mut probabilities = vec![0.0; self.arms()];
        let shares = self.shares(&eligible, &with_one(turn.features), self.settings.exploration);
        eligible.iter().zip(shares).for_each(|(arm, share)| probabilities[arm] = share);
        Ok(probabilities)
    }

    fn check(&self, trial: &Trial<'_>, reward: Reward) -> Result<(), BanditError> {
        let (arm, arms, found) = (trial.arm, self.arms(), reward.value());
        if arm >= arms {
            return Err(BanditError::NoSuchArm { arm, arms });
        }
        if !(0.0..=1.0).contains(&found) {
            return Err(BanditError::RewardRange { policy: "logistic", found });
        }
        self.check_features(trial.features)
    }

    fn expose(&mut self, trial: &Trial<'_>) -> Result<(), BanditError> {
        self.observe(trial, Reward::NONE)
    }

    fn revise(&mut self, trial: &Trial<'_>, from: Reward, to: Reward) -> Result<(), BanditError> {
        self.check(trial, from)?;
        self.check(trial, to)?;
        self.tallies[trial.arm].revise(from, to);
        self.beliefs[trial.arm].revise(&with_one(trial.features), to.value() - from.value());
        Ok(())
    }

    fn observe(&mut self, trial: &Trial<'_>, reward: Reward) -> Result<(), BanditError> {
        self.check(trial, reward)?;
        self.tallies[trial.arm].expose();
        self.tallies[trial.arm].revise(Reward::NONE, reward);
        self.sums.iter_mut().zip(trial.features).for_each(|(sum, feature)| *sum += feature);
        let belief = &mut self.beliefs[trial.arm];
        belief.learn(&with_one(trial.features), reward.value());
        if self.tallies[trial.arm].exposures() % EVERY == 0 {
            belief.settle(self.width + 1);
        }
        Ok(())
    }

    /// Refused: what a trial added to the precision depends on where the mode was then.
    fn forget(&mut self, trial: &Trial<'_>, reward: Reward) -> Result<(), BanditError> {
        self.check(trial, reward)?;
        Err(BanditError::Unforgettable { policy: "logistic" })
    }

    fn best(&self) -> Option<Vec<f64>> {
        Some(self.shares(&Arms::first(self.arms()), &self.middle(), 1.0))
    }

    fn interval(&self, arm: usize, alpha: Alpha) -> Option<Interval> {
        let one: Arms = [arm].into_iter().filter(|arm| *arm < self.arms()).collect();
        let (mean, deviation) = *self.predictors(&one, &self.middle()).first()?;
        let wide = alpha.z() * deviation;
        Some(Interval { low: rate(mean - wide), high: rate(mean + wide) })
    }
}

impl State for Logistic {
    const KIND: &'static str = "logistic";
    const VERSION: u16 = 1;

    /// Adds what the other learned beyond the prior, and solves anew: the product of the two approximate likelihoods,
    /// in any order to rounding. It takes in nothing from a policy with another number of features; the longer of the
    /// two gives the number of arms, the settings stay.
    fn merge(&mut self, other: &Self) {
        if self.width != other.width {
            return;
        }
        let (arms, width) = (self.arms().max(other.arms()), self.width + 1);
        self.beliefs.resize_with(arms, || Belief::new(width, self.settings.ridge));
        for ((belief, tally), of) in self.beliefs.iter_mut().zip(&other.tallies).zip(&other.beliefs) {
            if tally.exposures() > 0 {
                belief.merge(of, width, other.settings.ridge);
            }
        }
        tally::merge(&mut self.tallies, &other.tallies);
        self.sums.iter_mut().zip(&other.sums).for_each(|(sum, other)| *sum += other);
    }
}

impl Belief {
    fn new(width: usize, ridge: f64) -> Self {
        let diagonal = |of: f64| {
            let mut square = vec![[0.0; 4]; packed_len(width)];
            (0..width).for_each(|at| square.as_flattened_mut()[packed_at(at, at)] = of);
            square
        };
        let none = vec![[0.0; 4]; fours(width)];
        Self { precision: diagonal(ridge), inverse: diagonal(1.0 / ridge), pull: none.clone(), mode: none }
    }

    /// Takes in a trial that paid so much.
    fn learn(&mut self, z: &[Four], pays: f64) {
        let mut image = no_fours(z.len());
        packed_times(&self.inverse, z, &mut image);
        let square = dot_fours(&image, z).max(0.0);
        let at = settle_at(dot_fours(z, &self.mode), square, pays);
        let rate = rate(at);
        let weight = rate * (1.0 - rate);
        add(&mut self.mode, pays - rate, &image);
        add(&mut self.pull, pays - rate + weight * at, z);
        packed_less(&mut self.precision, -weight, z);
        packed_less(&mut self.inverse, weight / (1.0 + weight * square), &image);
    }

    /// Takes in that a trial paid so much more: its likelihood is linear in that, and so is the mode's move.
    fn revise(&mut self, z: &[Four], more: f64) {
        let mut image = no_fours(z.len());
        packed_times(&self.inverse, z, &mut image);
        add(&mut self.mode, more, &image);
        add(&mut self.pull, more, z);
    }

    fn merge(&mut self, other: &Self, width: usize, ridge: f64) {
        add(&mut self.precision, 1.0, &other.precision);
        (0..width).for_each(|at| self.precision.as_flattened_mut()[packed_at(at, at)] -= ridge);
        add(&mut self.pull, 1.0, &other.pull);
        self.settle(width);
    }

    /// Computes inverse and mode from the precision.
    fn settle(&mut self, width: usize) {
        let cells = self.precision.as_flattened();
        let mut square: Vec<f64> = (0..width * width).map(|at| cells[packed_at(at / width, at % width)]).collect();
        self.inverse = pack(&invert(&mut square, width).0, width);
        packed_times(&self.inverse, &self.pull, &mut self.mode);
    }

    fn is_sound(&self, width: usize) -> bool {
        let all = [&self.precision, &self.inverse, &self.pull, &self.mode];
        let lens = [packed_len(width), packed_len(width), fours(width), fours(width)];
        let fits = |(of, len): (&&Vec<Four>, usize)| of.len() == len && of.as_flattened().iter().all(|x| x.is_finite());
        all.iter().zip(lens).all(fits)
    }
}

/// Where `u = from + square · (pays − σ(u))`: by Newton's method, kept between the ends that a rate from 0 to 1 gives.
fn settle_at(from: f64, square: f64, pays: f64) -> f64 {
    let (mut low, mut high) = (from + square * (pays - 1.0), from + square * pays);
    let mut at = from.clamp(low, high);
    for _ in 0..MOST {
        let share = rate(at);
        let off = at - from - square * (pays - share);
        if off > 0.0 {
            high = at
        } else {
            low = at
        }
        let next = at - off / (1.0 + square * share * (1.0 - share));
        let next = if next > low && next < high { next } else { 0.5 * (low + high) };
        let is_near = (next - at).abs() <= 1e-14 * at.abs().max(1.0);
        at = next;
        if is_near {
            break;
        }
    }
    at
}

fn rate(predictor: f64) -> f64 {
    1.0 / (1.0 + libm::exp(-predictor))
}

/// Features with a leading one.
fn with_one(features: &[f64]) -> Fours {
    let mut z = no_fours(fours(features.len() + 1));
    let cells = z.as_flattened_mut();
    cells[0] = 1.0;
    cells[1..=features.len()].copy_from_slice(features);
    z
}

fn add(to: &mut [Four], factor: f64, from: &[Four]) {
    let cells = to.as_flattened_mut().iter_mut().zip(from.as_flattened());
    cells.for_each(|(to, from)| *to += factor * from);
}

#[derive(Deserialize)]
struct Stored {
    settings: LogisticThompson,
    width: usize,
    less: bool,
    tallies: Vec<ArmTally>,
    sums: Vec<f64>,
    beliefs: Vec<Belief>,
}

impl TryFrom<Stored> for Logistic {
    type Error = BanditError;

    fn try_from(Stored { settings, width, less, tallies, sums, beliefs }: Stored) -> Result<Self, BanditError> {
        settings.check()?;
        tally::check_count(tallies.len())?;
        let is_sound = width <= Contextual::MAX_FEATURES
            && sums.len() == width
            && sums.iter().all(|sum| sum.is_finite())
            && beliefs.len() == tallies.len()
            && beliefs.iter().all(|belief| belief.is_sound(width + 1));
        if is_sound { Ok(Self { settings, width, less, tallies, sums, beliefs }) } else { Err(BanditError::Stored) }
    }
}

/// After so many trials of an arm its inverse is computed anew, so that rounding does not add up.
const EVERY: u64 = 16_384;
/// Steps of Newton's method or of halving, which reach any double.
const MOST: usize = 200;

#[cfg(test)]
mod tests;
