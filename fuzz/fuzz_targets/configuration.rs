//! No text makes the reader of definitions panic, and an engine that it makes answers for each of its placements.

#![no_main]

use bespoke::decision::{Fallback, Request};
use bespoke::engine::{Definitions, Engine};
use bespoke::event::{Event, EventKind};
use bespoke::id::UserKey;
use bespoke::personalizer::Personalizer;
use bespoke::time::{Span, Timestamp};

libfuzzer_sys::fuzz_target!(|text: &str| {
    let engine = match Engine::from_json(text) {
        Ok(engine) => engine,
        Err(problems) => {
            assert!(!problems.is_empty() && !problems.to_string().is_empty());
            return;
        }
    };
    let definitions = Definitions::from_json(text).expect("definitions that compile can be read");
    assert!(Engine::new(definitions.clone()).is_ok(), "what compiles as text compiles as a value");

    let shop = Personalizer::new(engine);
    let now = Timestamp::from_millis(1_772_366_400_000);
    let event = |kind, n: u32| Event::new(kind, "ann", now + Span::minutes(n)).item("shoe").id(format!("e{n}"));
    let bought = event(EventKind::Purchased, 1).value(20.0, "EUR").property("page", "/");
    for event in [event(EventKind::ItemViewed, 0), bought] {
        shop.ingest(&event, event.time).expect("these events are sound");
    }
    let later = now + Span::minutes(2);
    for placement in &definitions.placements {
        let request = Request::new(placement.name.as_str()).user("ann").context("page", "/");
        let decision = shop.decide(&request, later);
        assert_ne!(decision.fallback, Some(Fallback::UnknownPlacement), "{}", placement.name);
        assert_eq!(decision.campaign.is_none(), decision.fallback.is_some());
        let mut shown = Event::new(EventKind::Exposed, "ann", later).id(format!("x-{}", placement.name));
        shown.decision = decision.campaign.map(|_| decision.id);
        let _ = shop.ingest(&shown, later);
    }
    let paid = event(EventKind::Purchased, 3).value(f64::MAX, "EUR");
    let _ = shop.ingest(&paid, paid.time);
    let far = now + Span::days(4000);
    let _ = shop.memberships(UserKey::known("ann"), far);
    let _ = shop.report();
});
