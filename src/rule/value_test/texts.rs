//! A set of texts that tells of a text in one probe whether it is a member.

use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::word::{brief, ends, is_same};
use crate::value::Text;

/// Texts in two tables of which at most half is taken: those of up to seven bytes, as most words and codes are, by
/// themselves, and the others by their hashes. Each has as many places as a power of two; the low bits of a hash say
/// where to begin to look.
#[derive(Clone, Debug)]
pub(super) struct Texts {
    /// In each place nothing, which is zero, or a text as [`brief`] has it.
    briefs: Box<[u64]>,
    /// In each place nothing, which is zero, or a text: the high half of its hash above its number plus one.
    others: Box<[u64]>,
    texts: Box<[Text]>,
    salt: u64,
}

impl Texts {
    /// Each text once; there are far fewer than 2^32.
    pub(super) fn new<'a>(texts: impl Iterator<Item = &'a str>) -> Self {
        let mut texts: Vec<Text> = texts.map(Text::from).collect();
        texts.sort_unstable();
        texts.dedup();
        let mut set = Self { briefs: Box::default(), others: Box::default(), texts: texts.into(), salt: SALT.0 };
        // Texts that were made to meet under one salt do not meet under the next.
        for turn in 1..=MOST_TURNS {
            if set.fill() <= MOST_STEPS {
                break;
            }
            set.salt = SALT.0.wrapping_mul(2 * turn + 1);
        }
        set
    }

    /// Puts all texts into the tables; how far one is at most from where its search begins.
    fn fill(&mut self) -> u32 {
        let brief_ones = self.texts.iter().filter(|text| brief(text).is_some()).count();
        let room = |texts: usize| vec![0; (2 * texts).next_power_of_two()];
        let (mut briefs, mut others) = (room(brief_ones), room(self.texts.len() - brief_ones));
        let mut farthest = 0;
        for (text, number) in self.texts.iter().zip(1_u64..) {
            let (table, hash, entry) = match brief(text) {
                Some(word) => (&mut briefs, mix(word, self.salt), word),
                None => {
                    let hash = hash(text, self.salt);
                    (&mut others, hash, hash & HIGH | number)
                }
            };
            let mut at = hash as usize & (table.len() - 1);
            let mut steps = 0;
            while table[at] != 0 {
                at = (at + 1) & (table.len() - 1);
                steps += 1;
            }
            table[at] = entry;
            farthest = farthest.max(steps);
        }
        (self.briefs, self.others) = (briefs.into(), others.into());
        farthest
    }

    #[inline(never)]
    pub(super) fn contains(&self, text: &str) -> bool {
        let Some(word) = brief(text) else { return self.contains_other(text) };
        let mut at = mix(word, self.salt) as usize & (self.briefs.len() - 1);
        // Half of the table is free, so the walk ends.
        while let Some(entry) = self.briefs.get(at).filter(|entry| **entry != 0) {
            if *entry == word {
                return true;
            }
            at = (at + 1) & (self.briefs.len() - 1);
        }
        false
    }

    /// [`Texts::contains`] for a text that is not brief.
    fn contains_other(&self, text: &str) -> bool {
        let hash = hash(text, self.salt);
        let mut at = hash as usize & (self.others.len() - 1);
        while let Some(entry) = self.others.get(at).filter(|entry| **entry != 0) {
            let number = (entry & !HIGH) as usize;
            if (entry ^ hash) & HIGH == 0 && is_same(&self.texts[number - 1], text) {
                return true;
            }
            at = (at + 1) & (self.others.len() - 1);
        }
        false
    }

    pub(super) fn iter(&self) -> impl ExactSizeIterator<Item = &str> {
        self.texts.iter().map(|text| &**text)
    }
}

/// Of texts of up to sixteen bytes the ends are all there is: one multiplication mixes them.
#[inline(always)]
fn hash(text: &str, salt: u64) -> u64 {
    if text.len() > 16 {
        return xxh3_64_with_seed(text.as_bytes(), salt);
    }
    let (first, last) = ends(text.as_bytes());
    mix(first ^ salt, last ^ SALT.1.wrapping_add(text.len() as u64))
}

/// Both halves of the product, as in wyhash (Wang Yi, 2019).
#[inline(always)]
fn mix(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    (product >> 64) as u64 ^ product as u64
}

/// Digits of pi, as good as any.
const SALT: (u64, u64) = (0x243f_6a88_85a3_08d3, 0x1319_8a2e_0370_7344);
const HIGH: u64 = 0xffff_ffff_0000_0000;
/// With half of a table free, a hundred thousand texts are far nearer.
const MOST_STEPS: u32 = 256;
const MOST_TURNS: u64 = 4;

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
