//! Measures the shape of core: what a maintainer has to read.
//!
//! - `shape`: prints the figures and holds them against their bars. Needs valgrind, and a build without optimisation.
//! - `shape walk`: makes one call that fails, and ends where it would sleep.

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    path::{Path, PathBuf},
    process::{Command, ExitCode, exit},
    time::Duration,
};

use redress_core::{Backoff, Blocking, ErrorClass, Policy, Retry, SeededRandom};
use redress_std::StdClock;

/// Lines of code in core, without tests, comments, blank lines and the rooms apart.
/// The bar of 6,300 is missed by 1,440: breakers moved by hand, watched calls, errors that are seen, idle observers, checkpoints of
/// breakers, sentences, cancellation, steps that async call sites share, attributes for images without LTO.
const MOST_LINES: usize = 7_745;
/// The rooms that no call passes unless it asks for them: classifiers with the lists of their vendors, kept connections, rates
/// and keys.
const APART: [&str; 5] = ["classify/", "keeper/", "breaker/rate/", "budget/ratio.rs", "by_key.rs"];
/// Lines of a file, without its tests. The bar is 400; options of a retry (425) and a context (431) miss it.
const LONGEST_FILE: usize = 431;
/// Conditions on the target, and files that have some.
const MOST_CONDITIONS: (usize, usize) = (6, 2);
/// Functions that a failure passes from `call` to the sleep, and files they are in. The bar is 12; the question to the sleep
/// handler, which a keeper asks too, is the 13th.
const LONGEST_WALK: (usize, usize) = (13, 5);
/// Functions of up to this many lines, or of a single expression without a branch, are read in passing and are not counted:
/// accessors, formulas, conversions, structs that are filled in.
const IN_PASSING: usize = 5;

static POLICY: Policy =
    Policy::new(Retry::new(Backoff::full_jitter(Duration::from_millis(50), Duration::from_secs(5))));

type Result<T> = std::result::Result<T, String>;

fn main() -> ExitCode {
    let measured = match env::args().nth(1).as_deref() {
        Some("walk") => return walk(),
        Some(_) => Err("usage: shape [walk]".into()),
        None => measure(),
    };
    match measured {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}

/// Makes a call whose first attempt fails.
fn walk() -> ExitCode {
    let env = Blocking::new(StdClock, |_ticks: u64| exit(0), SeededRandom::new(1));
    fails(|operation| POLICY.context(env).call(operation).is_ok())
}

/// What is measured begins here.
#[inline(never)]
fn fails(call: impl FnOnce(fn() -> std::result::Result<(), ErrorClass>) -> bool) -> ExitCode {
    call(|| Err(ErrorClass::Transient));
    ExitCode::FAILURE
}

/// Prints the figures. Returns whether all are within their bars.
fn measure() -> Result<bool> {
    let files = files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../redress-core/src"))?;
    let is_read = |(name, _): &(&String, _)| !APART.iter().any(|room| name.starts_with(room));
    let lines: usize = files.iter().filter(is_read).map(|(_, file)| file.code()).sum();
    let longest = files.values().map(|file| file.lines.len()).max().unwrap_or_default();
    let conditions: Vec<_> = files.values().map(File::conditions).filter(|conditions| *conditions > 0).collect();
    let walk = functions_on_the_walk(&files)?;
    let walked: BTreeSet<_> = walk.iter().map(|(file, _)| file).collect();
    if walk.is_empty() {
        return Err("no function was found on the way: build with line tables, CARGO_PROFILE_DEV_DEBUG=1".into());
    }
    for (file, function) in &walk {
        println!("  {file}: {function}");
    }
    let mut holds = true;
    for (what, figure, bar) in [
        ("functions from `call` to the sleep", walk.len(), LONGEST_WALK.0),
        ("files they are in", walked.len(), LONGEST_WALK.1),
        ("lines of code", lines, MOST_LINES),
        ("lines of the longest file", longest, LONGEST_FILE),
        ("conditions on the target", conditions.iter().sum(), MOST_CONDITIONS.0),
        ("files with conditions on the target", conditions.len(), MOST_CONDITIONS.1),
    ] {
        let verdict = if figure <= bar { "" } else { ", too many" };
        println!("{what}: {figure}, at most {bar}{verdict}");
        holds &= figure <= bar;
    }
    Ok(holds)
}

/// A source file without its tests.
struct File {
    lines: Vec<String>,
    functions: Vec<Function>,
}

struct Function {
    name: String,
    /// The places of its first and its last line.
    first: usize,
    last: usize,
    /// Whether it is read in passing.
    is_short: bool,
}

/// The files below a folder, by their path in it.
fn files(root: &Path) -> Result<BTreeMap<String, File>> {
    let mut files = BTreeMap::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))? {
            let path: PathBuf = entry.map_err(|error| error.to_string())?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.file_name().is_some_and(|name| name != "tests.rs") {
                let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
                let name = path.strip_prefix(root).unwrap_or(&path).display().to_string();
                files.insert(name, File::new(&text));
            }
        }
    }
    Ok(files)
}

impl File {
    fn new(text: &str) -> Self {
        let is_test = |line: &&str| line.starts_with("#[cfg(test)]") || line.starts_with("#[cfg(all(test");
        let lines: Vec<_> = text.lines().take_while(|line| !is_test(line)).map(str::to_owned).collect();
        let functions = (0..lines.len()).filter_map(|first| Function::at(&lines, first)).collect();
        Self { lines, functions }
    }

    fn code(&self) -> usize {
        self.lines.iter().filter(|line| is_code(line)).count()
    }

    fn conditions(&self) -> usize {
        let is_condition = |line: &&String| {
            is_code(line)
                && ["target_os", "target_arch", "target_has", "target_pointer", "target_family"]
                    .iter()
                    .any(|name| line.contains(name))
        };
        self.lines.iter().filter(is_condition).count()
    }

    /// The innermost function around a line.
    fn function(&self, line: usize) -> Option<&Function> {
        let place = line.checked_sub(1)?;
        self.functions.iter().rev().find(|function| (function.first..=function.last).contains(&place))
    }
}

impl Function {
    /// The function that begins at this place, if one does.
    fn at(lines: &[String], first: usize) -> Option<Self> {
        let line = &lines[first];
        let (before, after) = line.split_once("fn ")?;
        let mut words = before.split_whitespace();
        if !words.all(|word| word.starts_with("pub") || ["const", "async"].contains(&word)) {
            return None;
        }
        let closing = format!("{}}}", &line[..line.len() - line.trim_start().len()]);
        let last = (first..lines.len()).find(|place| lines[*place] == closing)?;
        let opening = (first..last).find(|place| lines[*place].ends_with('{'))?;
        let body: Vec<_> =
            lines[opening + 1..last].iter().map(|line| line.trim()).filter(|line| is_code(line)).collect();
        let decides = |line: &&str| line.starts_with("if ") || line.starts_with("match ") || line.starts_with("let ");
        let is_short = body.len() <= IN_PASSING || !body.iter().any(decides);
        let name = after.chars().take_while(|letter| letter.is_alphanumeric() || *letter == '_').collect();
        Some(Self { name, first, last, is_short })
    }
}

fn is_code(line: &str) -> bool {
    !line.trim().is_empty() && !line.trim_start().starts_with("//")
}

/// The functions that a call enters before it sleeps, and the files they are in.
fn functions_on_the_walk(files: &BTreeMap<String, File>) -> Result<BTreeSet<(String, String)>> {
    let output = env::temp_dir().join(format!("redress-shape-{}", std::process::id()));
    let program = env::current_exe().map_err(|error| error.to_string())?;
    let done = Command::new("valgrind")
        .args([
            "--tool=callgrind",
            "--quiet",
            "--toggle-collect=shape::fails*",
            "--compress-strings=no",
            "--compress-pos=no",
        ])
        .arg(format!("--callgrind-out-file={}", output.display()))
        .arg(program)
        .arg("walk")
        .status()
        .map_err(|error| format!("valgrind: {error}"))?;
    if !done.success() {
        return Err(format!("valgrind: {done}"));
    }
    let profile = fs::read_to_string(&output).map_err(|error| error.to_string())?;
    fs::remove_file(&output).map_err(|error| error.to_string())?;
    Ok(executed(&profile)
        .filter_map(|(path, line)| {
            let (_, path) = path.split_once("redress-core/src/")?;
            let function = files.get(path)?.function(line)?;
            (!function.is_short).then(|| (path.to_owned(), function.name.clone()))
        })
        .collect())
}

/// The lines with a cost in a profile of callgrind, each with its file.
fn executed(profile: &str) -> impl Iterator<Item = (&str, usize)> {
    let mut file = "";
    // After `calls=`, a line has the cost of the function that was called.
    let mut is_called = false;
    profile.lines().filter_map(move |line| {
        if let Some((_, path)) = line.split_once('=').filter(|(key, _)| ["fl", "fi", "fe"].contains(key)) {
            file = path;
        }
        if line.starts_with("calls=") {
            is_called = true;
            return None;
        }
        let number = line.split(' ').next()?.parse().ok()?;
        (!std::mem::take(&mut is_called)).then_some((file, number))
    })
}
