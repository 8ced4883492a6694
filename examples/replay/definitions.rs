//! What is asked of the personalizer: the definitions, and the placement to fill.

use std::path::Path;

use bespoke::engine::{Definitions, Engine};

use crate::input::Log;
use crate::options::{Options, Repeat};

/// Definitions that hold, and which of their placements to ask for.
pub(crate) struct Setup {
    pub(crate) definitions: Definitions,
    pub(crate) asked: Asked,
}

/// Which placement to ask for.
pub(crate) enum Asked {
    /// Always this one.
    Always(String),
    /// One that shows anything, or one that shows only what the person has not seen, whichever suits the log so far.
    Auto,
}

impl Setup {
    /// Reads the definitions that the options name.
    ///
    /// The error is for the person who wrote them: it lists all mistakes, each with its place.
    pub(crate) fn read(options: &Options, log: &Log) -> Result<Self, String> {
        let (definitions, asked) = match &options.config {
            Some(path) => Self::from_file(path, options)?,
            None => Self::built_in(options, log.has_ratings)?,
        };
        let mut setup = Self { definitions, asked };
        if let Some(seed) = options.seed {
            setup.definitions.settings.seed = seed;
        }
        Ok(setup)
    }

    /// A fresh engine of the definitions.
    pub(crate) fn engine(&self) -> Result<Engine, String> {
        Engine::new(self.definitions.clone()).map_err(|problems| problems.to_string())
    }

    fn from_file(path: &Path, options: &Options) -> Result<(Definitions, Asked), String> {
        let named = |problem: &dyn std::fmt::Display| format!("{}: {problem}", path.display());
        let text = std::fs::read_to_string(path).map_err(|error| named(&error))?;
        // The engine finds what the definitions alone do not show, such as a rule that does not compile.
        Engine::from_json(&text).map_err(|problems| named(&format_args!("\n{problems}")))?;
        let definitions = Definitions::from_json(&text).map_err(|problems| named(&problems))?;
        let mut names = definitions.placements.iter().map(|placement| &placement.name);
        let asked = match &options.placement {
            Some(wanted) => names.find(|name| *name == wanted),
            None => names.next(),
        };
        let Some(asked) = asked.cloned() else {
            return Err(named(&match &options.placement {
                Some(wanted) => format!("there is no placement `{wanted}`"),
                None => "there is no placement to ask for".to_owned(),
            }));
        };
        Ok((definitions, Asked::Always(asked)))
    }

    fn built_in(options: &Options, has_ratings: bool) -> Result<(Definitions, Asked), String> {
        let text = BUILT_IN.replace("{k}", &options.k.to_string());
        let mut definitions = Definitions::from_json(&text).map_err(|problems| problems.to_string())?;
        if has_ratings {
            definitions.settings.related_fade = FADE_OF_TASTE;
        }
        let asked = match (&options.placement, options.repeat) {
            (Some(_), _) => return Err("`--placement` needs `--config`".to_owned()),
            (None, Repeat::Allow) => Asked::Always(ANYTHING.to_owned()),
            (None, Repeat::Forbid) => Asked::Always(UNSEEN.to_owned()),
            (None, Repeat::Auto) => Asked::Auto,
        };
        Ok((definitions, asked))
    }
}

/// The built-in placement that shows anything.
pub(crate) const ANYTHING: &str = "anything";
/// The built-in placement that shows only what the person has not seen.
pub(crate) const UNSEEN: &str = "unseen";

/// Ratings speak of taste, which lasts longer than what somebody looks for just now. Measured on MovieLens 100k.
const FADE_OF_TASTE: f32 = 0.85;

/// The longest history there is, since what has left it is no longer known to have been seen.
const BUILT_IN: &str = r#"{
    "placements": ["anything", "unseen"],
    "campaigns": [
        {"name": "anything", "placement": "anything",
         "recommend": {"sources": ["related", "recent", "popular"], "limit": {k}}},
        {"name": "unseen", "placement": "unseen",
         "recommend": {"sources": ["related", "popular"], "limit": {k}, "filters": {"exclude": ["viewed"]}}}
    ],
    "settings": {"history": 128}
}"#;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_definitions_hold() {
        for k in [1, 20, 200] {
            assert!(Setup::read(&Options { k, ..Options::default() }, &Log::default()).unwrap().engine().is_ok());
        }
        let error =
            Setup::read(&Options { placement: Some("home".into()), ..Options::default() }, &Log::default()).err();
        assert_eq!(error.as_deref(), Some("`--placement` needs `--config`"));
    }
}
