//! growthbook-rust: a feature for each rule, and the profile as the instance's own attributes.

use std::collections::HashMap;

use growthbook_rust::dto::GrowthBookFeature;
use growthbook_rust::growthbook::GrowthBook;
use growthbook_rust::model_public::GrowthBookAttribute;
use serde_json::{Value as Json, json};

use crate::Peer;
use crate::rule::{Asked, Profile, Rule, Test, Value};

pub struct Growth {
    book: GrowthBook,
    names: Vec<String>,
    attributes: Option<Vec<GrowthBookAttribute>>,
}

impl Peer for Growth {
    const NAME: &'static str = "growthbook-rust";

    fn new(rules: &[Rule], profile: &Profile) -> Self {
        let names: Vec<String> = (0..rules.len()).map(|i| format!("feature-{i}")).collect();
        let features: HashMap<String, GrowthBookFeature> = names
            .iter()
            .zip(rules)
            .map(|(name, rule)| {
                let feature = json!({"defaultValue": false, "rules": [{"condition": write(rule), "force": true}]});
                (name.clone(), serde_json::from_value(feature).unwrap())
            })
            .collect();
        let fields = profile.0.iter().map(|(name, value)| ((*name).to_owned(), value.json()));
        let attributes = GrowthBookAttribute::from(Json::Object(fields.collect())).unwrap();
        let book = GrowthBook {
            forced_variations: None,
            features,
            attributes: None,
            sticky_bucket_service: None,
            saved_groups: HashMap::new(),
        };
        Self { book, names, attributes: Some(attributes) }
    }

    fn evaluate(&mut self) -> usize {
        self.names.iter().filter(|name| self.book.check(name, &self.attributes).on).count()
    }

    fn answers(&mut self) -> Vec<bool> {
        self.names.iter().map(|name| self.book.check(name, &self.attributes).on).collect()
    }
}

fn write(rule: &Rule) -> Json {
    let all = |tests: &Vec<Test>| json!({"$and": tests.iter().map(test).collect::<Vec<_>>()});
    match rule.0.as_slice() {
        [tests] if tests.len() == 1 => test(&tests[0]),
        [tests] => all(tests),
        branches => json!({"$or": branches.iter().map(all).collect::<Vec<_>>()}),
    }
}

fn test(test: &Test) -> Json {
    let list = |values: &[Value]| values.iter().map(Value::json).collect::<Vec<_>>();
    let asked = match &test.asked {
        Asked::Is(value) => value.json(),
        Asked::In(values) => json!({"$in": list(values)}),
        Asked::NotIn(values) => json!({"$nin": list(values)}),
        Asked::AtLeast(number) => json!({"$gte": number}),
        Asked::Below(number) => json!({"$lt": number}),
        // None of the prefixes has a character with a meaning of its own but the dot.
        Asked::StartsWith(start) => json!({"$regex": format!("^{}", start.replace('.', "\\."))}),
    };
    json!({test.attribute: asked})
}
