//! Conditions that can never hold, or never fail.
//!
//! The search puts the conditions of a rule together, a way through its disjunctions at a time, and keeps for each
//! thing asked about the values that are still possible: intervals of numbers, sets of texts, truths, and none at all.
//! Where nothing is left the way is closed; where every way is, the rule never holds. What is not understood is taken
//! for possible, and a search that grows long ends with "possible", so that no rule is called impossible that some
//! profile meets. Values are taken for single ones where the schema says so; a list of 1 and 2 equals both.

mod domain;

use std::collections::BTreeMap;

use super::Rule;
use super::ast::{At, Comparison, EventQuery, Expr, Measure, Source, When};
use crate::config::{Inside, Warning};
use crate::schema::Schema;
use crate::time::Span;
use crate::value::Kind;
use domain::Domain;

/// What a rule may be looked at with.
pub(crate) struct Linter<'a> {
    /// The declared kinds.
    pub(crate) schema: &'a Schema,
    /// The rule of a segment by its name.
    pub(crate) segment: &'a dyn Fn(&str) -> Option<&'a Rule>,
}

impl<'a> Linter<'a> {
    /// Warns of every part of a rule that never holds or always does, the largest such parts, each with its place.
    pub(crate) fn look(&self, rule: &'a Rule, warn: &mut dyn FnMut(Option<Inside>, Warning)) {
        let mut steps = MOST_STEPS;
        self.visit(&rule.expr, &mut steps, warn);
    }

    /// Whether nobody can be in the one audience without being in the other, as far as a search tells.
    pub(crate) fn is_within(&self, inner: Option<&'a Rule>, outer: Option<&'a Rule>) -> bool {
        let Some(outer) = outer else { return true };
        let inner = inner.map(|rule| (&rule.expr, true));
        let mut search = Search { linter: self, steps: STEPS, single: false, conflict: None };
        !search.is_possible(inner.into_iter().chain([(&outer.expr, false)]).collect(), State::default())
    }

    fn visit(&self, expr: &'a Expr, steps: &mut usize, warn: &mut dyn FnMut(Option<Inside>, Warning)) {
        if matches!(expr, Expr::Const(_)) || *steps == 0 {
            return; // it is written for what it says
        }
        for (wanted, single) in [(true, false), (false, false), (true, true)] {
            let most = STEPS.min(*steps);
            let mut search = Search { linter: self, steps: most, single, conflict: None };
            let possible = search.is_possible(vec![(expr, wanted)], State::default());
            *steps -= most - search.steps;
            if possible {
                continue;
            }
            let rule = brief(expr.to_string());
            let because = search.conflict.map(|(a, b)| (brief(a), brief(b)));
            let inside = at(expr).and_then(|at| at.0.inside());
            return warn(
                inside,
                match (wanted, single) {
                    (true, false) => Warning::Never { rule, because },
                    (true, true) => Warning::OnlyLists { rule, because },
                    _ => Warning::Always { rule },
                },
            );
        }
        match expr {
            Expr::And(parts) | Expr::Or(parts) => parts.iter().for_each(|part| self.visit(part, steps, warn)),
            Expr::Not(inner) => self.visit(inner, steps, warn),
            Expr::Test(comparison) => {
                if let Source::Event(query) = &comparison.source {
                    self.visit_event(query, steps, warn);
                }
            }
            Expr::Sequence(of) => {
                of.steps.iter().chain(&of.without).for_each(|step| self.visit_event(step, steps, warn));
            }
            Expr::Const(_) | Expr::Segment(..) => {}
        }
    }

    /// Warns of tests that no event passes, or every one. Several items of an event may each have a value of their own.
    fn visit_event(&self, query: &'a EventQuery, steps: &mut usize, warn: &mut dyn FnMut(Option<Inside>, Warning)) {
        let mut search = |pending: Vec<(&'a Expr, bool)>, single| {
            let most = STEPS.min(*steps);
            let mut search = Search { linter: self, steps: most, single, conflict: None };
            let possible = search.is_possible(pending, State::default());
            *steps -= most - search.steps;
            (possible, search.conflict.map(|(a, b)| (brief(a), brief(b))))
        };
        if query.tests.is_empty() {
            return;
        }
        // The last is looked at first.
        let all = || query.tests.iter().rev().map(|test| (test, true)).collect();
        let (any, because) = search(all(), false);
        let (one, because_one) = search(all(), true);
        let fails = query.tests.iter().any(|test| search(vec![(test, false)], false).0);
        let rule = brief(EventQuery { when: When::Ever, ..query.clone() }.step().to_string());
        let warning = match (any, fails, one) {
            (false, ..) => Warning::Never { rule, because },
            (_, false, _) => Warning::Always { rule },
            (_, _, false) => Warning::OnlyLists { rule, because: because_one },
            _ => return,
        };
        warn(query.at.0.inside(), warning);
    }
}

/// Calls `take` with every single condition, those within scores included.
pub(super) fn each_test(expr: &Expr, take: &mut dyn FnMut(&Expr, &Comparison)) {
    match expr {
        Expr::And(parts) | Expr::Or(parts) => parts.iter().for_each(|part| each_test(part, take)),
        Expr::Not(inner) => each_test(inner, take),
        Expr::Test(comparison) => match &comparison.source {
            Source::Score(points) => points.iter().for_each(|part| each_test(&part.rule, take)),
            _ => take(expr, comparison),
        },
        Expr::Const(_) | Expr::Segment(..) | Expr::Sequence(_) => {}
    }
}

/// Calls `take` with every sequence, those within scores included.
pub(super) fn each_sequence(expr: &Expr, take: &mut dyn FnMut(&Expr)) {
    match expr {
        Expr::And(parts) | Expr::Or(parts) => parts.iter().for_each(|part| each_sequence(part, take)),
        Expr::Not(inner) => each_sequence(inner, take),
        Expr::Test(comparison) => {
            if let Source::Score(points) = &comparison.source {
                points.iter().for_each(|part| each_sequence(&part.rule, take));
            }
        }
        Expr::Sequence(_) => take(expr),
        Expr::Const(_) | Expr::Segment(..) => {}
    }
}

/// A condition as messages repeat it.
fn brief(text: String) -> String {
    match text.char_indices().nth(MOST_TEXT) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// Where an expression begins.
fn at(expr: &Expr) -> Option<&At> {
    match expr {
        Expr::Const(_) => None,
        Expr::And(parts) | Expr::Or(parts) => parts.iter().find_map(at),
        Expr::Not(inner) => at(inner),
        Expr::Segment(_, at) => Some(at),
        Expr::Sequence(sequence) => Some(&sequence.at),
        Expr::Test(comparison) => Some(&comparison.at),
    }
}

/// What is still possible on one way through a rule.
#[derive(Clone, Debug, Default)]
struct State {
    /// By what is asked about: the values, and the last condition on them.
    values: BTreeMap<String, (Domain, String)>,
    /// Counts: by the query without its window, the window and what is asked about.
    counts: BTreeMap<String, Vec<(Span, String)>>,
    /// Conditions that are not understood, and segments, with what is wanted of them.
    opaque: BTreeMap<String, bool>,
}

struct Search<'l, 'a> {
    linter: &'l Linter<'a>,
    /// How many more conditions may be looked at.
    steps: usize,
    /// Values of no declared kind are taken for single ones too.
    single: bool,
    /// The last two conditions that excluded each other.
    conflict: Option<(String, String)>,
}

impl<'a> Search<'_, 'a> {
    /// Whether all of the expressions can be as wanted at once.
    fn is_possible(&mut self, mut pending: Vec<(&'a Expr, bool)>, mut state: State) -> bool {
        while let Some((expr, wanted)) = pending.pop() {
            if self.steps == 0 {
                return true;
            }
            self.steps -= 1;
            match (expr, wanted) {
                (Expr::Const(value), wanted) if *value == wanted => {}
                (Expr::Const(_), _) => return false,
                (Expr::Not(inner), wanted) => pending.push((inner, !wanted)),
                (Expr::And(parts), true) | (Expr::Or(parts), false) => {
                    // Disjunctions are looked at last, when most is known.
                    let (ways, rest): (Vec<_>, Vec<_>) = parts.iter().partition(|part| is_way(part, wanted));
                    let at = pending.partition_point(|(expr, wanted)| is_way(expr, *wanted));
                    pending.splice(at..at, ways.into_iter().map(|part| (part, wanted)));
                    pending.extend(rest.into_iter().rev().map(|part| (part, wanted)));
                }
                (Expr::And(parts) | Expr::Or(parts), wanted) => {
                    // The last way needs no copy, but one is little beside the search.
                    return parts.iter().any(|part| {
                        let mut pending = pending.clone();
                        pending.push((part, wanted));
                        self.is_possible(pending, state.clone())
                    });
                }
                (Expr::Segment(name, _), wanted) => {
                    if !self.opaque(&mut state, expr.to_string(), wanted) {
                        return false;
                    }
                    if let Some(rule) = (self.linter.segment)(name) {
                        pending.push((&rule.expr, wanted));
                    }
                }
                (Expr::Sequence(_), wanted) => {
                    if !self.opaque(&mut state, expr.to_string(), wanted) {
                        return false;
                    }
                }
                (Expr::Test(comparison), wanted) => {
                    if !self.condition(&mut state, expr, comparison, wanted) {
                        return false;
                    }
                }
            }
        }
        true
    }

    fn opaque(&mut self, state: &mut State, text: String, wanted: bool) -> bool {
        match state.opaque.get(&text) {
            Some(before) if *before != wanted => {
                self.conflict = Some((text.clone(), format!("NOT {text}")));
                false
            }
            _ => {
                state.opaque.insert(text, wanted);
                true
            }
        }
    }

    /// Narrows what is possible by a condition; `false` if nothing is left.
    fn condition(&mut self, state: &mut State, expr: &Expr, comparison: &Comparison, wanted: bool) -> bool {
        let text = if wanted { expr.to_string() } else { format!("NOT {expr}") };
        let kind = self.kind(&comparison.source);
        let passing = Domain::of(&comparison.test, kind.is_by_number());
        let (Some(all), Some(passing)) = (kind.all(), passing) else {
            return self.opaque(state, expr.to_string(), wanted);
        };
        let passing = if wanted { passing } else { passing.opposite() };
        let of = comparison.source.to_string();
        let (before, because) = state.values.get(&of).cloned().unwrap_or_else(|| (all, String::new()));
        let mut left = before.and(&passing);
        if matches!(kind, Asked::Count) && left.whole().is_none() {
            left = left.and(&left.opposite());
        }
        if left.is_empty() {
            self.conflict = (!because.is_empty()).then(|| (because.clone(), text));
            return false;
        }
        state.values.insert(of.clone(), (left, text.clone()));
        match (&comparison.source, kind) {
            (Source::Event(query), Asked::Count) => self.compare_windows(state, query, of, text),
            _ => true,
        }
    }

    /// In a longer window there are not fewer events than in a shorter one.
    fn compare_windows(&mut self, state: &mut State, query: &EventQuery, of: String, text: String) -> bool {
        let window = match query.when {
            When::Ever => Span::from_millis(i64::MAX),
            When::Within(window) => window,
            // Which of these reaches further depends on the time.
            _ => return true,
        };
        let mut lifelong = query.clone();
        lifelong.when = When::Ever;
        let windows = state.counts.entry(lifelong.to_string()).or_default();
        if !windows.iter().any(|(_, other)| *other == of) {
            windows.push((window, of.clone()));
        }
        let range = |of: &String| state.values.get(of).and_then(|(domain, _)| domain.whole());
        let Some((least, most)) = range(&of) else { return true };
        for (other, name) in windows.iter() {
            let Some((other_least, other_most)) = range(name) else { continue };
            if (*other <= window && other_least > most) || (*other >= window && least > other_most) {
                let other = state.values.get(name).map(|(_, text)| text.clone());
                self.conflict = other.map(|other| (other, text));
                return false;
            }
        }
        true
    }

    fn kind(&self, source: &Source) -> Asked {
        match source {
            // What is declared of a kind holds nothing of another one; a list may hold anything.
            Source::Attribute(name) => match self.linter.schema.attributes.get(name) {
                Some(Kind::Time) => Asked::Time,
                Some(Kind::Bool | Kind::Number | Kind::Text) => Asked::One,
                _ if self.single => Asked::One,
                _ => Asked::Anything,
            },
            Source::Session(_) => Asked::One,
            Source::Event(query) => match query.measure {
                Measure::Count => Asked::Count,
                Measure::Sum(_) | Measure::Distinct(_) | Measure::Periods(_) => Asked::Number,
                Measure::Mean(_) | Measure::Min(_) | Measure::Max(_) => Asked::One,
                Measure::First | Measure::Last => Asked::Time,
            },
            Source::Context(_) | Source::Property(_) if self.single => Asked::One,
            _ => Asked::Anything,
        }
    }
}

/// What values something can have.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Asked {
    /// Nothing is known.
    Anything,
    /// One value or none.
    One,
    /// A whole number from zero on.
    Count,
    /// A number.
    Number,
    /// A time as a number of milliseconds, or none.
    Time,
}

impl Asked {
    fn all(self) -> Option<Domain> {
        match self {
            Self::Anything => None,
            Self::One => Some(Domain::all()),
            Self::Count => Some(Domain::numbers(Some(0.0), false)),
            Self::Number | Self::Time => Some(Domain::numbers(None, true)),
        }
    }

    const fn is_by_number(self) -> bool {
        matches!(self, Self::Count | Self::Number | Self::Time)
    }
}

/// Whether an expression that is wanted so branches.
fn is_way(expr: &Expr, wanted: bool) -> bool {
    match (expr, wanted) {
        (Expr::Not(inner), wanted) => is_way(inner, !wanted),
        (Expr::Or(_), true) | (Expr::And(_), false) => true,
        _ => false,
    }
}

/// How much of a condition is repeated, in characters.
const MOST_TEXT: usize = 200;
/// How many conditions one search looks at.
const STEPS: usize = 1_000;
/// How many all searches of one rule look at.
const MOST_STEPS: usize = 20_000;
