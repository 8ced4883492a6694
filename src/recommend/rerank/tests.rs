//! Reranking against exhaustive search at each step, and what it promises whatever it is asked.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::catalog::Item;
use crate::decision::Source;
use crate::hash::Symbol;

fn item(number: usize) -> Symbol {
    Symbol::new(&format!("item-{number}"))
}

/// Each item's brand and tags.
fn catalog(items: &[(u8, Vec<u8>)]) -> Catalog {
    let mut catalog = Catalog::new();
    for (number, (brand, tags)) in items.iter().enumerate() {
        let mut item = Item::new(format!("item-{number}")).brand(format!("brand-{brand}"));
        item.tags = tags.iter().map(|tag| format!("tag-{tag}")).collect();
        catalog.upsert(item).unwrap();
    }
    catalog
}

fn items() -> impl Strategy<Value = Vec<(u8, Vec<u8>)>> {
    let tags = prop::collection::btree_set(0..5_u8, 0..4).prop_map(|tags| tags.into_iter().collect());
    prop::collection::vec((0..3_u8, tags), 1..14)
}

fn candidates(count: usize) -> Vec<Candidate> {
    let candidate = |number| Candidate {
        item: item(number),
        score: 1.0,
        source: Source::Popular,
        because: None,
        contribution: 0.0,
    };
    (0..count).map(candidate).collect()
}

fn arranged(rerank: &Rerank<'_>, limit: usize, count: usize) -> Vec<usize> {
    let mut list = candidates(count);
    rerank.arrange(limit, &mut RerankScratch::default(), &mut list);
    assert_eq!(list.len(), count);
    list.iter().map(|of| (0..count).find(|number| item(*number) == of.item).unwrap()).collect()
}

fn tag(number: u8) -> Symbol {
    Symbol::new(&format!("tag-{number}"))
}

/// The divergence of the paper, over the whole slate.
fn divergence(wanted: &[(u8, f64)], slate: &[usize], items: &[(u8, Vec<u8>)]) -> f64 {
    let total: f64 = wanted.iter().map(|(_, weight)| weight).sum();
    let of = |(value, weight): &(u8, f64)| {
        let share = |number: &&usize| items[**number].1.contains(value);
        let parts = |number: &usize| {
            let wanted = |tag: &&u8| wanted.iter().any(|(value, _)| value == *tag);
            items[*number].1.iter().filter(wanted).count()
        };
        let had: f64 = slate.iter().filter(share).map(|number| 1.0 / parts(number) as f64).sum();
        let p = weight / total;
        let q = 0.99 * had / slate.len() as f64 + 0.01 * p;
        p * libm::log(p / q)
    };
    wanted.iter().map(of).sum()
}

proptest! {
    /// At each step the objective at the head of the module, over the whole slate and from scratch.
    #[test]
    fn each_position_goes_to_the_best_by_the_formula(
        items in items(), limit in 1..9_usize, d in 0.0..1.0_f64, c in 0.0..1.0_f64,
        wanted in prop::collection::btree_map(0..6_u8, 0.1..3.0_f64, 1..5),
    ) {
        let (catalog, wanted): (_, Vec<_>) = (catalog(&items), wanted.into_iter().collect());
        let weights: Vec<_> = wanted.iter().map(|(value, weight)| (tag(*value), *weight)).collect();
        let mix = Some(Mix { dimension: Symbol::new("tag"), weights: &weights, weight: c });
        let rerank = Rerank { diversity: d, mix, ..Rerank::new(&catalog) };
        let order = arranged(&rerank, limit, items.len());
        let alike = |a: usize, b: usize| {
            let set = |number: usize| -> BTreeSet<(u8, u8)> {
                items[number].1.iter().map(|tag| (1, *tag)).chain([(0, items[number].0)]).collect()
            };
            let (a, b) = (set(a), set(b));
            a.intersection(&b).count() as f64 / a.union(&b).count() as f64
        };
        for step in 0..limit.min(items.len()) {
            let worth = |number: usize| {
                let relevance = 1.0 / libm::log2(2.0 + number as f64);
                let nearest = order[..step].iter().map(|taken| alike(*taken, number)).fold(0.0, f64::max);
                let slate: Vec<_> = order[..step].iter().copied().chain([number]).collect();
                (1.0 - c) * ((1.0 - d) * relevance - d * nearest) - c * divergence(&wanted, &slate, &items)
            };
            let best = (0..items.len()).filter(|n| !order[..step].contains(n)).map(worth).fold(f64::MIN, f64::max);
            prop_assert!(worth(order[step]) > best - 1e-9, "{step}: {order:?}");
        }
    }

    /// Whatever is asked, every candidate stays, the limit is filled, and a quota is only broken, and what is buried
    /// only shown, where nothing else was left.
    #[test]
    fn nothing_gets_lost_and_quotas_hold_where_they_can(
        items in items(), limit in 0..16_usize, d in 0.0..1.0_f64, most in 1..3_usize, least in 0..3_usize,
        buried in 0..14_usize, pin in (0..14_usize, 0..20_usize),
    ) {
        let catalog = catalog(&items);
        let quotas = [
            Quota { most: Some(most), ..Quota::of("brand") },
            Quota { value: Some(tag(0)), least, ..Quota::of("tag") },
        ];
        let rules = [
            HouseRule { which: Which::Item(item(buried)), house: House::Bury },
            HouseRule { which: Which::Item(item(pin.0)), house: House::Pin(pin.1) },
        ];
        let rerank = Rerank { diversity: d, quotas: &quotas, rules: &rules, ..Rerank::new(&catalog) };
        let order = arranged(&rerank, limit, items.len());
        prop_assert_eq!(order.iter().collect::<BTreeSet<_>>().len(), items.len());
        let shown = limit.min(items.len());
        if pin.0 < items.len() && shown > 0 {
            prop_assert_eq!(order[pin.1.min(shown - 1)], pin.0);
        }
        let (slate, rest) = order.split_at(shown);
        let has = |number: &&usize| items[**number].1.contains(&0);
        let missing = least.saturating_sub(slate.iter().filter(has).count());
        prop_assert!(missing == 0 || shown <= least || !rest.iter().any(|number| has(&number)));
        // With neither a least nor a pin, a brand with too many means that no other brand was left.
        if least == 0 && pin.0 >= items.len() {
            let count = |brand: u8| slate.iter().filter(|number| items[**number].0 == brand).count();
            let over = (0..3).any(|brand| count(brand) > most);
            prop_assert!(!over || rest.iter().all(|number| count(items[*number].0) >= most), "{slate:?} {rest:?}");
            if buried < items.len() && !over && slate.contains(&buried) {
                prop_assert!(rest.iter().all(|number| count(items[*number].0) >= most));
            }
        }
        prop_assert!(rest.is_sorted());
    }
}

#[test]
fn a_boost_lifts_and_two_pins_stand_side_by_side() {
    let catalog = catalog(&[(0, vec![]), (1, vec![]), (2, vec![]), (2, vec![])]);
    let brand = Which::Facet(Facet::new("brand", "brand-2"));
    let boost = |factor| [HouseRule { which: brand, house: House::Boost(factor) }];
    let by = |rules: &[HouseRule]| arranged(&Rerank { rules, ..Rerank::new(&catalog) }, 3, 4);
    // The third is worth 1/2 of the first, the fourth 0.43.
    assert_eq!(by(&boost(2.2)), [2, 0, 3, 1]);
    assert_eq!(by(&boost(0.1)), [0, 1, 2, 3]);
    assert_eq!(by(&boost(f64::NAN)), [0, 1, 2, 3]);
    let pin = |number, position| HouseRule { which: Which::Item(item(number)), house: House::Pin(position) };
    assert_eq!(by(&[pin(3, 0), pin(2, 0)]), [2, 3, 0, 1]);
    assert_eq!(by(&[pin(3, 9), pin(3, 0)]), [0, 1, 3, 2]);
}

/// The example of the paper: who watches 70 % romance and 30 % action is shown seven to three.
#[test]
fn a_slate_is_calibrated_to_the_mix_of_the_person() {
    let items: Vec<_> = (0..40).map(|number| (0, vec![u8::from(number >= 20)])).collect();
    let catalog = catalog(&items);
    let weights = [(tag(0), 0.7), (tag(1), 0.3)];
    let mix = Some(Mix { dimension: Symbol::new("tag"), weights: &weights, weight: 0.9 });
    let order = arranged(&Rerank { mix, ..Rerank::new(&catalog) }, 10, 40);
    assert_eq!(order[..10].iter().filter(|number| **number >= 20).count(), 3, "{order:?}");
}

/// Over 9,000 draws of one of three the standard error of a count is 44.7; the bound is five of them.
#[test]
fn exploring_draws_evenly_and_says_with_what_probability() {
    use rand::SeedableRng;
    let mut rng = rand::rngs::Xoshiro256PlusPlus::seed_from_u64(7);
    let mut counts = [0_u32; 3];
    for _ in 0..9_000 {
        let (mut slate, mut drawn) = (candidates(5), Vec::new());
        let mut pool = slate.split_off(2);
        explore(&[1, 9], &mut pool, &mut rng, &mut slate, &mut drawn);
        assert_eq!((slate.len(), pool.len()), (4, 1));
        let told: Vec<_> = drawn.iter().map(|(of, chance)| (*of, (chance.value() * 6.0).round() as u8)).collect();
        assert_eq!(told, [(slate[1].item, 2), (slate[3].item, 3)]);
        counts[(2..5).find(|number| item(*number) == slate[1].item).unwrap() - 2] += 1;
    }
    assert!(counts.iter().all(|count| count.abs_diff(3_000) < 224), "{counts:?}");
    let (mut slate, mut drawn) = (candidates(2), Vec::new());
    explore(&[0], &mut Vec::new(), &mut rng, &mut slate, &mut drawn);
    assert!(drawn.is_empty() && slate.len() == 2);
}
