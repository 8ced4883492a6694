//! The errors of choosing and judging: bandits, statistics, experiments and policies judged by logs, word for word.

use bespoke::Error;
use bespoke::bandit::BanditError;
use bespoke::decision::NotAPropensity;
use bespoke::evaluate::{Log, OffPolicyError};
use bespoke::experiment::{AllocationError, BacklogError, PlanError, PlanErrors, PlanHash};
use bespoke::stats::{StatsError, Undefined};

use crate::errors::{says, text};

#[test]
fn choice_and_statistics_errors_show_the_range() {
    says(NotAPropensity(1.5), "1.5 is not a propensity: it must be more than 0 and at most 1");
    says(BanditError::Arms { found: 4_097 }, "a bandit has from 1 to 4096 arms, but 4097 were given");
    says(BanditError::NoSuchArm { arm: 3, arms: 3 }, "there is no arm 3: the arms are 0 to 2");
    says(BanditError::Reward { found: 1e13 }, "a reward is a number from -5e12 to 5e12, but 10000000000000 was given");
    says(
        BanditError::RewardRange { policy: "ucb", found: 2.0 },
        "`ucb` learns from rewards from 0 to 1, but 2 was given; scale it, or take a policy for amounts",
    );
    says(
        BanditError::Policies { found: 2, names: "thompson, ucb" },
        "a bandit has one policy, but 2 are named; name one of thompson, ucb",
    );
    says(BanditError::HalfLives, "`half_life` and `half_life_exposures` are both given; keep one of them");
    says(
        BanditError::Unfading { policy: "logistic" },
        "`logistic` does not forget; take the half-life away, or the policy `contextual`",
    );
    says(
        BanditError::NothingToForget { arm: 2 },
        "arm 2 has no trial left to forget; forget a trial once, and only where it was learned",
    );
    says(
        BanditError::Unforgettable { policy: "logistic" },
        "`logistic` cannot forget a single trial; learn it again from the trials that may stay",
    );
    says(
        BanditError::Positions { at: 2 },
        "position 2 cannot be compared with the first; show arms at both, or at others that link them, until some are taken",
    );
    says(
        BanditError::Undescribed,
        "arms can be described to the policy `contextual` only; take it, or leave the descriptions away",
    );
    says(
        StatsError::BetaParameter { found: 0.0 },
        "a beta distribution needs parameters from 0.1 to 1000000000000, but one is 0",
    );
    says(BanditError::Features { found: 2, wanted: 3 }, "2 features were given, but the policy has 3");
    says(
        BanditError::Feature { at: 1, found: 2e9 },
        "a feature is a number from -1e9 to 1e9, but the one at 1 is 2000000000",
    );
    says(
        BanditError::Setting { name: "floor", found: 2.0, least: 0.0, most: 0.5 },
        "`floor` lies from 0 to 0.5, but 2 was given",
    );
    says(
        BanditError::Stored,
        "the parts of a stored bandit do not fit each other; learn it again, or take another copy",
    );
}

#[test]
fn what_has_no_answer_says_what_one_would_need() {
    let reasons = [
        (
            Undefined::ZeroVariance,
            "nothing varies, so that no difference can be told from chance; at least one arm must vary",
        ),
        (Undefined::EmptyArm, "an arm is empty; each needs units"),
        (Undefined::OneUnit, "an arm has one unit; a variance needs two"),
        (Undefined::ZeroBaseline, "the control's value is zero; a relative lift needs another"),
        (Undefined::NotPositive, "a value is zero or below; a ratio needs both above zero"),
        (Undefined::NoTraffic, "no arm expects traffic; one weight must be above zero"),
        (Undefined::NoUnits, "nobody was counted; at least one unit is needed"),
        (Undefined::OneArm, "fewer than two arms are left; a comparison needs two"),
        (Undefined::NoVariations, "there are no variations; at least one is needed"),
        (Undefined::NotFinite, "a number is not finite"),
        (Undefined::NanP, "a p-value is not a number; it lies from 0 to 1"),
        (Undefined::OutOfRangeP, "a p-value is out of range; it lies from 0 to 1"),
        (Undefined::Alpha, "alpha is out of range; it lies between 0 and 1, such as 0.05"),
        (Undefined::Power, "the power is out of range; it lies between alpha and 1, such as 0.8"),
        (Undefined::Rate, "a rate is out of range; it lies between 0 and 1"),
        (Undefined::NotZeroOrOne, "a unit of a rate is neither 0 nor 1; for other numbers let the metric be a mean"),
        (Undefined::MoreSuccessesThanUnits, "more successes than units; they are at most as many"),
        (Undefined::NotACount, "a count is not a whole number from 0"),
        (
            Undefined::NegativeVariance,
            "a variance is negative; sums of squares are at least the square of the sum over n",
        ),
        (Undefined::BadWeight, "a weight is negative or not finite"),
        (Undefined::LengthMismatch, "lists that belong together have different lengths"),
        (Undefined::Parameter, "a parameter is out of range; it is finite and above zero"),
        (Undefined::NoEffect, "the effect to detect is zero; no number of units finds that"),
        (Undefined::QuantileOfSums, "a quantile is asked of sums, which do not tell it; observe the units themselves"),
        (Undefined::AboveCap, "a sum is above the cap times the units; cap each unit before adding up"),
        (Undefined::LooksOutOfOrder, "looks are out of order; information rises from above 0"),
        (Undefined::BoundsOutOfOrder, "a bound is out of order; the lower is at most the upper"),
        (Undefined::NoRepeats, "nobody bought again, so that the parameters are not identified"),
        (Undefined::RecencyAfterEnd, "a customer's last purchase is after the end of its observation"),
        (
            Undefined::NoMaximum,
            "the likelihood has no maximum at finite parameters; more customers, or more varied ones, are needed",
        ),
    ];
    for (reason, text) in reasons {
        says(reason, text);
        says(StatsError::from(reason), text);
    }
}

#[test]
fn mistakes_of_plans_say_where_they_are() {
    says(
        PlanError::Text { at: text("hypothesis"), bytes: 0, limit: 4096 },
        "`hypothesis` has 0 bytes; it has from 1 to 4096",
    );
    says(
        PlanError::Count { at: "arms", found: 1, least: 2, most: 64 },
        "`arms` has 1 entries; a plan has from 2 to 64",
    );
    says(
        PlanError::Twice { at: text("arms[1].name"), name: text("a") },
        "`arms[1].name` is `a`, as one before it; give each a name of its own",
    );
    let control = |nearest: Option<&str>| PlanError::Control { found: text("contrl"), nearest: nearest.map(text) };
    says(control(Some("control")), "`control` is `contrl`, which is no arm; did you mean `control`?");
    says(control(None), "`control` is `contrl`, which is no arm");
    says(PlanError::NoPrimary, "no metric is primary; give one of `metrics` the role `primary`");
    says(
        PlanError::Number { at: text("arms[0].weight"), found: -1.0, wanted: "above 0 and at most 1e9" },
        "`arms[0].weight` is -1, but must be above 0 and at most 1e9",
    );
    says(
        PlanError::Fit { at: text("metrics[0].over"), kind: "mean", wanted: "left out" },
        "`metrics[0].over` of a metric of kind `mean` must be left out",
    );
    says(
        PlanError::Levels { at: text("arms[3].levels"), found: "is a combination that another arm has" },
        "`arms[3].levels` is a combination that another arm has; arms with levels have one of each factor, and each \
         combination has one arm",
    );
    says(
        PlanError::Size { metric: text("bought"), reason: Undefined::Rate },
        "`units` cannot be computed from what metric `bought` expects: a rate is out of range; it lies between 0 and 1",
    );
    says(
        PlanError::NoUnits { design: "fixed", metric: text("bought") },
        "the design `fixed` needs `units`, or what is `expected` of metric `bought` to compute them",
    );
    let hash = |last: u8| format!("{last:032x}").parse::<PlanHash>().unwrap();
    says(
        PlanError::Changed { registered: hash(1), found: hash(2) },
        "the plan is 00000000000000000000000000000002, but looks were taken under 00000000000000000000000000000001; \
         go on with that one, or register anew",
    );
    says(
        PlanError::FewerUnits { found: 7, before: 8 },
        "there are 7 units, but the last look saw 8; analyse all units since the start",
    );
    says(
        PlanError::TooManyLooks { found: 201, limit: 200 },
        "this would be look 201; a group sequential design has at most 200, so look less often",
    );
    says(PlanError::Unplanned, "the analysis has no plan; begin it with the registered one");
    says(PlanError::Stored, "the parts of a stored registration do not fit its plan; take another copy");
    says(
        "x".parse::<PlanHash>().unwrap_err(),
        "`x` is not a plan's hash; it is the 32 hexadecimal digits that a registration carries",
    );
    says(PlanErrors::from(PlanError::NoPrimary), "no metric is primary; give one of `metrics` the role `primary`");
}

#[test]
fn backlogs_that_cannot_be_say_why() {
    let name = || text("banner");
    says(
        BacklogError::Name { name: name() },
        "two ideas are called `banner`, or it is empty; give each a name of its own",
    );
    says(
        BacklogError::Unknown { name: name(), needed: text("feed") },
        "`banner` needs `feed`, which is no idea of the backlog",
    );
    says(BacklogError::Cycle { name: name() }, "`banner` needs itself, by way of what it needs; break the circle");
    says(
        BacklogError::Numbers { name: name(), reason: Undefined::Rate },
        "the numbers of `banner` do not go: a rate is out of range; it lies between 0 and 1",
    );
    says(BacklogError::TooMany { found: 31, limit: 30 }, "there are 31 ideas; at most 30 are taken here");
}

#[test]
fn allocations_that_cannot_be_say_why() {
    let name = || text("old");
    says(AllocationError::Text { at: "salt", bytes: 0 }, "`salt` has 0 bytes; it has from 1 to 512");
    says(
        AllocationError::Step { found: 0.5 },
        "a step of the ramp is 0.5; there are from 1 to 1000, which rise from above 0 to at most 1",
    );
    says(AllocationError::Arms { found: 0 }, "an allocation has from 1 to 1000 arms, but 0 were given");
    says(AllocationError::Twice { name: name() }, "two arms are called `old`; give each a name of its own");
    says(AllocationError::Share { name: name(), found: 1.5 }, "the share of `old` is 1.5, but must be from 0 to 1");
    says(AllocationError::Total { found: 1.5 }, "the shares add up to 1.5; all together are at most 1");
    says(
        AllocationError::Range { name: name(), low: 0.5, high: 0.25 },
        "the range 0.5 to 0.25 of `old` is not within 0 and 1, or overlaps one before it",
    );
    says(AllocationError::Unknown { name: name() }, "there is no arm `old`");
    says(AllocationError::Budget { found: 0.0 }, "the budget is 0, but must be above 0 and at most 1");
    says(
        AllocationError::SameSalt { salt: text("page") },
        "`page` salts two steps of the assignment; give each a salt of its own",
    );
    says(
        AllocationError::Forced { found: 10_001 },
        "10001 units are forced into arms; at most 10000 can be, since that is for testing",
    );
}

#[test]
fn off_policy_errors_say_what_a_log_lacks() {
    says(OffPolicyError::Empty, "the log is empty; it needs decisions with their rewards");
    says(OffPolicyError::Arms { found: 0 }, "a log has from 1 to 65536 arms, but 0 were given");
    says(OffPolicyError::NoSuchArm { at: 7, arm: 3, arms: 3 }, "record 7: there is no arm 3: the arms are 0 to 2");
    says(
        OffPolicyError::Reward { at: 7, found: f64::NAN },
        "record 7: a reward is a number from -5e12 to 5e12, but NaN was given",
    );
    says(OffPolicyError::Features { at: 7, found: 3, wanted: 2 }, "record 7: 3 features were given, but 2 are needed");
    says(
        OffPolicyError::Feature { at: 7, feature: 1, found: f64::INFINITY },
        "record 7: a feature is a number from -1e9 to 1e9, but the one at 1 is inf",
    );
    says(
        OffPolicyError::Length { found: 3, wanted: 6 },
        "3 numbers were given, but the log needs 6: one for each record, or for each of its arms",
    );
    says(
        OffPolicyError::Probability { at: 7, arm: 1, found: -0.5 },
        "record 7: the target's probability of arm 1 is -0.5, but must be from 0 to 1",
    );
    says(
        OffPolicyError::Sum { at: 7, found: 1.5 },
        "record 7: the target's probabilities sum to 1.5, but must sum to 1",
    );
    says(
        OffPolicyError::Prediction { at: 7, arm: 1, found: f64::INFINITY },
        "record 7: the predicted reward of arm 1 is inf, but must be finite",
    );
    says(
        OffPolicyError::Threshold { found: f64::NAN },
        "a threshold of weights is a number from 0, possibly infinite, but NaN was given",
    );
    says(
        OffPolicyError::Folds { found: 1, records: 9 },
        "the log cannot be split in 1 folds; from 2 to its 9 records can be",
    );
    says(
        OffPolicyError::NoOverlap,
        "the target never chooses an arm that was logged, so that the log says nothing of it; log more at random",
    );
    says(
        OffPolicyError::TooFewEffective { found: 12.34, needed: 50 },
        "the weighted log counts for 12.3 records, but at least 50 are needed; log more, or judge a policy nearer to the \
         one that was logged",
    );
    says(
        OffPolicyError::TooFewPositive { found: 46, needed: 50 },
        "46 records that count have a reward above zero, but at least 50 are needed; log more",
    );
    says(
        OffPolicyError::BelowFloor { found: 0.1, floor: 0.25 },
        "the propensity 0.1 is below the replay's floor 0.25; take the least that was logged as the floor",
    );
    says(OffPolicyError::EmptySlate { at: 7 }, "slate 7 is empty; it needs at least one position");
    says(
        OffPolicyError::SlateNumber { at: 7, position: 1, found: 1.5 },
        "slate 7, position 1: 1.5 was given, but a reward is finite and a probability from 0 to 1",
    );
    says(OffPolicyError::from(Undefined::ZeroVariance), &Undefined::ZeroVariance.to_string());
    says(Error::from(Log::new(2, Vec::new()).unwrap_err()), &OffPolicyError::Empty.to_string());
}
