//! launchdarkly-server-sdk-evaluation: a flag for each rule, in memory.

use launchdarkly_server_sdk_evaluation::{
    AttributeValue, Context, ContextBuilder, Flag, FlagValue, Segment, Store, evaluate,
};
use serde_json::{Value as Json, json};

use crate::Peer;
use crate::rule::{Asked, Profile, Rule, Test, Value};

pub struct LaunchDarkly {
    flags: Vec<Flag>,
    context: Context,
}

/// No flag here refers to another.
struct Nothing;

impl Store for Nothing {
    fn flag(&self, _: &str) -> Option<Flag> {
        None
    }
    fn segment(&self, _: &str) -> Option<Segment> {
        None
    }
}

impl Peer for LaunchDarkly {
    const NAME: &'static str = "launchdarkly";

    fn new(rules: &[Rule], profile: &Profile) -> Self {
        let mut context = ContextBuilder::new("ann");
        for (name, value) in &profile.0 {
            match value {
                Value::Bool(value) => context.set_value(name, AttributeValue::Bool(*value)),
                Value::Number(number) => context.set_value(name, AttributeValue::Number(*number)),
                Value::Text(text) => context.set_value(name, AttributeValue::String(text.clone())),
            };
        }
        let flag = |(i, rule)| serde_json::from_value(write(i, rule)).unwrap();
        Self { flags: rules.iter().enumerate().map(flag).collect(), context: context.build().unwrap() }
    }

    fn evaluate(&mut self) -> usize {
        self.flags.iter().filter(|flag| holds(flag, &self.context)).count()
    }

    fn answers(&mut self) -> Vec<bool> {
        self.flags.iter().map(|flag| holds(flag, &self.context)).collect()
    }
}

fn holds(flag: &Flag, context: &Context) -> bool {
    evaluate(&Nothing, flag, context, None).value == Some(&FlagValue::Bool(true))
}

fn write(i: usize, rule: &Rule) -> Json {
    let rules = rule.0.iter().map(
        |tests| json!({"variation": 1, "trackEvents": false, "clauses": tests.iter().map(test).collect::<Vec<_>>()}),
    );
    json!({
        "key": format!("flag-{i}"), "version": 1, "on": true, "targets": [], "prerequisites": [], "salt": "salt",
        "variations": [false, true], "fallthrough": {"variation": 0}, "offVariation": 0,
        "rules": rules.collect::<Vec<_>>(),
    })
}

fn test(test: &Test) -> Json {
    let clause = |op: &str, values: Vec<Json>, negate: bool| json!({"attribute": test.attribute, "op": op, "values": values, "negate": negate});
    let list = |values: &[Value]| values.iter().map(Value::json).collect::<Vec<_>>();
    match &test.asked {
        Asked::Is(value) => clause("in", vec![value.json()], false),
        Asked::In(values) => clause("in", list(values), false),
        Asked::NotIn(values) => clause("in", list(values), true),
        Asked::AtLeast(number) => clause("greaterThanOrEqual", vec![json!(number)], false),
        Asked::Below(number) => clause("lessThan", vec![json!(number)], false),
        Asked::StartsWith(start) => clause("startsWith", vec![json!(start)], false),
    }
}
