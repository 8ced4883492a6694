//! What is believed of one arm's coefficients, kept up with every trial.

use serde::{Deserialize, Serialize};

use crate::linalg::{
    Four, Fours, dot_fours, fours, multiplied_out, no_fours, pack, packed_at, packed_forms, packed_len, packed_less,
    packed_times, to_fours,
};

/// The posterior of one arm's coefficients, in standardised features: its inverse precision over the residual variance,
/// what the rewards pull it to, and its mean.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Belief {
    /// Packed, and the others as fours.
    inverse: Vec<Four>,
    pull: Vec<Four>,
    pub(super) mean: Vec<Four>,
}

impl Belief {
    /// Before the arm was shown: what the arms have in common.
    pub(super) fn new(lambda: &[f64], common: &[f64]) -> Self {
        let width = lambda.len();
        let mut inverse = vec![[0.0; 4]; packed_len(width)];
        (0..width).for_each(|at| inverse.as_flattened_mut()[packed_at(at, at)] = 1.0 / lambda[at]);
        let pull: Vec<f64> = lambda.iter().zip(common).map(|(lambda, common)| lambda * common).collect();
        Self { inverse, pull: to_fours(&pull), mean: to_fours(common) }
    }

    /// After it was, with the whole square of the inverse: the pull is that of the prior still.
    pub(super) fn replace(&mut self, inverse: &[f64], rewards: &[f64]) {
        self.inverse = pack(inverse, rewards.len());
        self.pull.as_flattened_mut().iter_mut().zip(rewards).for_each(|(pull, reward)| *pull += reward);
        packed_times(&self.inverse, &self.pull, &mut self.mean);
    }

    /// Adds one observation (Sherman and Morrison, 1950); the mean moves by what it came short of, as in a Kalman
    /// filter. Gives what it adds to the squares that the regression leaves.
    pub(super) fn learn(&mut self, z: &[Four], reward: f64) -> f64 {
        let image = self.image(z);
        let whole = 1.0 + dot_fours(&image, z);
        packed_less(&mut self.inverse, 1.0 / whole, &image);
        add(&mut self.pull, reward, z);
        let off = reward - self.expected(z);
        let short = off / whole;
        add(&mut self.mean, short, &image);
        off * short
    }

    /// Replaces the reward of an earlier observation. Gives what it adds to the squares that the regression leaves.
    pub(super) fn revise(&mut self, z: &[Four], from: f64, to: f64) -> f64 {
        let (image, by) = (self.image(z), to - from);
        let off = from - self.expected(z);
        add(&mut self.pull, by, z);
        add(&mut self.mean, by, &image);
        // Of yᵀ (I − H) y, where H has the lever on its diagonal.
        2.0 * by * off + by * by * (1.0 - dot_fours(&image, z))
    }

    /// The inverse times a vector.
    #[inline(always)]
    fn image(&self, z: &[Four]) -> Fours {
        let mut image = no_fours(z.len());
        packed_times(&self.inverse, z, &mut image);
        image
    }

    /// The mean of the arm's score.
    #[inline]
    pub(super) fn expected(&self, z: &[Four]) -> f64 {
        dot_fours(z, &self.mean)
    }

    /// Leaves the variances of some arms' scores over that of the residual in `shares`, from standardised features.
    pub(super) fn shares<'a>(of: impl Iterator<Item = &'a Self>, z: &[Four], shares: &mut [f64]) {
        multiplied_out(z, |products| packed_forms(products, of.map(|belief| &belief.inverse[..]), shares));
    }

    /// Whether it is for so many coefficients, and all its numbers can be worked with.
    pub(super) fn is_sound(&self, cells: usize) -> bool {
        let all = [&self.inverse, &self.pull, &self.mean];
        all.iter()
            .zip([packed_len(cells), fours(cells), fours(cells)])
            .all(|(of, len)| of.len() == len && of.as_flattened().iter().all(|cell| cell.is_finite()))
    }
}

fn add(to: &mut [Four], factor: f64, from: &[Four]) {
    let cells = to.as_flattened_mut().iter_mut().zip(from.as_flattened());
    cells.for_each(|(to, from)| *to += factor * from);
}
