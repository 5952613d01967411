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
    let (limit, tasks) = (limit.to_string(), tasks.to_string());
    let args = ["once", "--peer", peer, "--workload", workload.name(), "--concurrency", &limit, "--tasks", &tasks];
    let said = under_callgrind(&["--callgrind-out-file=/dev/null"], &args)?;
    collected(&said).ok_or_else(|| format!("callgrind did not say what it collected:\n{said}").into())
}

/// What this program's first thread takes with these arguments, whatever others do beside it.
pub fn of_the_first_thread(args: &[&str]) -> Result<u64> {
    let out = std::env::temp_dir().join(format!("fourfold-bench-{}", std::process::id()));
    let file = format!("--callgrind-out-file={}", out.display());
    under_callgrind(&["--separate-threads=yes", &file], args)?;
    let mut total = None;
    // One file for each thread, counted from 1, and one for all that is left.
    for entry in std::fs::read_dir(std::env::temp_dir())? {
        let path = entry?.path();
        let Some(end) = path.to_str().and_then(|path| path.strip_prefix(out.to_str()?)) else { continue };
        if end == "-01" {
            total = totals(&std::fs::read_to_string(&path)?);
        }
        std::fs::remove_file(&path)?;
    }
    total.ok_or_else(|| "callgrind left no total for the first thread".into())
}

fn under_callgrind(options: &[&str], args: &[&str]) -> Result<String> {
    let output = Command::new("valgrind")
        .arg("--tool=callgrind")
        .args(options)
        .arg(std::env::current_exe()?)
        .args(args)
        .output()
        .map_err(|error| format!("cannot start valgrind (`cargo xtask setup --bench` installs it): {error}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        return Err(format!("{args:?} under valgrind ended with {}:\n{said}", output.status).into());
    }
    Ok(said.into_owned())
}

/// The number in `totals: 4567`.
fn totals(file: &str) -> Option<u64> {
    file.lines().find_map(|line| line.strip_prefix("totals:")?.trim().parse().ok())
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
        assert_eq!(totals("version: 1\ntotals: 1234567\n"), Some(1_234_567));
        assert_eq!(collected("==7== Events    : Ir\n==7== Collected : 1234567\n==7== \n"), Some(1_234_567));
        assert_eq!(collected("==7== Events    : Ir\n"), None);
    }
}
