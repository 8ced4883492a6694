//! Rules of JsonLogic, as flagd and OpenFeature hosts keep them, read into the tree.
//!
//! JsonLogic computes values; a rule says yes or no. So this reads what compares a `var` with something written down,
//! and what combines such comparisons, with the answers of the reference implementation in JavaScript.

use serde::Deserialize;
use serde_json::Value as Json;

use super::ast::{Derive, Expr, MAX_DEPTH, Op, Scope, Source, Test};
use super::error::{NameKind, RuleError, RuleErrors};
use super::growthbook::{derive, exactly, leaf, not, order};
use super::js;
use super::json::{Path, Reader};
use super::lists::Lists;
use super::{Given, Rule};
use crate::value::{Kind, Properties, Value};

pub(crate) fn read(json: &Json) -> Result<Expr, RuleErrors> {
    let mut logic = Logic { reader: Reader::new() };
    let expr = logic.truth(json, &Path::ROOT, 0);
    logic.reader.finish(expr)
}

struct Logic {
    reader: Reader,
}

/// A `var`: whose value it is, and what stands for it where it is missing.
struct Var {
    source: Source,
    default: Option<Value>,
}

impl Logic {
    /// Whether a piece of logic counts as true.
    fn truth(&mut self, json: &Json, path: &Path<'_>, depth: usize) -> Option<Expr> {
        if depth > MAX_DEPTH {
            return self.reader.fail(RuleError::TooDeep { at: path.location(), limit: MAX_DEPTH });
        }
        let Some((op, arguments)) = operation(json) else {
            let is_true = |value: Value| js::is_true(&value) && !matches!(&value, Value::List(list) if list.is_empty());
            return match json {
                Json::Object(_) => self.reader.wrong(path, "an object with one operator", json),
                _ => Some(Expr::Const(Value::deserialize(json).is_ok_and(is_true))),
            };
        };
        let path = &path.key(op);
        let list = match arguments {
            Json::Array(list) => list.as_slice(),
            single => std::slice::from_ref(single),
        };
        match (op, list) {
            ("and" | "or", []) => Some(Expr::Const(false)),
            ("and", parts) => self.truths(parts, path, depth).map(Expr::and),
            ("or", parts) => self.truths(parts, path, depth).map(Expr::or),
            ("!", [inner]) => self.truth(inner, path, depth + 1).map(not),
            ("!!", [inner]) => self.truth(inner, path, depth + 1),
            ("if" | "?:", parts) => self.choose(parts, path, depth),
            ("==" | "!=" | "===" | "!==", [a, b]) => self.equal(op, a, b, path),
            ("<" | "<=" | ">" | ">=", [a, b]) => self.ordered(op, a, b, path),
            ("<" | "<=", [low, between, high]) => {
                let (low, high) = (self.ordered(op, low, between, path), self.ordered(op, between, high, path));
                Some(Expr::and([low?, high?]))
            }
            ("in", [needle, hay]) => self.within(needle, hay, path),
            ("missing", names) => {
                let names = match names {
                    [Json::Array(names)] => names,
                    names => names,
                };
                self.missing(names, path).map(Expr::or)
            }
            ("missing_some", [Json::Number(least), Json::Array(names)]) => match least.as_u64() {
                Some(1) => self.missing(names, path).map(Expr::and),
                Some(least) if least == names.len() as u64 => self.missing(names, path).map(Expr::or),
                _ => self.refuse(path, op, "ask for each name by itself, unless one or all of them are needed"),
            },
            ("some" | "all" | "none", [of, inner]) => self.elements(op, of, inner, path, depth),
            ("var", _) => {
                let var = self.var(json, path)?;
                self.with_default(&var, |source| {
                    let is_true = leaf(&derive(Derive::JsBool, source), Test::Is(Op::Eq, true.into()), path);
                    // An empty list is false here, though not in JavaScript.
                    let empty = Test::Is(Op::Eq, 0.into());
                    let size = Source::Derived(Derive::Size, Box::new(source.clone()));
                    Expr::and([is_true, not(leaf(&size, empty, path))])
                })
            }
            ("starts_with" | "ends_with", [of, Json::String(text)]) => {
                let test = if op == "starts_with" { Test::StartsWith } else { Test::EndsWith };
                let var = self.var(of, path)?;
                self.with_default(&var, |source| leaf(source, test(text.clone()), path))
            }
            ("sem_ver", [of, Json::String(how), Json::String(version)]) => self.version(of, how, version, path),
            ("fractional", _) => self.refuse(
                path,
                op,
                "it hands out variants rather than saying yes or no; let a campaign split them, or ask percent('…')",
            ),
            _ if OPERATORS.contains(&op) => {
                self.reader.wrong(path, "as many arguments as the operator takes", arguments)
            }
            _ if COMPUTING.contains(&op) => {
                self.refuse(path, op, "it computes a value; compare a `var` with a value that is written down")
            }
            _ => self.reader.unknown(path, op, &OPERATORS),
        }
    }

    fn truths(&mut self, parts: &[Json], path: &Path<'_>, depth: usize) -> Option<Vec<Expr>> {
        let each = parts.iter().enumerate();
        let read: Vec<_> = each.map(|(i, json)| self.truth(json, &path.index(i), depth + 1)).collect();
        read.into_iter().collect()
    }

    fn refuse<T>(&mut self, path: &Path<'_>, op: &str, why: &'static str) -> Option<T> {
        let op = crate::time::shorten(op);
        self.reader.fail(RuleError::NotExpressible { at: path.location(), op, why })
    }

    /// Conditions and what follows them in turn, with what holds otherwise at the end.
    fn choose(&mut self, parts: &[Json], path: &Path<'_>, depth: usize) -> Option<Expr> {
        // Each branch lies in the one before it.
        if parts.len() > MAX_DEPTH {
            return self.reader.fail(RuleError::TooDeep { at: path.location(), limit: MAX_DEPTH });
        }
        let mut parts = self.truths(parts, path, depth)?;
        let otherwise = if parts.len() % 2 == 1 { parts.pop() } else { None };
        let mut chosen = otherwise.unwrap_or(Expr::Const(false));
        while let (Some(then), Some(condition)) = (parts.pop(), parts.pop()) {
            let other = Expr::and([not(condition.clone()), chosen]);
            chosen = Expr::or([Expr::and([condition, then]), other]);
        }
        Some(chosen)
    }

    fn equal(&mut self, op: &str, a: &Json, b: &Json, path: &Path<'_>) -> Option<Expr> {
        let (of, literal) = if is_var(a) { (a, b) } else { (b, a) };
        let value = self.literal(op, literal, path)?;
        let var = self.var(of, path)?;
        let equal = self.with_default(&var, |source| match (op.len(), &value) {
            // `==` and `!=`, which turn kinds into each other.
            (2, Value::Text(text)) => {
                let number = js::text_number(text);
                let bools = [(0.0_f64, false), (1.0, true)].into_iter();
                let same = |value: Value| leaf(source, Test::Same(value), path);
                let others = number.into_iter().flat_map(|number| {
                    let bools = bools.clone().filter(move |(of, _)| of.total_cmp(&number).is_eq());
                    std::iter::once(Value::Number(number)).chain(bools.map(|(_, value)| Value::Bool(value)))
                });
                Expr::or(std::iter::once(value.clone()).chain(others).map(same))
            }
            (2, Value::Bool(_) | Value::Number(_)) => {
                let number = js::number(&value).unwrap_or_default();
                let test = Test::Is(Op::Eq, number.into());
                Expr::and([leaf(source, Test::Exists, path), leaf(&derive(Derive::JsNumber, source), test, path)])
            }
            _ => exactly(source, literal, path),
        })?;
        Some(if op.starts_with('!') { not(equal) } else { equal })
    }

    fn ordered(&mut self, op: &str, a: &Json, b: &Json, path: &Path<'_>) -> Option<Expr> {
        let found = Op::ALL.into_iter().find(|known| known.text() == op)?;
        let (of, literal, op) = if is_var(a) {
            (a, b, found)
        } else {
            let turned = match found {
                Op::Gt => Op::Lt,
                Op::Ge => Op::Le,
                Op::Lt => Op::Gt,
                Op::Le => Op::Ge,
                other => other,
            };
            (b, a, turned)
        };
        self.literal(found.text(), literal, path)?;
        let var = self.var(of, path)?;
        self.with_default(&var, |source| order(source, op, literal, path))
    }

    /// Part of a text, or element of a list.
    fn within(&mut self, needle: &Json, hay: &Json, path: &Path<'_>) -> Option<Expr> {
        if let Json::Array(_) = hay {
            let values = self.reader.literals(hay, path)?;
            let var = self.var(needle, path)?;
            return self.with_default(&var, |source| leaf(source, Test::In(values.clone()), path));
        }
        if is_var(needle) {
            return self.refuse(path, "in", "it looks into a list that is written down, or for a value that is");
        }
        let literal = self.reader.literal(needle, path)?;
        let var = self.var(hay, path)?;
        self.with_default(&var, |source| {
            let kind = |kind| leaf(source, Test::OfKind(kind), path);
            let element = Expr::and([kind(Kind::List), leaf(source, Test::Is(Op::Eq, literal.clone()), path)]);
            match needle {
                Json::String(text) => {
                    let part = leaf(source, Test::Contains(text.clone()), path);
                    Expr::or([Expr::and([kind(Kind::Text), part]), element])
                }
                _ => element,
            }
        })
    }

    /// For each name whether it is missing: not there, or empty text.
    fn missing(&mut self, names: &[Json], path: &Path<'_>) -> Option<Vec<Expr>> {
        let read = names.iter().enumerate().map(|(i, json)| {
            let path = path.index(i);
            let source = self.named(json, &path)?;
            let empty = leaf(&source, Test::Same("".into()), &path);
            Some(Expr::or([not(leaf(&source, Test::Exists, &path)), empty]))
        });
        let read: Vec<_> = read.collect();
        read.into_iter().collect()
    }

    fn elements(&mut self, op: &str, of: &Json, inner: &Json, path: &Path<'_>, depth: usize) -> Option<Expr> {
        let var = self.var(of, path)?;
        let outside = std::mem::replace(&mut self.reader.scope, Scope::Element);
        let inner = self.truth(inner, path, depth + 1);
        self.reader.scope = outside;
        let inner = Box::new(inner?);
        let each = self
            .with_default(&var, |source| leaf(source, Test::Each { every: op == "all", inner: inner.clone() }, path))?;
        Some(if op == "none" { not(each) } else { each })
    }

    fn version(&mut self, of: &Json, how: &str, version: &str, path: &Path<'_>) -> Option<Expr> {
        let op = Op::ALL.into_iter().find(|op| op.text() == how);
        let var = self.var(of, path)?;
        if let Some(op) = op {
            return self.with_default(&var, |source| leaf(source, Test::Version(op, version.to_owned()), path));
        }
        // The same major version, or the same major and minor one.
        let numbers = version.trim_start_matches('v').split('.').map(str::parse::<u32>);
        let kept = match how {
            "^" => 1,
            "~" => 2,
            _ => return self.reader.unknown(path, how, &["=", "!=", "<", "<=", ">", ">=", "^", "~"]),
        };
        let Ok(mut low) = numbers.take(kept).collect::<Result<Vec<u32>, _>>() else {
            return self.reader.wrong(path, "a version such as 1.2.3", &Json::String(version.to_owned()));
        };
        let write = |numbers: &[u32]| {
            let part = |i: usize| numbers.get(i).copied().unwrap_or(0);
            // `-0` comes before every other pre-release.
            format!("{}.{}.0-0", part(0), part(1))
        };
        let from = write(&low);
        if let Some(last) = low.last_mut() {
            *last = last.saturating_add(1);
        }
        let to = write(&low);
        self.with_default(&var, |source| {
            let test = |op, version: &str| leaf(source, Test::Version(op, version.to_owned()), path);
            Expr::and([test(Op::Ge, &from), test(Op::Lt, &to)])
        })
    }

    /// A value that is written down.
    fn literal(&mut self, op: &str, json: &Json, path: &Path<'_>) -> Option<Value> {
        match json {
            Json::Array(_) | Json::Object(_) => {
                self.refuse(path, op, "it compares a `var` with text, a number, true, false or null")
            }
            scalar => Some(Value::deserialize(scalar).unwrap_or_default()),
        }
    }

    fn var(&mut self, json: &Json, path: &Path<'_>) -> Option<Var> {
        let Some(("var", of)) = operation(json) else { return self.reader.wrong(path, "{\"var\": …}", json) };
        let path = &path.key("var");
        let (name, default) = match of {
            Json::Array(parts) => match parts.as_slice() {
                [name] => (name, None),
                [name, default] => (name, Some(default)),
                _ => return self.reader.wrong(path, "a name, or a list of a name and a default", of),
            },
            name => (name, None),
        };
        let source = self.named(name, path)?;
        let default = match default {
            Some(Json::Object(_)) => return self.reader.wrong(path, "a default that is written down", of),
            Some(json) => Value::deserialize(json).ok().filter(|value| !value.is_null()),
            None => None,
        };
        Some(Var { source, default })
    }

    fn named(&mut self, json: &Json, path: &Path<'_>) -> Option<Source> {
        let name = match json {
            Json::String(name) => name.clone(),
            Json::Number(index) => index.to_string(),
            other => return self.reader.wrong(path, "the name of a value", other),
        };
        if self.reader.scope == Scope::Element {
            if !name.is_empty() {
                self.reader.named(NameKind::Property, &name, path)?;
            }
            return Some(Source::Element(name));
        }
        self.reader.named(NameKind::Attribute, &name, path).map(Source::Attribute)
    }

    /// What is asked of a `var`; where it is missing, the answer that its default gives.
    fn with_default(&mut self, var: &Var, ask: impl Fn(&Source) -> Expr) -> Option<Expr> {
        let asked = ask(&var.source);
        let Some(default) = &var.default else { return Some(asked) };
        let given: Properties = [("default".to_owned(), default.clone())].into();
        let rule = Rule { expr: ask(&Source::Attribute("default".to_owned())), broken: None };
        let holds = rule.compile_alone(&Lists::default()).is_ok_and(|rule| rule.eval(&Given::new(&given)).holds());
        let there = leaf(&var.source, Test::Exists, &Path::ROOT);
        Some(if holds { Expr::or([not(there), asked]) } else { Expr::and([there, asked]) })
    }
}

/// An object of one operator with its arguments.
fn operation(json: &Json) -> Option<(&str, &Json)> {
    let Json::Object(fields) = json else { return None };
    let mut fields = fields.iter();
    match (fields.next(), fields.next()) {
        (Some((op, arguments)), None) => Some((op, arguments)),
        _ => None,
    }
}

fn is_var(json: &Json) -> bool {
    matches!(operation(json), Some(("var", _)))
}

/// What can be read.
const OPERATORS: [&str; 23] = [
    "var",
    "and",
    "or",
    "!",
    "!!",
    "if",
    "?:",
    "==",
    "!=",
    "===",
    "!==",
    "<",
    "<=",
    ">",
    ">=",
    "in",
    "missing",
    "missing_some",
    "some",
    "all",
    "none",
    "starts_with",
    "ends_with",
];
/// What JsonLogic has beyond that.
const COMPUTING: [&str; 14] =
    ["+", "-", "*", "/", "%", "min", "max", "map", "filter", "reduce", "merge", "cat", "substr", "log"];

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn holds(logic: Json, data: Json) -> bool {
        let rule = Rule::from_jsonlogic(&logic).unwrap_or_else(|errors| panic!("{errors}"));
        assert_eq!(Rule::parse(&rule.to_string()).unwrap(), rule, "{rule}");
        assert_eq!(Rule::from_json(&rule.to_json()).unwrap(), rule, "{rule}");
        let data: Properties = serde_json::from_value(data).unwrap();
        rule.compile_alone(&Lists::default()).unwrap().matches(&data)
    }

    /// Cases and answers from the documentation of JsonLogic and of flagd's operations, others by JavaScript's rules.
    #[test]
    fn logic_answers_as_the_reference_does() {
        for (logic, data, expected) in [
            (json!({"==": [{"var": "a"}, 1]}), json!({"a": "1"}), true),
            (json!({"===": [{"var": "a"}, 1]}), json!({"a": "1"}), false),
            (json!({"==": [0, {"var": "a"}]}), json!({}), false),
            (json!({"==": [{"var": "a"}, null]}), json!({}), true),
            (json!({"==": [{"var": "a"}, "1"]}), json!({"a": true}), true),
            (json!({"!=": [{"var": "a"}, "x"]}), json!({}), true),
            (json!({"!==": [{"var": "a"}, 1]}), json!({"a": 1}), false),
            (json!({"<": [0, {"var": "temp"}, 100]}), json!({"temp": 37}), true),
            (json!({"<": [1, {"var": "x"}, 3]}), json!({"x": 1}), false),
            (json!({"<=": [1, {"var": "x"}, 3]}), json!({"x": 1}), true),
            (json!({">": [18, {"var": "age"}]}), json!({"age": 17}), true),
            (json!({"in": ["Spring", {"var": "town"}]}), json!({"town": "Springfield"}), true),
            (json!({"in": [{"var": "name"}, ["John", "Paul"]]}), json!({"name": "Ringo"}), false),
            (json!({"in": ["b", {"var": "tags"}]}), json!({"tags": ["a", "b"]}), true),
            (json!({"in": ["b", {"var": "tags"}]}), json!({"tags": ["a", "bb"]}), false),
            (json!({"missing": ["a", "b"]}), json!({"a": "apple"}), true),
            (json!({"missing": ["a", "b"]}), json!({"a": "apple", "b": "banana"}), false),
            (json!({"missing_some": [1, ["a", "b", "c"]]}), json!({"a": "apple"}), false),
            (
                json!({"if": [{"<": [{"var": "t"}, 0]}, false, {"<": [{"var": "t"}, 100]}, true, false]}),
                json!({"t": 55}),
                true,
            ),
            (json!({"all": [{"var": "n"}, {">": [{"var": ""}, 0]}]}), json!({"n": [1, 2, 3]}), true),
            (json!({"all": [{"var": "n"}, {">": [{"var": ""}, 0]}]}), json!({"n": []}), false),
            (
                json!({"none": [{"var": "pies"}, {"==": [{"var": "filling"}, "apple"]}]}),
                json!({"pies": [{"filling": "pumpkin"}]}),
                true,
            ),
            (
                json!({"some": [{"var": "pies"}, {"==": [{"var": "filling"}, "apple"]}]}),
                json!({"pies": [{"filling": "apple"}]}),
                true,
            ),
            (json!({"!": {"var": "list"}}), json!({"list": []}), true),
            (json!({"!!": [{"var": "zero"}]}), json!({"zero": "0"}), true),
            (json!({"==": [{"var": ["z", 26]}, 26]}), json!({}), true),
            (json!({"==": [{"var": ["z", 26]}, 26]}), json!({"z": 1}), false),
            (json!({"==": [{"var": "champ.name"}, "Fezzig"]}), json!({"champ": {"name": "Fezzig"}}), true),
            (json!({"==": [{"var": "list.1"}, "b"]}), json!({"list": ["a", "b"]}), true),
            (json!({"starts_with": [{"var": "email"}, "ann@"]}), json!({"email": "ann@example.org"}), true),
            (json!({"ends_with": [{"var": "email"}, "@example.org"]}), json!({"email": "ann@example.com"}), false),
            (json!({"sem_ver": [{"var": "v"}, ">=", "1.9.0"]}), json!({"v": "1.10.0"}), true),
            (json!({"sem_ver": [{"var": "v"}, "^", "1.2.3"]}), json!({"v": "1.0.0"}), true),
            (json!({"sem_ver": [{"var": "v"}, "^", "1.2.3"]}), json!({"v": "2.0.0-beta"}), false),
            (json!({"sem_ver": [{"var": "v"}, "~", "1.2.3"]}), json!({"v": "1.3.0"}), false),
            (json!({"and": [true, {"or": [false, {"var": "x"}]}]}), json!({"x": 3}), true),
        ] {
            assert_eq!(holds(logic.clone(), data.clone()), expected, "{logic} of {data}");
        }
    }

    #[test]
    fn what_cannot_be_said_is_told_with_its_place() {
        for (logic, message) in [
            (
                json!({"and": [{"fractional": [["a", 50], ["b", 50]]}]}),
                "and[0].fractional: `fractional` cannot be said in a rule: it hands out variants rather than saying \
                 yes or no; let a campaign split them, or ask percent('…')",
            ),
            (
                json!({"==": [{"%": [{"var": "i"}, 2]}, 0]}),
                "==: `==` cannot be said in a rule: it compares a `var` with text, a number, true, false or null",
            ),
            (
                json!({"start_with": [{"var": "a"}, "b"]}),
                "start_with: unknown operator or key `start_with`; did you mean `starts_with`?",
            ),
            (
                json!({"map": [{"var": "a"}, 1]}),
                "map: `map` cannot be said in a rule: it computes a value; compare a `var` with a value that is written down",
            ),
        ] {
            let errors = Rule::from_jsonlogic(&logic).unwrap_err();
            assert_eq!(errors[0].to_string(), message);
        }
    }
}
