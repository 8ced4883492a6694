//! What is evaluated.

use crate::rule::{Rule, Test, at_least, below, is, none_of, one_of, starts_with};

/// Some rules that are evaluated together, and how many of them hold for the shopper.
pub struct Case {
    pub name: &'static str,
    pub rules: Vec<Rule>,
    /// The largest share of the fastest peer's time that is asked for.
    pub bar: f64,
}

/// Every case.
pub fn all() -> Vec<Case> {
    let one = |name, tests: Vec<Test>| Case { name, rules: vec![Rule::all(tests)], bar: 0.25 };
    let countries = |last: &str| {
        let mut codes: Vec<String> = (0..99).map(|i| format!("{}{}", letter(i / 10), letter(i % 10 + 10))).collect();
        codes.insert(90, last.to_owned());
        codes
    };
    vec![
        one("equality", vec![is("plan", "pro")]),
        one("equality, a miss", vec![is("plan", "free")]),
        one(
            "and of 5",
            vec![
                is("plan", "pro"),
                is("country", "DE"),
                is("newsletter", true),
                is("tier", 3.0),
                is("device", "phone"),
            ],
        ),
        one("in 100, the 91st", vec![one_of("country", countries("DE"))]),
        one("in 100, a miss", vec![one_of("country", countries("ZZ"))]),
        one(
            "ranges and prefix",
            vec![
                at_least("age", 25.0),
                below("age", 45.0),
                at_least("total", 100.0),
                below("total", 1000.0),
                starts_with("email", "ann."),
            ],
        ),
        Case { name: "1,000 segments", rules: segments(1_000), bar: 0.1 },
    ]
}

/// Segments as shops have them, each unlike the others: nine sorts of rule over values of usual variety.
pub fn segments(count: usize) -> Vec<Rule> {
    let dice = &mut Dice(1);
    (0..count).map(|i| segment(i, dice)).collect()
}

fn segment(i: usize, dice: &mut Dice) -> Rule {
    match i % 9 {
        0 => Rule::all(vec![is("country", dice.of(&COUNTRIES)), is("plan", dice.of(&PLANS))]),
        1 => Rule::all(vec![is("city", dice.of(&CITIES)), at_least("orders", dice.number(10))]),
        2 => {
            let low = 18.0 + dice.number(50);
            let tests = vec![at_least("age", low), below("age", low + 5.0 + dice.number(20)), is("newsletter", true)];
            Rule::all(tests)
        }
        3 => {
            let countries = (0..5).map(|_| dice.of(&COUNTRIES).to_owned()).collect();
            Rule::all(vec![one_of("country", countries), is("language", dice.of(&LANGUAGES))])
        }
        4 => Rule(vec![
            vec![starts_with("referrer", &format!("https://{}.example", dice.of(&SITES)))],
            vec![is("campaign", format!("campaign-{}", dice.number(200)))],
        ]),
        5 => {
            let countries = (0..3).map(|_| dice.of(&COUNTRIES).to_owned()).collect();
            Rule::all(vec![
                is("plan", dice.of(&PLANS)),
                none_of("country", countries),
                at_least("tier", dice.number(6)),
            ])
        }
        6 => Rule::all(vec![at_least("total", 50.0 * dice.number(40)), at_least("orders", dice.number(20))]),
        7 => Rule::all(vec![
            is("store", format!("store-{}", dice.number(120))),
            is("device", dice.of(&DEVICES)),
            below("days", 30.0 * (1.0 + dice.number(12))),
        ]),
        _ => Rule(vec![
            vec![is("plan", dice.of(&PLANS)), at_least("score", dice.number(20) / 20.0)],
            vec![is("os", dice.of(&SYSTEMS)), below("age", 18.0 + dice.number(40)), is("verified", true)],
        ]),
    }
}

/// A fixed sequence that looks random (Steele, Lea and Flood, 2014: SplitMix64).
struct Dice(u64);

impl Dice {
    fn below(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((bits ^ (bits >> 31)) % sides as u64) as usize
    }
    fn number(&mut self, below: usize) -> f64 {
        self.below(below) as f64
    }
    fn of<'a>(&mut self, words: &[&'a str]) -> &'a str {
        words[self.below(words.len())]
    }
}

fn letter(i: usize) -> char {
    char::from(b'A' + (i % 26) as u8)
}

const PLANS: [&str; 4] = ["free", "basic", "pro", "team"];
const COUNTRIES: [&str; 20] = [
    "DE", "AT", "CH", "FR", "IT", "ES", "PT", "NL", "BE", "LU", "DK", "SE", "NO", "FI", "PL", "CZ", "GB", "IE", "US",
    "CA",
];
const CITIES: [&str; 12] = [
    "Berlin", "Hamburg", "Vienna", "Zurich", "Paris", "Rome", "Madrid", "Lisbon", "Oslo", "London", "Dublin", "Boston",
];
const LANGUAGES: [&str; 6] = ["de", "en", "fr", "it", "es", "nl"];
const SITES: [&str; 8] = ["search", "news", "social", "blog", "forum", "shop", "video", "mail"];
const DEVICES: [&str; 3] = ["phone", "tablet", "desktop"];
const SYSTEMS: [&str; 5] = ["android", "ios", "windows", "macos", "linux"];
