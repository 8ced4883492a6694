//! Trees of every shape, for what must hold for every rule.

use proptest::prelude::*;

use crate::event::EventKind;
use crate::profile::Period;
use crate::rule::ast::{
    At, Comparison, Derive, EventQuery, Expr, Literal, Measure, Op, Points, Sequence, SessionFact, Source, Test, When,
};
use crate::rule::error::Location;
use crate::rule::geo::Circle;
use crate::rule::pattern::Pattern;
use crate::rule::portrait::tests::any_portrait;
use crate::time::{Span, Timestamp};
use crate::value::{Kind, Value};

const BUILT: At = At(Location::Built);

fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z_]{1,6}(\\.[a-z]{1,3})?",
        "[ -~äß']{1,8}".prop_filter("names have no outer white space", |name| !name.trim().is_empty()),
        Just("And".to_owned()),
        Just("$odd".to_owned()),
        Just("it".to_owned()),
        Just("size".to_owned()),
    ]
    .prop_map(|name| name.trim().to_owned())
}

fn fixed() -> impl Strategy<Value = Literal> {
    prop_oneof![
        any::<bool>().prop_map(Literal::from),
        (-1000_i32..1000).prop_map(Literal::from),
        (prop::num::f64::NORMAL | prop::num::f64::SUBNORMAL | prop::num::f64::ZERO).prop_map(Literal::from),
        ".{0,12}".prop_map(Literal::from),
        (0_i64..4_000_000_000_000).prop_map(|millis| Literal::Time(Timestamp::from_millis(millis))),
        (0_i64..4_000_000_000).prop_map(|millis| Literal::Span(Span::from_millis(millis))),
    ]
}

fn literal() -> impl Strategy<Value = Literal> {
    let span = || (0_i64..100_000_000_000).prop_map(Span::from_millis);
    prop_oneof![8 => fixed(), 1 => span().prop_map(Literal::ago), 1 => span().prop_map(Literal::ahead)]
}

fn list() -> impl Strategy<Value = Vec<Literal>> {
    prop::collection::vec(fixed(), 1..4)
}

fn text() -> impl Strategy<Value = String> {
    ".{0,6}"
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (prop::num::f64::NORMAL | prop::num::f64::ZERO).prop_map(Value::from),
        text().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(|values| Value::List(values.into())),
            prop::collection::btree_map(text().prop_map(Into::into), inner, 0..4)
                .prop_map(|fields| Value::Object(Box::new(fields))),
        ]
    })
    .prop_filter("nothing is asked for with EXISTS", |value| !value.is_null())
}

/// Tests of single values that do not move with time: those that events can be counted by.
fn scalar_test() -> impl Strategy<Value = Test> {
    let op = || prop::sample::select(&Op::ALL[..]);
    let folded = prop_oneof![
        (any::<bool>(), text())
            .prop_map(|(same, text)| Test::Is(if same { Op::Eq } else { Op::Ne }, text.as_str().into())),
        text().prop_map(|text| Test::In(vec![text.into(), 1.into()])),
        text().prop_map(|text| Test::NotIn(vec![text.into()])),
        text().prop_map(Test::Contains),
        text().prop_map(Test::StartsWith),
        text().prop_map(Test::EndsWith),
    ];
    let pattern = prop_oneof!["[a-z]{0,4}", Just("^(Ä|b)+'?.*$".to_owned())];
    prop_oneof![
        (op(), fixed()).prop_map(|(op, literal)| Test::Is(op, literal)),
        list().prop_map(Test::In),
        list().prop_map(Test::NotIn),
        (fixed(), fixed()).prop_map(|(low, high)| Test::Between(low, high)),
        Just(Test::Exists),
        text().prop_map(Test::Contains),
        text().prop_map(Test::StartsWith),
        text().prop_map(Test::EndsWith),
        folded.prop_map(|test| Test::IgnoringCase(Box::new(test))),
        (pattern, any::<bool>()).prop_map(|(text, any_case)| Test::Matches(Pattern::new(&text, any_case).unwrap())),
        (op(), text()).prop_map(|(op, version)| Test::Version(op, version)),
    ]
}

fn plain_test() -> impl Strategy<Value = Test> {
    let circle = (-90.0..90.0, -180.0..180.0, 1e-6..30_000.0)
        .prop_map(|(lat, lon, km)| Test::Near(Circle::new(lat, lon, km).unwrap()));
    prop_oneof![
        12 => scalar_test(),
        1 => (prop::sample::select(&Op::ALL[..]), literal()).prop_map(|(op, literal)| Test::Is(op, literal)),
        1 => (literal(), literal()).prop_map(|(low, high)| Test::Between(low, high)),
        1 => list().prop_map(Test::All),
        1 => text().prop_map(|text| Test::IgnoringCase(Box::new(Test::All(vec![text.into()])))),
        1 => name().prop_map(Test::InList),
        1 => name().prop_map(Test::NotInList),
        1 => prop::sample::select(&Kind::ALL[..]).prop_map(Test::OfKind),
        1 => value().prop_map(Test::Same),
        1 => circle,
        1 => (0_u16..=366).prop_map(Test::Anniversary),
    ]
}

/// Expressions over an element of a list.
fn inner() -> impl Strategy<Value = Expr> {
    let path = prop_oneof![Just(String::new()), name()];
    let one = (derived(path.prop_map(Source::Element)), plain_test()).prop_map(|(source, test)| leaf(source, test));
    one.prop_recursive(3, 8, 3, |inner| {
        let each = (name(), any::<bool>(), inner.clone())
            .prop_map(|(name, every, inner)| leaf(Source::Element(name), Test::Each { every, inner: Box::new(inner) }));
        prop_oneof![
            prop::collection::vec(inner.clone(), 1..3).prop_map(Expr::and),
            prop::collection::vec(inner.clone(), 1..3).prop_map(Expr::or),
            inner.prop_map(|inner| Expr::Not(Box::new(inner))),
            each,
        ]
    })
}

fn test() -> impl Strategy<Value = Test> {
    prop_oneof![
        9 => plain_test(),
        1 => (any::<bool>(), inner()).prop_map(|(every, inner)| Test::Each { every, inner: Box::new(inner) }),
    ]
}

/// A source, or what is derived from it.
fn derived(source: impl Strategy<Value = Source>) -> impl Strategy<Value = Source> {
    let derive = prop::sample::select(&Derive::ALL[..]);
    (source, prop::collection::vec(derive, 0..3)).prop_map(|(source, derive)| {
        derive.into_iter().fold(source, |source, derive| Source::Derived(derive, Box::new(source)))
    })
}

/// What is asked of the properties of an event.
fn property() -> impl Strategy<Value = Expr> {
    let one = (name(), scalar_test()).prop_map(|(name, test)| leaf(Source::Property(name), test));
    one.prop_recursive(3, 8, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 1..3).prop_map(Expr::and),
            prop::collection::vec(inner.clone(), 1..3).prop_map(Expr::or),
            inner.prop_map(|inner| Expr::Not(Box::new(inner))),
        ]
    })
}

fn source() -> impl Strategy<Value = Source> {
    let (measure, window) = (measure(), when());
    let kind =
        prop_oneof![prop::sample::select(EventKind::KNOWN), "[a-z]{1,9}".prop_map(|name| EventKind::from(&*name))];
    let event =
        (kind, prop::collection::vec(property(), 0..4), window, measure).prop_map(|(kind, tests, when, measure)| {
            Source::Event(EventQuery { kind, tests, when, measure, at: BUILT, when_at: BUILT }.canonical())
        });
    let value = prop_oneof![name().prop_map(Source::Attribute), name().prop_map(Source::Context)];
    prop_oneof![
        2 => derived(value),
        1 => (name(), name()).prop_map(|(kind, name)| Source::Group { kind, name }),
        2 => any_portrait(|| name().boxed()).prop_map(Source::Portrait),
        1 => prop::sample::select(&SessionFact::ALL[..]).prop_map(Source::Session),
        1 => event,
    ]
}

fn measure() -> impl Strategy<Value = Measure> {
    prop_oneof![
        Just(Measure::Count),
        name().prop_map(Measure::Sum),
        name().prop_map(Measure::Mean),
        name().prop_map(Measure::Min),
        name().prop_map(Measure::Max),
        name().prop_map(Measure::Distinct),
        Just(Measure::First),
        Just(Measure::Last),
        Just(Measure::Periods(Period::Day)),
        Just(Measure::Periods(Period::Week)),
    ]
}

fn when() -> impl Strategy<Value = When> {
    let span = || (0_i64..1_000_000_000).prop_map(Span::from_millis);
    prop_oneof![
        3 => Just(When::Ever),
        3 => span().prop_map(When::Within),
        1 => (span(), span()).prop_map(|(from, to)| When::Between(from, to)),
        1 => (0_i64..4_000_000_000_000).prop_map(|time| When::Since(Timestamp::from_millis(time))),
        1 => Just(When::InSession),
        1 => (0_u32..40, -899_i32..900).prop_map(|(count, offset)| When::Days(count, offset)),
        1 => (0_u32..40, -899_i32..900).prop_map(|(count, offset)| When::Weeks(count, offset)),
    ]
}

fn sequence() -> impl Strategy<Value = Expr> {
    let step = || {
        let limit =
            prop_oneof![Just(When::Ever), (0_i64..1_000_000).prop_map(|span| When::Within(Span::from_millis(span)))];
        ("[a-z]{1,9}", prop::collection::vec(property(), 0..3), limit).prop_map(|(kind, tests, when)| {
            let query = EventQuery { tests, when, ..EventQuery::new(EventKind::from(&*kind), BUILT, BUILT) };
            query.canonical()
        })
    };
    let after = prop::option::of((0_i64..1_000_000).prop_map(Span::from_millis));
    (prop::collection::vec(step(), 1..5), prop::option::of(step()), after, when()).prop_map(
        |(steps, without, after, when)| Expr::Sequence(Box::new(Sequence { steps, without, after, when, at: BUILT })),
    )
}

fn leaf(source: Source, test: Test) -> Expr {
    Expr::Test(Box::new(Comparison { source, test, at: BUILT, op_at: BUILT }))
}

pub(super) fn expr() -> impl Strategy<Value = Expr> {
    let leaf = prop_oneof![
        6 => (source(), test()).prop_map(|(source, test)| leaf(source, test)),
        1 => any::<bool>().prop_map(Expr::Const),
        1 => name().prop_map(|name| Expr::Segment(name, BUILT)),
        1 => sequence(),
    ];
    leaf.prop_recursive(5, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 1..4).prop_map(Expr::and),
            prop::collection::vec(inner.clone(), 1..4).prop_map(Expr::or),
            inner.clone().prop_map(|inner| Expr::Not(Box::new(inner))),
            (prop::collection::vec((-9.0..9.0, inner), 1..4), scalar_test()).prop_map(score),
        ]
    })
}

fn score((parts, test): (Vec<(f64, Expr)>, Test)) -> Expr {
    let part = |(points, rule)| Points { points, rule, at: BUILT };
    leaf(Source::Score(parts.into_iter().map(part).collect()), test)
}

pub(super) fn lists_of(expr: &Expr) -> Vec<String> {
    let mut names = Vec::new();
    expr.each_list(&mut |name, _| names.push(name.to_owned()));
    names
}
