//! What would change the answer of a condition.

use super::{Change, Evidence};
use crate::profile::Reached;
use crate::rule::asked::Asked;
use crate::rule::ast::{EventQuery, Expr, Literal, Measure, Op, Sequence, Source, Test, When};
use crate::rule::check::literals;
use crate::rule::eval::Compiled;
use crate::rule::facts::Facts;
use crate::time::{Span, Timestamp};
use crate::truth::{Answer, Truth};
use crate::value::Value;

/// The value that a condition asks for, or any other.
pub(super) fn of_value(source: &Source, test: &Test, answer: Answer) -> Change {
    let wanted = match test {
        Test::Is(Op::Eq, literal) => literal.to_string(),
        test => test.to_string(),
    };
    Change::Value { of: source.to_string(), wanted, unlike: answer.is_yes() }
}

/// What more events would do.
pub(super) fn of_events(
    query: &EventQuery,
    passes: &Asked,
    test: &Test,
    evidence: Option<&Evidence>,
    answer: Answer,
    now: Timestamp,
) -> Option<Change> {
    // Whether a number turns the answer.
    let turns = |number: f64| {
        !answer.is_unknown() && Answer::from(passes.ask(Some(&Value::Number(number)), now).holds) != answer
    };
    match (&query.measure, evidence?) {
        (Measure::Count, Evidence::Events { count, times, missing: None }) => {
            let least = f64::from(*count) + 1.0;
            // The answer turns at a number that is written down, or right behind one.
            let written = numbers(test).flat_map(|number| [libm::ceil(number), libm::floor(number) + 1.0]);
            let turning = written.chain([least]).filter(|number| *number >= least && turns(*number));
            let more = turning.min_by(f64::total_cmp)? - f64::from(*count);
            let before = match (query.when, times.first()) {
                (When::Within(window), Some(oldest)) => Some(*oldest + window),
                // What happens now is not in it yet.
                (When::Between(..), _) => return None,
                _ => None,
            };
            // The cast saturates where nobody will ever count to.
            Some(Change::Events { more: more as u32, event: name(query), before })
        }
        (Measure::Sum(property), Evidence::Amount { sum, .. }) => {
            let above = |number: f64| number + number.abs().max(1.0) * 1e-9;
            let ahead = numbers(test).filter(|number| number >= sum);
            let turning = ahead.filter(|number| turns(*number) || turns(above(*number)));
            let number = turning.min_by(f64::total_cmp)?;
            let (more, over) = (number - sum, !turns(number));
            Some(Change::Amount { more, over, property: property.clone(), event: name(query) })
        }
        (Measure::First, Evidence::Missing) | (Measure::Last, _) => {
            // Event times lie where `f64` holds milliseconds exactly.
            let then = passes.ask(Some(&Value::Number(now.millis() as f64)), now).holds;
            let turns = !answer.is_unknown() && Answer::from(then) != answer;
            turns.then(|| Change::Events { more: 1, event: name(query), before: None })
        }
        _ => None,
    }
}

/// What is still to be done of a sequence: the steps that were not taken, in their order, the first of them in time.
pub(super) fn of_steps(of: &Sequence, reached: &Reached) -> impl Iterator<Item = Change> {
    // What happens now is not in a window that ends before now.
    let is_up_to_now = !matches!(of.when, When::Between(..));
    let left = of.steps.iter().skip(reached.times.len()).filter(move |_| is_up_to_now);
    let before = std::iter::once(reached.before).chain(std::iter::repeat(None));
    left.zip(before).map(|(step, before)| Change::Events { more: 1, event: name(step), before })
}

/// When the answer changes with no event, to the millisecond.
pub(super) fn of_time<F: Facts>(compiled: &Compiled, truth: Truth, at: &dyn Fn(Timestamp) -> F) -> Option<Change> {
    let mut time = truth.until;
    for _ in 0..MOST_LOOKS {
        if time == Timestamp::MAX {
            return None;
        }
        let then = compiled.eval(&at(time));
        if then.answer != truth.answer {
            return Some(Change::Time { at: time });
        }
        time = then.until.max(time + Span::from_millis(1));
    }
    None
}

/// The events that a query asks for, as people say it.
pub(super) fn name(query: &EventQuery) -> String {
    let mut name = query.kind.name().to_owned();
    for (i, test) in query.tests.iter().enumerate() {
        name.push_str(if i == 0 { " where " } else { " and " });
        let is_way = matches!(test, Expr::Or(_)) && query.tests.len() > 1;
        name.push_str(&if is_way { format!("({test})") } else { test.to_string() });
    }
    name
}

fn numbers(test: &Test) -> impl Iterator<Item = f64> {
    literals(test).filter_map(|literal| if let Literal::Number(number) = literal { Some(*number) } else { None })
}

/// Through how many times at which a condition could turn it is followed.
const MOST_LOOKS: usize = 1_000;
