//! Arguments of the form `--name value`.

use std::str::FromStr;

/// The options of a command, each with its value.
pub(crate) struct Options<'a>(Vec<(&'a str, &'a str)>);

impl<'a> Options<'a> {
    /// Reads `--name value` pairs, of which a command takes those that are named, each once.
    pub(crate) fn read(arguments: &'a [String], names: &[&str]) -> Result<Self, String> {
        let mut options: Vec<(&str, &str)> = Vec::new();
        let mut rest = arguments.iter();
        while let Some(name) = rest.next() {
            let name = name.as_str();
            if !names.contains(&name) {
                return Err(format!("unknown option `{name}`; there are {}", names.join(", ")));
            }
            let value = rest.next().filter(|value| !value.starts_with("--"));
            let value = value.ok_or_else(|| format!("`{name}` needs a value"))?;
            if options.iter().any(|(other, _)| *other == name) {
                return Err(format!("`{name}` is given twice"));
            }
            options.push((name, value));
        }
        Ok(Self(options))
    }

    /// The value of an option that may be missing.
    pub(crate) fn text(&self, name: &str) -> Option<&'a str> {
        self.0.iter().find(|(other, _)| *other == name).map(|(_, value)| *value)
    }

    /// The value of an option that must be there.
    pub(crate) fn needed(&self, name: &str) -> Result<&'a str, String> {
        self.text(name).ok_or_else(|| format!("`{name}` is missing"))
    }

    /// The value of an option as something else than text, or what holds where it is missing.
    pub(crate) fn parsed<T: FromStr>(&self, name: &str, otherwise: T, wanted: &str) -> Result<T, String> {
        let Some(value) = self.text(name) else { return Ok(otherwise) };
        value.parse().map_err(|_| format!("`{name}` is `{value}`, but must be {wanted}"))
    }
}
