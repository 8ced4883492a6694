//! Simulates experiments that are looked at all the time, and checks what the library says of them against what it must
//! reach: how often it finds what is not there, how often what is, and how many units that takes.
//!
//! ```text
//! cargo run --release --example calibrate                  # 20,000 paths of each kind, under a minute on one core
//! cargo run --release --example calibrate -- --paths 5000  # fewer; the errors of the simulation grow
//! ```
//!
//! Prints a table on standard output: each figure with its Monte Carlo error, its bar, and whether it is met within
//! three such errors. The exit code is 1 where one is not. The same paths give the same table on every machine.

mod draw;
mod rates;
mod revenue;
mod traffic;

use std::process::ExitCode;

use bespoke::stats::Undefined;
use indicatif::{ProgressBar, ProgressStyle};

/// What a figure must be.
#[derive(Clone, Copy)]
pub(crate) enum Bar {
    AtMost(f64),
    AtLeast(f64),
    Between(f64, f64),
    /// Shown for comparison.
    None,
}

/// A figure of the simulation with its standard error.
pub(crate) struct Figure {
    what: String,
    value: f64,
    error: f64,
    bar: Bar,
}

impl Figure {
    /// A share of the paths.
    pub(crate) fn share(what: impl Into<String>, hits: u64, paths: u64, bar: Bar) -> Self {
        // Paths are far fewer than 2^53.
        let (hits, n) = (hits as f64, paths as f64);
        let value = hits / n;
        // With no hit at all the error is not zero: as if there had been one.
        let spread = value.max(1.0 / n).min(1.0 - 1.0 / n);
        Self { what: what.into(), value, error: (spread * (1.0 - spread) / n).sqrt(), bar }
    }

    /// A mean over the paths.
    pub(crate) fn mean(what: impl Into<String>, of: &bespoke::stats::Moments, bar: Bar) -> Self {
        let error = (of.variance() / of.count().max(1) as f64).sqrt();
        Self { what: what.into(), value: of.mean(), error, bar }
    }

    fn passes(&self) -> Option<bool> {
        let slack = 3.0 * self.error;
        match self.bar {
            Bar::AtMost(most) => Some(self.value <= most + slack),
            Bar::AtLeast(least) => Some(self.value >= least - slack),
            Bar::Between(least, most) => Some(self.value >= least - slack && self.value <= most + slack),
            Bar::None => None,
        }
    }

    fn line(&self) -> String {
        let bar = match self.bar {
            Bar::AtMost(most) => format!("at most {most}"),
            Bar::AtLeast(least) => format!("at least {least}"),
            Bar::Between(least, most) => format!("{least} to {most}"),
            Bar::None => String::new(),
        };
        let verdict = self.passes().map_or("", |passes| if passes { "pass" } else { "FAIL" });
        format!("{:<66} {:>8.4} ± {:<7.5} {bar:<15} {verdict}", self.what, self.value, self.error)
    }
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let paths = match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [] => Some(20_000),
        ["--paths", paths] => paths.parse().ok().filter(|paths| (100..=10_000_000).contains(paths)),
        _ => None,
    };
    let Some(paths) = paths else {
        eprintln!("usage: calibrate [--paths N], with N from 100");
        return ExitCode::from(2);
    };
    match run(paths) {
        Ok(figures) => {
            println!("{:<66} {:>8}   {:<7} {:<15}", format!("{paths} paths each"), "found", "error", "bar");
            figures.iter().for_each(|figure| println!("{}", figure.line()));
            let failed = figures.iter().filter(|figure| figure.passes() == Some(false)).count();
            println!("{}", if failed == 0 { "all bars met".to_owned() } else { format!("{failed} bars not met") });
            ExitCode::from(u8::from(failed > 0))
        }
        Err(reason) => {
            eprintln!("calibrate: {reason}");
            ExitCode::from(2)
        }
    }
}

fn run(paths: u64) -> Result<Vec<Figure>, Undefined> {
    let bar = ProgressBar::new(paths * (4 + 1 + 2));
    if let Ok(style) = ProgressStyle::with_template("{msg} {wide_bar} {percent} %, {eta} left") {
        bar.set_style(style);
    }
    let mut figures = rates::figures(paths, &bar)?;
    figures.extend(revenue::figures(paths, &bar)?);
    figures.extend(traffic::figures(paths, &bar)?);
    bar.finish_and_clear();
    Ok(figures)
}
