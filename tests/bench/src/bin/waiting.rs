//! What calls cost while they wait: as they are, with a future that ends them, and with a condition that is asked again and again.
//!
//! - `waiting [TASKS] [SECONDS]`: CPU time and polls, by default of 5,000 calls that each wait 5 s.
//!
//! It fails if a call that can be cancelled is polled more often than one that cannot. CPU time is printed and not judged.

use std::{
    future::{pending, poll_fn},
    io::{self, ErrorKind},
    pin::pin,
    process::ExitCode,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use redress_bench::cpu_time;
use redress_std::{Backoff, Policy, Retry, StopReason, Tokio};
use tokio::runtime::Builder;
use tokio_util::sync::CancellationToken;

static POLLS: AtomicU64 = AtomicU64::new(0);

async fn reset() -> io::Result<()> {
    Err(ErrorKind::ConnectionReset.into())
}

/// Counts the polls of a call.
async fn counted<F: Future>(call: F) -> F::Output {
    let mut call = pin!(call);
    poll_fn(|context| {
        POLLS.fetch_add(1, Relaxed);
        call.as_mut().poll(context)
    })
    .await
}

/// Runs so many calls at once, in one thread. Returns their polls.
fn run<F>(name: &str, tasks: usize, call: impl Fn() -> F) -> u64
where
    F: Future<Output = Option<StopReason>> + Send + 'static,
{
    let runtime = Builder::new_current_thread().enable_time().build().expect("a runtime");
    POLLS.store(0, Relaxed);
    let before = cpu_time();
    let ends = runtime.block_on(async {
        let calls: Vec<_> = (0..tasks).map(|_| tokio::spawn(counted(call()))).collect();
        let mut ends = Vec::with_capacity(tasks);
        for call in calls {
            ends.push(call.await.expect("no panic"));
        }
        ends
    });
    let (spent, polls) = (cpu_time().checked_sub(before).unwrap(), POLLS.load(Relaxed));
    let end = ends.first().copied().flatten();
    assert!(ends.iter().all(|other| *other == end), "all calls end alike");
    let end = end.map_or("success", StopReason::as_str);
    println!("{name:34} {:9.1} ms of CPU {polls:9} polls   {end}", spent.as_secs_f64() * 1_000.0);
    polls
}

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let mut number = |default: usize| args.next().map_or(Some(default), |arg| arg.parse().ok());
    let (Some(tasks), Some(seconds)) = (number(5_000), number(5)) else {
        eprintln!("usage: waiting [TASKS] [SECONDS]");
        return ExitCode::from(2);
    };
    let wait = Duration::from_secs(seconds as u64);
    let retry = Retry::new(Backoff::constant(wait)).max_attempts(2).no_deadline();
    let policy: &'static Policy<'static> = Box::leak(Box::new(Policy::new(retry)));
    let token: &'static CancellationToken = Box::leak(Box::new(CancellationToken::new()));
    println!("{tasks} calls, each waits {seconds} s between two attempts");

    let plain = run("as they are", tasks, || async { policy.context(Tokio).execute(reset).await.stop_reason });
    let cancellable = run("cancel_on", tasks, || async {
        policy.context(Tokio).cancel_on(|| token.cancelled()).execute(reset).await.stop_reason
    });
    let asking =
        run("abort_if", tasks, || async { policy.context(Tokio).abort_if(|| false).execute(reset).await.stop_reason });
    // Cancelled halfway, in the middle of an attempt that hangs.
    std::thread::spawn(move || {
        std::thread::sleep(wait / 2);
        token.cancel();
    });
    let cancelled = run("cancel_on, cancelled in an attempt", tasks, || async {
        let hangs = || async { pending::<io::Result<()>>().await };
        policy.context(Tokio).cancel_on(|| token.cancelled()).execute(hangs).await.stop_reason
    });
    if cancellable == plain && cancelled <= plain && asking >= plain {
        ExitCode::SUCCESS
    } else {
        eprintln!("a call that can be cancelled is to be polled as often as one that cannot");
        ExitCode::FAILURE
    }
}
