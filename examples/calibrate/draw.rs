//! Chance that is the same everywhere.

use bespoke::stats::{binomial_lower_tail, normal_quantile};

/// SplitMix64 (Steele, Lea and Flood, 2014).
pub(crate) struct Dice(u64);

impl Dice {
    /// The dice of one path.
    pub(crate) fn new(stream: u64, path: u64) -> Self {
        let mut dice = Self(stream.wrapping_mul(0xd134_2543_de82_ef95) ^ path.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        // The first numbers of neighbouring states are alike in nothing once mixed twice.
        Self(dice.next() ^ path)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number in (0, 1): the middle of one of 2^52 parts.
    pub(crate) fn unit(&mut self) -> f64 {
        ((self.next() >> 12) as f64 + 0.5) / (1_u64 << 52) as f64
    }

    pub(crate) fn normal(&mut self) -> f64 {
        normal_quantile(self.unit())
    }
}

/// How many of so many succeed, drawn by inverting the distribution function.
pub(crate) struct Binomial(Vec<f64>);

impl Binomial {
    pub(crate) fn new(n: u64, p: f64) -> Self {
        Self((0..=n).map(|k| binomial_lower_tail(k, n, p)).take_while(|upto| *upto < 1.0 - 1e-16).collect())
    }

    pub(crate) fn draw(&self, dice: &mut Dice) -> u64 {
        let u = dice.unit();
        self.0.partition_point(|upto| *upto < u) as u64
    }
}
