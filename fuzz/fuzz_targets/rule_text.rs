//! No text or JSON makes the reader of rules panic, what it takes is printed as the same rule, and checking and
//! compiling are total.

#![no_main]

use bespoke::rule::{CounterPlan, Lists, Rule, Vocabulary};
use bespoke::schema::Schema;
use bespoke::value::Kind;

libfuzzer_sys::fuzz_target!(|text: &str| {
    if let Ok(rule) = Rule::parse(text) {
        try_out(&rule);
    }
    if let Ok(json) = serde_json::from_str(text)
        && let Ok(rule) = Rule::from_json(&json)
    {
        try_out(&rule);
    }
});

fn try_out(rule: &Rule) {
    let printed = rule.to_string();
    assert_eq!(&Rule::parse(&printed).expect("what was printed can be read"), rule, "{printed}");
    let json = serde_json::to_string(&rule.to_json()).expect("a tree of JSON can be written");
    let json = serde_json::from_str(&json).expect("what was written is JSON");
    assert_eq!(&Rule::from_json(&json).expect("what was written can be read"), rule, "{json}");

    let declared = Schema::default().attribute("plan", Kind::Text).context("page", Kind::Number);
    for schema in [Schema::default(), declared] {
        for error in rule.check(&Vocabulary::new(&schema).segments(["keen"])) {
            assert!(!error.to_string().is_empty());
        }
    }
    let segment = &mut |name: &str| (name != "unknown").then_some(0);
    let _ = rule.compile(segment, &Lists::default(), &mut CounterPlan::default());
}
