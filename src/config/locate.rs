//! Finds the places of paths in a JSON text that is known to be valid, all in one pass.

/// Where a path leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// The byte at which the value begins.
    at: usize,
    /// How many bytes of the path lead there; fewer than it has where something on the way is missing.
    pub(super) matched: usize,
    /// The line, from 1.
    pub(super) line: usize,
    /// The column in characters, from 1.
    pub(super) column: usize,
}

/// The places of the values at paths such as `campaigns[2].goal`; of one that is not there, the place of the nearest
/// part above it.
///
/// A key that holds a dot is found by its literal text, so `schema.a.b` finds `{"schema": {"a.b": …}}` too. Cost: one
/// walk over the text, whatever the number of paths, and for each key on the way a look at the paths that lead there.
pub(super) fn locate<'p>(text: &str, paths: impl IntoIterator<Item = &'p str>) -> Vec<Found> {
    let paths: Vec<&str> = paths.into_iter().collect();
    let mut cursor = Cursor::new(text);
    let mut found: Vec<Found> = paths.iter().map(|_| Found { at: cursor.at, matched: 0, line: 1, column: 1 }).collect();
    let wanted = (0..paths.len()).filter(|path| !paths[*path].is_empty()).collect();
    // Valid JSON is whole; should the walk fail all the same, what was found until then stands.
    let _ = cursor.enter(&paths, wanted, &mut found);
    let mut order: Vec<usize> = (0..paths.len()).collect();
    order.sort_by_key(|path| found[*path].at);
    let (mut at, mut line, mut column) = (0, 1, 1);
    for path in order {
        for c in text[at..found[path].at].chars() {
            (line, column) = if c == '\n' { (line + 1, 1) } else { (line, column + 1) };
        }
        at = found[path].at;
        (found[path].line, found[path].column) = (line, column);
    }
    found
}

/// The line and column in the document of a line and column in the text that a JSON string holds.
pub(super) fn within(text: &str, found: &Found, line: u32, column: u32) -> (usize, usize) {
    let mut chars = text[found.at..].chars();
    let (mut outer, mut inner) = ((found.line, found.column), (1, 1));
    if chars.next() != Some('"') {
        return outer;
    }
    outer.1 += 1;
    while inner < (line, column) {
        let Some(c) = chars.next() else { break };
        let mut spoken = c;
        if c == '\\' {
            // An escape is two characters, or six for a code.
            let code = chars.next().unwrap_or_default();
            outer.1 += 1;
            if code == 'u' {
                let digits: String = chars.by_ref().take(4).collect();
                outer.1 += 4;
                let unit = u32::from_str_radix(&digits, 16).unwrap_or_default();
                spoken = char::from_u32(unit).unwrap_or(' ');
                // The second half of a pair is no character of its own.
                if (0xDC00..0xE000).contains(&unit) {
                    outer.1 += 1;
                    continue;
                }
            } else {
                spoken = if code == 'n' { '\n' } else { ' ' };
            }
        } else if c == '"' {
            break;
        }
        outer.1 += 1;
        inner = if spoken == '\n' { (inner.0 + 1, 1) } else { (inner.0, inner.1 + 1) };
    }
    outer
}

/// A place in the text on the way through it.
pub(super) struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Cursor<'a> {
    /// Begins before the first value.
    pub(super) fn new(text: &'a str) -> Self {
        let mut cursor = Self { text, at: 0 };
        cursor.space();
        cursor
    }

    /// Goes past a bracket and the space after it.
    pub(super) fn open(&mut self) {
        self.at += 1;
        self.space();
    }

    /// Reads the key of a field, and where in bytes it begins; goes on to the value.
    pub(super) fn key(&mut self) -> Option<(String, usize)> {
        let start = self.at;
        self.string();
        let key = serde_json::from_str(&self.text[start..self.at]).ok()?;
        self.space();
        Some((key, start))
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn space(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_whitespace() || byte == b',' || byte == b':') {
            self.at += 1;
        }
    }

    /// Walks through a value that the wanted paths lead into, and behind it. JSON that has been read nests at most
    /// 127 levels.
    fn enter(&mut self, paths: &[&str], mut wanted: Vec<usize>, found: &mut [Found]) -> Option<()> {
        let rest = |path: usize, found: &[Found]| &paths[path][found[path].matched..];
        match self.peek()? {
            _ if wanted.is_empty() => return self.skip(),
            b'[' => {
                self.open();
                let index_of = |path: usize, found: &[Found]| -> Option<(usize, usize)> {
                    let (index, _) = rest(path, found).strip_prefix('[')?.split_once(']')?;
                    Some((index.parse().ok()?, index.len() + 2))
                };
                let mut by_index: Vec<(usize, usize, usize)> = wanted
                    .into_iter()
                    .filter_map(|path| index_of(path, found).map(|(index, bytes)| (index, path, bytes)))
                    .collect();
                by_index.sort_unstable();
                let (mut index, mut next) = (0, 0);
                while self.peek()? != b']' {
                    let first = next;
                    while by_index.get(next).is_some_and(|(of, _, _)| *of == index) {
                        let (_, path, bytes) = by_index[next];
                        self.note(paths, path, bytes, found);
                        next += 1;
                    }
                    let inner = by_index[first..next].iter().map(|(_, path, _)| *path);
                    self.enter(paths, inner.filter(|path| !rest(*path, found).is_empty()).collect(), found)?;
                    index += 1;
                }
            }
            b'{' => {
                self.open();
                while self.peek()? == b'"' {
                    let (key, _) = self.key()?;
                    let mut inner = Vec::new();
                    wanted.retain(|path| {
                        let after = rest(*path, found).strip_prefix(key.as_str());
                        let is_here = after.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']));
                        if is_here {
                            self.note(paths, *path, key.len(), found);
                            inner.push(*path);
                        }
                        !is_here
                    });
                    inner.retain(|path| !rest(*path, found).is_empty());
                    self.enter(paths, inner, found)?;
                }
            }
            _ => return self.skip(),
        }
        self.open();
        Some(())
    }

    /// Notes that a path leads to the value here.
    fn note(&self, paths: &[&str], path: usize, bytes: usize, found: &mut [Found]) {
        let found = &mut found[path];
        found.at = self.at;
        found.matched += bytes;
        if paths[path][found.matched..].starts_with('.') {
            found.matched += 1;
        }
    }

    /// Skips one value and the space after it.
    pub(super) fn skip(&mut self) -> Option<()> {
        let mut depth = 0_usize;
        loop {
            match self.peek()? {
                b'"' => self.string(),
                b'[' | b'{' => {
                    depth += 1;
                    self.at += 1;
                }
                b']' | b'}' => {
                    depth = depth.checked_sub(1)?;
                    self.at += 1;
                }
                _ => {
                    while self.peek().is_some_and(|byte| !b",:]}[{\" \n\r\t".contains(&byte)) {
                        self.at += 1;
                    }
                }
            }
            if depth == 0 {
                break;
            }
            self.space();
        }
        self.space();
        Some(())
    }

    fn string(&mut self) {
        self.at += 1;
        while let Some(byte) = self.peek() {
            self.at += if byte == b'\\' { 2 } else { 1 };
            if byte == b'"' {
                break;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_found_by_line_and_column() {
        let text = "{\n  \"a\": [1, {\"b\\\"c\": \"x]\", \"d\": 2}],\n  \"ü\": {\"e.f\": true}, \"g\": {}\n}";
        let paths = ["ü.e.f", "", "a", "a[1].d", "a[1].d", "a[1].b\"c", "g"];
        let found = locate(text, paths);
        let places: Vec<_> = found.iter().map(|found| (found.line, found.column)).collect();
        assert_eq!(places, [(3, 16), (1, 1), (2, 8), (2, 32), (2, 32), (2, 21), (3, 28)]);
        assert!(found.iter().zip(paths).all(|(found, path)| found.matched == path.len()));
    }

    #[test]
    fn what_is_missing_is_at_the_nearest_part_above_it() {
        let text = "{\n  \"a\": [1, {\"b\": [{}]}]\n}";
        let found = locate(text, ["a[2].b", "a[1].b[0].c.d", "a[1].x", "nothing", "a.b"]);
        let places: Vec<_> = found.iter().map(|found| (found.line, found.column, found.matched)).collect();
        assert_eq!(places, [(2, 8, 1), (2, 19, 10), (2, 12, 5), (1, 1, 0), (2, 8, 2)]);
    }

    #[test]
    fn a_place_within_a_string_is_one_within_the_document() {
        let text = r#"{"a": "x = '\"\u00e9\ud83d\ude00'\n AND oops"}"#;
        let found = locate(text, ["a"])[0];
        assert_eq!(within(text, &found, 1, 1), (1, 8));
        assert_eq!(within(text, &found, 2, 6), (1, text.find("oops").unwrap() + 1));
        assert_eq!(within(text, &found, 9, 9), (1, text.len() - 1));
    }
}
