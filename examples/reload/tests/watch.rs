//! A file that changes under load.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering::Relaxed},
        mpsc::{Receiver, channel},
    },
    thread,
};

use redress_std::PolicyExt;
use reload::{LoadError, Policies};

fn text(attempts: u32) -> String {
    format!("[policy.a]\nbudget = \"none\"\n[policy.a.retry]\nmax_attempts = {attempts}\nbackoff.delay = \"none\"\n")
}

fn directory(name: &str) -> PathBuf {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{}-{name}", std::process::id()));
    fs::create_dir_all(&directory).expect("a writable directory");
    directory
}

fn write(path: &Path, text: &str) {
    let new = path.with_extension("new");
    fs::write(&new, text).expect("writable");
    fs::rename(new, path).expect("the same directory");
}

fn attempts(policies: &Policies) -> u32 {
    let shared = policies.get("a").expect("named a");
    shared.policy().execute(|| Err::<(), _>(io::Error::from(io::ErrorKind::ConnectionReset))).attempts
}

/// Reads what the watcher tells until it is what was waited for.
fn until(reloads: &Receiver<Result<(), LoadError>>, is_it: impl Fn(&Result<(), LoadError>) -> bool) {
    while !is_it(&reloads.recv().expect("the watcher lives")) {}
}

#[test]
fn the_next_call_is_made_by_the_file_as_it_is_now() {
    let path = directory("watch").join("policy.toml");
    write(&path, &text(2));
    let policies = Policies::read(&path).expect("a policy file");
    let (told, reloads) = channel();
    let watcher = policies.watch(move |result| drop(told.send(result))).expect("a directory");

    // Callers see whole policies, the old one or the new one.
    let (seen, is_over) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicBool::new(false)));
    let caller = thread::spawn({
        let (policies, seen, is_over) = (Arc::clone(&policies), Arc::clone(&seen), Arc::clone(&is_over));
        move || {
            while !is_over.load(Relaxed) {
                let attempts = attempts(&policies);
                assert!((2..=5).contains(&attempts), "{attempts}");
                seen.fetch_max(attempts, Relaxed);
            }
        }
    });
    for n in [3, 4, 5] {
        write(&path, &text(n));
        until(&reloads, |result| result.is_ok() && attempts(&policies) == n);
    }
    // Neither is taken.
    for wrong in [text(0), "no policy file".to_owned()] {
        write(&path, &wrong);
        until(&reloads, Result::is_err);
        assert_eq!(attempts(&policies), 5);
    }
    while seen.load(Relaxed) < 5 {
        thread::yield_now();
    }
    is_over.store(true, Relaxed);
    caller.join().expect("no panic");
    drop(watcher);
}

#[test]
fn a_file_that_is_wrong_from_the_start_says_where() {
    let path = directory("wrong").join("policy.toml");
    write(&path, &text(0));
    let error = Policies::read(&path).expect_err("no attempts");
    assert!(error.to_string().contains("policy.a.retry.max_attempts"), "{error}");
    write(&path, "[policy.a]\nx = 1\n");
    let error = Policies::read(&path).expect_err("an unknown key");
    assert!(error.to_string().starts_with("2:1: unknown field `x`"), "{error}");
}
