//! What keeps a policy from going too far or too fast: a burn-in, a floor, a share for the control, a budget of change.
//!
//! The guards turn the policy's probabilities into those that are drawn from, so that stated propensities stay exact.

use serde::{Deserialize, Serialize};

use super::error::check_setting;
use super::{Arms, BanditError};
use crate::time::{Span, Timestamp};

/// What a [`Bandit`](super::Bandit) does whatever its policy says. By default nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Guards {
    /// How often an arm has to be shown before the policy decides about it: until then it gets an even share, and the
    /// policy divides the rest. 100 is a good start for campaigns that run for weeks.
    pub burn_in: u32,
    /// The least probability of each eligible arm, from 0 to 0.5: added evenly, so that the order of the arms stays. Of
    /// more arms than it suffices for, each gets an even share. 0.01 lets a log be judged by other policies.
    pub floor: f64,
    /// An arm that gets the same share for ever, so that the others' lift over it is measured without bias.
    pub control: Option<Control>,
    /// How fast the shares may move.
    pub budget: Option<Budget>,
}

/// An arm with a fixed share.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Control {
    /// The arm.
    pub arm: usize,
    /// Its probability wherever it is eligible, from 0 to 1.
    pub share: f64,
}

/// How fast shares may move.
///
/// Without features the shares of a step lie within the budget of those at its beginning. With features every request
/// has shares of its own, and it is their mean that is held: over the trials of a step so far, at any time in it, the
/// mean shares lie within the budget of the mean shares of the step before (at first, of even ones). So the first
/// choices of a step keep close to that mean whatever their features, and the more trials there are, the further a
/// single one may go. Shares are those at the time that a trial is learned, with all arms eligible: what is decided
/// before the last trial was learned goes by what was known then.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Budget {
    /// The most that may move from arms to others within a step, as a share of all choices, from 0.001 to 1.
    pub share: f64,
    /// How long a step is, from a second on.
    pub every: Span,
}

/// The shares at the beginning of a step, from which they may not go further than the budget.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Anchor {
    /// Which step, counted from 1970.
    step: i64,
    shares: Vec<f64>,
    /// Of a policy with features, by how much the shares of the step's trials differ from these, in sum; otherwise
    /// empty.
    apart: Vec<f64>,
    /// How many trials that were.
    trials: u64,
}

impl Guards {
    pub(super) fn check(&self) -> Result<(), BanditError> {
        check_setting("floor", self.floor, 0.0, 0.5)?;
        if let Some(control) = self.control {
            check_setting("control.share", control.share, 0.0, 1.0)?;
        }
        if let Some(budget) = self.budget {
            check_setting("budget.share", budget.share, 0.001, 1.0)?;
            check_setting("budget.every", budget.every.millis() as f64, 1e3, f64::MAX)?;
        }
        Ok(())
    }

    /// Which of the eligible arms the policy is asked about, and which get an even share.
    pub(super) fn split(&self, eligible: &Arms, exposures: impl Fn(usize) -> u64) -> (Arms, Arms) {
        let burn_in = u64::from(self.burn_in);
        let free = || eligible.iter().filter(|arm| self.control.is_none_or(|control| control.arm != *arm));
        // Where there is nothing but the control, it is a choice like any other.
        let all: Arms = if free().next().is_some() { free().collect() } else { eligible.clone() };
        let fresh: Arms = all.iter().filter(|arm| exposures(*arm) < burn_in).collect();
        (all.iter().filter(|arm| !fresh.contains(*arm)).collect(), fresh)
    }

    /// What becomes of the policy's shares of the arms that it was asked about.
    pub(super) fn apply(&self, eligible: &Arms, asked: &Arms, fresh: &Arms, shares: &mut [f64]) {
        let free = (asked.len() + fresh.len()) as f64;
        if free <= 0.0 {
            return;
        }
        let (even, rest) = (1.0 / free, asked.len() as f64 / free);
        asked.iter().for_each(|arm| shares[arm] *= rest);
        fresh.iter().for_each(|arm| shares[arm] = even);
        let fixed = self.control.filter(|of| eligible.contains(of.arm) && eligible.len() > 1);
        let left = 1.0 - fixed.map_or(0.0, |control| control.share);
        let floor = self.floor.min(left / free);
        asked.iter().chain(fresh.iter()).for_each(|arm| shares[arm] = floor + (left - free * floor) * shares[arm]);
        if let Some(control) = fixed {
            shares[control.arm] = control.share;
        }
    }
}

impl Budget {
    fn step(&self, now: Timestamp) -> i64 {
        now.millis().div_euclid(self.every.millis().max(1))
    }

    /// Whether the first choice at this time begins a step.
    pub(super) fn is_due(&self, anchor: Option<&Anchor>, now: Timestamp) -> bool {
        anchor.is_none_or(|anchor| anchor.step < self.step(now))
    }

    /// Where a step begins: with the shares of all arms, as limited so far.
    pub(super) fn begin(&self, now: Timestamp, shares: Vec<f64>) -> Anchor {
        Anchor { step: self.step(now), ..Anchor::start(shares) }
    }

    /// Where a step begins at this time, of a policy with features, if one does.
    pub(super) fn begun(&self, anchor: &Anchor, now: Timestamp) -> Option<Anchor> {
        let does = anchor.trials > 0 && self.is_due(Some(anchor), now);
        does.then(|| self.begin(now, anchor.mean()))
    }

    /// Moves the shares back towards the anchor as far as the budget asks: half of what lies between two distributions
    /// moves from one to the other. What the step's other trials left of it may be used.
    pub(super) fn limit(&self, anchor: Option<&Anchor>, eligible: &Arms, shares: &mut [f64]) {
        let Some(anchor) = anchor else { return };
        let of = |arm: usize| anchor.shares.get(arm).copied().unwrap_or(0.0);
        let whole: f64 = eligible.iter().map(of).sum();
        if whole <= 0.0 {
            return;
        }
        // Counts are far below 2^53.
        let most = self.share * (anchor.trials as f64 + 1.0);
        let moved = |keep: f64| {
            let moved = |arm: usize| anchor.apart(arm) + keep * (shares[arm] - of(arm) / whole);
            0.5 * eligible.iter().map(|arm| moved(arm).abs()).sum::<f64>()
        };
        if moved(1.0) <= most {
            return;
        }
        let keep = if anchor.trials == 0 { most / moved(1.0) } else { largest(|keep| moved(keep) <= most) };
        eligible.iter().for_each(|arm| shares[arm] = of(arm) / whole + keep * (shares[arm] - of(arm) / whole));
    }
}

impl Anchor {
    /// The shares from which a policy sets out.
    pub(super) const fn start(shares: Vec<f64>) -> Self {
        Self { step: i64::MIN, shares, apart: Vec::new(), trials: 0 }
    }

    /// Counts a trial of a policy with features, which was chosen with these shares.
    pub(super) fn count(&mut self, shares: &[f64]) {
        self.apart.resize(self.shares.len(), 0.0);
        for ((apart, share), of) in self.apart.iter_mut().zip(shares).zip(&self.shares) {
            *apart += share - of;
        }
        self.trials = self.trials.saturating_add(1);
    }

    /// The mean shares of the step's trials, or what it began with.
    pub(super) fn mean(&self) -> Vec<f64> {
        let mean = |arm: usize| self.shares[arm] + self.apart(arm) / self.trials.max(1) as f64;
        // Rounding leaves no less than nothing.
        (0..self.shares.len()).map(|arm| mean(arm).clamp(0.0, 1.0)).collect()
    }

    fn apart(&self, arm: usize) -> f64 {
        self.apart.get(arm).copied().unwrap_or(0.0)
    }

    /// The same for other arms: a new one has nothing yet.
    pub(super) fn rearranged(&self, was: &[Option<usize>]) -> Self {
        let of = |was: &Option<usize>| was.and_then(|arm| self.shares.get(arm).copied()).unwrap_or(0.0);
        let mut shares: Vec<f64> = was.iter().map(of).collect();
        let whole: f64 = shares.iter().sum();
        // Arms are counted exactly.
        let even = 1.0 / shares.len().max(1) as f64;
        shares.iter_mut().for_each(|share| *share = if whole > 0.0 { *share / whole } else { even });
        Self { step: self.step, ..Self::start(shares) }
    }

    pub(super) fn is_sound(&self, arms: usize) -> bool {
        self.shares.len() == arms
            && self.shares.iter().all(|share| (0.0..=1.0).contains(share))
            && (self.apart.is_empty() || self.apart.len() == arms)
            && self.apart.iter().all(|apart| apart.is_finite())
    }
}

/// The largest number from 0 to 1, to a part in 10^15, up to which something holds that holds at 0.
fn largest(holds: impl Fn(f64) -> bool) -> f64 {
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..50 {
        let middle = 0.5 * (low + high);
        if holds(middle) { low = middle } else { high = middle }
    }
    low
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(found: &[f64], wanted: &[f64]) {
        assert_eq!(found.len(), wanted.len());
        found.iter().zip(wanted).for_each(|(a, b)| assert!((a - b).abs() < 1e-12, "{found:?} {wanted:?}"));
    }

    #[test]
    fn fresh_arms_share_evenly_and_the_control_keeps_its_share() {
        let control = Some(Control { arm: 3, share: 0.1 });
        let guards = Guards { burn_in: 100, floor: 0.05, control, budget: None };
        let eligible = Arms::first(4);
        let (asked, fresh) = guards.split(&eligible, |arm| [200, 50, 300, 0][arm]);
        assert_eq!((asked.iter().collect::<Vec<_>>(), fresh.iter().collect::<Vec<_>>()), (vec![0, 2], vec![1]));
        let mut shares = [0.0, 0.0, 1.0, 0.0];
        guards.apply(&eligible, &asked, &fresh, &mut shares);
        // A third to the fresh one, two thirds to what the policy says; then 0.05 + 0.75 of it, beside the control.
        close(&shares, &[0.05, 0.05 + 0.25, 0.05 + 0.5, 0.1]);
        let alone: Arms = [3].into_iter().collect();
        let (asked, fresh) = guards.split(&alone, |_| 1_000);
        let mut shares = [0.0, 0.0, 0.0, 1.0];
        guards.apply(&alone, &asked, &fresh, &mut shares);
        close(&shares, &[0.0, 0.0, 0.0, 1.0]);
    }

    #[test]
    fn shares_move_by_no_more_than_the_budget_in_a_step() {
        let budget = Budget { share: 0.1, every: Span::days(1) };
        let (mut anchor, eligible) = (Some(Anchor::start(vec![0.5; 2])), Arms::first(2));
        let mut shares = [1.0, 0.0];
        for day in 0..4 {
            let now = Timestamp::from_millis(86_400_000 * day + 5);
            let limited = |anchor: Option<&Anchor>| {
                let mut shares = [1.0, 0.0];
                budget.limit(anchor, &eligible, &mut shares);
                shares
            };
            assert!(budget.is_due(anchor.as_ref(), now));
            anchor = Some(budget.begin(now, limited(anchor.as_ref()).to_vec()));
            assert!(!budget.is_due(anchor.as_ref(), now));
            shares = limited(anchor.as_ref());
        }
        // From a half: one step before the first day, then one each day.
        close(&shares, &[1.0, 0.0]);
        let mut early = [1.0, 0.0];
        budget.limit(Some(&Anchor::start(vec![0.5; 2])), &eligible, &mut early);
        close(&early, &[0.6, 0.4]);
    }
}
