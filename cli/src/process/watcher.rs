//! A process that outlives this one by a moment: it kills what this one had started and could not end any more, because it was
//! killed itself.

use std::{
    collections::BTreeSet,
    env, io,
    io::{BufRead, Write},
    os::unix::process::CommandExt,
    process::{Child, ChildStdin, Command, Stdio},
    rc::Rc,
};

use rustix::process::{Pid, Signal, kill_process_group};

/// The first and only argument of a watcher. It is no command for users, and not in the help.
pub(crate) const ARGUMENT: &str = "__watch";

/// The watcher of the processes of one run.
#[derive(Debug)]
pub(super) struct Watcher {
    child: Child,
    stdin: Option<ChildStdin>,
}

/// A process group that is being watched. Dropped, it is watched no more.
#[derive(Debug)]
pub(super) struct Watched {
    id: u32,
    watcher: Rc<Watcher>,
}

impl Watcher {
    /// Starts a watcher. `None` where it cannot be had: then nothing ends what a killed command leaves behind.
    pub(super) fn start() -> Option<Rc<Self>> {
        let program = env::current_exe().ok()?;
        let mut command = Command::new(program);
        // Out of reach for signals from the terminal, and for those to our own group.
        command.arg(ARGUMENT).process_group(0).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.current_dir("/").spawn().ok()?;
        let stdin = child.stdin.take();
        Some(Rc::new(Self { child, stdin }))
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
        // The end of its input ends it.
        self.stdin = None;
        let _ = self.child.wait();
    }
}

/// Runs a watcher: to the end of its input, then kills what is left.
pub(crate) fn run() {
    for id in left(io::stdin().lock()) {
        if let Some(leader) = i32::try_from(id).ok().and_then(Pid::from_raw) {
            // It may have ended by itself.
            let _ = kill_process_group(leader, Signal::KILL);
        }
    }
}

/// The groups that came and did not go.
fn left(input: impl BufRead) -> BTreeSet<u32> {
    let mut groups = BTreeSet::new();
    for line in input.lines().map_while(Result::ok) {
        let (what, id) = line.split_at_checked(1).unwrap_or_default();
        match (what, id.parse()) {
            ("+", Ok(id)) => drop(groups.insert(id)),
            ("-", Ok(id)) => drop(groups.remove(&id)),
            _ => {}
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_and_did_not_go_is_left() {
        let found = left(&b"+1\n+2\n-1\n+3\n-3\n\n?\n+x\n-9\n+4\n"[..]);
        assert_eq!(found.into_iter().collect::<Vec<_>>(), [2, 4]);
    }
}
