//! `fourfold push`: JSON lines into a Redis queue.

use std::num::NonZeroUsize;

use fourfold::{
    Source,
    source::{ClaimStatus, Claims, JsonLines, JsonLinesError, Settlement, Verdict, redis::RedisOptions},
};

use crate::{
    exit::{CliError, Ending},
    input::{self, Input},
    progress::ProgressLine,
    terminal::{self, Stderr, Stdout},
};

/// The number of lines that are pushed at a time.
const BATCH: NonZeroUsize = NonZeroUsize::MIN.saturating_add(999);

pub(super) fn push(queue: RedisOptions, file: &str, quiet: bool) -> Result<Ending, CliError> {
    let input = Input::named(file)?;
    let progress = ProgressLine::new(input.length(), quiet);
    let (pushed, malformed) = smol::block_on(copy(queue, input, progress))?;
    let stdout = Stdout::new(None);
    if !quiet {
        let malformed = if malformed > 0 { format!(", {malformed} malformed lines left out") } else { String::new() };
        stdout.write(&format!("{pushed} pushed{malformed}\n"));
    }
    Ok(Ending::of_lost(malformed).max(stdout.ending()))
}

/// Pushes all lines, and counts what was pushed and what was left out.
async fn copy(queue: RedisOptions, input: Input, mut progress: ProgressLine) -> Result<(u64, u64), CliError> {
    let queue = input::connect(queue).await?;
    let unread = {
        let name = input.to_string();
        move |error: JsonLinesError| CliError::source(format_args!("{name}: {error}"))
    };
    // The raw bytes of what is left out go to standard error.
    let source = JsonLines::new(input.reader(None), Stderr);
    let (mut pushed, mut malformed, mut claims) = (0, 0, Claims::new());
    loop {
        let status = source.claim(BATCH, &mut claims, &()).await.map_err(&unread)?;
        malformed += claims.take_malformed().len() as u64;
        let mut batch: Vec<_> = claims.drain().map(|delivery| Settlement::new(delivery, Verdict::Done)).collect();
        let payloads = batch.iter().filter_map(|settlement| Some(settlement.delivery()?.task.payload.as_str()));
        match queue.push(payloads).await {
            Ok(count) => pushed += count as u64,
            Err(error) => {
                terminal::say(&format!("{pushed} tasks were pushed before the error, perhaps up to {BATCH} more"));
                return Err(input::error(&error));
            }
        }
        source.settle(&mut batch, &()).await.map_err(&unread)?;
        progress.update(source.consumed(), &format!("{pushed} pushed"));
        if status == ClaimStatus::Exhausted {
            return Ok((pushed, malformed));
        }
    }
}
