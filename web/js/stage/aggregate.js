// More tasks than can be told apart: areas and exact counts instead of tokens.

import { count } from '../format.js';
import { round, write } from './scenery.js';
import { SANS } from './theme.js';

/** The number of tasks above which a panel shows no single ones. */
export const TOKENS_MAX = 2000;

/** @param {import('../snapshot.js').Snapshot} snapshot */
export function isCrowded(snapshot) {
  return (
    snapshot.of('queued') + snapshot.of('in_flight') + snapshot.of('waiting') + snapshot.of('abandoned') > TOKENS_MAX
  );
}

/**
 * @param {CanvasRenderingContext2D} pen
 * @param {import('./geometry.js').Places} places
 * @param {import('../snapshot.js').Snapshot} snapshot
 * @param {import('./theme.js').Theme} theme
 */
export function paintCrowd(pen, places, snapshot, theme) {
  const { queue, run, retry, capacity } = places;
  const limit = Math.max(1, snapshot.of('limit'));
  if (queue) {
    const queued = snapshot.of('queued');
    // A queue without a bound is never full: it is drawn as two thirds full.
    fill(pen, queue, queued / (capacity > 0 ? capacity : Math.max(1, queued * 1.5)), queued, theme.state.queued, theme);
  }
  fill(pen, run, snapshot.of('in_flight') / limit, snapshot.of('in_flight'), theme.state.running, theme);
  const waiting = snapshot.of('waiting');
  if (waiting > 0) {
    write(
      pen,
      count(waiting),
      retry.x + retry.w / 2,
      retry.y + retry.h / 2 - 8,
      theme.state.retry,
      'center',
      `650 14px ${SANS}`,
    );
  }
}

/**
 * @param {CanvasRenderingContext2D} pen
 * @param {import('./geometry.js').Box} box
 * @param {number} part
 * @param {number} number
 * @param {string} color
 * @param {import('./theme.js').Theme} theme
 */
function fill(pen, box, part, number, color, theme) {
  const { x, y, w, h } = box;
  round(pen, x - 5, y - 5, w + 10, h + 10, 8);
  pen.fillStyle = theme.band;
  pen.fill();
  pen.save();
  pen.clip();
  const level = h * Math.min(1, part);
  pen.globalAlpha = 0.28;
  pen.fillStyle = color;
  pen.fillRect(x - 5, y + h + 5 - level, w + 10, level);
  pen.globalAlpha = 1;
  pen.fillRect(x - 5, y + h + 5 - level, w + 10, 2);
  pen.restore();
  const size = Math.min(30, Math.max(15, w / 6));
  write(pen, count(number), x + w / 2, y + h / 2 + size / 3, theme.ink, 'center', `650 ${size}px ${SANS}`);
}
