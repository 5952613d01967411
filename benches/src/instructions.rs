//! Instructions per task: callgrind counts two runs, and the difference is the tasks alone.

use std::num::NonZeroUsize;
use std::process::Command;

use crate::Result;
use crate::work::Workload;

/// What a task costs in instructions. `few` and `many` should both be far beyond the limit.
pub fn per_task(peer: &str, workload: Workload, limit: NonZeroUsize, few: u64, many: u64) -> Result<f64> {
    let counted = |tasks| count(peer, workload, limit, tasks);
    Ok((counted(many)? as f64 - counted(few)? as f64) / (many - few) as f64)
}

fn count(peer: &str, workload: Workload, limit: NonZeroUsize, tasks: u64) -> Result<u64> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(std::env::current_exe()?)
        .args(["once", "--peer", peer, "--workload", workload.name()])
        .args(["--concurrency", &limit.to_string(), "--tasks", &tasks.to_string()])
        .output()
        .map_err(|error| format!("cannot start valgrind (`cargo xtask setup --bench` installs it): {error}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        return Err(format!("{peer} under valgrind ended with {}:\n{said}", output.status).into());
    }
    collected(&said).ok_or_else(|| format!("callgrind did not say what it collected:\n{said}").into())
}

/// The number in `==123== Collected : 4567`.
fn collected(said: &str) -> Option<u64> {
    said.lines().find_map(|line| line.split_once("Collected :")?.1.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_count_is_found_in_what_callgrind_says() {
        assert_eq!(collected("==7== Events    : Ir\n==7== Collected : 1234567\n==7== \n"), Some(1_234_567));
        assert_eq!(collected("==7== Events    : Ir\n"), None);
    }
}
