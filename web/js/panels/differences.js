// The differences between the four patterns on the same tasks: a table and a sentence.

import { h, setText } from '../dom.js';
import { count, digits, duration } from '../format.js';
import { PATTERNS } from '../generated/layout.js';

/**
 * @import { Report } from '../protocol.js'
 * @import { Translate, Translator } from '../translator.js'
 *
 * @typedef {object} Row
 * @property {string} key
 * @property {(report: Report) => number | null | undefined} value
 * @property {(value: number, tr: Translate) => string} text
 * @property {'least' | 'most'} [best] which value is better; absent where none is
 * @property {boolean} [whole] compared only among patterns that got everything done
 */

/** Times that differ by less than this factor are the same. */
const EVEN = 1.005;

const ms = (/** @type {number} */ value) => duration(value * 1e6);
const rate = (/** @type {number} */ value, /** @type {Translate} */ tr) =>
  tr('chart.perSecond', { count: value >= 100 ? count(Math.round(value)) : digits(value) });

/** Reads the throughput; tasks that were given back are no work done. @param {Report} report */
const doneRate = (report) => (report.done > 0 ? report.throughput_per_s : undefined);

/** @type {Row[]} */
const ROWS = [
  { key: 'time', value: (report) => report.elapsed_ms, text: ms, best: 'least', whole: true },
  { key: 'throughput', value: doneRate, text: rate, best: 'most', whole: true },
  { key: 'wait50', value: (report) => report.wait_ms?.p50, text: ms, best: 'least', whole: true },
  { key: 'wait99', value: (report) => report.wait_ms?.p99, text: ms, best: 'least', whole: true },
  { key: 'total99', value: (report) => report.total_ms?.p99, text: ms, best: 'least', whole: true },
  { key: 'peak', value: (report) => report.peak_in_flight, text: count },
  { key: 'idle', value: (report) => report.idle_permit_ms, text: ms, best: 'least', whole: true },
  { key: 'failures', value: (report) => report.failed + report.timed_out + report.panicked, text: count },
  { key: 'cancelled', value: (report) => report.cancelled, text: count },
  { key: 'done', value: (report) => report.done, text: count, best: 'most' },
  { key: 'dead', value: (report) => report.dead, text: count },
  { key: 'released', value: (report) => report.released, text: count },
];

export class Differences {
  /** @param {Translate} tr @param {Translator} translator */
  constructor(tr, translator) {
    this.tr = tr;
    this.translator = translator;
    this.table = h('table', { class: 'differences' });
    this.verdict = h('p', { class: 'verdict' });
    const advice = PATTERNS.flatMap((name) => [h('dt', {}, tr(`pattern.${name}`)), h('dd', {}, tr(`advice.${name}`))]);
    const scroll = { class: 'scroll', tabindex: 0, role: 'region', 'aria-labelledby': 'compare-title' };
    this.element = h(
      'section',
      { class: 'card', 'aria-labelledby': 'compare-title' },
      h('h2', { id: 'compare-title' }, tr('compare.differences')),
      this.verdict,
      h('div', scroll, this.table),
      h('h3', { class: 'which' }, tr('compare.which')),
      h('dl', { class: 'advice' }, ...advice),
    );
  }

  /** Shows reports, one for each pattern. @param {Report[]} reports */
  fill(reports) {
    const { tr } = this;
    const whole = wholeOnes(reports);
    const heads = PATTERNS.map((name) => h('th', { scope: 'col' }, tr(`pattern.${name}`)));
    this.table.replaceChildren(
      h('caption', { class: 'hidden' }, tr('compare.differences')),
      h('thead', {}, h('tr', {}, h('td'), ...heads)),
      h('tbody', {}, ...ROWS.map((row) => this.row(row, reports, whole))),
    );
    setText(this.verdict, this.judge(reports, whole));
  }

  /** @param {Row} row @param {Report[]} reports @param {boolean[]} whole */
  row(row, reports, whole) {
    const { tr } = this;
    const values = reports.map((report) => row.value(report) ?? null);
    const compared = values.map((value, index) => (value !== null && (!row.whole || whole[index]) ? value : null));
    const known = compared.filter((value) => value !== null);
    const best = row.best === 'least' ? Math.min(...known) : row.best === 'most' ? Math.max(...known) : null;
    // A value that all patterns share is no merit of any.
    const differs = best !== null && values.some((value) => value !== best);
    const cells = values.map((value, index) => {
      const is = differs && compared[index] === best;
      const badge = is && h('span', { class: 'badge' }, tr('compare.best'));
      const text = value === null ? '–' : row.text(value, tr);
      return h('td', { class: is ? 'best' : undefined, 'data-value': value ?? '' }, badge, text);
    });
    return h('tr', { 'data-row': row.key }, h('th', { scope: 'row' }, tr(`compare.${row.key}`)), ...cells);
  }

  /**
   * Says in a sentence which pattern ended first.
   * @param {Report[]} reports
   * @param {boolean[]} whole
   */
  judge(reports, whole) {
    const { tr } = this;
    const times = reports.map((report, index) => ({
      name: tr(`pattern.${report.pattern}`),
      ms: report.elapsed_ms,
      whole: whole[index],
      done: report.done,
    }));
    const through = times.filter((one) => one.whole).sort((a, b) => a.ms - b.ms);
    const stopped = times.filter((one) => !one.whole);
    const [first] = through;
    const last = through.at(-1);
    // Patterns that differ by less than can be seen were first together.
    const together = through.filter((one) => one.ms <= first.ms * EVEN).map(({ name }) => name);
    const names = new Intl.ListFormat(this.translator.language).format(together);
    const differs = last && first.ms > 0 && last.ms > first.ms * EVEN;
    const time = ms(first.ms);
    const parts = differs
      ? [
          tr('compare.verdict', {
            first: names,
            time,
            last: last.name,
            percent: Math.round((last.ms / first.ms - 1) * 100),
          }),
        ]
      : [tr('compare.even', { time })];
    for (const { name, done } of stopped) {
      parts.push(tr('compare.stopped', { name, done: count(done), of: count(first.done) }));
    }
    return parts.join(' ');
  }
}

/**
 * Finds the patterns that got as much done as any: a group that stopped early is quick for that
 * reason only.
 * @param {Report[]} reports
 */
function wholeOnes(reports) {
  const most = Math.max(...reports.map(({ done }) => done));
  return reports.map(({ done }) => done === most);
}
