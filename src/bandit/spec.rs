//! Which policy a campaign uses, as written down.

use serde::{Deserialize, Serialize};

use super::{
    BanditError, Budget, ContextualScheme, Control, EpsilonGreedy, Guards, HalfLife, LinThompson, LinUcb,
    LogisticThompson, Reward, Scheme, Shrunk, Softmax, SquareCb, Thompson, Ucb,
};
use crate::time::Span;

/// The definition of a bandit: one policy, and what holds of any.
///
/// ```
/// use bespoke::bandit::{BanditSpec, EpsilonGreedy, PolicySpec, Scheme};
/// let spec: BanditSpec = serde_json::from_str(r#"{"epsilon_greedy": {"epsilon": 0.1}, "burn_in": 100}"#)?;
/// assert_eq!(spec.policy, PolicySpec::Tallied(Scheme::EpsilonGreedy(EpsilonGreedy { epsilon: 0.1 })));
/// assert_eq!(spec.guards.burn_in, 100);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct BanditSpec {
    /// The policy.
    pub policy: PolicySpec,
    /// After how long a trial counts half, for arms whose worth changes.
    pub half_life: Option<HalfLife>,
    /// Whether less is better: costs, complaints, returns.
    pub less_is_better: bool,
    /// What a trial counts as until it is paid, and for ever if it never is, in place of nothing: such as what a
    /// visitor costs who does not buy. A goal that pays only within its window so gives a trial this number once the
    /// window has passed.
    pub unpaid: Option<Reward>,
    /// What holds whatever the policy says.
    pub guards: Guards,
}

/// A policy's kind and settings.
#[derive(Clone, Debug, PartialEq)]
pub enum PolicySpec {
    /// One that looks at no features.
    Tallied(Scheme),
    /// One that does.
    Contextual(ContextualScheme),
    /// One that does, for rates.
    Logistic(LogisticThompson),
}

impl Default for PolicySpec {
    /// Thompson sampling of rates, from a flat prior.
    fn default() -> Self {
        Self::Tallied(Scheme::Thompson(Thompson::default()))
    }
}

impl PolicySpec {
    /// Whether it looks at features.
    #[must_use]
    pub const fn reads_features(&self) -> bool {
        !matches!(self, Self::Tallied(_))
    }

    /// Whether it learns from rewards of any size; otherwise only from 0 to 1.
    #[must_use]
    pub fn takes_amounts(&self) -> bool {
        match self {
            Self::Tallied(scheme) => scheme.takes_amounts(),
            Self::Contextual(_) => true,
            Self::Logistic(_) => false,
        }
    }
}

impl BanditSpec {
    /// The names of all policies and settings, as they are written down.
    pub const FIELDS: [&'static str; 17] = [
        "thompson",
        "epsilon_greedy",
        "softmax",
        "ucb",
        "contextual",
        "lin_ucb",
        "lin_thompson",
        "square_cb",
        "logistic",
        "half_life",
        "half_life_exposures",
        "less_is_better",
        "unpaid",
        "burn_in",
        "floor",
        "control",
        "budget",
    ];

    /// Those of the policies.
    pub const POLICIES: &'static str =
        "thompson, epsilon_greedy, softmax, ucb, contextual, lin_ucb, lin_thompson, square_cb, logistic";

    /// Checks what is written, without building anything from it.
    ///
    /// # Errors
    /// [`BanditError::Setting`] for a setting out of range, [`BanditError::Unfading`] for a half-life of a policy that
    /// cannot forget.
    pub fn check(&self) -> Result<(), BanditError> {
        match &self.policy {
            PolicySpec::Tallied(scheme) => scheme.check()?,
            PolicySpec::Contextual(settings) => settings.check()?,
            PolicySpec::Logistic(settings) => {
                settings.check()?;
                // Its trials are not kept, and what they add to the precision does not fade by itself.
                if self.half_life.is_some() {
                    return Err(BanditError::Unfading { policy: "logistic" });
                }
            }
        }
        self.half_life.map_or(Ok(()), HalfLife::check)?;
        if let Some(found) = self.unpaid.map(Reward::value).filter(|_| !self.policy.takes_amounts()) {
            super::error::check_setting("unpaid", found, 0.0, 1.0)?;
        }
        self.guards.check()
    }
}

/// As it stands in JSON: the policy by its name, and the settings beside it.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Written {
    #[serde(skip_serializing_if = "Option::is_none")]
    thompson: Option<Thompson>,
    #[serde(skip_serializing_if = "Option::is_none")]
    epsilon_greedy: Option<EpsilonGreedy>,
    #[serde(skip_serializing_if = "Option::is_none")]
    softmax: Option<Softmax>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ucb: Option<Ucb>,
    #[serde(skip_serializing_if = "Option::is_none")]
    contextual: Option<Shrunk>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lin_ucb: Option<LinUcb>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lin_thompson: Option<LinThompson>,
    #[serde(skip_serializing_if = "Option::is_none")]
    square_cb: Option<SquareCb>,
    #[serde(skip_serializing_if = "Option::is_none")]
    logistic: Option<LogisticThompson>,
    #[serde(skip_serializing_if = "Option::is_none")]
    half_life: Option<Span>,
    #[serde(skip_serializing_if = "Option::is_none")]
    half_life_exposures: Option<u32>,
    #[serde(skip_serializing_if = "is_false")]
    less_is_better: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    unpaid: Option<Reward>,
    #[serde(skip_serializing_if = "is_zero")]
    burn_in: u32,
    #[serde(skip_serializing_if = "is_nothing")]
    floor: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    control: Option<Control>,
    #[serde(skip_serializing_if = "Option::is_none")]
    budget: Option<Budget>,
}

impl From<BanditSpec> for Written {
    fn from(BanditSpec { policy, half_life, less_is_better, unpaid, guards }: BanditSpec) -> Self {
        let Guards { burn_in, floor, control, budget } = guards;
        let mut written = Self { less_is_better, unpaid, burn_in, floor, control, budget, ..Self::default() };
        match policy {
            PolicySpec::Tallied(Scheme::Thompson(settings)) => written.thompson = Some(settings),
            PolicySpec::Tallied(Scheme::EpsilonGreedy(settings)) => written.epsilon_greedy = Some(settings),
            PolicySpec::Tallied(Scheme::Softmax(settings)) => written.softmax = Some(settings),
            PolicySpec::Tallied(Scheme::Ucb(settings)) => written.ucb = Some(settings),
            PolicySpec::Contextual(ContextualScheme::Shrunk(settings)) => written.contextual = Some(settings),
            PolicySpec::Contextual(ContextualScheme::LinUcb(settings)) => written.lin_ucb = Some(settings),
            PolicySpec::Contextual(ContextualScheme::LinThompson(settings)) => written.lin_thompson = Some(settings),
            PolicySpec::Contextual(ContextualScheme::SquareCb(settings)) => written.square_cb = Some(settings),
            PolicySpec::Logistic(settings) => written.logistic = Some(settings),
        }
        match half_life {
            Some(HalfLife::Time(span)) => written.half_life = Some(span),
            Some(HalfLife::Exposures(count)) => written.half_life_exposures = Some(count),
            None => {}
        }
        written
    }
}

impl TryFrom<Written> for BanditSpec {
    type Error = BanditError;

    fn try_from(written: Written) -> Result<Self, BanditError> {
        let policies = [
            written.thompson.map(|settings| PolicySpec::Tallied(settings.into())),
            written.epsilon_greedy.map(|settings| PolicySpec::Tallied(settings.into())),
            written.softmax.map(|settings| PolicySpec::Tallied(settings.into())),
            written.ucb.map(|settings| PolicySpec::Tallied(settings.into())),
            written.contextual.map(|settings| PolicySpec::Contextual(settings.into())),
            written.lin_ucb.map(|settings| PolicySpec::Contextual(settings.into())),
            written.lin_thompson.map(|settings| PolicySpec::Contextual(settings.into())),
            written.square_cb.map(|settings| PolicySpec::Contextual(settings.into())),
            written.logistic.map(PolicySpec::Logistic),
        ];
        let found = policies.iter().flatten().count();
        let Some(policy) = policies.into_iter().flatten().next().filter(|_| found == 1) else {
            return Err(BanditError::Policies { found, names: Self::POLICIES });
        };
        let half_life = match (written.half_life, written.half_life_exposures) {
            (Some(_), Some(_)) => return Err(BanditError::HalfLives),
            (time, exposures) => time.map(HalfLife::Time).or(exposures.map(HalfLife::Exposures)),
        };
        let Written { less_is_better, unpaid, burn_in, floor, control, budget, .. } = written;
        let guards = Guards { burn_in, floor, control, budget };
        let spec = Self { policy, half_life, less_is_better, unpaid, guards };
        spec.check()?;
        Ok(spec)
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
const fn is_false(of: &bool) -> bool {
    !*of
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
const fn is_zero(of: &u32) -> bool {
    *of == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_nothing(of: &f64) -> bool {
    of.abs() <= 0.0
}
