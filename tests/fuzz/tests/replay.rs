//! Every input of the corpora, among them every regression.

use redress_fuzz::{TARGETS, inputs, plant, run};

fn corpus(target: &str) -> Vec<Vec<u8>> {
    let path = format!("{}/corpus/{target}.txt", env!("CARGO_MANIFEST_DIR"));
    inputs(&std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}")))
}

#[test]
fn each_input_of_the_corpora_keeps_the_promises() {
    for (target, _) in TARGETS {
        let inputs = corpus(target);
        assert!(!inputs.is_empty(), "{target} has no corpus");
        for input in inputs {
            run(target, &input);
        }
    }
}

/// A model that is wrong by one: some input of its corpus tells it from redress.
#[test]
fn each_model_that_is_wrong_is_found() {
    for target in ["attempts", "breaker", "budget", "headers", "keeper", "rate"] {
        plant(1);
        let is_found = corpus(target).iter().any(|input| std::panic::catch_unwind(|| run(target, input)).is_err());
        plant(0);
        assert!(is_found, "the corpus of {target} does not tell a wrong model from the right one");
    }
}

#[test]
fn a_line_is_an_input_with_or_without_a_comment() {
    assert_eq!(inputs("00ff # why\n\n# nothing\n7f\n"), [vec![0, 255], vec![127]]);
    assert!(std::panic::catch_unwind(|| inputs("0")).is_err());
}

#[test]
fn each_corpus_has_a_target() {
    for file in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/corpus")).expect("a directory") {
        let name = file.expect("an entry").file_name();
        let target = name.to_str().and_then(|name| name.strip_suffix(".txt"));
        assert!(TARGETS.iter().any(|(name, _)| Some(*name) == target), "{name:?}");
    }
}
