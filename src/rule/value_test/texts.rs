//! A set of texts that tells of a text in one probe whether it is a member.

use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::word::{ends, is_same};
use crate::value::Text;

/// Texts by their hashes, in a table of which at most half is taken.
#[derive(Clone, Debug)]
pub(super) struct Texts {
    /// In each place nothing, which is zero, or a text: the high half of its hash above its number plus one. As many
    /// places as a power of two; the low bits of the hash say where to begin to look.
    table: Box<[u64]>,
    texts: Box<[Text]>,
    seed: u64,
}

impl Texts {
    /// Each text once; there are far fewer than 2^32.
    pub(super) fn new<'a>(texts: impl Iterator<Item = &'a str>) -> Self {
        let mut texts: Vec<Text> = texts.map(Text::from).collect();
        texts.sort_unstable();
        texts.dedup();
        let mut set = Self { table: Box::default(), texts: texts.into(), seed: 0 };
        // Texts that were made to meet under one seed do not meet under the next.
        while !set.fill() && set.seed < MOST_SEEDS {
            set.seed += 1;
        }
        set
    }

    /// Puts all texts into the table; `false` if one is far from where its search begins.
    fn fill(&mut self) -> bool {
        let mut table = vec![0; (2 * self.texts.len()).next_power_of_two()];
        let mut farthest = 0;
        for (text, number) in self.texts.iter().zip(1_u64..) {
            let hash = hash(text, self.seed);
            let mut at = hash as usize & (table.len() - 1);
            let mut steps = 0;
            while table[at] != 0 {
                at = (at + 1) & (table.len() - 1);
                steps += 1;
            }
            table[at] = hash & HIGH | number;
            farthest = farthest.max(steps);
            if farthest > MOST_STEPS && self.seed < MOST_SEEDS {
                return false;
            }
        }
        self.table = table.into();
        farthest <= MOST_STEPS
    }

    pub(super) fn contains(&self, text: &str) -> bool {
        let hash = hash(text, self.seed);
        let mut at = hash as usize & (self.table.len() - 1);
        // Half of the table is free, so the walk ends.
        while let Some(entry) = self.table.get(at).filter(|entry| **entry != 0) {
            let number = (entry & !HIGH) as usize;
            if (entry ^ hash) & HIGH == 0 && is_same(&self.texts[number - 1], text) {
                return true;
            }
            at = (at + 1) & (self.table.len() - 1);
        }
        false
    }

    pub(super) fn iter(&self) -> impl ExactSizeIterator<Item = &str> {
        self.texts.iter().map(|text| &**text)
    }
}

/// Of short texts the ends are all there is: one multiplication mixes them (as in wyhash, Wang Yi, 2019).
#[inline(always)]
fn hash(text: &str, seed: u64) -> u64 {
    if text.len() > 16 {
        return xxh3_64_with_seed(text.as_bytes(), seed);
    }
    let (first, last) = ends(text.as_bytes());
    let (first, last) = (first ^ SALT.0.wrapping_mul(seed | 1), last ^ SALT.1.wrapping_add(text.len() as u64));
    let product = u128::from(first) * u128::from(last);
    (product >> 64) as u64 ^ product as u64
}

/// Digits of pi, as good as any.
const SALT: (u64, u64) = (0x243f_6a88_85a3_08d3, 0x1319_8a2e_0370_7344);
const HIGH: u64 = 0xffff_ffff_0000_0000;
/// With half of a table free, a hundred thousand texts are far nearer.
const MOST_STEPS: u32 = 256;
const MOST_SEEDS: u64 = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_put_in_is_found() {
        for count in [0, 1, 2, 3, 100, 5_000] {
            let names: Vec<String> = (0..2 * count).map(|i| format!("name-{}", i * 7)).collect();
            let set = Texts::new(names.iter().step_by(2).chain(names.iter().step_by(2)).map(String::as_str));
            assert_eq!(set.iter().len(), count);
            for (i, name) in names.iter().enumerate() {
                assert_eq!(set.contains(name), i % 2 == 0, "{name} of {count}");
            }
        }
    }

    #[test]
    fn texts_of_every_length_are_told_apart() {
        let all: Vec<String> =
            (0..40_usize).flat_map(|len| [b'a', b'b'].map(|c| char::from(c).to_string().repeat(len))).collect();
        let set = Texts::new(all.iter().filter(|text| !text.starts_with('b')).map(String::as_str));
        assert!(all.iter().all(|text| set.contains(text) != text.starts_with('b')));
    }
}
