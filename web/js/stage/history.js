// The lanes, painted by time: what each permit was held for, where it was idle, and what cut all
// lanes at once. The whole run is painted once, and shown up to the playhead.

import { KINDS, LANE, OUTCOME } from '../generated/layout.js';
import { lane, laneInset, socketWidth } from './geometry.js';
import { SANS } from './theme.js';

/**
 * @typedef {import('./geometry.js').Places} Places
 * @typedef {import('./theme.js').Theme} Theme
 * @typedef {import('../snapshot.js').Snapshot} Snapshot
 *
 * @typedef {object} Axis the part of a run that the lanes show, counted from the run's start
 * @property {number} fromNs
 * @property {number} lengthNs
 */

const WIDTH = Object.keys(LANE).length;
const CUTS = /** @type {Record<string, 'retry' | 'cancelled' | 'strong'>} */ ({
  batch_closed: 'retry',
  group_cancelled: 'cancelled',
  drain_started: 'strong',
  abort_started: 'strong',
  run_ended: 'strong',
});
/** The narrowest bar that bears the number of its task, and the lowest. */
const LABEL_WIDTH = 22;
const LABEL_HEIGHT = 13;

/** Finds the part of a lane that time runs along. @param {Places} places */
export function span(places) {
  const { run, form, radius } = places;
  const left = form === 'lanes' ? socketWidth(places) + 3 : 0;
  return { x: run.x + left, w: Math.max(1, run.w - left - (form === 'lanes' ? radius + 3 : 0)) };
}

/** Finds the bar of a permit: its lane, or one of many thin rows. @param {Places} places @param {number} slot */
function bar(places, slot) {
  if (places.form === 'lanes') {
    const { y, h } = lane(places, slot);
    const inset = laneInset(places);
    return { y: y + inset, h: h - 2 * inset };
  }
  const { run, slots } = places;
  const h = run.h / slots;
  return { y: run.y + slot * h, h: h > 3 ? h - 1 : h };
}

/** Finds where a moment is. @param {Places} places @param {Axis} axis @param {number} ns since the run's start */
export function at(places, axis, ns) {
  const { x, w } = span(places);
  return x + w * Math.min(1, Math.max(0, (ns - axis.fromNs) / axis.lengthNs));
}

export class History {
  constructor() {
    this.canvas = document.createElement('canvas');
    this.pen = /** @type {CanvasRenderingContext2D} */ (this.canvas.getContext('2d'));
    /** The rows of the module, each of `LANE`. @type {Float64Array} */
    this.rows = new Float64Array(0);
    this.startNs = 0;
    /** What was painted last. @type {unknown[]} */
    this.painted = [];
  }

  /**
   * Draws the history up to the playhead.
   * @param {CanvasRenderingContext2D} pen @param {Places} places @param {Axis} axis
   * @param {number} head @param {Theme} theme @param {CanvasPattern | string} hatch
   * @param {number} scale device pixels of a pixel
   */
  draw(pen, places, axis, head, theme, hatch, scale) {
    const { run } = places;
    const wanted = [this.rows, places, axis.fromNs, axis.lengthNs, theme, hatch, scale];
    if (wanted.some((value, index) => value !== this.painted[index])) {
      this.painted = wanted;
      this.paint(places, axis, theme, hatch, scale);
    }
    const width = Math.min(this.canvas.width, Math.ceil((head - run.x + 1) * scale));
    if (width <= 0 || this.canvas.height === 0) return;
    pen.drawImage(
      this.canvas,
      ...[0, 0, width, this.canvas.height],
      ...[Math.round(run.x * scale) / scale, Math.round(run.y * scale) / scale],
      ...[width / scale, this.canvas.height / scale],
    );
  }

  /**
   * @param {Places} places @param {Axis} axis @param {Theme} theme
   * @param {CanvasPattern | string} hatch @param {number} scale
   */
  paint(places, axis, theme, hatch, scale) {
    const { run } = places;
    const { canvas, pen } = this;
    canvas.width = Math.ceil(run.w * scale);
    canvas.height = Math.ceil(run.h * scale);
    // In the coordinates of the stage.
    pen.setTransform(scale, 0, 0, scale, -Math.round(run.x * scale), -Math.round(run.y * scale));
    this.idle(places, axis, hatch);
    this.bars(places, axis, theme);
    this.cuts(places, axis, theme);
  }

  /** Reads a number of a row. @param {number} row @param {number} column */
  of(row, column) {
    return this.rows[row * WIDTH + column];
  }

  /** Finds the kind of the event that a row is; empty for a permit's. @param {number} row */
  kind(row) {
    return this.of(row, LANE.permit) < 0 ? (KINDS[this.of(row, LANE.outcome)] ?? '') : '';
  }

  /** Hatches the permits that there were, from the start of the run to its end. @param {Places} places @param {Axis} axis @param {CanvasPattern | string} hatch */
  idle(places, axis, hatch) {
    const { pen } = this;
    const end = this.startNs + axis.fromNs + axis.lengthNs;
    let since = this.startNs + axis.fromNs;
    let limit = 0;
    pen.beginPath();
    const upTo = (/** @type {number} */ ns) => {
      const from = at(places, axis, since - this.startNs);
      const to = at(places, axis, ns - this.startNs);
      for (let slot = 0; slot < Math.min(limit, places.slots) && to > from; slot += 1) {
        const { y, h } = bar(places, slot);
        pen.rect(from, y, to - from, h);
      }
      since = ns;
    };
    for (let row = 0; row < this.rows.length / WIDTH; row += 1) {
      const kind = this.kind(row);
      if (kind === 'run_started' || kind === 'limit_changed') {
        upTo(this.of(row, LANE.from_ns));
        limit = this.of(row, LANE.task);
      } else if (kind === 'run_ended') {
        upTo(this.of(row, LANE.from_ns));
        limit = 0;
      } else if (limit === 0 && kind === '' && row === 0) limit = places.slots;
    }
    upTo(end);
    pen.fillStyle = hatch;
    pen.fill();
  }

  /** Paints the attempts, one path for each colour. @param {Places} places @param {Axis} axis @param {Theme} theme */
  bars(places, axis, theme) {
    const { pen } = this;
    /** @type {Map<string, Path2D>} */
    const paths = new Map();
    const colors = { done: theme.state.running, failed: theme.state.failed, cancelled: theme.state.cancelled };
    for (const name of Object.keys(colors)) paths.set(name, new Path2D());
    const abandoned = new Path2D();
    for (let row = 0; row < this.rows.length / WIDTH; row += 1) {
      const slot = this.of(row, LANE.permit);
      if (slot < 0 || slot >= places.slots) continue;
      const from = at(places, axis, this.of(row, LANE.from_ns) - this.startNs);
      const to = at(places, axis, this.of(row, LANE.to_ns) - this.startNs);
      const { y, h } = bar(places, slot);
      // A gap between neighbours, where there is room for one.
      const width = Math.max(1, to - from - (to - from > 3 ? 1 : 0));
      const outcome = this.of(row, LANE.outcome);
      const name = outcome === OUTCOME.succeeded ? 'done' : outcome === OUTCOME.cancelled ? 'cancelled' : 'failed';
      const path = outcome < 0 ? abandoned : paths.get(name);
      path?.roundRect(from, y, width, h, Math.min(3, width / 2, h / 2));
    }
    for (const [name, path] of paths) {
      pen.fillStyle = colors[/** @type {keyof typeof colors} */ (name)];
      pen.fill(path);
    }
    // It ran until it was left alone: not to an end.
    pen.fillStyle = theme.state.running;
    pen.globalAlpha = 0.4;
    pen.fill(abandoned);
    pen.globalAlpha = 1;
    this.numbers(places, axis, theme);
  }

  /** Writes the numbers of tasks where there is room. @param {Places} places @param {Axis} axis @param {Theme} theme */
  numbers(places, axis, theme) {
    const { pen } = this;
    if (bar(places, 0).h < LABEL_HEIGHT) return;
    pen.font = `600 11px ${SANS}`;
    pen.textAlign = 'center';
    pen.textBaseline = 'middle';
    pen.fillStyle = theme.onFill;
    for (let row = 0; row < this.rows.length / WIDTH; row += 1) {
      const slot = this.of(row, LANE.permit);
      if (slot < 0 || slot >= places.slots || this.of(row, LANE.outcome) < 0) continue;
      const from = at(places, axis, this.of(row, LANE.from_ns) - this.startNs);
      const to = at(places, axis, this.of(row, LANE.to_ns) - this.startNs);
      if (to - from < LABEL_WIDTH) continue;
      const text = String(this.of(row, LANE.task));
      if (pen.measureText(text).width > to - from - 6) continue;
      const { y, h } = bar(places, slot);
      pen.fillText(text, (from + to) / 2, y + h / 2 + 0.5);
    }
  }

  /** Paints what cut all lanes at once. @param {Places} places @param {Axis} axis @param {Theme} theme */
  cuts(places, axis, theme) {
    const { pen } = this;
    const top = bar(places, 0).y - 3;
    const last = bar(places, places.slots - 1);
    for (let row = 0; row < this.rows.length / WIDTH; row += 1) {
      const kind = this.kind(row);
      const color = CUTS[kind];
      if (!color) continue;
      const x = at(places, axis, this.of(row, LANE.from_ns) - this.startNs);
      pen.beginPath();
      pen.moveTo(x, top);
      pen.lineTo(x, last.y + last.h + 3);
      pen.strokeStyle = color === 'strong' ? theme.strong : theme.state[color];
      pen.lineWidth = kind === 'group_cancelled' ? 3 : 1.5;
      pen.setLineDash(kind === 'batch_closed' ? [3, 3] : []);
      pen.stroke();
    }
    pen.setLineDash([]);
  }
}

/**
 * Paints the attempts under way, from their starts to the playhead, over what is yet to come of them.
 * @param {CanvasRenderingContext2D} pen
 * @param {Places} places
 * @param {Axis} axis
 * @param {import('./tokens.js').Tokens} tokens
 * @param {number} startNs
 * @param {number} head
 * @param {Theme} theme
 */
export function paintUnderWay(pen, places, axis, tokens, startNs, head, theme) {
  const [first, last] = [bar(places, 0), bar(places, places.slots - 1)];
  pen.fillStyle = theme.strong;
  pen.fillRect(Math.round(head) - 0.5, first.y - 3, 1, last.y + last.h + 6 - first.y);
  const runs = new Path2D();
  const leaks = new Path2D();
  for (const { look, slot, sinceNs } of tokens.all.values()) {
    if ((look !== 'running' && look !== 'leaked') || slot < 0 || slot >= places.slots) continue;
    const from = at(places, axis, sinceNs - startNs);
    const { y, h } = bar(places, slot);
    const width = Math.max(1, head - from);
    if (look === 'running') runs.roundRect(from, y, width, h, Math.min(3, width / 2));
    else leaks.rect(from + 0.75, y + 0.75, Math.max(1, width - 1.5), h - 1.5);
  }
  pen.fillStyle = theme.ground;
  pen.fill(runs);
  pen.fillStyle = theme.state.running;
  pen.globalAlpha = 0.32;
  pen.fill(runs);
  pen.globalAlpha = 1;
  pen.strokeStyle = theme.state.leaked;
  pen.lineWidth = 1.5;
  pen.setLineDash([4, 3]);
  pen.stroke(leaks);
  pen.setLineDash([]);
}
