//! How a [`Collaborative`](super::Collaborative) model is fitted and asked.

use serde::{Deserialize, Serialize};

use crate::recommend::settings::{RecommendError, check_count, check_half_life};
use crate::time::Span;

/// How [`Collaborative`](super::Collaborative) is fitted and asked.
///
/// The exponents lie in [0, 4]. What holds unless told was chosen on check-ins (Gowalla, 30,000 people, 41,000
/// places), but for the trend, which was chosen on ratings of films (MovieLens 100k).
///
/// Quality, time and memory are traded by a few of them. On the check-ins, a fifth held out, one thread of a busy
/// machine, the least of three medians:
///
/// | Settings | recall@20 | ndcg@20 | An answer | The model |
/// |---|---|---|---|---|
/// | as they are | 0.21846 | 0.15692 | 98.2 µs | 29 MB |
/// | `candidates: 80` | 0.21865 | 0.15698 | 101.9 µs | 29 MB |
/// | `candidates: 40` | 0.21812 | 0.15680 | 91.2 µs | 29 MB |
/// | `effort: 20_000` | 0.21844 | 0.15704 | 118.4 µs | 29 MB |
/// | `effort: 7000` | 0.21736 | 0.15608 | 92.3 µs | 29 MB |
/// | `effort: 5000` | 0.21557 | 0.15461 | 84.5 µs | 29 MB |
/// | `rank: 0` | 0.21508 | 0.15440 | 74.0 µs | 8 MB |
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CollaborativeSettings {
    /// How many of the nearest people are asked; at least one. More cost time, fewer quality.
    pub people: u32,
    /// How many items of theirs are added up at most, nearest person first; at least one. It bounds the time of an answer
    /// where people have many items.
    pub effort: u32,
    /// How many of a person's latest distinct items are looked at; at least one.
    pub depth: u32,
    /// How many people of each item of the history are looked at; at least one. An item that more people have is a
    /// weak sign; the cap bounds the time of an answer.
    pub per_item: u32,
    /// How far what many people have counts less as a sign of likeness: an item of n people counts `n^-popular`.
    pub popular: f32,
    /// How far likeness is sharpened: the sum of what two people share is raised to `1 + sharpen`. In quarters.
    pub sharpen: f32,
    /// How far people with many items count less: one with m items counts `m^-heavy`.
    pub heavy: f32,
    /// How far what many people have is held down in the answer: an item of n people scores times `n^-target`.
    pub target: f32,
    /// How far the answer follows what people turn to these days: an item's score is multiplied by its present share of
    /// all events over its share of the whole log, raised to this. Without times it has no effect.
    pub trend: f32,
    /// The time in which an event's part in the present halves; at least a minute.
    pub trend_half_life: Span,
    /// How many directions the smoothed part keeps, at most a quarter of the people and of the items; 0 leaves it out.
    /// It costs half a byte for each item and direction, in steps of 128 directions.
    pub rank: u32,
    /// How much the smoothed part weighs, as a share of the neighbours' part.
    pub smooth: f32,
    /// How many of the neighbours' best items the smoothed part looks at; at least one.
    pub candidates: u32,
    /// How much each item of the history counts, as a share of the one after it, in (0, 1].
    pub fade: f32,
    /// Whether items of the history may be proposed.
    pub repeat: bool,
}

impl Default for CollaborativeSettings {
    fn default() -> Self {
        Self {
            people: 600,
            effort: 10_000,
            depth: 1000,
            per_item: 5000,
            popular: 0.4,
            sharpen: 0.25,
            heavy: 0.7,
            target: 0.24,
            trend: 1.0,
            trend_half_life: Span::days(7),
            rank: 1024,
            smooth: 0.3,
            candidates: 60,
            fade: 1.0,
            repeat: false,
        }
    }
}

impl CollaborativeSettings {
    pub(super) fn check(&self) -> Result<(), RecommendError> {
        check_half_life(self.trend_half_life)?;
        if self.rank > MAX_RANK {
            return Err(RecommendError::Rank { found: self.rank, most: MAX_RANK });
        }
        for (name, count) in [
            ("people", self.people),
            ("effort", self.effort),
            ("depth", self.depth),
            ("per_item", self.per_item),
            ("candidates", self.candidates),
        ] {
            check_count(name, count)?;
        }
        for (name, found) in [
            ("popular", self.popular),
            ("sharpen", self.sharpen),
            ("heavy", self.heavy),
            ("target", self.target),
            ("trend", self.trend),
            ("smooth", self.smooth),
        ] {
            if !(0.0..=4.0).contains(&found) {
                return Err(RecommendError::Exponent { name, found });
            }
        }
        if !(self.fade > 0.0 && self.fade <= 1.0) {
            return Err(RecommendError::Share { name: "fade", found: self.fade });
        }
        Ok(())
    }
}

/// The most directions; sums of products would leave their range far above it.
pub(super) const MAX_RANK: u32 = 8192;
