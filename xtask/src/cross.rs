//! Targets that are not this machine: the core on bare metal, so that `no_std` is more than a word, and the page's module.

mod flash;
mod machine;

pub(crate) use self::machine::{MACHINES, cost, flash as hold_flash, lint};

use crate::{apt, shell};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// A target, and how Debian's compiler would build for it.
#[derive(Debug)]
pub(crate) struct Target {
    triple: &'static str,
    reason: &'static str,
    /// What of the standard library is built from source where there is no compiled one.
    std: &'static str,
    /// The target's own linker, out of rustup's toolchain: Debian's compiler brings none.
    linker: Option<&'static str>,
}

/// A Cortex-M4: 32 bits, no threads, no 64-bit atomics.
pub(crate) const CORTEX_M4: Target = bare_metal("thumbv7em-none-eabihf", "CARGO_TARGET_THUMBV7EM_NONE_EABIHF_LINKER");

/// A Cortex-M0, which has no compare-and-swap.
pub(crate) const CORTEX_M0: Target = bare_metal("thumbv6m-none-eabi", "CARGO_TARGET_THUMBV6M_NONE_EABI_LINKER");

/// A small RISC-V, which has no atomics at all.
pub(crate) const RISC_V: Target =
    bare_metal("riscv32imc-unknown-none-elf", "CARGO_TARGET_RISCV32IMC_UNKNOWN_NONE_ELF_LINKER");

/// All targets that the tests build for, with the sets of features that are built there.
pub(crate) const BARE_METAL: &[(Target, &[&str])] = &[
    (CORTEX_M4, &["", "serde", "tracing"]),
    (CORTEX_M0, &[WITHOUT_COMPARE_AND_SWAP]),
    (RISC_V, &[WITHOUT_COMPARE_AND_SWAP]),
];

/// A program on such a target says how to do without; here for one processor.
const WITHOUT_COMPARE_AND_SWAP: &str = "serde,portable-atomic,portable-atomic/unsafe-assume-single-core";

const fn bare_metal(triple: &'static str, linker: &'static str) -> Target {
    let reason = "the core is built for a machine without an operating system";
    Target { triple, reason, std: "core,alloc", linker: Some(linker) }
}

pub(crate) const BROWSER: Target = Target {
    triple: "wasm32-unknown-unknown",
    reason: "the page runs the crate itself",
    std: "std,panic_abort",
    linker: Some("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER"),
};

const FOLDER: &str = "target/cross";

/// How long rustup may take to fetch a target's libraries before Debian's compiler is asked instead.
const RUSTUP_LIMIT: Duration = Duration::from_secs(120);

/// Debian's compiler brings the sources of the standard library, so it can build them for any target.
const DEBIAN_PACKAGES: &[&str] = &["rustc-web", "cargo-web", "rust-web-src"];
const DEBIAN_CARGO: &str = "/usr/bin/cargo";
const DEBIAN_RUSTC: &str = "/usr/bin/rustc";

/// Which compiler builds for a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Route {
    Rustup,
    Debian,
}

impl Target {
    /// The target's name.
    pub(crate) fn triple(&self) -> &'static str {
        self.triple
    }

    /// Makes sure that the target can be built.
    pub(crate) fn prepare(&self) -> Result<(), String> {
        let triple = self.triple;
        if let Some(route) = self.route() {
            println!("{triple}: found, {route:?}");
            return Ok(());
        }
        println!("{triple}: missing ({})", self.reason);
        let refusal = match shell::find("rustup") {
            Some(_) => {
                let mut add = shell::command("rustup", ["target", "add", triple]);
                shell::expect_success_within(&mut add, RUSTUP_LIMIT).err()
            }
            None => Some("there is no rustup".to_owned()),
        };
        if let Some(refusal) = refusal {
            println!("{refusal}; taking Debian's compiler, with the standard library from source");
            apt::install(DEBIAN_PACKAGES)?;
        }
        match self.route() {
            Some(route) => {
                println!("{triple}: installed, {route:?}");
                Ok(())
            }
            None => Err(format!("{triple} is still missing; `rustup target add {triple}` by hand shows why")),
        }
    }

    /// The cargo that builds for the target, with what to build.
    pub(crate) fn build(&self, what: &[&str]) -> Result<Command, String> {
        self.cargo("build", what)
    }

    /// As [`build`](Self::build), with another of cargo's commands.
    fn cargo(&self, verb: &str, what: &[&str]) -> Result<Command, String> {
        let triple = self.triple;
        let route = self.route().ok_or_else(|| format!("nothing here builds for {triple}: run `cargo xtask setup`"))?;
        let build = [&[verb, "--target", triple, "--target-dir", FOLDER], what].concat();
        Ok(match route {
            Route::Rustup => shell::cargo(&build),
            Route::Debian => self.debian(&build),
        })
    }

    /// Where it is built, apart from the rest: another compiler may be at work here.
    pub(crate) fn folder(&self) -> PathBuf {
        shell::root().join(FOLDER)
    }

    /// Where what is built with a profile lies.
    pub(crate) fn output(&self, profile: &str) -> PathBuf {
        self.folder().join(self.triple).join(profile)
    }

    fn debian(&self, build: &[&str]) -> Command {
        let mut command = shell::command(DEBIAN_CARGO, build);
        command.args(["-Z", &format!("build-std={}", self.std)]).env("RUSTC", DEBIAN_RUSTC).env("RUSTC_BOOTSTRAP", "1");
        if let (Some(variable), Some(sysroot)) = (self.linker, sysroot()) {
            let hosts = std::fs::read_dir(sysroot.join("lib/rustlib")).into_iter().flatten().flatten();
            let linker = hosts.map(|host| host.path().join("bin/rust-lld")).find(|linker| linker.is_file());
            if let Some(linker) = linker {
                command.env(variable, linker);
            }
        }
        command
    }

    fn route(&self) -> Option<Route> {
        self.choose(&sysroot()?, Path::new("/usr"))
    }

    /// The target's libraries in the sysroot, or else Debian's compiler with its sources.
    fn choose(&self, sysroot: &Path, debian: &Path) -> Option<Route> {
        let libraries = sysroot.join("lib/rustlib").join(self.triple).join("lib");
        let sources = ["bin/cargo", "bin/rustc", "lib/rustlib/src/rust/library/core"];
        if libraries.is_dir() {
            Some(Route::Rustup)
        } else if sources.iter().all(|path| debian.join(path).exists()) {
            Some(Route::Debian)
        } else {
            None
        }
    }
}

fn sysroot() -> Option<PathBuf> {
    shell::read(&mut shell::command("rustc", ["--print", "sysroot"])).ok().map(PathBuf::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_toolchain_s_own_target_comes_first() {
        let folder = std::env::temp_dir().join(format!("fourfold-xtask-{}", std::process::id()));
        let (sysroot, debian) = (folder.join("sysroot"), folder.join("usr"));
        assert_eq!(CORTEX_M4.choose(&sysroot, &debian), None);
        for path in ["bin/cargo", "bin/rustc", "lib/rustlib/src/rust/library/core"] {
            std::fs::create_dir_all(debian.join(path)).unwrap();
        }
        assert_eq!(CORTEX_M4.choose(&sysroot, &debian), Some(Route::Debian));
        std::fs::create_dir_all(sysroot.join("lib/rustlib").join(CORTEX_M4.triple).join("lib")).unwrap();
        assert_eq!(CORTEX_M4.choose(&sysroot, &debian), Some(Route::Rustup));
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn debian_builds_the_standard_library_too() {
        for (target, std) in [(CORTEX_M4, "core,alloc"), (BROWSER, "std,panic_abort")] {
            let command = target.debian(&["build"]);
            assert_eq!(shell::spelled(&command), format!("/usr/bin/cargo build -Z build-std={std}"));
        }
    }
}
