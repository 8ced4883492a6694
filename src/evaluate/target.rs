//! The policy that is judged: with what probability it would choose each arm at each record of a log.

use super::{Log, Logged, OffPolicyError};

/// A policy's probability of each arm, for every record of one log.
///
/// It is made for a log, and read with that log; for another one of the same shape it would be read as well, and mean
/// nothing. Memory: 8 bytes for each record and arm.
///
/// ```
/// use bespoke::decision::Propensity;
/// use bespoke::evaluate::{Log, Logged, OffPolicyError, Target};
/// let log = Log::new(2, vec![Logged::new(1, Propensity::CERTAIN, 1.0), Logged::new(0, Propensity::CERTAIN, 0.0)])?;
/// let evenly = Target::new(&log, vec![0.5, 0.5, 0.5, 0.5])?;
/// assert_eq!(evenly, Target::from_fn(&log, |_| vec![0.5, 0.5])?);
/// let second = Target::deterministic(&log, &[1, 1])?;
/// assert_eq!((second.of(0), second.weight(&log, 0), second.weight(&log, 1)), (&[0.0, 1.0][..], 1.0, 0.0));
/// assert!(matches!(Target::new(&log, vec![0.5, 0.6, 0.5, 0.5]), Err(OffPolicyError::Sum { at: 0, .. })));
/// # Ok::<(), OffPolicyError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Target {
    arms: usize,
    probabilities: Vec<f64>,
}

impl Target {
    /// How far from one the probabilities of a record may sum.
    pub const TOLERANCE: f64 = 1e-6;

    /// The probabilities, record by record, each with all arms in order.
    ///
    /// # Errors
    /// [`OffPolicyError::Length`], [`OffPolicyError::Probability`], or [`OffPolicyError::Sum`] where those of a record
    /// are further from one than [`Self::TOLERANCE`].
    pub fn new(log: &Log, probabilities: Vec<f64>) -> Result<Self, OffPolicyError> {
        let (arms, found) = (log.arms(), probabilities.len());
        super::fits(log, arms, found)?;
        for (at, row) in probabilities.chunks_exact(arms).enumerate() {
            // A rounded sum of all the others may leave an arm with a little more than one.
            let is_wrong = |of: &f64| !(0.0..=1.0 + Self::TOLERANCE).contains(of);
            if let Some(arm) = row.iter().position(is_wrong) {
                return Err(OffPolicyError::Probability { at, arm, found: row[arm] });
            }
            let sum: f64 = row.iter().sum();
            if (sum - 1.0).abs() > Self::TOLERANCE {
                return Err(OffPolicyError::Sum { at, found: sum });
            }
        }
        Ok(Self { arms, probabilities })
    }

    /// The probabilities that a function gives for each record: all arms in order.
    ///
    /// # Errors
    /// As [`Self::new`]; a row of another length is [`OffPolicyError::Length`].
    pub fn from_fn(log: &Log, of: impl Fn(&Logged) -> Vec<f64>) -> Result<Self, OffPolicyError> {
        let mut probabilities = Vec::with_capacity(log.records().len() * log.arms());
        for record in log.records() {
            let row = of(record);
            if row.len() != log.arms() {
                return Err(OffPolicyError::Length { found: row.len(), wanted: log.arms() });
            }
            probabilities.extend(row);
        }
        Self::new(log, probabilities)
    }

    /// One arm for each record, chosen with certainty.
    ///
    /// # Errors
    /// [`OffPolicyError::Length`] or [`OffPolicyError::NoSuchArm`].
    pub fn deterministic(log: &Log, chosen: &[usize]) -> Result<Self, OffPolicyError> {
        let (arms, wanted) = (log.arms(), log.records().len());
        if chosen.len() != wanted {
            return Err(OffPolicyError::Length { found: chosen.len(), wanted });
        }
        let mut probabilities = vec![0.0; wanted * arms];
        for (at, (row, arm)) in probabilities.chunks_exact_mut(arms).zip(chosen).enumerate() {
            *row.get_mut(*arm).ok_or(OffPolicyError::NoSuchArm { at, arm: *arm, arms })? = 1.0;
        }
        Ok(Self { arms, probabilities })
    }

    /// The probabilities of all arms at a record; none of a record past the last.
    #[must_use]
    pub fn of(&self, record: usize) -> &[f64] {
        self.probabilities.chunks_exact(self.arms).nth(record).unwrap_or_default()
    }

    /// How many times as likely as the policy that was logged this one would have done the same at a record; zero past
    /// the last.
    #[must_use]
    pub fn weight(&self, log: &Log, record: usize) -> f64 {
        let Some(logged) = log.records().get(record) else { return 0.0 };
        self.of(record).get(logged.arm).map_or(0.0, |of| of / logged.propensity.value())
    }

    /// The share of its choices that fall on arms that the log does not have at all: what no estimate can know. From 0 to
    /// 1; an arm that is logged, but never under such features, is not noticed.
    #[must_use]
    pub fn unsupported(&self, log: &Log) -> f64 {
        let mut is_logged = vec![false; self.arms];
        for record in log.records() {
            if let Some(of) = is_logged.get_mut(record.arm) {
                *of = true;
            }
        }
        let beside = |(chance, logged): (&f64, &bool)| if *logged { 0.0 } else { *chance };
        let all = self.rows().flat_map(|row| row.iter().zip(&is_logged).map(beside));
        // From zero, since the sum of nothing is its negative; counts are far below 2^53.
        all.fold(0.0, |sum, of| sum + of) / log.records().len() as f64
    }

    /// All of them by record.
    pub(super) fn rows(&self) -> impl Iterator<Item = &[f64]> {
        self.probabilities.chunks_exact(self.arms)
    }

    /// That it was made for a log of this shape.
    pub(super) fn check(&self, log: &Log) -> Result<(), OffPolicyError> {
        super::fits(log, self.arms, self.probabilities.len())
    }
}
