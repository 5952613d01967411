// Values of the parameters of a run. The module checks them again, and its word counts.

import { PARAMETERS } from './generated/parameters.js';

/**
 * @import { Intervention, Params, Simulation } from './protocol.js'
 *
 * @typedef {number | boolean | [number, number] | undefined} Value
 */

/** The parameters that a view begins with: `tasks` and `work` are always there. */
export const DEFAULTS = /** @satisfies {Params} */ ({
  pattern: 'pool',
  limit: 5,
  seed: 42,
  tasks: 120,
  retries: 3,
  backoff_ms: 100,
  jitter: true,
  work: {
    ms: [5, 20],
    tail_permille: 100,
    tail_ms: [50, 200],
    fail_permille: 50,
    fail_attempts: 2,
    panic_permille: 0,
  },
});

/** Copies the parameters that a view begins with. @returns {Params} */
export function defaults() {
  return /** @type {Params} */ (structuredClone(DEFAULTS));
}

/** Reads a value inside parameters. @param {Params} params @param {string} name @returns {Value} */
export function read(params, name) {
  const [key, inner] = name.split('.');
  const value = /** @type {Record<string, unknown>} */ (params)[key];
  const found = inner === undefined ? value : /** @type {Record<string, unknown> | undefined} */ (value)?.[inner];
  return /** @type {Value} */ (found);
}

/**
 * Copies parameters with another value; a value that is undefined is left out.
 * @param {Params} params
 * @param {string} name
 * @param {Value | string} value
 * @returns {Params}
 */
export function write(params, name, value) {
  const [key, inner] = name.split('.');
  if (inner) return { ...params, [key]: { .../** @type {Record<string, object>} */ (params)[key], [inner]: value } };
  const { [key]: _, ...rest } = /** @type {Record<string, unknown>} */ (params);
  return value === undefined ? rest : { ...params, [key]: value };
}

/** Leaves out what the pattern does not use. @param {Params} params @returns {Params} */
export function fitting(params) {
  let copy = { ...params };
  for (const { name, patterns } of PARAMETERS) {
    if (patterns && !patterns.includes(params.pattern ?? 'pool')) copy = write(copy, name, undefined);
  }
  return copy;
}

/**
 * Reads a simulation from a link: only that it is JSON is known, and the module checks the rest.
 * @param {string} text
 * @returns {{params: Params, interventions: [number, Intervention][]}}
 */
export function readSimulation(text) {
  const read = /** @type {Simulation} */ (JSON.parse(text));
  return 'params' in read
    ? { params: read.params, interventions: read.interventions ?? [] }
    : { params: /** @type {Params} */ (read), interventions: [] };
}
