//! From a rule and what is known to its explanation.

use std::collections::BTreeSet;

use super::{Branch, Evidence, Explanation, Step, change};
use crate::hash::{Bucket, Symbol};
use crate::profile::{Asked, Reached};
use crate::rule::Rule;
use crate::rule::asked;
use crate::rule::ast::{Comparison, EventQuery, Expr, Literal, Measure, Sequence, Source, Test};
use crate::rule::check::literals;
use crate::rule::error::RuleError;
use crate::rule::eval::{self, Compiled, Name};
use crate::rule::eval_query::{self, frame, window_of};
use crate::rule::facts::{Facts, Scalar};
use crate::rule::lists::Lists;
use crate::rule::plan::CounterPlan;
use crate::rule::portrait::{AffinityMeasure, Portrait, first_shown, local_value, rfm};
use crate::time::{Span, Timestamp};
use crate::truth::{Answer, Truth};
use crate::value::Value;

/// What an explanation needs to know of segments.
pub(crate) struct Segments<'a> {
    /// The index of a segment by its name.
    pub(crate) index: &'a dyn Fn(&str) -> Option<usize>,
    /// The rule of a segment by its index.
    pub(crate) rule: &'a dyn Fn(usize) -> Option<&'a Rule>,
    /// The lists that rules look into.
    pub(crate) lists: &'a Lists,
}

/// Explains a rule; `at` gives what is known at a time.
///
/// # Errors
/// As [`Rule::compile`].
pub(crate) fn explain<F: Facts>(
    rule: &Rule,
    segments: &Segments<'_>,
    at: &dyn Fn(Timestamp) -> F,
    now: Timestamp,
) -> Result<Explanation, RuleError> {
    let mut walk = Walk { segments, at, now, opened: BTreeSet::new(), open: 0, nodes: 0 };
    walk.node(&rule.expr).map(|(_, explanation)| explanation)
}

struct Walk<'a, 's, F> {
    segments: &'a Segments<'s>,
    at: &'a dyn Fn(Timestamp) -> F,
    now: Timestamp,
    /// The segments whose rules have been shown; each is shown once.
    opened: BTreeSet<usize>,
    /// How many segments are open around this place.
    open: usize,
    nodes: usize,
}

impl<F: Facts> Walk<'_, '_, F> {
    fn node(&mut self, expr: &Expr) -> Result<(Truth, Explanation), RuleError> {
        self.nodes += 1;
        match expr {
            Expr::And(parts) => self.all(parts, Branch::All, Answer::Yes),
            Expr::Or(parts) => self.all(parts, Branch::Any, Answer::No),
            Expr::Not(inner) => {
                let (truth, inner) = self.node(inner)?;
                let truth = !truth;
                Ok((truth, Explanation { parts: vec![inner], ..of(Branch::Not, String::new(), truth) }))
            }
            Expr::Segment(name, _) => self.segment(expr, name),
            Expr::Const(_) | Expr::Sequence(_) => {
                let compiled = self.compile(expr)?;
                let facts = (self.at)(self.now);
                let truth = compiled.eval(&facts);
                let mut explanation = of(Branch::Condition, expr.to_string(), truth);
                if let Expr::Sequence(sequence) = expr {
                    let reached = reached(sequence, &compiled, &facts);
                    if truth.answer == Answer::No {
                        explanation.changes.extend(change::of_steps(sequence, &reached));
                    }
                    explanation.evidence = Some(steps(sequence, reached, truth.answer));
                    explanation.changes.extend(change::of_time(&compiled, truth, self.at));
                }
                Ok((truth, explanation))
            }
            Expr::Test(comparison) => self.condition(expr, comparison),
        }
    }

    fn all(&mut self, parts: &[Expr], kind: Branch, wanted: Answer) -> Result<(Truth, Explanation), RuleError> {
        let (mut truths, mut explained) = (Vec::new(), Vec::new());
        for part in parts {
            let (truth, explanation) = self.node(part)?;
            truths.push(truth);
            // The answer reads every part; of a rule with thousands the first ones are shown.
            if self.nodes <= MOST_NODES {
                explained.push(explanation);
            }
        }
        let truth = eval::all(truths, wanted);
        Ok((truth, Explanation { parts: explained, ..of(kind, String::new(), truth) }))
    }

    fn segment(&mut self, expr: &Expr, name: &str) -> Result<(Truth, Explanation), RuleError> {
        let truth = self.compile(expr)?.eval(&(self.at)(self.now));
        let mut explanation = of(Branch::Segment, name.to_owned(), truth);
        let Some(index) = (self.segments.index)(name) else { return Ok((truth, explanation)) };
        let is_shown = self.open < MOST_OPEN && self.nodes <= MOST_NODES && self.opened.insert(index);
        if let Some(rule) = (self.segments.rule)(index).filter(|_| is_shown) {
            self.open += 1;
            let (inner, part) = self.node(&rule.expr)?;
            self.open -= 1;
            explanation.until = time(inner.until);
            explanation.parts.push(part);
        }
        Ok((truth, explanation))
    }

    /// A single condition. What is not known here in particular still gets its text, answer, time, and the value that
    /// it would have to have.
    fn condition(&mut self, expr: &Expr, comparison: &Comparison) -> Result<(Truth, Explanation), RuleError> {
        let compiled = self.compile(expr)?;
        let facts = (self.at)(self.now);
        let truth = compiled.eval(&facts);
        let mut explanation = of(Branch::Condition, comparison.to_string(), truth);
        let mut changes = Vec::new();
        // What something is derived from is what was found.
        let mut source = &comparison.source;
        while let Source::Derived(_, from) = source {
            source = from;
        }
        explanation.evidence = match source {
            Source::Attribute(name) => {
                let value = Name::new(name, &mut Vec::new()).find(|symbol| facts.attribute(symbol));
                let first = name.split('.').next().unwrap_or_default();
                let set = || facts.set_at(Symbol::new(name)).or_else(|| facts.set_at(Symbol::new(first)));
                Some(found(value, set))
            }
            Source::Context(name) => {
                Some(found(Name::new(name, &mut Vec::new()).find(|symbol| facts.context(symbol)), || None))
            }
            Source::Session(fact) => {
                let value = facts.session(*fact).map(|scalar| match scalar {
                    Scalar::Bool(value) => Value::from(value),
                    Scalar::Number(number) => Value::from(number),
                    Scalar::Text(text) => Value::from(text),
                });
                Some(found(value.as_ref(), || None))
            }
            Source::Event(query) => events(query, &compiled, &facts),
            Source::Group { kind, name } => Some(found(facts.group(Symbol::new(kind), Symbol::new(name)), || None)),
            Source::Computed { id, part, .. } => Some(found(facts.computed(*id, *part).as_deref(), || None)),
            Source::Portrait(of) => portrait(of, &comparison.test, &facts),
            Source::Score(points) => {
                for part in points {
                    explanation.parts.push(self.node(&part.rule)?.1);
                }
                None
            }
            Source::Element(_) | Source::Property(_) | Source::Derived(..) => None,
        };
        match &comparison.source {
            Source::Event(query) => changes.extend(change::of_events(
                query,
                &asked::Asked::new(&comparison.source, &comparison.test, self.segments.lists),
                &comparison.test,
                explanation.evidence.as_ref(),
                truth.answer,
                self.now,
            )),
            source => changes.push(change::of_value(source, &comparison.test, truth.answer)),
        }
        changes.extend(change::of_time(&compiled, truth, self.at));
        explanation.changes = changes;
        Ok((truth, explanation))
    }

    fn compile(&self, expr: &Expr) -> Result<Compiled, RuleError> {
        eval::compile(expr, &mut |name| (self.segments.index)(name), self.segments.lists, &mut CounterPlan::default())
    }
}

/// What a counter says.
fn events(query: &EventQuery, compiled: &Compiled, facts: &impl Facts) -> Option<Evidence> {
    let counter = compiled.reads().counters.first().and_then(|id| facts.counter(*id));
    let frame = frame(window_of(query), facts);
    // A counter that is not there may have been asked for only after events had come.
    let since = compiled.reads().counters.first().map(|id| facts.absent_since(*id)).filter(|_| counter.is_none());
    let unborn = since.filter(|since| frame.missing(*since).is_some()).map(|since| since - MILLISECOND);
    Some(match (&query.measure, counter) {
        (Measure::Count, None) => Evidence::Events { count: 0, times: Vec::new(), missing: unborn },
        (_, None) if unborn.is_some() => Evidence::Events { count: 0, times: Vec::new(), missing: unborn },
        (Measure::Count, Some(counter)) => {
            let count = counter.estimate(Asked::Count, &frame);
            let missing = if count.known { None } else { counter.missing() };
            // A count is a whole number far below 2^32, and the cast saturates.
            let least = count.value.unwrap_or(0.0) as u32;
            Evidence::Events { count: least, times: counter.times(&frame), missing }
        }
        (Measure::Sum(_), counter) => {
            let sum = counter.map(|counter| counter.estimate(Asked::Sum, &frame));
            sum.map_or(Evidence::Amount { sum: 0.0, exact: true }, |sum| Evidence::Amount {
                sum: sum.value.unwrap_or(0.0),
                exact: sum.is_exact(),
            })
        }
        (Measure::First | Measure::Last, counter) => {
            let time = counter.and_then(|counter| match query.measure {
                Measure::First => counter.first_in(&frame).value,
                _ => counter.last_in(&frame).value,
            });
            time.map_or(Evidence::Missing, |time| Evidence::Time { time })
        }
        (_, None) => Evidence::Missing,
        (measure, Some(counter)) => {
            let asked = match measure {
                Measure::Mean(_) => Asked::Mean,
                Measure::Min(_) => Asked::Min,
                Measure::Max(_) => Asked::Max,
                _ => Asked::Count,
            };
            let found = counter.estimate(asked, &frame);
            let end = |number: f64| number.is_finite().then_some(number);
            let missing = if found.known { None } else { counter.missing() };
            Evidence::Estimate { value: found.value, low: end(found.low), high: end(found.high), missing }
        }
    })
}

/// How far a sequence has come.
fn reached(of: &Sequence, compiled: &Compiled, facts: &impl Facts) -> Reached {
    let Some(id) = compiled.reads().counters.first() else { return Reached::default() };
    if let Some(counter) = facts.counter(*id) {
        return counter.reached(&eval_query::steps(of), &frame(of.when.window(), facts));
    }
    let since = Some(facts.absent_since(*id)).filter(|since| *since > Timestamp::MIN);
    Reached { missing: since.map(|since| since - MILLISECOND), ..Reached::default() }
}

/// What was found of a sequence.
fn steps(of: &Sequence, reached: Reached, answer: Answer) -> Evidence {
    let Reached { times, ended, missing, .. } = reached;
    let times = times.into_iter().map(Some).chain(std::iter::repeat(None));
    let steps = of.steps.iter().zip(times).map(|(step, time)| Step { event: change::name(step), time }).collect();
    let ended = ended.filter(|_| !answer.is_yes());
    // What is missing matters where it could tell otherwise.
    Evidence::Steps { steps, ended, missing: missing.filter(|_| answer.is_unknown()) }
}

/// What is told of a person as a whole.
fn portrait(of: &Portrait, test: &Test, facts: &impl Facts) -> Option<Evidence> {
    let now = facts.now();
    let value = |value: Value| Some(Evidence::Value { value, set: None });
    match of {
        Portrait::Affinity { dimension, value: name, measure } => {
            let (dimension, name) = (Symbol::new(dimension), Symbol::new(name));
            match measure {
                AffinityMeasure::Share => Some(Evidence::Share { share: facts.affinity(dimension, name) }),
                AffinityMeasure::Score => {
                    let weight = facts.affinity_weight(dimension, name);
                    let sum = weight.map_or(0.0, |(weight, half_life)| weight.at(now, half_life));
                    Some(Evidence::Amount { sum, exact: false })
                }
                AffinityMeasure::Rank => {
                    let rank = facts.affinity_rank(dimension, name);
                    rank.map_or(Some(Evidence::Missing), |rank| value(Value::from(f64::from(rank))))
                }
            }
        }
        Portrait::Stage => {
            let stage = facts.visits().map(|(visits, lifecycle)| lifecycle.stage(&visits, now));
            stage.map_or(Some(Evidence::Missing), |(stage, since)| {
                Some(Evidence::Value { value: Value::from(stage.name()), set: Some(since) })
            })
        }
        Portrait::StageSince => {
            let since = facts.visits().map(|(visits, lifecycle)| lifecycle.stage(&visits, now).1);
            since.map(|time| Evidence::Time { time })
        }
        Portrait::Purchases => value(Value::from(f64::from(facts.purchases().unwrap_or_default().count()))),
        Portrait::PurchaseSince => {
            let last = facts.purchases().unwrap_or_default().last();
            Some(last.map_or(Evidence::Missing, |time| Evidence::Time { time }))
        }
        Portrait::Spent(currency) => {
            let sum = facts.purchases().unwrap_or_default().amount(Symbol::new(currency));
            Some(Evidence::Amount { sum, exact: true })
        }
        Portrait::Percent(salt) => {
            let percent = facts.person().map(|person| Bucket::salted(Symbol::new(salt), &person.to_bytes()).percent());
            percent.map_or(Some(Evidence::Missing), |percent| value(Value::from(percent)))
        }
        // Of names only those that the rule asks for are at hand.
        Portrait::Top(dimension) => match facts.affinity_top(Symbol::new(dimension)) {
            None => Some(Evidence::Missing),
            Some(top) => texts(test).find(|name| Symbol::new(name) == top).and_then(|name| value(name.into())),
        },
        Portrait::Rfm(score) => match rfm(*score, facts) {
            None => Some(Evidence::Missing),
            Some(score) => value(Value::from(f64::from(score))),
        },
        Portrait::Local(fact, offset) => Some(found(local_value(*fact, *offset, facts).as_ref(), || None)),
        Portrait::Variant(campaign) => Some(match first_shown(campaign, None, facts) {
            (Some(time), _) => {
                let is_it = |name: &&str| first_shown(campaign, Some(name), facts).0 == Some(time);
                match texts(test).find(is_it) {
                    Some(name) => Evidence::Value { value: name.into(), set: Some(time) },
                    None => Evidence::Time { time },
                }
            }
            (None, None) => Evidence::Missing,
            (None, Some(since)) => Evidence::Events { count: 0, times: Vec::new(), missing: Some(since - MILLISECOND) },
        }),
    }
}

/// The names that a test asks for.
fn texts(test: &Test) -> impl Iterator<Item = &str> {
    literals(test).filter_map(|of| if let Literal::Text(text) = of { Some(text.as_str()) } else { None })
}

fn found(value: Option<&Value>, set: impl FnOnce() -> Option<Timestamp>) -> Evidence {
    match value {
        None | Some(Value::Null) => Evidence::Missing,
        Some(value) => Evidence::Value { value: value.clone(), set: set() },
    }
}

pub(super) fn of(kind: Branch, text: String, truth: Truth) -> Explanation {
    let until = time(truth.until);
    let (answer, changes, parts) = (truth.answer, Vec::new(), Vec::new());
    Explanation { kind, text, answer, included: None, until, evidence: None, changes, parts }
}

fn time(until: Timestamp) -> Option<Timestamp> {
    (until < Timestamp::MAX).then_some(until)
}

const MILLISECOND: Span = Span::from_millis(1);
/// How many parts are shown.
const MOST_NODES: usize = 2_000;
/// How many segments are opened within each other.
const MOST_OPEN: usize = 16;
