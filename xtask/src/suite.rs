//! The Rust tests: by nextest where it is installed, by `cargo test` otherwise.

use crate::shell::{self, cargo};
use std::process::Command;

/// Everything that has tests, with every feature. The bindings' generator has none, and takes half a minute to build.
pub(crate) const EVERYTHING: &[&str] = &["--workspace", "--exclude", "xtask-bindgen", "--all-features"];

/// Builds what the tests of a selection need: test programs, the command, and the examples as programs.
pub(crate) fn build(selection: &[&str]) -> Command {
    let mut command = start(is_nextest_here());
    command.arg("--no-run").args(selection);
    command
}

/// Runs the tests of a selection.
pub(crate) fn run(selection: &[&str]) -> Command {
    run_by(is_nextest_here(), selection)
}

fn run_by(nextest: bool, selection: &[&str]) -> Command {
    let mut command = start(nextest);
    // Named among the targets of `cargo test`, examples would be built as tests, which tests/examples.rs cannot run.
    let named = selection.contains(&"--lib");
    command.args(if nextest || named { &[][..] } else { &["--lib", "--bins", "--tests"] });
    command.args(["--no-fail-fast"]).args(selection);
    command
}

fn start(nextest: bool) -> Command {
    if nextest { cargo(["nextest", "run"]) } else { cargo(["test"]) }
}

fn is_nextest_here() -> bool {
    shell::find("cargo-nextest").is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_run_the_same_programs() {
        let spelled = |nextest, selection: &[&str]| shell::spelled(&run_by(nextest, selection));
        assert!(spelled(true, &["--package", "x"]).ends_with("nextest run --no-fail-fast --package x"));
        assert!(spelled(false, &["--package", "x"]).ends_with("test --lib --bins --tests --no-fail-fast --package x"));
        assert!(spelled(false, &["--lib"]).ends_with("test --no-fail-fast --lib"));
    }
}
