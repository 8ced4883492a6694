//! Checks of the crate's promises from outside, one file each.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests fail by panicking, and clippy excuses only the tests themselves"
)]

mod attributes;
mod behaviour;
mod blends;
mod capacity;
mod computed;
mod consent;
mod contextual;
mod decisions;
mod definitions;
mod derived;
mod dice;
mod due;
mod errors;
mod errors_choice;
mod events;
mod experiments;
mod export;
mod export_all;
mod groups;
mod growthbook;
mod holdout;
mod hostile;
mod identity;
mod import;
mod interest;
mod layering;
mod links;
mod lint;
mod naive;
mod order;
#[path = "../../examples/capacity/people.rs"]
mod people;
mod personalizer;
mod preferences;
mod retention;
mod room;
mod rules;
mod shop;
mod slates;
mod snapshots;
mod sources;
mod traps;
mod unknown;
