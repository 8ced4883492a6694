//! Logs of sessions: tab-separated `session item timestamp`, timestamps in seconds.

use std::collections::HashMap;
use std::hash::BuildHasherDefault;

use bespoke::hash::Symbol;
use bespoke::recommend::{Seen, SeenKind};
use bespoke::time::Timestamp;

/// The sessions of a file, each with its clicks in the order of time.
#[derive(Debug, Default, Clone)]
pub(crate) struct Log<'a> {
    pub(crate) sessions: Vec<Session<'a>>,
}

/// What happened in one session.
#[derive(Debug, Clone)]
pub(crate) struct Session<'a> {
    pub(crate) name: &'a str,
    pub(crate) visitor: Symbol,
    pub(crate) clicks: Vec<Seen>,
}

/// The text of each item.
pub(crate) type Names<'a> = HashMap<Symbol, &'a str, Fixed>;
/// Look-ups only; the order of such a table shows nowhere.
pub(crate) type Fixed = BuildHasherDefault<std::hash::DefaultHasher>;

impl<'a> Log<'a> {
    /// Reads a file, and notes the text of its items.
    pub(crate) fn read(text: &'a str, path: &str, names: &mut Names<'a>) -> Result<Self, String> {
        let mut lines = text.lines().enumerate();
        let header = lines.next().map_or("", |(_, line)| line);
        if header.split('\t').collect::<Vec<_>>() != COLUMNS {
            return Err(format!("{path}:1: the header is not `{}`, tab-separated", COLUMNS.join(" ")));
        }
        let (mut log, mut known) = (Self::default(), HashMap::<&str, usize, Fixed>::default());
        for (index, line) in lines.filter(|(_, line)| !line.is_empty()) {
            let bad = |what: &str| format!("{path}:{}: {what}", index + 1);
            let mut parts = line.split('\t');
            let (Some(session), Some(item), Some(time), None) =
                (parts.next(), parts.next(), parts.next(), parts.next())
            else {
                return Err(bad("there are not three columns"));
            };
            let time = time.parse().ok().and_then(Timestamp::from_seconds);
            let time = time.ok_or_else(|| bad("the timestamp is not a number of seconds"))?;
            let seen = Seen { item: Symbol::new(item), time, weight: 1.0, kind: SeenKind::Viewed };
            names.insert(seen.item, item);
            let place = *known.entry(session).or_insert_with(|| {
                let visitor = Symbol::new(session);
                log.sessions.push(Session { name: session, visitor, clicks: Vec::new() });
                log.sessions.len() - 1
            });
            log.sessions[place].clicks.push(seen);
        }
        // Stable: clicks at one time stay in the order of the file.
        log.sessions.iter_mut().for_each(|session| session.clicks.sort_by_key(|seen| seen.time));
        Ok(log)
    }

    /// How many clicks there are.
    pub(crate) fn clicks(&self) -> usize {
        self.sessions.iter().map(|session| session.clicks.len()).sum()
    }

    /// The session and the place of every click, in the order of time.
    pub(crate) fn by_time(&self) -> Vec<(usize, usize)> {
        let places =
            |(index, session): (usize, &Session<'_>)| (0..session.clicks.len()).map(move |place| (index, place));
        let mut order: Vec<_> = self.sessions.iter().enumerate().flat_map(places).collect();
        order.sort_by_key(|(session, place)| self.sessions[*session].clicks[*place].time);
        order
    }

    /// Cuts the sessions that end last off: a fifth of all.
    pub(crate) fn split(mut self) -> (Self, Self) {
        self.sessions.sort_by_key(|session| session.clicks.last().map(|seen| seen.time));
        let last = self.sessions.split_off(self.sessions.len() - self.sessions.len() / 5);
        (self, Self { sessions: last })
    }
}

const COLUMNS: [&str; 3] = ["session", "item", "timestamp"];
