//! How a [`Contextual`] bandit chooses: the shares of the eligible arms under some features.

use smallvec::SmallVec;

use super::scheme::inverse_gap;
use super::{Belief, Contextual, ContextualScheme, LinThompson, LinUcb, SquareCb};
use crate::bandit::epsilon_greedy::highest;
use crate::bandit::{Arms, BanditError};
use crate::linalg::Four;
use crate::stats::best_means;

impl Contextual {
    /// The probabilities of some arms, in their order.
    pub(super) fn shares(&self, eligible: &Arms, features: &[f64]) -> Result<Shares, BanditError> {
        self.check_features(features)?;
        if self.beliefs.is_empty() || self.untried > 0 && !self.descriptions.are_given() {
            let is_tried = |arm: usize| self.tallies[arm].exposures() > 0;
            let untried = eligible.iter().filter(|arm| !is_tried(*arm)).count();
            if self.beliefs.is_empty() || untried > 0 {
                // Arms are counted exactly.
                let even = 1.0 / if untried > 0 { untried } else { eligible.len() } as f64;
                let share = |arm: usize| if untried > 0 && is_tried(arm) { 0.0 } else { even };
                return Ok(eligible.iter().map(share).collect());
            }
        }
        if eligible.is_empty() {
            return Ok(Shares::new());
        }
        Ok(self.weigh(eligible, &self.scaling.standardise(features)))
    }

    /// The probabilities under standardised features, of at least one arm, all of which have been tried.
    fn weigh(&self, eligible: &Arms, z: &[Four]) -> Shares {
        let (mut means, mut deviations) = (none(eligible.len()), none(eligible.len()));
        let is_whole = eligible.len() == self.beliefs.len();
        let reads_deviations = !matches!(self.scheme, ContextualScheme::SquareCb(_));
        // All arms in a row are quicker to go through.
        if is_whole {
            look(self.beliefs.iter(), z, &mut means, reads_deviations.then_some(&mut deviations[..]));
        } else {
            let beliefs = eligible.iter().map(|arm| &self.beliefs[arm]);
            look(beliefs, z, &mut means, reads_deviations.then_some(&mut deviations[..]));
        }
        if let ContextualScheme::SquareCb(SquareCb { gamma, .. }) = self.scheme {
            return Shares::from_vec(inverse_gap(&means, gamma, libm::sqrt(self.variance), self.count));
        }
        // Roots by themselves, so that no sum waits for one.
        deviations.iter_mut().for_each(|share| *share = libm::sqrt((self.variance * *share).max(0.0)));
        match self.scheme {
            ContextualScheme::LinUcb(LinUcb { alpha, .. }) => {
                means.iter_mut().zip(&deviations).for_each(|(bound, deviation)| *bound += alpha * deviation);
                highest(&mut means);
                return means;
            }
            ContextualScheme::Shrunk(scheme) => {
                // Counts below 2^53 are exact.
                let narrowed = eligible.iter().map(|arm| scheme.narrowed(self.tallies[arm].paid() as f64));
                deviations.iter_mut().zip(narrowed).for_each(|(deviation, by)| *deviation *= by);
            }
            ContextualScheme::LinThompson(LinThompson { exploration, .. }) => {
                deviations.iter_mut().for_each(|deviation| *deviation *= exploration);
            }
            ContextualScheme::SquareCb(_) => {}
        }
        let scores: SmallVec<[(f64, f64); 16]> = means.into_iter().zip(deviations).collect();
        let mut best = Vec::with_capacity(scores.len());
        best_means(&scores, &mut best);
        Shares::from_vec(best)
    }
}

/// The probabilities of some arms, in their order.
pub(super) type Shares = SmallVec<[f64; 16]>;

/// Leaves the means of the arms' scores in `means`, and if asked their variances over that of the residual in `shares`.
#[inline]
fn look<'a>(
    beliefs: impl Iterator<Item = &'a Belief> + Clone,
    z: &[Four],
    means: &mut [f64],
    shares: Option<&mut [f64]>,
) {
    means.iter_mut().zip(beliefs.clone()).for_each(|(mean, belief)| *mean = belief.expected(z));
    if let Some(shares) = shares {
        Belief::shares(beliefs, z, shares);
    }
}

/// So many zeros.
#[inline]
fn none(count: usize) -> Shares {
    if count <= 16 { Shares::from_buf_and_len([0.0; 16], count) } else { Shares::from_elem(0.0, count) }
}
