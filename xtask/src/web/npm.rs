//! The package for npm: the module with a few lines of JavaScript around it.

use super::{clear, copy, node};
use crate::shell;
use std::fs;
use std::path::{Path, PathBuf};

/// The tools of the tests, and further ones of the long tests.
const TOOLS: [&str; 3] = ["typescript@7.0.2", "@types/node@26.6.6", node::ESBUILD];
const TOOLS_IN_FULL: [&str; 4] = ["webpack@5.112.2", "rollup@4.68.8", "vite@8.3.8", PEERS[0]];

/// Installs the tools of the package's tests under `target/`.
pub(super) fn tools(full: bool) -> Result<(), String> {
    let more = if full { &TOOLS_IN_FULL[..] } else { &[] };
    TOOLS.iter().chain(more).try_for_each(|tool| node::package(tool).map(drop))
}

/// What the package is measured against.
const PEERS: [&str; 3] = ["p-limit@7.3.3", "p-queue@9.3.5", "p-map@7.1.1"];

/// Measures the package beside its peers.
pub(super) fn bench() -> Result<(), String> {
    let root = shell::root();
    let script = root.join("web/npm/bench.mjs");
    let mut command = shell::command("node", ["--expose-gc", &script.to_string_lossy()]);
    command.arg(root.join("target/npm-package/fourfold"));
    for peer in PEERS {
        command.arg(node::package(peer)?);
    }
    shell::expect_success(&mut command)
}

/// The files that the package has as they are.
const FILES: [&str; 13] = [
    "README.md",
    "errors.js",
    "events.d.ts",
    "index.d.ts",
    "index.js",
    "module.js",
    "options.js",
    "package.json",
    "parameters.d.ts",
    "parameters.js",
    "queue.js",
    "run.js",
    "tasks.js",
];

/// Packs it; where the archive lies.
pub(super) fn pack(module: &Path) -> Result<PathBuf, String> {
    let root = shell::root();
    let (source, output) = (root.join("web/npm"), root.join("target/npm-package"));
    check_version(&root)?;
    let folder = output.join("fourfold");
    clear(&output)?;
    for name in FILES {
        copy(&source.join(name), &folder.join(name))?;
    }
    // The page's runs with a handler have the same host.
    copy(&root.join("web/js/host.js"), &folder.join("host.js"))?;
    for name in ["LICENSE-MIT", "LICENSE-APACHE"] {
        copy(&root.join(name), &folder.join(name))?;
    }
    let mut command = shell::command("node", [source.join("pack.mjs").to_string_lossy()]);
    shell::say_and_run(command.arg(module).arg(&folder))?;
    let mut command = shell::command("npm", ["pack", "--silent", "--pack-destination"]);
    shell::say_and_run(command.arg(&output).arg(&folder))?;
    let archives = fs::read_dir(&output).into_iter().flatten().flatten().map(|entry| entry.path());
    let archive = archives.into_iter().find(|path| path.extension().is_some_and(|extension| extension == "tgz"));
    archive.ok_or_else(|| format!("npm has packed nothing into {}", output.display()))
}

/// The package goes by the version of the crate.
fn check_version(root: &Path) -> Result<(), String> {
    let read = |file: &str| fs::read_to_string(root.join(file)).map_err(|error| format!("cannot read {file}: {error}"));
    let find = |text: &str, before: &str| {
        let (_, rest) = text.split_once(before)?;
        rest.split_once('"').map(|(version, _)| version.to_owned())
    };
    let package = find(&read("web/npm/package.json")?, "\"version\": \"");
    let version = find(&read("Cargo.toml")?, "[workspace.package]\nversion = \"");
    if package.is_some() && package == version {
        return Ok(());
    }
    Err(format!("web/npm/package.json is of version {package:?}, and the crate of version {version:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_package_has_the_version_of_the_crate() {
        check_version(&shell::root()).unwrap();
    }
}
