//! Writing an event as a line of JSON, and reading it again.

mod read;
mod write;

pub use self::{
    read::{LineError, TraceLine, parse_line},
    write::write_line,
};

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use super::*;
    use crate::{
        clock::Time,
        event::{BlockedOn, Disposition, Event, EventKind, Outcome, OwnedEvent},
        pattern::Pattern,
        task::{Attempt, TaskId},
    };

    #[test]
    fn a_line_is_what_the_types_say() {
        use EventKind as Kind;
        let (task, attempt) = (TaskId(u64::MAX), Attempt::new(7).unwrap());
        let mut kinds = Vec::new();
        for some in [None, Some(3), Some(usize::MAX)] {
            let (limit, workers, queue_capacity) = (5, some, some);
            kinds.extend(Pattern::ALL.map(|pattern| Kind::RunStarted { pattern, limit, workers, queue_capacity }));
            kinds.push(Kind::LimitChanged { limit, workers, queue_capacity });
            kinds.push(Kind::Started { task, attempt, permit: 0, worker: some });
            for outcome in Outcome::ALL.iter().copied() {
                let reason = some.map(|_| "\"quoted\"\n\u{1}\u{7f}失敗\\");
                kinds.push(Kind::Ended { task, attempt, permit: 9, worker: some, outcome, reason });
                let outcome = some.map(|_| outcome);
                kinds.push(Kind::Abandoned { task, attempt, outcome, permit: some });
                let settled = |disposition| Kind::Settled { task, attempt, outcome, disposition };
                kinds.extend(Disposition::ALL.iter().copied().map(settled));
            }
        }
        for after in [Duration::ZERO, Duration::from_millis(1), Duration::MAX] {
            kinds.push(Kind::RetryScheduled { task, attempt, after });
        }
        kinds.extend(BlockedOn::ALL.iter().map(|by| Kind::SourceBlocked { by: *by }));
        kinds.extend([
            Kind::Claimed { task, attempt },
            Kind::HeldBack { task, attempt, per_key: 2, held_back: 1000 },
            Kind::LeaseLost { task, attempt },
            Kind::Malformed { reason: "line 3: \t" },
            Kind::BatchOpened { batch: 0, size: 4 },
            Kind::BatchClosed { batch: u64::MAX },
            Kind::GroupCancelled { cause: task },
            Kind::SourceWaiting,
            Kind::SourceExhausted,
            Kind::DrainStarted,
            Kind::AbortStarted,
            Kind::RunEnded,
        ]);
        for (sequence, kind) in (0..).zip(kinds) {
            let event = Event { sequence, at: Time::MAX, kind };
            let mut text = Vec::new();
            write_line(&event, &mut text);
            let line = String::from_utf8(text).unwrap();
            assert_eq!(line, serde_json::to_string(&event).unwrap());

            let owned: OwnedEvent = serde_json::from_str(&line).unwrap();
            assert_eq!(serde_json::to_string(&owned).unwrap(), line, "the owned form says the same");
            assert_eq!(parse_line(line.as_bytes()).unwrap().event().unwrap(), owned.borrowed());
        }
    }
}
