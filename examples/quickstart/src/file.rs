//! A checkpoint in a file.

use std::{
    env,
    error::Error,
    fs, io,
    path::PathBuf,
    process,
    time::{Duration, SystemTime},
};

use redress_std::{CHECKPOINT_LEN, Checkpoint};

/// A checkpoint and when it was made, in a file of its own.
pub(crate) struct CheckpointFile(PathBuf);

impl CheckpointFile {
    pub(crate) fn in_temp_dir() -> Self {
        Self(env::temp_dir().join(format!("redress-quickstart-{}", process::id())))
    }

    /// A checkpoint counts from when it was made, and no clock but that of the wall goes on in the next process.
    pub(crate) fn write(&self, checkpoint: &Checkpoint) -> io::Result<()> {
        let made = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        fs::write(&self.0, [&checkpoint.to_bytes()[..], &made.as_nanos().to_le_bytes()].concat())
    }

    /// The checkpoint, and how long ago it was made.
    pub(crate) fn read(&self) -> Result<(Checkpoint, Duration), Box<dyn Error>> {
        let bytes = fs::read(&self.0)?;
        let (checkpoint, made) = bytes.split_first_chunk::<CHECKPOINT_LEN>().ok_or("file too short")?;
        let made = u128::from_le_bytes(made.try_into().map_err(|_| "file of another length")?);
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        // A clock set back in between has slept nothing: the wait is then taken in full.
        let slept = u64::try_from(now.as_nanos().saturating_sub(made)).map_or(Duration::MAX, Duration::from_nanos);
        Ok((Checkpoint::from_bytes(checkpoint)?, slept))
    }
}

impl Drop for CheckpointFile {
    fn drop(&mut self) {
        // It may not have been written.
        let _ = fs::remove_file(&self.0);
    }
}
