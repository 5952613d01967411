//! `fourfold run`: a source drained through one pattern.

use std::{
    fs::File,
    io::{self, BufWriter, Write},
    path::PathBuf,
    time::Duration,
};

use fourfold::{
    Report, RunError,
    metrics::State,
    source::{JsonLines, JsonLinesError, redis::RedisSource},
};
use serde::Serialize;

use super::{
    args::RunArgs,
    clock::AnyClock,
    exit::{self, Fault},
    origin::{self, Origin, Reader},
    queue,
    screen::{self, Stderr},
    session::{self, Ran, Session},
    table,
};

/// A growing file is looked at so often.
const LOOK: Duration = Duration::from_millis(100);

pub(crate) fn run(args: &RunArgs) -> Result<u8, Fault> {
    let origin = Origin::new(&args.source)?;
    check(args, &origin)?;
    let demo = origin == Origin::Demo;
    let mut session = Session::new(&args.work, &args.source, demo, demo)?;
    match origin {
        Origin::Demo => {
            let source = origin::demo(&args.work, &session.clock);
            let total = args.work.max_tasks.unwrap_or(u64::MAX).min(args.work.tasks);
            let ran = session.drain(&source, &args.work.config(args.pattern), &|state| share(state, total));
            Ok(finish(args, &mut session, &ran, None, None))
        }
        Origin::Stdin => lines(args, &mut session, Reader::stdin(), None),
        Origin::File(path) => {
            let (reader, length) = Reader::file(&path)?;
            lines(args, &mut session, reader, length)
        }
        Origin::Redis(url) => {
            let options = queue::options(&url)?.lease(args.lease).max_deliveries(args.max_deliveries);
            let options = options.follow(args.follow).reconnect(args.reconnect);
            let source = smol::block_on(RedisSource::connect(options)).map_err(|error| queue::fault(&error))?;
            let total = args.work.max_tasks;
            let ran = session.drain(&source, &args.work.config(args.pattern), &|state| share(state, total?));
            Ok(finish(args, &mut session, &ran, None, None))
        }
    }
}

/// What cannot be meant together.
fn check(args: &RunArgs, origin: &Origin) -> Result<(), Fault> {
    let lines = matches!(origin, Origin::Stdin | Origin::File(_));
    for (flag, given) in [("--dead", args.dead.is_some()), ("--rest", args.rest.is_some())] {
        if given && !lines {
            return Err(Fault::usage(format_args!("{flag} is for a file of JSON lines, and {} is none", args.source)));
        }
    }
    if args.follow && *origin == Origin::Demo {
        return Err(Fault::usage("--follow waits for new tasks, and the demo has none: leave it out"));
    }
    Ok(())
}

fn share(state: &State, total: u64) -> Option<f64> {
    (total > 0).then(|| state.counters().tasks() as f64 / total as f64)
}

fn lines(args: &RunArgs, session: &mut Session, reader: Reader, length: Option<u64>) -> Result<u8, Fault> {
    let dead: Box<dyn Write> = match &args.dead {
        Some(path) => Box::new(session::create(path, "--dead")?),
        None => Box::new(Stderr),
    };
    let rest = args.rest.as_ref().map(|path| Ok((path, session::create(path, "--rest")?))).transpose()?;
    let mut source = JsonLines::new(session.clock.clone(), reader, dead).line_max(args.max_line);
    if args.follow {
        source = source.follow(LOOK);
    }
    let done = |state: &State| match (args.work.max_tasks, length) {
        (Some(total), _) => share(state, total),
        (None, Some(length)) if length > 0 && !args.follow => Some(source.consumed() as f64 / length as f64),
        _ => None,
    };
    let ran = session.drain(&source, &args.work.config(args.pattern), &done);
    // What is left of standard input is somebody else's to give; it is waited for only where it is asked for.
    let count = rest.is_some() || length.is_some();
    let (left, failed) = if count { leave(session, &source, rest) } else { (None, None) };
    Ok(finish(args, session, &ran, left, failed))
}

/// Counts the lines that are not done, and writes them where they are wanted.
fn leave(
    session: &Session,
    source: &JsonLines<'_, Reader, AnyClock>,
    file: Option<(&PathBuf, File)>,
) -> (Option<u64>, Option<u8>) {
    let path = file.as_ref().map(|(path, _)| path.display().to_string());
    let mut file = file.map(|(_, file)| BufWriter::new(file));
    let rest = async {
        let count = source.rest(|line| match &mut file {
            Some(file) => file.write_all(line).and_then(|()| file.write_all(b"\n")),
            None => Ok(()),
        });
        let count = count.await?;
        file.as_mut().map_or(Ok(()), |file| file.flush())?;
        Ok::<_, io::Error>(count)
    };
    match session.wait(rest).unwrap_or_else(|| Err(io::ErrorKind::Interrupted.into())) {
        Ok(count) => (Some(count), None),
        Err(error) => {
            let path = path.map_or_else(|| "the lines that are left".to_owned(), |path| format!("--rest {path}"));
            screen::say(&format!("error: {path}: {error}"));
            (None, Some(exit::NOT_WRITTEN))
        }
    }
}

/// Reports, and says how it went.
fn finish<E: std::error::Error + 'static>(
    args: &RunArgs,
    session: &mut Session,
    ran: &Ran<E>,
    left: Option<u64>,
    failed: Option<u8>,
) -> u8 {
    let report = ran.state.report();
    let mut code = session::exit_code(&report, ran.error.as_ref());
    if let Some(error) = &ran.error {
        screen::say(&format!("error: {}", explain(args, error)));
    }
    if let Some(lost) = session.handler.lost() {
        screen::say(&format!("error: {lost}; what was held is given back"));
        code = exit::SOURCE_FAILED;
    }
    let note = left.filter(|left| *left > 0).map(|left| match &args.rest {
        Some(path) => format!("{left} lines are not done: they are in {}", path.display()),
        None => format!("{left} lines are not done (--rest FILE would keep them)"),
    });
    let json = json(report, left);
    session::print_summary(session, &args.work.output, &table::summary(&ran.state, note.as_deref()), &json);
    if code != exit::SOURCE_FAILED {
        code = session.asked.exit_code().unwrap_or(code);
    }
    let unwritten = session.finish().or(failed);
    match unwritten {
        Some(exit::STDOUT_CLOSED) => exit::STDOUT_CLOSED,
        Some(unwritten) if code == exit::DONE => unwritten,
        _ => code,
    }
}

/// The run's error, with the flag or the file that it is about.
fn explain<E: std::error::Error + 'static>(args: &RunArgs, error: &RunError<E>) -> String {
    let about = std::error::Error::source(error).and_then(|error| error.downcast_ref::<JsonLinesError>());
    match (about, &args.dead) {
        (Some(JsonLinesError::DeadLetters(error)), Some(path)) => format!("--dead {}: {error}", path.display()),
        (Some(JsonLinesError::Read(error)), _) => format!("cannot read {}: {error}", args.source),
        _ => error.to_string(),
    }
}

/// The report as data.
#[derive(Serialize)]
struct Told {
    #[serde(flatten)]
    report: Report,
    /// For a file: how many lines are not done.
    #[serde(skip_serializing_if = "Option::is_none")]
    left: Option<u64>,
}

fn json(report: Report, left: Option<u64>) -> String {
    serde_json::to_string(&Told { report, left }).unwrap_or_default()
}
