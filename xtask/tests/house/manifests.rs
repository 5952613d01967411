//! What the packages say of themselves: versions of Rust, metadata, and how much they bring along.

use std::{collections::BTreeSet, fs, process::Command};

use crate::root;

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The value of a key, at its first place in a file.
fn value(path: &str, key: &str) -> String {
    let text = read(path);
    let value = text.lines().find_map(|line| line.strip_prefix(key)?.trim_start().strip_prefix("= \""));
    value.unwrap_or_else(|| panic!("{path} has no {key}")).trim_end_matches('"').to_owned()
}

#[test]
fn one_version_of_rust_is_promised_everywhere() {
    let promised = value("Cargo.toml", "rust-version");
    assert_eq!(value("clippy.toml", "msrv"), promised);
    assert_eq!(value("benches/Cargo.toml", "rust-version"), promised);
    for readme in ["README.md", "README.zh-CN.md"] {
        assert!(read(readme).contains(&format!("Rust {promised}")), "{readme} names another version of Rust, or none");
    }
    for package in ["Cargo.toml", "cli/Cargo.toml", "web/Cargo.toml", "xtask/Cargo.toml", "test-support/Cargo.toml"] {
        assert!(read(package).contains("rust-version.workspace = true"), "{package} has a version of its own");
    }
}

#[test]
fn what_is_published_can_be_found_and_read() {
    for package in ["Cargo.toml", "cli/Cargo.toml"] {
        let manifest = read(package);
        for key in ["description = \"", "license.workspace", "readme = \"README.md\"", "keywords = [", "categories = ["]
        {
            assert!(manifest.contains(key), "{package} has no `{key}`");
        }
    }
    for package in ["web/Cargo.toml", "xtask/Cargo.toml", "test-support/Cargo.toml", "benches/Cargo.toml"] {
        assert!(read(package).contains("publish = false"), "{package} would be published");
    }
}

/// The crates that a program compiles for the library with these features, the library included.
fn crates(features: &[&str]) -> BTreeSet<String> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let mut tree = Command::new(cargo);
    tree.args(["tree", "--package", "fourfold", "--locked", "--edges", "normal,build", "--prefix", "none"]);
    let output = tree.args(["--format", "{p}"]).args(features).current_dir(root()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(|line| line.split(' ').take(2).collect::<Vec<_>>().join(" ")).collect()
}

#[test]
fn the_library_brings_few_crates_along() {
    for (features, limit) in [(&["--no-default-features"][..], 12), (&[], 20)] {
        let crates = crates(features);
        println!("{features:?}: {}", crates.len());
        assert!(crates.iter().any(|name| name.starts_with("fourfold ")), "{crates:?}");
        assert!(crates.len() <= limit, "{features:?}: {} crates, of {limit}: {crates:?}", crates.len());
    }
    for features in ["smol", "trace", "jsonl", "listen", "redis", "tracing", "portable-atomic"] {
        println!("{features}: {}", crates(&["--features", features]).len());
    }
}

/// The rows of a table of features: each feature with the number of crates that it says.
fn feature_rows(path: &str) -> Vec<(String, usize)> {
    let text = read(path);
    let rows = text.lines().filter_map(|line| {
        let cells: Vec<&str> = line.trim_start_matches("//!").trim().trim_matches('|').split('|').collect();
        let [feature, _, crates] = cells[..] else { return None };
        let name = match feature.trim() {
            "none" | "无" => "none",
            feature => feature.split('`').nth(1)?,
        };
        Some((name.to_owned(), crates.trim().parse().ok()?))
    });
    rows.collect()
}

#[test]
fn the_tables_of_features_count_the_crates() {
    for path in ["src/lib.rs", "README.md", "README.zh-CN.md"] {
        let rows = feature_rows(path);
        let features: BTreeSet<&str> = rows.iter().map(|(name, _)| name.as_str()).collect();
        let all = ["jsonl", "listen", "none", "portable-atomic", "redis", "serde", "smol", "std", "trace", "tracing"];
        assert_eq!(features, BTreeSet::from(all), "{path}");
        for (name, said) in &rows {
            let count = match name.as_str() {
                "none" => crates(&["--no-default-features"]),
                "std" => crates(&[]),
                name => crates(&["--features", name]),
            };
            assert_eq!(*said, count.len() - 1, "{path}: crates that `{name}` brings");
        }
    }
}
