//! Rows of a table of customers, as events that identify them.

use std::collections::{BTreeMap, BTreeSet};

use super::Schema;
use crate::event::{Event, EventKind};
use crate::near::nearest;
use crate::time::{Timestamp, shorten};
use crate::value::{Kind, Value};

/// Reads rows of a table, from CSV or JSON, as [`EventKind::Identified`] events whose attributes have the kinds that
/// the schema declares.
///
/// The name of a column is the name of its attribute, unless it is renamed. Columns that the schema does not declare
/// are left out; where it declares no attributes at all, every column is taken as it is. Text is read as the kind
/// wants it: numbers as `41.5`; truth as `true`, `yes`, `1` or `false`, `no`, `0`, in any case; times as RFC 3339, a
/// date, or milliseconds since 1970; lists as JSON or parted by semicolons; objects as JSON. Space around a cell is
/// taken off. An empty cell says nothing, or removes the attribute ([`RowReader::empty_removes`]).
///
/// ```
/// use bespoke::schema::{RowReader, Schema};
/// use bespoke::value::{Kind, Value};
/// let schema = Schema::default().attribute("country", Kind::Text).attribute("age", Kind::Number);
/// let reader = RowReader::new(&schema, "customer").rename("Land", "country");
/// let now = "2026-03-01".parse()?;
/// let event = reader.read(1, [("customer", "ann"), ("Land", "DE"), ("age", " 41 "), ("notes", "…")], now)?;
/// assert_eq!(event.user.as_deref(), Some("ann"));
/// assert_eq!(event.attributes["age"], Value::from(41.0));
/// assert_eq!(event.attributes.len(), 2);
///
/// let error = reader.read(2, [("customer", "ben"), ("age", "old")], now).unwrap_err();
/// assert_eq!(error.to_string(), "row 2: column `age` holds `old`, which is no number");
/// # Ok::<(), bespoke::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct RowReader<'a> {
    schema: &'a Schema,
    user: String,
    anonymous: Option<String>,
    time: Option<String>,
    renamed: BTreeMap<String, String>,
    skipped: BTreeSet<String>,
    empty_removes: bool,
}

/// A row that cannot be read: every bad cell of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("row {row}: {}", listed(cells))]
pub struct RowError {
    /// The row's number, as it was given.
    pub row: u64,
    /// What is wrong with it, in the order of the columns.
    pub cells: Vec<CellError>,
}

/// What is wrong with a cell.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CellError {
    /// The cell does not hold what the schema declares.
    #[error("column `{column}` holds `{found}`, which is no {wanted}")]
    Kind {
        /// The column.
        column: String,
        /// What it holds, shortened.
        found: String,
        /// What was declared.
        wanted: Kind,
    },
    /// Nobody is named.
    #[error("column `{column}` with the person's id is missing or empty")]
    NoId {
        /// The column.
        column: String,
    },
    /// The time of the row cannot be read.
    #[error("column `{column}` holds `{found}`, which is no time, such as 2026-03-01T12:00:00Z")]
    Time {
        /// The column.
        column: String,
        /// What it holds, shortened.
        found: String,
    },
}

impl<'a> RowReader<'a> {
    /// Reads the id of the person, as known users have it, from this column.
    #[must_use]
    pub fn new(schema: &'a Schema, user: impl Into<String>) -> Self {
        Self {
            schema,
            user: user.into(),
            anonymous: None,
            time: None,
            renamed: BTreeMap::new(),
            skipped: BTreeSet::new(),
            empty_removes: false,
        }
    }

    /// Reads the anonymous id of a visitor from this column. A row with both ids links them; one is enough.
    #[must_use]
    pub fn anonymous(mut self, column: impl Into<String>) -> Self {
        self.anonymous = Some(column.into());
        self
    }

    /// Reads from this column when the row was true, such as when it was last changed. Where the cell is empty, the
    /// time that [`RowReader::read`] is given holds.
    #[must_use]
    pub fn time(mut self, column: impl Into<String>) -> Self {
        self.time = Some(column.into());
        self
    }

    /// Gives the attribute of a column another name than the column has.
    #[must_use]
    pub fn rename(mut self, column: impl Into<String>, attribute: impl Into<String>) -> Self {
        self.renamed.insert(column.into(), attribute.into());
        self
    }

    /// Leaves a column out.
    #[must_use]
    pub fn skip(mut self, column: impl Into<String>) -> Self {
        self.skipped.insert(column.into());
        self
    }

    /// An empty cell removes the attribute, where it says nothing otherwise.
    #[must_use]
    pub const fn empty_removes(mut self) -> Self {
        self.empty_removes = true;
        self
    }

    /// The columns that would be left out since the schema does not declare them, each with the declared attribute
    /// that was probably meant: to be looked at once, before a table is read. Columns that are skipped are not listed.
    ///
    /// ```
    /// use bespoke::schema::{RowReader, Schema};
    /// use bespoke::value::Kind;
    /// let schema = Schema::default().attribute("country", Kind::Text);
    /// let left_out = RowReader::new(&schema, "id").left_out(["id", "contry"]);
    /// assert_eq!(left_out, [("contry".to_owned(), Some("country".to_owned()))]);
    /// ```
    #[must_use]
    pub fn left_out<'c>(&self, columns: impl IntoIterator<Item = &'c str>) -> Vec<(String, Option<String>)> {
        let names = || self.schema.attributes.keys().map(String::as_str);
        let is_left_out = |column: &&str| {
            let is_own = [Some(&self.user), self.anonymous.as_ref(), self.time.as_ref()];
            !is_own.contains(&Some(&(*column).to_owned())) && !self.skipped.contains(*column)
        };
        let of = columns.into_iter().filter(is_left_out).filter(|column| self.attribute(column).is_none());
        of.map(|column| (column.to_owned(), nearest(self.renamed.get(column).map_or(column, String::as_str), names())))
            .collect()
    }

    /// Reads one row. Cells are pairs of a column and a value, which is text in a CSV file and may be any JSON
    /// otherwise; `row` is what errors call it, and `now` its time where no column says it.
    ///
    /// The event names nobody but by the ids of the row, and has no id of its own: the same row at the same time is
    /// the same event. It still has to pass [`Event::check`], as every event that is ingested or imported.
    ///
    /// # Errors
    /// A [`RowError`] with every bad cell.
    pub fn read<C: AsRef<str>, V: Into<Value>>(
        &self,
        row: u64,
        cells: impl IntoIterator<Item = (C, V)>,
        now: Timestamp,
    ) -> Result<Event, RowError> {
        let mut event = Event { kind: EventKind::Identified, time: now, ..Event::default() };
        let mut errors = Vec::new();
        for (column, value) in cells {
            let (column, value) = (column.as_ref(), trimmed(value.into()));
            if column == self.user {
                event.user = id(&value);
            } else if self.anonymous.as_deref() == Some(column) {
                event.anonymous = id(&value);
            } else if self.time.as_deref() == Some(column) {
                match (is_empty(&value), time(&value)) {
                    (true, _) => {}
                    (false, Some(time)) => event.time = time,
                    (false, None) => errors.push(CellError::Time { column: column.to_owned(), found: said(&value) }),
                }
            } else if let Some((name, kind)) = self.attribute(column) {
                if is_empty(&value) {
                    if self.empty_removes {
                        event.attributes.insert(name.to_owned(), Value::Null);
                    }
                    continue;
                }
                let found = said(&value);
                match kind.map_or(Some(value.clone()), |kind| read_as(kind, value)) {
                    Some(value) => drop(event.attributes.insert(name.to_owned(), value)),
                    None => errors.push(CellError::Kind {
                        column: column.to_owned(),
                        found,
                        wanted: kind.unwrap_or(Kind::Text),
                    }),
                }
            }
        }
        if event.user.is_none() && event.anonymous.is_none() {
            errors.push(CellError::NoId { column: self.user.clone() });
        }
        if errors.is_empty() { Ok(event) } else { Err(RowError { row, cells: errors }) }
    }

    /// The attribute of a column and its declared kind; `None` if the column is left out.
    fn attribute<'c>(&'c self, column: &'c str) -> Option<(&'c str, Option<Kind>)> {
        if self.skipped.contains(column) {
            return None;
        }
        let name = self.renamed.get(column).map_or(column, String::as_str);
        let kind = self.schema.attributes.get(name).copied();
        let is_taken = kind.is_some() || self.schema.attributes.is_empty();
        is_taken.then_some((name, kind))
    }
}

/// The value as the kind wants it.
fn read_as(kind: Kind, value: Value) -> Option<Value> {
    if value.kind() == Some(kind) {
        return Some(value);
    }
    match (kind, &value) {
        (Kind::Number, Value::Text(text)) => text.parse::<f64>().ok().filter(|n| n.is_finite()).map(Value::from),
        (Kind::Bool, Value::Text(text)) => truth(text).map(Value::Bool),
        (Kind::Bool, Value::Number(number)) => truth(&number.to_string()).map(Value::Bool),
        // A postal code or a number of a customer is text that looks like a number.
        (Kind::Text, Value::Number(number)) => Some(Value::from(number.to_string())),
        // Times between the years 1 and 9999 are exact in an `f64`.
        (Kind::Time, value) => time(value).map(|time| Value::Number(time.millis() as f64)),
        (Kind::List, Value::Text(text)) if text.starts_with('[') => json(text, Kind::List),
        (Kind::List, Value::Text(text)) => {
            let parts = text.split(';').map(str::trim).filter(|part| !part.is_empty());
            Some(Value::List(parts.map(Value::from).collect()))
        }
        (Kind::Object, Value::Text(text)) => json(text, Kind::Object),
        _ => None,
    }
}

fn json(text: &str, kind: Kind) -> Option<Value> {
    serde_json::from_str::<Value>(text).ok().filter(|value| value.kind() == Some(kind))
}

fn truth(text: &str) -> Option<bool> {
    let is = |words: [&str; 3]| words.iter().any(|word| word.eq_ignore_ascii_case(text));
    if is(["true", "yes", "1"]) { Some(true) } else { is(["false", "no", "0"]).then_some(false) }
}

fn time(value: &Value) -> Option<Timestamp> {
    let millis = |number: f64| Timestamp::from_millis(number as i64); // a cast saturates, and the next line refuses it
    let time = match value {
        Value::Number(number) => millis(*number),
        Value::Text(text) => text.parse().ok().or_else(|| text.parse().ok().map(millis))?,
        _ => return None,
    };
    time.is_plausible().then_some(time)
}

fn trimmed(value: Value) -> Value {
    match &value {
        Value::Text(text) if text.trim().len() < text.len() => Value::from(text.trim()),
        _ => value,
    }
}

fn is_empty(value: &Value) -> bool {
    value.is_null() || value.as_text() == Some("")
}

/// An id, which tables often hold as a number.
fn id(value: &Value) -> Option<String> {
    match value {
        Value::Text(text) if !text.is_empty() => Some(text.to_string()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn said(value: &Value) -> String {
    shorten(value.as_text().map_or_else(|| value.to_string(), str::to_owned).as_str())
}

fn listed(cells: &[CellError]) -> String {
    let cells: Vec<String> = cells.iter().map(ToString::to_string).collect();
    cells.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema() -> Schema {
        let kinds = [Kind::Bool, Kind::Number, Kind::Text, Kind::Time, Kind::List, Kind::Object];
        kinds.into_iter().fold(Schema::default(), |schema, kind| schema.attribute(kind.name(), kind))
    }

    fn now() -> Timestamp {
        "2026-03-01T12:00:00Z".parse().unwrap()
    }

    #[test]
    fn text_becomes_what_the_schema_declares() {
        let schema = schema();
        let reader = RowReader::new(&schema, "id");
        let noon = now().millis() as f64;
        let list = Value::from(vec!["a", "b c"]);
        let cases: [(&str, &str, Option<Value>); 19] = [
            ("number", "-1.5e3", Some(Value::from(-1500.0))),
            ("number", "1,5", None),
            ("number", "NaN", None),
            ("number", "inf", None),
            ("bool", "YES", Some(true.into())),
            ("bool", "0", Some(false.into())),
            ("bool", "maybe", None),
            ("text", "007", Some("007".into())),
            ("time", "2026-03-01T13:00:00+01:00", Some(Value::from(noon))),
            ("time", "1772366400000", Some(Value::from(noon))),
            ("time", "01.03.2026", None),
            ("time", "1e300", None),
            ("list", " a; b c ;", Some(list.clone())),
            ("list", r#"["a", "b c"]"#, Some(list)),
            ("list", r#"["a""#, None),
            ("object", r#"{"a": 1}"#, Some(serde_json::from_str(r#"{"a": 1}"#).unwrap())),
            ("object", "[1]", None),
            ("object", "a", None),
            ("unheard", "x", None),
        ];
        for (column, cell, wanted) in cases {
            let read = reader.read(1, [("id", "ann"), (column, cell)], now());
            let found = read.as_ref().ok().and_then(|event| event.attributes.get(column));
            assert_eq!(found, wanted.as_ref(), "{column} {cell}: {read:?}");
            assert_eq!(read.is_err(), wanted.is_none() && column != "unheard", "{column} {cell}");
        }
    }

    #[test]
    fn every_bad_cell_of_a_row_is_told() {
        let schema = schema();
        let reader = RowReader::new(&schema, "id").time("changed");
        let cells = [("id", ""), ("number", "many"), ("changed", "yesterday"), ("bool", "2")];
        assert_eq!(
            reader.read(7, cells, now()).unwrap_err().to_string(),
            "row 7: column `number` holds `many`, which is no number; column `changed` holds `yesterday`, which is no \
             time, such as 2026-03-01T12:00:00Z; column `bool` holds `2`, which is no bool; column `id` with the \
             person's id is missing or empty"
        );
    }

    #[test]
    fn json_cells_ids_times_and_empty_cells_are_read() {
        let schema = schema();
        let reader = RowReader::new(&schema, "id").anonymous("cookie").time("changed").rename("zip", "text");
        let row: crate::value::Properties = serde_json::from_str(
            r#"{"id": 17, "cookie": "c1", "changed": "2026-02-01", "zip": 10115, "bool": 1, "number": null, "list": []}"#,
        )
        .unwrap();
        let event = reader.read(1, row.clone(), now()).unwrap();
        assert_eq!((event.user.as_deref(), event.anonymous.as_deref()), (Some("17"), Some("c1")));
        assert_eq!(event.time, "2026-02-01".parse().unwrap());
        assert_eq!(event.attributes["text"], "10115".into());
        assert_eq!(event.attributes["bool"], true.into());
        assert!(!event.attributes.contains_key("number") && event.check(now()).is_ok());
        let event = reader.empty_removes().read(1, row, now()).unwrap();
        assert_eq!(event.attributes["number"], Value::Null);
    }

    #[test]
    fn without_declared_attributes_every_column_is_taken_as_it_is() {
        let schema = Schema::default();
        let event = RowReader::new(&schema, "id").skip("b").read(1, [("id", "x"), ("a", "1"), ("b", "2")], now());
        let attributes = event.unwrap().attributes;
        assert_eq!(attributes.into_iter().collect::<Vec<_>>(), [("a".to_owned(), "1".into())]);
    }
}
