//! Options as `--name value` pairs.

use std::str::FromStr;

/// The options that a command was given.
pub(crate) struct Options<'a>(Vec<(&'a str, &'a str)>);

impl<'a> Options<'a> {
    /// Reads pairs of which every name is known, each at most once.
    pub(crate) fn read(arguments: &'a [String], known: &[&str]) -> Result<Self, String> {
        let mut found: Vec<(&str, &str)> = Vec::new();
        for pair in arguments.chunks(2) {
            let name = pair[0].as_str();
            if !known.contains(&name) {
                return Err(format!("found `{name}`, where one of {} may stand", known.join(", ")));
            }
            let Some(value) = pair.get(1) else { return Err(format!("`{name}` needs a value")) };
            if found.iter().any(|(of, _)| *of == name) {
                return Err(format!("`{name}` stands twice"));
            }
            found.push((name, value));
        }
        Ok(Self(found))
    }

    pub(crate) fn get(&self, name: &str) -> Option<&'a str> {
        self.0.iter().find(|(of, _)| *of == name).map(|(_, value)| *value)
    }

    pub(crate) fn need(&self, name: &str) -> Result<&'a str, String> {
        self.get(name).ok_or_else(|| format!("`{name}` is missing"))
    }

    /// A value that is read from text, or what holds where there is none.
    pub(crate) fn parse<T: FromStr>(&self, name: &str, otherwise: T) -> Result<T, String> {
        let Some(text) = self.get(name) else { return Ok(otherwise) };
        text.parse().map_err(|_| format!("`{name}` is `{text}`, which does not read"))
    }
}
