// The charts' lines, and how the module's series are read.

import { digits } from '../format.js';
import { SERIES } from '../generated/layout.js';
import { seriesRow } from '../snapshot.js';

/**
 * @import { Translate } from '../translator.js'
 *
 * @typedef {keyof typeof SERIES} Row
 *
 * @typedef {object} Line
 * @property {Row} row of the series
 * @property {boolean} [bound] drawn as a bound, not as a measure
 * @property {boolean} [sparse] known only where something ended; between, the line goes on
 *
 * @typedef {object} Chart
 * @property {string} key
 * @property {'per_s' | 'count' | 'ms' | 'percent' | 'per_bucket'} unit
 * @property {Line[]} lines
 * @property {number} main the line that is shown of each run when there are several
 */

/** @type {Chart[]} */
export const CHARTS = [
  { key: 'throughput', unit: 'per_s', lines: [{ row: 'ended_per_s' }], main: 0 },
  { key: 'in_flight', unit: 'count', lines: [{ row: 'in_flight' }, { row: 'limit', bound: true }], main: 0 },
  { key: 'queued', unit: 'count', lines: [{ row: 'queued' }], main: 0 },
  { key: 'oldest', unit: 'ms', lines: [{ row: 'oldest_ms' }], main: 0 },
  {
    key: 'wait',
    unit: 'ms',
    lines: [
      { row: 'wait_p50_ms', sparse: true },
      { row: 'wait_p99_ms', sparse: true },
    ],
    main: 1,
  },
  {
    key: 'service',
    unit: 'ms',
    lines: [
      { row: 'service_p50_ms', sparse: true },
      { row: 'service_p99_ms', sparse: true },
    ],
    main: 1,
  },
  { key: 'utilisation', unit: 'percent', lines: [{ row: 'utilisation' }], main: 0 },
  { key: 'failures', unit: 'per_bucket', lines: [{ row: 'failed' }, { row: 'retried' }], main: 0 },
];

/** The series of one run. */
export class Series {
  /** @param {Float64Array} table @param {number} buckets */
  constructor(table, buckets) {
    this.table = table;
    this.buckets = buckets;
  }

  /**
   * Reads a row; a value that is not known is null.
   * @param {Row} name
   * @returns {(number | null)[]}
   */
  row(name) {
    const values = seriesRow(this.table, SERIES[name], this.buckets);
    return Array.from(values, (value) => (value < 0 ? null : value));
  }
}

/**
 * Formats a value with its unit.
 * @param {number | null | undefined} value
 * @param {Chart['unit']} unit
 * @param {Translate} tr
 */
export function valueText(value, unit, tr) {
  if (value === null || value === undefined) return '–';
  if (value === 0 && unit === 'ms') return '0 ms';
  if (unit === 'percent') return `${Math.round(value * 100)} %`;
  if (unit === 'ms') return value >= 1000 ? `${digits(value / 1000)} s` : `${digits(value)} ms`;
  if (unit === 'per_s')
    return tr('chart.perSecond', {
      count: value === 0 ? 0 : value >= 10 ? Math.round(value).toLocaleString('en') : digits(value),
    });
  return Number.isInteger(value) ? value.toLocaleString('en') : digits(value);
}

/**
 * Formats a value of an axis, which has little room.
 * @param {number} value
 * @param {Chart['unit']} unit
 */
export function tickText(value, unit) {
  if (unit === 'percent') return `${Math.round(value * 100)}%`;
  if (value >= 1e6) return `${Number((value / 1e6).toPrecision(3))}M`;
  if (value >= 1e4) return `${Number((value / 1e3).toPrecision(3))}k`;
  return String(Number(value.toPrecision(4)));
}
