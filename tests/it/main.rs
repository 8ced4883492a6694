//! Checks of the crate's promises from outside, one file each.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests fail by panicking, and clippy excuses only the tests themselves"
)]

mod attributes;
mod behaviour;
mod consent;
mod decisions;
mod definitions;
mod derived;
mod dice;
mod due;
mod errors;
mod events;
mod identity;
mod layering;
mod naive;
mod order;
mod personalizer;
mod rules;
mod shop;
mod snapshots;
mod traps;
