//! The door: what bad input does, and that none of it panics.

use bespoke::event::{Event, EventError, EventItem, EventKind, segment_spec};
use bespoke::time::{Span, Timestamp};
use bespoke::value::Value;
use proptest::prelude::*;

const NOW: Timestamp = Timestamp::from_millis(1_772_366_400_000);

fn view() -> Event {
    Event::new(EventKind::ItemViewed, "ann", NOW).item("shoe-1")
}

fn with_item(change: impl Fn(&mut EventItem)) -> Event {
    let mut event = view();
    change(&mut event.items[0]);
    event
}

#[track_caller]
fn refused(event: &Event) -> EventError {
    event.check(NOW).unwrap_err()
}

#[test]
fn numbers_that_are_not_finite_or_out_of_range_are_refused() {
    for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e13, -1e13] {
        let event = Event { value: Some(bad), ..view() };
        assert!(matches!(refused(&event), EventError::Number { field: "value", .. }), "{bad}");
        let event = with_item(|item| item.price = Some(bad));
        assert!(matches!(refused(&event), EventError::Number { field: "items.price", .. }), "{bad}");
        let event = with_item(|item| item.quantity = bad);
        assert!(matches!(refused(&event), EventError::Number { field: "items.quantity", .. }), "{bad}");
    }
    for bad in [0.0, -0.0, -1.0] {
        assert!(matches!(refused(&with_item(|item| item.quantity = bad)), EventError::Number { .. }), "{bad}");
    }
    assert_eq!(Event { value: Some(-20.0), ..view() }.check(NOW), Ok(()), "a refund has a negative value");
    for bad in [f64::NAN, f64::INFINITY] {
        assert!(matches!(refused(&view().property("x", bad)), EventError::Value { field: "properties", .. }));
        assert!(matches!(refused(&view().attribute("x", vec![bad])), EventError::Value { field: "attributes", .. }));
    }
}

#[test]
fn times_far_off_are_refused() {
    for millis in [i64::MIN, -1, i64::MAX, 253_402_300_800_000] {
        let event = Event { time: Timestamp::from_millis(millis), ..view() };
        assert!(matches!(refused(&event), EventError::Implausible { .. }), "{millis}");
    }
    let skew = Span::minutes(5);
    assert_eq!(Event { time: NOW + skew, ..view() }.check(NOW), Ok(()));
    let event = Event { time: NOW + skew + Span::from_millis(1), ..view() };
    assert!(matches!(refused(&event), EventError::Future { .. }));
}

#[test]
fn ids_are_neither_empty_nor_a_megabyte() {
    let long = "x".repeat(1 << 20);
    type Change = fn(&mut Event, String);
    let fields: [(&str, Change); 9] = [
        ("user", |event, id| event.user = Some(id)),
        ("anonymous", |event, id| event.anonymous = Some(id)),
        ("id", |event, id| event.id = Some(id)),
        ("device", |event, id| event.device = Some(id)),
        ("channel", |event, id| event.channel = Some(id)),
        ("source", |event, id| event.source = Some(id)),
        ("currency", |event, id| event.currency = Some(id)),
        ("previous", |event, id| event.previous = Some(id)),
        ("items.id", |event, id| event.items[0].id = id),
    ];
    for (name, change) in fields {
        let mut event = view();
        change(&mut event, String::new());
        assert_eq!(refused(&event), EventError::EmptyId { field: name });
        change(&mut event, long.clone());
        let error = refused(&event);
        assert_eq!(error, EventError::LongId { field: name, bytes: 1 << 20 });
        assert!(error.to_string().len() < 200);
    }
    let event = Event { kind: EventKind::from(long.as_str()), ..view() };
    assert!(matches!(refused(&event), EventError::LongId { field: "kind", .. }));
    assert!(matches!(refused(&view().property(long, 1)), EventError::LongId { field: "properties", .. }));
}

#[test]
fn oversized_events_are_refused() {
    let mut event = view();
    event.items = std::iter::repeat_n(EventItem::new("a"), 10_000).collect();
    assert_eq!(refused(&event), EventError::TooMany { field: "items", found: 10_000, limit: 500 });
    let event = (0..501).fold(view(), |event, n| event.property(n.to_string(), n));
    assert_eq!(refused(&event), EventError::TooMany { field: "properties", found: 501, limit: 500 });
    let deep = (0..9).fold(Value::from(1), |value, _| vec![value].into());
    assert!(matches!(refused(&view().property("deep", deep)), EventError::Value { .. }));
    assert!(matches!(refused(&view().property("big", "x".repeat(65_537))), EventError::Value { .. }));
}

#[test]
fn nobody_no_decision_and_no_previous_id_are_refused() {
    assert_eq!(refused(&Event { user: None, ..view() }), EventError::NoUser);
    assert_eq!(refused(&Event::new(EventKind::Exposed, "ann", NOW)), EventError::NoDecision);
    assert_eq!(refused(&Event::new(EventKind::Aliased, "ann", NOW)), EventError::NoPrevious);
}

#[test]
fn text_that_nests_without_end_is_an_error_in_every_reader() {
    for open in ["[", "{\"a\":", "{\"batch\":["] {
        assert!(Event::read(&open.repeat(100_000)).is_err());
        assert!(segment_spec::from_json(&open.repeat(100_000)).is_err());
    }
}

/// JSON that looks like an event often enough to come far.
fn json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<f64>().prop_map(Into::into),
        "[a-z0-9 ]{0,12}".prop_map(Into::into),
        prop::sample::select(TEXTS).prop_map(Into::into),
    ];
    leaf.prop_recursive(5, 64, 8, |inner| {
        let name = prop_oneof![4 => prop::sample::select(NAMES).prop_map(str::to_owned), 1 => any::<String>()];
        prop_oneof![
            1 => prop::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
            3 => prop::collection::btree_map(name, inner, 0..12)
                .prop_map(|fields| serde_json::Value::Object(fields.into_iter().collect())),
        ]
    })
}

/// What is read and sound is read again from what it is written as.
fn read_all(text: &str) -> Result<(), TestCaseError> {
    let _ = segment_spec::from_json(text);
    let _ = Event::from_json(text);
    for event in Event::read(text).unwrap_or_default() {
        if event.check(Timestamp::MAX).is_ok() {
            let again = Event::from_json(&serde_json::to_string(&event).unwrap()).unwrap();
            prop_assert_eq!(again, event);
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_panics(text in any::<String>()) {
        read_all(&text)?;
    }

    #[test]
    fn no_json_panics(json in json()) {
        read_all(&json.to_string())?;
    }

    #[test]
    fn an_event_in_order_but_for_one_field_is_read_or_refused(
        name in prop::sample::select(NAMES),
        type_name in prop::sample::select(&["identify", "track", "page", "screen", "group", "alias"][..]),
        value in json(),
    ) {
        let mut message = serde_json::json!({
            "type": type_name, "userId": "ann", "timestamp": "2026-03-01", "event": "Order Completed",
            "groupId": "g", "previousId": "p", "properties": {"product_id": "a", "price": 1.5},
        });
        message["properties"][name] = value.clone();
        read_all(&message.to_string())?;
        message[name] = value;
        read_all(&message.to_string())?;
    }
}

const TEXTS: &[&str] = &["track", "2026-03-01", "item_viewed", "Experiment Viewed", "00000000000000ff", "19.99", "NaN"];
const NAMES: &[&str] = &[
    "type",
    "kind",
    "batch",
    "userId",
    "user",
    "timestamp",
    "time",
    "event",
    "properties",
    "traits",
    "attributes",
    "context",
    "products",
    "items",
    "price",
    "quantity",
    "revenue",
    "value",
    "decision",
    "page",
    "referrer",
    "url",
];
