//! The names of a queue's keys.

use std::string::String;

/// Every key of a queue. They share one hash tag, the queue's own where it has one, so that a cluster keeps them together.
/// (Except for a queue whose key has a `}` and no tag: on a cluster, give it one.)
#[derive(Clone, Debug)]
pub(super) struct Keys {
    /// The user's list.
    pub(super) queue: String,
    /// Retries, by the time they are due: a sorted set of entries.
    pub(super) delayed: String,
    /// Dead letters, by task: a hash of records.
    pub(super) dead: String,
    /// When they died: a sorted set of tasks.
    pub(super) dead_times: String,
    /// The number of the last delivery.
    pub(super) deliveries: String,
    /// Who may hold deliveries: a set.
    pub(super) consumers: String,
    /// Whose deliveries are being given back: a set.
    pub(super) leaving: String,
    prefix: String,
}

impl Keys {
    pub(super) fn new(queue: &str) -> Self {
        let prefix = if has_tag(queue) { format!("{queue}:fourfold") } else { format!("{{{queue}}}:fourfold") };
        let name = |part: &str| format!("{prefix}:{part}");
        Self {
            queue: queue.to_owned(),
            delayed: name("delayed"),
            dead: name("dead"),
            dead_times: name("dead:times"),
            deliveries: name("deliveries"),
            consumers: name("consumers"),
            leaving: name("leaving"),
            prefix,
        }
    }

    /// What a consumer holds: a hash of entries, by delivery.
    pub(super) fn held(&self, consumer: &str) -> String {
        format!("{}:held:{consumer}", self.prefix)
    }

    /// A consumer's heartbeat.
    pub(super) fn alive(&self, consumer: &str) -> String {
        format!("{}:alive:{consumer}", self.prefix)
    }
}

/// Whether a cluster would hash only a part of this key: what is between the first `{` and the next `}`, unless that is nothing.
fn has_tag(key: &str) -> bool {
    key.split_once('{').and_then(|(_, rest)| rest.split_once('}')).is_some_and(|(tag, _)| !tag.is_empty())
}

#[cfg(test)]
mod tests {
    use super::Keys;

    /// What a cluster hashes of a key, as its specification has it.
    fn hashed(key: &str) -> &str {
        let Some(start) = key.find('{') else { return key };
        match key[start + 1..].find('}') {
            Some(0) | None => key,
            Some(length) => &key[start + 1..start + 1 + length],
        }
    }

    #[test]
    fn all_keys_of_a_queue_share_a_slot() {
        for queue in ["tasks", "{a}tasks", "tasks:{a}", "open{"] {
            let keys = Keys::new(queue);
            for key in [&keys.delayed, &keys.dead, &keys.held("host:1:x"), &keys.alive("host:1:{x}")] {
                assert_eq!(hashed(key), hashed(queue), "{key}");
                assert_ne!(key, queue);
            }
        }
    }
}
