//! What Node and npm do for the page.

use super::copy;
use crate::shell;
use std::path::{Path, PathBuf};

/// Debian's wasm-opt is too old for what today's compilers write.
const BINARYEN: &str = "binaryen@132.0.0";

/// What the compiler makes use of, and every browser of the last years has.
const FEATURES: &[&str] = &[
    "--enable-bulk-memory",
    "--enable-nontrapping-float-to-int",
    "--enable-sign-ext",
    "--enable-mutable-globals",
    "--enable-reference-types",
    "--enable-multivalue",
];

/// Run on one script at a time, and bundles nothing.
pub(super) const ESBUILD: &str = "esbuild@0.28.2";

/// Makes a module smaller.
pub(super) fn optimise(input: &Path, output: &Path) -> Result<(), String> {
    if shell::find("npm").is_none() {
        println!(
            "there is no npm here: the module stays as it is, larger than it need be (`cargo xtask setup` installs it)"
        );
        return copy(input, output).map(drop);
    }
    let program = package(BINARYEN)?.join("bin/wasm-opt");
    let program = program.to_string_lossy();
    let wasm_opt = |input: &Path, output: &Path, passes: &[&str]| {
        let mut command = shell::command("node", [program.as_ref()]);
        command.args(FEATURES).arg(input).args(passes).arg("-o").arg(output);
        shell::say_and_run(&mut command)
    };
    let named = output.with_extension("named.wasm");
    // Little is inlined: what is called in many places compresses worse once it stands in all of them.
    let small = ["--flexible-inline-max-function-size", "0", "--always-inline-max-function-size", "2"];
    let small = [
        &small[..],
        &["--one-caller-inline-max-function-size", "40"],
        &["--skip-pass=local-cse", "--skip-pass=merge-locals"],
    ]
    .concat();
    wasm_opt(input, &named, &[&["-g", "-O3"], &small[..]].concat())?;
    // The same code for several types lies side by side: compression looks no further back than 32 kB.
    wasm_opt(&named, output, &["-g", "--reorder-functions-by-name"])?;
    wasm_opt(output, output, &["--strip-debug"])?;
    std::fs::remove_file(&named).map_err(|error| format!("cannot remove {}: {error}", named.display()))
}

/// Takes comments and white space out of scripts, each for itself: they stay the modules they are.
pub(super) fn shorten(folder: &Path, scripts: &[PathBuf]) -> Result<(), String> {
    if shell::find("npm").is_none() {
        println!("there is no npm here: scripts keep their comments (`cargo xtask setup` installs it)");
        return Ok(());
    }
    let program = package(ESBUILD)?.join("bin/esbuild");
    let mut command = shell::command("node", [program.to_string_lossy()]);
    command.args(scripts).args([
        "--minify-whitespace",
        "--minify-syntax",
        "--allow-overwrite",
        "--log-level=warning",
        "--tsconfig-raw={}",
    ]);
    let folder = folder.display();
    shell::say_and_run(command.arg(format!("--outdir={folder}")).arg(format!("--outbase={folder}")))
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
        shell::say_and_run(command.arg(&folder).arg(spelled))?;
    }
    Ok(package)
}
