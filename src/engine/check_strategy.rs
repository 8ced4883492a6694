//! What is wrong with strategies, and with the settings that they read.

use super::Settings;
use super::asked::sources;
use crate::campaign::{Campaign, MAX_SLATE, SegmentRule, Strategy, Target, WEIGHTS, Weighted};
use crate::config::{Fault, Problems, join};
use crate::decision::Source;
use crate::hash::Symbol;
use crate::recommend::{Exploration, House, Quota};
use crate::rule::Vocabulary;

/// Checks what a strategy says; what was read from JSON has been checked for its form.
pub(super) fn check_strategy(strategy: &Strategy, at: &str, vocabulary: &Vocabulary<'_>, problems: &mut Problems) {
    if !(1..=MAX_SLATE).contains(&strategy.limit) {
        let fault = Fault::Range { found: strategy.limit.to_string(), wanted: "a number of items from 1 to 200" };
        problems.push(join(at, "limit"), fault);
    }
    let context = &vocabulary.schema().context;
    let mut asks = |path: String, name: &str| {
        if !context.is_empty() && !context.contains_key(name) {
            problems.push(path, Fault::unknown("context", name, context.keys().map(String::as_str)));
        }
    };
    for (name, target) in &strategy.filters.facets {
        if let Target::Context(context) = target {
            asks(format!("{at}.filters.{name}"), context);
        }
    }
    for (field, name) in [("about", &strategy.about), ("among", &strategy.among)] {
        name.iter().for_each(|name| asks(join(at, field), name));
    }
    for source in strategy.sources.iter().filter(|source| matches!(source, Source::Pinned | Source::Explored)) {
        let found = format!("`{}`", source.name());
        problems.push(join(at, "sources"), Fault::Range { found, wanted: "a recommender; see `rules` and `explore`" });
    }
    if let Some(blend) = &strategy.blend {
        check_blend(blend, &join(at, "blend"), problems);
    }
    check_share(strategy.diversity, &join(at, "diversity"), problems);
    check_quotas(&strategy.quotas, strategy.limit, &join(at, "quotas"), problems);
    if let Some(calibrate) = &strategy.calibrate {
        let at = join(at, "calibrate");
        check_share(calibrate.weight, &join(&at, "weight"), problems);
        let affinities = &vocabulary.schema().affinities;
        if !affinities.iter().any(|of| Symbol::new(&of.attribute) == calibrate.attribute) {
            let known: Vec<&str> = affinities.iter().map(|of| of.attribute.as_str()).collect();
            let found = format!("an attribute without affinities (there are {})", known.join(", "));
            let wanted = "one of `schema.affinities`, which say how a person's interest is mixed";
            problems.push(join(&at, "attribute"), Fault::Range { found, wanted });
        }
    }
    check_rules(&strategy.rules, vocabulary, &join(at, "rules"), problems);
    if let Some(exploration) = &strategy.explore {
        check_exploration(exploration, strategy.limit, &join(at, "explore"), problems);
    }
}

fn check_blend(blend: &Weighted, at: &str, problems: &mut Problems) {
    if blend.sources.is_empty() {
        problems.push(at, Fault::Range { found: "a blend of nothing".to_owned(), wanted: "a weight for each source" });
    }
    for (place, (source, weight)) in blend.sources.iter().enumerate() {
        let at = join(at, source.name());
        if matches!(source, Source::Catalog | Source::Pinned | Source::Explored) {
            let found = format!("`{}`, which has no scores", source.name());
            problems.push(at.as_str(), Fault::Range { found, wanted: "a recommender; the catalog fills what is left" });
        }
        if blend.sources[..place].iter().any(|(other, _)| other == source) {
            let found = format!("`{}` for the second time", source.name());
            problems.push(at.as_str(), Fault::Range { found, wanted: "each source once" });
        }
        if !WEIGHTS.contains(weight) {
            let fault = Fault::Range { found: weight.to_string(), wanted: "a weight from 0.001 to 1000" };
            problems.push(at, fault);
        }
    }
}

/// Checks the settings that some sources read.
pub(super) fn check_sources(
    campaigns: &[Campaign],
    settings: &Settings,
    vocabulary: &Vocabulary<'_>,
    problems: &mut Problems,
) {
    for (i, name) in settings.popular_segments.iter().enumerate() {
        if let Some(fault) = vocabulary.segment_fault(name) {
            problems.push(format!("settings.popular_segments[{i}]"), fault);
        }
    }
    let (path, found) = ("settings.popular_segments", settings.popular_segments.len());
    if found > MAX_POPULAR_SEGMENTS {
        let found = format!("{found} segments");
        problems.push(path, Fault::Range { found, wanted: "at most 16 segments" });
    }
    if found == 0 && sources(campaigns).any(|source| source == Source::PopularInSegment) {
        let found = "no segment".to_owned();
        let wanted = "the segments whose people `popular_in_segment` is about";
        problems.push(path, Fault::Range { found, wanted });
    }
    let (fast, slow) = (settings.trending_half_life, settings.popularity_half_life);
    if fast >= slow && sources(campaigns).any(|source| source == Source::Trending) {
        let found = format!("{fast} beside a `popularity_half_life` of {slow}");
        problems.push("settings.trending_half_life", Fault::Range { found, wanted: "a shorter half-life than that" });
    }
}

/// Within how many segments popularity can be counted: each event of somebody in all of them is counted in each.
const MAX_POPULAR_SEGMENTS: usize = 16;

fn check_share(share: f64, at: &str, problems: &mut Problems) {
    if !(0.0..=1.0).contains(&share) {
        problems.push(at, Fault::Range { found: share.to_string(), wanted: "a share from 0 to 1" });
    }
}

fn check_quotas(quotas: &[Quota], limit: usize, at: &str, problems: &mut Problems) {
    if quotas.len() > MAX_QUOTAS {
        problems.push(at, Fault::Range { found: format!("{} quotas", quotas.len()), wanted: "at most 16 quotas" });
    }
    for (i, quota) in quotas.iter().enumerate() {
        let at = format!("{at}[{i}]");
        if quota.most.is_none() && quota.least == 0 {
            let found = "a quota without `most` and `least`".to_owned();
            problems.push(at.as_str(), Fault::Range { found, wanted: "one of them" });
        }
        if quota.least > 0 && quota.value.is_none() {
            let found = "`least` without a `value`".to_owned();
            problems.push(at.as_str(), Fault::Range { found, wanted: "the value of which there must be so many" });
        }
        if quota.least > quota.most.unwrap_or(limit).min(limit) {
            let found = quota.least.to_string();
            problems.push(join(&at, "least"), Fault::Range { found, wanted: "at most `most`, and `limit`" });
        }
        if quota.most == Some(0) {
            let wanted = "a number of items from 1 to 200, or `bury` in `rules`";
            problems.push(join(&at, "most"), Fault::Range { found: "0".to_owned(), wanted });
        }
    }
}

fn check_rules(rules: &[SegmentRule], vocabulary: &Vocabulary<'_>, at: &str, problems: &mut Problems) {
    if rules.len() > MAX_RULES {
        problems.push(at, Fault::Range { found: format!("{} rules", rules.len()), wanted: "at most 64 rules" });
    }
    for (i, of) in rules.iter().enumerate() {
        if let Some(fault) = of.segment.as_ref().and_then(|name| vocabulary.segment_fault(name)) {
            problems.push(format!("{at}[{i}].segment"), fault);
        }
        match of.rule.house {
            House::Boost(factor) if !(0.0..=1000.0).contains(&factor) => {
                let fault = Fault::Range { found: factor.to_string(), wanted: "a factor from 0 to 1000" };
                problems.push(format!("{at}[{i}].by"), fault);
            }
            House::Pin(position) if position >= MAX_SLATE => {
                let fault = Fault::Range { found: position.to_string(), wanted: "a position from 0 to 199" };
                problems.push(format!("{at}[{i}].position"), fault);
            }
            _ => {}
        }
    }
}

fn check_exploration(exploration: &Exploration, limit: usize, at: &str, problems: &mut Problems) {
    let Exploration { positions, among, .. } = exploration;
    if positions.is_empty() || positions.len() > MAX_EXPLORED {
        let fault = Fault::Range { found: format!("{} positions", positions.len()), wanted: "1 to 16 positions" };
        problems.push(join(at, "positions"), fault);
    }
    if !positions.windows(2).all(|pair| pair[0] < pair[1]) || positions.last().is_some_and(|last| *last >= limit) {
        let fault = Fault::Range { found: format!("{positions:?}"), wanted: "rising positions below `limit`" };
        problems.push(join(at, "positions"), fault);
    }
    if !(1..=MAX_SLATE).contains(among) {
        let fault = Fault::Range { found: among.to_string(), wanted: "a number of items from 1 to 200" };
        problems.push(join(at, "among"), fault);
    }
}

/// How many quotas a strategy may have: each item under consideration is held against all.
const MAX_QUOTAS: usize = 16;
/// How many rules of the house a strategy may have.
const MAX_RULES: usize = 64;
/// At how many positions a slate may explore.
const MAX_EXPLORED: usize = 16;
