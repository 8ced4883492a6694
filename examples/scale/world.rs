//! The generated log: people with a few tastes each, items of one taste, both as skewed as real ones.
//!
//! Visits follow one another in time. Which item is looked at is drawn by Zipf's law with an exponent of one, and whose
//! the next visit is with an exponent of a half: of twenty million looks of 200,000 people the busiest has some 45,000,
//! where with an exponent of one it would be a million. A visit keeps to one of the person's three tastes but for one look in five, and is as long as
//! fair odds of one in four make it. Everything comes from a fixed seed.

use bespoke::hash::Symbol;
use bespoke::recommend::{Log, Seen, SeenKind};
use bespoke::time::{Span, Timestamp};

use crate::options::Options;
use crate::progress::Progress;

/// A log in order of time.
pub(crate) struct World {
    looks: Vec<Look>,
    people: usize,
    items: usize,
}

/// Somebody looks at something.
#[derive(Clone, Copy)]
struct Look {
    person: u32,
    item: u32,
}

impl World {
    pub(crate) fn new(options: &Options) -> Self {
        let Options { interactions, people, items, .. } = *options;
        let mut dice = Dice(1);
        let tastes = (items / 200).max(1);
        let mut looks = Vec::with_capacity(interactions);
        let mut progress = Progress::new("generating", interactions);
        while looks.len() < interactions {
            let person = dice.busy(people);
            // Which three tastes somebody has follows from who it is.
            let taste = (person * 3 + dice.below(3)).wrapping_mul(0x9e37_79b1) % tastes;
            loop {
                // Items of a taste are those that leave the same rest.
                let in_taste = dice.zipf(items.div_ceil(tastes)) * tastes + taste;
                let item = if dice.below(5) > 0 { in_taste } else { dice.zipf(items) };
                // People and items are far fewer than 2^32.
                looks.push(Look { person: person as u32, item: item.min(items - 1) as u32 });
                progress.step();
                if dice.below(4) == 0 || looks.len() >= interactions {
                    break;
                }
            }
        }
        progress.finish();
        Self { looks, people, items }
    }

    pub(crate) fn len(&self) -> usize {
        self.looks.len()
    }

    /// Every look, with whose it is.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (usize, Symbol, Seen)> + '_ {
        self.looks.iter().enumerate().map(|(at, look)| (look.person as usize, person(look.person), self.seen(at)))
    }

    pub(crate) fn log(&self) -> Log {
        let mut log = Log::default();
        self.iter().for_each(|(_, person, seen)| log.push(person, seen));
        log
    }

    /// What so many people had, each that is drawn with all that is known of it.
    pub(crate) fn histories(&self, asked: usize) -> Vec<Vec<Seen>> {
        let mut dice = Dice(2);
        let mut place = vec![usize::MAX; self.people];
        let mut histories = Vec::new();
        for _ in 0..asked {
            // Anybody is as likely, busy or not; who is drawn twice is asked about once.
            let person = dice.below(self.people);
            if place[person] == usize::MAX {
                place[person] = histories.len();
                histories.push(Vec::new());
            }
        }
        for (at, look) in self.looks.iter().enumerate() {
            if let Some(history) = histories.get_mut(place[look.person as usize]) {
                history.push(self.seen(at));
            }
        }
        histories.retain(|history| !history.is_empty());
        histories
    }

    pub(crate) fn busiest(&self) -> usize {
        most(self.looks.iter().map(|look| look.person), self.people)
    }

    pub(crate) fn most_popular(&self) -> usize {
        most(self.looks.iter().map(|look| look.item), self.items)
    }

    pub(crate) fn people(&self) -> usize {
        self.people
    }

    /// When the log ends.
    pub(crate) fn now(&self) -> Timestamp {
        self.time(self.looks.len())
    }

    fn seen(&self, at: usize) -> Seen {
        let item = Symbol::from_bits(mix(u64::from(self.looks[at].item)));
        Seen { item, time: self.time(at), weight: 1.0, kind: SeenKind::Viewed }
    }

    /// Ninety days from the first to the last.
    fn time(&self, at: usize) -> Timestamp {
        let millis = Span::days(90).millis() as f64 * at as f64 / self.looks.len() as f64;
        Timestamp::from_millis(1_772_366_400_000 + millis as i64)
    }
}

fn person(at: u32) -> Symbol {
    Symbol::from_bits(mix(u64::from(at) | 1 << 40))
}

fn most(of: impl Iterator<Item = u32>, count: usize) -> usize {
    let mut counts = vec![0_usize; count];
    of.for_each(|at| counts[at as usize] += 1);
    counts.into_iter().max().unwrap_or(0)
}

/// Chance from a seed (SplitMix64; Steele, Lea and Flood, 2014).
struct Dice(u64);

impl Dice {
    /// Uniform in [0, 1).
    fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        (mix(self.0) >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Uniform below `n`.
    fn below(&mut self, n: usize) -> usize {
        (self.unit() * n as f64) as usize
    }

    /// A rank below `n`, by Zipf's law with an exponent of a half.
    fn busy(&mut self, n: usize) -> usize {
        let root = self.unit();
        (root * root * n as f64) as usize
    }

    /// A rank below `n`, by Zipf's law with an exponent of one.
    fn zipf(&mut self, n: usize) -> usize {
        ((libm::pow(n as f64 + 1.0, self.unit()) - 1.0) as usize).min(n - 1)
    }
}

/// The finalizer of SplitMix64: one number for each number.
fn mix(bits: u64) -> u64 {
    let mixed = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}
