//! Tests: which mutants each of them meets, and which of them notices a mutant.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

use crate::tree::Program;

/// A test that takes longer runs by itself, after all that are shorter.
const SHORT: Duration = Duration::from_millis(100);

/// A test that takes this many times as long as without a mutant is taken for endless.
const ENDLESS: u32 = 20;
const LEAST_LIMIT: Duration = Duration::from_secs(10);

/// No test needs more address space, in KiB; a mutant that allocates without end does.
const MOST_MEMORY: u64 = 4 << 20;

/// What the tests say of a mutant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Verdict {
    Caught,
    /// A test did not come to an end.
    Late,
    Missed,
    /// No test meets it.
    Unmet,
    /// It does not compile.
    Unviable,
}

#[derive(Debug)]
struct Test {
    program: usize,
    name: String,
    takes: Duration,
    meets: BTreeSet<usize>,
}

/// All tests.
#[derive(Debug)]
pub(crate) struct Suite {
    programs: Vec<Program>,
    tests: Vec<Test>,
    pub(crate) left_out: Vec<String>,
}

impl Suite {
    /// Runs each test by itself, without a mutant. Those that fail where mutants are only counted, or that take longer than this, are
    /// left out, so that fewer mutants are killed.
    pub(crate) fn trace(programs: Vec<Program>, directory: &Path, jobs: usize, longest: Duration) -> Result<Self> {
        fs::create_dir_all(directory)?;
        let mut names = Vec::new();
        for (number, program) in programs.iter().enumerate() {
            let output = program.command(&["--list", "--format", "terse"]).stdout(Stdio::piped()).output()?;
            let said = String::from_utf8_lossy(&output.stdout);
            names.extend(said.lines().filter_map(|line| Some((number, line.strip_suffix(": test")?.to_owned()))));
        }
        let traced = in_parallel(jobs, &names, |worker, (program, name)| {
            let file = directory.join(format!("trace-{worker}"));
            let _ = fs::remove_file(&file);
            let start = Instant::now();
            let process = programs[*program].command(&["--exact", name]).env("MUTANT_TRACE", &file).spawn()?;
            let status = wait(process, longest)?;
            let takes = start.elapsed();
            let bytes = fs::read(&file).unwrap_or_default();
            let numbers = bytes.chunks_exact(4).filter_map(|bytes| bytes.try_into().ok().map(u32::from_le_bytes));
            let meets = numbers.filter_map(|number| usize::try_from(number).ok()).collect();
            Ok((
                status.is_some_and(|status| status.success()),
                Test { program: *program, name: name.clone(), takes, meets },
            ))
        })?;
        let (passed, failed): (Vec<_>, Vec<_>) = traced.into_iter().partition(|(passed, _)| *passed);
        for (_, test) in &failed {
            let why = if test.takes < longest { "fails without a mutant" } else { "takes long" };
            println!("left out, because it {why}: {}", test.name);
        }
        let tests: Vec<_> = passed.into_iter().map(|(_, test)| test).collect();
        if tests.is_empty() {
            bail!("no test passes");
        }
        let takes: Duration = tests.iter().map(|test| test.takes).sum();
        println!("{} tests take {} s", tests.len(), takes.as_secs());
        Ok(Self { programs, tests, left_out: failed.into_iter().map(|(_, test)| test.name).collect() })
    }

    /// Runs the tests that meet each of these mutants, the short ones first.
    pub(crate) fn judge(
        &self,
        mutants: &[usize],
        jobs: usize,
        tell: impl Fn(usize, Verdict) + Sync,
    ) -> Result<Vec<Verdict>> {
        let done = AtomicUsize::new(0);
        in_parallel(jobs, mutants, |_, mutant| {
            let verdict = self.verdict(*mutant)?;
            tell(*mutant, verdict);
            let done = done.fetch_add(1, Relaxed) + 1;
            if done.is_multiple_of(100) {
                println!("{done} of {} mutants", mutants.len());
            }
            Ok(verdict)
        })
    }

    fn verdict(&self, mutant: usize) -> Result<Verdict> {
        let mut meeting: Vec<&Test> = self.tests.iter().filter(|test| test.meets.contains(&mutant)).collect();
        if meeting.is_empty() {
            return Ok(Verdict::Unmet);
        }
        meeting.sort_by_key(|test| test.takes);
        let mut groups: Vec<Vec<&Test>> = Vec::new();
        let mut short: BTreeMap<usize, Vec<&Test>> = BTreeMap::new();
        for test in meeting {
            if test.takes < SHORT {
                short.entry(test.program).or_default().push(test);
            } else {
                groups.push(vec![test]);
            }
        }
        // The shortest first, and the fewest.
        let mut short: Vec<_> = short.into_values().collect();
        short.sort_by_key(|tests| tests.iter().map(|test| test.takes).sum::<Duration>());
        groups.splice(0..0, short);
        for tests in groups {
            let takes: Duration = tests.iter().map(|test| test.takes).sum();
            let names: Vec<&str> = tests.iter().map(|test| test.name.as_str()).collect();
            let mut command = self.programs[tests[0].program].command(&["--exact"]);
            let process = command.args(names).env("MUTANT", mutant.to_string()).spawn()?;
            match wait(process, LEAST_LIMIT.max(takes * ENDLESS))? {
                None => return Ok(Verdict::Late),
                Some(status) if !status.success() => return Ok(Verdict::Caught),
                Some(_) => {}
            }
        }
        Ok(Verdict::Missed)
    }
}

impl Program {
    /// Builds a command that runs tests one after another, with little memory, and says nothing.
    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new("sh");
        command
            .arg("-c")
            .arg(format!("ulimit -v {MOST_MEMORY}; exec \"$0\" \"$@\""))
            .arg(&self.path)
            .args(args)
            .current_dir(&self.directory)
            .env("CARGO_MANIFEST_DIR", &self.directory)
            .env("RUST_TEST_THREADS", "1")
            .env("RUST_BACKTRACE", "0")
            // A failure is enough; the smallest one is of no interest, nor are seeds kept.
            .env("PROPTEST_MAX_SHRINK_ITERS", "0")
            .env("PROPTEST_RNG_SEED", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command
    }
}

/// Waits for the end of a process; `None` if it has none within this time.
fn wait(mut process: Child, limit: Duration) -> Result<Option<ExitStatus>> {
    let end = Instant::now() + limit;
    let mut pause = Duration::from_millis(1);
    loop {
        if let Some(status) = process.try_wait()? {
            return Ok(Some(status));
        }
        if Instant::now() >= end {
            process.kill()?;
            process.wait()?;
            return Ok(None);
        }
        thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(20));
    }
}

/// Calls a function with the number of the worker and each item, and returns the results in the order of the items.
fn in_parallel<T: Sync, R: Send>(
    jobs: usize,
    items: &[T],
    work: impl Fn(usize, &T) -> Result<R> + Sync,
) -> Result<Vec<R>> {
    let next = AtomicUsize::new(0);
    let results = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for worker in 0..jobs.max(1) {
            let (next, results, work) = (&next, &results, &work);
            scope.spawn(move || {
                while let Some((number, item)) = {
                    let number = next.fetch_add(1, Relaxed);
                    items.get(number).map(|item| (number, item))
                } {
                    let result = work(worker, item);
                    results.lock().unwrap_or_else(PoisonError::into_inner).push((number, result));
                }
            });
        }
    });
    let mut results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
    results.sort_by_key(|(number, _)| *number);
    results.into_iter().map(|(_, result)| result).collect::<Result<_>>().context("a test program cannot be run")
}
