//! `fourfold dead`: what will not be tried again, and what becomes of it.

use std::time::{SystemTime, UNIX_EPOCH};

use fourfold::{
    TaskId,
    source::redis::{DeadSelection, RedisDeadLetter, RedisError, RedisOptions, RedisQueue},
};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::{
    exit::{CliError, Ending},
    input,
    render::{table, units},
    settings::{DeadAction, Selection},
    terminal::{self, Stdout},
};

/// The number of dead letters that are asked for at a time.
const PAGE: usize = 1000;

pub(super) fn dead(queue: RedisOptions, action: &DeadAction) -> Result<Ending, CliError> {
    let stdout = Stdout::new(None);
    let ending = smol::block_on(async {
        let queue = input::connect(queue).await?;
        act(&queue, action, &stdout).await
    })?;
    Ok(ending.max(stdout.ending()))
}

async fn act(queue: &RedisQueue, action: &DeadAction, stdout: &Stdout) -> Result<Ending, CliError> {
    match action {
        DeadAction::List { limit, json } => {
            list(queue, *limit, *json, stdout).await.map_err(|error| input::error(&error))?;
            Ok(Ending::Done)
        }
        DeadAction::Show { id } => match queue.dead_letter(TaskId(*id)).await.map_err(|error| input::error(&error))? {
            Some(letter) => {
                stdout.write(&format!("{}\n", json(&letter, true)));
                Ok(Ending::Done)
            }
            None => {
                terminal::say(&format!(
                    "error: there is no dead letter {id}: `fourfold dead list` shows their numbers"
                ));
                Ok(Ending::NotAllDone)
            }
        },
        DeadAction::Requeue(which) => {
            selected(which, "requeued", stdout, async |which| queue.requeue(which).await).await
        }
        DeadAction::Purge(which) => selected(which, "purged", stdout, async |which| queue.purge(which).await).await,
    }
}

async fn list(queue: &RedisQueue, limit: usize, as_json: bool, stdout: &Stdout) -> Result<(), RedisError> {
    let mut letters = Vec::new();
    while letters.len() < limit {
        let page = queue.dead(letters.len(), PAGE.min(limit - letters.len())).await?;
        if page.is_empty() {
            break;
        }
        letters.extend(page);
    }
    if as_json {
        let lines: String = letters.iter().map(|letter| format!("{}\n", json(letter, false))).collect();
        stdout.write(&lines);
    } else {
        let rows: Vec<Vec<String>> = letters.iter().map(row).collect();
        stdout.print(&table::columns(&["task", "attempts", "crashes", "died (UTC)", "reason"], &rows));
    }
    Ok(())
}

async fn selected(
    selection: &Selection,
    done: &str,
    stdout: &Stdout,
    act: impl AsyncFn(DeadSelection<'_>) -> Result<usize, RedisError>,
) -> Result<Ending, CliError> {
    let (count, missing) = match selection {
        Selection::All => (act(DeadSelection::All).await.map_err(|error| input::error(&error))?, 0),
        Selection::These(ids) => {
            let tasks: Vec<TaskId> = ids.iter().copied().map(TaskId).collect();
            let count = act(DeadSelection::Tasks(&tasks)).await.map_err(|error| input::error(&error))?;
            (count, tasks.len().saturating_sub(count))
        }
    };
    stdout.write(&format!("{count} {done}\n"));
    // What was named and was not there is no success.
    Ok(Ending::of_lost(missing as u64))
}

/// A dead letter as JSON, its payload byte for byte as it was pushed.
fn json(letter: &RedisDeadLetter, is_pretty: bool) -> String {
    let ms = |time: SystemTime| time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64);
    let text = str::from_utf8(&letter.payload).ok();
    let payload = text.and_then(|text| serde_json::from_str::<&RawValue>(text).ok());
    let shown = Shown {
        task: letter.id,
        attempts: letter.attempts,
        crashes: letter.crashes,
        reason: &letter.reason,
        failed_at_ms: ms(letter.failed_at),
        died_at_ms: ms(letter.died_at),
        payload,
        raw: text.filter(|_| payload.is_none()),
        raw_hex: text.is_none().then(|| letter.payload.iter().map(|byte| format!("{byte:02x}")).collect()),
    };
    let text = if is_pretty { serde_json::to_string_pretty(&shown) } else { serde_json::to_string(&shown) };
    text.unwrap_or_default()
}

/// The fields of a dead letter, in the order in which they are shown.
#[derive(Serialize)]
struct Shown<'a> {
    task: TaskId,
    attempts: u32,
    crashes: u32,
    reason: &'a str,
    failed_at_ms: u64,
    died_at_ms: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    raw: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    raw_hex: Option<String>,
}

fn row(letter: &RedisDeadLetter) -> Vec<String> {
    let reason = letter.reason.lines().next().unwrap_or_default().to_owned();
    vec![
        letter.id.to_string(),
        letter.attempts.to_string(),
        letter.crashes.to_string(),
        units::date(letter.died_at),
        reason,
    ]
}
