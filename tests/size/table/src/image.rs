//! Sizes of an image's sections.

use std::{fs, path::Path};

use object::{Object as _, ObjectSection as _, ObjectSymbol as _};

/// Bytes in memory by kind of section.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sections {
    pub(crate) text: i64,
    pub(crate) rodata: i64,
    pub(crate) data: i64,
    pub(crate) bss: i64,
}

impl Sections {
    /// Returns the difference to another image.
    pub(crate) fn over(self, other: Self) -> Self {
        Self {
            text: self.text - other.text,
            rodata: self.rodata - other.rodata,
            data: self.data - other.data,
            bss: self.bss - other.bss,
        }
    }

    /// Returns the bytes of flash: code, constants and the initial values of `.data`.
    pub(crate) fn flash(self) -> u64 {
        u64::try_from(self.text + self.rodata + self.data).unwrap_or(0)
    }
}

pub(crate) fn sections(path: &Path) -> Result<Sections, String> {
    let fault = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let bytes = fs::read(path).map_err(|error| fault(&error))?;
    let file = object::File::parse(&*bytes).map_err(|error| fault(&error))?;
    let size = |name: &str| {
        let size = file.section_by_name(name).map_or(0, |section| section.size());
        i64::try_from(size).map_err(|error| fault(&error))
    };
    Ok(Sections { text: size(".text")?, rodata: size(".rodata")?, data: size(".data")?, bss: size(".bss")? })
}

/// Returns whether an image contains code of `core::fmt`.
pub(crate) fn formats(path: &Path) -> Result<bool, String> {
    let fault = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let bytes = fs::read(path).map_err(|error| fault(&error))?;
    let file = object::File::parse(&*bytes).map_err(|error| fault(&error))?;
    Ok(file.symbols().any(|symbol| symbol.name().is_ok_and(|name| name.contains("4core3fmt"))))
}
