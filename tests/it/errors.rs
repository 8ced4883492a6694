//! What every error says: where, what was found, what would be right.

use bespoke::Error;
use bespoke::catalog::CatalogError;
use bespoke::config::{Fault, Place, Problem, Warning};
use bespoke::decision::NotAPropensity;
use bespoke::event::{EventError, EventJsonError, EventReadError, SegmentSpecError};
use bespoke::id::DecisionId;
use bespoke::identity::{BlockedValue, SettingsError};
use bespoke::insight::InsightError;
use bespoke::personalizer::{ExportError, IngestError};
use bespoke::recommend::RecommendError;
use bespoke::rule::{Location, NameKind, PatternError, Rule, RuleError};
use bespoke::schema::{CellError, RowError};
use bespoke::state::StateError;
use bespoke::time::{Span, TimeError, Timestamp};
use bespoke::value::Kind;

#[track_caller]
pub(crate) fn says(error: impl std::error::Error, text: &str) {
    assert_eq!(error.to_string(), text);
    // Names in backticks are spelt as the input spells them; the rest is one lower-case line without a full stop.
    assert!(!text.contains('\n') && !text.ends_with('.') && !text.starts_with(char::is_uppercase), "{text}");
}

pub(crate) fn text(text: &str) -> String {
    text.to_owned()
}

#[test]
fn event_errors_say_what_would_be_right() {
    let (time, now) = (Timestamp::from_millis(3_600_000), Timestamp::EPOCH);
    says(EventError::NoUser, "the event names nobody: it needs `user`, `anonymous` or `ids`");
    says(EventError::EmptyId { field: "id" }, "`id` is empty; leave it out or give an id");
    says(EventError::LongId { field: "user", bytes: 513 }, "`user` has 513 bytes; ids and names have at most 512");
    says(
        EventError::Future { time, now },
        "the event's time 1970-01-01T01:00:00Z is more than 5 minutes after the present, 1970-01-01T00:00:00Z",
    );
    says(
        EventError::Implausible { time: Timestamp::MIN },
        "the event's time -9223372036854775808 ms lies outside the years 1970 to 9999",
    );
    says(
        EventError::Number { field: "items.price", found: -1.0, wanted: "from 0 to 1e12" },
        "`items.price` is -1, but must be from 0 to 1e12",
    );
    says(
        EventError::Value { field: "properties", name: text("x") },
        "`properties.x` holds a number that is not finite, nests deeper than 8 levels, or has over 65536 bytes",
    );
    says(
        EventError::TooMany { field: "items", found: 501, limit: 500 },
        "the event has 501 items; at most 500 are taken",
    );
    says(EventError::NoDecision, "an `exposed` event needs `decision`, the id that the decision carries");
    says(EventError::NoPrevious, "an `aliased` event needs `user` and `previous`, the anonymous id from before");
}

#[test]
fn reading_errors_say_where() {
    let json = EventJsonError { line: 2, column: 7, problem: text("expected value") };
    says(json.clone(), "line 2, column 7: expected value");
    says(EventReadError::Own(json.clone()), "line 2, column 7: expected value");
    says(SegmentSpecError::Json(json), "line 2, column 7: expected value");
    let at = || text("batch[1].type");
    says(EventReadError::Segment(SegmentSpecError::NoUser { at: text("batch[1]") }), NOBODY);
    says(SegmentSpecError::NoUser { at: text("batch[1]") }, NOBODY);
    says(
        SegmentSpecError::WrongKind { at: at(), wanted: "text", found: "a list" },
        "`batch[1].type` is a list, but must be text",
    );
    says(
        SegmentSpecError::Missing { at: at(), why: "it is needed" },
        "`batch[1].type` is missing or empty; it is needed",
    );
    says(
        SegmentSpecError::UnknownType { at: at(), found: text("trak"), nearest: Some(text("track")) },
        "`batch[1].type` is `trak`, which is no type of message; `track` may be meant",
    );
    says(
        SegmentSpecError::UnknownType { at: at(), found: text("x"), nearest: None },
        "`batch[1].type` is `x`, which is no type of message; write one of identify, track, page, screen, group, alias",
    );
    says(
        SegmentSpecError::Time { at: text("timestamp"), source: TimeError::Timestamp { text: text("soon") } },
        "`timestamp`: `soon` is not a time; write it like `2026-03-01T12:00:00Z` or `2026-03-01`, in the years 1 to 9999",
    );
    says(
        SegmentSpecError::Number { at: text("properties.price"), found: text("$5") },
        "`properties.price` is `$5`, but must be a number such as 19.99, or text that holds only a number",
    );
    says(
        SegmentSpecError::TooDeep { at: text("traits.x") },
        "`traits.x` nests deeper than 8 levels; send less structure",
    );
}

#[test]
fn time_and_id_errors_show_the_right_form() {
    says(
        "x".parse::<Timestamp>().unwrap_err(),
        "`x` is not a time; write it like `2026-03-01T12:00:00Z` or `2026-03-01`, in the years 1 to 9999",
    );
    says(
        "x".parse::<Span>().unwrap_err(),
        "`x` is not a span of time; write a whole number and a unit, such as `30m`, `1h30m` or `7d`",
    );
    says(
        "7".parse::<DecisionId>().unwrap_err(),
        "`7` is not a decision id; it is the sixteen hexadecimal digits that a decision carries",
    );
}

#[test]
fn state_errors_say_what_is_wrong_with_the_bytes() {
    let kind = "catalog";
    says(
        StateError::CutShort { wanted: 24, found: 3 },
        "the snapshot is cut short: 24 bytes were announced, 3 are there",
    );
    says(StateError::NotASnapshot, "these bytes are not a snapshot: they do not begin with `BSPK`");
    says(StateError::Damaged, "the snapshot is damaged: its checksum does not fit; take another copy");
    says(
        StateError::WrongKind { wanted: kind, found: text("profile") },
        "the snapshot holds `profile`, but `catalog` was asked for",
    );
    says(
        StateError::Newer { kind, found: 3, newest: 2 },
        "the snapshot's `catalog` has version 3, but this release reads up to 2; use a newer release",
    );
    says(StateError::Malformed { kind }, "the snapshot's `catalog` does not decode: it was not written by this crate");
    says(StateError::Trailing { bytes: 4 }, "4 bytes follow the end of the snapshot");
    says(StateError::Encode { kind }, "`catalog` could not be written");
}

#[test]
fn catalog_errors_name_the_item() {
    let item = || text("shoe-1");
    says(CatalogError::EmptyId, "an item has an empty id; give it 1 to 512 bytes");
    says(CatalogError::LongId { bytes: 513 }, "an item's id has 513 bytes; ids have at most 512");
    says(
        CatalogError::EmptyText { item: item(), field: "brand" },
        "item `shoe-1`: `brand` holds an empty text; leave it out or write something",
    );
    says(
        CatalogError::LongText { item: item(), field: "tags", bytes: 513, limit: 512 },
        "item `shoe-1`: `tags` holds a text of 513 bytes; at most 512 are taken",
    );
    says(
        CatalogError::TooMany { item: item(), field: "tags", found: 65, limit: 64 },
        "item `shoe-1` has 65 tags; at most 64 are taken",
    );
    says(
        CatalogError::CategoryLevel { item: item(), path: text("a//b") },
        "item `shoe-1`: category `a//b` has an empty level; write it like `shoes/running`",
    );
    says(
        CatalogError::CategoryDepth { item: item(), path: text("a/b"), depth: 9 },
        "item `shoe-1`: category `a/b` has 9 levels; at most 8 are taken",
    );
    says(
        CatalogError::Price { item: item(), found: -1.0 },
        "item `shoe-1`: `price` is -1, but must be a finite number of at least 0",
    );
    says(
        CatalogError::Attribute { item: item(), name: text("x") },
        "item `shoe-1`: `attributes.x` holds a number that is not finite, nests deeper than 8 levels, or has over 16384 bytes",
    );
    says(
        CatalogError::SameHash { item: item(), other: text("b") },
        "item `shoe-1` has the same hash as item `b`; give one of them another id",
    );
    says(CatalogError::Full { limit: 7 }, "the catalog holds 7 items already; remove some first");
}

const NOBODY: &str = "`batch[1]` names nobody: it needs `userId` or `anonymousId`";

#[test]
fn rule_errors_say_where_and_what_would_be_right() {
    let at = || Location::Text { line: 1, column: 5 };
    says(RuleError::TooLong { bytes: 9, limit: 8 }, "the rule has 9 bytes; at most 8 are read");
    says(RuleError::TooDeep { at: at(), limit: 64 }, "1:5: the rule nests deeper than 64 levels");
    says(
        RuleError::Syntax { at: at(), wanted: "a number", found: text("the end") },
        "1:5: expected a number, found the end",
    );
    let unknown = |nearest: Option<&str>| RuleError::Unknown {
        at: at(),
        what: NameKind::Event,
        name: text("veiwed"),
        nearest: nearest.map(text),
    };
    says(unknown(Some("viewed")), "1:5: unknown event `veiwed`; did you mean `viewed`?");
    says(unknown(None), "1:5: unknown event `veiwed`");
    says(
        RuleError::Name { at: at(), what: NameKind::Attribute, name: text(" x") },
        "1:5: ` x` cannot name an attribute; names have 1 to 512 bytes and no outer white space",
    );
    says(
        RuleError::Empty { at: at(), what: "list" },
        "1:5: an empty list says nothing; write `true` or `false` if that is meant",
    );
    says(
        RuleError::TooManyValues { at: at(), limit: 7 },
        "1:5: the list has more than 7 values; keep so many as a segment or an attribute",
    );
    let (name, found) = (text("plan"), "text");
    says(
        RuleError::KindMismatch { at: at(), op: ">=", wanted: "a number", name, found },
        "1:5: `>=` needs a number, but `plan` is text",
    );
    says(
        RuleError::Window { at: at(), window: Span::ZERO },
        "1:5: the window is 0s; it must be longer than nothing and at most 5 years of 365 days",
    );
    says(
        RuleError::WindowOfMeasure { at: at(), measure: "days", wanted: "whole days" },
        "1:5: `days()` takes whole days",
    );
    says(
        RuleError::Threshold { at: at(), found: 99.0, limit: 64 },
        "1:5: a count within a window compares with at most 64, not 99; count without a window",
    );
    says(
        RuleError::OutOfRange { at: at(), name: "percent", found: 120.0, low: 0.0, high: 100.0 },
        "1:5: `percent` lies from 0 to 100, and comparing it with 120 says nothing",
    );
    says(
        RuleError::Operator { at: at(), op: ">", name: "lifecycle()" },
        "1:5: `>` does not go with `lifecycle()`; write `=`, `!=`, `IN`, `NOT IN` or `EXISTS`",
    );
    says(
        RuleError::Local { at: at(), found: text("9:30"), wanted: "time of day; write it like `09:30`" },
        "1:5: '9:30' is not a time of day; write it like `09:30`",
    );
    says(
        RuleError::NoMonetary { at: at() },
        "1:5: `rfm(monetary)` needs a currency; declare `rfm.monetary` in the schema",
    );
    says(
        RuleError::Points { at: at(), found: 2e9 },
        "1:5: 2000000000 points are out of range; write from -1e9 to 1e9, in steps of a millionth",
    );
    says(
        TimeError::Offset { text: text("2h") },
        "`2h` is not an offset from UTC; write it like `+02:00`, at most 18 hours",
    );
    says(RuleError::NotFinite { at: at() }, "1:5: a number is not finite");
    says(
        RuleError::Time { at: at(), source: TimeError::Span { text: text("x") } },
        "1:5: `x` is not a span of time; write a whole number and a unit, such as `30m`, `1h30m` or `7d`",
    );
    says(
        RuleError::NotExpressible { at: at(), op: text("map"), why: "rules do not build lists" },
        "1:5: `map` cannot be said in a rule: rules do not build lists",
    );
    says(
        RuleError::Place { at: at() },
        "1:5: a place has a latitude from -90 to 90, a longitude from -180 to 180 and a distance above 0",
    );
    says(
        RuleError::NotAsked { at: at(), op: "SIZE", of: "events" },
        "1:5: `SIZE` can be asked of attributes and of the request only, not of events",
    );
    says(
        RuleError::Pattern { at: at(), source: PatternError::TooLong { bytes: 9, limit: 8 } },
        "1:5: the pattern has 9 bytes; at most 8 are read",
    );
    let error = Rule::parse("plan MATCHES '('").unwrap_err().to_string();
    assert!(error.starts_with("1:14: the pattern cannot be used: ") && !error.contains('\n'), "{error}");
    says(RuleError::NotFinite { at: Location::Path("$and[1]".into()) }, "$and[1]: a number is not finite");
    says(RuleError::NotFinite { at: Location::Path("".into()) }, "rule: a number is not finite");
    says(RuleError::NotFinite { at: Location::Built }, "rule: a number is not finite");
    says(
        Rule::from_value(&serde_json::json!({"$and": [{"$nto": {"a": 1}}, {"$or": []}]})).unwrap_err(),
        "$and[0].$nto: unknown operator or key `$nto`; did you mean `$not`?; $and[1].$or: an empty list says nothing; write `true` or `false` if that is meant",
    );
    for (kind, word) in [
        (NameKind::Event, "event"),
        (NameKind::Property, "property"),
        (NameKind::Attribute, "attribute"),
        (NameKind::Group, "kind of group"),
        (NameKind::GroupAttribute, "attribute of the group"),
        (NameKind::Context, "context name"),
        (NameKind::Affinity, "affinity"),
        (NameKind::AffinityValue, "affinity value"),
        (NameKind::Session, "session fact"),
        (NameKind::Segment, "segment"),
        (NameKind::List, "list"),
        (NameKind::Salt, "salt"),
        (NameKind::Stage, "stage of the lifecycle"),
        (NameKind::Currency, "currency"),
        (NameKind::Rfm, "score"),
        (NameKind::Local, "fact about the local time"),
        (NameKind::Weekday, "weekday"),
        (NameKind::DayPart, "part of the day"),
        (NameKind::Campaign, "campaign"),
        (NameKind::Variant, "variant"),
        (NameKind::Function, "function"),
        (NameKind::Key, "operator or key"),
    ] {
        assert_eq!(kind.to_string(), word);
    }
}

#[test]
fn rules_in_text_say_where_they_go_wrong() {
    for (rule, text) in [
        ("plan =", "1:7: expected a value: text in quotes, a number, `true`, `false` or `time('…')`, found the end"),
        ("plan IN ()", "1:9: an empty list says nothing; write `true` or `false` if that is meant"),
        ("session(veiws) > 1", "1:9: unknown session fact `veiws`; did you mean `views`?"),
        ("x = 1e999", "1:5: a number is not finite"),
    ] {
        says(Rule::parse(rule).unwrap_err(), text);
    }
}

#[test]
fn faults_of_definitions_say_what_would_be_right() {
    let (found, near) = (|| text("hme"), || Some(text("home")));
    let error = serde_json::from_str::<u8>("x").unwrap_err();
    says(Fault::Syntax { error }, "not JSON: expected value at line 1 column 1");
    says(Fault::WrongKind { wanted: "a text", found: "a list" }, "a list stands where a text should");
    says(Fault::Missing { field: "rule" }, "`rule` is missing");
    says(Fault::UnknownField { found: found(), near: near() }, "unknown field `hme`; did you mean `home`?");
    says(Fault::UnknownField { found: found(), near: None }, "unknown field `hme`");
    let what = "placement";
    says(Fault::Unknown { what, found: found(), near: near() }, "unknown placement `hme`; did you mean `home`?");
    says(Fault::Unknown { what, found: found(), near: None }, "unknown placement `hme`");
    says(
        Fault::Duplicate { what, name: text("home") },
        "the placement `home` is defined twice; give one of them another name",
    );
    says(
        Fault::RepeatedKey { key: text("plan") },
        "the key `plan` stands twice in one object; keep one, or join conditions with `$and`",
    );
    says(
        Fault::Range { found: text("7"), wanted: "a number from 1 to 5" },
        "7 stands where a number from 1 to 5 should",
    );
    says(
        Fault::Cycle { names: ["a", "b", "a"].map(text).to_vec() },
        "segments refer to each other in a circle: a → b → a; break it at one of them",
    );
    says(Fault::TooDeep { limit: 128 }, "the JSON nests deeper than 128 levels; no rule may nest deeper than 64");
    says(Fault::Refused { error: Box::new(CatalogError::EmptyId) }, "an item has an empty id; give it 1 to 512 bytes");
    let problem = |path: &str, line| Problem {
        place: Place { path: text(path), line, column: 3 },
        fault: Fault::Missing { field: "rule" },
    };
    says(problem("segments[0]", 2), "2:3: segments[0]: `rule` is missing");
    says(problem("segments[0]", 0), "segments[0]: `rule` is missing");
    says(problem("", 0), "definitions: `rule` is missing");
}

#[test]
fn recommender_errors_name_the_setting() {
    says(RecommendError::HalfLife { found: Span::ZERO }, "`half_life` is 0s, but must be at least 1m");
    says(RecommendError::Zero { name: "pace" }, "`pace` is zero, but must be above it");
    says(
        RecommendError::Share { name: "share", found: -1.0 },
        "`share` is -1, but must be a share of at most 1, and not negative",
    );
    says(
        RecommendError::Share { name: "fade", found: 0.0 },
        "`fade` is 0, but must be a share of at most 1, and not negative or zero",
    );
    says(RecommendError::Neighbors { found: 3 }, "`neighbors` is 3, but must be at least 4");
    says(RecommendError::Depth { found: 257 }, "`depth` is 257, but must be at most 256");
    says(RecommendError::Repeat { found: -1.0 }, "`repeat` is -1, but must be finite and not negative");
    says(RecommendError::Length { found: 257 }, "`length` is 257, but must be at most 256");
    says(RecommendError::Factor { name: "spread", found: -1.0 }, "`spread` is -1, but must be finite and not negative");
    says(
        RecommendError::Weighting { name: "unobserved", found: 2.0, most: 1.0 },
        "`unobserved` is 2, but must be at least 1e-9 and at most 1",
    );
    says(RecommendError::TooMany { found: 9, most: 8 }, "9 entries are stored where at most 8 can be");
    says(RecommendError::Disorder, "stored items must be in rising order, each once");
    says(RecommendError::Disagree, "a stored group has another half-life or size than the state it is in");
    says(RecommendError::Weight, "a stored weight is not above zero, or is newer than its row");
    says(RecommendError::Visit, "a stored visit is empty, or its clicks are not in the order of time");
    says(RecommendError::Parts, "the stored parts have other settings than the whole");
    says(
        RecommendError::Returns,
        "stored returns must be 64 pairs of counts, of which the second is at most the first",
    );
}

#[test]
fn an_event_that_is_not_taken_in_says_why() {
    says(
        IngestError::Event(EventError::NoDecision),
        "an `exposed` event needs `decision`, the id that the decision carries",
    );
    says(
        IngestError::Erased { time: Timestamp::EPOCH, erased: Timestamp::from_millis(3_600_000) },
        "the event of 1970-01-01T00:00:00Z is about somebody who was erased at 1970-01-01T01:00:00Z; only later events are taken",
    );
    let id = BlockedValue { kind: text("user"), value: text("null") };
    says(IngestError::Blocked { id }, "the event names nobody: `null` is no user of anybody's");
}

#[test]
fn warnings_say_what_would_help() {
    let warns = |warning, text: &str| says(Fault::Warning(warning), text);
    let (rule, because) = (|| text("x > 5"), || Some((text("x > 5"), text("x < 3"))));
    warns(
        Warning::Never { rule: rule(), because: because() },
        "nobody can meet `x > 5`: `x > 5` and `x < 3` exclude each other; drop one of them, or join them with OR",
    );
    warns(Warning::Never { rule: rule(), because: None }, "nobody can meet `x > 5`; drop it, or widen its bounds");
    warns(
        Warning::OnlyLists { rule: rule(), because: because() },
        "only a list of values can meet `x > 5`: `x > 5` and `x < 3` exclude each other; drop one of them, or join them with OR",
    );
    warns(
        Warning::OnlyLists { rule: rule(), because: None },
        "only a list of values can meet `x > 5`; drop it, or widen its bounds",
    );
    warns(Warning::Always { rule: rule() }, "`x > 5` excludes nobody; drop it, or write TRUE if that is meant");
    warns(
        Warning::SameRule { segment: text("pros") },
        "the segment `pros` has the same rule; refer to that one, or drop one of them",
    );
    warns(
        Warning::Heavy { counters: 9000, room: 7000, allowed: 8192, enough: Some(10_000), dearest: (rule(), 800) },
        "what the rules count takes up to 9000 bytes of a profile, and has 7000 of its 8192: of people with more some is \
         dropped, and unknown from then on; allow 10000, or count less, such as `x > 5` with its 800",
    );
    warns(
        Warning::Unreachable { by: text("all") },
        "it is never shown, since `all` takes in everybody whom it is for, comes first and runs as long; give it a higher \
         priority, or `all` an end or a narrower audience",
    );
}

#[test]
fn identity_errors_name_the_setting() {
    says(
        SettingsError::Range { field: "ids", found: 1, least: 2, most: 1000 },
        "`ids` is 1, but must be from 2 to 1000",
    );
    says(
        SettingsError::Kind { kind: text("card"), found: 0 },
        "`per_kind.card` is 0, but a kind has a name and a limit from 1 to 1000",
    );
    says(
        SettingsError::Pattern { pattern: text("**") },
        "`blocked` has `**`, which needs text beside the `*` at its ends",
    );
}

#[test]
fn rows_say_which_columns_are_wrong() {
    let kind = || CellError::Kind { column: text("age"), found: text("old"), wanted: Kind::Number };
    says(kind(), "column `age` holds `old`, which is no number");
    let nobody = || CellError::NoId { column: text("id") };
    says(nobody(), "column `id` with the person's id is missing or empty");
    says(
        CellError::Time { column: text("since"), found: text("soon") },
        "column `since` holds `soon`, which is no time, such as 2026-03-01T12:00:00Z",
    );
    says(
        RowError { row: 7, cells: vec![nobody(), kind()] },
        "row 7: column `id` with the person's id is missing or empty; column `age` holds `old`, which is no number",
    );
}

#[test]
fn exports_and_insights_name_the_segment_that_may_be_meant() {
    let (name, suggestion) = (|| text("buyer"), || Some(text("buyers")));
    let told = "unknown segment `buyer`; did you mean `buyers`?";
    says(ExportError::UnknownSegment { name: name(), suggestion: suggestion() }, told);
    says(InsightError::UnknownSegment { name: name(), suggestion: suggestion() }, told);
    says(ExportError::UnknownSegment { name: name(), suggestion: None }, "unknown segment `buyer`");
    says(InsightError::UnknownSegment { name: name(), suggestion: None }, "unknown segment `buyer`");
}

#[test]
fn the_error_of_all_says_what_the_one_inside_says() {
    for (error, text) in [
        (Error::from(StateError::NotASnapshot), "these bytes are not a snapshot: they do not begin with `BSPK`"),
        (Error::from(CatalogError::Full { limit: 7 }), "the catalog holds 7 items already; remove some first"),
        (Error::from(NotAPropensity(1.5)), "1.5 is not a propensity: it must be more than 0 and at most 1"),
        (
            Error::from(SettingsError::Range { field: "links", found: 0, least: 1, most: 5000 }),
            "`links` is 0, but must be from 1 to 5000",
        ),
    ] {
        says(error, text);
    }
}
