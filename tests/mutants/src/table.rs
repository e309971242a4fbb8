//! The figures, in `tests/MUTANTS.md`, and the survivors that are known.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
    fs,
    path::Path,
};

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::{list::Mutant, suite::Verdict};

/// The least part of the viable mutants that must be killed, in percent.
const BAR: usize = 97;

/// Mutants that no test can kill, each with its reason: `tests/mutants/survivors.toml`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Survivors {
    #[serde(default)]
    survivor: Vec<Survivor>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Survivor {
    /// File and change, without line and column.
    mutant: String,
    reason: String,
}

impl Survivors {
    pub(crate) fn read(root: &Path) -> Result<Self> {
        let path = root.join("tests/mutants/survivors.toml");
        let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        Ok(toml::from_str(&text)?)
    }

    fn has(&self, mutant: &Mutant) -> bool {
        let key = mutant.key();
        self.survivor.iter().any(|survivor| survivor.mutant == key)
    }
}

/// Mutants with what became of them.
#[derive(Debug)]
pub(crate) struct Outcome<'m> {
    pub(crate) all: Vec<(&'m Mutant, Verdict)>,
    /// Mutants of constants that were left out.
    pub(crate) not_run: usize,
    pub(crate) tests_left_out: usize,
}

#[derive(Debug, Default, Clone, Copy)]
struct Figures {
    unviable: usize,
    caught: usize,
    late: usize,
    alive: usize,
}

impl Figures {
    fn take(&mut self, verdict: Verdict) {
        *match verdict {
            Verdict::Unviable => &mut self.unviable,
            Verdict::Caught => &mut self.caught,
            Verdict::Late => &mut self.late,
            Verdict::Missed | Verdict::Unmet => &mut self.alive,
        } += 1;
    }

    const fn killed(self) -> usize {
        self.caught + self.late
    }

    const fn viable(self) -> usize {
        self.killed() + self.alive
    }

    fn row(self, name: &str) -> String {
        let Self { unviable, alive, .. } = self;
        format!("| {name} | {} | {} | {alive} | {unviable} |\n", self.viable(), self.killed())
    }
}

impl Outcome<'_> {
    fn alive(&self) -> impl Iterator<Item = (&Mutant, Verdict)> {
        let all = self.all.iter().copied();
        all.filter(|(_, verdict)| matches!(verdict, Verdict::Missed | Verdict::Unmet))
    }

    fn figures(&self) -> Figures {
        let mut figures = Figures::default();
        self.all.iter().for_each(|(_, verdict)| figures.take(*verdict));
        figures
    }

    /// Prints the survivors. An error if too many are alive, or one has no reason.
    pub(crate) fn check(&self, survivors: &Survivors) -> Result<()> {
        let (figures, mut unknown) = (self.figures(), 0);
        for (mutant, verdict) in self.alive() {
            if !survivors.has(mutant) {
                println!("{}: {mutant}", if verdict == Verdict::Unmet { "met by no test" } else { "not noticed" });
                unknown += 1;
            }
        }
        let (killed, viable) = (figures.killed(), figures.viable());
        println!("{killed} of {viable} viable mutants killed, {} do not compile", figures.unviable);
        if killed * 100 < viable * BAR {
            bail!("less than {BAR} % of the mutants were killed");
        }
        if unknown > 0 {
            bail!("{unknown} survivors have no reason in tests/mutants/survivors.toml");
        }
        Ok(())
    }

    /// Returns the figures of each file, and the survivors with their reasons.
    pub(crate) fn table(&self, survivors: &Survivors) -> String {
        let mut files: BTreeMap<&str, Figures> = BTreeMap::new();
        for (mutant, verdict) in &self.all {
            files.entry(&mutant.file).or_default().take(*verdict);
        }
        let mut table = String::from("| file | viable | killed | alive | do not compile |\n|---|--:|--:|--:|--:|\n");
        for (file, figures) in files {
            table += &figures.row(&format!("`{file}`"));
        }
        let all = self.figures();
        table += &all.row("all");
        let tenths = all.killed() * 1_000 / all.viable().max(1);
        // Writing to a string cannot fail.
        let _ = writeln!(table, "\n{}.{} % of the viable mutants are killed.", tenths / 10, tenths % 10);
        if self.not_run > 0 {
            let _ = writeln!(
                table,
                "\n{} mutants of constants, which are compiled one by one, were left out.",
                self.not_run
            );
        }
        if self.tests_left_out > 0 {
            let _ = writeln!(table, "\n{} tests that take long were left out.", self.tests_left_out);
        }
        table += "\n## Survivors\n\n";
        let mut reasons: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
        for (mutant, _) in self.alive() {
            let key = mutant.key();
            let reason = survivors.survivor.iter().find(|survivor| survivor.mutant == key);
            reasons.entry(reason.map_or("No reason yet", |survivor| &survivor.reason)).or_default().insert(key);
        }
        for (reason, mutants) in reasons {
            let _ = writeln!(table, "{reason}:\n");
            for mutant in mutants {
                let _ = writeln!(table, "- `{}`", mutant.replace('`', "'"));
            }
            table.push('\n');
        }
        table.truncate(table.trim_end().len());
        table + "\n"
    }
}

/// Puts the table in the place of the one before, after the line that begins the figures.
pub(crate) fn write(root: &Path, table: &str) -> Result<()> {
    let path = root.join("tests/MUTANTS.md");
    let text = fs::read_to_string(&path)?;
    let (head, _) = text.split_once("\n## Figures\n").context("tests/MUTANTS.md has no figures")?;
    fs::write(path, format!("{head}\n## Figures\n\n{table}"))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::list::{Genre, Place, Span};

    fn mutant(name: &str) -> Mutant {
        let place = Place { line: 7, column: 9 };
        Mutant {
            name: format!("a.rs:7:9: {name}"),
            file: "a.rs".to_owned(),
            genre: Genre::BinaryOperator,
            span: Span { start: place, end: place },
            replacement: String::new(),
        }
    }

    fn survivors(text: &str) -> Survivors {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn too_many_survivors_and_those_without_a_reason_are_errors() {
        let (killed, alive) = (mutant("replace < with <="), mutant("replace + with -"));
        let mut all = vec![(&killed, Verdict::Caught); 96];
        all.push((&alive, Verdict::Missed));
        let known = survivors("[[survivor]]\nmutant = 'a.rs: replace + with -'\nreason = 'Equal'");
        let outcome = Outcome { all: all.clone(), not_run: 0, tests_left_out: 0 };
        assert!(outcome.check(&known).is_ok());
        assert!(outcome.check(&Survivors::default()).unwrap_err().to_string().starts_with("1 survivors"));
        all.extend([(&alive, Verdict::Unmet); 3]);
        let outcome = Outcome { all, not_run: 0, tests_left_out: 0 };
        assert!(outcome.check(&known).unwrap_err().to_string().starts_with("less than 97 %"));
    }

    #[test]
    fn the_table_has_a_row_for_each_file_and_each_reason() {
        let (killed, alive) = (mutant("replace < with <="), mutant("replace + with -"));
        let all = vec![(&killed, Verdict::Late), (&alive, Verdict::Missed), (&killed, Verdict::Unviable)];
        let outcome = Outcome { all, not_run: 7, tests_left_out: 0 };
        let table = outcome.table(&survivors("[[survivor]]\nmutant = 'a.rs: replace + with -'\nreason = 'Equal'"));
        assert!(table.contains("| `a.rs` | 2 | 1 | 1 | 1 |\n"), "{table}");
        assert!(table.contains("\n50.0 % of the viable mutants are killed.\n\n7 mutants of constants"), "{table}");
        assert!(table.ends_with("\n## Survivors\n\nEqual:\n\n- `a.rs: replace + with -`\n"), "{table}");
    }
}
