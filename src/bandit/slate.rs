//! Slates: several arms at once, best first, and what a click on one of them teaches.
//!
//! A slate is drawn position by position, each arm with the policy's probability among those that are left (Plackett and
//! Luce's model of rankings), so that every propensity is exact given the positions above. What is learned follows the
//! cascade model (Craswell, Zoeter, Taylor and Ramsey, "An experimental comparison of click position-bias models", WSDM
//! 2008; as a bandit: Kveton, Szepesvári, Wen and Ashkan, "Cascading bandits: learning to rank in the cascade model",
//! ICML 2015): people look from the top and stop where they find what they want, so that what stands above a click was
//! seen and passed over, and what stands below was not seen.

use rand::Rng;

use super::{BanditError, Choice, Policy, Reward, Trial, Turn};

/// Draws up to `limit` different arms, best first; each propensity is given those above.
///
/// Costs as many choices as arms are drawn.
///
/// # Errors
/// As [`Policy::propensities`].
///
/// ```
/// use bespoke::Timestamp;
/// use bespoke::bandit::{Arms, Tallied, Thompson, Turn, choose_slate};
/// use rand::{SeedableRng, rngs::Xoshiro256PlusPlus};
/// let now: Timestamp = "2026-03-01T12:00:00Z".parse()?;
/// let policy = Tallied::new(5, Thompson::default())?;
/// let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
/// let slate = choose_slate(&policy, &Turn::new(Arms::first(5), now), 3, &mut rng)?;
/// assert_eq!(slate.len(), 3);
/// assert!((slate[2].propensity.value() - 1.0 / 3.0).abs() < 1e-9, "one of the three that are left");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn choose_slate(
    policy: &dyn Policy,
    turn: &Turn<'_>,
    limit: usize,
    rng: &mut dyn Rng,
) -> Result<Vec<Choice>, BanditError> {
    let mut left = turn.clone();
    let mut slate = Vec::new();
    while slate.len() < limit {
        let Some(choice) = policy.choose(&left, rng)? else { break };
        left.eligible.remove(choice.arm);
        slate.push(choice);
    }
    Ok(slate)
}

/// Learns from a slate that was shown: `taken` is the position that was clicked or bought, and what that paid. Those
/// above it are trials that paid nothing, those below teach nothing; where nothing was taken, all were seen.
///
/// # Errors
/// As [`Policy::check`], of any arm of the slate; nothing is learned then.
///
/// ```
/// use bespoke::Timestamp;
/// use bespoke::bandit::{Policy, Reward, Tallied, Thompson, Trial, learn_cascade};
/// let now: Timestamp = "2026-03-01T12:00:00Z".parse()?;
/// let mut policy = Tallied::new(3, Thompson::default())?;
/// let slate = [2, 0, 1].map(|arm| Trial::new(arm, now));
/// learn_cascade(&mut policy, &slate, Some((1, Reward::new(1.0)?)))?;
/// let shown: Vec<u64> = policy.tallies().iter().map(|tally| tally.exposures()).collect();
/// assert_eq!(shown, [1, 0, 1], "what stood below the click was not seen");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn learn_cascade(
    policy: &mut dyn Policy,
    slate: &[Trial<'_>],
    taken: Option<(usize, Reward)>,
) -> Result<(), BanditError> {
    let seen = taken.map_or(slate.len(), |(position, _)| position.saturating_add(1).min(slate.len()));
    let reward = |position: usize| match taken {
        Some((at, reward)) if at == position => reward,
        _ => Reward::NONE,
    };
    let seen = &slate[..seen];
    seen.iter().enumerate().try_for_each(|(position, trial)| policy.check(trial, reward(position)))?;
    // What was passed over is exposed, and so counts as a bandit says of what is never paid.
    seen.iter().enumerate().try_for_each(|(position, trial)| match taken {
        Some((at, reward)) if at == position => policy.observe(trial, reward),
        _ => policy.expose(trial),
    })
}
