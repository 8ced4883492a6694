//! Strategies that ask the recommenders of next clicks and those that are fitted, alone and blended.

use bespoke::catalog::Item;
use bespoke::decision::{Decision, Request, Source};
use bespoke::engine::{Definitions, Fitted};
use bespoke::event::{Event, EventKind};
use bespoke::id::UserKey;
use bespoke::personalizer::Personalizer;
use bespoke::recommend::{
    Clicks, Collaborative, CollaborativeSettings, Factor, FactorSettings, Query, Recommender, Scratch, Seen, SeenKind,
};
use bespoke::state::State;
use bespoke::time::{Span, Timestamp};
use bespoke::{Engine, Error};
use xxhash_rust::xxh3::xxh3_64;

use crate::dice::Dice;

fn at(minutes: u32) -> Timestamp {
    Timestamp::from_millis(1_767_225_600_000) + Span::minutes(minutes)
}

fn engine(recommend: &str) -> Engine {
    let definitions = format!(
        r#"{{"placements": ["page"], "campaigns": [{{"name": "c", "placement": "page", "recommend": {recommend}}}]}}"#
    );
    Engine::from_json(&definitions).map_err(|problems| problems.to_string()).unwrap()
}

/// Forty items, of which people who like the even ones look at three that follow each other, and so do those who like
/// the odd ones.
fn shop(recommend: &str) -> Personalizer {
    let shop = Personalizer::new(engine(recommend));
    for i in 0..40 {
        let mut item = Item::new(format!("i{i}")).category(if i < 20 { "shoes" } else { "hats" });
        item.created = Some(at(0) - Span::days(60 - i));
        shop.upsert_item(item).unwrap();
    }
    for crowd in 0..60_u32 {
        for step in 0..3 {
            view(&shop, &format!("crowd-{crowd}"), (crowd + 2 * step) % 40, crowd * 10 + step);
        }
    }
    shop
}

fn view(shop: &Personalizer, user: &str, item: u32, minute: u32) {
    let event = Event::new(EventKind::ItemViewed, user, at(minute)).item(format!("i{item}"));
    shop.ingest(&event, at(minute)).unwrap();
}

fn ask(shop: &Personalizer, user: &str) -> Decision {
    shop.decide(&Request::new("page").user(user).context("category", "shoes"), at(900))
}

fn items(decision: &Decision) -> Vec<u32> {
    decision.slate.iter().map(|of| of.item[1..].parse().unwrap()).collect()
}

fn fitted(shop: &Personalizer) -> [Fitted; 2] {
    let log = shop.log();
    let factor = FactorSettings { rank: 8, ..FactorSettings::default() };
    [
        Collaborative::fit(&log, CollaborativeSettings::default(), 1).unwrap().into(),
        Factor::fit(&log, factor, 1).unwrap().into(),
    ]
}

#[test]
fn the_next_click_is_learned_from_each_event() {
    let shop = shop(r#"{"sources": ["next_click"], "limit": 4, "repeat": "forbid"}"#);
    view(&shop, "ann", 4, 890);
    let decision = ask(&shop, "ann");
    let first = &decision.slate[0];
    assert_eq!((&*first.item, first.source, first.because.as_deref()), ("i6", Source::NextClick, Some("i4")));
    assert_eq!(first.to_string(), "i6: likely clicked next after i4");
    assert!(!items(&decision).contains(&4));
    let shop = self::shop(r#"{"sources": ["next_click"], "limit": 4}"#);
    view(&shop, "ann", 4, 888);
    view(&shop, "ann", 6, 889);
    view(&shop, "ann", 4, 890);
    let back = ask(&shop, "ann").slate.into_iter().find(|of| &*of.item == "i4").unwrap();
    assert_eq!(back.to_string(), "i4: people go back to it");
}

#[test]
fn what_nobody_asks_for_is_not_learned() {
    let shop = shop(r#"{"sources": ["related"], "limit": 4}"#);
    assert!(shop.with_models(|models| models.clicks.is_none()));
    // Somebody asks from now on; and what was learned stays when nobody does.
    shop.replace_engine(engine(r#"{"sources": ["next_click"], "limit": 4}"#), at(895));
    view(&shop, "ann", 4, 896);
    let visits = || shop.with_models(|models| models.clicks.as_ref().map(|clicks| clicks.sessions().len()));
    assert_eq!(visits(), Some(1));
    shop.replace_engine(engine(r#"{"sources": ["related"], "limit": 4}"#), at(897));
    view(&shop, "bob", 4, 898);
    assert_eq!(visits(), Some(1));
}

#[test]
fn a_model_that_is_fitted_proposes_from_the_moment_it_is_installed() {
    for (at, source) in [Source::Collaborative, Source::Factor].into_iter().enumerate() {
        let shop = shop(&format!(r#"{{"sources": ["{}", "popular"], "limit": 4}}"#, source.name()));
        view(&shop, "ann", 4, 890);
        view(&shop, "ann", 6, 891);
        let before = ask(&shop, "ann");
        assert!(before.slate.len() == 4 && before.slate.iter().all(|of| of.source == Source::Popular));
        let model = fitted(&shop)[at].clone();
        assert!(shop.install(model.clone()).is_none());
        let first = ask(&shop, "ann").slate.remove(0);
        assert_eq!(first.source, source);
        assert!(["i2", "i8"].contains(&&*first.item), "{first:?}");
        assert!(first.because.is_some_and(|because| ["i4", "i6"].contains(&&*because)), "a true reason");
        // Installed again, the one before comes back; who holds it can go back to it.
        assert_eq!(shop.install(model.clone()), Some(model));
    }
}

/// The bytes of a snapshot do not hold fitted models, which stay in place beneath a restore.
#[test]
fn a_restored_shop_decides_as_before_once_the_fitted_models_are_installed() {
    let recommend = r#"{"sources": ["next_click", "collaborative", "factor"], "limit": 12}"#;
    let shop = shop(recommend);
    view(&shop, "ann", 4, 890);
    let plain = shop.snapshot().unwrap();
    let [collaborative, factor] = fitted(&shop);
    assert!(shop.install(collaborative.clone()).is_none() && shop.install(factor.clone()).is_none());
    assert!(shop.snapshot().unwrap() == plain);
    let restarted = Personalizer::new(engine(recommend));
    restarted.restore(&plain).unwrap();
    assert!(restarted.snapshot().unwrap() == plain);
    let answer = ask(&shop, "ann");
    assert_ne!(ask(&restarted, "ann"), answer);
    // As a host stores them.
    let (Fitted::Collaborative(of), Fitted::Factor(other)) = (&collaborative, &factor) else {
        panic!("of their kinds")
    };
    let _ = restarted.install(Collaborative::from_bytes(&of.to_bytes().unwrap()).unwrap());
    let _ = restarted.install(Factor::from_bytes(&other.to_bytes().unwrap()).unwrap());
    assert_eq!(ask(&restarted, "ann"), answer);
    restarted.restore(&plain).unwrap();
    assert_eq!(ask(&restarted, "ann"), answer, "what is installed stays");
}

/// Of everything that the models know, some is not for sale (any more), and some is not asked for.
#[test]
fn stale_and_filtered_items_are_never_shown() {
    for sources in [r#"["next_click"]"#, r#"["collaborative"]"#, r#"["factor"]"#] {
        for repeat in ["allow", "forbid", "first"] {
            let shop = shop(&format!(
                r#"{{"sources": {sources}, "limit": 30, "repeat": "{repeat}",
                    "filters": {{"category": {{"context": "category"}}}}}}"#
            ));
            for (minute, item) in [(890, 6), (891, 2), (892, 4)] {
                view(&shop, "ann", item, minute);
            }
            fitted(&shop).into_iter().for_each(|model| drop(shop.install(model)));
            shop.remove_item("i8").unwrap();
            let decision = ask(&shop, "ann");
            let shown = items(&decision);
            assert!(shown.iter().all(|item| *item < 20 && *item != 8), "{sources}: {shown:?}");
            match repeat {
                "forbid" => assert!(shown.iter().all(|item| ![2, 4, 6].contains(item)) && shown.len() == 16),
                "first" => assert!(shown[0] == 4 && shown.len() == 19),
                _ => assert_eq!(shown.len(), 19),
            }
        }
    }
}

#[test]
fn erasing_somebody_takes_their_visits_along() {
    let recommend = r#"{"sources": ["next_click"], "limit": 4}"#;
    let shop = shop(recommend);
    let visits = |shop: &Personalizer| shop.with_models(|models| models.clicks.as_ref().unwrap().sessions().clone());
    let without = visits(&shop);
    // On a device first, then by name.
    let visit = Event::by_visitor(EventKind::ItemViewed, "tablet", at(880)).item("i4");
    shop.ingest(&visit, at(880)).unwrap();
    let mut known = Event::new(EventKind::ItemViewed, "ann", at(881)).item("i6");
    known.anonymous = Some("tablet".to_owned());
    shop.ingest(&known, at(881)).unwrap();
    let old = shop.snapshot().unwrap();
    assert!(visits(&shop) != without);
    shop.erase(UserKey::known("ann"), at(885));
    assert!(visits(&shop) == without);
    // They stay gone when an old snapshot comes back, or what another process has learned is taken in.
    shop.restore(&old).unwrap();
    assert!(visits(&shop) == without);
    let other = Personalizer::new(engine(recommend));
    other.ingest(&visit, at(880)).unwrap();
    other.ingest(&known, at(881)).unwrap();
    shop.merge(&other.snapshot().unwrap(), at(886)).unwrap();
    assert!(visits(&shop) == without);
}

#[test]
fn visits_are_kept_no_longer_than_histories() {
    let definitions = Definitions::from_json(
        r#"{"placements": ["page"], "settings": {"retention": {"history": "10h", "unseen": "100d"}},
            "campaigns": [{"name": "c", "placement": "page", "recommend": {"sources": ["next_click"]}}]}"#,
    )
    .unwrap();
    let shop = Personalizer::new(Engine::new(definitions).unwrap());
    for n in 0..4 {
        view(&shop, &format!("user-{n}"), n, n * 60);
    }
    assert_eq!(shop.retain(at(630)).visits, 1, "those of user-0 are older than ten hours");
    let visits = |shop: &Personalizer| shop.with_models(|models| models.clicks.as_ref().unwrap().sessions().len());
    assert_eq!((shop.retain(at(631)).visits, visits(&shop)), (0, 3));
}

#[test]
fn shards_that_learned_apart_merge() -> Result<(), Error> {
    let recommend = r#"{"sources": ["next_click"], "limit": 4}"#;
    let (one, other, both) = (
        Personalizer::new(engine(recommend)),
        Personalizer::new(engine(recommend)),
        Personalizer::new(engine(recommend)),
    );
    for crowd in 0..40_u32 {
        for step in 0..3 {
            let of = if crowd % 2 == 0 { &one } else { &other };
            for shop in [of, &both] {
                view(shop, &format!("crowd-{crowd}"), (crowd + step) % 20, crowd * 10 + step);
            }
        }
    }
    one.merge(&other.snapshot()?, at(900))?;
    let sessions = |shop: &Personalizer| shop.with_models(|models| models.clicks.as_ref().unwrap().sessions().clone());
    assert!(sessions(&one) == sessions(&both));
    Ok(())
}

/// Bytes whose checksums fit and which are no model are refused, or else are one that answers.
#[test]
fn damaged_models_with_sound_checksums_are_refused_or_answer() {
    let shop = shop(r#"{"sources": ["next_click"], "limit": 4}"#);
    let clicks = shop.with_models(|models| models.clicks.as_ref().unwrap().to_bytes().unwrap());
    let [Fitted::Collaborative(collaborative), Fitted::Factor(factor)] = fitted(&shop) else {
        panic!("of their kinds")
    };
    let mut dice = Dice::new(23);
    let mut read = [0, 0, 0];
    for turn in 0..3_000 {
        let damage = |bytes: &[u8], kind: usize, dice: &mut Dice| {
            let mut bytes = bytes.to_vec();
            for _ in 0..=turn % 3 {
                let place = 24 + kind + dice.below(bytes.len() - 24 - kind);
                // Lengths are among the first; a number of a varint's greatest size follows often.
                let place = if turn % 2 == 0 { 24 + kind + (place - 24 - kind) % 64 } else { place };
                bytes[place] = if dice.coin() { 0xff } else { dice.below(256) as u8 };
            }
            let parts = [&bytes[..16], &bytes[24..]].map(|part| xxh3_64(part).to_le_bytes());
            let sum = xxh3_64(&parts.concat());
            bytes[16..24].copy_from_slice(&sum.to_le_bytes());
            bytes
        };
        if let Ok(model) = Clicks::from_bytes(&damage(&clicks, "clicks".len(), &mut dice)) {
            read[0] += 1;
            answers(&model);
        }
        let bytes = collaborative.to_bytes().unwrap();
        if let Ok(model) = Collaborative::from_bytes(&damage(&bytes, "collaborative".len(), &mut dice)) {
            read[1] += 1;
            answers(&model);
        }
        let bytes = factor.to_bytes().unwrap();
        if let Ok(model) = Factor::from_bytes(&damage(&bytes, "factor".len(), &mut dice)) {
            read[2] += 1;
            answers(&model);
        }
    }
    assert!(read.iter().all(|read| *read > 20 && *read < 2_980), "{read:?}");
}

#[track_caller]
fn answers(model: &dyn Recommender) {
    let seen =
        |i: u32| Seen { item: format!("i{i}").as_str().into(), time: at(895), weight: 1.0, kind: SeenKind::Viewed };
    let (history, mut slate) = ([seen(2), seen(4)], Vec::new());
    let query = Query { history: &history, now: at(900), limit: 5, accept: &|_| true, pool: None };
    model.rank(&query, &mut Scratch::default(), &mut slate);
    assert!(slate.iter().all(|of| of.score.is_finite() && of.score >= 0.0), "{slate:?}");
}
