//! People by chance, the same ones whatever the order in which they are met.

use std::collections::BTreeMap;

use crate::hash::combine;
use crate::id::UserKey;
use crate::profile::Profile;

/// A sample of people: those whose hash of seed and key is lowest (bottom-k sampling; Cohen and Kaplan, 2007).
///
/// It does not depend on the order in which people are met, nor on how they are spread over shards: samples of
/// shards [merge](Sample::merge) to the sample of all. Memory: a copy of each profile, some 1.4 KB for an ordinary
/// one, so 28 MB for the usual 20,000.
///
/// ```
/// use bespoke::{Profile, UserKey, insight::Sample};
/// let mut sample = Sample::new(10, 7);
/// (0..100).for_each(|i| sample.observe(UserKey::known(&i.to_string()), &Profile::default()));
/// assert_eq!((sample.people(), sample.len()), (100, 10));
/// ```
#[derive(Clone, Debug)]
pub struct Sample {
    limit: usize,
    seed: u64,
    people: u64,
    kept: BTreeMap<(u64, UserKey), Box<Profile>>,
}

impl Sample {
    /// A sample of at most `limit` people; another seed gives other people.
    #[must_use]
    pub const fn new(limit: usize, seed: u64) -> Self {
        Self { limit, seed, people: 0, kept: BTreeMap::new() }
    }

    /// Meets a person. Each is to be met once.
    pub fn observe(&mut self, key: UserKey, profile: &Profile) {
        self.people += 1;
        let rank = (self.hash(key, RANK), key);
        if self.kept.len() < self.limit || self.kept.last_key_value().is_some_and(|(last, _)| rank < *last) {
            self.kept.insert(rank, Box::new(profile.clone()));
            self.bound();
        }
    }

    /// Takes in a sample of other people with the same limit and seed; any other is left alone.
    pub fn merge(&mut self, other: &Self) {
        if (self.limit, self.seed) == (other.limit, other.seed) {
            self.people += other.people;
            self.kept.extend(other.kept.iter().map(|(rank, profile)| (*rank, profile.clone())));
            self.bound();
        }
    }

    fn bound(&mut self) {
        while self.kept.len() > self.limit {
            self.kept.pop_last();
        }
    }

    /// How many people were met.
    #[must_use]
    pub const fn people(&self) -> u64 {
        self.people
    }

    /// How many of them are in the sample.
    #[must_use]
    pub fn len(&self) -> usize {
        self.kept.len()
    }

    /// Whether nobody is in the sample.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// The profiles in a fixed order, each with whether it is in the half by which something is chosen; the other
    /// half is for measuring what was chosen.
    pub(super) fn profiles(&self) -> impl Iterator<Item = (bool, &Profile)> {
        self.kept.iter().map(|((_, key), profile)| (self.hash(*key, HALF) & 1 == 0, &**profile))
    }

    /// Independent hashes of a person for different uses.
    fn hash(&self, key: UserKey, of: u64) -> u64 {
        let bits = key.to_bits();
        combine(&[self.seed, of, (bits >> 64) as u64, bits as u64])
    }
}

const RANK: u64 = 1;
const HALF: u64 = 2;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_does_not_depend_on_order_or_shards() {
        let key = |i: u32| UserKey::known(&i.to_string());
        let mut straight = Sample::new(50, 3);
        (0..2_000).for_each(|i| straight.observe(key(i), &Profile::default()));
        let mut backwards = Sample::new(50, 3);
        (0..2_000).rev().for_each(|i| backwards.observe(key(i), &Profile::default()));
        let mut shards = [Sample::new(50, 3), Sample::new(50, 3)];
        (0..2_000).for_each(|i| shards[i as usize % 2].observe(key(i), &Profile::default()));
        let [mut merged, other] = shards;
        merged.merge(&other);
        let keys = |sample: &Sample| sample.kept.keys().copied().collect::<Vec<_>>();
        assert_eq!(keys(&straight), keys(&backwards));
        assert_eq!(keys(&straight), keys(&merged));
        assert_eq!((merged.people(), merged.len()), (2_000, 50));
    }

    /// Of 2,000 people each half has 1,000, with a standard error of 22; the bound is five of them.
    #[test]
    fn the_halves_are_halves_and_have_nothing_to_do_with_the_rank() {
        let mut sample = Sample::new(2_000, 3);
        (0..20_000).for_each(|i| sample.observe(UserKey::known(&format!("p{i}")), &Profile::default()));
        let first = sample.profiles().filter(|(is_first, _)| *is_first).count();
        assert!(first.abs_diff(1_000) < 112, "{first}");
    }
}
