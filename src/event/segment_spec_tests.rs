//! Messages as the Segment specification shows them, and messages as nobody should send them.

use super::*;

#[track_caller]
fn one(text: &str) -> Event {
    let mut events = from_json(text).unwrap();
    assert_eq!(events.len(), 1);
    let event = events.remove(0);
    event.check(event.time).unwrap();
    event
}

#[track_caller]
fn track(name: &str, properties: &str) -> Event {
    one(&format!(
        r#"{{"type":"track","event":"{name}","userId":"ann","timestamp":"2026-03-01T12:00:00Z","properties":{properties}}}"#
    ))
}

#[test]
fn identify_sets_attributes_and_null_removes_one() {
    let event = one(r#"{
        "anonymousId": "507f191e810c19729de860ea", "channel": "browser", "type": "identify",
        "context": {
            "ip": "8.8.8.8", "userAgent": "Mozilla/5.0", "locale": "en-GB", "device": {"type": "ios", "model": "i7"},
            "traits": {"plan": "free", "city": "Bonn"}
        },
        "messageId": "022bb90c-bbac-11e4-8dfc-aa07a5b093db", "receivedAt": "2015-02-23T22:28:55.387Z",
        "sentAt": "2015-02-23T22:28:55.111Z", "timestamp": "2015-02-23T22:28:55.000Z", "userId": 97980,
        "traits": {"name": "Peter", "plan": "premium", "logins": 5, "phone": null, "address": {"street": "6th St"}},
        "version": 1.1, "integrations": {"All": true}
    }"#);
    assert_eq!((event.kind, event.time.to_string().as_str()), (EventKind::Identified, "2015-02-23T22:28:55Z"));
    assert_eq!(event.user.as_deref(), Some("97980"));
    assert_eq!(event.anonymous.as_deref(), Some("507f191e810c19729de860ea"));
    assert_eq!(event.id.as_deref(), Some("022bb90c-bbac-11e4-8dfc-aa07a5b093db"));
    assert_eq!((event.channel.as_deref(), event.device.as_deref()), (Some("browser"), Some("ios")));
    assert_eq!(event.attributes["plan"], "premium".into());
    assert_eq!(event.attributes["city"], "Bonn".into());
    assert_eq!(event.attributes["phone"], Value::Null);
    assert_eq!(event.properties["context.locale"], "en-GB".into());
    assert!(!event.properties.values().any(|value| value.to_string().contains("8.8.8.8")));
}

#[test]
fn page_and_screen_keep_their_names_and_properties() {
    let event = one(r#"{
        "type": "page", "name": "Home", "anonymousId": "a", "originalTimestamp": "2026-03-01T12:00:00Z",
        "timestamp": null, "properties": {"title": "Welcome", "url": "https://shop.example/", "gone": null},
        "context": {"page": {"path": "/home", "url": "https://www.shop.example/home", "title": "Welcome",
            "referrer": "https://www.Search.example:443/q?x=1"}, "channel": "web"}
    }"#);
    assert_eq!(event.kind, EventKind::PageViewed);
    assert_eq!(event.properties["name"], "Home".into());
    assert_eq!(event.properties["page"], "/home".into());
    assert_eq!(event.properties["title"], "Welcome".into());
    assert!(!event.properties.contains_key("gone"));
    assert_eq!((event.source.as_deref(), event.channel.as_deref()), (Some("search.example"), Some("web")));
    let event = one(r#"{"type": "screen", "name": "Feed", "userId": "a", "sentAt": "2026-03-01"}"#);
    assert_eq!((event.kind, &event.properties["name"]), (EventKind::ScreenViewed, &"Feed".into()));
}

#[test]
fn group_and_alias_link_people() {
    let event = one(r#"{"type": "group", "userId": "ann", "groupId": "0e8c78", "timestamp": "2026-03-01",
        "traits": {"name": "Initech", "employees": 329}}"#);
    assert_eq!((event.kind, &event.properties["group_id"]), (EventKind::Grouped, &"0e8c78".into()));
    assert_eq!(event.attributes["name"], "Initech".into());
    let event = one(r#"{"type": "alias", "previousId": "39239", "userId": "507f19", "timestamp": "2026-03-01"}"#);
    assert_eq!((event.kind, event.previous.as_deref()), (EventKind::Aliased, Some("39239")));
}

#[test]
fn an_order_has_its_items_and_its_value() {
    let event = track(
        "Order Completed",
        r#"{
        "checkout_id": "fksdjfsdjfisjf9sdfjsd9f", "order_id": "50314b8e9bcf000000000000", "total": 27.5,
        "revenue": "25.00", "shipping": 3, "currency": "USD", "coupon": "hasbros",
        "products": [
            {"product_id": "507f1f77bcf86cd799439011", "sku": "45790-32", "name": "Monopoly", "price": 19, "quantity": "2"},
            {"sku": "46493-32", "name": "Uno", "price": "3.50", "quantity": null}
        ]}"#,
    );
    assert_eq!((event.kind, event.value, event.currency.as_deref()), (EventKind::Purchased, Some(25.0), Some("USD")));
    let items: Vec<_> = event.items.iter().map(|item| (item.id.as_str(), item.quantity, item.price)).collect();
    assert_eq!(items, [("507f1f77bcf86cd799439011", 2.0, Some(19.0)), ("46493-32", 1.0, Some(3.5))]);
    assert_eq!(event.properties["order_id"], "50314b8e9bcf000000000000".into());
    assert_eq!(event.properties["total"], 27.5.into());
    assert!(!event.properties.contains_key("revenue") && !event.properties.contains_key("products"));
}

#[test]
fn other_commerce_events_keep_what_they_are_about() {
    let event = track("Product Viewed", r#"{"product_id": "p1", "sku": "G-32", "price": 18.99, "position": 3}"#);
    assert_eq!((event.kind, event.items[0].id.as_str()), (EventKind::ItemViewed, "p1"));
    assert_eq!((&event.properties["position"], &event.properties["sku"]), (&3.into(), &"G-32".into()));
    let event = track("Product List Viewed", r#"{"list_id": "hot", "products": [{"product_id": "a"}, {"sku": "b"}]}"#);
    assert_eq!((event.kind, event.items.len()), (EventKind::ListViewed, 2));
    let event = track("Products Searched", r#"{"query": "blue hotpants"}"#);
    assert_eq!((event.kind, &event.properties["query"]), (EventKind::Searched, &"blue hotpants".into()));
    let event = track("Promotion Viewed", r#"{"promotion_id": "promo_1", "creative": "top_banner"}"#);
    assert_eq!((event.kind, &event.properties["promotion_id"]), (EventKind::PromotionViewed, &"promo_1".into()));
    let event = track("Level Finished", r#"{"value": "high", "price": 3}"#);
    assert_eq!((event.kind.name(), event.value, event.items.len()), ("level_finished", None, 0));
    assert_eq!((&event.properties["value"], &event.properties["price"]), (&"high".into(), &3.into()));
}

#[test]
fn an_experiment_is_an_exposure_only_to_a_decision_of_ours() {
    let event = track("Experiment Viewed", r#"{"decision_id": "00000000000000ff", "variation_name": "blue"}"#);
    assert_eq!((event.kind, event.decision), (EventKind::Exposed, Some(DecisionId::from_bits(255))));
    assert!(!event.properties.contains_key("decision_id"));
    let event = track("Experiment Viewed", r#"{"experiment_id": "17", "decision": "none"}"#);
    assert_eq!((event.kind.name(), event.decision), (EXTERNAL_EXPERIMENT, None));
    assert_eq!(event.properties["decision"], "none".into());
}

#[test]
fn the_source_is_the_campaign_or_a_foreign_site() {
    for (context, source) in [
        (r#"{"campaign": {"source": "news"}, "page": {"referrer": "https://a.example"}}"#, Some("news")),
        (r#"{"page": {"referrer": "https://shop.example/a", "url": "https://www.shop.example/b"}}"#, None),
        (r#"{"referrer": {"url": "http://dub480.mail.example/x", "name": "n"}}"#, Some("dub480.mail.example")),
        (r#"{"referrer": {"type": "dataxu", "id": "ABCD582"}}"#, Some("ABCD582")),
        (r#"{"referrer": "https://u:p@b.example?x"}"#, Some("b.example")),
        (r#"{"page": "nonsense", "campaign": 7}"#, None),
    ] {
        let event = one(&format!(r#"{{"type":"page","userId":"a","timestamp":"2026-03-01","context":{context}}}"#));
        assert_eq!(event.source.as_deref(), source, "{context}");
    }
}

#[test]
fn a_batch_is_read_in_order_and_lends_its_time() {
    let events = from_json(
        r#"{"sentAt": "2026-03-01T00:00:05Z", "batch": [
        {"type": "identify", "userId": "a", "timestamp": "2026-03-01"},
        {"type": "track", "event": "Signed Up", "userId": "a", "receivedAt": "2026-03-02"}
    ]}"#,
    );
    let events = events.unwrap();
    assert_eq!(events[1].kind.name(), "signed_up");
    assert_eq!(events[1].time.to_string(), "2026-03-01T00:00:05Z");
    assert_eq!(from_json(r#"{"batch": []}"#), Ok(Vec::new()));
}

#[test]
fn a_bad_message_says_where_it_is_bad() {
    let deep = format!(
        r#"{{"type":"track","event":"x","userId":"a","timestamp":0,"properties":{{"p":{}1{}}}}}"#,
        "[".repeat(9),
        "]".repeat(9)
    );
    for (text, message) in [
        ("7", "`message` is a number, but must be an object"),
        (
            r#"{"userId": "a", "timestamp": 0}"#,
            "`type` is missing or empty; it says `identify`, `track`, `page` and the like",
        ),
        (r#"{"type": "trak", "timestamp": 0}"#, "`type` is `trak`, which is no type of message; `track` may be meant"),
        (r#"{"type": "page", "timestamp": 0}"#, "`message` names nobody: it needs `userId` or `anonymousId`"),
        (
            r#"{"type": "page", "userId": "a"}"#,
            "`timestamp` is missing or empty; `sentAt` or `receivedAt` would do as well",
        ),
        (r#"{"type": "page", "userId": ["a"], "timestamp": 0}"#, "`userId` is a list, but must be an id"),
        (
            r#"{"type": "page", "userId": "a", "timestamp": "soon"}"#,
            "`timestamp`: `soon` is not a time; write it like `2026-03-01T12:00:00Z` or `2026-03-01`, in the years 1 to 9999",
        ),
        (
            r#"{"type": "track", "userId": "a", "timestamp": 0, "event": " "}"#,
            "`event` is missing or empty; a `track` message needs it",
        ),
        (
            r#"{"type": "alias", "userId": "a", "timestamp": 0}"#,
            "`previousId` is missing or empty; an `alias` message needs it",
        ),
        (
            r#"{"type": "identify", "userId": "a", "timestamp": 0, "traits": []}"#,
            "`traits` is a list, but must be an object",
        ),
        (
            r#"{"batch": [{"type": "track", "event": "e", "userId": "a", "timestamp": 0, "properties": {"products": [{"sku": "s", "price": "$5"}]}}]}"#,
            "`batch[0].properties.products[0].price` is `$5`, but must be a number such as 19.99, or text that holds only a number",
        ),
        (&deep, "`properties.p` nests deeper than 8 levels; send less structure"),
        (r#"{"type": }"#, "line 1, column 10: expected value"),
    ] {
        assert_eq!(from_json(text).unwrap_err().to_string(), message, "{text}");
    }
}
