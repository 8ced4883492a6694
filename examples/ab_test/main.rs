//! Analyses an experiment from a table: a report as text, and four charts.
//!
//! ```text
//! cargo run --release --example ab_test                  # a generated experiment, planned, with four looks
//! cargo run --release --example ab_test -- cookie_cats.csv --unit userid --arm version --control gate_30 \
//!     --metrics retention_7,retention_1,sum_gamerounds [--segments x,y] [--day COL] [--order COL] [--plan FILE] [--out DIR]
//! ```
//!
//! The table is a CSV with a row for each unit; the first metric is the one that is drawn. Effects over time need an
//! order: a column of numbers, such as the day, or the order of rows. `--plan` reads arms, metrics and design from JSON;
//! without one, inference is always-valid. Charts go to the folder `--out`, `target/ab_test` unless given. The exit code
//! is 2 where arguments or files do not read.

#[path = "../calibrate/draw.rs"]
#[allow(clippy::allow_attributes, dead_code, reason = "each example uses a part")]
mod draw;
#[path = "../evaluate/options.rs"]
#[allow(clippy::allow_attributes, dead_code, reason = "each example uses a part")]
mod options;
mod plots;
mod sample;
#[path = "../shared/svg.rs"]
mod svg;
#[path = "../shared/table.rs"]
mod table;
#[path = "../shared/units.rs"]
mod units;

use std::path::Path;
use std::process::ExitCode;

use bespoke::experiment::{ExperimentPlan, Findings, Registration};

use options::Options;
use table::Table;
use units::{Columns, Units};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let done = match arguments.split_first() {
        Some((path, rest)) if !path.starts_with("--") => from_file(path, rest),
        _ => generated(&arguments),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("ab_test: {why}");
            ExitCode::from(2)
        }
    }
}

fn from_file(path: &str, arguments: &[String]) -> Result<(), String> {
    let names = ["--unit", "--arm", "--control", "--metrics", "--segments", "--day", "--order", "--plan", "--out"];
    let options = Options::read(arguments, &names)?;
    let table = Table::read(&read(path)?).map_err(|why| format!("{path}: {why}"))?;
    let list = |name: &str| options.text(name).map_or_else(Vec::new, |text| text.split(',').collect());
    let plan: Option<ExperimentPlan> = match options.text("--plan") {
        Some(path) => Some(serde_json::from_str(&read(path)?).map_err(|error| format!("{path}: {error}"))?),
        None => None,
    };
    let columns = Columns {
        unit: options.text("--unit").unwrap_or("-"),
        arm: options.needed("--arm")?,
        control: options.text("--control"),
        metrics: if plan.is_none() { options.needed("--metrics")?.split(',').collect() } else { Vec::new() },
        segments: list("--segments"),
        day: options.text("--day"),
        plan,
    };
    let units = Units::read(&table, columns)?;
    let mut order: Vec<usize> = (0..units.arms.len()).collect();
    if let Some(column) = options.text("--order") {
        let at = table.numbers(column)?;
        order.sort_by(|a, b| at[*a].total_cmp(&at[*b]));
    }
    let mut analysis = units.empty()?;
    units.show_all(&mut analysis)?;
    report(&units, &order, &analysis.findings(), options.text("--out"))
}

/// Plans an experiment, runs it, looks at it four times, and reports the last look.
fn generated(arguments: &[String]) -> Result<(), String> {
    let options = Options::read(arguments, &["--out"])?;
    let plan = sample::plan().map_err(|errors| errors.to_string())?;
    let daily = 800.0;
    let days = plan.days(daily).map_err(|reason| reason.to_string())?;
    println!("hypothesis: {}", plan.hypothesis());
    println!("planned: {} units, {days} days at {daily} people a day", plan.units().unwrap_or(0));
    let columns = Columns {
        unit: "user",
        arm: "arm",
        control: None,
        metrics: Vec::new(),
        segments: vec!["tier", "device"],
        day: None,
        plan: Some(plan.clone()),
    };
    let units = Units::read(&Table::read(&sample::table(plan.units().unwrap_or(0)))?, columns)?;
    let mut registration = Registration::new(plan);
    let mut analysis = units.empty()?;
    let many = units.arms.len();
    let mut last = None;
    for row in 0..many {
        units.show(row, &mut analysis)?;
        if (row + 1) % many.div_ceil(4).max(1) == 0 || row + 1 == many {
            let findings = registration.look(&analysis).map_err(|error| error.to_string())?;
            let found = &findings.comparisons[0];
            println!(
                "look {} at {} units: {}, {}",
                findings.basis.look,
                row + 1,
                found.verdict.name(),
                found.sentence()
            );
            last = Some(findings);
        }
    }
    let order: Vec<usize> = (0..many).collect();
    report(&units, &order, &last.ok_or("nobody came")?, options.text("--out"))
}

fn report(units: &Units, order: &[usize], findings: &Findings, out: Option<&str>) -> Result<(), String> {
    println!("\n{findings}");
    let folder = Path::new(out.unwrap_or("target/ab_test"));
    std::fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    for (name, chart) in plots::all(units, order, findings)? {
        let path = folder.join(name);
        std::fs::write(&path, chart).map_err(|error| format!("{}: {error}", path.display()))?;
        println!("drawn: {}", path.display());
    }
    Ok(())
}

fn read(path: &str) -> Result<String, String> {
    std::fs::read_to_string(path).map_err(|error| format!("{path}: {error}"))
}
