//! Whom an effect reaches: the effect by tier of a unit's value, such as its expected lifetime value or its score of
//! recency, frequency and money.
//!
//! Tiers are cut before the experiment, by what was known then ([`Tiers::of`]): a value that the experiment itself can
//! move would sort units by their outcome. They are segments whose order means something, so that besides whether
//! effects differ ([`Split`](super::Split)) it is asked whether they rise with the tier, by a line over its rank
//! ([`Trend`]).

use serde::{Deserialize, Serialize};

use super::Trend;
use super::analysis::Analysis;
use super::cell::{Cell, Effect};
use super::metric::{Column, Content};
use crate::stats::{Adjustment, Interval, Undefined, adjusted};

/// Where a score is cut into tiers, from the lowest.
///
/// ```
/// use bespoke::experiment::Tiers;
/// let worth: Vec<f64> = (1..=100).map(f64::from).collect(); // such as BG/NBD times Gamma-Gamma
/// let tiers = Tiers::of(&worth, &["low", "middle", "high", "best"])?;
/// assert_eq!([3.0, 26.0, 60.0, 1e9].map(|score| tiers.tier(score)), ["low", "middle", "high", "best"]);
/// # Ok::<(), bespoke::stats::Undefined>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Stored", into = "Stored")]
pub struct Tiers {
    names: Vec<String>,
    /// One fewer, rising: a tier ends below its cut.
    cuts: Vec<f64>,
}

impl Tiers {
    /// Tiers of as many units each, from the lowest, by the scores of those that an experiment is about. Where many
    /// scores are equal, such as zero, they all are of the highest tier that one of them is in.
    ///
    /// # Errors
    /// [`Undefined::OneArm`] for fewer than two tiers, [`Undefined::NoUnits`] without scores, [`Undefined::NotFinite`].
    pub fn of(scores: &[f64], names: &[&str]) -> Result<Self, Undefined> {
        if scores.is_empty() {
            return Err(Undefined::NoUnits);
        }
        let mut sorted =
            scores.iter().map(|score| crate::stats::undefined::finite(*score)).collect::<Result<Vec<_>, _>>()?;
        sorted.sort_by(f64::total_cmp);
        let cut = |tier: usize| sorted[(tier * sorted.len() / names.len()).min(sorted.len() - 1)];
        let cuts: Vec<f64> = (1..names.len()).map(cut).collect();
        Self::at(&cuts, names)
    }

    /// Tiers between these cuts, one fewer than there are names; a score at a cut is of the higher tier.
    ///
    /// # Errors
    /// [`Undefined::OneArm`] for fewer than two tiers, [`Undefined::LengthMismatch`], [`Undefined::NotFinite`], and
    /// [`Undefined::BoundsOutOfOrder`] for cuts that fall.
    pub fn at(cuts: &[f64], names: &[&str]) -> Result<Self, Undefined> {
        if names.len() < 2 {
            return Err(Undefined::OneArm);
        }
        if cuts.len() + 1 != names.len() {
            return Err(Undefined::LengthMismatch);
        }
        if cuts.iter().any(|cut| !cut.is_finite()) {
            return Err(Undefined::NotFinite);
        }
        if cuts.windows(2).any(|pair| pair[0] > pair[1]) {
            return Err(Undefined::BoundsOutOfOrder);
        }
        Ok(Self { names: names.iter().map(|name| (*name).to_owned()).collect(), cuts: cuts.to_vec() })
    }

    /// The tier of a score; what is no number is of the lowest.
    #[must_use]
    pub fn tier(&self, score: f64) -> &str {
        let above = self.cuts.iter().filter(|cut| score >= **cut).count();
        self.names.get(above).map_or("", String::as_str)
    }

    /// The names, from the lowest.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }
}

/// How an effect goes with the tiers of a column.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TierEffect {
    /// The arm.
    pub arm: String,
    /// The metric.
    pub metric: String,
    /// The column.
    pub column: String,
    /// By how much the effect rises from tier to tier.
    pub slope: f64,
    /// Its standard error.
    pub error: f64,
    /// Of no change, at one look.
    pub p: f64,
    /// Adjusted by Benjamini and Hochberg over arms, metrics and columns.
    pub p_adjusted: f64,
    /// Whether it changes.
    pub is_flagged: bool,
    /// The tiers that have an effect, from the lowest.
    pub tiers: Vec<TierPart>,
}

/// The effect in a tier.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TierPart {
    /// The tier.
    pub tier: String,
    /// Its units in both arms.
    pub units: u64,
    /// The control's value there.
    pub base: f64,
    /// The difference.
    pub difference: f64,
    /// Its standard error.
    pub error: f64,
    /// Where it lies, at one look.
    pub interval: Interval,
    /// The difference over the control's value, for display.
    pub lift: Option<f64>,
}

/// The effects by tier of all arms and metrics, where a column holds tiers.
pub(super) fn tiers(of: &Analysis) -> Vec<TierEffect> {
    let mut found = Vec::new();
    for column in &of.columns {
        let Content::Tiers(names) = &column.content else { continue };
        for arm in 1..of.arms.len() {
            found.extend((0..of.metrics.len()).filter_map(|metric| effect(of, arm, metric, column, names)));
        }
    }
    let p: Vec<f64> = found.iter().map(|of| of.p).collect();
    let many = adjusted(&p, Adjustment::FalseDiscovery).unwrap_or_default();
    found.iter_mut().zip(many).for_each(|(found, p)| {
        (found.p_adjusted, found.is_flagged) = (p, p <= of.alpha.value());
    });
    found
}

fn effect(of: &Analysis, arm: usize, metric: usize, column: &Column, names: &[String]) -> Option<TierEffect> {
    let (arms, kind) = (of.arms.len(), of.kind(metric));
    let (mut points, mut parts, mut units) = (Vec::new(), Vec::new(), 0);
    for (rank, name) in names.iter().enumerate() {
        let Some(cells) = column.values.get(name) else { continue };
        let (a, b): (&Cell, &Cell) = (&cells[metric * arms], &cells[metric * arms + arm]);
        if !(a.is_enough(kind) && b.is_enough(kind)) {
            continue;
        }
        let (Ok(effect), Ok(base)) = (Effect::between(kind, a, b), a.arm(kind)) else { continue };
        let effect = effect.normal();
        points.push((rank as f64, effect.estimate(), 1.0 / (effect.error() * effect.error())));
        units += effect.units();
        parts.push(TierPart {
            tier: name.clone(),
            units: effect.units(),
            base: base.value(),
            difference: effect.estimate(),
            error: effect.error(),
            interval: effect.interval(of.alpha),
            lift: (base.value().abs() > 0.0).then(|| effect.estimate() / base.value().abs()),
        });
    }
    let line = Trend::through(&points, units).ok()?;
    Some(TierEffect {
        arm: of.arms[arm].clone(),
        metric: of.metrics[metric].name.clone(),
        column: column.name.clone(),
        slope: line.slope.estimate(),
        error: line.slope.error(),
        p: line.slope.p(),
        p_adjusted: 1.0,
        is_flagged: false,
        tiers: parts,
    })
}

/// The stored form.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    names: Vec<String>,
    cuts: Vec<f64>,
}

impl TryFrom<Stored> for Tiers {
    type Error = Undefined;
    fn try_from(stored: Stored) -> Result<Self, Undefined> {
        Self::at(&stored.cuts, &stored.names.iter().map(String::as_str).collect::<Vec<_>>())
    }
}

impl From<Tiers> for Stored {
    fn from(of: Tiers) -> Self {
        Self { names: of.names, cuts: of.cuts }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// statsmodels 0.15: WLS of the three differences on their rank, with the inverse of their squared errors as weights
    /// and a fixed scale.
    #[test]
    fn an_effect_that_rises_with_value_is_told_in_order() {
        let tiers = Tiers::at(&[10.0, 50.0], &["low", "middle", "high"]).unwrap();
        let mut analysis =
            Analysis::new(&["old", "new"], &["bought"], &["worth"]).unwrap().tiers("worth", tiers.names()).unwrap();
        for (score, did) in [(60.0, [300, 400]), (5.0, [100, 98]), (20.0, [200, 240])] {
            for (arm, did) in did.into_iter().enumerate() {
                for i in 0..2_000 {
                    analysis.observe(arm, &[f64::from(u8::from(i < did))], &[tiers.tier(score)]).unwrap();
                }
            }
        }
        // A tier with too few units says nothing, and what is no tier neither.
        let other = analysis.clone();
        analysis.observe(0, &[1.0], &["unknown"]).unwrap();
        let findings = analysis.findings();
        let [found] = &findings.tiers[..] else { unreachable!() };
        let names: Vec<&str> = found.tiers.iter().map(|part| part.tier.as_str()).collect();
        assert_eq!(names, ["low", "middle", "high"]);
        assert!((found.slope - 0.024_752_315_079_308_487).abs() < 1e-9, "{}", found.slope);
        assert!((found.error - 0.006_609_321_045_675_949).abs() < 1e-9, "{}", found.error);
        assert!(found.is_flagged && (found.tiers[2].lift.unwrap() - 1.0 / 3.0).abs() < 1e-12);
        assert!(findings.to_string().contains("new / bought by worth: "), "{findings}");
        // Tiers are segments too.
        assert_eq!(other.findings().splits.len(), 1);
    }

    #[test]
    fn tiers_are_cut_into_equal_parts_and_in_order() {
        let scores: Vec<f64> = (0..1_000).map(|i| f64::from(i * 7 % 1_000)).collect();
        let tiers = Tiers::of(&scores, &["a", "b", "c", "d", "e"]).unwrap();
        for name in tiers.names() {
            assert_eq!(scores.iter().filter(|score| tiers.tier(**score) == *name).count(), 200);
        }
        assert_eq!((tiers.tier(f64::NAN), tiers.tier(f64::NEG_INFINITY), tiers.tier(f64::INFINITY)), ("a", "a", "e"));
        let text = serde_json::to_string(&tiers).unwrap();
        assert_eq!(serde_json::from_str::<Tiers>(&text).unwrap(), tiers);
        let equal = Tiers::of(&[0.0; 9], &["low", "high"]).unwrap();
        assert_eq!(equal.tier(0.0), "high");
        assert_eq!(Tiers::of(&[], &["a", "b"]), Err(Undefined::NoUnits));
        assert_eq!(Tiers::of(&[f64::NAN], &["a", "b"]), Err(Undefined::NotFinite));
        assert_eq!(Tiers::of(&[1.0], &["a"]), Err(Undefined::OneArm));
        assert_eq!(Tiers::of(&[1.0], &[]), Err(Undefined::OneArm));
        assert_eq!(Tiers::at(&[2.0, 1.0], &["a", "b", "c"]), Err(Undefined::BoundsOutOfOrder));
        assert_eq!(Tiers::at(&[2.0], &["a", "b", "c"]), Err(Undefined::LengthMismatch));
    }
}
