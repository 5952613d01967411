// The parameters of a run that the page has fields for. `cargo xtask web` writes this file from web/src/parameters.rs.

/**
 * @typedef {object} Parameter
 * @property {string} name the key; `work.` comes before the keys of synthetic tasks
 * @property {'count' | 'ms' | 'permille' | 'switch' | 'range'} kind
 * @property {number} min
 * @property {number} max the largest value that a field takes; the module may allow more
 * @property {boolean} [optional] whether a run does without a value
 * @property {string[]} [patterns] the patterns that use the parameter; all, where absent
 * @property {'run' | 'work' | 'failure'} group
 */

/** @type {Parameter[]} */
export const PARAMETERS = [
  { name: 'limit', kind: 'count', min: 1, max: 2000, group: 'run' },
  { name: 'tasks', kind: 'count', min: 1, max: 100000, group: 'run' },
  { name: 'queue_capacity', kind: 'count', min: 1, max: 10000, optional: true, patterns: ['pool'], group: 'run' },
  { name: 'workers', kind: 'count', min: 1, max: 2000, optional: true, patterns: ['pool'], group: 'run' },
  { name: 'batch_size', kind: 'count', min: 1, max: 10000, optional: true, patterns: ['batch'], group: 'run' },
  { name: 'rate', kind: 'count', min: 1, max: 100000, optional: true, group: 'run' },
  { name: 'seed', kind: 'count', min: 0, max: 4294967295, group: 'run' },
  { name: 'work.ms', kind: 'range', min: 0, max: 60000, group: 'work' },
  { name: 'work.tail_permille', kind: 'permille', min: 0, max: 1000, group: 'work' },
  { name: 'work.tail_ms', kind: 'range', min: 0, max: 600000, group: 'work' },
  { name: 'work.fail_permille', kind: 'permille', min: 0, max: 1000, group: 'failure' },
  { name: 'work.fail_attempts', kind: 'count', min: 1, max: 100, group: 'failure' },
  { name: 'work.panic_permille', kind: 'permille', min: 0, max: 1000, group: 'failure' },
  { name: 'retries', kind: 'count', min: 0, max: 100, group: 'failure' },
  { name: 'backoff_ms', kind: 'ms', min: 0, max: 600000, group: 'failure' },
  { name: 'jitter', kind: 'switch', min: 0, max: 1, group: 'failure' },
  { name: 'timeout_ms', kind: 'ms', min: 1, max: 600000, optional: true, group: 'failure' },
];
