//! `cargo xtask setup | check | test | web | package | bench`: what the house needs, checks and measures.
#![forbid(unsafe_code)]

mod apt;
mod bench;
mod cross;
mod deny;
mod features;
mod msrv;
mod package;
mod page;
mod setup;
mod shell;
mod steps;
mod suite;
mod tally;
mod test;
mod web;

use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo xtask <command>

  setup [--bench]     install what is missing for the tests (and, with --bench, for the benchmarks)
  check               the quick checks: formats, lints, unit and core tests, types, the page's module
  test [--full]       everything that has to pass before a change lands; --full adds the long tests
  test --only PART    one part of that, for a machine of its own: lint, rust, page or other
  web [--npm]         the page, with the crate as WebAssembly, in web/dist; the package for npm (--full: also what its long tests need)
  package             the archives that would be published, and the command built from them
  bench [--quick] …   measure against the peers; `cargo xtask bench --help` lists the rest
  bench --npm         measure the package for npm against its peers";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["setup"] => outcome(setup::run(setup::Needs::Test)),
        ["setup", "--bench"] => outcome(setup::run(setup::Needs::Bench)),
        ["check"] => test::check(),
        ["package"] => outcome(package::run()),
        ["test"] => test::run(false, None),
        ["test", "--full"] => test::run(true, None),
        ["test", "--only", part] => match test::Part::named(part) {
            Some(part) => test::run(false, Some(part)),
            None => refuse(&format!("there is no part `{part}`: lint, rust, page, other")),
        },
        ["web", rest @ ..] => outcome(web::run(rest)),
        ["bench", rest @ ..] => outcome(bench::run(rest)),
        ["help" | "--help" | "-h"] => {
            println!("{USAGE}");
            ExitCode::SUCCESS
        }
        [] => refuse("no command given"),
        [command, ..] if !["setup", "check", "test", "package"].contains(command) => {
            refuse(&format!("there is no command `{command}`"))
        }
        [command, rest @ ..] => refuse(&format!("`{command}` does not take `{}`", rest.join(" "))),
    }
}

fn refuse(what: &str) -> ExitCode {
    eprintln!("error: {what}\n\n{USAGE}");
    ExitCode::from(2)
}

fn outcome(result: Result<(), String>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::FAILURE
        }
    }
}
