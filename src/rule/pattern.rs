//! Patterns of text: regular expressions that are matched in time linear in the text.

use std::sync::Arc;

use regex_lite::{Regex, RegexBuilder};

use super::fold;

/// A regular expression, compiled once; equal if written alike.
#[derive(Clone, Debug)]
pub(crate) struct Pattern {
    text: Box<str>,
    ignoring_case: bool,
    regex: Arc<Regex>,
}

/// Why a pattern is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PatternError {
    /// It does not read, asks for what takes more than linear time, or becomes too large.
    #[error("the pattern cannot be used: {0}")]
    Invalid(#[from] regex_lite::Error),
    /// Its text is too long.
    #[error("the pattern has {bytes} bytes; at most {limit} are read")]
    TooLong {
        /// Its length.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        (&self.text, self.ignoring_case) == (&other.text, other.ignoring_case)
    }
}

impl Pattern {
    pub(crate) fn new(text: &str, ignoring_case: bool) -> Result<Self, PatternError> {
        if text.len() > MAX_BYTES {
            return Err(PatternError::TooLong { bytes: text.len(), limit: MAX_BYTES });
        }
        // The engine folds the case of ASCII itself. Beyond it, pattern and text are both put into lower case, which
        // touches no part of the syntax: that is all ASCII.
        let folded = if ignoring_case { fold::beyond_ascii(text) } else { text.into() };
        let mut builder = RegexBuilder::new(&folded);
        let regex = builder.case_insensitive(ignoring_case).size_limit(MAX_SIZE).build()?;
        Ok(Self { text: text.into(), ignoring_case, regex: Arc::new(regex) })
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    pub(crate) const fn ignores_case(&self) -> bool {
        self.ignoring_case
    }

    /// Whether it is found anywhere in the text.
    pub(crate) fn is_in(&self, text: &str) -> bool {
        if self.ignoring_case { self.regex.is_match(&fold::beyond_ascii(text)) } else { self.regex.is_match(text) }
    }
}

/// The longest pattern. With this, and the size below, reading one takes a millisecond at most.
const MAX_BYTES: usize = 2048;
/// The largest compiled pattern in bytes. A search visits each of its states at most once for each character.
const MAX_SIZE: usize = 32 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_is_ignored_beyond_ascii_too() {
        let pattern = Pattern::new("^grün[Α-Ω]x$", true).unwrap();
        assert!(pattern.is_in("GRÜNΣX") && pattern.is_in("grünσx"));
        assert!(!Pattern::new("grün", false).unwrap().is_in("GRÜN"));
        // An escape keeps its meaning.
        assert!(!Pattern::new(r"^\W$", true).unwrap().is_in("w"));
    }

    #[test]
    fn what_takes_more_than_linear_time_or_space_is_refused() {
        for text in [r"(a)\1", "(?=a)b", "(?<!a)b", "(", "a{1000}{1000}", "((a{100}){100}){100}", &"(".repeat(2000)] {
            assert!(matches!(Pattern::new(text, false), Err(PatternError::Invalid(_))), "{text}");
        }
        assert!(matches!(Pattern::new(&"a".repeat(3000), false), Err(PatternError::TooLong { .. })));
    }
}
