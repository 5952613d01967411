//! `fourfold replay`: what a recorded trace comes to, and whether it kept the rules.

use std::io::{self, BufRead, BufReader, Read};

use fourfold::{
    Report,
    check::Invariants,
    event::EventKind,
    metrics::State,
    trace::{Reader, TraceError},
};
use serde::Serialize;

use crate::{
    args::ReplayArgs,
    exit::{CliError, Ending},
    input::Input,
    progress::ProgressLine,
    render::{
        secret::Name,
        style::{BAD, GOOD},
        table,
    },
    terminal::{self, Stdout},
};

/// The number of bytes that are read at a time.
const AHEAD: usize = 256 * 1024;

pub(super) fn replay(args: &ReplayArgs) -> Result<Ending, CliError> {
    let (runs, error) = read_all(&args.file)?;
    let stdout = Stdout::new(None);
    let mut ending = Ending::Done;
    for run in &runs {
        if args.json {
            let json = serde_json::to_string(&run.json_report()).unwrap_or_default();
            stdout.write(&format!("{json}\n"));
        } else {
            stdout.print(&table::summary(&run.state, Some(&run.verdict())));
        }
        ending = ending.max(Ending::of_lost(u64::from(!run.is_sound())));
    }
    if let Some(error) = error {
        terminal::say(&format!("error: {}: {error}", Name(&args.file)));
        ending = ending.max(Ending::SourceFailed);
    } else if runs.is_empty() {
        terminal::say(&format!("error: {}: there is no event in it", Name(&args.file)));
        ending = ending.max(Ending::NotAllDone);
    }
    Ok(ending.max(stdout.ending()))
}

/// One run of a trace.
#[derive(Default)]
struct Recorded {
    state: State,
    invariants: Invariants,
    events: u64,
}

/// A run of a trace as data.
#[derive(Serialize)]
struct JsonReport {
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

    fn json_report(&self) -> JsonReport {
        JsonReport {
            report: self.state.report(),
            events: self.events,
            missing: self.state.missed(),
            complete: self.invariants.is_complete(),
            violation: self.invariants.violation().map(ToString::to_string),
        }
    }
}

/// Reads the runs of a trace, as far as it can be read, and says what is wrong with the rest.
fn read_all(path: &str) -> Result<(Vec<Recorded>, Option<TraceError>), CliError> {
    let input = Input::named(path)?;
    let progress = ProgressLine::new(input.length(), false);
    read(path, BufReader::with_capacity(AHEAD, Shown { input, progress, position: 0 }))
}

/// An input whose progress is shown.
struct Shown {
    input: Input,
    progress: ProgressLine,
    position: u64,
}

impl Read for Shown {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.input.read(buffer)?;
        self.position += count as u64;
        self.progress.update(self.position, "");
        Ok(count)
    }
}

fn read(path: &str, input: impl BufRead) -> Result<(Vec<Recorded>, Option<TraceError>), CliError> {
    let mut reader = Reader::new(input).map_err(|error| CliError::source(format_args!("{}: {error}", Name(path))))?;
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
