//! Tables of text with a header line, from CSV.

/// A table of text, by column.
pub(crate) struct Table {
    columns: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(crate) fn read(text: &str) -> Result<Self, String> {
        let mut lines = text.lines().filter(|line| !line.trim().is_empty()).map(fields);
        let columns = lines.next().ok_or("the table is empty")?;
        let rows: Vec<Vec<String>> = lines.collect();
        match rows.iter().position(|row| row.len() != columns.len()) {
            Some(at) => Err(format!("row {} has not {} fields", at + 1, columns.len())),
            None => Ok(Self { columns, rows }),
        }
    }

    #[allow(clippy::allow_attributes, dead_code, reason = "each example uses a part")]
    pub(crate) fn columns(&self) -> &[String] {
        &self.columns
    }

    pub(crate) fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.eq_ignore_ascii_case(name))
    }

    pub(crate) fn text<'a>(&'a self, name: &str) -> Result<impl Iterator<Item = &'a str> + use<'a>, String> {
        let at = self.column(name).ok_or_else(|| format!("there is no column `{name}`"))?;
        Ok(self.rows.iter().map(move |row| row[at].as_str()))
    }

    /// Numbers, with truth values as 1 and 0.
    pub(crate) fn numbers(&self, name: &str) -> Result<Vec<f64>, String> {
        let number = |text: &str| match text.trim() {
            "True" | "true" | "TRUE" => Ok(1.0),
            "False" | "false" | "FALSE" => Ok(0.0),
            text => text.parse().map_err(|_| format!("`{name}` holds `{text}`, which is no number")),
        };
        self.text(name)?.map(number).collect()
    }
}

/// The fields of a line of CSV; in quotes, commas belong to the field.
pub(crate) fn fields(line: &str) -> Vec<String> {
    let (mut fields, mut quoted) = (vec![String::new()], false);
    for c in line.trim_end_matches('\r').chars() {
        match c {
            '"' => quoted = !quoted,
            ',' if !quoted => fields.push(String::new()),
            c => fields.last_mut().into_iter().for_each(|field| field.push(c)),
        }
    }
    fields
}
