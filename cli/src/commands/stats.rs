//! `fourfold stats`: what is in a queue.

use fourfold::source::redis::{RedisOptions, RedisStats};

use crate::{
    exit::{CliError, Ending},
    input,
    render::{style::HEADING, table, units},
    terminal::Stdout,
};

pub(super) fn stats(queue: RedisOptions, as_json: bool) -> Result<Ending, CliError> {
    let stats = smol::block_on(async {
        let queue = input::connect(queue).await?;
        queue.stats().await.map_err(|error| input::error(&error))
    })?;
    let stdout = Stdout::new(None);
    if as_json {
        stdout.write(&format!("{}\n", json(&stats)));
    } else {
        stdout.print(&text(&stats));
    }
    Ok(stdout.ending())
}

fn in_flight(stats: &RedisStats) -> usize {
    stats.consumers.iter().map(|consumer| consumer.in_flight).sum()
}

fn json(stats: &RedisStats) -> serde_json::Value {
    serde_json::json!({
        "waiting": stats.waiting,
        "in_flight": in_flight(stats),
        "delayed": stats.delayed,
        "dead": stats.dead,
        "oldest_ms": stats.oldest.map(|oldest| oldest.as_secs_f64() * 1e3),
        "consumers": stats.consumers,
    })
}

fn text(stats: &RedisStats) -> String {
    let oldest = stats.oldest.map_or_else(|| "not known for lists".to_owned(), units::time);
    let mut text = String::new();
    for (what, count) in [
        ("waiting", stats.waiting.to_string()),
        ("in flight", in_flight(stats).to_string()),
        ("delayed", stats.delayed.to_string()),
        ("dead", stats.dead.to_string()),
        ("oldest", oldest),
    ] {
        text += &format!("{HEADING}{what:<9}{HEADING:#}  {count}\n");
    }
    if !stats.consumers.is_empty() {
        let rows: Vec<Vec<String>> = stats
            .consumers
            .iter()
            .map(|consumer| {
                let alive = if consumer.is_alive { "alive" } else { "gone" };
                vec![consumer.name.clone(), alive.to_owned(), consumer.in_flight.to_string()]
            })
            .collect();
        text.push('\n');
        text += &table::columns(&["consumer", "", "in flight"], &rows);
    }
    text
}
