//! Reading definitions that people wrote, with every mistake found at once.
//!
//! A reader walks a JSON document by path. It never stops at a mistake: it notes a [`Problem`] with its place in
//! the file and goes on, so that a host sees all of them after one load. Unknown fields are mistakes, with the
//! nearest known name as a suggestion.

mod locate;
mod reader;
mod repeated;
mod warning;

use std::fmt;

pub(crate) use reader::{Reader, join, kind};

pub use warning::Warning;

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

/// A place within the value at a path.
#[derive(Clone, Debug)]
pub(crate) enum Inside {
    /// A line and a column of a text.
    Text(u32, u32),
    /// The rest of a path.
    Path(Box<str>),
}

/// What is wrong with a definition.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// Nothing is wrong, but it is hardly what was meant.
    #[error("{0}")]
    Warning(Warning),
    /// The JSON nests too deep to be read.
    #[error("the JSON nests deeper than {limit} levels; no rule may nest deeper than 64")]
    TooDeep {
        /// The limit.
        limit: usize,
    },
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
    /// An object has a key twice, of which readers of JSON keep one or the other.
    #[error("the key `{key}` stands twice in one object; keep one, or join conditions with `$and`")]
    RepeatedKey {
        /// The key, shortened.
        key: String,
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
    #[error("segments refer to each other in a circle: {}; break it at one of them", circle(names))]
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
pub struct Problems {
    list: Vec<Problem>,
    /// Of each until it is located: where exactly, if what is at the place has places of its own.
    insides: Vec<Option<Inside>>,
    /// There were more.
    is_cut: bool,
}

impl Problems {
    /// Notes a mistake.
    pub(crate) fn push(&mut self, path: impl Into<String>, fault: Fault) {
        self.push_inside(path, None, fault);
    }

    /// Notes a mistake at a place within what is at a path.
    pub(crate) fn push_inside(&mut self, path: impl Into<String>, inside: Option<Inside>, fault: Fault) {
        self.note(Problem { place: Place { path: path.into(), line: 0, column: 0 }, fault }, inside);
    }

    /// Notes every key that stands twice in an object of a JSON text that has been read.
    pub(crate) fn note_repeated(&mut self, text: &str) {
        repeated::note(text, self);
    }

    fn note(&mut self, problem: Problem, inside: Option<Inside>) {
        // A hostile document cannot make the list itself a burden.
        if self.is_full() {
            self.is_cut = true;
        } else {
            self.list.push(problem);
            self.insides.push(inside);
        }
    }

    /// Notes that further mistakes are not listed.
    pub(crate) fn cut(&mut self) {
        self.is_cut = true;
    }

    /// Whether further mistakes are not listed, so that it is no use to look for them.
    pub(crate) fn is_full(&self) -> bool {
        self.list.len() >= MAX_PROBLEMS
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The mistakes, in the order of their places; the first 200 that were found.
    #[must_use]
    pub fn as_slice(&self) -> &[Problem] {
        &self.list
    }

    /// Finds the line and column of each, now that the text is at hand, and sorts them. Cost: one walk over the text.
    pub(crate) fn locate(&mut self, text: &str) {
        let insides = std::mem::take(&mut self.insides);
        let whole = |(problem, inside): (&Problem, &Option<Inside>)| match inside {
            Some(Inside::Path(rest)) if !rest.is_empty() => join(&problem.place.path, rest),
            _ => problem.place.path.clone(),
        };
        let paths: Vec<String> = self.list.iter().zip(&insides).map(whole).collect();
        let found = locate::locate(text, paths.iter().map(String::as_str));
        for ((problem, inside), found) in self.list.iter_mut().zip(insides).zip(found) {
            let place = &mut problem.place;
            // Of a path of which nothing is there, not even the first part, no place is known.
            if place.line > 0 || (found.matched == 0 && !place.path.is_empty()) {
                continue;
            }
            (place.line, place.column) = match inside {
                Some(Inside::Text(line, column)) if found.matched == place.path.len() => {
                    locate::within(text, &found, line, column)
                }
                _ => (found.line, found.column),
            };
        }
        self.list.sort_by_key(|problem| (problem.place.line, problem.place.column));
    }

    /// Notes that a text is not JSON at all, or not such as is read.
    pub(crate) fn syntax(error: serde_json::Error) -> Self {
        let place = Place { path: String::new(), line: error.line(), column: error.column() };
        // The parser keeps the kind of its errors to itself, but not their words.
        let fault = if error.to_string().starts_with("recursion limit") {
            Fault::TooDeep { limit: MAX_JSON_DEPTH }
        } else {
            Fault::Syntax { error }
        };
        Self { list: vec![Problem { place, fault }], ..Self::default() }
    }

    /// `Ok` with the value if there are no mistakes.
    pub(crate) fn or<T>(self, value: T) -> Result<T, Self> {
        if self.is_empty() { Ok(value) } else { Err(self) }
    }
}

impl fmt::Display for Problems {
    /// One mistake a line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, problem) in self.list.iter().enumerate() {
            write!(f, "{}{problem}", if i > 0 { "\n" } else { "" })?;
        }
        if self.is_cut { write!(f, "\nfurther mistakes are not listed") } else { Ok(()) }
    }
}

impl std::error::Error for Problems {}

/// The names of a circle, those in the middle of a long one left out.
fn circle(names: &[String]) -> String {
    let (Some(last), true) = (names.last(), names.len() > MAX_NAMES) else { return names.join(" → ") };
    let left_out = names.len() - MAX_NAMES;
    format!("{} → … {left_out} more … → {last}", names[..MAX_NAMES - 1].join(" → "))
}

fn hint(near: Option<&str>) -> String {
    near.map_or_else(String::new, |near| format!("; did you mean `{near}`?"))
}

/// How many mistakes are listed at most.
const MAX_PROBLEMS: usize = 200;
/// How many levels of JSON are read.
const MAX_JSON_DEPTH: usize = 127;
/// How many names of a circle are spoken.
const MAX_NAMES: usize = 9;
