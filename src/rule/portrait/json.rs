//! From the JSON form and to it.

use serde_json::{Value, json};

use super::super::ast::{Comparison, Expr, Points, Source};
use super::super::error::{NameKind, RuleError};
use super::super::json::{Path, Reader, write as write_expr};
use super::super::json_test::write_number;
use super::parse::{local_fact, offset, rfm_score};
use super::{AffinityMeasure, Portrait};

/// The keys that are read here.
pub(crate) const KEYS: [&str; 11] = [
    "$affinity",
    "$affinityScore",
    "$affinityRank",
    "$affinityTop",
    "$percent",
    "$lifecycle",
    "$purchases",
    "$rfm",
    "$local",
    "$variant",
    "$score",
];

/// What stands under one of the [`KEYS`].
pub(crate) fn read(reader: &mut Reader, key: &str, json: &Value, path: &Path<'_>, depth: usize) -> Option<Expr> {
    let portrait = |portrait: Portrait| Source::Portrait(portrait);
    match key {
        "$affinityTop" => reader.each(json, path, |reader, name, json, path| {
            let source = portrait(Portrait::Top(reader.named(NameKind::Affinity, name, path)?));
            reader.tests(&source, json, path, depth)
        }),
        "$percent" => reader.each(json, path, |reader, name, json, path| {
            let source = portrait(Portrait::Percent(reader.named(NameKind::Salt, name, path)?));
            reader.tests(&source, json, path, depth)
        }),
        "$variant" => reader.each(json, path, |reader, name, json, path| {
            let source = portrait(Portrait::Variant(reader.named(NameKind::Campaign, name, path)?));
            reader.tests(&source, json, path, depth)
        }),
        "$lifecycle" => reader.each(json, path, |reader, name, json, path| {
            let source = match name {
                "stage" => Portrait::Stage,
                "since" => Portrait::StageSince,
                _ => return reader.unknown(path, name, &["stage", "since"]),
            };
            reader.tests(&portrait(source), json, path, depth)
        }),
        "$purchases" => reader.each(json, path, |reader, name, json, path| {
            let source = match name {
                "count" => Portrait::Purchases,
                "since" => Portrait::PurchaseSince,
                "sum" => {
                    return reader.each(json, path, |reader, currency, json, path| {
                        let source = portrait(Portrait::Spent(reader.named(NameKind::Currency, currency, path)?));
                        reader.tests(&source, json, path, depth)
                    });
                }
                _ => return reader.unknown(path, name, &["count", "since", "sum"]),
            };
            reader.tests(&portrait(source), json, path, depth)
        }),
        "$rfm" => reader.each(json, path, |reader, name, json, path| {
            let source = portrait(Portrait::Rfm(reader.keep(rfm_score(name, &path.location()))?));
            reader.tests(&source, json, path, depth)
        }),
        "$local" => local(reader, json, path, depth),
        "$score" => score(reader, json, path, depth),
        _ => {
            let measure = AffinityMeasure::ALL.into_iter().find(|measure| measure.key() == key)?;
            reader.each(json, path, |reader, dimension, json, path| {
                let dimension = reader.named(NameKind::Affinity, dimension, path)?;
                reader.each(json, path, |reader, value, json, path| {
                    let value = reader.named(NameKind::AffinityValue, value, path)?;
                    let source = portrait(Portrait::Affinity { dimension: dimension.clone(), value, measure });
                    reader.tests(&source, json, path, depth)
                })
            })
        }
    }
}

/// Facts about the local time, all with the same offset.
fn local(reader: &mut Reader, json: &Value, path: &Path<'_>, depth: usize) -> Option<Expr> {
    let ahead = match json.get("offset") {
        None => None,
        Some(json) => {
            let path = path.key("offset");
            let text = reader.text(json, &path)?;
            Some(reader.keep(offset(text, &path.location()))?)
        }
    };
    let fields = reader.object(json, path, "an object of facts about the local time")?;
    if ahead.is_some() && fields.len() == 1 {
        return reader.wrong(path, "a fact about the local time beside `offset`", json);
    }
    let mut parts = Vec::new();
    for (name, json) in fields.iter().filter(|(name, _)| *name != "offset") {
        let path = path.key(name);
        let fact = reader.keep(local_fact(name, &path.location()));
        parts.push(
            fact.and_then(|fact| reader.tests(&Source::Portrait(Portrait::Local(fact, ahead)), json, &path, depth)),
        );
    }
    parts.into_iter().collect::<Option<Vec<_>>>().map(Expr::and)
}

/// `{"of": [{"points": 3, "if": {…}}, …], "$gte": 5}`. One operator only: with several the parts would be written
/// out for each, and nested ones again for each of those.
fn score(reader: &mut Reader, json: &Value, path: &Path<'_>, depth: usize) -> Option<Expr> {
    let wanted = "an object with `of` and one operator";
    let fields = reader.object(json, path, wanted)?;
    let mut operators = fields.iter().filter(|(key, _)| *key != "of");
    let (Some(of), Some((key, json)), None) = (fields.get("of"), operators.next(), operators.next()) else {
        return reader.wrong(path, wanted, json);
    };
    let path_of = path.key("of");
    let parts: Vec<Option<Points>> = reader
        .array(of, &path_of)?
        .iter()
        .enumerate()
        .map(|(i, json)| points(reader, json, &path_of.index(i), depth))
        .collect();
    let op_path = path.key(key);
    let test = reader.test(key, json, &op_path, depth);
    let source = Source::Score(parts.into_iter().collect::<Option<_>>()?);
    Some(Expr::Test(Box::new(Comparison { source, test: test?, at: path.at(), op_at: op_path.at() })))
}

fn points(reader: &mut Reader, json: &Value, path: &Path<'_>, depth: usize) -> Option<Points> {
    let wanted = "an object with `points` and `if`";
    let fields = reader.object(json, path, wanted)?;
    for key in fields.keys().filter(|key| !["points", "if"].contains(&key.as_str())) {
        reader.unknown::<()>(&path.key(key), key, &["points", "if"]);
    }
    let (Some(number), Some(rule)) = (fields.get("points"), fields.get("if")) else {
        return reader.wrong(path, wanted, json);
    };
    let at = path.key("points");
    let points = match number.as_f64() {
        Some(points) if points.is_finite() => Some(points + 0.0),
        Some(_) => reader.fail(RuleError::NotFinite { at: at.location() }),
        None => reader.wrong(&at, "a number of points", number),
    };
    let rule = reader.expr(rule, &path.key("if"), depth + 1);
    Some(Points { points: points?, rule: rule?, at: at.at() })
}

/// Writes what is compared, around the test.
pub(crate) fn write(portrait: &Portrait, test: Value) -> Value {
    match portrait {
        Portrait::Affinity { dimension, value, measure } => json!({measure.key(): {dimension: {value: test}}}),
        Portrait::Top(dimension) => json!({"$affinityTop": {dimension: test}}),
        Portrait::Percent(salt) => json!({"$percent": {salt: test}}),
        Portrait::Stage => json!({"$lifecycle": {"stage": test}}),
        Portrait::StageSince => json!({"$lifecycle": {"since": test}}),
        Portrait::Purchases => json!({"$purchases": {"count": test}}),
        Portrait::PurchaseSince => json!({"$purchases": {"since": test}}),
        Portrait::Spent(currency) => json!({"$purchases": {"sum": {currency: test}}}),
        Portrait::Rfm(score) => json!({"$rfm": {score.name(): test}}),
        Portrait::Local(fact, None) => json!({"$local": {fact.name(): test}}),
        Portrait::Local(fact, Some(offset)) => json!({"$local": {"offset": offset.to_string(), fact.name(): test}}),
        Portrait::Variant(campaign) => json!({"$variant": {campaign: test}}),
    }
}

/// Writes a scoring rule around its threshold.
pub(crate) fn write_score(parts: &[Points], test: Value) -> Value {
    let part = |part: &Points| json!({"points": write_number(part.points), "if": write_expr(&part.rule)});
    let mut fields = match test {
        Value::Object(fields) => fields,
        _ => serde_json::Map::new(),
    };
    fields.insert("of".to_owned(), parts.iter().map(part).collect());
    json!({"$score": fields})
}
