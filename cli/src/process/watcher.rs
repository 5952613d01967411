//! A process that outlives this one by a moment: it kills what this one had started and could not
//! end any more, because it was killed itself.

use std::{
    collections::BTreeSet,
    env, fs,
    hash::{BuildHasher, RandomState},
    io::{self, BufRead, Write},
    os::unix::process::CommandExt,
    process::{Child, ChildStdin, Command, Stdio},
    rc::Rc,
};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

/// The first and only argument of a watcher. It is no command for users, and not in the help.
pub(crate) const ARGUMENT: &str = "__watch";
/// The variable in the environment of processes by which a watcher knows them. Whoever is killed between the start of a
/// process and the word about it leaves no other trace of it.
const VARIABLE: &str = "FOURFOLD_RUN";
/// What is said when everything was ended in good order.
const END: &str = "end\n";
/// The number of times a watcher looks for processes: those that it ends may just have started others.
const LOOKS: usize = 10;

/// The watcher of the processes of one run.
#[derive(Debug)]
pub(super) struct Watcher {
    child: Child,
    stdin: Option<ChildStdin>,
    run: String,
}

/// A process group that is being watched. Dropped, it is watched no more.
#[derive(Debug)]
pub(super) struct Watched {
    id: u32,
    watcher: Rc<Watcher>,
}

impl Watcher {
    /// Starts a watcher. `None` where it cannot be had: then nothing ends what a killed command
    /// leaves behind.
    pub(super) fn start() -> Option<Rc<Self>> {
        let program = env::current_exe().ok()?;
        let mut command = Command::new(program);
        // Out of reach for signals from the terminal, and for those to our own group.
        let run = format!("{}-{:016x}", std::process::id(), RandomState::new().hash_one(0));
        command
            .arg(ARGUMENT)
            .arg(&run)
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let mut child = command.current_dir("/").spawn().ok()?;
        let stdin = child.stdin.take();
        Some(Rc::new(Self { child, stdin, run }))
    }

    /// Returns what the processes of this run have in their environment.
    pub(super) fn variable(&self) -> (&'static str, &str) {
        (VARIABLE, &self.run)
    }

    /// Watches the group of this leader.
    pub(super) fn watch(self: &Rc<Self>, id: u32) -> Watched {
        self.tell('+', id);
        Watched { id, watcher: Rc::clone(self) }
    }

    fn tell(&self, what: char, id: u32) {
        if let Some(mut stdin) = self.stdin.as_ref() {
            // A watcher that is gone can do nothing more; it reads at once whatever comes.
            let _ = stdin.write_all(format!("{what}{id}\n").as_bytes());
        }
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.watcher.tell('-', self.id);
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        // The end of its input ends it; the word before that says that nothing is left.
        if let Some(mut stdin) = self.stdin.take() {
            let _ = stdin.write_all(END.as_bytes());
        }
        let _ = self.child.wait();
    }
}

/// Runs a watcher: to the end of its input, then kills what is left.
pub(crate) fn run() {
    let Some(left) = left(io::stdin().lock()) else { return };
    for id in left {
        if let Some(leader) = pid(id) {
            // It may have ended by itself.
            let _ = kill_process_group(leader, Signal::KILL);
        }
    }
    let Some(run) = env::args().nth(2).filter(|run| !run.is_empty()) else { return };
    let entry = format!("{VARIABLE}={run}");
    for _ in 0..LOOKS {
        let found = with_variable(entry.as_bytes());
        if found.is_empty() {
            return;
        }
        for process in found {
            let _ = kill_process(process, Signal::KILL);
        }
    }
}

fn pid(id: u32) -> Option<Pid> {
    i32::try_from(id).ok().and_then(Pid::from_raw)
}

/// The processes with this entry in their environment, where the system shows that.
fn with_variable(entry: &[u8]) -> Vec<Pid> {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let ids = processes.filter_map(|process| process.file_name().to_str()?.parse().ok());
    let is_marked = |id: &u32| {
        let environment = fs::read(format!("/proc/{id}/environ")).unwrap_or_default();
        environment.split(|byte| *byte == 0).any(|found| found == entry)
    };
    ids.filter(is_marked).filter_map(pid).collect()
}

/// The groups that came and did not go; `None` when all was ended in good order.
fn left(input: impl BufRead) -> Option<BTreeSet<u32>> {
    let mut groups = BTreeSet::new();
    for line in input.lines().map_while(Result::ok) {
        let (what, id) = line.split_at_checked(1).unwrap_or_default();
        match (what, id.parse()) {
            ("+", Ok(id)) => drop(groups.insert(id)),
            ("-", Ok(id)) => drop(groups.remove(&id)),
            _ if line == END.trim_end() => return None,
            _ => {}
        }
    }
    Some(groups)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_and_did_not_go_is_left() {
        let found = left(&b"+1\n+2\n-1\n+3\n-3\n\n?\n+x\n-9\n+4\n"[..]);
        assert_eq!(found.unwrap().into_iter().collect::<Vec<_>>(), [2, 4]);
        assert_eq!(left(&b"+1\n+2\n-1\nend\n"[..]), None);
    }
}
