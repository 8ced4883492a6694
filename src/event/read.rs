//! Reading events from JSON text: the crate's own form, or whichever form it is.

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::{Event, SegmentSpecError, segment_spec};

/// JSON text that is not an event in the crate's own form.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {problem}")]
pub struct EventJsonError {
    /// The line where reading stopped, from 1.
    pub line: usize,
    /// The column where reading stopped, from 1, in bytes; 0 at the end of a line before it.
    pub column: usize,
    /// What the JSON reader says.
    pub problem: String,
}

impl From<serde_json::Error> for EventJsonError {
    fn from(error: serde_json::Error) -> Self {
        let (line, column, mut problem) = (error.line(), error.column(), error.to_string());
        if let Some(end) = problem.rfind(" at line ") {
            problem.truncate(end);
        }
        // A reader that repeats a name of the input repeats all of it.
        if let Some((end, _)) = problem.char_indices().nth(MAX_PROBLEM_CHARS) {
            problem.truncate(end);
            problem.push('…');
        }
        Self { line, column, problem }
    }
}

/// Why JSON text is an event in neither form.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EventReadError {
    /// It looks like the crate's own form.
    #[error(transparent)]
    Own(#[from] EventJsonError),
    /// It looks like a message of the Segment specification.
    #[error(transparent)]
    Segment(#[from] SegmentSpecError),
}

impl Event {
    /// Reads one event in the crate's own form. It still has to pass [`Event::check`].
    ///
    /// # Errors
    /// An [`EventJsonError`] that says where reading stopped and why.
    ///
    /// ```
    /// use bespoke::event::Event;
    /// let error = Event::from_json(r#"{"kind": "searched", "time": 0, "usr": "ann"}"#).unwrap_err();
    /// assert!(error.to_string().starts_with("line 1, column 37: unknown field `usr`, expected one of `kind`"));
    /// ```
    pub fn from_json(text: &str) -> Result<Self, EventJsonError> {
        Ok(serde_json::from_str(text)?)
    }

    /// Reads events in either form: an object with `type` or `batch` but no `kind` is read by
    /// [`segment_spec::from_json`], everything else by [`Event::from_json`].
    ///
    /// # Errors
    /// The error of the reader whose form it looks like.
    ///
    /// ```
    /// use bespoke::event::Event;
    /// let own = Event::read(r#"{"kind": "page_viewed", "time": "2026-03-01", "user": "ann"}"#)?;
    /// let other = Event::read(r#"{"type": "page", "timestamp": "2026-03-01", "userId": "ann"}"#)?;
    /// assert_eq!(own, other);
    /// # Ok::<(), bespoke::event::EventReadError>(())
    /// ```
    pub fn read(text: &str) -> Result<Vec<Self>, EventReadError> {
        match serde_json::from_str(text) {
            Ok(Form { kind: None, message: Some(_), .. } | Form { kind: None, batch: Some(_), .. }) => {
                Ok(segment_spec::from_json(text)?)
            }
            _ => Ok(vec![Self::from_json(text)?]),
        }
    }
}

/// The fields that tell the forms apart.
#[derive(Deserialize)]
struct Form {
    kind: Option<IgnoredAny>,
    #[serde(rename = "type")]
    message: Option<IgnoredAny>,
    batch: Option<IgnoredAny>,
}

/// Long enough for the list of all fields.
const MAX_PROBLEM_CHARS: usize = 400;
