// The parameters of a run that the page has fields for.
// `cargo xtask web` writes this file from web/src/params/.

/**
 * @typedef {object} Parameter
 * @property {string} name the key; `work.` comes before the keys of synthetic tasks
 * @property {'count' | 'ms' | 'permille' | 'switch' | 'range'} kind
 * @property {number} min
 * @property {number} max the largest value that a field takes; the module may allow more
 * @property {'run' | 'work' | 'failure'} group
 * @property {number | boolean | [number, number]} [preset] the value when it is left out
 * @property {string} [pattern] the only pattern that uses the parameter; absent where all do
 */

/** @type {Parameter[]} */
export const PARAMETERS = [
  { name: 'limit', kind: 'count', min: 1, max: 2000, group: 'run', preset: 5 },
  { name: 'tasks', kind: 'count', min: 1, max: 100000, group: 'run', preset: 500 },
  { name: 'queue_capacity', kind: 'count', min: 1, max: 10000, group: 'run', pattern: 'pool' },
  { name: 'workers', kind: 'count', min: 1, max: 2000, group: 'run', pattern: 'pool' },
  { name: 'batch_size', kind: 'count', min: 1, max: 10000, group: 'run', pattern: 'batch' },
  { name: 'rate', kind: 'count', min: 1, max: 100000, group: 'run' },
  { name: 'seed', kind: 'count', min: 0, max: 4294967295, group: 'run', preset: 42 },
  { name: 'work.ms', kind: 'range', min: 0, max: 60000, group: 'work', preset: [5, 20] },
  { name: 'work.tail_permille', kind: 'permille', min: 0, max: 1000, group: 'work', preset: 100 },
  { name: 'work.tail_ms', kind: 'range', min: 0, max: 600000, group: 'work', preset: [50, 200] },
  { name: 'work.fail_permille', kind: 'permille', min: 0, max: 1000, group: 'failure', preset: 50 },
  { name: 'work.fail_attempts', kind: 'count', min: 1, max: 100, group: 'failure', preset: 2 },
  { name: 'work.panic_permille', kind: 'permille', min: 0, max: 1000, group: 'failure', preset: 0 },
  { name: 'retries', kind: 'count', min: 0, max: 100, group: 'failure', preset: 3 },
  { name: 'backoff_ms', kind: 'ms', min: 0, max: 600000, group: 'failure', preset: 100 },
  { name: 'jitter', kind: 'switch', min: 0, max: 1, group: 'failure', preset: true },
  { name: 'timeout_ms', kind: 'ms', min: 1, max: 600000, group: 'failure' },
];
