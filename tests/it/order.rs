//! The order in which events arrive, and how often, leaves no trace; and shards merge to what one would have known.

use bespoke::bandit::{Bandit, BanditSpec, EpsilonGreedy, Policy, PolicySpec, Reward, Thompson, Trial};
use bespoke::catalog::{Catalog, Item};
use bespoke::decision::Request;
use bespoke::engine::{DecideScratch, Engine, Models, OpenDecisions};
use bespoke::event::{Event, EventItem, EventKind};
use bespoke::hash::Symbol;
use bespoke::profile::Profile;
use bespoke::recommend::{Popular, Seen};
use bespoke::state::State;
use bespoke::time::{Span, Timestamp};
use bespoke::value::Value;

use crate::dice::Dice;

const START: i64 = 1_767_225_600_000;
const KINDS: [&str; 8] =
    ["item_viewed", "purchased", "page_viewed", "dismissed", "item_added", "refunded", "played", "list_viewed"];

fn engine() -> Engine {
    Engine::from_json(
        r#"{
        "schema": {"events": ["played"], "attributes": {"plan": "text", "since": "time"}},
        "segments": [
            {"name": "viewers", "rule": "event('item_viewed').within(1 hour).count() >= 2"},
            {"name": "few", "rule": "event('item_viewed').count() BETWEEN 1 AND 3"},
            {"name": "buyers", "rule": "event('purchased').within(7 days).sum(value) > 10"},
            {"name": "spenders", "rule": "event('purchased').sum(value) > 50 AND NOT segment('viewers')"},
            {"name": "fans", "rule": "affinity('category', 'a') > 0.4"},
            {"name": "pros", "rule": "plan = 'pro' OR since > time('2026-01-02')"},
            {"name": "here", "rule": "session(views) >= 2 AND session(device) = 'phone'"},
            {"name": "early", "rule": "event('played').first() < time('2026-01-02') AND event('played').last() EXISTS"}
        ],
        "placements": ["home"],
        "campaigns": [{
            "name": "c", "placement": "home", "variants": [{"name": "a"}, {"name": "b"}], "chooser": {"thompson": {}},
            "goal": {"event": "purchased", "within": "7d"}
        }],
        "settings": {"history": 128}
    }"#,
    )
    .unwrap()
}

fn catalog() -> Catalog {
    let mut catalog = Catalog::new();
    for i in 0..8 {
        let item =
            Item::new(format!("i{i}")).category(["a", "a/b", "c"][i % 3]).brand(["X", "Y"][i % 2]).price(i as f64);
        catalog.upsert(item).unwrap();
    }
    catalog
}

/// Events with ids, with at most 120 lines in all.
fn events(dice: &mut Dice, most: usize) -> Vec<Event> {
    let count = 1 + dice.below(most);
    (0..count).map(|i| event(dice, i)).collect()
}

fn event(dice: &mut Dice, id: usize) -> Event {
    let kind = EventKind::from(dice.pick(&KINDS));
    let minute = dice.below(3000) as i64;
    let time = START + minute * [60_000, 1000, 0][dice.below(3)];
    let mut event = Event::new(kind, "ann", Timestamp::from_millis(time));
    event.id = Some(format!("event {id}"));
    for _ in 0..dice.below(4) {
        event.items.push(EventItem {
            quantity: 1.0 + dice.below(3) as f64,
            price: dice.coin().then(|| dice.below(30) as f64 + 0.1),
            ..EventItem::new(format!("i{}", dice.below(9)))
        });
    }
    if dice.below(3) == 0 {
        event.value = Some(dice.below(40) as f64 + 0.1);
        event.currency = Some(dice.pick(&["EUR", "USD", "JPY"]).to_owned());
    }
    event.source = (dice.below(3) == 0).then(|| dice.pick(&["mail", "search", "ads"]).to_owned());
    event.device = (dice.below(3) == 0).then(|| dice.pick(&["phone", "desktop"]).to_owned());
    event.channel = (dice.below(3) == 0).then(|| dice.pick(&["web", "app"]).to_owned());
    if dice.below(3) == 0 {
        let value: Value = [Value::Null, "pro".into(), "free".into(), 5.0.into()][dice.below(4)].clone();
        event = event.attribute(dice.pick(&["plan", "other"]), value);
    }
    if dice.below(5) == 0 {
        event = event.attribute("since", dice.pick(&["2026-01-03", "2025-01-01T00:00:00Z", "soon"]));
    }
    event.property("dwell", dice.below(200) as f64)
}

fn fold(engine: &Engine, catalog: &Catalog, events: &[&Event], now: Timestamp) -> Profile {
    let mut profile = Profile::default();
    for event in events {
        engine.apply(event, &mut profile, catalog, now);
    }
    profile
}

fn now() -> Timestamp {
    Timestamp::from_millis(START) + Span::days(3)
}

#[track_caller]
fn same_bytes(a: &impl State, b: &impl State, what: &str) {
    assert!(a.to_bytes().unwrap() == b.to_bytes().unwrap(), "{what}");
}

#[test]
fn any_order_and_any_repetition_of_events_give_the_same_bytes() {
    let (engine, catalog) = (engine(), catalog());
    for case in 0..300 {
        let mut dice = Dice::new(case);
        let events = events(&mut dice, 40);
        let mut order: Vec<&Event> = events.iter().collect();
        let straight = fold(&engine, &catalog, &order, now());
        for _ in 0..dice.below(20) {
            let again = order[dice.below(order.len())];
            order.push(again);
        }
        dice.shuffle(&mut order);
        let mixed = fold(&engine, &catalog, &order, now());
        if straight != mixed {
            assert_eq!(straight, mixed, "case {case}");
        }
        same_bytes(&straight, &mixed, &format!("case {case}"));
        let members = |profile: &Profile| engine.memberships(profile, now()).cloned().collect::<Vec<_>>();
        assert_eq!(members(&straight), members(&mixed));
    }
}

/// A profile that has been merged has no memberships until it is settled again.
#[test]
fn two_halves_of_a_profile_merge_to_the_whole() {
    let (engine, catalog) = (engine(), catalog());
    for case in 0..300 {
        let mut dice = Dice::new(1_000_000 + case);
        let events = events(&mut dice, 40);
        let mut all: Vec<&Event> = events.iter().collect();
        dice.shuffle(&mut all);
        let (xs, ys) = all.split_at(dice.below(all.len() + 1));
        let mut whole = fold(&engine, &catalog, &all, now());
        let mut merged = fold(&engine, &catalog, xs, now());
        merged.merge_with(&fold(&engine, &catalog, ys, now()), engine.upkeep());
        let mut other_way = fold(&engine, &catalog, ys, now());
        other_way.merge_with(&fold(&engine, &catalog, xs, now()), engine.upkeep());
        for profile in [&mut whole, &mut merged, &mut other_way] {
            engine.refresh(profile, &catalog, now());
        }
        if whole != merged {
            assert_eq!(whole, merged, "case {case}");
        }
        same_bytes(&whole, &merged, &format!("case {case}"));
        same_bytes(&whole, &other_way, &format!("case {case}, the other way"));
    }
}

#[test]
fn a_fresh_state_changes_nothing_when_it_is_merged() {
    let (engine, catalog) = (engine(), catalog());
    let mut dice = Dice::new(7);
    let events = events(&mut dice, 40);
    let all: Vec<&Event> = events.iter().collect();
    let mut profile = fold(&engine, &catalog, &all, now());
    let before = profile.clone();
    profile.merge_with(&Profile::default(), engine.upkeep());
    engine.refresh(&mut profile, &catalog, now());
    assert_eq!(profile, before);
    let mut fresh = Profile::default();
    fresh.merge_with(&before, engine.upkeep());
    engine.refresh(&mut fresh, &catalog, now());
    assert_eq!(fresh, before);
}

#[test]
fn a_profile_comes_back_from_its_bytes_as_it_was() {
    let (engine, catalog) = (engine(), catalog());
    for case in 0..50 {
        let mut dice = Dice::new(2_000_000 + case);
        let events = events(&mut dice, 40);
        let profile = fold(&engine, &catalog, &events.iter().collect::<Vec<_>>(), now());
        let back = Profile::from_bytes(&profile.to_bytes().unwrap()).unwrap();
        assert_eq!(back, profile);
        same_bytes(&back, &profile, "bytes");
        let later = now() + Span::minutes(dice.below(10_000) as u32);
        let members = |profile: &Profile| engine.memberships(profile, later).cloned().collect::<Vec<_>>();
        assert_eq!(members(&back), members(&profile));
    }
}

#[test]
fn what_a_bandit_learned_in_two_places_merges_to_the_bit() {
    let greedy = PolicySpec::Tallied(EpsilonGreedy { epsilon: 0.1 }.into());
    let prompt = PolicySpec::Tallied(Thompson { refresh: 0.0, ..Thompson::default() }.into());
    let of = |policy| BanditSpec { policy, ..BanditSpec::default() };
    for (spec, lags) in [(of(prompt), false), (of(greedy), false), (BanditSpec::default(), true)] {
        let learn = |steps: &[(usize, f64)]| {
            let mut bandit = Bandit::new(&spec, 3, 0).unwrap();
            for (arm, reward) in steps {
                bandit.observe(&Trial::new(*arm, now()), Reward::new(*reward).unwrap()).unwrap();
            }
            bandit
        };
        let mut dice = Dice::new(3);
        let steps: Vec<(usize, f64)> = (0..500).map(|_| (dice.below(3), dice.below(11) as f64 / 10.0)).collect();
        let (xs, ys) = steps.split_at(dice.below(500));
        let mut merged = learn(xs);
        merged.merge(&learn(ys));
        let whole = learn(&steps);
        assert_eq!(merged, whole);
        // When the probabilities were last computed is stored too, and whoever merges does so.
        if !lags {
            same_bytes(&merged, &whole, "bandit");
        }
    }
}

#[test]
fn popularity_merges_to_the_bit() {
    let mut dice = Dice::new(4);
    let seen: Vec<(Symbol, f32, Timestamp)> = (0..2000)
        .map(|_| {
            let time = Timestamp::from_millis(START + dice.below(40 * 86_400_000) as i64);
            (Symbol::new(&format!("i{}", dice.below(50))), [1.0, 3.0, 5.0][dice.below(3)], time)
        })
        .collect();
    let learn = |seen: &[(Symbol, f32, Timestamp)]| {
        let mut popular = Popular::default();
        seen.iter().for_each(|(item, weight, time)| popular.learn(*item, *weight, *time));
        popular
    };
    let (xs, ys) = seen.split_at(700);
    let mut merged = learn(xs);
    merged.merge(&learn(ys));
    same_bytes(&merged, &learn(&seen), "popular");
}

/// Each person's events are learned in one place: pairs form within a person.
#[test]
fn models_of_two_shards_merge_to_those_of_one() {
    let engine = engine();
    let teach = |people: std::ops::Range<u64>| {
        let mut models = engine.models();
        for i in 0..8 {
            models.catalog.upsert(Item::new(format!("i{i}")).category(["a", "a/b", "c"][i % 3])).unwrap();
        }
        for person in people {
            live(&engine, person, &mut models);
        }
        models
    };
    let whole = teach(0..40);
    let mut merged = teach(0..17);
    merged.merge(&teach(17..40));
    assert_eq!(merged.tally("c", "a"), whole.tally("c", "a"));
    same_bytes(&merged.catalog, &whole.catalog, "catalog");
    same_bytes(&merged.popular, &whole.popular, "popular");
    same_bytes(merged.bandit("c").unwrap(), whole.bandit("c").unwrap(), "bandit");
    same_bytes(&merged.neighbors, &whole.neighbors, "neighbors");
    same_bytes(&merged, &whole, "models");
    assert!(whole.tally("c", "a").conversions + whole.tally("c", "b").conversions > 5);
}

/// A person looks around; a decision is shown, and perhaps paid.
fn live(engine: &Engine, person: u64, models: &mut Models) {
    let mut dice = Dice::new(person);
    let (mut profile, mut open) = (Profile::default(), OpenDecisions::default());
    let mut context: Vec<Seen> = Vec::new();
    let mut happened = events(&mut dice, 30);
    happened.sort_by_key(|event| event.time);
    // The choice itself depends on what is known, so what is shown is taken from a fresh engine's models.
    let untaught = engine.models();
    let request = Request::new("home").user(person.to_string());
    let time = Timestamp::from_millis(START);
    let decision = engine.decide(&request, &profile, &untaught, time, &mut DecideScratch::default());
    open.keep(&decision, engine);
    let exposed = Event { decision: Some(decision.id), ..Event::new(EventKind::Exposed, person.to_string(), time) };
    engine.expose(&exposed, &mut open, models);
    for event in &happened {
        if !engine.apply(event, &mut profile, &models.catalog, now()).repeated {
            engine.learn(event, &profile, models, &mut context);
            engine.pay(event, &mut open, models);
        }
    }
}
