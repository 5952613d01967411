//! The servers that may have a queue.

use std::{
    string::String,
    sync::{Arc, Mutex, PoisonError},
    vec::Vec,
};

use redis::ConnectionAddr;

/// The way to the server that has the queue.
#[derive(Clone, Debug)]
pub(super) enum Route {
    /// The server that the URL names.
    Direct,
    /// The master that has the slot of the queue's key.
    Cluster { seeds: Vec<ConnectionAddr>, nodes: Arc<Nodes> },
    /// The master of this name.
    Sentinel { sentinels: Vec<ConnectionAddr>, master: String },
}

/// What is known of a cluster beside the seeds.
#[derive(Debug, Default)]
pub(super) struct Nodes {
    /// The node that another one named as the owner of the slot.
    owner: Mutex<Option<(String, u16)>>,
    /// The masters that there were when a node was asked last.
    others: Mutex<Vec<(String, u16)>>,
}

impl Nodes {
    /// Takes note of the owner that the text `MOVED SLOT HOST:PORT` names, and returns it.
    pub(super) fn moved(&self, text: &str) -> Option<String> {
        let target = text.split_whitespace().last()?;
        let (host, port) = target.rsplit_once(':')?;
        let port = port.parse().ok()?;
        if host.is_empty() {
            return None;
        }
        *self.owner.lock().unwrap_or_else(PoisonError::into_inner) = Some((host.into(), port));
        Some(target.into())
    }

    pub(super) fn take_owner(&self) -> Option<(String, u16)> {
        self.owner.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    pub(super) fn remember(&self, others: Vec<(String, u16)>) {
        *self.others.lock().unwrap_or_else(PoisonError::into_inner) = others;
    }

    pub(super) fn others(&self) -> Vec<(String, u16)> {
        self.others.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::Nodes;

    #[test]
    fn a_node_that_has_moved_a_slot_names_the_next_one() {
        let nodes = Nodes::default();
        assert_eq!(nodes.moved("MOVED 3999 127.0.0.1:6381").as_deref(), Some("127.0.0.1:6381"));
        assert_eq!(nodes.take_owner(), Some(("127.0.0.1".into(), 6381)));
        assert_eq!(nodes.take_owner(), None);
        assert_eq!(nodes.moved("MOVED 1 ::1:7000").as_deref(), Some("::1:7000"));
        for odd in ["MOVED", "MOVED 1 :7000", "MOVED 1 h:x", ""] {
            assert_eq!(nodes.moved(odd), None, "{odd}");
        }
    }
}
