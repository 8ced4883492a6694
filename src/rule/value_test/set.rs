//! The values of a list, ready to be looked up.

use super::super::ast::Literal;
use super::super::facts::Scalar;
use super::super::fold;
use super::texts::Texts;
use crate::time::Timestamp;
use crate::truth::Answer;

/// Values among which one is looked for.
#[derive(Clone, Debug)]
pub(crate) struct Set {
    texts: Texts,
    /// In rising order, as are the times.
    numbers: Box<[f64]>,
    times: Box<[Timestamp]>,
    bools: [bool; 2],
}

impl Set {
    pub(crate) fn new(values: &[Literal]) -> Self {
        Self::of(values, |text| text.into())
    }

    /// The same values with their texts in lower case.
    pub(crate) fn folded(values: &[Literal]) -> Self {
        Self::of(values, |text| fold::fold(text).into())
    }

    fn of(values: &[Literal], spell: impl Fn(&str) -> std::borrow::Cow<'_, str>) -> Self {
        let (mut texts, mut numbers, mut times, mut bools) = (Vec::new(), Vec::new(), Vec::new(), [false; 2]);
        for value in values {
            match value {
                Literal::Text(text) => texts.push(spell(text)),
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
        let texts = Texts::new(texts.iter().map(|text| &**text));
        Self { texts, numbers: numbers.into(), times: times.into(), bools }
    }

    /// Whether it is one of them, where the set is [`Set::folded`].
    pub(crate) fn contains_folded(&self, scalar: Scalar<'_>) -> bool {
        let Scalar::Text(text) = scalar else { return self.contains(scalar) };
        if self.texts.iter().len() <= FEW {
            return self.texts.iter().any(|folded| fold::folded(text).eq(folded.chars()));
        }
        self.contains_text(&fold::fold(text))
    }

    /// Whether any of its numbers lies in a range, so that a number that does may be one of them.
    pub(crate) fn within(&self, low: f64, high: f64) -> Answer {
        let inside = |value: f64| value >= low && value <= high;
        let mut numbers = self.numbers.iter().copied().chain(self.times.iter().map(|time| time.millis() as f64));
        if numbers.any(inside) { Answer::Unknown } else { Answer::No }
    }

    #[inline]
    pub(crate) fn contains_text(&self, text: &str) -> bool {
        self.texts.contains(text) || (!self.times.is_empty() && self.contains_time(text))
    }

    /// Whether a text stands for one of the times.
    #[inline(never)]
    fn contains_time(&self, text: &str) -> bool {
        text.parse::<Timestamp>().is_ok_and(|time| self.times.binary_search(&time).is_ok())
    }

    pub(crate) fn contains(&self, scalar: Scalar<'_>) -> bool {
        match scalar {
            Scalar::Bool(value) => self.bools[usize::from(value)],
            Scalar::Text(text) => self.contains_text(text),
            Scalar::Number(number) => {
                // Adding zero turns -0 into 0, as literals have it.
                let in_order = |other: f64| other.total_cmp(&(number + 0.0));
                self.numbers.binary_search_by(|other| in_order(*other)).is_ok()
                    || self.times.binary_search_by(|time| in_order(time.millis() as f64)).is_ok()
            }
        }
    }

    /// [`Scalar::key`] of each value; `None` if they are too many to be worth it, or some have none.
    pub(super) fn keys(&self) -> Option<Vec<u64>> {
        if self.texts.iter().len() + self.numbers.len() > MOST_KEYS || !self.times.is_empty() {
            return None;
        }
        let bools = [false, true].into_iter().filter(|value| self.bools[usize::from(*value)]).map(Scalar::Bool);
        let numbers = self.numbers.iter().map(|number| Scalar::Number(*number));
        Some(self.texts.iter().map(Scalar::Text).chain(numbers).chain(bools).map(Scalar::key).collect())
    }
}

/// Of so few texts each is compared with a text as that is folded, which takes no room.
const FEW: usize = 4;
/// Of how many values a list has at most for each to be a key of an index.
const MOST_KEYS: usize = 256;
