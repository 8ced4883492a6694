//! Proposes what goes with what the person saw: item to item, learned with every event.
//!
//! Two events of one person within a window are a pair: each item becomes a neighbour of the other, the more so the
//! closer in time they are, and more in the direction of time (Linden, Smith and York, IEEE Internet Computing 2003,
//! with the time-aware weights of Garg, Gupta, Malhotra, Vig and Shroff, "Sequence and time aware neighborhood for
//! session-based recommendations", SIGIR 2019). With w_j for how late and how strongly the person saw item j, an
//! item scores
//!
//! ```text
//! score(i) = Σ_j  w_j · c_ji / (1 + n_j)^damping / (1 + m_i)^target_damping
//! w_j      = weight_j · fade^(place of j, latest first)
//! c_ji     = Σ_pairs  √(weight_1 · weight_2) / (1 + gap / pace) · (1 forward │ backward) / u^user_damping,  decayed
//! n_j      = Σ_events of j that start pairs  weight,  decayed
//! m_i      = Σ_events of i that end pairs  weight,  decayed
//! ```
//!
//! where u is how many events of the person were known. A pair is one event of the kind `from`, at j, and one of the
//! kind `to`, at i; it is learned forward where the first came before the second. Without kinds, any two events are
//! two pairs, one each way. Going back to an item just left is learned in the same way, as its being its own
//! neighbour.
//!
//! The three dampings are dials of their own, since popular items and busy people differ in what they tell (Deshpande
//! and Karypis, "Item-based top-N recommendation algorithms", TOIS 2004, for people and the items of the history;
//! Christoffel, Paudel, Newell and Bernstein, "Blockbusters and wallflowers", RecSys 2015, for the exponent on targets).
//!
//! Where pairs are few, two steps find what one does not: a walk from the latest item j goes on from each of its 16
//! strongest neighbours v by that one's own links, and ends at i with the odds
//!
//! ```text
//! walk(i) = Σ_v  p_jv · p_vi        p_jv = c_jv / Σ_u c_ju, each without the way to itself
//! ```
//!
//! It counts `spread` times as much, in all, as the direct neighbours do. Finally `(1 + n_i)^-evenness` holds down
//! what is proposed to everybody.
//!
//! Cost: learning O(p · l) for the p ≤ 16 nearest other events and rows of l neighbours, of comparing numbers that stand
//! side by side; ranking O(depth · l), and O(16 · l) for the walk.

use std::cmp::Ordering;
use std::hint::black_box;

use serde::{Deserialize, Serialize, Serializer};
use smallvec::SmallVec;

use super::row::StoredRow;
use super::rows::Rows;
use super::settings::{NeighborSettings, RecommendError, Repeat};
use super::{Candidate, Query, Recommender, Scratch, Seen, counts};
use crate::hash::Symbol;
use crate::sketch::{Moment, Popularity};
use crate::state::State;
use crate::time::Timestamp;

/// Ranks items by how much they go with what the person saw last.
///
/// What a pair of events adds depends on these two events alone, so the state does not depend on the order in which
/// they arrive, to the bit, as long as `user_damping` and `between` are zero, no row is full, there are no more than
/// `capacity` rows, no event has more than 16 others in its window, and a sum's events span at most twenty half-lives
/// ([`Popularity`]). Merging is exact under the same conditions and with any `user_damping`, if all events of one person
/// went into one of the states: a pair is only learned where both are seen. It takes in nothing from a state with
/// another half-life or with other kinds.
///
/// When a row is full its weaker quarter leaves, ties by the higher symbol; when there are too many rows, the
/// sixteenth that was touched least recently leaves, ties by the lower symbol.
///
/// ```
/// use bespoke::hash::Symbol;
/// use bespoke::recommend::{Neighbors, Query, Recommender, Scratch, Seen, SeenKind};
/// use bespoke::time::{Span, Timestamp};
/// let now = Timestamp::from_millis(1_700_000_000_000);
/// let (tent, stove) = (Symbol::new("tent"), Symbol::new("stove"));
/// let seen = |item, time| Seen { item, time, weight: 1.0, kind: SeenKind::Viewed };
/// let mut neighbors = Neighbors::default();
/// neighbors.learn(seen(tent, now), &[]);
/// neighbors.learn(seen(stove, now + Span::minutes(1)), &[seen(tent, now)]);
/// // Somebody else looks at the tent.
/// let query = Query { history: &[seen(tent, now)], now, limit: 5, accept: &|_| true, pool: None };
/// let mut slate = Vec::new();
/// neighbors.rank(&query, &mut Scratch::default(), &mut slate);
/// assert_eq!((slate[0].item, slate[0].because), (stove, Some(tent)));
/// ```
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(try_from = "Stored")]
pub struct Neighbors {
    settings: NeighborSettings,
    rows: Rows,
}

impl Neighbors {
    /// How many of a person's other events an event is paired with at most: the nearest in time.
    pub const NEAREST: usize = 16;

    /// Knows nothing yet.
    ///
    /// # Errors
    /// A [`RecommendError`] that names the setting that is out of range.
    pub fn new(settings: NeighborSettings) -> Result<Self, RecommendError> {
        settings.check()?;
        Ok(Self { settings, rows: Rows::default() })
    }

    /// Takes in that a person showed interest in an item, among the other events of that person that are known so
    /// far, later ones too, ordered by time.
    ///
    /// The context must not hold the event itself. Of those within the window that make a pair with it the
    /// [nearest](Self::NEAREST) count; of two equally near the earlier. Weights that are not finite or not above zero
    /// count as no event.
    pub fn learn(&mut self, seen: Seen, context: &[Seen]) {
        let (settings, Seen { item, time, weight, kind }) = (self.settings, seen);
        let (starts, ends) = (settings.starts(kind), settings.ends(kind));
        if !counts(weight) || !(starts || ends) {
            return;
        }
        let moment = Moment::new(time, settings.half_life);
        let mut pairs = self.pairs(seen, moment, context);
        // What is rounded to nothing needs no number.
        pairs.retain(|pair| !(pair.to_other.is_zero() && pair.from_other.is_zero()));
        let own = Popularity::of_moment(f64::from(weight), moment);
        let of = |does: bool| if does { own } else { Popularity::default() };
        let number = self.rows.intern(item);
        self.rows.see(number, (of(starts), of(ends)), time, &settings);
        // Waiting for all rows at one time is faster than for each in its turn.
        let others: SmallVec<[u32; Self::NEAREST]> = pairs.iter().map(|pair| self.rows.intern(pair.item)).collect();
        black_box(self.rows.fetch(others.iter().copied()));
        for (pair, other) in pairs.iter().zip(&others).filter(|(pair, _)| !pair.to_other.is_zero()) {
            self.rows.link((number, *other), pair.to_other, pair.time, &settings);
        }
        for (pair, other) in pairs.iter().zip(&others).filter(|(pair, _)| !pair.from_other.is_zero()) {
            self.rows.link((*other, number), pair.from_other, pair.time, &settings);
        }
        self.rows.settle(settings.capacity as usize);
    }

    /// How many items have a row of neighbours.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether nothing has been learned.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.len() == 0
    }

    /// The settings it was made with.
    #[must_use]
    pub const fn settings(&self) -> &NeighborSettings {
        &self.settings
    }

    /// About how many bytes it holds on the heap. O(items).
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        self.rows.heap_bytes()
    }

    /// The pairs that an event makes with the nearest others.
    fn pairs(&self, of: Seen, moment: Moment, context: &[Seen]) -> SmallVec<[Pair; Self::NEAREST]> {
        let (settings, Seen { item, time, weight, kind }) = (&self.settings, of);
        let (starts, ends) = (settings.starts(kind), settings.ends(kind));
        let (mut before, mut after) = context.split_at(context.partition_point(|seen| seen.time <= time));
        let (mut passed_before, mut passed_after) = (0_u8, 0_u8);
        let mut pairs = SmallVec::new();
        let share = self.share_of_person(context);
        while pairs.len() < Self::NEAREST {
            let back = before.split_last().map(|(seen, rest)| (seen, rest, time.since(seen.time)));
            let ahead = after.split_first().map(|(seen, rest)| (seen, rest, seen.time.since(time)));
            let is_back = match (&back, &ahead) {
                (Some((_, _, b)), Some((_, _, a))) => b <= a,
                (back, _) => back.is_some(),
            };
            let Some((seen, rest, gap)) = (if is_back { back } else { ahead }) else { break };
            if gap > settings.window {
                break;
            }
            if is_back {
                before = rest
            } else {
                after = rest
            }
            let to_other = starts && settings.ends(seen.kind);
            let from_other = ends && settings.starts(seen.kind);
            if !counts(seen.weight) || !(to_other || from_other) {
                continue;
            }
            let interest = libm::sqrt(f64::from(weight) * f64::from(seen.weight));
            // At most as many as there are pairs.
            let passed = if is_back { &mut passed_before } else { &mut passed_after };
            let skipped = 1.0 + f64::from(settings.between) * f64::from(*passed);
            *passed += 1;
            let forth = share * interest / (1.0 + gap.millis() as f64 / settings.pace.millis() as f64) / skipped;
            let back = f64::from(settings.backward);
            let (to, from) = match seen.time.cmp(&time) {
                // Only going back to an item counts, and once.
                Ordering::Less if seen.item == item => (if from_other { forth } else { 0.0 }, 0.0),
                Ordering::Greater if seen.item == item => (if to_other { forth } else { 0.0 }, 0.0),
                Ordering::Equal if seen.item == item => (forth, 0.0),
                Ordering::Less => (forth * back, forth),
                Ordering::Greater => (forth, forth * back),
                // At the same time there is no direction.
                Ordering::Equal => (forth * (1.0 + back) / 2.0, forth * (1.0 + back) / 2.0),
            };
            // The pair is there once both events are.
            let at = time.max(seen.time);
            // Of events that arrive in order, all pairs are of one moment.
            let at_moment = if at == time { moment } else { Moment::new(at, settings.half_life) };
            let decayed = |does: bool, weight| {
                if does { Popularity::of_moment(weight, at_moment) } else { Popularity::default() }
            };
            let is_self = seen.item == item;
            let (to_other, from_other) = (decayed(to_other || is_self, to), decayed(from_other && !is_self, from));
            pairs.push(Pair { item: seen.item, time: at, to_other, from_other });
        }
        pairs
    }

    /// The strongest neighbours of an item, each with its share of the way from there.
    fn walk(&self, from: u32, steps: &mut Vec<(u32, f64)>) {
        steps.clear();
        let Some(row) = self.rows.row(from) else { return };
        let (total, symbol) = (row.total(from), |number| self.rows.symbol(number));
        if total > 0.0 {
            steps.extend(row.links().filter(|(number, _)| *number != from));
        }
        if steps.len() > STEPS {
            let tie = |a: u32, b: u32| symbol(a).cmp(&symbol(b));
            steps.select_nth_unstable_by(STEPS, |a, b| b.1.total_cmp(&a.1).then_with(|| tie(a.0, b.0)));
            steps.truncate(STEPS);
        }
        // Sums are added up in one order.
        steps.sort_unstable_by_key(|(number, _)| symbol(*number));
        steps.iter_mut().for_each(|(_, strength)| *strength /= total);
    }

    /// How much a pair of a person counts of whom these other events are known.
    fn share_of_person(&self, context: &[Seen]) -> f64 {
        let damping = f64::from(self.settings.user_damping);
        if damping <= 0.0 {
            return 1.0;
        }
        let known = 1 + context.iter().filter(|seen| counts(seen.weight)).count();
        libm::pow(known as f64, -damping)
    }
}

impl Recommender for Neighbors {
    fn rank(&self, query: &Query<'_>, scratch: &mut Scratch, slate: &mut Vec<Candidate>) {
        let NeighborSettings { depth, fade, damping, target_damping, repeat, spread, evenness, .. } = self.settings;
        if scratch.begin(query, slate) == 0 {
            return;
        }
        let own = match repeat {
            Repeat::Forbid => {
                scratch.forbid_history(query);
                0.0
            }
            Repeat::Allow(factor) => f64::from(factor),
            Repeat::First => 1.0,
        };
        let (mut latest, mut steps) = (std::mem::take(&mut scratch.latest), std::mem::take(&mut scratch.steps));
        let mut tally = std::mem::take(&mut scratch.tally);
        latest.clear();
        let mut faded = 1.0;
        for seen in query.history.iter().rev().filter(|seen| counts(seen.weight)) {
            if latest.len() >= depth as usize {
                break;
            }
            if !latest.iter().any(|(item, _)| *item == seen.item) {
                latest.push((seen.item, f64::from(seen.weight) * faded));
                faded *= f64::from(fade);
            }
        }
        tally.begin(self.rows.numbers());
        let known = |item| self.rows.number(item).and_then(|number| Some((number, self.rows.row(number)?)));
        for (place, (from, weight)) in latest.iter().enumerate() {
            let Some((from, row)) = known(*from) else { continue };
            let left = row.left(query.now, &self.settings);
            let seen = row.seen(&self.settings) * left;
            let scale = weight * left * libm::pow(1.0 + seen, -f64::from(damping));
            for (item, strength) in row.links() {
                let amount = scale * strength * if item == from { own } else { 1.0 };
                tally.add(item, amount, place as u32);
            }
        }
        let latest_number = latest.first().and_then(|(item, _)| self.rows.number(*item));
        if let (true, Some(from)) = (spread > 0.0, latest_number) {
            self.walk(from, &mut steps);
            let whole = f64::from(spread) * tally.total();
            // Waiting for all rows at one time is faster than for each in its turn.
            black_box(self.rows.fetch(steps.iter().map(|(via, _)| *via)));
            for (via, share) in &steps {
                let Some(row) = self.rows.row(*via) else { continue };
                let scale = whole * share / row.total(*via);
                // A row of nothing but itself, or of what has faded to nothing, leads nowhere.
                if scale.is_finite() {
                    row.links().filter(|(item, _)| item != via).for_each(|(item, strength)| {
                        tally.add(item, scale * strength, 0);
                    });
                }
            }
        }
        tally.narrow(query, |item| self.rows.number(item));
        if evenness > 0.0 {
            tally.scale(|item| self.rows.level(item));
        }
        if target_damping > 0.0 {
            tally.scale(|item| {
                let Some(row) = self.rows.row(item) else { return 1.0 };
                let reached = row.reached(&self.settings) * row.left(query.now, &self.settings);
                libm::pow(1.0 + reached, -f64::from(target_damping))
            });
        }
        let first = latest.first().filter(|_| repeat == Repeat::First).map(|(item, _)| *item);
        let reason = |place: u32| (self.settings.source(), latest.get(place as usize).map(|(item, _)| *item));
        tally.finish((query, first), scratch, |number| self.rows.symbol(number), reason, slate);
        (scratch.latest, scratch.steps, scratch.tally) = (latest, steps, tally);
    }
}

impl PartialEq for Neighbors {
    /// Whether both learned the same under the same settings.
    fn eq(&self, other: &Self) -> bool {
        self.settings == other.settings && self.rows.store() == other.rows.store()
    }
}

impl State for Neighbors {
    const KIND: &'static str = "neighbors";
    const VERSION: u16 = 2;

    fn merge(&mut self, other: &Self) {
        let settings = self.settings;
        let pairs = |of: &NeighborSettings| (of.half_life, of.from, of.to);
        if pairs(&settings) != pairs(&other.settings) {
            return;
        }
        // Rows do not touch each other, so the order in which they are taken in shows nowhere.
        other.rows.iter().for_each(|(item, row)| self.rows.adopt(item, row, &other.rows, &settings));
        self.rows.settle(settings.capacity as usize);
    }
}

/// Two events of one person, as seen from the one that arrived last.
struct Pair {
    /// The other item.
    item: Symbol,
    /// The later of the two times.
    time: Timestamp,
    /// What the other item gains as a neighbour of this one.
    to_other: Popularity,
    /// What this item gains as a neighbour of the other one.
    from_other: Popularity,
}

/// The stored form: rows in the order of their symbols.
#[derive(Serialize, Deserialize)]
struct Stored {
    settings: NeighborSettings,
    rows: Vec<StoredRow>,
}

impl Serialize for Neighbors {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Stored { settings: self.settings, rows: self.rows.store() }.serialize(serializer)
    }
}

impl TryFrom<Stored> for Neighbors {
    type Error = RecommendError;

    fn try_from(stored: Stored) -> Result<Self, RecommendError> {
        let mut neighbors = Self::new(stored.settings)?;
        if stored.rows.len() > stored.settings.capacity as usize {
            return Err(RecommendError::TooMany { found: stored.rows.len(), most: stored.settings.capacity });
        }
        if !stored.rows.is_sorted_by(|a, b| a.item < b.item) {
            return Err(RecommendError::Disorder);
        }
        stored.rows.iter().try_for_each(|row| neighbors.rows.restore(row, &stored.settings))?;
        Ok(neighbors)
    }
}

/// How many neighbours a walk goes on from.
const STEPS: usize = 16;
