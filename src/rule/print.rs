//! The tree to text, in the one form that parsing gives back as the same tree.

use std::fmt::{self, Display, Write};

use super::ast::{Comparison, EventQuery, Expr, Literal, Sequence, Source, Test, When};
use super::lexer::{continues_word, starts_word};
use super::parser::is_reserved;
use super::query::write_offset;

impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Const(value) => f.write_str(if *value { "TRUE" } else { "FALSE" }),
            Self::And(parts) => join(f, parts, " AND "),
            Self::Or(parts) => join(f, parts, " OR "),
            Self::Not(inner) => {
                f.write_str("NOT ")?;
                tight(f, inner)
            }
            Self::Segment(name, _) => write!(f, "segment({})", Quoted(name)),
            Self::Sequence(sequence) => sequence.fmt(f),
            Self::Test(test) => test.fmt(f),
        }
    }
}

/// AND binds closer than OR, but saying so with parentheses reads safer.
fn tight(f: &mut fmt::Formatter<'_>, expr: &Expr) -> fmt::Result {
    match expr {
        Expr::And(_) | Expr::Or(_) => write!(f, "({expr})"),
        _ => expr.fmt(f),
    }
}

fn join(f: &mut fmt::Formatter<'_>, parts: &[Expr], between: &str) -> fmt::Result {
    for (i, part) in parts.iter().enumerate() {
        if i > 0 {
            f.write_str(between)?;
        }
        tight(f, part)?;
    }
    Ok(())
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.source, self.test)
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Attribute(name) => name_or(f, name, "attribute"),
            Self::Computed { name, .. } => name_or(f, name, "attribute"),
            Self::Group { kind, name } => {
                write!(f, "group({}).", Quoted(kind))?;
                name_or(f, name, "attribute")
            }
            Self::Context(name) => write!(f, "context({})", Quoted(name)),
            Self::Session(fact) => write!(f, "session({})", fact.name()),
            Self::Event(query) => query.fmt(f),
            Self::Portrait(portrait) => portrait.fmt(f),
            Self::Score(parts) => super::portrait::score(f, parts),
            Self::Element(path) if path.is_empty() => f.write_str("it"),
            Self::Element(path) if is_bare(path) => write!(f, "it.{path}"),
            Self::Element(path) => write!(f, "it({})", Quoted(path)),
            Self::Property(name) => name_or(f, name, "property"),
            Self::Derived(derive, of) => write!(f, "{}({of})", derive.text()),
        }
    }
}

impl fmt::Display for EventQuery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        step(f, self)?;
        let name = self.measure.name();
        match self.measure.property() {
            Some(property) => write!(f, ".{name}({})", Quoted(property)),
            None => write!(f, ".{name}()"),
        }
    }
}

impl EventQuery {
    /// The event with its tests and its window, without what is asked of it.
    pub(super) fn step(&self) -> impl Display + '_ {
        Step(self)
    }
}

struct Step<'a>(&'a EventQuery);

impl fmt::Display for Step<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        step(f, self.0)
    }
}

fn step(f: &mut fmt::Formatter<'_>, query: &EventQuery) -> fmt::Result {
    write!(f, "event({})", Quoted(query.kind.name()))?;
    for (i, test) in query.tests.iter().enumerate() {
        f.write_str(if i == 0 { ".where(" } else { " AND " })?;
        // A single test needs no parentheses beside those of `where`.
        if query.tests.len() == 1 { test.fmt(f)? } else { tight(f, test)? }
    }
    if !query.tests.is_empty() {
        f.write_char(')')?;
    }
    query.when.fmt(f)
}

impl fmt::Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let offset = |offset: i32| if offset == 0 { String::new() } else { format!(", '{}'", write_offset(offset)) };
        match self {
            Self::Ever => Ok(()),
            Self::Within(span) => write!(f, ".within({span})"),
            Self::Between(from, to) => write!(f, ".between({from}, {to})"),
            Self::Since(time) => write!(f, ".since('{time}')"),
            Self::InSession => f.write_str(".in_session()"),
            Self::Days(count, minutes) => write!(f, ".calendar_days({count}{})", offset(*minutes)),
            Self::Weeks(count, minutes) => write!(f, ".calendar_weeks({count}{})", offset(*minutes)),
        }
    }
}

impl fmt::Display for Sequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("sequence(")?;
        for (i, query) in self.steps.iter().enumerate() {
            f.write_str(if i == 0 { "" } else { " then " })?;
            step(f, query)?;
        }
        f.write_char(')')?;
        if let Some(query) = &self.without {
            f.write_str(".without(")?;
            step(f, query)?;
            f.write_char(')')?;
        }
        if let Some(span) = self.after {
            write!(f, ".after({span})")?;
        }
        self.when.fmt(f)
    }
}

impl fmt::Display for Test {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Is(op, literal) => write!(f, "{} {literal}", op.text()),
            Self::In(values) => list(f, "IN", values),
            Self::NotIn(values) => list(f, "NOT IN", values),
            Self::Between(low, high) => write!(f, "BETWEEN {low} AND {high}"),
            Self::Exists => f.write_str("EXISTS"),
            Self::Contains(text) => write!(f, "CONTAINS {}", Quoted(text)),
            Self::StartsWith(text) => write!(f, "STARTS_WITH {}", Quoted(text)),
            Self::EndsWith(text) => write!(f, "ENDS_WITH {}", Quoted(text)),
            Self::IgnoringCase(inner) => write!(f, "{inner} IGNORING CASE"),
            Self::Matches(pattern) => {
                let end = if pattern.ignores_case() { " IGNORING CASE" } else { "" };
                write!(f, "MATCHES {}{end}", Quoted(pattern.text()))
            }
            Self::All(values) => list(f, "ALL", values),
            Self::InList(name) => write!(f, "IN LIST {}", Quoted(name)),
            Self::NotInList(name) => write!(f, "NOT IN LIST {}", Quoted(name)),
            Self::Version(op, version) => write!(f, "VERSION {} {}", op.text(), Quoted(version)),
            Self::OfKind(kind) => write!(f, "IS {}", kind.name().to_ascii_uppercase()),
            Self::Same(value) => match Literal::from_value(value) {
                Some(literal) => write!(f, "=== {literal}"),
                None => {
                    let json = serde_json::to_string(value).map_err(|_| fmt::Error)?;
                    write!(f, "=== json({})", Quoted(&json))
                }
            },
            Self::Each { every, inner } => write!(f, "{} ({inner})", if *every { "EVERY" } else { "ANY" }),
            Self::Near(circle) => {
                let [lat, lon, km] = [circle.lat, circle.lon, circle.km].map(Literal::from);
                write!(f, "WITHIN {km} km OF ({lat}, {lon})")
            }
            Self::Anniversary(0) => f.write_str("ANNIVERSARY"),
            Self::Anniversary(days) => write!(f, "ANNIVERSARY WITHIN {days}d"),
        }
    }
}

fn list(f: &mut fmt::Formatter<'_>, op: &str, values: &[Literal]) -> fmt::Result {
    write!(f, "{op} (")?;
    for (i, value) in values.iter().enumerate() {
        write!(f, "{}{value}", if i > 0 { ", " } else { "" })?;
    }
    f.write_char(')')
}

impl fmt::Display for Literal {
    /// As rules are written: `'text'`, `3`, `true`, `time('2026-03-01T00:00:00Z')`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(value) => write!(f, "{value}"),
            Self::Number(of) => number(f, *of),
            Self::Text(text) => Quoted(text).fmt(f),
            Self::Time(time) => write!(f, "time('{time}')"),
            Self::Span(span) => span.fmt(f),
            Self::Now { span, ahead: true } => write!(f, "now() + {span}"),
            Self::Now { span, .. } if span.is_zero() => f.write_str("now()"),
            Self::Now { span, .. } => write!(f, "now() - {span}"),
        }
    }
}

/// A number as rules are written; it reads back to the same bits.
pub(super) fn number(f: &mut fmt::Formatter<'_>, number: f64) -> fmt::Result {
    // The debug form has an exponent where that is shorter.
    if number.abs() >= 1e16 || number.abs() < 1e-5 { write!(f, "{number:?}") } else { write!(f, "{number}") }
}

/// The name as it is where that reads as a name, else in quotes within the function.
fn name_or(f: &mut fmt::Formatter<'_>, name: &str, function: &str) -> fmt::Result {
    if is_bare(name) { f.write_str(name) } else { write!(f, "{function}({})", Quoted(name)) }
}

fn is_bare(name: &str) -> bool {
    let bare = |word: &str| word.starts_with(starts_word) && word.chars().all(continues_word) && !is_reserved(word);
    name.split('.').all(bare)
}

/// Text in quotes.
pub(super) struct Quoted<'a>(pub(super) &'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('\'')?;
        for (i, part) in self.0.split('\'').enumerate() {
            write!(f, "{}{part}", if i > 0 { "''" } else { "" })?;
        }
        f.write_char('\'')
    }
}
