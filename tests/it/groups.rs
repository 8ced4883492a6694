//! People belong to groups whose attributes rules read; a group's change reaches its people when they are looked at.

use bespoke::event::{Event, EventKind};
use bespoke::personalizer::Limits;
use bespoke::value::Value;
use bespoke::{Engine, Personalizer, Request, Span, Timestamp, UserKey};

use crate::dice::Dice;

const DEFINITIONS: &str = r#"{
    "schema": {"groups": {"company": {"plan": "text", "seats": "number"}, "household": {}}},
    "segments": [
        {"name": "enterprise", "rule": "group('company').plan = 'enterprise'"},
        {"name": "acme", "rule": "group('company').id = 'acme' AND NOT segment('enterprise')"},
        {"name": "alone", "rule": "NOT group('company').id EXISTS"}
    ],
    "placements": ["home"],
    "campaigns": [{"name": "upsell", "placement": "home", "audience": "group('company').seats >= 10", "payload": 1}]
}"#;

fn shop() -> Personalizer {
    Personalizer::new(Engine::from_json(DEFINITIONS).unwrap())
}

fn at(minute: i64) -> Timestamp {
    "2026-03-01T12:00:00Z".parse::<Timestamp>().unwrap() + Span::from_millis(minute * 60_000)
}

fn joins(user: &str, company: &str, minute: i64) -> Event {
    Event::new(EventKind::Grouped, user, at(minute)).property("group_kind", "company").property("group_id", company)
}

fn segments(shop: &Personalizer, user: &str, minute: i64) -> Vec<String> {
    shop.memberships(UserKey::known(user), at(minute)).iter().map(ToString::to_string).collect()
}

#[test]
fn a_change_of_a_group_reaches_its_people_when_they_are_read_and_is_told_when_they_are_touched() {
    let shop = shop();
    let taken =
        shop.ingest(&joins("ann", "acme", 0).attribute("plan", "free").attribute("seats", "many"), at(0)).unwrap();
    assert_eq!((taken.entered.len(), taken.left.len(), taken.mismatched.len()), (1, 1, 1));
    shop.ingest(&joins("bob", "acme", 1), at(1)).unwrap();
    assert_eq!(segments(&shop, "ann", 2), ["acme"]);
    shop.ingest(&joins("bob", "acme", 3).attribute("plan", "enterprise").attribute("seats", 12.0), at(3)).unwrap();
    assert_eq!(segments(&shop, "ann", 4), ["enterprise"], "bob's event changed ann's company");
    assert_eq!(shop.decide(&Request::new("home").user("ann"), at(4)).campaign.as_deref(), Some("upsell"));
    let told = shop.ingest(&Event::new(EventKind::PageViewed, "ann", at(5)), at(5)).unwrap();
    assert_eq!((&*told.entered[0], &*told.left[0]), ("enterprise", "acme"));
    shop.upsert_group(&joins("crm", "acme", 6).attribute("plan", "free"), at(6)).unwrap();
    let due = shop.due(at(7));
    assert!(shop.profile(UserKey::known("crm")).is_none());
    assert!(due.is_empty() || due.iter().all(|due| due.user != UserKey::known("crm")));
    assert_eq!(segments(&shop, "bob", 8), ["acme"]);
}

#[test]
fn a_person_is_in_the_newest_group_of_a_kind_whatever_the_order_of_arrival() {
    let mut events = vec![
        joins("ann", "acme", 1).attribute("plan", "enterprise"),
        joins("ann", "initech", 2).attribute("plan", "free"),
        joins("ann", "acme", 0).attribute("plan", "free"),
        Event::new(EventKind::Grouped, "ann", at(3)).property("group_kind", "household").property("group_id", "h1"),
        Event::new(EventKind::Grouped, "ann", at(4)).property("group_kind", "club").property("group_id", "c1"),
        joins("bob", "initech", 5),
        joins("bob", "initech", 6).property("left", true),
    ];
    let mut bytes = None;
    for seed in 0..30 {
        Dice::new(seed).shuffle(&mut events);
        let shop = shop();
        for event in &events {
            shop.ingest(event, at(10)).unwrap();
        }
        let ann = shop.profile(UserKey::known("ann")).unwrap();
        let groups: Vec<&str> = ann.groups().map(|(_, id, _)| id).collect();
        assert!(groups.len() == 2 && groups.contains(&"initech") && groups.contains(&"h1"), "no club is declared");
        assert_eq!(segments(&shop, "bob", 10), ["alone"]);
        assert_eq!(shop.group("company", "acme").unwrap().attributes().value("plan"), Some(&"enterprise".into()));
        let snapshot = shop.snapshot().unwrap();
        assert_eq!(bytes.get_or_insert_with(|| snapshot.clone()), &snapshot);
    }
}

#[test]
fn groups_outlast_a_snapshot_and_what_was_erased_does_not_come_back() {
    let shop = shop();
    let joined = joins("ann", "acme", 0).attribute("plan", "enterprise");
    shop.ingest(&joined, at(0)).unwrap();
    let bytes = shop.snapshot().unwrap();
    let again = self::shop();
    again.restore(&bytes).unwrap();
    assert_eq!(again.snapshot().unwrap(), bytes);
    assert_eq!(segments(&again, "ann", 1), ["enterprise"]);
    assert!(again.due(at(1)).iter().all(|due| due.left.is_empty()), "nothing has changed by restoring");
    assert!(again.erase_group("company", "acme", at(2)) && !again.erase_group("company", "acme", at(2)));
    assert_eq!(segments(&again, "ann", 2), ["acme"]);
    again.ingest(&joined, at(3)).unwrap();
    again.restore(&bytes).unwrap();
    assert_eq!(segments(&again, "ann", 3), ["acme"], "neither by an old event nor by an old snapshot");
    again.ingest(&joins("ann", "acme", 4).attribute("plan", "enterprise"), at(4)).unwrap();
    assert_eq!(segments(&again, "ann", 4), ["enterprise"]);
}

#[test]
fn groups_beyond_the_limit_leave_longest_unwritten_first() {
    let limits = Limits { groups: 160, ..Limits::default() };
    let shop = Personalizer::with_limits(Engine::from_json(DEFINITIONS).unwrap(), limits);
    for i in 0..2_000 {
        let event = joins("ann", &format!("c{i}"), i).attribute("plan", "free");
        shop.upsert_group(&event, at(i)).unwrap();
    }
    let kept = (0..2_000).filter(|i| shop.group("company", &format!("c{i}")).is_some()).count();
    assert!((100..=160).contains(&kept), "{kept}");
    assert!(shop.group("company", "c1999").is_some() && shop.group("company", "c0").is_none());
}

#[test]
fn unknown_kinds_and_attributes_of_groups_are_found() {
    let problems = Engine::from_json(
        r#"{"schema": {"groups": {"company": {"plan": "text"}}}, "segments": [
            {"name": "a", "rule": "group('compnay').plan = 'x'"},
            {"name": "b", "rule": {"$group": {"company": {"plann": "x"}}}},
            {"name": "c", "rule": "group('company').plan > 3"},
            {"name": "d", "rule": "group('company') = 3"}
        ]}"#,
    )
    .unwrap_err()
    .to_string();
    for expected in [
        "unknown kind of group `compnay`; did you mean `company`?",
        "unknown attribute of the group `plann`; did you mean `plan`?",
        "`>` needs a number, but `plan` is text",
        "expected `.` and an attribute of the group",
    ] {
        assert!(problems.contains(expected), "{expected}\nis not in\n{problems}");
    }
}

#[test]
fn an_object_of_a_group_exists_while_any_part_of_it_does() {
    let shop = Personalizer::new(
        Engine::from_json(
            r#"{"segments": [
                {"name": "placed", "rule": "group('company').address EXISTS"},
                {"name": "unplaced", "rule": {"$group": {"company": {"address": {"$exists": false}}}}}
            ]}"#,
        )
        .unwrap(),
    );
    shop.ingest(&joins("ann", "acme", 0).attribute("plan", "free"), at(0)).unwrap();
    assert_eq!(segments(&shop, "ann", 0), ["unplaced"]);
    let address: Value = serde_json::from_value(serde_json::json!({"geo": {"lat": 52.5}})).unwrap();
    shop.ingest(&joins("ann", "acme", 1).attribute("address", address), at(1)).unwrap();
    assert_eq!(segments(&shop, "ann", 1), ["placed"]);
    shop.ingest(&joins("ann", "acme", 2).attribute("address", Value::Null), at(2)).unwrap();
    assert_eq!(segments(&shop, "ann", 2), ["unplaced"]);
}
