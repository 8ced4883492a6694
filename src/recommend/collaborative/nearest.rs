//! The neighbours' part: who is like this person, and what they had.

use smallvec::SmallVec;

use super::Collaborative;
use super::lowpass::Projected;
use crate::hash::Symbol;
use crate::linalg::fetch;
use crate::recommend::greatest::{Greatest, index_of, key, number_of};

/// The memory of one answer.
///
/// All sums are zero between answers.
#[derive(Debug, Default)]
pub(in crate::recommend) struct Buffers {
    /// The items of the history that are known, with their weights, latest first.
    pub(super) history: Vec<(u32, f32)>,
    /// What each person shares with the history.
    shared: Sums,
    /// The nearest people, as [`key`]s.
    near: Greatest,
    /// What the nearest people make of each item.
    pub(super) scores: Sums,
    /// The best of the items that any of them had, as [`key`]s.
    pub(super) items: Greatest,
    /// The history with the weights of the smoothed part.
    pub(super) weighted: Vec<(u32, f32)>,
    pub(super) projected: Projected,
    /// What the smoothed part says for each candidate.
    pub(super) smoothed: Vec<f32>,
    /// The accepted candidates: item and score.
    pub(super) chosen: Vec<(u32, f32)>,
    /// How many of the nearest people were asked.
    asked: usize,
    /// What is noted of each item; nothing between answers.
    marks: Vec<Mark>,
    pub(super) reasons: Reasons,
}

/// What is noted of an item during one answer.
#[derive(Clone, Copy, Debug, Default)]
struct Mark {
    /// Its place in the history, from one; zero if it is not there.
    place: u32,
    /// Its place among the chosen; likewise.
    chosen: u32,
}

/// Why each item of an answer was chosen, and the memory that it takes to say so.
#[derive(Debug, Default)]
pub(super) struct Reasons {
    /// The item of the history behind each that was chosen, with its share of what was said.
    pub(super) of: Vec<Option<(u32, f32)>>,
    /// Those who had each of the chosen, nearest first, as ends of stretches of `shares`.
    witnesses: Vec<SmallVec<[(u32, u32); WITNESSES]>>,
    /// What each of them shares with the history: the place, and how much it made of their likeness.
    shares: Vec<(u32, f32)>,
    /// Those of the chosen that one person has.
    had: Vec<u32>,
    /// What each item of the history said for one.
    amounts: Vec<f32>,
}

/// Sums by index, most of them zero, and which are not.
#[derive(Debug, Default)]
pub(super) struct Sums {
    sums: Vec<f32>,
    /// As long as `sums`; the first `count` say which are not zero, in the order of the first additions.
    touched: Vec<u32>,
    count: usize,
}

impl Sums {
    fn fit(&mut self, width: usize) {
        if self.sums.len() < width {
            self.sums.resize(width, 0.0);
            // One more, since the place behind the last is written too.
            self.touched.resize(width + 1, 0);
        }
    }

    /// Adds what is above zero.
    #[inline]
    fn add(&mut self, at: u32, amount: f32) {
        let sum = &mut self.sums[at as usize];
        // Whether it is new cannot be foretold, so it is counted, not branched upon.
        self.touched[self.count] = at;
        self.count += usize::from(*sum == 0.0);
        *sum += amount;
    }

    #[inline]
    pub(super) fn get(&self, at: u32) -> f32 {
        self.sums.get(at as usize).copied().unwrap_or(0.0)
    }

    /// Hands out every sum that is not zero, in the order of the first additions.
    fn each(&self) -> impl Iterator<Item = (u32, f32)> {
        self.touched[..self.count].iter().map(|at| (*at, self.sums[*at as usize]))
    }

    /// Makes every sum zero.
    pub(super) fn clear(&mut self) {
        for at in &self.touched[..self.count] {
            self.sums[*at as usize] = 0.0;
        }
        self.count = 0;
    }
}

impl Collaborative {
    /// Leaves in `buffers.scores` what the nearest people make of each item, until it is cleared.
    pub(super) fn ask_nearest(&self, buffers: &mut Buffers) {
        let Buffers { history, shared, near, asked, scores, .. } = buffers;
        shared.fit(self.rows.height());
        scores.fit(self.rows.width());
        for (item, weight) in history.iter() {
            let weight = weight * self.signs[*item as usize];
            let people = self.columns.row(*item as usize);
            for person in &people[..people.len().min(self.settings.per_item as usize)] {
                shared.add(*person, weight);
            }
        }
        near.begin(self.settings.people as usize);
        for (person, sum) in shared.each() {
            near.push(key(self.sharpen.of(sum) * self.people[person as usize], person));
        }
        shared.clear();
        let (near, _) = near.finish();
        let row = |near: &u64| self.rows.row(index_of(*near) as usize);
        let mut effort = self.settings.effort as usize;
        let fits = |near: &&u64| {
            let left = effort.checked_sub(row(near).len());
            effort = left.unwrap_or(effort);
            left.is_some()
        };
        *asked = near.iter().take_while(fits).count();
        let near = &near[..*asked];
        // The rows lie anywhere in memory, and waiting for one after the other would take longer than to add them up.
        fetch(near.iter().map(row));
        // Sums depend on their order, which is that of likeness.
        for near in near {
            let likeness = number_of(*near);
            for item in row(near) {
                scores.add(*item, likeness);
            }
        }
    }

    /// Leaves in `buffers.items` the best so many of the items that the nearest people had, or, where there is a pool,
    /// of its items.
    pub(super) fn best_items(&self, buffers: &mut Buffers, wanted: usize, pool: Option<&[Symbol]>) {
        let Buffers { scores, items, .. } = buffers;
        items.begin(wanted);
        let score = |item: u32, sum: f32| key(sum * self.targets[item as usize], item);
        match pool {
            None => scores.each().for_each(|(item, sum)| items.push(score(item, sum))),
            Some(pool) => {
                for item in pool.iter().filter_map(|item| self.index.get(item)) {
                    let sum = scores.get(*item);
                    if sum > 0.0 {
                        items.push(score(*item, sum));
                    }
                }
            }
        }
    }

    /// Finds for each of the chosen the item of the history that spoke most for it, through the nearest of the people
    /// asked who had it, and its share of what these said.
    ///
    /// A person's likeness comes from the items shared, in the proportion of their weights.
    pub(super) fn explain(&self, buffers: &mut Buffers) {
        let Buffers { history, near, asked, marks, chosen, reasons, .. } = buffers;
        let Reasons { of, witnesses, shares, had, amounts } = reasons;
        of.clear();
        shares.clear();
        witnesses.clear();
        witnesses.resize(chosen.len(), SmallVec::new());
        for (place, (item, _)) in (1..).zip(chosen.iter()) {
            marks[*item as usize].chosen = place;
        }
        // How many have no witness yet, and how many too few.
        let (mut unheard, mut open) = (chosen.len(), chosen.len());
        for (rank, near) in near.keys()[..*asked].iter().enumerate() {
            if open == 0 || unheard == 0 && rank >= ENOUGH {
                break;
            }
            let (person, start) = (index_of(*near), shares.len());
            had.clear();
            let mut shared = 0.0;
            for item in self.rows.row(person as usize) {
                let Mark { place, chosen } = marks[*item as usize];
                if let Some(place) = place.checked_sub(1) {
                    let sign = history[place as usize].1 * self.signs[*item as usize];
                    shared += sign;
                    shares.push((place, sign));
                }
                had.extend(chosen.checked_sub(1).filter(|chosen| witnesses[*chosen as usize].len() < WITNESSES));
            }
            if had.is_empty() {
                shares.truncate(start);
                continue;
            }
            let likeness = self.sharpen.of(shared) * self.people[person as usize];
            shares[start..].iter_mut().for_each(|(_, sign)| *sign = likeness * *sign / shared);
            for chosen in had.iter() {
                let witnesses = &mut witnesses[*chosen as usize];
                unheard -= usize::from(witnesses.is_empty());
                // There are fewer than 2^32 pairs of people and items.
                witnesses.push((start as u32, shares.len() as u32));
                open -= usize::from(witnesses.len() == WITNESSES);
            }
        }
        of.extend(witnesses.iter().map(|witnesses| {
            amounts.clear();
            amounts.resize(history.len(), 0.0);
            for (start, end) in witnesses {
                for (place, share) in &shares[*start as usize..*end as usize] {
                    amounts[*place as usize] += share;
                }
            }
            // Of equal ones the latest.
            let most = (0..amounts.len()).rev().max_by(|a, b| amounts[*a].total_cmp(&amounts[*b]))?;
            let whole: f32 = amounts.iter().sum();
            (amounts[most] > 0.0).then(|| (history[most].0, amounts[most] / whole))
        }));
    }
}

/// So many of the nearest people who had an item are asked why.
const WITNESSES: usize = 4;
/// So many people are looked at for more than one witness.
const ENOUGH: usize = 100;

impl Buffers {
    /// Begins a history of items below a bound.
    pub(super) fn begin(&mut self, width: usize) {
        self.history.clear();
        if self.marks.len() < width {
            self.marks.resize(width, Mark::default());
        }
    }

    /// Appends an item to the history, unless it is there; says whether it was not.
    pub(super) fn remember(&mut self, item: u32, weight: f32) -> bool {
        let mark = &mut self.marks[item as usize];
        let is_new = mark.place == 0;
        if is_new {
            self.history.push((item, weight));
            // An index of an item, which is a `u32`, stands here once.
            mark.place = self.history.len() as u32;
        }
        is_new
    }

    /// Takes back what was noted of items.
    pub(super) fn forget_marks(&mut self) {
        self.history.iter().chain(&self.chosen).for_each(|(item, _)| self.marks[*item as usize] = Mark::default());
    }
}

/// Raises to `1 + quarters / 4` by square roots, which are the same on every machine.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Sharpen(u32);

impl Sharpen {
    pub(super) fn new(exponent: f32) -> Self {
        // Checked to lie in [0, 4].
        Self(libm::rintf(exponent * 4.0) as u32)
    }

    #[inline]
    fn of(self, number: f32) -> f32 {
        let half = number.sqrt();
        let quarter = half.sqrt();
        let mut power = number;
        for _ in 0..self.0 / 4 {
            power *= number;
        }
        match self.0 % 4 {
            1 => power * quarter,
            2 => power * half,
            3 => power * half * quarter,
            _ => power,
        }
    }
}
