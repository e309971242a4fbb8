//! What the compiler says to misuse, held in folders of programs that must not compile.

use std::{collections::BTreeSet, fs, path::Path};

/// Holds each message in a folder of `tests` to the words that it must contain, so that renewing it does not lose what users need.
///
/// # Panics
///
/// If a word is missing, or if a program has no words, or words have no program.
pub fn hold_to_words(folder: &str, words: &[(&str, &[&str])]) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(folder);
    let programs: BTreeSet<_> = fs::read_dir(&folder)
        .unwrap()
        .map(|file| file.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    assert_eq!(programs, words.iter().map(|(name, _)| (*name).to_owned()).collect(), "every file has its words");
    assert_eq!(programs.len(), words.len(), "every file has its words once");
    for (name, words) in words {
        let message = fs::read_to_string(folder.join(name).with_extension("stderr")).unwrap();
        for word in *words {
            assert!(message.contains(word), "{name}: {word:?} is missing");
        }
    }
}
