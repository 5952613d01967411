//! The core on bare metal: a target without an operating system, so that `no_std` is more than a word.

use crate::{setup, shell};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// A Cortex-M4: 32 bits, no threads, no 64-bit atomics.
const TARGET: &str = "thumbv7em-none-eabihf";

/// How long rustup may take to fetch the target's libraries before Debian's compiler is asked instead.
const RUSTUP_LIMIT: Duration = Duration::from_secs(120);

/// Debian's compiler brings the sources of the standard library, so it can build them for any target.
const DEBIAN_PACKAGES: &[&str] = &["rustc-web", "cargo-web", "rust-web-src"];
const DEBIAN_CARGO: &str = "/usr/bin/cargo";
const DEBIAN_RUSTC: &str = "/usr/bin/rustc";

/// Which compiler builds for the target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Route {
    Rustup,
    Debian,
}

/// Makes sure that the target can be built.
pub(crate) fn prepare() -> Result<(), String> {
    if let Some(route) = route() {
        println!("{TARGET}: found, {route:?}");
        return Ok(());
    }
    println!("{TARGET}: missing (the core is built for a machine without an operating system)");
    let refusal = match shell::find("rustup") {
        Some(_) => {
            shell::expect_success_within(&mut shell::command("rustup", ["target", "add", TARGET]), RUSTUP_LIMIT).err()
        }
        None => Some("there is no rustup".to_owned()),
    };
    if let Some(refusal) = refusal {
        println!("{refusal}; taking Debian's compiler, with the standard library from source");
        setup::install(DEBIAN_PACKAGES)?;
    }
    match route() {
        Some(route) => {
            println!("{TARGET}: installed, {route:?}");
            Ok(())
        }
        None => Err(format!("{TARGET} is still missing; `rustup target add {TARGET}` by hand shows why")),
    }
}

/// Builds the core without `std` for the target.
pub(crate) fn build(features: &str) -> Result<Command, String> {
    let route = route().ok_or_else(|| format!("nothing here builds for {TARGET}: run `cargo xtask setup`"))?;
    let build = ["build", "--package", "fourfold", "--lib", "--no-default-features", "--target", TARGET];
    let mut command = match route {
        Route::Rustup => shell::cargo(build),
        Route::Debian => debian(&build),
    };
    command.arg("--features").arg(features);
    // Apart from the rest: another compiler may be at work here.
    command.arg("--target-dir").arg(shell::root().join("target/bare-metal"));
    Ok(command)
}

fn debian(build: &[&str]) -> Command {
    let mut command = shell::command(DEBIAN_CARGO, build);
    command.args(["-Z", "build-std=core,alloc"]).env("RUSTC", DEBIAN_RUSTC).env("RUSTC_BOOTSTRAP", "1");
    command
}

fn route() -> Option<Route> {
    let sysroot = shell::read(&mut shell::command("rustc", ["--print", "sysroot"])).ok()?;
    choose(Path::new(&sysroot), Path::new("/usr"))
}

/// The target's libraries in the sysroot, or else Debian's compiler with its sources.
fn choose(sysroot: &Path, debian: &Path) -> Option<Route> {
    let libraries: PathBuf = sysroot.join("lib/rustlib").join(TARGET).join("lib");
    let sources = ["bin/cargo", "bin/rustc", "lib/rustlib/src/rust/library/core"];
    if libraries.is_dir() {
        Some(Route::Rustup)
    } else if sources.iter().all(|path| debian.join(path).exists()) {
        Some(Route::Debian)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_toolchain_s_own_target_comes_first() {
        let folder = std::env::temp_dir().join(format!("fourfold-xtask-{}", std::process::id()));
        let (sysroot, debian) = (folder.join("sysroot"), folder.join("usr"));
        assert_eq!(choose(&sysroot, &debian), None);
        for path in ["bin/cargo", "bin/rustc", "lib/rustlib/src/rust/library/core"] {
            std::fs::create_dir_all(debian.join(path)).unwrap();
        }
        assert_eq!(choose(&sysroot, &debian), Some(Route::Debian));
        std::fs::create_dir_all(sysroot.join("lib/rustlib").join(TARGET).join("lib")).unwrap();
        assert_eq!(choose(&sysroot, &debian), Some(Route::Rustup));
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn debian_builds_the_standard_library_too() {
        let command = debian(&["build"]);
        assert_eq!(shell::spelled(&command), "/usr/bin/cargo build -Z build-std=core,alloc");
    }
}
