//! A generated shop that tries a personalised home page, subtle and bold.

use bespoke::experiment::Measure::{Conversion, Engagement, Value};
use bespoke::experiment::{ExperimentPlan, MetricKind, Null, PlanErrors, PlannedArm, PlannedMetric};

use crate::draw::Dice;

pub(crate) fn plan() -> Result<ExperimentPlan, PlanErrors> {
    ExperimentPlan::builder("regular customers buy more where the home page shows what they look at")
        .arm(PlannedArm::new("generic").intensity(0.0))
        .arm(PlannedArm::new("subtle").intensity(1.0).cost(0.001))
        .arm(PlannedArm::new("bold").intensity(2.0).cost(0.004))
        .metric(PlannedMetric::primary("bought", MetricKind::Rate).expected(0.12, None).measures(Conversion))
        .metric(PlannedMetric::secondary("viewed", MetricKind::Rate).measures(Engagement))
        .metric(PlannedMetric::secondary("added", MetricKind::Rate))
        .metric(PlannedMetric::secondary("spend", MetricKind::Mean).measures(Value).worth(1.0))
        .metric(PlannedMetric::guardrail("left", MetricKind::Rate).down().null(Null::Relative(0.1)))
        .smallest(0.15)
        .holdout(0.05)
        .build()
}

/// So many people. The bold page helps those who have bought before, and annoys the new ones a little.
pub(crate) fn table(people: u64) -> String {
    let mut text = "user,arm,tier,device,viewed,added,bought,spend,left\n".to_owned();
    for person in 0..people {
        let mut dice = Dice::new(17, person);
        let mut pick = |shares: &[f64]| {
            let at = dice.unit();
            shares
                .iter()
                .scan(0.0, |sum, share| {
                    *sum += share;
                    Some(*sum)
                })
                .take_while(|upto| *upto < at)
                .count()
        };
        let (arm, tier, device) = (pick(&[1.0 / 3.0, 1.0 / 3.0]), pick(&[0.5, 0.35]), pick(&[0.6]));
        let lift = [[1.0, 1.0, 1.0], [1.02, 1.08, 1.12], [0.97, 1.25, 1.4]][arm][tier];
        let viewed = dice.unit() < 0.6 * (1.0 + 0.3 * (lift - 1.0));
        let added = viewed && dice.unit() < 0.45 * (1.0 + 0.3 * (lift - 1.0));
        let bought = added && dice.unit() < [0.34, 0.5, 0.62][tier] * (1.0 + 0.4 * (lift - 1.0));
        let spend = if bought { libm::exp(3.2 + 0.8 * dice.normal()) } else { 0.0 };
        let left = dice.unit() < 0.2;
        let names =
            (["generic", "subtle", "bold"][arm], ["new", "regular", "loyal"][tier], ["phone", "desktop"][device]);
        let did = [viewed, added, bought].map(u8::from);
        text.push_str(&format!(
            "{person},{},{},{},{},{},{},{spend:.2},{}\n",
            names.0,
            names.1,
            names.2,
            did[0],
            did[1],
            did[2],
            u8::from(left)
        ));
    }
    text
}
