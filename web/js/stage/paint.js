// Paints tokens: one path for each state.

import { ring } from './rack.js';
import { arc, bar, circle, cross, diamond, square, tick, triangle } from './shapes.js';

/**
 * @typedef {import('./tokens.js').Token} Token
 * @typedef {import('./tokens.js').Look} Look
 * @typedef {import('./theme.js').Theme} Theme
 */

/** The smallest size of text that can be read, and the size of a digit as parts of it. */
const TEXT_MIN = 8;
const DIGIT = 0.62;
const DIGIT_HEIGHT = 0.72;
/** The number of waiting tasks above which they are drawn without numbers. */
const CROWD = 12;

/** @type {Look[]} */
const LOOKS = ['queued', 'running', 'succeeded', 'failed', 'cancelled', 'waiting', 'leaked'];

/**
 * @type {Record<Look, 'queued' | 'running' | 'done' | 'failed' | 'cancelled' | 'retry' | 'leaked'>}
 */
const COLOR = {
  queued: 'queued',
  running: 'running',
  succeeded: 'done',
  failed: 'failed',
  cancelled: 'cancelled',
  waiting: 'retry',
  leaked: 'leaked',
};

/**
 * @param {CanvasRenderingContext2D} pen
 * @param {Iterable<Token>} tokens
 * @param {number} radius
 * @param {Theme} theme
 * @param {import('./labels.js').Labels} labels
 * @param {((tokens: Token[]) => void) | null} rack paints running tasks, where they are many
 * @param {number} selected
 * @param {number} nowNs
 */
export function paintTokens(pen, tokens, radius, theme, labels, rack, selected, nowNs) {
  /** @type {Record<Look, Token[]>} */
  const sorted = { queued: [], running: [], succeeded: [], failed: [], cancelled: [], waiting: [], leaked: [] };
  /** @type {Token | null} */
  let chosen = null;
  for (const token of tokens) {
    sorted[token.look].push(token);
    if (token.id === selected) chosen = token;
  }
  for (const look of LOOKS) {
    if (look === 'running' && rack) rack(sorted.running);
    else if (sorted[look].length > 0)
      paintLook(pen, look, sorted[look], look === 'waiting' ? waitingRadius(sorted.waiting, radius) : radius, theme);
  }
  if (!rack) rings(pen, sorted.running, radius, theme);
  const size = Math.max(TEXT_MIN, Math.round(radius * 0.82));
  if (fitting(1, radius) >= TEXT_MIN)
    for (const look of LOOKS) label(look, sorted[look], radius, size, theme, labels, nowNs);
  if (chosen) {
    pen.beginPath();
    circle(pen, chosen.x, chosen.y, radius + 6);
    pen.strokeStyle = theme.ink;
    pen.lineWidth = 2;
    pen.stroke();
  }
}

/**
 * Computes the radius of waiting tasks; many stand close together.
 * @param {Token[]} tokens
 * @param {number} radius
 */
function waitingRadius(tokens, radius) {
  return tokens.length > CROWD ? Math.min(radius, 7) : radius;
}

/**
 * @param {CanvasRenderingContext2D} pen
 * @param {Look} look
 * @param {{x: number, y: number}[]} tokens
 * @param {number} r
 * @param {Theme} theme
 */
export function paintLook(pen, look, tokens, r, theme) {
  const color = theme.state[COLOR[look]];
  const body = {
    queued: circle,
    running: circle,
    succeeded: square,
    failed: diamond,
    cancelled: circle,
    waiting: triangle,
    leaked: circle,
  };
  const filled = look === 'running' || look === 'succeeded' || look === 'failed' || look === 'waiting';
  pen.beginPath();
  for (const { x, y } of tokens) body[look](pen, x, y, filled ? r : r - 0.75);
  if (filled) {
    pen.fillStyle = color;
    pen.fill();
    if (look === 'waiting' && tokens.length > CROWD) {
      pen.strokeStyle = theme.ground;
      pen.lineWidth = 1;
      pen.stroke();
    }
  } else {
    pen.fillStyle = theme.ground;
    pen.fill();
    pen.strokeStyle = color;
    pen.lineWidth = r > 5 ? 1.75 : 1.2;
    if (look === 'leaked') pen.setLineDash([r * 0.5, r * 0.36]);
    pen.stroke();
    pen.setLineDash([]);
  }
  const mark = look === 'succeeded' ? tick : look === 'failed' ? cross : look === 'cancelled' ? bar : null;
  if (!mark || r < 3.5) return;
  pen.beginPath();
  for (const { x, y } of tokens) mark(pen, x, y, r);
  pen.strokeStyle = look === 'cancelled' ? color : theme.onFill;
  pen.lineWidth = Math.max(1.2, r * 0.18);
  pen.lineCap = 'round';
  pen.stroke();
  pen.lineCap = 'butt';
}

/**
 * Paints the progress of running tasks.
 * @param {CanvasRenderingContext2D} pen
 * @param {Token[]} tokens
 * @param {number} r
 * @param {Theme} theme
 */
function rings(pen, tokens, r, theme) {
  if (tokens.length === 0 || r < 3) return;
  const { width, at } = ring(r);
  pen.lineWidth = width;
  pen.beginPath();
  for (const { x, y } of tokens) circle(pen, x, y, at);
  pen.strokeStyle = theme.line;
  pen.stroke();
  pen.beginPath();
  for (const { x, y, progress } of tokens) if (progress > 0) arc(pen, x, y, at, progress);
  pen.strokeStyle = theme.state.running;
  pen.stroke();
}

/**
 * @param {Look} look
 * @param {Token[]} tokens
 * @param {number} r
 * @param {number} size
 * @param {Theme} theme
 * @param {import('./labels.js').Labels} labels
 * @param {number} nowNs
 */
function label(look, tokens, r, size, theme, labels, nowNs) {
  const number = (
    /** @type {number} */ id,
    /** @type {number} */ x,
    /** @type {number} */ y,
    /** @type {string} */ color,
  ) => {
    const text = String(id);
    const fits = Math.min(size, fitting(text.length, r));
    if (fits >= TEXT_MIN) labels.want(text, x, y, fits, color);
  };
  if (look === 'queued') {
    for (const { id, x, y, place } of tokens) {
      number(id, x, y, theme.state.queued);
      // The places of the first tasks in the queue.
      if (r > 9 && place < 9) labels.want(String(place + 1), x - r * 1.02, y - r * 0.9, 9, theme.soft);
    }
  } else if (look === 'running') {
    for (const { id, x, y } of tokens) number(id, x, y, theme.onFill);
  } else if (look === 'waiting' && tokens.length <= CROWD) {
    for (const { attempt, x, y } of tokens) labels.want(String(attempt), x, y + r * 0.22, size, theme.onFill);
  } else if (look === 'leaked') {
    for (const { id, sinceNs, x, y } of tokens) {
      number(id, x, y, theme.state.leaked);
      if (r > 8) labels.want(age(nowNs - sinceNs), x + r + 27, y, 10, theme.state.leaked);
    }
  }
}

/**
 * Computes the largest size at which a number stays inside a circle, corners included.
 * @param {number} digits
 * @param {number} r
 */
function fitting(digits, r) {
  return Math.floor((r - 0.5) / Math.hypot((DIGIT * digits) / 2, DIGIT_HEIGHT / 2));
}

/** Formats an age in few digits, so that labels repeat. @param {number} ns */
function age(ns) {
  return ns < 1e9 ? `${Math.round(ns / 1e7) * 10} ms` : `${(ns / 1e9).toFixed(1)} s`;
}
