//! `$event` and `$sequence`.

use serde_json::{Map, Value, json};

use crate::event::EventKind;
use crate::time::{Span, Timestamp};

use super::ast::{Comparison, EventQuery, Expr, Literal, Measure, Op, Sequence, Source, Test, When};
use super::error::{NameKind, RuleError};
use super::json::{Path, Reader, write};
use super::parser::event_kind;
use super::query::{read_offset, write_offset};

impl Reader {
    pub(super) fn event(&mut self, json: &Value, path: &Path<'_>, depth: usize) -> Option<Expr> {
        let fields = self.object(json, path, "an object with `name`")?;
        let before = self.errors.len();
        let mut query = self.step(fields, path, depth);
        query.when = self.when(fields, path);
        let mut asked: Option<(&str, &Value)> = None;
        for (key, json) in fields {
            let path = path.key(key);
            if Measure::NAMES.contains(&key.as_str()) {
                if asked.replace((key, json)).is_some() {
                    let found = format!("`{key}` beside another");
                    let wanted = "one measure, such as `count` or `sum`";
                    self.fail::<()>(RuleError::Syntax { at: path.location(), wanted, found });
                }
            } else if !STEP_KEYS.contains(&key.as_str()) && !WHEN_KEYS.contains(&key.as_str()) {
                let known: Vec<&str> = STEP_KEYS.into_iter().chain(WHEN_KEYS).chain(Measure::NAMES).collect();
                self.unknown::<()>(&path, key, &known);
            }
        }
        let Some((key, json)) = asked else {
            let test = Test::Is(Op::Ge, Literal::Number(1.0));
            let source = Source::Event(query.canonical());
            let comparison = Comparison { source, test, at: path.at(), op_at: path.at() };
            return (self.errors.len() == before).then(|| Expr::Test(Box::new(comparison)));
        };
        let path = path.key(key);
        let mut operators = json.clone();
        let mut measure = Measure::from_name(key)?;
        if let Some(name) = measure.property_mut() {
            let fields = self.object(json, &path, "an object with `property` and operators")?;
            let property = fields.get("property").unwrap_or(&Value::Null);
            *name = self.name(NameKind::Property, property, &path.key("property"))?;
            if let Value::Object(fields) = &mut operators {
                fields.remove("property");
            }
        }
        query.measure = measure;
        let tests = self.tests(&Source::Event(query.canonical()), &operators, &path, depth);
        tests.filter(|_| self.errors.len() == before)
    }

    /// The name of an event and the tests of its properties.
    fn step(&mut self, fields: &Map<String, Value>, path: &Path<'_>, depth: usize) -> EventQuery {
        let when_at = WHEN_KEYS.into_iter().find(|key| fields.contains_key(*key)).unwrap_or("within");
        let mut query = EventQuery::new(EventKind::default(), path.key("name").at(), path.key(when_at).at());
        match fields.get("name") {
            Some(json) => {
                let path = path.key("name");
                if let Some(name) = self.text(json, &path) {
                    if let Some(kind) = self.keep(event_kind(name, &path.location())) {
                        query.kind = kind;
                    }
                }
            }
            None => {
                let (at, found) = (path.location(), "none".to_owned());
                self.fail::<()>(RuleError::Syntax { at, wanted: "the event's `name`", found });
            }
        }
        if let Some(json) = fields.get("where") {
            query.tests = self.wheres(json, &path.key("where"), depth);
        }
        query
    }

    fn span_of(&mut self, json: &Value, path: &Path<'_>) -> Option<Span> {
        let span = self.text(json, path)?.parse::<Span>();
        self.keep(span.map_err(|source| RuleError::Time { at: path.location(), source }))
    }

    /// The window among the fields of an object.
    fn when(&mut self, fields: &Map<String, Value>, path: &Path<'_>) -> When {
        let mut found = None;
        let offset = fields.get("offset").and_then(|json| {
            let path = path.key("offset");
            let offset = read_offset(self.text(json, &path)?);
            offset.or_else(|| self.wrong(&path, "an offset from UTC, such as \"+02:00\"", json))
        });
        for key in WHEN_KEYS.into_iter().filter(|key| *key != "offset") {
            let Some(json) = fields.get(key) else { continue };
            let path = path.key(key);
            let when = match key {
                "within" => self.span_of(json, &path).map(When::Within),
                "between" => match json.as_array().map(Vec::as_slice) {
                    Some([from, to]) => {
                        let from = self.span_of(from, &path.index(0));
                        let to = self.span_of(to, &path.index(1));
                        from.zip(to).map(|(from, to)| When::Between(from, to))
                    }
                    _ => self.wrong(&path, "a list of two spans, such as [\"14d\", \"7d\"]", json),
                },
                "since" => self.text(json, &path).map(str::parse::<Timestamp>).and_then(|time| {
                    self.keep(time.map(When::Since).map_err(|source| RuleError::Time { at: path.location(), source }))
                }),
                "in_session" if *json == Value::Bool(true) => Some(When::InSession),
                "in_session" => self.wrong(&path, "`true`", json),
                _ => match json.as_u64().and_then(|count| u32::try_from(count).ok()) {
                    Some(count) if key == "calendar_days" => Some(When::Days(count, offset.unwrap_or(0))),
                    Some(count) => Some(When::Weeks(count, offset.unwrap_or(0))),
                    None => self.wrong(&path, "a whole number", json),
                },
            };
            if found.is_some() {
                let found = format!("`{key}` beside another");
                self.fail::<()>(RuleError::Syntax { at: path.location(), wanted: "one window", found });
            }
            found = found.or(when);
        }
        if fields.contains_key("offset") && !matches!(found, Some(When::Days(..) | When::Weeks(..))) {
            let (at, wanted) = (path.key("offset").location(), "it beside `calendar_days` or `calendar_weeks`");
            self.fail::<()>(RuleError::Syntax { at, wanted, found: "an offset of nothing".to_owned() });
        }
        found.unwrap_or_default()
    }

    pub(super) fn sequence(&mut self, json: &Value, path: &Path<'_>, depth: usize) -> Option<Expr> {
        let fields = self.object(json, path, "an object with `steps`")?;
        let before = self.errors.len();
        for key in fields.keys() {
            let known = ["steps", "without", "after"];
            if !known.contains(&key.as_str()) && !WHEN_KEYS.contains(&key.as_str()) {
                let known: Vec<&str> = known.into_iter().chain(WHEN_KEYS).collect();
                self.unknown::<()>(&path.key(key), key, &known);
            }
        }
        let mut steps = Vec::new();
        let place = path.key("steps");
        for (i, json) in self.array(fields.get("steps").unwrap_or(&Value::Null), &place)?.iter().enumerate() {
            steps.push(self.sequence_step(json, &place.index(i), depth)?);
        }
        let without = match fields.get("without") {
            Some(json) => Some(self.sequence_step(json, &path.key("without"), depth)?),
            None => None,
        };
        let after = match fields.get("after") {
            Some(json) => Some(self.span_of(json, &path.key("after"))?),
            None => None,
        };
        let when = self.when(fields, path);
        let sequence = Sequence { steps, without, after, when, at: path.at() };
        (self.errors.len() == before).then(|| Expr::Sequence(Box::new(sequence)))
    }

    fn sequence_step(&mut self, json: &Value, path: &Path<'_>, depth: usize) -> Option<EventQuery> {
        let fields = self.object(json, path, "an object with `name`")?;
        for key in fields.keys().filter(|key| !STEP_KEYS.contains(&key.as_str()) && *key != "within") {
            self.unknown::<()>(&path.key(key), key, &["name", "where", "within"]);
        }
        let mut query = self.step(fields, path, depth);
        if let Some(json) = fields.get("within") {
            query.when = When::Within(self.span_of(json, &path.key("within"))?);
        }
        Some(query.canonical())
    }
}

fn write_step(query: &EventQuery) -> Map<String, Value> {
    let mut event = Map::new();
    event.insert("name".to_owned(), query.kind.name().into());
    if !query.tests.is_empty() {
        let mut tests: Vec<Value> = query.tests.iter().map(write).collect();
        let one = if tests.len() == 1 { tests.pop() } else { None };
        event.insert("where".to_owned(), one.unwrap_or(Value::Array(tests)));
    }
    write_when(query.when, &mut event);
    event
}

fn write_when(when: When, fields: &mut Map<String, Value>) {
    let (key, value) = match when {
        When::Ever => return,
        When::Within(span) => ("within", span.to_string().into()),
        When::Between(from, to) => ("between", json!([from.to_string(), to.to_string()])),
        When::Since(time) => ("since", time.to_string().into()),
        When::InSession => ("in_session", true.into()),
        When::Days(count, _) => ("calendar_days", count.into()),
        When::Weeks(count, _) => ("calendar_weeks", count.into()),
    };
    fields.insert(key.to_owned(), value);
    if when.offset() != 0 {
        fields.insert("offset".to_owned(), write_offset(when.offset()).into());
    }
}

pub(super) fn write_event(query: &EventQuery, mut test: Value) -> Value {
    let mut event = write_step(query);
    if let (Some(property), Value::Object(fields)) = (query.measure.property(), &mut test) {
        fields.insert("property".to_owned(), property.clone().into());
    }
    event.insert(query.measure.name().to_owned(), test);
    json!({"$event": event})
}

pub(super) fn write_sequence(sequence: &Sequence) -> Value {
    let mut fields = Map::new();
    fields.insert("steps".to_owned(), sequence.steps.iter().map(|step| Value::Object(write_step(step))).collect());
    if let Some(without) = &sequence.without {
        fields.insert("without".to_owned(), Value::Object(write_step(without)));
    }
    if let Some(after) = sequence.after {
        fields.insert("after".to_owned(), after.to_string().into());
    }
    write_when(sequence.when, &mut fields);
    json!({"$sequence": fields})
}

const STEP_KEYS: [&str; 2] = ["name", "where"];
const WHEN_KEYS: [&str; 7] = ["within", "between", "since", "in_session", "calendar_days", "calendar_weeks", "offset"];
