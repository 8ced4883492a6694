//! A backlog of ideas: ranked by what a day of work brings, and chosen under a budget of days.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Opportunity, Prior, Worth};
use crate::stats::Undefined;

/// An idea with a name, and what must be built before it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Idea {
    /// Its name, each its own.
    pub name: String,
    /// What it is in numbers.
    pub opportunity: Opportunity,
    /// The ideas that must be built before.
    #[serde(default)]
    pub needs: Vec<String>,
}

/// Ideas that were checked together.
///
/// ```
/// use bespoke::experiment::{Backlog, Idea, Opportunity};
/// let idea = |name: &str, lift: f64, days: f64| Idea {
///     name: name.to_owned(),
///     opportunity: Opportunity {
///         segment_size: 1_000.0, reach: 1.0, baseline_rate: 0.1, relative_lift: lift, lift_error: 0.0,
///         value_per_conversion: 10.0, success_probability: 1.0, days, cost: 0.0,
///     },
///     needs: Vec::new(),
/// };
/// let backlog = Backlog::new(vec![idea("a", 0.3, 5.0), idea("b", 0.5, 9.0), idea("c", 0.28, 5.0)])?;
/// let names: Vec<&str> = backlog.ranked().iter().map(|(idea, _)| idea.name.as_str()).collect();
/// assert_eq!(names, ["a", "c", "b"]); // by value per day: 60, 56, 55.6
/// assert_eq!(backlog.greedy(14.0).ideas, ["a", "c"]);
/// assert_eq!(backlog.best(14.0)?.ideas, ["a", "b"]); // 800 of value, where 580 were
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Vec<Idea>", into = "Vec<Idea>")]
pub struct Backlog {
    ideas: Vec<Idea>,
    worths: Vec<Worth>,
    /// Of each idea, the indices of what it needs, all that those need included, in order.
    needs: Vec<Vec<usize>>,
}

/// What to build within a budget.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Selection {
    /// The names of the ideas, what is needed before what needs it, otherwise by score.
    pub ideas: Vec<String>,
    /// The days that they take together.
    pub days: f64,
    /// The value that they are expected to bring together, less their costs.
    pub value: f64,
    /// Whether no other choice within the budget brings more.
    pub is_best: bool,
}

/// Why a backlog cannot be.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum BacklogError {
    /// Two ideas have one name, or one has none.
    #[error("two ideas are called `{name}`, or it is empty; give each a name of its own")]
    Name {
        /// The name.
        name: String,
    },
    /// An idea needs one that there is not.
    #[error("`{name}` needs `{needed}`, which is no idea of the backlog")]
    Unknown {
        /// The idea.
        name: String,
        /// What it needs.
        needed: String,
    },
    /// Ideas need each other.
    #[error("`{name}` needs itself, by way of what it needs; break the circle")]
    Cycle {
        /// One of them.
        name: String,
    },
    /// An idea's numbers are out of range.
    #[error("the numbers of `{name}` do not go: {reason}")]
    Numbers {
        /// The idea.
        name: String,
        /// Why.
        reason: Undefined,
    },
    /// There are more ideas than are kept, or than can be chosen among exactly.
    #[error("there are {found} ideas; at most {limit} are taken here")]
    TooMany {
        /// How many there are.
        found: usize,
        /// How many there may be.
        limit: usize,
    },
}

impl Backlog {
    /// How many ideas [`Backlog::best`] chooses among.
    pub const EXACT: usize = 30;
    /// How many ideas a backlog has at most.
    pub const LIMIT: usize = 1_000;

    /// Checks ideas together.
    ///
    /// # Errors
    /// [`BacklogError`], the first that there is.
    pub fn new(ideas: Vec<Idea>) -> Result<Self, BacklogError> {
        if ideas.len() > Self::LIMIT {
            return Err(BacklogError::TooMany { found: ideas.len(), limit: Self::LIMIT });
        }
        let mut at = BTreeMap::new();
        let mut worths = Vec::with_capacity(ideas.len());
        for (i, Idea { name, opportunity, .. }) in ideas.iter().enumerate() {
            if name.is_empty() || at.insert(name.as_str(), i).is_some() {
                return Err(BacklogError::Name { name: name.clone() });
            }
            let numbers = |reason| BacklogError::Numbers { name: name.clone(), reason };
            worths.push(opportunity.worth().map_err(numbers)?);
        }
        let direct = |idea: &Idea| {
            let unknown = |needed: &String| BacklogError::Unknown { name: idea.name.clone(), needed: needed.clone() };
            let index = |needed: &String| at.get(needed.as_str()).copied().ok_or_else(|| unknown(needed));
            idea.needs.iter().map(index).collect::<Result<Vec<_>, _>>()
        };
        let direct = ideas.iter().map(direct).collect::<Result<Vec<_>, _>>()?;
        let needs = (0..ideas.len()).map(|i| closure(i, &direct));
        let needs: Vec<Vec<usize>> = needs.collect();
        match (0..ideas.len()).find(|i| needs[*i].contains(i)) {
            Some(i) => Err(BacklogError::Cycle { name: ideas[i].name.clone() }),
            None => Ok(Self { ideas, worths, needs }),
        }
    }

    /// The ideas, best first by expected value per day of work; of equals, by name.
    #[must_use]
    pub fn ranked(&self) -> Vec<(&Idea, &Worth)> {
        self.order().into_iter().map(|i| (&self.ideas[i], &self.worths[i])).collect()
    }

    /// Takes ideas by their rank, each with what it needs, as long as the days last and it is worth its cost. Good,
    /// quick, and easy to explain. `O(ideas²)`.
    #[must_use]
    pub fn greedy(&self, days: f64) -> Selection {
        let mut taken = vec![false; self.ideas.len()];
        let mut left = days;
        for i in self.order() {
            let new: Vec<usize> = self.needs[i].iter().chain([&i]).copied().filter(|j| !taken[*j]).collect();
            let cost: f64 = new.iter().map(|j| self.ideas[*j].opportunity.days).sum();
            let gain: f64 = new.iter().map(|j| self.net(*j)).sum();
            if gain > 0.0 && cost <= left {
                left -= cost;
                new.into_iter().for_each(|j| taken[j] = true);
            }
        }
        self.selection(&taken, self.ideas.is_empty())
    }

    /// The choice that brings most within the days, exactly: by branch and bound over the ideas in the order of their
    /// rank, the bound being what the rest would bring if ideas could be cut (Dantzig, 1957). It ends after fifty
    /// million steps; should those not have sufficed, it says that the choice may not be the best.
    ///
    /// # Errors
    /// [`BacklogError::TooMany`] beyond [`Backlog::EXACT`] ideas.
    pub fn best(&self, days: f64) -> Result<Selection, BacklogError> {
        if self.ideas.len() > Self::EXACT {
            return Err(BacklogError::TooMany { found: self.ideas.len(), limit: Self::EXACT });
        }
        let mut order: Vec<usize> = (0..self.ideas.len()).collect();
        let rate = |i: &usize| self.net(*i) / self.ideas[*i].opportunity.days;
        order.sort_by(|a, b| rate(b).total_cmp(&rate(a)).then(a.cmp(b)));
        let none = vec![false; self.ideas.len()];
        let mut search = Search { of: self, order: &order, best: (0.0, none.clone()), steps: STEPS };
        search.go(0, days, 0.0, &mut none.clone(), &mut none.clone());
        let is_best = search.steps > 0;
        Ok(self.selection(&search.best.1, is_best))
    }

    /// The same backlog with a lift that was learned since: of a result, or of past ones ([`Prior::learned`]).
    ///
    /// # Errors
    /// [`BacklogError::Unknown`] for an idea there is not, and [`BacklogError::Numbers`].
    pub fn learned(mut self, name: &str, lift: &Prior) -> Result<Self, BacklogError> {
        let unknown = || BacklogError::Unknown { name: "the result".to_owned(), needed: name.to_owned() };
        let at = self.ideas.iter().position(|idea| idea.name == name).ok_or_else(unknown)?;
        let opportunity = &mut self.ideas[at].opportunity;
        (opportunity.relative_lift, opportunity.lift_error) = (lift.mean(), lift.deviation());
        Self::new(self.ideas)
    }

    fn order(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.ideas.len()).collect();
        let by = |a: &usize, b: &usize| {
            let score = self.worths[*b].score.total_cmp(&self.worths[*a].score);
            score.then_with(|| self.ideas[*a].name.cmp(&self.ideas[*b].name))
        };
        order.sort_by(by);
        order
    }

    fn net(&self, i: usize) -> f64 {
        self.worths[i].expected - self.ideas[i].opportunity.cost
    }

    fn selection(&self, taken: &[bool], is_best: bool) -> Selection {
        let mut chosen: Vec<usize> = Vec::new();
        for i in self.order().into_iter().filter(|i| taken[*i]) {
            let new: Vec<usize> = self.needs[i].iter().chain([&i]).copied().filter(|j| !chosen.contains(j)).collect();
            chosen.extend(new);
        }
        let sum = |of: &dyn Fn(usize) -> f64| chosen.iter().map(|i| of(*i)).sum();
        Selection {
            days: sum(&|i| self.ideas[i].opportunity.days),
            value: sum(&|i| self.net(i)),
            ideas: chosen.iter().map(|i| self.ideas[*i].name.clone()).collect(),
            is_best,
        }
    }
}

/// The state of branch and bound.
struct Search<'a> {
    of: &'a Backlog,
    order: &'a [usize],
    best: (f64, Vec<bool>),
    steps: u64,
}

impl Search<'_> {
    /// From the idea at this rank on. What is out is not taken, nor is what needs it.
    fn go(&mut self, rank: usize, left: f64, value: f64, taken: &mut Vec<bool>, out: &mut Vec<bool>) {
        if value > self.best.0 {
            self.best = (value, taken.clone());
        }
        self.steps = self.steps.saturating_sub(1);
        let open = |i: &usize| !taken[*i] && !out[*i];
        if self.steps == 0 || value + self.bound(rank, left, open) <= self.best.0 {
            return;
        }
        let Some(at) = (rank..self.order.len()).find(|at| open(&self.order[*at])) else { return };
        let i = self.order[at];
        let new: Vec<usize> = self.of.needs[i].iter().chain([&i]).copied().filter(|j| !taken[*j]).collect();
        let days: f64 = new.iter().map(|j| self.of.ideas[*j].opportunity.days).sum();
        if days <= left && !new.iter().any(|j| out[*j]) {
            let gain: f64 = new.iter().map(|j| self.of.net(*j)).sum();
            new.iter().for_each(|j| taken[*j] = true);
            self.go(at + 1, left - days, value + gain, taken, out);
            new.iter().for_each(|j| taken[*j] = false);
        }
        out[i] = true;
        self.go(at + 1, left, value, taken, out);
        out[i] = false;
    }

    /// What is open would bring so much at most.
    fn bound(&self, rank: usize, mut left: f64, open: impl Fn(&usize) -> bool) -> f64 {
        let mut most = 0.0;
        for i in self.order[rank..].iter().filter(|i| open(i)) {
            let (days, net) = (self.of.ideas[*i].opportunity.days, self.of.net(*i));
            if net <= 0.0 || left <= 0.0 {
                break;
            }
            most += net * (left / days).min(1.0);
            left -= days;
        }
        // Rounding must not cut off what is as good.
        most * (1.0 + 1e-12)
    }
}

/// All that an idea needs, each after what it needs itself; the idea itself too where it is in a circle.
fn closure(of: usize, direct: &[Vec<usize>]) -> Vec<usize> {
    let (mut seen, mut order) = (vec![false; direct.len()], Vec::new());
    // Depth first without recursion: an idea is listed once what it needs is.
    let mut stack: Vec<(usize, usize)> = vec![(of, 0)];
    while let Some((i, next)) = stack.pop() {
        match direct[i].get(next) {
            Some(needed) => {
                stack.push((i, next + 1));
                if *needed == of && !order.contains(&of) {
                    order.push(of);
                }
                if !seen[*needed] && *needed != of {
                    seen[*needed] = true;
                    stack.push((*needed, 0));
                }
            }
            None if i != of => order.push(i),
            None => {}
        }
    }
    order
}

impl TryFrom<Vec<Idea>> for Backlog {
    type Error = BacklogError;
    fn try_from(ideas: Vec<Idea>) -> Result<Self, BacklogError> {
        Self::new(ideas)
    }
}

impl From<Backlog> for Vec<Idea> {
    fn from(of: Backlog) -> Self {
        of.ideas
    }
}

/// How many steps an exact choice may take: some seconds.
const STEPS: u64 = 50_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn idea(name: usize, value: f64, days: f64, needs: &[usize]) -> Idea {
        let opportunity = Opportunity {
            segment_size: value.abs(),
            reach: 1.0,
            baseline_rate: 1.0,
            relative_lift: value.signum(),
            lift_error: 0.0,
            value_per_conversion: 1.0,
            success_probability: 1.0,
            days,
            cost: 0.0,
        };
        let text = |name: &usize| format!("{name:02}");
        Idea { name: text(&name), opportunity, needs: needs.iter().map(text).collect() }
    }

    /// Against all subsets, with and without dependencies.
    #[test]
    fn the_best_choice_is_the_best_of_all() {
        let mut state = 7_u64;
        let mut below = |n: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % n
        };
        for case in 0..60 {
            let many = 1 + below(10) as usize;
            let mut ideas = Vec::new();
            for i in 0..many {
                let needs: Vec<usize> = (0..i).filter(|_| case % 2 == 1 && below(4) == 0).collect();
                ideas.push(idea(i, below(100) as f64 - 20.0, 1.0 + below(12) as f64, &needs));
            }
            let budget = below(40) as f64;
            let mut most: f64 = 0.0;
            for set in 0..1_u32 << many {
                let is_in = |i: &usize| set >> i & 1 == 1;
                let needs = |i: usize| ideas[i].needs.iter().all(|need| is_in(&need.parse().unwrap()));
                let all: Vec<usize> = (0..many).filter(is_in).collect();
                let days: f64 = all.iter().map(|i| ideas[*i].opportunity.days).sum();
                if days <= budget && all.iter().all(|i| needs(*i)) {
                    let value = |i: &usize| ideas[*i].opportunity.worth().unwrap().expected;
                    most = most.max(all.iter().map(value).sum());
                }
            }
            let backlog = Backlog::new(ideas).unwrap();
            let (best, greedy) = (backlog.best(budget).unwrap(), backlog.greedy(budget));
            assert!(best.is_best && (best.value - most).abs() < 1e-9, "{case}: {best:?} {most}");
            assert!(greedy.value <= most + 1e-9 && greedy.days <= budget && best.days <= budget);
            for choice in [&best, &greedy] {
                for (at, name) in choice.ideas.iter().enumerate() {
                    let idea = backlog.ideas.iter().find(|idea| idea.name == *name).unwrap();
                    assert!(idea.needs.iter().all(|need| choice.ideas[..at].contains(need)), "{choice:?}");
                }
            }
        }
    }

    #[test]
    fn thirty_ideas_are_chosen_among_exactly() {
        let ideas = (0..30).map(|i| idea(i, 50.0 + (i * 37 % 41) as f64, 3.0 + (i * 17 % 11) as f64, &[])).collect();
        let best = Backlog::new(ideas).unwrap().best(60.0).unwrap();
        assert!(best.is_best && best.days <= 60.0);
    }

    #[test]
    fn results_rank_anew_and_circles_are_refused() {
        let backlog = Backlog::new(vec![idea(0, 100.0, 1.0, &[]), idea(1, 90.0, 1.0, &[0])]).unwrap();
        let again = backlog.clone().learned("00", &Prior::new(0.01, 1e-4).unwrap()).unwrap();
        assert_eq!(again.ranked()[0].0.name, "01");
        assert!(matches!(backlog.learned("07", &Prior::OF_LIFT), Err(BacklogError::Unknown { .. })));
        let circle = Backlog::new(vec![idea(0, 1.0, 1.0, &[2]), idea(1, 1.0, 1.0, &[0]), idea(2, 1.0, 1.0, &[1])]);
        assert!(matches!(circle, Err(BacklogError::Cycle { .. })));
        assert!(matches!(Backlog::new(vec![idea(0, 1.0, 1.0, &[0])]), Err(BacklogError::Cycle { .. })));
        assert!(matches!(Backlog::new(vec![idea(0, 1.0, 0.0, &[])]), Err(BacklogError::Numbers { .. })));
        assert!(matches!(Backlog::new(vec![idea(0, 1.0, 1.0, &[]); 2]), Err(BacklogError::Name { .. })));
    }
}
