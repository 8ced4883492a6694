//! Cases as data, for what is portrait.

use proptest::prelude::*;
use serde_json::json;

use super::super::{CampaignNames, CounterPlan, Facts, Lists, Rule, Vocabulary};
use super::*;
use crate::hash::{Bucket, Symbol};
use crate::id::UserKey;
use crate::profile::{Lifecycle, Purchases, Rfm, Spent, Visits};
use crate::schema::{self, Schema};
use crate::sketch::{Decayed, ExactSum};
use crate::time::{Span, Timestamp};
use crate::truth::{Answer, Truth};
use crate::value::Value;

pub(crate) fn any_portrait(name: impl Fn() -> BoxedStrategy<String>) -> impl Strategy<Value = Portrait> {
    let offset = prop::option::of((-1080_i16..=1080).prop_map(|minutes| Offset::from_minutes(minutes).unwrap()));
    prop_oneof![
        (name(), name(), prop::sample::select(&AffinityMeasure::ALL[..]))
            .prop_map(|(dimension, value, measure)| Portrait::Affinity { dimension, value, measure }),
        name().prop_map(Portrait::Top),
        name().prop_map(Portrait::Percent),
        Just(Portrait::Stage),
        Just(Portrait::StageSince),
        Just(Portrait::Purchases),
        Just(Portrait::PurchaseSince),
        name().prop_map(Portrait::Spent),
        prop::sample::select(&RfmScore::ALL[..]).prop_map(Portrait::Rfm),
        (prop::sample::select(&LocalFact::ALL[..]), offset).prop_map(|(fact, offset)| Portrait::Local(fact, offset)),
        name().prop_map(Portrait::Variant),
    ]
}

/// Somebody who likes shoes, bought twice, and came back on the hundredth day after a silence of 95 days.
struct Ann {
    now: Timestamp,
    spent: Vec<Spent>,
    rfm: Rfm,
    lifecycle: Lifecycle,
    offset: Option<Value>,
    unknown: Answer,
}

const DAY: Span = Span::days(1);

/// Noon, so many days after the first of March 2026, a Sunday.
fn noon(days: i64) -> Timestamp {
    Timestamp::from_millis(1_772_366_400_000 + days * DAY.millis())
}

impl Ann {
    fn at(now: Timestamp) -> Self {
        let mut amount = ExactSum::default();
        amount.add(75.5);
        let spent =
            |currency, last, purchases, amount| Spent { currency: Symbol::new(currency), last, purchases, amount };
        let rfm = schema::Rfm {
            monetary: Some(schema::Monetary { currency: "EUR".to_owned(), cuts: vec![50.0, 200.0] }),
            ..schema::Rfm::default()
        };
        Self {
            now,
            spent: vec![
                spent("EUR", noon(1), 1, amount),
                spent("USD", noon(2), 1, ExactSum::default()),
                spent("GBP", Timestamp::MIN, 0, amount),
            ],
            rfm: (&rfm).into(),
            lifecycle: Lifecycle::default(),
            offset: None,
            unknown: Answer::Unknown,
        }
    }
}

impl Facts for Ann {
    fn now(&self) -> Timestamp {
        self.now
    }
    fn attribute(&self, _: Symbol) -> Option<&Value> {
        None
    }
    fn context(&self, name: Symbol) -> Option<&Value> {
        self.offset.as_ref().filter(|_| name == Symbol::new("utc_offset"))
    }
    fn affinity(&self, _: Symbol, value: Symbol) -> f64 {
        if value == Symbol::new("shoes") { 0.8 } else { 0.0 }
    }
    fn affinity_weight(&self, _: Symbol, value: Symbol) -> Option<(Decayed, Span)> {
        let weight = Decayed::of(8.0, Timestamp::EPOCH + Span::days(20_513), DAY);
        (value == Symbol::new("shoes")).then_some((weight, DAY))
    }
    fn affinity_rank(&self, _: Symbol, value: Symbol) -> Option<u32> {
        [("shoes", 1), ("hats", 2)].into_iter().find_map(|(name, rank)| (value == Symbol::new(name)).then_some(rank))
    }
    fn affinity_top(&self, dimension: Symbol) -> Option<Symbol> {
        (dimension == Symbol::new("category")).then(|| Symbol::new("shoes"))
    }
    fn person(&self) -> Option<UserKey> {
        Some(UserKey::known("ann"))
    }
    fn visits(&self) -> Option<(Visits, &Lifecycle)> {
        let visits = Visits { first: noon(0), last: noon(100), silence: Some((noon(5), noon(100))) };
        Some((visits, &self.lifecycle))
    }
    fn purchases(&self) -> Option<Purchases<'_>> {
        Some(Purchases { spent: &self.spent, rfm: Some(&self.rfm) })
    }
    fn segment(&self, index: usize) -> Answer {
        [Answer::Yes, Answer::No, self.unknown][index]
    }
}

#[track_caller]
fn eval(rule: &str, ann: &Ann) -> Truth {
    let segment = &mut |name: &str| ["yes", "no", "unknown"].iter().position(|known| *known == name);
    Rule::parse(rule).unwrap().compile(segment, &Lists::default(), &mut CounterPlan::default()).unwrap().eval(ann)
}

#[test]
fn conditions_hold_as_they_read() {
    let ann = Ann::at(noon(101));
    for (rule, holds) in [
        ("affinity('category', 'shoes') > 0.5 AND affinity('category', 'shoes').share() < 0.9", true),
        ("affinity('category', 'shoes').rank() <= 1", true),
        ("affinity('category', 'hats').rank() BETWEEN 2 AND 3", true),
        ("affinity('category', 'socks').rank() <= 3", false),
        ("affinity('category', 'socks').rank() EXISTS", false),
        ("affinity('category').top() = 'shoes'", true),
        ("affinity('category').top() NOT IN ('hats', 'socks')", true),
        ("affinity('brand').top() != 'shoes'", true),
        ("affinity('brand').top() EXISTS", false),
        ("lifecycle() = 'returned' AND lifecycle() NOT IN ('lapsed', 'new')", true),
        ("lifecycle().since() >= 1 day AND lifecycle().since() < 1d1h", true),
        ("purchases().count() = 2", true),
        ("purchases().since() > 98 days AND purchases().since() <= 99 days", true),
        ("purchases('EUR').sum() > 75 AND purchases('JPY').sum() = 0", true),
        ("rfm(recency) = 3 AND rfm(frequency) = 2 AND rfm(monetary) = 2", true),
        // The tenth of June was a Wednesday.
        ("local(weekday) = 'wednesday' AND local(date) = '2026-06-10' AND local(hour) = 12", true),
        ("local(time, '-03:30') = '08:30' AND local(day_part, '-03:30') = 'morning'", true),
        ("local(date, '+13:00') > '2026-06-10' AND local(weekday, '+13:00') = 'thursday'", true),
        ("local(date) STARTS_WITH '2026-06' AND local(time) CONTAINS ':00'", true),
        ("variant('spring') = 'b'", false),
        ("variant('spring') != 'b'", true),
        ("score(3 IF segment('yes'), 2 IF segment('no'), -1 IF NOT segment('no')) = 2", true),
        ("score(0.1 IF segment('yes'), 0.2 IF segment('yes')) = 0.3", true),
    ] {
        assert_eq!(eval(rule, &ann).answer, holds.into(), "{rule}");
    }
    let ahead = |offset: Value| Ann { offset: Some(offset), ..Ann::at(noon(0)) };
    for (rule, offset) in [("local(hour) = 14", Value::from(120.0)), ("local(hour) = 6", Value::from("-05:30"))] {
        assert!(eval(rule, &ahead(offset)).holds(), "{rule}");
    }
    assert!(eval("local(hour) = 12", &ahead(Value::from(1e9))).holds());
}

/// Hand arithmetic: eight at midnight before the first of March is four a day later, and less than that from the next
/// millisecond on. The last event was on day 100, the last purchase on day 2.
#[test]
fn what_changes_by_time_alone_says_when() {
    let (ms, midnight) = (Span::from_millis(1), noon(0) - Span::hours(12));
    let bucket = Bucket::salted(Symbol::new("salt"), &UserKey::known("ann").to_bytes()).percent();
    for (rule, now, until) in [
        ("affinity('category', 'shoes').score() >= 4", midnight, midnight + DAY + ms),
        ("affinity('category', 'shoes').score() > 4", midnight, midnight + DAY),
        ("affinity('category', 'shoes').score() BETWEEN 2 AND 4", midnight, midnight + DAY),
        ("affinity('category', 'shoes').score() BETWEEN 2 AND 4", midnight + DAY, midnight + DAY + DAY + ms),
        ("affinity('category', 'shoes').score() > 9", midnight, Timestamp::MAX),
        ("affinity('category', 'hats').score() > 9", midnight, Timestamp::MAX),
        ("lifecycle() = 'lapsed'", noon(100), noon(190)),
        ("lifecycle() = 'returned'", noon(100), noon(107)),
        ("lifecycle() = 'at_risk'", noon(135), noon(190)),
        ("lifecycle() = 'new'", noon(100), Timestamp::MAX),
        ("lifecycle() = 'lapsed' AND lifecycle().since() < 3 days", noon(190), noon(193)),
        ("lifecycle().since() > 10 days", noon(100), noon(117) + ms),
        ("lifecycle().since() >= 10 days", noon(120), noon(130)),
        ("lifecycle().since() EXISTS", noon(120), Timestamp::MAX),
        ("purchases().since() > 30 days", noon(3), noon(32) + ms),
        ("purchases().since() >= 30 days", noon(3), noon(32)),
        ("rfm(recency) >= 4", noon(3), noon(92)),
        ("rfm(recency) = 1", noon(3), noon(367)),
        ("rfm(frequency) >= 4", noon(3), Timestamp::MAX),
        ("local(hour) BETWEEN 9 AND 17", noon(0), noon(0) + Span::hours(6)),
        ("local(hour, '+01:30') = 9", noon(0), noon(0) + Span::minutes(19 * 60 + 30)),
        ("local(hour) >= 0", noon(0), Timestamp::MAX),
        ("local(weekday) IN ('saturday', 'sunday')", noon(0), midnight + DAY),
        ("local(weekday) IN ('saturday', 'sunday')", noon(1), midnight + Span::days(6)),
        ("local(day_part, '+02:00') = 'evening'", noon(0), noon(0) + Span::hours(4)),
        ("local(time) >= '09:30'", noon(0), midnight + DAY),
        ("local(time) >= '09:30'", midnight, midnight + Span::minutes(570)),
        ("local(date) >= '2026-12-24'", noon(0), "2026-12-24".parse().unwrap()),
        ("local(date, '+02:00') >= '2026-12-24'", noon(0), "2026-12-23T22:00:00Z".parse().unwrap()),
        ("local(date) BETWEEN '2026-02-01' AND '2026-03-03'", noon(0), "2026-03-04".parse().unwrap()),
        ("local(date) IN ('2026-03-01', '2026-03-02')", noon(0), "2026-03-03".parse().unwrap()),
        ("local(date) < '2026-01-01'", noon(0), Timestamp::MAX),
        ("local(date) CONTAINS '-03-'", noon(0), midnight + DAY),
        ("percent('salt') < 50", noon(0), Timestamp::MAX),
    ] {
        let truth = eval(rule, &Ann::at(now));
        assert_eq!(truth.until, until, "{rule} at {now}");
        if until != Timestamp::MAX {
            // A fact that is cut by text alone may also stay as it is.
            let is_step = rule.contains("CONTAINS");
            assert!(is_step || eval(rule, &Ann::at(until)).answer != truth.answer, "{rule} at {until}");
            assert_eq!(eval(rule, &Ann::at(until - ms)).answer, truth.answer, "{rule} before {until}");
        }
    }
    assert!(eval(&format!("percent('salt') = {bucket}"), &Ann::at(noon(0))).holds());
}

#[test]
fn a_score_is_decided_as_soon_as_what_is_unknown_cannot_matter() {
    let ann = Ann::at(noon(0));
    for (rule, answer) in [
        ("score(3 IF segment('yes'), 1 IF segment('unknown')) >= 3", Answer::Yes),
        ("score(3 IF segment('yes'), 1 IF segment('unknown')) >= 4", Answer::Unknown),
        ("score(3 IF segment('yes'), -1 IF segment('unknown')) >= 3", Answer::Unknown),
        ("score(3 IF segment('yes'), -1 IF segment('unknown')) > 3", Answer::No),
        ("score(1 IF segment('no'), 1 IF segment('unknown')) = 2", Answer::No),
        ("score(1 IF segment('yes'), 1 IF segment('unknown')) != 2", Answer::Unknown),
        ("score(1 IF segment('yes'), 1 IF segment('yes'), 1 IF segment('no')) >= 2", Answer::Yes),
        ("score(1 IF segment('yes'), 1 IF segment('no'), 1 IF segment('unknown')) >= 2", Answer::Unknown),
    ] {
        assert_eq!(eval(rule, &ann).answer, answer, "{rule}");
    }
    // The part that decides is asked first, so the time of the other does not matter.
    assert_eq!(eval("score(1 IF local(hour) = 12, 5 IF segment('yes')) >= 5", &ann).until, Timestamp::MAX);
}

#[test]
fn text_and_json_give_one_tree() {
    for (text, json) in [
        ("affinity('category', 'shoes').score() > 2", json!({"$affinityScore": {"category": {"shoes": {"$gt": 2}}}})),
        ("affinity('category', 'shoes').rank() <= 3", json!({"$affinityRank": {"category": {"shoes": {"$lte": 3}}}})),
        ("affinity('category').top() = 'shoes'", json!({"$affinityTop": {"category": "shoes"}})),
        ("percent('new checkout') < 10", json!({"$percent": {"new checkout": {"$lt": 10}}})),
        (
            "lifecycle() = 'lapsed' AND lifecycle().since() < 3d",
            json!({"$lifecycle": {"stage": "lapsed", "since": {"$lt": {"$span": "3 days"}}}}),
        ),
        (
            "purchases().count() >= 2 AND purchases().since() > 30 days",
            json!({"$purchases": {"count": {"$gte": 2}, "since": {"$gt": {"$span": "30d"}}}}),
        ),
        ("purchases('EUR').sum() > 99", json!({"$purchases": {"sum": {"EUR": {"$gt": 99}}}})),
        ("rfm(recency) >= 4", json!({"$rfm": {"recency": {"$gte": 4}}})),
        ("local(hour) >= 18", json!({"$local": {"hour": {"$gte": 18}}})),
        ("local(date, 'Z') = '2026-12-24'", json!({"$local": {"date": "2026-12-24", "offset": "+00:00"}})),
        ("variant('spring') IN ('b', 'c')", json!({"$variant": {"spring": {"$in": ["b", "c"]}}})),
        ("session(seconds) > 90s", json!({"$session": {"seconds": {"$gt": {"$span": "1m30s"}}}})),
        (
            "score(3 IF plan = 'pro' OR age > 30, -1 IF NOT segment('vip')) >= 2.5",
            json!({"$score": {"$gte": 2.5, "of": [
                {"points": 3, "if": {"$or": [{"plan": "pro"}, {"age": {"$gt": 30}}]}},
                {"points": -1, "if": {"$not": {"$segment": "vip"}}}
            ]}}),
        ),
    ] {
        let mut parts: Vec<String> =
            Rule::from_json(&json).unwrap().to_string().split(" AND ").map(str::to_owned).collect();
        let mut wanted: Vec<String> =
            Rule::parse(text).unwrap().to_string().split(" AND ").map(str::to_owned).collect();
        parts.sort();
        wanted.sort();
        assert_eq!(parts, wanted, "{text}");
    }
}

#[test]
fn mistakes_are_named_with_their_place() {
    for (text, message) in [
        ("percnt('x') < 1", "1:1: unknown function `percnt`; did you mean `percent`?"),
        ("affinity('category') > 1", "1:22: expected `.top()`, or a value within the parentheses, found `>`"),
        ("affinity('category', 'x').rnk() > 1", "1:27: expected `share`, `score` or `rank`, found `rnk`"),
        ("purchases() > 1", "1:13: expected `.count()` or `.since()`, or a currency within the parentheses, found `>`"),
        ("rfm(recensy) = 1", "1:5: unknown score `recensy`; did you mean `recency`?"),
        ("local(our) = 1", "1:7: unknown fact about the local time `our`; did you mean `hour`?"),
        ("local(hour, '2h') = 1", "1:13: `2h` is not an offset from UTC; write it like `+02:00`, at most 18 hours"),
        ("score(plan = 'pro') > 1", "1:7: expected points and `IF`, such as `3 IF plan = 'pro'`, found `plan`"),
        ("score(3 plan = 'pro') > 1", "1:9: expected `IF` and a condition, found `plan`"),
        ("lifecycle().since() > 7 dyas", "1:25: expected `AND`, `OR` or the end, found `dyas`"),
    ] {
        assert_eq!(Rule::parse(text).unwrap_err().to_string(), message);
    }
    for (json, message) in [
        (json!({"$score": {"of": []}}), "$score: expected an object with `of` and one operator, found an object"),
        (
            json!({"$score": {"of": [], "$gt": 1}}),
            "$score.of: an empty list says nothing; write `true` or `false` if that is meant",
        ),
        (
            json!({"$score": {"of": [{"points": 1, "if": true}], "$gt": 1, "$lt": 3}}),
            "$score: expected an object with `of` and one operator, found an object",
        ),
        (
            json!({"$score": {"of": [{"points": "1", "if": true, "iff": 1}], "$gt": 1}}),
            "$score.of[0].iff: unknown operator or key `iff`; did you mean `if`?",
        ),
        (
            json!({"$lifecycle": {"stag": "new"}}),
            "$lifecycle.stag: unknown operator or key `stag`; did you mean `stage`?",
        ),
        (
            json!({"$local": {"offset": "Z"}}),
            "$local: expected a fact about the local time beside `offset`, found an object",
        ),
    ] {
        assert_eq!(Rule::from_json(&json).unwrap_err()[0].to_string(), message);
    }
}

#[test]
fn checking_finds_names_kinds_and_ranges() {
    let schema = Schema::default();
    let campaigns = [CampaignNames { name: "spring", variants: vec!["a", "b"] }];
    let vocabulary = Vocabulary::new(&schema).campaigns(campaigns);
    for (text, messages) in [
        ("affinity('categry', 'x').rank() > 1", &["1:1: unknown affinity `categry`; did you mean `category`?"][..]),
        (
            "affinity('category', 'x') > 30",
            &["1:27: `affinity` lies from 0 to 1, and comparing it with 30 says nothing"],
        ),
        (
            "affinity('category').top() > 'x'",
            &["1:28: `>` does not go with `top()`; write `=`, `!=`, `IN`, `NOT IN` or `EXISTS`"],
        ),
        ("percent('x') < 110", &["1:14: `percent` lies from 0 to 100, and comparing it with 110 says nothing"]),
        ("percent('x') = 'a'", &["1:14: `=` needs text, but `percent` is a number"]),
        ("lifecycle() = 'at risk'", &["1:13: unknown stage of the lifecycle `at risk`; did you mean `at_risk`?"]),
        ("lifecycle() = 3", &["1:13: `=` needs a number, but `lifecycle()` is text"]),
        ("lifecycle().since() > 7", &["1:21: `>` needs a number, but `since()` is a span of time, such as `7d`"]),
        ("purchases().count() > 7 days", &["1:21: `>` needs a number, but `1w` is a span of time"]),
        ("rfm(monetary) = 1", &["1:1: `rfm(monetary)` needs a currency; declare `rfm.monetary` in the schema"]),
        ("rfm(recency) >= 6", &["1:14: `recency` lies from 1 to 5, and comparing it with 6 says nothing"]),
        ("local(hour) > 24", &["1:13: `hour` lies from 0 to 23, and comparing it with 24 says nothing"]),
        ("local(weekday) = 'sundey'", &["1:16: unknown weekday `sundey`; did you mean `sunday`?"]),
        ("local(day_part) = 'morninng'", &["1:17: unknown part of the day `morninng`; did you mean `morning`?"]),
        ("local(time) > '9:30'", &["1:13: '9:30' is not a time of day; write it like `09:30`"]),
        ("local(date) > '24.12.'", &["1:13: '24.12.' is not a date; write it like `2026-12-24`"]),
        ("variant('sprin') = 'b'", &["1:1: unknown campaign `sprin`; did you mean `spring`?"]),
        ("variant('spring') IN ('b', 'bb')", &["1:19: unknown variant `bb`; did you mean `b`?"]),
        ("event('exposed').where(campaign = 'sprung')", &["1:33: unknown campaign `sprung`; did you mean `spring`?"]),
        (
            "event('clicked').where(campaign = 'spring' AND variant = 'aa')",
            &["1:56: unknown variant `aa`; did you mean `a`?"],
        ),
        ("event('purchased').where(campaign = 'sprung')", &[]),
        (
            "score(3 IF plan = 'pro', -2 IF age > 3) > 4",
            &["1:41: `score()` lies from -2 to 3, and comparing it with 4 says nothing"],
        ),
        (
            "score(2e9 IF plan = 'pro') > 4",
            &["1:7: 2000000000 points are out of range; write from -1e9 to 1e9, in steps of a millionth"],
        ),
        ("score(1 IF segment('x')) >= 1", &["1:12: unknown segment `x`"]),
        ("session(seconds) > 2 minutes AND session(seconds) > 120", &[]),
        ("session(views) > 2 minutes", &["1:16: `>` needs a number, but `2m` is a span of time"]),
    ] {
        let found: Vec<String> =
            Rule::parse(text).unwrap().check(&vocabulary).iter().map(ToString::to_string).collect();
        assert_eq!(found, messages, "{text}");
    }
}
