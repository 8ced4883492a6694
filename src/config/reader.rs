//! Walks a JSON document and notes what is wrong.

use std::fmt::Display;
use std::str::FromStr;

use serde_json::Value as Json;

use super::{Fault, Inside, Problems};
use crate::id::MAX_ID_BYTES;
use crate::near::nearest;

/// A place in a JSON document, with the list that takes the mistakes.
///
/// Every getter takes the field off the list of unread ones; [`Reader::finish`] notes those that nobody asked for.
pub(crate) struct Reader<'a, 'p> {
    json: &'a Json,
    path: String,
    problems: &'p mut Problems,
    read: Vec<&'static str>,
}

impl<'a, 'p> Reader<'a, 'p> {
    /// Begins at the top of a document.
    pub(crate) fn new(json: &'a Json, path: impl Into<String>, problems: &'p mut Problems) -> Self {
        Self { json, path: path.into(), problems, read: Vec::new() }
    }

    /// The JSON at this place.
    pub(crate) fn json(&self) -> &'a Json {
        self.json
    }

    /// The path of this place.
    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    /// Notes a mistake at this place.
    pub(crate) fn fault(&mut self, fault: Fault) {
        self.problems.push(self.path.clone(), fault);
    }

    /// Notes a mistake at a field.
    pub(crate) fn fault_at(&mut self, field: &str, fault: Fault) {
        self.problems.push(join(&self.path, field), fault);
    }

    /// Notes a mistake at a place within a field.
    pub(crate) fn fault_inside(&mut self, field: &str, inside: Option<Inside>, fault: Fault) {
        self.problems.push_inside(join(&self.path, field), inside, fault);
    }

    /// Whether this place holds an object; notes a mistake if not.
    pub(crate) fn is_object(&mut self) -> bool {
        if self.json.is_object() {
            return true;
        }
        self.fault(Fault::WrongKind { wanted: "an object", found: kind(self.json) });
        false
    }

    /// The JSON of a field, if it is there and not null.
    pub(crate) fn field(&mut self, field: &'static str) -> Option<&'a Json> {
        self.read.push(field);
        self.json.get(field).filter(|json| !json.is_null())
    }

    /// The reader of a field, if it is there.
    pub(crate) fn child(&mut self, field: &'static str) -> Option<Reader<'a, '_>> {
        let json = self.field(field)?;
        Some(Reader::new(json, join(&self.path, field), self.problems))
    }

    /// The reader of a field whose name the document gives.
    pub(crate) fn child_of(&mut self, field: &str) -> Option<Reader<'a, '_>> {
        let json = self.json.get(field)?;
        Some(Reader::new(json, join(&self.path, field), self.problems))
    }

    /// A text that must be there, with 1 to 512 bytes.
    pub(crate) fn name(&mut self, field: &'static str) -> Option<String> {
        let text = self.text(field);
        if text.is_none() && self.json.get(field).is_none_or(Json::is_null) {
            self.fault(Fault::Missing { field });
        }
        text
    }

    /// A text that may be missing, with 1 to 512 bytes.
    pub(crate) fn text(&mut self, field: &'static str) -> Option<String> {
        match self.field(field)? {
            Json::String(text) if (1..=MAX_ID_BYTES).contains(&text.len()) => return Some(text.clone()),
            Json::String(text) => {
                let found = format!("a text of {} bytes", text.len());
                self.fault_at(field, Fault::Range { found, wanted: "one of 1 to 512 bytes" });
            }
            other => self.fault_at(field, Fault::WrongKind { wanted: "text", found: kind(other) }),
        }
        None
    }

    /// A number in a range; `wanted` says which.
    pub(crate) fn number(
        &mut self,
        field: &'static str,
        range: std::ops::RangeInclusive<f64>,
        wanted: &'static str,
    ) -> Option<f64> {
        let json = self.field(field)?;
        match json.as_f64() {
            Some(number) if range.contains(&number) => return Some(number),
            Some(number) => self.fault_at(field, Fault::Range { found: number.to_string(), wanted }),
            None => self.fault_at(field, Fault::WrongKind { wanted, found: kind(json) }),
        }
        None
    }

    /// A whole number in a range; `wanted` says which.
    pub(crate) fn whole(
        &mut self,
        field: &'static str,
        range: std::ops::RangeInclusive<i64>,
        wanted: &'static str,
    ) -> Option<i64> {
        let json = self.field(field)?;
        // 2.0 is a whole number too; one with a fraction is out of the range, not of another kind.
        let whole = |number: f64| number.fract() == 0.0 && number.abs() < 9e15;
        match json.as_i64().or_else(|| json.as_f64().filter(|number| whole(*number)).map(|number| number as i64)) {
            Some(number) if range.contains(&number) => return Some(number),
            Some(number) => self.fault_at(field, Fault::Range { found: number.to_string(), wanted }),
            None if json.is_number() => self.fault_at(field, Fault::Range { found: json.to_string(), wanted }),
            None => self.fault_at(field, Fault::WrongKind { wanted, found: kind(json) }),
        }
        None
    }

    /// A text that is parsed: a span, a time.
    pub(crate) fn parsed<T>(&mut self, field: &'static str) -> Option<T>
    where
        T: FromStr,
        T::Err: std::error::Error + Send + Sync + 'static,
    {
        match self.text(field)?.parse() {
            Ok(value) => Some(value),
            Err(error) => {
                self.fault_at(field, Fault::refused(error));
                None
            }
        }
    }

    /// One of several words.
    pub(crate) fn word<T: Copy>(&mut self, field: &'static str, what: &'static str, words: &[(&str, T)]) -> Option<T> {
        let text = self.text(field)?;
        if let Some((_, value)) = words.iter().find(|(word, _)| *word == text) {
            return Some(*value);
        }
        self.fault_at(field, Fault::unknown(what, &text, words.iter().map(|(word, _)| *word)));
        None
    }

    /// Reads each element of a list that may be missing.
    pub(crate) fn list<T>(
        &mut self,
        field: &'static str,
        mut read: impl FnMut(&mut Reader<'a, '_>) -> Option<T>,
    ) -> Vec<T> {
        let Some(json) = self.field(field) else { return Vec::new() };
        let Json::Array(elements) = json else {
            self.fault_at(field, Fault::WrongKind { wanted: "a list", found: kind(json) });
            return Vec::new();
        };
        let path = join(&self.path, field);
        let each = |(i, json)| read(&mut Reader::new(json, format!("{path}[{i}]"), self.problems));
        elements.iter().enumerate().filter_map(each).collect()
    }

    /// Reads each named value of an object that may be missing.
    pub(crate) fn map<T>(
        &mut self,
        field: &'static str,
        mut read: impl FnMut(&str, &mut Reader<'a, '_>) -> Option<T>,
    ) -> Vec<T> {
        let Some(json) = self.field(field) else { return Vec::new() };
        let Json::Object(fields) = json else {
            self.fault_at(field, Fault::WrongKind { wanted: "an object", found: kind(json) });
            return Vec::new();
        };
        let path = join(&self.path, field);
        let each = |(name, json): (&String, _)| read(name, &mut Reader::new(json, join(&path, name), self.problems));
        fields.iter().filter_map(each).collect()
    }

    /// Notes every field that nobody asked for.
    pub(crate) fn finish(&mut self) {
        let Json::Object(fields) = self.json else { return };
        for name in fields.keys().filter(|name| !self.read.contains(&name.as_str())) {
            if self.problems.is_full() {
                return self.problems.cut();
            }
            let near = nearest(name, self.read.iter().copied());
            let fault = Fault::UnknownField { found: crate::time::shorten(name), near };
            self.problems.push(join(&self.path, name), fault);
        }
    }
}

/// The path of a field.
pub(crate) fn join(path: &str, field: impl Display) -> String {
    if path.is_empty() { field.to_string() } else { format!("{path}.{field}") }
}

/// How messages name a kind of JSON value.
pub(crate) const fn kind(json: &Json) -> &'static str {
    match json {
        Json::Null => "null",
        Json::Bool(_) => "true or false",
        Json::Number(_) => "a number",
        Json::String(_) => "a text",
        Json::Array(_) => "a list",
        Json::Object(_) => "an object",
    }
}
