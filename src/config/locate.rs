//! Finds the place of a path in a JSON text that is known to be valid.

/// The line and column, both from 1, of the value at a path such as `campaigns[2].goal`; `None` if it is not there.
///
/// A key that holds a dot is found by its literal text, so `schema.a.b` finds `{"schema": {"a.b": …}}` too.
pub(super) fn locate(text: &str, path: &str) -> Option<(usize, usize)> {
    let mut cursor = Cursor { text, at: 0 };
    cursor.space();
    let mut rest = path;
    while !rest.is_empty() {
        rest = cursor.step(rest)?;
    }
    let before = &text[..cursor.at];
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().map_or(0, |line| line.chars().count()) + 1;
    Some((line, column))
}

struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

impl Cursor<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn space(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_whitespace() || byte == b',' || byte == b':') {
            self.at += 1;
        }
    }

    /// Goes to the next part of the path; gives what is left of it.
    fn step<'p>(&mut self, path: &'p str) -> Option<&'p str> {
        if let Some(index) = path.strip_prefix('[') {
            let (index, rest) = index.split_once(']')?;
            let index: usize = index.parse().ok()?;
            self.enter(b'[')?;
            for _ in 0..index {
                self.skip()?;
            }
            return (self.peek()? != b']').then_some(rest.strip_prefix('.').unwrap_or(rest));
        }
        self.enter(b'{')?;
        while self.peek()? == b'"' {
            let start = self.at;
            self.skip()?;
            let after = |c: char| c.is_ascii_whitespace() || c == ':';
            let key: String = serde_json::from_str(self.text[start..self.at].trim_end_matches(after)).ok()?;
            let rest = path.strip_prefix(key.as_str());
            if let Some(rest) = rest.filter(|rest| rest.is_empty() || rest.starts_with(['.', '['])) {
                return Some(rest.strip_prefix('.').unwrap_or(rest));
            }
            self.skip()?;
        }
        None
    }

    fn enter(&mut self, open: u8) -> Option<()> {
        (self.peek()? == open).then(|| self.at += 1)?;
        self.space();
        Some(())
    }

    /// Skips one value, or one key, and the space after it.
    fn skip(&mut self) -> Option<()> {
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
    use super::locate;

    #[test]
    fn paths_are_found_by_line_and_column() {
        let text = "{\n  \"a\": [1, {\"b\\\"c\": \"x]\", \"d\": 2}],\n  \"ü\": {\"e.f\": true}\n}";
        assert_eq!(locate(text, ""), Some((1, 1)));
        assert_eq!(locate(text, "a"), Some((2, 8)));
        assert_eq!(locate(text, "a[1].d"), Some((2, 32)));
        assert_eq!(locate(text, "ü.e.f"), Some((3, 16)));
        assert_eq!(locate(text, "a[2]"), None);
        assert_eq!(locate(text, "nothing"), None);
    }
}
