//! A text that others are compared with, often and in few instructions.

/// A text with its ends beside it: texts of up to sixteen bytes are equal if their lengths and ends are, so that most
/// comparisons need not look at the text.
#[derive(Clone, Debug)]
pub(super) struct Word {
    ends: (u64, u64),
    text: Box<str>,
}

impl Word {
    pub(super) fn new(text: &str) -> Self {
        Self { ends: ends(text.as_bytes()), text: text.into() }
    }

    pub(super) fn as_str(&self) -> &str {
        &self.text
    }

    #[inline]
    pub(super) fn is(&self, text: &str) -> bool {
        text.len() == self.text.len()
            && is_pair(ends(text.as_bytes()), self.ends)
            && (text.len() <= 16 || *text == *self.text)
    }
}

/// Whether two texts are equal.
#[inline]
pub(super) fn is_same(a: &str, b: &str) -> bool {
    a.len() == b.len() && is_pair(ends(a.as_bytes()), ends(b.as_bytes())) && (a.len() <= 16 || a == b)
}

/// Whether both are equal, as one branch.
#[inline]
const fn is_pair(a: (u64, u64), b: (u64, u64)) -> bool {
    (a.0 ^ b.0) | (a.1 ^ b.1) == 0
}

/// The first and the last bytes of a text, which overlap where it is short: of texts of one length, up to sixteen
/// bytes, no two have the same.
#[inline]
pub(super) fn ends(bytes: &[u8]) -> (u64, u64) {
    if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) {
        return (u64::from_le_bytes(*first), u64::from_le_bytes(*last));
    }
    if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) {
        return (u32::from_le_bytes(*first).into(), u32::from_le_bytes(*last).into());
    }
    let (first, last) = outer(bytes);
    (first, last.into())
}

/// A text of up to seven bytes as a number that stands for no other text, and is not zero.
#[inline]
pub(super) fn brief(text: &str) -> Option<u64> {
    let (bytes, len) = (text.as_bytes(), text.len());
    let word = match (bytes.first_chunk(), bytes.last_chunk()) {
        _ if len > 7 => return None,
        // What both have in common lies in the same place.
        (Some(first), Some(last)) => {
            u64::from(u32::from_le_bytes(*first)) | u64::from(u32::from_le_bytes(*last)) << (8 * len - 32)
        }
        _ => {
            let (first, last) = outer(bytes);
            first | u64::from(last) << 16
        }
    };
    Some(word | (len as u64 + 1) << 56)
}

/// The first and the middle byte of up to three, and the last one.
#[inline]
fn outer(bytes: &[u8]) -> (u64, u8) {
    match (bytes.first(), bytes.get(bytes.len() / 2), bytes.last()) {
        (Some(first), Some(middle), Some(last)) => (u64::from(*first) | u64::from(*middle) << 8, *last),
        _ => (0, 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_text_is_equal() {
        for length in 0..40 {
            let text = "x".repeat(length);
            let word = Word::new(&text);
            assert!(word.is(&text) && !word.is(&format!("{text}x")) && word.as_str() == text);
            for at in 0..length {
                let other = format!("{}y{}", &text[..at], &text[at + 1..]);
                assert!(!word.is(&other) && Word::new(&other).is(&other), "{other}");
            }
        }
    }

    #[test]
    fn no_two_brief_texts_have_the_same_number() {
        let mut texts = vec![String::new()];
        for from in 0.. {
            let Some(text) = texts.get(from).filter(|text| text.len() < 8).cloned() else { break };
            texts.extend(["\0", "a", "b"].map(|more| format!("{text}{more}")));
        }
        let brief_ones = texts.iter().filter(|text| text.len() < 8).count();
        let numbers: std::collections::BTreeSet<u64> = texts.iter().filter_map(|text| brief(text)).collect();
        assert_eq!((numbers.len(), numbers.first().is_some_and(|least| *least > 0)), (brief_ones, true));
    }
}
