//! Answers the cases of a file of statistics: each kind of case is mapped to the public call that answers it.

use bespoke::stats::Undefined;
use serde_json::{Map, Value, json};

use crate::options::Options;
use crate::progress::Progress;
use crate::{Answer, Command, read};

mod arms;
mod customers;
pub(crate) mod files;
pub(crate) mod input;
mod looks;
mod special;
mod tests;

use input::Input;

pub(crate) const COMMAND: Command = Command {
    name: "stats",
    arguments: "--cases FILE [--root DIR] --out FILE",
    about: "answers cases of statistics as {id: {name: value}}; files that they name are relative to DIR",
    run,
    try_out,
};

/// Why a case has no answer.
pub(crate) enum Failed {
    /// Nothing can be inferred from it.
    Undefined(Undefined),
    /// It does not read.
    Unread(String),
}

impl From<Undefined> for Failed {
    fn from(reason: Undefined) -> Self {
        Self::Undefined(reason)
    }
}

impl From<String> for Failed {
    fn from(why: String) -> Self {
        Self::Unread(why)
    }
}

/// What a kind of case answers with.
pub(crate) type Found = Result<Value, Failed>;

fn run(arguments: &[String]) -> Answer {
    let options = Options::read(arguments, &["--cases", "--root", "--out"])?;
    let cases = options.needed("--cases")?;
    let parsed: Value = serde_json::from_str(&read(cases)?).map_err(|error| format!("{cases}: {error}"))?;
    let (answers, line) = answer(&parsed, options.text("--root").unwrap_or("."))?;
    let out = options.needed("--out")?;
    let text = serde_json::to_string(&answers).map_err(|error| error.to_string())?;
    std::fs::write(out, text).map_err(|error| format!("{out}: {error}"))?;
    Ok(line)
}

fn try_out() -> Answer {
    let cases = json!({"cases": [
        {"id": "a", "kind": "two_proportion_z",
         "inputs": {"x_a": 300, "n_a": 1000, "x_b": 250, "n_b": 500, "alpha": 0.05}},
        {"id": "b", "kind": "special", "inputs": {"fn": "norm_ppf", "args": [0.975]}},
    ]});
    let (answers, line) = answer(&cases, ".")?;
    let z = answers.get("a").and_then(|answer| answer["z_pooled"].as_f64()).unwrap_or(0.0);
    assert!((z - 7.577_352_304_240_825).abs() < 1e-12, "statsmodels says otherwise: {z}");
    Ok(line)
}

fn answer(file: &Value, root: &str) -> Result<(Map<String, Value>, String), String> {
    let cases = file["cases"].as_array().ok_or("the file has no list `cases`")?;
    let mut files = files::Files::new(root);
    let mut progress = Progress::new("answering", cases.len());
    let (mut answers, mut undefined, mut unread) = (Map::new(), 0, Vec::new());
    for case in cases {
        let (id, kind) = (case["id"].as_str().unwrap_or(""), case["kind"].as_str().unwrap_or(""));
        let found = match of_kind(kind, Input(&case["inputs"]), &mut files) {
            Ok(found) => found,
            Err(Failed::Undefined(reason)) => {
                undefined += 1;
                json!({"defined": false, "reason": reason.name()})
            }
            Err(Failed::Unread(why)) => {
                unread.push(format!("{id}: {why}"));
                json!({"error": why})
            }
        };
        answers.insert(id.to_owned(), found);
        progress.step();
    }
    progress.finish();
    let line = json!({"command": "stats", "cases": cases.len(), "undefined": undefined, "unread": unread});
    Ok((answers, line.to_string()))
}

/// Answers a case of any kind.
fn of_kind(kind: &str, input: Input<'_>, files: &mut files::Files) -> Found {
    if kind == "degenerate" {
        // Whatever the operation answers is what must not be.
        return of_kind(&input.text("operation")?, input.at("input"), files)
            .map(|found| json!({"defined": true, "found": found}));
    }
    let families = [tests::answer, arms::answer, looks::answer, customers::answer, special::answer];
    for family in families {
        if let Some(found) = family(kind, input) {
            return found;
        }
    }
    files::answer(kind, input, files).unwrap_or_else(|| Err(format!("unknown kind `{kind}`").into()))
}
