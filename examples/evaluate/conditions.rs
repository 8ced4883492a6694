//! Conditions of GrowthBook's SDKs, as the cases of their suite have them: `[name, condition, attributes, expected]`,
//! with saved groups as an optional fifth.

use std::collections::BTreeMap;

use bespoke::Rule;
use bespoke::rule::{List, Lists, Literal};
use bespoke::value::{Properties, Value};
use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::{Answer, Command};

pub(crate) const COMMAND: Command = Command {
    name: "conditions",
    arguments: "--cases FILE",
    about: "says which cases [name, condition, attributes, expected, groups?] of GrowthBook's suite pass",
    run,
    try_out: || answer(include_str!("conditions.json"), "conditions.json"),
};

fn run(arguments: &[String]) -> Answer {
    let path = super::option(arguments, "--cases")?;
    answer(&super::read(path)?, path)
}

fn answer(text: &str, path: &str) -> Answer {
    let cases: Vec<Json> = serde_json::from_str(text).map_err(|error| format!("{path}: not a list: {error}"))?;
    let (mut passed, mut failed) = (0, Vec::new());
    for (i, case) in cases.into_iter().enumerate() {
        let case = Case::read(case).map_err(|why| format!("{path}: case {i}: {why}"))?;
        match case.answer() {
            Ok(answer) if answer == case.expected => passed += 1,
            Ok(_) => failed.push(case.name),
            Err(why) => {
                eprintln!("evaluate: {}: {why}", case.name);
                failed.push(case.name);
            }
        }
    }
    Ok(format!(r#"{{"passed": {passed}, "failed": {}}}"#, json!(failed)))
}

struct Case {
    name: String,
    condition: Json,
    attributes: Properties,
    expected: bool,
    groups: Lists,
}

impl Case {
    fn read(json: Json) -> Result<Self, String> {
        let Json::Array(parts) = json else { return Err("not a list".to_owned()) };
        let (four, groups) = match parts.len() {
            4 => (parts, Json::Null),
            5 => {
                let mut parts = parts;
                let groups = parts.pop().unwrap_or_default();
                (parts, groups)
            }
            len => return Err(format!("{len} parts, where 4 or 5 should be")),
        };
        let [name, condition, attributes, expected] = <[Json; 4]>::try_from(four).map_err(|_| "not 4 parts")?;
        let name = name.as_str().ok_or("its name is not text")?.to_owned();
        let attributes = Properties::deserialize(attributes).map_err(|error| format!("attributes: {error}"))?;
        let expected = expected.as_bool().ok_or("what it expects is neither true nor false")?;
        let groups: Option<BTreeMap<String, Vec<Value>>> =
            Option::deserialize(groups).map_err(|error| format!("groups: {error}"))?;
        let list = |(name, values): (String, Vec<Value>)| List {
            name,
            values: values.iter().filter_map(Literal::from_value).collect(),
        };
        let groups: Vec<List> = groups.unwrap_or_default().into_iter().map(list).collect();
        Ok(Self { name, condition, attributes, expected, groups: Lists::new(&groups) })
    }

    fn answer(&self) -> Result<bool, Box<dyn std::error::Error>> {
        let rule = Rule::from_growthbook(&self.condition, &self.groups)?;
        Ok(rule.compile_alone(&self.groups)?.matches(&self.attributes))
    }
}
