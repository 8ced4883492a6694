//! Which conditions ask about what a worth follows from.

use super::worth::Worth;
use crate::engine::Engine;
use crate::event::EventKind;
use crate::hash::Symbol;
use crate::rule::Aspect;

/// For every segment of the engine, whether it asks about what the worth follows from, itself or by another segment.
pub(super) fn leaks(engine: &Engine, worth: &Worth<'_>) -> Vec<bool> {
    let count = engine.segments().len();
    let mut source = Source::of(worth);
    let mut leaks: Vec<bool> =
        engine.segments().map(|name| worth.follows_from.iter().any(|of| **of == **name)).collect();
    if let Ok(Some(segment)) = worth.segment(engine) {
        source.add(engine, segment);
        leaks[segment] = true;
    }
    // Each comes after those it refers to.
    for index in 0..count {
        leaks[index] |= source.is_read(engine, index) || refers(engine, index).iter().any(|to| leaks[*to]);
    }
    leaks
}

/// What a worth follows from.
#[derive(Default)]
struct Source {
    kinds: Vec<Symbol>,
    attributes: Vec<Symbol>,
    affinities: Vec<Symbol>,
    aspects: Vec<Aspect>,
}

impl Source {
    fn of(worth: &Worth<'_>) -> Self {
        // A name may be that of any of these; that it is none of the others does no harm.
        let names: Vec<Symbol> = worth.follows_from.iter().map(|name| Symbol::new(name)).collect();
        let named = worth.follows_from.iter().map(|name| EventKind::from(name.as_str()).symbol());
        let kinds = worth.kinds().iter().map(EventKind::symbol).chain(named).collect();
        // Whoever buys was seen at that time.
        let aspects = if worth.kinds().is_empty() { Vec::new() } else { vec![Aspect::Lifecycle] };
        Self { kinds, attributes: names.clone(), affinities: names, aspects }
    }

    /// Adds what a segment asks about, and those that it refers to.
    fn add(&mut self, engine: &Engine, segment: usize) {
        let mut wanted = vec![false; segment + 1];
        wanted[segment] = true;
        for index in (0..=segment).rev() {
            if !wanted[index] {
                continue;
            }
            refers(engine, index).iter().for_each(|to| wanted[*to] = true);
            if let Some(reads) = engine.reads(index) {
                self.kinds.extend(engine.kinds(&reads.counters));
                self.attributes.extend(&reads.attributes);
                self.affinities.extend(reads.affinities.iter().map(|(dimension, _)| *dimension));
                self.aspects.extend(&reads.aspects);
            }
        }
    }

    fn is_read(&self, engine: &Engine, index: usize) -> bool {
        let Some(reads) = engine.reads(index) else { return false };
        engine.kinds(&reads.counters).any(|kind| self.kinds.contains(&kind))
            || reads.attributes.iter().any(|name| self.attributes.contains(name))
            || reads.affinities.iter().any(|(name, _)| self.affinities.contains(name))
            || reads.aspects.iter().any(|aspect| self.aspects.contains(aspect))
    }
}

fn refers(engine: &Engine, index: usize) -> &[usize] {
    engine.reads(index).map_or(&[], |reads| &reads.segments)
}
