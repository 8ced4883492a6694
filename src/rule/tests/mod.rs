//! Cases of the language as data, and what must hold for every rule.

mod groups;
mod leaves;
mod present;
mod trees;
mod values;

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::event::EventKind;
use crate::hash::Symbol;
use crate::profile::{Counter, CounterId, Reading};
use crate::schema::Schema;
use crate::time::{Span, Timestamp};
use crate::value::{Kind, Value};

#[derive(Default)]
pub(super) struct Person {
    now: Timestamp,
    attributes: BTreeMap<Symbol, Value>,
    counters: BTreeMap<CounterId, Counter>,
    segments: Vec<usize>,
}

impl Facts for Person {
    fn now(&self) -> Timestamp {
        self.now
    }
    fn attribute(&self, name: Symbol) -> Option<&Value> {
        self.attributes.get(&name)
    }
    fn counter(&self, id: CounterId) -> Option<Reading<'_>> {
        self.counters.get(&id).map(Counter::reading)
    }
    fn affinity(&self, dimension: Symbol, value: Symbol) -> f64 {
        if (dimension, value) == (Symbol::new("category"), Symbol::new("shoes")) { 0.4 } else { 0.0 }
    }
    fn session(&self, fact: SessionFact) -> Option<Scalar<'_>> {
        match fact {
            SessionFact::Views => Some(Scalar::Number(3.0)),
            SessionFact::Source => Some(Scalar::Text("google")),
            _ => None,
        }
    }
    fn session_until(&self) -> Timestamp {
        self.now + Span::minutes(30)
    }
    fn segment(&self, index: usize) -> Answer {
        self.segments.contains(&index).into()
    }
}

struct Said(Vec<(&'static str, Value)>);

impl EventFacts for Said {
    fn any(&self, name: Symbol, test: &mut dyn FnMut(Scalar<'_>) -> bool) -> bool {
        let mut values = self.0.iter().filter(|(n, _)| Symbol::new(n) == name);
        values.any(|(_, value)| Scalar::from_value(value).is_some_and(&mut *test))
    }
    fn number(&self, name: Symbol) -> Option<f64> {
        self.0.iter().find(|(n, _)| Symbol::new(n) == name).and_then(|(_, value)| value.as_number())
    }
}

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

fn ann() -> Person {
    let attributes = json!({
        "plan": "pro", "age": 30, "tags": ["a", "b"], "address": {"city": "Graz"}, "since": "2026-01-05", "nothing": null
    });
    let attributes: BTreeMap<String, Value> = serde_json::from_value(attributes).unwrap();
    let attributes = attributes.into_iter().map(|(name, value)| (Symbol::new(&name), value)).collect();
    Person { now: at(0) + Span::days(20_000), attributes, segments: vec![1], ..Person::default() }
}

#[track_caller]
fn eval(rule: &str, person: &Person) -> Truth {
    let mut plan = CounterPlan::default();
    let segment = &mut |name: &str| (name == "vip").then_some(1);
    Rule::parse(rule).unwrap().compile(segment, &Lists::default(), &mut plan).unwrap().eval(person)
}

#[test]
fn conditions_hold_as_they_read() {
    let person = ann();
    for (rule, holds) in [
        ("plan = 'pro'", true),
        ("plan == \"pro\" and NOT age < 18", true),
        ("plan != 'pro'", false),
        ("missing = 1", false),
        ("missing != 1", true),
        ("NOT missing = 1", true),
        ("missing NOT IN (1, 2)", true),
        ("missing EXISTS", false),
        ("nothing EXISTS", false),
        ("tags EXISTS", true),
        ("age = '30'", false),
        ("age = 30.0", true),
        ("age BETWEEN 30 AND 31", true),
        ("age IN (1, 2, 30)", true),
        ("age IN (1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,30)", true),
        ("plan IN ('1','2','3','4','5','6','7','8','9','10','11','12','13','14','15','16','pro')", true),
        ("tags = 'b'", true),
        ("tags != 'b'", false),
        ("tags IN ('c', 'a')", true),
        ("address.city = 'Graz'", true),
        ("address.city STARTS_WITH 'Gr' AND plan CONTAINS 'r'", true),
        ("address = 'Graz'", false),
        ("since >= time('2026-01-05') AND since < time('2026-01-06')", true),
        ("affinity('category', 'shoes') >= 0.3", true),
        ("affinity('category', 'hats') EXISTS", false),
        ("session(views) >= 3 AND session('source') = 'google'", true),
        ("context('page') = '/x' OR segment('vip')", true),
        ("event('purchased')", false),
        ("event('purchased').count() = 0", true),
        ("event('purchased').count() < 1 AND event('purchased').count() <= 0", true),
        ("event('purchased').last() > time('2020-01-01')", false),
        ("TRUE AND NOT FALSE", true),
        ("FALSE AND TRUE OR TRUE", true),
    ] {
        assert_eq!(eval(rule, &person).holds(), holds, "{rule}");
    }
    assert_eq!(eval("plan = 'pro'", &person).until, Timestamp::MAX);
    assert_eq!(eval("session(views) > 1", &person).until, person.now + Span::minutes(30));
    // What failed first decides how long the whole stays false.
    assert_eq!(eval("plan = 'x' AND session(views) > 1", &person).until, Timestamp::MAX);
}

#[test]
fn text_and_json_give_one_tree() {
    for (text, json) in [
        ("plan = 'pro'", json!({"plan": "pro"})),
        ("age >= 18 AND age < 30", json!({"age": {"$gte": 18, "$lt": 30}})),
        ("a = 1 AND b = 2", json!({"b": 2, "a": 1})),
        ("NOT (a = 1 OR b = 2)", json!({"$nor": [{"a": 1}, {"b": 2}]})),
        ("address.city IN ('Graz')", json!({"address.city": {"$in": ["Graz"]}})),
        ("NOT age EXISTS", json!({"age": {"$exists": false}})),
        ("NOT age > 3", json!({"age": {"$not": {"$gt": 3}}})),
        ("since > time('2026-01-01')", json!({"since": {"$gt": {"$time": "2026-01-01"}}})),
        ("event('purchased')", json!({"$event": {"name": "Order Completed"}})),
        (
            "event('item_viewed').where(price > 5 AND category = 'shoes').within(7 days).count() >= 3",
            json!({"$event": {"name": "product_viewed", "where": {"category": "shoes", "price": {"$gt": 5}},
                "within": "7d", "count": {"$gte": 3}}}),
        ),
        (
            "event('purchased').sum(value) > 100",
            json!({"$event": {"name": "purchased", "sum": {"property": "value", "$gt": 100}}}),
        ),
        (
            "event('purchased').last() < time('2026-01-01')",
            json!({"$event": {"name": "purchased", "last": {"$lt": {"$time": "2026-01-01"}}}}),
        ),
        ("segment('vip')", json!({"$segment": "vip"})),
        ("group('company').plan = 'pro'", json!({"$group": {"company": {"plan": {"$eq": "pro"}}}})),
        ("group('big corp').attribute('a b') EXISTS", json!({"$group": {"big corp": {"a b": {"$exists": true}}}})),
        ("context('page') STARTS_WITH '/shop'", json!({"$context": {"page": {"$startsWith": "/shop"}}})),
        ("affinity('category', 'shoes') >= 0.3", json!({"$affinity": {"category": {"shoes": {"$gte": 0.3}}}})),
        ("session(views) >= 3", json!({"$session": {"views": {"$gte": 3}}})),
        ("attribute('$odd') = 1", json!({"$attribute": {"$odd": 1}})),
        ("TRUE", json!(true)),
    ] {
        let (a, b) = (Rule::parse(text).unwrap(), Rule::from_json(&json).unwrap());
        assert_eq!(a, b, "{text}");
        assert_eq!(Rule::parse(&b.to_string()).unwrap(), a, "{b}");
        assert_eq!(Rule::from_json(&a.to_json()).unwrap(), a, "{}", a.to_json());
        let stored = serde_json::to_string(&a).unwrap();
        assert_eq!(serde_json::from_str::<Rule>(&stored).unwrap(), a);
        assert_eq!(postcard::from_bytes::<Rule>(&postcard::to_allocvec(&a).unwrap()).unwrap(), a);
    }
}

#[test]
fn mistakes_in_text_are_named_with_their_place() {
    for (text, message) in [
        ("", "1:1: expected a condition, found the end"),
        ("plan =", "1:7: expected a value: text in quotes, a number, `true`, `false` or `time('…')`, found the end"),
        ("plan", "1:5: expected an operator, found the end"),
        ("plan = 'pro' age = 1", "1:14: expected `AND`, `OR` or the end, found `age`"),
        ("(plan = 'pro'\n  age = 1)", "2:3: expected `AND`, `OR` or `)`, found `age`"),
        ("plan = 'pro", "1:8: expected a closing quote, found the end"),
        ("plan IN ()", "1:9: an empty list says nothing; write `true` or `false` if that is meant"),
        ("evnt('x')", "1:1: unknown function `evnt`; did you mean `event`?"),
        ("session(vews) > 1", "1:9: unknown session fact `vews`; did you mean `views`?"),
        ("age > 1e999", "1:7: a number is not finite"),
        (
            "event('x').within(7 fortnights)",
            "1:19: `7 fortnights` is not a span of time; write a whole number and a unit, such as `30m`, `1h30m` or `7d`",
        ),
        (
            "since > time('soon')",
            "1:14: `soon` is not a time; write it like `2026-03-01T12:00:00Z` or `2026-03-01`, in the years 1 to 9999",
        ),
        ("event('x').sum('')", "1:16: `` cannot name a property; names have 1 to 512 bytes and no outer white space"),
        ("plan ; 1", "1:6: expected a name, a value or an operator, found `;`"),
    ] {
        assert_eq!(Rule::parse(text).unwrap_err().to_string(), message);
    }
}

#[test]
fn mistakes_in_json_are_all_named_with_their_paths() {
    let json = json!({"$and": [
        {"$event": {"name": "purchased", "within": "7x", "cuont": 3}},
        {"age": {"$gtee": 3, "$in": []}},
        {},
        {"$or": []},
        {"x": null},
        {"$segmnt": "vip"},
        {"$session": {"viws": 1}},
        {"$event": {"within": "7d", "count": 1, "first": {"$exists": true}}},
    ]});
    let errors: Vec<String> = Rule::from_json(&json).unwrap_err().iter().map(ToString::to_string).collect();
    let expected = [
        "$and[0].$event.cuont: unknown operator or key `cuont`; did you mean `count`?",
        "$and[0].$event.within: `7x` is not a span of time; write a whole number and a unit, such as `30m`, `1h30m` or `7d`",
        "$and[1].age.$gtee: unknown operator or key `$gtee`; did you mean `$gte`?",
        "$and[1].age.$in: an empty list says nothing; write `true` or `false` if that is meant",
        "$and[2]: an empty object says nothing; write `true` or `false` if that is meant",
        "$and[3].$or: an empty list says nothing; write `true` or `false` if that is meant",
        "$and[4].x: expected text, a number, `true`, `false`, {\"$time\": …} or {\"$span\": …}, found null",
        "$and[5].$segmnt: unknown operator or key `$segmnt`; did you mean `$segment`?",
        "$and[6].$session.viws: unknown session fact `viws`; did you mean `views`?",
        "$and[7].$event.first: expected one measure, such as `count` or `sum`, found `first` beside another",
        "$and[7].$event: expected the event's `name`, found none",
    ];
    for message in &expected {
        assert!(errors.iter().any(|error| error == message), "{message}\n{errors:#?}");
    }
    assert_eq!(errors.len(), expected.len(), "{errors:#?}");
}

#[test]
fn checking_finds_names_kinds_and_limits() {
    let schema = Schema::default()
        .attribute("plan", Kind::Text)
        .attribute("since", Kind::Time)
        .attribute("address", Kind::Object)
        .context("page", Kind::Text)
        .event("newsletter_opened");
    let vocabulary = Vocabulary::new(&schema).segments(["vip"]);
    for (text, messages) in [
        ("plan >= 5", &["1:6: `>=` needs a number, but `plan` is text"][..]),
        ("pln = 'x'", &["1:1: unknown attribute `pln`; did you mean `plan`?"]),
        ("context('pages') = 'x'", &["1:1: unknown context name `pages`; did you mean `page`?"]),
        ("address.city = 'x' AND event('newsletter_opened') AND segment('vip')", &[]),
        ("since > time('2026-01-01') AND since > 5", &[]),
        ("since > '2026-01-01'", &["1:7: `>` needs text, but `since` is a time"]),
        ("segment('vipp')", &["1:1: unknown segment `vipp`; did you mean `vip`?"]),
        ("affinity('categry', 'x') > 0", &["1:1: unknown affinity `categry`; did you mean `category`?"]),
        ("event('newsletter_opend')", &["1:7: unknown event `newsletter_opend`; did you mean `newsletter_opened`?"]),
        (
            "event('purchased').within(0s)",
            &["1:27: the window is 0s; it must be longer than nothing and at most 5 years of 365 days"],
        ),
        (
            "event('purchased').within(9d).count() > 2000000 AND event('purchased').within(36h).days() > 1",
            &[
                "1:39: a count within a window compares with at most 1000000, not 2000000; count without a window",
                "1:79: `days()` takes whole days",
            ],
        ),
        ("event('purchased').count() > 5000", &[]),
        ("session(views) = 'x'", &["1:16: `=` needs text, but `views` is a number"]),
        ("plan > true", &["1:6: `>` needs text, a number or a time, but `true` is true or false"]),
    ] {
        let found: Vec<String> =
            Rule::parse(text).unwrap().check(&vocabulary).iter().map(ToString::to_string).collect();
        assert_eq!(found, messages, "{text}");
    }
    let rule = Rule::from_json(&json!({"plan": {"$gte": 5}})).unwrap();
    assert_eq!(rule.check(&vocabulary)[0].to_string(), "plan.$gte: `>=` needs a number, but `plan` is text");
    assert!(!Rule::attribute("plan").eq(f64::NAN).check(&vocabulary).is_empty());
}

#[test]
fn counters_are_shared_and_count_what_matches() {
    let mut plan = CounterPlan::default();
    let mut compile =
        |text: &str| Rule::parse(text).unwrap().compile(&mut |_| None, &Lists::default(), &mut plan).unwrap();
    let shoes = compile("event('item_viewed').where(category = 'shoes' AND price > 5).within(1h).count() >= 2");
    compile("event('Product Viewed').where(price > 5 AND category = 'shoes').within(9d).count() >= 9");
    compile("event('item_viewed').where(price > 5 AND category = 'shoes').last() EXISTS");
    let spent = compile("event('purchased').sum(value) >= 10");
    assert_eq!(plan.specs().len(), 2);
    let spec = &plan.specs()[0];
    assert_eq!((spec.keep(), spec.kind(), shoes.reads().counters[0]), (16, &EventKind::ItemViewed, spec.id()));
    assert!(spec.matches(&Said(vec![("category", "all".into()), ("category", "shoes".into()), ("price", 9.0.into())])));
    assert!(!spec.matches(&Said(vec![("category", "shoes".into()), ("price", 5.0.into())])));
    assert!(!spec.matches(&Said(vec![])));

    let mut person = ann();
    let mut counter = spec.counter();
    let start = person.now;
    for minute in [0, 10, 20] {
        counter.observe(start + Span::minutes(minute), u64::from(minute), 0.0, spec.keep());
    }
    person.counters.insert(spec.id(), counter);
    person.now = start + Span::minutes(30);
    // Three views, two are needed: the second newest leaves an hour after it came.
    assert_eq!(shoes.eval(&person), Truth { answer: Answer::Yes, until: start + Span::minutes(70) });
    person.now = start + Span::minutes(70);
    assert_eq!(shoes.eval(&person), Truth { answer: Answer::No, until: Timestamp::MAX });

    let spec = &plan.specs()[1];
    let mut counter = spec.counter();
    let order = Said(vec![("value", 12.5.into())]);
    counter.observe(start, 1, spec.amount(&order).unwrap(), spec.keep());
    person.counters.insert(spec.id(), counter);
    assert!(spent.eval(&person).holds());
    assert_eq!(plan.of_kind(EventKind::Purchased.symbol()).count(), 1);
}

/// The slots of a count hold the newest times; while they are full of events ahead of the present, what lies inside
/// the window may have left them.
#[test]
fn a_count_that_may_have_lost_events_is_unknown_and_so_is_its_opposite() {
    let mut person = ann();
    let mut plan = CounterPlan::default();
    let mut rule =
        |text: &str| Rule::parse(text).unwrap().compile(&mut |_| None, &Lists::default(), &mut plan).unwrap();
    let some = rule("event('x').within(1 hour).count() >= 1");
    let none = rule("NOT event('x').within(1 hour)");
    let exactly = rule("event('x').within(1 hour).count() = 1");
    let settled = rule("plan = 'pro' OR NOT event('x').within(1 hour)");
    let open = rule("plan = 'pro' AND NOT event('x').within(1 hour)");
    let spec = &plan.specs()[0];
    let mut counter = spec.counter();
    let now = person.now;
    counter.observe(now, 0, 0.0, spec.keep());
    for second in 1..=4 {
        counter.observe(now + Span::seconds(second), u64::from(second), 0.0, spec.keep());
    }
    person.counters.insert(spec.id(), counter);
    let until = now + Span::seconds(1);
    for rule in [&some, &none, &exactly, &open] {
        assert_eq!(rule.eval(&person), Truth { answer: Answer::Unknown, until });
    }
    assert!(settled.eval(&person).holds());
    person.now = until;
    assert_eq!(some.eval(&person).answer, Answer::Yes);
    assert_eq!(none.eval(&person).answer, Answer::No);
}

#[test]
fn hostile_text_and_json_end_in_typed_errors() {
    assert!(matches!(Rule::parse(&"a".repeat(10_000_000)), Err(RuleError::TooLong { .. })));
    for text in ["(".repeat(100_000), "NOT ".repeat(100_000), "(NOT ".repeat(50_000)] {
        assert!(matches!(Rule::parse(&text), Err(RuleError::TooDeep { .. })));
    }
    let list = format!("x IN ({}1)", "1,".repeat(100_000));
    assert!(matches!(Rule::parse(&list), Err(RuleError::TooManyValues { .. })));
    assert!(Rule::parse(&format!("{}a = 1{}", "(".repeat(64), ")".repeat(64))).is_ok());
    assert!(Rule::parse(&format!("{}a = 1", "NOT ".repeat(64))).is_ok());
    let mut json = json!({"a": 1});
    for _ in 0..200 {
        json = json!({"$not": json});
    }
    assert!(matches!(Rule::from_json(&json).unwrap_err()[0], RuleError::TooDeep { .. }));
    let mut rule = Rule::always(true);
    for _ in 0..1000 {
        rule = !rule;
    }
    assert!(rule.compile(&mut |_| None, &Lists::default(), &mut CounterPlan::default()).is_err());
}

#[test]
fn builders_give_the_same_tree_as_text() {
    let rule = (Rule::attribute("plan").eq("pro") | Rule::affinity("category", "shoes").above(0.5))
        & Rule::event("purchased").with("brand", "acme").within(Span::days(7)).sum("value").at_least(100)
        & !Rule::segment("vip");
    let text = "(plan = 'pro' OR affinity('category', 'shoes') > 0.5) AND \
                event('purchased').where(brand = 'acme').within(7d).sum(value) >= 100 AND NOT segment('vip')";
    assert_eq!(rule, Rule::parse(text).unwrap());
    assert_eq!(rule.segments(), ["vip"]);
}

proptest! {
    #[test]
    fn every_rule_survives_text_and_json(expr in trees::expr()) {
        let rule = Rule { expr, broken: None };
        prop_assert_eq!(&Rule::parse(&rule.to_string()).unwrap(), &rule);
        prop_assert_eq!(&Rule::from_json(&rule.to_json()).unwrap(), &rule);
        let json = serde_json::to_string(&rule.to_json()).unwrap();
        prop_assert_eq!(&Rule::from_json(&serde_json::from_str(&json).unwrap()).unwrap(), &rule);
        // Checking, compiling and evaluating are total, whatever the rule compares.
        let _ = rule.check(&Vocabulary::new(&Schema::default()));
        let lists: Vec<List> = trees::lists_of(&rule.expr).into_iter().map(|name| List::new(name, ["a"])).collect();
        rule.compile(&mut |_| Some(1), &Lists::new(&lists), &mut CounterPlan::default()).unwrap().eval(&ann());
    }

    /// A conjunction or disjunction of counts and times, looked at in every millisecond until it may change.
    #[test]
    fn an_answer_holds_until_it_says(
        times in prop::collection::vec(0_i64..60, 0..8),
        parts in prop::collection::vec((0_usize..7, 1_i64..40, 0_u32..6), 1..4),
        (now, any, negated) in (0_i64..60, any::<bool>(), any::<bool>()),
    ) {
        let part = |(what, window, least): &(usize, i64, u32)| match what {
            0 => format!("event('x').within({window}ms).count() >= {least}"),
            1 => format!("event('x').within({window}ms).count() = {least}"),
            2 => format!("event('x').within({window}ms).count() <= {least}"),
            3 => format!("event('x').count() BETWEEN {least} AND 4"),
            4 => format!("event('x').count() > {least}.5"),
            5 => format!("event('x').last() > time('1970-01-01T00:00:00.0{window:02}Z')"),
            _ => format!("NOT event('x').first() EXISTS OR event('x').within({window}ms)"),
        };
        let text = parts.iter().map(|p| format!("({})", part(p))).collect::<Vec<_>>();
        let text = format!("{}({})", if negated { "NOT " } else { "" }, text.join(if any { " OR " } else { " AND " }));
        let mut plan = CounterPlan::default();
        let rule = Rule::parse(&text).unwrap().compile(&mut |_| None, &Lists::default(), &mut plan).unwrap();
        let mut person = Person::default();
        for spec in plan.specs() {
            let mut counter = spec.counter();
            for (i, time) in times.iter().enumerate() {
                // Room for all, since times far ahead do not come in outside this test.
                counter.observe(at(*time), i as u64, 0.0, 8);
            }
            person.counters.insert(spec.id(), counter);
        }
        person.now = at(now);
        let truth = rule.eval(&person);
        prop_assert!(truth.until > person.now);
        for millis in now..truth.until.millis().min(120) {
            person.now = at(millis);
            prop_assert_eq!(rule.eval(&person).answer, truth.answer, "{} at {}", text, millis);
        }
    }

    #[test]
    fn no_text_panics(text in ".*") {
        let _ = Rule::parse(&text);
    }

    #[test]
    fn no_mix_of_tokens_panics_and_what_parses_prints_back(
        tokens in prop::collection::vec(prop::sample::select(&TOKENS[..]), 0..14)
    ) {
        if let Ok(rule) = Rule::parse(&tokens.join(" ")) {
            prop_assert_eq!(Rule::parse(&rule.to_string()).unwrap(), rule);
        }
    }
}

const TOKENS: [&str; 40] = [
    "(",
    ")",
    ",",
    ".",
    "=",
    "!=",
    ">=",
    "a",
    "b.c",
    "AND",
    "or",
    "NOT",
    "IN",
    "BETWEEN",
    "EXISTS",
    "'x'",
    "\"y\"",
    "1",
    "-2.5e3",
    "true",
    "event",
    "('purchased')",
    ".where(",
    ".within(7 days)",
    ".count()",
    "segment(",
    "time(",
    "é",
    "===",
    "ANY (",
    "it.x",
    "ALL",
    "MATCHES",
    "IGNORING CASE",
    "size(",
    "now() - 3 days",
    "WITHIN 5 km OF (1, 2)",
    "VERSION >=",
    "IS LIST",
    "json('[1]')",
];
