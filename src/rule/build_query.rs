//! Questions about events, built in Rust.

use crate::event::EventKind;
use crate::profile::Period;
use crate::time::{Span, Timestamp, shorten};

use super::Rule;
use super::ast::{EventQuery, Expr, Literal, Measure, Sequence, Source, When};
use super::builder::{BUILT, Operand};
use super::error::{Location, NameKind, RuleError};
use super::parser::{check_name, event_kind, not_scalar};
use super::query::Asked;

/// Events of one kind, about to be counted or summed.
#[derive(Clone, Debug)]
#[must_use]
pub struct EventOperand {
    query: EventQuery,
    error: Option<RuleError>,
}

/// Events of a kind, to be counted or summed.
pub fn event(name: &str) -> EventOperand {
    let (kind, error) = match event_kind(name, &Location::Built) {
        Ok(kind) => (kind, None),
        Err(error) => (EventKind::default(), Some(error)),
    };
    EventOperand { query: EventQuery::new(kind, BUILT, BUILT), error }
}

impl EventOperand {
    /// Only those with this value of a property.
    pub fn with(self, property: impl Into<String>, literal: impl Into<Literal>) -> Self {
        self.filter(Rule::property(property).eq(literal))
    }

    /// Only those of which a rule holds that asks about [`Rule::property`] and nothing else, combined in any way.
    /// What is missing compares as false. A rule that asks for anything else becomes an error that [`Rule::check`]
    /// reports.
    ///
    /// ```
    /// use bespoke::Rule;
    /// let gift = Rule::property("wrapped").eq(true) | !Rule::property("price").below(100);
    /// let rule = Rule::event("purchased").filter(gift).count().at_least(2);
    /// let text = "event('purchased').where(NOT price < 100 OR wrapped = true).count() >= 2";
    /// assert_eq!(rule.to_string(), text);
    /// assert_eq!(Rule::parse(text), Ok(rule));
    /// ```
    pub fn filter(mut self, of: Rule) -> Self {
        self.error = self.error.or(of.broken.map(|error| *error)).or_else(|| misplaced(&of.expr));
        self.query.tests.push(of.expr);
        self
    }

    /// Only those of the last so much time. In a sequence: so long after the event before it.
    pub fn within(self, window: Span) -> Self {
        self.when(When::Within(window))
    }

    /// Only those from so long ago to so long ago.
    pub fn between(self, from: Span, to: Span) -> Self {
        self.when(When::Between(from, to))
    }

    /// Only those from a time on.
    pub fn since(self, time: Timestamp) -> Self {
        self.when(When::Since(time))
    }

    /// Only those of the running session.
    pub fn in_session(self) -> Self {
        self.when(When::InSession)
    }

    /// Only those of the last so many calendar days, today included, so many minutes ahead of UTC.
    pub fn calendar_days(self, count: u32, offset: i32) -> Self {
        self.when(When::Days(count, offset.clamp(-899, 899)))
    }

    /// Only those of the last so many calendar weeks from Monday, this one included.
    pub fn calendar_weeks(self, count: u32, offset: i32) -> Self {
        self.when(When::Weeks(count, offset.clamp(-899, 899)))
    }

    fn when(mut self, when: When) -> Self {
        self.query.when = when;
        self
    }

    /// Whether there was any.
    #[must_use]
    pub fn happened(self) -> Rule {
        self.count().at_least(1)
    }

    /// How many there were.
    pub fn count(self) -> Operand {
        self.measure(Measure::Count)
    }

    /// The sum of a numeric property.
    pub fn sum(self, property: impl Into<String>) -> Operand {
        self.measure(Measure::Sum(property.into()))
    }

    /// The mean of a numeric property; missing where there is no event.
    pub fn avg(self, property: impl Into<String>) -> Operand {
        self.measure(Measure::Mean(property.into()))
    }

    /// The smallest value of a numeric property; missing where there is no event.
    pub fn min(self, property: impl Into<String>) -> Operand {
        self.measure(Measure::Min(property.into()))
    }

    /// The largest value of a numeric property; missing where there is no event.
    pub fn max(self, property: impl Into<String>) -> Operand {
        self.measure(Measure::Max(property.into()))
    }

    /// How many different values of a property there were.
    pub fn distinct(self, property: impl Into<String>) -> Operand {
        self.measure(Measure::Distinct(property.into()))
    }

    /// When the first one was.
    pub fn first(self) -> Operand {
        self.measure(Measure::First)
    }

    /// When the last one was.
    pub fn last(self) -> Operand {
        self.measure(Measure::Last)
    }

    /// On how many calendar days there was one.
    ///
    /// ```
    /// use bespoke::rule::event;
    /// use bespoke::time::Span;
    /// let regular = event("page_viewed").within(Span::days(7)).days().at_least(3);
    /// assert_eq!(regular.to_string(), "event('page_viewed').within(1w).days() >= 3");
    /// ```
    pub fn days(self) -> Operand {
        self.measure(Measure::Periods(Period::Day))
    }

    /// In how many calendar weeks there was one.
    pub fn weeks(self) -> Operand {
        self.measure(Measure::Periods(Period::Week))
    }

    fn measure(mut self, measure: Measure) -> Operand {
        if let Some(property) = measure.property() {
            self.error = self.error.or(check_name(NameKind::Property, property, &Location::Built).err());
        }
        self.query.measure = measure;
        Operand { source: Source::Event(self.query.canonical()), error: self.error }
    }
}

/// What cannot be asked of an event itself.
fn misplaced(expr: &Expr) -> Option<RuleError> {
    match expr {
        Expr::And(parts) | Expr::Or(parts) => parts.iter().find_map(misplaced),
        Expr::Not(inner) => misplaced(inner),
        expr => match Asked::of(expr) {
            Some(asked) => (!asked.test.is_scalar()).then(|| not_scalar(Location::Built, asked.test)),
            None => {
                let (wanted, found) = ("a test of `Rule::property`", format!("`{}`", shorten(&expr.to_string())));
                Some(RuleError::Syntax { at: Location::Built, wanted, found })
            }
        },
    }
}

/// One event after the other; see [`sequence`].
#[derive(Clone, Debug)]
#[must_use]
pub struct SequenceOperand {
    sequence: Sequence,
    error: Option<RuleError>,
}

/// One event after the other, each later than the one before.
///
/// ```
/// use bespoke::rule::{event, sequence};
/// use bespoke::time::Span;
/// let left_behind = sequence([event("item_added")]).without(event("purchased")).after(Span::hours(2)).happened();
/// let text = "sequence(event('item_added')).without(event('purchased')).after(2h)";
/// assert_eq!(left_behind.to_string(), text);
/// ```
pub fn sequence(steps: impl IntoIterator<Item = EventOperand>) -> SequenceOperand {
    let mut error = None;
    let mut taken = Vec::new();
    for step in steps {
        error = error.or(step.error);
        taken.push(step.query.canonical());
    }
    let sequence = Sequence { steps: taken, without: None, after: None, when: When::Ever, at: BUILT };
    SequenceOperand { sequence, error }
}

impl SequenceOperand {
    /// Only if this does not happen between the first event and the last, nor for as long after as
    /// [`SequenceOperand::after`] says.
    pub fn without(mut self, event: EventOperand) -> Self {
        self.error = self.error.or(event.error);
        self.sequence.without = Some(event.query.canonical());
        self
    }

    /// Only once so much time has passed since the last event.
    pub fn after(mut self, span: Span) -> Self {
        self.sequence.after = Some(span);
        self
    }

    /// Only if all of it lies within the last so much time.
    pub fn within(self, window: Span) -> Self {
        self.when(When::Within(window))
    }

    /// Only if all of it lies between so long ago and so long ago.
    pub fn between(self, from: Span, to: Span) -> Self {
        self.when(When::Between(from, to))
    }

    /// Only if all of it lies after a time.
    pub fn since(self, time: Timestamp) -> Self {
        self.when(When::Since(time))
    }

    /// Only if all of it lies in the running session.
    pub fn in_session(self) -> Self {
        self.when(When::InSession)
    }

    /// Only if all of it lies in the last so many calendar days, today included, so many minutes ahead of UTC.
    pub fn calendar_days(self, count: u32, offset: i32) -> Self {
        self.when(When::Days(count, offset.clamp(-899, 899)))
    }

    /// Only if all of it lies in the last so many calendar weeks from Monday, this one included.
    pub fn calendar_weeks(self, count: u32, offset: i32) -> Self {
        self.when(When::Weeks(count, offset.clamp(-899, 899)))
    }

    fn when(mut self, when: When) -> Self {
        self.sequence.when = when;
        self
    }

    /// Whether it happened.
    #[must_use]
    pub fn happened(self) -> Rule {
        // A sequence of nothing cannot be written.
        let empty = RuleError::Empty { at: Location::Built, what: "sequence" };
        let error = self.error.or(self.sequence.steps.is_empty().then_some(empty));
        Rule::built(Expr::Sequence(Box::new(self.sequence)), error)
    }
}
