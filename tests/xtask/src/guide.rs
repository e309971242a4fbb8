//! The guide of simulations: each table in it is the output of the command above it, and each figure stands in a table.

use std::fs;

use anyhow::{Context, Result, bail};
use clap::ValueEnum;

use crate::{
    cmd::{cargo, cmd, root, run, target},
    markdown,
};

const GUIDE: &str = "redress-std/src/simulate/guide.md";

/// A part of `cargo xtask guide`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    /// Compare the tables with what the commands print, and look up the figures of the text in the tables
    Check,
    /// Write the tables
    Write,
}

pub(crate) fn verb(part: Part) -> Result<()> {
    run(&mut cargo("build --release -p redress-std --features cli --bin redress"))?;
    let path = root().join(GUIDE);
    let old = fs::read_to_string(&path).with_context(|| GUIDE.to_owned())?;
    let new = with_tables(&old, play)?;
    let missing = missing(&new);
    if part == Part::Write {
        fs::write(&path, &new)?;
    } else if let Some((number, (old, new))) =
        old.lines().zip(new.lines()).enumerate().find(|(_, (old, new))| old != new)
    {
        bail!("{GUIDE}:{}: is\n{old}\nand should be\n{new}\n`cargo xtask guide write` writes it", number + 1);
    } else if old != new {
        bail!("{GUIDE}: a table has lost rows, `cargo xtask guide write` writes it");
    }
    if missing.is_empty() { Ok(()) } else { bail!("{GUIDE}: figures that stand in no table: {}", missing.join(", ")) }
}

/// Runs a command of the guide, and returns what it prints. A fleet that does not recover is a figure too.
fn play(command: &str) -> Result<String> {
    println!("{command}");
    let words = command.split_whitespace().skip(1);
    let output =
        cmd(target().join("release/redress").to_str().context("UTF-8")?, words).current_dir(root()).output()?;
    match output.status.code() {
        Some(0 | 1) => Ok(String::from_utf8(output.stdout)?),
        _ => bail!("`{command}` failed: {}", String::from_utf8_lossy(&output.stderr)),
    }
}

/// Puts what each command prints in the place of the table after its block.
fn with_tables(text: &str, play: impl Fn(&str) -> Result<String>) -> Result<String> {
    let mut new = String::new();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        new = new + line + "\n";
        if line != "```sh" {
            continue;
        }
        let block: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
        new = new + &block.join("\n") + "\n```\n\n";
        while lines.next_if(|line| line.is_empty() || line.starts_with('|')).is_some() {}
        for command in markdown::read(&format!("```sh\n{}\n```\n", block.join("\n"))).commands {
            new = new + &play(&command.text)? + "\n";
        }
    }
    Ok(new.trim_end().to_owned() + "\n")
}

/// Returns the figures of the text, in backticks, that stand in no cell of a table.
fn missing(text: &str) -> Vec<String> {
    let (tables, prose): (Vec<&str>, Vec<&str>) = text.lines().partition(|line| line.starts_with('|'));
    let cells: Vec<&str> = tables.iter().flat_map(|row| row.split('|')).map(str::trim).collect();
    let prose = prose.join("\n");
    let spans = prose.split('`').skip(1).step_by(2);
    let figures = spans.filter(|span| span.starts_with(|first: char| first.is_ascii_digit()));
    figures.filter(|figure| !cells.contains(figure)).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_replaced_and_all_else_stays() {
        let text = "# A\n\n```sh\nredress simulate a \\\n    --quick\n```\n\n| old |\n|---|\n| 1 |\n| 2 |\n\nText.\n";
        let play = |command: &str| Ok(format!("| {command} |\n|---|\n| 3 |\n"));
        let new = with_tables(text, play).unwrap();
        let wanted = "# A\n\n```sh\nredress simulate a \\\n    --quick\n```\n\n| redress simulate a --quick |\n|---|\n| 3 |\n\nText.\n";
        assert_eq!(new, wanted);
        assert_eq!(with_tables(&new, play).unwrap(), new);
    }

    #[test]
    fn a_figure_has_to_be_a_cell() {
        let text = "A load of `1.57`, not `2`, with `BudgetConfig`; back after `4 min\n7 s`.\n| x | 1.57 |\n| 4 min 7 s | 0 of 2 |\n";
        assert_eq!(missing(text), ["2", "4 min\n7 s"]);
    }
}
