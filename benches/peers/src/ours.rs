//! bespoke: rules as segments of an engine where there are many, a compiled rule where there is one.

use std::hint::black_box;

use bespoke::catalog::Catalog;
use bespoke::engine::{Definitions, Engine};
use bespoke::event::{Event, EventKind};
use bespoke::hash::Symbol;
use bespoke::profile::Profile as Person;
use bespoke::rule::{Compiled, CounterPlan, Facts, Lists, Rule as Own};
use bespoke::segment::Segment;
use bespoke::time::Timestamp;
use bespoke::value::Value as OwnValue;

use crate::Peer;
use crate::rule::{Asked, Profile, Rule, Test, Value};

/// One rule at a time, compiled by itself.
pub struct Rules {
    rules: Vec<Compiled>,
    person: Known,
}

/// All rules as the segments of an engine, which settles them for a profile that it has never seen.
pub struct Segments {
    engine: Engine,
    person: Person,
}

struct Known(Person);

impl Peer for Rules {
    const NAME: &'static str = "bespoke";

    fn new(rules: &[Rule], profile: &Profile) -> Self {
        let compile =
            |rule: &Rule| parse(rule).compile(&mut |_| None, &Lists::default(), &mut CounterPlan::default()).unwrap();
        Self { rules: rules.iter().map(compile).collect(), person: Known(person(profile)) }
    }

    fn evaluate(&mut self) -> usize {
        self.rules.iter().filter(|rule| rule.eval(&self.person).holds()).count()
    }

    fn answers(&mut self) -> Vec<bool> {
        self.rules.iter().map(|rule| rule.eval(&self.person).holds()).collect()
    }
}

impl Peer for Segments {
    const NAME: &'static str = "bespoke";

    fn new(rules: &[Rule], profile: &Profile) -> Self {
        let segments = rules.iter().enumerate().map(|(i, rule)| Segment::new(format!("segment-{i:04}"), parse(rule)));
        let engine = Engine::new(Definitions { segments: segments.collect(), ..Definitions::default() }).unwrap();
        Self { engine, person: person(profile) }
    }

    fn evaluate(&mut self) -> usize {
        self.engine.memberships(black_box(&self.person), NOW).count()
    }

    fn answers(&mut self) -> Vec<bool> {
        let members: Vec<_> = self.engine.memberships(&self.person, NOW).collect();
        let of = |segment| members.contains(&segment);
        self.engine.segments().map(of).collect()
    }
}

/// A profile that no engine with segments has seen, so that no membership is known.
fn person(profile: &Profile) -> Person {
    let mut event = Event::new(EventKind::Identified, "ann", NOW);
    for (name, value) in &profile.0 {
        let value = match value {
            Value::Bool(value) => OwnValue::from(*value),
            Value::Number(number) => (*number).into(),
            Value::Text(text) => text.as_str().into(),
        };
        event = event.attribute(*name, value);
    }
    let mut person = Person::default();
    let engine = Engine::new(Definitions::default()).unwrap();
    let _ = engine.apply(&event, &mut person, &Catalog::default(), NOW);
    assert_eq!(person.attributes().as_slice().len(), profile.0.len());
    person
}

fn parse(rule: &Rule) -> Own {
    Own::parse(&rule.join(" AND ", " OR ", test)).unwrap()
}

fn literal(value: &Value) -> String {
    match value {
        Value::Text(text) => format!("'{text}'"),
        other => other.text(),
    }
}

fn test(test: &Test) -> String {
    let name = test.attribute;
    let list = |values: &[Value]| values.iter().map(literal).collect::<Vec<_>>().join(", ");
    match &test.asked {
        Asked::Is(value) => format!("{name} = {}", literal(value)),
        Asked::In(values) => format!("{name} IN ({})", list(values)),
        Asked::NotIn(values) => format!("{name} NOT IN ({})", list(values)),
        Asked::AtLeast(number) => format!("{name} >= {number}"),
        Asked::Below(number) => format!("{name} < {number}"),
        Asked::StartsWith(start) => format!("{name} STARTS_WITH '{start}'"),
    }
}

impl Facts for Known {
    fn now(&self) -> Timestamp {
        NOW
    }
    fn attribute(&self, name: Symbol) -> Option<&OwnValue> {
        self.0.attributes().value(name)
    }
}

const NOW: Timestamp = Timestamp::from_millis(1_772_366_400_000);
