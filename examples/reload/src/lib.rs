//! Policies in a file that is watched: an operator changes a number, and the next call is made by it.
//!
//! - Calls take the policy that is current when they start and keep it until they end. No call sees half of a change.
//! - A file that is wrong changes nothing: the policies stay as they were, and the error says where it is.
//! - Breakers and budgets keep their state where their settings are the same: [`PolicyConfig::replace`].
//! - What was replaced is freed with the last call that uses it.

use std::{
    collections::BTreeMap,
    fmt, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use arc_swap::ArcSwap;
use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher};
use redress_std::{
    ConfigError, SharedPolicy,
    file::{FileError, Finding, PolicyConfig, PolicyFile},
    lint::Severity,
};

/// The policies of a file, as they are now.
#[derive(Debug)]
pub struct Policies {
    path: PathBuf,
    current: ArcSwap<BTreeMap<String, (PolicyConfig, SharedPolicy)>>,
}

/// Why a file was not taken.
#[derive(Debug)]
pub enum LoadError {
    /// It is no policy file.
    File(FileError),
    /// Something in it is an error.
    Wrong(Finding),
    /// A policy contradicts itself.
    Contradiction(ConfigError),
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(error) => error.fmt(f),
            Self::Wrong(finding) => finding.fmt(f),
            Self::Contradiction(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for LoadError {}

impl From<FileError> for LoadError {
    fn from(error: FileError) -> Self {
        Self::File(error)
    }
}

impl Policies {
    /// Reads the policies.
    ///
    /// # Errors
    ///
    /// Returns the fault of the file.
    pub fn read(path: impl Into<PathBuf>) -> Result<Arc<Self>, LoadError> {
        let policies = Arc::new(Self { path: path.into(), current: ArcSwap::default() });
        policies.reload()?;
        Ok(policies)
    }

    /// Returns the policy of this name as it is now, to make one call with. It costs no lock and no allocation.
    pub fn get(&self, name: &str) -> Option<SharedPolicy> {
        self.current.load().get(name).map(|(_, policy)| policy.clone())
    }

    /// Reads the file again.
    ///
    /// # Errors
    ///
    /// Returns the fault of the file. The policies stay as they were.
    pub fn reload(&self) -> Result<(), LoadError> {
        let file = PolicyFile::read(&self.path)?;
        let wrong = file.findings().into_iter().find(|finding| finding.severity == Severity::Error);
        if let Some(finding) = wrong {
            return Err(LoadError::Wrong(finding));
        }
        let before = self.current.load();
        let policies = file.iter().map(|(name, config)| {
            let policy = match before.get(name) {
                Some((old_config, old)) => config.replace(old_config, old),
                None => SharedPolicy::try_from(config),
            };
            Ok((name.to_owned(), (config.clone(), policy?)))
        });
        let policies: BTreeMap<_, _> =
            policies.collect::<Result<_, ConfigError>>().map_err(LoadError::Contradiction)?;
        self.current.store(Arc::new(policies));
        Ok(())
    }

    /// Watches the file and reads it again whenever it changes, until the watcher is dropped. `on_reload` is called with each
    /// result, in the thread of the watcher.
    ///
    /// # Errors
    ///
    /// The directory of the file cannot be watched.
    pub fn watch(
        self: &Arc<Self>,
        mut on_reload: impl FnMut(Result<(), LoadError>) + Send + 'static,
    ) -> notify::Result<RecommendedWatcher> {
        let policies = Arc::clone(self);
        let mut watcher = notify::recommended_watcher(move |event: notify::Result<Event>| match event {
            Ok(event) if event.kind.is_access() || !event.paths.contains(&policies.path) => {}
            Ok(_) => on_reload(policies.reload()),
            Err(error) => on_reload(Err(FileError::from(io::Error::other(error)).into())),
        })?;
        // The directory, because editors put a new file in the place of the old one.
        watcher.watch(self.path.parent().unwrap_or(Path::new(".")), RecursiveMode::NonRecursive)?;
        Ok(watcher)
    }
}
