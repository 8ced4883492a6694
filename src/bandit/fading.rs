//! Counts that lose half their weight with every half-life, for arms whose worth changes.
//!
//! Forward decay (Cormode, Shkapenyuk, Srivastava and Xu, ICDE 2009): a trial weighs `2^t`, where `t` counts half-lives
//! since a landmark, and reading divides by the weight of the present. So nothing has to be touched as time passes, and
//! a late reward weighs as much as its trial. What has faded leaves the prior, towards which a policy so returns.

use serde::{Deserialize, Serialize};

use super::tally::pays;
use super::{BanditError, Reward, Trial};
use crate::time::{Span, Timestamp};

/// After how long a trial counts half.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HalfLife {
    /// After so much time, from a second on.
    Time(Span),
    /// After so many more exposures, of all arms together, from ten on. A late reward counts as of when it comes.
    Exposures(u32),
}

impl HalfLife {
    pub(super) fn check(self) -> Result<(), BanditError> {
        let (found, least) = match self {
            Self::Time(span) => (span.millis() as f64, 1e3),
            Self::Exposures(count) => (f64::from(count), 10.0),
        };
        super::error::check_setting("half_life", found, least, f64::MAX)
    }
}

/// What is known of an arm: plain counts, or faded ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Seen {
    pub(super) trials: f64,
    /// How many of them paid something.
    pub(super) paid: f64,
    /// What they paid in all.
    pub(super) reward: f64,
    /// The sum of its squares.
    pub(super) squares: f64,
}

impl Seen {
    pub(super) fn add(&mut self, other: &Self, weight: f64) {
        self.trials += weight * other.trials;
        self.paid += weight * other.paid;
        self.reward += weight * other.reward;
        self.squares += weight * other.squares;
    }

    pub(super) fn scaled(&self, by: f64) -> Self {
        let mut scaled = Self::default();
        scaled.add(self, by);
        scaled
    }

    /// The mean reward, once there is a trial.
    pub(super) fn mean(&self) -> Option<f64> {
        (self.trials > 0.0).then(|| self.reward / self.trials)
    }
}

/// Faded counts of all arms.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Fading {
    half_life: HalfLife,
    /// The tick at which a trial weighs one.
    landmark: f64,
    /// The newest tick.
    newest: f64,
    /// How many exposures there were.
    exposures: u64,
    arms: Vec<Seen>,
}

impl Fading {
    pub(super) fn new(half_life: HalfLife, arms: usize) -> Self {
        Self { half_life, landmark: 0.0, newest: f64::NEG_INFINITY, exposures: 0, arms: vec![Seen::default(); arms] }
    }

    pub(super) const fn half_life(&self) -> HalfLife {
        self.half_life
    }

    /// How many half-lives a moment lies after the beginning of time.
    fn tick(&self, time: Timestamp) -> f64 {
        match self.half_life {
            HalfLife::Time(span) => time.millis() as f64 / span.millis().max(1) as f64,
            HalfLife::Exposures(count) => self.exposures as f64 / f64::from(count.max(1)),
        }
    }

    /// The weight of a trial, once sums are rescaled so that it is not too large.
    fn weight(&mut self, tick: f64) -> f64 {
        if self.newest == f64::NEG_INFINITY {
            self.landmark = tick;
        } else if tick - self.landmark > FAR {
            let by = libm::exp2(self.landmark - tick);
            self.arms.iter_mut().for_each(|seen| *seen = seen.scaled(by));
            self.landmark = tick;
        }
        self.newest = self.newest.max(tick);
        libm::exp2(tick - self.landmark)
    }

    pub(super) fn expose(&mut self, trial: &Trial<'_>) {
        self.exposures = self.exposures.saturating_add(1);
        let weight = self.weight(self.tick(trial.shown));
        if let Some(seen) = self.arms.get_mut(trial.arm) {
            seen.trials += weight;
        }
    }

    pub(super) fn revise(&mut self, trial: &Trial<'_>, from: Reward, to: Reward) {
        let weight = self.weight(self.tick(trial.shown));
        let (from, to) = (from.value(), to.value());
        if let Some(seen) = self.arms.get_mut(trial.arm) {
            seen.paid += weight * (f64::from(u8::from(pays(to))) - f64::from(u8::from(pays(from))));
            seen.reward += weight * (to - from);
            seen.squares += weight * (to * to - from * from);
        }
    }

    /// Takes a trial away that paid so much, or says that it cannot: where exposures are the clock, nobody knows when
    /// it was.
    pub(super) fn forget(&mut self, trial: &Trial<'_>, reward: Reward) -> Result<(), BanditError> {
        if matches!(self.half_life, HalfLife::Exposures(_)) {
            return Err(BanditError::Unforgettable { policy: "half_life_exposures" });
        }
        self.revise(trial, reward, Reward::NONE);
        let weight = self.weight(self.tick(trial.shown));
        if let Some(seen) = self.arms.get_mut(trial.arm) {
            // Rounding leaves no less than nothing.
            seen.trials = (seen.trials - weight).max(0.0);
        }
        Ok(())
    }

    /// What is left at a time, or as of the newest trial.
    pub(super) fn seen(&self, now: Option<Timestamp>) -> impl Iterator<Item = Seen> + '_ {
        let tick = now.map_or(self.newest, |now| self.tick(now)).max(self.newest);
        let by = if tick.is_finite() { libm::exp2(self.landmark - tick) } else { 0.0 };
        self.arms.iter().map(move |seen| seen.scaled(by))
    }

    /// Adds what the other kept with the same half-life; to rounding, the order does not matter. Exposures are added as
    /// if they had come at once.
    pub(super) fn merge(&mut self, other: &Self) {
        if self.half_life != other.half_life || other.newest == f64::NEG_INFINITY {
            return;
        }
        self.arms.resize(self.arms.len().max(other.arms.len()), Seen::default());
        if self.newest == f64::NEG_INFINITY {
            // Nothing fades here yet, and its landmark means nothing.
            self.landmark = other.landmark;
            self.newest = other.newest;
            self.exposures = other.exposures;
            self.arms.iter_mut().zip(&other.arms).for_each(|(seen, other)| *seen = *other);
            return;
        }
        let (ours, theirs) = match self.half_life {
            HalfLife::Time(_) => (other.newest.max(self.newest), other.newest.max(self.newest)),
            // Each fades by its own count.
            HalfLife::Exposures(_) => (self.newest, other.newest),
        };
        let faded = |landmark: f64, to: f64| if to.is_finite() { libm::exp2(landmark - to) } else { 0.0 };
        let (keep, add) = (faded(self.landmark, ours), faded(other.landmark, theirs));
        self.arms.iter_mut().for_each(|seen| *seen = seen.scaled(keep));
        self.arms.iter_mut().zip(&other.arms).for_each(|(seen, other)| seen.add(other, add));
        self.exposures = self.exposures.saturating_add(other.exposures);
        self.newest = match self.half_life {
            HalfLife::Time(_) => ours,
            HalfLife::Exposures(_) => self.tick(Timestamp::from_millis(0)),
        };
        self.landmark = self.newest;
    }

    /// The same for other arms: `was[i]` says which of these the new arm `i` is.
    pub(super) fn rearranged(&self, was: &[Option<usize>]) -> Self {
        let of = |was: &Option<usize>| was.and_then(|arm| self.arms.get(arm).copied()).unwrap_or_default();
        Self { arms: was.iter().map(of).collect(), ..self.clone() }
    }

    /// Whether it is for so many arms, and all its numbers can be worked with.
    pub(super) fn is_sound(&self, arms: usize) -> bool {
        let numbers = |seen: &Seen| [seen.trials, seen.paid, seen.reward, seen.squares];
        self.half_life.check().is_ok()
            && self.arms.len() == arms
            && self.landmark.is_finite()
            && self.newest < f64::INFINITY
            && self.arms.iter().flat_map(numbers).all(f64::is_finite)
    }
}

/// By how many half-lives a trial may lie after the landmark: 2^64 times a weight of 1e32 is far from the end.
const FAR: f64 = 64.0;
