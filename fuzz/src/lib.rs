//! What each target does with an input. Nothing of it may panic, overflow or take long.

use std::convert::Infallible;

use fourfold::{
    Run, Task,
    check::Invariants,
    metrics::{State, Timeline},
    source::{Json, JsonLines, redis::RedisOptions},
    trace::Reader,
};
use futures_lite::future::block_on;

/// Reads lines as tasks: the first byte says how.
pub fn json_lines(input: &[u8]) {
    let (how, lines) = input.split_first().unwrap_or((&0, &[]));
    let mut dead = Vec::new();
    {
        let source = JsonLines::new(lines, &mut dead).line_max(64);
        let source = match how % 3 {
            0 => source,
            1 => source.text(b'\n'),
            _ => source.text(0),
        };
        let handler = async |task: &Task<Json>| {
            // What is handed out is JSON, and its text is there.
            serde_json::from_str::<serde_json::Value>(task.payload.as_str()).map(drop).unwrap_or_default();
            let _ = task.payload.to_text();
            Ok::<_, Infallible>(())
        };
        let ended = block_on(Run::new(&source, handler).into_future());
        assert!(ended.is_ok(), "{ended:?}");
    }
    // Each dead letter is a line of JSON.
    let letters = dead.split(|byte| *byte == b'\n').filter(|letter| !letter.is_empty());
    letters.for_each(|letter| assert!(serde_json::from_slice::<serde_json::Value>(letter).is_ok()));
}

/// Reads a trace, folds it, checks it, and goes back in it.
pub fn trace(input: &[u8]) {
    let (mut state, mut invariants, mut timeline) = (State::new(), Invariants::new(), Timeline::new());
    let Ok(mut reader) = Reader::new(input) else { return };
    while let Ok(Some(())) = reader.read(|event| {
        state.apply(event);
        fourfold::Observer::event(&mut invariants, event);
        timeline.push(event);
    }) {}
    let _ = (state.report(), state.digest(), invariants.violation(), invariants.is_complete());
    timeline.seek_start();
    timeline.step();
    timeline.seek_end();
    // A state that was written is read again as the same.
    let written = serde_json::to_string(&state).unwrap_or_default();
    if let Ok(again) = serde_json::from_str::<State>(&written) {
        assert_eq!(again.digest(), state.digest());
    }
}

/// Reads a state as a page does it, and goes on from it.
pub fn state(input: &[u8]) {
    let Ok(mut state) = serde_json::from_slice::<State>(input) else { return };
    let _ = (state.report(), state.digest());
    for kind in [
        fourfold::event::EventKind::SourceWaiting,
        fourfold::event::EventKind::Claimed { task: fourfold::TaskId(1), attempt: fourfold::Attempt::FIRST },
        fourfold::event::EventKind::RunEnded,
    ] {
        state.apply(&fourfold::Event { sequence: 1, at: fourfold::clock::Time::from_nanos(u64::MAX), kind });
    }
    let _ = (state.report(), state.digest());
}

/// Reads the address of a queue; what is shown of it has no password in it.
pub fn redis_url(input: &[u8]) {
    let Ok(url) = str::from_utf8(input) else { return };
    match RedisOptions::from_url(url) {
        Ok(options) => drop((options.to_string(), format!("{options:?}"))),
        Err(error) => drop(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    /// The inputs of a corpus, and what comes of them by small changes that a seed decides.
    fn run(target: &str, body: fn(&[u8])) {
        let seed = std::env::var("FOURFOLD_SEED").ok().and_then(|seed| seed.parse().ok());
        let mut seed: u64 = seed.unwrap_or(1);
        let mut below = |bound: usize| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) as usize % bound.max(1)
        };
        let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
        let inputs =
            fs::read_dir(corpus).expect("there is a corpus").map(|entry| entry.expect("it can be read").path());
        let mut count = 0;
        for path in inputs {
            let input = fs::read(path).expect("it can be read");
            body(&input);
            for _ in 0..300 {
                let mut changed = input.clone();
                for _ in 0..=below(4) {
                    let at = below(changed.len());
                    match below(4) {
                        0 => changed.truncate(at),
                        1 => changed.insert(at, below(256) as u8),
                        2 => drop(changed.splice(at..at, *b"18446744073709551615")),
                        _ => changed.iter_mut().skip(at).take(1).for_each(|byte| *byte = below(256) as u8),
                    }
                }
                body(&changed);
            }
            count += 1;
        }
        assert!(count > 0, "the corpus of {target} is empty");
    }

    #[test]
    fn no_input_near_the_corpus_breaks_anything() {
        run("json_lines", super::json_lines);
        run("trace", super::trace);
        run("state", super::state);
        run("redis_url", super::redis_url);
    }
}
