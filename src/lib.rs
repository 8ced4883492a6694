//! bespoke: the personalization engine that a backend links in.

pub mod bandit;
pub mod campaign;
pub mod catalog;
pub mod config;
pub mod decision;
pub mod engine;
pub mod event;
pub mod hash;
pub mod id;
pub mod personalizer;
pub mod profile;
pub mod recommend;
pub mod report;
pub mod rule;
pub mod schema;
pub mod segment;
pub mod sketch;
pub mod state;
pub mod stats;
pub mod time;
pub mod value;
