//! Chooses each arm as often as it is likely to be the best (Thompson, 1933; Chapelle and Li, 2011).
//!
//! The usual implementation draws from the posterior of each arm and takes the highest; an arm then wins with the
//! probability that it is the best, which stays unknown. Here that probability is computed ([`best_rates`],
//! [`best_means`]) and the arm drawn from it: the same policy, but its propensity is known exactly.
//!
//! Of rates the posterior is a beta distribution. Of amounts it is that of a normal mean whose variance is estimated too
//! (Murphy, "Conjugate Bayesian analysis of the Gaussian distribution", 2007, equations 85 to 89 and 110), and of
//! revenue the product of a rate and of what is paid by those who pay; both are taken as normal with their true mean
//! and variance.

use serde::{Deserialize, Serialize};

use super::BanditError;
use super::error::check_setting;
use super::fading::Seen;
use super::tallied::{All, Scheme, Weigh};
use crate::stats::{Alpha, Beta, Interval, best_means, best_rates, student_upper_quantile};

/// Thompson sampling: a [`Scheme`].
///
/// Cost: an integral, some 7 µs per arm for rates and 2 µs for the others, for the first choice after something was
/// learned, or more rarely ([`Thompson::refresh`]); a random number for every other choice.
///
/// ```
/// use bespoke::bandit::{Payoff, Tallied, Thompson};
/// let revenue = Thompson { payoff: Payoff::Revenue, ..Thompson::default() };
/// let policy = Tallied::new(3, revenue)?;
/// # Ok::<(), bespoke::bandit::BanditError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Thompson {
    /// What rewards are like.
    pub payoff: Payoff,
    /// Successes and failures of every arm before anything is known, each from 0.1 to 10^6.
    pub prior: [f64; 2],
    /// So many trials more of every arm, from 0 to 10^6, which paid as all arms do together: new arms begin there, and
    /// arms of which little is known stay near it.
    pub pool: f64,
    /// How often the best arm is chosen rather than its strongest challenger, from 0.1 to 1, which is always
    /// (top-two Thompson sampling: Russo, "Simple Bayesian algorithms for best-arm identification", Operations Research
    /// 2020, §3.2). A half finds the best arm soonest, and earns less on the way.
    pub top_two: f64,
    /// By what share of all trials the probabilities may lag behind what was learned, from 0 to 0.1. With 0 they are
    /// computed after everything learned; otherwise a choice costs a random number nearly always, and what is chosen
    /// hardly differs, but depends on the order in which rewards came, and with it the bytes of a snapshot: not for
    /// states that threads teach and that have to be the same for any number of them. Below twice its inverse in trials
    /// nothing lags, and the probabilities are exact at any time: arms are drawn from them.
    pub refresh: f64,
}

/// What rewards are like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Payoff {
    /// Each trial pays from 0 to 1; a share counts as that share of a success.
    #[default]
    Rate,
    /// Trials pay amounts of any size and sign, most of them something.
    Amount,
    /// Most trials pay nothing, some an amount above zero.
    Revenue,
}

impl Default for Thompson {
    /// Rates, a flat prior, no pooling, always the best, and probabilities that are computed after everything learned.
    fn default() -> Self {
        Self { payoff: Payoff::Rate, prior: [1.0, 1.0], pool: 0.0, top_two: 1.0, refresh: 0.0 }
    }
}

impl Thompson {
    /// The posterior of an arm's rate.
    ///
    /// Past 10^12 successes or failures it gets no sharper. If more was paid than shown, there are no failures.
    fn rate(&self, seen: &Seen, all: &All) -> Beta {
        let [a, b] = self.prior;
        let pooled = ((all.seen.reward + a) / (all.seen.trials + a + b)).clamp(0.0, 1.0);
        let successes = seen.reward.max(0.0);
        let failures = (seen.trials - successes).max(0.0);
        let (a, b) = (a + self.pool * pooled + successes, b + self.pool * (1.0 - pooled) + failures);
        // Where less is better, failures are.
        if all.less { Beta::nearest(b, a) } else { Beta::nearest(a, b) }
    }

    /// How likely a trial pays anything: its mean and its variance.
    fn pays(&self, seen: &Seen, all: &All) -> (f64, f64) {
        let [a, b] = self.prior;
        let pooled = ((all.seen.paid + a) / (all.seen.trials + a + b)).clamp(0.0, 1.0);
        let paid = seen.paid.max(0.0);
        let (a, b) = (a + self.pool * pooled + paid, b + self.pool * (1.0 - pooled) + (seen.trials - paid).max(0.0));
        let whole = a + b;
        (a / whole, a * b / (whole * whole * (whole + 1.0)))
    }

    /// What an arm is expected to pay, and its deviation, for payoffs that are not rates.
    fn amount(&self, seen: &Seen, all: &All) -> (f64, f64) {
        if self.payoff == Payoff::Amount {
            let mean = Mean::new(seen.trials, seen.reward, seen.squares, &all.seen, all.seen.trials, self.pool);
            return (all.worth(mean.center), libm::sqrt(mean.variance()));
        }
        let (rate, spread) = self.pays(seen, all);
        let mean = Mean::new(seen.paid.max(0.0), seen.reward, seen.squares, &all.seen, all.seen.paid, self.pool);
        let (m, v) = (mean.center, mean.variance());
        // Of a product of independent factors: (p² + s)(m² + v) − p² m².
        let variance = (rate * rate + spread) * (m * m + v) - rate * rate * m * m;
        (all.worth(rate * m), libm::sqrt(variance.max(0.0)))
    }
}

impl Weigh for Thompson {
    fn name(&self) -> &'static str {
        "thompson"
    }

    fn check(&self) -> Result<(), BanditError> {
        self.prior.iter().try_for_each(|prior| check_setting("prior", *prior, Beta::MIN, 1e6))?;
        check_setting("pool", self.pool, 0.0, 1e6)?;
        check_setting("top_two", self.top_two, 0.1, 1.0)?;
        check_setting("refresh", self.refresh, 0.0, 0.1)
    }

    fn takes_amounts(&self) -> bool {
        self.payoff != Payoff::Rate
    }

    fn lag(&self) -> f64 {
        self.refresh
    }

    fn weigh(&self, seen: &[Seen], all: &All) -> Vec<f64> {
        let best = self.best(seen, all).unwrap_or_default();
        if self.top_two >= 1.0 { best } else { with_challengers(&best, self.top_two) }
    }

    fn best(&self, seen: &[Seen], all: &All) -> Option<Vec<f64>> {
        if self.payoff == Payoff::Rate {
            return Some(best_rates(&seen.iter().map(|seen| self.rate(seen, all)).collect::<Vec<_>>()));
        }
        let means: Vec<(f64, f64)> = seen.iter().map(|seen| self.amount(seen, all)).collect();
        let mut best = Vec::with_capacity(means.len());
        best_means(&means, &mut best);
        Some(best)
    }

    fn interval(&self, seen: &Seen, all: &All, alpha: Alpha) -> Option<Interval> {
        let tail = alpha.tail();
        // Of the mean reward itself, whichever way is better.
        let all = &All { seen: all.seen, less: false };
        Some(match self.payoff {
            Payoff::Rate => {
                let rate = self.rate(seen, all);
                Interval { low: rate.quantile(tail), high: rate.quantile(1.0 - tail) }
            }
            Payoff::Amount => {
                let mean = Mean::new(seen.trials, seen.reward, seen.squares, &all.seen, all.seen.trials, self.pool);
                let wide = student_upper_quantile(tail, mean.freedom) * mean.scale();
                Interval { low: mean.center - wide, high: mean.center + wide }
            }
            Payoff::Revenue => {
                let (center, deviation) = self.amount(seen, all);
                let wide = alpha.z() * deviation;
                Interval { low: center - wide, high: center + wide }
            }
        })
    }
}

impl From<Thompson> for Scheme {
    fn from(scheme: Thompson) -> Self {
        Self::Thompson(scheme)
    }
}

/// The posterior of a normal mean of unknown variance: Student's, with a centre, a scale and degrees of freedom.
///
/// Before an arm is known it has the mean and the variance of all arms, as if [`MEANS`] of its trials had shown the one
/// and [`VARIANCES`] the other.
struct Mean {
    center: f64,
    /// The squared scale.
    square: f64,
    freedom: f64,
}

impl Mean {
    fn new(count: f64, sum: f64, squares: f64, all: &Seen, of_all: f64, pool: f64) -> Self {
        let overall = all.reward / of_all.max(1.0);
        let known = (all.squares - of_all * overall * overall).max(0.0) / of_all.max(1.0);
        // Before two trials differ, a reward may be as far off as rewards are large.
        let variance = if known > 0.0 { known } else { (all.squares / of_all.max(1.0)).max(1.0) };
        let prior = MEANS + pool;
        let mean = sum / count.max(f64::MIN_POSITIVE);
        let mean = if count > 0.0 { mean } else { overall };
        let spread = (squares - count * mean * mean).max(0.0);
        let whole = prior + count;
        let off = mean - overall;
        let center = (prior * overall + sum) / whole;
        let freedom = VARIANCES + count;
        let total = VARIANCES * variance + spread + prior * count / whole * off * off;
        Self { center, square: total / freedom / whole, freedom }
    }

    fn scale(&self) -> f64 {
        libm::sqrt(self.square)
    }

    /// Of Student's distribution, which has one as there are more than two degrees of freedom.
    fn variance(&self) -> f64 {
        self.square * self.freedom / (self.freedom - 2.0)
    }
}

/// How many trials the mean of all arms counts as, in each of them.
const MEANS: f64 = 1.0;
/// How many trials the variance of all arms counts as, in each of them; above two, so that there is a variance.
const VARIANCES: f64 = 4.0;

/// The shares of top-two sampling: with `best` the arm drawn first, otherwise the first other one that further draws
/// give, which is `j ≠ i` with probability `p_j / (1 − p_i)`.
fn with_challengers(best: &[f64], share: f64) -> Vec<f64> {
    let challenged = |at: usize| {
        // Summed without the arm itself, since one less nearly one keeps no digits.
        let others: f64 = best.iter().enumerate().filter(|(other, _)| *other != at).map(|(_, p)| p).sum();
        if others > 0.0 { best[at] / others } else { 0.0 }
    };
    let odds: Vec<f64> = (0..best.len()).map(challenged).collect();
    let all: f64 = odds.iter().sum();
    let share = |at: usize| best[at] * (share + (1.0 - share) * (all - odds[at]));
    let shares: Vec<f64> = (0..best.len()).map(share).collect();
    let total: f64 = shares.iter().sum();
    // An arm that is the best for certain has no challenger.
    shares.iter().map(|share| share / total).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(rewards: &[f64]) -> Seen {
        let mut seen = Seen { trials: rewards.len() as f64, ..Seen::default() };
        for reward in rewards.iter().filter(|reward| reward.abs() > 0.0) {
            seen.paid += 1.0;
            seen.reward += reward;
            seen.squares += reward * reward;
        }
        seen
    }

    /// Murphy's equations 86 to 89 by hand: κ0 = 1, ν0 = 4, μ0 = 3, σ0² = 2 (those of 1, 2, 3, 4, 5).
    #[test]
    fn the_posterior_of_an_amount_is_the_conjugate_one() {
        let all = seen(&[1.0, 2.0, 3.0, 4.0, 5.0]);
        let arm = seen(&[4.0, 5.0]);
        let mean = Mean::new(arm.trials, arm.reward, arm.squares, &all, all.trials, 0.0);
        // κ = 3, μ = (3 + 9) / 3 = 4, ν = 6, ν σ² = 4 · 2 + 0.5 + (1 · 2 / 3) · 1.5² = 10
        assert!((mean.center - 4.0).abs() < 1e-14 && (mean.freedom - 6.0).abs() < 1e-14);
        assert!((mean.square - 10.0 / 6.0 / 3.0).abs() < 1e-14, "{}", mean.square);
        assert!((mean.variance() - 10.0 / 6.0 / 3.0 * 6.0 / 4.0).abs() < 1e-14);
    }

    /// Drawn as the algorithm has it. A share of 10^6 draws has a standard error of at most 0.0005; the bound is five.
    #[test]
    fn top_two_shares_are_how_often_its_draws_end_there() {
        let best = [0.6, 0.25, 0.1, 0.05];
        let shares = with_challengers(&best, 0.5);
        let mut state = 1_u64;
        let mut unit = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 11) as f64 / (1_u64 << 53) as f64
        };
        let pick = |at: f64| {
            best.iter()
                .scan(0.0, |sum, p| {
                    *sum += p;
                    Some(*sum)
                })
                .position(|end| at < end)
        };
        let mut drawn = [0.0; 4];
        for _ in 0..1_000_000 {
            let first = pick(unit()).unwrap_or(3);
            let mut arm = first;
            if unit() >= 0.5 {
                while arm == first {
                    arm = pick(unit()).unwrap_or(3);
                }
            }
            drawn[arm] += 1e-6;
        }
        for (share, drawn) in shares.iter().zip(drawn) {
            assert!((share - drawn).abs() < 0.0025, "{shares:?} {drawn:?}");
        }
        assert!(with_challengers(&[1.0, 0.0], 0.5)[0] > 0.999);
    }

    /// P(pays) from Beta(1 + 2, 1 + 2), and of the payers' mean the conjugate posterior; first and second moments of the
    /// product by hand.
    #[test]
    fn revenue_is_a_rate_times_an_amount() {
        let (all, arm) = (seen(&[0.0, 0.0, 10.0, 30.0, 0.0, 20.0]), seen(&[0.0, 0.0, 10.0, 30.0]));
        let scheme = Thompson { payoff: Payoff::Revenue, ..Thompson::default() };
        let (center, deviation) = scheme.amount(&arm, &All { seen: all, less: false });
        // κ = 3, μ = (20 + 40) / 3 = 20, ν = 6, ν σ² = 4 · 200/3 + 200 + 0; variance of the mean = νσ²/ν/κ · 6/4
        let v = (4.0 * 200.0 / 3.0 + 200.0) / 6.0 / 3.0 * 1.5;
        let (p, s) = (0.5, 9.0 / (36.0 * 7.0));
        assert!((center - 10.0).abs() < 1e-12);
        assert!((deviation * deviation - ((p * p + s) * (400.0 + v) - p * p * 400.0)).abs() < 1e-9);
        let (cost, same) = scheme.amount(&arm, &All { seen: all, less: true });
        assert!((cost + 10.0).abs() < 1e-12 && (same - deviation).abs() < 1e-12);
    }
}
