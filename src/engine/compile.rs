//! From definitions to an engine, with every mistake found at once.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::asked::Asked;
use super::causes::Causes;
use super::check_campaign::{check_campaign, check_share};
use super::check_strategy::check_sources;
use super::definitions::Paths;
use super::export::lexicon;
use super::facts::ProfileFacts;
use super::features::CompiledFeature;
use super::gather::Gathering;
use super::reach::Reach;
use super::upkeep::upkeep;
use super::{CompiledCampaign, CompiledSegment, Definitions, Engine, fingerprint};
use crate::campaign::{Campaign, Feature, Goal, arbiter};
use crate::config::{Fault, Problems, join};
use crate::hash::{Map, Symbol};
use crate::profile::Profile;
use crate::rule::{
    CampaignNames, Compiled, CounterPlan, CounterSpec, List, Lists, MAX_VALUES, Rule, Unknown, Variety, Vocabulary,
};
use crate::segment::{Segment, order};
use crate::time::Timestamp;

impl Engine {
    /// Compiles definitions.
    ///
    /// # Errors
    /// [`Problems`]: every mistake, each with its path; names that nothing defines come with the nearest that
    /// something does.
    pub fn new(definitions: Definitions) -> Result<Self, Problems> {
        let paths = Paths::of(&definitions);
        let mut problems = Problems::default();
        let engine = compile(definitions, &paths, &mut problems);
        match engine {
            Some(engine) if problems.is_empty() => Ok(engine),
            _ => Err(problems),
        }
    }

    /// Reads definitions from JSON and compiles them.
    ///
    /// # Errors
    /// [`Problems`]: every mistake in form and meaning, each with its line and column.
    ///
    /// ```
    /// use bespoke::engine::Engine;
    /// let problems = Engine::from_json(r#"{
    ///   "segments": [{"name": "shoes", "rule": "event('product_veiwed').count() >= 3"}]
    /// }"#).unwrap_err();
    /// assert!(problems.to_string().contains("did you mean `product_viewed`?"));
    /// ```
    pub fn from_json(text: &str) -> Result<Self, Problems> {
        let (definitions, paths, mut problems) = Definitions::read(text)?;
        let engine = compile(definitions, &paths, &mut problems);
        problems.locate(text);
        match engine {
            Some(engine) if problems.is_empty() => Ok(engine),
            _ => Err(problems),
        }
    }
}

/// Compiles what can be compiled; notes the rest. `None` if segments go in a circle, or are too many.
fn compile(definitions: Definitions, paths: &Paths, problems: &mut Problems) -> Option<Engine> {
    let Definitions { schema, lists, segments, computed, placements, campaigns, identity, settings } = definitions;
    let names: Vec<&str> = segments.iter().map(|segment| segment.name.as_str()).collect();
    let known = names.iter().copied().chain(paths.unread_segments.iter().map(String::as_str));
    let list_names: Vec<&str> = lists.iter().map(|list| list.name.as_str()).collect();
    let listed = list_names.iter().copied().chain(paths.unread_lists.iter().map(String::as_str));
    let vocabulary = Vocabulary::new(&schema).segments(known).lists(listed).campaigns(campaigns.iter().map(names_of));
    duplicates("list", &list_names, &paths.lists, problems);
    check_lists(&lists, &paths.lists, problems);
    let compiled_lists = Lists::new(&lists);
    duplicates("segment", &names, &paths.segments, problems);
    let gathering = Gathering::new(&computed, &schema, &paths.computed, problems);
    for (of, path) in computed.iter().zip(&paths.computed) {
        check_rule(of.of.event(), &vocabulary, path, problems);
    }
    for (segment, path) in segments.iter().zip(&paths.segments) {
        check_rule(&segment.rule.resolved(&gathering.names), &vocabulary, &join(path, "rule"), problems);
        if asks_about_request(&segment.rule, &compiled_lists) {
            let found = "a segment that asks context(…)".to_owned();
            let wanted = "a rule about the person; the request is known only to a campaign's audience";
            problems.push(join(path, "rule"), Fault::Range { found, wanted });
        }
    }
    let upkeep = upkeep(&schema, &settings, problems);
    if let Err(error) = identity.check() {
        problems.push(join("identity", error.field()), Fault::refused(error));
    }
    check_share("settings.holdout", settings.holdout, problems);
    check_sources(&campaigns, &settings, &vocabulary, problems);
    let placement_names: Vec<&str> = placements.iter().map(|placement| placement.name.as_str()).collect();
    let campaign_names: Vec<&str> = campaigns.iter().map(|campaign| campaign.name.as_str()).collect();
    duplicates("placement", &placement_names, &paths.placements, problems);
    duplicates("campaign", &campaign_names, &paths.campaigns, problems);
    let known_placements: BTreeSet<&str> = placement_names.iter().copied().collect();
    for ((campaign, path), lone) in campaigns.iter().zip(&paths.campaigns).zip(&paths.lone) {
        check_campaign(campaign, (path, *lone), &known_placements, &vocabulary, &gathering, settings.holdout, problems);
    }
    if !problems.is_empty() {
        // References may lead nowhere; nothing can be compiled. A circle is still worth telling.
        sort(&segments, paths, problems);
        return None;
    }
    let sorted = sort(&segments, paths, problems)?;
    let place: Map<&str, usize> = sorted.iter().enumerate().map(|(i, segment)| (segment.name.as_str(), i)).collect();
    let mut counters = CounterPlan::default();
    let mut compile = |rule: &Rule, path: &str, problems: &mut Problems| {
        // Checking has found all that compiling can refuse; should they ever differ, it is told all the same.
        let rule = rule.resolved(&gathering.names);
        let compiled = rule.compile(&mut |name| place.get(name).copied(), &compiled_lists, &mut counters);
        compiled.map_err(|error| problems.push(path, Fault::refused(error))).ok()
    };
    let rules = sorted.iter().map(|segment| compile(&segment.rule, "segments", problems));
    let rules = rules.collect::<Option<Vec<_>>>()?;
    let mut audiences = Vec::with_capacity(campaigns.len());
    for (campaign, path) in campaigns.iter().zip(&paths.campaigns) {
        audiences.push(match &campaign.audience {
            Some(rule) => Some(compile(rule, &join(path, "audience"), problems)?),
            None => None,
        });
    }
    let mut features = Vec::with_capacity(campaigns.len());
    for (campaign, path) in campaigns.iter().zip(&paths.campaigns) {
        let path = join(path, "features");
        let of = |of: &Feature| CompiledFeature::of(of, |rule| compile(rule, &path, problems));
        features.push(campaign.features.iter().map(of).collect::<Option<Vec<_>>>()?);
    }
    let mut plan = counters.specs().to_vec();
    plan.sort_by_key(CounterSpec::id);
    let mut reach = Reach::new(sorted.len());
    for (index, spec) in (0..).zip(&plan) {
        reach.add_counter(index, spec);
    }
    for (index, rule) in (0..).zip(&rules) {
        reach.add_segment(index, rule.reads());
    }
    let fingerprint = fingerprint(&sorted, &lists, &plan, &gathering, &upkeep, settings.unknown);
    let segments = sorted.iter().zip(rules);
    let of = |(segment, rule): (&&Segment, Compiled)| CompiledSegment {
        name: segment.name.as_str().into(),
        definition: (*segment).clone(),
        rule,
        blank: false,
        unknown: segment.unknown.unwrap_or(settings.unknown),
    };
    let segments = segments.map(of).collect();
    let popular_segments = settings.popular_segments.iter();
    let popular_segments = popular_segments
        .filter_map(|name| Some((u32::try_from(*place.get(name.as_str())?).ok()?, Symbol::new(name))))
        .collect();
    let segment_places = place.iter().map(|(name, index)| (Symbol::new(name), *index as u32)).collect();
    let asked = Asked::of(&campaigns, popular_segments);
    let of = |((of, audience), features)| compile_campaign(of, audience, features, settings.unknown);
    let campaigns = campaigns.into_iter().zip(audiences).zip(features).map(of).collect();
    let births = vec![Timestamp::MIN; plan.len()];
    let lexicon = lexicon(&schema, settings.consent.keys());
    let mut engine = Engine {
        identity,
        settings,
        schema,
        listed: lists,
        segments,
        segment_places,
        blank: Vec::new(),
        lists: compiled_lists,
        plan,
        reach,
        causes: Causes::default(),
        upkeep,
        gathering,
        lexicon,
        names: super::Names::default(),
        asked,
        campaigns,
        campaign_places: Map::default(),
        placements: Map::default(),
        goals: Map::default(),
        fingerprint,
        births,
        began: Timestamp::MIN,
        before: Vec::new(),
    };
    index_campaigns(&mut engine, &placement_names);
    settle_blank(&mut engine);
    Some(engine)
}

fn names_of(campaign: &Campaign) -> CampaignNames<'_> {
    let variants = campaign.variants.iter().map(|variant| variant.name.as_str()).collect();
    CampaignNames { name: &campaign.name, variants }
}

/// Whether a rule reads the context of a request, which no kept membership can follow.
fn asks_about_request(rule: &Rule, lists: &Lists) -> bool {
    let compiled = rule.compile(&mut |_| Some(0), lists, &mut CounterPlan::default());
    compiled.is_ok_and(|compiled| !compiled.reads().context.is_empty())
}

/// The segments in an order in which each comes after those it refers to.
fn sort<'a>(segments: &'a [Segment], paths: &Paths, problems: &mut Problems) -> Option<Vec<&'a Segment>> {
    let place: Map<&str, usize> = segments.iter().enumerate().map(|(i, segment)| (segment.name.as_str(), i)).collect();
    let refers: Vec<Vec<usize>> = segments
        .iter()
        .map(|segment| segment.rule.segments().iter().filter_map(|name| place.get(*name).copied()).collect())
        .collect();
    match order(&refers) {
        Ok(order) => Some(order.into_iter().map(|i| &segments[i]).collect()),
        Err(circle) => {
            let first = circle.first().copied().unwrap_or(0);
            let names = circle.iter().chain(std::iter::once(&first)).map(|i| segments[*i].name.clone()).collect();
            let path = paths.segments.get(first).map_or("segments", String::as_str);
            problems.push(join(path, "rule"), Fault::Cycle { names });
            None
        }
    }
}

/// Finds out which segments an empty profile is in, in their order, and what makes them answer otherwise.
fn settle_blank(engine: &mut Engine) {
    let profile = Profile::default();
    let (mut causes, mut variety) = (Causes::default(), Variety::default());
    engine.segments.iter().for_each(|segment| segment.rule.note_variety(&mut variety));
    for index in 0..engine.segments.len() {
        let facts = ProfileFacts { engine, profile: &profile, flips: &[], now: Timestamp::EPOCH, context: &[] };
        let rule = &engine.segments[index].rule;
        let blank = rule.eval(&facts).answer;
        // What is unknown of nobody is noted for everybody.
        causes.add(index as u32, rule.causes(&variety, &facts).filter(|_| !blank.is_unknown()));
        if blank.is_yes() {
            engine.segments[index].blank = true;
            engine.blank.push(index as u32);
        }
    }
    causes.finish();
    engine.causes = causes;
}

fn compile_campaign(
    campaign: Campaign,
    audience: Option<Compiled>,
    features: Vec<CompiledFeature>,
    unknown: Unknown,
) -> CompiledCampaign {
    let goal = campaign.goal.as_ref().and_then(goal_spec);
    CompiledCampaign {
        name: campaign.name.as_str().into(),
        symbol: Symbol::new(&campaign.name),
        symbols: campaign.variants.iter().map(|variant| Symbol::new(&variant.name)).collect(),
        variants: campaign.variants.iter().map(|variant| variant.name.as_str().into()).collect(),
        audience,
        unknown: campaign.unknown.unwrap_or(unknown),
        features,
        goal,
        definition: campaign,
    }
}

fn index_campaigns(engine: &mut Engine, placements: &[&str]) {
    let definitions: Vec<Campaign> = engine.campaigns.iter().map(|campaign| campaign.definition.clone()).collect();
    let mut by_placement: Map<&str, Vec<usize>> = Map::default();
    for (index, campaign) in definitions.iter().enumerate() {
        by_placement.entry(&campaign.placement).or_default().push(index);
    }
    for name in placements {
        let mut of = by_placement.remove(name).unwrap_or_default();
        arbiter::rank(&definitions, &mut of);
        engine.placements.insert(Symbol::new(name), (Arc::from(*name), of));
    }
    for (index, campaign) in engine.campaigns.iter().enumerate() {
        engine.campaign_places.insert(campaign.symbol, index);
        if let Some(goal) = &campaign.goal {
            engine.goals.entry(goal.kind().symbol()).or_default().push(index);
        }
    }
}

/// The one counter that a goal's rule would ask for: its kind and its tests say which events meet the goal.
pub(super) fn goal_spec(goal: &Goal) -> Option<CounterSpec> {
    if !goal.event.is_event() {
        return None;
    }
    let mut counters = CounterPlan::default();
    goal.event.compile(&mut |_| None, &Lists::default(), &mut counters).ok()?;
    match counters.specs() {
        [spec] => Some(spec.clone()),
        _ => None,
    }
}

fn check_lists(lists: &[List], paths: &[String], problems: &mut Problems) {
    for (list, path) in lists.iter().zip(paths) {
        if list.values.is_empty() || list.values.len() > MAX_VALUES {
            let found = format!("a list of {} values", list.values.len());
            problems.push(join(path, "values"), Fault::Range { found, wanted: "one of 1 to 100,000 values" });
        }
    }
}

pub(super) fn check_rule(rule: &Rule, vocabulary: &Vocabulary<'_>, path: &str, problems: &mut Problems) {
    if problems.is_full() {
        return problems.cut();
    }
    for error in rule.check(vocabulary) {
        problems.push_inside(path, error.inside(), Fault::refused(error));
    }
}

pub(super) fn duplicates(what: &'static str, names: &[&str], paths: &[String], problems: &mut Problems) {
    let mut seen = BTreeSet::new();
    for (name, path) in names.iter().zip(paths) {
        if !seen.insert(*name) {
            problems.push(join(path, "name"), Fault::Duplicate { what, name: (*name).to_owned() });
        }
    }
}
