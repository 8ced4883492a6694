//! A report of sizes as tables.

use std::fmt;

use super::pairs::Relation;
use super::sizes::{Extent, SizeReport};
use super::table::{Table, count, percent, shorten};

impl fmt::Display for SizeReport {
    /// Three tables: the segments, their conditions, their overlaps.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} people at {}", count(self.people), self.now)?;
        let effect = &self.effect;
        let (from, to) = (percent(effect.base), percent(effect.base * (1.0 + effect.lift)));
        let surely = format!("{} confidence and {} power", percent(1.0 - effect.alpha.value()), percent(effect.power));
        match self.needed {
            Some(needed) => writeln!(
                f,
                "A segment needs {} people to tell, between its halves, {from} from {to} with {surely}.\n",
                count(needed)
            )?,
            None => writeln!(f, "No segment is large enough to tell {from} from {to} with {surely}.\n")?,
        }
        let mut table = Table::new(&["segment", "people", "share", "unknown", "tells a rise of", ""], &[5]);
        for segment in &self.segments {
            table.row([
                shorten(&segment.name),
                count(segment.people),
                percent(segment.share),
                count(segment.unknown),
                segment.detectable.map_or_else(|| "–".to_owned(), percent),
                segment.extent.words().to_owned(),
            ]);
        }
        table.fmt(f)?;
        let mut table = Table::new(&["what keeps people out", "left", "it alone", "without it"], &[]);
        let mut is_any = false;
        for segment in self.segments.iter().filter(|segment| !segment.parts.is_empty()) {
            is_any = true;
            table.row([shorten(&segment.name)]);
            for part in &segment.parts {
                let numbers = [part.left, part.excludes_alone, part.without].map(count);
                table.row(std::iter::once(format!("  {}", shorten(&part.rule))).chain(numbers));
            }
        }
        if is_any {
            write!(f, "\n{table}")?;
        }
        if self.overlaps.is_empty() {
            return Ok(());
        }
        let head = ["segments that share people", "both", "Jaccard", "1st in 2nd", "2nd in 1st", ""];
        let mut table = Table::new(&head, &[5]);
        for overlap in &self.overlaps {
            table.row([
                format!("{} / {}", shorten(&overlap.a), shorten(&overlap.b)),
                count(overlap.both),
                format!("{:.3}", overlap.jaccard),
                percent(overlap.a_in_b),
                percent(overlap.b_in_a),
                overlap.relation.words().to_owned(),
            ]);
        }
        write!(f, "\n{table}")?;
        if self.missed > 0 {
            writeln!(f, "More pairs occurred than fit: a count can be wrong by {}.", count(self.missed))?;
        }
        Ok(())
    }
}

impl Extent {
    const fn words(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::TooSmall => "too small",
            Self::Enough => "",
            Self::Everyone => "everyone",
        }
    }
}

impl Relation {
    const fn words(self) -> &'static str {
        match self {
            Self::Identical => "the same people",
            Self::Inside => "1st lies in 2nd",
            Self::Around => "2nd lies in 1st",
            Self::Partial => "",
        }
    }
}
