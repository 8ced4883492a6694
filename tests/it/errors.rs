//! What every error says: where, what was found, what would be right.

use bespoke::catalog::CatalogError;
use bespoke::event::{EventError, EventJsonError, EventReadError, SegmentSpecError};
use bespoke::id::DecisionId;
use bespoke::state::StateError;
use bespoke::time::{Span, TimeError, Timestamp};

#[track_caller]
fn says(error: impl std::error::Error, text: &str) {
    assert_eq!(error.to_string(), text);
    // Names in backticks are spelt as the input spells them; the rest is one lower-case line without a full stop.
    assert!(!text.contains('\n') && !text.ends_with('.') && !text.starts_with(char::is_uppercase), "{text}");
}

fn text(text: &str) -> String {
    text.to_owned()
}

#[test]
fn event_errors_say_what_would_be_right() {
    let (time, now) = (Timestamp::from_millis(3_600_000), Timestamp::EPOCH);
    says(EventError::NoUser, "the event names nobody: it needs `user` or `anonymous`");
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
fn rule_and_choice_errors_say_what_would_be_right() {
    use bespoke::bandit::BanditError;
    use bespoke::decision::NotAPropensity;
    use bespoke::recommend::RecommendError;
    use bespoke::rule::{Rule, RuleError};
    says(NotAPropensity(1.5), "1.5 is not a propensity: it must be more than 0 and at most 1");
    says(BanditError::Arms { found: 65 }, "a bandit has from 1 to 64 arms, but 65 were given");
    says(BanditError::NoSuchArm { arm: 3, arms: 3 }, "there is no arm 3: the arms are 0 to 2");
    says(BanditError::Epsilon { found: 2.0 }, "epsilon lies from 0 to 1, but 2 was given");
    says(RecommendError::Neighbors { found: 3 }, "`neighbors` is 3, but must be at least 4");
    says(RecommendError::Zero { name: "pace" }, "`pace` is zero, but must be above it");
    says(RuleError::TooLong { bytes: 9, limit: 8 }, "the rule has 9 bytes; at most 8 are read");
    for (rule, text) in [
        ("plan =", "1:7: expected a value: text in quotes, a number, `true`, `false` or `time('…')`, found the end"),
        ("plan IN ()", "1:9: an empty list says nothing; write `true` or `false` if that is meant"),
        ("session(veiws) > 1", "1:9: unknown session fact `veiws`; did you mean `views`?"),
        ("x = 1e999", "1:5: a number is not finite"),
    ] {
        says(Rule::parse(rule).unwrap_err(), text);
    }
}
