// The parts that change with the run, besides tasks: gate, busy lanes, batch, group, counts.

import { count } from '../format.js';
import { OUTCOME, PLACE, RECENT, TASK } from '../generated/layout.js';
import { BINS, binPlace, socket } from './geometry.js';
import { paintSign, round, write } from './scenery.js';
import { circle } from './shapes.js';
import { SANS } from './theme.js';

/**
 * @typedef {import('./geometry.js').Places} Places
 * @typedef {import('./theme.js').Theme} Theme
 * @typedef {import('../snapshot.js').Snapshot} Snapshot
 * @typedef {Record<string, string>} Words
 */

/** The duration of the wave of a cancellation, in milliseconds on the wall. */
export const WAVE_MS = 900;

/**
 * Paints what lies under the tokens.
 * @param {CanvasRenderingContext2D} pen
 * @param {Places} places
 * @param {Snapshot} snapshot
 * @param {import('./tokens.js').Tokens} tokens
 * @param {Theme} theme
 * @param {Words} words
 * @param {boolean} racked whether held permits are painted together with their tasks
 */
export function paintUnder(pen, places, snapshot, tokens, theme, words, racked) {
  paintGate(pen, places, snapshot, theme, words);
  if (places.form === 'lanes') paintSockets(pen, places, snapshot, tokens, theme);
  else if (!racked) paintHeld(pen, places, snapshot, theme);
  if (places.pattern === 'batch') paintBatch(pen, places, snapshot, theme, words);
  if (places.pattern === 'group') paintGroup(pen, places, snapshot, theme, words);
}

/**
 * Paints the gate between the source and the run: open, closed by back-pressure, waiting, or
 * exhausted.
 * @param {CanvasRenderingContext2D} pen @param {Places} places @param {Snapshot} snapshot @param
 *   {Theme} theme @param {Words} words
 */
function paintGate(pen, places, snapshot, theme, words) {
  const { x, y, h } = places.gate;
  const { sourceState } = snapshot;
  const closed = snapshot.phase === 'draining' || snapshot.phase === 'aborting' || snapshot.phase === 'ended';
  const blocked = !closed && sourceState.startsWith('blocked');
  const middle = y + h / 2;
  pen.lineWidth = 2.5;
  pen.lineCap = 'round';
  pen.beginPath();
  if (blocked || closed || sourceState === 'exhausted') {
    pen.moveTo(x, middle - Math.min(46, h * 0.32));
    pen.lineTo(x, middle + Math.min(46, h * 0.32));
    pen.strokeStyle = blocked ? theme.state.retry : theme.strong;
  } else {
    const open = Math.min(46, h * 0.32);
    pen.moveTo(x, middle - open);
    pen.lineTo(x, middle - open * 0.55);
    pen.moveTo(x, middle + open * 0.55);
    pen.lineTo(x, middle + open);
    pen.strokeStyle = theme.strong;
  }
  pen.stroke();
  pen.lineCap = 'butt';
  if (places.narrow) return;
  const key = /** @type {Record<string, string>} */ ({
    open: words.gateOpen,
    waiting: words.gateWaiting,
    blocked_room: words.gateRoom,
    blocked_rate: words.gateRate,
    blocked_keys: words.gateKeys,
    blocked_settling: words.gateSettling,
    exhausted: words.gateExhausted,
    closed: words.gateClosed,
  })[closed && sourceState !== 'exhausted' ? 'closed' : sourceState];
  const { source } = places;
  if (key)
    write(
      pen,
      key,
      source.x + source.w / 2,
      source.y + source.h - 10,
      blocked ? theme.state.retry : theme.soft,
      'center',
      `550 12px ${SANS}`,
    );
}

/**
 * Paints which permits are held, and which are not given again.
 * @param {CanvasRenderingContext2D} pen
 * @param {Places} places
 * @param {Snapshot} snapshot
 * @param {import('./tokens.js').Tokens} tokens
 * @param {Theme} theme
 */
function paintSockets(pen, places, snapshot, tokens, theme) {
  const { slots, laneHeight } = places;
  pen.beginPath();
  for (const { look, slot } of tokens.all.values()) {
    if ((look !== 'running' && look !== 'leaked') || slot < 0 || slot >= slots) continue;
    const { x, y } = socket(places, slot);
    circle(pen, x, y, Math.min(4, laneHeight * 0.15));
  }
  pen.fillStyle = theme.state.running;
  pen.fill();
  // Permits above a lowered limit are not given again.
  pen.beginPath();
  for (let slot = snapshot.of('limit'); slot < slots; slot += 1) {
    const { x, y } = socket(places, slot);
    pen.moveTo(x - 9, y + 9);
    pen.lineTo(x + 9, y - 9);
  }
  pen.strokeStyle = theme.soft;
  pen.lineWidth = 1.25;
  pen.stroke();
}

/**
 * @param {CanvasRenderingContext2D} pen
 * @param {Places} places
 * @param {Snapshot} snapshot
 * @param {Theme} theme
 */
function paintHeld(pen, places, snapshot, theme) {
  const { grid, slots } = places;
  if (grid.size < 5) return;
  pen.beginPath();
  for (let row = 0; row < snapshot.rows; row += 1) {
    if (snapshot.task(row, TASK.place) !== PLACE.running) continue;
    const slot = snapshot.task(row, TASK.permit);
    if (slot >= slots) continue;
    const { x, y } = socket(places, slot);
    pen.roundRect(x - grid.size * 0.46, y - grid.size * 0.46, grid.size * 0.92, grid.size * 0.92, grid.size * 0.2);
  }
  pen.fillStyle = theme.state.running;
  pen.globalAlpha = 0.13;
  pen.fill();
  pen.globalAlpha = 1;
}

/**
 * Paints the bracket around a batch, and the line that the next batch waits at.
 * @param {CanvasRenderingContext2D} pen @param {Places} places @param {Snapshot} snapshot @param
 *   {Theme} theme @param {Words} words
 */
function paintBatch(pen, places, snapshot, theme, words) {
  const { queue, run } = places;
  if (!queue) return;
  const number = snapshot.of('batch');
  const left = queue.x - 10;
  const right = run.x + run.w + 7;
  const top = run.y - 4;
  const bottom = run.y + run.h + 4;
  pen.beginPath();
  pen.moveTo(left + 10, top);
  pen.lineTo(left, top);
  pen.lineTo(left, bottom);
  pen.lineTo(left + 10, bottom);
  pen.moveTo(right - 10, top);
  pen.lineTo(right, top);
  pen.lineTo(right, bottom);
  pen.lineTo(right - 10, bottom);
  pen.strokeStyle = number >= 0 ? theme.state.retry : theme.line;
  pen.lineWidth = 2;
  pen.stroke();
  if (number < 0) return;
  const text = words.batch
    .replace('{n}', count(number + 1))
    .replace('{ended}', count(snapshot.of('batch_ended')))
    .replace('{size}', count(snapshot.of('batch_size')));
  writeOver(pen, text, right, bottom + 17, theme.state.retry, theme);
}

/**
 * @param {CanvasRenderingContext2D} pen
 * @param {Places} places
 * @param {Snapshot} snapshot
 * @param {Theme} theme
 * @param {Words} words
 */
function paintGroup(pen, places, snapshot, theme, words) {
  const { run } = places;
  const cancelled = snapshot.of('cause') >= 0;
  round(pen, run.x - 8, run.y - 6, run.w + 15, run.h + 12, 10);
  pen.strokeStyle = cancelled ? theme.state.cancelled : theme.strong;
  pen.lineWidth = cancelled ? 2 : 1.25;
  pen.stroke();
  if (cancelled) {
    const text = words.groupCancelled.replace('{task}', String(snapshot.of('cause')));
    writeOver(pen, text, run.x + run.w + 6, run.y + run.h + 21, theme.state.cancelled, theme);
  }
}

/**
 * Paints the wave that crosses a group from the task that failed.
 * @param {CanvasRenderingContext2D} pen @param {Places} places @param {{x: number, y: number}} from
 *   @param {number} part 0 to 1 @param {Theme} theme
 */
export function paintWave(pen, places, from, part, theme) {
  const { run } = places;
  pen.save();
  round(pen, run.x - 8, run.y - 6, run.w + 15, run.h + 12, 10);
  pen.clip();
  pen.beginPath();
  circle(pen, from.x, from.y, Math.max(1, part * Math.hypot(run.w, run.h)));
  pen.strokeStyle = theme.state.cancelled;
  pen.globalAlpha = 0.5 * (1 - part);
  pen.lineWidth = 18;
  pen.stroke();
  pen.restore();
}

/**
 * Finds the time of the newest cancellation among the tasks that have just ended; -1 for none.
 * @param {Snapshot} snapshot
 */
export function cancelledAt(snapshot) {
  if (snapshot.of('cause') < 0) return -1;
  let at = -1;
  for (let row = 0; row < snapshot.recents; row += 1) {
    if (snapshot.recent(row, RECENT.outcome) === OUTCOME.cancelled)
      at = Math.max(at, snapshot.recent(row, RECENT.at_ns));
  }
  return at;
}

/**
 * Paints the counts, over the tokens.
 * @param {CanvasRenderingContext2D} pen @param {Places} places @param {Snapshot} snapshot @param
 *   {Theme} theme @param {Words} words
 */
export function paintCounts(pen, places, snapshot, theme, words) {
  const { queue, run, narrow } = places;
  const y = run.y - 10;
  if (queue) {
    // The places that are drawn may be fewer.
    const capacity = snapshot.of('queue_capacity');
    const queued = snapshot.of('queued');
    const text = places.capacity > 0 && capacity > 0 ? `${count(queued)} / ${count(capacity)}` : count(queued);
    writeFitting(pen, [`${words.queue}  ${text}`, text], queue.x, y, queue.w + 6, theme.soft);
  }
  const leaked = snapshot.of('abandoned') > 0 ? leakedPermits(snapshot) : 0;
  const lost = leaked > 0 ? `  ${words.lost.replace('{count}', count(leaked))}` : '';
  const held = `${count(snapshot.of('in_flight'))} / ${count(snapshot.of('limit'))}${lost}`;
  const name = places.pattern === 'pool' ? words.workers : places.pattern === 'group' ? words.group : words.permits;
  writeFitting(pen, [`${name}  ${held}`, held], run.x, y, run.w, theme.soft);
  const values = [snapshot.of('done'), snapshot.of('dead'), snapshot.of('released'), snapshot.of('abandoned')];
  BINS.forEach((bin, index) => {
    const at = binPlace(places, index);
    const quiet = values[index] === 0;
    if (bin === 'leaked' && quiet) return;
    paintSign(pen, bin, at.x, at.y, narrow ? 8 : 11, theme);
    const size = narrow ? 15 : 20;
    write(
      pen,
      count(values[index]),
      at.x + (narrow ? 14 : 20),
      at.y + (narrow ? 5 : 3),
      quiet ? theme.soft : theme.ink,
      'left',
      `650 ${size}px ${SANS}`,
    );
    if (!narrow) write(pen, words[bin], at.x + 20, at.y + 19, theme.soft, 'left', `500 12px ${SANS}`);
  });
}

/** Counts the permits that abandoned tasks still hold. @param {Snapshot} snapshot */
function leakedPermits(snapshot) {
  let leaked = 0;
  for (let row = 0; row < snapshot.rows; row += 1) {
    if (snapshot.task(row, TASK.place) === PLACE.abandoned && snapshot.task(row, TASK.permit) >= 0) leaked += 1;
  }
  return leaked;
}

/**
 * Writes the first of several texts that fits the room.
 * @param {CanvasRenderingContext2D} pen @param {string[]} texts @param {number} x @param {number} y
 *   @param {number} room @param {string} color
 */
function writeFitting(pen, texts, x, y, room, color) {
  pen.font = `500 12px ${SANS}`;
  const text = texts.find((one) => pen.measureText(one).width <= room) ?? texts[texts.length - 1];
  write(pen, text, x, y, color);
}

/**
 * Writes a text that ends at a point, over any line that passes there.
 * @param {CanvasRenderingContext2D} pen @param {string} text @param {number} x @param {number} y
 *   @param {string} color @param {Theme} theme
 */
function writeOver(pen, text, x, y, color, theme) {
  pen.font = `600 12px ${SANS}`;
  const { width } = pen.measureText(text);
  pen.fillStyle = theme.ground;
  pen.fillRect(x - width - 3, y - 11, width + 6, 15);
  write(pen, text, x, y, color, 'right', `600 12px ${SANS}`);
}
