//! Reads the items of a catalog: TSV with a header, or JSON, as a list or one item a line.

use std::io::BufRead;
use std::path::Path;

use bespoke::catalog::Item;

use crate::input::{Faults, Lines};

/// Reads a file, and gives each item with its line, to be named should the catalog refuse it.
///
/// The error is a line for the person who named the file.
pub(crate) fn open(path: &Path, faults: &mut Faults) -> Result<Vec<(usize, Item)>, String> {
    let named = |problem: &dyn std::fmt::Display| format!("{}: {problem}", path.display());
    let bytes = std::fs::read(path).map_err(|error| named(&error))?;
    read(&bytes, faults).map_err(|problem| named(&problem))
}

fn read(bytes: &[u8], faults: &mut Faults) -> Result<Vec<(usize, Item)>, String> {
    let begins = bytes.trim_ascii_start();
    if begins.starts_with(b"[") {
        let items: Vec<Item> = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        return Ok(items.into_iter().map(|item| (0, item)).collect());
    }
    let mut lines = Lines::new(bytes);
    let header = if begins.starts_with(b"{") { None } else { Some(Header::read(&mut lines)?) };
    let mut items = Vec::new();
    while let Some(line) = lines.next_full()? {
        let item = line.map_err(str::to_owned).and_then(|line| match &header {
            Some(header) => header.item(line),
            None => serde_json::from_str(line).map_err(|error| error.to_string()),
        });
        match item {
            Ok(item) => items.push((lines.number, item)),
            Err(problem) => faults.add(lines.number, problem),
        }
    }
    Ok(items)
}

/// The names of the columns.
struct Header(Vec<String>);

impl Header {
    fn read(lines: &mut Lines<impl BufRead>) -> Result<Self, String> {
        let Some(line) = lines.next_full()? else { return Err("the file is empty".to_owned()) };
        let names: Vec<String> = line?.split('\t').map(|name| name.trim().to_lowercase()).collect();
        if names.len() < 2 {
            return Err("the header has one column only; columns are split at tabs, the first is the id".to_owned());
        }
        Ok(Self(names))
    }

    fn item(&self, line: &str) -> Result<Item, String> {
        let mut cells = line.split('\t').map(str::trim);
        let id = cells.next().filter(|id| !id.is_empty()).ok_or("there is no id")?;
        let mut item = Item::new(id);
        for (name, text) in self.0.iter().skip(1).zip(cells).filter(|(_, text)| !text.is_empty()) {
            match name.as_str() {
                "title" | "name" => item.name = Some(text.to_owned()),
                "brand" => item.brand = Some(text.to_owned()),
                "price" => item.price = Some(text.parse().map_err(|_| format!("the price `{text}` is not a number"))?),
                "genres" | "categories" | "category" => {
                    item.categories.extend(text.split('|').filter(|of| !of.is_empty()).map(str::to_owned));
                }
                "tags" => item.tags.extend(text.split('|').filter(|of| !of.is_empty()).map(str::to_owned)),
                _ => item = item.attribute(name, text),
            }
        }
        Ok(item)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_of_films_becomes_items() {
        let mut faults = Faults::default();
        let text = "item\ttitle\tyear\tgenres\n1\tToy Story\t1995\tAnimation|Children's\n\t?\t\t\n2\tHeat\n";
        let items = read(text.as_bytes(), &mut faults).unwrap();
        let film = Item::new("1").name("Toy Story").category("Animation").category("Children's");
        assert_eq!(items[0], (2, film.attribute("year", "1995")));
        assert_eq!(items[1], (4, Item::new("2").name("Heat")));
        assert_eq!(faults.first, ["line 3: there is no id"]);
    }

    #[test]
    fn json_items_come_as_a_list_or_one_a_line() {
        let mut faults = Faults::default();
        let list = read(br#"[{"id": "a"}, {"id": "b"}]"#, &mut faults).unwrap();
        let lines = read(b"{\"id\": \"a\"}\n{\"id\": 1}\n{\"id\": \"b\"}\n", &mut faults).unwrap();
        assert!(list.iter().zip(&lines).all(|(a, b)| a.1 == b.1));
        assert_eq!((list.len(), lines.len(), faults.count), (2, 2, 1));
        assert!(read(b"[{}]", &mut faults).is_err());
    }
}
