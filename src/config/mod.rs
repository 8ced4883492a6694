//! Reading definitions that people wrote, with every mistake found at once.
//!
//! A reader walks a JSON document by path. It never stops at a mistake: it notes a [`Problem`] with its place in
//! the file and goes on, so that a host sees all of them after one load. Unknown fields are mistakes, with the
//! nearest known name as a suggestion.

mod locate;
mod reader;

use std::fmt;

pub(crate) use reader::{Reader, join, kind};

use crate::near::nearest;

/// Where in a document something is: its path, and the line and column once the text is at hand.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// The path from the top, such as `campaigns[2].goal.within`; empty for the whole document.
    pub path: String,
    /// The line, from 1; 0 if the definitions did not come as text.
    pub line: usize,
    /// The column in characters, from 1; 0 if the definitions did not come as text.
    pub column: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line > 0 {
            write!(f, "{}:{}: ", self.line, self.column)?;
        }
        f.write_str(if self.path.is_empty() { "definitions" } else { &self.path })
    }
}

/// One mistake in definitions.
#[derive(Debug, thiserror::Error)]
#[error("{place}: {fault}")]
pub struct Problem {
    /// Where it is.
    pub place: Place,
    /// What it is.
    #[source]
    pub fault: Fault,
}

/// What is wrong with a definition.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// The text is not JSON.
    #[error("not JSON: {error}")]
    Syntax {
        /// What the JSON parser says.
        error: serde_json::Error,
    },
    /// A value is of the wrong kind.
    #[error("{found} stands where {wanted} should")]
    WrongKind {
        /// What would be right.
        wanted: &'static str,
        /// What was found.
        found: &'static str,
    },
    /// A field is missing.
    #[error("`{field}` is missing")]
    Missing {
        /// The field.
        field: &'static str,
    },
    /// A field is not known.
    #[error("unknown field `{found}`{}", hint(near.as_deref()))]
    UnknownField {
        /// What was found.
        found: String,
        /// The known field that was probably meant.
        near: Option<String>,
    },
    /// A word is not one of those that may stand there.
    #[error("unknown {what} `{found}`{}", hint(near.as_deref()))]
    Unknown {
        /// What kind of name it is: `segment`, `placement`, `event` …
        what: &'static str,
        /// What was found.
        found: String,
        /// The known name that was probably meant.
        near: Option<String>,
    },
    /// A name is taken by another definition.
    #[error("the {what} `{name}` is defined twice; give one of them another name")]
    Duplicate {
        /// What is defined twice.
        what: &'static str,
        /// The name.
        name: String,
    },
    /// A number, a text or a list is out of its range.
    #[error("{found} stands where {wanted} should")]
    Range {
        /// What was found.
        found: String,
        /// What would be right.
        wanted: &'static str,
    },
    /// Segments refer to each other in a circle.
    #[error("segments refer to each other in a circle: {}; break it at one of them", names.join(" → "))]
    Cycle {
        /// The segments in the order of their references, the first again at the end.
        names: Vec<String>,
    },
    /// Another part of the crate refuses it.
    #[error("{error}")]
    Refused {
        /// What it says.
        error: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl Fault {
    /// An unknown name, with the nearest of the known ones as suggestion.
    pub(crate) fn unknown<'a>(what: &'static str, found: &str, known: impl IntoIterator<Item = &'a str>) -> Self {
        Self::Unknown { what, found: crate::time::shorten(found), near: nearest(found, known) }
    }

    pub(crate) fn refused(error: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self::Refused { error: Box::new(error) }
    }
}

/// Every mistake in a set of definitions, in the order of their places.
#[derive(Debug, Default)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// Notes a mistake.
    pub(crate) fn push(&mut self, path: impl Into<String>, fault: Fault) {
        // A hostile document cannot make the list itself a burden.
        if self.0.len() < MAX_PROBLEMS {
            self.0.push(Problem { place: Place { path: path.into(), line: 0, column: 0 }, fault });
        }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether no more are listed.
    pub(crate) fn is_full(&self) -> bool {
        self.0.len() >= MAX_PROBLEMS
    }

    /// The mistakes, in the order of their places.
    #[must_use]
    pub fn as_slice(&self) -> &[Problem] {
        &self.0
    }

    /// Finds the line and column of each, now that the text is at hand, and sorts them.
    pub(crate) fn locate(&mut self, text: &str) {
        for problem in &mut self.0 {
            if problem.place.line > 0 {
                continue;
            }
            if let Some((line, column)) = place_of(text, &problem.place.path) {
                (problem.place.line, problem.place.column) = (line, column);
            }
        }
        self.0.sort_by_key(|problem| (problem.place.line, problem.place.column));
    }

    /// Notes that a text is not JSON at all.
    pub(crate) fn syntax(error: serde_json::Error) -> Self {
        let place = Place { path: String::new(), line: error.line(), column: error.column() };
        Self(vec![Problem { place, fault: Fault::Syntax { error } }])
    }

    /// `Ok` with the value if there are no mistakes.
    pub(crate) fn or<T>(self, value: T) -> Result<T, Self> {
        if self.is_empty() { Ok(value) } else { Err(self) }
    }
}

impl fmt::Display for Problems {
    /// One mistake a line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, problem) in self.0.iter().enumerate() {
            write!(f, "{}{problem}", if i > 0 { "\n" } else { "" })?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

/// Where a path is, or else the nearest part above it that is there: a missing field, a name written as the whole.
fn place_of(text: &str, path: &str) -> Option<(usize, usize)> {
    let above = || path.rsplit_once(['.', '[']).and_then(|(above, _)| locate::locate(text, above));
    locate::locate(text, path).or_else(above)
}

fn hint(near: Option<&str>) -> String {
    near.map_or_else(String::new, |near| format!("; did you mean `{near}`?"))
}

/// How many mistakes are listed at most.
const MAX_PROBLEMS: usize = 200;
