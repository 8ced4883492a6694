//! The live engine against a naive evaluator that keeps every event forever and reads nothing of the crate's rules.
//!
//! A case is a random set of segments, a random stream of events (late, repeated, in any order), and random times. After
//! each event the segments entered and left, and at later times the memberships, must be what the naive evaluator says.
//! Where the crate promises an approximation (decayed affinities near a threshold, sums in a bucket that straddles a
//! window's beginning) the naive evaluator does not know, and nothing is compared.

use std::collections::BTreeSet;

use bespoke::catalog::{Catalog, Item};
use bespoke::engine::{Changes, Engine};
use bespoke::event::{Event, EventItem, EventKind};
use bespoke::profile::Profile;
use bespoke::state::State;
use bespoke::time::Timestamp;
use bespoke::value::Value;

use crate::dice::Dice;

/// About six seconds in debug.
#[test]
fn the_live_engine_agrees_with_a_naive_evaluator() {
    for seed in 0..250 {
        run_case(seed);
    }
}

#[test]
#[ignore = "takes as long as it is given"]
fn the_live_engine_agrees_with_a_naive_evaluator_for_hours() {
    for seed in 1_000..1_000_000 {
        run_case(seed);
        if seed % 10_000 == 0 {
            println!("{seed} cases agree");
        }
    }
}

use crate::naive::*;

mod explain;
mod live;

struct Maker {
    dice: Dice,
    /// Whether events may lie a little ahead of the present; counts then keep to thresholds that leave room for them.
    ahead: bool,
    /// Whether the stream is long, in order and without repetitions.
    long: bool,
}

impl Maker {
    fn text(&mut self) -> Atom {
        Atom::Text(self.dice.pick(&COLORS).to_string())
    }

    fn property(&mut self) -> (&'static str, Test) {
        let one = |text: &str| Atom::Text(text.to_owned());
        match self.dice.below(9) {
            0 | 1 => ("color", if self.dice.below(8) == 0 { Test::Eq(Atom::Yes(true)) } else { self.text_test() }),
            2 => {
                let number = Atom::Number(self.dice.below(4) as f64);
                let test = match self.dice.below(5) {
                    0 => Test::Eq(number),
                    1 => Test::Ne(number),
                    2 => Test::Between(1.0, 2.0),
                    _ => Test::Order(self.dice.pick(&["<", "<=", ">", ">="]), number),
                };
                (self.dice.pick(&["size", "quantity", "value"]), test)
            }
            3 | 4 => {
                let category = one(self.dice.pick(&CATEGORIES));
                let test = match self.dice.below(4) {
                    0 => Test::Ne(category),
                    1 => Test::StartsWith("a/"),
                    _ => Test::Eq(category),
                };
                ("category", test)
            }
            5 => ("brand", Test::In(vec![one("X"), one(self.dice.pick(&["Y", "Q"]))])),
            6 => ("tag", Test::NotIn(vec![one("sale")])),
            7 => ("item", Test::Eq(one(ITEMS[self.dice.below(5)].0))),
            _ => (self.dice.pick(&["device", "source", "color"]), Test::Exists),
        }
    }

    fn text_test(&mut self) -> Test {
        match self.dice.below(7) {
            0 => Test::Ne(self.text()),
            1 => Test::In((0..self.dice.below(20) + 1).map(|_| self.text()).collect()),
            2 => Test::NotIn(vec![self.text(), self.text()]),
            3 => Test::Contains("e"),
            4 | 5 => Test::Order(self.dice.pick(&["<", "<=", ">", ">="]), self.text()),
            _ => Test::Eq(self.text()),
        }
    }

    fn query(&mut self, windowed: bool) -> Query {
        let kind = self.dice.pick(&KINDS);
        let tests = (0..[0, 0, 1, 1, 2][self.dice.below(5)]).map(|_| self.asked(2)).collect();
        let window = (windowed && self.dice.below(4) > 0).then(|| self.dice.pick(&WINDOWS));
        Query { kind, tests, window }
    }

    fn asked(&mut self, depth: usize) -> Where {
        let branch = if depth == 0 { 0 } else { self.dice.below(8) };
        let parts = |maker: &mut Self| (0..1 + maker.dice.below(3)).map(|_| maker.asked(depth - 1)).collect();
        match branch {
            5 => Where::All(parts(self)),
            6 => Where::Any(parts(self)),
            7 => Where::Not(Box::new(self.asked(depth - 1))),
            _ => {
                let (name, test) = self.property();
                Where::Test(name, test)
            }
        }
    }

    fn count_test(&mut self) -> Test {
        let most = match self.dice.below(4) {
            0 => 50,
            1 => 8,
            _ => 3,
        };
        let number = |dice: &mut Dice| Atom::Number(dice.below(most + 1) as f64);
        if self.ahead {
            return Test::Order(self.dice.pick(&[">=", "<"]), Atom::Number(self.dice.below(3) as f64));
        }
        match self.dice.below(6) {
            0 => Test::Eq(number(&mut self.dice)),
            1 => Test::Ne(number(&mut self.dice)),
            2 => Test::Between(1.5, 1.5 + self.dice.below(most - 1) as f64),
            3 => Test::In(vec![number(&mut self.dice), number(&mut self.dice)]),
            _ => Test::Order(self.dice.pick(&["<", "<=", ">", ">="]), number(&mut self.dice)),
        }
    }

    fn expr(&mut self, depth: usize, before: usize) -> Expr {
        let branch = if depth == 0 { 0 } else { self.dice.below(10) };
        match branch {
            7 => Expr::And((0..2 + self.dice.below(2)).map(|_| self.expr(depth - 1, before)).collect()),
            8 => Expr::Or((0..2 + self.dice.below(2)).map(|_| self.expr(depth - 1, before)).collect()),
            9 => Expr::Not(Box::new(self.expr(depth - 1, before))),
            _ => self.leaf(before),
        }
    }

    fn leaf(&mut self, before: usize) -> Expr {
        match self.dice.below(12) {
            0 | 1 if before > 0 => Expr::Segment(self.dice.below(before)),
            2 => {
                let name = self.dice.pick(&["size", "quantity", "value"]);
                let number = Atom::Number(self.dice.below(12) as f64);
                Expr::Sum(self.query(true), name, Test::Order(self.dice.pick(&["<", ">="]), number))
            }
            3 => {
                let asked = match self.dice.below(3) {
                    0 => Test::Exists,
                    _ => {
                        let at = START + self.dice.below(10) as i64 * 3_600_000;
                        Test::Order(self.dice.pick(&["<", ">"]), Atom::Number(at as f64))
                    }
                };
                Expr::Time(self.query(false), self.dice.coin(), asked)
            }
            4 => Expr::Attribute("plan", self.text_test()),
            5 => {
                let number = Atom::Number(self.dice.below(4) as f64);
                let test = if self.dice.coin() { Test::Order(">=", number) } else { Test::Ne(number) };
                Expr::Attribute("age", test)
            }
            6 => {
                let share = [0.0, 0.1, 0.3, 0.6][self.dice.below(4)];
                if self.dice.coin() {
                    Expr::Affinity("category", self.dice.pick(&CATEGORIES), share)
                } else {
                    Expr::Affinity("brand", self.dice.pick(&["X", "Y", "Z", "Q"]), share)
                }
            }
            7 => {
                let number = Atom::Number(self.dice.below(5) as f64);
                let fact = self.dice.pick(&["count", "views", "events", "seconds"]);
                Expr::Session(fact, Test::Order(self.dice.pick(&["<", "<=", ">", ">="]), number))
            }
            8 => {
                let fact = self.dice.pick(&[
                    "first_source",
                    "last_source",
                    "source",
                    "first_medium",
                    "last_medium",
                    "medium",
                    "device",
                ]);
                let test = if self.dice.coin() { Test::Exists } else { self.text_test() };
                Expr::Session(fact, test)
            }
            _ => {
                let query = self.query(true);
                let asked = self.count_test();
                Expr::Count(query, asked)
            }
        }
    }

    fn event(&mut self, time: i64, busy: &'static str) -> Happened {
        let kind = if self.dice.below(3) > 0 { busy } else { self.dice.pick(&KINDS) };
        let mut properties: Vec<(&'static str, Vec<Atom>)> = Vec::new();
        match self.dice.below(5) {
            0 | 1 => properties.push(("color", vec![self.text()])),
            2 => properties.push(("color", vec![self.text(), self.text(), Atom::Yes(true)])),
            _ => {}
        }
        if self.dice.below(3) == 0 {
            properties.push(("size", vec![Atom::Number(self.dice.below(5) as f64)]));
        }
        if self.dice.below(12) == 0 {
            properties.push(("category", vec![Atom::Text(self.dice.pick(&CATEGORIES).to_owned())]));
        }
        let items = (0..[0, 1, 1, 2][self.dice.below(4)])
            .map(|_| (self.dice.below(ITEMS.len()), (1 + self.dice.below(3)) as f64));
        let items = items.collect();
        let mut attributes = Vec::new();
        if self.dice.below(6) == 0 {
            attributes.push(("plan", self.dice.coin().then(|| self.text())));
        }
        if self.dice.below(6) == 0 {
            let age = match self.dice.below(5) {
                0 => None,
                1 => Some(self.text()),
                _ => Some(Atom::Number(self.dice.below(4) as f64)),
            };
            attributes.push(("age", age));
        }
        Happened {
            kind,
            time,
            properties,
            items,
            value: (self.dice.below(4) == 0).then(|| self.dice.below(6) as f64),
            attributes,
            device: (self.dice.below(6) == 0).then(|| self.dice.pick(&COLORS)),
            source: (self.dice.below(6) == 0).then(|| self.dice.pick(&COLORS)),
            medium: (self.dice.below(3) > 0).then(|| self.dice.pick(&COLORS)),
        }
    }

    fn step(&mut self) -> i64 {
        match self.dice.below(8) {
            0 => 0,
            1 => 1,
            2 => self.dice.pick(&WINDOWS),
            3 => GAP + self.dice.below(3) as i64 - 1,
            4 => self.dice.below(100) as i64,
            5 => self.dice.below(60_000) as i64,
            _ => self.dice.below(3_600_000) as i64,
        }
    }
}

fn value(of: &Atom) -> Value {
    match of {
        Atom::Yes(yes) => Value::from(*yes),
        Atom::Number(number) => Value::from(*number),
        Atom::Text(text) => Value::from(text.as_str()),
    }
}

fn record(of: &Happened, id: usize) -> Event {
    let mut event = Event::new(EventKind::from(of.kind), "ann", Timestamp::from_millis(of.time));
    event.id = Some(format!("event {id}"));
    for (name, values) in &of.properties {
        let own = match values.as_slice() {
            [only] => value(only),
            many => serde_json::from_value(serde_json::json!(many.iter().map(value).collect::<Vec<_>>())).unwrap(),
        };
        event = event.property(*name, own);
    }
    for (item, quantity) in &of.items {
        event.items.push(EventItem { quantity: *quantity, ..EventItem::new(ITEMS[*item].0) });
    }
    for (name, of) in &of.attributes {
        event = event.attribute(*name, of.as_ref().map_or(Value::Null, value));
    }
    event.value = of.value;
    event.device = of.device.map(str::to_owned);
    event.source = of.source.map(str::to_owned);
    match of.medium {
        Some(medium) => event.property("utm_medium", medium),
        None => event,
    }
}

fn catalog() -> Catalog {
    let mut catalog = Catalog::new();
    for (id, category, brand, tag) in ITEMS {
        catalog.upsert(Item::new(id).category(category).brand(brand).tag(tag)).unwrap();
    }
    catalog
}

#[expect(clippy::panic, reason = "a text that the test printed and the engine refuses is a finding; it is shown whole")]
fn engine(segments: &[Expr], names: &[String], dice: &mut Dice) -> (Engine, String) {
    let mut written: Vec<serde_json::Value> = (0..segments.len())
        .map(|i| serde_json::json!({"name": names[i], "rule": print(&segments[i], names)}))
        .collect();
    dice.shuffle(&mut written);
    let text = serde_json::json!({
        "schema": {
            "attributes": {"plan": "text", "age": "number", "device": "text"},
            "events": ["played"],
            "affinities": [{"attribute": "category", "half_life": "10d"}, {"attribute": "brand", "half_life": "10d"}]
        },
        "segments": written,
        "settings": {"history": 128, "session_gap": "30m"}
    });
    let text = serde_json::to_string_pretty(&text).unwrap();
    let engine = Engine::from_json(&text).unwrap_or_else(|problems| panic!("{problems}\n{text}"));
    (engine, text)
}

struct Case {
    seed: u64,
    text: String,
    names: Vec<String>,
    segments: Vec<Expr>,
    events: Vec<Happened>,
}

impl Case {
    fn naive(&self, now: i64) -> Vec<Option<bool>> {
        let naive = Naive { events: &self.events, segments: &self.segments, now };
        (0..self.segments.len()).map(|i| naive.member(i)).collect()
    }

    #[track_caller]
    fn agree(&self, what: &str, now: i64, found: &BTreeSet<String>, wanted: &[Option<bool>]) {
        for (name, wanted) in self.names.iter().zip(wanted) {
            let Some(wanted) = wanted else { continue };
            assert!(
                found.contains(name) == *wanted,
                "case {}: {what} at {now}: `{name}` should be {wanted}\n{}\n{:?}",
                self.seed,
                self.text,
                self.events
            );
        }
    }

    #[track_caller]
    fn agree_on_changes(&self, now: i64, changes: &Changes, before: &[Option<bool>], after: &[Option<bool>]) {
        for (i, name) in self.names.iter().enumerate() {
            let (Some(was), Some(is)) = (before[i], after[i]) else { continue };
            let entered = changes.entered.iter().any(|of| **of == **name);
            let left = changes.left.iter().any(|of| **of == **name);
            assert!(
                (entered, left) == (!was && is, was && !is),
                "case {}: at {now}: `{name}` was {was}, is {is}, told {entered} {left}\n{}\n{:?}",
                self.seed,
                self.text,
                self.events
            );
        }
    }
}

const START: i64 = 1_767_225_600_000;

fn run_case(seed: u64) {
    let mut dice = Dice::new(seed);
    let (ahead, long) = (dice.below(6) == 0, dice.below(6) == 0);
    let mut maker = Maker { dice, ahead, long: long && !ahead };
    let count = 1 + maker.dice.below(6);
    let names: Vec<String> = (0..count).map(|i| format!("s{} {i}", maker.dice.below(1000))).collect();
    let segments: Vec<Expr> = (0..count).map(|i| maker.expr(3, i)).collect();
    let (engine, text) = engine(&segments, &names, &mut maker.dice);
    let mut case = Case { seed, text, names, segments, events: Vec::new() };
    let (catalog, mut profile) = (catalog(), Profile::default());
    let busy = maker.dice.pick(&KINDS);
    let length = if maker.long { 150 } else { 1 + maker.dice.below(62) };
    let mut now = START;
    let mut before = case.naive(now);
    for _ in 0..length {
        now += maker.step();
        let is_repeated = !maker.long && !case.events.is_empty() && maker.dice.below(8) == 0;
        let id = if is_repeated { maker.dice.below(case.events.len()) } else { case.events.len() };
        if !is_repeated {
            let time = event_time(&mut maker, now, &case.events);
            let event = maker.event(time, busy);
            case.events.push(event);
        }
        let event = record(&case.events[id], id);
        event.check(Timestamp::from_millis(now)).unwrap();
        let changes = engine.apply(&event, &mut profile, &catalog, Timestamp::from_millis(now));
        assert_eq!(changes.repeated, is_repeated);
        let after = case.naive(now);
        case.agree_on_changes(now, &changes, &before, &after);
        before = after;
        check_members(&case, &engine, &profile, now, &before);
        for _ in 0..maker.dice.below(3) {
            let later = now + maker.step();
            check_members(&case, &engine, &profile, later, &case.naive(later));
        }
        match maker.dice.below(12) {
            0 => profile = Profile::from_bytes(&profile.to_bytes().unwrap()).unwrap(),
            1 => {
                now += maker.step();
                let changes = engine.refresh(&mut profile, &catalog, Timestamp::from_millis(now));
                let after = case.naive(now);
                case.agree_on_changes(now, &changes, &before, &after);
                before = after;
            }
            _ => {}
        }
    }
}

fn event_time(maker: &mut Maker, now: i64, events: &[Happened]) -> i64 {
    if maker.long {
        return now;
    }
    let coming = events.iter().filter(|of| of.time > now).count();
    match maker.dice.below(4) {
        0 => now - maker.step(),
        1 if maker.ahead && coming < 2 => now + maker.dice.below(300_000) as i64,
        _ => now,
    }
}

#[track_caller]
fn check_members(case: &Case, engine: &Engine, profile: &Profile, now: i64, wanted: &[Option<bool>]) {
    let members = engine.memberships(profile, Timestamp::from_millis(now));
    let found: BTreeSet<String> = members.map(|name| name.to_string()).collect();
    case.agree("memberships", now, &found, wanted);
}
