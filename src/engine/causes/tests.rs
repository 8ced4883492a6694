//! Finding segments by their causes settles them as evaluating each of them does.

use proptest::prelude::*;

use super::*;
use crate::catalog::{Catalog, Item};
use crate::engine::{Changes, Definitions};
use crate::event::{Event, EventKind};
use crate::profile::Flips;
use crate::rule::Rule;
use crate::segment::Segment;
use crate::time::Span;

const NOW: Timestamp = Timestamp::from_millis(1_772_366_400_000);

/// A rule over few names and values, so that rules and profiles meet often.
fn rule() -> impl Strategy<Value = String> {
    let text = prop::sample::select(vec!["'a'", "'ab'", "'abc'", "'b'", "''"]);
    let number = prop::sample::select(vec!["-1", "0", "1", "2", "2.5"]);
    let name = prop::sample::select(vec!["x", "y", "z", "o.p"]);
    let op = prop::sample::select(vec!["=", "!=", "<", "<=", ">", ">="]);
    let leaf = prop_oneof![
        (name.clone(), op.clone(), text.clone()).prop_map(|(name, op, text)| format!("{name} {op} {text}")),
        (name.clone(), op.clone(), number.clone()).prop_map(|(name, op, number)| format!("{name} {op} {number}")),
        (name.clone(), any::<bool>()).prop_map(|(name, yes)| format!("{name} = {yes}")),
        (name.clone(), text.clone(), number.clone(), any::<bool>()).prop_map(|(name, text, number, not)| {
            format!("{name} {}IN ({text}, {number}, true)", if not { "NOT " } else { "" })
        }),
        (name.clone(), number.clone(), number.clone())
            .prop_map(|(name, low, high)| format!("{name} BETWEEN {low} AND {high}")),
        (name.clone(), text).prop_map(|(name, text)| format!("{name} STARTS_WITH {text}")),
        name.prop_map(|name| format!("{name} EXISTS")),
        (op.clone(), 0..3_u8).prop_map(|(op, count)| format!("event('item_viewed').count() {op} {count}")),
        (op.clone(), 0..3_u8).prop_map(|(op, n)| format!("event('purchased').within(1 day).sum(value) {op} {n}")),
        op.clone().prop_map(|op| format!("affinity('category', 'shoes') {op} 0.5")),
        op.clone().prop_map(|op| format!("affinity('category', 'shoes').rank() {op} 1")),
        op.clone().prop_map(|op| format!("score(2 IF x = 'a', 1 IF event('purchased'), -1 IF segment('s1')) {op} 1")),
        op.prop_map(|op| format!("session(views) {op} 1")),
        (0..4_u8).prop_map(|of| format!("segment('s{of}')")),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(|inner| format!("NOT ({inner})")),
            prop::collection::vec(inner.clone(), 2..4).prop_map(|of| format!("({})", of.join(") AND ("))),
            prop::collection::vec(inner, 2..4).prop_map(|of| format!("({})", of.join(") OR ("))),
        ]
    })
}

fn value() -> impl Strategy<Value = Value> {
    let one = prop_oneof![
        prop::sample::select(vec!["a", "ab", "abc", "abcd", "b", "", "é"]).prop_map(Value::from),
        prop::sample::select(vec![-1.0, 0.0, -0.0, 1.0, 2.0, 2.5, 3.0]).prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
    ];
    prop_oneof![
        4 => one.clone(),
        1 => Just(Value::Null),
        1 => prop::collection::vec(one, 0..3).prop_map(Value::from),
    ]
}

fn engine(rules: &[String]) -> Engine {
    let segments = rules.iter().enumerate().map(|(i, rule)| {
        // Only later segments refer to the first four, so that there is no circle.
        let text = if i < 4 && rule.contains("segment(") { "x = 'a'" } else { rule.as_str() };
        Segment::new(format!("s{i}"), Rule::parse(text).unwrap())
    });
    Engine::new(Definitions { segments: segments.collect(), ..Definitions::default() }).unwrap()
}

/// What evaluating every segment gives.
fn settled(engine: &Engine, profile: &Profile) -> Flips {
    let (mut all, mut touched) = (Flips::new(), Touched::new());
    touched.extend(0..engine.segments.len() as u32);
    engine.settle(profile, &mut all, touched, NOW, &mut Changes::default());
    all
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn looking_at_what_concerns_a_person_is_looking_at_all(
        rules in prop::collection::vec(rule(), 16),
        attributes in prop::collection::btree_map(prop::sample::select(vec!["x", "y", "z", "o.p"]), value(), 0..4),
        events in prop::collection::vec((prop::sample::select(vec!["item_viewed", "purchased"]), 0..90_u32), 0..4),
    ) {
        let (old, new) = (engine(&rules[..8]), engine(&rules[8..]));
        let (mut profile, mut catalog) = (Profile::default(), Catalog::new());
        catalog.upsert(Item::new("shoe").category("shoes")).unwrap();
        let mut event = Event::new(EventKind::Identified, "ann", NOW - Span::hours(100));
        for (name, value) in attributes {
            event = event.attribute(name, value);
        }
        let first = Engine::new(Definitions::default()).unwrap();
        let _ = first.apply(&event, &mut profile, &catalog, event.time);
        prop_assert_eq!(old.flips_at(&profile, NOW), settled(&old, &profile));
        for (kind, hours) in events {
            let event = Event::new(EventKind::from(kind), "ann", NOW - Span::hours(hours)).item("shoe");
            let _ = old.apply(&event.property("value", 1.0), &mut profile, &catalog, NOW);
        }
        prop_assert_eq!(old.flips_at(&profile, NOW), settled(&old, &profile));
        // A counter that is new to the profile may be unknown.
        for new in [new.clone(), new.succeeding(&old, NOW)] {
            let mut profile = profile.clone();
            prop_assert_eq!(new.flips_at(&profile, NOW), settled(&new, &profile));
            let _ = new.refresh(&mut profile, &catalog, NOW);
            prop_assert_eq!(profile.membership.flips(), settled(&new, &profile));
        }
    }
}
