//! Plans as they are written: in JSON or by a builder, and checked as a whole.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::levels::Layout;
use super::{Design, ExperimentPlan, MetricKind, Null, PlanError, PlanErrors, PlannedArm, PlannedMetric, Role};
use crate::experiment::Learning;
use crate::near::nearest;
use crate::stats::Alpha;

/// A plan that is being written; [`PlanBuilder::build`] checks it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanBuilder {
    pub(super) hypothesis: String,
    #[serde(default)]
    pub(super) control: Option<String>,
    pub(super) arms: Vec<PlannedArm>,
    pub(super) metrics: Vec<PlannedMetric>,
    #[serde(default = "usual_alpha")]
    pub(super) alpha: f64,
    #[serde(default = "usual_power")]
    pub(super) power: f64,
    #[serde(default = "usual_smallest")]
    pub(super) smallest: f64,
    #[serde(default)]
    pub(super) design: Design,
    #[serde(default)]
    pub(super) holdout: f64,
    #[serde(default)]
    pub(super) units: Option<u64>,
}

impl PlanBuilder {
    pub(super) fn new(hypothesis: String) -> Self {
        Self {
            hypothesis,
            control: None,
            arms: Vec::new(),
            metrics: Vec::new(),
            alpha: usual_alpha(),
            power: usual_power(),
            smallest: usual_smallest(),
            design: Design::default(),
            holdout: 0.0,
            units: None,
        }
    }

    /// One more arm.
    #[must_use]
    pub fn arm(mut self, arm: PlannedArm) -> Self {
        self.arms.push(arm);
        self
    }

    /// The arm that the others are measured against; the first one unless given.
    #[must_use]
    pub fn control(mut self, name: impl Into<String>) -> Self {
        self.control = Some(name.into());
        self
    }

    /// One more metric.
    #[must_use]
    pub fn metric(mut self, metric: PlannedMetric) -> Self {
        self.metrics.push(metric);
        self
    }

    /// How often something is found where nothing is, both sides together: between 0 and 1, and 0.05 unless given.
    #[must_use]
    pub fn alpha(mut self, alpha: f64) -> Self {
        self.alpha = alpha;
        self
    }

    /// How likely the smallest effect of interest is found: between alpha and 1, and 0.8 unless given.
    #[must_use]
    pub fn power(mut self, power: f64) -> Self {
        self.power = power;
        self
    }

    /// The smallest effect of interest, as a part of the control's value: above 0 and at most 10, and 0.05 unless given.
    #[must_use]
    pub fn smallest(mut self, lift: f64) -> Self {
        self.smallest = lift;
        self
    }

    /// Takes from a record what it says of the metrics so far, in place of what they had.
    #[must_use]
    pub fn learned(mut self, record: &Learning) -> Self {
        for metric in &mut self.metrics {
            metric.learned = record.of(&metric.name).or(metric.learned);
        }
        self
    }

    /// When one looks; five looks that spend like O'Brien and Fleming unless given.
    #[must_use]
    pub fn design(mut self, design: Design) -> Self {
        self.design = design;
        self
    }

    /// The share of people whom the experiment does not reach, since they are kept out of all campaigns: from 0 to below
    /// 1, and 0 unless given.
    #[must_use]
    pub fn holdout(mut self, share: f64) -> Self {
        self.holdout = share;
        self
    }

    /// How many units all arms together get, from 2; unless given they are computed from what is expected of the primary
    /// metrics.
    #[must_use]
    pub fn units(mut self, units: u64) -> Self {
        self.units = Some(units);
        self
    }

    /// Checks the whole plan. The control becomes the first arm.
    ///
    /// # Errors
    /// Every mistake that there is.
    pub fn build(mut self) -> Result<ExperimentPlan, PlanErrors> {
        let mut errors = Vec::new();
        text(&mut errors, "hypothesis", &self.hypothesis, HYPOTHESIS);
        for (at, found, least, most) in
            [("arms", self.arms.len(), 2, ARMS), ("metrics", self.metrics.len(), 1, METRICS)]
        {
            if !(least..=most).contains(&found) {
                errors.push(PlanError::Count { at, found, least, most });
            }
        }
        names(&mut errors, "arms", self.arms.iter().map(|arm| arm.name.as_str()));
        names(&mut errors, "metrics", self.metrics.iter().map(|metric| metric.name.as_str()));
        self.put_control_first(&mut errors);
        errors.extend(Layout::new(&self.arms).err());
        for (i, arm) in self.arms.iter().enumerate() {
            for name in arm.levels.iter().flat_map(|(factor, level)| [factor, level]) {
                text(&mut errors, &format!("arms[{i}].levels"), name, NAME);
            }
        }
        self.fits(&mut errors);
        self.numbers(&mut errors);
        if !self.metrics.iter().any(|metric| metric.role == Role::Primary) && !self.metrics.is_empty() {
            errors.push(PlanError::NoPrimary);
        }
        // What follows computes with all of it.
        let alpha = Alpha::new(self.alpha).ok().filter(|_| errors.is_empty());
        match alpha {
            Some(alpha) => Ok(ExperimentPlan::sized(self, alpha)?),
            None => Err(PlanErrors::new(errors)),
        }
    }

    fn put_control_first(&mut self, errors: &mut Vec<PlanError>) {
        let Some(name) = &self.control else {
            self.control = self.arms.first().map(|arm| arm.name.clone());
            return;
        };
        match self.arms.iter().position(|arm| arm.name == *name) {
            Some(at) => self.arms[..=at].rotate_right(1),
            None => errors.push(PlanError::Control {
                found: name.clone(),
                nearest: nearest(name, self.arms.iter().map(|arm| arm.name.as_str())),
            }),
        }
    }

    /// Whether each metric has what its kind asks for, and nothing else.
    fn fits(&self, errors: &mut Vec<PlanError>) {
        for (i, metric) in self.metrics.iter().enumerate() {
            let at = |field: &str| format!("metrics[{i}].{field}");
            let kind = metric.kind;
            let mut check = |field: &str, is_right: bool, wanted| {
                if !is_right {
                    errors.push(PlanError::Fit { at: at(field), kind: kind.name(), wanted });
                }
            };
            match kind {
                MetricKind::Ratio => check("over", metric.over.is_some(), "given: the number below the line"),
                _ => check("over", metric.over.is_none(), "left out"),
            }
            match kind {
                MetricKind::Quantile => check("quantile", metric.quantile.is_some(), "given, such as 0.95"),
                _ => check("quantile", metric.quantile.is_none(), "left out"),
            }
            match (kind, metric.before.len()) {
                (_, 0) | (MetricKind::Mean, 1) | (MetricKind::Ratio, 2) => {}
                (MetricKind::Mean, _) => check("before", false, "left out, or one number"),
                (MetricKind::Ratio, _) => check("before", false, "left out, or two numbers"),
                (MetricKind::Rate | MetricKind::Quantile, _) => check("before", false, "left out"),
            }
            let has_cap = matches!(kind, MetricKind::Mean | MetricKind::Ratio);
            check("cap", has_cap || metric.cap.is_none(), "left out");
            let single = [("reads", &metric.reads), ("over", &metric.over)];
            let single = single.into_iter().filter_map(|(field, name)| Some((field, name.as_ref()?)));
            for (field, name) in single.chain(metric.before.iter().map(|name| ("before", name))) {
                text(errors, &at(field), name, NAME);
            }
        }
    }

    fn numbers(&self, errors: &mut Vec<PlanError>) {
        let mut check = |at: &str, found: f64, is_right: bool, wanted| {
            if !(is_right && found.is_finite()) {
                errors.push(PlanError::Number { at: at.to_owned(), found, wanted });
            }
        };
        for (i, arm) in self.arms.iter().enumerate() {
            let at = |field: &str| format!("arms[{i}].{field}");
            check(&at("weight"), arm.weight, arm.weight > 0.0 && arm.weight <= 1e9, "above 0 and at most 1e9");
            check(&at("cost"), arm.cost, arm.cost >= 0.0, "a finite number of at least 0");
            check(&at("intensity"), arm.intensity.unwrap_or(0.0), true, "finite");
        }
        for (i, metric) in self.metrics.iter().enumerate() {
            let at = |field: &str| format!("metrics[{i}].{field}");
            match metric.null {
                Null::Zero => {}
                Null::Absolute(margin) => check(&at("null.absolute"), margin, margin > 0.0, "finite and above 0"),
                Null::Relative(margin) => {
                    check(&at("null.relative"), margin, margin > 0.0 && margin < 1.0, "between 0 and 1");
                }
            }
            let share = metric.quantile.unwrap_or(0.5);
            check(&at("quantile"), share, share > 0.0 && share < 1.0, "between 0 and 1");
            if let Some(learned) = metric.learned {
                check(&at("learned.mean"), learned.mean, true, "finite");
                let is_right = learned.prior().is_ok();
                check(&at("learned.deviation"), learned.deviation, is_right && learned.deviation > 0.0, "above 0");
            }
            check(&at("worth"), metric.worth.unwrap_or(1.0), metric.worth.is_none_or(|of| of > 0.0), "above 0");
            check(&at("cap"), metric.cap.unwrap_or(0.0), true, "finite");
            let Some(expected) = metric.expected else { continue };
            let (value, deviation) = (expected.value, expected.deviation);
            match metric.kind {
                MetricKind::Rate => check(&at("expected.value"), value, value > 0.0 && value < 1.0, "between 0 and 1"),
                MetricKind::Mean | MetricKind::Ratio | MetricKind::Quantile => {
                    check(&at("expected.value"), value, value.abs() > 0.0, "finite and not 0");
                    let found = deviation.unwrap_or(0.0);
                    check(
                        &at("expected.deviation"),
                        found,
                        found > 0.0,
                        "given for what is no rate, finite and above 0",
                    );
                }
            }
        }
        check("alpha", self.alpha, self.alpha > 0.0 && self.alpha < 1.0, "between 0 and 1, such as 0.05");
        check("power", self.power, self.power > self.alpha && self.power < 1.0, "between alpha and 1, such as 0.8");
        check("smallest", self.smallest, self.smallest > 0.0 && self.smallest <= 10.0, "above 0 and at most 10");
        check("holdout", self.holdout, (0.0..1.0).contains(&self.holdout), "from 0 to below 1");
        match self.design {
            Design::GroupSequential { looks, .. } => {
                let is_right = (1..=LOOKS as u32).contains(&looks);
                check("design.group_sequential.looks", f64::from(looks), is_right, "from 1 to 200");
            }
            Design::Hybrid { always_valid: share } => {
                check("design.hybrid.always_valid", share, share > 0.0 && share < 1.0, "between 0 and 1, such as 0.2");
            }
            Design::Fixed | Design::AlwaysValid => {}
        }
        if let Some(units) = self.units {
            // A count beyond 2^53 is rounded, which its range does not notice.
            check("units", units as f64, (2..=UNITS).contains(&units), "from 2 to 1e15");
        }
    }
}

fn text(errors: &mut Vec<PlanError>, at: &str, text: &str, limit: usize) {
    if !(1..=limit).contains(&text.len()) {
        errors.push(PlanError::Text { at: at.to_owned(), bytes: text.len(), limit });
    }
}

fn names<'a>(errors: &mut Vec<PlanError>, list: &str, names: impl Iterator<Item = &'a str>) {
    let mut seen = BTreeSet::new();
    for (i, name) in names.enumerate() {
        let at = format!("{list}[{i}].name");
        text(errors, &at, name, NAME);
        if !seen.insert(name) {
            errors.push(PlanError::Twice { at, name: name.to_owned() });
        }
    }
}

/// The longest hypothesis, in bytes.
const HYPOTHESIS: usize = 4_096;
/// The longest name, in bytes.
const NAME: usize = 512;
/// The most arms.
const ARMS: usize = 64;
/// The most metrics.
const METRICS: usize = 1_000;
/// The most looks of a group sequential design.
pub(super) const LOOKS: usize = 200;
/// The most units: what `f64` still counts one by one, with room.
const UNITS: u64 = 1_000_000_000_000_000;

const fn usual_alpha() -> f64 {
    0.05
}
const fn usual_power() -> f64 {
    0.8
}
const fn usual_smallest() -> f64 {
    0.05
}
