//! Operators and what they compare with, from JSON and to JSON.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::time::{Span, Timestamp};
use crate::value::{self, Kind};

use super::ast::{Literal, MAX_DEPTH, Op, Scope, Test};
use super::error::{NameKind, RuleError};
use super::geo::Circle;
use super::json::{Path, Reader, write};
use super::parse_test::ignoring_case;
use super::pattern::Pattern;

impl Reader {
    /// One operator with what it compares to.
    pub(super) fn test(&mut self, key: &str, json: &Value, path: &Path<'_>, depth: usize) -> Option<Test> {
        if let Some(op) = Op::ALL.into_iter().find(|op| op.json() == key) {
            return Some(Test::Is(op, self.literal(json, path)?));
        }
        if let Some(op) = Op::ALL.into_iter().find(|op| op.version() == key) {
            return Some(Test::Version(op, self.text(json, path)?.to_owned()));
        }
        match key {
            "$in" => Some(Test::In(self.literals(json, path)?)),
            "$nin" => Some(Test::NotIn(self.literals(json, path)?)),
            "$all" => Some(Test::All(self.literals(json, path)?)),
            "$contains" => Some(Test::Contains(self.text(json, path)?.to_owned())),
            "$startsWith" => Some(Test::StartsWith(self.text(json, path)?.to_owned())),
            "$endsWith" => Some(Test::EndsWith(self.text(json, path)?.to_owned())),
            "$regex" | "$regexi" => {
                let pattern = Pattern::new(self.text(json, path)?, key == "$regexi");
                let pattern = pattern.map_err(|source| RuleError::Pattern { at: path.location(), source });
                self.keep(pattern).map(Test::Matches)
            }
            "$inGroup" => Some(Test::InList(self.name(NameKind::List, json, path)?)),
            "$notInGroup" => Some(Test::NotInList(self.name(NameKind::List, json, path)?)),
            "$between" => {
                let found = self.array(json, path)?;
                let read: Vec<_> = (0..).zip(found).map(|(i, json)| self.literal(json, &path.index(i))).collect();
                match <[Literal; 2]>::try_from(read.into_iter().collect::<Option<Vec<_>>>()?) {
                    Ok([low, high]) => Some(Test::Between(low, high)),
                    Err(_) => self.wrong(path, "a list of the lower and the upper end", json),
                }
            }
            "$exists" if json == &Value::Bool(true) => Some(Test::Exists),
            "$exists" => self.wrong(path, "`true`", json),
            "$type" => match self.kind(json) {
                Some(kind) => Some(Test::OfKind(kind)),
                None => self.wrong(path, KINDS, json),
            },
            "$same" => match value::Value::deserialize(json) {
                Ok(value) if !value.is_null() => Some(Test::Same(value)),
                _ => self.wrong(path, "a value that is not null, of at most 8 levels", json),
            },
            "$elemMatch" | "$every" => self.elements(key == "$every", json, path, depth),
            "$near" => self.near(json, path),
            "$anniversary" => match json.as_u64().and_then(|days| u16::try_from(days).ok()).filter(|days| *days <= 366)
            {
                Some(days) => Some(Test::Anniversary(days)),
                None => self.wrong(path, "a whole number of days up to 366", json),
            },
            _ => match FOLDED.iter().find(|(folded, _)| *folded == key) {
                Some((_, plain)) => {
                    let test = self.test(plain, json, path, depth)?;
                    let wanted = "text that is compared, looked for or listed";
                    let folded = ignoring_case(test);
                    self.keep(folded.map_err(|found| RuleError::Syntax { at: path.location(), wanted, found }))
                }
                None => self.unknown(path, key, &OPERATORS),
            },
        }
    }

    fn kind(&mut self, json: &Value) -> Option<Kind> {
        let name = json.as_str()?;
        KIND_NAMES.iter().find(|(known, _)| *known == name).map(|(_, kind)| *kind)
    }

    fn elements(&mut self, every: bool, json: &Value, path: &Path<'_>, depth: usize) -> Option<Test> {
        if depth >= MAX_DEPTH {
            return self.fail(RuleError::TooDeep { at: path.location(), limit: MAX_DEPTH });
        }
        let outside = std::mem::replace(&mut self.scope, Scope::Element);
        // Operators by themselves are about the whole element.
        let bare = |fields: &serde_json::Map<String, Value>| {
            !fields.is_empty() && fields.keys().all(|key| key.starts_with('$') && !LOGIC.contains(&key.as_str()))
        };
        let inner = match json {
            Value::Object(fields) if bare(fields) => {
                self.tests(&super::ast::Source::Element(String::new()), json, path, depth + 1)
            }
            json => self.expr(json, path, depth + 1),
        };
        self.scope = outside;
        Some(Test::Each { every, inner: Box::new(inner?) })
    }

    fn near(&mut self, json: &Value, path: &Path<'_>) -> Option<Test> {
        let fields = self.object(json, path, "an object with `lat`, `lon` and `km`")?;
        if let Some(key) = fields.keys().find(|key| !NEAR_KEYS.contains(&key.as_str())) {
            return self.unknown(&path.key(key), key, &NEAR_KEYS);
        }
        let [lat, lon, km] = NEAR_KEYS.map(|key| fields.get(key).and_then(Value::as_f64).unwrap_or(f64::NAN));
        self.keep(Circle::new(lat, lon, km).map(Test::Near).ok_or_else(|| RuleError::Place { at: path.location() }))
    }

    pub(super) fn literals(&mut self, json: &Value, path: &Path<'_>) -> Option<Vec<Literal>> {
        let values = self.array(json, path)?;
        let values = values.iter().enumerate().map(|(i, json)| match self.literal(json, &path.index(i))? {
            Literal::Now { .. } => self.wrong(&path.index(i), "a value that does not move with time", json),
            literal => Some(literal),
        });
        let values: Vec<_> = values.collect();
        values.into_iter().collect()
    }

    pub(super) fn literal(&mut self, json: &Value, path: &Path<'_>) -> Option<Literal> {
        match json {
            Value::Bool(value) => Some(Literal::Bool(*value)),
            Value::Number(number) => match number.as_f64().filter(|number| number.is_finite()) {
                Some(number) => Some(number.into()),
                None => self.fail(RuleError::NotFinite { at: path.location() }),
            },
            Value::String(text) => Some(Literal::Text(text.clone())),
            Value::Object(fields) if fields.len() == 1 && fields.contains_key("$time") => {
                let path = path.key("$time");
                let text = self.text(&fields["$time"], &path)?;
                let time = text.parse::<Timestamp>();
                self.keep(time.map(Literal::Time).map_err(|source| RuleError::Time { at: path.location(), source }))
            }
            Value::Object(fields) if fields.len() == 1 && fields.contains_key("$now") => {
                let path = path.key("$now");
                let text = self.text(&fields["$now"], &path)?;
                let span = text.strip_prefix(['-', '+']).unwrap_or(text).parse::<Span>();
                let span = span.map_err(|source| RuleError::Time { at: path.location(), source });
                let span = self.keep(span)?;
                Some(if text.starts_with('-') { Literal::ago(span) } else { Literal::ahead(span) })
            }
            Value::Object(fields) if fields.len() == 1 && fields.contains_key("$span") => {
                let path = path.key("$span");
                let span = self.text(&fields["$span"], &path)?.parse::<Span>();
                self.keep(span.map(Literal::Span).map_err(|source| RuleError::Time { at: path.location(), source }))
            }
            other => self.wrong(path, "text, a number, `true`, `false`, {\"$time\": …} or {\"$span\": …}", other),
        }
    }
}

pub(super) fn write_test(test: &Test) -> Value {
    let list = |values: &[Literal]| values.iter().map(write_literal).collect::<Vec<_>>();
    match test {
        Test::Is(op, literal) => json!({op.json(): write_literal(literal)}),
        Test::In(values) => json!({"$in": list(values)}),
        Test::NotIn(values) => json!({"$nin": list(values)}),
        Test::Between(low, high) => json!({"$between": [write_literal(low), write_literal(high)]}),
        Test::Exists => json!({"$exists": true}),
        Test::Contains(text) => json!({"$contains": text}),
        Test::StartsWith(text) => json!({"$startsWith": text}),
        Test::EndsWith(text) => json!({"$endsWith": text}),
        Test::IgnoringCase(inner) => match write_test(inner) {
            Value::Object(fields) => fields.into_iter().map(|(key, value)| (format!("{key}i"), value)).collect(),
            other => other,
        },
        Test::Matches(pattern) if pattern.ignores_case() => json!({"$regexi": pattern.text()}),
        Test::Matches(pattern) => json!({"$regex": pattern.text()}),
        Test::All(values) => json!({"$all": list(values)}),
        Test::InList(name) => json!({"$inGroup": name}),
        Test::NotInList(name) => json!({"$notInGroup": name}),
        Test::Version(op, version) => json!({op.version(): version}),
        Test::OfKind(kind) => {
            let name = KIND_NAMES.iter().find(|(_, named)| named == kind).map_or(kind.name(), |(name, _)| name);
            json!({"$type": name})
        }
        Test::Same(value) => json!({"$same": value}),
        Test::Each { every: false, inner } => json!({"$elemMatch": write(inner)}),
        Test::Each { every: true, inner } => json!({"$every": write(inner)}),
        Test::Near(circle) => json!({"$near": {"lat": circle.lat, "lon": circle.lon, "km": circle.km}}),
        Test::Anniversary(days) => json!({"$anniversary": days}),
    }
}

fn write_literal(literal: &Literal) -> Value {
    match literal {
        Literal::Bool(value) => json!(value),
        Literal::Number(number) => write_number(*number),
        Literal::Text(text) => json!(text),
        Literal::Time(time) => json!({"$time": time.to_string()}),
        Literal::Span(span) => json!({"$span": span.to_string()}),
        Literal::Now { span, ahead } => json!({"$now": format!("{}{span}", if *ahead { '+' } else { '-' })}),
    }
}

pub(super) fn write_number(number: f64) -> Value {
    // Whole numbers are written without a fraction, as people write them; below 2^53 the cast is exact.
    if libm::trunc(number).total_cmp(&number).is_eq() && number.abs() < 9e15 {
        json!(number as i64)
    } else {
        json!(number)
    }
}

/// The kinds by the names that GrowthBook and JavaScript give them.
pub(super) const KIND_NAMES: [(&str, Kind); 6] = [
    ("string", Kind::Text),
    ("number", Kind::Number),
    ("boolean", Kind::Bool),
    ("array", Kind::List),
    ("object", Kind::Object),
    ("time", Kind::Time),
];
const KINDS: &str = "`string`, `number`, `boolean`, `array`, `object` or `time`";
/// Operators that ignore case, with those that they are otherwise.
const FOLDED: [(&str, &str); 8] = [
    ("$eqi", "$eq"),
    ("$nei", "$ne"),
    ("$ini", "$in"),
    ("$nini", "$nin"),
    ("$alli", "$all"),
    ("$containsi", "$contains"),
    ("$startsWithi", "$startsWith"),
    ("$endsWithi", "$endsWith"),
];
/// The keys that combine conditions, which an element's own operators are told from.
const LOGIC: [&str; 5] = ["$and", "$or", "$nor", "$not", "$it"];
const NEAR_KEYS: [&str; 3] = ["lat", "lon", "km"];
const OPERATORS: [&str; 39] = [
    "$eq",
    "$ne",
    "$gt",
    "$gte",
    "$lt",
    "$lte",
    "$in",
    "$nin",
    "$exists",
    "$contains",
    "$startsWith",
    "$endsWith",
    "$between",
    "$eqi",
    "$nei",
    "$ini",
    "$nini",
    "$alli",
    "$containsi",
    "$startsWithi",
    "$endsWithi",
    "$regex",
    "$regexi",
    "$all",
    "$inGroup",
    "$notInGroup",
    "$veq",
    "$vne",
    "$vgt",
    "$vgte",
    "$vlt",
    "$vlte",
    "$type",
    "$same",
    "$elemMatch",
    "$every",
    "$near",
    "$anniversary",
    "$size",
];
