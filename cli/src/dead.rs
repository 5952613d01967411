//! `fourfold dead`: what will not be tried again, and what becomes of it.

use std::time::UNIX_EPOCH;

use fourfold::{
    TaskId,
    source::redis::{DeadSelection, RedisDeadLetter, RedisError, RedisQueue},
};

use super::{
    args::DeadCommand,
    exit::{self, Fault},
    queue,
    screen::Stdout,
    table,
};

/// So many are asked for at a time.
const PAGE: usize = 1000;

pub(crate) fn dead(command: &DeadCommand) -> Result<u8, Fault> {
    let stdout = Stdout::new(None);
    let code = smol::block_on(act(command, &stdout))?;
    Ok(stdout.exit_code().unwrap_or(code))
}

async fn act(command: &DeadCommand, stdout: &Stdout) -> Result<u8, Fault> {
    match command {
        DeadCommand::List { source, limit, json } => {
            let queue = queue::connect(source, "dead").await?;
            list(&queue, limit.get(), *json, stdout).await.map_err(|error| queue::fault(&error))?;
        }
        DeadCommand::Show { source, id } => {
            let queue = queue::connect(source, "dead").await?;
            match queue.dead_letter(TaskId(*id)).await.map_err(|error| queue::fault(&error))? {
                Some(letter) => stdout.write(format!("{:#}\n", json(&letter)).as_bytes()),
                None => {
                    super::screen::say(&format!(
                        "error: there is no dead letter {id}: `fourfold dead list` names them"
                    ));
                    return Ok(exit::NOT_ALL_DONE);
                }
            }
        }
        DeadCommand::Requeue { source, ids, all } => {
            let queue = queue::connect(source, "dead").await?;
            return selected(ids, *all, "requeued", stdout, async |which| queue.requeue(which).await).await;
        }
        DeadCommand::Purge { source, ids, all } => {
            let queue = queue::connect(source, "dead").await?;
            return selected(ids, *all, "purged", stdout, async |which| queue.purge(which).await).await;
        }
    }
    Ok(exit::DONE)
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
        let lines: String = letters.iter().map(|letter| format!("{}\n", json(letter))).collect();
        stdout.write(lines.as_bytes());
    } else {
        let rows: Vec<Vec<String>> = letters.iter().map(row).collect();
        stdout.print(&table::columns(&["task", "attempts", "crashes", "died (UTC)", "reason"], &rows));
    }
    Ok(())
}

async fn selected(
    ids: &[u64],
    all: bool,
    done: &str,
    stdout: &Stdout,
    act: impl AsyncFn(DeadSelection<'_>) -> Result<usize, RedisError>,
) -> Result<u8, Fault> {
    let tasks: Vec<TaskId> = ids.iter().map(|id| TaskId(*id)).collect();
    let which = if all { DeadSelection::All } else { DeadSelection::Tasks(&tasks) };
    let count = act(which).await.map_err(|error| queue::fault(&error))?;
    stdout.write(format!("{count} {done}\n").as_bytes());
    // What was named and was not there is no success.
    Ok(if all || count == tasks.len() { exit::DONE } else { exit::NOT_ALL_DONE })
}

fn json(letter: &RedisDeadLetter) -> serde_json::Value {
    let ms = |time: std::time::SystemTime| time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64);
    let mut json = serde_json::json!({
        "task": letter.id,
        "attempts": letter.attempts,
        "crashes": letter.crashes,
        "reason": letter.reason,
        "failed_at_ms": ms(letter.failed_at),
        "died_at_ms": ms(letter.died_at),
    });
    let payload = serde_json::from_slice(&letter.payload);
    let (key, value) = match (payload, str::from_utf8(&letter.payload)) {
        (Ok(payload), _) => ("payload", payload),
        (Err(_), Ok(text)) => ("raw", text.into()),
        (Err(_), Err(_)) => {
            ("raw_hex", letter.payload.iter().map(|byte| format!("{byte:02x}")).collect::<String>().into())
        }
    };
    json[key] = value;
    json
}

fn row(letter: &RedisDeadLetter) -> Vec<String> {
    let reason = letter.reason.lines().next().unwrap_or_default().to_owned();
    vec![
        letter.id.to_string(),
        letter.attempts.to_string(),
        letter.crashes.to_string(),
        table::date(letter.died_at),
        reason,
    ]
}
