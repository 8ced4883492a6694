//! Content against the plain formula over the whole catalog.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::catalog::Item;
use crate::recommend::SeenKind;
use crate::time::Timestamp;

fn catalog(items: &[Vec<u8>], backwards: bool) -> Catalog {
    let mut catalog = Catalog::new();
    let mut order: Vec<usize> = (0..items.len()).collect();
    if backwards {
        // Other slots, some of them once held by others.
        (0..3).for_each(|i| drop(catalog.upsert(Item::new(format!("gone-{i}")))));
        catalog.remove("gone-1");
        order.reverse();
    }
    for number in order {
        let mut item = Item::new(format!("item-{number}"));
        item.tags = items[number].iter().map(|tag| format!("tag-{tag}")).collect();
        catalog.upsert(item).unwrap();
    }
    (0..3).for_each(|i| drop(catalog.remove(&format!("gone-{i}"))));
    catalog
}

fn item(number: usize) -> Symbol {
    Symbol::new(&format!("item-{number}"))
}

fn tag(number: u8) -> Facet {
    Facet::new("tag", &format!("tag-{number}"))
}

fn rank(content: &Content<'_>, history: &[Seen], limit: usize, pool: Option<&[Symbol]>) -> Vec<Candidate> {
    let mut slate = Vec::new();
    let query = Query { history, now: Timestamp::EPOCH, limit, accept: &|_| true, pool };
    content.rank(&query, &mut Scratch::default(), &mut slate);
    slate
}

fn seen(number: usize, weight: f32) -> Seen {
    Seen { item: item(number), time: Timestamp::EPOCH, weight, kind: SeenKind::Viewed }
}

fn items() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let tags = prop::collection::btree_set(0..8_u8, 0..5);
    prop::collection::vec(tags.prop_map(|tags| tags.into_iter().collect()), 1..30)
}

fn idf(items: &[Vec<u8>], tag: u8) -> f64 {
    let holders = items.iter().filter(|tags| tags.contains(&tag)).count();
    if holders > 0 { libm::log(items.len() as f64 / holders as f64) } else { 0.0 }
}

proptest! {
    #[test]
    fn tastes_score_as_the_formula_says(
        items in items(), likes in prop::collection::vec((0..9_u8, -0.5..3.0_f64), 0..12), backwards in any::<bool>(),
    ) {
        let catalog = catalog(&items, backwards);
        let mut tastes = Tastes::default();
        likes.iter().for_each(|(of, weight)| tastes.add(tag(*of), *weight));
        let mut plain = BTreeMap::<Symbol, f64>::new();
        for (number, tags) in items.iter().enumerate() {
            let liked = likes.iter().filter(|(of, weight)| tags.contains(of) && *weight > 0.0);
            let sum: f64 = liked.map(|(of, weight)| weight * idf(&items, *of)).sum();
            if sum > 0.0 {
                plain.insert(item(number), sum / libm::sqrt(tags.len() as f64));
            }
        }
        let content = tastes.settle(&catalog, Source::Affinity);
        let slate = rank(&content, &[], 99, None);
        prop_assert_eq!(slate.len(), plain.len());
        for of in &slate {
            prop_assert!((of.score - plain[&of.item]).abs() < 1e-9 && of.because.is_none());
        }
        prop_assert!(slate.windows(2).all(|pair| (pair[1].score, pair[0].item) <= (pair[0].score, pair[1].item)
            || pair[0].score > pair[1].score));
        // A pool of all, some of them twice, gives the same.
        let pool: Vec<_> = (0..items.len()).chain(0..items.len() / 2).map(item).collect();
        prop_assert_eq!(rank(&content, &[], 99, Some(&pool)), slate);
    }

    #[test]
    fn what_is_like_the_history_names_who_spoke_for_it_and_how_much(
        items in items(), history in prop::collection::vec((0..30_usize, 0.5..3.0_f32), 0..8), backwards in any::<bool>(),
    ) {
        let catalog = catalog(&items, backwards);
        let history: Vec<Seen> = history.iter().map(|(number, weight)| seen(number % items.len(), *weight)).collect();
        let mut tastes = Tastes::default();
        tastes.add_history(&history, &catalog);
        let slate = rank(&tastes.settle(&catalog, Source::Similar), &history, 99, None);
        // Each different item of the history, the latest first.
        let (mut anchors, mut faded) = (Vec::<(Symbol, f64)>::new(), 1.0);
        for seen in history.iter().rev() {
            if anchors.iter().all(|(known, _)| *known != seen.item) {
                anchors.push((seen.item, faded * f64::from(seen.weight)));
                faded *= 0.7;
            }
        }
        let number = |of: Symbol| (0..items.len()).find(|number| item(*number) == of).unwrap();
        let share = |(anchor, weight): &(Symbol, f64), tags: &[u8]| {
            let common = items[number(*anchor)].iter().filter(|tag| tags.contains(tag));
            common.map(|tag| weight * idf(&items, *tag)).sum::<f64>() / libm::sqrt(tags.len() as f64)
        };
        for of in &slate {
            let tags = &items[number(of.item)];
            let total: f64 = anchors.iter().map(|anchor| share(anchor, tags)).sum();
            let most = anchors.iter().map(|anchor| share(anchor, tags)).fold(0.0, f64::max);
            let own = anchors.iter().find(|(anchor, _)| Some(*anchor) == of.because).unwrap();
            prop_assert!((of.score - total).abs() < 1e-9, "{} {}", of.score, total);
            prop_assert!((of.contribution - most).abs() < 1e-9 && (share(own, tags) - most).abs() < 1e-9);
            prop_assert!(anchors.iter().all(|(anchor, _)| *anchor != of.item));
        }
    }
}

#[test]
fn a_new_item_that_nobody_has_touched_is_found_and_work_is_bounded() {
    let mut catalog = Catalog::new();
    for i in 0..3_000 {
        let mut item = Item::new(format!("item-{i}")).category(if i % 2 == 0 { "shoes" } else { "hats" });
        item.created = Some(Timestamp::from_millis(i));
        catalog.upsert(item).unwrap();
    }
    let mut new = Item::new("brand-new").category("shoes").brand("acme");
    new.created = Some(Timestamp::from_millis(1_000_000));
    catalog.upsert(new).unwrap();
    let mut tastes = Tastes::default();
    tastes.add(Facet::new("category", "shoes"), 1.0);
    let shoes = rank(&tastes.settle(&catalog, Source::Affinity), &[], 3_000, None);
    // The list of shoes is too long to be walked; half of the 64 newest are shoes.
    assert!((32..=33).contains(&shoes.len()), "{}", shoes.len());
    tastes.add(Facet::new("brand", "acme"), 0.1);
    let first = rank(&tastes.settle(&catalog, Source::Affinity), &[], 1, None);
    assert_eq!(first[0].item, Symbol::new("brand-new"));
}
