// The parameters of a run. `cargo xtask web` writes this file from web/src/params/.

export type Pattern = 'set' | 'batch' | 'pool' | 'group';

/** The options of a run. */
export interface Config {
  /** The pattern. Default: `pool`. */
  pattern?: Pattern | undefined;
  /** The maximum number of tasks in flight. Default: 5. */
  limit?: number | undefined;
  /**
   * The number of tasks that can wait in a pool's queue. A larger queue smooths an uneven source.
   * Default: the limit.
   */
  queueCapacity?: number | undefined;
  /** The number of workers of a pool. Default: the limit. */
  workers?: number | undefined;
  /**
   * The number of tasks in a batch. A larger batch waits less often for its slowest task.
   * Default: four times the limit.
   */
  batchSize?: number | undefined;
  /** The maximum number of starts per second. Default: no maximum. */
  rate?: number | undefined;
  /** The number of tasks after whose end the run ends. Default: all tasks. */
  maxTasks?: number | undefined;
  /** The seed of every random draw. The same seed gives the same draws. Default: 42. */
  seed?: number | undefined;
  /** The maximum number of retries of a task that failed. Default: 3. */
  retries?: number | undefined;
  /**
   * The longest pause before the first retry, in milliseconds; each later pause is twice as long.
   * Default: 100.
   */
  backoffMs?: number | undefined;
  /** The longest pause before any retry, in milliseconds. Default: 30000. */
  backoffMaxMs?: number | undefined;
  /**
   * Whether each pause is drawn between half its length and its length, so that retries spread out.
   * Default: true.
   */
  jitter?: boolean | undefined;
  /** The time limit of one attempt, in milliseconds. Default: no time limit. */
  timeoutMs?: number | undefined;
  /**
   * The time that a drain may take before it becomes an abort, in milliseconds.
   * Default: 30000.
   */
  graceMs?: number | undefined;
  /**
   * The time after its timeout at which an attempt that has not ended gives its permit back, in milliseconds.
   * Default: never.
   */
  abandonAfterMs?: number | undefined;
}

/** The distribution that synthetic tasks are drawn from. */
export interface WorkloadSpec {
  /** The shortest and the longest time of an ordinary task, in milliseconds. Default: [5, 20]. */
  ms?: [number, number];
  /** The share of slow tasks, in thousandths. Default: 100. */
  tail_permille?: number;
  /** The shortest and the longest time of a slow task, in milliseconds. Default: [50, 200]. */
  tail_ms?: [number, number];
  /** The share of tasks whose first attempts fail, in thousandths. Default: 50. */
  fail_permille?: number;
  /** The maximum number of attempts that fail before one succeeds. Default: 2. */
  fail_attempts?: number;
  /** The share of tasks whose every attempt panics, in thousandths. Default: 0. */
  panic_permille?: number;
}

/** One synthetic task. */
export interface SyntheticTask {
  /** The time of each attempt, in milliseconds. Default: 0. */
  ms?: number;
  /** The number of attempts that fail before one succeeds. Default: 0. */
  fail?: number;
  /** Whether every attempt panics. Default: false. */
  panic?: boolean;
}

/** The parameters of a simulation. */
export interface SimulationParameters {
  /** The pattern. Default: `pool`. */
  pattern?: Pattern;
  /** The maximum number of tasks in flight. Default: 5. */
  limit?: number;
  /**
   * The number of tasks that can wait in a pool's queue. A larger queue smooths an uneven source.
   * Default: the limit.
   */
  queue_capacity?: number;
  /** The number of workers of a pool. Default: the limit. */
  workers?: number;
  /**
   * The number of tasks in a batch. A larger batch waits less often for its slowest task.
   * Default: four times the limit.
   */
  batch_size?: number;
  /** The maximum number of starts per second. Default: no maximum. */
  rate?: number;
  /** The number of tasks after whose end the run ends. Default: all tasks. */
  max_tasks?: number;
  /** The seed of every random draw. The same seed gives the same draws. Default: 42. */
  seed?: number;
  /** The maximum number of retries of a task that failed. Default: 3. */
  retries?: number;
  /**
   * The longest pause before the first retry, in milliseconds; each later pause is twice as long.
   * Default: 100.
   */
  backoff_ms?: number;
  /** The longest pause before any retry, in milliseconds. Default: 30000. */
  backoff_max_ms?: number;
  /**
   * Whether each pause is drawn between half its length and its length, so that retries spread out.
   * Default: true.
   */
  jitter?: boolean;
  /** The time limit of one attempt, in milliseconds. Default: no time limit. */
  timeout_ms?: number;
  /**
   * The time that a drain may take before it becomes an abort, in milliseconds.
   * Default: 30000.
   */
  grace_ms?: number;
  /** The number of tasks. Default: 500. */
  tasks?: number;
  /** The distribution that tasks are drawn from, or the list of tasks. */
  work?: WorkloadSpec | SyntheticTask[];
}
