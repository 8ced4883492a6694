//! Conditions of GrowthBook beyond the public suite, with answers worked out by hand from `evalCondition` of the
//! JavaScript SDK and the rules of JavaScript itself.
//!
//! What these lean on: an attribute that is missing is `null`; `null * 1` is 0, `"" * 1` is 0, `[7] * 1` is 7, `true * 1`
//! is 1, `"x" * 1` is no number; `null + ""` is `"null"`, `[1, 2] + ""` is `"1,2"`; two texts compare as text, everything
//! else as numbers, and nothing compares with what is no number; `===` never holds between kinds, nor of two lists.

use bespoke::rule::{List, Lists, Literal, Rule};
use bespoke::value::Properties;
use serde_json::{Value, json};

#[track_caller]
fn holds(condition: &Value, attributes: &Value, lists: &Lists) -> bool {
    let attributes: Properties = serde_json::from_value(attributes.clone()).unwrap();
    let rule = Rule::from_growthbook(condition, lists).unwrap();
    // The rule means the same once it was written down.
    let again = Rule::parse(&rule.to_string()).unwrap();
    assert_eq!(again, rule);
    assert_eq!(Rule::from_json(&rule.to_json()).unwrap(), rule);
    rule.compile_alone(lists).unwrap().matches(&attributes)
}

#[track_caller]
fn answers(cases: &[(Value, Value, bool)]) {
    let wrong: Vec<String> = cases
        .iter()
        .filter(|(condition, attributes, wanted)| holds(condition, attributes, &Lists::default()) != *wanted)
        .map(|(condition, attributes, wanted)| format!("{condition} of {attributes} is {wanted}"))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_is_missing_is_null_and_null_is_turned_as_javascript_turns_it() {
    answers(&[
        (json!({"a": ""}), json!({}), false),
        (json!({"a": "null"}), json!({}), true),
        (json!({"a": 0}), json!({}), true),
        (json!({"a": 1}), json!({}), false),
        (json!({"a": false}), json!({}), false),
        (json!({"a": true}), json!({}), false),
        (json!({"a": null}), json!({}), true),
        (json!({"a": null}), json!({"a": null}), true),
        (json!({"a": null}), json!({"a": 0}), false),
        (json!({"a": {"$eq": null}}), json!({}), true),
        (json!({"a": {"$ne": null}}), json!({}), false),
        (json!({"a": {"$ne": null}}), json!({"a": false}), true),
        (json!({"a": {"$ne": 1}}), json!({}), true),
        (json!({"a": {"$lt": 1}}), json!({}), true),
        (json!({"a": {"$gt": -1}}), json!({}), true),
        (json!({"a": {"$gte": 0}}), json!({}), true),
        (json!({"a": {"$gt": "a"}}), json!({}), false),
        (json!({"a": {"$lte": "a"}}), json!({}), false),
        (json!({"a": {"$lt": ""}}), json!({}), false),
        (json!({"a": {"$gte": ""}}), json!({}), true),
        (json!({"a": {"$in": [null, 1]}}), json!({}), true),
        (json!({"a": {"$in": [0, "null", false]}}), json!({}), false),
        (json!({"a": {"$nin": [1]}}), json!({}), true),
        (json!({"a": {"$regex": "^nul"}}), json!({}), true),
        (json!({"a": {"$size": 0}}), json!({}), false),
        (json!({"a": {"$all": []}}), json!({}), false),
        (json!({"a": {"$elemMatch": {"$eq": null}}}), json!({}), false),
        (json!({"a": {"$type": "null"}}), json!({}), true),
        (json!({"a": {"$veq": "0"}}), json!({}), true),
        (json!({"a": {"$vlt": "1.0.0"}}), json!({}), true),
        (json!({"a": {}}), json!({}), false),
        (json!({"a": {"$not": {"$gt": 5}}}), json!({}), true),
    ]);
}

#[test]
fn what_exists_is_not_null() {
    answers(&[
        (json!({"a": {"$exists": true}}), json!({}), false),
        (json!({"a": {"$exists": true}}), json!({"a": null}), false),
        (json!({"a": {"$exists": true}}), json!({"a": 0}), true),
        (json!({"a": {"$exists": true}}), json!({"a": false}), true),
        (json!({"a": {"$exists": true}}), json!({"a": ""}), true),
        (json!({"a": {"$exists": true}}), json!({"a": {"b": 1}}), true),
        (json!({"a": {"$exists": false}}), json!({"a": null}), true),
        (json!({"a": {"$exists": false}}), json!({"a": []}), false),
        (json!({"a": {"$exists": 1}}), json!({"a": 1}), true),
        (json!({"a": {"$exists": null}}), json!({}), true),
        (json!({"a": {"$exists": null}}), json!({"a": 1}), false),
        (json!({"a": {"$exists": "false"}}), json!({"a": 1}), true),
        (json!({"a.b": {"$exists": true}}), json!({"a": {"b": 0}}), true),
        (json!({"a.b": {"$exists": true}}), json!({"a": "b"}), false),
    ]);
}

#[test]
fn kinds_turn_into_each_other_where_javascript_turns_them() {
    answers(&[
        (json!({"a": 1}), json!({"a": "1"}), true),
        (json!({"a": 1}), json!({"a": [1]}), true),
        (json!({"a": 1}), json!({"a": true}), true),
        (json!({"a": 0}), json!({"a": ""}), true),
        (json!({"a": 0}), json!({"a": "x"}), false),
        (json!({"a": "1"}), json!({"a": 1}), true),
        (json!({"a": "1,2"}), json!({"a": [1, 2]}), true),
        (json!({"a": "true"}), json!({"a": true}), true),
        (json!({"a": "[object Object]"}), json!({"a": {"b": 1}}), true),
        (json!({"a": true}), json!({"a": "false"}), true),
        (json!({"a": true}), json!({"a": []}), true),
        (json!({"a": false}), json!({"a": ""}), true),
        (json!({"a": false}), json!({"a": 0}), true),
        (json!({"a": {"$eq": 1}}), json!({"a": "1"}), false),
        (json!({"a": {"$ne": 1}}), json!({"a": "1"}), true),
        (json!({"a": {"$eq": [1]}}), json!({"a": [1]}), false),
        (json!({"a": {"$ne": [1]}}), json!({"a": [1]}), true),
        (json!({"a": {"$gt": 5}}), json!({"a": "8"}), true),
        (json!({"a": {"$gt": 5}}), json!({"a": "abc"}), false),
        (json!({"a": {"$lte": 5}}), json!({"a": "abc"}), false),
        (json!({"a": {"$gt": 0}}), json!({"a": true}), true),
        (json!({"a": {"$gt": 5}}), json!({"a": [7]}), true),
        (json!({"a": {"$lt": 1}}), json!({"a": []}), true),
        (json!({"a": {"$lt": 1}}), json!({"a": {}}), false),
        (json!({"a": {"$gt": "5"}}), json!({"a": 8}), true),
        (json!({"a": {"$lt": "9"}}), json!({"a": "10"}), true),
        (json!({"a": {"$lt": 9}}), json!({"a": "10"}), false),
        (json!({"a": {"$gt": "abc"}}), json!({"a": "abd"}), true),
        (json!({"a": {"$lt": true}}), json!({"a": 0}), true),
        (json!({"a": {"$gte": null}}), json!({"a": 0}), true),
        (json!({"a": {"$lt": null}}), json!({"a": -1}), true),
        (json!({"a": {"$lte": 0}}), json!({"a": ""}), true),
        (json!({"a": {"$lt": []}}), json!({"a": -1}), true),
        (json!({"a": {"$gt": [5]}}), json!({"a": 6}), true),
        (json!({"a": {"$gt": {}}}), json!({"a": 6}), false),
    ]);
}

#[test]
fn lists_are_searched_as_the_sdk_does() {
    answers(&[
        (json!({"a": {"$in": [1, 2]}}), json!({"a": [2, 3]}), true),
        (json!({"a": {"$in": [1, 2]}}), json!({"a": []}), false),
        (json!({"a": {"$in": []}}), json!({"a": 1}), false),
        (json!({"a": {"$nin": []}}), json!({"a": 1}), true),
        (json!({"a": {"$nin": [1]}}), json!({"a": []}), true),
        (json!({"a": {"$nin": [1]}}), json!({"a": [1, 2]}), false),
        (json!({"a": {"$in": ["1"]}}), json!({"a": 1}), false),
        (json!({"a": {"$in": "abc"}}), json!({"a": "a"}), false),
        (json!({"a": {"$nin": "abc"}}), json!({"a": "z"}), false),
        (json!({"a": {"$not": {"$in": "abc"}}}), json!({"a": "a"}), true),
        (json!({"a": {"$in": [null]}}), json!({"a": [1, null]}), true),
        (json!({"a": {"$all": ["x"]}}), json!({"a": "x"}), false),
        (json!({"a": {"$all": []}}), json!({"a": [1]}), true),
        (json!({"a": {"$all": [1, "2"]}}), json!({"a": ["1", 2]}), true),
        (json!({"a": {"$all": [1, 3]}}), json!({"a": [1, 2]}), false),
        (json!({"a": {"$size": 2}}), json!({"a": [1, 2]}), true),
        (json!({"a": {"$size": 2}}), json!({"a": "ab"}), false),
        (json!({"a": {"$size": "2"}}), json!({"a": [1, 2]}), true),
        (json!({"a": {"$size": {"$gt": 1}}}), json!({"a": [1, 2]}), true),
        (json!({"a": {"$size": {"$lt": 1}}}), json!({}), false),
        (json!({"a": {"$not": {"$size": 2}}}), json!({}), true),
        (json!({"a": {"$elemMatch": {"$gt": 5}}}), json!({"a": [1, 6]}), true),
        (json!({"a": {"$elemMatch": {"$gt": 5}}}), json!({"a": "6"}), false),
        (json!({"a": {"$elemMatch": {"$gt": 5, "$lt": 6}}}), json!({"a": [1, 6, 9]}), false),
        (json!({"a": {"$elemMatch": {"b": 1}}}), json!({"a": [{"b": "1"}]}), true),
        (json!({"a": {"$elemMatch": {"b": 1, "c": 2}}}), json!({"a": [{"b": 1}, {"c": 2}]}), false),
        // Elements that count as false are passed over.
        (json!({"a": {"$elemMatch": {"$eq": 0}}}), json!({"a": [0]}), false),
        (json!({"a": {"$elemMatch": {"$lt": 5}}}), json!({"a": [0, null, ""]}), false),
        (json!({"a": {"$not": {"$elemMatch": {"$gt": 5}}}}), json!({"a": [1, 2]}), true),
        (json!({"a": [1, 2]}), json!({"a": [1, 2]}), true),
        (json!({"a": [1, 2]}), json!({"a": [2, 1]}), false),
        (json!({"a": []}), json!({"a": []}), true),
        (json!({"a": {"b": 1}}), json!({"a": {"b": 1}}), true),
        (json!({"a": {"b": 1}}), json!({"a": {"b": 1, "c": 2}}), false),
        (json!({"a.0": 5}), json!({"a": [5]}), true),
        (json!({"a.b.c": "x"}), json!({"a": {"b": {"c": "x"}}}), true),
    ]);
}

#[test]
fn versions_are_padded_and_compared_as_text() {
    answers(&[
        (json!({"v": {"$veq": "1.0.0"}}), json!({"v": "v1.0.0+build"}), true),
        (json!({"v": {"$veq": "1.0"}}), json!({"v": "1.0.0"}), false),
        (json!({"v": {"$vlt": "1.0.0"}}), json!({"v": "1.0"}), true),
        (json!({"v": {"$vgt": "1.9.0"}}), json!({"v": "1.10.0"}), true),
        (json!({"v": {"$vlt": "1.0.0"}}), json!({"v": "1.0.0-beta"}), true),
        (json!({"v": {"$vlt": "10.0.0-rc.10"}}), json!({"v": "10.0.0-rc.2"}), true),
        (json!({"v": {"$vgte": "2.0.0"}}), json!({"v": "2.0.0"}), true),
        (json!({"v": {"$vlte": "2.0.0"}}), json!({"v": "2.0.1"}), false),
        (json!({"v": {"$vne": "2.0.0"}}), json!({"v": "2.0.1"}), true),
        (json!({"v": {"$vne": "2.0.0"}}), json!({"v": "v2.0.0"}), false),
        (json!({"v": {"$veq": "1.2"}}), json!({"v": 1.2}), true),
        (json!({"v": {"$veq": 1.2}}), json!({"v": "1.2"}), true),
        (json!({"v": {"$veq": "0"}}), json!({"v": true}), true),
        (json!({"v": {"$vgt": "1.2.3", "$vlt": "1.2.5"}}), json!({"v": "1.2.4"}), true),
    ]);
}

#[test]
fn patterns_that_are_none_find_nothing() {
    answers(&[
        (json!({"a": {"$regex": "("}}), json!({"a": "("}), false),
        (json!({"a": {"$regex": "*"}}), json!({"a": "*"}), false),
        (json!({"a": {"$not": {"$regex": "("}}}), json!({"a": "("}), true),
        (json!({"a": {"$regex": 5}}), json!({"a": "15"}), false),
        (json!({"a": {"$regex": ""}}), json!({"a": "x"}), true),
        (json!({"a": {"$regex": "^12"}}), json!({"a": 123}), true),
        (json!({"a": {"$regex": "^1,2$"}}), json!({"a": [1, 2]}), true),
        (json!({"a": {"$regex": "B"}}), json!({"a": "abc"}), false),
        (json!({"a": {"$regex": "^true$"}}), json!({"a": true}), true),
        (json!({"a": {"$regx": "x"}}), json!({"a": "x"}), false),
        (json!({"a": {"$not": {"$regx": "x"}}}), json!({"a": "x"}), true),
    ]);
}

#[test]
fn kinds_are_named_as_javascript_names_them() {
    let attributes = json!({"s": "x", "n": 1, "b": true, "l": [], "o": {}});
    for (name, kind) in
        [("s", "string"), ("n", "number"), ("b", "boolean"), ("l", "array"), ("o", "object"), ("x", "null")]
    {
        for other in ["string", "number", "boolean", "array", "object", "null", "undefined", "date"] {
            let wanted = kind == other;
            answers(&[
                (json!({name: {"$type": other}}), attributes.clone(), wanted),
                (json!({name: {"$not": {"$type": other}}}), attributes.clone(), !wanted),
            ]);
        }
    }
    answers(&[(json!({"n": {"$type": 5}}), attributes, false)]);
}

#[test]
fn conditions_of_nothing_and_of_conditions() {
    let attributes = || json!({"a": 1, "b": 3});
    answers(&[
        (json!({}), attributes(), true),
        (json!({"$and": []}), attributes(), true),
        (json!({"$or": []}), attributes(), true),
        (json!({"$nor": []}), attributes(), false),
        (json!({"$not": {}}), attributes(), false),
        (json!({"$and": [{}, {"a": 1}]}), attributes(), true),
        (json!({"$or": [{}, {"a": 2}]}), attributes(), true),
        (json!({"$not": {"$and": [{"a": 1}, {"b": 2}]}}), attributes(), true),
        (json!({"$not": {"$and": [{"a": 1}, {"b": 3}]}}), attributes(), false),
        (json!({"$not": {"a": 1, "b": 2}}), attributes(), true),
        (json!({"$not": {"$or": [{"a": 2}, {"b": 2}]}}), attributes(), true),
        (json!({"$nor": [{"a": 2}, {"b": 2}]}), attributes(), true),
        (json!({"$nor": [{"a": 2}, {"b": 3}]}), attributes(), false),
        (json!({"$and": [{"$or": [{"a": 2}, {"b": 3}]}, {"$not": {"a": 2}}]}), attributes(), true),
        (json!({"a": 1, "$or": [{"b": 2}]}), attributes(), false),
        (json!({"a": {"$not": 1}}), attributes(), false),
        (json!({"a": {"$not": {"$not": {"$eq": 1}}}}), attributes(), true),
        (json!({"a": {"$gt": 0, "$lt": 1}}), attributes(), false),
        // An object with a key that is no operator is a value to be equal to.
        (json!({"a": {"$gt": 0, "b": 2}}), attributes(), false),
        (json!({"a": {"$gt": 0, "b": 2}}), json!({"a": {"$gt": 0, "b": 2}}), true),
    ]);
}

#[test]
fn saved_groups_hold_values_of_their_kind() {
    let lists = Lists::new(&[
        List::new("g", [Literal::from(1), Literal::from("2"), Literal::from(true)]),
        List::new("none", [0; 0]),
    ]);
    for (condition, a, wanted) in [
        (json!({"$inGroup": "g"}), json!(1), true),
        (json!({"$inGroup": "g"}), json!("1"), false),
        (json!({"$inGroup": "g"}), json!("2"), true),
        (json!({"$inGroup": "g"}), json!(true), true),
        (json!({"$inGroup": "g"}), json!([9, "2"]), true),
        (json!({"$inGroup": "g"}), json!([]), false),
        (json!({"$inGroup": "g"}), json!(null), false),
        (json!({"$notInGroup": "g"}), json!(null), true),
        (json!({"$notInGroup": "g"}), json!(1), false),
        (json!({"$inGroup": "none"}), json!(0), false),
        (json!({"$notInGroup": "none"}), json!(0), true),
        (json!({"$inGroup": "unknown"}), json!(1), false),
        (json!({"$notInGroup": "unknown"}), json!(1), true),
        (json!({"$inGroup": 5}), json!(1), false),
        (json!({"$not": {"$inGroup": "g"}}), json!(3), true),
    ] {
        assert_eq!(holds(&json!({"a": condition}), &json!({"a": a}), &lists), wanted, "{condition} of {a}");
    }
}
