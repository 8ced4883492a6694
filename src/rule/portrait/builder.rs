//! The same in Rust.

use super::super::Rule;
use super::super::ast::{At, Points, Source};
use super::super::builder::Operand;
use super::super::error::{Location, NameKind, RuleError};
use super::super::parser::check_name;
use super::{AffinityMeasure, LocalFact, Portrait, RfmScore};
use crate::time::Offset;

impl Rule {
    /// The share of a value in the profile's interest along an item attribute, such as of `shoes` among categories,
    /// from 0 to 1.
    pub fn affinity(dimension: impl Into<String>, value: impl Into<String>) -> Operand {
        affinity(dimension.into(), value.into(), AffinityMeasure::Share)
    }

    /// The weight of the profile's interest in a value, which halves with every half-life; a view of an item adds
    /// one.
    ///
    /// ```
    /// use bespoke::rule::Rule;
    /// let rule = Rule::affinity_score("brand", "acme").at_least(5) & Rule::affinity_rank("brand", "acme").at_most(3);
    /// let text = "affinity('brand', 'acme').score() >= 5 AND affinity('brand', 'acme').rank() <= 3";
    /// assert_eq!(rule.to_string(), text);
    /// ```
    pub fn affinity_score(dimension: impl Into<String>, value: impl Into<String>) -> Operand {
        affinity(dimension.into(), value.into(), AffinityMeasure::Score)
    }

    /// The place of a value among those in which the profile has an interest, from one on, the strongest first;
    /// missing where there is no interest.
    pub fn affinity_rank(dimension: impl Into<String>, value: impl Into<String>) -> Operand {
        affinity(dimension.into(), value.into(), AffinityMeasure::Rank)
    }

    /// The value of an item attribute in which the profile's interest is strongest.
    ///
    /// ```
    /// use bespoke::rule::Rule;
    /// assert_eq!(Rule::top_affinity("category").eq("shoes").to_string(), "affinity('category').top() = 'shoes'");
    /// ```
    pub fn top_affinity(dimension: impl Into<String>) -> Operand {
        named(NameKind::Affinity, dimension.into(), Portrait::Top)
    }

    /// Where the stable hash of the person under a salt falls, from 0 to under 100; see
    /// [`Bucket::percent`](crate::hash::Bucket::percent).
    ///
    /// ```
    /// use bespoke::rule::Rule;
    /// assert_eq!(Rule::percent("new-checkout").below(10).to_string(), "percent('new-checkout') < 10");
    /// ```
    pub fn percent(salt: impl Into<String>) -> Operand {
        named(NameKind::Salt, salt.into(), Portrait::Percent)
    }

    /// The [`Stage`](crate::profile::Stage) of the person's lifecycle, by its name.
    ///
    /// ```
    /// use bespoke::rule::Rule;
    /// use bespoke::time::Span;
    /// let rule = Rule::lifecycle().eq("lapsed") & Rule::lifecycle_since().below(Span::days(3));
    /// assert_eq!(rule.to_string(), "lifecycle() = 'lapsed' AND lifecycle().since() < 3d");
    /// ```
    pub fn lifecycle() -> Operand {
        operand(Portrait::Stage)
    }

    /// For how long the person has been in this stage of the lifecycle: a span of time.
    pub fn lifecycle_since() -> Operand {
        operand(Portrait::StageSince)
    }

    /// How many purchases the person has made.
    ///
    /// ```
    /// use bespoke::rule::Rule;
    /// use bespoke::time::Span;
    /// let rule = Rule::purchases().at_least(2) & Rule::purchased_since().above(Span::days(30));
    /// assert_eq!(rule.to_string(), "purchases().count() >= 2 AND purchases().since() > 30d");
    /// assert_eq!(Rule::spent("EUR").above(99).to_string(), "purchases('EUR').sum() > 99");
    /// ```
    pub fn purchases() -> Operand {
        operand(Portrait::Purchases)
    }

    /// How long ago the last purchase was: a span of time, missing if there was none.
    pub fn purchased_since() -> Operand {
        operand(Portrait::PurchaseSince)
    }

    /// How much the person has spent in a currency, less refunds.
    pub fn spent(currency: impl Into<String>) -> Operand {
        named(NameKind::Currency, currency.into(), Portrait::Spent)
    }

    /// A score of what the person has bought, from one on, by the cut points of the schema; missing for who has
    /// bought nothing.
    ///
    /// ```
    /// use bespoke::rule::{RfmScore, Rule};
    /// assert_eq!(Rule::rfm(RfmScore::Recency).at_least(4).to_string(), "rfm(recency) >= 4");
    /// ```
    pub fn rfm(score: RfmScore) -> Operand {
        operand(Portrait::Rfm(score))
    }

    /// A fact about the local time; without an offset by that of the request (`context('utc_offset')`, in minutes or
    /// such as `+02:00`), else in UTC.
    ///
    /// ```
    /// use bespoke::rule::{LocalFact, Rule};
    /// let rule = Rule::local(LocalFact::Weekday, "+02:00".parse().ok()).one_of(["saturday", "sunday"]);
    /// assert_eq!(rule.to_string(), "local(weekday, '+02:00') IN ('saturday', 'sunday')");
    /// ```
    pub fn local(fact: LocalFact, offset: Option<Offset>) -> Operand {
        operand(Portrait::Local(fact, offset))
    }

    /// The variant that a campaign showed the person first; of two in the same millisecond it is either.
    ///
    /// ```
    /// use bespoke::rule::Rule;
    /// assert_eq!(Rule::variant("spring").eq("b").to_string(), "variant('spring') = 'b'");
    /// ```
    pub fn variant(campaign: impl Into<String>) -> Operand {
        named(NameKind::Campaign, campaign.into(), Portrait::Variant)
    }

    /// The sum of points over the rules that hold, to be compared with a threshold. Points count in millionths.
    ///
    /// ```
    /// use bespoke::rule::{Rule, event};
    /// let rule = Rule::score([(3.0, Rule::attribute("plan").eq("pro")), (-1.5, event("refunded").happened())]);
    /// let text = "score(3 IF plan = 'pro', -1.5 IF event('refunded').count() >= 1) >= 2";
    /// assert_eq!(rule.at_least(2).to_string(), text);
    /// ```
    pub fn score(parts: impl IntoIterator<Item = (f64, Self)>) -> Operand {
        let mut error = None;
        let mut points = Vec::new();
        for (number, rule) in parts {
            if !number.is_finite() {
                error.get_or_insert(RuleError::NotFinite { at: Location::Built });
            }
            error = error.or(rule.broken.map(|broken| *broken));
            // Adding zero turns -0 into 0, which is how it is written back.
            points.push(Points { points: number + 0.0, rule: rule.expr, at: At(Location::Built) });
        }
        if points.is_empty() {
            error.get_or_insert(RuleError::Empty { at: Location::Built, what: "score" });
        }
        Operand { source: Source::Score(points), error }
    }
}

fn affinity(dimension: String, value: String, measure: AffinityMeasure) -> Operand {
    let error = check_name(NameKind::AffinityValue, &value, &Location::Built).err();
    let error = check_name(NameKind::Affinity, &dimension, &Location::Built).err().or(error);
    Operand { source: Source::Portrait(Portrait::Affinity { dimension, value, measure }), error }
}

fn operand(portrait: Portrait) -> Operand {
    Operand { source: Source::Portrait(portrait), error: None }
}

fn named(what: NameKind, name: String, portrait: impl FnOnce(String) -> Portrait) -> Operand {
    Operand::named(what, &name.clone(), Source::Portrait(portrait(name)))
}
