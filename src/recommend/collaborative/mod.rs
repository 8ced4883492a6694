//! Proposes what people like this one had: fitted from a [`Log`], asked with any history.
//!
//! Two parts add up. The neighbours' part finds the people who share most with the history and adds up what they had;
//! the smoothed part keeps of the history what the leading directions of all histories can say, and so reaches items
//! that no near person had in common with it by chance only. With `n_j` for how many people have item j, `m_v` for
//! how many items person v has, `w_j` for how late in the history j stands, `t_i` for item i's share of present events
//! over its share of all,
//!
//! ```text
//! likeness(v) = (Σ_j∈history∩v  w_j n_j^-popular)^(1 + sharpen) · m_v^-heavy       the `people` greatest
//! near(i)     = n_i^-target · t_i^trend · Σ_v likeness(v) [v has i]
//! smoothed(i) = t_i^trend · [x D_i^-½ V Vᵀ D_i^½]_i                               of the `candidates` nearest
//! score(i)    = near(i) + smooth · ‖near‖ / ‖smoothed‖ · smoothed(i)               norms over the candidates
//! ```
//!
//! Without sharpening and limits the first part is the item-to-item neighbourhood in closed form, `x D^-popular Rᵀ
//! D_u^-heavy R D^-target`, whose weight of heavy users other libraries lack. Sharpening is the amplification of
//! Breese, Heckerman and Kadie (UAI 1998, §2.2.1); the smoothed part is the ideal low-pass filter of Shen et al. (CIKM
//! 2021, eq. 12).
//!
//! Nothing in it is a person's own vector: who was in the log and who was not are asked in the same way. It does not
//! learn from events as they come, nor merge: it is fitted again, off the hot path, and swapped in.
//!
//! Cost: fitting see [`Collaborative::fit`]; an answer O(Σ_j n_j + people · m + candidates · rank).

mod lowpass;
mod nearest;
mod settings;
mod stored;
#[cfg(test)]
mod tests;

use std::cmp::Reverse;

use lowpass::LowPass;
pub(super) use nearest::Buffers;
use nearest::Sharpen;
pub use settings::CollaborativeSettings;

use super::greatest::{index_of, number_of};
use super::log::{Log, Matrix};
use super::settings::RecommendError;
use super::{Candidate, Query, Recommender, Scratch, Source, counts};
use crate::hash::{Map, Symbol};
use crate::linalg::{Scaled, Sparse};
use crate::time::{Span, Timestamp};

/// Ranks items by what the people had who share most with a history, smoothed by what all people have in common.
///
/// ```
/// use bespoke::hash::Symbol;
/// use bespoke::recommend::{Collaborative, CollaborativeSettings, Log, Query, Recommender, Scratch, Seen, SeenKind};
/// use bespoke::time::Timestamp;
/// let now = Timestamp::from_millis(1_700_000_000_000);
/// let seen = |item| Seen { item: Symbol::new(item), time: now, weight: 1.0, kind: SeenKind::Viewed };
/// let mut log = Log::default();
/// for (user, item) in [("ann", "tent"), ("ann", "stove"), ("bob", "tent"), ("bob", "stove"), ("cid", "skirt")] {
///     log.push(Symbol::new(user), seen(item));
/// }
/// let model = Collaborative::fit(&log, CollaborativeSettings::default(), 1)?;
/// // Somebody whom the log does not know looks at a tent.
/// let query = Query { history: &[seen("tent")], now, limit: 5, accept: &|_| true, pool: None };
/// let mut slate = Vec::new();
/// model.rank(&query, &mut Scratch::default(), &mut slate);
/// assert_eq!(slate[0].item, Symbol::new("stove"));
/// # Ok::<(), bespoke::recommend::RecommendError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Collaborative {
    settings: CollaborativeSettings,
    /// From the one that most people have to the one that fewest have, and then in rising order, so that what is read
    /// most stands close together. An item's index is its place.
    items: Vec<Symbol>,
    index: Map<Symbol, u32>,
    /// What each person has.
    rows: Sparse,
    /// Who has each item.
    columns: Sparse,
    lowpass: LowPass,
    sharpen: Sharpen,
    /// What an item counts as a sign of likeness: `n^-popular`.
    signs: Vec<f32>,
    /// What a person counts: `m^-heavy`.
    people: Vec<f32>,
    /// Each item's present share of all events over its share of the whole log.
    trends: Vec<f32>,
    /// How far an item's score follows its trend: `t^trend`.
    follows: Vec<f32>,
    /// What the neighbours' part of an item's score is multiplied with: `n^-target · t^trend`.
    targets: Vec<f32>,
}

impl Collaborative {
    /// Fits a model to a log, on so many threads, of which the caller's is one. The result is the same for any number
    /// of them, and for any order of the log.
    ///
    /// Cost: O(n log n) for n events, then for the smoothed part 6 · n · rank + 4 · items · rank²
    /// multiplications: seconds for a million events at a rank of 512.
    ///
    /// # Errors
    /// A [`RecommendError`] that names the setting that is out of range.
    pub fn fit(log: &Log, settings: CollaborativeSettings, threads: usize) -> Result<Self, RecommendError> {
        settings.check()?;
        let Matrix { items, rows, times } = log.matrix();
        let trends = trends(&rows, &times, settings.trend_half_life);
        let (items, rows, trends) = by_frequency(&items, &rows, &trends);
        let columns = rows.transposed();
        let roots = |of: &Sparse| powers(of, 0.5);
        let (row_factors, column_factors) = (roots(&rows), roots(&columns));
        let matrix =
            Scaled { rows: &rows, columns: &columns, row_factors: &row_factors, column_factors: &column_factors };
        let lowpass = LowPass::fit(&matrix, settings.rank as usize, threads);
        Self::assemble(settings, items, rows, trends, lowpass)
    }

    /// The same model asked in another way. Everything counts at once but what only fitting can give:
    /// another rank above zero, and another half-life of the trend.
    ///
    /// # Errors
    /// A [`RecommendError`] that names the setting that is out of range.
    pub fn with_settings(self, settings: CollaborativeSettings) -> Result<Self, RecommendError> {
        let lowpass = if settings.rank == 0 { LowPass::default() } else { self.lowpass };
        Self::assemble(settings, self.items, self.rows, self.trends, lowpass)
    }

    /// Derives all that follows from what was fitted.
    fn assemble(
        settings: CollaborativeSettings,
        items: Vec<Symbol>,
        rows: Sparse,
        trends: Vec<f32>,
        lowpass: LowPass,
    ) -> Result<Self, RecommendError> {
        settings.check()?;
        let columns = rows.transposed();
        // Items are counted in a `u32` by whoever builds the matrix.
        let index = items.iter().enumerate().map(|(at, item)| (*item, at as u32)).collect();
        let follow = |trend: &f32| libm::pow(f64::from(*trend), f64::from(settings.trend)) as f32;
        let follows: Vec<f32> = trends.iter().map(follow).collect();
        let targets = powers(&columns, settings.target).into_iter().zip(&follows).map(|(target, of)| target * of);
        Ok(Self {
            sharpen: Sharpen::new(settings.sharpen),
            signs: powers(&columns, settings.popular),
            people: powers(&rows, settings.heavy),
            targets: targets.collect(),
            follows,
            settings,
            items,
            index,
            trends,
            rows,
            columns,
            lowpass,
        })
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

    /// How many people it was fitted from.
    #[must_use]
    pub fn people(&self) -> usize {
        self.rows.height()
    }

    /// The settings it was made with.
    #[must_use]
    pub const fn settings(&self) -> &CollaborativeSettings {
        &self.settings
    }

    /// About how many bytes it holds on the heap.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        let floats = self.signs.capacity() + self.people.capacity() + self.targets.capacity() * 3;
        self.items.capacity() * size_of::<Symbol>()
            + self.index.capacity() * (size_of::<(Symbol, u32)>() + 1)
            + self.rows.heap_bytes()
            + self.columns.heap_bytes()
            + self.lowpass.heap_bytes()
            + floats * size_of::<f32>()
    }

    /// The known items of a history, each once at its latest, with how much they count.
    fn recall(&self, query: &Query<'_>, buffers: &mut Buffers) {
        buffers.begin(self.items.len());
        let mut faded = 1.0;
        for seen in query.history.iter().rev().filter(|seen| counts(seen.weight)) {
            if buffers.history.len() >= self.settings.depth as usize {
                break;
            }
            let Some(item) = self.index.get(&seen.item) else { continue };
            if buffers.remember(*item, faded) {
                faded *= self.settings.fade;
            }
        }
    }

    /// Adds the smoothed part to the scores of the chosen.
    fn smooth(&self, buffers: &mut Buffers) {
        let Buffers { history, weighted, smoothed: sums, projected, chosen, .. } = buffers;
        if self.lowpass.is_empty() || chosen.is_empty() {
            return;
        }
        let root = |item: u32| (self.columns.row(item as usize).len() as f32).sqrt();
        weighted.clear();
        weighted.extend(history.iter().map(|(item, weight)| (*item, weight / root(*item))));
        self.lowpass.fetch(history.iter().chain(chosen.iter()).map(|(item, _)| *item));
        self.lowpass.project(weighted, projected);
        sums.clear();
        self.lowpass.near(projected, chosen.iter().map(|(item, _)| *item), sums);
        for (sum, (item, _)) in sums.iter_mut().zip(chosen.iter()) {
            *sum *= root(*item) * self.follows[*item as usize];
        }
        let norm = |numbers: &mut dyn Iterator<Item = f32>| numbers.map(|x| x * x).sum::<f32>().sqrt();
        let (near, smoothed) = (norm(&mut chosen.iter().map(|(_, score)| *score)), norm(&mut sums.iter().copied()));
        let factor = self.settings.smooth * near / smoothed;
        if factor.is_finite() {
            for ((_, score), smoothed) in chosen.iter_mut().zip(sums.iter()) {
                *score += factor * smoothed;
            }
        }
    }
}

impl Recommender for Collaborative {
    fn rank(&self, query: &Query<'_>, scratch: &mut Scratch, slate: &mut Vec<Candidate>) {
        let room = scratch.begin(query, slate);
        if room == 0 {
            return;
        }
        let mut buffers = std::mem::take(&mut scratch.collaborative);
        self.recall(query, &mut buffers);
        self.ask_nearest(&mut buffers);
        if !self.settings.repeat {
            scratch.forbid_history(query);
        }
        let wanted = if self.lowpass.is_empty() { room } else { room.max(self.settings.candidates as usize) };
        let mut tried = wanted.saturating_add(scratch.taken_len()).saturating_add(SPARE);
        loop {
            self.best_items(&mut buffers, tried, query.pool);
            let Buffers { items, chosen, .. } = &mut buffers;
            chosen.clear();
            let (keys, are_more) = items.finish();
            let mut last = None;
            for key in keys {
                let (at, item) = (index_of(*key), self.items[index_of(*key) as usize]);
                // A pool may name an item twice.
                if last.replace(at) != Some(at) && !scratch.is_taken(item) && (query.accept)(item) {
                    chosen.push((at, number_of(*key)));
                    if chosen.len() == wanted {
                        break;
                    }
                }
            }
            if chosen.len() == wanted || !are_more {
                break;
            }
            tried = tried.saturating_mul(8);
        }
        buffers.scores.clear();
        self.smooth(&mut buffers);
        let chosen = &mut buffers.chosen;
        chosen.sort_unstable_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        chosen.truncate(room);
        self.explain(&mut buffers);
        for ((item, score), reason) in buffers.chosen.iter().zip(&buffers.reasons.of) {
            let score = f64::from(score.max(0.0));
            slate.push(Candidate {
                item: self.items[*item as usize],
                score,
                source: Source::Collaborative,
                because: reason.map(|(from, _)| self.items[from as usize]),
                contribution: reason.map_or(0.0, |(_, share)| score * f64::from(share)),
            });
        }
        buffers.forget_marks();
        scratch.collaborative = buffers;
    }
}

/// So many more items than wanted are looked at first, since some will not be accepted.
const SPARE: usize = 32;

/// The items from the most frequent to the least, in which order the columns stand too.
fn by_frequency(items: &[Symbol], rows: &Sparse, trends: &[f32]) -> (Vec<Symbol>, Sparse, Vec<f32>) {
    let mut counts = vec![0_u32; rows.width()];
    rows.rows().flatten().for_each(|item| counts[*item as usize] += 1);
    // Items are counted in a `u32` by whoever builds the matrix.
    let mut order: Vec<u32> = (0..rows.width() as u32).collect();
    order.sort_by_key(|item| Reverse(counts[*item as usize]));
    let mut places = vec![0_u32; order.len()];
    (0..).zip(&order).for_each(|(place, item)| places[*item as usize] = place);
    let (mut arranged, mut cells) = (Sparse::new(rows.width()), Vec::new());
    for row in rows.rows() {
        cells.clear();
        cells.extend(row.iter().map(|item| places[*item as usize]));
        cells.sort_unstable();
        arranged.push_row(cells.iter().copied());
    }
    let at = |item: &u32| *item as usize;
    (order.iter().map(|of| items[at(of)]).collect(), arranged, order.iter().map(|of| trends[at(of)]).collect())
}

/// Each row's length, raised to a power and inverted.
fn powers(rows: &Sparse, exponent: f32) -> Vec<f32> {
    // Counts are far below 2^52. An item or a person without an event has no part in anything.
    let power = |count: usize| libm::pow(count.max(1) as f64, -f64::from(exponent)) as f32;
    rows.rows().map(|row| power(row.len())).collect()
}

/// Each item's present share of all events over its share of the whole log, each taken as if the item had one average
/// event more, so that a rare one is not taken for a trend. The present is that of the last event.
fn trends(rows: &Sparse, times: &[Timestamp], half_life: Span) -> Vec<f32> {
    let now = times.iter().copied().max().unwrap_or_default();
    let mut present = vec![0.0_f64; rows.width()];
    let mut whole = vec![0.0_f64; rows.width()];
    let mut share = 0.0;
    for (item, time) in rows.rows().flatten().zip(times) {
        let left = libm::exp2(-(now.since(*time).millis() as f64) / half_life.millis() as f64);
        present[*item as usize] += left;
        whole[*item as usize] += 1.0;
        share += left;
    }
    share /= times.len().max(1) as f64;
    present.iter().zip(&whole).map(|(present, whole)| ((present + share) / (share * (whole + 1.0))) as f32).collect()
}
