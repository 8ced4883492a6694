//! How far it is: a bar on a terminal, else nothing.

use std::io::IsTerminal;

use indicatif::{ProgressBar, ProgressStyle};

/// Shows on stderr how far a pass has come.
pub(crate) struct Progress {
    bar: Option<ProgressBar>,
    done: u64,
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
        Self { bar, done: 0 }
    }

    /// One more is done.
    pub(crate) fn step(&mut self) {
        self.done += 1;
        if let (Some(bar), 0) = (&self.bar, self.done % STRIDE) {
            bar.set_position(self.done);
        }
    }

    pub(crate) fn finish(self) {
        if let Some(bar) = self.bar {
            bar.finish_and_clear();
        }
    }
}

/// How many steps pass between two looks at the bar.
const STRIDE: u64 = 256;
