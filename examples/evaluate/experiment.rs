//! Analyses a table of a real experiment.

use std::collections::BTreeSet;

use bespoke::experiment::Analysis;
use serde_json::json;

use crate::options::Options;
use crate::stats::files::Table;
use crate::{Answer, Command, read};

pub(crate) const COMMAND: Command = Command {
    name: "experiment",
    arguments: "--data FILE --unit COL --arm COL --control NAME --metrics a,b,c [--segments x,y] [--cap 0.999]",
    about: "compares the arms of an experiment by metric and segment; tables go to standard error. `--unit -`: a row each",
    run,
    try_out,
};

fn run(arguments: &[String]) -> Answer {
    let names = ["--data", "--unit", "--arm", "--control", "--metrics", "--segments", "--cap"];
    let options = Options::read(arguments, &names)?;
    let path = options.needed("--data")?;
    let table = Table::read(&read(path)?).map_err(|why| format!("{path}: {why}"))?;
    let metrics: Vec<&str> = options.needed("--metrics")?.split(',').collect();
    let segments: Vec<&str> = options.text("--segments").map_or_else(Vec::new, |text| text.split(',').collect());
    let cap = options.parsed("--cap", 0.999, "a quantile between 0 and 1")?;
    analysed(
        &table,
        options.needed("--unit")?,
        options.needed("--arm")?,
        options.needed("--control")?,
        &metrics,
        &segments,
        cap,
    )
}

fn try_out() -> Answer {
    let mut text = "user,arm,bought,new\n".to_owned();
    for user in 0..2_000 {
        let (arm, turn) = (user % 2, user / 2 % 10);
        text.push_str(&format!("{user},{},{},{}\n", ["old", "new"][arm], turn < 2 + arm, user / 20 % 2));
    }
    analysed(&Table::read(&text)?, "user", "arm", "old", &["bought"], &["new"], 0.999)
}

fn analysed(
    table: &Table,
    unit: &str,
    arm: &str,
    control: &str,
    metrics: &[&str],
    columns: &[&str],
    cap: f64,
) -> Answer {
    let why = |reason: bespoke::stats::Undefined| reason.to_string();
    if unit != "-" {
        let mut seen = BTreeSet::new();
        if let Some(twice) = table.text(unit)?.find(|unit| !seen.insert(*unit)) {
            return Err(format!("unit `{twice}` has two rows; an experiment counts each unit once"));
        }
    }
    let arms: Vec<&str> = table.text(arm)?.collect();
    let others: BTreeSet<&str> = arms.iter().copied().filter(|arm| *arm != control).collect();
    if others.len() == arms.iter().collect::<BTreeSet<_>>().len() {
        return Err(format!("no unit is in `{control}`; there are {}", Vec::from_iter(others).join(", ")));
    }
    let names: Vec<&str> = std::iter::once(control).chain(others).collect();
    let read = |name: &&str| table.text(name)?.map(number).collect::<Result<Vec<f64>, String>>();
    let values = metrics.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    let texts =
        columns.iter().map(|name| Ok(table.text(name)?.collect::<Vec<_>>())).collect::<Result<Vec<_>, String>>()?;
    let mut analysis = Analysis::new(&names, metrics, columns).and_then(|of| of.cap(cap)).map_err(why)?;
    for (row, arm) in arms.iter().enumerate() {
        let arm = names.iter().position(|name| name == arm).unwrap_or(names.len());
        let values: Vec<f64> = values.iter().map(|column| column[row]).collect();
        let texts: Vec<&str> = texts.iter().map(|column| column[row]).collect();
        analysis.observe(arm, &values, &texts).map_err(|reason| format!("row {}: {reason}", row + 1))?;
    }
    let findings = analysis.findings();
    eprint!("{findings}");
    let findings = serde_json::to_value(&findings).map_err(|error| error.to_string())?;
    Ok(json!({"command": "experiment", "findings": findings}).to_string())
}

/// A number, or a truth value as 1 and 0.
fn number(text: &str) -> Result<f64, String> {
    match text.trim() {
        "True" | "true" => Ok(1.0),
        "False" | "false" => Ok(0.0),
        text => text.parse().map_err(|_| format!("`{text}` is not a number")),
    }
}
