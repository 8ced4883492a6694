//! Any of the policies behind their guards, kept and stored as one type.

use rand::Rng;
use serde::{Deserialize, Serialize};

use super::arms::draw;
use super::guard::Anchor;
use super::{
    ArmTally, Arms, BanditError, BanditSpec, Choice, Contextual, Guards, Logistic, Policy, PolicySpec, Reward, Tallied,
    Trial, Turn,
};
use crate::state::State;
use crate::stats::{Alpha, Interval};

/// A policy of any kind, behind its [`Guards`].
///
/// ```
/// use bespoke::Timestamp;
/// use bespoke::bandit::{Arms, Bandit, BanditSpec, Policy, Turn};
/// let now: Timestamp = "2026-03-01T12:00:00Z".parse()?;
/// let spec: BanditSpec = serde_json::from_str(
///     r#"{"thompson": {}, "control": {"arm": 0, "share": 0.1}, "budget": {"share": 0.2, "every": "1d"}}"#,
/// )?;
/// let bandit = Bandit::new(&spec, 3, 0)?;
/// let shares = bandit.propensities(&Turn::new(Arms::first(3), now))?;
/// assert!((shares[0] - 0.1).abs() < 1e-12 && (shares[1] - 0.45).abs() < 1e-12);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Stored")]
pub struct Bandit {
    policy: Kind,
    guards: Guards,
    /// What a trial counts as until it is paid.
    unpaid: Reward,
    /// From where the shares may move, if there is a budget.
    anchor: Option<Anchor>,
    #[serde(skip)]
    silence: Silence,
}

/// How many exposures in a row came without any reward being learned, now and at most. It depends on the order of
/// arrival, and so is no part of what was learned: not stored, not compared.
#[derive(Clone, Copy, Debug, Default)]
struct Silence([u64; 2]);

impl PartialEq for Silence {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Tallied(Box<Tallied>),
    Contextual(Box<Contextual>),
    Logistic(Box<Logistic>),
}

/// What a host should know of a bandit.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum BanditWarning {
    /// It remembers too little.
    #[error(
        "only {paid:.1} rewards of an arm lie within what is remembered; below 20 choices are mostly chance: take a longer half-life"
    )]
    Forgetful {
        /// The rewards of the arm that has the fewest.
        paid: f64,
    },
    /// It takes one arm only between two batches of rewards.
    #[error(
        "{exposures} exposures came between two rewards, all of them to the same arm: take a policy that draws, such as thompson"
    )]
    Batched {
        /// The most exposures in a row.
        exposures: u64,
    },
}

impl Bandit {
    /// A fresh policy of the kind that the definition names, which reads so many features; those that read none ignore
    /// the number.
    ///
    /// # Errors
    /// [`BanditError::Arms`], [`BanditError::Features`], and what [`BanditSpec::check`] says.
    pub fn new(spec: &BanditSpec, arms: usize, features: usize) -> Result<Self, BanditError> {
        spec.check()?;
        let kind = match &spec.policy {
            PolicySpec::Tallied(scheme) => {
                let mut policy = Tallied::new(arms, *scheme)?;
                if spec.less_is_better {
                    policy = policy.less_is_better();
                }
                Kind::Tallied(Box::new(match spec.half_life {
                    Some(half_life) => policy.fading(half_life)?,
                    None => policy,
                }))
            }
            PolicySpec::Contextual(settings) => {
                let mut policy = Contextual::new(arms, features, *settings)?;
                if spec.less_is_better {
                    policy = policy.less_is_better();
                }
                Kind::Contextual(Box::new(match spec.half_life {
                    Some(half_life) => policy.fading(half_life)?,
                    None => policy,
                }))
            }
            PolicySpec::Logistic(settings) => {
                let policy = Logistic::new(arms, features, *settings)?;
                Kind::Logistic(Box::new(if spec.less_is_better { policy.less_is_better() } else { policy }))
            }
        };
        if let Some(control) = spec.guards.control.filter(|control| control.arm >= arms) {
            return Err(BanditError::NoSuchArm { arm: control.arm, arms });
        }
        let unpaid = spec.unpaid.unwrap_or(Reward::NONE);
        let mut bandit = Self { policy: kind, guards: spec.guards, unpaid, anchor: None, silence: Silence::default() };
        if spec.guards.budget.is_some() {
            let all = Arms::first(arms);
            let (asked, fresh) = bandit.guards.split(&all, |_| u64::MAX);
            let mut shares = vec![0.0; arms];
            // Arms are counted exactly.
            asked.iter().for_each(|arm| shares[arm] = 1.0 / asked.len() as f64);
            bandit.guards.apply(&all, &asked, &fresh, &mut shares);
            bandit.anchor = Some(Anchor::start(shares));
        }
        Ok(bandit)
    }

    /// The bandit that a changed definition asks for, with what is known of the arms that stay: `was[i]` says which arm
    /// of this one the new arm `i` is, if any. A new arm begins with nothing.
    ///
    /// A policy that looks at no features hands its tallies on to any other such; one with features keeps what it
    /// learned if the new one reads as many, and otherwise begins anew.
    ///
    /// # Errors
    /// As [`Bandit::new`].
    pub fn rearranged(&self, spec: &BanditSpec, features: usize, was: &[Option<usize>]) -> Result<Self, BanditError> {
        let mut bandit = Self::new(spec, was.len(), features)?;
        // Where nothing changes all stays as it is, to the last bit: after a restart, decisions are the same.
        let stays = was.len() == self.arms() && was.iter().enumerate().all(|(arm, was)| *was == Some(arm));
        match (&mut bandit.policy, &self.policy) {
            (Kind::Tallied(new), Kind::Tallied(old)) if stays && new.is_like(old) => new.clone_from(old),
            (Kind::Contextual(new), Kind::Contextual(old)) if stays && new.is_like(old) => new.clone_from(old),
            (Kind::Logistic(new), Kind::Logistic(old)) if stays && new.is_like(old) => new.clone_from(old),
            (Kind::Tallied(new), old) => {
                let alike = match old {
                    Kind::Tallied(old) => Some(old.rearranged(was)?),
                    Kind::Contextual(_) | Kind::Logistic(_) => None,
                };
                match alike {
                    Some(old) => new.merge(&old),
                    None => {
                        let of = |was: &Option<usize>| was.and_then(|arm| self.tallies().get(arm).copied());
                        new.absorb(&was.iter().map(|was| of(was).unwrap_or_default()).collect::<Vec<_>>());
                    }
                }
            }
            (Kind::Contextual(new), Kind::Contextual(old)) if old.features() == features => {
                new.merge(&old.rearranged(was)?);
            }
            (Kind::Logistic(new), Kind::Logistic(old)) if old.features() == features => {
                new.merge(&old.rearranged(was)?);
            }
            (Kind::Contextual(_) | Kind::Logistic(_), _) => {}
        }
        if let (Some(anchor), Some(before)) = (&mut bandit.anchor, &self.anchor) {
            *anchor = if stays { before.clone() } else { before.rearranged(was) };
        }
        bandit.silence = self.silence;
        Ok(bandit)
    }

    /// What holds whatever its policy says.
    #[must_use]
    pub const fn guards(&self) -> &Guards {
        &self.guards
    }

    /// How many features it reads.
    #[must_use]
    pub fn features(&self) -> usize {
        match &self.policy {
            Kind::Tallied(_) => 0,
            Kind::Contextual(policy) => policy.features(),
            Kind::Logistic(policy) => policy.features(),
        }
    }

    /// What a host should know of how it fares.
    #[must_use]
    pub fn warnings(&self) -> Vec<BanditWarning> {
        let mut warnings = Vec::new();
        if let Kind::Tallied(policy) = &self.policy {
            let exposures: u64 = policy.tallies().iter().map(ArmTally::exposures).sum();
            if let Some(paid) = policy.fewest_remembered().filter(|paid| *paid < 20.0 && exposures >= 1_000) {
                warnings.push(BanditWarning::Forgetful { paid });
            }
        }
        let exposures = self.silence.0[1];
        if self.is_deterministic() && exposures > LONG {
            warnings.push(BanditWarning::Batched { exposures });
        }
        warnings
    }

    fn policy(&self) -> &dyn Policy {
        match &self.policy {
            Kind::Tallied(policy) => &**policy,
            Kind::Contextual(policy) => &**policy,
            Kind::Logistic(policy) => &**policy,
        }
    }

    fn policy_mut(&mut self) -> &mut dyn Policy {
        match &mut self.policy {
            Kind::Tallied(policy) => &mut **policy,
            Kind::Contextual(policy) => &mut **policy,
            Kind::Logistic(policy) => &mut **policy,
        }
    }
}

impl Policy for Bandit {
    fn tallies(&self) -> &[ArmTally] {
        self.policy().tallies()
    }

    fn propensities(&self, turn: &Turn<'_>) -> Result<Vec<f64>, BanditError> {
        if self.guards == Guards::default() {
            return self.policy().propensities(turn);
        }
        let eligible = turn.eligible.below(self.arms());
        let exposures = |arm: usize| self.tallies().get(arm).map_or(0, ArmTally::exposures);
        let (asked, fresh) = self.guards.split(&eligible, exposures);
        let inner = Turn { eligible: asked.clone(), now: turn.now, features: turn.features };
        let mut shares = self.policy().propensities(&inner)?;
        self.guards.apply(&eligible, &asked, &fresh, &mut shares);
        if let Some(budget) = &self.guards.budget {
            // The first choice of a step comes before its first trial.
            let begun = self.anchor.as_ref().and_then(|anchor| budget.begun(anchor, turn.now));
            budget.limit(begun.as_ref().or(self.anchor.as_ref()), &eligible, &mut shares);
        }
        Ok(shares)
    }

    fn choose(&self, turn: &Turn<'_>, rng: &mut dyn Rng) -> Result<Option<Choice>, BanditError> {
        if self.guards == Guards::default() {
            return self.policy().choose(turn, rng);
        }
        Ok(draw(&self.propensities(turn)?, rng))
    }

    fn check(&self, trial: &Trial<'_>, reward: Reward) -> Result<(), BanditError> {
        self.policy().check(trial, reward)
    }

    fn expose(&mut self, trial: &Trial<'_>) -> Result<(), BanditError> {
        self.observe(trial, self.unpaid)
    }

    fn learn(&mut self, trial: &Trial<'_>, reward: Reward) -> Result<(), BanditError> {
        self.revise(trial, self.unpaid, reward)
    }

    fn forget(&mut self, trial: &Trial<'_>, reward: Reward) -> Result<(), BanditError> {
        self.policy_mut().forget(trial, reward)
    }

    fn revise(&mut self, trial: &Trial<'_>, from: Reward, to: Reward) -> Result<(), BanditError> {
        self.policy_mut().revise(trial, from, to)?;
        self.silence.0[0] = 0;
        Ok(())
    }

    fn observe(&mut self, trial: &Trial<'_>, reward: Reward) -> Result<(), BanditError> {
        self.check(trial, reward)?;
        if let Some(budget) = self.guards.budget.filter(|budget| budget.is_due(self.anchor.as_ref(), trial.shown)) {
            let shares = match (&self.policy, &self.anchor) {
                (Kind::Contextual(_) | Kind::Logistic(_), Some(anchor)) => anchor.mean(),
                // Without features, which this does not ask for.
                _ => self.propensities(&Turn::new(Arms::first(self.arms()), trial.shown))?,
            };
            self.anchor = Some(budget.begin(trial.shown, shares));
        }
        if self.guards.budget.is_some() && !matches!(self.policy, Kind::Tallied(_)) {
            let shares =
                self.propensities(&Turn::new(Arms::first(self.arms()), trial.shown).features(trial.features))?;
            self.anchor.iter_mut().for_each(|anchor| anchor.count(&shares));
        }
        self.policy_mut().observe(trial, reward)?;
        let Silence([now, most]) = self.silence;
        let now = if super::tally::pays(reward.value() - self.unpaid.value()) { 0 } else { now.saturating_add(1) };
        self.silence = Silence([now, most.max(now)]);
        Ok(())
    }

    fn best(&self) -> Option<Vec<f64>> {
        self.policy().best()
    }

    fn interval(&self, arm: usize, alpha: Alpha) -> Option<Interval> {
        self.policy().interval(arm, alpha)
    }

    fn is_deterministic(&self) -> bool {
        let Guards { floor, control, .. } = self.guards;
        self.policy().is_deterministic() && floor <= 0.0 && control.is_none()
    }
}

impl State for Bandit {
    const KIND: &'static str = "bandit";
    const VERSION: u16 = 1;

    /// Adds what the other learned: the tallies of any policy that looks at no features to any other such, so that a
    /// changed definition keeps what was learned, and what a policy with features learned to one that reads as many.
    /// Kind, settings and guards stay; the longer gives the arms.
    fn merge(&mut self, other: &Self) {
        match (&mut self.policy, &other.policy) {
            (Kind::Tallied(ours), Kind::Tallied(theirs)) => ours.merge(theirs),
            (Kind::Tallied(ours), _) => ours.absorb(other.tallies()),
            (Kind::Contextual(ours), Kind::Contextual(theirs)) => ours.merge(theirs),
            (Kind::Logistic(ours), Kind::Logistic(theirs)) => ours.merge(theirs),
            (Kind::Contextual(_) | Kind::Logistic(_), _) => {}
        }
        let arms = self.arms();
        if let Some(anchor) = self.anchor.as_mut().filter(|anchor| !anchor.is_sound(arms)) {
            *anchor = anchor.rearranged(&(0..arms).map(Some).collect::<Vec<_>>());
        }
    }
}

#[derive(Deserialize)]
struct Stored {
    policy: Kind,
    guards: Guards,
    unpaid: Reward,
    anchor: Option<Anchor>,
}

impl TryFrom<Stored> for Bandit {
    type Error = BanditError;

    fn try_from(Stored { policy, guards, unpaid, anchor }: Stored) -> Result<Self, BanditError> {
        guards.check()?;
        let bandit = Self { policy, guards, unpaid, anchor, silence: Silence::default() };
        let arms = bandit.arms();
        let is_sound = bandit.anchor.as_ref().is_none_or(|anchor| anchor.is_sound(arms))
            && bandit.anchor.is_some() == guards.budget.is_some()
            && guards.control.is_none_or(|control| control.arm < arms);
        if is_sound { Ok(bandit) } else { Err(BanditError::Stored) }
    }
}

/// So many exposures in a row without a reward are a batch.
const LONG: u64 = 100;
