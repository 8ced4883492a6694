//! People and their segments as rows, for e-mail and advertising tools.
//!
//! The crate does no I/O: it gives rows, and their text as CSV (RFC 4180) or as JSON lines.

use std::collections::VecDeque;
use std::fmt::{self, Write};
use std::sync::Arc;

use serde::Serialize;
use serde::ser::SerializeMap;

use super::Personalizer;
use super::people::Cursor;
use crate::engine::Engine;
use crate::id::UserKey;
use crate::near::nearest;
use crate::profile::Profile;
use crate::time::{Timestamp, shorten};
use crate::value::{Kind, Value};

/// Who is exported, and what is said of them.
///
/// A row has the person's key; the id by which the host knows them, if it says how ([`Export::ids`]); the chosen
/// attributes; and for each chosen segment whether they are in it. People come in the order of their keys.
///
/// Advertising tools take e-mail addresses as SHA-256 digests. The crate brings no such hash along, since it would be
/// its only use; [`Export::digest`] takes the host's, and gives it the value trimmed and in lower case.
///
/// ```
/// use bespoke::personalizer::Export;
/// use bespoke::{Engine, Event, EventKind, Personalizer, Timestamp};
/// let shop = Personalizer::new(Engine::from_json(r#"{
///     "segments": [{"name": "pros", "rule": {"plan": "pro"}}], "settings": {"consent": {"email": false}}
/// }"#)?);
/// let now: Timestamp = "2026-03-01T12:00:00Z".parse()?;
/// for (name, plan, says) in [("ann", "pro", true), ("ben", "pro", false), ("cem", "free", true)] {
///     shop.ingest(&Event::new(EventKind::ConsentChanged, name, now).property("email", says), now)?;
///     shop.ingest(&Event::new(EventKind::Identified, name, now).attribute("plan", plan).attribute("name", name), now)?;
/// }
/// // Only those who consent to the purpose, and are in the segment.
/// let export = Export::to("email").within("pros").attributes(["name", "plan"]).segments(["pros"]);
/// let mut csv = String::new();
/// shop.export_all(&export, now)?.write_csv(&mut csv)?;
/// let lines: Vec<&str> = csv.lines().collect();
/// assert_eq!(lines[0], "key,name,plan,pros");
/// assert!(lines[1].ends_with(",ann,pro,true") && lines.len() == 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Export<'a> {
    purpose: String,
    within: Option<String>,
    attributes: Vec<Column<'a>>,
    segments: Vec<String>,
    ids: Option<Box<Ids<'a>>>,
}

type Ids<'a> = dyn Fn(UserKey) -> Option<String> + Send + Sync + 'a;
type Digest<'a> = dyn Fn(&str) -> String + Send + Sync + 'a;

struct Column<'a> {
    name: String,
    digest: Option<Box<Digest<'a>>>,
}

/// Why nothing can be exported.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ExportError {
    /// A segment is not there.
    #[error("unknown segment `{name}`{}", suggestion.as_ref().map(|near| format!("; did you mean `{near}`?")).unwrap_or_default())]
    UnknownSegment {
        /// The name given.
        name: String,
        /// The one that was probably meant.
        suggestion: Option<String>,
    },
}

/// One person of an export.
#[derive(Clone, Debug, PartialEq)]
pub struct ExportRow {
    /// The key under which the person is kept.
    pub key: UserKey,
    /// The id by which the host knows them, if it says how and knows them.
    pub id: Option<String>,
    /// The chosen attributes in their order, null where the person has none.
    pub attributes: Vec<Value>,
    /// For each chosen segment whether the person is in it.
    pub segments: Vec<bool>,
    head: Arc<Head>,
}

/// What the columns are called.
#[derive(Debug, PartialEq)]
struct Head {
    has_ids: bool,
    attributes: Vec<String>,
    segments: Vec<String>,
}

/// The rows of an export, read from the running state a few hundred people at a time.
pub struct Exported<'a> {
    shop: &'a Personalizer,
    export: &'a Export<'a>,
    engine: Arc<Engine>,
    now: Timestamp,
    within: Option<usize>,
    segments: Vec<usize>,
    head: Arc<Head>,
    cursor: Cursor,
    ready: VecDeque<ExportRow>,
}

impl<'a> Export<'a> {
    /// Everybody who consents to a purpose, such as `email` or `advertising`; see [`Engine::consents`].
    #[must_use]
    pub fn to(purpose: impl Into<String>) -> Self {
        Self { purpose: purpose.into(), within: None, attributes: Vec::new(), segments: Vec::new(), ids: None }
    }

    /// Only those who are in a segment.
    #[must_use]
    pub fn within(mut self, segment: impl Into<String>) -> Self {
        self.within = Some(segment.into());
        self
    }

    /// Adds attributes, each a column of its name.
    #[must_use]
    pub fn attributes<N: Into<String>>(mut self, names: impl IntoIterator<Item = N>) -> Self {
        let column = |name: N| Column { name: name.into(), digest: None };
        self.attributes.extend(names.into_iter().map(column));
        self
    }

    /// Adds an attribute of which only a digest leaves the house: `digest` is given its text, trimmed and in lower
    /// case, and what it answers is exported. What is not text is not exported at all.
    #[must_use]
    pub fn digest(mut self, name: impl Into<String>, digest: impl Fn(&str) -> String + Send + Sync + 'a) -> Self {
        self.attributes.push(Column { name: name.into(), digest: Some(Box::new(digest)) });
        self
    }

    /// Adds segments, each a column of its name that says whether the person is in it.
    #[must_use]
    pub fn segments<N: Into<String>>(mut self, names: impl IntoIterator<Item = N>) -> Self {
        self.segments.extend(names.into_iter().map(Into::into));
        self
    }

    /// Says how the host knows people: profiles hold no ids, only their hashes ([`UserKey::known`]).
    #[must_use]
    pub fn ids(mut self, ids: impl Fn(UserKey) -> Option<String> + Send + Sync + 'a) -> Self {
        self.ids = Some(Box::new(ids));
        self
    }
}

impl Personalizer {
    /// Exports people, with their memberships as they are at a time. Events wait only while a few hundred people of
    /// one shard are looked at; who comes or goes meanwhile may be missed.
    ///
    /// # Errors
    /// An [`ExportError`] if a segment is not there.
    pub fn export_all<'a>(&'a self, export: &'a Export<'a>, now: Timestamp) -> Result<Exported<'a>, ExportError> {
        let engine = self.engine();
        let index = |name: &String| {
            engine.segments().position(|segment| &**segment == name.as_str()).ok_or_else(|| {
                ExportError::UnknownSegment {
                    name: shorten(name),
                    suggestion: nearest(name, engine.segments().map(|segment| &**segment)),
                }
            })
        };
        let head = Head {
            has_ids: export.ids.is_some(),
            attributes: export.attributes.iter().map(|column| column.name.clone()).collect(),
            segments: export.segments.clone(),
        };
        let segments = export.segments.iter().map(index).collect::<Result<_, _>>()?;
        let within = export.within.as_ref().map(index).transpose()?;
        let (cursor, ready, head) = (Cursor::default(), VecDeque::new(), Arc::new(head));
        Ok(Exported { shop: self, export, engine, now, within, segments, head, cursor, ready })
    }
}

impl Iterator for Exported<'_> {
    type Item = ExportRow;

    fn next(&mut self) -> Option<ExportRow> {
        let shop = self.shop;
        let mut cursor = std::mem::take(&mut self.cursor);
        let mut ready = std::mem::take(&mut self.ready);
        while ready.is_empty()
            && shop.people.look(&mut cursor, &mut |key, record| ready.extend(self.row(key, &record.profile)))
        {}
        (self.cursor, self.ready) = (cursor, ready);
        self.ready.pop_front()
    }
}

impl Exported<'_> {
    /// The names of the columns, as the first line of a CSV file; without the end of the line.
    #[must_use]
    pub fn header(&self) -> String {
        let id = self.head.has_ids.then_some("id");
        let names = self.head.attributes.iter().chain(&self.head.segments).map(String::as_str);
        line(std::iter::once("key").chain(id).chain(names))
    }

    /// Writes a header and all rows that are left, each line ended as RFC 4180 has it.
    ///
    /// # Errors
    /// What the writer says.
    pub fn write_csv(&mut self, out: &mut dyn Write) -> fmt::Result {
        write!(out, "{}\r\n", self.header())?;
        self.try_for_each(|row| write!(out, "{}\r\n", row.csv()))
    }

    /// Writes all rows that are left as JSON, one to a line.
    ///
    /// # Errors
    /// What the writer says.
    pub fn write_json(&mut self, out: &mut dyn Write) -> fmt::Result {
        self.try_for_each(|row| writeln!(out, "{}", serde_json::to_string(&row).map_err(|_| fmt::Error)?))
    }

    fn row(&self, key: UserKey, profile: &Profile) -> Option<ExportRow> {
        let engine = &self.engine;
        if !engine.consents(profile, self.export.purpose.as_str()) {
            return None;
        }
        let flips = engine.flips(profile, self.now);
        let is_in = |segment: &usize| engine.is_in(&flips, *segment);
        if self.within.as_ref().is_some_and(|segment| !is_in(segment)) {
            return None;
        }
        let attribute = |column: &Column<'_>| {
            let value = profile.attributes().value(column.name.as_str());
            let is_time = engine.schema().attributes.get(&column.name) == Some(&Kind::Time);
            match (&column.digest, value) {
                (Some(digest), Some(Value::Text(text))) => Value::from(digest(&text.trim().to_lowercase())),
                (Some(_), _) | (None, None) => Value::Null,
                // A cast from `f64` saturates.
                (None, Some(Value::Number(millis))) if is_time => {
                    Value::from(Timestamp::from_millis(*millis as i64).to_string())
                }
                (None, Some(value)) => value.clone(),
            }
        };
        Some(ExportRow {
            key,
            id: self.export.ids.as_ref().and_then(|ids| ids(key)),
            attributes: self.export.attributes.iter().map(attribute).collect(),
            segments: self.segments.iter().map(is_in).collect(),
            head: Arc::clone(&self.head),
        })
    }
}

impl ExportRow {
    /// The row as a line of CSV, without its end: text as it is, lists and objects as JSON, and nothing where there is
    /// nothing. Cells with commas, quotes or line breaks stand in quotes (RFC 4180).
    #[must_use]
    pub fn csv(&self) -> String {
        let id = self.head.has_ids.then(|| self.id.clone().unwrap_or_default());
        let text = |value: &Value| match value {
            Value::Null => String::new(),
            Value::Text(text) => text.to_string(),
            value => value.to_string(),
        };
        let attributes = self.attributes.iter().map(text);
        let segments = self.segments.iter().map(ToString::to_string);
        line(std::iter::once(self.key.to_string()).chain(id).chain(attributes).chain(segments))
    }
}

impl Serialize for ExportRow {
    /// An object with `key`, `id`, and objects of `attributes` and `segments` by name; what is null is left out.
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("key", &self.key)?;
        if let Some(id) = &self.id {
            map.serialize_entry("id", id)?;
        }
        let attributes = self.head.attributes.iter().zip(&self.attributes);
        map.serialize_entry("attributes", &Named(attributes.filter(|(_, value)| !value.is_null()).collect()))?;
        map.serialize_entry("segments", &Named(self.head.segments.iter().zip(&self.segments).collect()))?;
        map.end()
    }
}

/// Pairs as an object.
struct Named<'a, T>(Vec<(&'a String, &'a T)>);

impl<T: Serialize> Serialize for Named<'_, T> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().copied())
    }
}

impl fmt::Debug for Export<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let attributes: Vec<&String> = self.attributes.iter().map(|column| &column.name).collect();
        let (purpose, within, segments) = (&self.purpose, &self.within, &self.segments);
        write!(
            f,
            "Export {{ purpose: {purpose:?}, within: {within:?}, attributes: {attributes:?}, segments: {segments:?} }}"
        )
    }
}

impl fmt::Debug for Exported<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exported").field("export", self.export).field("now", &self.now).finish_non_exhaustive()
    }
}

/// Cells as a line of CSV.
fn line<C: AsRef<str>>(cells: impl Iterator<Item = C>) -> String {
    let mut line = String::new();
    for (at, cell) in cells.enumerate() {
        if at > 0 {
            line.push(',');
        }
        let cell = cell.as_ref();
        if cell.contains([',', '"', '\r', '\n']) {
            line.push('"');
            line.push_str(&cell.replace('"', "\"\""));
            line.push('"');
        } else {
            line.push_str(cell);
        }
    }
    line
}
