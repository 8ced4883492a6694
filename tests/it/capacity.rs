//! What people take, as `examples/capacity` measures it for many more of them.

use bespoke::Personalizer;
use bespoke::id::UserKey;

use crate::people;

fn sizes(shop: &Personalizer, people: u32) -> Vec<usize> {
    people::stock(shop).unwrap();
    (0..people).for_each(|person| people::ingest(shop, person).unwrap());
    let profile = |person| shop.profile(UserKey::known(&format!("user-{person}"))).unwrap();
    let mut sizes: Vec<usize> = (0..people).map(|person| profile(person).bytes()).collect();
    sizes.sort_unstable();
    sizes
}

#[test]
fn a_typical_profile_under_ten_thousand_mixed_rules_takes_less_than_two_kibibytes() {
    let shop = Personalizer::new(people::mixed(10_000).unwrap());
    assert!(shop.engine().counters() > 4_000);
    let sizes = sizes(&shop, 24);
    assert!(sizes[12] < 2_048, "{sizes:?}");
}

#[test]
fn an_ordinary_person_takes_less_than_one_and_a_half_kilobytes_with_tables_and_all() {
    let shop = Personalizer::new(people::engine(10).unwrap());
    let sizes = sizes(&shop, 1_000);
    assert!(sizes[500] < 1_400, "{} bytes", sizes[500]);
    let each = shop.people_bytes() / 1_000;
    assert!(each < 1_500, "{each} bytes");
}
