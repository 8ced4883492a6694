//! A compiled test of a value: kinds are never turned into each other, and long lists are looked up.

mod set;
mod start;
mod texts;
mod word;

use std::cmp::Ordering;
use std::sync::Arc;

use crate::time::Timestamp;
use crate::truth::Answer;
use crate::value::{Kind, Value};

use super::ast::{Literal, Op, Test};
use super::facts::Scalar;
use super::geo::{self, Circle};
use super::lists::Lists;
use super::pattern::Pattern;
use super::{fold, js, version};

pub(crate) use set::Set;
use start::Start;
use word::Word;

/// A test of a value; of a list it asks whether any element passes, unless the test is about values as a whole, and
/// only then negates.
#[derive(Clone, Debug)]
pub(crate) struct ValueTest {
    check: Check,
    negated: bool,
}

/// What the values of which one must be there for a test to answer otherwise than for nothing have in common.
pub(crate) enum Passing<'a> {
    /// Each has one of these for its [`Scalar::key`].
    Keys(Vec<u64>),
    /// Each is a text with this start.
    Start(&'a str),
    /// Each is a number from the one to the other.
    Numbers(f64, f64),
    /// It is not known: any value may.
    Any,
}

/// Small, since those of many rules are asked in a row: what is asked seldom lies elsewhere.
#[derive(Clone, Debug)]
enum Check {
    /// This text.
    Text(Word),
    /// A number from the one to the other, both included; a span as its seconds.
    Numbers(f64, f64),
    Bool(bool),
    /// This order with anything else.
    Is(Box<(Op, Literal)>),
    Between(Box<(Literal, Literal)>),
    In(Arc<Set>),
    Exists,
    Contains(Box<str>),
    StartsWith(Start),
    EndsWith(Box<str>),
    /// The parts of these are in lower case.
    InFolded(Box<Set>),
    ContainsFolded(Box<str>),
    StartsWithFolded(Box<str>),
    EndsWithFolded(Box<str>),
    Matches(Box<Pattern>),
    Version(Op, Box<[u8]>),
    Whole(Box<Whole>),
}

/// What is asked of a value as a whole, which may be a list.
#[derive(Clone, Debug)]
enum Whole {
    All(Box<[Check]>),
    OfKind(Kind),
    Same(Value),
    Near(Circle),
    /// What is not asked of a value by itself; see [`Asked`](super::asked::Asked).
    Nothing,
}

impl ValueTest {
    pub(crate) fn new(test: &Test, lists: &Lists) -> Self {
        let negated =
            matches!(test, Test::Is(Op::Ne, _) | Test::NotIn(_) | Test::NotInList(_) | Test::Version(Op::Ne, _));
        match test {
            Test::IgnoringCase(inner) => {
                Self { check: Check::folded(inner), negated: matches!(**inner, Test::Is(Op::Ne, _) | Test::NotIn(_)) }
            }
            _ => Self { check: Check::new(test, lists), negated },
        }
    }

    /// The value that alone passes, if there is one. A time is none: text and numbers can both stand for it.
    pub(crate) fn equals(&self) -> Option<Scalar<'_>> {
        match &self.check {
            Check::Text(text) if !self.negated => Some(Scalar::Text(text.as_str())),
            Check::Numbers(low, high) if !self.negated && low.total_cmp(high).is_eq() => Some(Scalar::Number(*low)),
            Check::Bool(value) if !self.negated => Some(Scalar::Bool(*value)),
            _ => None,
        }
    }

    /// What a value must be for the test to answer otherwise than for nothing.
    pub(crate) fn passing(&self) -> Passing<'_> {
        match &self.check {
            Check::Text(text) => Passing::Keys(vec![Scalar::Text(text.as_str()).key()]),
            Check::Bool(value) => Passing::Keys(vec![Scalar::Bool(*value).key()]),
            Check::Numbers(low, high) if low.total_cmp(high).is_eq() => Passing::Keys(vec![Scalar::Number(*low).key()]),
            Check::Numbers(low, high) => Passing::Numbers(*low, *high),
            Check::In(set) => set.keys().map_or(Passing::Any, Passing::Keys),
            Check::StartsWith(start) => Passing::Start(start.as_str()),
            _ => Passing::Any,
        }
    }

    pub(crate) const fn is_negated(&self) -> bool {
        self.negated
    }

    pub(crate) const fn is_exists(&self) -> bool {
        matches!(self.check, Check::Exists)
    }

    pub(crate) fn scalar(&self, scalar: Option<Scalar<'_>>) -> bool {
        scalar.is_some_and(|scalar| self.check.passes(scalar)) != self.negated
    }

    /// What the test says of a number of which only the ends of a range are known, both included.
    pub(crate) fn range(&self, low: f64, high: f64) -> Answer {
        let answer = if low.total_cmp(&high).is_eq() {
            self.check.passes(Scalar::Number(low)).into()
        } else {
            self.check.passes_within(low, high)
        };
        if self.negated { !answer } else { answer }
    }

    /// Whether a value passes, or nothing does. The tests that are asked most are asked on the spot.
    #[inline(always)]
    pub(crate) fn value(&self, value: Option<&Value>) -> bool {
        let passes = match (&self.check, value) {
            (Check::Text(wanted), Some(Value::Text(text))) => wanted.is(text),
            (Check::Numbers(low, high), Some(Value::Number(number))) => low <= number && number <= high,
            (Check::Bool(wanted), Some(Value::Bool(found))) => wanted == found,
            (Check::In(set), Some(Value::Text(text))) => set.contains_text(text),
            (Check::StartsWith(start), Some(Value::Text(text))) => start.is_of(text),
            _ => return self.any_value(value),
        };
        passes != self.negated
    }

    #[inline(never)]
    fn any_value(&self, value: Option<&Value>) -> bool {
        let passes = |value: &Value| Scalar::from_value(value).is_some_and(|scalar| self.check.passes(scalar));
        let found = match (value, &self.check) {
            (None | Some(Value::Null), _) => false,
            (Some(_), Check::Exists) => true,
            (Some(value), Check::Whole(whole)) => whole.passes(value),
            (Some(Value::List(values)), _) => values.iter().any(passes),
            (Some(value), _) => passes(value),
        };
        found != self.negated
    }

    /// Asks someone who knows all the values whether any passes.
    pub(crate) fn any(&self, ask: impl FnOnce(&mut dyn FnMut(Scalar<'_>) -> bool) -> bool) -> bool {
        ask(&mut |scalar| self.check.passes(scalar)) != self.negated
    }
}

impl Check {
    fn new(test: &Test, lists: &Lists) -> Self {
        match test {
            Test::Is(op, literal) => {
                // What is not equal is negated as a whole.
                let op = if *op == Op::Ne { Op::Eq } else { *op };
                match (op, literal) {
                    (op, Literal::Number(number)) => Self::numbers(op, *number),
                    (op, Literal::Span(span)) => Self::numbers(op, span.as_seconds()),
                    (Op::Eq, Literal::Text(text)) => Self::Text(Word::new(text)),
                    (Op::Eq, Literal::Bool(value)) => Self::Bool(*value),
                    (op, literal) => Self::Is(Box::new((op, literal.clone()))),
                }
            }
            Test::In(values) | Test::NotIn(values) => Self::In(Arc::new(Set::new(values))),
            Test::Between(Literal::Number(low), Literal::Number(high)) => Self::Numbers(*low, *high),
            Test::Between(low, high) => Self::Between(Box::new((low.clone(), high.clone()))),
            Test::Exists => Self::Exists,
            Test::Contains(text) => Self::Contains(text.as_str().into()),
            Test::StartsWith(text) => Self::StartsWith(Start::new(text)),
            Test::EndsWith(text) => Self::EndsWith(text.as_str().into()),
            Test::IgnoringCase(inner) => Self::folded(inner),
            Test::Matches(pattern) => Self::Matches(Box::new(pattern.clone())),
            Test::InList(name) | Test::NotInList(name) => match lists.set(name) {
                Some(set) => Self::In(Arc::clone(set)),
                None => Self::In(Arc::new(Set::new(&[]))),
            },
            Test::Version(Op::Ne, text) => Self::Version(Op::Eq, version::padded(text).collect()),
            Test::Version(op, text) => Self::Version(*op, version::padded(text).collect()),
            Test::All(values) => Self::whole(Whole::All(
                values.iter().map(|value| Self::new(&Test::Is(Op::Eq, value.clone()), lists)).collect(),
            )),
            Test::OfKind(kind) => Self::whole(Whole::OfKind(*kind)),
            Test::Same(value) => Self::whole(Whole::Same(value.clone())),
            Test::Near(circle) => Self::whole(Whole::Near(*circle)),
            Test::Each { .. } | Test::Anniversary(_) => Self::whole(Whole::Nothing),
        }
    }

    fn whole(whole: Whole) -> Self {
        Self::Whole(Box::new(whole))
    }

    /// The check with its texts in lower case.
    fn folded(test: &Test) -> Self {
        let part = |text: &str| fold::fold(text).into();
        let one = |literal: &Literal| Self::InFolded(Box::new(Set::folded(std::slice::from_ref(literal))));
        match test {
            Test::Is(_, literal) => one(literal),
            Test::In(values) | Test::NotIn(values) => Self::InFolded(Box::new(Set::folded(values))),
            Test::All(values) => Self::whole(Whole::All(values.iter().map(one).collect())),
            Test::Contains(text) => Self::ContainsFolded(part(text)),
            Test::StartsWith(text) => Self::StartsWithFolded(part(text)),
            Test::EndsWith(text) => Self::EndsWithFolded(part(text)),
            // Nothing else is put into this form.
            _ => Self::whole(Whole::Nothing),
        }
    }

    /// The numbers that are in this order to another. Next to it lies the end of a strict order.
    fn numbers(op: Op, number: f64) -> Self {
        let above = || libm::nextafter(number, f64::INFINITY);
        let below = || libm::nextafter(number, f64::NEG_INFINITY);
        match op {
            Op::Eq | Op::Ne => Self::Numbers(number, number),
            Op::Gt => Self::Numbers(above(), f64::INFINITY),
            Op::Ge => Self::Numbers(number, f64::INFINITY),
            Op::Lt => Self::Numbers(f64::NEG_INFINITY, below()),
            Op::Le => Self::Numbers(f64::NEG_INFINITY, number),
        }
    }

    fn passes(&self, scalar: Scalar<'_>) -> bool {
        let text = |test: &dyn Fn(&str) -> bool| matches!(scalar, Scalar::Text(text) if test(text));
        match self {
            Self::Text(wanted) => text(&|text| wanted.is(text)),
            Self::Numbers(low, high) => matches!(scalar, Scalar::Number(number) if *low <= number && number <= *high),
            Self::Bool(wanted) => scalar == Scalar::Bool(*wanted),
            Self::Is(of) => compare(scalar, &of.1).is_some_and(|order| of.0.holds(order)),
            Self::Between(ends) => {
                let (low, high) = &**ends;
                compare(scalar, low).is_some_and(Ordering::is_ge) && compare(scalar, high).is_some_and(Ordering::is_le)
            }
            Self::In(set) => set.contains(scalar),
            Self::InFolded(set) => set.contains_folded(scalar),
            Self::Exists => true,
            Self::Contains(part) => text(&|text| text.contains(&**part)),
            Self::StartsWith(start) => text(&|text| start.is_of(text)),
            Self::EndsWith(part) => text(&|text| text.ends_with(&**part)),
            Self::ContainsFolded(part) => text(&|text| fold::contains(text, part)),
            Self::StartsWithFolded(part) => text(&|text| fold::starts_with(text, part)),
            Self::EndsWithFolded(part) => text(&|text| fold::ends_with(text, part)),
            Self::Matches(pattern) => text(&|text| pattern.is_in(text)),
            Self::Version(op, padded) => match scalar {
                Scalar::Text(text) => op.holds(version::compare(text, padded)),
                Scalar::Number(number) => op.holds(version::compare(&js::number_text(number), padded)),
                Scalar::Bool(_) => false,
            },
            // Facts that come one by one have no lists among them.
            Self::Whole(whole) => match scalar {
                Scalar::Bool(value) => whole.passes(&Value::Bool(value)),
                Scalar::Number(number) => whole.passes(&Value::Number(number)),
                Scalar::Text(text) => whole.passes(&text.into()),
            },
        }
    }

    /// Whether all the numbers from the lower to the upper end pass, or none does.
    fn passes_within(&self, low: f64, high: f64) -> Answer {
        let number = |literal: &Literal| match literal {
            Literal::Number(number) => Some(*number),
            Literal::Time(time) => Some(time.millis() as f64),
            Literal::Span(span) => Some(span.as_seconds()),
            Literal::Bool(_) | Literal::Text(_) | Literal::Now { .. } => None,
        };
        // Where both ends pass everything between them does, and where a piece of the range may pass it is unknown.
        let between = |from: Option<f64>, to: Option<f64>| match (from, to) {
            (Some(from), Some(to)) if high < from || low > to || from > to => Answer::No,
            (Some(from), Some(to)) if low >= from && high <= to => Answer::Yes,
            (Some(_), Some(_)) => Answer::Unknown,
            _ => Answer::No,
        };
        match self {
            Self::Exists => Answer::Yes,
            Self::Numbers(from, to) => between(Some(*from), Some(*to)),
            Self::Is(of) if of.0 == Op::Eq => between(number(&of.1), number(&of.1)),
            Self::Is(_) => {
                let passes = |number| self.passes(Scalar::Number(number));
                match (passes(low), passes(high)) {
                    (true, true) => Answer::Yes,
                    (false, false) => Answer::No,
                    _ => Answer::Unknown,
                }
            }
            Self::Between(ends) => between(number(&ends.0), number(&ends.1)),
            Self::In(set) => set.within(low, high),
            Self::InFolded(set) => set.within(low, high),
            // A version or a whole value made of a number that is not known.
            Self::Version(..) | Self::Whole(_) => Answer::Unknown,
            // What asks for text.
            _ => Answer::No,
        }
    }
}

impl Whole {
    fn passes(&self, value: &Value) -> bool {
        match self {
            Self::All(checks) => checks.iter().all(|check| {
                let passes = |value: &Value| Scalar::from_value(value).is_some_and(|scalar| check.passes(scalar));
                match value {
                    Value::List(values) => values.iter().any(passes),
                    value => passes(value),
                }
            }),
            Self::OfKind(Kind::Time) => value.as_text().is_some_and(|text| text.parse::<Timestamp>().is_ok()),
            Self::OfKind(kind) => value.kind() == Some(*kind),
            Self::Same(same) => value == same,
            Self::Near(circle) => geo::place(value).is_some_and(|place| circle.holds(place)),
            Self::Nothing => false,
        }
    }
}

/// How a value compares with a literal; `None` where their kinds do not.
fn compare(scalar: Scalar<'_>, literal: &Literal) -> Option<Ordering> {
    match (scalar, literal) {
        (Scalar::Number(a), Literal::Number(b)) => a.partial_cmp(b),
        (Scalar::Text(a), Literal::Text(b)) => Some(a.cmp(b.as_str())),
        (Scalar::Bool(a), Literal::Bool(b)) => Some(a.cmp(b)),
        // Plausible times lie where `f64` holds milliseconds exactly.
        (Scalar::Number(a), Literal::Time(b)) => a.partial_cmp(&(b.millis() as f64)),
        (Scalar::Number(a), Literal::Span(b)) => a.partial_cmp(&b.as_seconds()),
        (Scalar::Text(a), Literal::Time(b)) => a.parse::<Timestamp>().ok().map(|a| a.cmp(b)),
        // What moves with the present is asked of `Asked`.
        _ => None,
    }
}
