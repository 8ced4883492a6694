//! Analyses a table of a real experiment.

use serde_json::json;

use crate::options::Options;
use crate::table::Table;
use crate::units::{Columns, Units};
use crate::{Answer, Command, read};

pub(crate) const COMMAND: Command = Command {
    name: "experiment",
    arguments: "--data FILE --unit COL --arm COL --control NAME --metrics a,b,c [--segments x,y] [--day COL] [--cap 0.999] [--plan FILE]",
    about: "compares the arms of an experiment by metric and segment; tables go to standard error. `--unit -`: a row each; \
            a plan in JSON gives arms and metrics in place of `--control` and `--metrics`, and the design that decides; \
            its metrics read the columns that it names. `--day`: numbers or dates, along which effects are followed",
    run,
    try_out,
};

fn run(arguments: &[String]) -> Answer {
    let names = ["--data", "--unit", "--arm", "--control", "--metrics", "--segments", "--day", "--cap", "--plan"];
    let options = Options::read(arguments, &names)?;
    let path = options.needed("--data")?;
    let table = Table::read(&read(path)?).map_err(|why| format!("{path}: {why}"))?;
    let list = |name: &str| options.text(name).map_or_else(Vec::new, |text| text.split(',').collect());
    let plan = match options.text("--plan") {
        Some(path) => Some(serde_json::from_str(&read(path)?).map_err(|error| format!("{path}: {error}"))?),
        None => None,
    };
    let columns = Columns {
        unit: options.needed("--unit")?,
        arm: options.needed("--arm")?,
        control: options.text("--control"),
        metrics: if plan.is_none() { options.needed("--metrics")?.split(',').collect() } else { Vec::new() },
        segments: list("--segments"),
        day: options.text("--day"),
        plan,
    };
    analysed(&Units::read(&table, columns)?, options.parsed("--cap", 0.999, "a quantile between 0 and 1")?)
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
        plan: None,
    };
    analysed(&Units::read(&Table::read(&text)?, columns)?, 0.999)
}

fn analysed(units: &Units, cap: f64) -> Answer {
    let mut analysis = units.empty()?.cap(cap).map_err(|reason| reason.to_string())?;
    units.show_all(&mut analysis)?;
    let findings = analysis.findings();
    eprint!("{findings}");
    let findings = serde_json::to_value(&findings).map_err(|error| error.to_string())?;
    Ok(json!({"command": "experiment", "findings": findings}).to_string())
}
