// The handlers that come with the page, and the payloads of each.

/**
 * @import { Context } from './context.js'
 *
 * @typedef {object} Preset
 * @property {string} name
 * @property {() => Promise<{default: (task: never, context: Context) => Promise<unknown>}>} load
 * @property {unknown[]} payloads
 */

const times = (/** @type {number} */ count, /** @type {(index: number) => unknown} */ make) =>
  Array.from({ length: count }, (_, index) => make(index));
const PATHS = [
  'index.html',
  'css/base.css',
  'css/page.css',
  'js/app.js',
  'js/playback.js',
  'i18n/en.json',
  'icon.svg',
  'not-there.txt',
];

/** @type {Preset[]} */
export const PRESETS = [
  {
    name: 'timers',
    load: () => import('./timers.js'),
    payloads: times(60, (index) => ({ ms: index % 12 === 5 ? 1500 : 120 + ((index * 37) % 7) * 40 })),
  },
  {
    name: 'fetch',
    load: () => import('./fetch.js'),
    payloads: times(40, (index) => ({ path: PATHS[index % PATHS.length] })),
  },
  {
    name: 'flaky',
    load: () => import('./flaky.js'),
    payloads: times(50, (index) => ({ ms: 80 + ((index * 53) % 9) * 30, fails: 0.25, hopeless: 0.03 })),
  },
];

/** The code that a visitor's own handler begins as. */
export const OWN = `async function handler(task, { id, attempt, signal }) {
  // Return: the task is done.
  // Throw: it is tried again, unless the
  // error says permanent = true.
  await new Promise((go) => setTimeout(go, task.ms));
  if (task.ms % 100 === 0 && attempt === 1) {
    throw new Error('not at the first attempt');
  }
  console.log('task', id, 'took', task.ms, 'ms');
}
`;
export const OWN_PAYLOADS = times(40, (index) => ({ ms: 100 + ((index * 31) % 9) * 50 }));
