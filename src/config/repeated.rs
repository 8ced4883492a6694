//! Finds keys that stand twice in one JSON object, of which a reader would silently drop one.

use std::collections::BTreeSet;

use super::locate::Cursor;
use super::{Fault, Place, Problem, Problems, join};
use crate::time::shorten;

/// Notes every key of a JSON text that is known to be valid which its object has had before. Cost: one walk over the
/// text, and a look-up for each key.
pub(super) fn note(text: &str, problems: &mut Problems) {
    let mut walk = Walk { cursor: Cursor::new(text), steps: Vec::new(), found: Vec::new() };
    // Valid JSON is whole; should the walk fail all the same, what was found until then stands.
    let _ = walk.value();
    let (mut at, mut line, mut column) = (0, 1, 1);
    for (path, key, byte) in walk.found {
        for c in text[at..byte].chars() {
            (line, column) = if c == '\n' { (line + 1, 1) } else { (line, column + 1) };
        }
        at = byte;
        problems.note(Problem { place: Place { path, line, column }, fault: Fault::RepeatedKey { key } }, None);
    }
}

struct Walk<'a> {
    cursor: Cursor<'a>,
    /// The way from the top.
    steps: Vec<Step>,
    /// The paths and the keys that stood there before, in the order of the text, and where in bytes.
    found: Vec<(String, String, usize)>,
}

enum Step {
    Key(String),
    Index(usize),
}

impl Walk<'_> {
    /// Walks through a value and the space behind it. JSON that has been read nests at most 127 levels.
    fn value(&mut self) -> Option<()> {
        match self.cursor.peek()? {
            b'[' => {
                self.cursor.open();
                let mut index = 0;
                while self.cursor.peek()? != b']' {
                    self.steps.push(Step::Index(index));
                    self.value()?;
                    self.steps.pop();
                    index += 1;
                }
            }
            b'{' => {
                self.cursor.open();
                let mut known = BTreeSet::new();
                while self.cursor.peek()? == b'"' {
                    let (key, at) = self.cursor.key()?;
                    if known.contains(&key) {
                        let path = join(&self.path(), shorten(&key));
                        self.found.push((path, shorten(&key), at));
                    } else {
                        known.insert(key.clone());
                    }
                    self.steps.push(Step::Key(key));
                    self.value()?;
                    self.steps.pop();
                }
            }
            _ => return self.cursor.skip(),
        }
        self.cursor.open();
        Some(())
    }

    fn path(&self) -> String {
        self.steps.iter().fold(String::new(), |path, step| match step {
            Step::Key(key) => join(&path, shorten(key)),
            Step::Index(index) => format!("{path}[{index}]"),
        })
    }
}
