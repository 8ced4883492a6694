//! The compiled form.
//!
//! A value that changes by time alone is either a step function of time, whose steps are known, or moves one way
//! until it crosses a threshold. In both cases the times at which the answer can change are few; the first at which
//! it does is found by asking at each.

use super::super::ast::{At, Comparison, EventQuery, Expr, Literal, Measure, Op, Source, Test};
use super::super::eval::{Aspect, Reads};
use super::super::eval_query::absent;
use super::super::facts::{Facts, Scalar};
use super::super::plan::{CounterPlan, spec};
use super::super::value_test::ValueTest;
use super::local::LocalTest;
use super::{AffinityMeasure, LocalFact, Portrait, RfmScore};
use crate::event::EventKind;
use crate::hash::{Bucket, Symbol};
use crate::profile::{CounterId, Frame, Purchases, Stage, Window};
use crate::time::{Offset, Span, Timestamp};
use crate::truth::{Answer, Truth};
use crate::value::Value;

#[derive(Clone, Debug)]
pub(crate) enum Node {
    Share {
        dimension: Symbol,
        value: Symbol,
        test: ValueTest,
    },
    Score {
        dimension: Symbol,
        value: Symbol,
        test: ValueTest,
        thresholds: Box<[f64]>,
    },
    Rank {
        dimension: Symbol,
        value: Symbol,
        test: ValueTest,
    },
    Top {
        dimension: Symbol,
        among: Among<Symbol>,
    },
    Percent {
        salt: Symbol,
        test: ValueTest,
    },
    Stage {
        /// By the place of the stage.
        answers: [bool; Stage::ALL.len()],
        /// The answer where nothing is known of the person.
        missing: bool,
    },
    StageSince {
        test: ValueTest,
        thresholds: Box<[f64]>,
    },
    Purchases(ValueTest),
    PurchaseSince {
        test: ValueTest,
        thresholds: Box<[f64]>,
    },
    Spent {
        currency: Symbol,
        test: ValueTest,
    },
    Rfm {
        score: RfmScore,
        test: ValueTest,
    },
    Local {
        test: LocalTest,
        offset: Option<Offset>,
    },
    /// The counter of all exposures of a campaign, and those of the variants.
    Variant {
        campaign: CounterId,
        among: Among<CounterId>,
    },
}

/// One of several names, or none of them, or any at all.
#[derive(Clone, Debug)]
pub(crate) enum Among<T> {
    OneOf(Box<[T]>),
    NoneOf(Box<[T]>),
    Any,
}

impl<T> Among<T> {
    /// `None` for a test that does not ask for names; checking refuses it.
    fn new(test: &Test, mut name: impl FnMut(&str) -> T) -> Option<Self> {
        let mut all = |literals: &[Literal]| {
            let texts = literals.iter().filter_map(|of| if let Literal::Text(text) = of { Some(text) } else { None });
            texts.map(|text| name(text)).collect()
        };
        Some(match test {
            Test::Is(Op::Eq, literal) => Self::OneOf(all(std::slice::from_ref(literal))),
            Test::Is(Op::Ne, literal) => Self::NoneOf(all(std::slice::from_ref(literal))),
            Test::In(literals) => Self::OneOf(all(literals)),
            Test::NotIn(literals) => Self::NoneOf(all(literals)),
            Test::Exists => Self::Any,
            _ => return None,
        })
    }

    fn passes(&self, exists: bool, is: impl Fn(&T) -> bool) -> bool {
        match self {
            Self::OneOf(names) => names.iter().any(is),
            Self::NoneOf(names) => !names.iter().any(is),
            Self::Any => exists,
        }
    }
}

impl Node {
    /// Compiles a comparison, whose test is given as it was asked and as it was compiled.
    pub(crate) fn new(
        portrait: &Portrait,
        asked: &Test,
        test: ValueTest,
        reads: &mut Reads,
        plan: &mut CounterPlan,
    ) -> Self {
        match portrait {
            Portrait::Affinity { dimension, value, measure } => {
                let (dimension, value) = (Symbol::new(dimension), Symbol::new(value));
                reads.affinities.push((dimension, Some(value)));
                match measure {
                    AffinityMeasure::Share => Self::Share { dimension, value, test },
                    AffinityMeasure::Rank => Self::Rank { dimension, value, test },
                    AffinityMeasure::Score => {
                        reads.aspects.push(Aspect::Fading);
                        Self::Score { dimension, value, test, thresholds: thresholds(asked) }
                    }
                }
            }
            Portrait::Top(dimension) => {
                let dimension = Symbol::new(dimension);
                reads.affinities.push((dimension, None));
                let among = Among::new(asked, Symbol::new).unwrap_or(Among::OneOf(Box::default()));
                Self::Top { dimension, among }
            }
            Portrait::Percent(salt) => {
                reads.aspects.push(Aspect::Person);
                Self::Percent { salt: Symbol::new(salt), test }
            }
            Portrait::Stage => {
                reads.aspects.push(Aspect::Lifecycle);
                let answers = Stage::ALL.map(|stage| test.scalar(Some(Scalar::Text(stage.name()))));
                Self::Stage { answers, missing: test.scalar(None) }
            }
            Portrait::StageSince => {
                reads.aspects.push(Aspect::Lifecycle);
                Self::StageSince { test, thresholds: thresholds(asked) }
            }
            Portrait::Purchases => {
                reads.aspects.push(Aspect::Purchases);
                Self::Purchases(test)
            }
            Portrait::PurchaseSince => {
                reads.aspects.push(Aspect::Purchases);
                Self::PurchaseSince { test, thresholds: thresholds(asked) }
            }
            Portrait::Spent(currency) => {
                reads.aspects.push(Aspect::Purchases);
                Self::Spent { currency: Symbol::new(currency), test }
            }
            Portrait::Rfm(score) => {
                reads.aspects.push(Aspect::Purchases);
                Self::Rfm { score: *score, test }
            }
            Portrait::Local(fact, offset) => {
                reads.aspects.push(Aspect::Clock);
                if offset.is_none() {
                    reads.context.push(Symbol::new(UTC_OFFSET));
                }
                Self::Local { test: LocalTest::new(*fact, asked, test), offset: *offset }
            }
            Portrait::Variant(campaign) => {
                let mut counter = |variant: Option<&str>| {
                    let id = plan.intern(spec(&shown(campaign, variant), &Test::Exists));
                    reads.counters.push(id);
                    id
                };
                let all = counter(None);
                let among = Among::new(asked, |variant| counter(Some(variant))).unwrap_or(Among::OneOf(Box::default()));
                Self::Variant { campaign: all, among }
            }
        }
    }

    pub(crate) fn eval(&self, facts: &impl Facts) -> Truth {
        let now = facts.now();
        let number = |test: &ValueTest, number: Option<f64>| test.scalar(number.map(Scalar::Number));
        match self {
            Self::Share { dimension, value, test } => {
                let share = facts.affinity(*dimension, *value);
                let holds = number(test, (share > 0.0 || !test.is_exists()).then_some(share));
                Truth { until: facts.affinity_until(*dimension), ..Truth::always(holds) }
            }
            Self::Score { dimension, value, test, thresholds } => {
                let Some((sum, half_life)) = facts.affinity_weight(*dimension, *value) else {
                    return Truth::always(number(test, None));
                };
                let ask = |time| number(test, Some(sum.at(time, half_life)));
                let reached = thresholds.iter().filter_map(|at| sum.fades_to(*at, now, half_life));
                first_flip(now, ask, reached.flat_map(|time| [time, time + Span::from_millis(1)]))
            }
            Self::Rank { dimension, value, test } => {
                let rank = facts.affinity_rank(*dimension, *value);
                let until = facts.affinity_until(*dimension);
                Truth { until, ..Truth::always(number(test, rank.map(f64::from))) }
            }
            Self::Top { dimension, among } => {
                let top = facts.affinity_top(*dimension);
                let holds = among.passes(top.is_some(), |name| top == Some(*name));
                Truth { until: facts.affinity_until(*dimension), ..Truth::always(holds) }
            }
            Self::Percent { salt, test } => {
                let percent = facts.person().map(|person| Bucket::salted(*salt, &person.to_bytes()).percent());
                Truth::always(number(test, percent))
            }
            Self::Stage { answers, missing } => {
                let Some((visits, lifecycle)) = facts.visits() else { return Truth::always(*missing) };
                let ask = |time| answers[lifecycle.stage(&visits, time).0 as usize];
                first_flip(now, ask, lifecycle.changes(&visits).into_iter())
            }
            Self::StageSince { test, thresholds } => {
                let Some((visits, lifecycle)) = facts.visits() else { return Truth::always(number(test, None)) };
                let since = |time| lifecycle.stage(&visits, time).1;
                let changes = lifecycle.changes(&visits);
                let starts = changes.into_iter().filter(|time| *time > now).chain([since(now)]);
                let crossings = starts.flat_map(|start| elapsed(start, thresholds).chain([start]));
                let truth = first_flip(now, |time| number(test, Some(time.since(since(time)).as_seconds())), crossings);
                // A further event keeps the stage from ending, so that a threshold behind its end can be reached.
                let ends = visits.last + lifecycle.at_risk;
                let is_open = ends > now && !thresholds.is_empty();
                if is_open { Truth { until: truth.until.min(ends), ..truth } } else { truth }
            }
            Self::Purchases(test) => Truth::always(number(test, Some(f64::from(bought(facts).count())))),
            Self::PurchaseSince { test, thresholds } => {
                let Some(last) = bought(facts).last() else { return Truth::always(number(test, None)) };
                first_flip(now, |time| number(test, Some(time.since(last).as_seconds())), elapsed(last, thresholds))
            }
            Self::Spent { currency, test } => Truth::always(number(test, Some(bought(facts).amount(*currency)))),
            Self::Rfm { score, test } => {
                let bought = bought(facts);
                let ask = |time| number(test, scored(*score, &bought, time).map(f64::from));
                match (score, bought.last()) {
                    (RfmScore::Recency, Some(last)) => {
                        first_flip(now, ask, bought.cuts().iter().map(|cut| last + *cut))
                    }
                    _ => Truth::always(ask(now)),
                }
            }
            Self::Local { test, offset } => {
                let (holds, until) = test.at(now, offset.unwrap_or_else(|| offset_of_request(facts)));
                Truth { answer: holds.into(), until }
            }
            Self::Variant { campaign, among } => {
                let ever = Frame::ever(now);
                let first = |id: CounterId| facts.counter(id).map(|counter| counter.first_in(&ever));
                let Some(shown) = first(*campaign) else {
                    let missed = absent(*campaign, Window::Ever, facts);
                    return missed.unwrap_or_else(|| Truth::always(among.passes(false, |_| false)));
                };
                if !shown.exact {
                    return Truth { answer: Answer::Unknown, until: shown.until };
                }
                let is_first = |variant: &CounterId| {
                    shown.value.is_some() && first(*variant).is_some_and(|first| first.value == shown.value)
                };
                Truth { answer: among.passes(shown.value.is_some(), is_first).into(), until: shown.until }
            }
        }
    }
}

/// The fact about the local time that a portrait shows, as explanations tell it.
pub(crate) fn local_value(fact: LocalFact, offset: Option<Offset>, facts: &impl Facts) -> Option<Value> {
    super::local::value(fact, facts.now(), offset.unwrap_or_else(|| offset_of_request(facts)))
}

/// When a campaign, or one of its variants, was first shown, if that is known; and before when it may be unknown.
pub(crate) fn first_shown(
    campaign: &str,
    variant: Option<&str>,
    facts: &impl Facts,
) -> (Option<Timestamp>, Option<Timestamp>) {
    let id = spec(&shown(campaign, variant), &Test::Exists).id();
    match facts.counter(id).map(|counter| counter.first_in(&Frame::ever(facts.now()))) {
        Some(first) if first.exact => (first.value, None),
        Some(first) => (None, first.value),
        None => (None, Some(facts.absent_since(id)).filter(|since| *since > Timestamp::MIN)),
    }
}

/// The score of what a person has bought.
pub(crate) fn rfm(score: RfmScore, facts: &impl Facts) -> Option<u32> {
    scored(score, &bought(facts), facts.now())
}

fn scored(score: RfmScore, bought: &Purchases<'_>, time: Timestamp) -> Option<u32> {
    match score {
        RfmScore::Recency => bought.recency(time),
        RfmScore::Frequency => bought.frequency(),
        RfmScore::Monetary => bought.monetary(),
    }
}

/// The answer now, and the first of these times after now at which it is another one.
fn first_flip(now: Timestamp, ask: impl Fn(Timestamp) -> bool, times: impl Iterator<Item = Timestamp>) -> Truth {
    let holds = ask(now);
    let until = times.filter(|time| *time > now && ask(*time) != holds).min().unwrap_or(Timestamp::MAX);
    Truth { answer: holds.into(), until }
}

/// The times at which the time since `start` reaches each number of seconds, and leaves it behind.
fn elapsed(start: Timestamp, seconds: &[f64]) -> impl Iterator<Item = Timestamp> + '_ {
    // A cast from `f64` saturates.
    let reach = move |seconds: &f64| start + Span::from_millis(libm::ceil(seconds * 1000.0) as i64);
    seconds.iter().map(reach).flat_map(|time| [time, time + Span::from_millis(1)])
}

/// The numbers that a test compares with; spans as seconds.
fn thresholds(test: &Test) -> Box<[f64]> {
    let number = |literal: &Literal| match literal {
        Literal::Number(number) => Some(*number),
        Literal::Span(span) => Some(span.as_seconds()),
        _ => None,
    };
    super::super::check::literals(test).filter_map(number).collect()
}

/// The exposures of a campaign, or of one of its variants.
fn shown(campaign: &str, variant: Option<&str>) -> EventQuery {
    let at = || At(super::super::error::Location::Built);
    let is = |name: &str, value: &str| {
        let source = Source::Property(name.to_owned());
        let test = Test::Is(Op::Eq, Literal::Text(value.to_owned()));
        Expr::Test(Box::new(Comparison { source, test, at: at(), op_at: at() }))
    };
    let tests = std::iter::once(is("campaign", campaign)).chain(variant.map(|variant| is("variant", variant)));
    let query = EventQuery {
        tests: tests.collect(),
        measure: Measure::First,
        ..EventQuery::new(EventKind::Exposed, at(), at())
    };
    query.canonical()
}

fn bought(facts: &impl Facts) -> Purchases<'_> {
    facts.purchases().unwrap_or_default()
}

/// By how much the local time of the request is ahead of UTC, as it says in minutes or as text; else not at all.
fn offset_of_request(facts: &impl Facts) -> Offset {
    let offset = match facts.context(Symbol::new(UTC_OFFSET)) {
        // A cast from `f64` saturates, and what is out of range is no offset.
        Some(Value::Number(minutes)) => Offset::from_minutes(libm::round(*minutes) as i16),
        Some(Value::Text(text)) => text.parse().ok(),
        _ => None,
    };
    offset.unwrap_or_default()
}

/// The attribute of requests that says by how much local time is ahead of UTC.
const UTC_OFFSET: &str = "utc_offset";
