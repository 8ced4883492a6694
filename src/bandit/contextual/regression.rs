//! The regression behind [`Contextual`](super::Contextual) for whoever predicts and does not choose: any number of arms,
//! all of them fitted in one go.

use super::belief::Belief;
use super::moments::Moments;
use super::prior::{Precisions, Scaling, believe};

/// What each arm paid under which features; any number of them merge.
#[derive(Clone, Debug)]
pub(crate) struct Regression {
    moments: Vec<Moments>,
    ranges: Vec<(f64, f64)>,
}

/// What each arm is expected to pay, linear in the standardised features.
#[derive(Clone, Debug)]
pub(crate) struct Fitted {
    scaling: Scaling,
    beliefs: Vec<Belief>,
}

impl Regression {
    pub(crate) fn new(arms: usize, features: usize) -> Self {
        Self { moments: vec![Moments::new(features); arms], ranges: vec![(f64::INFINITY, f64::NEG_INFINITY); features] }
    }

    /// Takes in what an arm paid; the features are as many as it was made for. Cost: d².
    pub(crate) fn observe(&mut self, arm: usize, features: &[f64], reward: f64) {
        let Some(moments) = self.moments.get_mut(arm) else { return };
        moments.observe(1.0, features, reward);
        for ((low, high), feature) in self.ranges.iter_mut().zip(features) {
            *low = low.min(*feature);
            *high = high.max(*feature);
        }
    }

    /// Takes in what another of the same shape has seen. Cost: k d².
    pub(crate) fn merge(&mut self, other: &Self) {
        self.moments.iter_mut().zip(&other.moments).for_each(|(moments, other)| moments.merge(other));
        for ((low, high), (other_low, other_high)) in self.ranges.iter_mut().zip(&other.ranges) {
            *low = low.min(*other_low);
            *high = high.max(*other_high);
        }
    }

    /// Shrinks the arms towards what they have in common, by as much as the rewards say. It has seen something.
    ///
    /// Cost: some ten times k d³.
    pub(crate) fn fit(&self) -> Fitted {
        let mut precisions = Precisions::START;
        let (scaling, _, beliefs) = believe(&self.moments, &self.ranges, &[], &mut precisions);
        Fitted { scaling, beliefs }
    }
}

impl Fitted {
    /// What each arm is expected to pay under these features, in order. Cost: k d.
    pub(crate) fn expected(&self, features: &[f64]) -> impl Iterator<Item = f64> {
        let z = self.scaling.standardise(features);
        self.beliefs.iter().map(move |belief| belief.expected(&z))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Contextual, Shrunk};
    use super::*;
    use crate::bandit::{Policy, Reward, Trial};
    use crate::time::Timestamp;

    #[test]
    fn it_expects_what_the_bandit_expects_and_merges() {
        let mut policy = Contextual::new(3, 1, Shrunk::default()).unwrap();
        let (mut left, mut right) = (Regression::new(3, 1), Regression::new(3, 1));
        for n in 0..600_u32 {
            let (arm, x) = (n as usize % 3, f64::from(n % 7));
            let reward = f64::from(u8::from(n % 5 == 0)) + 0.1 * x * arm as f64;
            let trial = Trial::new(arm, Timestamp::from_millis(0)).features(std::slice::from_ref(&x));
            policy.observe(&trial, Reward::new(reward).unwrap()).unwrap();
            if n % 2 == 0 { &mut left } else { &mut right }.observe(arm, &[x], reward);
        }
        left.merge(&right);
        let fitted = left.fit();
        for (arm, found) in fitted.expected(&[3.0]).enumerate() {
            let (wanted, _) = policy.expected(arm, &[3.0]).unwrap().unwrap();
            // The policy chose its precisions some rewards earlier.
            assert!((found - wanted).abs() < 0.01, "{arm}: {found} {wanted}");
        }
    }
}
