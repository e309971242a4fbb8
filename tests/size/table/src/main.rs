//! Measures the images and keeps tests/SIZE.md and tests/SIZE-MATRIX.md.
//!
//! - `table images size|matrix`: what is to be built, as `package target profile image...` in each line
//! - `table print|check|write size ARTIFACTS RUNS`: ARTIFACTS is the directory with one directory per target, RUNS the output
//!   of the images that were run, as `target name number` in each line
//! - `table print|check|write matrix ARTIFACTS`

mod image;
mod kept;
mod plant;
mod rows;

use std::{collections::BTreeMap, fmt::Write as _, fs, path::Path, process::ExitCode};

use image::Sections;
use rows::{Bar, Build, CONTENDERS, Flash, Group, MATRIX, Measured, RUNS, SIZE};

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
    let words: Vec<_> = words.iter().map(String::as_str).collect();
    let (mode, table, mut faults) = match words[..] {
        ["images", set] => {
            for build in builds(set)? {
                let images = Vec::from_iter(build.images()).join(" ");
                println!("{} {} {} {images}", build.package, build.target, build.profile);
            }
            return Ok(Vec::new());
        }
        [mode, "size", artifacts, runs] => (mode, Table::of("size", artifacts, Some(runs))?, formatting(artifacts)?),
        [mode, "matrix", artifacts] => (mode, Table::of("matrix", artifacts, None)?, Vec::new()),
        _ => {
            return Err(
                "usage: table images SET, table print|check|write size ARTIFACTS RUNS or matrix ARTIFACTS".into()
            );
        }
    };
    let (file, text) = (table.file, table.render());
    match mode {
        "print" => {
            print!("{text}");
            Ok(Vec::new())
        }
        "check" => {
            print!("{text}");
            let before = fs::read_to_string(file).map_err(|error| format!("{file}: {error}"))?;
            faults.extend(kept::grown(&before, &text));
            faults.extend(table.off_bars());
            faults.extend(plant::unseen(table));
            Ok(faults)
        }
        "write" => {
            fs::write(file, &text).map_err(|error| format!("{file}: {error}"))?;
            print!("{text}");
            faults.extend(table.off_bars());
            Ok(faults)
        }
        _ => Err(format!("{mode}: print, check or write")),
    }
}

/// A policy in a log of defmt brings nothing of `core::fmt`, which is found where it is.
fn formatting(artifacts: &str) -> Result<Vec<String>, String> {
    let directory = Path::new(artifacts).join(rows::M0).join("release");
    let mut faults = Vec::new();
    if image::formats(&directory.join("logged-redress-policy"))? {
        faults.push("a policy in defmt's `{}` links core::fmt".to_owned());
    }
    if !image::formats(&directory.join("logged-redress-debug"))? {
        faults.push(
            "core::fmt is not found where a policy is formatted with it, so not finding it proves nothing".to_owned(),
        );
    }
    Ok(faults)
}

fn builds(set: &str) -> Result<&'static [Build], String> {
    match set {
        "size" => Ok(SIZE),
        "matrix" => Ok(MATRIX),
        _ => Err(format!("{set}: size or matrix")),
    }
}

/// A row of flash in a build.
struct Row {
    build: &'static Build,
    group: &'static Group,
    flash: &'static Flash,
    /// The sections that redress adds.
    added: Sections,
    /// Flash of the contenders, in their order.
    others: Vec<Option<u64>>,
}

struct Table {
    /// The kept table, from the root of the repository.
    file: &'static str,
    head: &'static str,
    /// Whether the sections have columns.
    is_detailed: bool,
    rows: Vec<Row>,
    runs: BTreeMap<(String, String), u64>,
}

impl Table {
    /// Measures.
    fn of(set: &str, artifacts: &str, runs: Option<&str>) -> Result<Self, String> {
        let mut rows = Vec::new();
        for build in builds(set)? {
            let directory = Path::new(artifacts).join(build.target).join(build.profile);
            let added = |[image, over]: [String; 2]| -> Result<Sections, String> {
                Ok(image::sections(&directory.join(image))?.over(image::sections(&directory.join(over))?))
            };
            for group in build.groups {
                for flash in build.rows(group) {
                    let of = |contender| flash.images(contender).map(added).transpose();
                    let others = CONTENDERS
                        .map(|(name, _)| Ok(of(name)?.map(Sections::flash)))
                        .into_iter()
                        .collect::<Result<_, String>>()?;
                    let added = of("redress")?.unwrap_or_default();
                    rows.push(Row { build, group, flash, added, others });
                }
            }
        }
        let is_detailed = runs.is_some();
        let (file, head) = if is_detailed {
            ("tests/SIZE.md", include_str!("head.md"))
        } else {
            ("tests/SIZE-MATRIX.md", include_str!("matrix.md"))
        };
        let runs = runs.map(read_runs).transpose()?.unwrap_or_default();
        Ok(Self { file, head, is_detailed, rows, runs })
    }

    fn run(&self, target: &str, name: &str) -> u64 {
        self.runs[&(target.to_owned(), name.to_owned())]
    }

    fn render(&self) -> String {
        let mut text = String::from(self.head);
        let mut heading = String::new();
        for Row { build, group, flash, added, others } in &self.rows {
            let of_row = self.heading(build, group);
            if of_row != heading {
                heading = of_row;
                let _ = write!(text, "\n## {heading}\n\n| bytes |");
                let columns = if self.is_detailed {
                    &[" .text", " .rodata", " .data", " .bss", " flash"][..]
                } else {
                    &[" flash"]
                };
                for column in
                    columns.iter().copied().map(str::trim).chain(CONTENDERS.map(|(_, title)| title)).chain(["bar"])
                {
                    let _ = write!(text, " {column} |");
                }
                let _ = writeln!(text, "\n|---|{}", "--:|".repeat(columns.len() + CONTENDERS.len() + 1));
            }
            let _ = write!(text, "| {} |", flash.what);
            if self.is_detailed {
                let Sections { text: code, rodata, data, bss } = added;
                let _ = write!(text, " {code} | {rodata} | {data} | {bss} |");
            }
            let _ = write!(text, " {} |", added.flash());
            for other in others {
                let _ = write!(text, " {} |", cell(other.as_ref()));
            }
            let _ = writeln!(text, " {} |", bar(build.bar(flash)));
        }
        if self.is_detailed {
            text += "\n## Measured by running and by compiling\n\n| | target | measured | by hand | bar |\n|---|---|--:|--:|--:|\n";
            for row in RUNS {
                let hand = row.hand.map(|hand| self.run(row.target, hand));
                let measured = self.run(row.target, row.name);
                let _ = writeln!(
                    text,
                    "| {} | {} | {measured} | {} | {} |",
                    row.what,
                    row.target,
                    cell(hand.as_ref()),
                    bar(row.bar)
                );
            }
        }
        text
    }

    fn heading(&self, build: &Build, group: &Group) -> String {
        if self.is_detailed {
            format!("Flash and RAM on {}: {}", build.title, group.title)
        } else {
            format!("{}, {}: {}", build.target, build.title, group.title)
        }
    }

    /// Returns the rows above bars that should hold, and those that hold a bar which is said to be missed.
    fn off_bars(&self) -> Vec<String> {
        let flash = self.rows.iter().map(|row| {
            let heading = self.heading(row.build, row.group);
            (row.flash.what, heading, row.added.flash(), row.build.bar(row.flash))
        });
        let runs = RUNS.iter().filter(|_| self.is_detailed);
        let runs = runs.map(|row| (row.what, row.target.to_owned(), self.run(row.target, row.name), row.bar));
        flash
            .chain(runs)
            .filter_map(|(what, place, measured, bar)| match bar {
                Bar::Held(bar) if measured > bar => {
                    Some(format!("{place}: {what}: {measured} is above the bar of {bar}"))
                }
                Bar::Missed(bar) if measured <= bar => {
                    Some(format!("{place}: {what}: {measured} holds the bar of {bar}, which is said to be missed"))
                }
                _ => None,
            })
            .collect()
    }
}

fn read_runs(file: &str) -> Result<BTreeMap<(String, String), u64>, String> {
    let text = fs::read_to_string(file).map_err(|error| format!("{file}: {error}"))?;
    let mut said = BTreeMap::new();
    for line in text.lines() {
        let [target, name, number] = line.split_whitespace().collect::<Vec<_>>()[..] else {
            return Err(format!("{file}: no `target name number`: {line}"));
        };
        said.insert((target.into(), name.into()), number.parse().map_err(|error| format!("{line}: {error}"))?);
    }
    for Measured { name, target, hand, .. } in RUNS {
        for name in [Some(*name), *hand].into_iter().flatten() {
            if !said.contains_key(&((*target).to_owned(), name.to_owned())) {
                return Err(format!("{file}: {name} was not measured on {target}"));
            }
        }
    }
    Ok(said)
}

fn cell(value: Option<impl ToString>) -> String {
    value.map_or_else(|| "-".into(), |value| value.to_string())
}

fn bar(bar: Bar) -> String {
    match bar {
        Bar::None => "-".into(),
        Bar::Held(bar) => bar.to_string(),
        Bar::Missed(bar) => format!("{bar}, missed"),
    }
}
