//! The version of Rust that Cargo.toml promises.

use crate::{shell, steps::Work};

/// Builds everything with the promised version, unless all other steps do that already.
pub(crate) fn check(work: &mut Work<'_>) -> Result<(), String> {
    let promised = shell::value_in_manifest("rust-version")?;
    let here = shell::read(&mut shell::command("rustc", ["--version"]))?;
    if is_promised(&here, &promised) {
        println!("{here}: every other step builds with it");
        return Ok(());
    }
    let check = ["run", "--install", &promised, "cargo", "check", "--workspace", "--all-features"];
    work.run(shell::command("rustup", check).args(["--target-dir", "target/msrv"]))
}

/// Whether a compiler is of the promised version: `rustc 1.95.0 (…)` is of 1.95.
fn is_promised(compiler: &str, promised: &str) -> bool {
    let version = compiler.split(' ').nth(1).unwrap_or_default();
    version == promised || version.strip_prefix(promised).is_some_and(|rest| rest.starts_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_compiler_is_of_the_promised_version_whatever_its_patch() {
        assert!(is_promised("rustc 1.95.0 (59807616e 2026-04-14)", "1.95"));
        assert!(!is_promised("rustc 1.96.0 (59807616e 2026-06-14)", "1.95"));
        assert!(!is_promised("rustc 1.9.0 (59807616e 2016-06-14)", "1.95"));
        assert!(!is_promised("rustc 1.955.0 (59807616e 2026-06-14)", "1.95"));
    }
}
