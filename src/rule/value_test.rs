//! A compiled test of a value: kinds are never turned into each other, and long lists are looked up.

use std::cmp::Ordering;

use crate::hash::Map;
use crate::time::Timestamp;
use crate::truth::Answer;
use crate::value::Value;

use super::ast::{Literal, Op, Test};
use super::facts::Scalar;

/// A test of a value; of a list it asks whether any element passes, and only then negates.
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
    Exists,
    Contains(Box<str>),
    StartsWith(Box<str>),
}

impl ValueTest {
    pub(crate) fn new(test: &Test) -> Self {
        let mut negated = false;
        let check = match test {
            Test::Is(op, literal) => {
                let literal = literal.clone();
                match op {
                    Op::Eq => Check::Is(literal),
                    Op::Ne => {
                        negated = true;
                        Check::Is(literal)
                    }
                    Op::Gt => Check::Greater(literal),
                    Op::Ge => Check::AtLeast(literal),
                    Op::Lt => Check::Less(literal),
                    Op::Le => Check::AtMost(literal),
                }
            }
            Test::In(values) => Check::In(Set::new(values)),
            Test::NotIn(values) => {
                negated = true;
                Check::In(Set::new(values))
            }
            Test::Between(low, high) => Check::Between(low.clone(), high.clone()),
            Test::Exists => Check::Exists,
            Test::Contains(text) => Check::Contains(text.as_str().into()),
            Test::StartsWith(text) => Check::StartsWith(text.as_str().into()),
        };
        Self { check, negated }
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
        let found = match value {
            None | Some(Value::Null) => false,
            Some(_) if self.is_exists() => true,
            Some(Value::List(values)) => values.iter().any(passes),
            Some(value) => passes(value),
        };
        found != self.negated
    }

    /// Asks someone who knows all the values whether any passes.
    pub(crate) fn any(&self, ask: impl FnOnce(&mut dyn FnMut(Scalar<'_>) -> bool) -> bool) -> bool {
        ask(&mut |scalar| self.check.passes(scalar)) != self.negated
    }
}

impl Check {
    fn passes(&self, scalar: Scalar<'_>) -> bool {
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
            Self::Exists => true,
            Self::Contains(part) => matches!(scalar, Scalar::Text(text) if text.contains(&**part)),
            Self::StartsWith(part) => matches!(scalar, Scalar::Text(text) if text.starts_with(&**part)),
        }
    }

    /// Whether all the numbers from the lower to the upper end pass, or none does.
    fn passes_within(&self, low: f64, high: f64) -> Answer {
        let number = |literal: &Literal| match literal {
            Literal::Number(number) => Some(*number),
            Literal::Time(time) => Some(time.millis() as f64),
            Literal::Bool(_) | Literal::Text(_) => None,
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
            Self::In(Set::Few(values)) => {
                let any = values.iter().filter_map(number).any(|value| value >= low && value <= high);
                if any { Answer::Unknown } else { Answer::No }
            }
            Self::In(Set::Many { numbers, times, .. }) => {
                let inside = |value: f64| value >= low && value <= high;
                let any =
                    numbers.iter().any(|value| inside(*value)) || times.iter().any(|time| inside(time.millis() as f64));
                if any { Answer::Unknown } else { Answer::No }
            }
            Self::Contains(_) | Self::StartsWith(_) => Answer::No,
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
        (Scalar::Text(a), Literal::Time(b)) => a.parse::<Timestamp>().ok().map(|a| a.cmp(b)),
        _ => None,
    }
}

/// The values of a list: few are walked, many are looked up.
#[derive(Clone, Debug)]
enum Set {
    Few(Box<[Literal]>),
    Many { texts: Map<Box<str>, ()>, numbers: Box<[f64]>, times: Box<[Timestamp]>, bools: [bool; 2] },
}

impl Set {
    fn new(values: &[Literal]) -> Self {
        if values.len() <= FEW {
            return Self::Few(values.into());
        }
        let (mut texts, mut numbers, mut times, mut bools) = (Map::default(), Vec::new(), Vec::new(), [false; 2]);
        for value in values {
            match value {
                Literal::Text(text) => {
                    texts.insert(text.as_str().into(), ());
                }
                Literal::Number(number) => numbers.push(*number),
                Literal::Time(time) => times.push(*time),
                Literal::Bool(value) => bools[usize::from(*value)] = true,
            }
        }
        numbers.sort_unstable_by(f64::total_cmp);
        times.sort_unstable();
        Self::Many { texts, numbers: numbers.into(), times: times.into(), bools }
    }

    fn contains(&self, scalar: Scalar<'_>) -> bool {
        let (texts, numbers, times, bools) = match self {
            Self::Few(values) => {
                return values.iter().any(|value| compare(scalar, value) == Some(Ordering::Equal));
            }
            Self::Many { texts, numbers, times, bools } => (texts, numbers, times, bools),
        };
        match scalar {
            Scalar::Bool(value) => bools[usize::from(value)],
            Scalar::Text(text) => {
                let at = |text: &str| text.parse::<Timestamp>().ok();
                texts.contains_key(text)
                    || (!times.is_empty() && at(text).is_some_and(|time| times.binary_search(&time).is_ok()))
            }
            Scalar::Number(number) => {
                // Adding zero turns -0 into 0, as literals have it.
                let in_order = |other: f64| other.total_cmp(&(number + 0.0));
                numbers.binary_search_by(|other| in_order(*other)).is_ok()
                    || times.binary_search_by(|time| in_order(time.millis() as f64)).is_ok()
            }
        }
    }
}

const FEW: usize = 16;
