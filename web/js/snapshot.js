// Reads snapshots: one Float64Array each, laid out as generated/layout.js says.

import { HEADER, KINDS, PATTERNS, PHASES, RECENT, SOURCE_STATES, TASK } from './generated/layout.js';

/** @import { Pattern } from './protocol.js' */

/** @typedef {keyof typeof HEADER} Name a number of a snapshot's header */

const TASK_START = Object.keys(HEADER).length;
const TASK_WIDTH = Object.keys(TASK).length;
const RECENT_WIDTH = Object.keys(RECENT).length;

/** A run at one moment, as numbers; -1 stands for what is absent. */
export class Snapshot {
  /** @param {Float64Array} data */
  constructor(data) {
    this.data = data;
    this.rows = this.of('task_rows');
    this.recents = this.of('recent_rows');
    this.recentStart = TASK_START + this.rows * TASK_WIDTH;
  }

  /** Reads a number of the header. @param {Name} name @returns {number} */
  of(name) {
    return this.data[HEADER[name]];
  }

  /** Reads a number of a task's row. @param {number} row @param {number} column one of `TASK` */
  task(row, column) {
    return this.data[TASK_START + row * TASK_WIDTH + column];
  }

  /**
   * Reads a number about a task that has just ended.
   * @param {number} row
   * @param {number} column one of `RECENT`
   */
  recent(row, column) {
    return this.data[this.recentStart + row * RECENT_WIDTH + column];
  }

  /** The pattern of the run. @returns {Pattern} */
  get pattern() {
    return PATTERNS[this.of('pattern')] ?? 'pool';
  }

  get phase() {
    return PHASES[this.of('phase')] ?? '';
  }

  get sourceState() {
    return SOURCE_STATES[this.of('source_state')] ?? '';
  }

  /** The kind of the event right before the playhead. */
  get kind() {
    return KINDS[this.of('kind')] ?? '';
  }

  /** Digests the state as 16 hexadecimal digits. */
  get digest() {
    return [this.of('digest_hi'), this.of('digest_lo')].map((half) => half.toString(16).padStart(8, '0')).join('');
  }

  /** Finds the row of a task; -1 where the run does not hold the task. @param {number} id */
  rowOf(id) {
    for (let row = 0; row < this.rows; row += 1) {
      if (this.task(row, TASK.id) === id) return row;
    }
    return -1;
  }
}

/**
 * Reads a row of a table of series.
 * @param {Float64Array} table
 * @param {number} row one of `SERIES`
 * @param {number} buckets
 */
export function seriesRow(table, row, buckets) {
  return table.subarray(row * buckets, (row + 1) * buckets);
}
