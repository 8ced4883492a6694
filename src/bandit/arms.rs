//! Sets of arms, and drawing one of them.

use rand::Rng;
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use super::MAX_ARMS;
use crate::decision::Propensity;

/// A set of arms, such as those that are eligible now, by index.
///
/// Of up to 64 arms it takes no memory of its own.
///
/// ```
/// use bespoke::bandit::Arms;
/// let arms: Arms = [0, 200].into_iter().collect();
/// assert!(arms.contains(200) && !arms.contains(1));
/// assert_eq!(Arms::first(3).iter().collect::<Vec<_>>(), [0, 1, 2]);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "Words")]
pub struct Arms(Words);

/// 64 arms to a word, the last of which is not empty.
type Words = SmallVec<[u64; 2]>;

impl Arms {
    /// The first `count` arms, up to [`MAX_ARMS`].
    #[must_use]
    pub fn first(count: usize) -> Self {
        let count = count.min(MAX_ARMS);
        let mut words = Words::from_elem(u64::MAX, count / 64);
        if count % 64 > 0 {
            words.push((1 << (count % 64)) - 1);
        }
        Self(words)
    }

    /// Adds an arm; one past [`MAX_ARMS`] is never eligible and is left out.
    pub fn insert(&mut self, arm: usize) {
        if arm >= MAX_ARMS {
            return;
        }
        if self.0.len() <= arm / 64 {
            self.0.resize(arm / 64 + 1, 0);
        }
        self.0[arm / 64] |= 1 << (arm % 64);
    }

    /// Takes an arm away.
    pub fn remove(&mut self, arm: usize) {
        if let Some(word) = self.0.get_mut(arm / 64) {
            *word &= !(1 << (arm % 64));
            trim(&mut self.0);
        }
    }

    /// Whether the arm is in the set.
    #[must_use]
    pub fn contains(&self, arm: usize) -> bool {
        self.0.get(arm / 64).is_some_and(|word| word >> (arm % 64) & 1 == 1)
    }

    /// How many arms there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether each of the first `count` arms is in the set.
    pub(super) fn has_first(&self, count: usize) -> bool {
        let (whole, rest) = (count / 64, count % 64);
        let last = self.0.get(whole).copied().unwrap_or(0);
        let mask = (1 << rest) - 1;
        self.0.len() >= whole && self.0[..whole].iter().all(|word| *word == u64::MAX) && last & mask == mask
    }

    /// Those of the arms whose index is below `count`.
    #[must_use]
    pub fn below(&self, count: usize) -> Self {
        let mut words: Words = self.0.iter().zip(&Self::first(count).0).map(|(word, of)| word & of).collect();
        trim(&mut words);
        Self(words)
    }

    /// The arms, ascending.
    pub fn iter(&self) -> impl Iterator<Item = usize> + Clone + '_ {
        self.0.iter().enumerate().flat_map(|(at, word)| {
            let after = |word: &u64| Some(word & (word - 1)).filter(|rest| *rest > 0);
            let words = std::iter::successors(Some(*word).filter(|word| *word > 0), after);
            words.map(move |word| 64 * at + word.trailing_zeros() as usize)
        })
    }
}

impl From<Words> for Arms {
    fn from(mut words: Words) -> Self {
        words.truncate(MAX_ARMS / 64);
        trim(&mut words);
        Self(words)
    }
}

impl FromIterator<usize> for Arms {
    fn from_iter<I: IntoIterator<Item = usize>>(arms: I) -> Self {
        let mut set = Self::default();
        arms.into_iter().for_each(|arm| set.insert(arm));
        set
    }
}

/// An arm, and the probability with which it was chosen.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Choice {
    /// The arm's index.
    pub arm: usize,
    /// How likely this choice was, among what was eligible.
    pub propensity: Propensity,
}

/// Draws an arm with these probabilities, from one uniform number.
pub(super) fn draw(probabilities: &[f64], rng: &mut dyn Rng) -> Option<Choice> {
    // 53 bits, as many as a double has.
    let mut rest = (rng.next_u64() >> 11) as f64 * (1.0 / (1_u64 << 53) as f64);
    let mut last = None;
    for (arm, probability) in probabilities.iter().enumerate() {
        if let Ok(propensity) = Propensity::new(probability.min(1.0)) {
            last = Some(Choice { arm, propensity });
            if rest < *probability {
                break;
            }
            rest -= probability;
        }
    }
    last
}

fn trim(words: &mut Words) {
    while words.last() == Some(&0) {
        words.pop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_has_what_was_put_in_whatever_its_size() {
        for arms in [vec![], vec![0], vec![63, 64], vec![5, 129, 4_095], (0..200).collect(), (0..64).collect()] {
            let set: Arms = arms.iter().rev().copied().collect();
            assert_eq!(set.iter().collect::<Vec<_>>(), arms);
            assert_eq!((set.len(), set.is_empty()), (arms.len(), arms.is_empty()));
            assert!((0..4_200).all(|arm| set.contains(arm) == arms.contains(&arm)));
            let below: Vec<usize> = arms.iter().copied().filter(|arm| *arm < 100).collect();
            assert_eq!(set.below(100), below.into_iter().collect());
            let has_all = |count: usize| (0..count).all(|arm| arms.contains(&arm));
            assert!((0..300).all(|count| set.has_first(count) == has_all(count)), "{arms:?}");
            let mut less = set.clone();
            arms.last().into_iter().for_each(|arm| less.remove(*arm));
            assert_eq!(less, arms.iter().rev().skip(1).copied().collect());
            let text = serde_json::to_string(&set).unwrap();
            assert_eq!(serde_json::from_str::<Arms>(&text).unwrap(), set);
        }
        for count in [0, 1, 63, 64, 65, 4_096, 9_999] {
            assert_eq!(Arms::first(count), (0..count).collect());
        }
        let empty: Arms = serde_json::from_str("[0, 0]").unwrap();
        assert!(empty.is_empty() && empty == Arms::default());
    }
}
