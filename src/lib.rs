//! The personalization engine that a backend links in.
//!
//! A host (a shop's backend, a media site, a game server) hands in **events**, and gets **decisions** for its
//! **requests**: which variant to show, which items in which order, with what probability, and why. Later events
//! that meet a campaign's **goal** pay the decision, and so teach the next one. The host owns the network, the clock
//! and the disk; here everything is plain values and pure state.
//!
//! # The loop
//!
//! ```
//! use bespoke::{Engine, Event, EventKind, Item, Personalizer, Request, Source, Span, Timestamp};
//!
//! // Definitions are written by people. Every mistake in them is found here, with its line and a suggestion.
//! let engine = Engine::from_json(r#"{
//!     "segments": [{"name": "undecided", "rule":
//!         "event('item_viewed').within(7 days).count() >= 2 AND NOT event('purchased').within(7 days)"}],
//!     "placements": ["home"],
//!     "campaigns": [{
//!         "name": "second-look", "placement": "home", "audience": "segment('undecided')",
//!         "recommend": {"sources": ["recent", "popular"], "limit": 3},
//!         "goal": {"event": "purchased", "within": "1d", "pay": "amount", "items": "recommended"}
//!     }]
//! }"#)?;
//! let shop = Personalizer::new(engine);
//! shop.upsert_item(Item::new("ridge").category("shoes/trail").price(129.0))?;
//! shop.upsert_item(Item::new("pacer").category("shoes/running").price(109.0))?;
//!
//! // Events come in; the host says what time it is.
//! let now: Timestamp = "2026-03-01T12:00:00Z".parse()?;
//! shop.ingest(&Event::new(EventKind::ItemViewed, "ann", now).item("ridge").id("e1"), now)?;
//! let changes = shop.ingest(&Event::new(EventKind::ItemViewed, "ann", now).item("pacer").id("e2"), now)?;
//! assert_eq!(&*changes.entered[0], "undecided");
//!
//! // A request gets a decision, always, with its reasons.
//! let now = now + Span::minutes(5);
//! let decision = shop.decide(&Request::new("home").user("ann"), now);
//! assert_eq!(decision.campaign.as_deref(), Some("second-look"));
//! assert_eq!(decision.slate[0].source, Source::Recent);
//! assert_eq!(decision.verdicts[0].outcome.to_string(), "won");
//!
//! // The host says that it was shown. A later purchase pays it.
//! shop.ingest(&Event::new(EventKind::Exposed, "ann", now).decision(decision.id).id("e3"), now)?;
//! let now = now + Span::minutes(5);
//! let order = Event::new(EventKind::Purchased, "ann", now).item("ridge").value(129.0, "EUR").id("e4");
//! let paid = shop.ingest(&order, now)?.payments;
//! assert_eq!((paid[0].decision, paid[0].reward), (decision.id, 129.0));
//! println!("{}", shop.report());
//! # Ok::<(), bespoke::Error>(())
//! ```
//!
//! # The modules, in the order of the loop
//!
//! | Module | What it is for |
//! |---|---|
//! | [`event`] | what happened: an [`Event`], its [`EventKind`], reading it from JSON and from the Segment spec |
//! | [`catalog`] | what can be recommended: an [`Item`] and its facets |
//! | [`schema`] | which names there are, so that a mistyped one is an error |
//! | [`identity`] | which ids are one person: links, the people they make, and why |
//! | [`profile`] | what is known of one person: attributes, affinities, history, sessions, counters |
//! | [`rule`], [`segment`] | yes/no expressions over a person and a request; named ones with kept membership |
//! | [`campaign`] | who is shown what, where and when: audience, schedule, variants, chooser, goal |
//! | [`bandit`], [`recommend`] | the choosers that learn, each usable alone |
//! | [`experiment`] | assignment, tallies, comparisons, and inference that holds at any number of looks |
//! | [`evaluate`] | what another policy would have earned, from logged decisions |
//! | [`lifetime`] | what a customer is worth: recency, frequency and money; purchases to come; their value |
//! | [`decision`] | what is asked and answered: [`Request`], [`Decision`], verdicts, propensity |
//! | [`engine`] | the compiled definitions: `apply`, `decide`, `expose`, `pay` over state that the host keeps |
//! | [`report`] | what every campaign and variant has earned |
//! | [`insight`] | how large segments are and overlap, what goes with value, which segments are worth having |
//! | [`personalizer`] | all of it held in one object: ingest, decide, due, snapshot, restore, erase |
//!
//! Below them lie [`config`] (reading definitions with all their mistakes), [`state`] (merging and framed bytes),
//! [`stats`], [`sketch`], [`time`], [`value`], [`id`] and [`hash`].
//!
//! # One object, or the parts
//!
//! A [`Personalizer`] keeps everything in memory, is shared between threads, and is what most hosts want. A host that
//! keeps profiles in its own database or stream processor uses an [`Engine`] with a [`Profile`],
//! [`OpenDecisions`](engine::OpenDecisions) and [`Models`](engine::Models) of its own; a host that wants only a
//! bandit or a recommender uses [`bandit`] or [`recommend`].
//!
//! `cargo run --release --example quickstart` shows a small shop from its event log to its report.

pub mod bandit;
pub mod campaign;
pub mod catalog;
pub mod config;
pub mod decision;
pub mod engine;
mod error;
pub mod evaluate;
pub mod event;
pub mod experiment;
pub mod hash;
pub mod id;
pub mod identity;
pub mod insight;
pub mod lifetime;
mod linalg;
mod near;
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
mod truth;
pub mod value;

pub use catalog::Item;
pub use decision::{Decision, Outcome, Request, Source};
pub use engine::{Definitions, Engine};
pub use error::Error;
pub use event::{Event, EventKind};
pub use id::UserKey;
pub use personalizer::Personalizer;
pub use profile::Profile;
pub use report::Report;
pub use rule::Rule;
pub use time::{Span, Timestamp};
pub use value::Value;

/// The example in the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct ReadmeDoctests;
