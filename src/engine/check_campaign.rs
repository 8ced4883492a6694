//! What is wrong with a campaign.

use std::collections::BTreeSet;

use super::check_strategy::check_strategy;
use super::compile::{check_rule, duplicates, goal_spec};
use super::gather::Gathering;
use crate::bandit::Bandit;
use crate::campaign::{
    Campaign, Chooser, Feature, GoalItems, HOLDOUT, MAX_FEATURES, MAX_VARIANTS, Pay, is_distribution,
};
use crate::config::{Fault, Problems, join};
use crate::experiment::Enrolment;
use crate::rule::{Rule, Vocabulary};

/// Notes every mistake of a campaign; `everywhere` is the share of people who are held out of all.
pub(super) fn check_campaign(
    campaign: &Campaign,
    (path, lone): (&str, bool),
    placements: &BTreeSet<&str>,
    vocabulary: &Vocabulary<'_>,
    gathering: &Gathering,
    everywhere: f64,
    problems: &mut Problems,
) {
    let at = |field: &str| join(path, field);
    if problems.is_full() {
        return problems.cut();
    }
    if !placements.contains(campaign.placement.as_str()) {
        let fault = Fault::unknown("placement", &campaign.placement, placements.iter().copied());
        problems.push(at("placement"), fault);
    }
    if let Some(rule) = &campaign.audience {
        check_rule(&rule.resolved(&gathering.names), vocabulary, &at("audience"), problems);
    }
    let times = campaign.schedule.starts.zip(campaign.schedule.ends);
    if let Some((starts, ends)) = times.filter(|(starts, ends)| starts >= ends) {
        let found = format!("a schedule from {starts} to {ends}");
        problems.push(at("schedule"), Fault::Range { found, wanted: "one that ends after it starts" });
    }
    if campaign.variants.is_empty() || campaign.variants.len() > MAX_VARIANTS {
        let found = format!("{} variants", campaign.variants.len());
        problems.push(at("variants"), Fault::Range { found, wanted: "1 to 64 variants, or `payload` or `recommend`" });
    }
    let names: Vec<&str> = campaign.variants.iter().map(|variant| variant.name.as_str()).collect();
    let places: Vec<String> = (0..names.len()).map(|i| at(&format!("variants[{i}]"))).collect();
    duplicates("variant", &names, &places, problems);
    for (i, variant) in campaign.variants.iter().enumerate() {
        let Some(strategy) = &variant.recommend else { continue };
        let at = if lone { at("recommend") } else { at(&format!("variants[{i}].recommend")) };
        check_strategy(strategy, &at, vocabulary, problems);
        if strategy.blend.as_ref().is_some_and(|blend| blend.learn) && campaign.goal.is_none() {
            let (found, wanted) = ("`learn` in a campaign without a goal".to_owned(), "a `goal`, whose payments teach");
            problems.push(format!("{at}.blend.learn"), Fault::Range { found, wanted });
        }
    }
    check_features(campaign, path, vocabulary, gathering, problems);
    check_chooser(campaign, path, problems);
    check_holdout(campaign, path, everywhere, problems);
    if let Some(goal) = &campaign.goal {
        check_rule(&goal.event, vocabulary, &at("goal.event"), problems);
        if goal_spec(goal).is_none() {
            let found = format!("`{}`", goal.event);
            let wanted = "one event with tests on its properties, such as event('purchased').where(value >= 50)";
            problems.push(at("goal.event"), Fault::Range { found, wanted });
        }
        if goal.within.is_zero() {
            let fault = Fault::Range { found: "no time at all".to_owned(), wanted: "a window, such as 7d" };
            problems.push(at("goal.within"), fault);
        }
    }
}

/// What a holdout needs, be it the campaign's own or that of all.
fn check_holdout(campaign: &Campaign, path: &str, everywhere: f64, problems: &mut Problems) {
    check_share(&join(path, "holdout"), campaign.holdout, problems);
    if campaign.holdout <= 0.0 && everywhere <= 0.0 {
        return;
    }
    if campaign.variants.iter().any(|variant| variant.name == HOLDOUT) {
        let (found, wanted) = ("a variant `holdout` beside a holdout".to_owned(), "a variant of another name");
        problems.push(join(path, "variants"), Fault::Range { found, wanted });
    }
    if campaign.goal.as_ref().is_some_and(|goal| goal.items == GoalItems::Recommended) {
        let found = "`recommended` beside a holdout, to which nothing is recommended".to_owned();
        problems.push(join(path, "goal.items"), Fault::Range { found, wanted: "`any`, or no holdout" });
    }
}

pub(super) fn check_share(path: &str, share: f64, problems: &mut Problems) {
    if !(0.0..=1.0).contains(&share) {
        problems.push(path, Fault::Range { found: share.to_string(), wanted: "a share from 0 to 1" });
    }
}

fn check_features(
    campaign: &Campaign,
    path: &str,
    vocabulary: &Vocabulary<'_>,
    gathering: &Gathering,
    problems: &mut Problems,
) {
    let at = join(path, "features");
    if campaign.features.len() > MAX_FEATURES {
        let found = format!("{} features", campaign.features.len());
        problems.push(at.clone(), Fault::Range { found, wanted: "at most 256 features" });
    }
    let reads = matches!(&campaign.chooser, Chooser::Bandit(spec) if spec.policy.reads_features());
    if !campaign.features.is_empty() && !reads {
        let (found, wanted) = ("features that nothing reads".to_owned(), "a chooser such as {\"contextual\": {}}");
        problems.push(at, Fault::Range { found, wanted });
    }
    for (i, feature) in campaign.features.iter().enumerate() {
        let at = join(path, format!("features[{i}]"));
        match feature {
            Feature::Rule(rule) => check_rule(&rule.resolved(&gathering.names), vocabulary, &at, problems),
            // As a rule would that compares it with a number.
            Feature::Attribute { name, .. } => {
                check_rule(&Rule::attribute(name.as_str()).at_least(0.0), vocabulary, &at, problems);
            }
            Feature::Context { .. } => {}
        }
    }
}

fn check_chooser(campaign: &Campaign, path: &str, problems: &mut Problems) {
    let at = join(path, "chooser");
    match &campaign.chooser {
        Chooser::Fixed(variant) if *variant >= campaign.variants.len().max(1) => {
            let found = format!("variant number {variant}");
            problems.push(at, Fault::Range { found, wanted: "the number of one of the variants" });
        }
        Chooser::Split(weights) if !is_distribution(weights, campaign.variants.len()) => {
            let found = format!("weights {weights:?}");
            let wanted = "a weight from 0 to 1 for each variant with a sum of 1";
            // Weights that were read from JSON have been refused at their own place, and are not here.
            problems.push(at, Fault::Range { found, wanted });
        }
        Chooser::Bandit(spec) => {
            // What a host finds when the campaign begins, it is told here.
            if let Err(error) =
                Bandit::new(spec, campaign.variants.len().max(1), campaign.features.len().min(MAX_FEATURES))
            {
                problems.push(at.clone(), Fault::refused(error));
            }
            let pays_amounts = campaign.goal.as_ref().is_some_and(|goal| goal.pay == Pay::Amount);
            if pays_amounts && !spec.policy.takes_amounts() {
                let found = "a policy for rewards from 0 to 1 with a goal that pays amounts".to_owned();
                let wanted = "{\"thompson\": {\"payoff\": \"revenue\"}}, or a goal that pays conversions";
                problems.push(at.clone(), Fault::Range { found, wanted });
            }
            if campaign.goal.is_none() {
                let found = "a bandit without a goal".to_owned();
                problems.push(at, Fault::Range { found, wanted: "a goal to learn from, or a split" });
            }
        }
        Chooser::Experiment(enrolment) => check_experiment(campaign, enrolment, &at, problems),
        Chooser::Fixed(_) | Chooser::Split(_) => {}
    }
}

/// Whether an experiment's arms are the variants, and the engine's ways of holding out the only ones.
fn check_experiment(campaign: &Campaign, enrolment: &Enrolment, at: &str, problems: &mut Problems) {
    let arms = enrolment.arms();
    let names = || campaign.variants.iter().map(|variant| variant.name.as_str());
    for arm in arms.arms().iter().filter(|arm| !names().any(|name| name == *arm)) {
        problems.push(at, Fault::unknown("variant", arm, names()));
    }
    if let Some(name) = names().find(|name| !arms.arms().iter().any(|arm| arm == name)) {
        let found = format!("a variant `{name}` without an arm");
        problems.push(at, Fault::Range { found, wanted: "an arm for each variant, if with a share of 0" });
    }
    if enrolment.holds_out() {
        let found = "a holdout of the experiment's own".to_owned();
        problems.push(at, Fault::Range { found, wanted: "`holdout` of the campaign, or of the settings" });
    }
}
