// Values of the parameters of a run. The module checks them again, and its word counts.

import { PATTERNS } from './generated/layout.js';
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
  if (inner) {
    const before = /** @type {Record<string, object>} */ (params)[key];
    // Tasks that are drawn take the place of tasks that are listed.
    return { ...params, [key]: { ...(Array.isArray(before) ? {} : before), [inner]: value } };
  }
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
 * Copies parameters with the values that a run has where they are left out.
 * @param {SimulationParameters} params
 * @returns {SimulationParameters}
 */
function complete(params) {
  /** @type {SimulationParameters} */
  const whole = { pattern: 'pool' };
  for (const { name, preset } of PARAMETERS) {
    if (preset !== undefined && !name.includes('.')) Object.assign(whole, { [name]: preset });
  }
  const { work, pattern = 'pool' } = params;
  if (!PATTERNS.includes(pattern)) throw new Error(`pattern: ${JSON.stringify(pattern)}`);
  return { ...whole, ...(Array.isArray(work) ? { tasks: work.length } : {}), ...params };
}

/**
 * Reads a simulation from a link: that it has the form of one is known then, and the module checks its values.
 * @param {string} text
 * @param {boolean} [one] whether only one pattern runs it: what the pattern does not use is left out
 * @returns {{params: SimulationParameters, interventions: [number, Intervention][]}}
 */
export function readSimulation(text, one = true) {
  /** @type {unknown} */
  const read = JSON.parse(text);
  const used = (/** @type {SimulationParameters} */ given) => (one ? fitting(complete(given)) : complete(given));
  const whole = /** @type {{params?: unknown, interventions?: unknown}} */ (object(read));
  if (!('params' in whole)) return { params: used(object(read)), interventions: [] };
  const { params, interventions = [], ...rest } = whole;
  const [unknown] = Object.keys(rest);
  if (unknown !== undefined) throw new Error(unknown);
  if (!Array.isArray(interventions)) throw new Error('interventions: expected a list');
  return { params: used(object(params)), interventions };
}

/** @param {unknown} value @returns {SimulationParameters} */
function object(value) {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  throw new Error('expected an object');
}
