//! Who is who: computed from the links alone.

use super::component::Component;
use super::settings::Rules;
use super::{Evidence, Refusal};
use crate::hash::Symbol;
use crate::time::Timestamp;

impl Component {
    /// Goes through the links in their order, and joins what may be joined.
    pub(super) fn partition(&mut self, rules: &Rules) {
        let mut groups = Groups::new(self, rules.limited());
        for at in 0..self.links.len() {
            let link = &self.links[at];
            let place = |id| self.slots.binary_search_by_key(&id, |slot| slot.key).ok();
            let (Some(a), Some(b)) = (place(link.a), place(link.b)) else { continue };
            let refused = if link.is_live() { groups.join(a, b, rules) } else { Some(Refusal::Revoked) };
            let is_shared = refused == Some(Refusal::Unique)
                && link.evidence < Evidence::Probable
                && (self.slots[a].rank.is_device() != self.slots[b].rank.is_device())
                && (rules.is_unique(self.slots[a].kind) || rules.is_unique(self.slots[b].kind));
            self.links[at].refused = if is_shared { Some(Refusal::Shared) } else { refused };
        }
        for slot in &mut self.slots {
            slot.first = Timestamp::MAX;
        }
        for link in self.links.iter().filter(|link| link.is_live()) {
            for id in [link.a, link.b] {
                if let Ok(at) = self.slots.binary_search_by_key(&id, |slot| slot.key) {
                    self.slots[at].first = self.slots[at].first.min(link.first);
                }
            }
        }
        let mut canonical: Vec<Option<usize>> = vec![None; self.slots.len()];
        for at in 0..self.slots.len() {
            let of = &mut canonical[groups.root(at)];
            let order = |at: usize| (self.slots[at].first, self.slots[at].rank, self.slots[at].key);
            if of.is_none_or(|best| order(at) < order(best)) {
                *of = Some(at);
            }
        }
        for at in 0..self.slots.len() {
            let best = canonical[groups.root(at)].unwrap_or(at);
            self.slots[at].person = self.slots[best].key;
        }
    }
}

/// People under construction: disjoint sets (Tarjan, 1975) that know how many ids of each limited kind they have.
struct Groups {
    parents: Vec<usize>,
    sizes: Vec<usize>,
    /// By set, then by limited kind.
    counts: Vec<u16>,
    kinds: usize,
}

impl Groups {
    fn new(of: &Component, limited: &[(Symbol, u16)]) -> Self {
        let (len, kinds) = (of.slots.len(), limited.len());
        let mut counts = vec![0; len * kinds];
        for (at, slot) in of.slots.iter().enumerate() {
            if let Some(kind) = limited.iter().position(|(kind, _)| *kind == slot.kind) {
                counts[at * kinds + kind] = 1;
            }
        }
        Self { parents: (0..len).collect(), sizes: vec![1; len], counts, kinds }
    }

    fn root(&mut self, mut at: usize) -> usize {
        while self.parents[at] != at {
            self.parents[at] = self.parents[self.parents[at]];
            at = self.parents[at];
        }
        at
    }

    /// Joins the sets of two ids, or says why not.
    fn join(&mut self, a: usize, b: usize, rules: &Rules) -> Option<Refusal> {
        let (a, b) = (self.root(a), self.root(b));
        if a == b {
            return None;
        }
        let (a, b) = if self.sizes[a] >= self.sizes[b] { (a, b) } else { (b, a) };
        for (kind, (_, most)) in rules.limited().iter().enumerate() {
            let (ours, theirs) = (self.counts[a * self.kinds + kind], self.counts[b * self.kinds + kind]);
            if theirs > 0 && ours + theirs > *most {
                return Some(if *most == 1 { Refusal::Unique } else { Refusal::PerKind });
            }
        }
        if self.sizes[a] + self.sizes[b] > rules.ids {
            return Some(Refusal::Ids);
        }
        self.parents[b] = a;
        self.sizes[a] += self.sizes[b];
        for kind in 0..self.kinds {
            self.counts[a * self.kinds + kind] += self.counts[b * self.kinds + kind];
        }
        None
    }
}
