//! The names of a queue's keys.

use std::string::String;

use super::error::RedisError;

/// What the names of all keys of fourfold's own have in them, and the key of no queue.
const OWN: &str = ":fourfold:";

/// Every key of a queue. They share one hash tag, the queue's own where it has one, so that a cluster keeps them together.
/// (Except for a queue whose key has a `}` and no tag: on a cluster, give it one.)
#[derive(Clone, Debug)]
pub(super) struct Keys {
    /// The user's list or stream.
    pub(super) queue: String,
    /// Retries, by the time they are due: a sorted set of entries.
    pub(super) delayed: String,
    /// Dead letters, by task: a hash of records.
    pub(super) dead: String,
    /// When they died: a sorted set of tasks. Made from the records when it is lost.
    pub(super) dead_times: String,
    /// Until when each consumer lives: a sorted set of names. Made from `holders` when it is lost.
    pub(super) beats: String,
    /// Who may hold deliveries: a set of names. Made from `beats` when it is lost.
    pub(super) holders: String,
    /// Which idle consumer waits at the queue itself: a name that expires.
    pub(super) sentry: String,
    /// What wakes one of the other idle consumers: a list of tokens.
    pub(super) wake: String,
    /// What wakes the one that waits at a stream for entries that were given back: a stream of one entry.
    pub(super) bell: String,
    prefix: String,
}

impl Keys {
    pub(super) fn new(queue: &str, group: Option<&str>) -> Self {
        // The queue `{tasks}` has its tag itself, which must not make its keys those of `tasks`.
        let prefix = if has_tag(queue) { format!("{queue}{OWN}:") } else { format!("{{{queue}}}{OWN}") };
        // With the length, no two groups share a key either.
        let prefix = match group {
            Some(group) => format!("{prefix}group:{}:{group}:", group.len()),
            None => prefix,
        };
        let name = |part: &str| format!("{prefix}{part}");
        Self {
            queue: queue.to_owned(),
            delayed: name("delayed"),
            dead: name("dead"),
            dead_times: name("dead:times"),
            beats: name("beats"),
            holders: name("holders"),
            sentry: name("sentry"),
            wake: name("wake"),
            bell: name("bell"),
            prefix,
        }
    }

    /// Refuses a key that another queue may have for its own purposes.
    pub(super) fn check(queue: &str, parameter: &str) -> Result<(), RedisError> {
        if queue.contains(OWN) {
            let why = format!("names with {OWN} in them are those of fourfold's own keys");
            return Err(RedisError::usage(format!("{parameter}={queue} cannot be a queue: {why}")));
        }
        Ok(())
    }

    /// What a consumer holds: a hash of batches, by the id of their first task, and of their states.
    pub(super) fn held(&self, consumer: &str) -> String {
        format!("{}{consumer}", self.held_prefix())
    }

    /// What is before a consumer's name in the key of what it holds.
    pub(super) fn held_prefix(&self) -> String {
        format!("{}held:", self.prefix)
    }

    /// Each key with the type that it has to have.
    pub(super) fn types(&self, is_stream: bool) -> [(&str, &'static str); 9] {
        [
            (&self.queue, if is_stream { "stream" } else { "list" }),
            (&self.delayed, "zset"),
            (&self.dead, "hash"),
            (&self.dead_times, "zset"),
            (&self.beats, "zset"),
            (&self.holders, "set"),
            (&self.sentry, "string"),
            (&self.wake, "list"),
            (&self.bell, "stream"),
        ]
    }
}

/// Whether a cluster would hash only a part of this key: what is between the first `{` and the next `}`, unless that is nothing.
fn has_tag(key: &str) -> bool {
    key.split_once('{').and_then(|(_, rest)| rest.split_once('}')).is_some_and(|(tag, _)| !tag.is_empty())
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

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
            let keys = Keys::new(queue, Some("a{b}"));
            for key in [&keys.delayed, &keys.dead, &keys.held("host:1:x"), &keys.held("host:1:{x}")] {
                assert_eq!(hashed(key), hashed(queue), "{key}");
                assert_ne!(key, queue);
            }
        }
    }

    #[test]
    fn two_queues_share_no_key() {
        let mut seen = HashSet::new();
        for queue in ["tasks", "{tasks}", "{tasks}:", "a{tasks}", "{tasks}a", "{{tasks}}", "tasks:", ":tasks"] {
            for group in [None, Some("a"), Some("a:held"), Some("held"), Some("1:a"), Some("")] {
                let keys = Keys::new(queue, group);
                // The groups of a stream share the stream.
                for (key, _) in keys.types(false).iter().skip(usize::from(group.is_some())) {
                    assert!(seen.insert((*key).to_owned()), "{key} of {queue} is another queue's");
                }
                assert!(seen.insert(keys.held("host:1:a-0")), "{queue}");
            }
        }
    }

    #[test]
    fn a_key_of_our_own_is_no_queue() {
        for (key, _) in Keys::new("tasks", None).types(false).iter().skip(1) {
            assert!(Keys::check(key, "list").unwrap_err().to_string().contains(key));
        }
        assert!(Keys::check("tasks:fourfold", "list").is_ok());
    }
}
