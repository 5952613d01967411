import type { Pattern } from './parameters.js';

/** Durations that a share of all does not exceed, in milliseconds. */
export interface Percentiles {
  p50: number;
  p90: number;
  p99: number;
  max: number;
}

/** The result of a run. */
export interface Report {
  pattern: Pattern;
  limit: number;
  /** The number of tasks that have ended, and the numbers by their ends. */
  tasks: number;
  done: number;
  dead: number;
  released: number;
  malformed: number;
  abandoned: number;
  /** The number of attempts, and the numbers by their outcomes. */
  attempts: number;
  succeeded: number;
  failed: number;
  timed_out: number;
  panicked: number;
  cancelled: number;
  lease_lost: number;
  retried: number;
  peak_in_flight: number;
  peak_queued: number;
  elapsed_ms: number;
  throughput_per_s: number;
  /** The time for which permits were not held; null unless events are recorded. */
  idle_permit_ms: number | null;
  /** The times from claim to start; null unless events are recorded. */
  wait_ms: Percentiles | null;
  /** The times from start to end; null unless events are recorded. */
  service_ms: Percentiles | null;
  /** The times from the first claim to the end of a task; null unless events are recorded. */
  total_ms: Percentiles | null;
  /** The reason of the failure, if the run failed as a whole. */
  error?: string;
}

export type Outcome = 'succeeded' | 'failed' | 'timed_out' | 'panicked' | 'cancelled';
export type Disposition = 'done' | 'retried' | 'dead' | 'released' | 'lease_lost';

interface Head<Name extends string> {
  /** The number of the event, from 0. */
  seq: number;
  /** The time since the start of the run, in nanoseconds. */
  t_ns: number;
  event: Name;
}

interface OfAttempt {
  task: number;
  /** The number of the attempt, from 1. */
  attempt: number;
}

interface Bounds {
  limit: number;
  workers?: number;
  queue_capacity?: number;
}

/** Something that happened in a run: a line of a trace. */
export type Event =
  | (Head<'run_started'> & Bounds & { pattern: Pattern })
  | (Head<'claimed'> & OfAttempt)
  | (Head<'malformed'> & { reason: string })
  | (Head<'started'> & OfAttempt & { permit: number; worker?: number })
  | (Head<'ended'> & OfAttempt & { permit: number; worker?: number; outcome: Outcome; reason?: string })
  | (Head<'retry_scheduled'> & OfAttempt & { after_ns: number })
  | (Head<'settled'> & OfAttempt & { outcome?: Outcome; ending: Disposition })
  | (Head<'abandoned'> & OfAttempt & { outcome?: Outcome; permit?: number })
  | (Head<'batch_opened'> & { batch: number; size: number })
  | (Head<'batch_closed'> & { batch: number })
  | (Head<'group_cancelled'> & { cause: number })
  | (Head<'limit_changed'> & Bounds)
  | Head<'source_waiting'>
  | (Head<'source_blocked'> & { by: 'room' | 'rate' | 'keys' | 'settling' })
  | Head<'source_exhausted'>
  | Head<'drain_started'>
  | Head<'abort_started'>
  | Head<'run_ended'>
  | (Head<'held_back'> & OfAttempt & { per_key: number; held_back: number })
  | (Head<'lease_lost'> & OfAttempt);
