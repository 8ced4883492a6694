//! The values of a list: few are walked, many are looked up.

use std::cmp::Ordering;

use super::super::ast::Literal;
use super::super::facts::Scalar;
use super::super::fold;
use super::compare;
use crate::hash::Map;
use crate::time::Timestamp;
use crate::truth::Answer;

/// Values among which one is looked for.
#[derive(Clone, Debug)]
pub(crate) enum Set {
    Few(Box<[Literal]>),
    Many { texts: Map<Box<str>, ()>, numbers: Box<[f64]>, times: Box<[Timestamp]>, bools: [bool; 2] },
}

impl Set {
    pub(crate) fn new(values: &[Literal]) -> Self {
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
                Literal::Span(span) => numbers.push(span.as_seconds()),
                Literal::Time(time) => times.push(*time),
                Literal::Bool(value) => bools[usize::from(*value)] = true,
                // No list takes one: it would be another list at every moment.
                Literal::Now { .. } => {}
            }
        }
        numbers.sort_unstable_by(f64::total_cmp);
        times.sort_unstable();
        Self::Many { texts, numbers: numbers.into(), times: times.into(), bools }
    }

    /// The same values with their texts in lower case.
    pub(crate) fn folded(values: &[Literal]) -> Self {
        let fold = |value: &Literal| match value {
            Literal::Text(text) => Literal::Text(fold::fold(text)),
            other => other.clone(),
        };
        Self::new(&values.iter().map(fold).collect::<Vec<_>>())
    }

    /// Whether it is one of them, where the set is [`Set::folded`].
    pub(crate) fn contains_folded(&self, scalar: Scalar<'_>) -> bool {
        let Scalar::Text(text) = scalar else { return self.contains(scalar) };
        match self {
            Self::Few(values) => values.iter().any(|value| match value {
                Literal::Text(folded) => fold::folded(text).eq(folded.chars()),
                _ => false,
            }),
            Self::Many { .. } => self.contains(Scalar::Text(&fold::fold(text))),
        }
    }

    /// Whether any of its numbers lies in a range, so that a number that does may be one of them.
    pub(crate) fn within(&self, low: f64, high: f64) -> Answer {
        let inside = |value: f64| value >= low && value <= high;
        let any = match self {
            Self::Few(values) => values.iter().any(|value| match value {
                Literal::Number(number) => inside(*number),
                Literal::Time(time) => inside(time.millis() as f64),
                Literal::Span(span) => inside(span.as_seconds()),
                Literal::Bool(_) | Literal::Text(_) | Literal::Now { .. } => false,
            }),
            Self::Many { numbers, times, .. } => {
                numbers.iter().any(|value| inside(*value)) || times.iter().any(|time| inside(time.millis() as f64))
            }
        };
        if any { Answer::Unknown } else { Answer::No }
    }

    pub(crate) fn contains(&self, scalar: Scalar<'_>) -> bool {
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
