//! Value, and the conditions that could go with it, over a sample of people.

use serde::Serialize;

use super::bits::Bits;
use super::conditions::conditions;
use super::leak::leaks;
use super::sample::Sample;
use super::worth::{InsightError, Worth};
use crate::catalog::Catalog;
use crate::engine::Engine;
use crate::profile::Profile;
use crate::rule::{Rule, Unknown};
use crate::segment::Segment;
use crate::stats::{Alpha, Evidence, Interval, Moments, mid_ranks, normal_upper_quantile, normal_upper_tail, rank_sum};
use crate::time::{Span, Timestamp};

/// How to look for what goes with value.
#[derive(Clone, Debug, PartialEq)]
pub struct ValueSettings {
    /// The names of attributes to look at, beside those that the schema declares, those that segments ask about, and
    /// `device` and `channel`: profiles hold no names.
    pub attributes: Vec<String>,
    /// How many people of the sample must meet a condition, and how many must not.
    pub least: usize,
    /// Which part of people a suggested segment must have.
    pub least_share: f64,
    /// The windows within which events are counted, beside ever.
    pub windows: Vec<Span>,
    /// How many of the reported findings may be false, as a part of them.
    pub false_discovery: f64,
    /// How often the intervals may miss.
    pub alpha: Alpha,
    /// How many segments are suggested at most.
    pub suggestions: usize,
    /// How many conditions a suggested segment has at most.
    pub depth: usize,
    /// How many unfinished rules the search keeps at each depth.
    pub beam: usize,
}

impl Default for ValueSettings {
    /// At least 50 people, 1 % for a suggestion; events ever and within 30 days; one finding in twenty false, intervals
    /// of 95 %; up to five segments of up to three conditions, from the 16 best rules at each depth.
    fn default() -> Self {
        Self {
            attributes: Vec::new(),
            least: 50,
            least_share: 0.01,
            windows: vec![Span::days(30)],
            false_discovery: 0.05,
            alpha: Alpha::USUAL,
            suggestions: 5,
            depth: 3,
            beam: 16,
        }
    }
}

/// A sample of people with what each is worth and which conditions each meets.
///
/// [`Analysis::drivers`] says which conditions go with value, [`Analysis::suggestions`] which segments would be worth
/// having. Conditions are asked as segments would be: of an engine that has them, with profiles that were fitted to it
/// from their history. A count of events of which the engine has kept no counter so far reaches back as far as the
/// history does.
///
/// Money is heavy-tailed: one large order would decide which conditions stand out. Means are therefore compared after
/// capping each person's worth at the 99th percentile of those that are above zero (and negative ones at the first);
/// plain means, the share of payers and their mean stand beside. Whether there is a difference at all is told by a
/// test in two parts (Lachenbruch, "Comparisons of two-part models with competitors", 2001): of the shares of payers,
/// and of the payers' ranks (Mann and Whitney, 1947), joined as by Stouffer (1949). Means of few and skewed numbers do
/// not have the tails that Student's t supposes: by it a quarter of all samples of noise would find something.
///
/// Cost: a rule evaluation for each person and condition, of which there are usually a few hundred.
///
/// ```
/// use bespoke::insight::{Analysis, Sample, ValueSettings, Worth};
/// use bespoke::{Engine, Event, EventKind, Profile, Timestamp, UserKey, catalog::Catalog};
/// let engine = Engine::from_json(r#"{"schema": {"attributes": {"plan": "text"}}}"#)?;
/// let (catalog, now): (_, Timestamp) = (Catalog::new(), "2026-03-01T12:00:00Z".parse()?);
/// let mut sample = Sample::new(20_000, 0);
/// for i in 0..2_000 {
///     let (name, mut profile) = (i.to_string(), Profile::default());
///     let plan = ["free", "pro"][i % 2];
///     let event = Event::new(EventKind::Identified, &name, now).attribute("plan", plan);
///     engine.apply(&event, &mut profile, &catalog, now);
///     let spent = (i % 7) as f64 + if plan == "pro" { 4.0 } else { 0.0 };
///     engine.apply(&Event::new(EventKind::Purchased, &name, now).value(spent, "EUR"), &mut profile, &catalog, now);
///     sample.observe(UserKey::known(&name), &profile);
/// }
/// let worth = Worth::spent("EUR");
/// let analysis = Analysis::new(&engine, &sample, &catalog, &worth, &ValueSettings::default(), now)?;
/// assert_eq!(analysis.drivers().found[0].rule.to_string(), "plan = 'free'");
/// assert_eq!(analysis.suggestions().found[0].rule.to_string(), "plan = 'pro'");
/// # Ok::<(), bespoke::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Analysis {
    pub(super) settings: ValueSettings,
    pub(super) worth: String,
    pub(super) now: Timestamp,
    /// How many people there are, of whom the sample is.
    pub(super) people: u64,
    /// What each of the sample is worth.
    pub(super) values: Vec<f64>,
    /// The ranks of those who are worth more than nothing among each other.
    pub(super) ranks: Vec<f64>,
    /// What each is worth, capped.
    pub(super) capped: Vec<f64>,
    pub(super) cap: f64,
    /// Who is in the half by which something is chosen, and who in the one by which it is measured.
    pub(super) choosing: Bits,
    pub(super) measuring: Bits,
    pub(super) conditions: Vec<Condition>,
}

#[derive(Clone, Debug)]
pub(super) struct Condition {
    pub(super) rule: Rule,
    pub(super) people: Bits,
    /// Whether it asks about what the worth follows from.
    pub(super) follows: bool,
}

/// People who meet a rule against those who do not.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Contrast {
    /// How many people of the sample meet it.
    pub people: usize,
    /// How many do not.
    pub others: usize,
    /// What those who meet it are worth on average.
    pub mean: f64,
    /// What the others are worth on average.
    pub mean_of_others: f64,
    /// The part of those who meet it that is worth more than nothing.
    pub payers: f64,
    /// The part of the others that is.
    pub payers_of_others: f64,
    /// What those are worth on average who are worth more than nothing and meet it.
    pub payer_mean: Option<f64>,
    /// What those of the others are.
    pub payer_mean_of_others: Option<f64>,
    /// The difference between the two means of capped worth.
    pub difference: f64,
    /// Where it is likely to lie, by Welch (1947).
    pub interval: Interval,
    /// By which part of the others' capped mean that of those who meet it is higher; `None` unless both are positive.
    pub lift: Option<f64>,
    /// Where that is likely to lie, by the delta method on the logarithm of the ratio.
    pub lift_interval: Option<Interval>,
    /// By how many standard errors those who meet it are ahead: in the part of them that is worth more than nothing,
    /// and in the ranks of these, both joined.
    pub z: f64,
    /// How likely it is to be that far ahead or behind by chance.
    pub p: f64,
}

impl Analysis {
    /// Looks at the people of a sample.
    ///
    /// # Errors
    /// An [`InsightError`] if the worth is membership of a segment that the engine does not have.
    pub fn new(
        engine: &Engine,
        sample: &Sample,
        catalog: &Catalog,
        worth: &Worth<'_>,
        settings: &ValueSettings,
        now: Timestamp,
    ) -> Result<Self, InsightError> {
        let segment = worth.segment(engine)?;
        let people: Vec<(bool, &Profile)> = sample.profiles().collect();
        let (mut choosing, mut measuring) = (Bits::new(people.len()), Bits::new(people.len()));
        for (place, (is_choosing, _)) in people.iter().enumerate() {
            if *is_choosing { choosing.insert(place) } else { measuring.insert(place) }
        }
        let profiles: Vec<&Profile> = people.into_iter().map(|(_, profile)| profile).collect();
        let values: Vec<f64> = profiles.iter().map(|profile| worth.measure(engine, segment, profile, now)).collect();
        let (floor, cap) = caps(&values);
        let rules = conditions(engine, &profiles, catalog, settings, now);
        Ok(Self {
            settings: settings.clone(),
            worth: worth.name().to_owned(),
            now,
            people: sample.people(),
            capped: values.iter().map(|value| value.clamp(floor, cap)).collect(),
            ranks: payer_ranks(&values),
            values,
            cap,
            choosing,
            measuring,
            conditions: ask(engine, &profiles, catalog, worth, rules, settings.least, now),
        })
    }

    /// Those of `among` who are in `with`, against the others of `among`.
    pub(super) fn contrast(&self, with: &Bits, among: Option<&Bits>, alpha: Alpha) -> Contrast {
        let (mut ours, mut theirs) = (Side::default(), Side::default());
        for (place, (value, capped)) in self.values.iter().zip(&self.capped).enumerate() {
            if among.is_none_or(|among| among.contains(place)) {
                if with.contains(place) { &mut ours } else { &mut theirs }.observe(*value, *capped);
            }
        }
        let welch = Evidence::of_means(&theirs.capped, &ours.capped).ok();
        let (lift, lift_interval) = match ratio(&ours.capped, &theirs.capped, alpha) {
            Some((lift, interval)) => (Some(lift), Some(interval)),
            None => (None, None),
        };
        let difference = ours.capped.mean() - theirs.capped.mean();
        let z = match among {
            None => z(&self.values, &self.ranks, |place| with.contains(place)),
            Some(among) => {
                let places: Vec<usize> = among.iter().collect();
                let values: Vec<f64> = places.iter().map(|place| self.values[*place]).collect();
                z(&values, &payer_ranks(&values), |at| with.contains(places[at]))
            }
        };
        Contrast {
            people: ours.plain.count() as usize,
            others: theirs.plain.count() as usize,
            mean: ours.plain.mean(),
            mean_of_others: theirs.plain.mean(),
            payers: ours.paying(),
            payers_of_others: theirs.paying(),
            payer_mean: (ours.payers.count() > 0).then(|| ours.payers.mean()),
            payer_mean_of_others: (theirs.payers.count() > 0).then(|| theirs.payers.mean()),
            difference,
            interval: welch.map_or(Interval { low: difference, high: difference }, |welch| welch.interval(alpha)),
            lift,
            lift_interval,
            z,
            p: 2.0 * normal_upper_tail(z.abs()),
        }
    }
}

#[derive(Default)]
struct Side {
    plain: Moments,
    capped: Moments,
    payers: Moments,
}

impl Side {
    fn observe(&mut self, value: f64, capped: f64) {
        self.plain.observe(value);
        self.capped.observe(capped);
        if value > 0.0 {
            self.payers.observe(value);
        }
    }

    fn paying(&self) -> f64 {
        // A sample has far fewer than 2^53 people.
        self.payers.count() as f64 / (self.plain.count() as f64).max(1.0)
    }
}

/// The ranks of the positive values among each other; zero for the others.
pub(super) fn payer_ranks(values: &[f64]) -> Vec<f64> {
    let paying: Vec<f64> = values.iter().copied().filter(|value| *value > 0.0).collect();
    let mut ranks = mid_ranks(&paying).into_iter();
    values.iter().map(|value| if *value > 0.0 { ranks.next().unwrap_or(0.0) } else { 0.0 }).collect()
}

/// How far some are ahead: in the share of positive values, and in the ranks of these. The two have nothing to do with
/// each other if there is no difference; where one cannot be told, the other stands alone.
fn z(values: &[f64], ranks: &[f64], is_ours: impl Fn(usize) -> bool) -> f64 {
    let all = || values.iter().zip(ranks).enumerate();
    let share = rank_sum(all().map(|(place, (value, _))| (f64::from(u8::from(*value > 0.0)), is_ours(place))));
    let paying = all().filter(|(_, (value, _))| **value > 0.0);
    let amount = rank_sum(paying.map(|(place, (_, rank))| (*rank, is_ours(place))));
    match (share, amount) {
        (Some(share), Some(amount)) => (share + amount) * core::f64::consts::FRAC_1_SQRT_2,
        (one, other) => one.or(other).unwrap_or(0.0),
    }
}

/// The ratio of two means less one, and its interval: the variance of its logarithm is the sum of the squared relative
/// errors of the means.
fn ratio(a: &Moments, b: &Moments, alpha: Alpha) -> Option<(f64, Interval)> {
    if a.mean() <= 0.0 || b.mean() <= 0.0 {
        return None;
    }
    let relative = |of: &Moments| of.variance() / (of.count() as f64 * of.mean() * of.mean());
    let reach = normal_upper_quantile(alpha.tail()) * libm::sqrt(relative(a) + relative(b));
    let ratio = a.mean() / b.mean();
    let interval = Interval { low: ratio * libm::exp(-reach) - 1.0, high: ratio * libm::exp(reach) - 1.0 };
    Some((ratio - 1.0, interval))
}

/// Between which values the worth of a person is taken as it is.
fn caps(values: &[f64]) -> (f64, f64) {
    let end = |values: Vec<f64>| {
        let mut sizes: Vec<f64> = values.into_iter().map(f64::abs).collect();
        sizes.sort_by(f64::total_cmp);
        sizes.get((99 * sizes.len()).div_ceil(100).saturating_sub(1)).copied().unwrap_or(0.0)
    };
    let of = |is: &dyn Fn(f64) -> bool| values.iter().copied().filter(|value| is(*value)).collect();
    (-end(of(&|value| value < 0.0)), end(of(&|value| value > 0.0)))
}

/// Asks everybody about every rule and every segment of the engine. What too few or too many meet is left out, and so
/// is what the same people meet as an earlier one.
fn ask(
    engine: &Engine,
    profiles: &[&Profile],
    catalog: &Catalog,
    worth: &Worth<'_>,
    rules: Vec<Rule>,
    least: usize,
    now: Timestamp,
) -> Vec<Condition> {
    // A name that no segment has.
    let mut prefix = "?".to_owned();
    while engine.segments().any(|name| name.starts_with(&prefix)) {
        prefix.push('?');
    }
    let name = |index: usize| format!("{prefix}{index}");
    let asked = rules.iter().enumerate().map(|(index, rule)| {
        // Of whom it is not known does not meet it.
        Segment::new(name(index), rule.clone()).unknown(Unknown::Exclude)
    });
    // The rules were checked one by one.
    let Ok(asking) = engine.with_segments(asked) else { return Vec::new() };
    let count = asking.segments().len();
    let mut flipped: Vec<Bits> = vec![Bits::new(profiles.len()); count];
    for (place, profile) in profiles.iter().enumerate() {
        let mut profile = (*profile).clone();
        asking.refresh(&mut profile, catalog, now);
        for flip in asking.flips(&profile, now) {
            let index = flip.segment() as usize;
            if asking.differs(flip) {
                flipped[index].insert(place);
            }
        }
    }
    let mut everybody = Bits::new(profiles.len());
    (0..profiles.len()).for_each(|place| everybody.insert(place));
    let follows = leaks(&asking, worth);
    let places = asking.places();
    let own = engine.segments().map(|name| (Rule::segment(name.to_string()), name.to_string()));
    let all = rules.into_iter().enumerate().map(|(index, rule)| (rule, name(index))).chain(own);
    let mut seen = std::collections::BTreeSet::new();
    let conditions = all.filter_map(|(rule, name)| {
        let index = *places.get(name.as_str())?;
        let people = match asking.is_blank(index) {
            true => everybody.without(&flipped[index]),
            false => flipped[index].clone(),
        };
        let met = people.len();
        let is_telling = met >= least.max(1) && profiles.len() - met >= least.max(1) && seen.insert(people.clone());
        is_telling.then(|| Condition { rule, people, follows: follows[index] })
    });
    conditions.collect()
}
