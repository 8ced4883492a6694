//! A start of texts, recognised in few instructions.

/// What texts may begin with, with its first eight bytes beside it, so that most comparisons need not look at the rest.
#[derive(Clone, Debug)]
pub(super) struct Start {
    /// The first bytes, and the bits that they fill.
    word: u64,
    mask: u64,
    text: Box<str>,
}

impl Start {
    pub(super) fn new(text: &str) -> Self {
        let (mut word, mut mask) = ([0; 8], [0; 8]);
        for ((word, mask), byte) in word.iter_mut().zip(&mut mask).zip(text.bytes()) {
            (*word, *mask) = (byte, 0xff);
        }
        Self { word: u64::from_le_bytes(word), mask: u64::from_le_bytes(mask), text: text.into() }
    }

    pub(super) fn as_str(&self) -> &str {
        &self.text
    }

    #[inline]
    pub(super) fn is_of(&self, text: &str) -> bool {
        match text.as_bytes().first_chunk() {
            Some(first) if u64::from_le_bytes(*first) & self.mask != self.word => false,
            Some(_) if self.text.len() <= 8 => true,
            _ => text.starts_with(&*self.text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_has_every_start_of_its_own_and_no_other() {
        let long = "abcdefghijklmnopqrst";
        for length in 0..=long.len() {
            let start = Start::new(&long[..length]);
            assert_eq!(start.as_str(), &long[..length]);
            for of in 0..=long.len() {
                assert_eq!(start.is_of(&long[..of]), of >= length, "{length} of {of}");
            }
            for at in 0..length {
                assert!(!start.is_of(&format!("{}_{}", &long[..at], &long[at + 1..])), "{at} of {length}");
            }
        }
    }
}
