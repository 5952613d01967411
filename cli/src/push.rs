//! `fourfold push`: JSON lines into a Redis list.

use std::{io::IsTerminal, num::NonZeroUsize};

use fourfold::{
    NativeClock, Source,
    source::{ClaimStatus, Claims, JsonLines, JsonLinesError, Settlement, Verdict},
};
use indicatif::ProgressBar;

use super::{
    args::PushArgs,
    exit::{self, Fault},
    origin::Reader,
    queue,
    screen::{self, Stderr, Stdout},
};

/// So many lines go at a time.
const BATCH: NonZeroUsize = NonZeroUsize::MIN.saturating_add(999);

pub(crate) fn push(args: &PushArgs) -> Result<u8, Fault> {
    let (reader, length) = match args.file.as_str() {
        "-" => (Reader::stdin(), None),
        path => Reader::file(&path.into())?,
    };
    let bar = (!args.quiet && std::io::stderr().is_terminal()).then(|| bar(length));
    let result = smol::block_on(copy(args, reader, bar.as_ref()));
    if let Some(bar) = bar {
        screen::set_progress(None);
        bar.finish_and_clear();
    }
    let (pushed, malformed) = result?;
    let stdout = Stdout::new(None);
    if !args.quiet {
        let malformed = if malformed > 0 { format!(", {malformed} malformed lines left out") } else { String::new() };
        stdout.write(format!("{pushed} pushed{malformed}\n").as_bytes());
    }
    let code = if malformed > 0 { exit::NOT_ALL_DONE } else { exit::DONE };
    Ok(stdout.exit_code().unwrap_or(code))
}

/// Counts what was pushed and what was left out.
async fn copy(args: &PushArgs, reader: Reader, bar: Option<&ProgressBar>) -> Result<(u64, u64), Fault> {
    let queue = queue::connect(&args.source, "push").await?;
    // The raw bytes of what is left out go to standard error.
    let source = JsonLines::new(NativeClock::new(), reader, Stderr);
    let unread = |error: JsonLinesError| Fault::source(format_args!("{}: {error}", args.file));
    let (mut pushed, mut malformed, mut claims) = (0, 0, Claims::new());
    loop {
        let supply = source.claim(BATCH, &mut claims).await.map_err(unread)?;
        malformed += claims.take_malformed().len() as u64;
        let mut batch: Vec<_> = claims.drain().map(|delivery| Settlement::new(delivery, Verdict::Done)).collect();
        let payloads = batch.iter().filter_map(|settlement| Some(settlement.delivery()?.task.payload.as_str()));
        match queue.push(payloads).await {
            Ok(count) => pushed += count as u64,
            Err(error) => {
                screen::say(&format!("{pushed} or a few more were pushed before this:"));
                return Err(queue::fault(&error));
            }
        }
        source.settle(&mut batch).await.map_err(unread)?;
        if let Some(bar) = bar {
            bar.set_position(source.consumed());
            bar.set_message(format!("{pushed} pushed"));
        }
        if supply == ClaimStatus::Exhausted {
            return Ok((pushed, malformed));
        }
    }
}

fn bar(length: Option<u64>) -> ProgressBar {
    let bar = length.map_or_else(ProgressBar::no_length, ProgressBar::new);
    let template =
        if length.is_some() { "{bar:24.cyan/dim} {msg} · {eta} left" } else { "{spinner:.cyan} {wide_msg}" };
    if let Ok(style) = indicatif::ProgressStyle::with_template(template) {
        bar.set_style(style.progress_chars("█▉▊▋▌▍▎▏ "));
    }
    screen::set_progress(Some(bar.clone()));
    bar
}
