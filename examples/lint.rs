//! Looks at a file of definitions before they go live: mistakes, warnings, and what the rules cost each profile.
//!
//! `cargo run --release --example lint -- definitions.json`; without a file it looks at one of its own. Ends with 1 if
//! there are mistakes, and with `--strict` also if there are warnings.

use std::process::ExitCode;

use bespoke::engine::{Definitions, Engine};

/// A shop with a rule that nobody can meet, and a campaign that is never shown.
const OWN: &str = r#"{
  "schema": {"attributes": {"plan": "text", "age": "number"}, "affinities": [{"attribute": "category"}]},
  "segments": [
    {"name": "undecided", "rule": "event('item_viewed').within(7 days).count() >= 3 AND NOT event('purchased').within(7 days)"},
    {"name": "left behind", "rule": "event('item_added').within(1 day) AND NOT event('item_added').within(2 hours)"},
    {"name": "spenders", "rule": "event('purchased').within(30 days).sum(value) >= 100"},
    {"name": "nobody", "rule": "age > 65 AND age < 18"}
  ],
  "placements": ["home"],
  "campaigns": [
    {"name": "summer", "placement": "home", "priority": 2, "payload": "sun"},
    {"name": "pros", "placement": "home", "priority": 1, "audience": "plan = 'pro'", "payload": "hello"}
  ]
}"#;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let strict = arguments.iter().any(|argument| argument == "--strict");
    let text = match arguments.iter().find(|argument| !argument.starts_with("--")) {
        Some(file) => match std::fs::read_to_string(file) {
            Ok(text) => text,
            Err(error) => {
                eprintln!("{file}: {error}");
                return ExitCode::FAILURE;
            }
        },
        None => OWN.to_owned(),
    };
    let looked = Definitions::warnings_of_json(&text).and_then(|warnings| Ok((warnings, Engine::from_json(&text)?)));
    match looked {
        Ok((warnings, engine)) => {
            println!("{} warnings", warnings.as_slice().len());
            if !warnings.is_empty() {
                println!("{warnings}");
            }
            println!("\n{}", engine.cost());
            if strict && !warnings.is_empty() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
        }
        Err(problems) => {
            eprintln!("{} mistakes\n{problems}", problems.as_slice().len());
            ExitCode::FAILURE
        }
    }
}
