//! The neighbours' part: who is like this person, and what they had.

use super::Collaborative;
use super::lowpass::Projected;
use crate::hash::Symbol;
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
    /// The rank of each person who was asked, from one; zero for others, and between answers.
    people: Vec<u32>,
    /// The place of each item in the history, from one; likewise.
    places: Vec<u32>,
    /// Those of the people asked who had an item, by rank.
    witnesses: Vec<(u32, u32)>,
    /// The places of what such a person shares with the history, and how much each counts.
    common: Vec<(usize, f32)>,
    /// What each item of the history added to one answer.
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
        let Buffers { history, shared, near, scores, .. } = buffers;
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
        // Sums depend on their order, which is that of likeness.
        let mut effort = self.settings.effort as usize;
        for near in &*near.finish().0 {
            let likeness = number_of(*near);
            let row = self.rows.row(index_of(*near) as usize);
            if row.len() > effort {
                break;
            }
            effort -= row.len();
            for item in row {
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

    /// Notes who was asked and what the history has, so that [`Self::because`] can be asked; to be taken back by
    /// [`Buffers::forget_marks`].
    pub(super) fn mark(&self, buffers: &mut Buffers) {
        let Buffers { history, near, people, places, .. } = buffers;
        if people.len() < self.rows.height() {
            people.resize(self.rows.height(), 0);
        }
        if places.len() < self.rows.width() {
            places.resize(self.rows.width(), 0);
        }
        for (rank, near) in (1..).zip(near.keys()) {
            people[index_of(*near) as usize] = rank;
        }
        for (place, (item, _)) in (1..).zip(history.iter()) {
            places[*item as usize] = place;
        }
    }

    /// The item of the history that spoke most for an item, through the nearest people who had it, and its share of
    /// what all of them said.
    ///
    /// A person's likeness comes from the items shared, in the proportion of their weights.
    pub(super) fn because(&self, buffers: &mut Buffers, item: u32) -> Option<(u32, f32)> {
        let Buffers { history, people, places, amounts, witnesses, common, .. } = buffers;
        witnesses.clear();
        let asked = self.columns.row(item as usize).iter().map(|person| (people[*person as usize], *person));
        witnesses.extend(asked.filter(|(rank, _)| *rank > 0));
        if witnesses.len() > WITNESSES {
            witnesses.select_nth_unstable(WITNESSES);
            witnesses.truncate(WITNESSES);
        }
        witnesses.sort_unstable();
        amounts.clear();
        amounts.resize(history.len(), 0.0);
        for (_, person) in witnesses.iter() {
            common.clear();
            for item in self.rows.row(*person as usize) {
                if let Some(place) = (places[*item as usize] as usize).checked_sub(1) {
                    common.push((place, history[place].1 * self.signs[*item as usize]));
                }
            }
            let shared: f32 = common.iter().map(|(_, sign)| sign).sum();
            let likeness = self.sharpen.of(shared) * self.people[*person as usize];
            for (place, sign) in common.iter() {
                amounts[*place] += likeness * sign / shared;
            }
        }
        // Of equal ones the latest.
        let most = (0..amounts.len()).rev().max_by(|a, b| amounts[*a].total_cmp(&amounts[*b]))?;
        let whole: f32 = amounts.iter().sum();
        (amounts[most] > 0.0).then(|| (history[most].0, amounts[most] / whole))
    }
}

/// So many of the nearest people who had an item are asked why.
const WITNESSES: usize = 4;

impl Buffers {
    /// Takes back what was marked.
    pub(super) fn forget_marks(&mut self) {
        self.near.keys().iter().for_each(|near| self.people[index_of(*near) as usize] = 0);
        self.history.iter().for_each(|(item, _)| self.places[*item as usize] = 0);
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
