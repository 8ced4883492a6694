//! The live engine against a naive evaluator that keeps every event forever and reads nothing of the crate's rules.
//!
//! A case is a random set of segments, a random stream of events (late, repeated, in any order), and random times. After
//! each event the segments entered and left, and at later times the memberships, must be what the naive evaluator says.
//! Where the crate promises an approximation (decayed affinities near a threshold, sums in a bucket that straddles a
//! window's beginning) the naive evaluator does not know, and nothing is compared.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use bespoke::catalog::{Catalog, Item};
use bespoke::engine::{Changes, Engine};
use bespoke::event::{Event, EventItem, EventKind};
use bespoke::profile::{Counter, Profile, weight_of};
use bespoke::state::State;
use bespoke::time::{Span, Timestamp};
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

const KINDS: [&str; 6] = ["item_viewed", "purchased", "page_viewed", "dismissed", "list_viewed", "played"];
const WINDOWS: [i64; 7] = [1_000, 37_000, 600_000, 3_600_000, 86_400_000, 604_800_000, 90_061_001];
const COLORS: [&str; 4] = ["red", "blue", "green", "it's"];
const GAP: i64 = 1_800_000;
const HALF_LIFE: i64 = 864_000_000;
/// Each item with its category, brand and tag.
const ITEMS: [(&str, &str, &str, &str); 5] = [
    ("i0", "a", "X", "new"),
    ("i1", "a/b", "Y", "sale"),
    ("i2", "a/b/c", "X", "sale"),
    ("i3", "d", "Y", "new"),
    ("i4", "d/e", "Z", "old"),
];
const CATEGORIES: [&str; 5] = ["a", "a/b", "a/b/c", "d", "d/e"];

#[derive(Clone, Debug, PartialEq)]
enum Atom {
    Yes(bool),
    Number(f64),
    Text(String),
}

#[derive(Clone, Debug)]
enum Test {
    Eq(Atom),
    Ne(Atom),
    Order(&'static str, Atom),
    In(Vec<Atom>),
    NotIn(Vec<Atom>),
    Between(f64, f64),
    Exists,
    Contains(&'static str),
    StartsWith(&'static str),
}

#[derive(Clone, Debug)]
struct Query {
    kind: &'static str,
    tests: Vec<(&'static str, Test)>,
    window: Option<i64>,
}

#[derive(Clone, Debug)]
enum Expr {
    And(Vec<Expr>),
    Or(Vec<Expr>),
    Not(Box<Expr>),
    Segment(usize),
    Count(Query, Test),
    Sum(Query, &'static str, Test),
    Time(Query, bool, Test),
    Attribute(&'static str, Test),
    Affinity(&'static str, &'static str, f64),
    Session(&'static str, Test),
}

/// An event as the naive evaluator keeps it.
#[derive(Clone, Debug)]
struct Happened {
    kind: &'static str,
    time: i64,
    properties: Vec<(&'static str, Vec<Atom>)>,
    items: Vec<(usize, f64)>,
    value: Option<f64>,
    attributes: Vec<(&'static str, Option<Atom>)>,
    device: Option<&'static str>,
    source: Option<&'static str>,
}

// ---- printing -------------------------------------------------------------------------------------------------

fn atom(of: &Atom) -> String {
    match of {
        Atom::Yes(yes) => yes.to_string(),
        Atom::Number(number) => number.to_string(),
        Atom::Text(text) => format!("'{}'", text.replace('\'', "''")),
    }
}

fn atoms(of: &[Atom]) -> String {
    of.iter().map(atom).collect::<Vec<_>>().join(", ")
}

fn test(of: &Test) -> String {
    match of {
        Test::Eq(value) => format!("= {}", atom(value)),
        Test::Ne(value) => format!("!= {}", atom(value)),
        Test::Order(op, value) => format!("{op} {}", atom(value)),
        Test::In(values) => format!("IN ({})", atoms(values)),
        Test::NotIn(values) => format!("NOT IN ({})", atoms(values)),
        Test::Between(low, high) => format!("BETWEEN {low} AND {high}"),
        Test::Exists => "EXISTS".to_owned(),
        Test::Contains(text) => format!("CONTAINS '{text}'"),
        Test::StartsWith(text) => format!("STARTS_WITH '{text}'"),
    }
}

fn query(of: &Query) -> String {
    let mut text = format!("event('{}')", of.kind);
    if !of.tests.is_empty() {
        let tests: Vec<String> = of.tests.iter().map(|(name, of)| format!("{name} {}", test(of))).collect();
        write!(text, ".where({})", tests.join(" AND ")).unwrap();
    }
    if let Some(window) = of.window {
        write!(text, ".within({})", Span::from_millis(window)).unwrap();
    }
    text
}

fn print(of: &Expr, names: &[String]) -> String {
    let join = |parts: &[Expr], between: &str| {
        parts.iter().map(|part| format!("({})", print(part, names))).collect::<Vec<_>>().join(between)
    };
    match of {
        Expr::And(parts) => join(parts, " AND "),
        Expr::Or(parts) => join(parts, " or "),
        Expr::Not(inner) => format!("NOT ({})", print(inner, names)),
        Expr::Segment(index) => format!("segment('{}')", names[*index]),
        Expr::Count(of, asked) => format!("{}.count() {}", query(of), test(asked)),
        Expr::Sum(of, name, asked) => format!("{}.sum({name}) {}", query(of), test(asked)),
        Expr::Time(of, last, asked) => {
            let asked = match asked {
                Test::Order(op, Atom::Number(at)) => format!("{op} time('{}')", Timestamp::from_millis(*at as i64)),
                other => test(other),
            };
            format!("{}.{}() {asked}", query(of), if *last { "last" } else { "first" })
        }
        Expr::Attribute(name, asked) => format!("{name} {}", test(asked)),
        Expr::Affinity(dimension, value, more) => format!("affinity('{dimension}', '{value}') > {more}"),
        Expr::Session(fact, asked) => format!("session({fact}) {}", test(asked)),
    }
}

// ---- the naive evaluator --------------------------------------------------------------------------------------

fn passes(of: &Test, value: &Atom) -> bool {
    let order = |op: &str, a: &Atom, b: &Atom| {
        let order = match (a, b) {
            (Atom::Number(a), Atom::Number(b)) => a.partial_cmp(b),
            (Atom::Text(a), Atom::Text(b)) => Some(a.cmp(b)),
            _ => None,
        };
        order.is_some_and(|order| match op {
            ">" => order.is_gt(),
            ">=" => order.is_ge(),
            "<" => order.is_lt(),
            _ => order.is_le(),
        })
    };
    match of {
        Test::Eq(other) | Test::Ne(other) => value == other,
        Test::Order(op, other) => order(op, value, other),
        Test::In(values) | Test::NotIn(values) => values.contains(value),
        Test::Between(low, high) => order(">=", value, &Atom::Number(*low)) && order("<=", value, &Atom::Number(*high)),
        Test::Exists => true,
        Test::Contains(part) => matches!(value, Atom::Text(text) if text.contains(part)),
        Test::StartsWith(part) => matches!(value, Atom::Text(text) if text.starts_with(part)),
    }
}

/// Of several values any may pass; only then is the answer negated.
fn any(of: &Test, values: &[Atom]) -> bool {
    values.iter().any(|value| passes(of, value)) != matches!(of, Test::Ne(_) | Test::NotIn(_))
}

impl Happened {
    fn values(&self, name: &str) -> Vec<Atom> {
        if let Some((_, values)) = self.properties.iter().find(|(of, _)| *of == name) {
            return values.clone();
        }
        let text = |text: &str| Atom::Text(text.to_owned());
        let of_items = self.items.iter().map(|(item, _)| ITEMS[*item]);
        match name {
            "item" => of_items.map(|item| text(item.0)).collect(),
            "brand" => of_items.map(|item| text(item.2)).collect(),
            "tag" => of_items.map(|item| text(item.3)).collect(),
            "category" => of_items.flat_map(|item| parents(item.1)).map(text).collect(),
            "quantity" => self.items.iter().map(|(_, quantity)| Atom::Number(*quantity)).collect(),
            "value" => self.value.map(Atom::Number).into_iter().collect(),
            "device" => self.device.map(text).into_iter().collect(),
            "source" => self.source.map(text).into_iter().collect(),
            _ => Vec::new(),
        }
    }

    fn number(&self, name: &str) -> Option<f64> {
        if name == "quantity" {
            return (!self.items.is_empty()).then(|| self.items.iter().map(|(_, quantity)| quantity).sum());
        }
        self.values(name).iter().find_map(|value| if let Atom::Number(number) = value { Some(*number) } else { None })
    }
}

fn parents(path: &str) -> Vec<&str> {
    let ends = path.match_indices('/').map(|(end, _)| end).chain([path.len()]);
    ends.map(|end| &path[..end]).collect()
}

struct Naive<'a> {
    events: &'a [Happened],
    segments: &'a [Expr],
    now: i64,
}

impl Naive<'_> {
    fn member(&self, index: usize) -> Option<bool> {
        self.eval(&self.segments[index])
    }

    fn eval(&self, expr: &Expr) -> Option<bool> {
        match expr {
            Expr::And(parts) => self.all(parts, true),
            Expr::Or(parts) => self.all(parts, false),
            Expr::Not(inner) => self.eval(inner).map(|holds| !holds),
            Expr::Segment(index) => self.member(*index),
            Expr::Count(query, asked) => Some(any(
                asked,
                &[Atom::Number(self.matching(query).filter(|of| self.inside(query, of)).count() as f64)],
            )),
            Expr::Sum(query, name, asked) => self.sum(query, name).map(|sum| any(asked, &[Atom::Number(sum)])),
            Expr::Time(query, last, asked) => {
                let times = self.matching(query).map(|of| of.time).filter(|time| *time <= self.now);
                let time = if *last { times.max() } else { times.min() };
                Some(any(asked, &time.map(|time| Atom::Number(time as f64)).into_iter().collect::<Vec<_>>()))
            }
            Expr::Attribute(name, asked) => {
                Some(any(asked, &self.attribute(name).map(|(_, of)| of).into_iter().collect::<Vec<_>>()))
            }
            Expr::Affinity(dimension, value, more) => self.affinity(dimension, value, *more),
            Expr::Session(fact, asked) => Some(any(asked, &self.session(fact).into_iter().collect::<Vec<_>>())),
        }
    }

    /// Kleene's three values: one part that decides is enough.
    fn all(&self, parts: &[Expr], wanted: bool) -> Option<bool> {
        let answers: Vec<Option<bool>> = parts.iter().map(|part| self.eval(part)).collect();
        if answers.contains(&Some(!wanted)) {
            return Some(!wanted);
        }
        (!answers.contains(&None)).then_some(wanted)
    }

    fn matching<'s>(&'s self, query: &'s Query) -> impl Iterator<Item = &'s Happened> {
        self.events
            .iter()
            .filter(|of| of.kind == query.kind && query.tests.iter().all(|(name, asked)| any(asked, &of.values(name))))
    }

    fn inside(&self, query: &Query, of: &Happened) -> bool {
        of.time <= self.now && query.window.is_none_or(|window| of.time > self.now - window)
    }

    fn sum(&self, query: &Query, name: &str) -> Option<f64> {
        let mut sum = 0.0;
        for of in self.matching(query) {
            let Some(number) = of.number(name) else { continue };
            if let Some(window) = query.window {
                let width = Counter::bucket_width(Span::from_millis(window)).millis();
                let start = self.now - window;
                if of.time > self.now || of.time.div_euclid(width) == start.div_euclid(width) {
                    return None;
                }
                if of.time < start {
                    continue;
                }
            }
            sum += number;
        }
        Some(sum)
    }

    fn attribute(&self, name: &str) -> Option<(i64, Atom)> {
        let rank = |of: &Option<Atom>| match of {
            None => (0, 0, String::new()),
            Some(Atom::Yes(yes)) => (1, i64::from(*yes), String::new()),
            Some(Atom::Number(number)) => (2, *number as i64, String::new()),
            Some(Atom::Text(text)) => (3, 0, text.clone()),
        };
        let set = self.events.iter().flat_map(|of| {
            let own = of.attributes.iter().map(|(name, value)| (*name, value.clone()));
            let device = of.device.map(|device| ("device", Some(Atom::Text(device.to_owned()))));
            own.chain(device).map(|(name, value)| (name, of.time, value))
        });
        // `age` is declared as a number; what else comes is not taken.
        let taken =
            set.filter(|(of, _, value)| *of == name && (name != "age" || !matches!(value, Some(Atom::Text(_)))));
        let (_, time, value) = taken.max_by_key(|(_, time, value)| (*time, rank(value)))?;
        Some((time, value?))
    }

    fn affinity(&self, dimension: &str, value: &str, more: f64) -> Option<bool> {
        let newest = self.events.iter().map(|of| of.time).max()?;
        let mut weights = std::collections::BTreeMap::<&str, f64>::new();
        for of in self.events {
            let weight =
                weight_of(&EventKind::from(of.kind)) * libm::exp2((of.time - newest) as f64 / HALF_LIFE as f64);
            for (item, _) in &of.items {
                let (_, category, brand, _) = ITEMS[*item];
                let facets = if dimension == "brand" { vec![brand] } else { parents(category) };
                for facet in facets {
                    *weights.entry(facet).or_default() += weight;
                }
            }
        }
        let total: f64 = weights.values().map(|weight| weight.max(0.0)).sum();
        if weights.values().all(|weight| *weight == 0.0) {
            return Some(false);
        }
        let share = weights.get(value).copied().unwrap_or(0.0).max(0.0) / total;
        (total > 0.1 && (share - more).abs() > 0.02).then_some(share > more)
    }

    fn session(&self, fact: &str) -> Option<Atom> {
        let mut sorted: Vec<&Happened> = self.events.iter().collect();
        sorted.sort_by_key(|of| of.time);
        let (mut count, mut newest): (u32, Vec<&Happened>) = (0, Vec::new());
        for of in sorted {
            if newest.last().is_none_or(|last| of.time - last.time > GAP) {
                count += 1;
                newest.clear();
            }
            newest.push(of);
        }
        let span = newest.first().zip(newest.last()).map(|(first, last)| (first.time, last.time));
        let is_open = span.is_some_and(|(_, last)| self.now <= last + GAP);
        let of_open = |number: f64| Some(Atom::Number(if is_open { number } else { 0.0 }));
        let touches = || self.events.iter().filter_map(|of| Some((of.time, of.source?)));
        let text = |text: &str| Atom::Text(text.to_owned());
        let (start, last) = span.unwrap_or((i64::MAX, i64::MAX));
        match fact {
            "count" => Some(Atom::Number(f64::from(count))),
            "events" => of_open(newest.len() as f64),
            "views" => of_open(newest.iter().filter(|of| of.kind.ends_with("_viewed")).count() as f64),
            "seconds" => of_open(last.saturating_sub(start) as f64 / 1000.0),
            "first_source" => touches().min().map(|touch| text(touch.1)),
            "last_source" => touches().max().map(|touch| text(touch.1)),
            "source" => touches().max().filter(|touch| is_open && touch.0 >= start).map(|touch| text(touch.1)),
            _ => self.attribute("device").filter(|(time, _)| is_open && *time >= start).map(|(_, of)| of),
        }
    }
}

// ---- making cases ---------------------------------------------------------------------------------------------

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
        let tests = (0..[0, 0, 1, 1, 2][self.dice.below(5)]).map(|_| self.property()).collect();
        let window = (windowed && self.dice.below(4) > 0).then(|| self.dice.pick(&WINDOWS));
        Query { kind, tests, window }
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
                let fact = self.dice.pick(&["first_source", "last_source", "source", "device"]);
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
    event
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

// ---- comparing ------------------------------------------------------------------------------------------------

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
