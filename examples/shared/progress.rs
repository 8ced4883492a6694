//! How far it is: a bar on a terminal, else a line every few seconds.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use crate::measure::clock;

/// Shows on stderr how far a pass has come.
pub(crate) struct Progress {
    what: &'static str,
    total: usize,
    done: usize,
    bar: Option<ProgressBar>,
    said: Instant,
}

impl Progress {
    pub(crate) fn new(what: &'static str, total: usize) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new(total as u64).with_message(what);
            let style = "{msg} {wide_bar} {human_pos}/{human_len}, {per_sec}, {eta} left";
            // A template that does not parse is a bar in another style.
            bar.set_style(ProgressStyle::with_template(style).unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar
        });
        Self { what, total, done: 0, bar, said: clock() }
    }

    /// One more is done.
    pub(crate) fn step(&mut self) {
        self.done += 1;
        if self.done % STRIDE != 0 {
            return;
        }
        match &self.bar {
            Some(bar) => bar.set_position(self.done as u64),
            None if self.said.elapsed() >= PAUSE => {
                let percent = 100 * self.done / self.total.max(1);
                eprintln!("{}: {} of {} ({percent} %)", self.what, self.done, self.total);
                self.said = clock();
            }
            None => {}
        }
    }

    pub(crate) fn finish(self) {
        if let Some(bar) = self.bar {
            bar.finish_and_clear();
        }
    }
}

/// How many steps pass between two looks at the clock.
const STRIDE: usize = 256;
/// How long nothing is said where there is no terminal.
const PAUSE: Duration = Duration::from_secs(5);
