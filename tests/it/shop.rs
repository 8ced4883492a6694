//! A small shop and a log of what happens in it, for the tests of the personalizer.

use std::collections::BTreeMap;

use bespoke::catalog::Item;
use bespoke::decision::{Decision, Request};
use bespoke::engine::Engine;
use bespoke::event::{Event, EventItem, EventKind};
use bespoke::personalizer::Personalizer;
use bespoke::time::{Span, Timestamp};

use crate::dice::Dice;

/// Minutes after the first of January 2026.
pub(crate) fn at(minutes: usize) -> Timestamp {
    Timestamp::from_millis(1_767_225_600_000 + minutes as i64 * 60_000)
}

pub(crate) const DEFINITIONS: &str = r#"{
    "schema": {"events": ["played"], "affinities": [{"attribute": "category"}]},
    "segments": [
        {"name": "viewers", "rule": "event('item_viewed').within(1 day).count() >= 2"},
        {"name": "buyers", "rule": "event('purchased').within(2 days).sum(value) > 10"},
        {"name": "strangers", "rule": "NOT event('identified')"},
        {"name": "fans", "rule": "affinity('category', 'a') > 0.4 AND NOT segment('buyers')"},
        {"name": "pros", "rule": "plan = 'pro'"},
        {"name": "here", "rule": "session(views) >= 2"}
    ],
    "placements": ["home", "list", "side"],
    "campaigns": [
        {"name": "learns", "placement": "home", "variants": [{"name": "a"}, {"name": "b"}, {"name": "c"}],
         "chooser": {"thompson": {}}, "goal": {"event": "purchased", "within": "2d"}},
        {"name": "for you", "placement": "list", "recommend": {"limit": 4, "filters": {"exclude": ["dismissed"]}},
         "goal": {"event": "item_clicked", "within": "1d", "items": "recommended"}},
        {"name": "halves", "placement": "side", "audience": "segment('viewers')",
         "variants": [{"name": "x"}, {"name": "y"}], "chooser": {"split": {"x": 0.5, "y": 0.5}},
         "goal": {"event": "purchased", "within": "2d", "pay": "amount"}}
    ],
    "settings": {"seed": 7}
}"#;

pub(crate) fn engine() -> Engine {
    Engine::from_json(DEFINITIONS).unwrap()
}

/// The shop with its items on the shelves, and nobody in it.
pub(crate) fn shop() -> Personalizer {
    let shop = Personalizer::new(engine());
    for i in 0..12 {
        let item = Item::new(format!("i{i}")).category(["a", "a/b", "c"][i % 3]).price(i as f64);
        shop.upsert_item(item).unwrap();
    }
    shop
}

/// One thing that happens.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Event(Box<Event>, Timestamp),
    Ask(Request, Timestamp),
    /// The newest answer to this person is shown to them.
    Show(String, Timestamp),
}

/// What a host remembers by itself: the newest answer to each person.
pub(crate) type Answers = BTreeMap<String, Decision>;

#[track_caller]
pub(crate) fn play(shop: &Personalizer, answers: &mut Answers, steps: &[Step]) {
    for step in steps {
        match step {
            Step::Event(event, now) => drop(shop.ingest(event, *now).unwrap()),
            Step::Ask(request, now) => {
                let name = request.user.clone().or(request.anonymous.clone()).unwrap_or_default();
                answers.insert(name, shop.decide(request, *now));
            }
            Step::Show(user, now) => {
                let Some(answer) = answers.get(user) else { continue };
                shop.ingest(&Event::new(EventKind::Exposed, user, *now).decision(answer.id), *now).unwrap();
            }
        }
    }
}

/// The shop after a log of this length, and the log.
pub(crate) fn busy_shop(seed: u64, steps: usize) -> Personalizer {
    let shop = shop();
    play(&shop, &mut Answers::new(), &log(&mut Dice::new(seed), steps));
    shop
}

/// A log of forty people over ten days, a fifth of them requests and exposures, with events that come late.
pub(crate) fn log(dice: &mut Dice, steps: usize) -> Vec<Step> {
    (0..steps).map(|i| step(dice, i, at(2000 + i * 14_400 / steps))).collect()
}

fn step(dice: &mut Dice, i: usize, now: Timestamp) -> Step {
    let person = dice.below(40);
    match dice.below(10) {
        0 => {
            let request = Request::new(dice.pick(&["home", "list", "side"]));
            let request =
                if dice.coin() { request.user(user(person)) } else { request.anonymous(format!("d{person}")) };
            Step::Ask(request.context("category", "a"), now)
        }
        1 => Step::Show(user(person), now),
        _ => Step::Event(event(dice, person, i, now).into(), now),
    }
}

pub(crate) fn user(person: usize) -> String {
    format!("u{person}")
}

/// An event of any kind but an exposure, about one of the ids of a person: most people have a device of their own,
/// a few share one.
pub(crate) fn event(dice: &mut Dice, person: usize, i: usize, now: Timestamp) -> Event {
    let kinds = [EventKind::KNOWN, &[EventKind::from("played")]].concat();
    let often = [EventKind::ItemViewed, EventKind::ItemClicked, EventKind::Purchased];
    let kind = if dice.coin() { often[dice.below(3)].clone() } else { kinds[dice.below(kinds.len())].clone() };
    let kind = if kind == EventKind::Exposed { EventKind::ItemViewed } else { kind };
    let late = [0, 0, 0, 1, 2000][dice.below(5)];
    let mut event = Event::new(kind, user(person), now - Span::minutes(late)).id(format!("e{i}"));
    let device = format!("d{person}");
    match dice.below(4) {
        _ if event.kind == EventKind::Aliased => event.previous = Some(format!("old {device}")),
        0 => (event.user, event.anonymous) = (None, Some(device)),
        1 => event.anonymous = Some(device),
        _ => {}
    }
    for _ in 0..dice.below(3) {
        event
            .items
            .push(EventItem { price: Some(dice.below(30) as f64), ..EventItem::new(format!("i{}", dice.below(13))) });
    }
    if dice.coin() {
        event = event.value(dice.below(40) as f64 + 0.1, dice.pick(&["EUR", "USD"]));
    }
    event.source = (dice.below(3) == 0).then(|| dice.pick(&["mail", "ads"]).to_owned());
    event.device = (dice.below(3) == 0).then(|| dice.pick(&["phone", "desktop"]).to_owned());
    if dice.below(4) == 0 {
        event = event.attribute("plan", dice.pick(&["pro", "free"])).property("size", dice.below(9) as f64);
    }
    event
}
