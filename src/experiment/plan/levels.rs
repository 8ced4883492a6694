//! The arms of a plan as combinations of the levels of factors.

use super::{PlanError, PlannedArm};

/// Which combination each arm is.
pub(in crate::experiment) struct Layout {
    /// The factors with their levels, the control's first.
    pub(in crate::experiment) factors: Vec<(String, Vec<String>)>,
    /// The arm of each combination, the last factor's level the lowest digit.
    pub(in crate::experiment) arms: Vec<usize>,
}

impl Layout {
    /// None where no arm has levels.
    pub(in crate::experiment) fn new(arms: &[PlannedArm]) -> Result<Option<Self>, PlanError> {
        let wrong = |arm: usize, found| PlanError::Levels { at: format!("arms[{arm}].levels"), found };
        let Some(control) = arms.first().filter(|_| arms.iter().any(|arm| !arm.levels.is_empty())) else {
            return Ok(None);
        };
        let mut factors: Vec<(String, Vec<String>)> =
            control.levels.keys().map(|factor| (factor.clone(), Vec::new())).collect();
        for (i, arm) in arms.iter().enumerate() {
            if !arm.levels.keys().eq(control.levels.keys()) {
                return Err(wrong(i, "has other factors than the control"));
            }
            for ((_, levels), level) in factors.iter_mut().zip(arm.levels.values()) {
                if !levels.contains(level) {
                    levels.push(level.clone());
                }
            }
        }
        let combinations = factors.iter().map(|(_, levels)| levels.len()).fold(1_usize, usize::saturating_mul);
        if combinations != arms.len() {
            return Err(wrong(arms.len() - 1, "leaves combinations without an arm, or is there twice"));
        }
        let mut places = vec![None; combinations];
        for (i, arm) in arms.iter().enumerate() {
            let digits = factors.iter().zip(arm.levels.values());
            let place = digits.fold(0, |place, ((_, levels), level)| {
                place * levels.len() + levels.iter().position(|of| of == level).unwrap_or(0)
            });
            if places[place].replace(i).is_some() {
                return Err(wrong(i, "is a combination that another arm has"));
            }
        }
        // As many places as arms, none of them taken twice.
        Ok(Some(Self { factors, arms: places.into_iter().flatten().collect() }))
    }
}
