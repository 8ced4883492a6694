//! datalogic-rs: rules compiled once, the profile parsed once, a session that is reset after each pass.

use datalogic_rs::{Engine, Logic, ParsedData, Session};
use serde_json::{Value as Json, json};

use crate::Peer;
use crate::rule::{Asked, Profile, Rule, Test};

pub struct Datalogic {
    rules: Vec<Logic>,
    session: Session<'static>,
    profile: ParsedData,
}

impl Peer for Datalogic {
    const NAME: &'static str = "datalogic-rs";

    fn new(rules: &[Rule], profile: &Profile) -> Self {
        let engine: &'static Engine = Box::leak(Box::new(Engine::new()));
        let compile = |rule: &Rule| engine.compile(&write(rule).to_string()[..]).unwrap();
        let fields = profile.0.iter().map(|(name, value)| ((*name).to_owned(), value.json()));
        let profile = Json::Object(fields.collect()).to_string();
        Self {
            rules: rules.iter().map(compile).collect(),
            session: engine.session(),
            profile: ParsedData::from_json(&profile).unwrap(),
        }
    }

    fn evaluate(&mut self) -> usize {
        let mut count = 0;
        for rule in &self.rules {
            count += usize::from(self.session.eval_borrowed(rule, &self.profile).unwrap().as_bool() == Some(true));
        }
        self.session.reset();
        count
    }

    fn answers(&mut self) -> Vec<bool> {
        let mut holds = |rule| self.session.eval_borrowed(rule, &self.profile).unwrap().as_bool().unwrap();
        self.rules.iter().map(&mut holds).collect()
    }
}

fn write(rule: &Rule) -> Json {
    let mut branches: Vec<Json> = rule.0.iter().map(|tests| joined("and", tests.iter().map(test).collect())).collect();
    if branches.len() == 1 { branches.remove(0) } else { json!({"or": branches}) }
}

fn joined(word: &str, mut parts: Vec<Json>) -> Json {
    if parts.len() == 1 { parts.remove(0) } else { json!({word: parts}) }
}

fn test(test: &Test) -> Json {
    let attribute = json!({"var": test.attribute});
    let list = |values: &[crate::rule::Value]| values.iter().map(crate::rule::Value::json).collect::<Vec<_>>();
    match &test.asked {
        Asked::Is(value) => json!({"===": [attribute, value.json()]}),
        Asked::In(values) => json!({"in": [attribute, list(values)]}),
        Asked::NotIn(values) => json!({"!": [{"in": [attribute, list(values)]}]}),
        Asked::AtLeast(number) => json!({">=": [attribute, number]}),
        Asked::Below(number) => json!({"<": [attribute, number]}),
        Asked::StartsWith(start) => json!({"starts_with": [attribute, start]}),
    }
}
