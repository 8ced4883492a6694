//! unleash-yggdrasil: the compiled strategies themselves, without the look-up of a toggle by its name.

use std::collections::HashMap;

use unleash_yggdrasil::Context;
use unleash_yggdrasil::state::EnrichedContext;
use unleash_yggdrasil::strategy_parsing::{RuleFragment, compile_rule};

use crate::Peer;
use crate::rule::{Asked, Profile, Rule, Test, Value};

pub struct Unleash {
    rules: Vec<RuleFragment>,
    context: EnrichedContext<'static>,
}

impl Peer for Unleash {
    const NAME: &'static str = "unleash-yggdrasil";

    fn new(rules: &[Rule], profile: &Profile) -> Self {
        let properties: HashMap<String, String> =
            profile.0.iter().map(|(name, value)| ((*name).to_owned(), value.text())).collect();
        let context: &'static Context = Box::leak(Box::new(Context {
            user_id: None,
            session_id: None,
            environment: None,
            app_name: None,
            current_time: None,
            remote_address: None,
            properties: Some(properties),
        }));
        let compile = |rule: &Rule| compile_rule(&rule.join(" and ", " or ", test)).unwrap();
        Self { rules: rules.iter().map(compile).collect(), context: EnrichedContext::from(context, "rule", None) }
    }

    fn evaluate(&mut self) -> usize {
        self.rules.iter().filter(|rule| rule(&self.context)).count()
    }

    fn answers(&mut self) -> Vec<bool> {
        self.rules.iter().map(|rule| rule(&self.context)).collect()
    }
}

fn test(test: &Test) -> String {
    let attribute = format!("context[\"{}\"]", test.attribute);
    let list = |values: &[Value]| {
        let quoted: Vec<String> = values.iter().map(|value| format!("\"{}\"", value.text())).collect();
        format!("[{}]", quoted.join(", "))
    };
    match &test.asked {
        Asked::Is(Value::Number(number)) => format!("{attribute} == {number}"),
        Asked::Is(value) => format!("{attribute} in {}", list(std::slice::from_ref(value))),
        Asked::In(values) => format!("{attribute} in {}", list(values)),
        Asked::NotIn(values) => format!("{attribute} not_in {}", list(values)),
        Asked::AtLeast(number) => format!("{attribute} >= {number}"),
        Asked::Below(number) => format!("{attribute} < {number}"),
        Asked::StartsWith(start) => format!("{attribute} starts_with_any [\"{start}\"]"),
    }
}
