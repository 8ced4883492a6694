//! What it costs to parse, compile and evaluate a rule.

#![expect(clippy::unwrap_used, reason = "a bench that cannot be set up has nothing to say")]

use std::collections::BTreeMap;
use std::hint::black_box;

use bespoke::hash::Symbol;
use bespoke::profile::{Counter, CounterId, Reading};
use bespoke::rule::{Compiled, CounterPlan, Facts, Lists, Rule};
use bespoke::time::{Span, Timestamp};
use bespoke::value::Value;
use criterion::{Criterion, criterion_group, criterion_main};

fn read(c: &mut Criterion) {
    let text = "plan = 'pro' AND event('item_viewed').where(category = 'shoes').within(7 days).count() >= 3 \
                AND NOT segment('newsletter') AND (affinity('category', 'shoes') > 0.3 OR context('page') = '/shoes')";
    let rule = Rule::parse(text).unwrap();
    assert_eq!(Rule::parse(&rule.to_string()).unwrap(), rule);
    c.bench_function("parse/typical/6_tests", |b| b.iter(|| Rule::parse(black_box(text))));
    c.bench_function("compile/typical/6_tests", |b| {
        b.iter(|| black_box(&rule).compile(&mut |_| Some(0), &Lists::default(), &mut CounterPlan::default()));
    });
}

fn eval(c: &mut Criterion) {
    let many: Vec<String> = (0..100).map(|i| format!("'country-{i}'")).collect();
    for (name, text, holds) in [
        ("equality/1", "plan = 'pro'".to_owned(), true),
        ("and/5", "plan = 'pro' AND age >= 30 AND country = 'DE' AND newsletter = true AND NOT tier = 1".into(), true),
        ("in/100", format!("country IN ({})", many.join(", ")), false),
        ("counter_window/1", "event('item_viewed').within(7 days).count() >= 3".into(), true),
        ("affinity/1", "affinity('category', 'shoes') > 0.3".into(), true),
    ] {
        let mut plan = CounterPlan::default();
        let compiled = Rule::parse(&text).unwrap().compile(&mut |_| None, &Lists::default(), &mut plan).unwrap();
        let person = Person::new(&plan);
        assert_eq!(compiled.eval(&person).holds(), holds, "{text}");
        c.bench_function(&format!("eval/{name}"), |b| b.iter(|| black_box(&compiled).eval(black_box(&person))));
    }
}

/// A thousand segments as shops have them, all asked about one person.
fn eval_all(c: &mut Criterion) {
    let text = |i: usize| match i % 5 {
        0 => format!("event('item_viewed').where(category = 'c{}').within({} days).count() >= 3", i % 40, 1 + i % 30),
        1 => format!("plan = 'pro' AND country IN ('DE', 'AT', 'c{i}')"),
        2 => format!("age >= {} AND NOT newsletter = false", i % 80),
        3 => format!("affinity('category', 'c{i}') > 0.2"),
        _ => format!("event('purchased').within(90 days).count() >= {} OR tier = {i}", 1 + i % 7),
    };
    let mut plan = CounterPlan::default();
    let rules = (0..1_000)
        .map(|i| Rule::parse(&text(i)).unwrap().compile(&mut |_| None, &Lists::default(), &mut plan).unwrap());
    let rules: Vec<Compiled> = rules.collect();
    let person = Person::new(&plan);
    let count = || rules.iter().filter(|rule| black_box(rule).eval(&person).holds()).count();
    assert!((300..700).contains(&count()), "{}", count());
    c.bench_function("eval/segments/1000", |b| b.iter(count));
}

/// Somebody with eight attributes who did everything that is counted four times within the last hour.
struct Person {
    attributes: Vec<(Symbol, Value)>,
    counters: BTreeMap<CounterId, Counter>,
}

impl Person {
    fn new(plan: &CounterPlan) -> Self {
        let mut attributes: Vec<(Symbol, Value)> = [
            ("plan", Value::from("pro")),
            ("country", "DE".into()),
            ("language", "de".into()),
            ("email", "ann@example.com".into()),
            ("name", "Ann Example".into()),
            ("age", 41.0.into()),
            ("newsletter", true.into()),
            ("orders", 7.0.into()),
        ]
        .map(|(name, value)| (Symbol::new(name), value))
        .into();
        attributes.sort_by_key(|(name, _)| *name);
        let counters = plan.specs().iter().map(|spec| {
            let mut counter = spec.counter();
            for minute in 0..4 {
                counter.observe(NOW - Span::minutes(10 * minute), u64::from(minute), 1.0, spec.keep());
            }
            (spec.id(), counter)
        });
        Self { attributes, counters: counters.collect() }
    }
}

impl Facts for Person {
    fn now(&self) -> Timestamp {
        NOW
    }
    fn attribute(&self, name: Symbol) -> Option<&Value> {
        let at = self.attributes.binary_search_by_key(&name, |(name, _)| *name).ok()?;
        Some(&self.attributes[at].1)
    }
    fn counter(&self, id: CounterId) -> Option<Reading<'_>> {
        self.counters.get(&id).map(Counter::reading)
    }
    fn affinity(&self, _: Symbol, value: Symbol) -> f64 {
        if value == Symbol::new("shoes") { 0.4 } else { 0.0 }
    }
}

const NOW: Timestamp = Timestamp::from_millis(1_772_366_400_000);

criterion_group!(benches, read, eval, eval_all);
criterion_main!(benches);
