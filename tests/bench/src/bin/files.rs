//! How the time to read and check a policy file grows with the file.
//!
//! - `files`: times of files with 1,000, 4,000 and 16,000 policies, and their ratios.
//! - `files --assert`: counts instructions under callgrind, and fails if four times the policies take more than five times as many.
//! - `files run SHAPE POLICIES`: one file and nothing else, for callgrind.

use std::{
    env,
    error::Error,
    fmt::Write,
    process::{Command, ExitCode, Stdio},
};

use redress_bench::cpu_time;
use redress_std::file::PolicyFile;

const SIZES: [usize; 3] = [1_000, 4_000, 16_000];
/// Under callgrind, which takes fifty times as long.
const COUNTED: [usize; 2] = [500, 2_000];
/// Four times the policies are four times the work, and as much again for what grows with the logarithm.
const MOST: f64 = 5.0;

/// A file of so many policies.
type Shape = fn(usize) -> String;

const SHAPES: [(&str, Shape); 5] = [
    ("apart, with findings", |policies| text(policies, |_| Vec::new())),
    ("a chain", |policies| text(policies, |n| vec![n + 1])),
    ("half call one chain", |policies| text(policies, |n| vec![if n % 2 == 0 { 1 } else { n + 2 }])),
    ("each calls the next eight", |policies| text(policies, |n| (n + 1..n + 9).collect())),
    ("in one line", |policies| {
        let policies: Vec<String> = (0..policies)
            .map(|n| format!("p{n:05} = {{ retry = {{ deadline_ms = 30, backoff.delay = \"none\" }} }}"))
            .collect();
        format!("policy = {{ {} }}\n", policies.join(", "))
    }),
];

fn text(policies: usize, callees: impl Fn(usize) -> Vec<usize>) -> String {
    let mut text = String::new();
    for n in 0..policies {
        let calls: Vec<String> = callees(n)
            .into_iter()
            .filter(|callee| *callee < policies)
            .map(|callee| format!("\"p{callee:05}\""))
            .collect();
        let _ = write!(
            text,
            "[policy.p{n:05}]\nbudget = \"none\"\ncalls = [{}]\n[policy.p{n:05}.retry]\nmax_attempts = 3\n\
            deadline = \"30s\"\nbackoff.delay.exponential = {{ base = \"100ms\", max = \"5s\" }}\n",
            calls.join(", ")
        );
    }
    text
}

/// Reads and checks a file. Returns the number of findings.
fn work(text: &str) -> usize {
    PolicyFile::parse(text).expect("a policy file").findings().len()
}

fn shape(name: &str) -> Option<Shape> {
    SHAPES.iter().find(|(known, _)| *known == name).map(|(_, shape)| *shape)
}

#[expect(clippy::unnecessary_wraps, reason = "the signature of both measures")]
fn milliseconds(_: &str, shape: Shape, policies: usize) -> Result<f64, Box<dyn Error>> {
    let text = shape(policies);
    let before = cpu_time();
    std::hint::black_box(work(&text));
    Ok(cpu_time().checked_sub(before).unwrap().as_secs_f64() * 1_000.0)
}

/// Millions of instructions.
fn instructions(name: &str, _: Shape, policies: usize) -> Result<f64, Box<dyn Error>> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(env::current_exe()?)
        .args(["run", name, &policies.to_string()])
        .stdout(Stdio::null())
        .output()
        .map_err(|error| format!("valgrind: {error}"))?;
    let report = String::from_utf8_lossy(&output.stderr);
    let count = report.lines().find_map(|line| line.split_once("Collected :"));
    let (_, count) = count.filter(|_| output.status.success()).ok_or_else(|| format!("callgrind: {report}"))?;
    Ok(count.trim().parse::<f64>()? / 1e6)
}

/// Prints a row for each shape. Returns whether none grows faster than the file.
fn table(
    sizes: &[usize],
    measure: fn(&str, Shape, usize) -> Result<f64, Box<dyn Error>>,
) -> Result<bool, Box<dyn Error>> {
    let mut is_linear = true;
    for (name, shape) in SHAPES {
        let mut row = format!("{name:26}");
        let mut before = None;
        for size in sizes {
            let measured = measure(name, shape, *size)?;
            write!(row, " {size:6} policies {measured:10.1}")?;
            if let Some(before) = before {
                let ratio = measured / before;
                write!(row, " ({ratio:.2} times)")?;
                is_linear &= ratio <= MOST;
            }
            before = Some(measured);
        }
        println!("{row}");
    }
    Ok(is_linear)
}

fn main() -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let linear = match args[..] {
        [] => {
            println!("milliseconds of CPU to read and check");
            // Times are not judged.
            table(&SIZES, milliseconds).map(|_| true)
        }
        ["--assert"] => {
            println!("millions of instructions to read and check");
            table(&COUNTED, instructions)
        }
        ["run", name, policies] => match (shape(name), policies.parse()) {
            (Some(shape), Ok(policies)) => {
                println!("{}", work(&shape(policies)));
                Ok(true)
            }
            _ => Err("no such shape or number".into()),
        },
        _ => Err("usage: files [--assert] | files run SHAPE POLICIES".into()),
    };
    match linear {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => {
            eprintln!("four times the policies must take at most {MOST} times the instructions");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
