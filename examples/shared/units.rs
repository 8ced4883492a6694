//! The units of an experiment from a table: a row each, with an arm, metrics and segments.

#![allow(clippy::allow_attributes, dead_code, reason = "each example uses a part")]

use std::collections::BTreeSet;

use bespoke::experiment::{Analysis, ExperimentPlan};

use crate::table::Table;

/// Which column is what.
pub(crate) struct Columns<'a> {
    /// The unit's id, of which none may come twice; `-` where every row is a unit.
    pub(crate) unit: &'a str,
    pub(crate) arm: &'a str,
    /// The control's name and the metrics; a plan has its own.
    pub(crate) control: Option<&'a str>,
    pub(crate) metrics: Vec<&'a str>,
    pub(crate) segments: Vec<&'a str>,
    /// The day on which a unit came.
    pub(crate) day: Option<&'a str>,
    pub(crate) plan: Option<ExperimentPlan>,
}

/// Units as they were read, in the order of rows.
pub(crate) struct Units {
    /// The arms, the control first.
    pub(crate) names: Vec<String>,
    /// Those without a plan.
    pub(crate) metrics: Vec<String>,
    /// Segment columns, and that of the day.
    pub(crate) segments: Vec<String>,
    pub(crate) day: Option<String>,
    pub(crate) plan: Option<ExperimentPlan>,
    /// Of each unit.
    pub(crate) arms: Vec<usize>,
    /// By number that the metrics read, of each unit.
    pub(crate) values: Vec<Vec<f64>>,
    /// By segment column, of each unit.
    pub(crate) texts: Vec<Vec<String>>,
}

impl Units {
    pub(crate) fn read(table: &Table, of: Columns<'_>) -> Result<Self, String> {
        if of.unit != "-" {
            let mut seen = BTreeSet::new();
            if let Some(twice) = table.text(of.unit)?.find(|unit| !seen.insert(*unit)) {
                return Err(format!("unit `{twice}` has two rows; an experiment counts each unit once"));
            }
        }
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let (names, numbers) = match &of.plan {
            Some(plan) => (plan.arms().iter().map(|arm| arm.name.clone()).collect(), owned(&plan.numbers())),
            None => (arms(table, of.arm, of.control.ok_or("`--control` is missing")?)?, owned(&of.metrics)),
        };
        let place = |(row, arm): (usize, &str)| {
            let at = names.iter().position(|name| name == arm);
            at.ok_or_else(|| format!("row {}: `{arm}` is no arm; there are {}", row + 1, names.join(", ")))
        };
        let columns: Vec<&str> = of.segments.iter().copied().chain(of.day).collect();
        let text = |name: &&str| Ok(table.text(name)?.map(str::to_owned).collect());
        Ok(Self {
            arms: table.text(of.arm)?.enumerate().map(place).collect::<Result<_, _>>()?,
            values: numbers.iter().map(|name| table.numbers(name)).collect::<Result<_, _>>()?,
            texts: columns.iter().map(text).collect::<Result<_, String>>()?,
            segments: owned(&columns),
            day: of.day.map(str::to_owned),
            names,
            metrics: owned(&of.metrics),
            plan: of.plan,
        })
    }

    /// An analysis of these arms and metrics that has seen nobody.
    pub(crate) fn empty(&self) -> Result<Analysis, String> {
        let analysis = match &self.plan {
            Some(plan) => Ok(Analysis::planned(plan, &refs(&self.segments))),
            None => Analysis::new(&refs(&self.names), &refs(&self.metrics), &refs(&self.segments)),
        };
        let analysis = analysis.and_then(|analysis| match &self.day {
            Some(day) => analysis.days(day),
            None => Ok(analysis),
        });
        analysis.map_err(|reason| reason.to_string())
    }

    /// Shows a unit to an analysis.
    pub(crate) fn show(&self, row: usize, analysis: &mut Analysis) -> Result<(), String> {
        let values: Vec<f64> = self.values.iter().map(|column| column[row]).collect();
        let texts: Vec<&str> = self.texts.iter().map(|column| column[row].as_str()).collect();
        analysis.observe(self.arms[row], &values, &texts).map_err(|reason| format!("row {}: {reason}", row + 1))
    }

    /// Shows all units.
    pub(crate) fn show_all(&self, analysis: &mut Analysis) -> Result<(), String> {
        (0..self.arms.len()).try_for_each(|row| self.show(row, analysis))
    }
}

fn refs(names: &[String]) -> Vec<&str> {
    names.iter().map(String::as_str).collect()
}

/// The arms that there are, the control first.
fn arms(table: &Table, column: &str, control: &str) -> Result<Vec<String>, String> {
    let all: BTreeSet<&str> = table.text(column)?.collect();
    let others: Vec<&str> = all.iter().copied().filter(|arm| *arm != control).collect();
    if others.len() == all.len() {
        return Err(format!("no unit is in `{control}`; there are {}", others.join(", ")));
    }
    Ok(std::iter::once(control).chain(others).map(str::to_owned).collect())
}
