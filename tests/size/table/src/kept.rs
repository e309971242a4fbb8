//! Compares the kept table with the current one.

use std::collections::BTreeMap;

/// A row may grow by one twentieth; more growth needs a new table, and with it a reason.
const TOLERANCE: u64 = 20;

/// Returns the rows that grew too much, by the numbers of redress.
pub(crate) fn grown(before: &str, now: &str) -> Vec<String> {
    let before = numbers(before);
    let mut faults = Vec::new();
    for (key, value) in numbers(now) {
        match before.get(&key) {
            None => faults.push(format!("{key}: not in the kept table")),
            Some(kept) if value > kept + kept / TOLERANCE => {
                faults.push(format!("{key}: {value} is more than 5 % above the {kept} of the kept table"));
            }
            Some(_) => {}
        }
    }
    faults
}

/// Returns the numbers in the columns `flash` and `measured`, by heading and first cells of their rows.
fn numbers(text: &str) -> BTreeMap<String, u64> {
    let mut found = BTreeMap::new();
    let (mut heading, mut column) = ("", None);
    for line in text.lines() {
        if let Some(title) = line.strip_prefix("## ") {
            (heading, column) = (title, None);
        }
        let cells: Vec<_> = line.split('|').map(str::trim).collect();
        if let Some(named) = cells.iter().position(|cell| matches!(*cell, "flash" | "measured")) {
            column = Some(named);
        } else if let Some(number) = column.and_then(|column| cells.get(column)?.parse().ok()) {
            let target = cells.get(2).filter(|cell| cell.parse::<i64>().is_err()).unwrap_or(&"");
            found.insert(format!("{heading}: {} {target}", cells[1]).trim().to_owned(), number);
        }
    }
    found
}
