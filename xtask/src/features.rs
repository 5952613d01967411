//! Sets of features of the library, and which of them are checked how.

use crate::shell::cargo;
use std::process::Command;

/// Every set of features that is a crate of its own, as features are additive: each is linted as the library that a
/// user would get, without the dependencies that tests switch on.
pub(crate) const LINTED: &[&str] = &[
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
    "portable-atomic",
];

/// The sets without which code is compiled that all features together leave out: no `std`, and no JSON.
pub(crate) const TESTED: &[&str] = &["", "std"];

/// Sets that the tests of all features together cover, but for what one feature may lean on in another.
pub(crate) const TESTED_IN_FULL: &[&str] = &["jsonl", "smol", "tracing,smol"];

/// The arguments that select the library with these features and no others.
pub(crate) fn only<'a>(features: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let mut selection = vec!["--package", "fourfold", "--no-default-features", "--features", features];
    selection.extend(more);
    selection
}

/// Lints the library with these features and no others.
pub(crate) fn lint(features: &str, targets: &str) -> Command {
    let mut command = cargo(["clippy"]);
    command.args(only(features, &[targets, "--", "--deny", "warnings"]));
    command
}

pub(crate) fn name(features: &str) -> &str {
    if features.is_empty() { "no features" } else { features }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shell;

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
        let command = shell::spelled(&lint("std", "--lib"));
        let end = "clippy --package fourfold --no-default-features --features std --lib -- --deny warnings";
        assert!(command.ends_with(end), "{command}");
    }
}
