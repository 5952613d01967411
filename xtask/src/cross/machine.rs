//! The programs of examples/bare-metal, on microcontrollers that QEMU plays, and the flash that they take.

use super::{CORTEX_M0, CORTEX_M4, Target, flash};
use crate::{shell, steps::Work};
use std::{collections::BTreeMap, process::Command};

/// A microcontroller that QEMU plays.
#[derive(Debug)]
pub(crate) struct Machine {
    pub(crate) name: &'static str,
    target: Target,
    arguments: &'static [&'static str],
    /// Programs to run there.
    programs: &'static [&'static str],
}

pub(crate) const MACHINES: &[Machine] = &[
    Machine {
        name: "Cortex-M4",
        target: CORTEX_M4,
        arguments: &["-machine", "mps2-an386", "-cpu", "cortex-m4"],
        programs: &["patterns", "interrupt", "embassy", "batch", "run", "nothing"],
    },
    Machine {
        name: "Cortex-M0",
        target: CORTEX_M0,
        arguments: &["-machine", "microbit"],
        programs: &["patterns", "interrupt", "embassy"],
    },
];

/// Bytes of flash that a program on the Cortex-M4 may take beyond `nothing`, which has a heap and waits for a future.
const FLASH: &[(&str, usize)] = &[("batch", 10_240), ("run", 45_056)];

const PACKAGE: &str = "examples/bare-metal/Cargo.toml";

impl Machine {
    /// Builds the programs for the machine, and runs them there. Each ends QEMU with an error when an assertion fails.
    pub(crate) fn test(&self, work: &mut Work<'_>) -> Result<(), String> {
        let mut build = self.build("release")?;
        work.run(build.args(self.programs.iter().flat_map(|program| ["--bin", program])))?;
        for program in self.programs {
            work.run(&mut self.qemu("release", program))?;
        }
        Ok(())
    }

    fn build(&self, profile: &str) -> Result<Command, String> {
        self.target.build(&["--locked", "--manifest-path", PACKAGE, "--profile", profile])
    }

    /// Instructions are counted, each as a nanosecond: so interrupts come at the same ones in every run.
    fn qemu(&self, profile: &str, program: &str) -> Command {
        let mut command = shell::command("qemu-system-arm", self.arguments);
        command.args(["-icount", "shift=0", "-semihosting", "-nographic", "-kernel"]);
        command.arg(self.target.output(profile).join(program));
        command
    }
}

/// Lints the programs, as they are built for the first machine.
pub(crate) fn lint() -> Result<Command, String> {
    MACHINES[0].target.cargo("clippy", &["--locked", "--manifest-path", PACKAGE, "--bins", "--", "--deny", "warnings"])
}

/// Counts what a task costs, in instructions; the program fails beyond its budget.
pub(crate) fn cost(work: &mut Work<'_>) -> Result<(), String> {
    let machine = &MACHINES[0];
    work.run(machine.build("fast")?.args(["--bin", "cost"]))?;
    work.run(&mut machine.qemu("fast", "cost"))
}

/// Holds programs to the flash that they may take, as [`Machine::test`] left them.
pub(crate) fn flash() -> Result<(), String> {
    let folder = MACHINES[0].target.output("release");
    let mut sizes = BTreeMap::new();
    for program in ["nothing", "batch", "run"] {
        let image = std::fs::read(folder.join(program)).map_err(|error| format!("{program}: {error}"))?;
        let size = flash::size(&image).ok_or_else(|| format!("{program} is not a program for a microcontroller"))?;
        println!("{program}: {size} bytes of flash");
        sizes.insert(program, size);
    }
    let over: Vec<String> = FLASH
        .iter()
        .map(|(program, limit)| (program, sizes[program] - sizes["nothing"], limit))
        .inspect(|(program, size, limit)| println!("{program}: {size} bytes beyond nothing, of {limit}"))
        .filter(|(_, size, limit)| size > limit)
        .map(|(program, size, limit)| format!("{program} takes {size} bytes of flash, of {limit}"))
        .collect();
    if over.is_empty() { Ok(()) } else { Err(over.join("; ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_program_for_microcontrollers_is_run() {
        let folder = shell::root().join("examples/bare-metal/src/bin");
        let run: Vec<&str> = MACHINES.iter().flat_map(|machine| machine.programs).copied().chain(["cost"]).collect();
        let mut seen = 0;
        for file in std::fs::read_dir(folder).unwrap() {
            let name = file.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned();
            assert!(run.contains(&name.as_str()), "nothing runs {name}");
            seen += 1;
        }
        assert!(seen >= 6, "{seen} programs");
    }
}
