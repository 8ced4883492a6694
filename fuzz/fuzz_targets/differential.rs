//! Answers about events are those of a naive evaluator that keeps every event: the cases of the tests, by any seed.

#![no_main]

#[path = "../../tests/it/behaviour/mod.rs"]
mod behaviour;
#[path = "../../tests/it/dice.rs"]
#[expect(dead_code, reason = "the tests use more of it")]
mod dice;

libfuzzer_sys::fuzz_target!(|seed: u64| {
    behaviour::run(seed);
});
