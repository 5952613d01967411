// The front door: the four patterns by name, each with a small loop of the same tasks and a way in.

import { h } from '../dom.js';
import { LANE, OUTCOME, PATTERNS } from '../generated/layout.js';
import { writeLink } from '../link.js';

/**
 * @import { Pattern, SyntheticTask } from '../protocol.js'
 * @import { Services } from '../page.js'
 * @import { Theme } from '../stage/theme.js'
 *
 * @typedef {{canvas: HTMLCanvasElement, rows: Float64Array, endNs: number}} Loop
 */

const LIMIT = 3;
const WIDTH = Object.keys(LANE).length;
/** How long a loop plays and how long its end stays, in milliseconds. */
const PLAY_MS = 3600;
const REST_MS = 1600;
/** The gap between two lanes, in pixels. */
const GAP = 4;

/** The same tasks for all: uneven, one slow, one that fails. @type {SyntheticTask[]} */
const TASKS = Array.from({ length: 18 }, (_, n) => ({
  ms: n === 4 ? 95 : 14 + ((n * 11) % 17),
  fail: n === 12 ? 1 : 0,
  panic: false,
}));

/** The scenario that explains each pattern. @type {Record<Pattern, string>} */
const WAYS = { set: 'little', batch: 'tail', pool: 'pressure', group: 'group' };

/**
 * Fills the front door.
 * @param {HTMLElement} box
 * @param {Services & {view: import('../link.js').View}} page
 * @param {AbortSignal} signal ends the loops
 */
export async function fillDoor(box, { engine, tr, stage, view }, signal) {
  const { lang, theme } = view;
  const canvases = PATTERNS.map(() => h('canvas', { 'aria-hidden': 'true' }));
  const cards = PATTERNS.map((pattern, index) =>
    h(
      'a',
      { class: 'way', href: writeLink({ mode: 'learn', scenario: WAYS[pattern], lang, theme }) },
      h('strong', {}, tr(`pattern.${pattern}`)),
      canvases[index],
      h('span', {}, tr(`door.${pattern}`)),
    ),
  );
  const compare = h('a', { href: writeLink({ mode: 'compare', lang, theme }) }, tr('door.compare'));
  box.replaceChildren(
    h('h2', {}, tr('door.title')),
    h('p', {}, tr('door.text', { tasks: TASKS.length, limit: LIMIT }), ' ', compare),
    h('div', { class: 'ways-in' }, ...cards),
  );
  const loops = await Promise.all(
    PATTERNS.map(async (pattern, index) => {
      const simulation = { pattern, limit: LIMIT, retries: 0, seed: 1, work: TASKS };
      const { player, endNs } = await engine.ask(
        'simulate',
        pattern === 'batch' ? { ...simulation, batch_size: 6 } : simulation,
      );
      const rows = await engine.ask('lanes', player, 0, endNs, LIMIT, 0);
      engine.close(player);
      return { canvas: canvases[index], rows, endNs };
    }),
  );
  const allNs = Math.max(...loops.map(({ endNs }) => endNs));
  const began = performance.now();
  const draw = (/** @type {number} */ now) => {
    if (signal.aborted || box.hidden) return;
    const still = matchMedia('(prefers-reduced-motion: reduce)').matches;
    const part = still ? 1 : Math.min(1, ((now - began) % (PLAY_MS + REST_MS)) / PLAY_MS);
    for (const loop of loops) paint(loop, allNs, allNs * part, stage.theme);
    // What stands still is drawn again only where colours may have changed.
    if (still) setTimeout(() => requestAnimationFrame(draw), 400);
    else requestAnimationFrame(draw);
  };
  draw(began);
}

/**
 * Paints the lanes of a loop up to a moment.
 * @param {Loop} loop
 * @param {number} allNs
 * @param {number} nowNs
 * @param {Theme} theme
 */
function paint({ canvas, rows, endNs }, allNs, nowNs, theme) {
  const { clientWidth: width, clientHeight: height } = canvas;
  const scale = Math.min(2, devicePixelRatio || 1);
  if (canvas.width !== Math.round(width * scale) || canvas.height !== Math.round(height * scale)) {
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
  }
  const pen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d'));
  pen.setTransform(scale, 0, 0, scale, 0, 0);
  pen.clearRect(0, 0, width, height);
  const x = (/** @type {number} */ ns) => (width * ns) / allNs;
  const lane = (height - GAP * (LIMIT - 1)) / LIMIT;
  for (let slot = 0; slot < LIMIT; slot += 1) {
    pen.fillStyle = theme.band;
    pen.fillRect(0, slot * (lane + GAP), width, lane);
    pen.fillStyle = theme.hatch;
    pen.fillRect(0, slot * (lane + GAP), x(Math.min(nowNs, endNs)), lane);
  }
  for (let row = 0; row < rows.length; row += WIDTH) {
    const [slot, from, to, outcome] = rows.subarray(row, row + 4);
    if (slot < 0 || from > nowNs) continue;
    const over = to <= nowNs;
    const bad = outcome === OUTCOME.cancelled ? theme.state.cancelled : theme.state.failed;
    pen.fillStyle = over && outcome !== OUTCOME.succeeded ? bad : theme.state.running;
    pen.globalAlpha = over ? 1 : 0.5;
    pen.fillRect(x(from), slot * (lane + GAP), Math.max(1, x(Math.min(to, nowNs)) - x(from) - 1), lane);
  }
  pen.globalAlpha = 1;
}
