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
 * @property {boolean} [front] whether the link names no view: the front door stands above the first one
 * @property {string[]} [refused] the words of the link that cannot be read
 */

/** @type {ModeName[]} */
export const MODES = ['learn', 'lab', 'compare', 'replay', 'live', 'own'];

/** The values of words that have only a few. @type {Record<string, string[]>} */
const VALUES = { mode: MODES, lang: ['en', 'zh'], theme: ['light', 'dark'], tab: ['mode', 'code', 'tasks', 'events'] };
const TEXTS = /** @type {const} */ (['scenario', 'run', 'tab', 'from', 'handler', 'lang', 'theme']);
const NUMBERS = ['at', 'speed'];

/** A longer hash is not read. */
const LENGTH_MAX = 32_768;
/** The number of runs on the stage, each with its position. */
const POSITIONS_MAX = 4;

/**
 * Reads a view from the hash of a link; what cannot be read is left out, and named in `refused`.
 * @param {string} hash
 * @returns {View}
 */
export function readLink(hash) {
  if (hash.length > LENGTH_MAX) return { mode: 'learn', refused: [`${hash.length} > ${LENGTH_MAX}`] };
  const words = new URLSearchParams(hash.replace(/^#/, ''));
  /** @type {View & {refused: string[]}} */
  const view = { mode: 'learn', front: !words.has('mode'), refused: [] };
  for (const [name, value] of words) if (!take(view, name, value)) view.refused.push(`${name}=${value}`);
  return view;
}

/** Takes a word of a link into a view, and says whether it could be read. @param {View} view @param {string} name @param {string} value */
function take(view, name, value) {
  if (VALUES[name] && !VALUES[name].includes(value)) return false;
  if (name === 'mode') view.mode = /** @type {ModeName} */ (value);
  else if (TEXTS.some((text) => text === name)) view[/** @type {typeof TEXTS[number]} */ (name)] = value;
  else if (!NUMBERS.includes(name)) return false;
  const numbers = value.split(',').map((text) => (text.trim() === '' ? Number.NaN : Number(text)));
  if (name === 'speed') {
    const [speed] = numbers;
    if (numbers.length > 1 || !(speed > 0 && Number.isFinite(speed))) return false;
    view.speed = speed;
  }
  if (name === 'at') {
    const known = numbers.every((position) => Number.isSafeInteger(position) && position >= 0);
    if (!known || numbers.length > POSITIONS_MAX) return false;
    view.at = numbers;
  }
  return true;
}

/**
 * Writes a view as the hash of a link.
 * @param {View} view
 */
export function writeLink(view) {
  const words = new URLSearchParams({ mode: view.mode });
  for (const name of TEXTS) {
    const value = view[name];
    if (value) words.set(name, value);
  }
  if (view.at?.some((position) => position > 0)) words.set('at', view.at.join(','));
  if (view.speed) words.set('speed', String(Number(view.speed.toPrecision(3))));
  return `#${words.toString()}`;
}
