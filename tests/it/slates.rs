//! What strategies put on a slate, in what order and with what probability, and that it is full whenever it can be.

use std::collections::BTreeSet;

use bespoke::catalog::Item;
use bespoke::decision::{Decision, Request, Source};
use bespoke::engine::{DecideScratch, Engine, Models};
use bespoke::event::{Event, EventItem, EventKind};
use bespoke::profile::Profile;
use bespoke::state::State;
use bespoke::time::{Span, Timestamp};
use bespoke::value::Value;

use crate::dice::Dice;

fn at(minutes: u32) -> Timestamp {
    Timestamp::from_millis(1_767_225_600_000) + Span::minutes(minutes)
}

/// A shop with one placement, filled as this strategy says; sixty items of three brands in two categories.
struct Shop {
    engine: Engine,
    models: Models,
}

impl Shop {
    #[track_caller]
    fn new(recommend: &str) -> Self {
        let engine = Engine::from_json(&format!(
            r#"{{
            "segments": [{{"name": "vip", "rule": "plan = 'vip'"}}, {{"name": "new", "rule": "plan = 'new'"}}],
            "placements": ["page"],
            "campaigns": [{{"name": "c", "placement": "page", "recommend": {recommend}}}],
            "settings": {{"popular_segments": ["vip", "new"]}}}}"#
        ));
        let engine = engine.map_err(|problems| problems.to_string()).unwrap();
        let mut models = engine.models();
        for i in 0..60 {
            let category = if i < 30 { "shoes/running" } else { "hats" };
            let mut item = Item::new(format!("i{i}")).category(category).brand(format!("b{}", i % 3));
            item.created = Some(at(0) - Span::days(60 - i));
            models.catalog.upsert(item).unwrap();
        }
        Self { engine, models }
    }

    /// Applies events and learns from them.
    fn live(&mut self, profile: &mut Profile, events: &[(EventKind, &[u32], u32)]) {
        for (kind, items, minute) in events {
            let mut event = Event::new(kind.clone(), "somebody", at(*minute));
            event.items = items.iter().map(|i| EventItem::new(format!("i{i}"))).collect();
            self.engine.apply(&event, profile, &self.models.catalog, at(*minute));
            self.engine.learn(&event, profile, &mut self.models, &mut Vec::new());
        }
    }

    /// A person of a plan.
    fn person(&self, plan: &str) -> Profile {
        let mut profile = Profile::default();
        let event = Event::new(EventKind::Identified, "somebody", at(0)).attribute("plan", plan);
        self.engine.apply(&event, &mut profile, &self.models.catalog, at(0));
        profile
    }

    fn ask(&self, profile: &Profile, request: &Request, minute: u32) -> Decision {
        self.engine.decide(request, profile, &self.models, at(minute), &mut DecideScratch::default())
    }

    fn slate(&self, profile: &Profile, minute: u32) -> Vec<String> {
        ids(&self.ask(profile, &page(), minute))
    }
}

fn page() -> Request {
    Request::new("page").user("somebody")
}

fn ids(decision: &Decision) -> Vec<String> {
    decision.slate.iter().map(|of| of.item.to_string()).collect()
}

fn list(items: &[&str]) -> Value {
    Value::List(items.iter().map(|item| Value::from(*item)).collect())
}

/// A trail of views, one a minute.
fn views(trail: &[&'static [u32]], minute: u32) -> Vec<(EventKind, &'static [u32], u32)> {
    (minute..).zip(trail).map(|(minute, item)| (EventKind::ItemViewed, *item, minute)).collect()
}

#[test]
fn every_ready_made_strategy_fills_its_slate_for_strangers_and_acquaintances() {
    for name in bespoke::campaign::Strategy::NAMED {
        let mut shop = Shop::new(&format!("\"{name}\""));
        let limit = bespoke::campaign::Strategy::named(name).unwrap().limit;
        let mut known = shop.person("vip");
        for crowd in 0..10 {
            let (mut other, start) = (shop.person("new"), crowd * 100);
            shop.live(&mut other, &views(&[&[1], &[2], &[3], &[40], &[41]], start));
            shop.live(&mut other, &[(EventKind::Purchased, &[5, 6], start + 9)]);
        }
        shop.live(&mut known, &views(&[&[1], &[40]], 1_000));
        let all: Vec<String> = (0..60).map(|i| format!("i{i}")).collect();
        let all: Vec<&str> = all.iter().map(String::as_str).collect();
        let request = page().context("item", "i1").context("cart", list(&["i5"])).context("results", list(&all));
        for profile in [&Profile::default(), &known] {
            let decision = shop.ask(profile, &request, 1_100);
            assert_eq!(decision.slate.len(), limit, "{name}: {decision:?}");
            let distinct: BTreeSet<String> = ids(&decision).into_iter().collect();
            assert_eq!(distinct.len(), limit, "{name}");
            assert_eq!(decision, shop.ask(profile, &request, 1_100), "{name}");
        }
    }
}

#[test]
fn two_visitors_of_one_category_see_different_slates() {
    let mut shop = Shop::new(r#"{"strategy": "category", "limit": 5}"#);
    for crowd in 0..20 {
        let trail: [&'static [u32]; 3] = if crowd % 2 == 0 { [&[1], &[2], &[3]] } else { [&[11], &[12], &[13]] };
        let mut other = shop.person("new");
        shop.live(&mut other, &views(&trail, crowd * 100));
    }
    let (mut ann, mut bob) = (shop.person("vip"), shop.person("vip"));
    shop.live(&mut ann, &views(&[&[1]], 3_000));
    shop.live(&mut bob, &views(&[&[11]], 3_000));
    let request = page().context("category", "shoes");
    let (a, b) = (ids(&shop.ask(&ann, &request, 3_001)), ids(&shop.ask(&bob, &request, 3_001)));
    assert!(a[0] == "i2" && b[0] == "i12" && a != b, "{a:?} {b:?}");
}

#[test]
fn what_is_bought_together_is_told_from_what_is_viewed_together() {
    let mut shop = Shop::new(r#"{"sources": ["bought_together"], "about": "item", "limit": 2}"#);
    for crowd in 0..5 {
        let mut other = shop.person("new");
        shop.live(&mut other, &views(&[&[1], &[2]], crowd * 100));
        shop.live(&mut other, &[(EventKind::Purchased, &[1, 7], crowd * 100 + 5)]);
    }
    let decision = shop.ask(&Profile::default(), &page().context("item", "i1"), 900);
    let first = &decision.slate[0];
    assert_eq!((&*first.item, first.source, first.because.as_deref()), ("i7", Source::BoughtTogether, Some("i1")));
    assert!((first.contribution - first.score).abs() < 1e-12, "nothing else spoke for it");
    assert_eq!(first.to_string(), "i7: bought together with i1");
    assert!(decision.slate.iter().all(|of| &*of.item != "i1"), "what it is about is not shown");
    // Both are stored and merge.
    let bytes = shop.models.to_bytes().unwrap();
    assert_eq!(Models::from_bytes(&bytes).unwrap(), shop.models);
    let mut merged = shop.engine.models();
    merged.merge(&shop.models);
    assert_eq!(merged, shop.models);
}

#[test]
fn popularity_has_segments_and_trends() {
    let mut shop = Shop::new(r#"{"sources": ["popular_in_segment"], "limit": 1}"#);
    for crowd in 0..9 {
        let mut other = shop.person(if crowd < 3 { "vip" } else { "new" });
        shop.live(&mut other, &views(&[if crowd < 3 { &[20] } else { &[50] }], crowd));
    }
    assert_eq!(shop.slate(&shop.person("vip"), 60), ["i20"]);
    assert_eq!(shop.slate(&shop.person("new"), 60), ["i50"]);

    let mut shop = Shop::new(r#"{"sources": ["popular_in_category"], "limit": 1, "repeat": "forbid"}"#);
    let (mut other, mut ann) = (shop.person("new"), shop.person("vip"));
    shop.live(&mut other, &views(&[&[50], &[50], &[50], &[10]], 1));
    shop.live(&mut ann, &views(&[&[20]], 60));
    assert_eq!(shop.slate(&ann, 61), ["i10"], "somebody who likes shoes");

    let mut shop = Shop::new(
        r#"{"sources": ["popular_in_category"], "limit": 2, "filters": {"category": {"context": "category"}}}"#,
    );
    shop.live(&mut other, &views(&[&[50], &[51], &[51], &[10]], 1));
    let hats = shop.ask(&ann, &page().context("category", "hats"), 61);
    assert_eq!(ids(&hats), ["i51", "i50"], "the category that is asked for");

    let mut shop = Shop::new(r#"{"sources": ["trending"], "limit": 1}"#);
    let mut crowd = shop.person("new");
    let day = 24 * 60;
    for hour in 0..24 * 14 {
        shop.live(&mut crowd, &views(&[&[1], &[1], &[1]], hour * 60));
    }
    shop.live(&mut crowd, &views(&[&[2_u32] as &[u32]; 30], 14 * day - 60));
    assert_eq!(shop.slate(&Profile::default(), 14 * day), ["i2"]);
}

#[test]
fn taste_reaches_what_nobody_has_touched() {
    let mut shop = Shop::new(r#"{"sources": ["affinity"], "limit": 3, "repeat": "forbid"}"#);
    let mut ann = shop.person("vip");
    shop.live(&mut ann, &views(&[&[0], &[3]], 5));
    // Running shoes of brand 0.
    let decision = shop.ask(&ann, &page(), 9);
    let items = ids(&decision).into_iter().map(|id| id[1..].parse().unwrap());
    assert!(items.into_iter().all(|i: u32| i % 3 == 0 && i < 30 && i > 3), "{decision:?}");
    assert!(decision.slate.iter().all(|of| of.source == Source::Affinity));

    let shop = Shop::new(r#"{"sources": ["similar"], "about": "item", "limit": 3}"#);
    let decision = shop.ask(&Profile::default(), &page().context("item", "i31"), 9);
    let first = &decision.slate[0];
    assert_eq!((first.source, first.because.as_deref()), (Source::Similar, Some("i31")));
    assert!(ids(&decision).iter().all(|id| id[1..].parse::<u32>().unwrap() % 3 == 1), "{decision:?}");
}

#[test]
fn the_house_rules_by_segment() {
    let shop = Shop::new(
        r#"{"sources": ["catalog"], "limit": 6, "rules": [
            {"pin": "i5", "position": 1, "segment": "vip"}, {"bury": {"brand": "b2"}},
            {"boost": {"item": "i40"}, "by": 100, "segment": "new"}, {"pin": "nothing"}
        ]}"#,
    );
    // The newest come first, without those of brand 2, of which there are enough others.
    assert_eq!(shop.slate(&Profile::default(), 9), ["i58", "i57", "i55", "i54", "i52", "i51"]);
    assert_eq!(shop.slate(&shop.person("vip"), 9), ["i58", "i5", "i57", "i55", "i54", "i52"]);
    assert_eq!(shop.slate(&shop.person("new"), 9)[0], "i40");
    let pinned = &shop.ask(&shop.person("vip"), &page(), 9).slate[1];
    assert_eq!((pinned.source, pinned.to_string()), (Source::Pinned, "i5: put there by a rule".to_owned()));
}

#[test]
fn repeats_are_allowed_forbidden_or_first() {
    for (policy, wanted) in [("allow", "i3"), ("forbid", "i59"), ("first", "i2")] {
        let sources = if policy == "allow" { "recent" } else { "catalog" };
        let mut shop = Shop::new(&format!(r#"{{"sources": ["{sources}"], "limit": 4, "repeat": "{policy}"}}"#));
        let mut ann = shop.person("vip");
        shop.live(&mut ann, &views(&[&[3], &[3], &[3], &[2]], 5));
        let slate = shop.slate(&ann, 60);
        assert_eq!((slate[0].as_str(), slate.len()), (wanted, 4), "{policy}");
        assert!(policy == "allow" || !slate.contains(&"i3".to_owned()));
    }
}

#[test]
fn a_search_is_reordered_and_nothing_is_added() {
    let mut shop = Shop::new("\"search\"");
    let mut ann = shop.person("vip");
    let mut crowd = shop.person("new");
    shop.live(&mut crowd, &views(&[&[1], &[9]], 0));
    shop.live(&mut ann, &views(&[&[1]], 60));
    let found = ["i44", "i9", "i45", "nothing", "i44"];
    let request = page().context("results", list(&found));
    assert_eq!(ids(&shop.ask(&Profile::default(), &request, 61)), ["i44", "i9", "i45"]);
    assert_eq!(ids(&shop.ask(&ann, &request, 61)), ["i9", "i44", "i45"]);
    let none = shop.ask(&ann, &page().context("results", list(&[])), 61);
    assert!(none.slate.is_empty() && none.campaign.is_none());
}

#[test]
fn slates_are_varied_within_quotas_and_calibrated() {
    let brand = |id: &String| id[1..].parse::<u32>().unwrap() % 3;
    let shop = Shop::new(r#"{"sources": ["catalog"], "limit": 6, "quotas": [{"attribute": "brand", "most": 2}]}"#);
    let slate = shop.slate(&Profile::default(), 9);
    for of in 0..3 {
        assert_eq!(slate.iter().filter(|id| brand(id) == of).count(), 2, "{slate:?}");
    }
    let mut shop =
        Shop::new(r#"{"sources": ["popular"], "limit": 10, "calibrate": {"attribute": "category", "weight": 0.9}}"#);
    let mut ann = shop.person("vip");
    let mut crowd = shop.person("new");
    shop.live(&mut crowd, &(30..60).map(|i| (EventKind::ItemViewed, &ALL[i..=i], 0)).collect::<Vec<_>>());
    shop.live(&mut crowd, &(0..10).map(|i| (EventKind::ItemViewed, &ALL[i..=i], 0)).collect::<Vec<_>>());
    shop.live(&mut ann, &views(&[&[1], &[2], &[3], &[4], &[5], &[6], &[40], &[41], &[42]], 60));
    let shoes = |slate: &[String]| slate.iter().filter(|id| id[1..].parse::<u32>().unwrap() < 30).count();
    let mut bob = shop.person("vip");
    shop.live(&mut bob, &views(&[&[1], &[2], &[40], &[41], &[42], &[43], &[44], &[45], &[46]], 60));
    let (a, b) = (shop.slate(&ann, 100), shop.slate(&bob, 100));
    assert!((6..=7).contains(&shoes(&a)), "six of nine views were of shoes: {a:?}");
    assert!((2..=3).contains(&shoes(&b)), "two of nine views were of shoes: {b:?}");
}

const ALL: [u32; 60] = {
    let mut all = [0; 60];
    let mut i = 0;
    while i < 60 {
        all[i] = i as u32;
        i += 1;
    }
    all
};

/// Of ten items each is drawn with a tenth: over 4,000 decisions 400 times with a standard error of 19; the bound is
/// five of them.
#[test]
fn exploring_is_drawn_anew_each_time_with_the_probability_it_states() {
    for (from, pool) in [("next", 46..56), ("newest", 46..56)] {
        let shop = Shop::new(&format!(
            r#"{{"sources": ["catalog"], "limit": 5,
                "explore": {{"positions": [2], "among": 10, "from": "{from}"}}}}"#
        ));
        let mut counts = [0_u32; 60];
        for minute in 0..4_000 {
            let decision = shop.ask(&Profile::default(), &page(), minute);
            assert_eq!(decision.slate.len(), 5);
            for (position, of) in decision.slate.iter().enumerate() {
                let is_tried = position == 2;
                assert_eq!(of.source == Source::Explored, is_tried);
                assert!((of.propensity.value() - if is_tried { 0.1 } else { 1.0 }).abs() < 1e-12, "{of:?}");
            }
            counts[decision.slate[2].item[1..].parse::<usize>().unwrap()] += 1;
        }
        for (i, count) in counts.iter().enumerate() {
            assert!(if pool.contains(&i) { count.abs_diff(400) < 95 } else { *count == 0 }, "{from} {i}: {count}");
        }
    }
}

/// Everything at once, on any history: as many items as pass, up to the limit, each once.
#[test]
fn a_slate_is_full_whenever_enough_items_pass() {
    let mut dice = Dice::new(17);
    for turn in 0..60 {
        let limit = 1 + dice.below(30);
        let explored = dice.below(limit);
        let repeat = ["allow", "forbid", "first"][dice.below(3)];
        let mut shop = Shop::new(&format!(
            r#"{{"strategy": "home", "limit": {limit}, "repeat": "{repeat}", "diversity": 0.4,
                "sources": ["similar", "viewed_then_bought", "trending", "affinity", "popular_in_category", "recent"],
                "filters": {{"category": {{"context": "category"}}, "exclude": ["purchased"]}},
                "quotas": [{{"attribute": "brand", "most": 1}}, {{"attribute": "brand", "value": "b1", "least": 1}}],
                "calibrate": {{"attribute": "category"}},
                "rules": [{{"pin": "i7", "position": 3}}, {{"bury": {{"category": "shoes"}}}}],
                "explore": {{"positions": [{explored}], "among": 5}}}}"#
        ));
        let mut ann = shop.person("vip");
        let mut touched = BTreeSet::new();
        let mut bought = BTreeSet::new();
        for minute in 0..dice.below(30) {
            let item = dice.below(60);
            let kind = if dice.below(4) == 0 { EventKind::Purchased } else { EventKind::ItemViewed };
            touched.insert(item);
            if kind == EventKind::Purchased {
                bought.insert(item);
            }
            shop.live(&mut ann, &[(kind, &ALL[item..=item], minute as u32)]);
        }
        let gone = if repeat == "forbid" { &touched } else { &bought };
        let (request, pass) = match turn % 3 {
            0 => (page(), 0..60),
            1 => (page().context("category", "shoes"), 0..30),
            _ => (page().context("category", "hats"), 30..60),
        };
        let decision = shop.ask(&ann, &request, 100);
        let passing: BTreeSet<usize> = pass.filter(|item| !gone.contains(item)).collect();
        let shown: BTreeSet<usize> = ids(&decision).iter().map(|id| id[1..].parse().unwrap()).collect();
        assert_eq!(decision.slate.len(), limit.min(passing.len()), "turn {turn}");
        assert!(shown.len() == decision.slate.len() && shown.is_subset(&passing), "turn {turn}: {shown:?}");
    }
}
