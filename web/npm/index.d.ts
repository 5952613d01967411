import { Player } from './fourfold_web.js';

export { Player };

export type Pattern = 'set' | 'batch' | 'pool' | 'group';

/** What a handler is told beside its task. */
export interface Context {
  /** The task's number, from 0 on. */
  readonly id: number;
  /** Which attempt at it, from 1 on. */
  readonly attempt: number;
  /** Aborted when the attempt is dropped: it took too long, the run was aborted, or its group failed. */
  readonly signal: AbortSignal;
}

/** An error that a handler may throw to say what is to happen next. Any other one is tried again. */
export interface Failure extends Error {
  /** No further attempt can mend it. */
  permanent?: boolean;
  /** When to try again. */
  retryAfterMs?: number;
}

/** How a run goes about its work. */
export interface Config {
  /** Which pattern. Default: `pool`. */
  pattern?: Pattern | undefined;
  /** How many tasks are in flight at most. Default: 5. */
  limit?: number | undefined;
  /** How many further attempts a failed task gets. Default: 3. */
  retries?: number | undefined;
  /** The longest wait before the first of them. Default: 100. */
  backoffMs?: number | undefined;
  /** The longest wait before any of them. Default: 30 s. */
  backoffMaxMs?: number | undefined;
  /** Whether waits are drawn. Default: true. */
  jitter?: boolean | undefined;
  /** How long one attempt may take. Default: as long as it likes. */
  timeoutMs?: number | undefined;
  /** How many workers a pool has. Default: the limit. */
  workers?: number | undefined;
  /** How many tasks wait in a pool's queue. Default: the limit. */
  queueCapacity?: number | undefined;
  /** How many tasks a batch has. Default: four times the limit. */
  batchSize?: number | undefined;
  /** How many tasks are started per second. Default: as many as can be. */
  rate?: number | undefined;
  /** The run ends when so many tasks have ended. */
  maxTasks?: number | undefined;
  /** How long a drain may take before it turns into an abort. Default: 30 s. */
  graceMs?: number | undefined;
  /** What the waits are drawn from. */
  seed?: number | undefined;
}

export interface Options extends Config {
  /** Aborts the run: `finished` rejects with its reason. */
  signal?: AbortSignal | undefined;
  /** Is told everything that happens. */
  onEvent?: ((event: Event) => void) | undefined;
}

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

/** A run that failed as a whole: a task of a group failed for good. */
export class RunError extends Error {
  readonly report: Report;
}

/** A handle on a run. */
export interface Run {
  /** The report; rejects when the run failed or was aborted by its signal. */
  readonly finished: Promise<Report>;
  /** What has happened so far, to be gone through. Whoever has it frees it. */
  readonly player: Player;
  /** Finishes what has started, and starts nothing more. */
  drain(): void;
  /** Drops what has started: its signals are aborted. */
  abort(): void;
  /** From now on so many tasks may be in flight. */
  setLimit(limit: number): void;
}

/** Loads the module, once; `run`, `start` and `simulate` do it by themselves. */
export function load(): Promise<void>;

/** Runs every task through the handler, and reports when all have ended. */
export function run<T>(
  tasks: Iterable<T>,
  handler: (task: T, context: Context) => unknown,
  options?: Options,
): Promise<Report>;

/** Starts a run and gives a handle on it. */
export function start<T>(
  tasks: Iterable<T>,
  handler: (task: T, context: Context) => unknown,
  options?: Options,
): Promise<Run>;

/** What synthetic tasks are drawn from. */
export interface Shape {
  ms?: [number, number];
  tail_permille?: number;
  tail_ms?: [number, number];
  fail_permille?: number;
  fail_attempts?: number;
  panic_permille?: number;
}

/** One synthetic task. */
export interface Work {
  ms?: number;
  fail?: number;
  panic?: boolean;
}

/** A simulation. */
export interface Params {
  pattern?: Pattern;
  limit?: number;
  seed?: number;
  tasks?: number;
  workers?: number;
  queue_capacity?: number;
  batch_size?: number;
  max_tasks?: number;
  rate?: number;
  timeout_ms?: number;
  retries?: number;
  backoff_ms?: number;
  backoff_max_ms?: number;
  grace_ms?: number;
  jitter?: boolean;
  work?: Shape | Work[];
}

/** A run of synthetic tasks on a simulated clock, to be gone through. */
export function simulate(params: Params): Promise<Player>;
