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
//! Cost for k arms and d features: a choice O(k d²) and the integral, some 2 µs per arm; learning O(d²), and O(k d³) each
//! time that a fifth more has been learned (`cargo bench --bench bandit`). Memory: about 16 (d + 1)² bytes per arm.

mod moments;
mod prior;
mod regression;
#[cfg(test)]
mod tests;

pub(crate) use regression::Regression;

use moments::Moments;
use prior::{Precisions, Scaling, Shown, climb};
use rand::Rng;
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use super::{Arms, BanditError, Choice, MAX_ARMS, Reward, propensity::draw};
use crate::linalg::dot64;
use crate::state::State;
use crate::stats::best_means;

/// How a [`Contextual`] bandit chooses.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ContextualSettings {
    /// The deviation of an arm's score that a choice allows for, as a share of that of its posterior, from 0.01 to 10. One
    /// is Thompson sampling as it stands; less favours what looks best, and may, rarely, stay with the second best.
    pub exploration: f64,
    /// The least probability of each eligible arm, from 0 to 1 over the number of arms; added evenly, so that the
    /// order of the arms stays.
    pub floor: f64,
    /// How many rewards of an arm have to be known before its score counts; until then arms that have fewer are chosen
    /// evenly. More is safer where the first rewards may be all alike, so that what other arms pay looks certain too.
    pub burn_in: u32,
}

impl Default for ContextualSettings {
    /// 0.4, chosen on a randomised e-mail campaign and on classification with bandit feedback; no floor; one reward.
    fn default() -> Self {
        Self { exploration: 0.4, floor: 0.0, burn_in: 1 }
    }
}

/// Chooses among arms by features of the request, sharing between arms as much as the rewards justify.
///
/// Rewards may be of any size, money or 0 and 1. Features are numbers up to 10^9 in size, as many in each call as the
/// policy was made with; they need no scaling, and categories are given as zeros and ones.
///
/// ```
/// use bespoke::bandit::{Arms, Contextual, ContextualSettings, Reward};
/// use rand::{SeedableRng, rngs::Xoshiro256PlusPlus};
/// let mut policy = Contextual::new(2, 1, ContextualSettings::default())?;
/// let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
/// // The first arm pays on weekdays, the second on Sundays.
/// for day in 0..300 {
///     let sunday = f64::from(u8::from(day % 7 == 6));
///     let choice = policy.choose(&[sunday], Arms::first(2), &mut rng)?.unwrap();
///     let pays = if choice.arm == 1 { sunday } else { 1.0 - sunday };
///     policy.learn(choice.arm, &[sunday], Reward::new(pays)?)?;
/// }
/// assert!(policy.propensities(&[1.0], Arms::first(2))?[1] > 0.99);
/// assert!(policy.propensities(&[0.0], Arms::first(2))?[0] > 0.99);
/// # Ok::<(), bespoke::bandit::BanditError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Stored")]
pub struct Contextual {
    settings: ContextualSettings,
    width: usize,
    /// All that was learned, by arm.
    moments: Vec<Moments>,
    /// How many rewards in all; whole.
    count: f64,
    /// The least and the greatest value of each feature.
    ranges: Vec<(f64, f64)>,
    precisions: Precisions,
    scaling: Scaling,
    /// The variance of a reward about its expectation.
    variance: f64,
    /// Empty before the first fit.
    beliefs: Vec<Belief>,
    /// At how many rewards the precisions are chosen anew.
    next: f64,
}

/// The posterior of one arm's coefficients, in standardised features: its inverse precision over the residual variance,
/// what the rewards pull it to, and its mean.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Belief {
    inverse: Vec<f64>,
    pull: Vec<f64>,
    mean: Vec<f64>,
}

impl Contextual {
    /// The most features.
    pub const MAX_FEATURES: usize = 256;
    /// The largest feature, and its negative the smallest.
    pub const MAX_FEATURE: f64 = 1e9;

    /// Knows nothing yet, and chooses evenly until each arm has been burnt in and two rewards have been learned.
    ///
    /// # Errors
    /// [`BanditError::Arms`] unless there are 1 to 64 arms, [`BanditError::Features`] for more than 256 features, and
    /// [`BanditError::Setting`] for a setting out of range.
    pub fn new(arms: usize, features: usize, settings: ContextualSettings) -> Result<Self, BanditError> {
        super::tally::check_count(arms)?;
        if features > Self::MAX_FEATURES {
            return Err(BanditError::Features { found: features, wanted: Self::MAX_FEATURES });
        }
        settings.check(arms)?;
        Ok(Self {
            settings,
            width: features,
            moments: vec![Moments::new(features); arms],
            count: 0.0,
            ranges: vec![(f64::INFINITY, f64::NEG_INFINITY); features],
            precisions: Precisions::START,
            scaling: Scaling::default(),
            variance: 0.0,
            beliefs: Vec::new(),
            next: 2.0,
        })
    }

    /// How many arms there are.
    #[must_use]
    pub fn arms(&self) -> usize {
        self.moments.len()
    }

    /// How many features it reads.
    #[must_use]
    pub const fn features(&self) -> usize {
        self.width
    }

    /// How many rewards were learned.
    #[must_use]
    pub fn count(&self) -> u64 {
        // Counts are whole, and far below 2^53.
        self.count as u64
    }

    /// The exact probability of each arm under these features, by index: 0 for those not eligible, summing to one unless
    /// none is.
    ///
    /// # Errors
    /// [`BanditError::Features`] or [`BanditError::Feature`].
    pub fn propensities(&self, features: &[f64], eligible: Arms) -> Result<Vec<f64>, BanditError> {
        self.check(features)?;
        let eligible = eligible.and(Arms::first(self.arms()));
        let mut probabilities = vec![0.0; self.arms()];
        // At most 64.
        let count = eligible.len() as f64;
        let fresh = |arm: &usize| self.moments[*arm].count < f64::from(self.settings.burn_in);
        let fresh: Arms = eligible.iter().filter(fresh).collect();
        if self.beliefs.is_empty() || !fresh.is_empty() {
            let among = if fresh.is_empty() { eligible } else { fresh };
            let floor = if fresh.is_empty() { 0.0 } else { self.settings.floor };
            eligible.iter().for_each(|arm| probabilities[arm] = floor);
            let rest = (1.0 - count * floor) / among.len() as f64;
            among.iter().for_each(|arm| probabilities[arm] += rest);
            return Ok(probabilities);
        }
        let narrowed = self.settings.exploration;
        let mut z = SmallVec::<[f64; 32]>::new();
        self.scaling.standardise(features, &mut z);
        let score = |arm: usize| {
            let (mean, deviation) = self.beliefs[arm].score(&z, self.variance);
            (mean, narrowed * deviation)
        };
        let scores: SmallVec<[(f64, f64); 16]> = eligible.iter().map(score).collect();
        let mut best = Vec::with_capacity(scores.len());
        best_means(&scores, &mut best);
        let floor = self.settings.floor;
        for (arm, best) in eligible.iter().zip(best) {
            probabilities[arm] = floor + (1.0 - count * floor) * best;
        }
        Ok(probabilities)
    }

    /// Chooses among the eligible arms, with one number from `rng`; nothing if none is eligible.
    ///
    /// # Errors
    /// As [`Self::propensities`].
    pub fn choose(&self, features: &[f64], eligible: Arms, rng: &mut dyn Rng) -> Result<Option<Choice>, BanditError> {
        Ok(draw(&self.propensities(features, eligible)?, rng))
    }

    /// What an arm is expected to pay under these features, and the deviation of that expectation; nothing before the
    /// first fit, or if there is no such arm.
    ///
    /// # Errors
    /// As [`Self::propensities`].
    pub fn expected(&self, arm: usize, features: &[f64]) -> Result<Option<(f64, f64)>, BanditError> {
        self.check(features)?;
        let Some(belief) = self.beliefs.get(arm) else { return Ok(None) };
        let mut z = SmallVec::<[f64; 32]>::new();
        self.scaling.standardise(features, &mut z);
        Ok(Some(belief.score(&z, self.variance)))
    }

    /// Takes in what a choice under these features paid, sooner or later, in any order.
    ///
    /// # Errors
    /// [`BanditError::NoSuchArm`], [`BanditError::Features`] or [`BanditError::Feature`]; nothing is learned then.
    pub fn learn(&mut self, arm: usize, features: &[f64], reward: Reward) -> Result<(), BanditError> {
        let arms = self.arms();
        if arm >= arms {
            return Err(BanditError::NoSuchArm { arm, arms });
        }
        self.check(features)?;
        let reward = reward.value();
        self.moments[arm].observe(features, reward);
        self.count += 1.0;
        for ((low, high), feature) in self.ranges.iter_mut().zip(features) {
            *low = low.min(*feature);
            *high = high.max(*feature);
        }
        if self.count >= self.next {
            self.fit();
        } else if let Some(belief) = self.beliefs.get_mut(arm) {
            let mut z = SmallVec::<[f64; 32]>::new();
            self.scaling.standardise(features, &mut z);
            belief.learn(&z, reward);
        }
        Ok(())
    }

    /// Chooses the precisions anew, and computes what follows from them.
    fn fit(&mut self) {
        self.next = (self.count * GROWTH).ceil().clamp(self.count + 1.0, self.count + MOST_BETWEEN);
        (self.scaling, self.variance, self.beliefs) = believe(&self.moments, &self.ranges, &mut self.precisions);
    }

    fn check(&self, features: &[f64]) -> Result<(), BanditError> {
        if features.len() != self.width {
            return Err(BanditError::Features { found: features.len(), wanted: self.width });
        }
        match features.iter().position(|feature| feature.is_nan() || feature.abs() > Self::MAX_FEATURE) {
            Some(at) => Err(BanditError::Feature { at, found: features[at] }),
            None => Ok(()),
        }
    }
}

/// Chooses the precisions anew from where they stand: how features are standardised, the residual variance, and the
/// posterior of each arm.
fn believe(moments: &[Moments], ranges: &[(f64, f64)], precisions: &mut Precisions) -> (Scaling, f64, Vec<Belief>) {
    let mut all = Moments::new(ranges.len());
    moments.iter().for_each(|moments| all.merge(moments));
    let scaling = Scaling::new(&all, ranges);
    let seen = moments.iter().enumerate().filter(|(_, moments)| moments.count > 0.0);
    let shown: Vec<Shown> = seen.map(|(arm, moments)| Shown::new(arm, moments, &scaling)).collect();
    let fit = climb(&shown, &scaling, precisions);
    let (lambda, _) = scaling.diagonals(*precisions);
    let mut beliefs = vec![Belief::new(&lambda, &fit.common); moments.len()];
    for (of, inverse) in shown.iter().zip(fit.inverses) {
        beliefs[of.arm].replace(inverse, &of.rewards);
    }
    (scaling, fit.variance, beliefs)
}

impl ContextualSettings {
    fn check(&self, arms: usize) -> Result<(), BanditError> {
        // At most 64.
        for (name, found, least, most) in
            [("exploration", self.exploration, 0.01, 10.0), ("floor", self.floor, 0.0, 1.0 / arms as f64)]
        {
            if !(least..=most).contains(&found) {
                return Err(BanditError::Setting { name, found, least, most });
            }
        }
        Ok(())
    }
}

impl Belief {
    /// Before the arm was shown: what the arms have in common.
    fn new(lambda: &[f64], common: &[f64]) -> Self {
        let width = lambda.len();
        let mut inverse = vec![0.0; width * width];
        (0..width).for_each(|at| inverse[at * width + at] = 1.0 / lambda[at]);
        let pull = lambda.iter().zip(common).map(|(lambda, common)| lambda * common).collect();
        Self { inverse, pull, mean: common.to_vec() }
    }

    /// After it was: the pull is that of the prior still.
    fn replace(&mut self, inverse: Vec<f64>, rewards: &[f64]) {
        self.inverse = inverse;
        self.pull.iter_mut().zip(rewards).for_each(|(pull, reward)| *pull += reward);
        self.settle();
    }

    fn settle(&mut self) {
        let rows = self.inverse.chunks_exact(self.pull.len());
        self.mean.iter_mut().zip(rows).for_each(|(mean, row)| *mean = dot64(row, &self.pull));
    }

    /// Adds one observation (Sherman and Morrison, 1950).
    fn learn(&mut self, z: &[f64], reward: f64) {
        let width = z.len();
        let image: SmallVec<[f64; 32]> = self.inverse.chunks_exact(width).map(|row| dot64(row, z)).collect();
        let whole = 1.0 + dot64(&image, z);
        for (row, of_row) in self.inverse.chunks_exact_mut(width).zip(&image) {
            let share = of_row / whole;
            row.iter_mut().zip(&image).for_each(|(cell, of)| *cell -= share * of);
        }
        self.pull.iter_mut().zip(z).for_each(|(pull, z)| *pull += z * reward);
        self.settle();
    }

    /// The mean and the deviation of the arm's score.
    fn score(&self, z: &[f64], variance: f64) -> (f64, f64) {
        let rows = self.inverse.chunks_exact(z.len());
        let spread: f64 = rows.zip(z).map(|(row, z_row)| z_row * dot64(row, z)).sum();
        (dot64(z, &self.mean), libm::sqrt((variance * spread).max(0.0)))
    }
}

impl State for Contextual {
    const KIND: &'static str = "contextual";
    const VERSION: u16 = 1;

    /// Adds what the other learned, to rounding; the settings stay, and the precisions are chosen anew. It takes in nothing
    /// from a policy with another number of features; the longer of the two gives the number of arms.
    fn merge(&mut self, other: &Self) {
        if self.width != other.width || other.count <= 0.0 {
            return;
        }
        self.moments.resize_with(self.moments.len().max(other.moments.len()), || Moments::new(other.width));
        self.moments.iter_mut().zip(&other.moments).for_each(|(moments, other)| moments.merge(other));
        self.count += other.count;
        for ((low, high), (other_low, other_high)) in self.ranges.iter_mut().zip(&other.ranges) {
            *low = low.min(*other_low);
            *high = high.max(*other_high);
        }
        if self.count >= 2.0 {
            self.fit();
        }
    }
}

/// The stored form.
#[derive(Deserialize)]
struct Stored {
    settings: ContextualSettings,
    width: usize,
    moments: Vec<Moments>,
    count: f64,
    ranges: Vec<(f64, f64)>,
    precisions: Precisions,
    scaling: Scaling,
    variance: f64,
    beliefs: Vec<Belief>,
    next: f64,
}

impl TryFrom<Stored> for Contextual {
    type Error = BanditError;

    fn try_from(stored: Stored) -> Result<Self, BanditError> {
        let Stored { settings, width, moments, count, ranges, precisions, scaling, variance, beliefs, next } = stored;
        super::tally::check_count(moments.len())?;
        settings.check(moments.len())?;
        let cells = width.saturating_add(1);
        let belief = |of: &Belief| {
            let sizes = [of.pull.len(), of.mean.len()];
            let all = of.inverse.iter().chain(&of.pull).chain(&of.mean);
            sizes == [cells; 2] && of.inverse.len() == cells * cells && all.into_iter().all(|cell| cell.is_finite())
        };
        let is_sound = width <= Self::MAX_FEATURES
            && moments.len() <= MAX_ARMS
            && moments.iter().all(|moments| moments.is_sound(width))
            && moments.iter().map(|moments| moments.count).sum::<f64>().total_cmp(&count).is_eq()
            && ranges.len() == width
            && ranges.iter().all(|(low, high)| !low.is_nan() && !high.is_nan())
            && precisions.is_sound()
            && (beliefs.is_empty() || beliefs.len() == moments.len() && scaling.is_sound(width))
            && beliefs.iter().all(belief)
            && variance.is_finite()
            && next >= 2.0;
        if !is_sound {
            return Err(BanditError::Stored);
        }
        Ok(Self { settings, width, moments, count, ranges, precisions, scaling, variance, beliefs, next })
    }
}

/// The precisions are chosen anew each time that so many times as many rewards are known …
const GROWTH: f64 = 1.2;
/// … or so many more, so that rounding does not add up.
const MOST_BETWEEN: f64 = 65_536.0;
