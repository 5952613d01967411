//! Counts heap allocations per task, in a program of its own: the counting would slow the peers that allocate.
//! For each line "WORKLOAD LIMIT PEER" on standard input it prints a line with the number.
#![forbid(unsafe_code)]

use std::alloc::System;
use std::num::NonZeroUsize;

use clap::ValueEnum as _;
use fourfold_bench::Result;
use fourfold_bench::peers::{Entry, PEERS};
use fourfold_bench::work::Workload;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

fn main() -> Result<()> {
    for line in std::io::stdin().lines() {
        let line = line?;
        let mut words = line.splitn(3, ' ');
        let mut word = || words.next().ok_or("a line needs a workload, a limit and a peer");
        let workload = Workload::from_str(word()?, true)?;
        let limit: NonZeroUsize = word()?.parse()?;
        let name = word()?;
        let peer = PEERS.iter().find(|peer| peer.name == name).ok_or_else(|| format!("no peer {name:?}"))?;
        println!("{}", per_task(peer, workload, limit)?);
    }
    Ok(())
}

/// The difference between two runs: what setting up costs is in both.
fn per_task(peer: &Entry, workload: Workload, limit: NonZeroUsize) -> Result<f64> {
    let count = |tasks| -> Result<f64> {
        let region = Region::new(ALLOCATOR);
        peer.run(workload, limit, tasks)?;
        let change = region.change();
        Ok((change.allocations + change.reallocations) as f64)
    };
    let few = 4 * limit.get() as u64 + 1000;
    // Once before, for what is made only once in a process.
    count(few)?;
    Ok((count(3 * few)? - count(few)?) / (2 * few) as f64)
}
