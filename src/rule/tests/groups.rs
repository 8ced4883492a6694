//! AND, OR and NOT within the tests of an event.

use super::*;

fn spec(rule: &Rule) -> CounterSpec {
    let mut plan = CounterPlan::default();
    rule.compile(&mut |_| None, &Lists::default(), &mut plan).unwrap();
    plan.specs()[0].clone()
}

#[test]
fn all_ways_to_write_a_group_give_one_tree() {
    let shoes = || Rule::property("category").eq("shoes");
    let cheap = || Rule::property("price").below(50);
    for (text, json, built) in [
        (
            "event('purchased').where(category = 'shoes' OR price < 50)",
            json!({"$or": [{"price": {"$lt": 50}}, {"category": "shoes"}]}),
            shoes() | cheap(),
        ),
        ("event('purchased').where(NOT category = 'shoes')", json!({"category": {"$not": {"$eq": "shoes"}}}), !shoes()),
        (
            "event('purchased').where(NOT (category = 'shoes' OR price < 50))",
            json!({"$nor": [{"category": "shoes"}, {"price": {"$lt": 50}}]}),
            !(cheap() | shoes()),
        ),
        (
            "event('purchased').where((category = 'shoes' AND price < 50 OR wrapped = true) AND NOT color EXISTS)",
            json!([{"$or": [{"category": "shoes", "price": {"$lt": 50}}, {"wrapped": true}]},
                {"color": {"$exists": false}}]),
            (shoes() & cheap() | Rule::property("wrapped").eq(true)) & !Rule::property("color").exists(),
        ),
        (
            "event('purchased').where(property('$or') = 1)",
            json!({"$property": {"$or": 1}}),
            Rule::property("$or").eq(1),
        ),
    ] {
        let parsed = Rule::parse(text).unwrap();
        let read = Rule::from_json(&json!({"$event": {"name": "purchased", "where": json}})).unwrap();
        let built = event("purchased").filter(built).happened();
        assert_eq!((&parsed, &parsed), (&read, &built), "{text}");
        assert_eq!(Rule::parse(&parsed.to_string()).unwrap(), parsed, "{parsed}");
        assert_eq!(Rule::from_json(&parsed.to_json()).unwrap(), parsed, "{}", parsed.to_json());
        let sequence = Rule::parse(&format!("sequence(event('a') then {text})")).unwrap();
        assert_eq!(Rule::parse(&sequence.to_string()).unwrap(), sequence);
        assert_eq!(Rule::from_json(&sequence.to_json()).unwrap(), sequence);
    }
}

#[test]
fn groups_that_say_the_same_share_a_counter() {
    let of = |text: &str| spec(&Rule::parse(&format!("event('a').where({text})")).unwrap()).id();
    for (one, other) in [
        ("x = 1 OR y = 2", "y = 2 OR x = 1"),
        ("x = 1 OR (y = 2 OR z = 3)", "(z = 3 OR x = 1) OR y = 2"),
        ("x = 1 AND (y = 2 AND z = 3)", "z = 3 AND y = 2 AND x = 1"),
        ("x = 1 OR x = 1", "x = 1"),
        ("NOT NOT x = 1", "x = 1"),
        ("NOT (NOT x = 1)", "x = 1"),
    ] {
        assert_eq!(of(one), of(other), "{one} and {other}");
    }
    for (one, other) in [
        ("x = 1 OR y = 2", "x = 1 AND y = 2"),
        ("NOT x = 1", "x = 1"),
        ("x = 1 AND (y = 2 OR z = 3)", "x = 1 AND y = 2 OR z = 3"),
        ("NOT (x = 1 AND y = 2)", "NOT x = 1 AND y = 2"),
    ] {
        assert_ne!(of(one), of(other), "{one} and {other}");
    }
}

#[test]
fn an_event_counts_when_its_group_holds() {
    let red = || ("color", Value::from("red"));
    let small = || ("size", Value::from(1.0));
    for (text, events) in [
        // Of nothing, red, small, and both: which count.
        ("color = 'red' OR size = 1", [false, true, true, true]),
        ("color = 'red' AND size = 1", [false, false, false, true]),
        ("NOT color = 'red'", [true, false, true, false]),
        ("NOT (color = 'red' OR size = 1)", [true, false, false, false]),
        ("NOT (color = 'red' AND size = 1)", [true, true, true, false]),
        ("color = 'red' AND NOT size EXISTS", [false, true, false, false]),
        ("color != 'red' OR size < 2 AND color EXISTS", [true, false, true, true]),
    ] {
        let spec = spec(&Rule::parse(&format!("event('a').where({text})")).unwrap());
        let said = [vec![], vec![red()], vec![small()], vec![red(), small()]];
        assert_eq!(said.map(|said| spec.matches(&Said(said))), events, "{text}");
    }
    // Of several values any may pass, for each test by itself.
    let both = || Said(vec![("color", "red".into()), ("color", "blue".into())]);
    let holds = |text: &str| spec(&Rule::parse(&format!("event('a').where({text})")).unwrap()).matches(&both());
    assert!(holds("color = 'red' AND color = 'blue'") && !holds("NOT color = 'red'") && holds("NOT color = 'green'"));
}

#[test]
fn what_cannot_stand_in_a_group_is_refused_with_its_place() {
    for (text, message) in [
        ("event('a').where(TRUE)", "1:18: expected a property's name, found `TRUE`"),
        ("event('a').where()", "1:18: expected a property's name, found `)`"),
        ("event('a').where(x = 1 OR)", "1:26: expected a property's name, found `)`"),
        ("event('a').where(x = 1 y = 2)", "1:24: expected `AND`, `OR` or `)`, found `y`"),
        (
            "event('a').where(x = 1 OR NOT tags ANY (it = 1))",
            "1:36: `ANY` can be asked of attributes and of the request only, not of the properties of an event",
        ),
        (
            "event('a').where(x < 5 OR at > now() - 3 days)",
            "1:30: `>` can be asked of attributes and of the request only, not of the properties of an event",
        ),
    ] {
        assert_eq!(Rule::parse(text).unwrap_err().to_string(), message, "{text}");
    }
    for (json, message) in [
        (json!(true), "$event.where: expected an object of properties, found `true`"),
        (json!({}), "$event.where: an empty object says nothing; write `true` or `false` if that is meant"),
        (json!({"$or": []}), "$event.where.$or: an empty list says nothing; write `true` or `false` if that is meant"),
        (json!({"$segment": "vip"}), "$event.where.$segment: unknown operator or key `$segment`"),
        (json!([[{"x": 1}]]), "$event.where[0]: expected an object of properties, found a list"),
        (
            json!({"$or": [{"x": {"$elemMatch": {"$eq": 1}}}]}),
            "$event.where.$or[0].x.$elemMatch: `ANY` can be asked of attributes and of the request only, not of the \
             properties of an event",
        ),
    ] {
        let json = json!({"$event": {"name": "a", "where": json}});
        assert_eq!(Rule::from_json(&json).unwrap_err()[0].to_string(), message, "{json}");
    }
    let schema = Schema::default();
    for (rule, message) in [
        (
            event("purchased").filter(Rule::attribute("plan").eq("pro")).happened(),
            "rule: expected a test of `Rule::property`, found `plan = 'pro'`",
        ),
        (
            event("purchased").filter(Rule::property("tags").any(Rule::it().eq(1))).happened(),
            "rule: `ANY` can be asked of attributes and of the request only, not of the properties of an event",
        ),
        (
            Rule::property("price").above(1),
            "rule: expected a value of the person or of the request, found `price`, which only `filter` of an event gives",
        ),
        (
            Rule::it().size().above(1),
            "rule: expected a value of the person or of the request, found `size(it)`, which only `any` and `every` of a \
             list give",
        ),
    ] {
        assert_eq!(rule.check(&Vocabulary::new(&schema))[0].to_string(), message);
    }
    let deep = (0..64)
        .fold(Rule::property("x").eq(1), |rule, i| if i % 2 == 0 { !rule } else { rule | Rule::property("y").eq(i) });
    let deep = !event("purchased").filter(deep).happened();
    assert_eq!(deep.check(&Vocabulary::new(&schema))[0].to_string(), "rule: the rule nests deeper than 64 levels");
}

#[test]
fn variants_are_looked_up_in_the_campaign_of_their_own_way() {
    let schema = Schema::default();
    let names = [
        CampaignNames { name: "spring", variants: vec!["a", "b"] },
        CampaignNames { name: "summer", variants: vec!["c"] },
    ];
    let vocabulary = Vocabulary::new(&schema).campaigns(names);
    let check = |text: &str| {
        let errors = Rule::parse(&format!("event('exposed').where({text})")).unwrap().check(&vocabulary);
        errors.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(check("campaign = 'spring' AND variant = 'b' OR campaign = 'summer' AND variant = 'c'"), [""; 0]);
    assert_eq!(check("campaign = 'spring' AND (variant = 'b' OR NOT variant = 'a')"), [""; 0]);
    assert_eq!(
        check("campaign = 'spring' AND variant = 'b' OR campaign = 'summer' AND variant = 'a'"),
        ["1:97: unknown variant `a`; did you mean `c`?"]
    );
    assert_eq!(
        check("variant = 'x' OR NOT campaign = 'sping'"),
        ["1:54: unknown campaign `sping`; did you mean `spring`?"]
    );
}
