//! What leaves the house: in order, quoted, and only of those who consent.

use bespoke::engine::Engine;
use bespoke::event::{Event, EventKind};
use bespoke::id::UserKey;
use bespoke::personalizer::{Export, Personalizer};
use bespoke::time::Timestamp;

fn now() -> Timestamp {
    "2026-03-01T12:00:00Z".parse().unwrap()
}

fn shop() -> Personalizer {
    let shop = Personalizer::new(
        Engine::from_json(
            r#"{"schema": {"attributes": {"name": "text", "age": "number", "joined": "time", "tags": "list"}},
            "segments": [{"name": "old", "rule": "age >= 50"}, {"name": "tagged, or so", "rule": "tags EXISTS"}],
            "settings": {"consent": {"email": true}}}"#,
        )
        .unwrap(),
    );
    for i in 0..600 {
        let name = format!("p{i}");
        let mut event = Event::new(EventKind::Identified, &name, now())
            .attribute("name", format!(" Mc\"{i}, Jr\n"))
            .attribute("age", f64::from(i % 100));
        if i % 2 == 0 {
            event = event.attribute("joined", "2026-01-02").attribute("tags", vec!["a", "b"]);
        }
        shop.ingest(&event, now()).unwrap();
        if i % 3 == 0 {
            let refused = Event::new(EventKind::ConsentChanged, &name, now()).property("email", false);
            shop.ingest(&refused, now()).unwrap();
        }
    }
    shop
}

#[test]
fn everybody_who_consents_comes_once_and_in_order() {
    let shop = shop();
    let export = Export::to("email").attributes(["age"]).segments(["old"]);
    let rows: Vec<_> = shop.export_all(&export, now()).unwrap().collect();
    assert_eq!(rows.len(), 400);
    assert!(rows.is_sorted_by(|a, b| a.key < b.key));
    let mut wanted: Vec<(UserKey, bool)> =
        (0..600).filter(|i| i % 3 != 0).map(|i| (UserKey::known(&format!("p{i}")), i % 100 >= 50)).collect();
    wanted.sort_unstable();
    let found: Vec<(UserKey, bool)> = rows.iter().map(|row| (row.key, row.segments[0])).collect();
    assert_eq!(found, wanted);
    let nobody = Export::to("telepathy");
    assert_eq!(shop.export_all(&nobody, now()).unwrap().count(), 0);
    let old = Export::to("email").within("old");
    assert_eq!(shop.export_all(&old, now()).unwrap().count(), wanted.iter().filter(|(_, old)| *old).count());
}

#[test]
fn csv_is_quoted_as_rfc_4180_has_it() {
    let shop = shop();
    let known = |key: UserKey| (key == UserKey::known("p4")).then(|| "p4".to_owned());
    let export = Export::to("email").ids(known).attributes(["name", "joined", "tags"]).segments(["tagged, or so"]);
    let mut exported = shop.export_all(&export, now()).unwrap();
    assert_eq!(exported.header(), r#"key,id,name,joined,tags,"tagged, or so""#);
    let row = exported.find(|row| row.key == UserKey::known("p4")).unwrap();
    let wanted =
        format!("{},p4,\" Mc\"\"4, Jr\n\",2026-01-02T00:00:00Z,\"[\"\"a\"\", \"\"b\"\"]\",true", UserKey::known("p4"));
    assert_eq!(row.csv(), wanted);
    let mut csv = String::new();
    shop.export_all(&export, now()).unwrap().write_csv(&mut csv).unwrap();
    // Lines end in CR LF; the line breaks within names are quoted.
    assert_eq!(csv.matches("\r\n").count(), 401);
    assert!(csv.contains(&format!("{},,", UserKey::known("p5"))));
}

#[test]
fn json_lines_are_objects_without_what_is_not_there() {
    let shop = shop();
    let upper = |text: &str| format!("<{text}>");
    let export = Export::to("email").digest("name", upper).digest("age", upper).attributes(["tags"]).segments(["old"]);
    let mut json = String::new();
    shop.export_all(&export, now()).unwrap().write_json(&mut json).unwrap();
    let lines: Vec<serde_json::Value> = json.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 400);
    let key = UserKey::known("p1").to_string();
    let ours = lines.iter().find(|line| line["key"] == key.as_str()).unwrap();
    let wanted = serde_json::json!({"key": key, "attributes": {"name": "<mc\"1, jr>"}, "segments": {"old": false}});
    assert_eq!(*ours, wanted);
}

#[test]
fn an_unknown_segment_is_told_before_anything_is_exported() {
    let shop = shop();
    for export in [Export::to("email").within("odl"), Export::to("email").segments(["odl"])] {
        let error = shop.export_all(&export, now()).unwrap_err();
        assert_eq!(error.to_string(), "unknown segment `odl`; did you mean `old`?");
    }
}
