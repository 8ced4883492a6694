//! The traps of rules that others have fallen into, each by its number.

use bespoke::rule::{List, Lists};
use bespoke::value::Properties;
use bespoke::{Engine, Rule};
use serde_json::json;

#[track_caller]
fn matches(rule: &str, attributes: serde_json::Value) -> bool {
    let attributes: Properties = serde_json::from_value(attributes).unwrap();
    Rule::parse(rule).unwrap().compile_alone(&Lists::default()).unwrap().matches(&attributes)
}

/// Trap 6: an empty list, group or object must not mean everyone by accident.
#[test]
fn nothing_empty_means_everyone() {
    for text in ["", "plan IN ()", "plan NOT IN ()", "tags ALL ()", "()", "event('purchased').where()"] {
        assert!(Rule::parse(text).is_err(), "{text}");
    }
    for json in [
        json!({}),
        json!({"$and": []}),
        json!({"$or": []}),
        json!({"$nor": []}),
        json!({"$not": {}}),
        json!({"plan": {}}),
        json!({"plan": {"$in": []}}),
        json!({"plan": {"$nin": []}}),
        json!({"tags": {"$elemMatch": {}}}),
        json!({"$context": {}}),
    ] {
        assert!(Rule::from_json(&json).is_err(), "{json}");
    }
    let nobody: [&str; 0] = [];
    assert!(Rule::attribute("plan").one_of(nobody).compile_alone(&Lists::default()).is_err());
    // Of an empty list nothing holds, neither of any element nor of every one.
    for rule in ["tags ANY (it EXISTS)", "tags EVERY (it EXISTS)", "tags ALL ('a')", "tags = 'a'"] {
        assert!(!matches(rule, json!({"tags": []})), "{rule}");
    }
    let problems = Engine::from_json(r#"{"lists": [{"name": "testers", "values": []}]}"#).unwrap_err();
    assert!(problems.to_string().contains("1 to 100,000 values"), "{problems}");
}

/// Trap 7: numbers and text, case, large numbers, not-a-number, minus zero, invalid patterns.
#[test]
fn kinds_case_and_odd_numbers_hold_no_surprise() {
    assert!(!matches("n = 5", json!({"n": "5"})) && !matches("n = '5'", json!({"n": 5})));
    assert!(!matches("n > 4", json!({"n": "5"})) && !matches("n IN (5, 6)", json!({"n": "5"})));
    assert!(matches("js_number(n) > 4", json!({"n": "5"})));
    assert!(!matches("flag = 1", json!({"flag": true})) && !matches("n = true", json!({"n": 1})));
    // Case counts unless it is said not to, and then beyond ASCII too.
    assert!(!matches("city = 'köln'", json!({"city": "KÖLN"})));
    assert!(matches("city = 'köln' IGNORING CASE", json!({"city": "KÖLN"})));
    assert!(matches("city MATCHES '^kö' IGNORING CASE", json!({"city": "KÖLN"})));
    // Whole numbers beyond 2^53 are the nearest number that a double holds.
    assert!(matches("id = 9007199254740993", json!({"id": 9007199254740993_u64})));
    assert!(matches("n = 0 AND n = -0 AND n IN (0, 1) AND n === 0", json!({"n": -0.0})));
    for text in
        ["n = 1e999", "n = NaN", "name MATCHES '('", "name MATCHES '(?=a)'", "name MATCHES '(((((a{99}){99}){99})))'"]
    {
        assert!(Rule::parse(text).is_err(), "{text}");
    }
    assert!(Rule::attribute("n").eq(f64::NAN).compile_alone(&Lists::default()).is_err());
    assert!(Rule::attribute("n").matches("(").compile_alone(&Lists::default()).is_err());
    // A pattern made to explode stays linear: a backtracking engine would need 2^64 steps here.
    let text = format!("{}!", "a".repeat(64));
    assert!(!matches("name MATCHES '^(a|a)*(a|a)*$'", json!({"name": text})));
    assert!(!matches("name MATCHES '^(a+)+$'", json!({"name": text})));
}

/// Trap 8: deep nesting, circles, ten thousand segments, a hundred thousand values.
#[test]
fn size_and_depth_end_in_typed_errors() {
    for deep in ["(", "NOT ", "x ANY (", "size(", "js_text("] {
        assert!(Rule::parse(&deep.repeat(100_000)).is_err(), "{deep}");
    }
    let many: Vec<String> = (0..100_000).map(|i| format!("'u{i}'")).collect();
    let rule = Rule::parse(&format!("id IN ({})", many.join(","))).unwrap();
    let rule = rule.compile_alone(&Lists::default()).unwrap();
    assert!(rule.matches(&[("id".to_owned(), "u99999".into())].into()));
    assert!(!rule.matches(&[("id".to_owned(), "u100000".into())].into()));
    assert!(Rule::parse(&format!("id IN ({},'one')", many.join(","))).is_err());

    let lists = Lists::new(&[List::new("all", (0..100_000).map(|i| format!("u{i}")))]);
    let rule = Rule::parse("id IN LIST 'all'").unwrap().compile_alone(&lists).unwrap();
    assert!(rule.matches(&[("id".to_owned(), "u77".into())].into()));

    // Each refers to ten others; the last ones close a circle.
    let segment = |i: usize| {
        let others = (1..=10).map(|k| format!("segment('s{}')", (i + k) % 10_000));
        json!({"name": format!("s{i}"), "rule": others.collect::<Vec<_>>().join(" OR ")})
    };
    let segments: Vec<_> = (0..10_000).map(segment).collect();
    let problems = Engine::from_json(&json!({"segments": segments}).to_string()).unwrap_err();
    assert!(problems.to_string().contains("in a circle"), "{problems}");
    // As many that refer to nothing: the mistakes that are told are few, and the others cost nothing.
    let unknown = |i: usize| json!({"name": format!("s{i}"), "rule": format!("segment('t{i}')")});
    let segments: Vec<_> = (0..10_000).map(unknown).collect();
    let problems = Engine::from_json(&json!({"segments": segments}).to_string()).unwrap_err();
    assert_eq!(problems.as_slice().len(), 200);
}
