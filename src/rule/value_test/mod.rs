//! A compiled test of a value: kinds are never turned into each other, and long lists are looked up.

mod set;

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

/// A test of a value; of a list it asks whether any element passes, unless the test is about values as a whole, and
/// only then negates.
#[derive(Clone, Debug)]
pub(crate) struct ValueTest {
    check: Check,
    negated: bool,
}

#[derive(Clone, Debug)]
enum Check {
    Is(Literal),
    Less(Literal),
    Greater(Literal),
    AtMost(Literal),
    AtLeast(Literal),
    Between(Literal, Literal),
    In(Set),
    Listed(Arc<Set>),
    Exists,
    Contains(Box<str>),
    StartsWith(Box<str>),
    EndsWith(Box<str>),
    /// The parts of these are in lower case.
    InFolded(Set),
    ContainsFolded(Box<str>),
    StartsWithFolded(Box<str>),
    EndsWithFolded(Box<str>),
    Matches(Pattern),
    Version(Op, Box<[u8]>),
    Whole(Whole),
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
            Check::Is(Literal::Text(text)) if !self.negated => Some(Scalar::Text(text)),
            Check::Is(Literal::Number(number)) if !self.negated => Some(Scalar::Number(*number)),
            Check::Is(Literal::Bool(value)) if !self.negated => Some(Scalar::Bool(*value)),
            _ => None,
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

    pub(crate) fn value(&self, value: Option<&Value>) -> bool {
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
                let literal = literal.clone();
                match op {
                    Op::Eq | Op::Ne => Self::Is(literal),
                    Op::Gt => Self::Greater(literal),
                    Op::Ge => Self::AtLeast(literal),
                    Op::Lt => Self::Less(literal),
                    Op::Le => Self::AtMost(literal),
                }
            }
            Test::In(values) | Test::NotIn(values) => Self::In(Set::new(values)),
            Test::Between(low, high) => Self::Between(low.clone(), high.clone()),
            Test::Exists => Self::Exists,
            Test::Contains(text) => Self::Contains(text.as_str().into()),
            Test::StartsWith(text) => Self::StartsWith(text.as_str().into()),
            Test::EndsWith(text) => Self::EndsWith(text.as_str().into()),
            Test::IgnoringCase(inner) => Self::folded(inner),
            Test::Matches(pattern) => Self::Matches(pattern.clone()),
            Test::InList(name) | Test::NotInList(name) => match lists.set(name) {
                Some(set) => Self::Listed(Arc::clone(set)),
                None => Self::In(Set::new(&[])),
            },
            // What is not equal is negated as a whole.
            Test::Version(Op::Ne, text) => Self::Version(Op::Eq, version::padded(text).collect()),
            Test::Version(op, text) => Self::Version(*op, version::padded(text).collect()),
            Test::All(values) => Self::Whole(Whole::All(values.iter().cloned().map(Self::Is).collect())),
            Test::OfKind(kind) => Self::Whole(Whole::OfKind(*kind)),
            Test::Same(value) => Self::Whole(Whole::Same(value.clone())),
            Test::Near(circle) => Self::Whole(Whole::Near(*circle)),
            Test::Each { .. } | Test::Anniversary(_) => Self::Whole(Whole::Nothing),
        }
    }

    /// The check with its texts in lower case.
    fn folded(test: &Test) -> Self {
        let part = |text: &str| fold::fold(text).into();
        let one = |literal: &Literal| Self::InFolded(Set::folded(std::slice::from_ref(literal)));
        match test {
            Test::Is(_, literal) => one(literal),
            Test::In(values) | Test::NotIn(values) => Self::InFolded(Set::folded(values)),
            Test::All(values) => Self::Whole(Whole::All(values.iter().map(one).collect())),
            Test::Contains(text) => Self::ContainsFolded(part(text)),
            Test::StartsWith(text) => Self::StartsWithFolded(part(text)),
            Test::EndsWith(text) => Self::EndsWithFolded(part(text)),
            // Nothing else is put into this form.
            _ => Self::Whole(Whole::Nothing),
        }
    }

    fn passes(&self, scalar: Scalar<'_>) -> bool {
        let text = |test: &dyn Fn(&str) -> bool| matches!(scalar, Scalar::Text(text) if test(text));
        match self {
            Self::Is(literal) => compare(scalar, literal) == Some(Ordering::Equal),
            Self::Less(literal) => compare(scalar, literal).is_some_and(Ordering::is_lt),
            Self::Greater(literal) => compare(scalar, literal).is_some_and(Ordering::is_gt),
            Self::AtMost(literal) => compare(scalar, literal).is_some_and(Ordering::is_le),
            Self::AtLeast(literal) => compare(scalar, literal).is_some_and(Ordering::is_ge),
            Self::Between(low, high) => {
                compare(scalar, low).is_some_and(Ordering::is_ge) && compare(scalar, high).is_some_and(Ordering::is_le)
            }
            Self::In(set) => set.contains(scalar),
            Self::Listed(set) => set.contains(scalar),
            Self::InFolded(set) => set.contains_folded(scalar),
            Self::Exists => true,
            Self::Contains(part) => text(&|text| text.contains(&**part)),
            Self::StartsWith(part) => text(&|text| text.starts_with(&**part)),
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
            Self::Less(_) | Self::AtMost(_) | Self::Greater(_) | Self::AtLeast(_) => {
                let passes = |number| self.passes(Scalar::Number(number));
                match (passes(low), passes(high)) {
                    (true, true) => Answer::Yes,
                    (false, false) => Answer::No,
                    _ => Answer::Unknown,
                }
            }
            Self::Is(literal) => between(number(literal), number(literal)),
            Self::Between(from, to) => between(number(from), number(to)),
            Self::In(set) | Self::InFolded(set) => set.within(low, high),
            Self::Listed(set) => set.within(low, high),
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
