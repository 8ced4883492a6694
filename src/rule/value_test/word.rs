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
        text.len() == self.text.len() && ends(text.as_bytes()) == self.ends && (text.len() <= 16 || *text == *self.text)
    }
}

/// Whether two texts are equal.
#[inline]
pub(super) fn is_same(a: &str, b: &str) -> bool {
    a.len() == b.len() && ends(a.as_bytes()) == ends(b.as_bytes()) && (a.len() <= 16 || a == b)
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
    match *bytes {
        [a, b, c] => (u64::from(a) | u64::from(b) << 8, c.into()),
        [a, b] => (a.into(), b.into()),
        [a] => (a.into(), 0),
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
}
