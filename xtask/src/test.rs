//! `cargo xtask test`: everything that has to pass before a change lands. `cargo xtask check`: the quick part of it.

use crate::features::{self, LINTED, TESTED, TESTED_IN_FULL, name, only};
use crate::setup::{self, Needs};
use crate::shell::cargo;
use crate::{cross, deny, msrv, package, page, shell, steps, suite, web};
use std::io::Stdout;
use std::process::{Command, ExitCode};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use steps::Lane;

type Steps = steps::Steps<Stdout>;

/// How long the tests are that draw at random: variables of the environment with their values in a full run. Without
/// them each test takes a default of its own, which is a fraction of that.
const LENGTHS: &[(&str, &str)] = &[("FOURFOLD_RUNS", "3000"), ("FOURFOLD_ROUNDS", "20"), ("FULL", "1")];

/// What the lanes wait for from each other. A lane that ends early, or whose step failed, keeps nobody waiting.
struct Gate(Receiver<()>);

impl Gate {
    fn new() -> (Sender<()>, Self) {
        let (opened, gate) = channel();
        (opened, Self(gate))
    }

    fn wait(self) {
        // An error means that the other lane is past that point.
        let _ = self.0.recv();
    }
}

/// A part of everything that a machine of its own can take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Lint,
    Rust,
    Page,
    Other,
}

impl Part {
    const ALL: [(Self, &str); 4] =
        [(Self::Lint, "lint"), (Self::Rust, "rust"), (Self::Page, "page"), (Self::Other, "other")];

    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(_, known)| *known == name).map(|(part, _)| part)
    }
}

/// Runs everything, or one part. Cargo's steps are one lane, for they would wait for each other's locks; the page is the
/// other: its tests mostly wait for a browser.
pub(crate) fn run(full: bool, only: Option<Part>) -> ExitCode {
    let wanted = |part| only.is_none_or(|only| only == part);
    let steps = Steps::new(std::io::stdout()).patient(if full { 6 } else { 1 });
    let code = steps.lane("");
    code.step("setup", |_| setup::run(Needs::Test));
    let (page_is_built, page_built) = Gate::new();
    let (command_is_built, command_built) = Gate::new();
    thread::scope(|scope| {
        let lane = steps.lane("page | ");
        scope.spawn(move || {
            // The page is in the command, which the Rust tests start.
            if wanted(Part::Page) || wanted(Part::Rust) {
                lane.step("page", |_| web::build());
            }
            drop(page_is_built);
            if wanted(Part::Page) {
                page(&lane, full, command_built);
            }
        });
        if wanted(Part::Lint) {
            lint(&code, full);
        }
        page_built.wait();
        if wanted(Part::Rust) {
            code.run("tests: build", &mut suite::build(suite::EVERYTHING));
        } else if wanted(Part::Page) {
            code.run("page: the command", &mut cargo(["build", "--bin", "fourfold"]));
        }
        drop(command_is_built);
        if wanted(Part::Rust) {
            tests(&code, full);
        }
        if wanted(Part::Other) {
            bare_metal(&code);
            hosts(&code);
            if full {
                loom(&code);
            }
            benches(&code, full);
            fuzz(&code);
        }
    });
    if full && wanted(Part::Other) {
        code.step("package", |_| package::run());
    }
    leave_out(&code, full, only);
    steps.finish()
}

/// Runs what takes a minute on a warm tree: formats, lints, the unit tests, the tests of the core, types and the module.
pub(crate) fn check() -> ExitCode {
    let steps = Steps::new(std::io::stdout());
    let code = steps.lane("");
    thread::scope(|scope| {
        let lane = steps.lane("page | ");
        scope.spawn(move || {
            lane.step("page: tools", page::install);
            lane.run("page: types", &mut page::types());
            lane.run("page: style", &mut page::style());
            lane.step("page", |_| web::build());
            lane.step("module: tests", |work| work.run(&mut page::module_tests()?));
        });
        code.run("format", &mut cargo(["fmt", "--all", "--check"]));
        code.run("clippy: everything", &mut lint_everything());
        let core = [suite::EVERYTHING, &["--lib", "--bins", "--test", "main", "--test", "house"]].concat();
        // The examples are not built here.
        let core = [&core[..], &["--", "--skip", "examples::"]].concat();
        code.run("tests: units and core", suite::run(&core).env("FOURFOLD_RUNS", "100"));
    });
    steps.finish()
}

/// The page in a real browser, served by a server of the tests and by the command, and its module by itself.
fn page(lane: &Lane<'_>, full: bool, command_built: Gate) {
    lane.step("page: tools", page::install);
    lane.step("page: Perfetto", page::install_perfetto);
    lane.run("page: types", &mut page::types());
    lane.run("page: style", &mut page::style());
    lane.step("npm: tools", |_| web::package_tools(full));
    lane.step("npm: package", |_| web::package());
    let mut package_tests = page::node_tests("web/tests/npm/");
    if full {
        package_tests.env("FULL", "1");
    }
    lane.run("npm: tests", &mut package_tests);
    command_built.wait();
    // In Node: it gives what the command gives.
    lane.run("module: tests", &mut page::node_tests("web/tests/module/"));
    lane.step("page: tests", |work| page::tests(work, full));
}

fn lint_everything() -> Command {
    cargo(["clippy", "--workspace", "--all-targets", "--all-features", "--", "--deny", "warnings"])
}

fn lint(lane: &Lane<'_>, full: bool) {
    lane.step("dependencies", deny::check);
    lane.step("the promised version of Rust", msrv::check);
    lane.run("format", &mut cargo(["fmt", "--all", "--check"]));
    lane.run("clippy: everything", &mut lint_everything());
    lane.step("clippy: sets of features", |work| {
        let libraries = LINTED.iter().map(|set| features::lint(set, "--lib"));
        let in_full = if full { TESTED_IN_FULL } else { &[] };
        let tests = TESTED.iter().chain(in_full).map(|set| features::lint(set, "--all-targets"));
        let failures: Vec<String> = libraries.chain(tests).filter_map(|mut set| work.run(&mut set).err()).collect();
        if failures.is_empty() { Ok(()) } else { Err(failures.join("; ")) }
    });
    let mut doc = cargo(["doc", "--workspace", "--no-deps", "--all-features"]);
    lane.run("documentation", doc.env("RUSTDOCFLAGS", "--deny warnings"));
}

fn tests(lane: &Lane<'_>, full: bool) {
    let lengths = if full { LENGTHS } else { &[] };
    lane.run("tests: everything", suite::run(suite::EVERYTHING).envs(lengths.iter().copied()));
    for set in TESTED.iter().chain(if full { TESTED_IN_FULL } else { &[] }) {
        lane.run(&tests_of(set), &mut suite::run(&only(set, &[])));
    }
    // They are written for a reader who has everything.
    lane.run("doctests", &mut cargo(["test", "--workspace", "--all-features", "--doc"]));
}

fn tests_of(set: &str) -> String {
    format!("tests: {}", name(set))
}

/// The core on microcontrollers: what builds there, and programs that run there.
fn bare_metal(lane: &Lane<'_>) {
    for (target, sets) in cross::BARE_METAL {
        for set in *sets {
            let core = ["--package", "fourfold", "--lib", "--no-default-features", "--features", set];
            let step = format!("bare metal: {}, {}", target.triple(), name(set));
            lane.step(&step, |work| work.run(&mut target.build(&core)?));
        }
    }
    let at = ["--manifest-path", "examples/bare-metal/Cargo.toml"];
    lane.run("bare metal: format", cargo(["fmt", "--check"]).args(at));
    lane.step("bare metal: clippy", |work| work.run(&mut cross::lint()?));
    for machine in cross::MACHINES {
        lane.step(&format!("bare metal: {}", machine.name), |work| machine.test(work));
    }
    lane.step("bare metal: instructions", cross::cost);
    lane.step("bare metal: flash", |_| cross::hold_flash());
}

/// The same run in one host after another.
fn hosts(lane: &Lane<'_>) {
    let at = |verb| cargo([verb, "--manifest-path", "examples/hosts/Cargo.toml"]);
    lane.run("hosts: format", at("fmt").arg("--check"));
    let lint = ["--locked", "--target-dir", "target/hosts", "--all-targets", "--", "--deny", "warnings"];
    lane.run("hosts: clippy", at("clippy").args(lint));
    lane.run("hosts", at("test").args(["--locked", "--target-dir", "target/hosts", "--test", "*"]));
}

/// Every interleaving of a wake with the sleep that it has to end.
fn loom(lane: &Lane<'_>) {
    let mut command = cargo(["test"]);
    command.args(only("std", &["--release", "--test", "loom", "--target-dir", "target/loom"]));
    lane.run("loom", command.env("RUSTFLAGS", "--cfg fourfold_loom"));
}

/// The workspace of the fuzz targets: they compile, and what is near their corpus breaks nothing.
fn fuzz(lane: &Lane<'_>) {
    let at = |words: &[&str]| {
        let place = ["--manifest-path", "fuzz/Cargo.toml"];
        cargo([words[0]].iter().chain(&place).chain(&words[1..]))
    };
    lane.run("fuzz: format", &mut at(&["fmt", "--check"]));
    lane.run("fuzz: clippy", &mut at(&["clippy", "--all-targets", "--", "--deny", "warnings"]));
    lane.run("fuzz: tests", &mut at(&["test", "--no-fail-fast"]));
}

/// The workspace of the benchmarks: its tests run every peer, so that no row of a table can be hollow.
fn benches(lane: &Lane<'_>, full: bool) {
    let at = |words: &[&str]| {
        let place = ["--manifest-path", "benches/Cargo.toml"];
        cargo([words[0]].iter().chain(&place).chain(&words[1..]))
    };
    lane.run("benches: format", &mut at(&["fmt", "--check"]));
    lane.run("benches: clippy", &mut at(&["clippy", "--all-targets", "--", "--deny", "warnings"]));
    if full {
        lane.run("benches: tests", &mut at(&["test", "--no-fail-fast"]));
        if shell::find("valgrind").is_some() {
            let count = ["run", "--release", "--bin", "fourfold-bench", "--", "instructions", "--check"];
            lane.run(INSTRUCTIONS, &mut at(&count));
        } else {
            lane.leave_out("benches: instructions per task, for want of valgrind");
        }
    }
}

const INSTRUCTIONS: &str = "benches: instructions per task";

/// Names what is not run this time: other parts, long tests, and tests that are shorter.
fn leave_out(lane: &Lane<'_>, full: bool, only: Option<Part>) {
    for (part, name) in Part::ALL {
        if only.is_some_and(|only| only != part) {
            lane.leave_out(&format!("everything of the part `{name}`"));
        }
    }
    if full {
        return;
    }
    for set in TESTED_IN_FULL {
        lane.leave_out(&tests_of(set));
    }
    lane.leave_out("loom: every order of a wake and the sleep that it ends");
    lane.leave_out("benches: tests");
    lane.leave_out(INSTRUCTIONS);
    lane.leave_out("package: the archives, and the command built from them");
    lane.leave_out("simulation: 3000 random runs");
    lane.leave_out("chaos: 20 rounds of killed workers");
    lane.leave_out(
        "page: bounds, truth, live, frames, large, pictures, links at their whole length, access in every combination; times held to their goals",
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shell;

    #[test]
    fn a_gate_lets_pass_when_the_other_lane_is_gone() {
        let (opened, gate) = Gate::new();
        thread::scope(|scope| {
            scope.spawn(move || drop(opened));
            gate.wait();
        });
    }

    #[test]
    fn the_forge_runs_every_part() {
        let workflow = std::fs::read_to_string(shell::root().join(".github/workflows/ci.yml")).unwrap();
        let parts = workflow.lines().find_map(|line| line.trim().strip_prefix("part: [")?.strip_suffix(']')).unwrap();
        let parts: Vec<_> = parts.split(", ").map(Part::named).collect();
        assert_eq!(parts, Part::ALL.map(|(part, _)| Some(part)));
    }

    #[test]
    fn every_length_of_a_full_run_is_read_by_a_test() {
        let readers = ["tests/simulation.rs", "cli/tests/cli/chaos.rs", "web/tests/browser/harness.mjs"];
        let texts = readers.map(|path| std::fs::read_to_string(shell::root().join(path)).unwrap());
        for (variable, _) in LENGTHS {
            assert!(texts.iter().any(|text| text.contains(variable)), "nothing reads {variable}");
        }
    }
}
