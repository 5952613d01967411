export type Pattern = 'set' | 'batch' | 'pool' | 'group';

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
