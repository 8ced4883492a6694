//! The counters that rules ask for: one for each question, shared by all rules that ask it.

use crate::event::EventKind;
use crate::hash::{Map, Symbol};
use crate::profile::{Counter, CounterId, Grid, Kept, Window};
use crate::time::{Span, Timestamp};

use super::ast::{EventQuery, Expr, Literal, Measure, Sequence, Test, When};
use super::check::MOST_WITHIN;
use super::facts::{EventFacts, Scalar};
use super::lists::Lists;
use super::query::Asked;
use super::value_test::ValueTest;

/// What a counter counts, compiled: events of one kind that pass every test; for a sequence, of one kind a step.
#[derive(Clone, Debug)]
pub struct CounterSpec {
    id: CounterId,
    first: Matcher,
    /// The steps of a sequence after the first; the forbidden event is the last, if there is one.
    more: Vec<Matcher>,
    /// The property that is added up or told apart.
    property: Option<Symbol>,
    /// Only events from then on count.
    from: Timestamp,
    kept: Kept,
}

/// Events of one kind that pass every test.
#[derive(Clone, Debug, Default)]
struct Matcher {
    kind: EventKind,
    tests: Vec<(Symbol, ValueTest)>,
    /// What is asked beside single tests.
    groups: Vec<Group>,
}

/// Tests of properties that are combined.
#[derive(Clone, Debug)]
enum Group {
    Test(Symbol, ValueTest),
    All(Box<[Self]>),
    Any(Box<[Self]>),
    Not(Box<Self>),
}

impl Group {
    fn new(expr: &Expr) -> Self {
        match expr {
            Expr::And(parts) => Self::All(parts.iter().map(Self::new).collect()),
            Expr::Or(parts) => Self::Any(parts.iter().map(Self::new).collect()),
            Expr::Not(inner) => Self::Not(Box::new(Self::new(inner))),
            // Reading and building refuse everything that is not about a property.
            leaf => test(leaf).map_or_else(|| Self::Any([].into()), |(name, test)| Self::Test(name, test)),
        }
    }

    fn holds(&self, event: &dyn EventFacts) -> bool {
        match self {
            Self::Test(name, test) => test.any(|check| event.any(*name, check)),
            Self::All(parts) => parts.iter().all(|part| part.holds(event)),
            Self::Any(parts) => parts.iter().any(|part| part.holds(event)),
            Self::Not(inner) => !inner.holds(event),
        }
    }

    /// Whether it may hold where a property is missing.
    fn is_negated(&self) -> bool {
        match self {
            Self::Test(_, test) => test.is_negated(),
            Self::All(parts) | Self::Any(parts) => parts.iter().any(Self::is_negated),
            Self::Not(_) => true,
        }
    }
}

fn test(expr: &Expr) -> Option<(Symbol, ValueTest)> {
    // No property is looked for in a list that is defined elsewhere.
    let none = Lists::default();
    Asked::of(expr).map(|asked| (Symbol::new(asked.name), ValueTest::new(asked.test, &none)))
}

impl Matcher {
    fn new(query: &EventQuery) -> Self {
        let groups = query.tests.iter().filter(|expr| Asked::of(expr).is_none());
        let tests = query.tests.iter().filter_map(test).collect();
        Self { kind: query.kind.clone(), tests, groups: groups.map(Group::new).collect() }
    }

    /// Whether it may take an event of which a property is not known.
    fn is_negated(&self) -> bool {
        self.tests.iter().any(|(_, test)| test.is_negated()) || self.groups.iter().any(Group::is_negated)
    }

    fn is_bare(&self) -> bool {
        self.tests.is_empty() && self.groups.is_empty()
    }
}

impl CounterSpec {
    /// The stable id of the counter.
    #[must_use]
    pub const fn id(&self) -> CounterId {
        self.id
    }

    /// The kind of event that it counts; of a sequence, that of its first step.
    #[must_use]
    pub const fn kind(&self) -> &EventKind {
        &self.first.kind
    }

    /// The kinds of event of its steps: one, but for sequences.
    pub fn kinds(&self) -> impl Iterator<Item = &EventKind> {
        (0..self.steps()).map(|step| &self.matcher(step).kind)
    }

    /// What it keeps of the events.
    #[must_use]
    pub const fn kept(&self) -> Kept {
        self.kept
    }

    /// How many of the newest times rules ask to keep.
    #[must_use]
    pub const fn keep(&self) -> u8 {
        match self.kept {
            Kept::Times(keep) => keep,
            _ => 0,
        }
    }

    /// The bytes of the counter on a profile that has seen few events.
    #[must_use]
    pub fn typical_bytes(&self) -> usize {
        self.kept.typical_bytes()
    }

    /// The most bytes that the counter takes on a profile.
    #[must_use]
    pub fn worst_bytes(&self) -> usize {
        self.kept.worst_bytes()
    }

    /// A counter to begin with, which will know everything.
    #[must_use]
    pub fn counter(&self) -> Counter {
        self.counter_since(Timestamp::MIN)
    }

    /// A counter to begin with, which will know everything from a time on.
    #[must_use]
    pub fn counter_since(&self, complete: Timestamp) -> Counter {
        Counter::new(self.id, self.kept, self.missing_before(complete))
    }

    /// From when on events must be known for all that count to be: what the counter leaves out is not missed.
    pub(crate) fn missing_before(&self, complete: Timestamp) -> Timestamp {
        if complete <= self.from { Timestamp::MIN } else { complete }
    }

    /// Whether events can be counted of which only the items are known: a test that asks for the absence of a value
    /// would pass for all of them, and amounts are not known.
    pub(crate) fn is_recallable(&self) -> bool {
        self.property.is_none() && (0..self.steps()).all(|step| !self.matcher(step).is_negated())
    }

    /// Whether a kind and a time are all that must be known of an event.
    pub(crate) fn is_bare(&self) -> bool {
        self.property.is_none() && (0..self.steps()).all(|step| self.matcher(step).is_bare())
    }

    /// How many steps it has: one, but for sequences.
    pub(crate) fn steps(&self) -> usize {
        1 + self.more.len()
    }

    fn matcher(&self, step: usize) -> &Matcher {
        step.checked_sub(1).and_then(|step| self.more.get(step)).unwrap_or(&self.first)
    }

    /// The kind of event of a step.
    pub(crate) fn kind_of(&self, step: usize) -> &EventKind {
        &self.matcher(step).kind
    }

    /// A property and the one text, number or truth that it must equal, if the event of a step must pass such a
    /// test: what an index can find the counter by.
    pub(crate) fn key(&self, step: usize) -> Option<(Symbol, Scalar<'_>)> {
        self.matcher(step).tests.iter().find_map(|(name, test)| Some((*name, test.equals()?)))
    }

    /// Whether an event of the right [`CounterSpec::kind`] passes the tests of its properties.
    #[must_use]
    pub fn matches(&self, event: &dyn EventFacts) -> bool {
        self.matches_step(0, event)
    }

    /// Whether an event of the right kind passes the tests of a step.
    pub(crate) fn matches_step(&self, step: usize, event: &dyn EventFacts) -> bool {
        let of = self.matcher(step);
        of.tests.iter().all(|(name, test)| test.any(|check| event.any(*name, check)))
            && of.groups.iter().all(|group| group.holds(event))
    }

    /// What the event adds up to; `None` if the event lacks the property that is asked for, and is to be left out.
    /// Where none is, every event counts for one.
    #[must_use]
    pub fn amount(&self, event: &dyn EventFacts) -> Option<f64> {
        match (self.property, self.kept) {
            (None, _) => Some(1.0),
            (Some(property), Kept::Values(_)) => event.any(property, &mut |_| true).then_some(0.0),
            (Some(property), _) => event.number(property),
        }
    }

    /// Whether events of a time count at all.
    pub(crate) fn takes(&self, time: Timestamp) -> bool {
        time >= self.from
    }

    /// Counts an event that matches a step.
    pub(crate) fn observe(
        &self,
        counter: &mut Counter,
        step: usize,
        (time, id, amount): (Timestamp, u64, f64),
        event: &dyn EventFacts,
    ) {
        match (self.kept, self.property) {
            (Kept::Values(_), Some(property)) => {
                event.any(property, &mut |value| {
                    counter.observe_value(time, value.key());
                    false
                });
            }
            // At most eight steps and the forbidden event.
            (Kept::Marks, _) => counter.observe_step(time, id, step as u8),
            _ => counter.observe(time, id, amount, self.keep()),
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
            if let (Kept::Times(mine), Kept::Times(theirs)) = (&mut known.kept, spec.kept) {
                *mine = theirs.max(*mine);
            }
            return id;
        }
        self.by_id.insert(id, self.specs.len());
        for kind in spec.kinds() {
            let of = self.by_kind.entry(kind.symbol()).or_default();
            if of.last() != Some(&self.specs.len()) {
                of.push(self.specs.len());
            }
        }
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
    let window = query.when.window();
    let kept = match &query.measure {
        Measure::Count if window != Window::Ever && largest(asked) > MOST_WITHIN => Kept::Amounts(grid(window, 24)),
        Measure::Count => Kept::Times(Counter::keep_for(match window {
            Window::Ever => 0,
            // What happened after the window's end takes up slots too.
            Window::Rolling { to, .. } if !to.is_zero() => MOST_WITHIN,
            _ => largest(asked),
        })),
        Measure::First if window != Window::Ever => Kept::Times(Counter::keep_for(MOST_WITHIN)),
        Measure::First | Measure::Last => Kept::Times(Counter::keep_for(0)),
        Measure::Sum(_) | Measure::Mean(_) | Measure::Min(_) | Measure::Max(_) => Kept::Amounts(grid(window, 24)),
        Measure::Distinct(_) => Kept::Values(grid(window, 8)),
        Measure::Periods(period) => Kept::Periods(*period, query.when.offset()),
    };
    let mut canonical = canonical(query);
    canonical.push_str("\n\n");
    let (what, grid) = match kept {
        Kept::Times(_) => ("count", None),
        Kept::Amounts(grid) => ("sum", Some(grid)),
        Kept::Values(grid) => ("distinct", Some(grid)),
        Kept::Periods(..) => (query.measure.name(), None),
        Kept::Marks => ("sequence", None),
    };
    canonical.push_str(what);
    if let Some(Grid { width, most, offset }) = grid {
        canonical.push_str(&format!(" {width} {most} {offset}"));
    }
    if let Some(property) = query.measure.property() {
        canonical.push_str(&format!(" {property}"));
    }
    if let Kept::Periods(_, offset) = kept {
        canonical.push_str(&format!(" {offset}"));
    }
    let from = since(query.when, &mut canonical);
    let property = query.measure.property().map(|name| Symbol::new(name));
    CounterSpec { id: CounterId::of(&canonical), first: Matcher::new(query), more: Vec::new(), property, from, kept }
}

/// The counter that a sequence needs.
pub(crate) fn sequence(sequence: &Sequence) -> CounterSpec {
    let mut steps = sequence.steps.iter().chain(&sequence.without);
    let mut text = String::from("sequence");
    for step in steps.clone() {
        text.push_str("\n\n");
        text.push_str(&canonical(step));
    }
    // Which of the steps is forbidden is part of the question.
    text.push_str(if sequence.without.is_some() { "\n\nwithout" } else { "\n\n" });
    let from = since(sequence.when, &mut text);
    let first = steps.next().map_or_else(Matcher::default, Matcher::new);
    let more = steps.map(Matcher::new).collect();
    CounterSpec { id: CounterId::of(&text), first, more, property: None, from, kept: Kept::Marks }
}

/// The kind and the tests as text.
fn canonical(query: &EventQuery) -> String {
    let mut canonical = query.kind.name().to_owned();
    for test in &query.tests {
        canonical.push('\n');
        canonical.push_str(&test.to_string());
    }
    canonical
}

/// From when on events count.
fn since(when: When, canonical: &mut String) -> Timestamp {
    let When::Since(time) = when else { return Timestamp::MIN };
    canonical.push_str(&format!(" since {}", time.millis()));
    time
}

/// Buckets for a window: days where it is one of the calendar, else a part of it.
fn grid(window: Window, parts: u32) -> Grid {
    let millis = |days: u32| u16::try_from(days.saturating_add(2)).unwrap_or(u16::MAX);
    match window {
        Window::Ever => Grid::default(),
        Window::Rolling { from, .. } => {
            let width = Counter::bucket_width(Span::from_millis(from.millis() / i64::from(parts) * 24));
            // At most `parts` and a few whole buckets fit.
            let most = from.millis() / width.millis().max(1) + 3;
            Grid { width, most: u16::try_from(most).unwrap_or(u16::MAX), offset: 0 }
        }
        Window::Days { count, offset } => Grid { width: Span::days(1), most: millis(count), offset },
        Window::Weeks { count, offset } => Grid { width: Span::days(1), most: millis(count.saturating_mul(7)), offset },
        Window::Session => Grid { width: Span::minutes(10), most: 48, offset: 0 },
    }
}

/// The largest count that the test must tell from its neighbours.
pub(crate) fn largest(test: &Test) -> u32 {
    // A cast from `f64` saturates.
    let count = |literal: &Literal| if let Literal::Number(number) = literal { libm::ceil(*number) as u32 } else { 0 };
    match test {
        Test::Is(_, literal) => count(literal),
        Test::Between(_, high) => count(high),
        Test::In(values) | Test::NotIn(values) => values.iter().map(count).max().unwrap_or(0),
        _ => 0,
    }
}
