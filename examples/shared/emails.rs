//! The e-mails of Hillstrom's MineThatData challenge: who got which of three, and what they did then.

/// The table, column by column.
pub(crate) struct Emails {
    /// What was known of each customer, as numbers; words as zeros and ones.
    pub(crate) features: Vec<Vec<f64>>,
    /// What the features are called.
    #[cfg_attr(not(test), expect(dead_code, reason = "one of the examples that share this does not print them"))]
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
    /// Reads the CSV as it was published; `path` is for messages.
    pub(crate) fn read(path: &str, text: &str) -> Result<Self, String> {
        let mut lines = text.lines();
        let header: Vec<&str> = lines.next().unwrap_or_default().split(',').collect();
        let rows: Vec<Vec<&str>> = lines.filter(|line| !line.is_empty()).map(cells).collect();
        if let Some(at) = rows.iter().position(|row| row.len() != header.len()) {
            let (found, wanted) = (rows[at].len(), header.len());
            return Err(format!("{path}:{}: {found} cells, where the header has {wanted}", at + 2));
        }
        let column = |name: &str| {
            let place = header.iter().position(|of| *of == name);
            let place = place.ok_or_else(|| format!("{path}: there is no column `{name}`"))?;
            Ok::<_, String>(rows.iter().map(|row| row[place]).collect::<Vec<&str>>())
        };
        let numbers = |name: &str| {
            let number = |(at, cell): (usize, &str)| {
                cell.parse::<f64>().map_err(|_| format!("{path}:{}: `{cell}` is no number", at + 2))
            };
            column(name)?.into_iter().enumerate().map(number).collect::<Result<Vec<f64>, String>>()
        };
        let (mut features, mut called) = (vec![Vec::new(); rows.len()], Vec::new());
        for name in ["recency", "history", "mens", "womens", "newbie"] {
            called.push(name.to_owned());
            features.iter_mut().zip(numbers(name)?).for_each(|(row, number)| row.push(number));
        }
        for name in ["zip_code", "channel"] {
            let cells = column(name)?;
            for word in distinct(&cells) {
                features.iter_mut().zip(&cells).for_each(|(row, cell)| row.push(f64::from(u8::from(*cell == word))));
                called.push(format!("{name} {word}"));
            }
        }
        let sent = column("segment")?;
        let names = distinct(&sent);
        let arms = sent.iter().map(|of| names.iter().position(|name| name == of).unwrap_or(0)).collect();
        let (visit, conversion, spend) = (numbers("visit")?, numbers("conversion")?, numbers("spend")?);
        Ok(Self { features, called, arms, names, visit, conversion, spend })
    }
}

/// Each word once, in their own order rather than that of the file.
fn distinct(cells: &[&str]) -> Vec<String> {
    let words: std::collections::BTreeSet<&str> = cells.iter().copied().collect();
    words.into_iter().map(str::to_owned).collect()
}

/// The cells of a line, of which some may stand in quotes.
pub(crate) fn cells(line: &str) -> Vec<&str> {
    let (mut cells, mut start, mut is_quoted) = (Vec::new(), 0, false);
    for (at, letter) in line.char_indices() {
        match letter {
            '"' => is_quoted = !is_quoted,
            ',' if !is_quoted => {
                cells.push(line[start..at].trim_matches('"'));
                start = at + 1;
            }
            _ => {}
        }
    }
    cells.push(line[start..].trim().trim_matches('"'));
    cells
}
