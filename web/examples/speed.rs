//! What `web/tests/speed.mjs` measures the module against: the same simulations, natively.
#![forbid(unsafe_code)]

use std::time::Instant;

use fourfold_web::{params, reading, recording::Recording};

fn main() {
    let tasks: u64 = std::env::args().nth(1).and_then(|tasks| tasks.parse().ok()).unwrap_or(50_000);
    for pattern in ["set", "batch", "pool", "group"] {
        let text = format!(r#"{{"pattern":"{pattern}","limit":64,"tasks":{tasks},"retries":3}}"#);
        let simulation = params::read_simulation(&text).expect("these are parameters");
        let run = || {
            let start = Instant::now();
            let mut recording = Recording::default();
            reading::simulate(&simulation, &mut |event| recording.push(event));
            (start.elapsed(), recording.timeline().end())
        };
        let (took, events) = (0..5).map(|_| run()).min().expect("there are five");
        println!("{pattern} {events} {}", took.as_nanos() as f64 / tasks as f64);
    }
}
