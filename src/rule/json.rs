//! The tree from JSON and to JSON, in the style of MongoDB's query language.
//!
//! Every error is collected, each with the path to its place. Unknown keys are errors, and nothing empty stands for
//! everyone.

use serde_json::{Map, Value, json};

use crate::near::nearest;
use crate::time::shorten;

use super::ast::{At, Comparison, Derive, Expr, MAX_DEPTH, MAX_VALUES, Op, Scope, Source, Test};
use super::check::MOST_ERRORS;
use super::error::{Location, NameKind, RuleError, RuleErrors};
use super::json_test::write_test;
use super::parser::{MAX_DERIVED, check_name, not_scalar, session_fact};
use super::portrait;

pub(crate) fn read(json: &Value) -> Result<Expr, RuleErrors> {
    let mut reader = Reader::new();
    let expr = reader.expr(json, &Path::ROOT, 0);
    reader.finish(expr)
}

pub(super) struct Reader {
    pub(super) errors: Vec<RuleError>,
    /// What the condition is about.
    pub(super) scope: Scope,
}

/// A path that costs nothing until an error or a leaf needs it.
#[derive(Clone, Copy)]
pub(super) struct Path<'a> {
    parent: Option<&'a Path<'a>>,
    step: Step<'a>,
}

#[derive(Clone, Copy)]
enum Step<'a> {
    Root,
    Key(&'a str),
    Index(usize),
}

impl<'a> Path<'a> {
    pub(super) const ROOT: Self = Self { parent: None, step: Step::Root };

    pub(super) fn key(&'a self, key: &'a str) -> Self {
        Self { parent: Some(self), step: Step::Key(key) }
    }

    pub(super) fn index(&'a self, index: usize) -> Self {
        Self { parent: Some(self), step: Step::Index(index) }
    }

    pub(super) fn location(&self) -> Location {
        let (mut steps, mut here) = (Vec::new(), Some(self));
        while let Some(path) = here {
            steps.push(path.step);
            here = path.parent;
        }
        let mut text = String::new();
        for step in steps.into_iter().rev() {
            match step {
                Step::Root => {}
                Step::Key(key) => {
                    if !text.is_empty() {
                        text.push('.');
                    }
                    text.push_str(&shorten(key));
                }
                Step::Index(index) => text.push_str(&format!("[{index}]")),
            }
        }
        Location::Path(text.into())
    }

    pub(super) fn at(&self) -> At {
        At(self.location())
    }
}

impl Reader {
    pub(super) const fn new() -> Self {
        Self { errors: Vec::new(), scope: Scope::Person }
    }

    /// What was read, or all errors.
    pub(super) fn finish(self, expr: Option<Expr>) -> Result<Expr, RuleErrors> {
        match expr {
            Some(expr) if self.errors.is_empty() => Ok(expr),
            _ => Err(RuleErrors::new(self.errors)),
        }
    }

    /// Notes an error; `None`, so that the caller can end with it and go on beside.
    pub(super) fn fail<T>(&mut self, error: RuleError) -> Option<T> {
        if self.errors.len() < MOST_ERRORS {
            self.errors.push(error);
        }
        None
    }

    pub(super) fn keep<T>(&mut self, result: Result<T, RuleError>) -> Option<T> {
        result.map_or_else(|error| self.fail(error), Some)
    }

    pub(super) fn wrong<T>(&mut self, path: &Path<'_>, wanted: &'static str, found: &Value) -> Option<T> {
        self.fail(RuleError::Syntax { at: path.location(), wanted, found: describe(found) })
    }

    pub(super) fn unknown<T>(&mut self, path: &Path<'_>, name: &str, candidates: &[&str]) -> Option<T> {
        let nearest = nearest(name, candidates.iter().copied());
        self.fail(RuleError::Unknown { at: path.location(), what: NameKind::Key, name: shorten(name), nearest })
    }

    pub(super) fn object<'v>(
        &mut self,
        json: &'v Value,
        path: &Path<'_>,
        wanted: &'static str,
    ) -> Option<&'v Map<String, Value>> {
        match json {
            Value::Object(fields) if fields.is_empty() => {
                self.fail(RuleError::Empty { at: path.location(), what: "object" })
            }
            Value::Object(fields) => Some(fields),
            other => self.wrong(path, wanted, other),
        }
    }

    pub(super) fn array<'v>(&mut self, json: &'v Value, path: &Path<'_>) -> Option<&'v [Value]> {
        match json {
            Value::Array(values) if values.is_empty() => {
                self.fail(RuleError::Empty { at: path.location(), what: "list" })
            }
            Value::Array(values) if values.len() > MAX_VALUES => {
                self.fail(RuleError::TooManyValues { at: path.location(), limit: MAX_VALUES })
            }
            Value::Array(values) => Some(values),
            other => self.wrong(path, "a list", other),
        }
    }

    pub(super) fn text<'v>(&mut self, json: &'v Value, path: &Path<'_>) -> Option<&'v str> {
        match json {
            Value::String(text) => Some(text),
            other => self.wrong(path, "text", other),
        }
    }

    pub(super) fn name(&mut self, what: NameKind, json: &Value, path: &Path<'_>) -> Option<String> {
        let name = self.text(json, path)?;
        self.named(what, name, path)
    }

    pub(super) fn named(&mut self, what: NameKind, name: &str, path: &Path<'_>) -> Option<String> {
        self.keep(check_name(what, name, &path.location()).map(|()| name.to_owned()))
    }

    pub(super) fn expr(&mut self, json: &Value, path: &Path<'_>, depth: usize) -> Option<Expr> {
        if depth > MAX_DEPTH {
            return self.fail(RuleError::TooDeep { at: path.location(), limit: MAX_DEPTH });
        }
        let wanted = match (json, self.scope) {
            (_, Scope::Event) => "an object of properties",
            (Value::Bool(value), _) => return Some(Expr::Const(*value)),
            _ => "an object, `true` or `false`",
        };
        let fields = self.object(json, path, wanted)?;
        // Every field is read before any failure ends this, so that all errors are found.
        let parts: Vec<Option<Expr>> =
            fields.iter().map(|(key, json)| self.field(key, json, &path.key(key), depth)).collect();
        parts.into_iter().collect::<Option<Vec<_>>>().map(Expr::and)
    }

    fn field(&mut self, key: &str, json: &Value, path: &Path<'_>, depth: usize) -> Option<Expr> {
        match (self.scope, key.starts_with('$')) {
            (Scope::Element, false) => {
                let source = Source::Element(self.named(NameKind::Property, key, path)?);
                return self.tests(&source, json, path, depth);
            }
            (Scope::Event, false) => {
                let source = Source::Property(self.named(NameKind::Property, key, path)?);
                return self.tests(&source, json, path, depth);
            }
            _ => {}
        }
        match key {
            "$property" if self.scope == Scope::Event => self.each(json, path, |reader, name, json, path| {
                let source = Source::Property(reader.named(NameKind::Property, name, path)?);
                reader.tests(&source, json, path, depth)
            }),
            "$it" if self.scope == Scope::Element => self.each(json, path, |reader, name, json, path| {
                let name =
                    if name.is_empty() { name.to_owned() } else { reader.named(NameKind::Property, name, path)? };
                reader.tests(&Source::Element(name), json, path, depth)
            }),
            "$and" => self.exprs(json, path, depth).map(Expr::and),
            "$or" => self.exprs(json, path, depth).map(Expr::or),
            "$nor" => self.exprs(json, path, depth).map(|parts| Expr::Not(Box::new(Expr::or(parts)))),
            "$not" => self.expr(json, path, depth + 1).map(|inner| Expr::Not(Box::new(inner))),
            _ if self.scope == Scope::Element => self.unknown(path, key, &KEYS_IN_LISTS),
            _ if self.scope == Scope::Event => self.unknown(path, key, &KEYS_OF_EVENTS),
            "$segment" => Some(Expr::Segment(self.name(NameKind::Segment, json, path)?, path.at())),
            "$event" => self.event(json, path, depth),
            "$sequence" => self.sequence(json, path, depth),
            "$attribute" => self.each(json, path, |reader, name, json, path| {
                let source = Source::Attribute(reader.named(NameKind::Attribute, name, path)?);
                reader.tests(&source, json, path, depth)
            }),
            "$context" => self.each(json, path, |reader, name, json, path| {
                let source = Source::Context(reader.named(NameKind::Context, name, path)?);
                reader.tests(&source, json, path, depth)
            }),
            "$group" => self.each(json, path, |reader, kind, json, path| {
                let kind = reader.named(NameKind::Group, kind, path)?;
                reader.each(json, path, |reader, name, json, path| {
                    let name = reader.named(NameKind::GroupAttribute, name, path)?;
                    reader.tests(&Source::Group { kind: kind.clone(), name }, json, path, depth)
                })
            }),
            "$session" => self.each(json, path, |reader, name, json, path| {
                let source = Source::Session(reader.keep(session_fact(name, &path.location()))?);
                reader.tests(&source, json, path, depth)
            }),
            _ if portrait::KEYS.contains(&key) => portrait::read(self, key, json, path, depth),
            _ if key.starts_with('$') => {
                let keys: Vec<&str> = KEYS.into_iter().chain(portrait::KEYS).collect();
                self.unknown(path, key, &keys)
            }
            name => {
                let source = Source::Attribute(self.named(NameKind::Attribute, name, path)?);
                self.tests(&source, json, path, depth)
            }
        }
    }

    fn exprs(&mut self, json: &Value, path: &Path<'_>, depth: usize) -> Option<Vec<Expr>> {
        let values = self.array(json, path)?;
        let parts: Vec<Option<Expr>> =
            values.iter().enumerate().map(|(i, json)| self.expr(json, &path.index(i), depth + 1)).collect();
        parts.into_iter().collect()
    }

    /// A conjunction over the fields of an object.
    pub(super) fn each(
        &mut self,
        json: &Value,
        path: &Path<'_>,
        mut read: impl FnMut(&mut Self, &str, &Value, &Path<'_>) -> Option<Expr>,
    ) -> Option<Expr> {
        let fields = self.object(json, path, "an object")?;
        let mut parts = Vec::new();
        for (key, json) in fields {
            parts.push(read(self, key, json, &path.key(key)));
        }
        parts.into_iter().collect::<Option<Vec<_>>>().map(Expr::and)
    }

    /// What is asked of one value: a literal, or an object of operators.
    pub(super) fn tests(&mut self, source: &Source, json: &Value, path: &Path<'_>, depth: usize) -> Option<Expr> {
        let leaf = |test: Test, op_at: At| {
            Expr::Test(Box::new(Comparison { source: source.clone(), test, at: path.at(), op_at }))
        };
        if !is_operators(json) {
            let literal = self.literal(json, path)?;
            return Some(leaf(Test::Is(Op::Eq, literal), path.at()));
        }
        let fields = self.object(json, path, "operators")?;
        let mut parts = Vec::new();
        for (key, json) in fields {
            let path = path.key(key);
            parts.push(match (key.as_str(), json) {
                ("$not", _) if depth >= MAX_DEPTH => {
                    self.fail(RuleError::TooDeep { at: path.location(), limit: MAX_DEPTH })
                }
                ("$not", _) => self.tests(source, json, &path, depth + 1).map(|inner| Expr::Not(Box::new(inner))),
                ("$exists", Value::Bool(true)) => Some(leaf(Test::Exists, path.at())),
                ("$exists", Value::Bool(false)) => Some(Expr::Not(Box::new(leaf(Test::Exists, path.at())))),
                ("$exists", other) => self.wrong(&path, "`true` or `false`", other),
                (key, json) => match Derive::ALL.into_iter().find(|derive| derive.json() == key) {
                    Some(derive) => self.derived(derive, source, json, &path, depth),
                    None => match self.test(key, json, &path, depth) {
                        Some(test) if matches!(source, Source::Property(_)) && !test.is_scalar() => {
                            self.fail(not_scalar(path.location(), &test))
                        }
                        test => test.map(|test| leaf(test, path.at())),
                    },
                },
            });
        }
        parts.into_iter().collect::<Option<Vec<_>>>().map(Expr::and)
    }

    /// What is asked of what is derived from a value.
    fn derived(
        &mut self,
        derive: Derive,
        source: &Source,
        json: &Value,
        path: &Path<'_>,
        depth: usize,
    ) -> Option<Expr> {
        let (mut nested, mut of) = (0, source);
        while let Source::Derived(_, inner) = of {
            (nested, of) = (nested + 1, inner);
        }
        match of {
            Source::Attribute(_) | Source::Context(_) | Source::Element(_) if nested < MAX_DERIVED => {
                self.tests(&Source::Derived(derive, Box::new(source.clone())), json, path, depth)
            }
            Source::Attribute(_) | Source::Context(_) | Source::Element(_) => {
                self.fail(RuleError::TooDeep { at: path.location(), limit: MAX_DERIVED })
            }
            other => self.fail(RuleError::NotAsked { at: path.location(), op: derive.json(), of: other.name() }),
        }
    }

    /// Tests of properties: an object, or a list of objects that all hold.
    pub(super) fn wheres(&mut self, json: &Value, path: &Path<'_>, depth: usize) -> Vec<Expr> {
        let outside = std::mem::replace(&mut self.scope, Scope::Event);
        let tests = match json {
            Value::Array(_) => self.exprs(json, path, depth).unwrap_or_default(),
            json => self.expr(json, path, depth).into_iter().collect(),
        };
        self.scope = outside;
        tests
    }
}

/// Whether the JSON is an object of operators rather than a literal.
fn is_operators(json: &Value) -> bool {
    let is_time = |fields: &Map<_, _>| fields.len() == 1 && TIMES.iter().any(|key| fields.contains_key(*key));
    matches!(json, Value::Object(fields) if !is_time(fields))
}

pub(super) fn describe(json: &Value) -> String {
    match json {
        Value::Null => "null".to_owned(),
        Value::Bool(value) => format!("`{value}`"),
        Value::Number(number) => format!("the number {number}"),
        Value::String(text) => format!("the text '{}'", shorten(text)),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "an object".to_owned(),
    }
}

/// Writes the tree as JSON.
pub(crate) fn write(expr: &Expr) -> Value {
    match expr {
        Expr::Const(value) => Value::Bool(*value),
        Expr::And(parts) => json!({"$and": parts.iter().map(write).collect::<Vec<_>>()}),
        Expr::Or(parts) => json!({"$or": parts.iter().map(write).collect::<Vec<_>>()}),
        Expr::Not(inner) => json!({"$not": write(inner)}),
        Expr::Segment(name, _) => json!({"$segment": name}),
        Expr::Sequence(sequence) => super::json_query::write_sequence(sequence),
        Expr::Test(comparison) => write_comparison(&comparison.source, write_test(&comparison.test)),
    }
}

fn write_comparison(source: &Source, test: Value) -> Value {
    match source {
        Source::Attribute(name) | Source::Computed { name, .. } if name.starts_with('$') => {
            json!({"$attribute": {name: test}})
        }
        Source::Attribute(name) | Source::Computed { name, .. } => json!({name: test}),
        Source::Group { kind, name } => json!({"$group": {kind: {name: test}}}),
        Source::Context(name) => json!({"$context": {name: test}}),
        Source::Session(fact) => json!({"$session": {fact.name(): test}}),
        Source::Event(query) => super::json_query::write_event(query, test),
        Source::Portrait(of) => portrait::write(of, test),
        Source::Score(parts) => portrait::write_score(parts, test),
        Source::Element(path) => json!({"$it": {path: test}}),
        Source::Property(name) if name.starts_with('$') => json!({"$property": {name: test}}),
        Source::Property(name) => json!({name: test}),
        Source::Derived(derive, of) => write_comparison(of, json!({derive.json(): test})),
    }
}

const KEYS: [&str; 11] =
    ["$and", "$or", "$nor", "$not", "$segment", "$event", "$sequence", "$attribute", "$group", "$context", "$session"];
const KEYS_IN_LISTS: [&str; 5] = ["$and", "$or", "$nor", "$not", "$it"];
const KEYS_OF_EVENTS: [&str; 5] = ["$and", "$or", "$nor", "$not", "$property"];
/// What an object that is a literal has as its only key.
const TIMES: [&str; 3] = ["$time", "$now", "$span"];
