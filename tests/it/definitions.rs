//! Bad definitions are told at load, all at once, each with its place and what would be right; nothing panics.

use std::fmt::Write as _;

use bespoke::campaign::{Campaign, Goal, GoalItems, Pay, Placement, Variant};
use bespoke::config::{Fault, Problems};
use bespoke::engine::{Definitions, Engine};
use bespoke::rule::Rule;
use bespoke::segment::Segment;
use bespoke::time::Span;
use proptest::prelude::*;

fn problems(text: &str) -> Problems {
    Engine::from_json(text).unwrap_err()
}

#[track_caller]
fn says(text: &str, wanted: &[&str]) {
    let found = problems(text);
    let found: Vec<String> = found.as_slice().iter().map(ToString::to_string).collect();
    assert_eq!(found, wanted);
}

/// A campaign at the placement `home`, with these further fields.
#[track_caller]
fn campaign_says(fields: &str, wanted: &[&str]) {
    let text = format!(r#"{{"placements": ["home"], "campaigns": [{{"name": "c", "placement": "home", {fields}}}]}}"#);
    let found = problems(&text);
    let found: Vec<String> =
        found.as_slice().iter().map(|problem| format!("{}: {}", problem.place.path, problem.fault)).collect();
    assert_eq!(found, wanted);
}

#[test]
fn a_key_that_stands_twice_is_told_at_its_second_place() {
    let text = r#"{
  "segments": [
    {"name": "a", "rule": {"age": {"$gt": 18, "$gt": 21}, "plan": "pro",
      "plan": "max"}},
    {"name": "b", "rule": "x = 1", "rule": "y = 1"}
  ],
  "placements": [{"name": "home", "n\u0061me": "start"}],
  "settings": {"seed": 1},
  "settings": {"seed": 2}
}"#;
    let keep = "stands twice in one object; keep one, or join conditions with `$and`";
    says(
        text,
        &[
            &format!("3:47: segments[0].rule.age.$gt: the key `$gt` {keep}"),
            &format!("4:7: segments[0].rule.plan: the key `plan` {keep}"),
            &format!("5:36: segments[1].rule: the key `rule` {keep}"),
            &format!("7:35: placements[0].name: the key `name` {keep}"),
            &format!("9:3: settings: the key `settings` {keep}"),
        ],
    );
    // The same name in different objects is none twice.
    let sound = r#"{"segments": [{"name": "a", "rule": {"$and": [{"age": {"$gt": 1}}, {"age": {"$lt": 5}}]}}]}"#;
    assert!(Engine::from_json(sound).is_ok());
    let many = format!("{{{}\"x\": 1}}", "\"x\": 1, ".repeat(10_000));
    assert_eq!(problems(&many).as_slice().len(), 200);
}

#[test]
fn every_mistake_of_a_document_is_told_at_once_with_its_place() {
    let text = r#"{
  "schema": {"attributes": {"plan": "txt"}, "evnts": []},
  "segments": [
    {"name": "a", "rule": "event('product_veiwed').count() >= 3"},
    {"name": "a", "rule": "segment('b') AND segment('nobody')"},
    {"rule": "plan = "},
    {"name": "far", "rule": "event('purchased').within(11 years).count() >= 60"}
  ],
  "placements": ["home", "home"],
  "campaigns": [
    {"name": "c", "placement": "hme", "audience": {}, "variants": [{"name": "x"}, {"name": "x"}],
     "chooser": {"split": {"x": 0.5, "y": 0.5}}},
    {"name": "c", "placement": "home", "payload": 1, "schedule": {"starts": "soon"},
     "goal": {"event": "purchasd", "within": "7 apples"}}
  ],
  "settings": {"history": -1, "session_gap": "0s", "seed": 1.5}
}"#;
    let found = problems(text);
    for problem in found.as_slice() {
        assert!(problem.place.line > 1 && problem.place.column > 0, "{problem}");
    }
    let told = found.to_string();
    for part in [
        "2:37: schema.attributes.plan: unknown kind `txt`; did you mean `text`?",
        "schema.evnts: unknown field `evnts`; did you mean `events`?",
        "4:34: segments[0].rule: 1:7: unknown event `product_veiwed`; did you mean `product_viewed`?",
        "5:14: segments[1].name: the segment `a` is defined twice; give one of them another name",
        "segments[1].rule: 1:18: unknown segment `nobody`",
        "segments[2]: `name` is missing",
        "segments[2].rule: 1:8: expected a value",
        "segments[3].rule: 1:27: `11 years` is not a span of time",
        "the placement `home` is defined twice",
        "11:32: campaigns[0].placement: unknown placement `hme`; did you mean `home`?",
        "campaigns[0].audience: rule: an empty object says nothing",
        "campaigns[0].variants[1].name: the variant `x` is defined twice",
        "campaigns[0].chooser.split.y: unknown variant `y`; did you mean `x`?",
        "campaigns[1].name: the campaign `c` is defined twice",
        "campaigns[1].schedule.starts: `soon` is not a time",
        "campaigns[1].goal.within: `7 apples` is not a span of time",
        "settings.history: -1 stands where a number of events from 1 to 128 should",
        "settings.session_gap: 0s stands where a second or more should",
        "settings.seed: 1.5 stands where a whole number that is not negative should",
    ] {
        assert!(told.contains(part), "{part}\n---\n{told}");
    }
    let places: Vec<_> = found.as_slice().iter().map(|of| (of.place.line, of.place.column)).collect();
    assert!(places.is_sorted(), "{places:?}");
}

#[test]
fn a_place_is_found_however_the_document_is_spaced() {
    for space in [" ", "\t", "\r\n", "\n\t\t", ""] {
        let text =
            format!("{{\"segments\":{space}[{{\"name\":{space}\"a\",{space}\"rule\":{space}\"segment('b')\"}}]}}");
        let found = problems(&text);
        assert!(found.as_slice()[0].place.line > 0, "{space:?}: {found}");
    }
}

#[test]
fn segments_in_a_circle_are_named_in_their_order() {
    says(
        r#"{"segments": [{"name": "x", "rule": "TRUE"}, {"name": "a", "rule": "NOT segment('b')"}, {"name": "b", "rule": "segment('a') OR segment('x')"}]}"#,
        &["1:68: segments[1].rule: segments refer to each other in a circle: a → b → a; break it at one of them"],
    );
    // What could not be read does not shift the place of what could.
    let found = problems(
        "{\"segments\": [{\"name\": \"bad\", \"rule\": \"=\"},\n{\"name\": \"a\", \"rule\": \"segment('a')\"}]}",
    );
    assert!(found.to_string().contains("2:23: segments[1].rule: segments refer"), "{found}");
}

#[test]
fn mistakes_in_campaigns_say_what_would_be_right() {
    campaign_says(
        r#""variants": [{"name": "x"}, {"name": "y"}], "chooser": {"split": {"x": 0.5, "y": 0.6}}"#,
        &["campaigns[0].chooser.split: weights [0.5, 0.6] stands where weights from 0 to 1 with a sum of 1 should"],
    );
    campaign_says(
        r#""variants": [{"name": "x"}, {"name": "y"}], "chooser": {"fixed": "z"}"#,
        &["campaigns[0].chooser.fixed: unknown variant `z`; did you mean `x`?"],
    );
    campaign_says(
        r#""payload": 1, "chooser": {"thompson": {}, "epsilon_greedy": {"epsilon": 0.1}}"#,
        &[
            "campaigns[0].chooser: a bandit has one policy, but 2 are named; name one of thompson, epsilon_greedy, softmax, ucb, contextual, lin_ucb, lin_thompson, square_cb, logistic",
        ],
    );
    campaign_says(
        r#""payload": 1, "chooser": {"thomson": {}}"#,
        &["campaigns[0].chooser: unknown chooser `thomson`; did you mean `thompson`?"],
    );
    campaign_says(
        r#""payload": 1, "chooser": {"thompson": {}}, "goal": {"event": "purchased", "within": "7d", "pay": "amount"}"#,
        &[
            "campaigns[0].chooser: a policy for rewards from 0 to 1 with a goal that pays amounts stands where {\"thompson\": {\"payoff\": \"revenue\"}}, or a goal that pays conversions should",
        ],
    );
    campaign_says(
        r#""payload": 1, "chooser": {"thompson": {}}"#,
        &["campaigns[0].chooser: a bandit without a goal stands where a goal to learn from, or a split should"],
    );
    campaign_says(
        r#""payload": 1, "schedule": {"starts": "2026-03-02", "ends": "2026-03-01"}"#,
        &[
            "campaigns[0].schedule: a schedule from 2026-03-02T00:00:00Z to 2026-03-01T00:00:00Z stands where one that ends after it starts should",
        ],
    );
    campaign_says(
        r#""payload": 1, "priority": 1.5"#,
        &["campaigns[0].priority: 1.5 stands where a whole number of 32 bits should"],
    );
    campaign_says(
        r#""recommend": {"limit": -3, "sources": ["poplar"], "filters": {"exclude": ["bought"]}}"#,
        &[
            "campaigns[0].recommend.limit: -3 stands where a number of items from 1 to 200 should",
            "campaigns[0].recommend.sources[0]: unknown source `poplar`; did you mean `popular`?",
            "campaigns[0].recommend.filters.exclude[0]: unknown exclusion `bought`",
        ],
    );
    campaign_says(
        r#""recommend": {"strategy": "hme", "repeat": "never", "diversity": 2, "about": 7,
            "quotas": [{"attribute": "brand"}, {"attribute": "brand", "least": 2}, {"most": 0}],
            "rules": [{"pin": "a", "bury": {"tag": "x"}}, {"boost": {"brand": 1}, "by": 2}, {"boost": {"brand": "x"}}, {"bury": {}}],
            "explore": {"positions": [3, 2, 900], "from": "old"}}"#,
        &[
            "campaigns[0].recommend.strategy: unknown strategy `hme`; did you mean `home`?",
            "campaigns[0].recommend.repeat: unknown policy `never`",
            "campaigns[0].recommend.diversity: 2 stands where a share from 0 to 1 should",
            "campaigns[0].recommend.about: a number stands where text should",
            "campaigns[0].recommend.quotas[0]: a quota without `most` and `least` stands where one of them should",
            "campaigns[0].recommend.quotas[1]: `least` without a `value` stands where the value of which there must be so many should",
            "campaigns[0].recommend.quotas[2]: `attribute` is missing",
            "campaigns[0].recommend.quotas[2].most: 0 stands where a number of items from 1 to 200 should",
            "campaigns[0].recommend.rules[0]: 2 of `pin`, `boost` and `bury` stands where one of them should",
            "campaigns[0].recommend.rules[1].boost.brand: a number stands where a text, true or false should",
            "campaigns[0].recommend.rules[2]: `by` is missing",
            "campaigns[0].recommend.rules[3].bury: 0 attributes stands where one attribute with its value, such as {\"brand\": \"acme\"}, or {\"item\": id} should",
            "campaigns[0].recommend.explore.positions: [3, 2] stands where rising positions below `limit` should",
            "campaigns[0].recommend.explore.positions[2]: 900 stands where a position from 0 to 199 should",
            "campaigns[0].recommend.explore.from: unknown pool `old`",
        ],
    );
    campaign_says(
        r#""recommend": {"sources": ["popular_in_segment"], "calibrate": {"attribute": "color"},
            "rules": [{"pin": "a", "segment": "vips"}]}"#,
        &[
            "settings.popular_segments: no segment stands where the segments whose people `popular_in_segment` is about should",
            "campaigns[0].recommend.calibrate.attribute: an attribute without affinities (there are category, brand) stands where one of `schema.affinities`, which say how a person's interest is mixed should",
            "campaigns[0].recommend.rules[0].segment: unknown segment `vips`",
        ],
    );
    campaign_says(
        r#""variants": []"#,
        &["campaigns[0].variants: 0 variants stands where 1 to 64 variants, or `payload` or `recommend` should"],
    );
    for number in ["1e999", "-1e999", "NaN", "Infinity"] {
        let text = format!(r#"{{"settings": {{"seed": {number}}}}}"#);
        assert!(matches!(problems(&text).as_slice()[0].fault, Fault::Syntax { .. }), "{number}");
    }
}

#[test]
fn definitions_built_in_rust_are_checked_as_those_that_are_read() {
    let rule = |text: &str| Rule::parse(text).unwrap();
    let goal =
        |text: &str| Goal { event: rule(text), within: Span::days(1), pay: Pay::default(), items: GoalItems::Any };
    let variant = |name: &str| Variant { name: name.to_owned(), payload: None, recommend: None };
    let told = |campaign: Campaign| {
        let placements = vec![Placement { name: "home".to_owned() }];
        let definitions = Definitions { placements, campaigns: vec![campaign], ..Definitions::default() };
        Engine::new(definitions).map(|_| ()).map_err(|problems| problems.to_string())
    };
    let of = |event: &str| told(Campaign { goal: Some(goal(event)), ..Campaign::new("c", "home") });
    assert_eq!(of("event('purchased').where(value >= 50)"), Ok(()));
    // A goal is one event: what else a rule could ask would be left out silently.
    for event in [
        "NOT event('purchased')",
        "event('purchased') AND plan = 'pro'",
        "event('purchased').within(1 day)",
        "event('purchased').count() >= 3",
        "event('purchased').sum(value) > 3",
        "plan = 'pro'",
    ] {
        assert!(of(event).unwrap_err().contains("one event with tests on its properties"), "{event}");
    }
    let twice = Campaign { variants: vec![variant("x"), variant("x")], ..Campaign::new("c", "home") };
    assert!(told(twice).unwrap_err().contains("the variant `x` is defined twice"));
    let segments = vec![Segment::new("a", rule("segment('b')")), Segment::new("b", rule("segment('a')"))];
    let problems = Engine::new(Definitions { segments, ..Definitions::default() }).unwrap_err();
    assert!(problems.to_string().contains("segments[0].rule: segments refer to each other in a circle"), "{problems}");
}

#[test]
fn thousands_of_segments_in_one_circle_are_one_mistake() {
    let mut text = String::from("{\"segments\": [");
    for i in 0..4_000 {
        let comma = if i > 0 { "," } else { "" };
        write!(text, "{comma}{{\"name\": \"s{i}\", \"rule\": \"segment('s{}')\"}}", (i + 1) % 4_000).unwrap();
    }
    text.push_str("]}");
    let found = problems(&text);
    assert_eq!(found.as_slice().len(), 1);
    assert!(matches!(&found.as_slice()[0].fault, Fault::Cycle { names } if names.len() == 4_001));
}

#[test]
fn thousands_of_mistyped_names_are_told_in_bounded_time() {
    let mut text = String::from("{\"segments\": [");
    for i in 0..1_100 {
        let comma = if i > 0 { "," } else { "" };
        write!(text, "{comma}\n{{\"name\": \"segment number {i}\", \"rule\": \"segment('segmnet {i}')\"}}").unwrap();
    }
    text.push_str("]}");
    let found = problems(&text);
    assert_eq!(found.as_slice().len(), 200);
}

#[test]
fn hostile_sizes_are_refused_and_take_no_stack() {
    let rule = |text: &str| format!("{{\"segments\": [{{\"name\": \"s\", \"rule\": {}}}]}}", serde_json::json!(text));
    let told = |text: &str| problems(&rule(text)).to_string();
    assert!(told(&format!("plan = '{}'", "x".repeat(5_000_000))).contains("the rule has 5000009 bytes"));
    let mut many = String::from(
        "{\"placements\": [\"home\"], \"campaigns\": [{\"name\": \"c\", \"placement\": \"home\", \"variants\": [",
    );
    for i in 0..10_000 {
        write!(many, "{}{{\"name\": \"v{i}\"}}", if i > 0 { "," } else { "" }).unwrap();
    }
    many.push_str("]}]}");
    assert!(problems(&many).to_string().contains("10000 variants stands where 1 to 64 variants"));
}

/// Words of the real form in nonsense places.
fn jsonish() -> impl Strategy<Value = serde_json::Value> {
    const KEYS: [&str; 36] = [
        "schema",
        "segments",
        "placements",
        "campaigns",
        "settings",
        "attributes",
        "context",
        "events",
        "affinities",
        "attribute",
        "half_life",
        "name",
        "rule",
        "placement",
        "audience",
        "schedule",
        "starts",
        "ends",
        "priority",
        "variants",
        "payload",
        "recommend",
        "sources",
        "limit",
        "filters",
        "category",
        "price",
        "exclude",
        "chooser",
        "fixed",
        "split",
        "thompson",
        "goal",
        "event",
        "within",
        "$event",
    ];
    const WORDS: [&str; 14] = [
        "home",
        "a",
        "",
        "7d",
        "text",
        "segment('a')",
        "event('purchased').count() >= 1",
        "2026-01-01",
        "viewed",
        "popular",
        "purchased",
        "é\u{0}",
        "plan = 'x' AND NOT (",
        "0s",
    ];
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<f64>().prop_map(Into::into),
        prop::sample::select(&WORDS[..]).prop_map(Into::into),
        ".{0,8}".prop_map(Into::into),
    ];
    leaf.prop_recursive(6, 60, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(serde_json::Value::from),
            prop::collection::btree_map(prop::sample::select(&KEYS[..]), inner, 0..6)
                .prop_map(|map| map.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    /// At the top and in the place of every part.
    #[test]
    fn no_document_panics(json in jsonish()) {
        for text in [
            json.to_string(),
            serde_json::json!({"segments": [json], "campaigns": json, "schema": json, "settings": json}).to_string(),
            serde_json::json!({"placements": ["home"], "campaigns": [
                {"name": "c", "placement": "home", "variants": [{"name": "a", "recommend": json}], "goal": json},
                {"name": "d", "placement": "home", "payload": 1, "audience": json, "chooser": json, "schedule": json},
            ]}).to_string(),
        ] {
            match Engine::from_json(&text) {
                Ok(engine) => drop(engine.models()),
                Err(problems) => {
                    prop_assert!(!problems.is_empty());
                    prop_assert!(!problems.to_string().is_empty());
                }
            }
        }
    }

    #[test]
    fn no_text_panics(text in "[\\[\\]{}\",:a-c0-9 é\\\\\n]{0,60}") {
        drop(Engine::from_json(&text));
    }
}

#[test]
fn identity_is_said_in_the_definitions() {
    let text = r#"{"identity": {"per_kind": {"user": 1, "card": 2}, "ids": 50, "links": 70, "blocked": ["kiosk-*"],
        "frozen": true, "hidden": "shared", "recent": 0}}"#;
    let engine = Engine::from_json(text).unwrap();
    let json: serde_json::Value = serde_json::from_str(text).unwrap();
    let wanted: bespoke::identity::Settings = serde_json::from_value(json["identity"].clone()).unwrap();
    assert_eq!(engine.identity(), &wanted);
    let shop = bespoke::Personalizer::new(engine);
    let time: bespoke::Timestamp = "2026-03-01".parse().unwrap();
    let event = bespoke::Event::new(bespoke::EventKind::PageViewed, "kiosk-7", time);
    assert!(shop.ingest(&event, time).is_err());
    assert_eq!(Engine::from_json("{}").unwrap().identity(), &bespoke::identity::Settings::default());
    let told = Engine::from_json(
        r#"{"identity": {"ids": 1, "hiden": "x", "frozen": 1, "per_kind": {"card": 0}, "recent": -1}}"#,
    )
    .unwrap_err()
    .to_string();
    for expected in [
        "identity.ids: 1 stands where a number of ids from 2 to 1000 should",
        "identity.hiden: unknown field `hiden`; did you mean `hidden`?",
        "identity.frozen: a number stands where true or false should",
        "identity.per_kind.card: 0 stands where a limit from 1 to 1000 should",
        "identity.recent: -1 stands where",
    ] {
        assert!(told.contains(expected), "{expected}\nis not in\n{told}");
    }
    let told = Engine::from_json(r#"{"identity": {"blocked": ["*"]}}"#).unwrap_err().to_string();
    assert_eq!(told, "1:26: identity.blocked: `blocked` has `*`, which needs text beside the `*` at its ends");
}
