// Links: everything that makes a view is in the hash of the address.

/**
 * @typedef {'learn' | 'lab' | 'compare' | 'replay' | 'live' | 'own'} ModeName
 *
 * @typedef {object} View
 * @property {ModeName} mode
 * @property {string} [scenario]
 * @property {string} [run] parameters of a simulation, as JSON
 * @property {number[]} [at] the positions of the playheads
 * @property {number} [speed]
 * @property {string} [lang]
 * @property {string} [theme]
 * @property {string} [tab]
 * @property {string} [from] the address that live events come from
 * @property {string} [handler] the name of an own run's handler
 */

/** @type {ModeName[]} */
export const MODES = ['learn', 'lab', 'compare', 'replay', 'live', 'own'];

/** A longer hash is not read. */
const LENGTH_MAX = 32_768;

/**
 * Reads a view from the hash of a link; what cannot be read is left out.
 * @param {string} hash
 * @returns {View}
 */
export function readLink(hash) {
  const words = new URLSearchParams(hash.length > LENGTH_MAX ? '' : hash.replace(/^#/, ''));
  const mode = /** @type {ModeName} */ (words.get('mode'));
  /** @type {View} */
  const view = { mode: MODES.includes(mode) ? mode : 'learn' };
  for (const name of /** @type {const} */ (['scenario', 'run', 'lang', 'theme', 'tab', 'from', 'handler'])) {
    const value = words.get(name);
    if (value !== null) view[name] = value;
  }
  const at = words.get('at')?.split(',').map(Number);
  if (at?.every((position) => Number.isSafeInteger(position) && position >= 0)) view.at = at;
  const speed = Number(words.get('speed') ?? Number.NaN);
  if (speed > 0 && Number.isFinite(speed)) view.speed = speed;
  return view;
}

/**
 * Writes a view as the hash of a link.
 * @param {View} view
 */
export function writeLink(view) {
  const words = new URLSearchParams({ mode: view.mode });
  for (const name of /** @type {const} */ (['scenario', 'run', 'tab', 'from', 'handler', 'lang', 'theme'])) {
    const value = view[name];
    if (value) words.set(name, value);
  }
  if (view.at?.some((position) => position > 0)) words.set('at', view.at.join(','));
  if (view.speed) words.set('speed', String(Number(view.speed.toPrecision(3))));
  return `#${words.toString()}`;
}
