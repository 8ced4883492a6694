//! No bytes make a reader of states panic, and what passes the door is written again, read as the same, and used.
//!
//! The first byte of the input says how to read the others; most modes put them behind a checksum that fits, so that
//! the decoder behind it is reached. `BESPOKE_SEEDS=fuzz/seeds/snapshot_bytes cargo +nightly fuzz run snapshot_bytes
//! -- -runs=0` writes the seeds anew, as is due when a stored form changes.

#![no_main]

use std::sync::OnceLock;

use bespoke::catalog::Item;
use bespoke::decision::Request;
use bespoke::engine::{DecideScratch, Engine, Fitted, Models};
use bespoke::event::{Event, EventKind};
use bespoke::hash::Symbol;
use bespoke::id::UserKey;
use bespoke::personalizer::Personalizer;
use bespoke::profile::Profile;
use bespoke::recommend::{
    Clicks, Collaborative, CollaborativeSettings, Factor, FactorSettings, Log, Neighbors, Popular, Query, Recommender,
    Scratch, Seen, SeenKind,
};
use bespoke::state::State;
use bespoke::time::{Span, Timestamp};
use xxhash_rust::xxh3::xxh3_64;

libfuzzer_sys::fuzz_target!(init: write_seeds(), |bytes: &[u8]| {
    let Some((mode, bytes)) = bytes.split_first() else { return };
    match mode {
        0 => raw(bytes),
        1 => raw(&sealed_again(bytes)),
        2 => profile(&sealed(Profile::KIND, Profile::VERSION, bytes)),
        3 => models(&sealed(Models::KIND, Models::VERSION, bytes)),
        4 => popular(&sealed(Popular::KIND, Popular::VERSION, bytes)),
        5 => neighbors(&sealed(Neighbors::KIND, Neighbors::VERSION, bytes)),
        7 => clicks(&sealed(Clicks::KIND, Clicks::VERSION, bytes)),
        8 => collaborative(&sealed("collaborative", 1, bytes)),
        9 => factor(&sealed("factor", 1, bytes)),
        _ => {
            if let Some(snapshot) = snapshot_of(bytes) {
                personalizer(&snapshot);
            }
        }
    }
});

fn raw(bytes: &[u8]) {
    profile(bytes);
    models(bytes);
    popular(bytes);
    neighbors(bytes);
    clicks(bytes);
    collaborative(bytes);
    factor(bytes);
    personalizer(bytes);
}

/// Reads a state, and checks that it has a stored form that holds all of it.
fn read<S: State>(bytes: &[u8]) -> Option<S> {
    let state = S::from_bytes(bytes).ok()?;
    let written = state.to_bytes().expect("a state can be written");
    let again = S::from_bytes(&written).expect("what was written can be read");
    assert!(again.to_bytes().expect("a state can be written") == written, "what was read differs");
    let mut merged = S::from_bytes(bytes).expect("it was read before");
    merged.merge(&state);
    let merged = merged.to_bytes().expect("a merged state can be written");
    assert!(S::from_bytes(&merged).is_ok(), "a merged state can be read");
    Some(state)
}

fn profile(bytes: &[u8]) {
    let Some(mut profile) = read::<Profile>(bytes) else { return };
    let engine = engine();
    let mut models = engine.models();
    for event in events(NOW) {
        engine.apply(&event, &mut profile, &models.catalog, event.time);
        engine.learn(&event, &profile, &mut models, &mut Vec::new());
    }
    for request in requests() {
        engine.decide(&request, &profile, &models, NOW, &mut DecideScratch::default());
    }
    let _ = engine.memberships(&profile, NOW + Span::days(4000)).count();
    engine.refresh(&mut profile, &models.catalog, NOW + Span::days(4000));
    let _ = profile.bytes();
    still_readable(&profile);
}

fn models(bytes: &[u8]) {
    let Some(mut models) = read::<Models>(bytes) else { return };
    let engine = engine();
    // Definitions may have changed since a state was stored, so both must go well: with fitting, and without.
    for is_fitted in [false, true] {
        if is_fitted {
            engine.adopt(&mut models);
        }
        let mut profile = Profile::default();
        for event in events(NOW) {
            engine.apply(&event, &mut profile, &models.catalog, event.time);
            engine.learn(&event, &profile, &mut models, &mut Vec::new());
        }
        for request in requests() {
            engine.decide(&request, &profile, &models, NOW, &mut DecideScratch::default());
        }
    }
    let _ = models.catalog.upsert(Item::new("hat").category("hats"));
    models.catalog.remove("shoe");
    still_readable(&models);
}

fn popular(bytes: &[u8]) {
    let Some(mut popular) = read::<Popular>(bytes) else { return };
    popular.learn(Symbol::new("shoe"), 2.0, NOW);
    rank(&popular);
    still_readable(&popular);
}

fn neighbors(bytes: &[u8]) {
    let Some(mut neighbors) = read::<Neighbors>(bytes) else { return };
    let shoe = Seen { item: Symbol::new("shoe"), time: NOW, weight: 2.0, kind: SeenKind::Viewed };
    neighbors.learn(shoe, &history());
    rank(&neighbors);
    still_readable(&neighbors);
}

fn clicks(bytes: &[u8]) {
    let Some(mut clicks) = read::<Clicks>(bytes) else { return };
    let shoe = Seen { item: Symbol::new("shoe"), time: NOW, weight: 2.0, kind: SeenKind::Viewed };
    clicks.learn(Symbol::new("ann"), shoe, &history());
    rank(&clicks);
    clicks.forget(Symbol::new("ann"), Timestamp::MAX);
    still_readable(&clicks);
}

/// A fitted model does not merge, but it is stored, asked, and put to work whole.
fn collaborative(bytes: &[u8]) {
    let Ok(model) = Collaborative::from_bytes(bytes) else { return };
    let written = model.to_bytes().expect("a model can be written");
    let again = Collaborative::from_bytes(&written).expect("what was written can be read");
    assert!(again.to_bytes().expect("a model can be written") == written, "what was read differs");
    assert!(model.heap_bytes() <= MOST_HELD + 100 * bytes.len(), "{} bytes held", model.heap_bytes());
    rank(&model);
    put_to_work(model);
}

fn factor(bytes: &[u8]) {
    let Ok(model) = Factor::from_bytes(bytes) else { return };
    let written = model.to_bytes().expect("a model can be written");
    let again = Factor::from_bytes(&written).expect("what was written can be read");
    assert!(again.to_bytes().expect("a model can be written") == written, "what was read differs");
    assert!(model.heap_bytes() <= MOST_HELD + 100 * bytes.len(), "{} bytes held", model.heap_bytes());
    rank(&model);
    put_to_work(model);
}

fn put_to_work(model: impl Into<Fitted>) {
    let engine = engine();
    let mut models = engine.models();
    for item in [Item::new("hat").category("hats"), Item::new("shoe").category("shoes")] {
        models.catalog.upsert(item).expect("the items are sound");
    }
    let _ = models.install(model);
    let mut profile = Profile::default();
    for event in events(NOW) {
        engine.apply(&event, &mut profile, &models.catalog, event.time);
    }
    for request in requests() {
        engine.decide(&request, &profile, &models, NOW, &mut DecideScratch::default());
    }
}

fn personalizer(bytes: &[u8]) {
    let shop = Personalizer::new(engine());
    if shop.restore(bytes).is_err() {
        assert_eq!(shop.people(), 0, "a snapshot that is refused changes nothing");
        return;
    }
    let written = shop.snapshot().expect("a state can be written");
    shop.restore(&written).expect("what was written can be restored");
    assert!(shop.snapshot().expect("a state can be written") == written, "what was restored differs");
    use_all(&shop);
    shop.erase(UserKey::known("ann"), NOW);
    let written = shop.snapshot().expect("a state can be written");
    shop.restore(&written).expect("what was written can be restored");
}

fn use_all(shop: &Personalizer) {
    for event in events(NOW) {
        let _ = shop.ingest(&event, event.time);
    }
    for request in requests() {
        let decision = shop.decide(&request, NOW + Span::minutes(9));
        let mut shown = Event::new(EventKind::Exposed, "ann", NOW + Span::minutes(9));
        shown.decision = Some(decision.id);
        let _ = shop.ingest(&shown, NOW + Span::minutes(9));
    }
    let _ = shop.ingest(&bought(NOW + Span::minutes(10)), NOW + Span::minutes(10));
    let _ = shop.memberships(UserKey::known("ann"), NOW + Span::days(4000));
    let _ = (shop.report(), shop.people_bytes());
}

/// What a few people have, for models that are fitted in one go.
fn log() -> Log {
    let mut log = Log::default();
    for (user, item) in [("ann", "hat"), ("ann", "shoe"), ("bob", "hat"), ("bob", "shoe"), ("bob", "cap"), ("cid", "cap")] {
        let seen = Seen { item: Symbol::new(item), time: NOW, weight: 1.0, kind: SeenKind::Viewed };
        log.push(Symbol::new(user), seen);
    }
    log
}

/// What was used must have a stored form still.
fn still_readable<S: State>(state: &S) {
    let written = state.to_bytes().expect("a state can be written");
    assert!(S::from_bytes(&written).is_ok(), "a state that was used can be read");
}

fn rank(recommender: &dyn Recommender) {
    let query = Query { history: &history(), now: NOW, limit: 5, accept: &|_| true, pool: None };
    let mut slate = Vec::new();
    recommender.rank(&query, &mut Scratch::default(), &mut slate);
    for candidate in slate {
        assert!(candidate.score.is_finite() && candidate.score >= 0.0, "{candidate:?}");
    }
}

fn history() -> [Seen; 2] {
    ["hat", "shoe"].map(|item| Seen { item: Symbol::new(item), time: NOW, weight: 1.0, kind: SeenKind::Viewed })
}

/// What happens to Ann, who has an id from before she was known.
fn events(now: Timestamp) -> Vec<Event> {
    let at = |n| now + Span::minutes(n);
    let mut known = Event::new(EventKind::Identified, "ann", at(2)).attribute("plan", "pro");
    known.anonymous = Some("a-1".to_owned());
    vec![
        Event::by_visitor(EventKind::ItemViewed, "a-1", at(0)).item("hat").id("e0"),
        Event::by_visitor(EventKind::ItemViewed, "a-1", at(1)).item("shoe").id("e1"),
        known,
        bought(at(3)),
    ]
}

fn bought(time: Timestamp) -> Event {
    Event::new(EventKind::Purchased, "ann", time).item("shoe").value(20.0, "EUR").property("page", "/")
}

fn requests() -> [Request; 3] {
    ["home", "list", "offers"].map(|placement| Request::new(placement).user("ann"))
}

fn engine() -> Engine {
    static DEFINITIONS: OnceLock<bespoke::Definitions> = OnceLock::new();
    let definitions = || bespoke::Definitions::from_json(DEFINED).expect("the definitions are sound");
    Engine::new(DEFINITIONS.get_or_init(definitions).clone()).expect("the definitions compile")
}

const NOW: Timestamp = Timestamp::from_millis(1_772_366_400_000);

const DEFINED: &str = r#"{
    "schema": {"attributes": {"plan": "text"}, "affinities": [{"attribute": "category", "half_life": "30d"}]},
    "segments": [
        {"name": "keen", "rule": "event('item_viewed').where(category = 'hats').within(7 days).count() >= 1"},
        {"name": "big", "rule": "event('purchased').within(14 days).sum(value) >= 10 OR affinity('category', 'hats') > 0.1"},
        {"name": "now", "rule": "session(views) >= 1 AND NOT segment('big') OR event('purchased').last() EXISTS"}
    ],
    "placements": ["home", "list", "offers"],
    "campaigns": [
        {"name": "banner", "placement": "home", "variants": [{"name": "a"}, {"name": "b"}],
         "chooser": {"contextual": {}}, "features": ["segment('keen')", {"context": "hour", "missing": 12}],
         "goal": {"event": "purchased", "within": "1d"}},
        {"name": "offer", "placement": "offers", "variants": [{"name": "a"}, {"name": "b"}],
         "chooser": {"thompson": {"payoff": "revenue"}, "half_life": "7d", "burn_in": 2, "floor": 0.01,
                     "budget": {"share": 0.1, "every": "1d"}},
         "goal": {"event": "purchased", "within": "1d", "pay": "amount"}},
        {"name": "greedy", "placement": "home", "audience": "segment('big')", "priority": 1,
         "variants": [{"name": "a"}, {"name": "b"}],
         "chooser": {"epsilon_greedy": {"epsilon": 0.1}}, "goal": {"event": "purchased", "within": "1d", "pay": "amount"}},
        {"name": "items", "placement": "list", "goal": {"event": "purchased", "within": "1d"}, "recommend": {
            "blend": {"related": 1, "next_click": 1, "collaborative": 1, "factor": 1, "learn": true},
            "sources": ["recent", "popular", "catalog"], "limit": 5
        }}
    ]
}"#;

/// The checksum of a frame, as `src/state/mod.rs` describes it.
fn sum(header: &[u8], body: &[u8]) -> [u8; 8] {
    let parts = [xxh3_64(header).to_le_bytes(), xxh3_64(body).to_le_bytes()];
    xxh3_64(&parts.concat()).to_le_bytes()
}

/// A frame around a payload.
fn sealed(kind: &str, version: u16, payload: &[u8]) -> Vec<u8> {
    let mut frame = b"BSPK".to_vec();
    frame.extend_from_slice(&version.to_le_bytes());
    frame.extend_from_slice(&(kind.len() as u16).to_le_bytes());
    frame.extend_from_slice(&(payload.len() as u64).to_le_bytes());
    let body = [kind.as_bytes(), payload].concat();
    frame.extend_from_slice(&sum(&frame, &body));
    frame.extend_from_slice(&body);
    frame
}

/// The bytes with a fitting checksum in each of their frames.
fn sealed_again(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let mut rest = bytes.as_mut_slice();
    while let Some((frame, after)) = split_frame(rest) {
        let (header, body) = frame.split_at_mut(24);
        let sum = sum(&header[..16], body);
        header[16..].copy_from_slice(&sum);
        rest = after;
    }
    bytes
}

fn split_frame(bytes: &mut [u8]) -> Option<(&mut [u8], &mut [u8])> {
    let kind = u16::from_le_bytes(*bytes.get(6..)?.first_chunk()?);
    let payload = u64::from_le_bytes(*bytes.get(8..)?.first_chunk()?);
    let len = usize::try_from(payload).ok()?.checked_add(usize::from(kind))?.checked_add(24)?;
    bytes.split_at_mut_checked(len)
}

/// A whole snapshot in which one shard is filled: a byte for the shard, then the lengths of the models, the
/// identities and the people in two bytes each, then these. All else is that of a shop with nobody in it.
fn snapshot_of(bytes: &[u8]) -> Option<Vec<u8>> {
    static EMPTY: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
    let empty = EMPTY.get_or_init(|| frames(&Personalizer::new(engine()).snapshot().expect("a state can be written")));
    let (&[shard, a, b, c, d], rest) = bytes.split_first_chunk()?;
    let (models, rest) = rest.split_at_checked(usize::from(u16::from_le_bytes([a, b])))?;
    let (identities, people) = rest.split_at_checked(usize::from(u16::from_le_bytes([c, d])))?;
    // The number of people, as postcard writes a number, begins the list; a byte is enough for so few bytes.
    let count = people.first().copied().filter(|count| *count < 128)?;
    let mut head = payload("personalizer", &empty[0]);
    head[1] = count;
    let first = BEFORE_SHARDS + 2 * usize::from(shard % SHARDS);
    let mut out = sealed("personalizer", 1, &head);
    out.extend(sealed(Models::KIND, Models::VERSION, models));
    empty[2..first].iter().for_each(|frame| out.extend(frame));
    out.extend(sealed("identities", 1, identities));
    out.extend(sealed("people", 1, people));
    empty[first + 2..].iter().for_each(|frame| out.extend(frame));
    Some(out)
}

/// The frames of a snapshot: the head, the models, the groups, the names, then two for each shard.
fn frames(snapshot: &[u8]) -> Vec<Vec<u8>> {
    let mut bytes = snapshot.to_vec();
    let mut rest = bytes.as_mut_slice();
    let mut frames = Vec::new();
    while let Some((frame, after)) = split_frame(rest) {
        frames.push(frame.to_vec());
        rest = after;
    }
    frames
}

fn payload(kind: &str, frame: &[u8]) -> Vec<u8> {
    frame[24 + kind.len()..].to_vec()
}

/// What a model of settings alone may hold: the square of the largest rank, twice.
const MOST_HELD: usize = 2 * 8 * 1024 * 1024 + 65_536;
const BEFORE_SHARDS: usize = 4;
const SHARDS: u8 = 64;

/// Writes the states that a small shop comes to, one for each mode, into the folder that the environment names.
fn write_seeds() {
    let Ok(folder) = std::env::var("BESPOKE_SEEDS") else { return };
    let shop = Personalizer::new(engine());
    for item in [Item::new("hat").category("hats"), Item::new("shoe").category("shoes/trail").tag("red")] {
        shop.upsert_item(item).expect("the items are sound");
    }
    use_all(&shop);
    let write = |name: &str, mode: u8, bytes: &[u8]| {
        let path = std::path::Path::new(&folder).join(name);
        std::fs::write(path, [&[mode], bytes].concat()).expect("seeds can be written");
        let is_read = match mode {
            2 => Profile::from_bytes(&sealed(Profile::KIND, Profile::VERSION, bytes)).is_ok(),
            3 => Models::from_bytes(&sealed(Models::KIND, Models::VERSION, bytes)).is_ok(),
            4 => Popular::from_bytes(&sealed(Popular::KIND, Popular::VERSION, bytes)).is_ok(),
            5 => Neighbors::from_bytes(&sealed(Neighbors::KIND, Neighbors::VERSION, bytes)).is_ok(),
            7 => Clicks::from_bytes(&sealed(Clicks::KIND, Clicks::VERSION, bytes)).is_ok(),
            8 => Collaborative::from_bytes(&sealed("collaborative", 1, bytes)).is_ok(),
            9 => Factor::from_bytes(&sealed("factor", 1, bytes)).is_ok(),
            1 => Personalizer::new(engine()).restore(&sealed_again(bytes)).is_ok(),
            _ => snapshot_of(bytes).is_some_and(|bytes| Personalizer::new(engine()).restore(&bytes).is_ok()),
        };
        assert!(is_read, "the seed {name} leads nowhere");
    };
    let ann = shop.profile(UserKey::known("ann")).expect("Ann is known").to_bytes().expect("it can be written");
    write("profile", 2, &payload(Profile::KIND, &ann));
    let (models, popular, neighbors) =
        shop.with_models(|models| (models.to_bytes(), models.popular.to_bytes(), models.neighbors.to_bytes()));
    let models = payload(Models::KIND, &models.expect("it can be written"));
    write("models", 3, &models);
    write("popular", 4, &payload(Popular::KIND, &popular.expect("it can be written")));
    write("neighbors", 5, &payload(Neighbors::KIND, &neighbors.expect("it can be written")));
    let clicks = shop.with_models(|models| models.clicks.as_ref().map(State::to_bytes));
    let clicks = clicks.expect("a strategy asks for next clicks").expect("it can be written");
    write("clicks", 7, &payload(Clicks::KIND, &clicks));
    let collaborative = Collaborative::fit(&log(), CollaborativeSettings { rank: 2, ..Default::default() }, 1);
    let collaborative = collaborative.expect("the settings are sound").to_bytes().expect("it can be written");
    write("collaborative", 8, &payload("collaborative", &collaborative));
    let factor = Factor::fit(&log(), FactorSettings { rank: 2, ..Default::default() }, 1);
    let factor = factor.expect("the settings are sound").to_bytes().expect("it can be written");
    write("factor", 9, &payload("factor", &factor));
    let snapshot = shop.snapshot().expect("a state can be written");
    write("snapshot", 1, &snapshot);

    // The shards that hold more than their empty form, as the parts of one snapshot each.
    let empty = frames(&Personalizer::new(engine()).snapshot().expect("a state can be written"));
    let frames = frames(&snapshot);
    for (shard, at) in (BEFORE_SHARDS..frames.len()).step_by(2).enumerate() {
        if frames[at..at + 2] != empty[at..at + 2] {
            let (identities, people) = (payload("identities", &frames[at]), payload("people", &frames[at + 1]));
            let len = |bytes: &[u8]| (bytes.len() as u16).to_le_bytes();
            let head = [&[shard as u8][..], &len(&models), &len(&identities)].concat();
            write(&format!("shard-{shard}"), 6, &[head, models.clone(), identities, people].concat());
        }
    }
}
