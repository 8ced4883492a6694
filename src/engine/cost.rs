//! What definitions cost: the bytes that a profile keeps for them, at worst, beside the bytes that it may take.

use std::collections::BTreeMap;
use std::fmt;

use super::Engine;
use super::upkeep::LARGEST_PROFILE;
use crate::config::Warning;
use crate::hash::Map;
use crate::profile::{Affinities, CounterId, Counters, Profile};
use crate::rule::{CounterSpec, Rule};
use crate::time::shorten;

/// The bytes that a profile keeps for an engine's definitions; see [`Engine::cost`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// What rules count, the dearest first, ties by text.
    pub counters: Vec<CounterCost>,
    /// What the newest events take at worst.
    pub history: usize,
    /// What affinities take at worst.
    pub affinities: usize,
    /// What else a profile may hold.
    pub parts: Vec<PartCost>,
    /// The bytes that every profile takes and never gives up: itself, and its memberships at worst.
    pub fixed: usize,
    /// The most bytes that a profile may take ([`Settings::profile_bytes`](super::Settings::profile_bytes)). Should the
    /// worst come for one person, parts of the profile give way until it fits.
    pub allowed: usize,
}

/// What one part of a profile takes at worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartCost {
    /// Which part.
    pub part: &'static str,
    /// The most bytes that it would take if nothing had to give way.
    pub worst_bytes: usize,
}

/// What one counter costs a profile that has something to count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CounterCost {
    /// Which counter.
    pub counter: CounterId,
    /// What is counted, in the text form of rules.
    pub text: String,
    /// Who asks: `segment …` and `campaign …`, in the order of their compilation.
    pub users: Vec<String>,
    /// The bytes of a counter that has seen few events.
    pub typical_bytes: usize,
    /// The most bytes that it takes.
    pub worst_bytes: usize,
}

impl Cost {
    /// The most bytes that all of it would take on one profile if nothing had to give way. A profile never takes more
    /// than is [allowed](Cost::allowed).
    #[must_use]
    pub fn worst_bytes(&self) -> usize {
        let parts: usize = self.parts.iter().map(|part| part.worst_bytes).sum();
        self.fixed + self.counter_bytes() + self.history + self.affinities + parts
    }

    /// The most bytes that all counters take. Profiles keep 512 counters at most: with more, those are the dearest.
    #[must_use]
    pub fn counter_bytes(&self) -> usize {
        self.counters.iter().take(Counters::LIMIT).map(|counter| counter.worst_bytes).sum()
    }

    /// The bytes that counters have beside the history: what is allowed, less what is fixed, less the history at worst
    /// or its share of an eighth. Where [`Cost::counter_bytes`] exceeds it, somebody of whom all rules count as much as
    /// they can loses counters, and what these counted is unknown from then on.
    #[must_use]
    pub fn counter_room(&self) -> usize {
        let shared = self.allowed.saturating_sub(self.fixed);
        shared - self.history.min(shared / 8)
    }

    /// Whether counters do not fit at worst, and what would help.
    pub(super) fn warning(&self) -> Option<Warning> {
        let (counters, room) = (self.counter_bytes(), self.counter_room());
        let dearest = self.counters.first().filter(|_| counters > room)?;
        Some(Warning::Heavy {
            counters,
            room,
            allowed: self.allowed,
            // The history takes its share at most.
            enough: Some(self.fixed + counters + self.history).filter(|enough| *enough <= LARGEST_PROFILE),
            dearest: (shorten(&dearest.text), dearest.worst_bytes),
        })
    }

    /// The most bytes that the counters of one segment or campaign take, by a name as in [`CounterCost::users`]; those
    /// that it shares with others are counted whole.
    #[must_use]
    pub fn worst_bytes_of(&self, user: &str) -> usize {
        let of = self.counters.iter().filter(|counter| counter.users.iter().any(|of| of == user));
        of.map(|counter| counter.worst_bytes).sum()
    }
}

impl Engine {
    /// What the rules cost each profile: every counter with who asks for it, and the bytes that it takes at worst. A
    /// profile pays for a counter only when it has something to count.
    ///
    /// ```
    /// use bespoke::Engine;
    /// let engine = Engine::from_json(r#"{"segments": [
    ///     {"name": "keen", "rule": "event('item_viewed').within(7 days).count() >= 3"},
    ///     {"name": "cold", "rule": "NOT event('item_viewed').within(30 days)"}
    /// ]}"#)?;
    /// let cost = engine.cost();
    /// assert_eq!(cost.counters.len(), 1, "both ask the same counter");
    /// assert_eq!(cost.counters[0].users, ["segment keen", "segment cold"]);
    /// println!("{cost}");
    /// # Ok::<(), bespoke::Error>(())
    /// ```
    #[must_use]
    pub fn cost(&self) -> Cost {
        let mut asked: BTreeMap<CounterId, (String, Vec<String>)> = BTreeMap::new();
        let places: Map<&str, usize> = self.segments.iter().enumerate().map(|(i, of)| (&*of.name, i)).collect();
        let mut note = |user: String, rule: &Rule| {
            for (counter, text) in rule.counted(&mut |name| places.get(name).copied(), &self.lists) {
                let (_, users) = asked.entry(counter).or_insert_with(|| (text, Vec::new()));
                if users.last() != Some(&user) {
                    users.push(user.clone());
                }
            }
        };
        for segment in &self.segments {
            note(format!("segment {}", segment.name), &segment.definition.rule);
        }
        for campaign in &self.campaigns {
            if let Some(rule) = &campaign.definition.audience {
                note(format!("campaign {}", campaign.name), rule);
            }
        }
        let cost = |spec: &CounterSpec| {
            let (text, users) = asked.remove(&spec.id()).unwrap_or_default();
            let (typical_bytes, worst_bytes) = (spec.typical_bytes(), spec.worst_bytes());
            CounterCost { counter: spec.id(), text, users, typical_bytes, worst_bytes }
        };
        let mut counters: Vec<CounterCost> = self.plan.iter().map(cost).collect();
        counters.sort_by(|a, b| b.worst_bytes.cmp(&a.worst_bytes).then_with(|| a.text.cmp(&b.text)));
        // An event of the history takes 20 bytes, an affinity 24; both stay in one block that grows by an eighth.
        let history = self.upkeep.history * 20;
        let affinities = self.upkeep.dimensions.len() * Affinities::LIMIT * 24;
        let fixed = Profile::fixed_bytes(self.segments.len());
        let named = Profile::worst_parts(&self.upkeep, self.gathering.gathers(), self.settings.consent.len());
        let parts = named.into_iter().map(|(part, worst_bytes)| PartCost { part, worst_bytes }).collect();
        Cost { counters, history, affinities, parts, fixed, allowed: self.upkeep.bytes }
    }
}

impl fmt::Display for Cost {
    /// A table, a line for each counter.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:>8} {:>8}  what is kept", "typical", "worst")?;
        for CounterCost { text, users, typical_bytes, worst_bytes, .. } in &self.counters {
            writeln!(f, "{typical_bytes:>8} {worst_bytes:>8}  {text}")?;
            let more = users.len().saturating_sub(MOST_USERS);
            let users = users.iter().take(MOST_USERS).map(String::as_str).collect::<Vec<_>>().join(", ");
            write!(f, "{:>19} for {users}", "")?;
            writeln!(f, "{}", if more > 0 { format!(" and {more} more") } else { String::new() })?;
        }
        let own = [
            ("the newest events", self.history),
            ("affinities", self.affinities),
            ("the profile itself and its memberships", self.fixed),
        ];
        let parts = self.parts.iter().map(|part| (part.part, part.worst_bytes));
        for (part, bytes) in own.into_iter().chain(parts).filter(|(_, bytes)| *bytes > 0) {
            writeln!(f, "{:>8} {bytes:>8}  {part}", "")?;
        }
        writeln!(f, "{:>8} {:>8}  bytes for a profile in all, if nothing had to give way", "", self.worst_bytes())?;
        write!(f, "{:>8} {:>8}  bytes that it may take; ", "", self.allowed)?;
        let (needed, room) = (self.counter_bytes(), self.counter_room());
        match needed <= room {
            true => write!(f, "all counters fit at their worst ({needed} of {room})"),
            false => write!(f, "at their worst counters take {needed} and have {room}: some would be dropped"),
        }
    }
}

/// How many of those who ask for a counter are named.
const MOST_USERS: usize = 4;
