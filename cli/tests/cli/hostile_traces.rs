//! Traces that nobody's run has written: numbers at the ends of their ranges, in any order.

use std::process::Command;

use super::command::{Ended, Place};

const HEAD: &str = "{\"fourfold_trace\":1,\"version\":\"0.1.0\"}\n";

#[test]
fn a_small_trace_costs_little_memory_whatever_numbers_are_in_it() {
    let place = Place::new();
    let run = "{\"seq\":0,\"t_ns\":1,\"event\":\"run_started\",\"pattern\":\"set\",\"limit\":5000000}\n\
        {\"seq\":1,\"t_ns\":2,\"event\":\"claimed\",\"task\":1,\"attempt\":1}\n\
        {\"seq\":2,\"t_ns\":3,\"event\":\"started\",\"task\":1,\"attempt\":1,\"permit\":1048575}\n";
    place.write("trace.jsonl", HEAD.to_owned() + &run.repeat(160));
    // 400 MB of addresses, of which a command that does nothing takes most.
    let script = format!("ulimit -v 400000; exec '{}' replay trace.jsonl --json", env!("CARGO_BIN_EXE_fourfold"));
    let output = Command::new("sh").args(["-c", &script]).current_dir(place.path(".")).output();
    let ended = Ended::from(output.unwrap()).expect(1);
    assert_eq!(ended.stdout.lines().count(), 160, "{}", ended.stderr);
}

#[test]
fn no_numbers_in_a_trace_overflow() {
    let seed = std::env::var("FOURFOLD_SEED").ok().and_then(|seed| seed.parse().ok());
    let mut seed: u64 = seed.unwrap_or_else(|| std::process::id().into());
    println!("FOURFOLD_SEED={seed}");
    let mut below = |bound: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) as usize % bound
    };
    let numbers = [0, 1, 2, 3, u64::from(u32::MAX), 1 << 32, 1 << 53, u64::MAX / 2, u64::MAX - 1, u64::MAX];
    let events = [
        r#""run_started","pattern":"pool","limit":#,"workers":#,"queue_capacity":#"#,
        r#""run_started","pattern":"batch","limit":#,"queue_capacity":#"#,
        r#""limit_changed","limit":#,"workers":#,"queue_capacity":#"#,
        r#""claimed","task":#,"attempt":@"#,
        r#""started","task":#,"attempt":@,"permit":#,"worker":#"#,
        r#""ended","task":#,"attempt":@,"permit":#,"worker":#,"outcome":"failed","reason":"x""#,
        r#""ended","task":#,"attempt":@,"permit":#,"outcome":"succeeded""#,
        r#""retry_scheduled","task":#,"attempt":@,"after_ns":#"#,
        r#""settled","task":#,"attempt":@,"outcome":"failed","ending":"retried""#,
        r#""settled","task":#,"attempt":@,"ending":"done""#,
        r#""abandoned","task":#,"attempt":@,"permit":#"#,
        r#""batch_opened","batch":#,"size":#"#,
        r#""batch_closed","batch":#"#,
        r#""malformed","reason":"x""#,
        r#""source_waiting""#,
        r#""run_ended""#,
    ];
    let place = Place::new();
    for _ in 0..20 {
        let mut trace = HEAD.to_owned();
        for _ in 0..300 {
            let (seq, at, event) = (numbers[below(10)], numbers[below(10)], events[below(events.len())]);
            trace += &format!("{{\"seq\":{seq},\"t_ns\":{at},\"event\":");
            for c in event.chars() {
                match c {
                    '#' => trace += &numbers[below(10)].to_string(),
                    '@' => trace += &(numbers[below(4)] + 1).to_string(),
                    c => trace.push(c),
                }
            }
            trace += "}\n";
        }
        place.write("trace.jsonl", &trace);
        // Tests have overflow checks: an overflow is a panic, and that is exit code 101.
        for args in [&["replay", "trace.jsonl"][..], &["replay", "trace.jsonl", "--json"]] {
            place.run(args).expect(1);
        }
    }
}
