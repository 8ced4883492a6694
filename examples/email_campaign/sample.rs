//! A campaign made up for those who have no file at hand: two e-mails, each of which works with some customers only.

use rand::RngExt;
use rand::rand_core::SeedableRng;
use rand::rngs::Xoshiro256PlusPlus;

use crate::emails::Emails;

pub(crate) fn emails() -> Emails {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(7);
    let called = ["recency", "womens", "newbie"].map(str::to_owned).to_vec();
    let names = ["Mens E-Mail", "No E-Mail", "Womens E-Mail"].map(str::to_owned).to_vec();
    let (mut features, mut arms) = (Vec::new(), Vec::new());
    let (mut visit, mut conversion, mut spend) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..20_000 {
        let (recency, womens, newbie) = (rng.random_range(1..=12), rng.random_bool(0.5), rng.random_bool(0.5));
        let arm = rng.random_range(0..3);
        let lift = match (arm, womens) {
            (0, false) => 0.10,
            (0, true) => 0.03,
            (2, true) => 0.12,
            _ => 0.0,
        };
        let comes = rng.random_bool(0.16 - 0.005 * f64::from(recency) + lift);
        let buys = comes && rng.random_bool(0.08);
        let number = |does: bool| f64::from(u8::from(does));
        features.push(vec![f64::from(recency), number(womens), number(newbie)]);
        arms.push(arm);
        visit.push(number(comes));
        conversion.push(number(buys));
        spend.push(if buys { f64::from(rng.random_range(3_000..20_000)) / 100.0 } else { 0.0 });
    }
    Emails { features, called, arms, names, visit, conversion, spend }
}
