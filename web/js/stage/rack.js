// Many running tasks: a rack of cells, of which only those are painted that changed since the last
// frame. Rings are the most expensive paths, and most tasks neither leave their cell nor progress
// visibly within a frame.

import { arc, circle } from './shapes.js';

/**
 * The number of running tasks from which on they make a rack. Fewer are larger, and their rings
 * would visibly move in steps.
 */
export const RACK_FROM = 120;
const STEPS = 32;
/**
 * The contents of a cell without a task at rest: nothing, or a permit whose task is still moving
 * there.
 */
const EMPTY = -2;
const HELD = -1;

/** Computes the width and the radius of the ring around a running task. @param {number} r */
export function ring(r) {
  const width = Math.max(1.2, r * 0.2);
  return { width, at: r + width + 0.4 };
}

/**
 * Computes the largest radius whose ring stays in its cell.
 * @param {number} size
 * @param {number} r
 */
function inside(size, r) {
  return Math.max(1, Math.min(r, (size / 2 - 0.6) / 1.4));
}

export class Rack {
  constructor() {
    this.canvas = document.createElement('canvas');
    this.pen = /** @type {CanvasRenderingContext2D} */ (this.canvas.getContext('2d'));
    /** @type {import('./geometry.js').Places | null} */
    this.places = null;
    this.scale = 0;
    /** @type {import('./theme.js').Theme | null} */
    this.theme = null;
    /** The progress of the task in each cell when it was painted, in steps. */
    this.painted = new Int8Array(0);
    this.wanted = new Int8Array(0);
    /** A dial for each step. @type {ImageBitmap | null} */
    this.dials = null;
    this.side = 0;
    /** Tasks that move to their cell. @type {import('./tokens.js').Token[]} */
    this.loose = [];
  }

  /**
   * @param {CanvasRenderingContext2D} pen
   * @param {import('./geometry.js').Places} places
   * @param {import('./tokens.js').Token[]} tokens
   * @param {import('./theme.js').Theme} theme
   * @param {number} scale device pixels of a pixel
   */
  draw(pen, places, tokens, theme, scale) {
    if (places !== this.places || theme !== this.theme || scale !== this.scale) this.build(places, theme, scale);
    const { painted, wanted, loose } = this;
    const { columns, size, x, y } = places.grid;
    wanted.fill(EMPTY);
    loose.length = 0;
    for (const token of tokens) {
      const { slot } = token;
      if (slot < 0 || slot >= wanted.length) {
        loose.push(token);
        continue;
      }
      const dx = token.x - x - ((slot % columns) + 0.5) * size;
      const dy = token.y - y - (Math.floor(slot / columns) + 0.5) * size;
      const rests = Math.abs(dx) + Math.abs(dy) < 0.75;
      wanted[slot] = rests ? stepOf(token.progress) : HELD;
      if (!rests) loose.push(token);
    }
    for (let slot = 0; slot < wanted.length; slot += 1) if (wanted[slot] !== painted[slot]) this.cell(slot);
    pen.drawImage(
      this.canvas,
      Math.round(x * scale) / scale,
      Math.round(y * scale) / scale,
      this.canvas.width / scale,
      this.canvas.height / scale,
    );
    const { side, dials } = this;
    if (!dials) return;
    for (const { x: at, y: to, progress } of loose) {
      const left = Math.round(at * scale - side / 2) / scale;
      const top = Math.round(to * scale - side / 2) / scale;
      pen.drawImage(dials, stepOf(progress) * side, 0, side, side, left, top, side / scale, side / scale);
    }
  }

  /** Paints one cell. @param {number} slot */
  cell(slot) {
    const { pen, places, scale, side, wanted, painted, dials } = this;
    if (!places || !dials) return;
    const { columns, size } = places.grid;
    const step = wanted[slot];
    painted[slot] = step;
    const column = slot % columns;
    const row = Math.floor(slot / columns);
    const [left, right] = [Math.round(column * size * scale), Math.round((column + 1) * size * scale)];
    const [top, bottom] = [Math.round(row * size * scale), Math.round((row + 1) * size * scale)];
    pen.clearRect(left, top, right - left, bottom - top);
    if (step === EMPTY) return;
    const gap = Math.max(1, Math.round(size * scale * 0.04));
    pen.globalAlpha = 0.13;
    pen.fillRect(left + gap, top + gap, right - left - 2 * gap, bottom - top - 2 * gap);
    pen.globalAlpha = 1;
    if (step !== HELD)
      pen.drawImage(
        dials,
        step * side,
        0,
        side,
        side,
        Math.round((left + right - side) / 2),
        Math.round((top + bottom - side) / 2),
        side,
        side,
      );
  }

  /**
   * @param {import('./geometry.js').Places} places
   * @param {import('./theme.js').Theme} theme
   * @param {number} scale
   */
  build(places, theme, scale) {
    Object.assign(this, { places, theme, scale });
    const { columns, rows, size } = places.grid;
    this.canvas.width = Math.ceil(columns * size * scale);
    this.canvas.height = Math.ceil(rows * size * scale);
    this.pen.fillStyle = theme.state.running;
    this.painted = new Int8Array(places.slots).fill(EMPTY);
    this.wanted = new Int8Array(places.slots);
    const r = inside(size, places.radius);
    const { width, at } = ring(r);
    const side = Math.ceil((2 * (at + width / 2) + 1) * scale);
    const canvas = new OffscreenCanvas(side * (STEPS + 1), side);
    const pen = /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext('2d'));
    pen.scale(scale, scale);
    const middle = side / scale / 2;
    for (let step = 0; step <= STEPS; step += 1) {
      const x = (step * side) / scale + middle;
      pen.beginPath();
      circle(pen, x, middle, r);
      pen.fillStyle = theme.state.running;
      pen.fill();
      if (r < 3) continue;
      pen.lineWidth = width;
      pen.beginPath();
      circle(pen, x, middle, at);
      pen.strokeStyle = theme.line;
      pen.stroke();
      pen.beginPath();
      if (step > 0) arc(pen, x, middle, at, step / STEPS);
      pen.strokeStyle = theme.state.running;
      pen.stroke();
    }
    this.dials?.close();
    // Copying from a bitmap is cheaper than from a canvas.
    this.dials = canvas.transferToImageBitmap();
    this.side = side;
  }
}

/** @param {number} progress */
function stepOf(progress) {
  return progress > 0 ? Math.max(1, Math.round(progress * STEPS)) : 0;
}
