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
//! Vectors are kept turned, so that they differ most in their first cells, and the longest first: the best items are
//! found, exactly, without looking at every one.
//!
//! Cost: fitting see [`Factor::fit`]; an answer, with m items of the history and n the smaller of m and the rank,
//! m · n · rank / 2 + n³ / 6 for the history, m · rank + n² for each reason, and for the scores from a little more than
//! for those of the slate, where most items are rare, to items · rank, where all are alike (or the pool's).

mod fold;
mod settings;
mod shelf;
mod stored;
#[cfg(test)]
mod tests;

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use fold::Fold;
use rand::RngExt;
use rand::rand_core::SeedableRng;
use rand::rngs::Xoshiro256PlusPlus;
pub use settings::FactorSettings;
use shelf::{Shelf, length};

use super::greatest::{index_of, key, number_of};
use super::log::{Log, Matrix};
use super::settings::RecommendError;
use super::{Candidate, Query, Recommender, Scratch, Source, counts};
use crate::hash::{Map, Symbol};
use crate::linalg::{Ridge, RidgeWork, Sparse, eigen, for_each, gram, times};

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
    /// In falling order of their vectors' lengths, of equal ones in rising order; an item's index is its place.
    items: Vec<Symbol>,
    index: Map<Symbol, u32>,
    shelf: Shelf,
    /// What the equations of all histories share, a diagonal.
    spectrum: Vec<f64>,
}

impl Factor {
    /// Fits a model to a log, on so many threads, of which the caller's is one. The result is the same for any number
    /// of them, and for any order of the log. How often somebody had an item, and how much it counted, does not show.
    ///
    /// Cost: O(n log n) for n events, then in each round (steps + 1) · (4 · n · rank + (people + items) · rank²) +
    /// (people + items) · rank² / 2 multiplications, and at last some 30 · rank³ on one thread.
    ///
    /// # Errors
    /// A [`RecommendError`] that names the setting that is out of range.
    pub fn fit(log: &Log, settings: FactorSettings, threads: usize) -> Result<Self, RecommendError> {
        settings.check()?;
        let Matrix { items, rows, .. } = log.matrix();
        let vectors = alternate(&rows, &settings, threads);
        Ok(Self::turn(settings, &items, vectors, threads))
    }

    /// Turns the vectors so that what the equations share is a diagonal in falling order, and puts the longest first.
    fn turn(settings: FactorSettings, items: &[Symbol], mut vectors: Vec<f32>, threads: usize) -> Self {
        let rank = settings.rank as usize;
        let (mut spectrum, directions) = eigen(&gram(&vectors, rank, threads), rank);
        // What is below zero is so by rounding.
        spectrum.iter_mut().for_each(|value| *value = (f64::from(settings.unobserved) * *value).max(0.0));
        // A direction is a row there, and a column is needed.
        let columns: Vec<f32> = (0..rank * rank).map(|at| directions[at % rank * rank + at / rank] as f32).collect();
        times(&mut vectors, rank, &columns, threads);
        let vector = |item: u32| &vectors[item as usize * rank..][..rank];
        // Items are counted in a `u32` by whoever builds the matrix.
        let mut order: Vec<(f32, u32)> = (0..items.len() as u32).map(|item| (length(vector(item)), item)).collect();
        order.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        let mut arranged = Vec::with_capacity(vectors.len());
        order.iter().for_each(|(_, item)| arranged.extend_from_slice(vector(*item)));
        let items = order.iter().map(|(_, item)| items[*item as usize]).collect();
        Self::assemble(settings, items, Shelf::new(arranged, rank), spectrum)
    }

    /// Derives what follows from the rest.
    fn assemble(settings: FactorSettings, items: Vec<Symbol>, shelf: Shelf, spectrum: Vec<f64>) -> Self {
        let index = items.iter().zip(0..).map(|(item, at)| (*item, at)).collect();
        Self { settings, items, index, shelf, spectrum }
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
            + self.shelf.heap_bytes()
            + self.spectrum.capacity() * size_of::<f64>()
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

    /// The item of the history that adds most to an item's score; of equal ones the first.
    fn because(&self, item: u32, history: &[u32], fold: &mut Fold) -> Option<(Symbol, f64)> {
        let shares = fold.shares(self.shelf.vector(item)).iter().zip(history);
        let (amount, of) = shares.rev().max_by(|a, b| a.0.total_cmp(b.0))?;
        (*amount > 0.0).then(|| (self.items[*of as usize], *amount))
    }
}

impl Recommender for Factor {
    fn rank(&self, query: &Query<'_>, scratch: &mut Scratch, slate: &mut Vec<Candidate>) {
        let room = scratch.begin(query, slate);
        if room == 0 {
            return;
        }
        let mut buffers = std::mem::take(&mut scratch.factor);
        let Buffers { places, history, person, fold, pool, best } = &mut buffers;
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
        fold.solve(&self.spectrum, hold, history.iter().map(|item| self.shelf.vector(*item)), person);
        let mut take = |score: f32, at: u32| {
            let item = self.items[at as usize];
            // Few come so far that the host is asked about them.
            let key = key(score, at);
            let is_wanted = best.len() < room || best.peek().is_some_and(|least: &Reverse<u64>| key > least.0);
            if is_wanted && !scratch.is_taken(item) && (query.accept)(item) {
                if best.len() == room {
                    best.pop();
                }
                best.push(Reverse(key));
            }
            if best.len() < room { 0.0 } else { best.peek().map_or(0.0, |least| number_of(least.0)) }
        };
        match query.pool {
            None => self.shelf.search(person, take),
            Some(of) => {
                pool.clear();
                pool.extend(of.iter().filter_map(|item| self.index.get(item)));
                // A pool may name an item twice.
                pool.sort_unstable();
                pool.dedup();
                for item in pool.iter() {
                    let score = self.shelf.score(person, *item);
                    if score > 0.0 {
                        take(score, *item);
                    }
                }
            }
        }
        let mut keys = std::mem::take(best).into_vec();
        keys.sort_unstable();
        for Reverse(key) in &keys {
            let at = index_of(*key);
            let reason = self.because(at, history, fold);
            let score = f64::from(number_of(*key).min(f32::MAX));
            slate.push(Candidate {
                item: self.items[at as usize],
                score,
                source: Source::Factor,
                because: reason.map(|(of, _)| of),
                // The other items may speak against it, and leave less than this one gave.
                contribution: reason.map_or(0.0, |(_, amount)| amount.min(score)),
            });
        }
        keys.clear();
        *best = BinaryHeap::from(keys);
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
    fold: Fold,
    /// The known items of the pool.
    pool: Vec<u32>,
    /// The best so far as [`key`]s, the least of them first.
    best: BinaryHeap<Reverse<u64>>,
}

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

/// The items' vectors after all rounds.
fn alternate(rows: &Sparse, settings: &FactorSettings, threads: usize) -> Vec<f32> {
    let columns = rows.transposed();
    let rank = settings.rank as usize;
    let mut vectors = first_vectors(rows.width() * rank, rank, settings.seed);
    let mut people = vec![0.0; rows.height() * rank];
    for _ in 0..settings.rounds {
        approach(rows, &vectors, &mut people, settings, threads);
        approach(&columns, &people, &mut vectors, settings, threads);
    }
    vectors
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
