//! Windows and thresholds that profiles can answer, and sequences that make sense.

use crate::profile::{MOST_STEPS, Period};
use crate::time::Span;

use super::ast::{At, EventQuery, Literal, Measure, Sequence, Test, When};
use super::check::{LONGEST_WINDOW, MOST_COUNTED, literals};
use super::error::RuleError;

/// Whether profiles can answer what is asked of events within this window.
pub(super) fn query(query: &EventQuery, test: &Test, op_at: &At, errors: &mut Vec<RuleError>) {
    let (before, day) = (errors.len(), Span::days(1).millis());
    when(query.when, &query.when_at, errors);
    if errors.len() > before {
        return;
    }
    let mut refuse = |wanted: &'static str| {
        let (at, measure) = (query.when_at.0.clone(), query.measure.name());
        errors.push(RuleError::WindowOfMeasure { at, measure, wanted });
    };
    match (&query.measure, query.when) {
        (Measure::Periods(Period::Day), When::Within(span)) if span.millis() % day != 0 => refuse("whole days"),
        (Measure::Periods(Period::Week), When::Within(span)) if span.millis() % (7 * day) != 0 => {
            refuse("whole weeks");
        }
        (Measure::Periods(_), When::Between(..) | When::InSession | When::Since(_)) => {
            refuse("a window up to now, in whole days or weeks");
        }
        // Of each value the last time is kept, which may lie after the window.
        (Measure::Distinct(_), When::Between(..)) => refuse("a window up to now"),
        (Measure::Distinct(_), When::Days(count, _)) if count > 31 => refuse("at most 31 calendar days"),
        (Measure::Distinct(_), When::Weeks(count, _)) if count > 4 => refuse("at most 4 calendar weeks"),
        (Measure::Sum(_) | Measure::Mean(_) | Measure::Min(_) | Measure::Max(_), When::Days(count, _))
            if count > 92 =>
        {
            refuse("at most 92 calendar days");
        }
        (Measure::Sum(_) | Measure::Mean(_) | Measure::Min(_) | Measure::Max(_), When::Weeks(count, _))
            if count > 13 =>
        {
            refuse("at most 13 calendar weeks");
        }
        _ => {}
    }
    if query.measure == Measure::Count && query.when != When::Ever {
        for literal in literals(test) {
            let Literal::Number(number) = literal else { continue };
            if *number > f64::from(MOST_COUNTED) {
                errors.push(RuleError::Threshold { at: op_at.0.clone(), found: *number, limit: MOST_COUNTED });
                break;
            }
        }
    }
}

/// Whether a stretch of time has a length, and is not too long.
fn when(when: When, at: &At, errors: &mut Vec<RuleError>) {
    let longest = LONGEST_WINDOW.millis() / Span::days(1).millis();
    let window = match when {
        When::Ever | When::Since(_) | When::InSession => return,
        When::Within(span) => span,
        When::Between(from, to) if from > to => from,
        When::Between(..) => Span::ZERO,
        When::Days(count, _) if i64::from(count) <= longest => Span::days(count),
        When::Weeks(count, _) if i64::from(count) <= longest / 7 => Span::days(count * 7),
        When::Days(..) | When::Weeks(..) => Span::from_millis(i64::MAX),
    };
    if window.is_zero() || window > LONGEST_WINDOW {
        errors.push(RuleError::Window { at: at.0.clone(), window });
    }
}

pub(super) fn sequence(of: &Sequence, errors: &mut Vec<RuleError>) {
    let mut refuse = |wanted: &'static str, found: &str| {
        errors.push(RuleError::Syntax { at: of.at.0.clone(), wanted, found: found.to_owned() });
    };
    if of.steps.is_empty() || of.steps.len() > MOST_STEPS {
        refuse("a sequence of one to eight events", &format!("{} events", of.steps.len()));
    }
    if of.steps.first().is_some_and(|step| step.when != When::Ever) {
        refuse("`within` at a later event, or behind the sequence", "it at the first event");
    }
    if of.without.as_ref().is_some_and(|step| step.when != When::Ever) {
        refuse("`within` behind the sequence", "it at the event that must not happen");
    }
    match (of.steps.len(), &of.without, of.after) {
        (_, None, Some(_)) => refuse("`without(event(…))` beside `after`", "none"),
        (1, Some(_), None) => refuse("`after`, or a second event to come before", "neither"),
        _ => {}
    }
    if of.after.is_some_and(|span| span.is_zero() || span > LONGEST_WINDOW) {
        errors.push(RuleError::Window { at: of.at.0.clone(), window: of.after.unwrap_or_default() });
    }
    for step in of.steps.iter().skip(1) {
        when(step.when, &step.when_at, errors);
    }
    when(of.when, &of.at, errors);
}
