//! The thresholds by which people are sorted, read and checked: stages of the lifecycle, cut points of scores.

use crate::config::{Fault, Problems, Reader, join};
use crate::profile::Lifecycle;
use crate::schema::{Monetary, Rfm};
use crate::time::Span;

/// Reads `settings.lifecycle`.
pub(super) fn read_lifecycle(reader: &mut Reader<'_, '_>) -> Lifecycle {
    let mut lifecycle = Lifecycle::default();
    if reader.is_object() {
        for (field, span) in [
            ("new", &mut lifecycle.new),
            ("at_risk", &mut lifecycle.at_risk),
            ("lapsed", &mut lifecycle.lapsed),
            ("returned", &mut lifecycle.returned),
        ] {
            *span = reader.parsed(field).unwrap_or(*span);
        }
        reader.finish();
    }
    lifecycle
}

/// Reads `schema.rfm`.
pub(super) fn read_rfm(reader: &mut Reader<'_, '_>) -> Rfm {
    let mut rfm = Rfm::default();
    if !reader.is_object() {
        return rfm;
    }
    if reader.field("recency").is_some() {
        rfm.recency = reader.list("recency", |reader| {
            let Some(text) = reader.json().as_str() else { return not_a(reader, "a span of time such as \"30d\"") };
            text.parse::<Span>().map_err(|error| reader.fault(Fault::refused(error))).ok()
        });
    }
    if reader.field("frequency").is_some() {
        rfm.frequency = reader.list("frequency", |reader| {
            let count = reader.json().as_u64().and_then(|count| u32::try_from(count).ok());
            count.or_else(|| not_a(reader, "a number of purchases"))
        });
    }
    rfm.monetary = reader.child("monetary").and_then(|mut reader| {
        reader.is_object().then_some(())?;
        let currency = reader.name("currency");
        if reader.field("cuts").is_none() {
            reader.fault(Fault::Missing { field: "cuts" });
        }
        let cuts = reader.list("cuts", |reader| reader.json().as_f64().or_else(|| not_a(reader, "an amount")));
        reader.finish();
        Some(Monetary { currency: currency?, cuts })
    });
    reader.finish();
    rfm
}

fn not_a<T>(reader: &mut Reader<'_, '_>, wanted: &'static str) -> Option<T> {
    let found = crate::config::kind(reader.json());
    reader.fault(Fault::WrongKind { wanted, found });
    None
}

/// Notes thresholds that leave no room for a stage.
pub(super) fn check_lifecycle(of: &Lifecycle, problems: &mut Problems) {
    let mut refuse = |field: &str, found: Span, wanted: &'static str| {
        problems.push(join("settings.lifecycle", field), Fault::Range { found: found.to_string(), wanted });
    };
    if of.at_risk < Span::minutes(1) {
        refuse("at_risk", of.at_risk, "a minute or more");
    }
    if of.new > of.at_risk {
        refuse("new", of.new, "at most `at_risk`: who is silent for that long is no longer new");
    }
    if of.returned > of.at_risk {
        refuse("returned", of.returned, "at most `at_risk`: who is silent for that long is at risk again");
    }
    if of.lapsed <= of.at_risk {
        refuse("lapsed", of.lapsed, "more than `at_risk`, which comes before");
    }
}

/// Notes cut points that do not rise, or are too many.
pub(super) fn check_rfm(of: &Rfm, problems: &mut Problems) {
    let mut check = |field: &str, cuts: usize, rises: bool| {
        if cuts == 0 || cuts > MOST_CUTS || !rises {
            let found = if rises { format!("{cuts} cut points") } else { "cut points that do not rise".to_owned() };
            let fault = Fault::Range { found, wanted: "from 1 to 9 of them, each above the one before and above zero" };
            problems.push(join("schema.rfm", field), fault);
        }
    };
    let rises = of.recency.is_sorted_by(|a, b| a < b) && of.recency.first().is_none_or(|first| !first.is_zero());
    check("recency", of.recency.len(), rises);
    let rises = of.frequency.is_sorted_by(|a, b| a < b) && of.frequency.first() != Some(&0);
    check("frequency", of.frequency.len(), rises);
    if let Some(monetary) = &of.monetary {
        let rises = monetary.cuts.is_sorted_by(|a, b| a < b) && monetary.cuts.iter().all(|cut| *cut > 0.0);
        check("monetary.cuts", monetary.cuts.len(), rises && monetary.cuts.iter().all(|cut| cut.is_finite()));
    }
}

/// Ten scores are finer than anybody reads.
const MOST_CUTS: usize = 9;
