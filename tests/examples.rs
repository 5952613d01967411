//! Every example runs to its end; what it shows, it asserts itself.
#![cfg(feature = "smol")]

use std::{env, fs, path::PathBuf, process::Command};

/// Where cargo puts them: beside the folder of the test programs.
fn folder() -> PathBuf {
    let test = env::current_exe().expect("a test knows where it is");
    test.parent().and_then(|deps| deps.parent()).expect("it lies in target/PROFILE/deps").join("examples")
}

#[test]
fn every_example_runs() {
    let sources = fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/examples")).expect("there are examples");
    let mut names: Vec<_> = sources.map(|entry| entry.expect("it can be read").path()).collect();
    names.retain(|path| path.extension().is_some_and(|extension| extension == "rs"));
    names.sort();
    assert!(names.len() >= 8, "{names:?}");
    for source in names {
        let name = source.file_stem().expect("a source has a name");
        let output = Command::new(folder().join(name)).output();
        let output = output.unwrap_or_else(|error| panic!("{name:?}: {error}; `cargo test` builds the examples"));
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{name:?} ended with {}: {told}", output.status);
        assert!(!output.stdout.is_empty(), "{name:?} says what it did");
    }
}
