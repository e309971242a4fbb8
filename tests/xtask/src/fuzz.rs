//! Fuzzing: libFuzzer drives the targets of `tests/fuzz`, guided by coverage, on a stable compiler.

use std::{
    fmt::Write,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};

use crate::{
    checks::keep_figures,
    cmd::{cmd, read, root, run, target},
    provision::{C_COMPILERS, ensure},
};

/// Instruments for libFuzzer: edges, comparisons. All of them are options of a stable compiler.
const INSTRUMENTS: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
                           -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
                           -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares \
                           -Ccodegen-units=1";

/// Inputs in the repository are no longer than this, and no more than this for each target: the shortest.
const LONGEST_KEPT: u64 = 400;
const MOST_KEPT: usize = 200;

/// What came of one target.
#[derive(Debug)]
struct Figures {
    target: String,
    executions: u64,
    edges: u64,
    inputs: usize,
}

/// Fuzzes each target, or those that are named, for its share of the time.
pub(crate) fn verb(seconds: u64, targets: &[String], keep: bool) -> Result<()> {
    ensure(&[C_COMPILERS])?;
    // Corpora and planted faults first, without instruments.
    let mut replay = cmd("cargo", ["test", "--locked"]);
    run(replay.current_dir(root().join("tests/fuzz")).env("CARGO_TARGET_DIR", target().join("fuzz")))?;
    let all = targets_of_corpora()?;
    let targets = if targets.is_empty() { all } else { targets.to_vec() };
    let program = build()?;
    let each = (seconds / targets.len().max(1) as u64).max(1);
    let mut figures = Vec::new();
    for target in &targets {
        let fuzzer = Fuzzer::of(&program, target)?;
        figures.push(fuzzer.run(each)?);
        if keep {
            fuzzer.keep()?;
        }
    }
    let table = table(&figures, each);
    print!("{table}");
    if keep {
        keep_figures("tests/FUZZ.md", &table)?;
    }
    Ok(())
}

fn corpus_file(target: &str) -> PathBuf {
    root().join("tests/fuzz/corpus").join(target).with_extension("txt")
}

/// Lists the targets: each has a corpus, which a test of theirs says.
fn targets_of_corpora() -> Result<Vec<String>> {
    let files = fs::read_dir(root().join("tests/fuzz/corpus"))?.map(|file| file.map(|file| file.path()));
    let files = files.collect::<Result<Vec<_>, _>>()?;
    let mut names: Vec<_> =
        files.iter().filter_map(|file| file.file_stem()).map(|name| name.to_string_lossy().into_owned()).collect();
    names.sort_unstable();
    Ok(names)
}

/// Builds the program, for a target by name, so that build scripts are not instrumented.
fn build() -> Result<PathBuf> {
    let version = read(&mut cmd("rustc", ["-vV"]))?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).context("rustc names no host")?.to_owned();
    let directory = target().join("fuzz");
    let words = format!("build --release --locked --features guided --bin guided --target {host}");
    let status = cmd("cargo", words.split_whitespace())
        .current_dir(root().join("tests/fuzz"))
        .env("CARGO_TARGET_DIR", &directory)
        .env("RUSTFLAGS", INSTRUMENTS)
        .status()?;
    if !status.success() {
        bail!("the fuzzed program does not build on {host}");
    }
    Ok(directory.join(host).join("release/guided"))
}

/// The program for one target, and its working corpus.
#[derive(Debug)]
struct Fuzzer<'a> {
    program: &'a Path,
    target: &'a str,
    corpus: PathBuf,
    found: PathBuf,
}

impl<'a> Fuzzer<'a> {
    /// Prepares the working corpus: what earlier runs have found, and the inputs of the repository.
    fn of(program: &'a Path, target: &'a str) -> Result<Self> {
        let (corpus, found) =
            (program.with_file_name("corpus").join(target), program.with_file_name("found").join(target));
        fs::create_dir_all(&corpus)?;
        fs::create_dir_all(&found)?;
        let lines = fs::read_to_string(corpus_file(target)).with_context(|| format!("no target {target}"))?;
        for (number, line) in inputs(&lines).enumerate() {
            fs::write(corpus.join(format!("kept-{number}")), from_hex(line)?)?;
        }
        Ok(Self { program, target, corpus, found })
    }

    fn command(&self) -> Command {
        let mut command = cmd(&self.program.display().to_string(), [] as [&str; 0]);
        command.env("FUZZ_TARGET", self.target).env("RUST_BACKTRACE", "0");
        command
    }

    /// Runs for so many seconds. An input that breaks a promise is an error, with the line that keeps it.
    fn run(&self, seconds: u64) -> Result<Figures> {
        let ascii = ["toml", "names", "headers"].contains(&self.target);
        let output = self
            .command()
            .arg(&self.corpus)
            .arg(format!("-max_total_time={seconds}"))
            .arg(format!("-artifact_prefix={}/", self.found.display()))
            .args(["-print_final_stats=1", "-max_len=2048", "-timeout=20", "-rss_limit_mb=1024"])
            .args(ascii.then_some("-only_ascii=1"))
            .output()
            .with_context(|| format!("cannot start {}", self.program.display()))?;
        let said = String::from_utf8_lossy(&output.stderr);
        if !output.status.success() {
            let artifact = said.lines().find_map(|line| line.split_once("Test unit written to ")).map(|(_, path)| path);
            let line = artifact.and_then(|path| fs::read(path).ok()).map(|bytes| to_hex(&bytes)).unwrap_or_default();
            let tail: Vec<_> = said.lines().rev().filter(|line| !line.starts_with('#')).take(16).collect();
            let tail: Vec<_> = tail.into_iter().rev().collect();
            bail!(
                "{}\n{} breaks a promise. Mend it, and keep the input as a line of tests/fuzz/corpus/{}.txt:\n{line}",
                tail.join("\n"),
                self.target,
                self.target
            );
        }
        let executions = said.lines().find_map(|line| line.strip_prefix("stat::number_of_executed_units:"));
        let edges = said.rmatch_indices("cov: ").find_map(|(at, label)| said[at + label.len()..].split(' ').next());
        let figures = Figures {
            target: self.target.to_owned(),
            executions: executions
                .and_then(|number| number.trim().parse().ok())
                .context("libFuzzer tells no figures")?,
            edges: edges.and_then(|number| number.parse().ok()).context("no edge was covered")?,
            inputs: fs::read_dir(&self.corpus)?.count(),
        };
        println!("{}: {} inputs, {} edges", figures.target, figures.executions, figures.edges);
        Ok(figures)
    }

    /// Keeps the inputs in the repository that cover more than the others, and each that has a comment.
    fn keep(&self) -> Result<()> {
        let merged = self.corpus.with_extension("merged");
        fs::create_dir_all(&merged)?;
        let status = self
            .command()
            .arg("-merge=1")
            .arg(format!("-max_len={LONGEST_KEPT}"))
            .args([&merged, &self.corpus])
            .output()?;
        if !status.status.success() {
            bail!("cannot merge the corpus of {}", self.target);
        }
        let before = fs::read_to_string(corpus_file(self.target))?;
        let mut lines: Vec<String> = before.lines().filter(|line| line.contains('#')).map(str::to_owned).collect();
        let mut files = fs::read_dir(&merged)?.map(|file| fs::read(file?.path())).collect::<Result<Vec<_>, _>>()?;
        files.sort_by(|a, b| (a.len(), a).cmp(&(b.len(), b)));
        lines.extend(files.iter().filter(|bytes| !bytes.is_empty()).take(MOST_KEPT).map(|bytes| to_hex(bytes)));
        fs::write(corpus_file(self.target), lines.join("\n") + "\n")?;
        fs::remove_dir_all(&merged)?;
        Ok(())
    }
}

fn inputs(corpus: &str) -> impl Iterator<Item = &str> {
    corpus.lines().map(|line| line.split('#').next().unwrap_or_default().trim()).filter(|line| !line.is_empty())
}

fn from_hex(line: &str) -> Result<Vec<u8>> {
    let byte = |place: usize| line.get(place..place + 2).and_then(|byte| u8::from_str_radix(byte, 16).ok());
    let bytes: Option<Vec<u8>> = (0..line.len()).step_by(2).map(byte).collect();
    bytes.with_context(|| format!("not hexadecimal: {line}"))
}

fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut line, byte| {
        // Writing to a string cannot fail.
        let _ = write!(line, "{byte:02x}");
        line
    })
}

fn table(figures: &[Figures], each: u64) -> String {
    let mut table =
        String::from("| target | inputs tried | edges covered | inputs that add coverage |\n|---|--:|--:|--:|\n");
    for Figures { target, executions, edges, inputs } in figures {
        // Writing to a string cannot fail.
        let _ = writeln!(table, "| `{target}` | {executions} | {edges} | {inputs} |");
    }
    table + &format!("\n{each} s for each target, without a broken promise.\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_an_input() {
        assert_eq!(from_hex(&to_hex(&[0, 255, 16])).unwrap(), [0, 255, 16]);
        assert!(from_hex("0").is_err() && from_hex("zz").is_err());
        assert_eq!(inputs("00 # why\n\n# nothing\n7f").collect::<Vec<_>>(), ["00", "7f"]);
    }

    #[test]
    fn each_corpus_is_read() {
        for target in targets_of_corpora().unwrap() {
            let text = fs::read_to_string(corpus_file(&target)).unwrap();
            assert!(inputs(&text).all(|line| from_hex(line).is_ok()), "{target}");
        }
    }
}
