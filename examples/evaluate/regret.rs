//! Ten simulated arms of 2 to 10 %, and by how much less than the best of them a policy earns.

use bespoke::bandit::{Arms, Bandit, BanditSpec, Policy, Reward, Trial, Turn};
use bespoke::time::Timestamp;
use rand::{Rng, RngExt};

use crate::Answer;
use crate::bandit::{chance, mean_and_sd, said};
use crate::measure::{clock, round};
use crate::progress::Progress;

/// How the arms' rates go.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Scene {
    /// They stay.
    Stationary,
    /// They change places every 7,500 steps.
    Abrupt,
    /// Each swings between 2 and 10 % within 15,000 steps, one after the other.
    Sinusoidal,
}

impl Scene {
    pub(crate) fn named(name: &str) -> Option<Self> {
        let all = [("stationary", Self::Stationary), ("abrupt", Self::Abrupt), ("sinusoidal", Self::Sinusoidal)];
        all.into_iter().find(|(of, _)| *of == name).map(|(_, scene)| scene)
    }

    /// Draws where the arms begin, and where they go next.
    fn change(self, step: u32, rates: &mut [f64], rng: &mut dyn Rng) {
        let count = rates.len();
        let place = |arm: usize| 0.02 + 0.08 * arm as f64 / (count - 1) as f64;
        match self {
            Self::Sinusoidal => {
                for (arm, rate) in rates.iter_mut().enumerate() {
                    let turn = f64::from(step) / 15_000.0 + arm as f64 / count as f64;
                    *rate = 0.06 + 0.04 * (std::f64::consts::TAU * turn).sin();
                }
            }
            Self::Stationary | Self::Abrupt => {
                if step == 0 || self == Self::Abrupt && step % 7_500 == 0 {
                    (0..count).for_each(|arm| rates[arm] = place(arm));
                    (1..count).rev().for_each(|at| rates.swap(at, rng.random_range(0..=at)));
                }
            }
        }
    }
}

/// The regret over 30,000 steps, where what was paid is told in batches.
pub(crate) fn answer(scene: Scene, spec: &BanditSpec, batch: usize, seed: u64, runs: u64) -> Answer {
    if batch == 0 || runs == 0 {
        return Err("a batch and the number of runs are at least one".to_owned());
    }
    let (began, now, all) = (clock(), Timestamp::from_millis(0), Arms::first(ARMS));
    let mut progress = Progress::new("trying", STEPS as usize * usize::try_from(runs).unwrap_or(1));
    let mut regrets = Vec::new();
    for run in 0..runs {
        let mut rng = chance(seed, run);
        let mut policy = Bandit::new(spec, ARMS, 0).map_err(said)?;
        let (mut rates, mut waiting, mut regret) = ([0.0; ARMS], Vec::with_capacity(batch), 0.0);
        for step in 0..STEPS {
            scene.change(step, &mut rates, &mut rng);
            let turn = Turn::new(all.clone(), now);
            let Some(choice) = policy.choose(&turn, &mut rng).map_err(said)? else { continue };
            regret += rates.iter().copied().fold(0.0, f64::max) - rates[choice.arm];
            waiting.push((choice.arm, f64::from(u8::from(rng.random::<f64>() < rates[choice.arm]))));
            if waiting.len() == batch {
                for (arm, pays) in waiting.drain(..) {
                    let trial = Trial::new(arm, now);
                    Reward::new(pays).and_then(|reward| policy.observe(&trial, reward)).map_err(said)?;
                }
            }
            progress.step();
        }
        regrets.push(regret);
    }
    progress.finish();
    let (mean, sd) = mean_and_sd(&regrets);
    let line = serde_json::json!({
        "command": "bandit",
        "policy": spec,
        "what": "regret over 30,000 steps of ten arms of 2 to 10 %",
        "batch": batch,
        "mean": round(mean, 2),
        "sd": round(sd, 2),
        "count": STEPS,
        "shuffles": runs,
        "seconds": round(began.elapsed().as_secs_f64(), 2),
    });
    Ok(line.to_string())
}

const ARMS: usize = 10;
const STEPS: u32 = 30_000;
