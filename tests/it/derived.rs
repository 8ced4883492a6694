//! What follows from a profile and the time, against a naive reading that keeps every event forever: lifecycle,
//! purchases and their scores, affinities, exposures, percentages, local time, and scores over all of these.
//!
//! A case is a random set of segments, a random stream of events (late, repeated, in any order), and random times.
//! After each event the segments entered and left, at later times the memberships, and the time of the next change,
//! must be what the naive reading says. Where weights come near a threshold it does not know, and nothing is compared.

use std::collections::{BTreeMap, BTreeSet};

use bespoke::catalog::{Catalog, Item};
use bespoke::decision::Request;
use bespoke::engine::Engine;
use bespoke::event::{Event, EventKind};
use bespoke::hash::{Bucket, Symbol};
use bespoke::id::{DecisionId, UserKey};
use bespoke::personalizer::Personalizer;
use bespoke::profile::Profile;
use bespoke::time::{Span, Timestamp};

use crate::dice::Dice;

const HOUR: i64 = 3_600_000;
const START: i64 = 1_772_366_400_000;
const NEW: i64 = HOUR;
const AT_RISK: i64 = 5 * HOUR;
const LAPSED: i64 = 20 * HOUR;
const RETURNED: i64 = 2 * HOUR;
const RECENCY: [i64; 3] = [HOUR, 5 * HOUR, 24 * HOUR];
const FREQUENCY: [usize; 3] = [2, 3, 5];
const MONETARY: [f64; 2] = [10.0, 50.0];
const CATEGORIES: [&str; 3] = ["shoes", "hats", "socks"];
const VARIANTS: [&str; 3] = ["a", "b", "c"];
const OFFSETS: [(&str, i64); 3] = [("+00:00", 0), ("+05:45", 345), ("-09:30", -570)];
const STAGES: [&str; 5] = ["new", "active", "at_risk", "lapsed", "returned"];

#[derive(Clone, Debug)]
enum Cond {
    Stage(Vec<&'static str>),
    /// `since() >` so many milliseconds.
    StageSince(i64),
    Purchases(usize),
    PurchaseSince(i64),
    Spent(f64),
    Recency(usize),
    Frequency(usize),
    Monetary(usize),
    Weight(&'static str, f64),
    Rank(&'static str, usize),
    Top(&'static str),
    Variant(&'static str),
    Percent(&'static str, f64),
    Hours(i64, i64, usize),
    Weekday(&'static str, usize),
    Before(&'static str, usize),
    Score(Vec<(i64, Cond)>, i64),
}

#[derive(Clone, Debug)]
struct Happened {
    time: i64,
    kind: &'static str,
    category: Option<usize>,
    euros: Option<f64>,
    variant: Option<&'static str>,
}

fn print(of: &Cond) -> String {
    match of {
        Cond::Stage(of) if of.len() == 1 => format!("lifecycle() = '{}'", of[0]),
        Cond::Stage(of) => format!("lifecycle() NOT IN ('{}')", of.join("', '")),
        Cond::StageSince(span) => format!("lifecycle().since() > {span}ms"),
        Cond::Purchases(count) => format!("purchases().count() >= {count}"),
        Cond::PurchaseSince(span) => format!("purchases().since() < {span} ms"),
        Cond::Spent(sum) => format!("purchases('EUR').sum() > {sum}"),
        Cond::Recency(score) => format!("rfm(recency) >= {score}"),
        Cond::Frequency(score) => format!("rfm(frequency) = {score}"),
        Cond::Monetary(score) => format!("rfm(monetary) <= {score}"),
        Cond::Weight(category, weight) => format!("affinity('category', '{category}').score() >= {weight}"),
        Cond::Rank(category, rank) => format!("affinity('category', '{category}').rank() <= {rank}"),
        Cond::Top(category) => format!("affinity('category').top() = '{category}'"),
        Cond::Variant(variant) => format!("variant('spring') = '{variant}'"),
        Cond::Percent(salt, below) => format!("percent('{salt}') < {below}"),
        Cond::Hours(from, to, at) => format!("local(hour, '{}') BETWEEN {from} AND {to}", OFFSETS[*at].0),
        Cond::Weekday(day, at) => format!("local(weekday, '{}') != '{day}'", OFFSETS[*at].0),
        Cond::Before(date, at) => format!("local(date, '{}') < '{date}'", OFFSETS[*at].0),
        Cond::Score(parts, least) => {
            let parts: Vec<String> = parts.iter().map(|(points, of)| format!("{points} IF {}", print(of))).collect();
            format!("score({}) >= {least}", parts.join(", "))
        }
    }
}

struct Naive<'a> {
    events: &'a [Happened],
    now: i64,
}

impl Naive<'_> {
    fn stage_at(&self, now: i64) -> Option<&'static str> {
        let mut times: Vec<i64> = self.events.iter().map(|of| of.time).filter(|time| *time <= now).collect();
        times.sort_unstable();
        let (first, last) = (*times.first()?, *times.last()?);
        let back = times.windows(2).rev().find(|pair| pair[1] - pair[0] > LAPSED).map(|pair| pair[1]);
        Some(match now - last {
            quiet if quiet >= LAPSED => "lapsed",
            quiet if quiet >= AT_RISK => "at_risk",
            _ if back.is_some_and(|back| now - back < RETURNED) => "returned",
            _ if now - first < NEW => "new",
            _ => "active",
        })
    }

    /// Since when the stage is what it is now: the start of the run of equal stages that ends now.
    fn stage_since(&self) -> Option<i64> {
        let stage = self.stage_at(self.now)?;
        let spans = [0, NEW, AT_RISK, LAPSED, RETURNED];
        let mut times: Vec<i64> = self.events.iter().flat_map(|of| spans.map(|span| of.time + span)).collect();
        times.retain(|time| *time <= self.now);
        times.sort_unstable();
        let mut since = self.now;
        for time in times.into_iter().rev() {
            if self.stage_at(time) != Some(stage) {
                break;
            }
            since = time;
            if self.stage_at(time - 1) != Some(stage) {
                break;
            }
        }
        Some(since)
    }

    fn purchases(&self) -> impl Iterator<Item = &Happened> {
        self.events.iter().filter(|of| of.kind == "purchased")
    }

    fn spent(&self) -> f64 {
        let sign = |of: &Happened| f64::from(i32::from(of.kind == "purchased") - i32::from(of.kind == "refunded"));
        self.events.iter().filter_map(|of| Some(of.euros? * sign(of))).sum()
    }

    fn last_purchase(&self) -> Option<i64> {
        self.purchases().map(|of| of.time).max()
    }

    /// What each event adds to the weight of its category.
    fn terms(&self) -> impl Iterator<Item = (&'static str, f64)> {
        self.events.iter().filter_map(|of| {
            let weight = bespoke::profile::weight_of(&EventKind::from(of.kind));
            let term = weight * libm::exp2((of.time - self.now) as f64 / HOUR as f64);
            Some((CATEGORIES[of.category?], term))
        })
    }

    /// The weights, strongest first.
    fn weights(&self) -> Vec<(&'static str, f64)> {
        let mut weights = BTreeMap::<&str, f64>::new();
        for (category, term) in self.terms() {
            *weights.entry(category).or_default() += term;
        }
        let mut weights: Vec<_> = weights.into_iter().collect();
        weights.sort_by(|a, b| b.1.total_cmp(&a.1));
        weights
    }

    /// The place of a category; nothing where weights are near each other, or near nothing.
    fn rank(&self, category: &str) -> Option<Option<usize>> {
        let weights = self.weights();
        // Where terms cancel each other, what is left is as exact as they were.
        let largest = self.terms().map(|(_, term)| term.abs()).fold(0.0, f64::max);
        let near = |a: f64, b: f64| (a - b).abs() < 0.01 * largest + 1e-9;
        let own = weights.iter().find(|(name, _)| *name == category);
        let Some((_, own)) = own else { return Some(None) };
        let unclear = weights.iter().any(|(name, other)| *name != category && near(*own, *other)) || near(*own, 0.0);
        let place = weights.iter().filter(|(_, other)| other > own).count() + 1;
        (!unclear).then_some((*own > 0.0).then_some(place))
    }

    fn eval(&self, of: &Cond) -> Option<bool> {
        let local = |at: usize| {
            let minutes = jiff::SignedDuration::from_mins(OFFSETS[at].1);
            let time = jiff::Timestamp::from_millisecond(self.now).unwrap() + minutes;
            time.to_zoned(jiff::tz::TimeZone::UTC).datetime()
        };
        Some(match of {
            Cond::Stage(of) if of.len() == 1 => self.stage_at(self.now) == Some(of[0]),
            Cond::Stage(of) => self.stage_at(self.now).is_none_or(|stage| !of.contains(&stage)),
            Cond::StageSince(span) => self.stage_since().is_some_and(|since| self.now - since > *span),
            Cond::Purchases(count) => self.purchases().count() >= *count,
            Cond::PurchaseSince(span) => self.last_purchase().is_some_and(|last| self.now - last < *span),
            Cond::Spent(sum) => self.spent() > *sum,
            Cond::Recency(least) => self.last_purchase().is_some_and(|last| {
                let passed = RECENCY.iter().filter(|cut| self.now - last >= **cut).count();
                4 - passed >= *least
            }),
            Cond::Frequency(score) => {
                let count = self.purchases().count();
                count > 0 && 1 + FREQUENCY.iter().filter(|cut| count >= **cut).count() == *score
            }
            Cond::Monetary(most) => {
                let passed = MONETARY.iter().filter(|cut| self.spent() >= **cut).count();
                self.purchases().count() > 0 && passed < *most
            }
            Cond::Weight(category, least) => {
                let weight = self.weights().into_iter().find(|(name, _)| name == category).map(|(_, weight)| weight);
                let Some(weight) = weight else { return Some(false) };
                if (weight - least).abs() < 0.01 + 0.01 * weight.abs() {
                    return None;
                }
                weight >= *least
            }
            Cond::Rank(category, most) => self.rank(category)?.is_some_and(|rank| rank <= *most),
            Cond::Top(category) => self.rank(category)? == Some(1),
            Cond::Variant(variant) => {
                let shown = self.events.iter().filter_map(|of| Some((of.time, of.variant?)));
                let first = shown.clone().map(|(time, _)| time).min();
                shown.into_iter().any(|(time, of)| Some(time) == first && of == *variant)
            }
            Cond::Percent(salt, below) => {
                let key = UserKey::known("ann").to_bits().to_le_bytes();
                !self.events.is_empty() && Bucket::salted(Symbol::new(salt), &key).point() * 100.0 < *below
            }
            Cond::Hours(from, to, at) => (*from..=*to).contains(&i64::from(local(*at).hour())),
            Cond::Weekday(day, at) => format!("{:?}", local(*at).date().weekday()).to_lowercase() != *day,
            Cond::Before(date, at) => local(*at).date().to_string().as_str() < *date,
            Cond::Score(parts, least) => {
                let (mut low, mut high) = (0, 0);
                for (points, of) in parts {
                    match self.eval(of) {
                        Some(true) => (low, high) = (low + points, high + points),
                        Some(false) => {}
                        None => (low, high) = (low + points.min(&0), high + points.max(&0)),
                    }
                }
                if (low >= *least) != (high >= *least) {
                    return None;
                }
                low >= *least
            }
        })
    }
}

struct Maker(Dice);

impl Maker {
    fn span(&mut self) -> i64 {
        self.0.pick(&[NEW, AT_RISK, LAPSED, RETURNED, 1, 17 * 60_000, 3 * HOUR])
    }

    fn cond(&mut self, depth: usize) -> Cond {
        let category = self.0.pick(&CATEGORIES);
        let at = self.0.below(3);
        match self.0.below(if depth > 0 { 19 } else { 16 }) {
            0 => Cond::Stage(vec![self.0.pick(&STAGES)]),
            1 => Cond::Stage(vec![self.0.pick(&STAGES), self.0.pick(&STAGES)]),
            2 => Cond::StageSince(self.span()),
            3 => Cond::Purchases(1 + self.0.below(3)),
            4 => Cond::PurchaseSince(self.span()),
            5 => Cond::Spent(self.0.below(40) as f64),
            6 => Cond::Recency(1 + self.0.below(4)),
            7 => Cond::Frequency(1 + self.0.below(4)),
            8 => Cond::Monetary(1 + self.0.below(3)),
            9 => Cond::Weight(category, [0.3, 1.0, 2.5, -1.0][self.0.below(4)]),
            10 => Cond::Rank(category, 1 + self.0.below(2)),
            11 => Cond::Top(category),
            12 => Cond::Variant(self.0.pick(&VARIANTS)),
            13 => Cond::Percent(self.0.pick(&["x", "y", "z"]), self.0.below(101) as f64),
            14 => {
                let from = self.0.below(24);
                Cond::Hours(from as i64, (from + self.0.below(24 - from)) as i64, at)
            }
            15 if self.0.coin() => Cond::Weekday(self.0.pick(&["sunday", "monday", "tuesday"]), at),
            15 => Cond::Before(self.0.pick(&["2026-03-01", "2026-03-02", "2026-03-04"]), at),
            _ => {
                let count = 1 + self.0.below(4);
                let parts: Vec<_> = (0..count).map(|_| (self.0.below(7) as i64 - 2, self.cond(depth - 1))).collect();
                let reach: i64 = parts.iter().map(|(points, _)| points.max(&0)).sum();
                Cond::Score(parts, self.0.below(1 + reach as usize) as i64)
            }
        }
    }

    fn step(&mut self) -> i64 {
        match self.0.below(8) {
            0 => 0,
            1 => self.span(),
            2 => self.span() + self.0.below(3) as i64 - 1,
            3 => LAPSED + 1,
            4 => self.0.below(100) as i64,
            _ => self.0.below(2 * HOUR as usize) as i64,
        }
    }

    fn happened(&mut self, time: i64) -> Happened {
        let kind =
            self.0.pick(&["item_viewed", "item_added", "purchased", "refunded", "dismissed", "exposed", "played"]);
        let money = matches!(kind, "purchased" | "refunded");
        let has_item = !matches!(kind, "exposed" | "played") && self.0.below(4) > 0;
        Happened {
            time,
            kind,
            category: has_item.then(|| self.0.below(3)),
            euros: (money && self.0.below(4) > 0).then(|| self.0.below(30) as f64),
            variant: (kind == "exposed").then(|| self.0.pick(&VARIANTS)),
        }
    }
}

fn record(of: &Happened, id: usize) -> Event {
    let mut event = Event::new(EventKind::from(of.kind), "ann", Timestamp::from_millis(of.time)).id(format!("e{id}"));
    if let Some(category) = of.category {
        event = event.item(CATEGORIES[category]);
    }
    if let Some(euros) = of.euros {
        event = event.value(euros, "EUR");
    }
    if let Some(variant) = of.variant {
        let decision = DecisionId::from_bits(id as u64);
        event = event.decision(decision).property("campaign", "spring").property("variant", variant);
    }
    event
}

#[expect(clippy::panic, reason = "a text that the test printed and the engine refuses is a finding; it is shown whole")]
fn engine(segments: &[Cond]) -> Engine {
    let rule = |(i, of)| serde_json::json!({"name": format!("s{i}"), "rule": print(of)});
    let rules: Vec<_> = segments.iter().enumerate().map(rule).collect();
    let text = serde_json::json!({
        "schema": {
            "events": ["played"],
            "affinities": [{"attribute": "category", "half_life": "1h"}],
            "rfm": {"recency": ["1h", "5h", "24h"], "frequency": FREQUENCY,
                "monetary": {"currency": "EUR", "cuts": MONETARY}}
        },
        "segments": rules,
        "settings": {"history": 128, "lifecycle": {"new": "1h", "at_risk": "5h", "lapsed": "20h", "returned": "2h"}}
    });
    Engine::from_json(&text.to_string()).unwrap_or_else(|problems| panic!("{problems}\n{text:#}"))
}

fn run_case(seed: u64) {
    let mut maker = Maker(Dice::new(seed));
    let segments: Vec<Cond> = (0..1 + maker.0.below(6)).map(|_| maker.cond(2)).collect();
    let engine = engine(&segments);
    let mut catalog = Catalog::new();
    for category in CATEGORIES {
        catalog.upsert(Item::new(category).category(category)).unwrap();
    }
    let (mut profile, mut events, mut now) = (Profile::default(), Vec::<Happened>::new(), START);
    let naive = |events: &[Happened], now: i64| -> Vec<Option<bool>> {
        segments.iter().map(|of| Naive { events, now }.eval(of)).collect()
    };
    let tell = |events: &[Happened], now: i64| {
        let rules: Vec<String> = segments.iter().map(print).collect();
        format!("case {seed} at {now}\n{rules:#?}\n{events:?}")
    };
    let members = |profile: &Profile, now: i64| -> BTreeSet<String> {
        engine.memberships(profile, Timestamp::from_millis(now)).map(|name| name.to_string()).collect()
    };
    let mut before = Vec::new();
    for _ in 0..1 + maker.0.below(40) {
        now += maker.step();
        if events.is_empty() {
            // Of an empty profile only the clock tells anything.
            before = naive(&events, now);
        }
        let is_repeated = !events.is_empty() && maker.0.below(8) == 0;
        let id = if is_repeated { maker.0.below(events.len()) } else { events.len() };
        if !is_repeated {
            let time = if maker.0.below(4) == 0 { now - maker.step() } else { now };
            let event = maker.happened(time);
            events.push(event);
        }
        let changes = engine.apply(&record(&events[id], id), &mut profile, &catalog, Timestamp::from_millis(now));
        assert_eq!(changes.repeated, is_repeated);
        let after = naive(&events, now);
        for (i, (was, is)) in before.iter().zip(&after).enumerate() {
            let (Some(was), Some(is)) = (was, is) else { continue };
            let name = format!("s{i}");
            let entered = changes.entered.iter().any(|of| **of == *name);
            let left = changes.left.iter().any(|of| **of == *name);
            assert_eq!((entered, left), (!was && *is, *was && !is), "{name} {}", tell(&events, now));
        }
        let next = engine.next_change(&profile, Timestamp::from_millis(now));
        let until = next.as_ref().map_or(now + 30 * 24 * HOUR, |next| next.time.millis());
        let looks = (0..4).map(|_| now + maker.0.below((until - now) as usize) as i64).chain([until - 1, until]);
        for look in looks.collect::<Vec<_>>() {
            let found = members(&profile, look);
            for (i, wanted) in naive(&events, look).into_iter().enumerate() {
                let Some(wanted) = wanted else { continue };
                assert_eq!(found.contains(&format!("s{i}")), wanted, "s{i} {}", tell(&events, look));
            }
            let is_same = found == members(&profile, now);
            // A search that has ended at its limit names no segment.
            let is_change = next.as_ref().is_some_and(|next| !next.entered.is_empty() || !next.left.is_empty());
            assert_eq!(is_same, look != until || !is_change, "next change {next:?} {}", tell(&events, look));
        }
        before = after;
    }
}

#[test]
fn what_is_derived_agrees_with_a_naive_reading() {
    // Of the last, a weight is at its threshold to the last bit, for a millisecond.
    for seed in (0..400).chain([4898]) {
        run_case(seed);
    }
}

#[test]
#[ignore = "takes as long as it is given"]
fn what_is_derived_agrees_with_a_naive_reading_for_hours() {
    for seed in 1_000..1_000_000 {
        run_case(seed);
        if seed % 10_000 == 0 {
            println!("{seed} cases agree");
        }
    }
}

fn shop() -> Personalizer {
    let engine = Engine::from_json(
        r#"{
        "segments": [
            {"name": "tenth", "rule": "percent('spring') < 10"},
            {"name": "shown", "rule": "event('exposed').where(campaign = 'spring').within(1 day).count() >= 2"},
            {"name": "saw b", "rule": "variant('spring') = 'b'"},
            {"name": "clicked", "rule": "event('clicked').where(placement = 'home' AND variant = 'b')"},
            {"name": "from search", "rule": "session(first_source) = 'search' AND session(last_source) = 'mail'"},
            {"name": "one", "rule": "event('wished')"},
            {"name": "two", "rule": "event('shared')"},
            {"name": "two of three", "rule":
                "score(1 IF segment('one'), 1 IF segment('two'), 1 IF segment('tenth')) >= 2"},
            {"name": "day", "rule": "local(hour, 'Z') BETWEEN 6 AND 17"}
        ],
        "placements": ["home"],
        "campaigns": [{"name": "spring", "placement": "home",
            "variants": [{"name": "a"}, {"name": "b"}], "chooser": {"split": {"a": 0.1, "b": 0.9}}}]
    }"#,
    );
    Personalizer::new(engine.unwrap())
}

const NOON: Timestamp = Timestamp::from_millis(START);

fn members(shop: &Personalizer, user: &str, now: Timestamp) -> Vec<String> {
    shop.memberships(UserKey::known(user), now).iter().map(ToString::to_string).collect()
}

/// The first tenth of a split is the same tenth as that of a percentage with the campaign's name as salt.
#[test]
fn a_percentage_is_the_same_people_everywhere() {
    let shop = shop();
    for i in 0..200 {
        let user = format!("user-{i}");
        let decision = shop.decide(&Request::new("home").user(&user), NOON);
        let stranger = members(&shop, &user, NOON).contains(&"tenth".to_owned());
        assert_eq!(decision.variant.as_deref() == Some("a"), stranger, "{user}");
        let ingested = shop.ingest(&Event::new(EventKind::PageViewed, &user, NOON), NOON).unwrap();
        assert_eq!(ingested.entered.iter().any(|name| **name == *"tenth"), stranger);
        assert_eq!(members(&shop, &user, NOON).contains(&"tenth".to_owned()), stranger);
    }
}

#[test]
fn what_a_decision_showed_is_known_of_the_events_that_name_it() {
    let shop = shop();
    let user = (0..)
        .map(|i| format!("user-{i}"))
        .find(|user| shop.decide(&Request::new("home").user(user), NOON).variant.as_deref() == Some("b"));
    let user = user.unwrap();
    for minute in [0, 10] {
        let now = NOON + Span::minutes(minute);
        let decision = shop.decide(&Request::new("home").user(&user), now);
        shop.ingest(&Event::new(EventKind::Exposed, &user, now).decision(decision.id), now).unwrap();
        if minute > 0 {
            shop.ingest(&Event::new(EventKind::Clicked, &user, now).decision(decision.id), now).unwrap();
        }
    }
    let now = NOON + Span::minutes(11);
    assert_eq!(members(&shop, &user, now), ["shown", "saw b", "clicked", "day"]);
    // The earlier exposure leaves the day first.
    assert_eq!(members(&shop, &user, NOON + Span::days(1)), ["saw b", "clicked", "day"]);
}

#[test]
fn touches_thresholds_over_segments_and_the_clock_are_live() {
    let shop = shop();
    let event = |kind, minute| Event::new(kind, "ann", NOON + Span::minutes(minute));
    let (mut search, mut mail) = (event(EventKind::PageViewed, 0), event(EventKind::PageViewed, 5));
    (search.source, mail.source) = (Some("search".to_owned()), Some("mail".to_owned()));
    shop.ingest(&mail, NOON + Span::minutes(5)).unwrap();
    let late = shop.ingest(&search, NOON + Span::minutes(5)).unwrap();
    assert_eq!(late.entered.iter().map(|name| &**name).collect::<Vec<_>>(), ["from search"]);
    shop.ingest(&event(EventKind::Wished, 6), NOON + Span::minutes(6)).unwrap();
    let both = shop.ingest(&event(EventKind::Shared, 7), NOON + Span::minutes(7)).unwrap();
    assert!(both.entered.iter().any(|name| **name == *"two of three"), "{both:?}");
    // Nobody enters the day by coming at noon, but who is known leaves it in the evening.
    let evening = NOON + Span::hours(6);
    let left = shop.ingest(&event(EventKind::PageViewed, 360), evening).unwrap();
    assert_eq!(left.left.iter().map(|name| &**name).collect::<Vec<_>>(), ["day"]);
    assert!(!members(&shop, "nobody", evening).contains(&"day".to_owned()));
    assert!(members(&shop, "nobody", NOON).contains(&"day".to_owned()));
}

/// The same events in another order, or in two halves that are merged, end in the same profile.
#[test]
fn the_long_silence_does_not_depend_on_the_order() {
    let engine = engine(&[Cond::Stage(vec!["returned"])]);
    let days = [0, 1, 9, 40, 41, 300];
    let fold = |order: &[usize]| {
        let mut profile = Profile::default();
        for i in order {
            let time = Timestamp::from_millis(START + days[*i] * 24 * HOUR);
            let event = Event::new(EventKind::PageViewed, "ann", time).id(format!("e{i}"));
            engine.apply(&event, &mut profile, &Catalog::new(), Timestamp::from_millis(START + 400 * 24 * HOUR));
        }
        profile
    };
    let whole = fold(&[0, 1, 2, 3, 4, 5]);
    let day = |day: i64| Timestamp::from_millis(START + day * 24 * HOUR);
    assert_eq!(whole.visits().unwrap().silence, Some((day(41), day(300))));
    for order in [[5, 4, 3, 2, 1, 0], [2, 5, 0, 3, 1, 4], [5, 0, 1, 2, 3, 4]] {
        assert_eq!(fold(&order), whole);
    }
    let mut merged = fold(&[0, 3, 5]);
    merged.merge_with(&fold(&[1, 2, 4]), engine.upkeep());
    assert_eq!(merged.visits(), whole.visits());
}
