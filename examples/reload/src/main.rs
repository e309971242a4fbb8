//! Changes a policy file while calls are made, and shows what the next calls do.
//!
//! ```text
//! cargo run -p reload
//! ```

use std::{
    env,
    error::Error,
    fs, io,
    path::Path,
    process,
    sync::mpsc::{Receiver, channel},
    time::Duration,
};

use redress_std::PolicyExt;
use reload::{LoadError, Policies};

/// Replaces the file in one step, so that no reader sees half of it.
fn write(path: &Path, text: &str) -> io::Result<()> {
    let new = path.with_extension("new");
    fs::write(&new, text)?;
    fs::rename(new, path)
}

/// Waits until the file has been taken or refused. One change may be told more than once.
fn until(reloads: &Receiver<Result<(), LoadError>>, is_taken: bool) -> Result<Option<LoadError>, Box<dyn Error>> {
    loop {
        let result = reloads.recv_timeout(Duration::from_secs(10))?;
        if result.is_ok() == is_taken {
            return Ok(result.err());
        }
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let directory = env::temp_dir().join(format!("redress-reload-{}", process::id()));
    fs::create_dir_all(&directory)?;
    let path = directory.join("policy.toml");
    let text =
        "[policy.orders]\nbudget = \"none\"\n[policy.orders.retry]\nmax_attempts = 2\nbackoff.delay = \"none\"\n";
    write(&path, text)?;

    let policies = Policies::read(&path)?;
    let (told, reloads) = channel();
    let _watcher = policies.watch(move |result| drop(told.send(result)))?;
    let call = || {
        let orders = policies.get("orders").ok_or("no policy named orders")?;
        let outcome = orders.policy().execute(|| Err::<(), _>(io::Error::from(io::ErrorKind::ConnectionReset)));
        println!("  {} attempts", outcome.attempts);
        Ok::<_, Box<dyn Error>>(())
    };

    println!("as it was read");
    call()?;
    write(&path, &text.replace("max_attempts = 2", "max_attempts = 4"))?;
    until(&reloads, true)?;
    println!("max_attempts = 4");
    call()?;
    write(&path, &text.replace("max_attempts = 2", "max_attempts = 0"))?;
    if let Some(error) = until(&reloads, false)? {
        println!("refused: {error}");
    }
    call()?;
    fs::remove_dir_all(directory)?;
    Ok(())
}
