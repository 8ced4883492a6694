//! What may be asked: names that exist, operators that fit, numbers that can be met.

use super::super::ast::{At, Comparison, EventQuery, Expr, Literal, Op, Points, Test};
use super::super::check::{Checker, Left, Spans, literals};
use super::super::error::{NameKind, RuleError};
use super::super::query::Asked;
use super::local::{day_of, is_time};
use super::{AffinityMeasure, LocalFact, Portrait, RfmScore, score, stages};
use crate::event::EventKind;
use crate::profile::Affinities;
use crate::time::shorten;
use crate::value::Kind;

/// Checks a comparison of what a portrait shows.
pub(crate) fn check(checker: &mut Checker<'_>, portrait: &Portrait, comparison: &Comparison) {
    let Comparison { source, test, at, op_at } = comparison;
    checker.one_value(source, test, op_at);
    let left = |name: &'static str, kind: Kind| Left { name, kind: Some(kind), spans: Spans::Never };
    match portrait {
        Portrait::Affinity { dimension, measure, .. } => {
            check_dimension(checker, dimension, at);
            checker.test(test, left("affinity", Kind::Number), op_at);
            match measure {
                AffinityMeasure::Share => range(checker, test, "affinity", (0.0, 1.0), op_at),
                AffinityMeasure::Rank => range(checker, test, "rank()", (1.0, Affinities::LIMIT as f64), op_at),
                AffinityMeasure::Score => {}
            }
        }
        Portrait::Top(dimension) => {
            check_dimension(checker, dimension, at);
            names(checker, test, "top()", op_at);
        }
        Portrait::Percent(_) => {
            checker.test(test, left("percent", Kind::Number), op_at);
            range(checker, test, "percent", (0.0, 100.0), op_at);
        }
        Portrait::Stage => {
            if names(checker, test, "lifecycle()", op_at) {
                known(checker, test, NameKind::Stage, &stages(), op_at);
            }
        }
        Portrait::StageSince | Portrait::PurchaseSince => {
            let left = Left { name: "since()", kind: Some(Kind::Number), spans: Spans::Only };
            checker.test(test, left, op_at);
        }
        Portrait::Purchases => checker.test(test, left("count()", Kind::Number), op_at),
        Portrait::Spent(_) => checker.test(test, left("sum()", Kind::Number), op_at),
        Portrait::Rfm(of) => {
            checker.test(test, left(of.name(), Kind::Number), op_at);
            let rfm = &checker.vocabulary.schema().rfm;
            let cuts = match of {
                RfmScore::Recency => Some(rfm.recency.len()),
                RfmScore::Frequency => Some(rfm.frequency.len()),
                RfmScore::Monetary => rfm.monetary.as_ref().map(|monetary| monetary.cuts.len()),
            };
            match cuts {
                // A schema has few cuts, so the cast is exact.
                Some(cuts) => range(checker, test, of.name(), (1.0, cuts as f64 + 1.0), op_at),
                None => checker.errors.push(RuleError::NoMonetary { at: at.0.clone() }),
            }
        }
        Portrait::Local(fact, _) => check_local(checker, *fact, test, op_at),
        Portrait::Variant(campaign) => {
            if check_campaign(checker, campaign, at) && names(checker, test, "variant()", op_at) {
                check_variants(checker, campaign, test, op_at);
            }
        }
    }
}

/// Checks the rules and the points of a score.
pub(crate) fn check_score(checker: &mut Checker<'_>, parts: &[Points], comparison: &Comparison) {
    for part in parts {
        checker.expr(&part.rule);
        if score::micros(part.points).is_none() {
            checker.errors.push(RuleError::Points { at: part.at.0.clone(), found: part.points });
        }
    }
    checker.one_value(&comparison.source, &comparison.test, &comparison.op_at);
    let left = Left { name: "score()", kind: Some(Kind::Number), spans: Spans::Never };
    checker.test(&comparison.test, left, &comparison.op_at);
    let sum = |keep: fn(&f64) -> bool| parts.iter().map(|part| part.points).filter(keep).sum::<f64>();
    let reach = (sum(|points| *points < 0.0), sum(|points| *points > 0.0));
    range(checker, &comparison.test, "score()", reach, &comparison.op_at);
}

/// Checks the campaigns and variants by which events of decisions are told apart.
pub(crate) fn check_event(checker: &mut Checker<'_>, query: &EventQuery) {
    if !matches!(query.kind, EventKind::Exposed | EventKind::Clicked) {
        return;
    }
    check_shown(checker, &query.tests, None);
}

/// Checks tests that all hold of one event; `campaign` is the one that is asked for around them.
fn check_shown(checker: &mut Checker<'_>, tests: &[Expr], campaign: Option<&str>) {
    let asked = || tests.iter().filter_map(Asked::of);
    let here = asked().filter(|asked| asked.name == "campaign").find_map(|asked| match asked.test {
        Test::Is(Op::Eq, Literal::Text(name)) => Some(name.as_str()),
        _ => None,
    });
    let all_known = asked().filter(|asked| asked.name == "campaign").all(|asked| {
        let texts: Vec<&String> = texts(asked.test).collect();
        texts.into_iter().all(|name| check_campaign(checker, name, asked.at))
    });
    let campaign = here.or(campaign).filter(|_| all_known);
    if let Some(campaign) = campaign {
        for asked in asked().filter(|asked| asked.name == "variant") {
            check_variants(checker, campaign, asked.test, asked.at);
        }
    }
    for group in tests {
        match group {
            Expr::And(parts) => check_shown(checker, parts, campaign),
            Expr::Or(parts) => {
                parts.iter().for_each(|part| check_shown(checker, std::slice::from_ref(part), campaign));
            }
            Expr::Not(inner) => check_shown(checker, std::slice::from_ref(inner), campaign),
            _ => {}
        }
    }
}

fn check_dimension(checker: &mut Checker<'_>, dimension: &str, at: &At) {
    let schema = checker.vocabulary.schema();
    let names = || schema.affinities.iter().map(|affinity| affinity.attribute.as_str());
    if !names().any(|name| name == dimension) {
        checker.unknown(at, NameKind::Affinity, dimension, names());
    }
}

/// Whether there is such a campaign, or none at all to compare with.
fn check_campaign(checker: &mut Checker<'_>, campaign: &str, at: &At) -> bool {
    let known = checker.vocabulary.known_campaigns();
    let is_known = known.is_empty() || known.iter().any(|of| of.name == campaign);
    if !is_known {
        checker.unknown(at, NameKind::Campaign, campaign, known.iter().map(|of| of.name));
    }
    is_known
}

fn check_variants(checker: &mut Checker<'_>, campaign: &str, test: &Test, at: &At) {
    if let Some(campaign) = checker.vocabulary.known_campaigns().iter().find(|of| of.name == campaign) {
        known(checker, test, NameKind::Variant, &campaign.variants, at);
    }
}

fn check_local(checker: &mut Checker<'_>, fact: LocalFact, test: &Test, at: &At) {
    let text = Left { name: fact.name(), kind: Some(Kind::Text), spans: Spans::Never };
    match fact {
        LocalFact::Hour => {
            checker.test(test, Left { kind: Some(Kind::Number), ..text }, at);
            range(checker, test, "hour", (0.0, 23.0), at);
        }
        LocalFact::Weekday => {
            if names(checker, test, "weekday", at) {
                known(checker, test, NameKind::Weekday, &LocalFact::WEEKDAYS, at);
            }
        }
        LocalFact::DayPart => {
            if names(checker, test, "day_part", at) {
                known(checker, test, NameKind::DayPart, &LocalFact::DAY_PARTS, at);
            }
        }
        LocalFact::Time | LocalFact::Date => {
            checker.test(test, text, at);
            let (wanted, fits): (_, fn(&str) -> bool) = match fact {
                LocalFact::Time => ("time of day; write it like `09:30`", is_time),
                _ => ("date; write it like `2026-12-24`", |text| day_of(text).is_some()),
            };
            if let Some(found) = texts(test).find(|text| !fits(text)) {
                let found = shorten(found);
                checker.errors.push(RuleError::Local { at: at.0.clone(), found, wanted });
            }
        }
    }
}

/// Whether the test asks for one of several names, and nothing else.
fn names(checker: &mut Checker<'_>, test: &Test, name: &'static str, at: &At) -> bool {
    if !matches!(test, Test::Is(Op::Eq | Op::Ne, _) | Test::In(_) | Test::NotIn(_) | Test::Exists) {
        checker.errors.push(RuleError::Operator { at: at.0.clone(), op: test.name(), name });
        return false;
    }
    let before = checker.errors.len();
    checker.test(test, Left { name, kind: Some(Kind::Text), spans: Spans::Never }, at);
    checker.errors.len() == before
}

/// Notes the first name that does not exist.
fn known(checker: &mut Checker<'_>, test: &Test, what: NameKind, known: &[&str], at: &At) {
    if let Some(name) = texts(test).find(|text| !known.contains(&text.as_str())) {
        checker.unknown(at, what, name, known.iter().copied());
    }
}

/// Notes the first number that the value never reaches.
fn range(checker: &mut Checker<'_>, test: &Test, name: &'static str, (low, high): (f64, f64), at: &At) {
    let number = |literal: &Literal| if let Literal::Number(number) = literal { Some(*number) } else { None };
    let outside = literals(test).filter_map(number).find(|number| !(low..=high).contains(number));
    if let Some(found) = outside {
        checker.errors.push(RuleError::OutOfRange { at: at.0.clone(), name, found, low, high });
    }
}

fn texts(test: &Test) -> impl Iterator<Item = &String> {
    literals(test).filter_map(|literal| if let Literal::Text(text) = literal { Some(text) } else { None })
}
