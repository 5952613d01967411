// The places of a run's parts in its panel: rectangles only, no drawing and no state.

/**
 * @typedef {{x: number, y: number, w: number, h: number}} Box
 * @typedef {{columns: number, rows: number, size: number, x: number, y: number}} Grid
 *
 * @typedef {object} Places
 * @property {Box} panel
 * @property {string} pattern
 * @property {Box} source
 * @property {{x: number, y: number, h: number}} gate
 * @property {Box | null} queue
 * @property {Grid} queueGrid
 * @property {number} capacity the number of the queue's places; 0 without a bound
 * @property {Box} run
 * @property {'lanes' | 'grid'} form
 * @property {number} slots
 * @property {number} laneHeight
 * @property {Grid} grid
 * @property {Box} bins
 * @property {number} binHeight
 * @property {Box} retry
 * @property {number} radius
 * @property {boolean} narrow
 */

/** The largest number of lanes, and the heights of a lane; beyond, permits stand in a grid. */
const LANES_MAX = 16;
const LANE_MIN = 17;
const LANE_MAX = 96;
/** The radius of a token as a part of its cell, and the largest radius. */
const RADIUS_PART = 0.34;
const RADIUS_MAX = 16;

/**
 * @param {Box} panel
 * @param {{pattern: string, limit: number, capacity: number, queued: number, title: boolean}} run
 *   `capacity` is -1 where the pattern has no queue, and 0 where its queue has no bound
 * @returns {Places}
 */
export function arrange(panel, { pattern, limit, capacity, queued, title }) {
  const narrow = panel.w < 560;
  const pad = narrow ? 12 : 20;
  const top = panel.y + (title ? 44 : 14) + 20;
  const retryHeight = panel.h < 260 ? 34 : 46;
  const bottom = panel.y + panel.h - retryHeight - 20;
  const height = Math.max(40, bottom - top);
  const left = panel.x + pad;
  const width = panel.w - 2 * pad;
  const gap = narrow ? 18 : 30;
  const sourceWidth = narrow ? 16 : clamp(width * 0.06, 52, 72);
  const binWidth = narrow ? 58 : clamp(width * 0.12, 92, 124);
  const queues = capacity >= 0;
  const between = width - sourceWidth - binWidth - gap * (queues ? 3 : 2);
  const queueWidth = queues ? clamp(between * 0.24, 56, 300) : 0;
  const source = { x: left, y: top, w: sourceWidth, h: height };
  const gate = { x: left + sourceWidth + gap * 0.28, y: top, h: height };
  const queue = queues ? { x: left + sourceWidth + gap, y: top, w: queueWidth, h: height } : null;
  const runX = left + sourceWidth + gap + (queues ? queueWidth + gap : 0);
  const run = { x: runX, y: top, w: left + width - binWidth - gap - runX, h: height };
  const slots = Math.max(1, limit);
  const form = slots <= LANES_MAX && height / slots >= LANE_MIN ? 'lanes' : 'grid';
  const laneHeight = Math.min(LANE_MAX, height / slots);
  const grid = fit(run, slots, 44);
  const places = capacity > 0 ? capacity : Math.max(12, round(queued));
  const queueGrid = queue ? fit(queue, places, 44) : { columns: 1, rows: 1, size: 1, x: 0, y: 0 };
  const cell = form === 'lanes' ? laneHeight * 0.8 : grid.size;
  const radius = clamp(Math.min(cell, queue ? Math.max(queueGrid.size, 8) : cell) * RADIUS_PART, 2, RADIUS_MAX);
  return {
    panel,
    pattern,
    source,
    gate,
    queue,
    queueGrid,
    capacity,
    run,
    form,
    slots,
    laneHeight,
    grid,
    bins: { x: left + width - binWidth, y: top, w: binWidth, h: height },
    binHeight: height / 4,
    retry: { x: left, y: bottom + 12, w: width, h: retryHeight },
    radius,
    narrow,
  };
}

/**
 * Rounds up, so that an unbounded queue does not change its grid with every task.
 * @param {number} count
 */
function round(count) {
  let places = 12;
  while (places < count) places = Math.ceil(places * 1.5);
  return places;
}

/**
 * Fits a number of squares into the middle of a box, each as large as possible up to `largest`.
 * @param {Box} box
 * @param {number} count
 * @param {number} largest
 * @returns {Grid}
 */
function fit(box, count, largest) {
  let size = Math.min(largest, Math.sqrt((box.w * box.h) / count));
  while (size > 1 && Math.floor(box.w / size) * Math.floor(box.h / size) < count) size *= 0.985;
  const byHeight = Math.max(1, Math.floor(box.h / size));
  const columns = Math.max(1, Math.ceil(count / byHeight));
  const rows = Math.min(byHeight, Math.ceil(count / columns));
  return {
    columns,
    rows,
    size,
    x: box.x + (box.w - columns * size) / 2,
    y: box.y + (box.h - rows * size) / 2,
  };
}

/**
 * Finds the middle of a place in the queue; the next task to start stands at the right.
 * @param {Places} places
 * @param {number} index 0 is next
 */
export function queuePlace(places, index) {
  const { columns, rows, size, x, y } = places.queueGrid;
  const column = columns - 1 - Math.floor(index / rows);
  return { x: x + (column + 0.5) * size, y: y + ((index % rows) + 0.5) * size };
}

/**
 * Finds the lane of a permit.
 * @param {Places} places
 * @param {number} slot
 * @returns {Box}
 */
export function lane(places, slot) {
  const { run, laneHeight, slots } = places;
  const top = run.y + (run.h - laneHeight * slots) / 2;
  return { x: run.x, y: top + slot * laneHeight, w: run.w, h: laneHeight };
}

/** Computes half the gap between two lanes. @param {Places} places */
export function laneInset(places) {
  return Math.min(7, places.laneHeight * 0.12);
}

/** Computes the width of the socket at the left end of a lane. @param {Places} places */
export function socketWidth(places) {
  return Math.max(18, places.radius * 2 + 10);
}

/**
 * Finds the middle of a permit's socket.
 * @param {Places} places
 * @param {number} slot
 */
export function socket(places, slot) {
  if (places.form === 'lanes') {
    const { x, y, h } = lane(places, slot);
    return { x: x + socketWidth(places) / 2, y: y + h / 2 };
  }
  const { columns, size, x, y } = places.grid;
  return { x: x + ((slot % columns) + 0.5) * size, y: y + (Math.floor(slot / columns) + 0.5) * size };
}

/**
 * Finds the place of a running task: at the playhead, in its lane.
 * @param {Places} places
 * @param {number} slot
 * @param {number} head
 */
export function running(places, slot, head) {
  if (places.form === 'grid') return socket(places, slot);
  const { y, h } = lane(places, slot);
  return { x: head, y: y + h / 2 };
}

/** @type {readonly ['done', 'dead', 'released', 'leaked']} */
export const BINS = ['done', 'dead', 'released', 'leaked'];

/**
 * Finds the middle of a bin's sign.
 * @param {Places} places
 * @param {number} bin
 */
export function binPlace(places, bin) {
  const { bins, binHeight, narrow } = places;
  return { x: bins.x + (narrow ? 14 : 22), y: bins.y + (bin + 0.5) * binHeight };
}

/**
 * Finds the place of a task that waits for its next attempt: at the right at first, at the left
 * when it is due.
 * @param {Places} places
 * @param {number} progress
 * @param {number} index among the tasks that wait
 * @param {number} count
 */
export function retryPlace(places, progress, index, count) {
  const { retry, run, radius } = places;
  // A crowd stands in several rows.
  const lanes = count > 6 ? Math.max(1, Math.floor((retry.h - 2) / (count > 12 ? 11 : radius * 1.3))) : 1;
  const aside = Math.floor(index / lanes) * (count > 6 ? Math.min(7, (80 * lanes) / count) : 0);
  const from = run.x + run.w - radius - 22;
  const to = retry.x + radius + places.source.w / 2 + 14;
  const spread = lanes > 1 ? ((index % lanes) / (lanes - 1) - 0.5) * (retry.h - radius) : 0;
  return { x: from + (to - from) * Math.min(1, Math.max(0, progress)) + aside, y: retry.y + retry.h / 2 + spread };
}

/**
 * Divides an area into panels of equal size, one for each run.
 * @param {number} width
 * @param {number} height
 * @param {number} count
 * @returns {Box[]}
 */
export function panels(width, height, count) {
  const columns = count === 1 || width < 760 ? 1 : 2;
  const rows = Math.ceil(count / columns);
  const w = width / columns;
  const h = height / rows;
  return Array.from({ length: count }, (_, n) => ({ x: (n % columns) * w, y: Math.floor(n / columns) * h, w, h }));
}

/**
 * @param {number} value
 * @param {number} least
 * @param {number} most
 */
export function clamp(value, least, most) {
  return Math.min(most, Math.max(least, value));
}
