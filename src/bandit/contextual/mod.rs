//! The default with features: a contextual bandit that becomes a plain one where the features say nothing.
//!
//! Each arm's reward is linear in the standardised features, and how far the arms' coefficients may lie from what they
//! have in common, and that from zero, is learned from the rewards themselves (see `prior`). Without signal the slopes
//! are held at zero and what is left are the arms' means; with signal they are set free. The choice is Thompson's
//! (1933; for linear rewards Agrawal and Goyal, ICML 2013), in units of the estimated residual: the score of each arm
//! has a normal posterior whose deviation is narrowed to `exploration` times itself, since drawing from the whole one
//! explores more than pays within thousands of choices (Chapelle and Li, NIPS 2011, §4). The probabilities of the arms
//! are computed ([`best_means`]) and the arm drawn from them, so that the stated propensity is exact.
//!
//! Cost for k arms and d features: a choice O(k d²) and the integral, some 2 µs per arm; learning O(d²), and O(k d³)
//! each time that a fifth more has been learned (`cargo bench --bench bandit`). Memory: about 8 (d + 3)² bytes per arm.
//! Up to 31 features and 16 arms a choice of [`LinUcb`] takes no memory of its own.

mod belief;
mod choice;
mod described;
mod merge;
mod moments;
mod prior;
mod regression;
mod scheme;
mod stored;
#[cfg(test)]
mod tests;

use belief::Belief;
use described::Descriptions;
use moments::Moments;
pub(super) use prior::invert;
use prior::{Precisions, Scaling, Shown, believe};
use rand::Rng;
use serde::{Deserialize, Serialize};

pub(crate) use regression::Regression;
pub use scheme::{ContextualScheme, LinThompson, LinUcb, Shrunk, SquareCb};

use super::arms::draw;
use super::tally::{self, ArmTally};
use super::{BanditError, Choice, HalfLife, Policy, Reward, Trial, Turn};
use crate::stats::{Alpha, Interval, best_means};
use crate::time::Timestamp;

/// Chooses among arms by features of the request, sharing between arms as much as the rewards justify.
///
/// Rewards may be of any size, money or 0 and 1. Features are numbers up to 10^9 in size, as many in each call as the
/// policy was made with; they need no scaling, and categories are given as zeros and ones. Arms that have never been
/// tried come first.
///
/// ```
/// use bespoke::Timestamp;
/// use bespoke::bandit::{Arms, Contextual, Policy, Reward, Shrunk, Trial, Turn};
/// use rand::{SeedableRng, rngs::Xoshiro256PlusPlus};
/// let now: Timestamp = "2026-03-01T12:00:00Z".parse()?;
/// let mut policy = Contextual::new(2, 1, Shrunk::default())?;
/// let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
/// // The first arm pays on weekdays, the second on Sundays.
/// for day in 0..300 {
///     let sunday = [f64::from(u8::from(day % 7 == 6))];
///     let turn = Turn::new(Arms::first(2), now).features(&sunday);
///     let choice = policy.choose(&turn, &mut rng)?.unwrap();
///     let pays = if choice.arm == 1 { sunday[0] } else { 1.0 - sunday[0] };
///     policy.observe(&Trial::new(choice.arm, now).features(&sunday), Reward::new(pays)?)?;
/// }
/// assert!(policy.propensities(&Turn::new(Arms::first(2), now).features(&[1.0]))?[1] > 0.99);
/// assert!(policy.propensities(&Turn::new(Arms::first(2), now).features(&[0.0]))?[0] > 0.99);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
// Reading is completed by `stored`, which checks that the parts fit each other.
#[serde(remote = "Self")]
pub struct Contextual {
    scheme: ContextualScheme,
    width: usize,
    less: bool,
    half_life: Option<HalfLife>,
    tallies: Vec<ArmTally>,
    /// How many arms were never tried.
    #[serde(skip)]
    untried: usize,
    /// All that was learned, by arm; what is forgotten by then is out of it since the last fit.
    moments: Vec<Moments>,
    /// How many trials in all; whole.
    count: f64,
    /// How many half-lives after the beginning of time a trial counts as one.
    landmark: f64,
    /// The newest tick of that clock.
    newest: f64,
    /// The least and the greatest value of each feature.
    ranges: Vec<(f64, f64)>,
    precisions: Precisions,
    scaling: Scaling,
    /// The variance of a reward about its expectation.
    variance: f64,
    /// Where the ridge is set: the sum of squares that the arms' regressions leave, the ridge's part included.
    rest: f64,
    /// Empty before the first fit.
    beliefs: Vec<Belief>,
    /// At how many trials the precisions are chosen anew.
    next: f64,
    /// What is known of the arms beside what they pay.
    descriptions: Descriptions,
}

impl Contextual {
    /// The most features.
    pub const MAX_FEATURES: usize = 256;
    /// The largest feature, and its negative the smallest.
    pub const MAX_FEATURE: f64 = 1e9;

    /// Knows nothing yet, and chooses evenly until each arm has been tried and two trials have been learned.
    ///
    /// # Errors
    /// [`BanditError::Arms`] unless there are 1 to 4,096 arms, [`BanditError::Features`] for more than 256 features, and
    /// [`BanditError::Setting`] for a setting out of range.
    pub fn new(arms: usize, features: usize, scheme: impl Into<ContextualScheme>) -> Result<Self, BanditError> {
        let (scheme, tallies) = (scheme.into(), tally::fresh(arms)?);
        check_width(features)?;
        scheme.check()?;
        let mut policy = Self {
            scheme,
            width: features,
            less: false,
            half_life: None,
            untried: arms,
            tallies,
            moments: vec![Moments::new(features); arms],
            count: 0.0,
            landmark: 0.0,
            newest: 0.0,
            ranges: vec![(f64::INFINITY, f64::NEG_INFINITY); features],
            precisions: Precisions::START,
            scaling: Scaling::default(),
            variance: 0.0,
            rest: 0.0,
            beliefs: Vec::new(),
            next: 2.0,
            descriptions: Descriptions::default(),
        };
        policy.fit_if_known();
        Ok(policy)
    }

    /// Takes less for better: costs, complaints, returns.
    #[must_use]
    pub fn less_is_better(self) -> Self {
        Self { less: true, ..self }
    }

    /// Forgets: a trial counts half after every half-life. What it knew fades as new trials come, not by itself; within
    /// a twentieth of a half-life a trial counts in full.
    ///
    /// # Errors
    /// [`BanditError::Setting`] for less than a second, or ten exposures.
    pub fn fading(self, half_life: HalfLife) -> Result<Self, BanditError> {
        half_life.check()?;
        Ok(Self { half_life: Some(half_life), ..self })
    }

    /// How many features it reads.
    #[must_use]
    pub const fn features(&self) -> usize {
        self.width
    }

    /// How many trials were learned.
    #[must_use]
    pub fn count(&self) -> u64 {
        // Counts are whole, and far below 2^53.
        self.count as u64
    }

    /// What an arm is expected to pay under these features, and the deviation of that expectation; nothing before the
    /// first fit, or if there is no such arm.
    ///
    /// # Errors
    /// [`BanditError::Features`] or [`BanditError::Feature`].
    pub fn expected(&self, arm: usize, features: &[f64]) -> Result<Option<(f64, f64)>, BanditError> {
        self.check_features(features)?;
        let Some(belief) = self.beliefs.get(arm) else { return Ok(None) };
        let (mean, deviation) = self.score(belief, features);
        Ok(Some((self.worth(mean), deviation)))
    }

    /// The mean and the deviation of an arm's score under these features; without any, at the means of all.
    fn score(&self, belief: &Belief, features: &[f64]) -> (f64, f64) {
        let z = self.scaling.standardise(features);
        let mut share = [0.0];
        Belief::shares(std::iter::once(belief), &z, &mut share);
        (belief.expected(&z), libm::sqrt((self.variance * share[0]).max(0.0)))
    }

    /// Whether the other chooses and forgets alike, by as many features among as many arms.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        let parts = |of: &Self| (of.scheme, of.less, of.width, of.tallies.len(), of.half_life);
        parts(self) == parts(other)
    }

    /// The same for other arms: `was[i]` says which of these the new arm `i` is, if any. A new one begins with what all
    /// have in common.
    pub(super) fn rearranged(&self, was: &[Option<usize>]) -> Result<Self, BanditError> {
        let mut policy = Self::new(was.len(), self.width, self.scheme)?;
        policy.less = self.less;
        policy.half_life = self.half_life;
        for (arm, was) in was.iter().enumerate().filter_map(|(arm, was)| Some((arm, (*was)?))) {
            let Some((moments, tally)) = self.moments.get(was).zip(self.tallies.get(was)) else { continue };
            policy.moments[arm].clone_from(moments);
            policy.tallies[arm] = *tally;
            policy.count += tally.exposures() as f64;
        }
        policy.untried = untried(&policy.tallies);
        (policy.landmark, policy.newest) = (self.landmark, self.newest);
        policy.ranges.clone_from(&self.ranges);
        policy.precisions = self.precisions;
        policy.fit_if_known();
        Ok(policy)
    }

    /// How many half-lives a moment lies after the beginning of time.
    fn tick(&self, time: Timestamp) -> f64 {
        match self.half_life {
            None => 0.0,
            Some(HalfLife::Time(span)) => time.millis() as f64 / span.millis().max(1) as f64,
            Some(HalfLife::Exposures(count)) => self.count / f64::from(count.max(1)),
        }
    }

    /// How much a trial of that time counts now. Far ahead of the landmark all is scaled anew.
    fn weight(&mut self, time: Timestamp) -> f64 {
        let tick = self.tick(time);
        if self.count <= 0.0 {
            self.landmark = tick;
        }
        self.newest = if self.count <= 0.0 { tick } else { self.newest.max(tick) };
        if tick - self.landmark > FAR {
            self.settle();
        }
        libm::exp2(tick - self.landmark)
    }

    /// Counts the newest trial as one, and the others as what has not faded.
    fn settle(&mut self) {
        let by = libm::exp2(self.landmark - self.newest);
        if self.newest > self.landmark {
            self.moments.iter_mut().for_each(|moments| moments.scale(by));
            self.landmark = self.newest;
        }
    }

    /// What a reward counts as: more is better.
    fn worth(&self, reward: f64) -> f64 {
        if self.less { -reward } else { reward }
    }

    /// Fits what there is: a shrunken model needs two trials, a set ridge none.
    fn fit_if_known(&mut self) {
        if self.count >= 2.0 || self.scheme.ridge().is_some() {
            self.fit();
        }
    }

    fn fit_if_due(&mut self) {
        let has_faded = self.half_life.is_some() && self.newest - self.landmark > PART_OF_LIFE;
        if self.count >= self.next || has_faded && !self.beliefs.is_empty() {
            self.fit();
        }
    }

    /// Chooses the precisions anew, where they are not set, and computes what follows from them.
    fn fit(&mut self) {
        self.settle();
        if let Some(ridge) = self.scheme.ridge() {
            return self.solve(ridge);
        }
        self.next = (self.count * GROWTH).ceil().clamp(self.count + 1.0, self.count + MOST_BETWEEN);
        let traits = self.descriptions.standardised(self.moments.len());
        (self.scaling, self.variance, self.beliefs) =
            believe(&self.moments, &self.ranges, &traits, &mut self.precisions);
    }

    /// Solves each arm's ridge regression from its moments: features as they are, and a prior at zero.
    fn solve(&mut self, ridge: f64) {
        self.next = self.count + MOST_BETWEEN;
        self.scaling = Scaling::none(self.width);
        self.beliefs = vec![Belief::new(&vec![ridge; self.width + 1], &vec![0.0; self.width + 1]); self.moments.len()];
        self.rest = 0.0;
        for (arm, moments) in self.moments.iter().enumerate().filter(|(_, moments)| moments.count > 0.0) {
            let shown = Shown::new(arm, moments, &self.scaling);
            self.beliefs[arm].replace(&shown.inverse(ridge), &shown.rewards);
            self.rest += shown.rest(self.beliefs[arm].mean.as_flattened());
        }
        self.vary();
    }

    /// The variance that the regressions leave, as if one trial more had been one off.
    fn vary(&mut self) {
        self.variance = (self.rest.max(0.0) + 1.0) / (self.count + 1.0);
    }

    fn check_features(&self, features: &[f64]) -> Result<(), BanditError> {
        if features.len() != self.width {
            return Err(BanditError::Features { found: features.len(), wanted: self.width });
        }
        let is_sound = |feature: &f64| feature.abs() <= Self::MAX_FEATURE;
        // All of them, without a branch for each.
        if features.iter().fold(true, |all, feature| all & is_sound(feature)) {
            return Ok(());
        }
        let at = features.iter().position(|feature| !is_sound(feature)).unwrap_or(0);
        Err(BanditError::Feature { at, found: features[at] })
    }

    /// Counts a trial that paid so much, once it has been checked.
    fn count_trial(&mut self, trial: &Trial<'_>, reward: Reward) {
        let weight = if self.half_life.is_some() { self.weight(trial.shown) } else { 1.0 };
        let worth = self.worth(reward.value());
        self.untried -= usize::from(self.tallies[trial.arm].exposures() == 0);
        self.tallies[trial.arm].expose();
        self.tallies[trial.arm].revise(Reward::NONE, reward);
        self.moments[trial.arm].observe(weight, trial.features, worth);
        self.count += 1.0;
        for ((low, high), feature) in self.ranges.iter_mut().zip(trial.features) {
            // Both are numbers, which `f64::min` would check once more.
            *low = if feature < low { *feature } else { *low };
            *high = if feature > high { *feature } else { *high };
        }
        if let Some(belief) = self.beliefs.get_mut(trial.arm).filter(|_| self.count < self.next) {
            let z = self.scaling.standardise(trial.features);
            let left = belief.learn(&z, worth);
            if self.scheme.ridge().is_some() {
                self.rest += left;
                self.vary();
            }
        }
        self.fit_if_due();
    }
}

impl Policy for Contextual {
    fn tallies(&self) -> &[ArmTally] {
        &self.tallies
    }

    fn propensities(&self, turn: &Turn<'_>) -> Result<Vec<f64>, BanditError> {
        let eligible = turn.eligible.below(self.arms());
        let mut probabilities = vec![0.0; self.arms()];
        eligible.iter().zip(self.shares(&eligible, turn.features)?).for_each(|(arm, share)| probabilities[arm] = share);
        Ok(probabilities)
    }

    fn choose(&self, turn: &Turn<'_>, rng: &mut dyn Rng) -> Result<Option<Choice>, BanditError> {
        // As from all probabilities, since those that are zero are passed over.
        let eligible = turn.eligible.below(self.arms());
        let drawn = draw(&self.shares(&eligible, turn.features)?, rng);
        Ok(drawn.and_then(|Choice { arm, propensity }| Some(Choice { arm: eligible.iter().nth(arm)?, propensity })))
    }

    fn check(&self, trial: &Trial<'_>, _: Reward) -> Result<(), BanditError> {
        let (arm, arms) = (trial.arm, self.arms());
        if arm >= arms {
            return Err(BanditError::NoSuchArm { arm, arms });
        }
        self.check_features(trial.features)
    }

    fn expose(&mut self, trial: &Trial<'_>) -> Result<(), BanditError> {
        self.observe(trial, Reward::NONE)
    }

    fn revise(&mut self, trial: &Trial<'_>, from: Reward, to: Reward) -> Result<(), BanditError> {
        self.check(trial, to)?;
        self.tallies[trial.arm].revise(from, to);
        let (from, to) = (self.worth(from.value()), self.worth(to.value()));
        let weight = libm::exp2((self.tick(trial.shown) - self.landmark).min(FAR));
        self.moments[trial.arm].revise(weight, trial.features, from, to);
        if let Some(belief) = self.beliefs.get_mut(trial.arm) {
            let z = self.scaling.standardise(trial.features);
            let left = belief.revise(&z, from, to);
            if self.scheme.ridge().is_some() {
                self.rest += left;
                self.vary();
            }
        }
        Ok(())
    }

    fn observe(&mut self, trial: &Trial<'_>, reward: Reward) -> Result<(), BanditError> {
        self.check(trial, reward)?;
        self.count_trial(trial, reward);
        Ok(())
    }

    /// To rounding, but that the least and the greatest value of a feature stay, by which a shrunken model weighs it.
    /// Cost: as choosing the precisions anew.
    fn forget(&mut self, trial: &Trial<'_>, reward: Reward) -> Result<(), BanditError> {
        self.check(trial, reward)?;
        let arm = trial.arm;
        if self.tallies[arm].exposures() == 0 {
            return Err(BanditError::NothingToForget { arm });
        }
        if matches!(self.half_life, Some(HalfLife::Exposures(_))) {
            return Err(BanditError::Unforgettable { policy: "half_life_exposures" });
        }
        self.tallies[arm].forget(reward);
        self.count -= 1.0;
        if self.tallies[arm].exposures() == 0 {
            self.moments[arm] = Moments::new(self.width);
            self.untried += 1;
        } else {
            let worth = self.worth(reward.value());
            let weight = libm::exp2((self.tick(trial.shown) - self.landmark).min(FAR));
            self.moments[arm].forget(weight, trial.features, worth);
        }
        if self.count < 2.0 && self.scheme.ridge().is_none() {
            (self.beliefs, self.next) = (Vec::new(), 2.0);
        }
        self.fit_if_known();
        Ok(())
    }

    fn best(&self) -> Option<Vec<f64>> {
        let mut best = Vec::new();
        let scores: Vec<(f64, f64)> = self.beliefs.iter().map(|belief| self.score(belief, &[])).collect();
        best_means(&scores, &mut best);
        (!best.is_empty()).then_some(best)
    }

    fn is_deterministic(&self) -> bool {
        self.scheme.is_deterministic()
    }

    fn interval(&self, arm: usize, alpha: Alpha) -> Option<Interval> {
        let (mean, deviation) = self.score(self.beliefs.get(arm)?, &[]);
        let (mean, wide) = (self.worth(mean), alpha.z() * deviation);
        Some(Interval { low: mean - wide, high: mean + wide })
    }
}

/// How many arms were never tried.
fn untried(tallies: &[ArmTally]) -> usize {
    tallies.iter().filter(|tally| tally.exposures() == 0).count()
}

fn check_width(features: usize) -> Result<(), BanditError> {
    let wanted = Contextual::MAX_FEATURES;
    if features <= wanted { Ok(()) } else { Err(BanditError::Features { found: features, wanted }) }
}

/// The precisions are chosen anew each time that so many times as many trials are known …
const GROWTH: f64 = 1.2;
/// … or so many more, so that rounding does not add up …
const MOST_BETWEEN: f64 = 65_536.0;
/// … or after such a part of a half-life.
const PART_OF_LIFE: f64 = 0.05;
/// By how many half-lives a trial may lie after the landmark.
const FAR: f64 = 64.0;
