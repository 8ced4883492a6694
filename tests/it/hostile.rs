//! Input that somebody made to hurt: a typed error with its place, in bounded time that grows no faster than the input.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::time::{Duration, Instant};

use bespoke::config::{Fault, Problems};
use bespoke::engine::Engine;
use bespoke::rule::{Lists, Rule, RuleError, RuleErrors, Vocabulary};
use bespoke::schema::Schema;
use serde_json::Value as Json;

/// The bound of one input in this hardly optimised build on a busy machine; by itself each takes far less than two.
const PATIENCE: Duration = Duration::from_secs(30);

#[expect(clippy::disallowed_methods, reason = "a bound on real time needs a clock")]
#[track_caller]
fn within<T>(patience: Duration, what: &str, run: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let result = run();
    let took = start.elapsed();
    assert!(took < patience, "{what} took {took:?}");
    result
}

#[track_caller]
fn refused(text: &str) -> Problems {
    within(PATIENCE, &text[..text.len().min(60)], || Engine::from_json(text)).unwrap_err()
}

/// Four times the input takes less than eight times as long, or next to nothing. A machine that is busy with other
/// things can only make one run slower, so the quickest of several counts.
#[expect(clippy::disallowed_methods, reason = "a bound on real time needs a clock")]
#[track_caller]
fn grows_linearly(what: &str, from: usize, run: impl Fn(usize)) {
    let quickest = |size: usize| {
        let timed = (0..5).map(|_| {
            let start = Instant::now();
            run(size);
            start.elapsed()
        });
        timed.min().unwrap_or_default()
    };
    let (small, large) = (quickest(from), quickest(4 * from));
    assert!(large < small * 8 + Duration::from_millis(50), "{what}: {small:?} for {from}, {large:?} for four times");
}

fn list(count: usize, each: impl Fn(usize) -> String) -> String {
    (0..count).map(each).collect::<Vec<_>>().join(",\n")
}

fn segments(count: usize, rule: impl Fn(usize) -> String) -> String {
    let one = |i| format!("{{\"name\": \"{}\", \"rule\": {}}}", name(i), serde_json::json!(rule(i)));
    format!("{{\"segments\": [{}]}}", list(count, one))
}

/// Names that are as long as hints are given for, and much alike.
fn name(i: usize) -> String {
    format!("{:x<58}{i:05}", "a-segment-with-a-long-name-")
}

fn unknown(i: usize) -> String {
    format!("{:y<58}{i:05}", "a-segment-with-a-lnog-name-")
}

#[test]
fn a_rule_of_ten_megabytes_is_refused_before_it_is_read() {
    let long = format!("plan = '{}'", "x".repeat(10_000_000));
    let error = within(Duration::from_secs(1), "parse", || Rule::parse(&long)).unwrap_err();
    assert_eq!(error.to_string(), "the rule has 10000009 bytes; at most 4194304 are read");
    let text = segments(1, |_| long.clone());
    assert!(refused(&text).to_string().contains(": segments[0].rule: the rule has 10000009 bytes"));
    let garbage = within(PATIENCE, "garbage", || Engine::from_json(&"x".repeat(10_000_000))).unwrap_err();
    assert!(garbage.to_string().starts_with("1:1: definitions: not JSON"));
    let wide = format!("{{{}}}", list(300_000, |i| format!("\"k{i}\": {i}")));
    assert_eq!(refused(&wide).as_slice().len(), 200);
}

#[test]
fn nesting_of_a_hundred_thousand_is_refused_where_it_passes_the_limit() {
    for text in ["(".repeat(100_000), "NOT ".repeat(100_000), "NOT (".repeat(100_000)] {
        assert!(matches!(Rule::parse(&text), Err(RuleError::TooDeep { limit: 64, .. })));
    }
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        let deep = format!("{}1{}", open.repeat(100_000), close.repeat(100_000));
        let problems = refused(&deep);
        let problem = &problems.as_slice()[0];
        assert!(matches!(problem.fault, Fault::TooDeep { limit: 127 }), "{problem}");
        assert_eq!((problem.place.line, problem.place.column), (1, 128 * open.len() - open.len() + 1));
    }
    let mut deep = serde_json::json!({"plan": "pro"});
    for _ in 0..100 {
        deep = serde_json::json!({"$not": deep});
    }
    let errors = Rule::from_json(&deep).unwrap_err();
    assert!(matches!(errors[0], RuleError::TooDeep { limit: 64, .. }));
    let text = format!("{{\"segments\": [\n {{\"name\": \"s\", \"rule\": {deep}}}]}}");
    let told = refused(&text).to_string();
    assert!(told.starts_with("2:") && told.contains("the rule nests deeper than 64 levels"), "{told}");
}

type Read = fn(&Json) -> Result<Rule, RuleErrors>;

/// All ways to read JSON as a rule.
fn readers() -> [(&'static str, Read); 3] {
    [
        ("JSON", Rule::from_json),
        ("GrowthBook", |json| Rule::from_growthbook(json, &Lists::default())),
        ("JsonLogic", Rule::from_jsonlogic),
    ]
}

/// JSON in JSON, each level the only part of the next.
fn nested(levels: usize, wrap: impl Fn(Json) -> Json) -> Json {
    (0..levels).fold(serde_json::json!(1), |inner, _| wrap(inner))
}

fn field(key: &str, json: Json) -> Json {
    Json::Object([(key.to_owned(), json)].into_iter().collect())
}

#[test]
fn json_that_nests_a_hundred_thousand_levels_is_refused_by_every_reader() {
    // What a parser would refuse can still be built; it is never dropped, since that goes down all levels too.
    let keys = [
        "$not",
        "x",
        "$size",
        "$event",
        "where",
        "$score",
        "!",
        "!!",
        "var",
        "missing",
        "and",
        "if",
        "some",
        "in",
        "==",
        "$and",
        "$or",
        "$nor",
        "$elemMatch",
        "$all",
        "$in",
        "$exists",
        "$gt",
        "$same",
    ];
    for key in keys {
        for in_list in [false, true] {
            let wrap = |inner: Json| field(key, if in_list { Json::Array(vec![inner]) } else { inner });
            let deep = std::mem::ManuallyDrop::new(nested(100_000, wrap));
            let under = std::mem::ManuallyDrop::new(field("x", field("$eq", nested(100_000, wrap))));
            for json in [&*deep, &*under] {
                for (name, read) in readers() {
                    let read = within(PATIENCE, key, || read(json));
                    // A condition that GrowthBook's SDKs answer with false is no error, but neither is it large.
                    assert!(
                        read.as_ref().map_or(true, |rule| rule.to_string().len() < 1_000),
                        "{name} {key}: {read:?}"
                    );
                    let told = read.err().map(|errors| errors.to_string().len());
                    assert!(told.is_none_or(|bytes| bytes < 2_000), "{name} {key}");
                }
            }
        }
    }
    let told = |read: Result<Rule, RuleErrors>| read.unwrap_err()[0].clone();
    let deep = std::mem::ManuallyDrop::new(nested(100_000, |inner| field("$not", inner)));
    assert!(matches!(told(Rule::from_json(&deep)), RuleError::TooDeep { limit: 64, .. }));
    assert!(matches!(told(Rule::from_growthbook(&deep, &Lists::default())), RuleError::TooDeep { limit: 64, .. }));
    let deep = std::mem::ManuallyDrop::new(nested(100_000, |inner| field("!", inner)));
    assert!(matches!(told(Rule::from_jsonlogic(&deep)), RuleError::TooDeep { limit: 64, .. }));
}

#[test]
fn ten_megabytes_of_text_in_json_are_refused_since_they_would_not_read_back() {
    let long = "x".repeat(10_000_000);
    let conditions = [
        serde_json::json!({"plan": long}),
        serde_json::json!({"plan": {"$in": [long]}}),
        serde_json::json!({"==": [{"var": "plan"}, long]}),
    ];
    for ((name, read), json) in readers().into_iter().zip(conditions) {
        let error = within(PATIENCE, name, || read(&json)).unwrap_err();
        assert!(matches!(error[0], RuleError::TooLong { bytes: 10_000_000.., limit: 4_194_304 }), "{name}");
    }
    let built = Rule::attribute("plan").eq(long);
    let errors = built.check(&Vocabulary::new(&Schema::default()));
    assert_eq!(errors[0].to_string(), "the rule has 10000009 bytes; at most 4194304 are read");
    // Short as text, but not as it is written: every `a=1 or ` grows by three blanks.
    let tight = format!("{}a=1", "a=1 or ".repeat(580_000));
    assert!(matches!(Rule::parse(&tight), Err(RuleError::TooLong { .. })));
}

#[test]
fn conditions_that_choose_do_not_double_with_each_level() {
    let choose = |inner: Json| serde_json::json!({"if": [inner, {"var": "a"}, {"var": "b"}]});
    let deep = |levels| (0..levels).fold(serde_json::json!({"var": "x"}), |inner, _| choose(inner));
    assert!(Rule::from_jsonlogic(&deep(8)).is_ok());
    let error = within(PATIENCE, "if", || Rule::from_jsonlogic(&deep(40))).unwrap_err();
    let why = "`if` cannot be said in a rule: its conditions hold too many others that choose; join them with `and`";
    assert!(error[0].to_string().ends_with(why), "{error}");
}

#[test]
fn ten_thousand_segments_in_a_circle_are_told_in_a_line() {
    let text = segments(10_000, |i| format!("segment('{}')", name((i + 1) % 10_000)));
    let told = refused(&text).to_string();
    assert!(told.contains("segments refer to each other in a circle") && told.contains("9992 more"), "{told}");
    assert!(told.len() < 2_000, "{}", told.len());
    let chain = segments(10_000, |i| if i == 0 { "a = 1".to_owned() } else { format!("segment('{}')", name(i - 1)) });
    let engine = within(PATIENCE, "a chain", || Engine::from_json(&chain)).unwrap();
    assert_eq!(engine.segments().len(), 10_000);
}

#[test]
fn ten_thousand_unknown_names_are_told_up_to_the_limit() {
    let text = segments(10_000, |i| format!("segment('{}')", unknown(i)));
    let problems = refused(&text);
    assert_eq!(problems.as_slice().len(), 200);
    assert!(problems.to_string().ends_with("\nfurther mistakes are not listed"));
    let place = &problems.as_slice()[7].place;
    assert_eq!((place.line, place.path.as_str()), (8, "segments[7].rule"));
}

#[test]
fn ten_thousand_mistakes_in_one_rule_are_told_up_to_a_hundred() {
    let many = |of: &str| list(10_000, |i| format!("{of}('{}')", unknown(i))).replace(",\n", " >= 1 AND ") + " >= 1";
    let known: Vec<String> = (0..10_000).map(name).collect();
    let known: BTreeSet<&str> = known.iter().map(String::as_str).collect();
    let rule = Rule::parse(&many("event")).unwrap();
    let schema = Schema { events: (0..2_000).map(|i| name(i).as_str().into()).collect(), ..Schema::default() };
    let errors = within(PATIENCE, "events", || rule.check(&Vocabulary::new(&schema).segments(known.iter().copied())));
    assert_eq!(errors.len(), 100);
    let fields = format!("{{{}}}", list(10_000, |i| format!("\"$wrong{i}\": 1")));
    let json = serde_json::from_str(&fields).unwrap();
    assert_eq!(within(PATIENCE, "keys", || Rule::from_json(&json)).unwrap_err().len(), 100);
}

#[test]
fn ten_thousand_placements_and_campaigns_meet_in_good_time() {
    let placements = list(10_000, |i| format!("\"{}\"", name(i)));
    let campaign = |i| format!("{{\"name\": \"c{i}\", \"placement\": \"{}\", \"payload\": 1}}", name(i));
    let text = format!("{{\"placements\": [{placements}], \"campaigns\": [{}]}}", list(10_000, campaign));
    within(PATIENCE, "campaigns", || Engine::from_json(&text)).unwrap();
}

#[test]
fn time_grows_with_the_input_and_not_with_its_square() {
    grows_linearly("segments that refer to others", 1_000, |count| {
        let refers = |i| if i == 0 { "FALSE".to_owned() } else { format!("segment('{}')", name(i / 2)) };
        let text = segments(count, |i| format!("plan = 'p{i}' OR {}", refers(i)));
        assert_eq!(Engine::from_json(&text).unwrap().segments().len(), count);
    });
    grows_linearly("mistakes in their places", 1_000, |count| {
        let mut text = String::from("{\"placements\": [\"home\"], \"campaigns\": [");
        for i in 0..count {
            let comma = if i > 0 { "," } else { "" };
            write!(text, "{comma}\n{{\"name\": \"c{i}\", \"placement\": \"home\", \"payload\": [1, 2, 3, \"four\"]}}")
                .unwrap();
        }
        // The last two hundred are wrong, so that every place lies at the far end.
        let cut = text.match_indices("\"home\"").nth(count - 199).map_or(0, |(at, _)| at);
        let text = format!("{}{}]}}", &text[..cut], text[cut..].replace("\"home\"", "\"hmoe\""));
        assert_eq!(Engine::from_json(&text).unwrap_err().as_slice().len(), 200);
    });
    grows_linearly("one rule that asks for many segments", 1_000, |count| {
        let text = list(count, |i| format!("segment('s{i}')")).replace(",\n", " OR ");
        assert_eq!(Rule::parse(&text).unwrap().segments().len(), count);
    });
}

#[test]
fn a_mistake_in_a_rule_is_told_at_its_own_place_in_the_document() {
    let text = r#"{
  "segments": [
    {"name": "a", "rule": "plan = 'pro' AND\n event('product_veiwed')"},
    {"name": "b", "rule": {"$and": [{"plan": "pro"},
      {"$event": {"name": "product_veiwed"}}]}},
    {"name": "c", "rule": "plan = 'it''s \"x\"' AND AND"}
  ]
}"#;
    let found = refused(text);
    let places: Vec<(usize, usize)> = found.as_slice().iter().map(|of| (of.place.line, of.place.column)).collect();
    let column = |line: usize, part: &str| text.lines().nth(line - 1).unwrap().find(part).unwrap() + 1;
    let wanted = [(3, column(3, "'product_veiwed'")), (5, column(5, "\"product_veiwed\"")), (6, column(6, "AND\"}"))];
    assert_eq!(places, wanted, "{found}");
}
