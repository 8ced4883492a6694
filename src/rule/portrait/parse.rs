//! From the text form.

use super::super::ast::{At, Points, Source};
use super::super::error::{Location, NameKind, RuleError};
use super::super::lexer::Token;
use super::super::parser::Parser;
use super::{AffinityMeasure, LocalFact, Portrait, RfmScore};
use crate::near::nearest;
use crate::time::{Offset, shorten};

/// The functions that are read here.
pub(crate) const FUNCTIONS: [&str; 8] =
    ["affinity", "percent", "lifecycle", "purchases", "rfm", "local", "variant", "score"];

/// What follows the `(` of a function; `None` if it is another one.
pub(crate) fn function(parser: &mut Parser<'_>, word: &str, depth: usize) -> Result<Option<Source>, RuleError> {
    let portrait = match word {
        "affinity" => affinity(parser)?,
        "percent" => Portrait::Percent(last_name(parser, NameKind::Salt)?),
        "lifecycle" => {
            parser.expect(")", "`)`")?;
            match method(parser, "`since`", &["since"])? {
                None => Portrait::Stage,
                Some(_) => Portrait::StageSince,
            }
        }
        "purchases" => purchases(parser)?,
        "rfm" => {
            let (at, name) = (parser.at.clone(), last_name(parser, NameKind::Rfm)?);
            Portrait::Rfm(rfm_score(&name, &at)?)
        }
        "local" => local(parser)?,
        "variant" => Portrait::Variant(last_name(parser, NameKind::Campaign)?),
        "score" => return score(parser, depth).map(Some),
        _ => return Ok(None),
    };
    Ok(Some(Source::Portrait(portrait)))
}

pub(super) fn rfm_score(name: &str, at: &Location) -> Result<RfmScore, RuleError> {
    let nearest = || nearest(name, RfmScore::ALL.map(RfmScore::name));
    RfmScore::from_name(name).ok_or_else(|| unknown(NameKind::Rfm, name, at, nearest()))
}

pub(super) fn local_fact(name: &str, at: &Location) -> Result<LocalFact, RuleError> {
    let nearest = || nearest(name, LocalFact::ALL.map(LocalFact::name));
    LocalFact::from_name(name).ok_or_else(|| unknown(NameKind::Local, name, at, nearest()))
}

pub(super) fn offset(text: &str, at: &Location) -> Result<Offset, RuleError> {
    text.parse().map_err(|source| RuleError::Time { at: at.clone(), source })
}

fn unknown(what: NameKind, name: &str, at: &Location, nearest: Option<String>) -> RuleError {
    RuleError::Unknown { at: at.clone(), what, name: shorten(name), nearest }
}

fn affinity(parser: &mut Parser<'_>) -> Result<Portrait, RuleError> {
    let dimension = parser.name(NameKind::Affinity)?;
    if parser.token == Token::Mark(")") {
        parser.advance()?;
        return match method(parser, "`top`", &["top"])? {
            Some(_) => Ok(Portrait::Top(dimension)),
            None => Err(parser.unexpected("`.top()`, or a value within the parentheses")),
        };
    }
    parser.expect(",", "`,` and a value")?;
    let value = last_name(parser, NameKind::AffinityValue)?;
    let measures = AffinityMeasure::ALL.map(AffinityMeasure::name);
    let measure = match method(parser, "`share`, `score` or `rank`", &measures)? {
        Some(at) => AffinityMeasure::ALL[at],
        None => AffinityMeasure::Share,
    };
    Ok(Portrait::Affinity { dimension, value, measure })
}

fn purchases(parser: &mut Parser<'_>) -> Result<Portrait, RuleError> {
    if parser.token != Token::Mark(")") {
        let currency = last_name(parser, NameKind::Currency)?;
        return match method(parser, "`sum`", &["sum"])? {
            Some(_) => Ok(Portrait::Spent(currency)),
            None => Err(parser.unexpected("`.sum()`")),
        };
    }
    parser.advance()?;
    match method(parser, "`count` or `since`", &["count", "since"])? {
        Some(0) => Ok(Portrait::Purchases),
        Some(_) => Ok(Portrait::PurchaseSince),
        None => Err(parser.unexpected("`.count()` or `.since()`, or a currency within the parentheses")),
    }
}

fn local(parser: &mut Parser<'_>) -> Result<Portrait, RuleError> {
    let at = parser.at.clone();
    let fact = local_fact(&parser.name(NameKind::Local)?, &at)?;
    let mut ahead = None;
    if parser.token == Token::Mark(",") {
        parser.advance()?;
        let at = parser.at.clone();
        ahead = Some(offset(&parser.quoted()?, &at)?);
    }
    parser.expect(")", "`)`, or `,` and an offset from UTC")?;
    Ok(Portrait::Local(fact, ahead))
}

fn score(parser: &mut Parser<'_>, depth: usize) -> Result<Source, RuleError> {
    let mut parts = Vec::new();
    parser.check_depth(depth + 1)?;
    loop {
        let at = At(parser.at.clone());
        let Token::Number(points) = parser.token else {
            return Err(parser.unexpected("points and `IF`, such as `3 IF plan = 'pro'`"));
        };
        parser.advance()?;
        if !parser.take_word("IF")? {
            return Err(parser.unexpected("`IF` and a condition"));
        }
        parts.push(Points { points, rule: parser.or(depth + 1)?, at });
        if parser.token != Token::Mark(",") {
            break;
        }
        parser.advance()?;
    }
    parser.expect(")", "`AND`, `OR`, `,` and more points, or `)`")?;
    Ok(Source::Score(parts))
}

/// A name and the `)` behind it.
fn last_name(parser: &mut Parser<'_>, what: NameKind) -> Result<String, RuleError> {
    let name = parser.name(what)?;
    parser.expect(")", "`)`")?;
    Ok(name)
}

/// Which of these methods follows, if one does.
fn method(parser: &mut Parser<'_>, wanted: &'static str, names: &[&str]) -> Result<Option<usize>, RuleError> {
    if parser.token != Token::Mark(".") {
        return Ok(None);
    }
    parser.advance()?;
    let Token::Word(word) = parser.token else { return Err(parser.unexpected(wanted)) };
    let Some(at) = names.iter().position(|name| name.eq_ignore_ascii_case(word)) else {
        return Err(parser.unexpected(wanted));
    };
    parser.advance()?;
    parser.expect("(", "`(`")?;
    parser.expect(")", "`)`")?;
    Ok(Some(at))
}
