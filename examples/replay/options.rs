//! What the command line says.

use std::path::PathBuf;

use bespoke::time::Timestamp;

pub(crate) const USAGE: &str = "\
Replays a log of events through a personalizer: before each event it predicts the person's next item, then it takes
the event in. Prints how often the prediction was right, and how fast it all was.

    cargo run --release --example replay -- --events FILE [options]

  --events FILE      the log. Either a TSV with a header that names (in any order) `session` or `user`, `item`,
                     `timestamp` (seconds, milliseconds or RFC 3339), perhaps `rating`; or JSON Lines, each line an
                     event in the crate's form or a message of the Segment specification. It is read as a whole and
                     sorted by time. Without it, a small bundled log is replayed
  --warm FILE        a log of the same kinds that is taken in first, without predictions
  --catalog FILE     the items: a TSV with a header whose first column is the id (`title` or `name` is the name;
                     `categories` or `genres` are split at `|`; other columns become attributes), or JSON items as a
                     list or one a line. Without it, an item joins the catalog when it first appears in the log
  --config FILE      definitions in JSON. Without it, one placement is filled with related, recent and popular items
  --placement NAME   which placement of the definitions to ask for [default: the first]
  --k N              how many items a prediction may name, 1 to 200 [default: 20]
  --repeat MODE      whether items that a person has seen may be predicted: `allow`, `forbid`, or `auto` [default],
                     which forbids them as long as fewer than 1 in 100 events went back to an item the person had
                     seen. With --config, its campaigns decide instead
  --from TIME        predict only from this time on; earlier events are taken in
  --limit N          replay only the first N events by time
  --seed N           the seed of all chance [default: that of the definitions]
  --snapshot         measure a snapshot and a restore too
  --help             print this
";

/// What to replay, and how.
#[derive(Debug, PartialEq)]
pub(crate) struct Options {
    pub(crate) events: Option<PathBuf>,
    pub(crate) warm: Option<PathBuf>,
    pub(crate) catalog: Option<PathBuf>,
    pub(crate) config: Option<PathBuf>,
    pub(crate) placement: Option<String>,
    pub(crate) k: usize,
    pub(crate) repeat: Repeat,
    pub(crate) from: Timestamp,
    pub(crate) limit: usize,
    pub(crate) seed: Option<u64>,
    pub(crate) snapshot: bool,
    pub(crate) help: bool,
}

/// Whether items that a person has seen may be predicted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Repeat {
    Allow,
    Forbid,
    Auto,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            events: None,
            warm: None,
            catalog: None,
            config: None,
            placement: None,
            k: 20,
            repeat: Repeat::Auto,
            from: Timestamp::MIN,
            limit: usize::MAX,
            seed: None,
            snapshot: false,
            help: false,
        }
    }
}

impl Options {
    /// Reads the arguments, without the program's name. The error is a line for the person who typed them.
    pub(crate) fn read(arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut options = Self::default();
        let mut arguments = arguments.peekable();
        while let Some(argument) = arguments.next() {
            let (name, mut given) = match argument.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None => (argument.as_str(), None),
            };
            match name {
                "--snapshot" => options.snapshot = true,
                "--help" | "-h" => options.help = true,
                _ if !VALUED.contains(&name) => {
                    return Err(format!("unknown argument `{argument}`; --help lists what there is"));
                }
                _ => {
                    given = given.or_else(|| arguments.next_if(|next| !next.starts_with("--")));
                    let value = given.take().ok_or_else(|| format!("`{name}` needs a value"))?;
                    options.set(name, value)?;
                }
            }
            if given.is_some() {
                return Err(format!("`{name}` takes no value"));
            }
        }
        Ok(options)
    }

    fn set(&mut self, name: &str, value: String) -> Result<(), String> {
        let bad = |wanted: &str| format!("`{name}` is `{value}`, but must be {wanted}");
        match name {
            "--events" => self.events = Some(value.into()),
            "--warm" => self.warm = Some(value.into()),
            "--catalog" => self.catalog = Some(value.into()),
            "--config" => self.config = Some(value.into()),
            "--placement" => self.placement = Some(value),
            "--k" => {
                let k = value.parse().ok().filter(|k| (1..=200).contains(k));
                self.k = k.ok_or_else(|| bad("a whole number from 1 to 200"))?;
            }
            "--repeat" => {
                self.repeat = match value.as_str() {
                    "allow" => Repeat::Allow,
                    "forbid" => Repeat::Forbid,
                    "auto" => Repeat::Auto,
                    _ => return Err(bad("`allow`, `forbid` or `auto`")),
                }
            }
            "--from" => {
                self.from = value.parse().map_err(|_| bad("a time such as 2026-03-01 or 2026-03-01T12:00:00Z"))?
            }
            "--limit" => self.limit = value.parse().map_err(|_| bad("a whole number"))?,
            // The range of seeds in definitions.
            "--seed" => {
                let seed = value.parse().ok().filter(|seed| i64::try_from(*seed).is_ok());
                self.seed = Some(seed.ok_or_else(|| bad("a whole number from 0 to 2^63 - 1"))?);
            }
            _ => return Err(format!("unknown argument `{name}`")),
        }
        Ok(())
    }
}

/// The arguments that take a value.
const VALUED: &[&str] =
    &["--events", "--warm", "--catalog", "--config", "--placement", "--k", "--repeat", "--from", "--limit", "--seed"];

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Options, String> {
        Options::read(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn arguments_are_read_with_a_space_or_an_equals_sign() {
        let options = read("--events a.tsv --k=5 --repeat forbid --snapshot").unwrap();
        assert_eq!(options.events, Some("a.tsv".into()));
        assert_eq!((options.k, options.repeat, options.snapshot), (5, Repeat::Forbid, true));
        assert_eq!(read("").unwrap(), Options::default());
    }

    #[test]
    fn mistakes_are_named() {
        assert_eq!(read("--k 0").unwrap_err(), "`--k` is `0`, but must be a whole number from 1 to 200");
        assert_eq!(read("--events").unwrap_err(), "`--events` needs a value");
        assert_eq!(read("--events --k 3").unwrap_err(), "`--events` needs a value");
        assert_eq!(read("--snapshot=yes").unwrap_err(), "`--snapshot` takes no value");
        assert_eq!(read("--evnets a").unwrap_err(), "unknown argument `--evnets`; --help lists what there is");
    }
}
