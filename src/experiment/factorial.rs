//! Several factors in one experiment, each with its levels (Fisher, 1926): every unit gets a level of each.
//!
//! Each factor has a salt of its own, so that their levels are independent: a factor is analysed alone as if it were the
//! only one, with all units, and combinations as arms of their own.

use serde::{Deserialize, Serialize};

use super::{Allocation, AllocationError, Arm, contrast};
use crate::stats::{Evidence, Undefined};

/// A multivariate design: factors, each an allocation of units to its levels.
///
/// ```
/// use bespoke::experiment::Factorial;
/// let page = Factorial::new("page", &[("color", &["red", "blue"]), ("size", &["small", "large"])])?;
/// let levels = page.levels("ann").unwrap();
/// assert_eq!(levels.len(), 2);
/// let cell = page.cell("ann").unwrap();
/// assert_eq!(cell, 2 * levels[0] + levels[1]);
/// assert_eq!(page.cells()[3], "blue, large");
/// # Ok::<(), bespoke::experiment::AllocationError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Vec<Allocation>", into = "Vec<Allocation>")]
pub struct Factorial(Vec<Allocation>);

impl Factorial {
    /// Factors with their levels, the first of which is the control's; each level gets as many units as the others. The
    /// salt of a factor is that of the design, a colon and its name.
    ///
    /// # Errors
    /// As [`Allocation::new`]; [`AllocationError::Arms`] without factors or for more than 1,000 combinations;
    /// [`AllocationError::SameSalt`] for two factors of one name.
    pub fn new(salt: &str, factors: &[(&str, &[&str])]) -> Result<Self, AllocationError> {
        let factor = |(name, levels): &(&str, &[&str])| {
            // Levels are far fewer than 2^53.
            let shares: Vec<(&str, f64)> = levels.iter().map(|level| (*level, 1.0 / levels.len() as f64)).collect();
            Allocation::new(&format!("{salt}:{name}"), &shares)
        };
        Self::try_from(factors.iter().map(factor).collect::<Result<Vec<_>, _>>()?)
    }

    /// The factors.
    #[must_use]
    pub fn factors(&self) -> &[Allocation] {
        &self.0
    }

    /// The level of each factor that a unit gets; none where one of them leaves it out.
    #[must_use]
    pub fn levels(&self, unit: &str) -> Option<Vec<usize>> {
        self.0.iter().map(|factor| factor.arm(unit)).collect()
    }

    /// The combination that a unit gets, as an index into [`Factorial::cells`]: the levels as digits, the last factor's
    /// the lowest.
    #[must_use]
    pub fn cell(&self, unit: &str) -> Option<usize> {
        let digits = self.0.iter().map(|factor| Some((factor.arms().len(), factor.arm(unit)?)));
        digits.into_iter().try_fold(0, |cell, digit| digit.map(|(levels, level)| cell * levels + level))
    }

    /// What a level of a factor does against its first, averaged over all levels of the others, each with the same
    /// weight: its main effect. `arms` are what the combinations did, in the order of [`Factorial::cells`]. `O(cells)`.
    ///
    /// # Errors
    /// [`Undefined::LengthMismatch`] for other combinations, factors or levels than there are, or level 0; as
    /// [`contrast`].
    pub fn main_effect(&self, factor: usize, level: usize, arms: &[Arm]) -> Result<Evidence, Undefined> {
        self.effect(&[(factor, level)], arms)
    }

    /// By how much the effect of a level of one factor is larger at a level of another than at that one's first level,
    /// averaged over all others: their interaction.
    ///
    /// # Errors
    /// As [`Factorial::main_effect`], also for a factor with itself.
    ///
    /// ```
    /// use bespoke::experiment::{Arm, Factorial};
    /// let page = Factorial::new("page", &[("color", &["red", "blue"]), ("size", &["small", "large"])])?;
    /// let arm = |value: f64| Arm::new(100, value, 1.0);
    /// let arms = [arm(1.0)?, arm(1.2)?, arm(1.1)?, arm(1.8)?]; // blue adds 0.1 to small ones and 0.6 to large ones
    /// let (blue, both) = (page.main_effect(0, 1, &arms)?, page.interaction((0, 1), (1, 1), &arms)?);
    /// assert!((blue.estimate() - 0.35).abs() < 1e-12 && (blue.error() - 0.1).abs() < 1e-12);
    /// assert!((both.estimate() - 0.5).abs() < 1e-12 && (both.error() - 0.2).abs() < 1e-12);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn interaction(&self, a: (usize, usize), b: (usize, usize), arms: &[Arm]) -> Result<Evidence, Undefined> {
        if a.0 == b.0 {
            return Err(Undefined::LengthMismatch);
        }
        self.effect(&[a, b], arms)
    }

    /// The contrast of these levels, each against the first of its factor.
    fn effect(&self, of: &[(usize, usize)], arms: &[Arm]) -> Result<Evidence, Undefined> {
        let levels: Vec<usize> = self.0.iter().map(|factor| factor.arms().len()).collect();
        factor_effect(&levels, of, arms)
    }

    /// The names of all combinations.
    #[must_use]
    pub fn cells(&self) -> Vec<String> {
        self.0.iter().fold(vec![String::new()], |before, factor| {
            let with = |name: &String| {
                let name = name.clone();
                let between = if name.is_empty() { "" } else { ", " };
                factor.arms().iter().map(move |level| format!("{name}{between}{level}"))
            };
            before.iter().flat_map(with).collect()
        })
    }
}

/// What some levels of factors with so many levels do, each against the first of its factor: with one a main effect,
/// with two an interaction.
pub(super) fn factor_effect(levels: &[usize], of: &[(usize, usize)], arms: &[Arm]) -> Result<Evidence, Undefined> {
    let exists = |(factor, level): &(usize, usize)| *level > 0 && levels.get(*factor).is_some_and(|all| level < all);
    if arms.len() != levels.iter().product::<usize>() || !of.iter().all(exists) {
        return Err(Undefined::LengthMismatch);
    }
    let others = levels.iter().enumerate().filter(|(i, _)| !of.iter().any(|(factor, _)| factor == i));
    // Combinations are at most a thousand.
    let share = 1.0 / others.map(|(_, levels)| *levels).product::<usize>() as f64;
    let mut parts = Vec::new();
    for (cell, arm) in arms.iter().enumerate() {
        let digit = |factor: usize| cell / levels[factor + 1..].iter().product::<usize>() % levels[factor];
        let sign = |(factor, level): &(usize, usize)| match digit(*factor) {
            0 => -1.0,
            found if found == *level => 1.0,
            _ => 0.0,
        };
        let weight: f64 = of.iter().map(sign).product();
        if weight.abs() > 0.0 {
            parts.push((share * weight, *arm));
        }
    }
    contrast(&parts)
}

impl TryFrom<Vec<Allocation>> for Factorial {
    type Error = AllocationError;
    fn try_from(factors: Vec<Allocation>) -> Result<Self, AllocationError> {
        let cells = factors.iter().map(|factor| factor.arms().len()).fold(1_usize, usize::saturating_mul);
        if factors.is_empty() || cells > CELLS {
            return Err(AllocationError::Arms { found: if factors.is_empty() { 0 } else { cells } });
        }
        let twice = (1..factors.len()).find(|at| factors[..*at].iter().any(|of| of.salt() == factors[*at].salt()));
        match twice {
            Some(at) => Err(AllocationError::SameSalt { salt: factors[at].salt().to_owned() }),
            None => Ok(Self(factors)),
        }
    }
}

impl From<Factorial> for Vec<Allocation> {
    fn from(of: Factorial) -> Self {
        of.0
    }
}

/// The most combinations.
const CELLS: usize = 1_000;
