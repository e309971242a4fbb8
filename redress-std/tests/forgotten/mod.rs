//! Errors as they are for a program in which the features of their clients are off.

use std::{error::Error, fmt, io};

use redress_std::{Classification, chain};

/// Classifies an error and its sources by what they print: all types are forgotten, but for those of the standard library.
pub(crate) fn classify_forgotten(error: &(dyn Error + 'static)) -> Classification {
    chain::classify(&*forget(error))
}

fn forget(error: &(dyn Error + 'static)) -> Box<dyn Error + Send + Sync> {
    match error.downcast_ref::<io::Error>() {
        Some(error) => match (error.get_ref(), error.raw_os_error()) {
            (Some(wrapped), _) => io::Error::new(error.kind(), forget(wrapped)).into(),
            (None, Some(code)) => io::Error::from_raw_os_error(code).into(),
            (None, None) => io::Error::from(error.kind()).into(),
        },
        None => Box::new(Forgotten {
            debug: format!("{error:?}"),
            display: error.to_string(),
            source: error.source().map(forget),
        }),
    }
}

struct Forgotten {
    debug: String,
    display: String,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl fmt::Debug for Forgotten {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.debug)
    }
}

impl fmt::Display for Forgotten {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.display)
    }
}

impl Error for Forgotten {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}
