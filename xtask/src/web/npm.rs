//! The package for npm: the module with a few lines of JavaScript around it.

use super::{NAME, clear, copy, node};
use crate::shell;
use std::fs;
use std::path::{Path, PathBuf};

/// Checks the package's types in its test.
const TYPESCRIPT: &str = "typescript@7.0.2";

/// Packs it; where the archive lies.
pub(super) fn pack(module: &Path) -> Result<PathBuf, String> {
    let root = shell::root();
    let (source, output) = (root.join("web/npm"), root.join("target/npm-package"));
    check_version(&root)?;
    let folder = output.join("fourfold");
    clear(&output)?;
    for name in
        ["package.json", "README.md", "index.js", "index.d.ts", "events.d.ts", "parameters.d.ts", "parameters.js"]
    {
        copy(&source.join(name), &folder.join(name))?;
    }
    for name in ["LICENSE-MIT", "LICENSE-APACHE"] {
        copy(&root.join(name), &folder.join(name))?;
    }
    for suffix in [".js", ".d.ts", "_bg.wasm"] {
        let name = format!("{NAME}{suffix}");
        copy(&module.join(&name), &folder.join(&name))?;
    }
    node::package(TYPESCRIPT)?;
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
