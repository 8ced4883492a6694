//! Cases for the catalog: holes, postings, texts, bytes.

use super::*;
use crate::value::Value;

fn shoe(n: usize) -> Item {
    Item::new(format!("shoe-{n}")).category("shoes/running").category(format!("shoes/k{}", n % 3)).brand("Acme")
}

fn catalog(n: usize) -> Catalog {
    let mut catalog = Catalog::new();
    for i in 0..n {
        catalog.upsert(shoe(i)).unwrap();
    }
    catalog
}

#[track_caller]
fn texts(catalog: &Catalog, slot: u32) -> Vec<String> {
    let text = |symbol| catalog.text(symbol).unwrap();
    let mut texts: Vec<_> =
        catalog.facets(slot).iter().map(|f| format!("{}={}", text(f.dimension), text(f.value))).collect();
    texts.sort();
    texts
}

#[test]
fn an_item_holds_its_categories_and_all_above_them() {
    let mut catalog = Catalog::new();
    let item = shoe(1).tag("new").attribute("waterproof", true).attribute("colour", "red").attribute("size", 42);
    catalog.upsert(item.attribute("story", "x".repeat(MAX_FACET_BYTES + 1))).unwrap();
    let all = [
        "brand=Acme",
        "category=shoes",
        "category=shoes/k1",
        "category=shoes/running",
        "colour=red",
        "tag=new",
        "waterproof=true",
    ];
    assert_eq!(texts(&catalog, 0), all);
    assert!(catalog.facets(0).is_sorted());
}

#[test]
fn an_item_is_listed_from_its_creation_until_it_expires() {
    let at = Timestamp::from_millis;
    let mut catalog = Catalog::new();
    catalog.upsert(Item::new("a").created(at(10)).expires(at(20))).unwrap();
    catalog.upsert(Item::new("b").available(false)).unwrap();
    catalog.upsert(Item::new("c")).unwrap();
    let listed = |now| (0..4).map(|slot| catalog.is_listed(slot, at(now))).collect::<Vec<_>>();
    assert_eq!(listed(9), [false, false, true, false]);
    assert_eq!(listed(10), [true, false, true, false]);
    assert_eq!(listed(20), [false, false, true, false]);
}

#[test]
fn a_removed_item_leaves_nothing_but_a_hole_that_is_reused() {
    let mut catalog = catalog(3);
    assert_eq!(catalog.remove("shoe-1"), Some(shoe(1)));
    assert_eq!(catalog.remove("shoe-1"), None);
    assert_eq!((catalog.len(), catalog.slots(), catalog.item(1)), (2, 3, None));
    assert!(!catalog.is_listed(1, Timestamp::EPOCH) && catalog.facets(1).is_empty());
    assert_eq!(catalog.text(Symbol::new("shoes/k1")), None);
    assert_eq!(catalog.holding(Facet::new("brand", "Acme")), [0, 2]);
    catalog.upsert(shoe(7)).unwrap();
    assert_eq!(catalog.slot(Symbol::new("shoe-7")), Some(1));
    assert_eq!(catalog.holding(Facet::new("brand", "Acme")), [0, 1, 2]);
    for id in ["shoe-0", "shoe-2", "shoe-7"] {
        catalog.remove(id);
    }
    assert_eq!((catalog.facets.kept(), catalog.is_empty()), ((0, 0), true));
}

#[test]
fn a_replaced_item_is_found_under_its_new_facets_only() {
    let mut catalog = catalog(3);
    let old = catalog.upsert(Item::new("shoe-1").brand("Bolt").price(5.0)).unwrap();
    assert_eq!(old, Some(shoe(1)));
    assert_eq!((catalog.slot(Symbol::new("shoe-1")), catalog.price(1)), (Some(1), Some(5.0)));
    assert_eq!(catalog.holding(Facet::new("category", "shoes")), [0, 2]);
    assert_eq!(catalog.holding(Facet::new("brand", "Bolt")), [1]);
}

#[test]
fn bytes_and_equality_do_not_depend_on_history() {
    let forward = catalog(50);
    let mut backward = Catalog::new();
    for i in (0..60).rev() {
        backward.upsert(shoe(i).price(1.0)).unwrap();
        backward.upsert(shoe(i)).unwrap();
    }
    for i in 50..60 {
        backward.remove(&format!("shoe-{i}"));
    }
    assert_eq!(forward, backward);
    assert_eq!(forward.to_bytes().unwrap(), backward.to_bytes().unwrap());
    let back = Catalog::from_bytes(&forward.to_bytes().unwrap()).unwrap();
    assert_eq!(back, forward);
    let json = serde_json::to_string(&forward).unwrap();
    assert_eq!(serde_json::from_str::<Catalog>(&json).unwrap(), forward);
}

#[test]
fn merging_is_upserting_the_others_items() {
    let (mut left, mut right) = (catalog(5), Catalog::new());
    right.upsert(shoe(4).price(9.0)).unwrap();
    right.upsert(shoe(9)).unwrap();
    left.merge(&right);
    assert_eq!((left.len(), left.get("shoe-4").unwrap().price), (6, Some(9.0)));
    let mut fresh = Catalog::new();
    fresh.merge(&left);
    assert_eq!(fresh, left);
}

#[test]
fn unsound_items_are_refused_and_change_nothing() {
    let deep = (0..9).fold(Value::from(1), |value, _| vec![value].into());
    let bad = [
        Item::new(""),
        Item::new("x".repeat(513)),
        Item::new("a").price(f64::NAN),
        Item::new("a").price(f64::INFINITY),
        Item::new("a").price(-0.01),
        Item::new("a").category(""),
        Item::new("a").category("/a"),
        Item::new("a").category("a/"),
        Item::new("a").category("a/b/c/d/e/f/g/h/i"),
        Item::new("a").brand(""),
        Item::new("a").tag("x".repeat(513)),
        Item::new("a").attribute("deep", deep),
        Item::new("a").attribute("nan", f64::NAN),
        Item::new("a").attribute("", 1),
        (0..65).fold(Item::new("a"), |item, n| item.tag(n.to_string())),
    ];
    let mut catalog = catalog(2);
    for item in bad {
        assert!(catalog.upsert(item.clone()).is_err(), "{item:?}");
    }
    assert_eq!(catalog, super::tests::catalog(2));
}

#[test]
fn stored_items_pass_through_the_same_door() {
    for text in [
        r#"[{"id": "a", "price": -1}]"#,
        r#"[{"id": "a"}, {"id": "a"}]"#,
        r#"[{"id": "a", "colour": "red"}]"#,
        r#"[{"id": ""}]"#,
    ] {
        assert!(serde_json::from_str::<Catalog>(text).is_err(), "{text}");
    }
}

/// Random upserts and removals agree with a plain map, whatever the order, and the arena is compacted on the way.
#[test]
fn the_columns_agree_with_a_naive_model() {
    let mut catalog = Catalog::new();
    let mut model = std::collections::BTreeMap::new();
    let mut state = 1_u64;
    for _ in 0..20_000 {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let (id, pick) = (format!("i{}", (state >> 33) % 300), (state >> 45) % 7);
        if pick == 0 {
            assert_eq!(catalog.remove(&id), model.remove(&id));
        } else {
            let mut item = Item::new(&id);
            for tag in 0..pick {
                item = item.tag(format!("t{}", (state >> 50) % 20 + tag));
            }
            assert_eq!(catalog.upsert(item.clone()).unwrap(), model.insert(id, item));
        }
    }
    assert_eq!(catalog.len(), model.len());
    for tag in 0..30 {
        let tag = format!("t{tag}");
        let mut found: Vec<&str> = catalog
            .holding(Facet::new("tag", &tag))
            .iter()
            .map(|slot| catalog.item(*slot).unwrap().id.as_str())
            .collect();
        found.sort_unstable();
        let wanted: Vec<&str> =
            model.values().filter(|item| item.tags.contains(&tag)).map(|item| item.id.as_str()).collect();
        assert_eq!(found, wanted);
    }
    for (slot, item) in catalog.iter() {
        let facets: Vec<Facet> = facets::named_facets(item).iter().map(|named| named.facet).collect();
        assert_eq!(catalog.facets(slot), facets);
        assert_eq!(catalog.symbol(slot), Symbol::new(&item.id));
    }
}
