//! Numbers and tables as people read them.

use std::fmt;

/// Rows of cells in columns; the first column, and those that are asked for, stand to the left, all others to the
/// right.
pub(super) struct Table {
    left: &'static [usize],
    rows: Vec<Vec<String>>,
    hidden: usize,
}

impl Table {
    /// A table with a head.
    pub(super) fn new(head: &[&str], left: &'static [usize]) -> Self {
        Self { left, rows: vec![head.iter().map(|cell| (*cell).to_owned()).collect()], hidden: 0 }
    }

    /// Adds a row; those beyond [`MOST_ROWS`] are only counted.
    pub(super) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        if self.rows.len() > MOST_ROWS {
            self.hidden += 1;
        } else {
            self.rows.push(cells.into_iter().collect());
        }
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        for row in &self.rows {
            let mut line = String::new();
            for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
                if column > 0 {
                    line.push_str("  ");
                }
                let pad = " ".repeat(width - cell.chars().count());
                let is_left = column == 0 || self.left.contains(&column);
                line.push_str(if is_left { cell } else { &pad });
                line.push_str(if is_left { &pad } else { cell });
            }
            writeln!(f, "{}", line.trim_end())?;
        }
        if self.hidden > 0 {
            writeln!(f, "… and {} more", count(self.hidden as u64))?;
        }
        Ok(())
    }
}

/// A count with its thousands parted: `12,345`.
pub(super) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A share as a percentage: `4.2 %`.
pub(super) fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}

/// Text cut to a width that a table can bear.
pub(super) fn shorten(text: &str) -> String {
    match text.char_indices().nth(MOST_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// How many rows a table shows.
const MOST_ROWS: usize = 40;
/// How many letters of a rule a table shows.
const MOST_CHARS: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_and_counts_are_parted() {
        let mut table = Table::new(&["name", "people", "note"], &[2]);
        table.row(["é".to_owned(), count(1_234_567), "x".to_owned()]);
        table.row(["longer".to_owned(), count(12), String::new()]);
        assert_eq!(table.to_string(), "name       people  note\né       1,234,567  x\nlonger         12\n");
        assert_eq!((count(0), count(999), count(1_000)), ("0".into(), "999".into(), "1,000".into()));
    }

    #[test]
    fn a_long_table_says_how_much_it_leaves_out() {
        let mut table = Table::new(&["n"], &[]);
        (0..100).for_each(|i| table.row([i.to_string()]));
        assert!(table.to_string().ends_with("39\n… and 60 more\n"));
    }
}
