//! Plays a script on the serial lines of emulated devices and says what they made of it.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;
use std::{error, thread};

use clap::Parser;
use modem::line::{Address, Clock, Line, connect, serve, simulate};
use modem::sessions::diary::{Fact, moment};
use modem::sessions::{self, Plan, World};
use modem::{Player, Script, check};

/// Plays a script on the serial lines of emulated devices and says what they made of it.
///
/// Exits 0 when every expectation is met, 1 when one is not, 2 when the session could not be held.
#[derive(Debug, Parser)]
struct Args {
    /// Script to play
    #[arg(long)]
    script: PathBuf,
    /// Serial line, once for each device: tcp:HOST:PORT or unix:PATH
    #[arg(long = "connect", required = true)]
    lines: Vec<Address>,
    /// How many times as fast as real time the devices' clocks run
    #[arg(long, default_value_t = 1)]
    scale: u32,
    /// Real seconds after which to give up
    #[arg(long, default_value_t = 60)]
    limit: u64,
    /// Seed of garbage and damage
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The script is a plan of sessions, played in simulated time
    #[arg(long)]
    simulated: bool,
}

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("modem: {error}");
            ExitCode::from(2)
        }
    }
}

fn run(args: &Args) -> Result<bool, Box<dyn error::Error>> {
    if args.simulated {
        return simulate_all(args);
    }
    let script = Script::load(&args.script)?;
    let limit = Duration::from_secs(args.limit);
    println!("{}: {} links, clock times {}", script.name, args.lines.len(), args.scale);
    let mut lines = connect_all(args)?;
    let clock = Clock::start(args.scale);
    let results = thread::scope(|scope| {
        let sessions: Vec<_> = lines
            .iter_mut()
            .zip(args.seed..)
            .map(|(line, seed)| {
                let mut player = Player::new(&script, seed);
                scope.spawn(move || {
                    let result = serve(line.as_mut(), &mut player, clock, limit, |line| println!("{line}"));
                    (result, player.into_record())
                })
            })
            .collect();
        sessions.into_iter().map(|session| session.join().expect("a session does not panic")).collect::<Vec<_>>()
    });
    let (results, records): (Vec<_>, Vec<_>) = results.into_iter().unzip();
    let report = check(&script, &records);
    println!("{report}");
    // Only now: what was seen until a session broke off is what tells why.
    results.into_iter().collect::<Result<(), _>>()?;
    Ok(report.passed())
}

/// An emulator waits with its device until the line is connected, so none of them starts before its modem.
fn connect_all(args: &Args) -> Result<Vec<Box<dyn Line>>, Box<dyn error::Error>> {
    let limit = Duration::from_secs(args.limit.min(20));
    let lines = args.lines.iter();
    lines.map(|address| Ok(connect(address, limit).map_err(|error| format!("{address}: {error}"))?)).collect()
}

/// Like [`run`], with a plan and the time of its worlds.
fn simulate_all(args: &Args) -> Result<bool, Box<dyn error::Error>> {
    let plan = Plan::load(&args.script)?;
    let limit = Duration::from_secs(args.limit);
    println!("{}: {} devices, until {}", plan.name, args.lines.len(), moment(plan.ms()));
    let mut lines = connect_all(args)?;
    let simulation = |line: &mut dyn Line| {
        let mut world = World::new(&plan);
        let result = simulate(line, &mut world, limit);
        (result, world.into_diary())
    };
    let simulation = &simulation;
    let results = thread::scope(|scope| {
        let worlds: Vec<_> = lines.iter_mut().map(|line| scope.spawn(move || simulation(line.as_mut()))).collect();
        worlds.into_iter().map(|world| world.join().expect("a world does not panic")).collect::<Vec<_>>()
    });
    let (results, diaries): (Vec<_>, Vec<_>) = results.into_iter().unzip();
    for diary in &diaries {
        let device = diary.device.map_or_else(String::new, |device| format!("[{device}] "));
        // A carrier that flaps is a hundred lines a second.
        let is_told = |fact: &Fact| !matches!(fact, Fact::CarrierUp | Fact::CarrierDown | Fact::Delivered);
        for (at, fact) in diary.facts.iter().filter(|(_, fact)| is_told(fact)) {
            println!("{} {device}{fact}", moment(*at));
        }
    }
    let report = sessions::check(&plan, &diaries);
    println!("{report}");
    results.into_iter().collect::<Result<(), _>>()?;
    Ok(report.passed())
}
