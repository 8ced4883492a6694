//! bespoke: the personalization engine that a backend links in.

pub mod catalog;
pub mod event;
pub mod hash;
pub mod id;
pub mod schema;
pub mod sketch;
pub mod state;
pub mod time;
pub mod value;
