// Reads snapshots: one Float64Array each, laid out as the wasm module says.

/**
 * @typedef {object} Layout
 * @property {string[]} header
 * @property {string[]} task
 * @property {string[]} recent
 * @property {string[]} series
 * @property {string[]} places
 * @property {string[]} fates
 * @property {string[]} outcomes
 * @property {string[]} kinds
 * @property {string[]} phases
 * @property {string[]} intakes
 */

/** @type {Layout} */
export let layout = {
  header: [],
  task: [],
  recent: [],
  series: [],
  places: [],
  fates: [],
  outcomes: [],
  kinds: [],
  phases: [],
  intakes: [],
};
/** @type {Map<string, number>} */
let header = new Map();

/** Columns of a task row. */
export const TASK = {
  id: 0,
  attempt: 0,
  place: 0,
  permit: 0,
  worker: 0,
  since_ns: 0,
  until_ns: 0,
  outcome: 0,
  batch: 0,
  queue_place: 0,
};
/** Columns of a row about a task that has just ended. */
export const RECENT = { id: 0, fate: 0, outcome: 0, at_ns: 0 };
/** Numbers of places. */
export const PLACE = { queued: 0, running: 0, ended: 0, waiting: 0, abandoned: 0 };
/** Numbers of fates. */
export const FATE = { done: 0, retried: 0, dead: 0, released: 0, lease_lost: 0, abandoned: 0 };

/**
 * Learns where everything is, once.
 * @param {string} json
 */
export function learnLayout(json) {
  layout = JSON.parse(json);
  header = new Map(layout.header.map((name, index) => [name, index]));
  assign(TASK, layout.task);
  assign(RECENT, layout.recent);
  assign(PLACE, layout.places);
  assign(FATE, layout.fates);
}

/**
 * @param {Record<string, number>} table
 * @param {string[]} names
 */
function assign(table, names) {
  for (const name of Object.keys(table)) {
    const index = names.indexOf(name);
    if (index < 0) throw new Error(`the module's layout has no ${name}`);
    table[name] = index;
  }
}

export const PATTERNS = ['set', 'batch', 'pool', 'group'];

export class Snapshot {
  /** @param {Float64Array} data */
  constructor(data) {
    this.data = data;
    this.taskStart = layout.header.length;
    this.taskWidth = layout.task.length;
    this.rows = this.of('task_rows');
    this.recentStart = this.taskStart + this.rows * this.taskWidth;
    this.recentWidth = layout.recent.length;
    this.recents = this.of('recent_rows');
  }

  /**
   * A number of the header; -1 where it is absent.
   * @param {string} name
   * @returns {number}
   */
  of(name) {
    const index = header.get(name);
    if (index === undefined) throw new Error(`a snapshot has no ${name}`);
    return this.data[index];
  }

  /**
   * @param {number} row
   * @param {number} column one of TASK
   */
  task(row, column) {
    return this.data[this.taskStart + row * this.taskWidth + column];
  }

  /**
   * @param {number} row
   * @param {number} column one of RECENT
   */
  recent(row, column) {
    return this.data[this.recentStart + row * this.recentWidth + column];
  }

  /** The name of the pattern. */
  get pattern() {
    return PATTERNS[this.of('pattern')] ?? 'pool';
  }

  get phase() {
    return layout.phases[this.of('phase')] ?? '';
  }

  get intake() {
    return layout.intakes[this.of('intake')] ?? '';
  }

  /** The event right before the playhead. */
  get kind() {
    return layout.kinds[this.of('kind')] ?? '';
  }

  /** The row of a task, or -1. @param {number} id */
  rowOf(id) {
    for (let row = 0; row < this.rows; row += 1) {
      if (this.task(row, TASK.id) === id) return row;
    }
    return -1;
  }
}
