//! What the policies earned and sent, as charts.

use std::path::Path;

use crate::emails::Emails;
use crate::replay::Run;
use crate::svg::{COLORS, Chart, Unit};

/// Writes `curve.svg` and `allocation.svg` into a folder, which is made if need be.
pub(crate) fn write(folder: &Path, runs: &[Run], emails: &Emails) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("{}: {error}", folder.display());
    std::fs::create_dir_all(folder).map_err(failed)?;
    std::fs::write(folder.join("curve.svg"), curve(runs)).map_err(failed)?;
    let Some(first) = runs.first() else { return Ok(()) };
    std::fs::write(folder.join("allocation.svg"), allocation(first, emails)).map_err(failed)
}

fn curve(runs: &[Run]) -> String {
    let lines: Vec<Vec<(f64, f64)>> = runs.iter().map(Run::curve).collect();
    let all = || lines.iter().flatten();
    let end = all().map(|(x, _)| *x).fold(1.0, f64::max);
    let low = all().map(|(_, y)| *y).fold(f64::INFINITY, f64::min);
    let high = all().map(|(_, y)| *y).fold(0.0, f64::max);
    let range = if low < high { (low - 0.1 * (high - low), high + 0.1 * (high - low)) } else { (0.0, 1.0) };
    let about = "Mean reward so far, of the e-mails that the policy would have sent and that were sent";
    let mut chart = Chart::new("What each policy earned per e-mail", about, SIZE, 70.0).ranged((0.0, end), range);
    chart.x_axis("e-mails learned from", Unit::Plain);
    chart.y_axis("reward per e-mail", Unit::Plain);
    lines.iter().zip(COLORS).for_each(|(line, color)| chart.line(line, color));
    let names: Vec<(&str, &str)> = COLORS.into_iter().zip(runs.iter().map(|run| run.name)).collect();
    chart.legend(&names);
    chart.finish()
}

fn allocation(run: &Run, emails: &Emails) -> String {
    let shares = run.allocation();
    let about = format!("Share of each e-mail, policy {}", run.name);
    let end = run.learned() as f64;
    let mut chart =
        Chart::new("Which e-mails the policy came to send", &about, SIZE, 70.0).ranged((0.0, end.max(1.0)), (0.0, 1.0));
    chart.x_axis("e-mails learned from", Unit::Plain);
    chart.y_axis("share", Unit::Percent);
    for (arm, color) in (0..emails.names.len()).zip(COLORS) {
        let line: Vec<(f64, f64)> = shares.iter().map(|(x, shares)| (*x, shares[arm])).collect();
        chart.line(&line, color);
    }
    let names: Vec<(&str, &str)> = COLORS.into_iter().zip(emails.names.iter().map(String::as_str)).collect();
    chart.legend(&names);
    chart.finish()
}

const SIZE: (f64, f64) = (860.0, 420.0);
