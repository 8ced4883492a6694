//! Reads a log of events: TSV with a header, or JSON Lines.
//!
//! The whole log is kept in memory, since it has to be sorted: 32 bytes for each row of a TSV, and whole events for
//! JSON Lines.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use bespoke::event::{Event, EventKind};
use bespoke::time::Timestamp;

/// A log in the order of time.
#[derive(Debug, Default)]
pub(crate) struct Log {
    records: Vec<Record>,
    people: Names,
    items: Names,
    /// Whether it is a table of ratings.
    pub(crate) has_ratings: bool,
    /// What was found, and what was taken for granted, in words.
    pub(crate) notes: Vec<String>,
    pub(crate) faults: Faults,
}

/// Lines that could not be read.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    pub(crate) count: usize,
    /// The first few, each with its line.
    pub(crate) first: Vec<String>,
}

#[derive(Debug)]
enum Record {
    Row { person: u32, item: u32, time: Timestamp, rating: Option<f32> },
    Event(Box<Event>),
}

/// Texts and the numbers that stand for them.
#[derive(Debug, Default)]
struct Names {
    texts: Vec<Box<str>>,
    numbers: HashMap<Box<str>, u32>,
    /// Whether they name known users, and not visitors.
    are_users: bool,
}

impl Faults {
    pub(crate) fn add(&mut self, line: usize, problem: impl std::fmt::Display) {
        self.count += 1;
        if self.first.len() < SHOWN {
            self.first.push(format!("line {line}: {problem}"));
        }
    }
}

impl Names {
    fn number(&mut self, text: &str) -> Option<u32> {
        if let Some(number) = self.numbers.get(text) {
            return Some(*number);
        }
        let number = u32::try_from(self.texts.len()).ok()?;
        self.texts.push(text.into());
        self.numbers.insert(text.into(), number);
        Some(number)
    }

    fn text(&self, number: u32) -> &str {
        &self.texts[number as usize]
    }
}

impl Log {
    /// Reads a file.
    ///
    /// The error is a line for the person who named the file. Lines that cannot be read are counted and left out.
    pub(crate) fn open(path: &Path) -> Result<Self, String> {
        let file = File::open(path).map_err(|error| format!("{}: {error}", path.display()))?;
        Self::read(BufReader::new(file)).map_err(|problem| format!("{}: {problem}", path.display()))
    }

    /// Reads a log in either form.
    pub(crate) fn read(input: impl BufRead) -> Result<Self, String> {
        let mut lines = Lines::new(input);
        let mut log = Self::default();
        let Some(first) = lines.next_full()? else { return Err("the file is empty".to_owned()) };
        let first = first.map(str::to_owned).map_err(|_| "line 1 is not UTF-8 text".to_owned())?;
        match first.trim_start().as_bytes().first() {
            Some(b'{') => log.read_json(&first, &mut lines)?,
            Some(b'[') => return Err("a JSON list; write one event a line instead (`jq -c '.[]'`)".to_owned()),
            _ => log.read_rows(&first, &mut lines)?,
        }
        let is_sorted = log.records.is_sorted_by_key(Record::time);
        if !is_sorted {
            log.records.sort_by_key(Record::time);
            log.notes.push("the log was not in the order of time; it was sorted".to_owned());
        }
        Ok(log)
    }

    pub(crate) fn len(&self) -> usize {
        self.records.len()
    }

    pub(crate) fn truncate(&mut self, len: usize) {
        self.records.truncate(len);
    }

    /// The first and the last time.
    pub(crate) fn span(&self) -> Option<(Timestamp, Timestamp)> {
        Some((self.records.first()?.time(), self.records.last()?.time()))
    }

    /// The events in the order of time; of those at the same time, in the order of the file.
    pub(crate) fn events(&self) -> impl Iterator<Item = Event> + '_ {
        self.records.iter().map(|record| match record {
            Record::Event(event) => (**event).clone(),
            Record::Row { person, item, time, rating } => self.event(*person, *item, *time, *rating),
        })
    }

    fn event(&self, person: u32, item: u32, time: Timestamp, rating: Option<f32>) -> Event {
        let kind = if rating.is_some() { EventKind::Rated } else { EventKind::ItemViewed };
        let person = self.people.text(person);
        let event =
            if self.people.are_users { Event::new(kind, person, time) } else { Event::by_visitor(kind, person, time) };
        let event = event.item(self.items.text(item));
        match rating {
            Some(rating) => event.property("rating", f64::from(rating)),
            None => event,
        }
    }

    fn read_rows(&mut self, header: &str, lines: &mut Lines<impl BufRead>) -> Result<(), String> {
        let columns = Columns::read(header)?;
        self.people.are_users = columns.are_users;
        self.has_ratings = columns.rating.is_some();
        let mut clock = None;
        while let Some(line) = lines.next_full()? {
            let row = line.map_err(str::to_owned).and_then(|line| self.row(line, &columns, &mut clock));
            match row {
                Ok(row) => self.records.push(row),
                Err(problem) => self.faults.add(lines.number, problem),
            }
        }
        let kind = if self.has_ratings { "`rated`" } else { "`item_viewed`" };
        let whose = if columns.are_users { "a user" } else { "a visitor (session)" };
        self.notes.push(format!("TSV: each row is {kind} by {whose}"));
        if let Some(clock) = clock {
            self.notes.push(format!("timestamps are taken as {}", clock.words()));
        }
        if columns.is_ambiguous {
            self.notes.push("there are both `user` and `session`; `user` says who it was".to_owned());
        }
        Ok(())
    }

    fn row(&mut self, line: &str, columns: &Columns, clock: &mut Option<Clock>) -> Result<Record, String> {
        let mut cells: [Option<&str>; 4] = [None; 4];
        for (index, text) in line.split('\t').enumerate() {
            let wanted = [Some(columns.person), Some(columns.item), Some(columns.time), columns.rating];
            if let Some(at) = wanted.iter().position(|column| *column == Some(index)) {
                cells[at] = Some(text.trim());
            }
        }
        let cell = |at: usize, name: &str| {
            cells[at].filter(|text| !text.is_empty()).ok_or_else(|| format!("there is no {name}"))
        };
        let (person, item) = (cell(0, columns.who())?, cell(1, "item")?);
        let text = cell(2, "timestamp")?;
        // The first time that can be read decides for all: a column does not change its unit.
        let of = match *clock {
            Some(clock) => clock,
            None => Clock::detect(text).ok_or_else(|| format!("`{text}` is not a time"))?,
        };
        let time = of.time(text).ok_or_else(|| format!("`{text}` is not a time in {}", of.words()))?;
        *clock = Some(of);
        let rating = match cells[3].filter(|text| !text.is_empty()) {
            Some(text) => match text.parse::<f32>().ok().filter(|rating| rating.is_finite()) {
                Some(rating) => Some(rating),
                None => return Err(format!("the rating `{text}` is not a number")),
            },
            None if columns.rating.is_some() => return Err("there is no rating".to_owned()),
            None => None,
        };
        let full = "there are more than 2^32 different ids";
        let (person, item) = (self.people.number(person).ok_or(full)?, self.items.number(item).ok_or(full)?);
        Ok(Record::Row { person, item, time, rating })
    }

    fn read_json(&mut self, first: &str, lines: &mut Lines<impl BufRead>) -> Result<(), String> {
        self.add_json(first, lines.number);
        while let Some(line) = lines.next_full()? {
            match line.map(str::to_owned) {
                Ok(line) => self.add_json(&line, lines.number),
                Err(problem) => self.faults.add(lines.number, problem),
            }
        }
        self.notes.push("JSON Lines: the crate's events, or messages of the Segment specification".to_owned());
        Ok(())
    }

    fn add_json(&mut self, line: &str, number: usize) {
        match Event::read(line) {
            Ok(events) => self.records.extend(events.into_iter().map(|event| Record::Event(Box::new(event)))),
            // The reader counts lines too, but has only seen this one.
            Err(error) => self.faults.add(number, error.to_string().trim_start_matches("line 1, ")),
        }
    }
}

impl Record {
    fn time(&self) -> Timestamp {
        match self {
            Self::Row { time, .. } => *time,
            Self::Event(event) => event.time,
        }
    }
}

/// Where a TSV has what.
#[derive(Debug, PartialEq)]
struct Columns {
    person: usize,
    are_users: bool,
    is_ambiguous: bool,
    item: usize,
    time: usize,
    rating: Option<usize>,
}

impl Columns {
    fn read(header: &str) -> Result<Self, String> {
        let names: Vec<String> = header.split('\t').map(|name| name.trim().to_lowercase()).collect();
        let find = |known: &[&str]| names.iter().position(|name| known.contains(&name.as_str()));
        let need = |known: &[&str], words: &str| {
            let found = names.join("`, `");
            find(known)
                .ok_or_else(|| format!("the header has no column {words}; its columns, split at tabs, are `{found}`"))
        };
        let user = find(&["user", "user_id", "userid"]);
        let session = find(&["session", "session_id", "sessionid"]);
        let person = ["session", "session_id", "sessionid", "user", "user_id", "userid"];
        Ok(Self {
            person: user.map_or_else(|| need(&person, "`session` or `user`"), Ok)?,
            are_users: user.is_some(),
            is_ambiguous: user.is_some() && session.is_some(),
            item: need(&["item", "item_id", "itemid"], "`item`")?,
            time: need(&["timestamp", "time"], "`timestamp`")?,
            rating: find(&["rating"]),
        })
    }

    const fn who(&self) -> &'static str {
        if self.are_users { "user" } else { "session" }
    }
}

/// How a log writes times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Clock {
    Seconds,
    Millis,
    Text,
}

impl Clock {
    /// Numbers up to 1e11 are seconds: as seconds that is the year 5138, as milliseconds March 1973.
    fn detect(text: &str) -> Option<Self> {
        let clock = match text.parse::<f64>() {
            Ok(number) if number.abs() < 1e11 => Self::Seconds,
            Ok(_) => Self::Millis,
            Err(_) => Self::Text,
        };
        clock.time(text).map(|_| clock)
    }

    fn time(self, text: &str) -> Option<Timestamp> {
        match self {
            Self::Seconds => Timestamp::from_seconds(text.parse().ok()?),
            Self::Millis => Timestamp::from_seconds(text.parse::<f64>().ok()? / 1000.0),
            Self::Text => text.parse().ok(),
        }
    }

    const fn words(self) -> &'static str {
        match self {
            Self::Seconds => "seconds since 1970",
            Self::Millis => "milliseconds since 1970",
            Self::Text => "RFC 3339",
        }
    }
}

/// The lines of a file that are not blank, with their numbers.
pub(crate) struct Lines<R> {
    input: R,
    bytes: Vec<u8>,
    pub(crate) number: usize,
}

impl<R: BufRead> Lines<R> {
    pub(crate) const fn new(input: R) -> Self {
        Self { input, bytes: Vec::new(), number: 0 }
    }

    /// The next line that is not blank, if it is text. The outer error is that of the file.
    pub(crate) fn next_full(&mut self) -> Result<Option<Result<&str, &'static str>>, String> {
        loop {
            self.bytes.clear();
            if self.input.read_until(b'\n', &mut self.bytes).map_err(|error| error.to_string())? == 0 {
                return Ok(None);
            }
            self.number += 1;
            if self.number == 1 && self.bytes.starts_with(BOM) {
                self.bytes.drain(..BOM.len());
            }
            let end = self.bytes.trim_ascii_end().len();
            if self.bytes[..end].trim_ascii_start().is_empty() {
                continue;
            }
            // Only line ends are cut: an empty last cell is a tab.
            while self.bytes.last().is_some_and(|byte| matches!(byte, b'\n' | b'\r')) {
                self.bytes.pop();
            }
            break;
        }
        Ok(Some(std::str::from_utf8(&self.bytes).map_err(|_| "not UTF-8 text")))
    }
}

/// The mark with which some editors begin a file.
const BOM: &[u8] = b"\xef\xbb\xbf";
/// How many faults are shown.
const SHOWN: usize = 5;

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Log, String> {
        Log::read(text.as_bytes())
    }

    fn times(log: &Log) -> Vec<i64> {
        log.records.iter().map(|record| record.time().millis()).collect()
    }

    #[test]
    fn columns_are_found_by_name_in_any_order() {
        let log = read("timestamp\titem\tx\tsession\n2\tb\t\ts\n1.5\ta\t\ts\n").unwrap();
        let events: Vec<Event> = log.events().collect();
        let time = Timestamp::from_millis;
        assert_eq!(events[0], Event::by_visitor(EventKind::ItemViewed, "s", time(1500)).item("a"));
        assert_eq!(events[1], Event::by_visitor(EventKind::ItemViewed, "s", time(2000)).item("b"));
        assert!(log.notes.iter().any(|note| note.contains("sorted")));
        let log = read("\u{feff}user\titem\trating\ttimestamp\r\nu\ta\t4\t2026-03-01\r\n").unwrap();
        let event = log.events().next().unwrap();
        assert_eq!(event.user.as_deref(), Some("u"));
        assert_eq!(event.properties["rating"], 4.0.into());
    }

    #[test]
    fn the_first_time_decides_the_unit() {
        let header = "user\titem\ttimestamp\n";
        assert_eq!(times(&read(&format!("{header}u\ta\t1396437466.940\n")).unwrap()), [1_396_437_466_940]);
        assert_eq!(times(&read(&format!("{header}u\ta\t1396437466940\n")).unwrap()), [1_396_437_466_940]);
        let log = read(&format!("{header}u\ta\tnever\nu\ta\t2026-03-01T12:00:00+01:00\nu\ta\t5\n")).unwrap();
        assert_eq!(times(&log), [1_772_362_800_000]);
        assert_eq!(log.faults.first, ["line 2: `never` is not a time", "line 4: `5` is not a time in RFC 3339"]);
    }

    #[test]
    fn lines_with_mistakes_are_counted_and_named() {
        let text = b"user\titem\trating\ttimestamp\n\nu\ta\tgood\t1\nu\t\t1\t1\nu\nu\ta\t\t1\n\xff\nu\ta\tNaN\t1\nu\ta\t2\t1\n";
        let log = Log::read(&text[..]).unwrap();
        assert_eq!((log.len(), log.faults.count), (1, 6));
        let wanted = [
            "line 3: the rating `good` is not a number",
            "line 4: there is no item",
            "line 5: there is no item",
            "line 6: there is no rating",
            "line 7: not UTF-8 text",
        ];
        assert_eq!(log.faults.first, wanted);
    }

    #[test]
    fn a_file_of_another_kind_is_refused() {
        assert_eq!(read("").unwrap_err(), "the file is empty");
        let error = read("user,item,timestamp\n").unwrap_err();
        assert_eq!(
            error,
            "the header has no column `session` or `user`; its columns, split at tabs, are `user,item,timestamp`"
        );
        assert!(read("user\titem\n").unwrap_err().starts_with("the header has no column `timestamp`"));
        assert!(read("[{}]").unwrap_err().starts_with("a JSON list"));
    }

    #[test]
    fn json_lines_are_read_in_both_forms() {
        let log = read(concat!(
            r#"{"kind": "item_viewed", "time": 2000, "user": "u", "items": [{"id": "a"}]}"#,
            "\nnothing\n",
            r#"{"type": "page", "timestamp": "1970-01-01T00:00:01Z", "userId": "u"}"#,
        ))
        .unwrap();
        assert_eq!(times(&log), [1000, 2000]);
        assert_eq!(log.faults.count, 1);
        assert!(log.faults.first[0].starts_with("line 2: column 2"), "{:?}", log.faults.first);
    }
}
