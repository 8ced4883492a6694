use proptest::prelude::*;

use super::*;
use crate::schema::Keeping;
use crate::value::Kind;

fn at(time: i64, channel: &str) -> Written {
    let channel = if channel.is_empty() { Channel::default() } else { Channel::new(channel) };
    Written::new(Timestamp::from_millis(time), channel)
}

fn upkeep(keep: Keep) -> Upkeep {
    let channels = super::super::Channels::new(&["crm".to_owned(), "app".to_owned()]);
    let keeping = [(Symbol::new("a"), Keeping { keep, history: 0 })].into_iter().collect();
    Upkeep { channels, keeping, ..Upkeep::default() }
}

#[test]
fn an_attribute_takes_40_bytes() {
    assert_eq!(size_of::<Attribute>(), 40);
}

#[test]
fn an_old_value_does_not_bring_a_removed_attribute_back() {
    let (mut attributes, keep) = (Attributes::default(), Upkeep::default());
    attributes.set(Symbol::new("a"), at(5, ""), Value::Null, &keep);
    attributes.set(Symbol::new("a"), at(4, ""), 1.0.into(), &keep);
    assert_eq!(attributes.value(Symbol::new("a")), None);
}

#[test]
fn hostile_names_stay_within_the_limit_and_declared_ones_outlast_them() {
    let mut keep = Upkeep::default();
    keep.kinds.insert(Symbol::new("0"), Kind::Bool);
    let mut attributes = Attributes::default();
    for i in 0..10_000 {
        attributes.set(Symbol::new(&i.to_string()), at(i, ""), true.into(), &keep);
    }
    assert_eq!(attributes.as_slice().len(), Attributes::LIMIT);
    assert!(attributes.value("9999").is_some() && attributes.value("0").is_some());
    assert!(attributes.value("1").is_none());
}

#[test]
fn at_the_same_time_the_more_trusted_channel_is_believed() {
    let keep = upkeep(Keep::Newest);
    let mut attributes = Attributes::default();
    for (channel, value) in [("web", "z"), ("crm", "b"), ("app", "c")] {
        attributes.set(Symbol::new("a"), at(1, channel), value.into(), &keep);
    }
    assert_eq!(attributes.value("a"), Some(&"b".into()));
    assert_eq!(attributes.as_slice()[0].channel(), Channel::new("crm"));
    attributes.set(Symbol::new("a"), at(2, "web"), "d".into(), &keep);
    assert_eq!(attributes.value("a"), Some(&"d".into()));
}

/// What an attribute is by its definition, from all writes at once.
fn by_definition(keep: Keep, writes: &[(i64, &'static str, i32)]) -> Option<Value> {
    let trust = |channel: &str| ["app", "crm"].iter().position(|known| *known == channel);
    let best = |sign: i64| {
        let key = |(time, channel, value): &(i64, &'static str, i32)| (sign * time, trust(channel), *value);
        writes.iter().copied().max_by_key(key).map(|(_, _, value)| Value::from(value))
    };
    match keep {
        Keep::Newest => best(1),
        Keep::Oldest => best(-1),
        Keep::Union(limit) => {
            let values: std::collections::BTreeSet<i32> = writes.iter().map(|(_, _, value)| *value).collect();
            let lowest: Vec<i32> = values.into_iter().take(usize::from(limit)).collect();
            (!writes.is_empty()).then(|| Value::from(lowest))
        }
    }
}

proptest! {
    #[test]
    fn what_is_kept_is_what_the_schema_says_whatever_the_order_and_the_split(
        mut writes in prop::collection::vec((0..6_i64, prop::sample::select(vec!["", "web", "app", "crm"]), 0..5_i32), 0..12),
        keep in prop::sample::select(vec![Keep::Newest, Keep::Oldest, Keep::Union(3)]),
        cut in 0..12_usize,
    ) {
        let upkeep = upkeep(keep);
        let fold = |writes: &[(i64, &'static str, i32)]| {
            let mut attributes = Attributes::default();
            for (time, channel, value) in writes {
                attributes.set(Symbol::new("a"), at(*time, channel), Value::from(*value), &upkeep);
            }
            attributes
        };
        let whole = fold(&writes);
        prop_assert_eq!(whole.value("a").cloned(), by_definition(keep, &writes));
        let (a, b) = writes.split_at(cut.min(writes.len()));
        let mut merged = fold(b);
        merged.merge(&fold(a), &upkeep);
        prop_assert_eq!(&merged, &whole);
        writes.reverse();
        prop_assert_eq!(&fold(&writes), &whole);
        let json = serde_json::to_string(&whole).unwrap();
        prop_assert_eq!(&serde_json::from_str::<Attributes>(&json).unwrap(), &whole);
        let bytes = postcard::to_allocvec(&whole).unwrap();
        prop_assert_eq!(&postcard::from_bytes::<Attributes>(&bytes).unwrap(), &whole);
    }
}
