//! Sources that speak at the same time: what they say adds up, and their weights follow what they earn.

use bespoke::Engine;
use bespoke::campaign::{Campaign, Strategy, Weighted};
use bespoke::catalog::Item;
use bespoke::decision::{Decision, Request, Source};
use bespoke::engine::{DecideScratch, Definitions, Models, OpenDecisions};
use bespoke::event::{Event, EventKind};
use bespoke::hash::Symbol;
use bespoke::personalizer::Personalizer;
use bespoke::profile::Profile;
use bespoke::state::State;
use bespoke::time::{Span, Timestamp};

use crate::dice::Dice;

fn at(minutes: u32) -> Timestamp {
    Timestamp::from_millis(1_767_225_600_000) + Span::minutes(minutes)
}

fn engine(recommend: &str, settings: &str) -> Engine {
    let definitions = format!(
        r#"{{"placements": ["page"], "settings": {settings}, "campaigns": [{{
            "name": "c", "placement": "page", "recommend": {recommend},
            "goal": {{"event": "item_viewed", "within": "1h", "items": "recommended"}}
        }}]}}"#
    );
    Engine::from_json(&definitions).map_err(|problems| problems.to_string()).unwrap()
}

/// Seven shoes, of which Ann has seen one, and six hats, which everybody looks at alike.
struct Shop {
    engine: Engine,
    models: Models,
    ann: Profile,
}

impl Shop {
    fn new(recommend: &str, settings: &str) -> Self {
        let engine = engine(recommend, settings);
        let mut models = engine.models();
        for i in 0..7 {
            models.catalog.upsert(Item::new(format!("shoe{i}")).category("shoes")).unwrap();
        }
        for i in 0..6 {
            models.catalog.upsert(Item::new(format!("hat{i}")).category("hats")).unwrap();
            models.popular.learn(Symbol::new(&format!("hat{i}")), 1.0, at(0));
        }
        let mut ann = Profile::default();
        let view = Event::new(EventKind::ItemViewed, "ann", at(0)).item("shoe0");
        engine.apply(&view, &mut ann, &models.catalog, at(0));
        Self { engine, models, ann }
    }

    fn ask(&self, minute: u32) -> Decision {
        let (request, mut scratch) = (Request::new("page").user("ann"), DecideScratch::default());
        self.engine.decide(&request, &self.ann, &self.models, at(minute), &mut scratch)
    }

    fn weights(&self) -> Vec<(Source, f64)> {
        self.engine.blend_weights("c", "default", &self.models)
    }

    /// Shows a slate to somebody who looks at position k with probability 1 / k and takes what is seen with that of its
    /// kind; and which kinds were taken.
    fn show(&mut self, minute: u32, dice: &mut Dice, takes: fn(&str) -> f64) -> Vec<String> {
        let (decision, mut open) = (self.ask(minute), OpenDecisions::default());
        open.keep(&decision, &self.engine);
        let shown = Event::new(EventKind::Exposed, "ann", at(minute)).decision(decision.id);
        self.engine.expose(&shown, &mut open, &mut self.models);
        let mut taken = Vec::new();
        for (k, of) in decision.slate.iter().enumerate() {
            if (dice.below(1_000_000) as f64) < takes(&of.item) / (k + 1) as f64 * 1e6 {
                let click = Event::new(EventKind::ItemViewed, "ann", at(minute)).item(&*of.item).decision(decision.id);
                self.engine.pay(&click, &mut open, &mut self.models);
                taken.push(of.item.to_string());
            }
        }
        taken
    }
}

#[test]
fn what_the_sources_say_for_an_item_adds_up_to_its_score() {
    let recommend = r#"{"blend": {"similar": 1, "popular": 2, "recent": 0.5}, "sources": ["catalog"], "limit": 13}"#;
    let shop = Shop::new(recommend, "{}");
    let decision = shop.ask(5);
    assert_eq!(decision.slate.len(), 13);
    for of in &decision.slate {
        let sum: f64 = of.parts.iter().map(|part| part.score).sum();
        assert!((sum - of.score).abs() < 1e-9, "{of:?}");
        assert!(of.parts.iter().any(|part| part.source == of.source), "{of:?}");
        let weights = of.parts.iter().map(|part| (part.source, part.weight));
        assert!(weights.clone().all(|part| shop.weights().contains(&part)), "{of:?}");
    }
    // Popular splits two votes over six hats, similar one over six shoes, and recent its half goes to one shoe.
    let score = |item: &str| decision.slate.iter().find(|of| &*of.item == item).unwrap().score;
    assert!((score("hat3") - 2.0 / 6.0).abs() < 1e-3 && (score("shoe3") - 1.0 / 6.0).abs() < 1e-3);
    assert!((score("shoe0") - 0.5).abs() < 1e-3);
}

#[test]
fn the_chain_fills_what_a_blend_leaves() {
    let shop = Shop::new(r#"{"blend": {"similar": 1, "collaborative": 1}, "sources": ["popular"], "limit": 10}"#, "{}");
    let decision = shop.ask(5);
    let sources: Vec<Source> = decision.slate.iter().map(|of| of.source).collect();
    assert_eq!(sources, [[Source::Similar; 6].as_slice(), &[Source::Popular; 4]].concat());
    assert!(decision.slate[6..].iter().all(|of| of.parts.is_empty()), "the blend said nothing for them");
    // A ready-made strategy fills likewise.
    let shop = Shop::new(r#"{"strategy": "home", "blend": {"similar": 1}, "limit": 8, "diversity": 0}"#, "{}");
    assert_eq!(shop.ask(5).slate.iter().filter(|of| of.source == Source::Similar).count(), 6);
}

#[test]
fn mistakes_of_a_blend_are_found_with_their_place() {
    for (blend, expected) in [
        (r#"{"poplar": 1}"#, "recommend.blend.poplar: unknown field `poplar`; did you mean `popular`?"),
        (r#"{"popular": 0}"#, "recommend.blend.popular: 0 stands where a weight from 0.001 to 1000 should"),
        (r#"{"popular": -1}"#, "recommend.blend.popular: -1 stands where a weight from 0.001 to 1000 should"),
        (r#"{"popular": "much"}"#, "recommend.blend.popular: a text stands where a weight from 0.001 to 1000 should"),
        (
            r#"{"catalog": 1}"#,
            "recommend.blend.catalog: `catalog`, which has no scores stands where a recommender; the catalog fills what is left should",
        ),
        (r#"{"popular": 1, "popular": 2}"#, "the key `popular` stands twice in one object"),
        ("{}", "recommend.blend: a blend of nothing stands where a weight for each source should"),
        (r#"{"learn": true}"#, "recommend.blend: a blend of nothing stands where a weight for each source should"),
        (r#"{"popular": 1, "learn": 1}"#, "recommend.blend.learn: a number stands where true or false should"),
        (
            r#"{"popular": 1, "learn": true}"#,
            "recommend.blend.learn: `learn` in a campaign without a goal stands where",
        ),
        ("7", "recommend.blend: a number stands where an object should"),
    ] {
        let definitions = format!(
            r#"{{"placements": ["page"], "campaigns": [{{"name": "c", "placement": "page", "recommend": {{"blend": {blend}}}}}]}}"#
        );
        let problems = Engine::from_json(&definitions).unwrap_err().to_string();
        assert!(problems.contains(expected) && problems.lines().count() <= 2, "{blend}: {problems}");
    }
}

#[test]
fn mistakes_of_a_blend_made_in_rust_are_found_too() {
    let problems = |sources: Vec<(Source, f64)>| {
        let mut campaign = Campaign::new("c", "page");
        let blend = Some(Weighted { sources, learn: false });
        campaign.variants[0].recommend = Some(Strategy { blend, ..Strategy::default() });
        let mut definitions = Definitions::from_json(r#"{"placements": ["page"]}"#).unwrap();
        definitions.campaigns.push(campaign);
        Engine::new(definitions).map(drop).map_err(|problems| problems.to_string())
    };
    assert_eq!(problems(vec![(Source::Popular, 1.0), (Source::NextClick, 1000.0)]), Ok(()));
    for (sources, expected) in [
        (vec![(Source::Popular, f64::NAN)], "NaN stands where a weight"),
        (vec![(Source::Popular, f64::INFINITY)], "inf stands where a weight"),
        (vec![(Source::Popular, 1.0), (Source::Popular, 2.0)], "`popular` for the second time"),
        (vec![(Source::Explored, 1.0)], "`explored`, which has no scores"),
        (vec![], "a blend of nothing"),
    ] {
        let found = problems(sources).unwrap_err();
        assert!(found.contains(expected) && found.contains("blend"), "{found}");
    }
}

/// Who sees a hat takes it in 2.5 of 100 cases, a shoe in 5. By the weights in the definition the hats are at the top:
/// with Σ 1/k over 1 to 6 and over 7 to 12 of 2.45 and 0.653 they are taken 0.061 times a slate, shoes 0.033 times. So
/// whoever counts what is taken prefers the hats; whoever counts by what was looked at finds that a shoe is worth two
/// hats, whose weights then are as 2 to 1.
///
/// Over 6,000 slates about 700 shoes and 98 hats are taken once the shoes are at the top: the logarithm of the ratio has
/// a standard error of (1/700 + 1/98)^½ = 0.108, and e to the power of five of them is 1.72. That a decision is paid once
/// loses up to 0.12 of the hats, and ten payments' worth of the definition move the ratio by at most a fifth the other
/// way: with these it is within a factor of 2.4 of 2.
#[test]
fn weights_follow_what_is_taken_of_what_was_looked_at() {
    let recommend = r#"{"blend": {"similar": 1, "popular": 2, "learn": true}, "limit": 12}"#;
    let takes = |item: &str| if item.starts_with("shoe") { 0.05 } else { 0.025 };
    let run = |settings: &str| {
        let (mut shop, mut dice) = (Shop::new(recommend, settings), Dice::new(11));
        assert!(shop.ask(1).slate[0].item.starts_with("hat"));
        (1..=6_000).for_each(|minute| drop(shop.show(minute, &mut dice, takes)));
        let weights = shop.weights();
        let of = |source| weights.iter().find(|(of, _)| *of == source).unwrap().1;
        (of(Source::Similar) / of(Source::Popular), shop)
    };
    let (ratio, shop) = run("{}");
    assert!(ratio > 2.0 / 2.4 && ratio < 2.0 * 2.4, "{ratio}");
    assert!(shop.ask(7_000).slate[..6].iter().all(|of| of.item.starts_with("shoe")));
    // Told that everything is looked at alike, it takes the place at the top for merit.
    let (ratio, shop) = run(r#"{"position_bias": 0}"#);
    assert!(ratio < 1.0, "{ratio}");
    assert!(shop.ask(7_000).slate[..6].iter().all(|of| of.item.starts_with("hat")));
    // No more than eight times, and no less than an eighth.
    let (mut shop, mut dice) = (Shop::new(recommend, "{}"), Dice::new(5));
    (1..=600)
        .for_each(|minute| drop(shop.show(minute, &mut dice, |item| f64::from(u8::from(item.starts_with("shoe"))))));
    for ((_, weight), base) in shop.weights().iter().zip([1.0, 2.0]) {
        assert!((base / 8.0..=base * 8.0).contains(weight), "{:?}", shop.weights());
    }
}

/// What nobody looks at teaches nothing, and the weights of a blend that does not learn stay where they are.
#[test]
fn only_exposures_and_payments_of_blends_that_learn_teach() {
    let learning = r#"{"blend": {"similar": 1, "popular": 2, "learn": true}, "limit": 12}"#;
    let fixed = r#"{"blend": {"similar": 1, "popular": 2}, "limit": 12}"#;
    let mut shop = Shop::new(fixed, "{}");
    let mut dice = Dice::new(3);
    (1..=200)
        .for_each(|minute| drop(shop.show(minute, &mut dice, |item| if item.starts_with("shoe") { 0.9 } else { 0.0 })));
    assert_eq!(shop.weights(), [(Source::Popular, 2.0), (Source::Similar, 1.0)]);
    let mut shop = Shop::new(learning, "{}");
    for minute in 1..100 {
        let (decision, mut open) = (shop.ask(minute), OpenDecisions::default());
        open.keep(&decision, &shop.engine);
        let click = Event::new(EventKind::ItemViewed, "ann", at(minute)).item("shoe3").decision(decision.id);
        assert!(shop.engine.pay(&click, &mut open, &mut shop.models).is_empty(), "it was not shown");
    }
    assert_eq!(shop.weights(), [(Source::Popular, 2.0), (Source::Similar, 1.0)]);
}

/// The same decisions, exposures and payments in two shards, put together in either order.
#[test]
fn what_was_earned_merges_and_is_stored() {
    let recommend = r#"{"blend": {"similar": 1, "popular": 2, "learn": true}, "limit": 12}"#;
    let shops: Vec<Shop> = (0..2)
        .map(|shard| {
            let (mut shop, mut dice) = (Shop::new(recommend, "{}"), Dice::new(shard));
            let takes = |item: &str| if item.starts_with("shoe") { 0.3 } else { 0.1 };
            (1..=200).for_each(|minute| drop(shop.show(minute, &mut dice, takes)));
            shop
        })
        .collect();
    let merged = |one: &Models, other: &Models| {
        let mut merged = one.clone();
        merged.merge(other);
        merged.to_bytes().unwrap()
    };
    let (one, other) = (&shops[0].models, &shops[1].models);
    assert!(merged(one, other) == merged(other, one));
    let back = Models::from_bytes(&one.to_bytes().unwrap()).unwrap();
    assert_eq!(shops[0].engine.blend_weights("c", "default", &back), shops[0].weights());
    assert_ne!(shops[0].weights(), Shop::new(recommend, "{}").weights());
    // Definitions that are changed keep what was earned by the sources that stay.
    let engine = engine(r#"{"blend": {"similar": 1, "popular": 2, "recent": 1, "learn": true}, "limit": 9}"#, "{}");
    let mut models = back;
    engine.adopt(&mut models);
    let weights = engine.blend_weights("c", "default", &models);
    assert!(weights.contains(&(Source::Recent, 1.0)) && weights.iter().all(|(_, weight)| weight.is_finite()));
    assert!(weights.iter().any(|(source, weight)| *source == Source::Similar && *weight > 1.0), "{weights:?}");
}

/// A restart between the decision, its exposure and its payment shows nowhere; nor does it when the definitions change
/// meanwhile, or somebody asks for more than there is.
#[test]
fn a_decision_is_paid_across_restarts_and_new_definitions() {
    let recommend = r#"{"blend": {"similar": 1, "popular": 2, "next_click": 1, "learn": true}, "limit": 6}"#;
    let shop = || {
        let shop = Personalizer::new(engine(recommend, "{}"));
        for i in 0..9 {
            shop.upsert_item(Item::new(format!("i{i}")).category(if i < 5 { "shoes" } else { "hats" })).unwrap();
        }
        shop
    };
    let view =
        |n: u32| Event::new(EventKind::ItemViewed, "ann", at(n)).item(format!("i{}", n * 3 % 7)).id(format!("{n}"));
    let (straight, mut broken) = (shop(), shop());
    let restart = |shop: Personalizer| {
        let bytes = shop.snapshot().unwrap();
        let fresh = Personalizer::new(engine(recommend, "{}"));
        fresh.restore(&bytes).unwrap();
        assert!(fresh.snapshot().unwrap() == bytes);
        fresh
    };
    for n in 0..60 {
        straight.ingest(&view(n), at(n)).unwrap();
        broken.ingest(&view(n), at(n)).unwrap();
        let request = Request::new("page").user("ann");
        let decision = straight.decide(&request, at(n));
        assert_eq!(broken.decide(&request, at(n)), decision);
        let item = decision.slate[n as usize % 6].item.to_string();
        let shown = Event::new(EventKind::Exposed, "ann", at(n)).decision(decision.id);
        let click =
            Event::new(EventKind::ItemViewed, "ann", at(n)).item(item).decision(decision.id).id(format!("c{n}"));
        for event in [shown, click] {
            broken = restart(broken);
            assert_eq!(straight.ingest(&event, at(n)).unwrap(), broken.ingest(&event, at(n)).unwrap());
        }
    }
    assert!(straight.snapshot().unwrap() == broken.snapshot().unwrap());
    let weights = |shop: &Personalizer| shop.with_models(|models| shop.engine().blend_weights("c", "default", models));
    assert!(
        weights(&straight) == weights(&broken) && weights(&straight).iter().any(|(_, weight)| weight.fract() > 0.0)
    );
    // Open decisions of a blend whose sources are other ones now.
    let decision = straight.decide(&Request::new("page").user("ann"), at(70));
    straight.replace_engine(engine(r#"{"blend": {"recent": 1, "learn": true}, "limit": 6}"#, "{}"), at(71));
    let shown = Event::new(EventKind::Exposed, "ann", at(72)).decision(decision.id);
    straight.ingest(&shown, at(72)).unwrap();
    let click = Event::new(EventKind::ItemViewed, "ann", at(73)).item(&*decision.slate[0].item).decision(decision.id);
    assert_eq!(straight.ingest(&click, at(73)).unwrap().payments.len(), 1);
    assert_eq!(weights(&straight), [(Source::Recent, 1.0)]);
}

/// The history, the filters and the catalog hold for blends as for all else.
#[test]
fn a_blend_shows_nothing_that_may_not_be_shown() {
    for repeat in ["allow", "forbid", "first"] {
        let recommend = format!(
            r#"{{"blend": {{"similar": 1, "popular": 2, "next_click": 1, "recent": 3, "given": 1}}, "limit": 12,
                "repeat": "{repeat}", "filters": {{"category": {{"context": "category"}}, "exclude": ["purchased"]}},
                "diversity": 0.2, "explore": {{"positions": [2], "among": 3}}}}"#
        );
        let mut shop = Shop::new(&recommend, "{}");
        for (n, (kind, item)) in
            [(EventKind::ItemViewed, "shoe1"), (EventKind::Purchased, "shoe2"), (EventKind::ItemViewed, "shoe3")]
                .into_iter()
                .enumerate()
        {
            let event = Event::new(kind, "ann", at(1 + n as u32)).item(item);
            shop.engine.apply(&event, &mut shop.ann, &shop.models.catalog, event.time);
            shop.engine.learn(&event, &shop.ann, &mut shop.models, &mut Vec::new());
        }
        shop.models.catalog.remove("shoe4");
        let request = Request::new("page").user("ann").context("category", "shoes");
        let mut scratch = DecideScratch::default();
        let decision = shop.engine.decide(&request, &shop.ann, &shop.models, at(9), &mut scratch);
        let mut shown: Vec<&str> = decision.slate.iter().map(|of| &*of.item).collect();
        assert_eq!(decision, shop.engine.decide(&request, &shop.ann, &shop.models, at(9), &mut scratch));
        if repeat == "first" {
            assert_eq!(shown[0], "shoe3");
        }
        shown.sort_unstable();
        let expected: &[&str] =
            if repeat == "forbid" { &["shoe5", "shoe6"] } else { &["shoe0", "shoe1", "shoe3", "shoe5", "shoe6"] };
        assert_eq!(shown, expected, "{repeat}");
    }
}
