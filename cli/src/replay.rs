//! `fourfold replay`: what a recorded trace comes to, and whether it kept the rules.

use std::{
    fs::File,
    io::{self, BufRead, BufReader},
};

use fourfold::{
    Report,
    check::Invariants,
    event::EventKind,
    metrics::State,
    trace::{Reader, TraceError},
};
use indicatif::ProgressBar;
use serde::Serialize;

use super::{
    args::ReplayArgs,
    exit::{self, Fault},
    screen::{self, Stdout},
    table::{self, BAD, GOOD},
};

/// So much is read at a time.
const AHEAD: usize = 256 * 1024;

pub(crate) fn replay(args: &ReplayArgs) -> Result<u8, Fault> {
    let (runs, error) = read_all(&args.file)?;
    let stdout = Stdout::new(None);
    let mut code = exit::DONE;
    for run in &runs {
        if args.json {
            stdout.write(format!("{}\n", serde_json::to_string(&run.told()).unwrap_or_default()).as_bytes());
        } else {
            stdout.print(&table::summary(&run.state, Some(&run.verdict())));
        }
        if !run.is_sound() {
            code = exit::NOT_ALL_DONE;
        }
    }
    if let Some(error) = error {
        screen::say(&format!("error: {}: {error}", args.file));
        code = exit::SOURCE_FAILED;
    } else if runs.is_empty() {
        screen::say(&format!("error: {}: there is no event in it", args.file));
        code = exit::NOT_ALL_DONE;
    }
    Ok(stdout.exit_code().unwrap_or(code))
}

/// One run of a trace.
#[derive(Default)]
struct Recorded {
    state: State,
    invariants: Invariants,
    events: u64,
}

/// What is told of it as data.
#[derive(Serialize)]
struct Told {
    #[serde(flatten)]
    report: Report,
    events: u64,
    missing: u64,
    complete: bool,
    violation: Option<String>,
}

impl Recorded {
    fn is_sound(&self) -> bool {
        self.invariants.is_complete() && self.invariants.violation().is_none()
    }

    fn verdict(&self) -> String {
        let (events, missed) = (self.events, self.state.missed());
        let verdict = match self.invariants.violation() {
            Some(_) if missed > 0 => {
                format!(
                    "{BAD}{missed} events are missing: what is left adds up to the above and cannot be checked{BAD:#}"
                )
            }
            Some(violation) => format!("{BAD}a rule is broken at {violation}{BAD:#}"),
            None if self.invariants.is_complete() => format!("{GOOD}every rule was kept{GOOD:#}"),
            None => format!("{BAD}it ends before the run does{BAD:#}"),
        };
        format!("{events} events: {verdict}\ndigest: {:016x}", self.state.digest())
    }

    fn told(&self) -> Told {
        Told {
            report: self.state.report(),
            events: self.events,
            missing: self.state.missed(),
            complete: self.invariants.is_complete(),
            violation: self.invariants.violation().map(ToString::to_string),
        }
    }
}

/// The runs of a trace, as far as it can be read, and what is wrong with the rest.
fn read_all(path: &str) -> Result<(Vec<Recorded>, Option<TraceError>), Fault> {
    let fault = |error: io::Error| Fault::source(format_args!("cannot read {path}: {error}"));
    if path == "-" {
        return read(path, BufReader::with_capacity(AHEAD, io::stdin()));
    }
    let file = File::open(path).map_err(fault)?;
    let length = file.metadata().map_err(fault)?.len();
    // It hides itself where there is no terminal.
    let progress = ProgressBar::new(length);
    let runs = read(path, BufReader::with_capacity(AHEAD, progress.wrap_read(file)));
    progress.finish_and_clear();
    runs
}

fn read(path: &str, input: impl BufRead) -> Result<(Vec<Recorded>, Option<TraceError>), Fault> {
    let mut reader = Reader::new(input).map_err(|error| Fault::source(format_args!("{path}: {error}")))?;
    let mut runs: Vec<Recorded> = Vec::new();
    loop {
        let read = reader.read(|event| {
            let begins = matches!(event.kind, EventKind::RunStarted { .. }) && event.sequence == 0;
            if begins || runs.is_empty() {
                runs.push(Recorded::default());
            }
            if let Some(run) = runs.last_mut() {
                run.state.apply(event);
                run.invariants.check(event);
                run.events += 1;
            }
        });
        match read {
            Ok(Some(())) => {}
            Ok(None) => return Ok((runs, None)),
            Err(error) => return Ok((runs, Some(error))),
        }
    }
}
