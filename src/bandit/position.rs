//! How likely people look at each position of a slate, and learning from clicks with that in mind.
//!
//! The position-based model: what stands at position `k` is looked at with probability `θ_k`, and taken if it is worth
//! it, with the arm's own probability `γ`; so `P(taken) = θ_k γ` (Joachims, Swaminathan and Schnabel, "Unbiased
//! learning-to-rank with biased feedback", WSDM 2017, §4). Unlike in the cascade
//! ([`learn_cascade`](super::learn_cascade)), several arms of a slate may be taken, and what stands below a click may
//! have been seen.
//!
//! `θ` is given, or estimated from a log in which arms stood at several positions, by expectation and maximisation
//! (Wang, Golbandi, Bendersky, Metzler and Najork, "Position bias estimation for unbiased learning to rank in personal
//! search", WSDM 2018, §4; from logs of several rankers: Agarwal et al., "Estimating position bias without intrusive
//! interventions", WSDM 2019). Only ratios can be told from clicks, so that the first position counts as one.

use rand::Rng;
use serde::{Deserialize, Serialize};

use super::error::check_setting;
use super::{BanditError, MAX_ARMS, Policy, Reward, Trial};

/// How likely each position of a slate is looked at; the first counts as one.
///
/// ```
/// use bespoke::Timestamp;
/// use bespoke::bandit::{Examination, Policy, Reward, Tallied, Thompson, Trial};
/// use rand::{SeedableRng, rngs::Xoshiro256PlusPlus};
/// let now: Timestamp = "2026-03-01T12:00:00Z".parse()?;
/// let looks = Examination::new(vec![1.0, 0.5, 0.25])?;
/// let mut policy = Tallied::new(3, Thompson::default())?;
/// let slate = [2, 0, 1].map(|arm| Trial::new(arm, now));
/// let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
/// looks.learn(&mut policy, &slate, &[(1, Reward::new(1.0)?)], &mut rng)?;
/// assert_eq!(policy.tallies()[2].exposures(), 1, "the first position is always looked at");
/// assert_eq!(policy.tallies()[0].reward(), 1.0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Vec<f64>", into = "Vec<f64>")]
pub struct Examination(Vec<f64>);

/// How often each arm was shown at each position, and taken there: what [`Examination::estimate`] learns from. It
/// merges.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PositionLog {
    /// By position, then by arm.
    positions: Vec<Vec<Shown>>,
}

/// How often an arm was shown at a position, and taken there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Shown {
    times: u64,
    taken: u64,
}

impl Examination {
    /// Positions that are looked at with these probabilities, from the top; the last one stands for all below it.
    ///
    /// # Errors
    /// [`BanditError::Setting`] unless there are 1 to 4,096 from 0.001 to 1.
    pub fn new(probabilities: Vec<f64>) -> Result<Self, BanditError> {
        check_setting("positions", probabilities.len() as f64, 1.0, MAX_ARMS as f64)?;
        probabilities.iter().try_for_each(|of| check_setting("examination", *of, LEAST, 1.0))?;
        Ok(Self(probabilities))
    }

    /// Those that make the log the likeliest, by a thousand rounds of expectation and maximisation or until nothing
    /// moves. One below 0.001 of the first counts as that, one above it as one.
    ///
    /// Cost: a round visits each pair of a position and an arm.
    ///
    /// # Errors
    /// [`BanditError::Positions`] if a position cannot be compared with the first: no arms lead from the one to the
    /// other by the positions at which they stood, or nothing was taken on the way.
    pub fn estimate(log: &PositionLog) -> Result<Self, BanditError> {
        log.check_links()?;
        let arms = log.positions.iter().map(Vec::len).max().unwrap_or(0);
        let (mut looks, mut worth) = (vec![0.5; log.positions.len()], vec![0.5; arms]);
        for _ in 0..ROUNDS {
            let mut of_position = vec![[0.0; 2]; looks.len()];
            let mut of_arm = vec![[0.0; 2]; arms];
            for (at, shown) in log.positions.iter().enumerate() {
                for (arm, Shown { times, taken }) in shown.iter().enumerate().filter(|(_, shown)| shown.times > 0) {
                    let (theta, gamma): (f64, f64) = (looks[at], worth[arm]);
                    // Counts are far below 2^53.
                    let (taken, passed) = (*taken as f64, times.saturating_sub(*taken) as f64);
                    let left = (1.0 - theta * gamma).max(f64::MIN_POSITIVE);
                    let all = taken + passed;
                    add(&mut of_position[at], taken + passed * theta * (1.0 - gamma) / left, all);
                    add(&mut of_arm[arm], taken + passed * gamma * (1.0 - theta) / left, all);
                }
            }
            let moved = settle(&mut looks, &of_position).max(settle(&mut worth, &of_arm));
            if moved < 1e-12 {
                break;
            }
        }
        let first = looks.first().copied().unwrap_or(1.0);
        Self::new(looks.iter().map(|of| (of / first).clamp(LEAST, 1.0)).collect())
    }

    /// How likely a position is looked at, counted from zero.
    #[must_use]
    pub fn of(&self, position: usize) -> f64 {
        self.0.get(position).or(self.0.last()).copied().unwrap_or(1.0)
    }

    /// Learns from a slate that was shown: `taken` are the positions that were clicked or bought, and what they paid.
    /// Those are trials. Of the others each counts as a trial that paid nothing with the probability that it was looked
    /// at, given that it was not taken: `θ (1 − γ) / (1 − θ γ)`, with what is known of the arm's `γ` by then. So an
    /// arm's trials are those that people looked at, and its mean does not depend on where it stood, once it is known;
    /// one number of `rng` for each.
    ///
    /// # Errors
    /// As [`Policy::check`], of any arm of the slate, and [`BanditError::NoSuchArm`] for a position past its end;
    /// nothing is learned then.
    pub fn learn(
        &self,
        policy: &mut dyn Policy,
        slate: &[Trial<'_>],
        taken: &[(usize, Reward)],
        rng: &mut dyn Rng,
    ) -> Result<(), BanditError> {
        if let Some((position, _)) = taken.iter().find(|(position, _)| *position >= slate.len()) {
            return Err(BanditError::NoSuchArm { arm: *position, arms: slate.len() });
        }
        let paid = |at: usize| taken.iter().find(|(position, _)| *position == at).map(|(_, paid)| *paid);
        for (at, trial) in slate.iter().enumerate() {
            policy.check(trial, paid(at).unwrap_or(Reward::NONE))?;
        }
        for (at, trial) in slate.iter().enumerate() {
            if let Some(paid) = paid(at) {
                policy.observe(trial, paid)?;
                continue;
            }
            let theta = self.of(at);
            let gamma = policy.tallies().get(trial.arm).map_or(0.0, |tally| {
                // Of a trial more that paid nothing.
                tally.paid() as f64 / (tally.exposures() as f64 + 1.0)
            });
            let gamma = gamma.clamp(0.0, 1.0);
            let looked = theta * (1.0 - gamma) / (1.0 - theta * gamma).max(f64::MIN_POSITIVE);
            // 53 bits, as many as a double has.
            let drawn = (rng.next_u64() >> 11) as f64 * (1.0 / (1_u64 << 53) as f64);
            if theta >= 1.0 || drawn < looked {
                policy.expose(trial)?;
            }
        }
        Ok(())
    }
}

impl PositionLog {
    /// Takes in a slate, from the top, and which of its positions were taken. Positions and arms past 4,096 are left
    /// out.
    pub fn observe(&mut self, slate: &[usize], taken: &[usize]) {
        for (at, arm) in slate.iter().enumerate().take(MAX_ARMS).filter(|(_, arm)| **arm < MAX_ARMS) {
            let of = self.shown_mut(at, *arm);
            of.times = of.times.saturating_add(1);
            of.taken = of.taken.saturating_add(u64::from(taken.contains(&at)));
        }
    }

    /// Adds what another log has seen.
    pub fn merge(&mut self, other: &Self) {
        for (at, shown) in other.positions.iter().enumerate() {
            for (arm, other) in shown.iter().enumerate() {
                let of = self.shown_mut(at, arm);
                of.times = of.times.saturating_add(other.times);
                of.taken = of.taken.saturating_add(other.taken);
            }
        }
    }

    fn shown_mut(&mut self, position: usize, arm: usize) -> &mut Shown {
        if self.positions.len() <= position {
            self.positions.resize_with(position + 1, Vec::new);
        }
        let shown = &mut self.positions[position];
        if shown.len() <= arm {
            shown.resize(arm + 1, Shown::default());
        }
        &mut shown[arm]
    }

    /// Whether every position is linked to the first by arms that were taken at two positions.
    fn check_links(&self) -> Result<(), BanditError> {
        let was_taken = |at: usize, arm: usize| self.positions[at].get(arm).is_some_and(|shown| shown.taken > 0);
        let mut linked = vec![false; self.positions.len()];
        let mut waiting = vec![0];
        while let Some(at) = waiting.pop().filter(|at| *at < linked.len()) {
            if std::mem::replace(&mut linked[at], true) {
                continue;
            }
            for arm in (0..self.positions[at].len()).filter(|arm| was_taken(at, *arm)) {
                waiting.extend((0..linked.len()).filter(|other| !linked[*other] && was_taken(*other, arm)));
            }
        }
        match linked.iter().position(|linked| !linked) {
            Some(at) => Err(BanditError::Positions { at }),
            None if linked.is_empty() => Err(BanditError::Positions { at: 0 }),
            None => Ok(()),
        }
    }
}

impl TryFrom<Vec<f64>> for Examination {
    type Error = BanditError;

    fn try_from(probabilities: Vec<f64>) -> Result<Self, BanditError> {
        Self::new(probabilities)
    }
}

impl From<Examination> for Vec<f64> {
    fn from(examination: Examination) -> Self {
        examination.0
    }
}

fn add(to: &mut [f64; 2], part: f64, whole: f64) {
    to[0] += part;
    to[1] += whole;
}

/// Takes the new shares; gives the most that one has moved.
fn settle(shares: &mut [f64], found: &[[f64; 2]]) -> f64 {
    let mut moved = 0.0_f64;
    for (share, [part, whole]) in shares.iter_mut().zip(found).filter(|(_, [_, whole])| *whole > 0.0) {
        let new = part / whole;
        moved = moved.max((new - *share).abs());
        *share = new;
    }
    moved
}

/// The least probability of a look.
const LEAST: f64 = 0.001;
const ROUNDS: usize = 1_000;

#[cfg(test)]
mod tests {
    use rand::RngExt;
    use rand::rand_core::SeedableRng;
    use rand::rngs::Xoshiro256PlusPlus;

    use super::*;
    use crate::bandit::{Tallied, Thompson};
    use crate::time::Timestamp;

    const LOOKS: [f64; 4] = [1.0, 0.6, 0.35, 0.1];
    const WORTH: [f64; 5] = [0.5, 0.3, 0.2, 0.1, 0.05];

    /// As often taken as the model has it, without noise: what is found is what was put in.
    #[test]
    fn expectations_give_the_probabilities_back() {
        let mut log = PositionLog::default();
        for (at, theta) in LOOKS.iter().enumerate() {
            for (arm, gamma) in WORTH.iter().enumerate().filter(|(arm, _)| (arm + at) % 2 == 0 || at == 1) {
                let times = 10_000_000 * (1 + arm as u64);
                *log.shown_mut(at, arm) = Shown { times, taken: (times as f64 * theta * gamma).round() as u64 };
            }
        }
        let found = Examination::estimate(&log).unwrap();
        for (at, theta) in LOOKS.iter().enumerate() {
            assert!((found.of(at) - theta).abs() < 2e-3, "{found:?}");
        }
        assert!((found.of(9) - found.of(3)).abs() < 1e-15);
    }

    /// Of 40,000 slates in random order, the ratio of the rates at two positions is that of `θ` too (Joachims et al.,
    /// §5.1): both estimates have standard errors of at most √(0.23 / 40,000) / 0.23 = 0.0105; they and the truth are
    /// within five.
    #[test]
    fn random_slates_are_as_their_ratios_have_it() {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(3);
        let (mut log, mut half, mut taken_at) = (PositionLog::default(), PositionLog::default(), [0.0; 4]);
        for n in 0..40_000 {
            let mut slate = [0, 1, 2, 3, 4];
            (1..5).rev().for_each(|at| slate.swap(at, rng.random_range(0..=at)));
            let mut taken = Vec::new();
            for at in 0..4 {
                if rng.random::<f64>() < LOOKS[at] && rng.random::<f64>() < WORTH[slate[at]] {
                    taken.push(at);
                    taken_at[at] += 1.0;
                }
            }
            if n % 2 == 0 { &mut log } else { &mut half }.observe(&slate[..4], &taken);
        }
        log.merge(&half);
        let found = Examination::estimate(&log).unwrap();
        for at in 0..4 {
            let ratio = taken_at[at] / taken_at[0];
            assert!((found.of(at) - ratio).abs() < 0.0525 && (found.of(at) - LOOKS[at]).abs() < 0.0525, "{found:?}");
        }
    }

    /// Three arms that always stand at the same positions, all worth 0.3. Of the last some 10,000 of 40,000 trials are
    /// looked at: a standard error of √(0.21 / 10,000) = 0.0046, and as much again since looks are drawn; the bound is
    /// five of 0.0065.
    #[test]
    fn an_arm_is_worth_the_same_wherever_it_stands() {
        let looks = Examination::new(vec![1.0, 0.5, 0.25]).unwrap();
        let mut policy = Tallied::new(3, Thompson { refresh: 0.1, ..Thompson::default() }).unwrap();
        let slate = [0, 1, 2].map(|arm| Trial::new(arm, Timestamp::from_millis(0)));
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(4);
        for _ in 0..40_000 {
            let mut taken = Vec::new();
            for at in 0..3 {
                if rng.random::<f64>() < looks.of(at) * 0.3 {
                    taken.push((at, Reward::new(1.0).unwrap()));
                }
            }
            looks.learn(&mut policy, &slate, &taken, &mut rng).unwrap();
        }
        for tally in policy.tallies() {
            assert!((tally.mean().unwrap() - 0.3).abs() < 0.0325, "{:?}", policy.tallies());
        }
    }

    #[test]
    fn what_cannot_be_told_is_refused() {
        let mut log = PositionLog::default();
        assert_eq!(Examination::estimate(&log), Err(BanditError::Positions { at: 0 }));
        log.observe(&[0, 1], &[0, 1]);
        assert_eq!(Examination::estimate(&log), Err(BanditError::Positions { at: 1 }), "no arm stood at both");
        log.observe(&[1, 0], &[0]);
        assert!(Examination::estimate(&log).is_ok());
        for bad in [vec![], vec![0.0], vec![1.1], vec![f64::NAN]] {
            assert!(matches!(Examination::new(bad), Err(BanditError::Setting { .. })));
        }
        assert!(serde_json::from_str::<Examination>("[1.0, 2.0]").is_err());
        let mut policy = Tallied::new(2, Thompson::default()).unwrap();
        let looks = Examination::new(vec![1.0]).unwrap();
        let slate = [Trial::new(0, Timestamp::from_millis(0))];
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(5);
        let past = looks.learn(&mut policy, &slate, &[(1, Reward::NONE)], &mut rng);
        assert_eq!(past, Err(BanditError::NoSuchArm { arm: 1, arms: 1 }));
        let wrong = [(0, Reward::new(3.0).unwrap())];
        assert!(matches!(looks.learn(&mut policy, &slate, &wrong, &mut rng), Err(BanditError::RewardRange { .. })));
        assert_eq!(policy.tallies()[0].exposures(), 0);
    }
}
