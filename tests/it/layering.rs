//! Modules import downwards only.
//!
//! The table below is the crate's shape. The scan reads the sources as text: it finds every `crate::…`, in `use` and
//! elsewhere, outside comments and test modules.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// The layers from top to bottom; modules of one layer do not import each other.
const LAYERS: &[&[&str]] = &[
    &["lib"],
    &["error"],
    &["personalizer"],
    &["report", "insight"],
    &["engine"],
    &["evaluate", "goal", "campaign", "trigger"],
    &["segment", "feature"],
    &["recommend", "experiment", "bandit", "lifetime"],
    &["rule"],
    &["profile"],
    &["decision", "event", "schema", "catalog", "config"],
    &["linalg", "sketch", "stats"],
    &["state", "hash", "value", "time", "id", "near", "truth"],
];

/// Imports within a layer that are allowed, each with its reason.
const EXCEPTIONS: &[(&str, &str, &str)] = &[
    ("value", "time", "values are read as points in time"),
    ("state", "hash", "frames carry a checksum"),
    ("state", "time", "messages shorten what they repeat"),
    ("truth", "time", "answers hold until a time"),
    ("id", "hash", "keys are hashes"),
    ("id", "time", "messages shorten what they repeat"),
    ("schema", "event", "a schema declares event kinds"),
];

fn layer(module: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| layer.contains(&module))
}

fn may_import(from: &str, to: &str) -> bool {
    from == to
        || layer(from) < layer(to)
        || EXCEPTIONS.iter().any(|(importer, imported, _)| (*importer, *imported) == (from, to))
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
}

/// The code without comments and without inline test modules, which end at the first brace in their own column.
fn code(text: &str) -> String {
    let mut code = String::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let trimmed = line.trim_start();
        if trimmed.starts_with("//") {
            continue;
        }
        if trimmed.starts_with("#[cfg(test)]") {
            let end = format!("{}}}", &line[..line.len() - trimmed.len()]);
            // Further attributes may stand before the item.
            let item = lines.by_ref().find(|line| !line.trim_start().starts_with('#')).unwrap_or_default();
            if item.ends_with('{') {
                lines.by_ref().find(|line| *line == end);
            }
            continue;
        }
        code.push_str(line.split_once(" // ").map_or(line, |(code, _)| code));
        code.push('\n');
    }
    code
}

/// The modules that follow `crate::`; whatever begins with a capital belongs to `lib`.
fn imports(code: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut add = |name: &str| {
        let name: String = name.trim().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        if !name.is_empty() {
            found.insert(if name.starts_with(char::is_uppercase) { "lib".to_owned() } else { name });
        }
    };
    for (at, token) in code.match_indices("crate::") {
        let before = code[..at].chars().next_back();
        if before.is_some_and(|c| c.is_alphanumeric() || c == '_') {
            continue;
        }
        let rest = &code[at + token.len()..];
        let Some(list) = rest.strip_prefix('{') else {
            add(rest);
            continue;
        };
        let (mut depth, mut start) = (0, 0);
        for (i, c) in list.char_indices() {
            match c {
                '{' => depth += 1,
                '}' if depth > 0 => depth -= 1,
                ',' | '}' if depth == 0 => {
                    add(&list[start..i]);
                    start = i + 1;
                    if c == '}' {
                        break;
                    }
                }
                _ => {}
            }
        }
    }
    found
}

#[test]
fn modules_import_downwards_only() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&src, &mut files);
    assert!(files.len() > 10, "only {} files found", files.len());
    let mut wrong = Vec::new();
    for file in files {
        let path = file.strip_prefix(&src).unwrap();
        let stem = path.file_stem().unwrap().to_string_lossy();
        if stem == "tests" || stem.ends_with("_tests") || path.iter().any(|part| part == "tests") {
            continue;
        }
        let module = path.iter().next().unwrap().to_string_lossy().trim_end_matches(".rs").to_owned();
        if layer(&module).is_none() {
            wrong.push(format!("{}: `{module}` is in no layer; add it to LAYERS in this test", path.display()));
            continue;
        }
        for import in imports(&code(&std::fs::read_to_string(&file).unwrap())) {
            if layer(&import).is_none() {
                wrong.push(format!("{}: `crate::{import}` is in no layer; add it to LAYERS", path.display()));
            } else if !may_import(&module, &import) {
                wrong.push(format!("{}: `{module}` imports `{import}`, which is not below it", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn every_form_of_import_is_seen() {
    let text = "use crate::{\n    hash::{Map, Symbol},\n    time,\n};\nlet x = crate::rule::f(); // crate::goal\n\
                /// crate::engine\n#[cfg(test)]\nmod tests {\n    use crate::report::X;\n}\n\
                #[cfg(test)]\nmod more;\nmy_crate::segment;\nuse crate::Error;";
    let found: Vec<String> = imports(&code(text)).into_iter().collect();
    assert_eq!(found, ["hash", "lib", "rule", "time"]);
}

#[test]
fn the_table_tells_up_from_down() {
    assert!(may_import("profile", "event") && may_import("schema", "event") && may_import("rule", "rule"));
    assert!(!may_import("event", "profile") && !may_import("bandit", "experiment") && !may_import("time", "lib"));
}
