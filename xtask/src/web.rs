//! `cargo xtask web`: the page, with the crate as WebAssembly, in `web/dist`.

mod code;
mod node;
mod npm;
mod sizes;

use crate::{cross, shell};
use std::fs;
use std::path::{Path, PathBuf};

/// What the module is called; JavaScript imports `fourfold_web.js`.
const NAME: &str = "fourfold_web";
const PROFILE: &str = "web";

/// What of `web/` is the page, as it is.
const PAGE: &[&str] = &["index.html", "sandbox.html", "icon.svg", "js", "css", "i18n", "vendor", "icons"];

/// Scripts that stay as they are: some are shown to visitors, others are as small as they get.
const AS_WRITTEN: &[&str] = &["js/handlers", "vendor"];

pub(crate) fn run(arguments: &[&str]) -> Result<(), String> {
    match arguments {
        [] => build(),
        ["--npm"] => package_tools(false).and_then(|()| package()),
        ["--npm", "--full"] => package_tools(true).and_then(|()| package()),
        _ => Err(format!("`web` does not take `{}`", arguments.join(" "))),
    }
}

/// The package for npm.
pub(crate) fn package() -> Result<(), String> {
    cross::BROWSER.prepare()?;
    generate()?;
    let archive = npm::pack(&module()?)?;
    println!("{}", archive.display());
    Ok(())
}

/// Measures the package for npm beside its peers.
pub(crate) fn bench_package() -> Result<(), String> {
    package()?;
    npm::bench()
}

/// What the tests of the package for npm need.
pub(crate) fn package_tools(full: bool) -> Result<(), String> {
    npm::tools(full)
}

pub(crate) fn build() -> Result<(), String> {
    cross::BROWSER.prepare()?;
    generate()?;
    let module = module()?;
    let dist = shell::root().join("web/dist");
    clear(&dist)?;
    let mut files = copy_all(&module, &dist)?;
    for name in PAGE {
        let from = shell::root().join("web").join(name);
        if from.is_dir() {
            files.extend(copy_all(&from, &dist.join(name))?);
        } else if from.is_file() {
            files.push(copy(&from, &dist.join(name))?);
        }
    }
    let code = dist.join("code.json");
    fs::write(&code, code::json(&shell::root())?)
        .map_err(|error| format!("cannot write {}: {error}", code.display()))?;
    files.push(code);
    let written = |path: &Path| AS_WRITTEN.iter().any(|part| path.starts_with(dist.join(part)));
    let is_script = |path: &&PathBuf| path.extension().is_some_and(|extension| extension == "js");
    let scripts: Vec<_> = files.iter().filter(is_script).filter(|path| !written(path)).cloned().collect();
    node::shorten(&dist, &scripts)?;
    sizes::compress(&dist, &files)
}

/// Writes the files that the page and the npm package have from the crate: layouts and parameters. They are kept in the repository.
fn generate() -> Result<(), String> {
    shell::say_and_run(&mut shell::cargo(["run", "--quiet", "--package", "fourfold-web", "--example", "generate"]))
}

/// The module and its glue, made anew where the crate has changed; the folder they lie in.
fn module() -> Result<PathBuf, String> {
    let what = ["--package", "fourfold-web", "--lib", "--profile", PROFILE];
    let mut build = cross::BROWSER.build(&what)?;
    shell::say_and_run(build.env("RUSTFLAGS", anonymous()))?;
    let input = cross::BROWSER.output(PROFILE).join(format!("{NAME}.wasm"));
    let folder = cross::BROWSER.folder().join("module");
    let output = folder.join(format!("{NAME}_bg.wasm"));
    if shell::is_newer(&output, &input) {
        println!("{}: as it was", output.display());
        return Ok(folder);
    }
    clear(&folder)?;
    let raw = cross::BROWSER.folder().join("bindgen");
    clear(&raw)?;
    let bindgen = ["run", "--quiet", "--package", "xtask-bindgen", "--"];
    let mut bindgen = shell::cargo(bindgen);
    shell::say_and_run(bindgen.arg(&input).arg(NAME).arg(&raw))?;
    for name in [format!("{NAME}.js"), format!("{NAME}.d.ts")] {
        copy(&raw.join(&name), &folder.join(&name))?;
    }
    node::optimise(&raw.join(format!("{NAME}_bg.wasm")), &output)?;
    Ok(folder)
}

/// Messages of panics name files of the crate, and none of this machine.
fn anonymous() -> String {
    let home = std::env::home_dir().unwrap_or_default();
    let cargo = std::env::var_os("CARGO_HOME").map_or_else(|| home.join(".cargo"), PathBuf::from);
    let registry = cargo.join("registry/src");
    let indexes = fs::read_dir(&registry).into_iter().flatten().flatten().map(|entry| entry.path());
    let folders = indexes.chain([shell::root()]).map(|folder| format!("--remap-path-prefix={}=", folder.display()));
    folders.collect::<Vec<_>>().join(" ")
}

/// Puts a copy of a folder in the place of another.
pub(crate) fn replace(from: &Path, to: &Path) -> Result<(), String> {
    clear(to)?;
    copy_all(from, to).map(drop)
}

/// An empty folder.
fn clear(folder: &Path) -> Result<(), String> {
    let done = match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => fs::create_dir_all(folder),
    };
    done.map_err(|error| format!("cannot clear {}: {error}", folder.display()))
}

fn copy(from: &Path, to: &Path) -> Result<PathBuf, String> {
    let parent = to.parent().unwrap_or(to);
    let done = fs::create_dir_all(parent).and_then(|()| fs::copy(from, to));
    done.map_err(|error| format!("cannot copy {} to {}: {error}", from.display(), to.display()))?;
    Ok(to.to_path_buf())
}

/// Whether a file only says of what types the page's scripts are. The module's own types stay: scripts are checked against them.
fn is_types_only(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.ends_with(".d.ts") && !name.starts_with(NAME)
}

/// A folder with all that is in it, in the order of the names; what was copied.
fn copy_all(from: &Path, to: &Path) -> Result<Vec<PathBuf>, String> {
    let entries = fs::read_dir(from).map_err(|error| format!("cannot read {}: {error}", from.display()))?;
    let mut names: Vec<_> = entries.flatten().map(|entry| entry.file_name()).collect();
    names.sort();
    let mut copied = Vec::new();
    for name in names {
        let (from, to) = (from.join(&name), to.join(&name));
        if from.is_dir() {
            copied.extend(copy_all(&from, &to)?);
        } else if !is_types_only(&from) {
            copied.push(copy(&from, &to)?);
        }
    }
    Ok(copied)
}
