// Values of the parameters of a run. The module checks them again, and its word counts.

import { PARAMETERS } from './generated/parameters.js';

/**
 * @import { Intervention, SimulationParameters, Simulation } from './protocol.js'
 *
 * @typedef {number | boolean | [number, number] | undefined} Value
 */

/** The number of tasks that a view begins with: a run of this length is seen as a whole. */
const TASKS = 120;

/**
 * Makes the parameters that a view begins with: what a run has anyway, but fewer tasks.
 * @returns {SimulationParameters}
 */
export function defaults() {
  /** @type {SimulationParameters} */
  let params = { pattern: 'pool' };
  for (const { name, preset } of PARAMETERS) if (preset !== undefined) params = write(params, name, preset);
  return { ...params, tasks: TASKS };
}

/** Reads a value inside parameters. @param {SimulationParameters} params @param {string} name @returns {Value} */
export function read(params, name) {
  const [key, inner] = name.split('.');
  const value = /** @type {Record<string, unknown>} */ (params)[key];
  const found = inner === undefined ? value : /** @type {Record<string, unknown> | undefined} */ (value)?.[inner];
  return /** @type {Value} */ (found);
}

/**
 * Copies parameters with another value; a value that is undefined is left out.
 * @param {SimulationParameters} params
 * @param {string} name
 * @param {Value | string} value
 * @returns {SimulationParameters}
 */
export function write(params, name, value) {
  const [key, inner] = name.split('.');
  if (inner) return { ...params, [key]: { .../** @type {Record<string, object>} */ (params)[key], [inner]: value } };
  const { [key]: _, ...rest } = /** @type {Record<string, unknown>} */ (params);
  return value === undefined ? rest : { ...params, [key]: value };
}

/** Leaves out what the pattern does not use. @param {SimulationParameters} params @returns {SimulationParameters} */
export function fitting(params) {
  let copy = { ...params };
  for (const { name, pattern } of PARAMETERS) {
    if (pattern && pattern !== (params.pattern ?? 'pool')) copy = write(copy, name, undefined);
  }
  return copy;
}

/**
 * Reads a simulation from a link: only that it is JSON is known, and the module checks the rest.
 * @param {string} text
 * @returns {{params: SimulationParameters, interventions: [number, Intervention][]}}
 */
export function readSimulation(text) {
  const read = /** @type {Simulation} */ (JSON.parse(text));
  return 'params' in read
    ? { params: read.params, interventions: read.interventions ?? [] }
    : { params: /** @type {SimulationParameters} */ (read), interventions: [] };
}
