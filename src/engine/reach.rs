//! From what an event touches to the counters and segments that could care: the reason why cost follows what
//! changed, not how many rules there are.

use smallvec::SmallVec;

use super::facts::{EventView, Names};
use crate::hash::{Map, Symbol};
use crate::profile::{CounterId, Dimension};
use crate::rule::{Aspect, CounterSpec, EventFacts};

/// Which counters an event can touch, and which segments depend on what.
#[derive(Clone, Debug, Default)]
pub(super) struct Reach {
    kinds: Map<Symbol, OfKind>,
    counters: Map<CounterId, u32>,
    /// By counter: the segments that read it.
    readers: Vec<Vec<u32>>,
    attributes: Map<Symbol, Vec<u32>>,
    /// By kind of group.
    groups: Map<Symbol, Vec<u32>>,
    /// By what is computed from events.
    computed: Map<CounterId, Vec<u32>>,
    dimensions: Map<Symbol, Vec<u32>>,
    /// By [`Dimension::code`]: the segments that read the dimension as a whole.
    wholes: Map<u32, Vec<u32>>,
    /// By [`Dimension::code`] and value.
    tastes: Map<(u32, Symbol), Vec<u32>>,
    /// Of these the segments that time alone can change.
    fading: Map<(u32, Symbol), Vec<u32>>,
    /// By aspect: the segments that read it.
    aspects: [Vec<u32>; Aspect::ALL.len()],
    /// By segment: the segments that refer to it.
    referred: Vec<Vec<u32>>,
}

/// The counters of one kind of event, each as its index and the step of its sequence in the lowest bits.
#[derive(Clone, Debug, Default)]
struct OfKind {
    /// Those that every event of the kind is tested against.
    always: Vec<u32>,
    /// Those with a test that a property equals a value, by the property and the value.
    keyed: Vec<(Symbol, Map<u64, Vec<u32>>)>,
}

impl Reach {
    pub(super) fn new(segments: usize) -> Self {
        Self { referred: vec![Vec::new(); segments], ..Self::default() }
    }

    /// Adds a counter by its index in the plan; counters come in the order of their indexes, before the segments.
    pub(super) fn add_counter(&mut self, index: u32, spec: &CounterSpec) {
        self.counters.insert(spec.id(), index);
        self.readers.push(Vec::new());
        for step in 0..spec.steps() {
            let entry = index << STEP_BITS | step as u32;
            let of = self.kinds.entry(spec.kind_of(step).symbol()).or_default();
            let Some((name, value)) = spec.key(step) else {
                of.always.push(entry);
                continue;
            };
            let at = of.keyed.iter().position(|(keyed, _)| *keyed == name).unwrap_or_else(|| {
                of.keyed.push((name, Map::default()));
                of.keyed.len() - 1
            });
            of.keyed[at].1.entry(value.key()).or_default().push(entry);
        }
    }

    /// Adds a segment by what its rule reads.
    pub(super) fn add_segment(&mut self, index: u32, reads: &crate::rule::Reads) {
        for id in &reads.counters {
            if let Some(counter) = self.counters.get(id) {
                self.readers[*counter as usize].push(index);
            }
        }
        for name in &reads.attributes {
            self.attributes.entry(*name).or_default().push(index);
        }
        for kind in &reads.groups {
            self.groups.entry(*kind).or_default().push(index);
        }
        for id in &reads.computed {
            self.computed.entry(*id).or_default().push(index);
        }
        for (dimension, value) in &reads.affinities {
            let (code, all) = (Dimension::code_of(*dimension), self.dimensions.entry(*dimension).or_default());
            if all.last() != Some(&index) {
                all.push(index);
            }
            let Some(value) = value else {
                self.wholes.entry(code).or_default().push(index);
                continue;
            };
            self.tastes.entry((code, *value)).or_default().push(index);
            if reads.aspects.contains(&Aspect::Fading) {
                self.fading.entry((code, *value)).or_default().push(index);
            }
        }
        for aspect in &reads.aspects {
            self.aspects[*aspect as usize].push(index);
        }
        for segment in &reads.segments {
            self.referred[*segment].push(index);
        }
    }

    /// Calls `touch` with the index and the step of every counter that counts the event, which is of this kind.
    pub(super) fn counters(
        &self,
        kind: Symbol,
        view: &EventView<'_>,
        names: &Names,
        plan: &[CounterSpec],
        touch: &mut dyn FnMut(u32, usize),
    ) {
        let Some(of) = self.kinds.get(&kind) else { return };
        let facts = (view, names);
        let mut test = |entry: &u32| {
            let (index, step) = (entry >> STEP_BITS, (entry & ((1 << STEP_BITS) - 1)) as usize);
            if plan[index as usize].matches_step(step, &facts) {
                touch(index, step);
            }
        };
        of.always.iter().for_each(&mut test);
        for (name, by_value) in &of.keyed {
            // A list can hold a value twice, and several items one category: each counter is touched once.
            let mut seen: SmallVec<[u64; 8]> = SmallVec::new();
            facts.any(*name, &mut |scalar| {
                let key = scalar.key();
                // Only values that rules ask for are noted, so that an event with thousands stays cheap.
                let Some(asking) = by_value.get(&key).filter(|_| !seen.contains(&key)) else { return false };
                seen.push(key);
                asking.iter().for_each(&mut test);
                false
            });
        }
    }

    /// The segments that read a counter.
    pub(super) fn of_counter(&self, id: CounterId) -> &[u32] {
        self.counters.get(&id).map_or(&[], |index| self.of_planned(*index))
    }
    /// The segments that read a counter, by its index in the plan.
    pub(super) fn of_planned(&self, index: u32) -> &[u32] {
        &self.readers[index as usize]
    }
    /// The segments that read an attribute.
    pub(super) fn of_attribute(&self, name: Symbol) -> &[u32] {
        self.attributes.get(&name).map_or(&[], Vec::as_slice)
    }
    /// The segments that read a group of a kind.
    pub(super) fn of_group(&self, kind: Symbol) -> &[u32] {
        self.groups.get(&kind).map_or(&[], Vec::as_slice)
    }
    /// The segments that read what is computed from events.
    pub(super) fn of_computed(&self, id: CounterId) -> &[u32] {
        self.computed.get(&id).map_or(&[], Vec::as_slice)
    }
    /// The segments that read an affinity of a dimension.
    pub(super) fn of_dimension(&self, dimension: Symbol) -> &[u32] {
        self.dimensions.get(&dimension).map_or(&[], Vec::as_slice)
    }
    /// The segments that read a dimension as a whole.
    pub(super) fn of_whole(&self, dimension: u32) -> &[u32] {
        self.wholes.get(&dimension).map_or(&[], Vec::as_slice)
    }
    /// The segments that read the affinity to a value.
    pub(super) fn of_taste(&self, dimension: u32, value: Symbol) -> &[u32] {
        self.tastes.get(&(dimension, value)).map_or(&[], Vec::as_slice)
    }
    /// Of these the segments whose answer fades with the affinity.
    pub(super) fn of_fading(&self, dimension: u32, value: Symbol) -> &[u32] {
        self.fading.get(&(dimension, value)).map_or(&[], Vec::as_slice)
    }
    /// The segments that read an aspect.
    pub(super) fn of_aspect(&self, aspect: Aspect) -> &[u32] {
        &self.aspects[aspect as usize]
    }
    /// The segments that refer to a segment; all of them come after it.
    pub(super) fn of_segment(&self, index: u32) -> &[u32] {
        &self.referred[index as usize]
    }
}

/// Sequences have at most eight steps and a forbidden event.
const STEP_BITS: u32 = 4;
