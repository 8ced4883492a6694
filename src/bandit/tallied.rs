//! The policies that look at no features: what each arm has shown and earned is all that they know.

use std::sync::OnceLock;

use rand::Rng;
use serde::{Deserialize, Serialize};

use super::arms::draw;
use super::fading::{Fading, Seen};
use super::tally::{self, ArmTally};
use super::{BanditError, Choice, EpsilonGreedy, HalfLife, Policy, Reward, Softmax, Thompson, Trial, Turn, Ucb};
use crate::state::State;
use crate::stats::{Alpha, Interval};

/// How a [`Tallied`] bandit chooses.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scheme {
    /// As often as an arm is likely to be the best.
    Thompson(Thompson),
    /// The best, and now and then any.
    EpsilonGreedy(EpsilonGreedy),
    /// The better, the likelier.
    Softmax(Softmax),
    /// The one that could be the best.
    Ucb(Ucb),
}

impl Scheme {
    fn of(&self) -> &dyn Weigh {
        match self {
            Self::Thompson(scheme) => scheme,
            Self::EpsilonGreedy(scheme) => scheme,
            Self::Softmax(scheme) => scheme,
            Self::Ucb(scheme) => scheme,
        }
    }

    /// Whether its settings are in range.
    ///
    /// # Errors
    /// [`BanditError::Setting`].
    pub fn check(&self) -> Result<(), BanditError> {
        self.of().check()
    }

    /// Whether it learns from rewards of any size; otherwise only from 0 to 1.
    #[must_use]
    pub fn takes_amounts(&self) -> bool {
        self.of().takes_amounts()
    }
}

/// What a scheme has to say.
pub(super) trait Weigh {
    /// What it is called in definitions.
    fn name(&self) -> &'static str;

    fn check(&self) -> Result<(), BanditError>;

    fn takes_amounts(&self) -> bool;

    /// The probability of each arm of a list that is not empty, summing to one.
    fn weigh(&self, seen: &[Seen], all: &All) -> Vec<f64>;

    /// The probability of each arm to be the best, where there is a posterior.
    fn best(&self, seen: &[Seen], all: &All) -> Option<Vec<f64>> {
        let _ = (seen, all);
        None
    }

    /// Where the mean reward of an arm lies, where there is a posterior.
    fn interval(&self, seen: &Seen, all: &All, alpha: Alpha) -> Option<Interval> {
        let _ = (seen, all, alpha);
        None
    }

    /// Whether it leaves nothing to chance but ties.
    fn is_deterministic(&self) -> bool {
        false
    }

    /// By what share of all trials the shares may lag behind what was learned.
    fn lag(&self) -> f64 {
        0.0
    }
}

/// What a scheme knows beside the arms that it is asked about.
pub(super) struct All {
    /// All arms together.
    pub(super) seen: Seen,
    /// Whether less is better.
    pub(super) less: bool,
}

impl All {
    /// What a mean is worth, more being better.
    pub(super) fn worth(&self, mean: f64) -> f64 {
        if self.less { -mean } else { mean }
    }
}

/// Chooses by what each arm has shown and earned, without features.
///
/// Learning commutes to the last bit, whatever the order, the batches and the shards, unless it forgets
/// ([`Tallied::fading`]), and then to rounding; forgetting single trials
/// ([`Policy::forget`]) is as exact. The probabilities may lag behind it ([`Thompson::refresh`]), by how much
/// depends on the order. Choosing costs what its [`Scheme`] says, learning O(1).
///
/// ```
/// use bespoke::Timestamp;
/// use bespoke::bandit::{Arms, Policy, Reward, Tallied, Thompson, Trial, Turn};
/// let now: Timestamp = "2026-03-01T12:00:00Z".parse()?;
/// let mut policy = Tallied::new(3, Thompson::default())?;
/// policy.observe(&Trial::new(0, now), Reward::new(1.0)?)?;
/// // The density 2x, and both uniform arms below x: ∫ 2x · x² dx = 1/2
/// let shares = policy.propensities(&Turn::new(Arms::first(3), now))?;
/// assert!((shares[0] - 0.5).abs() < 1e-10);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(try_from = "Stored")]
pub struct Tallied {
    scheme: Scheme,
    less: bool,
    tallies: Vec<ArmTally>,
    fading: Option<Fading>,
    /// The shares that a scheme which may lag goes by.
    kept: Option<Kept>,
    /// The shares of all arms, until something is learned.
    #[serde(skip)]
    shares: OnceLock<Vec<f64>>,
}

/// Shares that are computed anew only now and then.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Kept {
    shares: Vec<f64>,
    /// How much was learned since, and how much may be.
    since: u64,
    most: u64,
}

impl Tallied {
    /// Knows nothing yet.
    ///
    /// # Errors
    /// [`BanditError::Arms`] unless there are 1 to 4,096 arms, [`BanditError::Setting`] for a setting out of range.
    pub fn new(arms: usize, scheme: impl Into<Scheme>) -> Result<Self, BanditError> {
        let scheme = scheme.into();
        scheme.check()?;
        let tallies = tally::fresh(arms)?;
        let mut policy = Self { scheme, less: false, tallies, fading: None, kept: None, shares: OnceLock::new() };
        policy.refresh();
        Ok(policy)
    }

    /// Takes less for better: costs, complaints, returns.
    #[must_use]
    pub fn less_is_better(self) -> Self {
        let mut policy = Self { less: true, ..self };
        policy.refresh();
        policy
    }

    /// Forgets: a trial counts half after every half-life, and what is forgotten leaves the prior. For arms whose worth
    /// changes; where it does not, forgetting costs rewards. Begins with what is learned from here on.
    ///
    /// Keep at least some 20 rewards of each arm within a half-life, or its choices are mostly chance.
    ///
    /// # Errors
    /// [`BanditError::Setting`] for less than a second, or ten exposures.
    pub fn fading(self, half_life: HalfLife) -> Result<Self, BanditError> {
        half_life.check()?;
        let fading = Some(Fading::new(half_life, self.tallies.len()));
        Ok(Self { fading, kept: None, shares: OnceLock::new(), ..self })
    }

    /// How it chooses.
    #[must_use]
    pub const fn scheme(&self) -> &Scheme {
        &self.scheme
    }

    /// Adds what was counted elsewhere, such as by a policy of another kind; it counts as what was learned does. Where
    /// it forgets, only the tallies take it in, not the choice.
    pub fn absorb(&mut self, tallies: &[ArmTally]) {
        tally::merge(&mut self.tallies, tallies);
        if let Some(fading) = &mut self.fading {
            let was: Vec<Option<usize>> = (0..self.tallies.len()).map(Some).collect();
            *fading = fading.rearranged(&was);
        }
        self.refresh();
    }

    /// Has the shares computed anew.
    fn refresh(&mut self) {
        self.shares = OnceLock::new();
        let lag = self.scheme.of().lag();
        self.kept = None;
        if lag > 0.0 && self.fading.is_none() {
            let trials: u64 = self.tallies.iter().map(ArmTally::exposures).fold(0, u64::saturating_add);
            // Casts from `f64` saturate.
            let most = ((trials as f64 * lag) as u64).max(1);
            self.kept = Some(Kept { shares: self.compute(), since: 0, most });
        }
    }

    /// Counts a trial of an arm that there is.
    fn count_trial(&mut self, trial: &Trial<'_>) {
        self.tallies[trial.arm].expose();
        if let Some(fading) = &mut self.fading {
            fading.expose(trial);
        }
    }

    /// Counts what it paid, once that was checked.
    fn count_reward(&mut self, trial: &Trial<'_>, from: Reward, to: Reward) {
        self.tallies[trial.arm].revise(from, to);
        if let Some(fading) = &mut self.fading {
            fading.revise(trial, from, to);
        }
    }

    /// Takes note that something was learned.
    fn touch(&mut self) {
        let Some(kept) = &mut self.kept else {
            self.shares = OnceLock::new();
            return;
        };
        kept.since = kept.since.saturating_add(1);
        if kept.since >= kept.most {
            self.refresh();
        }
    }

    fn compute(&self) -> Vec<f64> {
        let seen = self.seen(None);
        self.scheme.of().weigh(&seen, &self.all(&seen))
    }

    /// Whether the other chooses and forgets alike, among as many arms.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        let half_life = |of: &Self| of.fading.as_ref().map(Fading::half_life);
        let parts = |of: &Self| (of.scheme, of.less, of.tallies.len(), half_life(of));
        parts(self) == parts(other)
    }

    /// The same for other arms: `was[i]` says which of these the new arm `i` is, if any. A new one begins with nothing.
    pub(super) fn rearranged(&self, was: &[Option<usize>]) -> Result<Self, BanditError> {
        tally::check_count(was.len())?;
        let of = |was: &Option<usize>| was.and_then(|arm| self.tallies.get(arm).copied()).unwrap_or_default();
        let tallies = was.iter().map(of).collect();
        let fading = self.fading.as_ref().map(|fading| fading.rearranged(was));
        let mut policy = Self { tallies, fading, ..self.clone() };
        policy.refresh();
        Ok(policy)
    }

    /// How few rewards of an arm lie within what is remembered: below some 20 its choices are mostly chance. None if
    /// nothing is forgotten.
    #[must_use]
    pub fn fewest_remembered(&self) -> Option<f64> {
        let fading = self.fading.as_ref()?;
        fading.seen(None).map(|seen| seen.paid).reduce(f64::min)
    }

    /// What is known of each arm, as of a time or of the newest trial.
    fn seen(&self, now: Option<crate::time::Timestamp>) -> Vec<Seen> {
        match &self.fading {
            Some(fading) => fading.seen(now).collect(),
            None => self.tallies.iter().map(Seen::from).collect(),
        }
    }

    fn all(&self, seen: &[Seen]) -> All {
        let mut all = Seen::default();
        seen.iter().for_each(|seen| all.add(seen, 1.0));
        All { seen: all, less: self.less }
    }

    /// The shares of all arms where nothing is forgotten.
    fn shares(&self) -> &[f64] {
        self.kept.as_ref().map_or_else(|| self.shares.get_or_init(|| self.compute()), |kept| &kept.shares)
    }

    /// Whether the shares of all arms are asked for, and can be kept.
    fn is_whole(&self, turn: &Turn<'_>) -> bool {
        self.fading.is_none() && turn.eligible.has_first(self.tallies.len())
    }
}

impl Policy for Tallied {
    fn tallies(&self) -> &[ArmTally] {
        &self.tallies
    }

    fn propensities(&self, turn: &Turn<'_>) -> Result<Vec<f64>, BanditError> {
        if self.is_whole(turn) {
            return Ok(self.shares().to_vec());
        }
        let mut probabilities = vec![0.0; self.tallies.len()];
        let eligible: Vec<usize> = turn.eligible.below(self.tallies.len()).iter().collect();
        if eligible.is_empty() {
            return Ok(probabilities);
        }
        let seen = self.seen(Some(turn.now));
        let listed: Vec<Seen> = eligible.iter().map(|arm| seen[*arm]).collect();
        let shares = self.scheme.of().weigh(&listed, &self.all(&seen));
        eligible.into_iter().zip(shares).for_each(|(arm, share)| probabilities[arm] = share);
        Ok(probabilities)
    }

    fn choose(&self, turn: &Turn<'_>, rng: &mut dyn Rng) -> Result<Option<Choice>, BanditError> {
        if self.is_whole(turn) {
            return Ok(draw(self.shares(), rng));
        }
        Ok(draw(&self.propensities(turn)?, rng))
    }

    fn check(&self, trial: &Trial<'_>, reward: Reward) -> Result<(), BanditError> {
        let (arm, arms, found) = (trial.arm, self.tallies.len(), reward.value());
        if arm >= arms {
            return Err(BanditError::NoSuchArm { arm, arms });
        }
        let scheme = self.scheme.of();
        if scheme.takes_amounts() || (0.0..=1.0).contains(&found) {
            return Ok(());
        }
        Err(BanditError::RewardRange { policy: scheme.name(), found })
    }

    fn expose(&mut self, trial: &Trial<'_>) -> Result<(), BanditError> {
        self.check(trial, Reward::NONE)?;
        self.count_trial(trial);
        self.touch();
        Ok(())
    }

    fn revise(&mut self, trial: &Trial<'_>, from: Reward, to: Reward) -> Result<(), BanditError> {
        self.check(trial, from)?;
        self.check(trial, to)?;
        self.count_reward(trial, from, to);
        self.touch();
        Ok(())
    }

    fn observe(&mut self, trial: &Trial<'_>, reward: Reward) -> Result<(), BanditError> {
        self.check(trial, reward)?;
        self.count_trial(trial);
        self.count_reward(trial, Reward::NONE, reward);
        // Once both are known, so that the shares do not leave out what a trial paid.
        self.touch();
        Ok(())
    }

    fn forget(&mut self, trial: &Trial<'_>, reward: Reward) -> Result<(), BanditError> {
        self.check(trial, reward)?;
        let tally = &mut self.tallies[trial.arm];
        if tally.exposures() == 0 {
            return Err(BanditError::NothingToForget { arm: trial.arm });
        }
        self.fading.as_mut().map_or(Ok(()), |fading| fading.forget(trial, reward))?;
        tally.forget(reward);
        self.refresh();
        Ok(())
    }

    fn best(&self) -> Option<Vec<f64>> {
        let seen = self.seen(None);
        self.scheme.of().best(&seen, &self.all(&seen))
    }

    fn interval(&self, arm: usize, alpha: Alpha) -> Option<Interval> {
        let seen = self.seen(None);
        self.scheme.of().interval(seen.get(arm)?, &self.all(&seen), alpha)
    }

    fn is_deterministic(&self) -> bool {
        self.scheme.of().is_deterministic()
    }
}

impl State for Tallied {
    const KIND: &'static str = "tallied";
    const VERSION: u16 = 1;

    /// Adds the other's tallies, of whichever scheme: what the arms have shown and earned means the same to all. The
    /// scheme stays; the longer of the two gives the number of arms. What has faded is added if both fade alike.
    fn merge(&mut self, other: &Self) {
        self.absorb(&other.tallies);
        if let (Some(ours), Some(theirs)) = (&mut self.fading, &other.fading) {
            ours.merge(theirs);
        }
    }
}

/// What was learned, and how it chooses; not when the shares were computed, which depends on the order of arrival.
impl PartialEq for Tallied {
    fn eq(&self, other: &Self) -> bool {
        let parts = |of: &Self| (of.scheme, of.less, of.fading.clone());
        parts(self) == parts(other) && self.tallies == other.tallies
    }
}

impl From<&ArmTally> for Seen {
    fn from(tally: &ArmTally) -> Self {
        // Counts beyond 2^53 are rounded by a part in 10^16.
        let (trials, paid) = (tally.exposures() as f64, tally.paid() as f64);
        Self { trials, paid, reward: tally.reward(), squares: tally.squares() }
    }
}

#[derive(Deserialize)]
struct Stored {
    scheme: Scheme,
    less: bool,
    tallies: Vec<ArmTally>,
    fading: Option<Fading>,
    kept: Option<Kept>,
}

impl TryFrom<Stored> for Tallied {
    type Error = BanditError;

    fn try_from(Stored { scheme, less, tallies, fading, kept }: Stored) -> Result<Self, BanditError> {
        scheme.check()?;
        tally::check_count(tallies.len())?;
        let lags = scheme.of().lag() > 0.0 && fading.is_none();
        let is_share = |share: &f64| (0.0..=1.0 + 1e-9).contains(share);
        let fits =
            |kept: &Kept| kept.most > 0 && kept.shares.len() == tallies.len() && kept.shares.iter().all(is_share);
        let is_sound = fading.as_ref().is_none_or(|fading| fading.is_sound(tallies.len()))
            && kept.is_some() == lags
            && kept.as_ref().is_none_or(fits);
        if !is_sound {
            return Err(BanditError::Stored);
        }
        Ok(Self { scheme, less, tallies, fading, kept, shares: OnceLock::new() })
    }
}
