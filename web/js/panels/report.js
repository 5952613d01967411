// The report of a run as pairs of names and values.

import { h } from '../dom.js';
import { count, digits, duration } from '../format.js';

/**
 * @import { Report } from '../protocol.js'
 * @import { Translate } from '../translator.js'
 */

/** Lists the figures of a report. @param {Report} report @param {Translate} tr */
export function reportFacts(report, tr) {
  const ms = (/** @type {number | null | undefined} */ value) =>
    value === null || value === undefined ? '–' : duration(value * 1e6);
  /** @type {[string, string][]} */
  const facts = [
    ['time', ms(report.elapsed_ms)],
    ['throughput', report.done > 0 ? tr('chart.perSecond', { count: digits(report.throughput_per_s ?? 0) }) : '–'],
    ['done', count(report.done)],
    ['dead', count(report.dead)],
    ['released', count(report.released)],
    ['attempts', count(report.attempts)],
    ['retried', count(report.retried)],
    ['failures', count(report.failed + report.timed_out + report.panicked)],
    ['peak', count(report.peak_in_flight)],
    ['wait99', ms(report.wait_ms?.p99)],
    ['service99', ms(report.service_ms?.p99)],
    ['idle', ms(report.idle_permit_ms)],
  ];
  return h(
    'div',
    {},
    report.error ? h('p', { class: 'problem' }, String(report.error)) : null,
    h(
      'dl',
      { class: 'facts many' },
      ...facts.map(([key, text]) =>
        h('div', { 'data-report': key }, h('dt', {}, tr(`compare.${key}`)), h('dd', {}, text)),
      ),
    ),
  );
}
