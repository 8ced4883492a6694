//! Why somebody is in a segment, or in a campaign's audience, or not.

use super::Engine;
use super::facts::{ProfileFacts, context};
use crate::decision::Request;
use crate::hash::{Map, Symbol};
use crate::profile::Profile;
use crate::rule::{Answer, Branch, Explanation, Rule, Segments, explain};
use crate::time::Timestamp;
use crate::value::Value;

impl Engine {
    /// Why the person is in a segment or not: the tree of its rule, with what was found for each condition and what
    /// would change its answer. `None` if there is no such segment.
    ///
    /// The answer is that of [`Engine::memberships`] at the same time; where it is unknown,
    /// [`Explanation::included`] says what the segment makes of it. Segments that the rule refers to are opened too,
    /// each once. Cost: that of compiling the rule; meant for people's questions, not for every request.
    ///
    /// ```
    /// use bespoke::catalog::Catalog;
    /// use bespoke::{Engine, Event, EventKind, Profile, Timestamp};
    /// let engine = Engine::from_json(r#"{"segments": [{"name": "undecided", "rule":
    ///     "plan = 'pro' AND event('item_viewed').within(7 days).count() >= 2"}]}"#)?;
    /// let now: Timestamp = "2026-03-01T12:00:00Z".parse()?;
    /// let mut profile = Profile::default();
    /// let event = Event::new(EventKind::ItemViewed, "ann", now).attribute("plan", "pro");
    /// engine.apply(&event, &mut profile, &Catalog::new(), now);
    /// let why = engine.explain("undecided", &profile, now).unwrap();
    /// assert_eq!(why.to_string(), "\
    /// no  segment undecided
    ///   no  all of
    ///     yes plan = 'pro'
    ///         found \"pro\", set at 2026-03-01T12:00:00Z
    ///         would change if plan was anything but 'pro'
    ///     no  event('item_viewed').within(1w).count() >= 2
    ///         found 1, at 2026-03-01T12:00:00Z
    ///         would change with 1 more item_viewed before 2026-03-08T12:00:00Z");
    /// # Ok::<(), bespoke::Error>(())
    /// ```
    #[must_use]
    pub fn explain(&self, segment: &str, profile: &Profile, now: Timestamp) -> Option<Explanation> {
        let index = self.segments.iter().position(|of| &*of.name == segment)?;
        let rule = &self.segments[index].definition.rule;
        // Segments are counted in u32 when they are compiled.
        let answer = |flips: &[_]| self.answer(flips, index as u32);
        let explained = self.explained(Branch::Segment, segment, Some(rule), profile, &[], now, &answer);
        Some(explained.deciding(self.segments[index].unknown))
    }

    /// Why the person, with this request, is in a campaign's audience or not. `None` if there is no such campaign. The
    /// verdicts of a [`Decision`](crate::decision::Decision) name the campaigns that were asked.
    #[must_use]
    pub fn explain_campaign(
        &self,
        campaign: &str,
        request: &Request,
        profile: &Profile,
        now: Timestamp,
    ) -> Option<Explanation> {
        let of = self.campaigns.iter().find(|of| &*of.name == campaign)?;
        let context = context(&request.context);
        let answer = |flips: &[_]| {
            let facts = ProfileFacts { engine: self, profile, flips, now, context: &context };
            of.audience.as_ref().map_or(Answer::Yes, |audience| audience.eval(&facts).answer)
        };
        let audience = of.definition.audience.as_ref();
        let explained = self.explained(Branch::Campaign, campaign, audience, profile, &context, now, &answer);
        Some(explained.deciding(of.unknown))
    }

    #[expect(clippy::too_many_arguments, reason = "the common part of the two ways to ask")]
    fn explained(
        &self,
        kind: Branch,
        name: &str,
        rule: Option<&Rule>,
        profile: &Profile,
        context: &[(Symbol, &Value)],
        now: Timestamp,
        answer: &dyn Fn(&[crate::profile::Flip]) -> Answer,
    ) -> Explanation {
        let flips = self.flips_at(profile, now);
        let at = |now| ProfileFacts { engine: self, profile, flips: &flips, now, context };
        let places: Map<&str, usize> = self.segments.iter().enumerate().map(|(i, of)| (&*of.name, i)).collect();
        let segments = Segments {
            index: &|name| places.get(name).copied(),
            rule: &|index| self.segments.get(index).map(|of| &of.definition.rule),
            lists: &self.lists,
        };
        // A rule that was compiled with the engine compiles again.
        let part = rule.and_then(|rule| explain(rule, &segments, &at, now).ok());
        Explanation {
            kind,
            text: name.to_owned(),
            answer: answer(&flips),
            included: None,
            until: part.as_ref().and_then(|part| part.until),
            evidence: None,
            changes: Vec::new(),
            parts: part.into_iter().collect(),
        }
    }
}
