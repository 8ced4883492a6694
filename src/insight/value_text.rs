//! What goes with value, as tables.

use std::fmt;

use super::drivers::{Driver, Drivers};
use super::suggest::Suggestions;
use super::table::{Table, count, percent, shorten};
use super::worth::Leak;
use crate::stats::Interval;

impl fmt::Display for Drivers {
    /// A table of the conditions that go with value, and one of those that follow from it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of = format!("{} of {} people", count(self.sampled as u64), count(self.people));
        writeln!(f, "{}: {of} at {}, {:.2} on average", self.worth, self.now, self.mean)?;
        let payers = self.payer_mean.map_or_else(String::new, |mean| format!(", with {mean:.2} on average"));
        writeln!(
            f,
            "{} have any{payers}. Means are compared with each capped at {:.2}.",
            percent(self.payers),
            self.cap
        )?;
        let rate = percent(self.false_discovery);
        writeln!(
            f,
            "{} of {} conditions go with it; up to {rate} of these may do so by chance.\n",
            count(self.found.len() as u64),
            count(self.tested as u64)
        )?;
        drivers("goes with it", &self.found, &|driver| format!("{:.1e}", driver.q)).fmt(f)?;
        if !self.leaks.is_empty() {
            let why = |driver: &Driver| match driver.leak {
                Some(Leak::Follows) => "follows from it".to_owned(),
                Some(Leak::Necessary) => "nobody without".to_owned(),
                None => String::new(),
            };
            write!(f, "\n{}", drivers("says nothing", &self.leaks, &why))?;
        }
        Ok(())
    }
}

fn drivers(title: &str, drivers: &[Driver], last: &dyn Fn(&Driver) -> String) -> Table {
    let head = [title, "people", "mean", "others", "payers", "others", "lift", "interval", ""];
    let mut table = Table::new(&head, &[]);
    for driver in drivers {
        let contrast = &driver.contrast;
        table.row([
            shorten(&driver.rule.to_string()),
            count(contrast.people as u64),
            format!("{:.2}", contrast.mean),
            format!("{:.2}", contrast.mean_of_others),
            percent(contrast.payers),
            percent(contrast.payers_of_others),
            lift(contrast.lift),
            interval(contrast.lift_interval),
            last(driver),
        ]);
    }
    table
}

impl fmt::Display for Suggestions {
    /// A table with a line for each segment.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of = format!("{} of {} people", count(self.sampled as u64), count(self.people));
        writeln!(
            f,
            "{}: {of} at {}; {} rules searched by one half,",
            self.worth,
            self.now,
            count(self.searched as u64)
        )?;
        let (tested, rate) = (count(self.tested as u64), percent(self.false_discovery));
        writeln!(f, "{tested} tested by the other, with up to {rate} suggested by chance.\n")?;
        if self.found.is_empty() {
            return writeln!(f, "No segment is worth suggesting.");
        }
        let head = ["segments worth having", "people", "share", "mean", "others", "lift", "interval", "when chosen"];
        let mut table = Table::new(&head, &[]);
        for suggestion in &self.found {
            let measured = &suggestion.measured;
            table.row([
                shorten(&suggestion.rule.to_string()),
                count(suggestion.people),
                percent(suggestion.share),
                format!("{:.2}", measured.mean),
                format!("{:.2}", measured.mean_of_others),
                lift(measured.lift),
                interval(measured.lift_interval),
                lift(suggestion.lift_when_chosen),
            ]);
        }
        table.fmt(f)
    }
}

fn lift(lift: Option<f64>) -> String {
    lift.map_or_else(|| "–".to_owned(), |lift| format!("{:+.0} %", 100.0 * lift))
}

fn interval(interval: Option<Interval>) -> String {
    interval.map_or_else(String::new, |of| format!("{:+.0} … {:+.0} %", 100.0 * of.low, 100.0 * of.high))
}
