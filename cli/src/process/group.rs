//! Process groups: a process and all that it starts.

use std::{
    collections::BTreeSet,
    sync::{Mutex, MutexGuard},
};

use rustix::process::{Pid, Signal, kill_process_group};

use super::watcher::Watched;

/// The leaders of all groups, for those who stop at Ctrl-Z and go on later.
static LEADERS: Mutex<BTreeSet<i32>> = Mutex::new(BTreeSet::new());

fn leaders() -> MutexGuard<'static, BTreeSet<i32>> {
    LEADERS.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// Sends a signal to all groups.
pub(crate) fn signal_all(number: Signal) {
    leaders().iter().for_each(|leader| signal(Pid::from_raw(*leader), number));
}

/// A process group that is killed when this is dropped, unless its leader was waited for before.
#[derive(Debug)]
pub(super) struct Group {
    leader: Option<Pid>,
    /// Kills the group when this process cannot do it any more.
    watched: Option<Watched>,
}

impl Group {
    /// Creates the group of the process with this id, its leader.
    pub(super) fn new(id: u32, watched: Option<Watched>) -> Self {
        let leader = i32::try_from(id).ok().and_then(Pid::from_raw);
        leaders().extend(leader.map(|leader| leader.as_raw_nonzero().get()));
        Self { leader, watched }
    }

    /// Notes that the leader was waited for: its id may soon be another process's.
    pub(super) fn ended(&mut self) {
        self.forget();
        drop(self.watched.take());
    }

    /// Returns the id of the leader, as long as it was not waited for.
    pub(super) fn leader(&self) -> Option<Pid> {
        self.leader
    }

    /// Kills what is still there.
    pub(super) fn kill(&mut self) {
        signal(self.forget(), Signal::KILL);
    }

    fn forget(&mut self) -> Option<Pid> {
        let leader = self.leader.take();
        if let Some(leader) = leader {
            leaders().remove(&leader.as_raw_nonzero().get());
        }
        leader
    }
}

/// Sends a signal to the group of a leader that was not waited for.
pub(super) fn signal(leader: Option<Pid>, signal: Signal) {
    if let Some(leader) = leader {
        // It may have ended by itself.
        let _ = kill_process_group(leader, signal);
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
}
