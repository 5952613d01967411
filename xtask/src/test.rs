//! `cargo xtask test`: everything that has to pass before a change lands.

use crate::setup::{self, Needs};
use crate::shell::{self, cargo};
use crate::{cross, page, steps, web};
use std::io::Stdout;
use std::process::{Command, ExitCode};

type Steps = steps::Steps<Stdout>;

/// Every set of features that is a crate of its own, as features are additive: each is linted as the library that a
/// user would get, without the dependencies that tests switch on.
const LINTED: &[&str] = &[
    "",
    "serde",
    "std",
    "std,serde",
    "smol",
    "smol,serde",
    "trace",
    "jsonl",
    "jsonl,smol",
    "listen",
    "redis",
    "redis,jsonl",
    "tracing",
    "tracing,smol",
    "tracing,redis",
];

/// The sets that behave differently: nothing, panics contained, JSON lines, the wall clock, spans. All of it comes on top.
const TESTED: &[&str] = &["", "std", "jsonl", "smol", "tracing,smol"];

/// Test programs and examples; the documentation's examples are a step of their own.
const TARGETS: &[&str] = &["--lib", "--bins", "--tests", "--no-fail-fast"];

pub(crate) fn run(full: bool) -> ExitCode {
    let mut steps = Steps::new(std::io::stdout()).patient(if full { 6 } else { 1 });
    steps.step("setup", |_| setup::run(Needs::Test));
    steps.run("format", &mut cargo(["fmt", "--all", "--check"]));
    // Before the command is built: the page is in it.
    steps.step("page", |_| web::build());
    lint(&mut steps);
    tests(&mut steps);
    page(&mut steps, full);
    loom(&mut steps);
    steps.run(
        "documentation",
        cargo(["doc", "--workspace", "--no-deps", "--all-features"]).env("RUSTDOCFLAGS", "--deny warnings"),
    );
    for features in ["", "serde", "tracing"] {
        let title = format!("bare metal: {}", name(features));
        let core = ["--package", "fourfold", "--lib", "--no-default-features", "--features", features];
        steps.step(&title, |work| work.run(&mut cross::BARE_METAL.build(&core)?));
    }
    benches(&mut steps);
    steps.finish()
}

/// The page in a real browser, served by a server of the tests and by the command, and its module by itself.
fn page(steps: &mut Steps, full: bool) {
    steps.step("page: tools", page::install);
    steps.step("page: Perfetto", page::install_perfetto);
    steps.run("page: types", &mut shell::command("node", ["web/node_modules/typescript/bin/tsc", "-p", "web"]));
    steps.run("page: the command", &mut cargo(["build", "--bin", "fourfold"]));
    // In Node: it gives what the command gives.
    steps.run("module: tests", &mut shell::command("node", ["--test", "--test-reporter=tap", "web/tests/module/"]));
    steps.step("package", |_| web::package());
    steps.run("package: tests", &mut shell::command("node", ["--test", "--test-reporter=tap", "web/tests/npm/"]));
    steps.step("page: tests", |work| page::tests(work, full));
}

/// The workspace of the benchmarks: its tests run every peer, so that no row of a table can be hollow.
fn benches(steps: &mut Steps) {
    let at = |words: &[&str]| cargo([words[0], "--manifest-path", "benches/Cargo.toml"].iter().chain(&words[1..]));
    steps.run("benches: format", &mut at(&["fmt", "--check"]));
    steps.run("benches: clippy", &mut at(&["clippy", "--all-targets", "--", "--deny", "warnings"]));
    steps.run("benches: tests", &mut at(&["test", "--no-fail-fast"]));
}

fn lint(steps: &mut Steps) {
    let everything = ["clippy", "--workspace", "--all-targets", "--all-features", "--", "--deny", "warnings"];
    steps.run("clippy: everything", &mut cargo(everything));
    for features in LINTED {
        let mut command = only("clippy", features, &["--lib"]);
        steps.run(&format!("clippy: {}", name(features)), command.args(["--", "--deny", "warnings"]));
    }
    for features in TESTED {
        let mut command = only("clippy", features, &["--all-targets"]);
        steps.run(&format!("clippy, with tests: {}", name(features)), command.args(["--", "--deny", "warnings"]));
    }
}

fn tests(steps: &mut Steps) {
    // As programs: named among the targets of a test they would be built as tests, which tests/examples.rs cannot run.
    steps.run("examples", &mut cargo(["build", "--examples"]));
    steps.run("tests: everything", cargo(["test", "--workspace"]).args(TARGETS));
    for features in TESTED {
        steps.run(&format!("tests: {}", name(features)), &mut only("test", features, TARGETS));
    }
    // They are written for a reader who has everything.
    steps.run("doctests", &mut cargo(["test", "--workspace", "--all-features", "--doc"]));
}

/// Every interleaving of a wake with the sleep that it has to end.
fn loom(steps: &mut Steps) {
    if !shell::root().join("tests/loom.rs").is_file() {
        return;
    }
    let mut command = only("test", "std", &["--release", "--test", "loom", "--target-dir", "target/loom"]);
    steps.run("loom", command.env("RUSTFLAGS", "--cfg fourfold_loom"));
}

/// The package `fourfold` with these features and no others.
fn only(what: &str, features: &str, more: &[&str]) -> Command {
    let mut command = cargo([what, "--package", "fourfold", "--no-default-features", "--features", features]);
    command.args(more);
    command
}

fn name(features: &str) -> &str {
    if features.is_empty() { "no features" } else { features }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_feature_of_the_package_is_linted_alone_or_with_everything() {
        let manifest = std::fs::read_to_string(shell::root().join("Cargo.toml")).unwrap();
        let (_, features) = manifest.split_once("[features]").unwrap();
        let (features, _) = features.split_once("\n[").unwrap();
        let names = features.lines().filter_map(|line| line.split_once(" = ")).map(|(name, _)| name);
        let linted: Vec<&str> = LINTED.iter().flat_map(|set| set.split(',')).collect();
        let mut seen = 0;
        for name in names.filter(|name| *name != "default") {
            assert!(linted.contains(&name), "the feature `{name}` is in no set of LINTED");
            seen += 1;
        }
        assert!(seen >= 5, "read only {seen} features from Cargo.toml");
    }

    #[test]
    fn a_set_of_features_leaves_the_default_out() {
        let command = shell::spelled(&only("check", "std", &["--lib"]));
        assert!(command.ends_with("check --package fourfold --no-default-features --features std --lib"), "{command}");
    }
}
