//! What Node and npm do for the page.

use super::{copy, say_and_run};
use crate::shell;
use std::path::{Path, PathBuf};

/// Debian's wasm-opt is too old for what today's compilers write.
const BINARYEN: &str = "binaryen@132.0.0";

/// Makes a module smaller.
pub(super) fn optimise(input: &Path, output: &Path) -> Result<(), String> {
    if shell::find("npm").is_none() {
        println!(
            "there is no npm here: the module stays as it is, larger than it need be (`cargo xtask setup` installs it)"
        );
        return copy(input, output).map(drop);
    }
    let program = package(BINARYEN)?.join("bin/wasm-opt");
    let mut command = shell::command("node", [program.to_string_lossy()]);
    // Little is inlined: what is called in many places compresses worse once it stands in all of them.
    command.args(["-O3", "--flexible-inline-max-function-size", "0", "--always-inline-max-function-size", "2"]);
    command.args(["--one-caller-inline-max-function-size", "20", "--skip-pass=local-cse"]);
    command.args(["--enable-bulk-memory", "--enable-nontrapping-float-to-int", "--enable-sign-ext"]);
    command.args(["--enable-mutable-globals", "--enable-reference-types", "--enable-multivalue"]);
    say_and_run(command.arg(input).arg("-o").arg(output))
}

/// A package of npm in this version, installed under `target/`; nothing is asked of anybody when it is there already.
pub(super) fn package(spelled: &str) -> Result<PathBuf, String> {
    let (name, _) = spelled.rsplit_once('@').ok_or_else(|| format!("{spelled} names no version"))?;
    let folder = shell::root().join("target/npm").join(spelled.replace('/', "+"));
    let package = folder.join("node_modules").join(name);
    if !package.join("package.json").is_file() {
        std::fs::create_dir_all(&folder).map_err(|error| format!("cannot make {}: {error}", folder.display()))?;
        let words =
            ["install", "--no-save", "--prefer-offline", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix"];
        let mut command = shell::command("npm", words);
        say_and_run(command.arg(&folder).arg(spelled))?;
    }
    Ok(package)
}
