//! The e-mails of Hillstrom's MineThatData challenge: who got which of three, and what they did then.

use std::collections::BTreeSet;

use crate::table::Table;

/// The table, column by column.
pub(crate) struct Emails {
    /// What was known of each customer, as numbers; words as zeros and ones.
    pub(crate) features: Vec<Vec<f64>>,
    /// What the features are called.
    #[allow(clippy::allow_attributes, dead_code, reason = "each example uses a part")]
    pub(crate) called: Vec<String>,
    /// Which e-mail each got, by its place in `names`.
    pub(crate) arms: Vec<usize>,
    /// The e-mails, by name.
    pub(crate) names: Vec<String>,
    /// Whether each came to the shop, as 1 and 0.
    pub(crate) visit: Vec<f64>,
    /// Whether each bought.
    pub(crate) conversion: Vec<f64>,
    /// What each spent, in dollars.
    pub(crate) spend: Vec<f64>,
}

impl Emails {
    /// Reads the CSV as it was published.
    pub(crate) fn read(text: &str) -> Result<Self, String> {
        let table = Table::read(text)?;
        let (visit, conversion, spend) =
            (table.numbers("visit")?, table.numbers("conversion")?, table.numbers("spend")?);
        let (mut features, mut called) = (vec![Vec::new(); visit.len()], Vec::new());
        for name in ["recency", "history", "mens", "womens", "newbie"] {
            called.push(name.to_owned());
            features.iter_mut().zip(table.numbers(name)?).for_each(|(row, number)| row.push(number));
        }
        for name in ["zip_code", "channel"] {
            let cells: Vec<&str> = table.text(name)?.collect();
            for word in distinct(&cells) {
                features.iter_mut().zip(&cells).for_each(|(row, cell)| row.push(f64::from(u8::from(*cell == word))));
                called.push(format!("{name} {word}"));
            }
        }
        let sent: Vec<&str> = table.text("segment")?.collect();
        let names = distinct(&sent);
        let arms = sent.iter().map(|of| names.iter().position(|name| name == of).unwrap_or(0)).collect();
        Ok(Self { features, called, arms, names, visit, conversion, spend })
    }

    /// What each earned by one measure.
    pub(crate) fn rewards(&self, name: &str) -> Result<&[f64], String> {
        match name {
            "visit" => Ok(&self.visit),
            "conversion" => Ok(&self.conversion),
            "spend" => Ok(&self.spend),
            other => Err(format!("unknown reward `{other}`; there are visit, conversion and spend")),
        }
    }
}

/// Each word once, in their own order rather than that of the file.
fn distinct(cells: &[&str]) -> Vec<String> {
    let words: BTreeSet<&str> = cells.iter().copied().collect();
    words.into_iter().map(str::to_owned).collect()
}
