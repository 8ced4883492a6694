//! What the caller asks for.

use crate::models::MODELS;

/// How large the log is, and which models are measured.
pub(crate) struct Options {
    pub(crate) interactions: usize,
    pub(crate) people: usize,
    pub(crate) items: usize,
    pub(crate) threads: usize,
    /// Of the smoothed part of `collaborative`, and of `factor`; each has its own unless told.
    pub(crate) rank: Option<u32>,
    /// How many people are asked about.
    pub(crate) asked: usize,
    models: Vec<String>,
}

impl Options {
    pub(crate) const USAGE: &'static str = "[--interactions 200000] [--people 10000] [--items 5000] [--threads 2] \
        [--rank N] [--asked 2000] [--models NAME,NAME…]";

    pub(crate) fn read(arguments: &[String]) -> Result<Self, String> {
        let mut options = Self {
            interactions: 200_000,
            people: 10_000,
            items: 5_000,
            threads: 2,
            rank: None,
            asked: 2_000,
            models: Vec::new(),
        };
        let mut rest = arguments.iter();
        while let Some(name) = rest.next() {
            let value = rest.next().ok_or_else(|| format!("`{name}` needs a value"))?;
            let number = || value.parse::<usize>().ok().filter(|number| *number > 0 && *number <= MOST);
            let whole = || number().ok_or_else(|| format!("`{name}` is a number from 1 to {MOST}, not `{value}`"));
            match name.as_str() {
                "--interactions" => options.interactions = whole()?,
                "--people" => options.people = whole()?,
                "--items" => options.items = whole()?,
                "--threads" => options.threads = whole()?,
                "--asked" => options.asked = whole()?,
                "--rank" => options.rank = u32::try_from(whole()?).ok(),
                "--models" => {
                    for model in value.split(',') {
                        if !MODELS.iter().any(|known| known.name == model) {
                            let known: Vec<&str> = MODELS.iter().map(|known| known.name).collect();
                            return Err(format!("unknown model `{model}`; there are {}", known.join(", ")));
                        }
                        options.models.push(model.to_owned());
                    }
                }
                other => return Err(format!("unknown option `{other}`; usage: scale {}", Self::USAGE)),
            }
        }
        Ok(options)
    }

    pub(crate) fn asks(&self, model: &str) -> bool {
        self.models.is_empty() || self.models.iter().any(|of| of == model)
    }
}

/// More than this is taken for a slip.
const MOST: usize = 1_000_000_000;
