// The positions of the numbers in a snapshot, and their meanings.
// `cargo xtask web` writes this file from web/src/snapshot.rs.

/** The numbers that a snapshot begins with. */
export const HEADER = /** @type {const} */ ({
  position: 0,
  start: 1,
  end: 2,
  t_ns: 3,
  start_ns: 4,
  end_ns: 5,
  phase: 6,
  source_state: 7,
  pattern: 8,
  limit: 9,
  workers: 10,
  queue_capacity: 11,
  in_flight: 12,
  queued: 13,
  waiting: 14,
  ended: 15,
  abandoned: 16,
  done: 17,
  dead: 18,
  released: 19,
  malformed: 20,
  tasks: 21,
  succeeded: 22,
  failed: 23,
  timed_out: 24,
  panicked: 25,
  cancelled: 26,
  lease_lost: 27,
  attempts: 28,
  retried: 29,
  peak_in_flight: 30,
  batch: 31,
  batch_size: 32,
  batch_ended: 33,
  cause: 34,
  missed: 35,
  kind: 36,
  kind_task: 37,
  oldest_ns: 38,
  idle_ns: 39,
  digest_hi: 40,
  digest_lo: 41,
  task_rows: 42,
  recent_rows: 43,
});

/** The columns of a task's row. */
export const TASK = /** @type {const} */ ({
  id: 0,
  attempt: 1,
  place: 2,
  permit: 3,
  worker: 4,
  since_ns: 5,
  until_ns: 6,
  outcome: 7,
  batch: 8,
  queue_place: 9,
});

/** The columns of a row about a task that has just ended. */
export const RECENT = /** @type {const} */ ({
  id: 0,
  fate: 1,
  outcome: 2,
  at_ns: 3,
});

/** The columns of a row of a permit's history. */
export const LANE = /** @type {const} */ ({
  permit: 0,
  from_ns: 1,
  to_ns: 2,
  outcome: 3,
  task: 4,
});

/** The rows of a table of series. */
export const SERIES = /** @type {const} */ ({
  ended_per_s: 0,
  in_flight: 1,
  in_flight_max: 2,
  limit: 3,
  queued: 4,
  oldest_ms: 5,
  wait_p50_ms: 6,
  wait_p99_ms: 7,
  service_p50_ms: 8,
  service_p99_ms: 9,
  utilisation: 10,
  retried: 11,
  failed: 12,
});

/** The phases of a task. */
export const PLACE = /** @type {const} */ ({
  queued: 0,
  running: 1,
  ended: 2,
  waiting: 3,
  abandoned: 4,
});

/** The fates of a task. */
export const FATE = /** @type {const} */ ({
  done: 0,
  retried: 1,
  dead: 2,
  released: 3,
  lease_lost: 4,
  abandoned: 5,
});

/** The outcomes of an attempt. */
export const OUTCOME = /** @type {const} */ ({
  succeeded: 0,
  failed: 1,
  timed_out: 2,
  panicked: 3,
  cancelled: 4,
});

/** The kinds of events, in the order of their numbers. */
export const KINDS = /** @type {const} */ (['run_started', 'claimed', 'malformed', 'started', 'ended', 'retry_scheduled', 'settled', 'abandoned', 'batch_opened', 'batch_closed', 'group_cancelled', 'limit_changed', 'source_waiting', 'source_blocked', 'source_exhausted', 'drain_started', 'abort_started', 'run_ended', 'held_back', 'lease_lost']);

/** The phases of a run, in the order of their numbers. */
export const PHASES = /** @type {const} */ (['waiting', 'running', 'draining', 'aborting', 'ended']);

/** The states of a source, in the order of their numbers. */
export const SOURCE_STATES = /** @type {const} */ (['open', 'waiting', 'blocked_room', 'blocked_rate', 'blocked_settling', 'exhausted', 'blocked_keys']);

/** The patterns, in the order of their numbers. */
export const PATTERNS = /** @type {const} */ (['set', 'batch', 'pool', 'group']);
