//! Rounds: everyone does a cell before anyone does the next, and everyone takes a turn at going first.

use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use crate::Result;
use crate::asyncio::{Asyncio, PATTERNS};
use crate::peers::{Entry, REFERENCE};
use crate::work::Workload;

/// What is to be measured.
pub struct Plan {
    pub workloads: Vec<Workload>,
    pub limits: Vec<NonZeroUsize>,
    pub rounds: usize,
    /// How many tasks a measurement has; without it, as many as take [`Plan::time`].
    pub tasks: Option<u64>,
    pub time: Duration,
}

/// One peer at one workload and one limit.
pub struct Row {
    pub peer: &'static str,
    pub workload: Workload,
    pub limit: NonZeroUsize,
    pub tasks: u64,
    /// Nanoseconds per task, one for each round.
    pub ns: Vec<f64>,
    /// Heap allocations per task in the steady state, where they could be counted.
    pub allocations: Option<f64>,
    /// Against the reference, round by round; empty without it.
    pub ratios: Vec<f64>,
}

impl Row {
    pub fn is(&self, workload: Workload, limit: NonZeroUsize) -> bool {
        self.workload == workload && self.limit == limit
    }
}

/// Who can be timed.
enum Contender<'a> {
    Peer(&'a Entry),
    Asyncio(&'a mut Asyncio, usize),
}

impl Contender<'_> {
    fn name(&self) -> &'static str {
        match self {
            Self::Peer(entry) => entry.name,
            Self::Asyncio(_, pattern) => PATTERNS[*pattern].0,
        }
    }

    /// Seconds for so many tasks.
    fn time(&mut self, workload: Workload, limit: NonZeroUsize, tasks: u64) -> Result<f64> {
        match self {
            Self::Peer(entry) => {
                let start = Instant::now();
                entry.run(workload, limit, tasks)?;
                Ok(start.elapsed().as_secs_f64())
            }
            Self::Asyncio(asyncio, pattern) => asyncio.time(PATTERNS[*pattern].1, workload, limit, tasks),
        }
    }
}

/// Measures the plan; `tell` hears how far it is.
pub fn measure(
    plan: &Plan,
    peers: &[Entry],
    mut asyncio: Option<(Asyncio, Vec<usize>)>,
    mut tell: impl FnMut(&str),
) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    let others = asyncio.as_ref().map_or(0, |(_, patterns)| patterns.len());
    for &workload in &plan.workloads {
        for &limit in &plan.limits {
            tell(&format!("verify {} C={limit}", workload.name()));
            for index in 0..peers.len() + others {
                let mut contender = contender(peers, &mut asyncio, index);
                rows.push(prepare(plan, &mut contender, workload, limit)?);
            }
        }
    }
    let contenders = (peers.len() + others).max(1);
    for round in 0..plan.rounds {
        for cell in rows.chunks_mut(contenders) {
            let Some(first) = cell.first() else { continue };
            tell(&format!("round {} of {}: {} C={}", round + 1, plan.rounds, first.workload.name(), first.limit));
            for turn in 0..contenders {
                let index = (turn + round) % contenders;
                let row = &mut cell[index];
                let seconds = contender(peers, &mut asyncio, index).time(row.workload, row.limit, row.tasks)?;
                row.ns.push(seconds * 1e9 / row.tasks as f64);
            }
        }
    }
    rows.chunks_mut(contenders).for_each(compare);
    Ok(rows)
}

fn contender<'a>(peers: &'a [Entry], asyncio: &'a mut Option<(Asyncio, Vec<usize>)>, index: usize) -> Contender<'a> {
    match asyncio {
        Some((asyncio, patterns)) if index >= peers.len() => Contender::Asyncio(asyncio, patterns[index - peers.len()]),
        _ => Contender::Peer(&peers[index]),
    }
}

/// Checks a contender in a small run, and finds out how many tasks take long enough.
fn prepare(plan: &Plan, contender: &mut Contender<'_>, workload: Workload, limit: NonZeroUsize) -> Result<Row> {
    let least = 4 * limit.get() as u64;
    if let Contender::Peer(entry) = contender {
        entry.verify(workload, limit, least + 3)?;
    }
    let tasks = match plan.tasks {
        Some(tasks) => tasks,
        None => {
            let probe = least.max(500);
            let per_task = (contender.time(workload, limit, probe)? / probe as f64).max(1e-9);
            ((plan.time.as_secs_f64() / per_task) as u64).max(least).max(1000)
        }
    };
    let (ns, ratios) = (Vec::with_capacity(plan.rounds), Vec::new());
    Ok(Row { peer: contender.name(), workload, limit, tasks, ns, allocations: None, ratios })
}

/// Each row of a cell against the reference, within a round: what slows a machine down for a second slows both.
fn compare(cell: &mut [Row]) {
    let Some(reference) = cell.iter().find(|row| row.peer == REFERENCE).map(|row| row.ns.clone()) else { return };
    for row in cell {
        row.ratios = row.ns.iter().zip(&reference).map(|(ns, reference)| ns / reference).collect();
    }
}

/// The middle one, or the mean of the two in the middle; NaN of nothing.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => f64::NAN,
        length if length % 2 == 1 => sorted[middle],
        _ => f64::midpoint(sorted[middle - 1], sorted[middle]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peers::PEERS;

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), 2.5);
        assert!(median(&[]).is_nan());
    }

    #[test]
    fn every_row_has_every_round_and_a_ratio() {
        let limits = [1, 8].map(|limit| NonZeroUsize::new(limit).unwrap()).to_vec();
        let plan =
            Plan { workloads: vec![Workload::Y1], limits, rounds: 3, tasks: Some(50), time: Duration::from_millis(1) };
        let rows = measure(&plan, PEERS, None, |_| {}).unwrap();
        assert_eq!(rows.len(), 2 * PEERS.len());
        for row in &rows {
            assert_eq!((row.tasks, row.ns.len(), row.ratios.len()), (50, 3, 3));
            assert!(row.peer != REFERENCE || row.ratios == [1.0; 3]);
        }
    }
}
