//! Several factors in one experiment, each with its levels (Fisher, 1926): every unit gets a level of each.
//!
//! Each factor has a salt of its own, so that their levels are independent: a factor is analysed alone as if it were the
//! only one, with all units, and combinations as arms of their own.

use serde::{Deserialize, Serialize};

use super::{Allocation, AllocationError};

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

    /// The combination that a unit gets, as an index into [`Factorial::cells`]: the levels as digits, the last factor's the
    /// lowest.
    #[must_use]
    pub fn cell(&self, unit: &str) -> Option<usize> {
        let digits = self.0.iter().map(|factor| Some((factor.arms().len(), factor.arm(unit)?)));
        digits.into_iter().try_fold(0, |cell, digit| digit.map(|(levels, level)| cell * levels + level))
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
