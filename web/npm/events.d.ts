import type { Pattern } from './parameters.js';

export interface Percentiles {
  p50: number;
  p90: number;
  p99: number;
  max: number;
}

/** What a run came to. */
export interface Report {
  pattern: Pattern;
  limit: number;
  /** Tasks that have ended, and how. */
  tasks: number;
  done: number;
  dead: number;
  released: number;
  malformed: number;
  abandoned: number;
  /** Attempts, and how they went. */
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
  idle_permit_ms: number;
  wait_ms: Percentiles;
  service_ms: Percentiles;
  total_ms: Percentiles;
  /** Why the run failed as a whole. */
  error?: string;
}

/** Something that happened: a line of a trace. Which fields there are depends on `event`. */
export interface Event {
  seq: number;
  t_ns: number;
  event:
    | 'run_started'
    | 'claimed'
    | 'malformed'
    | 'started'
    | 'ended'
    | 'retry_scheduled'
    | 'settled'
    | 'abandoned'
    | 'batch_opened'
    | 'batch_closed'
    | 'group_cancelled'
    | 'limit_changed'
    | 'source_waiting'
    | 'source_blocked'
    | 'source_exhausted'
    | 'drain_started'
    | 'abort_started'
    | 'run_ended';
  task?: number;
  attempt?: number;
  permit?: number;
  worker?: number;
  outcome?: 'succeeded' | 'failed' | 'timed_out' | 'panicked' | 'cancelled';
  ending?: 'done' | 'retried' | 'dead' | 'released' | 'lease_lost';
  reason?: string;
  after_ns?: number;
  batch?: number;
  size?: number;
  cause?: number;
  pattern?: Pattern;
  limit?: number;
  workers?: number;
  queue_capacity?: number;
  by?: 'room' | 'rate' | 'settling';
}
