//! A policy replayed on a randomised campaign.

use bespoke::bandit::{Arms, Bandit, BanditError, BanditSpec, Policy, Reward, Trial, Turn};
use bespoke::time::Timestamp;
use rand::RngExt;
use rand::rand_core::SeedableRng;
use rand::rngs::Xoshiro256PlusPlus;

use crate::emails::Emails;

/// What a policy sent, one e-mail after the other, and what it earned.
pub(crate) struct Run {
    pub(crate) name: &'static str,
    arms: usize,
    sent: Vec<usize>,
    earned: Vec<f64>,
}

impl Run {
    /// Customers come in an order drawn once, the same for all policies.
    pub(crate) fn new(
        name: &'static str,
        spec: &BanditSpec,
        emails: &Emails,
        rewards: &[f64],
    ) -> Result<Self, BanditError> {
        let arms = emails.names.len();
        let mut policy = Bandit::new(spec, arms, emails.called.len())?;
        let mut order: Vec<usize> = (0..rewards.len()).collect();
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
        (1..order.len()).rev().for_each(|at| order.swap(at, rng.random_range(0..=at)));
        let (mut sent, mut earned) = (Vec::new(), Vec::new());
        // The log has no times, and nothing is forgotten.
        let now = Timestamp::from_millis(0);
        for at in order {
            let turn = Turn::new(Arms::first(arms), now).features(&emails.features[at]);
            let Some(choice) = policy.choose(&turn, &mut rng)?.filter(|choice| choice.arm == emails.arms[at]) else {
                continue;
            };
            policy.observe(&Trial::new(choice.arm, now).features(&emails.features[at]), Reward::new(rewards[at])?)?;
            sent.push(choice.arm);
            earned.push(rewards[at]);
        }
        Ok(Self { name, arms, sent, earned })
    }

    /// From how many e-mails it learned.
    pub(crate) fn learned(&self) -> usize {
        self.sent.len()
    }

    /// What it earned per e-mail.
    pub(crate) fn mean(&self) -> f64 {
        self.earned.iter().sum::<f64>() / self.earned.len().max(1) as f64
    }

    /// The share of each e-mail in the last quarter.
    pub(crate) fn late(&self) -> Vec<f64> {
        let late = &self.sent[self.sent.len() * 3 / 4..];
        self.shares(late)
    }

    /// What it had earned per e-mail after so many.
    pub(crate) fn curve(&self) -> Vec<(f64, f64)> {
        let mut sum = 0.0;
        let mut points = Vec::new();
        for (at, reward) in self.earned.iter().enumerate() {
            sum += reward;
            // The first hundreds are noise; then some three hundred points are enough for a line.
            if at + 1 >= 300 && (at + 1) % (self.earned.len() / 300).max(1) == 0 {
                points.push(((at + 1) as f64, sum / (at + 1) as f64));
            }
        }
        points
    }

    /// The share of each e-mail among those around, thirty times.
    pub(crate) fn allocation(&self) -> Vec<(f64, Vec<f64>)> {
        let width = (self.sent.len() / 30).max(1);
        let middle = |at: usize| (at * width) as f64 + 0.5 * width as f64;
        self.sent.chunks_exact(width).enumerate().map(|(at, sent)| (middle(at), self.shares(sent))).collect()
    }

    fn shares(&self, sent: &[usize]) -> Vec<f64> {
        let of = |arm: usize| sent.iter().filter(|sent| **sent == arm).count() as f64 / sent.len().max(1) as f64;
        (0..self.arms).map(of).collect()
    }
}
