//! Conditions of GrowthBook's SDKs, read into the tree.
//!
//! The reference is `evalCondition` of the JavaScript SDK. Where it leans on JavaScript's ways with kinds, the tree
//! says so by what it derives from a value ([`Derive`]); where the SDK answers false for what makes no sense, the
//! tree holds `FALSE`.

use serde::Deserialize;
use serde_json::{Map, Value as Json};

use crate::value::{Kind, Value};

use super::ast::{Comparison, Derive, Expr, Literal, MAX_DEPTH, MAX_VALUES, Op, Scope, Source, Test};
use super::error::{NameKind, RuleError, RuleErrors};
use super::js;
use super::js_pattern::{self, Refusal};
use super::json::{Path, Reader};
use super::json_test::KIND_NAMES;
use super::lists::Lists;
use super::parse_test::ignoring_case;

pub(crate) fn read(condition: &Json, lists: &Lists) -> Result<Expr, RuleErrors> {
    let mut translator = Translator { reader: Reader::new(), lists };
    let expr = translator.condition(condition, &Path::ROOT, 0);
    translator.reader.finish(expr)
}

struct Translator<'a> {
    reader: Reader,
    lists: &'a Lists,
}

impl Translator<'_> {
    /// A condition on attributes, or in a list on the parts of an element.
    fn condition(&mut self, json: &Json, path: &Path<'_>, depth: usize) -> Option<Expr> {
        self.deep(path, depth)?;
        let Json::Object(fields) = json else { return self.reader.wrong(path, "an object", json) };
        let parts: Vec<Option<Expr>> = fields
            .iter()
            .map(|(key, json)| {
                let path = path.key(key);
                match key.as_str() {
                    "$and" => self.conditions(json, &path, depth).map(Expr::and),
                    // None at all lets everyone pass, as in the SDKs.
                    "$or" => self.conditions(json, &path, depth).map(or),
                    "$nor" => self.conditions(json, &path, depth).map(|parts| not(or(parts))),
                    "$not" => self.condition(json, &path, depth + 1).map(not),
                    name => {
                        let name = self.reader.named(NameKind::Attribute, name, &path)?;
                        let in_list = self.reader.scope == Scope::Element;
                        let source = if in_list { Source::Element(name) } else { Source::Attribute(name) };
                        self.value(&source, json, &path, depth)
                    }
                }
            })
            .collect();
        parts.into_iter().collect::<Option<Vec<_>>>().map(Expr::and)
    }

    fn conditions(&mut self, json: &Json, path: &Path<'_>, depth: usize) -> Option<Vec<Expr>> {
        let Json::Array(conditions) = json else { return self.reader.wrong(path, "a list", json) };
        let each = conditions.iter().enumerate();
        let parts: Vec<_> = each.map(|(i, json)| self.condition(json, &path.index(i), depth + 1)).collect();
        parts.into_iter().collect()
    }

    fn deep(&mut self, path: &Path<'_>, depth: usize) -> Option<()> {
        if depth <= MAX_DEPTH {
            return Some(());
        }
        self.reader.fail(RuleError::TooDeep { at: path.location(), limit: MAX_DEPTH })
    }

    /// What a value is to equal, or an object of operators on it.
    fn value(&mut self, source: &Source, json: &Json, path: &Path<'_>, depth: usize) -> Option<Expr> {
        self.deep(path, depth)?;
        let leaf = |test| leaf(source, test, path);
        match json {
            Json::Null => Some(not(leaf(Test::Exists))),
            Json::String(text) => {
                Some(self::leaf(&derive(Derive::JsText, source), Test::Is(Op::Eq, text.as_str().into()), path))
            }
            Json::Number(_) => {
                let test = Test::Is(Op::Eq, self.reader.literal(json, path)?);
                Some(self::leaf(&derive(Derive::JsNumber, source), test, path))
            }
            Json::Bool(value) => {
                Some(self::leaf(&derive(Derive::JsBool, source), Test::Is(Op::Eq, (*value).into()), path))
            }
            Json::Object(fields) if is_operators(fields) => {
                let parts: Vec<_> =
                    fields.iter().map(|(key, json)| self.operator(source, key, json, &path.key(key), depth)).collect();
                parts.into_iter().collect::<Option<Vec<_>>>().map(Expr::and)
            }
            // No value nests as deep as one that cannot be read.
            Json::Array(_) | Json::Object(_) => {
                Some(Value::deserialize(json).map_or(Expr::Const(false), |value| leaf(Test::Same(value))))
            }
        }
    }

    fn operator(&mut self, source: &Source, key: &str, json: &Json, path: &Path<'_>, depth: usize) -> Option<Expr> {
        let leaf = |test| leaf(source, test, path);
        if let Some(op) = Op::ALL.into_iter().find(|op| op.version() == key) {
            let version = match json {
                Json::Number(number) => number.as_f64().map(js::number_text),
                Json::String(text) if !text.is_empty() => Some(text.clone()),
                _ => None,
            };
            let test = Test::Version(op, version.unwrap_or_else(|| "0".to_owned()));
            return Some(self::leaf(&derive(Derive::JsVersion, source), test, path));
        }
        if let Some(op) = Op::ALL.into_iter().find(|op| op.json() == key) {
            return match op {
                Op::Eq => Some(exactly(source, json, path)),
                Op::Ne => Some(not(exactly(source, json, path))),
                op => Some(order(source, op, json, path)),
            };
        }
        match (key, json) {
            ("$exists", json) => {
                let wanted = Value::deserialize(json).is_ok_and(|value| js::is_true(&value));
                Some(if wanted { leaf(Test::Exists) } else { not(leaf(Test::Exists)) })
            }
            ("$in" | "$ini", Json::Array(values)) => self.any_of(source, values, key == "$ini", path),
            ("$nin" | "$nini", Json::Array(values)) => self.any_of(source, values, key == "$nini", path).map(not),
            ("$all" | "$alli", Json::Array(values)) => self.all_of(source, values, key == "$alli", path, depth),
            ("$inGroup", json) => Some(self.in_group(source, json, path)),
            ("$notInGroup", json) => Some(not(self.in_group(source, json, path))),
            ("$not", json) => self.value(source, json, path, depth + 1).map(not),
            ("$size", json) => {
                let size = Source::Derived(Derive::Size, Box::new(source.clone()));
                let test = self.value(&size, json, path, depth + 1)?;
                Some(if matches!(json, Json::Number(_)) {
                    test
                } else {
                    Expr::and([leaf(Test::OfKind(Kind::List)), test])
                })
            }
            ("$elemMatch", Json::Object(fields)) => {
                let outside = std::mem::replace(&mut self.reader.scope, Scope::Element);
                let it = Source::Element(String::new());
                let inner = if is_operators(fields) {
                    self.value(&it, json, path, depth + 1)
                } else {
                    self.condition(json, path, depth + 1)
                };
                self.reader.scope = outside;
                // The SDKs pass over elements that count as false.
                let is_true = self::leaf(&derive(Derive::JsBool, &it), Test::Is(Op::Eq, true.into()), path);
                let inner = Box::new(Expr::and([is_true, inner?]));
                Some(leaf(Test::Each { every: false, inner }))
            }
            ("$regex" | "$regexi" | "$notRegex" | "$notRegexi", Json::String(text)) => {
                match js_pattern::read(text, key.ends_with('i')) {
                    Ok(pattern) => {
                        let found = self::leaf(&derive(Derive::JsText, source), Test::Matches(pattern), path);
                        Some(if key.starts_with("$not") { not(found) } else { found })
                    }
                    Err(Refusal::Invalid) => Some(Expr::Const(false)),
                    Err(Refusal::Unsupported(source)) => {
                        self.reader.fail(RuleError::Pattern { at: path.location(), source })
                    }
                }
            }
            ("$type", Json::String(name)) if name == "null" => Some(not(leaf(Test::Exists))),
            ("$type", Json::String(name)) => {
                let kind = KIND_NAMES.iter().find(|(known, kind)| known == name && *kind != Kind::Time);
                Some(kind.map_or(Expr::Const(false), |(_, kind)| leaf(Test::OfKind(*kind))))
            }
            _ => Some(Expr::Const(false)),
        }
    }

    /// One of several values, or any element of a list among them.
    fn any_of(&mut self, source: &Source, values: &[Json], any_case: bool, path: &Path<'_>) -> Option<Expr> {
        if values.len() > MAX_VALUES {
            return self.reader.fail(RuleError::TooManyValues { at: path.location(), limit: MAX_VALUES });
        }
        // Lists and objects equal nothing but themselves, and so nothing here.
        let scalars = values.iter().filter(|json| !matches!(json, Json::Null | Json::Array(_) | Json::Object(_)));
        let read: Vec<_> = scalars.map(|json| self.reader.literal(json, path)).collect();
        let literals = read.into_iter().collect::<Option<Vec<_>>>()?;
        let mut parts = Vec::new();
        if !literals.is_empty() {
            let test = Test::In(literals);
            let test = if any_case { ignoring_case(test.clone()).unwrap_or(test) } else { test };
            parts.push(leaf(source, test, path));
        }
        if values.contains(&Json::Null) {
            let it = Source::Element(String::new());
            let inner = Box::new(not(leaf(&it, Test::Exists, path)));
            parts.push(not(leaf(source, Test::Exists, path)));
            parts.push(leaf(source, Test::Each { every: false, inner }, path));
        }
        Some(Expr::or(parts))
    }

    /// A list in which each of several conditions finds an element.
    fn all_of(
        &mut self,
        source: &Source,
        values: &[Json],
        any_case: bool,
        path: &Path<'_>,
        depth: usize,
    ) -> Option<Expr> {
        let it = Source::Element(String::new());
        let outside = std::mem::replace(&mut self.reader.scope, Scope::Element);
        let mut parts = vec![leaf(source, Test::OfKind(Kind::List), path)];
        let mut sound = true;
        for (i, json) in values.iter().enumerate() {
            let path = path.index(i);
            let inner = match json {
                Json::String(text) if any_case => {
                    let test = Test::IgnoringCase(Box::new(Test::Is(Op::Eq, text.as_str().into())));
                    Some(leaf(&derive(Derive::JsText, &it), test, &path))
                }
                json => self.value(&it, json, &path, depth + 1),
            };
            match inner {
                Some(inner) => {
                    parts.push(leaf(source, Test::Each { every: false, inner: Box::new(inner) }, &path));
                }
                None => sound = false,
            }
        }
        self.reader.scope = outside;
        sound.then(|| Expr::and(parts))
    }

    /// One of a saved group, which is empty if nobody knows it.
    fn in_group(&self, source: &Source, json: &Json, path: &Path<'_>) -> Expr {
        match json.as_str().filter(|name| self.lists.contains(name)) {
            Some(name) => leaf(source, Test::InList(name.to_owned()), path),
            None => Expr::Const(false),
        }
    }
}

/// Whether all keys of an object are operators, and there is one.
fn is_operators(fields: &Map<String, Json>) -> bool {
    !fields.is_empty() && fields.keys().all(|key| key.starts_with('$'))
}

pub(super) fn leaf(source: &Source, test: Test, path: &Path<'_>) -> Expr {
    Expr::Test(Box::new(Comparison { source: source.clone(), test, at: path.at(), op_at: path.at() }))
}

pub(super) fn not(expr: Expr) -> Expr {
    match expr {
        Expr::Const(value) => Expr::Const(!value),
        Expr::Not(inner) => *inner,
        expr => Expr::Not(Box::new(expr)),
    }
}

/// Any of several conditions, or no condition at all.
fn or(parts: Vec<Expr>) -> Expr {
    if parts.is_empty() { Expr::Const(true) } else { Expr::or(parts) }
}

/// What JavaScript makes of a value; a size needs no making.
pub(super) fn derive(what: Derive, source: &Source) -> Source {
    match (what, source) {
        (Derive::JsNumber | Derive::JsValue, Source::Derived(Derive::Size, _)) => source.clone(),
        _ => Source::Derived(what, Box::new(source.clone())),
    }
}

/// `===`: lists and objects equal nothing but themselves.
pub(super) fn exactly(source: &Source, json: &Json, path: &Path<'_>) -> Expr {
    match json {
        Json::Null => not(leaf(source, Test::Exists, path)),
        Json::Array(_) | Json::Object(_) => Expr::Const(false),
        scalar => Value::deserialize(scalar).map_or(Expr::Const(false), |value| leaf(source, Test::Same(value), path)),
    }
}

/// `<` and its like: of two texts their order, of everything else that of the numbers.
pub(super) fn order(source: &Source, op: Op, json: &Json, path: &Path<'_>) -> Expr {
    let Ok(value) = Value::deserialize(json) else { return Expr::Const(false) };
    let number = js::number(&value)
        .map(|number| leaf(&derive(Derive::JsNumber, source), Test::Is(op, Literal::from(number)), path));
    match value {
        Value::Text(_) | Value::List(_) | Value::Object(_) => {
            let of = derive(Derive::JsValue, source);
            let text = leaf(&of, Test::Is(op, Literal::from(&*js::text(&value))), path);
            let is_text = leaf(&of, Test::OfKind(Kind::Text), path);
            match number {
                Some(number) => Expr::or([text, Expr::and([not(is_text), number])]),
                None => text,
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => number.unwrap_or(Expr::Const(false)),
    }
}
