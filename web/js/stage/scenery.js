// The parts that stay as they are during a run: lanes, sockets, the queue's places, bins and the
// way back. Painted once per layout.

import { lane, laneInset, socket, socketWidth } from './geometry.js';
import { bar, circle, cross, diamond, square, tick } from './shapes.js';
import { SANS } from './theme.js';

/**
 * @typedef {import('./geometry.js').Places} Places
 * @typedef {import('./theme.js').Theme} Theme
 * @typedef {Record<string, string>} Words
 */

/**
 * @param {CanvasRenderingContext2D} pen
 * @param {Places} places
 * @param {Theme} theme
 * @param {Words} words
 */
export function paintScenery(pen, places, theme, words) {
  paintSource(pen, places, theme, words);
  if (places.queue) paintQueue(pen, places, theme);
  if (places.form === 'lanes') paintLanes(pen, places, theme);
  else paintSockets(pen, places, theme);
  paintRetry(pen, places, theme, words);
  paintBins(pen, places, theme);
}

/**
 * @param {CanvasRenderingContext2D} pen
 * @param {string} text
 * @param {number} x
 * @param {number} y
 * @param {string} color
 * @param {CanvasTextAlign} [align]
 * @param {string} [font]
 */
export function write(pen, text, x, y, color, align = 'left', font = `500 12px ${SANS}`) {
  pen.font = font;
  pen.fillStyle = color;
  pen.textAlign = align;
  pen.textBaseline = 'alphabetic';
  pen.fillText(text, x, y);
}

/**
 * @param {CanvasRenderingContext2D} pen
 * @param {Places} places
 * @param {Theme} theme
 * @param {Words} words
 */
function paintSource(pen, places, theme, words) {
  const { source } = places;
  round(pen, source.x, source.y, source.w, source.h, 8);
  pen.fillStyle = theme.band;
  pen.fill();
  if (!places.narrow) write(pen, words.source, source.x + 2, source.y - 9, theme.soft);
}

/** @param {CanvasRenderingContext2D} pen @param {Places} places @param {Theme} theme */
function paintQueue(pen, places, theme) {
  const { queue, queueGrid, capacity } = places;
  if (!queue) return;
  const { columns, rows, size, x, y } = queueGrid;
  const inset = 5;
  round(pen, x - inset, y - inset, columns * size + 2 * inset, rows * size + 2 * inset, 8);
  pen.fillStyle = theme.band;
  pen.fill();
  if (capacity === 0) return;
  // A notch for each place of the queue.
  pen.beginPath();
  if (size >= 9) {
    for (let n = 0; n < capacity; n += 1) {
      const column = columns - 1 - Math.floor(n / rows);
      const left = x + column * size + size * 0.3;
      const base = y + ((n % rows) + 1) * size - 2;
      pen.moveTo(left, base);
      pen.lineTo(left + size * 0.4, base);
    }
    pen.strokeStyle = theme.strong;
    pen.globalAlpha = 0.55;
    pen.lineWidth = 1.25;
    pen.stroke();
    pen.globalAlpha = 1;
  }
}

/** @param {CanvasRenderingContext2D} pen @param {Places} places @param {Theme} theme */
function paintLanes(pen, places, theme) {
  const { slots, laneHeight } = places;
  const inset = laneInset(places);
  pen.beginPath();
  for (let slot = 0; slot < slots; slot += 1) {
    const { x, y, w, h } = lane(places, slot);
    pen.roundRect(x + socketWidth(places), y + inset, w - socketWidth(places), h - 2 * inset, 8);
  }
  pen.fillStyle = theme.band;
  pen.fill();
  pen.beginPath();
  for (let slot = 0; slot < slots; slot += 1) {
    const { x, y } = socket(places, slot);
    circle(pen, x, y, Math.min(7, laneHeight * 0.26));
  }
  pen.strokeStyle = theme.strong;
  pen.lineWidth = 1.25;
  pen.stroke();
}

/** @param {CanvasRenderingContext2D} pen @param {Places} places @param {Theme} theme */
function paintSockets(pen, places, theme) {
  const { grid, slots, run } = places;
  const { columns, rows, size, x, y } = grid;
  round(pen, x - 5, y - 5, columns * size + 10, Math.min(rows * size + 10, run.h + 10), 8);
  pen.fillStyle = theme.band;
  pen.fill();
  if (size < 5) return;
  pen.beginPath();
  for (let slot = 0; slot < slots; slot += 1) {
    const at = socket(places, slot);
    circle(pen, at.x, at.y, size * 0.17);
  }
  pen.strokeStyle = theme.strong;
  pen.globalAlpha = 0.6;
  pen.lineWidth = 1;
  pen.stroke();
  pen.globalAlpha = 1;
}

/**
 * @param {CanvasRenderingContext2D} pen
 * @param {Places} places
 * @param {Theme} theme
 * @param {Words} words
 */
function paintRetry(pen, places, theme, words) {
  const { retry, source, run } = places;
  const y = retry.y + retry.h / 2;
  const right = run.x + run.w - 14;
  const left = source.x + source.w / 2;
  pen.beginPath();
  pen.moveTo(right, run.y + run.h + 8);
  pen.lineTo(right, y - 8);
  pen.quadraticCurveTo(right, y, right - 8, y);
  pen.lineTo(left + 8, y);
  pen.quadraticCurveTo(left, y, left, y - 8);
  pen.lineTo(left, source.y + source.h + 5);
  pen.strokeStyle = theme.line;
  pen.lineWidth = 2;
  pen.stroke();
  pen.beginPath();
  pen.moveTo(left - 4.5, source.y + source.h + 11);
  pen.lineTo(left, source.y + source.h + 4);
  pen.lineTo(left + 4.5, source.y + source.h + 11);
  pen.stroke();
  // Beside the way of the triangles.
  write(pen, words.retry, right + 10, y + 4, theme.soft);
}

/** @param {CanvasRenderingContext2D} pen @param {Places} places @param {Theme} theme */
function paintBins(pen, places, theme) {
  const { bins } = places;
  pen.beginPath();
  pen.moveTo(bins.x - (places.narrow ? 5 : 12), bins.y);
  pen.lineTo(bins.x - (places.narrow ? 5 : 12), bins.y + bins.h);
  pen.strokeStyle = theme.line;
  pen.lineWidth = 1;
  pen.stroke();
}

/**
 * Paints the sign of an ending, as in bins and in the legend.
 * @param {CanvasRenderingContext2D} pen
 * @param {'done' | 'dead' | 'released' | 'leaked'} bin
 * @param {number} x
 * @param {number} y
 * @param {number} r
 * @param {Theme} theme
 */
export function paintSign(pen, bin, x, y, r, theme) {
  const color =
    theme.state[/** @type {const} */ ({ done: 'done', dead: 'failed', released: 'cancelled', leaked: 'leaked' })[bin]];
  pen.beginPath();
  if (bin === 'done') square(pen, x, y, r);
  else if (bin === 'dead') diamond(pen, x, y, r);
  else circle(pen, x, y, r - 0.75);
  pen.lineWidth = 1.75;
  pen.strokeStyle = color;
  pen.fillStyle = color;
  if (bin === 'done' || bin === 'dead') pen.fill();
  else {
    if (bin === 'leaked') pen.setLineDash([r * 0.5, r * 0.36]);
    pen.stroke();
    pen.setLineDash([]);
  }
  pen.beginPath();
  if (bin === 'done') tick(pen, x, y, r);
  if (bin === 'dead') cross(pen, x, y, r);
  if (bin === 'released') bar(pen, x, y, r);
  pen.strokeStyle = bin === 'released' ? color : theme.onFill;
  pen.lineCap = 'round';
  pen.lineWidth = Math.max(1.4, r * 0.18);
  pen.stroke();
  pen.lineCap = 'butt';
}

/**
 * @param {CanvasRenderingContext2D} pen
 * @param {number} x
 * @param {number} y
 * @param {number} w
 * @param {number} h
 * @param {number} r
 */
export function round(pen, x, y, w, h, r) {
  pen.beginPath();
  pen.roundRect(x, y, w, h, Math.min(r, w / 2, h / 2));
}
