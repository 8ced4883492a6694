//! A small shop, from its event log to its report: two weeks of recorded traffic go through the whole loop.
//!
//! `cargo run --release --example quickstart`
//!
//! The shop's data lie beside this file: what it sells (`catalog.json`), what its people wrote down
//! (`definitions.json`) and what its visitors did (`events.jsonl`). The first half of this file is what a host does;
//! the second half only prints.

mod show;

use std::collections::BTreeMap;

use bespoke::engine::Exposure;
use bespoke::{Engine, Event, EventKind, Item, Personalizer, Request, Timestamp, Value};

const CATALOG: &str = include_str!("catalog.json");
const DEFINITIONS: &str = include_str!("definitions.json");
const EVENTS: &str = include_str!("events.jsonl");

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let shop = Personalizer::new(Engine::from_json(DEFINITIONS)?);
    for item in serde_json::from_str::<Vec<Item>>(CATALOG)? {
        shop.upsert_item(item)?;
    }

    let mut log = Log::default();
    for line in EVENTS.lines() {
        // Lines come in the crate's own form or in that of the Segment specification.
        for event in Event::read(line)? {
            log.take(&shop, &event)?;
        }
    }

    let now = log.now;
    show::log(&shop, &log);
    show::profile(&shop, "mia", now);
    show::segments(&shop, "mia", now);
    show::category(&shop, ["mia", "jonas"], "shoes", now);
    show::home(&shop, ["mia", "tim"], now);
    show::bandit(&shop, &log, "home-banner");
    show::report(&shop);
    Ok(())
}

/// The host's side of the loop, and what it counts on the way.
#[derive(Default)]
struct Log {
    /// The present by the host's clock. A log is replayed with the times of its events, so that it is the newest.
    now: Timestamp,
    lines: usize,
    late: usize,
    repeated: usize,
    linked: usize,
    entered: usize,
    left: usize,
    decisions: usize,
    /// How often each offer of a bandit was shown, by campaign, in the first and the second week.
    shown: BTreeMap<(String, String), [u32; 2]>,
    first: Option<Timestamp>,
}

impl Log {
    /// Ingests one recorded event; where it is a page view, asks what the page shows, and says that it was shown.
    fn take(&mut self, shop: &Personalizer, event: &Event) -> Result<(), bespoke::Error> {
        self.late += usize::from(event.time < self.now);
        self.now = self.now.max(event.time);
        self.lines += 1;
        self.first.get_or_insert(event.time);

        let ingested = shop.ingest(event, self.now)?;
        self.repeated += usize::from(ingested.repeated);
        self.linked +=
            usize::from(ingested.links.iter().any(|of| matches!(of, bespoke::identity::LinkOutcome::Joined { .. })));
        self.entered += ingested.entered.len();
        self.left += ingested.left.len();

        for placement in placements(event).iter().filter(|_| !ingested.repeated) {
            self.show(shop, event, placement)?;
        }
        Ok(())
    }

    fn show(&mut self, shop: &Personalizer, page: &Event, placement: &str) -> Result<(), bespoke::Error> {
        let (user, anonymous) = (page.user.clone(), page.anonymous.clone());
        let context = page.properties.clone();
        let request = Request { user, anonymous, context, ..Request::new(placement) };
        let decision = shop.decide(&request, self.now);
        self.decisions += 1;
        let (Some(campaign), Some(variant)) = (&decision.campaign, &decision.variant) else { return Ok(()) };

        // What was decided counts once it was shown.
        let shown = Event {
            kind: EventKind::Exposed,
            id: page.id.as_ref().map(|id| format!("{id}/{placement}/shown")),
            decision: Some(decision.id),
            ..by_the_same(page)
        };
        if shop.ingest(&shown, self.now)?.exposure == Some(Exposure::Counted) {
            let week = usize::from(self.first.is_some_and(|first| self.now.since(first) > bespoke::Span::days(7)));
            self.shown.entry((campaign.to_string(), variant.to_string())).or_default()[week] += 1;
        }

        // The log cannot know what it would be shown. Each visitor's reaction is simulated: the recorded view lists
        // the offers that this visitor would have clicked.
        if likes(page, variant) {
            let clicked = Event {
                kind: EventKind::Clicked,
                id: page.id.as_ref().map(|id| format!("{id}/{placement}/clicked")),
                decision: Some(decision.id),
                properties: page.properties.clone(),
                ..by_the_same(page)
            };
            shop.ingest(&clicked, self.now)?;
        }
        Ok(())
    }
}

/// The placements of the page that was viewed.
fn placements(event: &Event) -> &'static [&'static str] {
    let page = event.properties.get("page").and_then(Value::as_text);
    match (&event.kind, page) {
        (EventKind::PageViewed, Some("/")) => &["home", "continue"],
        (EventKind::PageViewed, Some("/checkout")) => &["checkout"],
        (EventKind::ListViewed, _) => &["category"],
        _ => &[],
    }
}

fn likes(page: &Event, offer: &str) -> bool {
    let Some(Value::List(likes)) = page.properties.get("likes") else { return false };
    likes.iter().any(|like| like.as_text() == Some(offer))
}

/// An event by the same person at the same time, to be filled in.
fn by_the_same(event: &Event) -> Event {
    let (user, anonymous) = (event.user.clone(), event.anonymous.clone());
    Event { user, anonymous, time: event.time, ..Event::default() }
}
