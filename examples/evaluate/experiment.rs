//! Analyses a table of a real experiment.

use std::collections::BTreeSet;

use bespoke::experiment::{Analysis, ExperimentPlan};
use serde_json::json;

use crate::options::Options;
use crate::stats::files::Table;
use crate::{Answer, Command, read};

pub(crate) const COMMAND: Command = Command {
    name: "experiment",
    arguments: "--data FILE --unit COL --arm COL --control NAME --metrics a,b,c [--segments x,y] [--cap 0.999] [--plan FILE]",
    about: "compares the arms of an experiment by metric and segment; tables go to standard error. `--unit -`: a row each; \
            a plan in JSON gives arms and metrics in place of `--control` and `--metrics`, and the design that decides",
    run,
    try_out,
};

fn run(arguments: &[String]) -> Answer {
    let names = ["--data", "--unit", "--arm", "--control", "--metrics", "--segments", "--cap", "--plan"];
    let options = Options::read(arguments, &names)?;
    let path = options.needed("--data")?;
    let table = Table::read(&read(path)?).map_err(|why| format!("{path}: {why}"))?;
    let columns: Vec<&str> = options.text("--segments").map_or_else(Vec::new, |text| text.split(',').collect());
    let cap = options.parsed("--cap", 0.999, "a quantile between 0 and 1")?;
    let (unit, arm) = (options.needed("--unit")?, options.needed("--arm")?);
    check_units(&table, unit)?;
    let (names, metrics, analysis) = match options.text("--plan") {
        Some(path) => {
            let plan: ExperimentPlan =
                serde_json::from_str(&read(path)?).map_err(|error| format!("{path}: {error}"))?;
            let names = plan.arms().iter().map(|arm| arm.name.clone()).collect();
            let metrics = plan.metrics().iter().map(|metric| metric.name.clone()).collect();
            (names, metrics, Analysis::planned(&plan, &columns))
        }
        None => unplanned(&table, arm, options.needed("--control")?, options.needed("--metrics")?, &columns)?,
    };
    analysed(&table, arm, &names, &metrics, &columns, analysis.cap(cap).map_err(why)?)
}

fn try_out() -> Answer {
    let mut text = "user,arm,bought,new\n".to_owned();
    for user in 0..2_000 {
        let (arm, turn) = (user % 2, user / 2 % 10);
        text.push_str(&format!("{user},{},{},{}\n", ["old", "new"][arm], turn < 2 + arm, user / 20 % 2));
    }
    let table = Table::read(&text)?;
    check_units(&table, "user")?;
    let (names, metrics, analysis) = unplanned(&table, "arm", "old", "bought", &["new"])?;
    analysed(&table, "arm", &names, &metrics, &["new"], analysis)
}

fn check_units(table: &Table, unit: &str) -> Result<(), String> {
    if unit == "-" {
        return Ok(());
    }
    let mut seen = BTreeSet::new();
    match table.text(unit)?.find(|unit| !seen.insert(*unit)) {
        Some(twice) => Err(format!("unit `{twice}` has two rows; an experiment counts each unit once")),
        None => Ok(()),
    }
}

/// The arms that there are, the control first, and the metrics that were named.
type Parts = (Vec<String>, Vec<String>, Analysis);

fn unplanned(table: &Table, arm: &str, control: &str, metrics: &str, columns: &[&str]) -> Result<Parts, String> {
    let all: BTreeSet<&str> = table.text(arm)?.collect();
    let others: Vec<&str> = all.iter().copied().filter(|arm| *arm != control).collect();
    if others.len() == all.len() {
        return Err(format!("no unit is in `{control}`; there are {}", others.join(", ")));
    }
    let names: Vec<&str> = std::iter::once(control).chain(others).collect();
    let metrics: Vec<&str> = metrics.split(',').collect();
    let analysis = Analysis::new(&names, &metrics, columns).map_err(why)?;
    let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    Ok((owned(&names), owned(&metrics), analysis))
}

fn analysed(
    table: &Table,
    arm: &str,
    names: &[String],
    metrics: &[String],
    columns: &[&str],
    mut analysis: Analysis,
) -> Answer {
    let arms: Vec<&str> = table.text(arm)?.collect();
    let values = metrics.iter().map(|name| table.numbers(name)).collect::<Result<Vec<_>, String>>()?;
    let texts =
        columns.iter().map(|name| Ok(table.text(name)?.collect::<Vec<_>>())).collect::<Result<Vec<_>, String>>()?;
    for (row, arm) in arms.iter().enumerate() {
        let Some(arm) = names.iter().position(|name| name == arm) else {
            return Err(format!("row {}: `{arm}` is no arm of the plan; there are {}", row + 1, names.join(", ")));
        };
        let values: Vec<f64> = values.iter().map(|column| column[row]).collect();
        let texts: Vec<&str> = texts.iter().map(|column| column[row]).collect();
        analysis.observe(arm, &values, &texts).map_err(|reason| format!("row {}: {reason}", row + 1))?;
    }
    let findings = analysis.findings();
    eprint!("{findings}");
    let findings = serde_json::to_value(&findings).map_err(|error| error.to_string())?;
    Ok(json!({"command": "experiment", "findings": findings}).to_string())
}

fn why(reason: bespoke::stats::Undefined) -> String {
    reason.to_string()
}
