//! What can be wrong with a rule, each time with its place.

use std::fmt;
use std::ops::Deref;

use crate::config::Inside;
use crate::time::{Span, TimeError};

use super::pattern::PatternError;

/// Where in a rule something is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Location {
    /// In text: the line and the column in characters, both from one.
    Text {
        /// The line.
        line: u32,
        /// The column.
        column: u32,
    },
    /// In JSON: the path from the rule's root, such as `$and[1].$event.within`; empty at the root.
    Path(Box<str>),
    /// In a rule that was built in Rust, which has no places.
    Built,
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text { line, column } => write!(f, "{line}:{column}"),
            Self::Path(path) if !path.is_empty() => f.write_str(path),
            Self::Path(_) | Self::Built => f.write_str("rule"),
        }
    }
}

/// What a name in a rule stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NameKind {
    /// A kind of event.
    Event,
    /// A property of an event.
    Property,
    /// An attribute of a profile.
    Attribute,
    /// A kind of group.
    Group,
    /// An attribute of a group.
    GroupAttribute,
    /// An attribute of a request.
    Context,
    /// An item attribute to which profiles keep affinities.
    Affinity,
    /// A value of such an attribute.
    AffinityValue,
    /// A fact about the session.
    Session,
    /// Another segment.
    Segment,
    /// A list of values.
    List,
    /// The salt of a percentage.
    Salt,
    /// A stage of the lifecycle.
    Stage,
    /// A currency.
    Currency,
    /// A score of recency, frequency or money.
    Rfm,
    /// A fact about the local time.
    Local,
    /// A day of the week.
    Weekday,
    /// A part of the day.
    DayPart,
    /// A campaign.
    Campaign,
    /// A variant of a campaign.
    Variant,
    /// A function of the text form.
    Function,
    /// An operator or key of the JSON form.
    Key,
}

impl fmt::Display for NameKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Event => "event",
            Self::Property => "property",
            Self::Attribute => "attribute",
            Self::Group => "kind of group",
            Self::GroupAttribute => "attribute of the group",
            Self::Context => "context name",
            Self::Affinity => "affinity",
            Self::AffinityValue => "affinity value",
            Self::Session => "session fact",
            Self::Segment => "segment",
            Self::List => "list",
            Self::Salt => "salt",
            Self::Stage => "stage of the lifecycle",
            Self::Currency => "currency",
            Self::Rfm => "score",
            Self::Local => "fact about the local time",
            Self::Weekday => "weekday",
            Self::DayPart => "part of the day",
            Self::Campaign => "campaign",
            Self::Variant => "variant",
            Self::Function => "function",
            Self::Key => "operator or key",
        })
    }
}

impl NameKind {
    const fn article(self) -> &'static str {
        match self {
            Self::Event | Self::Attribute | Self::GroupAttribute | Self::Affinity | Self::AffinityValue | Self::Key => {
                "an"
            }
            _ => "a",
        }
    }
}

/// Why a rule is not one, or cannot mean what it says.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RuleError {
    /// The text is too long, or would be when the rule is written as text.
    #[error("the rule has {bytes} bytes; at most {limit} are read")]
    TooLong {
        /// Its length.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// The rule nests too deep.
    #[error("{at}: the rule nests deeper than {limit} levels")]
    TooDeep {
        /// Where the limit was passed.
        at: Location,
        /// The limit.
        limit: usize,
    },
    /// Something else was expected.
    #[error("{at}: expected {wanted}, found {found}")]
    Syntax {
        /// Where.
        at: Location,
        /// What would be right.
        wanted: &'static str,
        /// What was found, shortened.
        found: String,
    },
    /// Nothing goes by this name.
    #[error("{at}: unknown {what} `{name}`{}", DidYouMean(.nearest.as_deref()))]
    Unknown {
        /// Where.
        at: Location,
        /// What it should have been.
        what: NameKind,
        /// The name, shortened.
        name: String,
        /// The name that may have been meant.
        nearest: Option<String>,
    },
    /// A name is empty, too long, or cannot be written back.
    #[error("{at}: `{name}` cannot name {} {what}; names have 1 to 512 bytes and no outer white space", what.article())]
    Name {
        /// Where.
        at: Location,
        /// What it should name.
        what: NameKind,
        /// The name, shortened.
        name: String,
    },
    /// A list or an object is empty, and might mean everyone by accident.
    #[error("{at}: an empty {what} says nothing; write `true` or `false` if that is meant")]
    Empty {
        /// Where.
        at: Location,
        /// What is empty.
        what: &'static str,
    },
    /// A list has too many values.
    #[error("{at}: the list has more than {limit} values; keep so many as a segment or an attribute")]
    TooManyValues {
        /// Where.
        at: Location,
        /// The limit.
        limit: usize,
    },
    /// An operator was given a value of the wrong kind.
    #[error("{at}: `{op}` needs {wanted}, but `{name}` is {found}")]
    KindMismatch {
        /// Where.
        at: Location,
        /// The operator.
        op: &'static str,
        /// The kind that it needs.
        wanted: &'static str,
        /// What has the other kind, shortened.
        name: String,
        /// The kind that it has.
        found: &'static str,
    },
    /// A window is empty or too long.
    #[error("{at}: the window is {window}; it must be longer than nothing and at most 5 years of 365 days")]
    Window {
        /// Where.
        at: Location,
        /// The window.
        window: Span,
    },
    /// What is asked of the events cannot be kept for such a window.
    #[error("{at}: `{measure}()` takes {wanted}")]
    WindowOfMeasure {
        /// Where.
        at: Location,
        /// What is asked for.
        measure: &'static str,
        /// What window it takes.
        wanted: &'static str,
    },
    /// A count within a window is compared with a number above what profiles keep.
    #[error("{at}: a count within a window compares with at most {limit}, not {found}; count without a window")]
    Threshold {
        /// Where.
        at: Location,
        /// The number.
        found: f64,
        /// The limit.
        limit: u32,
    },
    /// A number can never be met, since the value does not reach it.
    #[error("{at}: `{name}` lies from {low} to {high}, and comparing it with {found} says nothing")]
    OutOfRange {
        /// Where.
        at: Location,
        /// What is compared.
        name: &'static str,
        /// The number.
        found: f64,
        /// The least that the value can be.
        low: f64,
        /// The most that it can be.
        high: f64,
    },
    /// An operator does not go with a value that is one of several names.
    #[error("{at}: `{op}` does not go with `{name}`; write `=`, `!=`, `IN`, `NOT IN` or `EXISTS`")]
    Operator {
        /// Where.
        at: Location,
        /// The operator.
        op: &'static str,
        /// What is compared.
        name: &'static str,
    },
    /// Text is not a date or a time of day.
    #[error("{at}: '{found}' is not a {wanted}")]
    Local {
        /// Where.
        at: Location,
        /// The text, shortened.
        found: String,
        /// What would be right.
        wanted: &'static str,
    },
    /// The schema declares nothing to score money by.
    #[error("{at}: `rfm(monetary)` needs a currency; declare `rfm.monetary` in the schema")]
    NoMonetary {
        /// Where.
        at: Location,
    },
    /// Points are too many to add up.
    #[error("{at}: {found} points are out of range; write from -1e9 to 1e9, in steps of a millionth")]
    Points {
        /// Where.
        at: Location,
        /// The points.
        found: f64,
    },
    /// A number is not finite.
    #[error("{at}: a number is not finite")]
    NotFinite {
        /// Where.
        at: Location,
    },
    /// A pattern cannot be used.
    #[error("{at}: {source}")]
    Pattern {
        /// Where.
        at: Location,
        /// Why it cannot.
        source: PatternError,
    },
    /// An operator of another language has nothing here that means the same.
    #[error("{at}: `{op}` cannot be said in a rule: {why}")]
    NotExpressible {
        /// Where.
        at: Location,
        /// The operator, shortened.
        op: String,
        /// Why not, and what to do instead.
        why: &'static str,
    },
    /// A circle is not on the Earth.
    #[error("{at}: a place has a latitude from -90 to 90, a longitude from -180 to 180 and a distance above 0")]
    Place {
        /// Where.
        at: Location,
    },
    /// A test needs a whole value, which what stands before it does not give.
    #[error("{at}: `{op}` can be asked of attributes and of the request only, not of {of}")]
    NotAsked {
        /// Where.
        at: Location,
        /// The operator.
        op: &'static str,
        /// What it was asked of.
        of: &'static str,
    },
    /// A time or a span does not read.
    #[error("{at}: {source}")]
    Time {
        /// Where.
        at: Location,
        /// Why it does not.
        source: TimeError,
    },
}

impl RuleError {
    /// Where in the rule it is; `None` for the length of its text.
    #[must_use]
    pub const fn location(&self) -> Option<&Location> {
        match self {
            Self::TooLong { .. } => None,
            Self::TooDeep { at, .. }
            | Self::Syntax { at, .. }
            | Self::Unknown { at, .. }
            | Self::Name { at, .. }
            | Self::Empty { at, .. }
            | Self::TooManyValues { at, .. }
            | Self::KindMismatch { at, .. }
            | Self::Window { at, .. }
            | Self::WindowOfMeasure { at, .. }
            | Self::Threshold { at, .. }
            | Self::NotFinite { at }
            | Self::Pattern { at, .. }
            | Self::Place { at }
            | Self::NotAsked { at, .. }
            | Self::OutOfRange { at, .. }
            | Self::Operator { at, .. }
            | Self::NotExpressible { at, .. }
            | Self::Local { at, .. }
            | Self::NoMonetary { at, .. }
            | Self::Points { at, .. }
            | Self::Time { at, .. } => Some(at),
        }
    }

    /// Where it is within the rule, for the document that the rule stands in.
    pub(crate) fn inside(&self) -> Option<Inside> {
        self.location()?.inside()
    }
}

impl Location {
    pub(crate) fn inside(&self) -> Option<Inside> {
        match self {
            Self::Text { line, column } => Some(Inside::Text(*line, *column)),
            Self::Path(path) => Some(Inside::Path(path.clone())),
            Self::Built => None,
        }
    }
}

struct DidYouMean<'a>(Option<&'a str>);

impl fmt::Display for DidYouMean<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |name| write!(f, "; did you mean `{name}`?"))
    }
}

/// Everything that is wrong with a rule; never empty.
#[derive(Clone, Debug, PartialEq)]
pub struct RuleErrors(Vec<RuleError>);

impl RuleErrors {
    /// The errors, up to the first hundred; a rule with more is not what its author thinks anyway.
    pub(crate) fn new(errors: Vec<RuleError>) -> Self {
        Self(errors)
    }
}

impl Deref for RuleErrors {
    type Target = [RuleError];
    fn deref(&self) -> &[RuleError] {
        &self.0
    }
}

impl From<RuleError> for RuleErrors {
    fn from(error: RuleError) -> Self {
        Self(vec![error])
    }
}

impl fmt::Display for RuleErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, error) in self.0.iter().enumerate() {
            write!(f, "{}{error}", if i > 0 { "; " } else { "" })?;
        }
        Ok(())
    }
}

impl std::error::Error for RuleErrors {}
