//! What an arm has shown under which features: counts, means and centred sums of products, which merge.
//!
//! Sums are centred as they grow (Welford, 1962; merging by Chan, Golub and LeVeque, 1979), so that features far from
//! zero lose no digits.

use serde::{Deserialize, Serialize};

use crate::linalg::{Four, fours, no_fours, packed_len, packed_less};

/// The moments of some features, and of a reward beside them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Moments {
    pub(super) count: f64,
    /// The mean of each feature.
    pub(super) features: Vec<f64>,
    /// The mean of the reward.
    pub(super) reward: f64,
    /// `Σ (x - mean)(x - mean)ᵀ`, packed.
    pub(super) spread: Vec<Four>,
    /// `Σ (x - mean)(y - mean)`.
    pub(super) shared: Vec<f64>,
    /// `Σ (y - mean)²`.
    pub(super) squares: f64,
}

impl Moments {
    pub(super) fn new(width: usize) -> Self {
        Self {
            features: vec![0.0; width],
            spread: vec![[0.0; 4]; packed_len(width)],
            shared: vec![0.0; width],
            ..Self::default()
        }
    }

    /// Adds a trial that counts as so many.
    pub(super) fn observe(&mut self, weight: f64, features: &[f64], reward: f64) {
        self.add(weight, features, reward);
    }

    /// Replaces the reward of an earlier trial that counts as so many by now.
    pub(super) fn revise(&mut self, weight: f64, features: &[f64], from: f64, to: f64) {
        if self.count <= 0.0 {
            return;
        }
        let by = weight * (to - from);
        let cells = self.shared.iter_mut().zip(features.iter().zip(&self.features));
        cells.for_each(|(cell, (x, mean))| *cell += by * (x - mean));
        let squares = by * ((to - self.reward) + (from - self.reward)) - by * by / self.count;
        self.squares = (self.squares + squares).max(0.0);
        self.reward += by / self.count;
    }

    /// Takes away an earlier trial that counts as so many by now, where others remain.
    pub(super) fn forget(&mut self, weight: f64, features: &[f64], reward: f64) {
        if weight > 0.0 && self.count > weight {
            self.shift(-weight, features, reward);
            self.squares = self.squares.max(0.0);
        }
    }

    /// Counts each trial as so many.
    pub(super) fn scale(&mut self, by: f64) {
        self.count *= by;
        self.squares *= by;
        self.spread.as_flattened_mut().iter_mut().chain(&mut self.shared).for_each(|cell| *cell *= by);
    }

    /// Adds the other's; both are of one width. To rounding, the order does not matter.
    pub(super) fn merge(&mut self, other: &Self) {
        if other.count <= 0.0 {
            return;
        }
        self.add(other.count, &other.features, other.reward);
        let spread = self.spread.as_flattened_mut().iter_mut().zip(other.spread.as_flattened());
        let cells = spread.chain(self.shared.iter_mut().zip(&other.shared));
        cells.for_each(|(cell, other)| *cell += other);
        self.squares += other.squares;
    }

    /// Whether it is of this width, and all its numbers can be worked with.
    pub(super) fn is_sound(&self, width: usize) -> bool {
        let sizes = [self.features.len(), self.shared.len()];
        let numbers = [self.count, self.reward, self.squares];
        let all = numbers.iter().chain(&self.features).chain(self.spread.as_flattened()).chain(&self.shared);
        sizes == [width; 2]
            && self.spread.len() == packed_len(width)
            && self.count >= 0.0
            && self.squares >= 0.0
            && all.into_iter().all(|number| number.is_finite())
    }

    /// Adds so many observations that all lie at one place; what has faded to nothing says nothing.
    fn add(&mut self, count: f64, features: &[f64], reward: f64) {
        if count > 0.0 {
            self.shift(count, features, reward);
        }
    }

    /// The same of any count that leaves some; less than none takes away.
    fn shift(&mut self, count: f64, features: &[f64], reward: f64) {
        let whole = self.count + count;
        let part = count / whole;
        let weight = self.count * part;
        let apart = reward - self.reward;
        let mut room = no_fours(fours(features.len()));
        let off = room.as_flattened_mut();
        off.iter_mut().zip(features.iter().zip(&self.features)).for_each(|(off, (x, mean))| *off = x - mean);
        self.shared.iter_mut().zip(&*off).for_each(|(cell, off)| *cell += weight * apart * off);
        self.features.iter_mut().zip(&*off).for_each(|(mean, off)| *mean += part * off);
        packed_less(&mut self.spread, -weight, &room);
        self.squares += weight * apart * apart;

        self.reward += part * apart;
        self.count = whole;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn merging_is_as_if_all_had_been_seen_by_one() {
        let rows: Vec<([f64; 2], f64)> =
            (0..40).map(|n| ([1e6 + f64::from(n % 7), f64::from(n % 3)], f64::from(n % 5) - 1.0)).collect();
        let of = |rows: &[([f64; 2], f64)]| {
            let mut moments = Moments::new(2);
            rows.iter().for_each(|(features, reward)| moments.observe(1.0, features, *reward));
            moments
        };
        let (whole, mut merged) = (of(&rows), of(&rows[..13]));
        merged.merge(&of(&rows[13..]));
        merged.merge(&Moments::new(2));
        // Two passes over the same numbers.
        let mean = |at: usize| rows.iter().map(|(x, _)| x[at]).sum::<f64>() / 40.0;
        let reward = rows.iter().map(|(_, y)| y).sum::<f64>() / 40.0;
        let plain: f64 = rows.iter().map(|(x, _)| (x[0] - mean(0)) * (x[1] - mean(1))).sum();
        let shared: f64 = rows.iter().map(|(x, y)| (x[0] - mean(0)) * (y - reward)).sum();
        for moments in [&whole, &merged] {
            assert!([1, 4].iter().all(|at| (moments.spread.as_flattened()[*at] - plain).abs() < 1e-7));
            assert!((moments.shared[0] - shared).abs() < 1e-7 && (moments.count - 40.0).abs() < 1e-12);
        }
    }

    #[test]
    fn a_reward_that_is_revised_is_as_if_it_had_been_so_at_first() {
        let rows: [([f64; 2], f64); 4] = [([1.0, 5.0], 2.0), ([2.0, 3.0], 0.0), ([4.0, 4.0], 7.0), ([0.0, 1.0], 1.0)];
        let (mut late, mut at_once) = (Moments::new(2), Moments::new(2));
        rows.iter().for_each(|(features, reward)| at_once.observe(1.0, features, *reward));
        rows.iter().for_each(|(features, _)| late.observe(1.0, features, 0.0));
        rows.iter().rev().for_each(|(features, reward)| late.revise(1.0, features, 0.0, reward + 1.0));
        rows.iter().for_each(|(features, reward)| late.revise(1.0, features, reward + 1.0, *reward));
        let all = |of: &Moments| [of.reward, of.squares, of.shared[0], of.shared[1], of.count];
        all(&late).iter().zip(all(&at_once)).for_each(|(a, b)| assert!((a - b).abs() < 1e-12, "{late:?} {at_once:?}"));
    }
}
