//! What surveys of many people ask of an engine: memberships by index, and single rules put to one profile after
//! another.

use super::facts::ProfileFacts;
use super::{Definitions, Engine};
use crate::config::Problems;
use crate::hash::{Map, Symbol};
use crate::profile::{CounterId, Flip, Flips, Profile};
use crate::rule::{Answer, Compiled, CounterPlan, CounterSpec, Lists, Reads, Rule, Unknown};
use crate::schema::Schema;
use crate::segment::Segment;
use crate::time::Timestamp;

impl Engine {
    /// The declared names.
    ///
    /// ```
    /// use bespoke::{Engine, value::Kind};
    /// let engine = Engine::from_json(r#"{"schema": {"attributes": {"plan": "text"}}}"#)?;
    /// assert_eq!(engine.schema().attributes["plan"], Kind::Text);
    /// # Ok::<(), bespoke::Error>(())
    /// ```
    #[must_use]
    pub const fn schema(&self) -> &Schema {
        &self.schema
    }

    /// The segments that answer otherwise than for an empty profile, as they are at a time.
    pub(crate) fn flips(&self, profile: &Profile, now: Timestamp) -> Flips {
        self.flips_at(profile, now)
    }

    /// Whether an empty profile is in the segment with this index.
    pub(crate) fn is_blank(&self, index: usize) -> bool {
        self.segments.get(index).is_some_and(|segment| segment.blank)
    }

    /// Whether somebody with this flip is in the segment and an empty profile is not, or the other way round.
    pub(crate) fn differs(&self, flip: Flip) -> bool {
        let of = self.segments.get(flip.segment() as usize);
        !flip.is_unknown() || of.is_some_and(|segment| segment.unknown.admits(Answer::Unknown) != segment.blank)
    }

    /// What a segment does with those of whom its rule does not tell.
    pub(crate) fn unknown(&self, index: usize) -> Unknown {
        self.segments.get(index).map_or(Unknown::Exclude, |segment| segment.unknown)
    }

    /// The segment with this index, as it was defined.
    pub(crate) fn segment_at(&self, index: usize) -> Option<&Segment> {
        self.segments.get(index).map(|segment| &segment.definition)
    }

    /// The indexes of the segments by name.
    pub(crate) fn places(&self) -> Map<&str, usize> {
        self.segments.iter().enumerate().map(|(index, segment)| (&*segment.name, index)).collect()
    }

    /// The lists that rules may ask for.
    pub(crate) const fn lists(&self) -> &Lists {
        &self.lists
    }

    /// A rule made ready to be put to profiles of this engine, whose [`Engine::places`] and [`Engine::lists`] are
    /// given. What it counts is answered from the counters that the engine's own rules ask for; `None` if it asks for
    /// a segment or list that is not there.
    pub(crate) fn probe(rule: &Rule, places: &Map<&str, usize>, lists: &Lists) -> Option<Compiled> {
        rule.compile(&mut |name| places.get(name).copied(), lists, &mut CounterPlan::default()).ok()
    }

    /// What a rule that [`Engine::probe`] gave answers for a profile with these flips.
    pub(crate) fn asked(&self, rule: &Compiled, profile: &Profile, flips: &Flips, now: Timestamp) -> Answer {
        rule.eval(&ProfileFacts { engine: self, profile, flips, now, context: &[] }).answer
    }

    /// Whether a profile with these flips is in the segment with this index.
    pub(crate) fn is_in(&self, flips: &Flips, index: usize) -> bool {
        // Segments are counted in u32 when they are compiled.
        self.unknown(index).admits(self.answer(flips, index as u32))
    }

    /// What a segment's rule reads, by the segment's index.
    pub(crate) fn reads(&self, index: usize) -> Option<&Reads> {
        Some(self.segments.get(index)?.rule.reads())
    }

    /// The kinds of event that counters of the engine count.
    pub(crate) fn kinds(&self, counters: &[CounterId]) -> impl Iterator<Item = Symbol> {
        let at = |id: &CounterId| self.plan.binary_search_by_key(id, CounterSpec::id).ok();
        counters.iter().filter_map(at).map(|at| self.plan[at].kind().symbol())
    }

    /// An engine with the same names, lists, settings and segments, and further segments; without campaigns.
    pub(crate) fn with_segments(&self, more: impl IntoIterator<Item = Segment>) -> Result<Self, Problems> {
        let own = self.segments.iter().map(|segment| segment.definition.clone());
        let segments = own.chain(more).collect();
        let (schema, lists, settings) = (self.schema.clone(), self.listed.clone(), self.settings.clone());
        Self::new(Definitions { schema, lists, segments, settings, ..Definitions::default() })
    }
}
