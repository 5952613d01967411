// The options of a run, and the names that the module has for them.
// `cargo xtask web` writes this file from web/src/params/.

export const OPTIONS = {
  pattern: 'pattern',
  limit: 'limit',
  queueCapacity: 'queue_capacity',
  workers: 'workers',
  batchSize: 'batch_size',
  rate: 'rate',
  maxTasks: 'max_tasks',
  seed: 'seed',
  retries: 'retries',
  backoffMs: 'backoff_ms',
  backoffMaxMs: 'backoff_max_ms',
  jitter: 'jitter',
  timeoutMs: 'timeout_ms',
  graceMs: 'grace_ms',
  abandonAfterMs: 'abandon_after_ms',
};
