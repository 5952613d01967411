// The parameters of a simulation: names, bounds, defaults. The module checks them again, and its word counts.

/**
 * @typedef {object} Field
 * @property {string} name
 * @property {'count' | 'ms' | 'permille' | 'switch' | 'range'} kind
 * @property {number} [min]
 * @property {number} [max]
 * @property {boolean} [optional]
 * @property {string[]} [patterns] where it means anything
 * @property {'run' | 'work' | 'failure'} group
 */

/** @type {Field[]} */
export const FIELDS = [
  { name: 'limit', kind: 'count', min: 1, max: 2000, group: 'run' },
  { name: 'tasks', kind: 'count', min: 1, max: 100_000, group: 'run' },
  { name: 'queue_capacity', kind: 'count', min: 1, max: 10_000, optional: true, patterns: ['pool'], group: 'run' },
  { name: 'workers', kind: 'count', min: 1, max: 2000, optional: true, patterns: ['pool'], group: 'run' },
  { name: 'batch_size', kind: 'count', min: 1, max: 10_000, optional: true, patterns: ['batch'], group: 'run' },
  { name: 'rate', kind: 'count', min: 1, max: 100_000, optional: true, group: 'run' },
  { name: 'seed', kind: 'count', min: 0, max: 4_294_967_295, group: 'run' },
  { name: 'work.ms', kind: 'range', min: 0, max: 60_000, group: 'work' },
  { name: 'work.tail_permille', kind: 'permille', min: 0, max: 1000, group: 'work' },
  { name: 'work.tail_ms', kind: 'range', min: 0, max: 600_000, group: 'work' },
  { name: 'work.fail_permille', kind: 'permille', min: 0, max: 1000, group: 'failure' },
  { name: 'work.fail_attempts', kind: 'count', min: 1, max: 100, group: 'failure' },
  { name: 'work.panic_permille', kind: 'permille', min: 0, max: 1000, group: 'failure' },
  { name: 'retries', kind: 'count', min: 0, max: 100, group: 'failure' },
  { name: 'backoff_ms', kind: 'ms', min: 0, max: 600_000, group: 'failure' },
  { name: 'jitter', kind: 'switch', group: 'failure' },
  { name: 'timeout_ms', kind: 'ms', min: 1, max: 600_000, optional: true, group: 'failure' },
];

/** What the Lab begins with. */
export const DEFAULTS = {
  pattern: 'pool',
  limit: 5,
  seed: 42,
  tasks: 120,
  retries: 3,
  backoff_ms: 100,
  jitter: true,
  work: { ms: [5, 20], tail_permille: 100, tail_ms: [50, 200], fail_permille: 50, fail_attempts: 2, panic_permille: 0 },
};

/** A value inside parameters. @param {any} params @param {string} name */
export function read(params, name) {
  return name.split('.').reduce((value, key) => value?.[key], params);
}

/** The same parameters with another value; nothing where it is undefined. @param {any} params @param {string} name @param {any} value */
export function write(params, name, value) {
  const [key, inner] = name.split('.');
  const copy = { ...params };
  if (inner) copy[key] = { ...copy[key], [inner]: value };
  else if (value === undefined) delete copy[key];
  else copy[key] = value;
  return copy;
}

/** What the module gets: nothing that means nothing to the pattern. @param {any} params */
export function fitting(params) {
  let copy = { ...params };
  for (const { name, patterns } of FIELDS) {
    if (patterns && !patterns.includes(params.pattern)) copy = write(copy, name, undefined);
  }
  return copy;
}
