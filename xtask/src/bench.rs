//! `cargo xtask bench`: builds and runs the workspace in `benches/`.

use crate::setup::{self, Needs};
use crate::{shell, web};

pub(crate) fn run(arguments: &[&str]) -> Result<(), String> {
    if arguments == ["--npm"] {
        return web::bench_package();
    }
    let asked = |flags: &[&str]| arguments.iter().any(|argument| flags.contains(argument));
    if !asked(&["--help", "-h"]) {
        setup::run(Needs::Bench)?;
    }
    // All programs of it: the one that counts allocations stands beside the one that measures time.
    let manifest = "benches/Cargo.toml";
    shell::expect_success(&mut shell::cargo(["build", "--release", "--manifest-path", manifest]))?;
    let program = shell::root().join("benches/target/release/fourfold-bench");
    shell::expect_success(&mut shell::command(&program.to_string_lossy(), arguments))
}
