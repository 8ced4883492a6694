//! Describes items by a few numbers each, so that what people have follows from them: fitted from a [`Log`], asked
//! with any history.
//!
//! Everybody has a vector `x`, every item a vector `y`, and their product says how far somebody has an item: one where
//! they do, about zero where they do not, which counts less, since it may only not have happened yet. With `m_u` for
//! how many items person u has, `n_i` for how many people have item i, what is made small is
//!
//! ```text
//! Σ_u has i (x_u·y_i - 1)² + unobserved · Σ_u Σ_i (x_u·y_i)²
//!     + shrink · Σ_u (m_u + unobserved · items)^scaling ‖x_u‖² + shrink · Σ_i (n_i + unobserved · people)^scaling ‖y_i‖²
//! ```
//!
//! (Hu, Koren and Volinsky, ICDM 2008, in the form of Rendle, Krichene, Zhang and Koren, "Revisiting the performance
//! of iALS on item recommendation benchmarks", RecSys 2022, eq. 2 to 5), by turns for all `x` and for all `y`.
//!
//! People's vectors are not kept: a history is solved for when it is asked about, exactly, so that who was in the log
//! and who was not are asked in the same way, up to the last click. Since that solution is linear in the vectors of the
//! history's items, a score is a sum of one term for each of them (Hu et al., §5); the greatest names the reason.
//!
//! It does not learn from events as they come, nor merge: it is fitted again, off the hot path, and swapped in.
//!
//! Cost: fitting see [`Factor::fit`]; an answer O((m + rank / 3) · rank² / 2) for the history, items · rank for the
//! scores (or the pool's), and rank² + m · rank for each reason.

mod settings;
mod stored;
#[cfg(test)]
mod tests;

use rand::RngExt;
use rand::rand_core::SeedableRng;
use rand::rngs::Xoshiro256PlusPlus;
pub use settings::FactorSettings;

use super::greatest::{Greatest, index_of, key, number_of};
use super::log::{Log, Matrix};
use super::settings::RecommendError;
use super::{Candidate, Query, Recommender, Scratch, Source, counts};
use crate::hash::{Map, Symbol};
use crate::linalg::{Ridge, RidgeWork, Sparse, dot, for_each};

/// Ranks items by the product of their vectors with the one that suits a history best.
///
/// Only items that the history speaks for, with a score above zero, are proposed.
///
/// ```
/// use bespoke::hash::Symbol;
/// use bespoke::recommend::{Factor, FactorSettings, Log, Query, Recommender, Scratch, Seen, SeenKind};
/// use bespoke::time::Timestamp;
/// let now = Timestamp::from_millis(1_700_000_000_000);
/// let seen = |item| Seen { item: Symbol::new(item), time: now, weight: 1.0, kind: SeenKind::Viewed };
/// let mut log = Log::default();
/// for (user, item) in [("ann", "tent"), ("ann", "stove"), ("bob", "tent"), ("bob", "stove"), ("cid", "skirt")] {
///     log.push(Symbol::new(user), seen(item));
/// }
/// let model = Factor::fit(&log, FactorSettings { rank: 2, ..FactorSettings::default() }, 1)?;
/// // Somebody whom the log does not know looks at a tent.
/// let query = Query { history: &[seen("tent")], now, limit: 5, accept: &|_| true, pool: None };
/// let mut slate = Vec::new();
/// model.rank(&query, &mut Scratch::default(), &mut slate);
/// assert_eq!(slate[0].item, Symbol::new("stove"));
/// assert_eq!(slate[0].because, Some(Symbol::new("tent")));
/// # Ok::<(), bespoke::recommend::RecommendError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Factor {
    settings: FactorSettings,
    /// In rising order; an item's index is its place.
    items: Vec<Symbol>,
    index: Map<Symbol, u32>,
    /// Each item's vector, one behind the other.
    vectors: Vec<f32>,
    /// What the equations of all histories share.
    ridge: Ridge,
}

impl Factor {
    /// Fits a model to a log, on so many threads, of which the caller's is one. The result is the same for any number
    /// of them, and for any order of the log. How often somebody had an item, and how much it counted, does not show.
    ///
    /// Cost: O(n log n) for n events, then in each round (steps + 1) · (4 · n · rank + (people + items) · rank²) +
    /// (people + items) · rank² / 2 multiplications.
    ///
    /// # Errors
    /// A [`RecommendError`] that names the setting that is out of range.
    pub fn fit(log: &Log, settings: FactorSettings, threads: usize) -> Result<Self, RecommendError> {
        settings.check()?;
        let Matrix { items, rows, .. } = log.matrix();
        let columns = rows.transposed();
        let rank = settings.rank as usize;
        let mut vectors = first_vectors(items.len() * rank, rank, settings.seed);
        let mut people = vec![0.0; rows.height() * rank];
        for _ in 0..settings.rounds {
            approach(&rows, &vectors, &mut people, &settings, threads);
            approach(&columns, &people, &mut vectors, &settings, threads);
        }
        Ok(Self::assemble(settings, items, vectors, threads))
    }

    /// Derives all that follows from what was fitted.
    fn assemble(settings: FactorSettings, items: Vec<Symbol>, vectors: Vec<f32>, threads: usize) -> Self {
        let ridge = Ridge::new(&vectors, settings.rank as usize, f64::from(settings.unobserved), threads);
        // Items are counted in a `u32` by whoever builds the matrix.
        let index = items.iter().enumerate().map(|(at, item)| (*item, at as u32)).collect();
        Self { settings, items, index, vectors, ridge }
    }

    /// How many items it knows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether it knows no item.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// The settings it was made with.
    #[must_use]
    pub const fn settings(&self) -> &FactorSettings {
        &self.settings
    }

    /// About how many bytes it holds on the heap.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        self.items.capacity() * size_of::<Symbol>()
            + self.index.capacity() * (size_of::<(Symbol, u32)>() + 1)
            + self.vectors.capacity() * size_of::<f32>()
            + self.ridge.heap_bytes()
    }

    fn vector(&self, item: u32) -> &[f32] {
        let rank = self.settings.rank as usize;
        let from = item as usize * rank;
        &self.vectors[from..from + rank]
    }

    /// The latest known items of a history, each once, in rising order: of one set there is one sum.
    fn recall(&self, query: &Query<'_>, places: &mut Vec<(u32, u32)>, history: &mut Vec<u32>) {
        places.clear();
        let latest = query.history.iter().rev().filter(|seen| counts(seen.weight));
        let known = latest.filter_map(|seen| self.index.get(&seen.item));
        // A history is far shorter than 2^32; beyond, nothing would be remembered.
        places.extend(known.zip(0..).map(|(item, place)| (*item, place)));
        places.sort_unstable();
        places.dedup_by_key(|(item, _)| *item);
        let depth = self.settings.depth as usize;
        if places.len() > depth {
            places.select_nth_unstable_by_key(depth, |(_, place)| *place);
            places.truncate(depth);
        }
        history.clear();
        history.extend(places.iter().map(|(item, _)| *item));
        history.sort_unstable();
    }

    /// Leaves in `scores` each item's score, or, where there is a pool, each of the pool's: the item goes with it.
    fn score(&self, person: &[f32], pool: Option<&[Symbol]>, scores: &mut Vec<(f32, u32)>) {
        scores.clear();
        match pool {
            None => {
                let vectors = self.vectors.chunks_exact(self.settings.rank as usize);
                scores.extend(vectors.zip(0..).map(|(vector, item)| (dot(person, vector), item)));
            }
            Some(pool) => {
                let known = pool.iter().filter_map(|item| self.index.get(item));
                scores.extend(known.map(|item| (dot(person, self.vector(*item)), *item)));
            }
        }
    }

    /// The item of the history that adds most to an item's score; of equal ones the first.
    fn because(
        &self,
        item: u32,
        history: &[u32],
        person: &mut Vec<f32>,
        work: &mut RidgeWork,
    ) -> Option<(Symbol, f64)> {
        let share = self.ridge.solve_again(self.vector(item), work);
        person.clear();
        person.extend(share.iter().map(|cell| *cell as f32));
        let amounts = history.iter().rev().map(|of| (dot(person, self.vector(*of)), *of));
        let (amount, of) = amounts.max_by(|a, b| a.0.total_cmp(&b.0))?;
        (amount > 0.0).then(|| (self.items[of as usize], f64::from(amount)))
    }
}

impl Recommender for Factor {
    fn rank(&self, query: &Query<'_>, scratch: &mut Scratch, slate: &mut Vec<Candidate>) {
        let room = scratch.begin(query, slate);
        if room == 0 {
            return;
        }
        let mut buffers = std::mem::take(&mut scratch.factor);
        let Buffers { places, history, person, work, scores, best } = &mut buffers;
        self.recall(query, places, history);
        // Without a history every score is zero.
        if history.is_empty() {
            scratch.factor = buffers;
            return;
        }
        if !self.settings.repeat {
            scratch.forbid_history(query);
        }
        let hold = hold(&self.settings, history.len(), self.items.len());
        let solution = self.ridge.solve(history, &self.vectors, hold, work);
        person.clear();
        person.extend(solution.iter().map(|cell| *cell as f32));
        self.score(person, query.pool, scores);
        let begun = slate.len();
        let mut tried = room.saturating_add(scratch.taken_len()).saturating_add(SPARE);
        loop {
            best.begin(tried);
            for (score, item) in scores.iter() {
                if *score > 0.0 {
                    best.push(key(*score, *item));
                }
            }
            slate.truncate(begun);
            let (keys, are_more) = best.finish();
            let mut last = None;
            for key in keys {
                let at = index_of(*key);
                let item = self.items[at as usize];
                // A pool may name an item twice.
                if last.replace(at) != Some(at) && !scratch.is_taken(item) && (query.accept)(item) {
                    let reason = self.because(at, history, person, work);
                    let score = f64::from(number_of(*key).min(f32::MAX));
                    slate.push(Candidate {
                        item,
                        score,
                        source: Source::Factor,
                        because: reason.map(|(of, _)| of),
                        // The other items may speak against it, and leave less than this one gave.
                        contribution: reason.map_or(0.0, |(_, amount)| amount.min(score)),
                    });
                    if slate.len() == begun + room {
                        break;
                    }
                }
            }
            if slate.len() == begun + room || !are_more {
                break;
            }
            tried = tried.saturating_mul(8);
        }
        scratch.factor = buffers;
    }
}

/// The memory of one answer.
#[derive(Debug, Default)]
pub(super) struct Buffers {
    /// The known items of the history with how late they stand in it.
    places: Vec<(u32, u32)>,
    /// Those that are looked at, in rising order.
    history: Vec<u32>,
    /// What suits the history best.
    person: Vec<f32>,
    work: RidgeWork,
    scores: Vec<(f32, u32)>,
    best: Greatest,
}

/// So many more items than wanted are looked at first, since some will not be accepted.
const SPARE: usize = 32;
/// So many rows are fitted by one thread at a time.
const SOME: usize = 64;
/// How far the first vectors lie from zero, as the size of a product (Rendle et al., RecSys 2022, §4.1).
const SPREAD: f32 = 0.1;

/// How far the vector of somebody with so many events, of so many that there could be, is held down.
fn hold(settings: &FactorSettings, events: usize, possible: usize) -> f64 {
    // Counts are far below 2^52.
    let weight = events as f64 + f64::from(settings.unobserved) * possible as f64;
    f64::from(settings.shrink) * libm::pow(weight, f64::from(settings.scaling))
}

/// Brings each row's vector nearer to what suits its columns' vectors best.
fn approach(rows: &Sparse, others: &[f32], own: &mut [f32], settings: &FactorSettings, threads: usize) {
    let rank = settings.rank as usize;
    let ridge = Ridge::new(others, rank, f64::from(settings.unobserved), threads);
    for_each(own.chunks_mut(SOME * rank).enumerate(), threads, |(at, some)| {
        let mut work = RidgeWork::default();
        for (place, own) in some.chunks_exact_mut(rank).enumerate() {
            let row = rows.row(at * SOME + place);
            let hold = hold(settings, row.len(), rows.width()) as f32;
            ridge.approach(row, others, hold, settings.steps as usize, own, &mut work);
        }
    });
}

/// Numbers of mean zero whose squares sum up to about `SPREAD²` for each vector.
fn first_vectors(count: usize, rank: usize, seed: u64) -> Vec<f32> {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
    let scale = SPREAD / (rank as f32).sqrt();
    let mut normal = || {
        // The sum of twelve even draws has variance one and nearly the form of a normal draw. Twelve parts of two words,
        // of ten bits each: exact in single precision.
        let words: [u64; 2] = [random.random(), random.random()];
        let sum: u64 = (0..12).map(|part| words[part / 6] >> (part % 6 * 10) & 1023).sum();
        (sum as f32 - 6138.0) / 1024.0
    };
    (0..count).map(|_| normal() * scale).collect()
}
