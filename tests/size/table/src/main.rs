//! Measures the images and keeps tests/SIZE.md.
//!
//! `table print|check|write ARTIFACTS RUNS`: ARTIFACTS is the directory with one directory per target, RUNS the output of
//! the images that were run, as `target name number` in each line.

mod image;
mod kept;
mod rows;

use std::{collections::BTreeMap, fmt::Write as _, fs, path::Path, process::ExitCode};

use image::Sections;
use rows::{CONTENDERS, FLASH, Flash, Measured, RUNS, TARGETS};

/// The kept table, from the root of the repository.
const FILE: &str = "tests/SIZE.md";

fn main() -> ExitCode {
    match run(&std::env::args().skip(1).collect::<Vec<_>>()) {
        Ok(faults) if faults.is_empty() => ExitCode::SUCCESS,
        Ok(faults) => {
            for fault in faults {
                eprintln!("FAIL {fault}");
            }
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}

fn run(words: &[String]) -> Result<Vec<String>, String> {
    let [mode, artifacts, runs] = words else { return Err("usage: table print|check|write ARTIFACTS RUNS".into()) };
    let measured = measure(Path::new(artifacts), Path::new(runs))?;
    let text = render(&measured);
    match mode.as_str() {
        "print" => {
            print!("{text}");
            Ok(Vec::new())
        }
        "check" => {
            print!("{text}");
            let before = fs::read_to_string(FILE).map_err(|error| format!("{FILE}: {error}"))?;
            let mut faults = kept::grown(&before, &text);
            faults.extend(missed(&measured));
            Ok(faults)
        }
        "write" => {
            fs::write(FILE, &text).map_err(|error| format!("{FILE}: {error}"))?;
            print!("{text}");
            Ok(missed(&measured))
        }
        _ => Err(format!("{mode}: print, check or write")),
    }
}

/// The sections that an image adds to another.
struct Added {
    redress: Sections,
    /// Flash of the contenders, in their order.
    others: Vec<Option<u64>>,
}

struct Table {
    /// By target, in the order of the rows.
    flash: BTreeMap<&'static str, Vec<Added>>,
    runs: BTreeMap<(String, String), u64>,
}

fn measure(artifacts: &Path, runs: &Path) -> Result<Table, String> {
    let mut flash = BTreeMap::new();
    for target in TARGETS {
        let added = |image: &str, over: &str| -> Result<Sections, String> {
            let of = |name: &str| image::sections(&artifacts.join(target).join("release").join(name));
            Ok(of(image)?.over(of(over)?))
        };
        let mut rows = Vec::new();
        for Flash { redress, over, others, .. } in FLASH {
            let other = |contender: &&str| -> Result<Option<u64>, String> {
                let Some((_, image, over)) = others.iter().find(|(name, ..)| name == contender) else {
                    return Ok(None);
                };
                Ok(Some(added(image, over)?.flash()))
            };
            let others = CONTENDERS.iter().map(other).collect::<Result<_, _>>()?;
            rows.push(Added { redress: added(redress, over)?, others });
        }
        flash.insert(target, rows);
    }
    let text = fs::read_to_string(runs).map_err(|error| format!("{}: {error}", runs.display()))?;
    let mut said = BTreeMap::new();
    for line in text.lines() {
        let [target, name, number] = line.split_whitespace().collect::<Vec<_>>()[..] else {
            return Err(format!("{}: no `target name number`: {line}", runs.display()));
        };
        said.insert((target.into(), name.into()), number.parse().map_err(|error| format!("{line}: {error}"))?);
    }
    for Measured { name, target, .. } in RUNS {
        if !said.contains_key(&((*target).to_owned(), (*name).to_owned())) {
            return Err(format!("{}: {name} was not measured on {target}", runs.display()));
        }
    }
    Ok(Table { flash, runs: said })
}

impl Table {
    fn run(&self, target: &str, name: &str) -> u64 {
        self.runs[&(target.to_owned(), name.to_owned())]
    }
}

fn render(table: &Table) -> String {
    let mut text = String::from(include_str!("head.md"));
    for target in TARGETS {
        let _ = write!(
            text,
            "\n## Flash (`.text`, `.rodata` and `.data`) and RAM on {target}\n\n| bytes | .text | .rodata | .data | .bss | flash |"
        );
        for contender in CONTENDERS {
            let _ = write!(text, " {contender} |");
        }
        text += " bar |\n|---|--:|--:|--:|--:|--:|";
        text += &"--:|".repeat(CONTENDERS.len() + 1);
        text.push('\n');
        for (row, Added { redress, others }) in FLASH.iter().zip(&table.flash[target]) {
            let Sections { text: code, rodata, data, bss } = redress;
            let _ = write!(text, "| {} | {code} | {rodata} | {data} | {bss} | {} |", row.what, redress.flash());
            for other in others {
                let _ = write!(text, " {} |", cell(other.as_ref()));
            }
            let _ = writeln!(text, " {} |", cell((target == TARGETS[0]).then_some(row.bar)));
        }
    }
    text +=
        "\n## Measured by running and by compiling\n\n| | target | measured | by hand | bar |\n|---|---|--:|--:|--:|\n";
    for Measured { what, target, name, hand, bar } in RUNS {
        let hand = hand.map(|hand| table.run(target, hand));
        let measured = table.run(target, name);
        let _ = writeln!(text, "| {what} | {target} | {measured} | {} | {bar} |", cell(hand.as_ref()));
    }
    text
}

fn cell(value: Option<impl ToString>) -> String {
    value.map_or_else(|| "-".into(), |value| value.to_string())
}

/// Returns the rows above their bars.
fn missed(table: &Table) -> Vec<String> {
    let target = TARGETS[0];
    let flash =
        FLASH.iter().zip(&table.flash[target]).map(|(row, added)| (row.what, target, added.redress.flash(), row.bar));
    let runs = RUNS.iter().map(|row| (row.what, row.target, table.run(row.target, row.name), row.bar));
    flash
        .chain(runs)
        .filter(|(_, _, measured, bar)| measured > bar)
        .map(|(what, target, measured, bar)| format!("{what}, {target}: {measured} is above the bar of {bar}"))
        .collect()
}
