//! Answers in three values, and until when they hold.

use std::ops::Not;

use crate::time::Timestamp;

/// An answer in Kleene's three values: what cannot be known is neither yes nor no.
///
/// The order is No, Unknown, Yes, so that a conjunction is the least of its parts and a disjunction the greatest.
///
/// ```
/// use bespoke::rule::Answer;
/// assert_eq!(Answer::Unknown & Answer::No, Answer::No);
/// assert_eq!(Answer::Unknown | Answer::Yes, Answer::Yes);
/// assert_eq!(!Answer::Unknown, Answer::Unknown);
/// assert!(!Answer::Unknown.is_yes());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// It does not hold.
    No,
    /// What is kept does not tell. Whoever acts on the answer takes it for no, unless [`Unknown`] says otherwise.
    Unknown,
    /// It holds.
    Yes,
}

impl Answer {
    /// Whether it is yes.
    #[must_use]
    pub const fn is_yes(self) -> bool {
        matches!(self, Self::Yes)
    }

    /// Whether it is neither yes nor no.
    #[must_use]
    pub const fn is_unknown(self) -> bool {
        matches!(self, Self::Unknown)
    }
}

impl From<bool> for Answer {
    fn from(holds: bool) -> Self {
        if holds { Self::Yes } else { Self::No }
    }
}

impl Not for Answer {
    type Output = Self;
    /// The opposite; what is unknown stays so.
    fn not(self) -> Self {
        match self {
            Self::No => Self::Yes,
            Self::Unknown => Self::Unknown,
            Self::Yes => Self::No,
        }
    }
}

impl std::ops::BitAnd for Answer {
    type Output = Self;
    /// Both.
    fn bitand(self, other: Self) -> Self {
        self.min(other)
    }
}

impl std::ops::BitOr for Answer {
    type Output = Self;
    /// One or both.
    fn bitor(self, other: Self) -> Self {
        self.max(other)
    }
}

/// What is done with people of whom it is not known whether a rule holds: what is kept of them does not reach back far
/// enough, or had to make room.
///
/// ```
/// use bespoke::rule::{Answer, Unknown};
/// assert!(!Unknown::Exclude.admits(Answer::Unknown) && Unknown::Include.admits(Answer::Unknown));
/// assert!(Unknown::Exclude.admits(Answer::Yes) && !Unknown::Include.admits(Answer::No));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Unknown {
    /// They are left out.
    #[default]
    Exclude,
    /// They are in.
    Include,
}

impl Unknown {
    /// The words of definitions.
    pub(crate) const WORDS: &[(&str, Self)] = &[("exclude", Self::Exclude), ("include", Self::Include)];

    /// Whether somebody with this answer is in.
    #[must_use]
    pub const fn admits(self, answer: Answer) -> bool {
        match answer {
            Answer::No => false,
            Answer::Unknown => matches!(self, Self::Include),
            Answer::Yes => true,
        }
    }
}

/// An answer, and until when it holds although nothing happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Truth {
    /// Whether the rule holds, as far as that is known.
    pub answer: Answer,
    /// A time before which the answer certainly does not change without an event; [`Timestamp::MAX`] for never.
    /// Segments and the request are taken as they are: who changes them asks again.
    pub until: Timestamp,
}

impl Truth {
    /// An answer that time alone does not change.
    pub fn always(answer: impl Into<Answer>) -> Self {
        Self { answer: answer.into(), until: Timestamp::MAX }
    }

    /// Whether the answer is yes.
    #[must_use]
    pub const fn holds(self) -> bool {
        self.answer.is_yes()
    }
}

impl Not for Truth {
    type Output = Self;
    /// The opposite answer, for as long.
    fn not(self) -> Self {
        Self { answer: !self.answer, ..self }
    }
}
