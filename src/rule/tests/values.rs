//! Tests of values: what they answer, how they are written, and what is wrong with wrong ones.

use serde_json::json;

use crate::rule::{Given, List, Lists, Rule, Truth, Vocabulary};
use crate::schema::Schema;
use crate::time::{Span, Timestamp};
use crate::value::{Kind, Properties};

fn ann() -> Properties {
    serde_json::from_value(json!({
        "plan": "Pro", "app": "2.9.3", "build": 2.1, "tags": ["new", "SALE", "red"], "none": [], "city": "Köln",
        "orders": [{"total": 70, "paid": false, "lines": [{"sku": "a"}]}, {"total": 20, "paid": true}],
        "address": {"city": "Graz", "zip": "8010"}, "home": {"lat": 52.52, "lon": 13.405}, "work": [48.137, 11.575],
        "signed_up": "2026-02-01", "born": "1992-02-29", "nothing": null, "visits": [3, 8], "flag": false
    }))
    .unwrap()
}

fn lists() -> Lists {
    Lists::new(&[List::new("paid", ["Pro", "Max"]), List::new("many", (0..1000).map(f64::from))])
}

#[track_caller]
fn eval(rule: &str, now: &str) -> Truth {
    let rule = Rule::parse(rule).unwrap_or_else(|error| panic!("{rule}: {error}"));
    assert_eq!(Rule::from_json(&rule.to_json()).unwrap(), rule);
    rule.compile_alone(&lists()).unwrap().eval(&Given::new(&ann()).at(now.parse().unwrap()))
}

#[test]
fn conditions_on_values_hold_as_they_read() {
    for (rule, holds) in [
        ("plan MATCHES '^P.o$' AND NOT plan MATCHES 'pro'", true),
        ("plan MATCHES 'pro' IGNORING CASE AND tags MATCHES '^sale' IGNORING CASE", true),
        ("plan ENDS_WITH 'ro' AND plan STARTS_WITH 'pR' IGNORING CASE AND plan CONTAINS 'RO' IGNORING CASE", true),
        ("plan = 'PRO'", false),
        ("plan = 'PRO' IGNORING CASE AND city IN ('KÖLN', 'x') IGNORING CASE", true),
        ("plan != 'PRO' IGNORING CASE OR tags NOT IN ('sale') IGNORING CASE", false),
        ("missing != 'x' IGNORING CASE AND missing NOT IN ('x') IGNORING CASE", true),
        ("tags ALL ('new', 'red')", true),
        ("tags ALL ('new', 'blue')", false),
        ("tags ALL ('NEW', 'sale') IGNORING CASE AND plan ALL ('Pro')", true),
        ("none ALL ('new') OR missing ALL ('new')", false),
        ("app VERSION < '2.10.0' AND app VERSION >= '2.9' AND build VERSION > '2.0'", true),
        ("missing VERSION < '9' OR flag VERSION < '9'", false),
        ("missing VERSION != '9'", true),
        ("plan IN LIST 'paid' AND visits IN LIST 'many'", true),
        ("city IN LIST 'paid'", false),
        ("size(tags) = 3 AND size(none) = 0 AND length(city) = 4", true),
        ("size(plan) >= 0 OR length(tags) >= 0 OR size(missing) = 0", false),
        ("plan IS TEXT AND build IS NUMBER AND flag IS BOOL AND tags IS LIST AND address IS OBJECT", true),
        ("signed_up IS TIME AND NOT plan IS TIME AND NOT nothing IS TEXT", true),
        ("tags === json('[\"new\", \"SALE\", \"red\"]') AND plan === 'Pro'", true),
        ("tags === json('[\"SALE\", \"new\", \"red\"]') OR tags === 'new' OR build === '2.1'", false),
        ("address === json('{\"zip\": \"8010\", \"city\": \"Graz\"}')", true),
        ("orders ANY (it.total > 50 AND it.paid = true)", false),
        ("orders ANY (it.total > 50) AND orders ANY (it.paid = true)", true),
        ("orders EVERY (it.total >= 20) AND visits ANY (it > 5) AND NOT visits EVERY (it > 5)", true),
        ("none EVERY (it > 0) OR missing EVERY (it > 0) OR plan ANY (it EXISTS)", false),
        ("orders ANY (it.lines ANY (it.sku = 'a') AND NOT it.paid = true)", true),
        ("attribute('orders.0.total') = 70 AND attribute('tags.2') = 'red' AND NOT attribute('tags.3') EXISTS", true),
        ("home WITHIN 505 km OF (48.137, 11.575)", true),
        ("home WITHIN 503 km OF (48.137, 11.575) OR plan WITHIN 40000 km OF (0, 0)", false),
        ("work WITHIN 1 m OF (48.137, 11.575) AND work WITHIN 314 mi OF (52.52, 13.405)", true),
        ("js_number(app) = 2 OR js_text(build) = '2'", false),
        ("js_text(build) = '2.1' AND js_number(missing) = 0 AND js_bool(tags) = true", true),
    ] {
        assert_eq!(eval(rule, "2026-03-01").holds(), holds, "{rule}");
    }
}

/// From Berlin (52.52 N, 13.405 E) to Munich (48.137 N, 11.575 E) are 504 km; the cases above lie on both sides.
#[test]
fn places_may_lie_apart_as_profiles_keep_objects() {
    let apart: Properties = serde_json::from_value(json!({"home.lat": 52.52, "home.lng": 13.405})).unwrap();
    let rule = Rule::parse("home WITHIN 1 km OF (52.52, 13.405)").unwrap().compile_alone(&lists()).unwrap();
    assert!(rule.matches(&apart) && rule.matches(&ann()));
}

#[test]
fn conditions_that_move_with_time_say_until_when_they_hold() {
    let at = |text: &str| text.parse::<Timestamp>().unwrap();
    let never = Timestamp::MAX;
    let ms = Span::from_millis(1);
    for (rule, now, holds, until) in [
        // Signed up on 1 February: 30 days later is 3 March.
        ("signed_up < now() - 30 days", "2026-03-01", false, at("2026-03-03") + ms),
        ("signed_up < now() - 30d", "2026-03-03T00:00:00.001Z", true, never),
        ("signed_up <= now() -30 days", "2026-03-02", false, at("2026-03-03")),
        ("signed_up > now() - 30 days", "2026-03-01", true, at("2026-03-03")),
        ("signed_up >= now() - 30 days", "2026-03-01", true, at("2026-03-03") + ms),
        ("signed_up = now()", "2026-01-01", false, at("2026-02-01")),
        ("signed_up = now()", "2026-02-01", true, at("2026-02-01") + ms),
        ("signed_up > now() + 1w", "2026-01-20", true, at("2026-01-25")),
        ("signed_up BETWEEN now() - 30 days AND now() - 7 days", "2026-02-05", false, at("2026-02-08")),
        ("signed_up BETWEEN now() - 30 days AND now() - 7 days", "2026-02-08", true, at("2026-03-03") + ms),
        ("missing < now()", "2026-02-08", false, never),
        // Born on 29 February, which 2027 does not have.
        ("born ANNIVERSARY", "2027-02-28T10:00:00Z", true, at("2027-03-01")),
        ("born ANNIVERSARY", "2027-03-01", false, at("2028-02-29")),
        ("born ANNIVERSARY WITHIN 7 days", "2028-02-01", false, at("2028-02-22")),
        ("born ANNIVERSARY WITHIN 7 days", "2028-02-23", true, at("2028-03-01")),
        ("NOT born ANNIVERSARY AND plan = 'Pro'", "2027-03-01", true, at("2028-02-29")),
    ] {
        assert_eq!(eval(rule, now), Truth { answer: holds.into(), until }, "{rule} at {now}");
    }
}

#[test]
fn mistakes_are_named_with_their_place() {
    for (text, message) in [
        ("plan MATCHES '('", "1:14: the pattern cannot be used: found open group without closing ')'"),
        ("plan MATCHES '(a)\\1'", "1:14: the pattern cannot be used: backreferences are not supported"),
        (
            "n > 5 IGNORING CASE",
            "1:7: expected `IGNORING CASE` after text that is compared, looked for or listed, found `> 5`",
        ),
        ("plan IS STRING", "1:9: expected `BOOL`, `NUMBER`, `TEXT`, `TIME`, `LIST` or `OBJECT`, found `STRING`"),
        (
            "plan === json('null')",
            "1:15: expected JSON in quotes that is not null, of at most 8 levels, found the text 'null'",
        ),
        ("orders ANY (total > 5)", "1:13: expected `it`, the element of the list, found `total`"),
        (
            "home WITHIN 5 km OF (91, 0)",
            "1:13: a place has a latitude from -90 to 90, a longitude from -180 to 180 and a distance above 0",
        ),
        (
            "event('purchased').where(tags ANY (it = 1))",
            "1:31: `ANY` can be asked of attributes and of the request only, not of the properties of an event",
        ),
        ("born ANNIVERSARY WITHIN 400 days", "1:25: expected a whole number of days up to 366, found `400d`"),
        (
            "size(event('purchased')) > 1",
            "1:6: expected the name of an attribute, `attribute('…')` or `context('…')`, found `event`",
        ),
        ("x IN (now())", "1:7: expected a value that does not move with time, found `now`"),
    ] {
        assert_eq!(Rule::parse(text).unwrap_err().to_string(), message, "{text}");
    }
}

#[test]
fn checking_knows_lists_and_kinds() {
    let schema =
        Schema::default().attribute("plan", Kind::Text).attribute("tags", Kind::List).attribute("n", Kind::Number);
    let vocabulary = Vocabulary::new(&schema).lists(["paid"]);
    for (text, messages) in [
        ("plan IN LIST 'piad'", &["1:6: unknown list `piad`; did you mean `paid`?"][..]),
        ("plan IN LIST 'paid' AND size(tags) > 1 AND length(plan) > 1", &[]),
        ("n MATCHES 'x'", &["1:3: `MATCHES` needs text, but `n` is a number"]),
        ("plan ANY (it > 5)", &["1:6: `ANY` needs a list, but `plan` is text"]),
        ("size(plan) > 1", &["1:1: `size` needs a list, but `plan` is text"]),
        ("size(tags) = 'x'", &["1:12: `=` needs text, but `size(tags)` is a number"]),
        ("n WITHIN 5 km OF (1, 2)", &["1:3: `WITHIN` needs a place, but `n` is a number"]),
        (
            "session(source) ANNIVERSARY",
            &["1:17: `ANNIVERSARY` can be asked of attributes and of the request only, not of the session"],
        ),
        ("tags ANY (it IN LIST 'pad')", &["1:14: unknown list `pad`; did you mean `paid`?"]),
    ] {
        let found: Vec<String> =
            Rule::parse(text).unwrap().check(&vocabulary).iter().map(ToString::to_string).collect();
        assert_eq!(found, messages, "{text}");
    }
    let error = Rule::parse("plan IN LIST 'x'").unwrap().compile_alone(&lists()).unwrap_err();
    assert_eq!(error.to_string(), "1:6: unknown list `x`");
}

#[test]
fn json_has_the_same_operators() {
    for (text, json) in [
        ("plan IN ('a', 'b') IGNORING CASE", json!({"plan": {"$ini": ["a", "b"]}})),
        ("plan MATCHES 'a' IGNORING CASE", json!({"plan": {"$regexi": "a"}})),
        ("NOT plan IN LIST 'paid'", json!({"$not": {"plan": {"$inGroup": "paid"}}})),
        ("plan NOT IN LIST 'paid'", json!({"plan": {"$notInGroup": "paid"}})),
        ("app VERSION >= '2.10'", json!({"app": {"$vgte": "2.10"}})),
        ("size(tags) > 2 AND size(tags) < 5", json!({"tags": {"$size": {"$gt": 2, "$lt": 5}}})),
        (
            "orders ANY (it.paid = true AND it.total > 5)",
            json!({"orders": {"$elemMatch": {"paid": true, "total": {"$gt": 5}}}}),
        ),
        ("visits EVERY (it > 5)", json!({"visits": {"$every": {"$gt": 5}}})),
        ("tags === json('[1]')", json!({"tags": {"$same": [1]}})),
        ("since < now() - 30 days", json!({"since": {"$lt": {"$now": "-30d"}}})),
        ("home WITHIN 5 km OF (1, 2)", json!({"home": {"$near": {"lat": 1, "lon": 2, "km": 5}}})),
        ("born ANNIVERSARY WITHIN 7 days", json!({"born": {"$anniversary": 7}})),
    ] {
        let rule = Rule::parse(text).unwrap();
        assert_eq!(Rule::from_json(&json).unwrap(), rule, "{text}");
        assert_eq!(Rule::parse(&rule.to_string()).unwrap(), rule);
        assert_eq!(Rule::from_json(&rule.to_json()).unwrap(), rule);
    }
}
