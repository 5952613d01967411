//! The instructions per task that are kept in a file, with the toolchain that gave them, so that a change to a hot path
//! is seen whoever makes it.

use std::fmt;
use std::num::NonZeroUsize;
use std::path::Path;
use std::process::Command;
use std::str::FromStr;

use crate::instructions::per_task;
use crate::work::Workload;
use crate::{Error, Result};

/// The rows that are kept: what users meet. The four patterns of a run are the same code, so one stands for all.
const ROWS: &[&str] = &[
    "fourfold executor",
    "fourfold TaskSet",
    "fourfold batch",
    "fourfold worker_pool",
    "fourfold task_group",
    "fourfold Run, set",
];

/// The limit at which they are counted, and the tasks of the longer of two runs.
const LIMIT: NonZeroUsize = NonZeroUsize::new(256).expect("it is above 0");
const TASKS: u64 = 20_000;

/// By how many percent a count may differ from the one that is kept.
const TOLERANCE: f64 = 3.0;

/// Where they are kept.
pub const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/instructions.txt");

const HEAD: &str = "\
# Instructions per task with at most 256 in flight, as callgrind counts them.
# `cargo xtask bench instructions --write` renews this file.
";

/// The counts, one for each row and workload.
#[derive(Debug, PartialEq)]
pub struct Counts {
    toolchain: String,
    cells: Vec<Cell>,
}

#[derive(Debug, Clone, PartialEq)]
struct Cell {
    workload: String,
    row: String,
    instructions: u64,
}

impl Counts {
    /// Counts; `tell` hears how far it is.
    pub fn measure(mut tell: impl FnMut(&str)) -> Result<Self> {
        let mut cells = Vec::new();
        for row in ROWS {
            for workload in Workload::ALL {
                tell(&format!("{} {row}", workload.name()));
                let instructions = per_task(row, workload, LIMIT, TASKS / 2, TASKS)?.round() as u64;
                cells.push(Cell { workload: workload.name().into(), row: (*row).into(), instructions });
            }
        }
        Ok(Self { toolchain: toolchain()?, cells })
    }

    /// Reads what is kept.
    pub fn read(path: &Path) -> Result<Self> {
        std::fs::read_to_string(path)?.parse()
    }

    /// A line for each count, with what was kept before and by how many percent it differs.
    pub fn beside(&self, kept: &Self) -> Vec<String> {
        let line = |cell: &Cell| match kept.of(cell) {
            Some(before) => {
                let percent = (cell.instructions as f64 / before as f64 - 1.0) * 100.0;
                format!("{:9}{:24}{:>7}{before:>7}{percent:>+8.1} %", cell.workload, cell.row, cell.instructions)
            }
            None => format!("{:9}{:24}{:>7}      -", cell.workload, cell.row, cell.instructions),
        };
        self.cells.iter().map(line).collect()
    }

    /// Says whether these counts are those that are kept, as far as both come of the same toolchain.
    ///
    /// # Errors
    /// When one of them differs by more than 3 %, in either direction: a count that has fallen is kept, too, or the next
    /// rise goes unseen.
    pub fn check(&self, kept: &Self) -> Result<()> {
        if self.toolchain != kept.toolchain {
            return Ok(());
        }
        let differs = |cell: &&Cell| {
            kept.of(cell)
                .is_none_or(|before| cell.instructions.abs_diff(before) as f64 * 100.0 > TOLERANCE * before as f64)
        };
        let differing: Vec<String> =
            self.cells.iter().filter(differs).map(|cell| format!("{} {}", cell.workload, cell.row)).collect();
        if differing.is_empty() && self.cells.len() == kept.cells.len() {
            return Ok(());
        }
        let names = differing.join(", ");
        Err(format!("more than {TOLERANCE} % from what is kept: {names}. If that is meant, `cargo xtask bench instructions --write` keeps it.").into())
    }

    /// The toolchain that gave them.
    pub fn toolchain(&self) -> &str {
        &self.toolchain
    }

    fn of(&self, wanted: &Cell) -> Option<u64> {
        let is_same = |cell: &&Cell| cell.row == wanted.row && cell.workload == wanted.workload;
        self.cells.iter().find(is_same).map(|cell| cell.instructions)
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{HEAD}toolchain: {}", self.toolchain)?;
        for Cell { workload, row, instructions } in &self.cells {
            writeln!(f, "{workload:8}{instructions:>6}  {row}")?;
        }
        Ok(())
    }
}

impl FromStr for Counts {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let mut lines = text.lines().filter(|line| !line.starts_with('#'));
        let first = lines.next().and_then(|line| line.strip_prefix("toolchain: "));
        let toolchain = first.ok_or("the first line names no toolchain")?.into();
        let cell = |line: &str| {
            let (workload, rest) = line.split_once(' ')?;
            let (instructions, row) = rest.trim_start().split_once("  ")?;
            let instructions = instructions.parse().ok()?;
            Some(Cell { workload: workload.into(), row: row.into(), instructions })
        };
        let cells = lines.map(|line| cell(line).ok_or_else(|| format!("no count: {line:?}").into()));
        Ok(Self { toolchain, cells: cells.collect::<Result<_>>()? })
    }
}

/// The compiler and what it compiles for: another one makes other instructions.
fn toolchain() -> Result<String> {
    let output = Command::new("rustc").args(["--version", "--verbose"]).output()?;
    let said = String::from_utf8(output.stdout)?;
    let of = |key: &str| said.lines().find_map(|line| line.strip_prefix(key)).map(str::trim);
    let (release, host) = of("release:").zip(of("host:")).ok_or("rustc does not say what it is")?;
    Ok(format!("rustc {release}, {host}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(toolchain: &str, instructions: &[u64]) -> Counts {
        let cell = |(index, &instructions): (usize, &u64)| Cell {
            workload: "y10".into(),
            row: format!("row {index}, set"),
            instructions,
        };
        Counts { toolchain: toolchain.into(), cells: instructions.iter().enumerate().map(cell).collect() }
    }

    #[test]
    fn what_is_written_is_read_again() {
        let counts = counts("rustc 1.2.3, here", &[7, 100_000]);
        assert_eq!(counts.to_string().parse::<Counts>().unwrap(), counts);
    }

    #[test]
    fn a_count_that_rises_or_falls_beyond_the_tolerance_is_named() {
        let kept = counts("here", &[1000, 1000]);
        assert!(counts("here", &[1030, 970]).check(&kept).is_ok());
        for other in [1031, 969] {
            let error = counts("here", &[1000, other]).check(&kept).unwrap_err().to_string();
            assert!(error.contains("y10 row 1, set.") && !error.contains("row 0"), "{error}");
        }
    }

    #[test]
    fn a_count_that_is_not_kept_is_an_error() {
        assert!(counts("here", &[1000, 1000]).check(&counts("here", &[1000])).is_err());
        assert!(counts("here", &[1000]).check(&counts("here", &[1000, 1000])).is_err());
    }

    #[test]
    fn counts_of_another_toolchain_are_only_shown() {
        let kept = counts("there", &[1000]);
        let counted = counts("here", &[2000]);
        assert!(counted.check(&kept).is_ok());
        assert_eq!(counted.beside(&kept), ["y10      row 0, set                 2000   1000  +100.0 %"]);
    }

    #[test]
    fn what_is_kept_has_every_row_and_workload() {
        let kept = Counts::read(Path::new(FILE)).unwrap();
        let expected: Vec<_> =
            ROWS.iter().flat_map(|row| Workload::ALL.map(|workload| (*row, workload.name()))).collect();
        let found: Vec<_> = kept.cells.iter().map(|cell| (cell.row.as_str(), cell.workload.as_str())).collect();
        assert_eq!(found, expected);
    }
}
