//! Text with upper and lower case taken as one.
//!
//! Each character is put into lower case by itself, by Unicode's mapping, and the final sigma of Greek counts as any
//! other, so that no text depends on what stands around it. `ß` and `ss` stay different, as lower case has them.

use std::borrow::Cow;

/// The characters in lower case.
pub(crate) fn folded(text: &str) -> impl Iterator<Item = char> + Clone + '_ {
    text.chars().flat_map(char::to_lowercase).map(|c| if c == 'ς' { 'σ' } else { c })
}

/// The whole text in lower case.
pub(crate) fn fold(text: &str) -> String {
    folded(text).collect()
}

/// Whether a text begins with a part that is folded already.
pub(crate) fn starts_with(text: &str, part: &str) -> bool {
    begins(folded(text), part)
}

/// Whether a text holds a part that is folded already.
pub(crate) fn contains(text: &str, part: &str) -> bool {
    if text.len() > SHORT {
        return fold(text).contains(part);
    }
    let mut rest = folded(text);
    loop {
        if begins(rest.clone(), part) {
            return true;
        }
        if rest.next().is_none() {
            return false;
        }
    }
}

/// Whether a text ends with a part that is folded already.
pub(crate) fn ends_with(text: &str, part: &str) -> bool {
    let (have, want) = (folded(text).count(), part.chars().count());
    have >= want && folded(text).skip(have - want).eq(part.chars())
}

/// The text with what is not ASCII in lower case, where that is a single character.
pub(crate) fn beyond_ascii(text: &str) -> Cow<'_, str> {
    let lower = |c: char| {
        let mut lower = c.to_lowercase();
        match (c.is_ascii(), lower.next(), lower.next()) {
            (false, Some('ς'), None) => 'σ',
            (false, Some(single), None) => single,
            _ => c,
        }
    };
    if text.is_ascii() { Cow::Borrowed(text) } else { Cow::Owned(text.chars().map(lower).collect()) }
}

/// Up to so many bytes it is cheaper to walk than to copy; beyond, walking would not be linear.
const SHORT: usize = 64;

fn begins(mut text: impl Iterator<Item = char>, part: &str) -> bool {
    part.chars().all(|c| text.next() == Some(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn equal(a: &str, b: &str) -> bool {
        folded(a).eq(folded(b))
    }

    #[test]
    fn case_folds_beyond_ascii() {
        assert!(equal("ÄPFEL", "äpfel") && equal("ΟΔΟΣ", "οδος") && !equal("straße", "STRASSE"));
        assert!(contains("Rote ÄPFEL", "äpf") && !contains("Rote", "rotes") && contains("x", ""));
        assert!(starts_with("ÄPFEL", "äp") && ends_with("ÄPFEL", "fel") && !ends_with("l", "fel"));
        // The Kelvin sign is a K.
        assert!(equal("\u{212A}", "k"));
    }
}
