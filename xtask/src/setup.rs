//! `cargo xtask setup`: installs what is missing, says what it did, and does nothing the second time.

use crate::{cross, shell};

/// What the machine is wanted for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Needs {
    Test,
    Bench,
}

/// A program and the Debian package that brings it.
struct Tool {
    program: &'static str,
    package: &'static str,
    reason: &'static str,
}

const FOR_TEST: &[Tool] = &[
    Tool { program: "redis-server", package: "redis-server", reason: "the tests of the Redis source run a real one" },
    Tool {
        // A module of Debian's Python, found by its path.
        program: "/usr/lib/python3/dist-packages/prometheus_client/openmetrics/parser.py",
        package: "python3-prometheus-client",
        reason: "the reference parsers read what --listen exposes",
    },
];

const FOR_BENCH: &[Tool] = &[
    Tool { program: "valgrind", package: "valgrind", reason: "callgrind counts instructions" },
    Tool { program: "parallel", package: "parallel", reason: "the command is measured against GNU parallel" },
];

pub(crate) fn run(needs: Needs) -> Result<(), String> {
    let mut tools: Vec<&Tool> = FOR_TEST.iter().collect();
    if needs == Needs::Bench {
        tools.extend(FOR_BENCH);
    }
    let missing: Vec<&Tool> = tools.iter().copied().filter(|tool| shell::find(tool.program).is_none()).collect();
    for tool in &tools {
        match shell::find(tool.program) {
            Some(path) => println!("{}: found, {}", tool.program, path.display()),
            None => println!("{}: missing ({})", tool.program, tool.reason),
        }
    }
    install(&missing.iter().map(|tool| tool.package).collect::<Vec<_>>())?;
    for tool in &missing {
        if shell::find(tool.program).is_none() {
            return Err(format!("the package {} did not bring {}; install it by hand", tool.package, tool.program));
        }
    }
    cross::BARE_METAL.prepare()?;
    cross::BROWSER.prepare()
}

/// Installs Debian packages; the list of what there is is renewed first, for a new machine has none.
pub(crate) fn install(packages: &[&str]) -> Result<(), String> {
    if packages.is_empty() {
        return Ok(());
    }
    let list = packages.join(" ");
    let by_hand = |why: &str| format!("{why}; install by hand: {list}");
    if shell::find("apt-get").is_none() {
        return Err(by_hand("there is no apt-get here"));
    }
    let root = shell::read(&mut shell::command("id", ["-u"]))? == "0";
    if !root && shell::find("sudo").is_none() {
        return Err(by_hand("this is not root and there is no sudo"));
    }
    println!("installing {list}");
    let apt_get = |arguments: &[&str]| {
        // Through env, for sudo does not hand an environment on.
        let words = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get"].iter().chain(arguments);
        let mut command = if root {
            shell::command("env", words.skip(1))
        } else {
            shell::command("sudo", ["--non-interactive"].iter().chain(words))
        };
        shell::expect_success(&mut command).map_err(|error| by_hand(&error))
    };
    apt_get(&["update", "--quiet"])?;
    apt_get(&[&["install", "--quiet", "--yes", "--no-install-recommends"], packages].concat())
}
