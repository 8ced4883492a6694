//! Rules as the differential test writes them, and a naive evaluator that keeps every event forever. It shares nothing
//! with the crate's own rules but the weights of events.

use bespoke::event::EventKind;
use bespoke::profile::{Counter, weight_of};
use bespoke::time::{Span, Timestamp};
use std::fmt::Write as _;

pub(crate) const KINDS: [&str; 6] = ["item_viewed", "purchased", "page_viewed", "dismissed", "list_viewed", "played"];
pub(crate) const WINDOWS: [i64; 7] = [1_000, 37_000, 600_000, 3_600_000, 86_400_000, 604_800_000, 90_061_001];
pub(crate) const COLORS: [&str; 4] = ["red", "blue", "green", "it's"];
pub(crate) const GAP: i64 = 1_800_000;
pub(crate) const HALF_LIFE: i64 = 864_000_000;
/// Each item with its category, brand and tag.
pub(crate) const ITEMS: [(&str, &str, &str, &str); 5] = [
    ("i0", "a", "X", "new"),
    ("i1", "a/b", "Y", "sale"),
    ("i2", "a/b/c", "X", "sale"),
    ("i3", "d", "Y", "new"),
    ("i4", "d/e", "Z", "old"),
];
pub(crate) const CATEGORIES: [&str; 5] = ["a", "a/b", "a/b/c", "d", "d/e"];

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Atom {
    Yes(bool),
    Number(f64),
    Text(String),
}

#[derive(Clone, Debug)]
pub(crate) enum Test {
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
pub(crate) struct Query {
    pub(crate) kind: &'static str,
    pub(crate) tests: Vec<Where>,
    pub(crate) window: Option<i64>,
}

/// What is asked of the properties of an event.
#[derive(Clone, Debug)]
pub(crate) enum Where {
    Test(&'static str, Test),
    All(Vec<Where>),
    Any(Vec<Where>),
    Not(Box<Where>),
}

impl Where {
    fn print(&self) -> String {
        let join = |parts: &[Self], between: &str| {
            format!("({})", parts.iter().map(Self::print).collect::<Vec<_>>().join(between))
        };
        match self {
            Self::Test(name, of) => format!("{name} {}", test(of)),
            Self::All(parts) => join(parts, " AND "),
            Self::Any(parts) => join(parts, " OR "),
            Self::Not(inner) => format!("NOT {}", inner.print()),
        }
    }

    fn holds(&self, of: &Happened) -> bool {
        match self {
            Self::Test(name, asked) => any(asked, &of.values(name)),
            Self::All(parts) => parts.iter().all(|part| part.holds(of)),
            Self::Any(parts) => parts.iter().any(|part| part.holds(of)),
            Self::Not(inner) => !inner.holds(of),
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) enum Expr {
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
pub(crate) struct Happened {
    pub(crate) kind: &'static str,
    pub(crate) time: i64,
    pub(crate) properties: Vec<(&'static str, Vec<Atom>)>,
    pub(crate) items: Vec<(usize, f64)>,
    pub(crate) value: Option<f64>,
    pub(crate) attributes: Vec<(&'static str, Option<Atom>)>,
    pub(crate) device: Option<&'static str>,
    pub(crate) source: Option<&'static str>,
    /// The medium of the visit, if the event names a source.
    pub(crate) medium: Option<&'static str>,
}

pub(crate) fn atom(of: &Atom) -> String {
    match of {
        Atom::Yes(yes) => yes.to_string(),
        Atom::Number(number) => number.to_string(),
        Atom::Text(text) => format!("'{}'", text.replace('\'', "''")),
    }
}

pub(crate) fn atoms(of: &[Atom]) -> String {
    of.iter().map(atom).collect::<Vec<_>>().join(", ")
}

pub(crate) fn test(of: &Test) -> String {
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

pub(crate) fn query(of: &Query) -> String {
    let mut text = format!("event('{}')", of.kind);
    if !of.tests.is_empty() {
        let tests: Vec<String> = of.tests.iter().map(Where::print).collect();
        write!(text, ".where({})", tests.join(" AND ")).unwrap();
    }
    if let Some(window) = of.window {
        write!(text, ".within({})", Span::from_millis(window)).unwrap();
    }
    text
}

pub(crate) fn print(of: &Expr, names: &[String]) -> String {
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

pub(crate) fn passes(of: &Test, value: &Atom) -> bool {
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
pub(crate) fn any(of: &Test, values: &[Atom]) -> bool {
    values.iter().any(|value| passes(of, value)) != matches!(of, Test::Ne(_) | Test::NotIn(_))
}

impl Happened {
    pub(crate) fn values(&self, name: &str) -> Vec<Atom> {
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

    pub(crate) fn number(&self, name: &str) -> Option<f64> {
        if name == "quantity" {
            return (!self.items.is_empty()).then(|| self.items.iter().map(|(_, quantity)| quantity).sum());
        }
        self.values(name).iter().find_map(|value| if let Atom::Number(number) = value { Some(*number) } else { None })
    }
}

pub(crate) fn parents(path: &str) -> Vec<&str> {
    let ends = path.match_indices('/').map(|(end, _)| end).chain([path.len()]);
    ends.map(|end| &path[..end]).collect()
}

pub(crate) struct Naive<'a> {
    pub(crate) events: &'a [Happened],
    pub(crate) segments: &'a [Expr],
    pub(crate) now: i64,
}

impl Naive<'_> {
    pub(crate) fn member(&self, index: usize) -> Option<bool> {
        self.eval(&self.segments[index])
    }

    pub(crate) fn eval(&self, expr: &Expr) -> Option<bool> {
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
    pub(crate) fn all(&self, parts: &[Expr], wanted: bool) -> Option<bool> {
        let answers: Vec<Option<bool>> = parts.iter().map(|part| self.eval(part)).collect();
        if answers.contains(&Some(!wanted)) {
            return Some(!wanted);
        }
        (!answers.contains(&None)).then_some(wanted)
    }

    pub(crate) fn matching<'s>(&'s self, query: &'s Query) -> impl Iterator<Item = &'s Happened> {
        self.events.iter().filter(|of| of.kind == query.kind && query.tests.iter().all(|test| test.holds(of)))
    }

    pub(crate) fn inside(&self, query: &Query, of: &Happened) -> bool {
        of.time <= self.now && query.window.is_none_or(|window| of.time > self.now - window)
    }

    pub(crate) fn sum(&self, query: &Query, name: &str) -> Option<f64> {
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

    pub(crate) fn attribute(&self, name: &str) -> Option<(i64, Atom)> {
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

    pub(crate) fn affinity(&self, dimension: &str, value: &str, more: f64) -> Option<bool> {
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

    pub(crate) fn session(&self, fact: &str) -> Option<Atom> {
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
        let touches = || self.events.iter().filter_map(|of| Some((of.time, of.source?, of.medium)));
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
            "first_medium" => touches().min()?.2.map(text),
            "last_medium" => touches().max()?.2.map(text),
            "medium" => touches().max().filter(|touch| is_open && touch.0 >= start)?.2.map(text),
            _ => self.attribute("device").filter(|(time, _)| is_open && *time >= start).map(|(_, of)| of),
        }
    }
}
