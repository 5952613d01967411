// The keyboard: never inside inputs, and never with a modifier that the browser uses itself.

/**
 * @import { Playback } from './playback.js'
 *
 * @typedef {object} Actions what keys do beside playing
 * @property {() => void} fork
 * @property {(by: number) => void} select
 * @property {() => void} help
 */

/** Where keys belong to the element that has the focus. */
const INPUTS = 'input, textarea, select, [contenteditable], dialog, [role="tablist"]';
/** What the space bar presses. */
const PRESSED = 'button, a, summary, [role="option"]';
/** The factor of a step of speed. */
const FASTER = 10 ** 0.25;

/**
 * Listens to the keys of the page.
 * @param {Playback} playback
 * @param {Actions} actions
 */
export function listenToKeys(playback, actions) {
  /** @type {Record<string, () => void>} */
  const keys = {
    ' ': () => playback.toggle(),
    ArrowLeft: () => playback.go({ step: -1 }),
    ArrowRight: () => playback.go({ step: 1 }),
    'shift+ArrowLeft': () => playback.go({ notable: -1 }),
    'shift+ArrowRight': () => playback.go({ notable: 1 }),
    Home: () => playback.go({ positions: [] }),
    End: () => playback.go({ end: true }),
    '-': () => playback.setSpeed(playback.speed / FASTER),
    '+': () => playback.setSpeed(playback.speed * FASTER),
    '=': () => playback.setSpeed(playback.speed * FASTER),
    f: () => actions.fork(),
    '[': () => actions.select(-1),
    ']': () => actions.select(1),
    '?': () => actions.help(),
  };
  document.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    const target = /** @type {HTMLElement} */ (event.target);
    if (target.closest(INPUTS)) return;
    // The space bar presses the button that has the focus, as everywhere.
    if (event.key === ' ' && target.closest(PRESSED)) return;
    const name = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const act = keys[(event.shiftKey && name.startsWith('Arrow') ? 'shift+' : '') + name];
    if (!act) return;
    event.preventDefault();
    act();
  });
}
