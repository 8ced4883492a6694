//! What a rule may say: names that exist, kinds that fit, windows and thresholds that profiles can answer.

use crate::event::EventKind;
use crate::near::nearest;
use crate::schema::Schema;
use crate::time::{Span, shorten};
use crate::value::Kind;

use super::ast::{At, Comparison, EventQuery, Expr, Literal, Measure, Op, Source, Test};
use super::error::{NameKind, RuleError};

/// The names that a rule may use.
#[derive(Clone, Copy, Debug)]
pub struct Vocabulary<'a> {
    /// The declared attributes, events and affinities. Where it declares no attributes at all, every name of an
    /// attribute is taken; likewise for the request's.
    pub schema: &'a Schema,
    /// The names of the segments.
    pub segments: &'a [&'a str],
}

/// The longest window of a rule.
pub const LONGEST_WINDOW: Span = Span::days(5 * 365);
/// The largest number up to which a count within a window is exact in any case; beyond it buckets answer.
pub const MOST_WITHIN: u32 = 50;
/// The largest number with which a count within a window is compared.
pub const MOST_COUNTED: u32 = 1_000_000;

pub(crate) fn check(expr: &Expr, vocabulary: &Vocabulary<'_>) -> Vec<RuleError> {
    let mut checker = Checker { vocabulary, errors: Vec::new() };
    checker.expr(expr);
    checker.errors
}

/// What kind of value stands on the left of an operator.
#[derive(Clone, Copy)]
struct Left<'a> {
    name: &'a str,
    kind: Option<Kind>,
}

struct Checker<'a> {
    vocabulary: &'a Vocabulary<'a>,
    errors: Vec<RuleError>,
}

impl Checker<'_> {
    fn expr(&mut self, expr: &Expr) {
        match expr {
            Expr::Const(_) => {}
            Expr::And(parts) | Expr::Or(parts) => parts.iter().for_each(|part| self.expr(part)),
            Expr::Not(inner) => self.expr(inner),
            Expr::Segment(name, at) => {
                let segments = self.vocabulary.segments;
                if !segments.contains(&name.as_str()) {
                    self.unknown(at, NameKind::Segment, name, segments.iter().copied());
                }
            }
            Expr::Sequence(sequence) => {
                sequence.steps.iter().chain(&sequence.without).for_each(|step| self.step(step));
                super::check_query::sequence(sequence, &mut self.errors);
            }
            Expr::Test(comparison) => self.comparison(comparison),
        }
    }

    fn comparison(&mut self, comparison: &Comparison) {
        let Comparison { source, test, at, op_at } = comparison;
        let schema = self.vocabulary.schema;
        let kind = match source {
            Source::Attribute(name) => self.declared(NameKind::Attribute, name, &schema.attributes, at),
            Source::Context(name) => self.declared(NameKind::Context, name, &schema.context, at),
            Source::Affinity { dimension, .. } => {
                let names = || schema.affinities.iter().map(|affinity| affinity.attribute.as_str());
                if !names().any(|name| name == dimension) {
                    self.unknown(at, NameKind::Affinity, dimension, names());
                }
                Some(Kind::Number)
            }
            Source::Session(fact) => Some(if fact.is_number() { Kind::Number } else { Kind::Text }),
            Source::Event(query) => {
                self.event(query, test, op_at);
                Some(if matches!(query.measure, Measure::First | Measure::Last) { Kind::Time } else { Kind::Number })
            }
        };
        let name = match source {
            Source::Attribute(name) | Source::Context(name) => name.clone(),
            Source::Affinity { .. } => "affinity".to_owned(),
            Source::Session(fact) => fact.name().to_owned(),
            Source::Event(query) => format!("{}()", query.measure.name()),
        };
        self.test(test, Left { name: &name, kind }, op_at);
    }

    /// The kind of a declared name; of a dotted one, that of the whole name, or nothing inside a declared object.
    fn declared(
        &mut self,
        what: NameKind,
        name: &str,
        known: &std::collections::BTreeMap<String, Kind>,
        at: &At,
    ) -> Option<Kind> {
        if let Some(kind) = known.get(name) {
            return Some(*kind);
        }
        let inside = name.split_once('.').and_then(|(first, _)| known.get(first));
        if !known.is_empty() && inside != Some(&Kind::Object) {
            self.unknown(at, what, name, known.keys().map(String::as_str));
        }
        None
    }

    /// The names of an event and of what is asked of its properties.
    fn step(&mut self, query: &EventQuery) {
        let schema = self.vocabulary.schema;
        if !schema.knows(&query.kind) {
            // Our own names come first, so that of equally near names the one that we print is suggested.
            let known = EventKind::KNOWN;
            let names = known.iter().chain(&schema.events).map(EventKind::name);
            let aliases = known.iter().flat_map(|kind| kind.aliases().iter().copied());
            self.unknown(&query.at, NameKind::Event, query.kind.name(), names.chain(aliases));
        }
        for property in &query.tests {
            self.test(&property.test, Left { name: &property.name, kind: None }, &property.at);
        }
    }

    fn event(&mut self, query: &EventQuery, test: &Test, op_at: &At) {
        self.step(query);
        super::check_query::query(query, test, op_at, &mut self.errors);
    }

    fn test(&mut self, test: &Test, left: Left<'_>, at: &At) {
        let op = match test {
            Test::Is(op, _) => op.text(),
            Test::In(_) => "IN",
            Test::NotIn(_) => "NOT IN",
            Test::Between(..) => "BETWEEN",
            Test::Exists => "EXISTS",
            Test::Contains(_) => "CONTAINS",
            Test::StartsWith(_) => "STARTS_WITH",
        };
        let ordered = matches!(test, Test::Is(Op::Gt | Op::Ge | Op::Lt | Op::Le, _) | Test::Between(..));
        let found = |name: &str, found: Kind, wanted: &'static str| RuleError::KindMismatch {
            at: at.0.clone(),
            op,
            wanted,
            name: shorten(name),
            found: phrase(found),
        };
        if matches!(test, Test::Contains(_) | Test::StartsWith(_)) {
            match left.kind {
                None | Some(Kind::Text | Kind::List) => {}
                Some(kind) => self.errors.push(found(left.name, kind, "text")),
            }
        }
        for literal in literals(test) {
            let kind = match literal {
                Literal::Bool(_) => Kind::Bool,
                Literal::Number(number) => {
                    if !number.is_finite() {
                        self.errors.push(RuleError::NotFinite { at: at.0.clone() });
                        return;
                    }
                    Kind::Number
                }
                Literal::Text(_) => Kind::Text,
                Literal::Time(_) => Kind::Time,
            };
            if ordered && kind == Kind::Bool {
                self.errors.push(found(&literal.to_string(), kind, "text, a number or a time"));
                return;
            }
            let fits = match left.kind {
                None | Some(Kind::List) => true,
                // A time may also be written as milliseconds.
                Some(Kind::Time) => matches!(kind, Kind::Time | Kind::Number),
                Some(left) => left == kind,
            };
            if let (false, Some(left_kind)) = (fits, left.kind) {
                // What the rule wrote tells what it took the value for; one error for a list is enough.
                self.errors.push(found(left.name, left_kind, phrase(kind)));
                return;
            }
        }
    }

    fn unknown<'n>(&mut self, at: &At, what: NameKind, name: &str, candidates: impl Iterator<Item = &'n str>) {
        let nearest = nearest(name, candidates);
        self.errors.push(RuleError::Unknown { at: at.0.clone(), what, name: shorten(name), nearest });
    }
}

pub(super) fn literals(test: &Test) -> impl Iterator<Item = &Literal> {
    let (some, pair): (&[Literal], [Option<&Literal>; 2]) = match test {
        Test::Is(_, literal) => (&[], [Some(literal), None]),
        Test::Between(low, high) => (&[], [Some(low), Some(high)]),
        Test::In(values) | Test::NotIn(values) => (values, [None, None]),
        Test::Exists | Test::Contains(_) | Test::StartsWith(_) => (&[], [None, None]),
    };
    some.iter().chain(pair.into_iter().flatten())
}

/// The kind as it reads in a sentence.
const fn phrase(kind: Kind) -> &'static str {
    match kind {
        Kind::Bool => "true or false",
        Kind::Number => "a number",
        Kind::Text => "text",
        Kind::Time => "a time",
        Kind::List => "a list",
        Kind::Object => "an object",
    }
}
