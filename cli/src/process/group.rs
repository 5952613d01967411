//! Process groups: a process and all that it starts.

use rustix::process::{Pid, Signal, kill_process_group};

/// A process group that is killed when this is dropped, unless its leader was waited for before.
#[derive(Debug)]
pub(super) struct Group(Option<Pid>);

impl Group {
    /// Creates the group of the process with this id, its leader.
    pub(super) fn of(id: u32) -> Self {
        Self(i32::try_from(id).ok().and_then(Pid::from_raw))
    }

    /// Notes that the leader was waited for: its id may soon be another process's.
    pub(super) fn ended(&mut self) {
        self.0 = None;
    }

    /// Kills what is still there.
    pub(super) fn kill(&mut self) {
        if let Some(id) = self.0.take() {
            // It may have ended by itself.
            let _ = kill_process_group(id, Signal::KILL);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
}
