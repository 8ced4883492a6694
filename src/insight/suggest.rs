//! Segments worth having.
//!
//! A beam search (Lowerre, 1976, as in subgroup discovery: Klösgen, "Explora", 1996) joins conditions into rules, and
//! ranks a rule by what can be promised of it: the lower end of the interval of the difference in capped worth. Once
//! the best is found, its people are set aside and the search begins anew, so that the next rule is about others.
//!
//! The best of thousands of rules looks better than it is. So rules are chosen by one half of the sample, and tested
//! and measured by the other, which has taken no part in choosing: each by a one-sided test, the few of them
//! together after Benjamini and Hochberg. Where nothing goes with value, something is suggested in at most as many
//! samples as [`ValueSettings::false_discovery`](super::ValueSettings::false_discovery) says. Intervals of what passed
//! are widened for having been picked (Benjamini and Yekutieli, "False discovery rate-adjusted multiple confidence
//! intervals for selected parameters", 2005).

use std::collections::BTreeSet;

use serde::Serialize;

use super::bits::Bits;
use super::value::{Analysis, Contrast};
use crate::rule::Rule;
use crate::stats::{Adjustment, Alpha, adjusted, normal_upper_quantile, normal_upper_tail};
use crate::time::Timestamp;

/// Segments that would be worth having. Displays as a table.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Suggestions {
    /// What value is.
    pub worth: String,
    /// The time for which the conditions were asked.
    pub now: Timestamp,
    /// How many people there are.
    pub people: u64,
    /// How many of them were looked at.
    pub sampled: usize,
    /// How many rules the search looked at.
    pub searched: usize,
    /// How many of them were put to the test.
    pub tested: usize,
    /// How many of the suggestions may be false, as a part of them.
    pub false_discovery: f64,
    /// Those that passed the test, in the order in which they were chosen.
    pub found: Vec<Suggestion>,
}

/// A segment worth having.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Suggestion {
    /// Who would be in it.
    pub rule: Rule,
    /// How many people would be in it, by the half that measures.
    pub people: u64,
    /// Which part of all people that is.
    pub share: f64,
    /// The lift in the half that chose; mostly too good, for having been chosen.
    pub lift_when_chosen: Option<f64>,
    /// What its people are worth against all others, in the half that did not choose. The intervals hold at their
    /// level although the rule was picked.
    pub measured: Contrast,
    /// The smallest part of false suggestions at which this is one.
    pub q: f64,
}

/// A rule in the making.
#[derive(Clone)]
struct Candidate {
    parts: Vec<usize>,
    people: Bits,
    score: f64,
}

impl Analysis {
    /// Segments that would be worth having: rules over conditions that neither follow from value nor lead up to it.
    ///
    /// Cost: for each suggestion a look at the people of a few thousand rules.
    #[must_use]
    pub fn suggestions(&self) -> Suggestions {
        let usable = self.usable();
        let mut searched = 0;
        let mut active = self.choosing.clone();
        let mut chosen: Vec<Candidate> = Vec::new();
        while chosen.len() < self.settings.suggestions {
            let Some(best) = self.search(&usable, &active, &mut searched) else { break };
            let all = self.people_of(&best.parts);
            active = active.without(&all);
            chosen.push(Candidate { people: all, ..best });
        }
        let rivals: Vec<Contrast> =
            chosen.iter().map(|of| self.contrast(&of.people, Some(&self.measuring), self.settings.alpha)).collect();
        let p: Vec<f64> = rivals.iter().map(|contrast| normal_upper_tail(contrast.z)).collect();
        let q = adjusted(&p, Adjustment::FalseDiscovery).unwrap_or_else(|_| vec![1.0; p.len()]);
        let passed = q.iter().filter(|q| **q <= self.settings.false_discovery).count();
        let alpha = self.adjusted(passed, chosen.len());
        let measuring = self.measuring.len();
        let suggest = |(of, q): (&Candidate, f64)| {
            let measured = self.contrast(&of.people, Some(&self.measuring), alpha);
            // A sample has far fewer than 2^53 people.
            let share = measured.people as f64 / measuring.max(1) as f64;
            Suggestion {
                rule: self.rule(&of.parts),
                people: libm::round(share * self.people as f64) as u64,
                share,
                lift_when_chosen: self.contrast(&of.people, Some(&self.choosing), alpha).lift,
                measured,
                q,
            }
        };
        let found = chosen.iter().zip(q).filter(|(_, q)| *q <= self.settings.false_discovery).map(suggest).collect();
        Suggestions {
            worth: self.worth.clone(),
            now: self.now,
            people: self.people,
            sampled: self.values.len(),
            searched,
            tested: chosen.len(),
            false_discovery: self.settings.false_discovery,
            found,
        }
    }

    /// The error rate at which intervals of some that were picked of all hold together.
    fn adjusted(&self, passed: usize, tested: usize) -> Alpha {
        let left_out = 2.0 * self.settings.alpha.tail() * passed.max(1) as f64 / tested.max(1) as f64;
        Alpha::new(left_out).unwrap_or(self.settings.alpha)
    }

    /// The best rule for the active people, if any promises something.
    fn search(&self, usable: &[usize], active: &Bits, searched: &mut usize) -> Option<Candidate> {
        let scorer = Scorer::new(self, active)?;
        let mut seen: BTreeSet<Bits> = BTreeSet::new();
        let mut beam: Vec<Candidate> = vec![Candidate { parts: Vec::new(), people: active.clone(), score: 0.0 }];
        let mut best: Option<Candidate> = None;
        for _ in 0..self.settings.depth {
            let mut next: Vec<Candidate> = Vec::new();
            for from in &beam {
                let met = from.people.len();
                for condition in usable {
                    let people = from.people.and(&self.conditions[*condition].people);
                    let len = people.len();
                    if len == met || len < scorer.least || seen.contains(&people) {
                        continue;
                    }
                    *searched += 1;
                    let score = scorer.score(&people);
                    seen.insert(people.clone());
                    // A rule that is narrower must promise more; one that promises little can still lead somewhere.
                    if score > from.score || from.parts.is_empty() {
                        let parts = from.parts.iter().copied().chain([*condition]).collect();
                        next.push(Candidate { parts, people, score });
                    }
                }
            }
            // Ties by the order of asking, so that the plainest rule wins.
            next.sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| a.parts.cmp(&b.parts)));
            next.truncate(self.settings.beam);
            let top = next.first().filter(|top| top.score > best.as_ref().map_or(0.0, |best| best.score));
            best = top.cloned().or(best);
            beam = next;
        }
        best
    }

    /// Everybody of the sample who meets all conditions.
    fn people_of(&self, parts: &[usize]) -> Bits {
        let mut people: Option<Bits> = None;
        for part in parts {
            let of = &self.conditions[*part].people;
            people = Some(people.map_or_else(|| of.clone(), |people| people.and(of)));
        }
        people.unwrap_or_else(|| Bits::new(self.values.len()))
    }

    fn rule(&self, parts: &[usize]) -> Rule {
        let rules = parts.iter().map(|part| self.conditions[*part].rule.clone());
        rules.reduce(|all, part| all & part).unwrap_or(Rule::always(false))
    }
}

/// Scores sets of people by the lower end of what they are worth more than the others.
struct Scorer<'a> {
    analysis: &'a Analysis,
    people: f64,
    /// The mean of all, about which squares are summed so that they lose no digits.
    center: f64,
    sum: f64,
    squares: f64,
    z: f64,
    least: usize,
}

impl<'a> Scorer<'a> {
    fn new(analysis: &'a Analysis, active: &Bits) -> Option<Self> {
        let people = active.len();
        // A sample has far fewer than 2^53 people.
        let least = libm::ceil(analysis.settings.least_share * people as f64) as usize;
        let least = least.max(analysis.settings.least).max(2);
        if people < 2 * least {
            return None;
        }
        let center = active.iter().map(|place| analysis.capped[place]).sum::<f64>() / people as f64;
        let z = normal_upper_quantile(analysis.settings.alpha.tail());
        let mut scorer = Self { analysis, people: people as f64, center, sum: 0.0, squares: 0.0, z, least };
        (scorer.sum, scorer.squares, _) = scorer.sums(active);
        Some(scorer)
    }

    /// The sum of distances from the center, that of their squares, and how many are worth more than nothing.
    fn sums(&self, people: &Bits) -> (f64, f64, usize) {
        people.iter().fold((0.0, 0.0, 0), |(sum, squares, paying), place| {
            let away = self.analysis.capped[place] - self.center;
            (sum + away, squares + away * away, paying + usize::from(self.analysis.values[place] > 0.0))
        })
    }

    fn score(&self, people: &Bits) -> f64 {
        let n = people.len() as f64;
        let rest = self.people - n;
        if rest < self.least as f64 {
            return f64::NEG_INFINITY;
        }
        let (sum, squares, paying) = self.sums(people);
        if paying < LEAST_PAYERS {
            return f64::NEG_INFINITY;
        }
        let variance = |sum: f64, squares: f64, n: f64| ((squares - sum * sum / n) / (n - 1.0)).max(0.0);
        let error = variance(sum, squares, n) / n + variance(self.sum - sum, self.squares - squares, rest) / rest;
        sum / n - (self.sum - sum) / rest - self.z * libm::sqrt(error)
    }
}

/// With fewer payers a mean is that of a few orders.
const LEAST_PAYERS: usize = 10;
