//! The values that pass a test, exactly.

use std::collections::BTreeSet;

use crate::rule::ast::{Literal, Op, Test};

/// A set of single values: none at all, truths, numbers and texts.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Domain {
    /// Whether the absence of a value is in it.
    missing: bool,
    bools: [bool; 2],
    numbers: Numbers,
    texts: Texts,
}

/// Intervals in rising order that do not touch.
#[derive(Clone, Debug, PartialEq)]
struct Numbers(Vec<(Bound, Bound)>);

/// A place on the line of numbers: before a number, or behind it.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
struct Bound(f64, bool);

/// Some texts, or all but some.
#[derive(Clone, Debug, PartialEq)]
struct Texts {
    all_but: bool,
    named: BTreeSet<String>,
}

const FIRST: Bound = Bound(f64::NEG_INFINITY, false);
const LAST: Bound = Bound(f64::INFINITY, true);

impl Domain {
    /// No value.
    pub(super) fn none() -> Self {
        Self {
            missing: false,
            bools: [false; 2],
            numbers: Numbers(Vec::new()),
            texts: Texts { all_but: false, named: BTreeSet::new() },
        }
    }

    /// Numbers from the lowest on, or without a lowest one, and the absence of a value or not.
    pub(super) fn numbers(lowest: Option<f64>, missing: bool) -> Self {
        let from = lowest.map_or(FIRST, |lowest| Bound(lowest, false));
        Self { missing, numbers: Numbers(vec![(from, LAST)]), ..Self::none() }
    }

    /// Every value, and the absence of one.
    pub(super) fn all() -> Self {
        Self::none().opposite()
    }

    /// What passes a test; `None` where that is not told exactly. `by_number` says that times stand for numbers alone.
    pub(super) fn of(test: &Test, by_number: bool) -> Option<Self> {
        let literals = |values: &[Literal]| {
            let each = values.iter().map(|value| Self::one(value, by_number)).collect::<Option<Vec<_>>>()?;
            Some(each.iter().fold(Self::none(), |a, b| a.or(b)))
        };
        match test {
            Test::Is(Op::Eq, value) => Self::one(value, by_number),
            Test::Is(Op::Ne, value) => Self::one(value, by_number).map(|one| one.opposite()),
            Test::Is(op, value) => {
                let number = number(value, by_number)?;
                let interval = match op {
                    Op::Gt => (Bound(number, true), LAST),
                    Op::Ge => (Bound(number, false), LAST),
                    Op::Lt => (FIRST, Bound(number, false)),
                    _ => (FIRST, Bound(number, true)),
                };
                Some(Self { numbers: Numbers(vec![interval]), ..Self::none() })
            }
            Test::In(values) => literals(values),
            Test::NotIn(values) => literals(values).map(|domain| domain.opposite()),
            Test::Between(low, high) => {
                let (low, high) = (Bound(number(low, by_number)?, false), Bound(number(high, by_number)?, true));
                let interval = (low < high).then_some((low, high));
                Some(Self { numbers: Numbers(interval.into_iter().collect()), ..Self::none() })
            }
            Test::Exists => Some(Self { missing: false, ..Self::all() }),
            _ => None,
        }
    }

    fn one(value: &Literal, by_number: bool) -> Option<Self> {
        let mut one = Self::none();
        match value {
            Literal::Bool(value) => one.bools[usize::from(*value)] = true,
            Literal::Text(text) => drop(one.texts.named.insert(text.clone())),
            value => {
                let number = number(value, by_number)?;
                one.numbers.0.push((Bound(number, false), Bound(number, true)));
            }
        }
        Some(one)
    }

    /// All that is not in it.
    pub(super) fn opposite(&self) -> Self {
        let mut numbers = Vec::new();
        let mut from = FIRST;
        for (low, high) in &self.numbers.0 {
            if from < *low {
                numbers.push((from, *low));
            }
            from = *high;
        }
        if from < LAST {
            numbers.push((from, LAST));
        }
        Self {
            missing: !self.missing,
            bools: self.bools.map(|is_in| !is_in),
            numbers: Numbers(numbers),
            texts: Texts { all_but: !self.texts.all_but, named: self.texts.named.clone() },
        }
    }

    /// What is in both.
    pub(super) fn and(&self, other: &Self) -> Self {
        let mut numbers = Vec::new();
        let (mut a, mut b) = (self.numbers.0.iter().peekable(), other.numbers.0.iter().peekable());
        while let (Some((a_low, a_high)), Some((b_low, b_high))) = (a.peek(), b.peek()) {
            let low = if a_low < b_low { *b_low } else { *a_low };
            let high = if a_high < b_high { *a_high } else { *b_high };
            if low < high {
                numbers.push((low, high));
            }
            if a_high < b_high {
                a.next()
            } else {
                b.next()
            };
        }
        let (x, y) = (&self.texts, &other.texts);
        let named = match (x.all_but, y.all_but) {
            (false, false) => x.named.intersection(&y.named).cloned().collect(),
            (false, true) => x.named.difference(&y.named).cloned().collect(),
            (true, false) => y.named.difference(&x.named).cloned().collect(),
            (true, true) => x.named.union(&y.named).cloned().collect(),
        };
        Self {
            missing: self.missing && other.missing,
            bools: [self.bools[0] && other.bools[0], self.bools[1] && other.bools[1]],
            numbers: Numbers(numbers),
            texts: Texts { all_but: x.all_but && y.all_but, named },
        }
    }

    fn or(&self, other: &Self) -> Self {
        self.opposite().and(&other.opposite()).opposite()
    }

    /// Whether nothing is in it.
    pub(super) fn is_empty(&self) -> bool {
        let texts = self.texts.all_but || !self.texts.named.is_empty();
        !(self.missing || self.bools[0] || self.bools[1] || !self.numbers.0.is_empty() || texts)
    }

    /// The whole numbers in it, from the lowest to the highest; `None` if there are none.
    pub(super) fn whole(&self) -> Option<(f64, f64)> {
        let whole = self.numbers.0.iter().filter_map(|(low, high)| {
            let first = if low.1 { libm::floor(low.0) + 1.0 } else { libm::ceil(low.0) };
            let last = if high.1 { libm::floor(high.0) } else { libm::ceil(high.0) - 1.0 };
            (first <= last).then_some((first, last))
        });
        whole.reduce(|all, next| (all.0, next.1))
    }
}

fn number(value: &Literal, by_number: bool) -> Option<f64> {
    match value {
        Literal::Number(number) => Some(*number),
        // Plausible times lie where `f64` holds milliseconds exactly.
        Literal::Time(time) if by_number => Some(time.millis() as f64),
        _ => None,
    }
}
