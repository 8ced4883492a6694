//! What two [`Contextual`] bandits learned, as if one had.

use super::moments::Moments;
use super::{Contextual, untried};
use crate::bandit::{HalfLife, tally};
use crate::state::State;
use crate::time::Timestamp;

impl State for Contextual {
    const KIND: &'static str = "contextual";
    const VERSION: u16 = 1;

    /// Adds what the other learned, to rounding; the settings stay, and the precisions are chosen anew. It takes in
    /// nothing from a policy with another number of features, or that forgets otherwise; the longer of the two gives
    /// the number of arms.
    fn merge(&mut self, other: &Self) {
        if self.width != other.width || self.half_life != other.half_life || other.count <= 0.0 {
            return;
        }
        let mut other = other.clone();
        if self.count <= 0.0 {
            (self.landmark, self.newest) = (other.landmark, other.newest);
        }
        if matches!(self.half_life, Some(HalfLife::Time(_))) {
            let newest = self.newest.max(other.newest);
            (self.newest, other.newest) = (newest, newest);
        }
        self.settle();
        other.settle();
        self.moments.resize_with(self.moments.len().max(other.moments.len()), || Moments::new(other.width));
        self.moments.iter_mut().zip(&other.moments).for_each(|(moments, other)| moments.merge(other));
        tally::merge(&mut self.tallies, &other.tallies);
        self.untried = untried(&self.tallies);
        self.count += other.count;
        if matches!(self.half_life, Some(HalfLife::Exposures(_))) {
            (self.landmark, self.newest) = (self.tick(Timestamp::MIN), self.tick(Timestamp::MIN));
        }
        for ((low, high), (other_low, other_high)) in self.ranges.iter_mut().zip(&other.ranges) {
            *low = low.min(*other_low);
            *high = high.max(*other_high);
        }
        self.fit_if_known();
    }
}
