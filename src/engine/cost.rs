//! What definitions cost: the bytes that a profile keeps for them, at worst.

use std::collections::BTreeMap;
use std::fmt;

use super::Engine;
use crate::hash::Map;
use crate::profile::{Affinities, CounterId, Counters};
use crate::rule::{CounterSpec, Rule};

/// The bytes that a profile keeps for an engine's rules; see [`Engine::cost`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// What rules count, the dearest first, ties by text.
    pub counters: Vec<CounterCost>,
    /// What the newest events take at worst.
    pub history: usize,
    /// What affinities take at worst.
    pub affinities: usize,
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
    /// The most bytes that all of it takes on one profile. Profiles keep 512 counters at most: with more, those are the
    /// dearest.
    #[must_use]
    pub fn worst_bytes(&self) -> usize {
        let counters = self.counters.iter().take(Counters::LIMIT).map(|counter| counter.worst_bytes);
        counters.sum::<usize>() + self.history + self.affinities
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
        Cost { counters, history, affinities }
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
        writeln!(f, "{:>8} {:>8}  the newest events", "", self.history)?;
        writeln!(f, "{:>8} {:>8}  affinities", "", self.affinities)?;
        write!(f, "{:>8} {:>8}  bytes for a profile in all", "", self.worst_bytes())
    }
}

/// How many of those who ask for a counter are named.
const MOST_USERS: usize = 4;
