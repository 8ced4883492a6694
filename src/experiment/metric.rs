//! Metrics and columns as an analysis holds them.

use std::collections::BTreeMap;

use super::cell::{Cell, Kind};
use super::{Analysis, Direction, Null, PlannedMetric, Role};

/// A metric as the plan has it.
#[derive(Clone, Debug)]
pub(super) struct Metric {
    pub(super) name: String,
    pub(super) role: Role,
    pub(super) direction: Direction,
    pub(super) null: Null,
    pub(super) kind: Kind,
    /// Where its numbers begin in those of a unit.
    pub(super) at: usize,
    /// Larger first numbers count as this.
    pub(super) cap: Option<f64>,
    /// How many units did.
    pub(super) capped: u64,
    /// Of a value, the conversions without which some unit has one.
    pub(super) beside: Vec<usize>,
}

impl Metric {
    /// Without a plan.
    pub(super) fn told(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            role: Role::Primary,
            direction: Direction::Up,
            null: Null::Zero,
            kind: Kind::Told,
            at: 0,
            cap: None,
            capped: 0,
            beside: Vec::new(),
        }
    }

    pub(super) fn planned(of: &PlannedMetric) -> Self {
        Self {
            role: of.role,
            direction: of.direction,
            null: of.null,
            kind: Kind::of(of),
            cap: of.cap,
            ..Self::told(&of.name)
        }
    }

    /// Its part of the numbers of a unit.
    pub(super) fn of<'a>(&self, numbers: &'a [f64]) -> &'a [f64] {
        &numbers[self.at..self.at + self.kind.numbers()]
    }

    /// Whether its values are kept, for their tail.
    pub(super) fn has_tail(&self) -> bool {
        self.cap.is_none() && matches!(self.kind, Kind::Told | Kind::Mean | Kind::MeanGiven)
    }
}

#[derive(Clone, Debug)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) content: Content,
    pub(super) values: BTreeMap<String, Vec<Cell>>,
}

/// What the values of a column are.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Content {
    Segments,
    Days,
    /// From the lowest.
    Tiers(Vec<String>),
}

impl Column {
    pub(super) fn new(name: &str) -> Self {
        Self { name: name.to_owned(), content: Content::Segments, values: BTreeMap::new() }
    }

    /// The cells of a segment, or of the others where there are enough already.
    pub(super) fn cells_of(&mut self, segment: &str, metrics: &[Metric], arms: usize) -> &mut [Cell] {
        let known = self.values.contains_key(segment) || self.values.len() < Analysis::SEGMENTS;
        let segment = if known { segment } else { "(others)" };
        // Most segments are known, and need no text of their own.
        if !self.values.contains_key(segment) {
            self.values.insert(segment.to_owned(), empty_cells(metrics, arms));
        }
        self.values.get_mut(segment).map_or(&mut [], Vec::as_mut_slice)
    }
}

/// A cell for every metric and arm.
pub(super) fn empty_cells(metrics: &[Metric], arms: usize) -> Vec<Cell> {
    metrics.iter().flat_map(|metric| (0..arms).map(|_| Cell::new(metric.kind))).collect()
}
