// Compare: the four patterns on the same tasks and one clock, and what each came to.

import { h, setText } from '../dom.js';
import { ask } from '../engine.js';
import { count, currentLanguage, digits, duration, t } from '../i18n.js';
import { stylesheet } from '../panels/charts.js';
import { ParamsForm } from '../panels/form.js';
import { DEFAULTS, fitting } from '../params.js';
import { PATTERNS } from '../snapshot.js';

/**
 * @typedef {object} Row
 * @property {string} key
 * @property {(report: any) => number | null | undefined} value
 * @property {(value: number) => string} text
 * @property {'least' | 'most'} [best] which is better; nothing where none is
 * @property {boolean} [whole] compared only among patterns that got everything done
 */

/** Times that differ by less are the same. */
const EVEN = 1.005;

const ms = (/** @type {number} */ value) => duration(value * 1e6);

/** @type {Row[]} */
const ROWS = [
  { key: 'time', value: (report) => report.elapsed_ms, text: ms, best: 'least', whole: true },
  {
    key: 'throughput',
    value: (report) => report.throughput_per_s,
    text: (value) => t('chart.perSecond', { count: value >= 100 ? count(Math.round(value)) : digits(value) }),
    best: 'most',
    whole: true,
  },
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

/** @param {import('../app.js').App} app @returns {import('../app.js').Guide} */
export function guide(app) {
  const { session } = app;
  /** @type {any} */
  let params = structuredClone(DEFAULTS);
  let turn = 0;
  const problem = h('p', { class: 'problem', role: 'alert', hidden: true });
  const form = new ParamsForm(params, { pattern: false, onchange: (next) => void begin(next, []) });
  const table = h('table', { class: 'differences' });
  const verdict = h('p', { class: 'verdict' });
  const below = h(
    'section',
    { class: 'card', 'aria-labelledby': 'compare-title' },
    h('h2', { id: 'compare-title' }, t('compare.differences')),
    verdict,
    h('div', { class: 'scroll', tabindex: 0, role: 'region', 'aria-labelledby': 'compare-title' }, table),
    h('h3', { class: 'which' }, t('compare.which')),
    h(
      'dl',
      { class: 'advice' },
      ...PATTERNS.flatMap((name) => [h('dt', {}, t(`pattern.${name}`)), h('dd', {}, t(`advice.${name}`))]),
    ),
  );

  /** @param {unknown} error */
  function complain(error) {
    problem.hidden = error === null;
    setText(problem, error instanceof Error ? error.message : error === null ? '' : String(error));
  }

  /** All four, on the same tasks. @param {any} next @param {number[]} at */
  async function begin(next, at) {
    turn += 1;
    const mine = turn;
    params = next;
    const opened = await Promise.allSettled(
      PATTERNS.map((pattern) => ask('simulate', JSON.stringify(fitting({ ...next, pattern })))),
    );
    const players = opened.flatMap((one) => (one.status === 'fulfilled' ? [one.value.player] : []));
    const failed = opened.find((one) => one.status === 'rejected');
    if (mine !== turn || failed) {
      for (const player of players) void ask('close', player);
      if (mine === turn && failed) complain(failed.reason);
      return;
    }
    complain(null);
    const wasPlaying = session.playing;
    const runs = PATTERNS.map((pattern, index) => ({
      player: players[index],
      title: t(`pattern.${pattern}`),
      params: { ...next, pattern },
    }));
    document.body.dataset.panels = String(runs.length);
    await session.show(runs, { at: at.length > 0 ? { positions: at } : { t: 0 } });
    app.caption(t('compare.caption', { tasks: count(next.tasks), limit: next.limit }), t('compare.subtitle'));
    const reports = await Promise.all(
      players.map(async (player) => JSON.parse(await ask('call', player, 'report_end'))),
    );
    if (mine !== turn) return;
    fill(reports);
    if (wasPlaying) session.play();
  }

  /** @param {any[]} reports */
  function fill(reports) {
    const whole = wholeOnes(reports);
    table.replaceChildren(
      h('caption', { class: 'hidden' }, t('compare.differences')),
      h('thead', {}, h('tr', {}, h('td'), ...PATTERNS.map((name) => h('th', { scope: 'col' }, t(`pattern.${name}`))))),
      h('tbody', {}, ...ROWS.map((row) => line(row, reports, whole))),
    );
    setText(verdict, judge(reports, whole));
  }

  return {
    element: h('div', { class: 'tab-body' }, problem, h('p', { class: 'note' }, t('compare.help')), form.element),
    below: [below],
    enter: async (view) => {
      await stylesheet('../../css/modes.css');
      let given = structuredClone(DEFAULTS);
      if (view.run) {
        try {
          const read = JSON.parse(view.run);
          given = read.params ?? read;
        } catch {
          complain(t('lab.badLink'));
        }
      }
      if (!view.speed) session.setSpeed(0.1);
      form.set(given);
      await begin(given, view.at ?? []);
    },
    link: () => ({ run: JSON.stringify(params) }),
    leave: () => {
      turn += 1;
      delete document.body.dataset.panels;
    },
  };
}

/** The patterns that got as much done as any. A group that stopped early is quick for that reason only. @param {any[]} reports */
function wholeOnes(reports) {
  const most = Math.max(...reports.map(({ done }) => done));
  return reports.map(({ done }) => done === most);
}

/** @param {Row} row @param {any[]} reports @param {boolean[]} whole */
function line(row, reports, whole) {
  const values = reports.map((report) => row.value(report) ?? null);
  const compared = values.map((value, index) => (value !== null && (!row.whole || whole[index]) ? value : null));
  const known = /** @type {number[]} */ (compared.filter((value) => value !== null));
  const best = row.best === 'least' ? Math.min(...known) : row.best === 'most' ? Math.max(...known) : null;
  // What is the same for all is nobody's merit.
  const differs = best !== null && values.some((value) => value !== best);
  return h(
    'tr',
    { 'data-row': row.key },
    h('th', { scope: 'row' }, t(`compare.${row.key}`)),
    ...values.map((value, index) => {
      const is = differs && compared[index] === best;
      return h(
        'td',
        { class: is ? 'best' : undefined, 'data-value': value ?? '' },
        is && h('span', { class: 'badge' }, t('compare.best')),
        value === null ? '–' : row.text(value),
      );
    }),
  );
}

/** Which was through first, in a sentence. @param {any[]} reports @param {boolean[]} whole */
function judge(reports, whole) {
  const times = reports.map((report, index) => ({
    name: t(`pattern.${report.pattern}`),
    ms: report.elapsed_ms,
    whole: whole[index],
    done: report.done,
  }));
  const through = times.filter((one) => one.whole).sort((a, b) => a.ms - b.ms);
  const stopped = times.filter((one) => !one.whole);
  const [first] = through;
  const last = through.at(-1);
  const parts = [];
  // Those that differ by less than anybody sees were first together.
  const together = through.filter((one) => one.ms <= first.ms * EVEN).map(({ name }) => name);
  const names = new Intl.ListFormat(currentLanguage()).format(together);
  if (last && first.ms > 0 && last.ms > first.ms * EVEN)
    parts.push(
      t('compare.verdict', {
        first: names,
        time: ms(first.ms),
        last: last.name,
        percent: Math.round((last.ms / first.ms - 1) * 100),
      }),
    );
  else parts.push(t('compare.even', { time: ms(first.ms) }));
  for (const { name, done } of stopped)
    parts.push(t('compare.stopped', { name, done: count(done), of: count(first.done) }));
  return parts.join(' ');
}
