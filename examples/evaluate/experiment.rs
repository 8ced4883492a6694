//! Analyses a table of a real experiment.

use bespoke::experiment::{Learning, PlanBuilder};
use serde_json::json;

use crate::options::Options;
use crate::table::Table;
use crate::units::{Columns, Units};
use crate::{Answer, Command, read};

pub(crate) const COMMAND: Command = Command {
    name: "experiment",
    arguments: "--data FILE --unit COL --arm COL --control NAME --metrics a,b,c [--segments x,y] [--day COL] [--tiers COL:low,high] \
                [--cap 0.999] [--plan FILE] [--learning FILE]",
    about: "compares the arms of an experiment by metric and segment; tables go to standard error. `--unit -`: a row each; \
            a plan in JSON gives arms and metrics in place of `--control` and `--metrics`, and the design that decides; \
            its metrics read the columns that it names. `--day`: numbers or dates, along which effects are followed; \
            `--tiers`: tiers of value, from the lowest. `--learning`: a record of what was learned (`-`: none yet), \
            which the plan reads; the answer holds the next one",
    run,
    try_out,
};

fn run(arguments: &[String]) -> Answer {
    let names = [
        "--data",
        "--unit",
        "--arm",
        "--control",
        "--metrics",
        "--segments",
        "--day",
        "--tiers",
        "--cap",
        "--plan",
        "--learning",
    ];
    let options = Options::read(arguments, &names)?;
    let path = options.needed("--data")?;
    let table = Table::read(&read(path)?).map_err(|why| format!("{path}: {why}"))?;
    let list = |name: &str| options.text(name).map_or_else(Vec::new, |text| text.split(',').collect());
    let mut learning: Option<Learning> = match options.text("--learning") {
        Some("-") => Some(Learning::default()),
        Some(path) => Some(serde_json::from_str(&read(path)?).map_err(|error| format!("{path}: {error}"))?),
        None => None,
    };
    let plan: Option<PlanBuilder> = match options.text("--plan") {
        Some(path) => Some(serde_json::from_str(&read(path)?).map_err(|error| format!("{path}: {error}"))?),
        None => None,
    };
    let read_by = |plan: PlanBuilder| learning.iter().fold(plan, PlanBuilder::learned).build();
    let plan = plan.map(read_by).transpose().map_err(|errors| errors.to_string())?;
    let columns = Columns {
        unit: options.needed("--unit")?,
        arm: options.needed("--arm")?,
        control: options.text("--control"),
        metrics: if plan.is_none() { options.needed("--metrics")?.split(',').collect() } else { Vec::new() },
        segments: list("--segments"),
        day: options.text("--day"),
        tiers: options.text("--tiers"),
        plan,
    };
    let cap = options.parsed("--cap", 0.999, "a quantile between 0 and 1")?;
    analysed(path, &Units::read(&table, columns)?, cap, learning.as_mut())
}

fn try_out() -> Answer {
    let mut text = "user,arm,bought,new\n".to_owned();
    for user in 0..2_000 {
        let (arm, turn) = (user % 2, user / 2 % 10);
        text.push_str(&format!("{user},{},{},{}\n", ["old", "new"][arm], turn < 2 + arm, user / 20 % 2));
    }
    let columns = Columns {
        unit: "user",
        arm: "arm",
        control: Some("old"),
        metrics: vec!["bought"],
        segments: vec!["new"],
        day: None,
        tiers: None,
        plan: None,
    };
    analysed("generated", &Units::read(&Table::read(&text)?, columns)?, 0.999, None)
}

fn analysed(name: &str, units: &Units, cap: f64, learning: Option<&mut Learning>) -> Answer {
    let mut analysis = units.empty()?.cap(cap).map_err(|reason| reason.to_string())?;
    units.show_all(&mut analysis)?;
    let findings = analysis.findings();
    eprint!("{findings}");
    let mut answer = json!({"command": "experiment"});
    let value = serde_json::to_value(&findings).map_err(|error| error.to_string())?;
    answer["findings"] = value;
    if let Some(learning) = learning {
        learning.take(name, &findings);
        answer["learning"] = serde_json::to_value(learning).map_err(|error| error.to_string())?;
    }
    Ok(answer.to_string())
}
