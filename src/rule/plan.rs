//! The counters that rules ask for: one for each question, shared by all rules that ask it.

use crate::event::EventKind;
use crate::hash::{Map, Symbol};
use crate::profile::{Counter, CounterId};
use crate::time::Span;

use super::ast::{EventQuery, Literal, Measure, Test};
use super::facts::{EventFacts, Scalar};
use super::lists::Lists;
use super::value_test::ValueTest;

/// What a counter counts, compiled: events of one kind that pass every test.
#[derive(Clone, Debug)]
pub struct CounterSpec {
    id: CounterId,
    kind: EventKind,
    tests: Vec<(Symbol, ValueTest)>,
    amount: Option<Symbol>,
    width: Option<Span>,
    keep: u8,
}

impl CounterSpec {
    /// The stable id of the counter.
    #[must_use]
    pub const fn id(&self) -> CounterId {
        self.id
    }

    /// The kind of event that it counts.
    #[must_use]
    pub const fn kind(&self) -> &EventKind {
        &self.kind
    }

    /// How many of the newest times rules ask to keep.
    #[must_use]
    pub const fn keep(&self) -> u8 {
        self.keep
    }

    /// The bytes of the counter on a profile that has seen few events.
    #[must_use]
    pub const fn typical_bytes(&self) -> usize {
        Counter::bytes(self.amount.is_some(), 0)
    }

    /// The most bytes that the counter takes on a profile.
    #[must_use]
    pub const fn worst_bytes(&self) -> usize {
        Counter::bytes(self.amount.is_some(), self.keep)
    }

    /// A counter to begin with.
    #[must_use]
    pub fn counter(&self) -> Counter {
        if self.amount.is_some() { Counter::sum(self.id, self.width) } else { Counter::count(self.id) }
    }

    /// Whether events can be counted of which only the items are known: a test that asks for the absence of a value
    /// would pass for all of them, and amounts are not known.
    pub(crate) fn is_recallable(&self) -> bool {
        self.amount.is_none() && self.tests.iter().all(|(_, test)| !test.is_negated())
    }

    /// A property and the one text, number or truth that it must equal, if the event must pass such a test: what an
    /// index can find the counter by.
    pub(crate) fn key(&self) -> Option<(Symbol, Scalar<'_>)> {
        self.tests.iter().find_map(|(name, test)| Some((*name, test.equals()?)))
    }

    /// Whether an event of the right [`CounterSpec::kind`] passes the tests of its properties.
    #[must_use]
    pub fn matches(&self, event: &dyn EventFacts) -> bool {
        self.tests.iter().all(|(name, test)| test.any(|check| event.any(*name, check)))
    }

    /// What the event adds to a sum; `None` if the event has no such number and is to be left out. A counter of
    /// events takes every event, with zero.
    #[must_use]
    pub fn amount(&self, event: &dyn EventFacts) -> Option<f64> {
        match self.amount {
            Some(property) => event.number(property),
            None => Some(0.0),
        }
    }
}

/// The counters that rules ask for, each once.
#[derive(Clone, Debug, Default)]
pub struct CounterPlan {
    specs: Vec<CounterSpec>,
    by_id: Map<CounterId, usize>,
    by_kind: Map<Symbol, Vec<usize>>,
}

impl CounterPlan {
    /// Adds what a rule asks; a counter that is there already keeps the larger number of times.
    pub fn intern(&mut self, spec: CounterSpec) -> CounterId {
        let id = spec.id;
        if let Some(place) = self.by_id.get(&id) {
            let known = &mut self.specs[*place];
            known.keep = known.keep.max(spec.keep);
            return id;
        }
        self.by_id.insert(id, self.specs.len());
        self.by_kind.entry(spec.kind.symbol()).or_default().push(self.specs.len());
        self.specs.push(spec);
        id
    }

    /// Every counter, in the order in which it was first asked for.
    #[must_use]
    pub fn specs(&self) -> &[CounterSpec] {
        &self.specs
    }

    /// The counter with this id.
    #[must_use]
    pub fn spec(&self, id: CounterId) -> Option<&CounterSpec> {
        self.by_id.get(&id).map(|place| &self.specs[*place])
    }

    /// The counters that events of this kind may reach.
    pub fn of_kind(&self, kind: Symbol) -> impl Iterator<Item = &CounterSpec> {
        self.by_kind.get(&kind).into_iter().flatten().map(|place| &self.specs[*place])
    }
}

/// The counter that a query needs.
pub(crate) fn spec(query: &EventQuery, asked: &Test) -> CounterSpec {
    let (amount, width) = match &query.measure {
        Measure::Sum(property) => (Some(property), query.within.map(Counter::bucket_width)),
        _ => (None, None),
    };
    let mut canonical = query.kind.name().to_owned();
    for test in &query.tests {
        canonical.push('\n');
        canonical.push_str(&super::print::property_test(test));
    }
    canonical.push_str("\n\n");
    match amount {
        Some(property) => canonical.push_str(&format!("sum {} {property}", width.unwrap_or_default())),
        None => canonical.push_str("count"),
    }
    // No property is looked for in a list that is defined elsewhere.
    let none = Lists::default();
    let most = if query.measure == Measure::Count && query.within.is_some() { largest(asked) } else { 0 };
    CounterSpec {
        id: CounterId::of(&canonical),
        kind: query.kind.clone(),
        tests: query.tests.iter().map(|test| (Symbol::new(&test.name), ValueTest::new(&test.test, &none))).collect(),
        amount: amount.map(|name| Symbol::new(name)),
        width,
        keep: Counter::keep_for(most),
    }
}

/// The largest count that the test must tell from its neighbours.
fn largest(test: &Test) -> u32 {
    // A cast from `f64` saturates.
    let count = |literal: &Literal| if let Literal::Number(number) = literal { libm::ceil(*number) as u32 } else { 0 };
    match test {
        Test::Is(_, literal) => count(literal),
        Test::Between(_, high) => count(high),
        Test::In(values) | Test::NotIn(values) => values.iter().map(count).max().unwrap_or(0),
        _ => 0,
    }
}
