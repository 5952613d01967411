// What can be taken along: files of each run on the stage, a picture, a link.

import { byId, download, h, setText } from '../dom.js';
import { ask } from '../engine.js';
import { moment, t } from '../i18n.js';
import { layout, Snapshot } from '../snapshot.js';
import { stylesheet } from './charts.js';
import { picture } from './picture.js';

/**
 * @typedef {import('../session.js').Run} Run
 *
 * @typedef {object} Format
 * @property {string} key
 * @property {string} suffix
 * @property {string} type
 * @property {(run: Run, session: import('../session.js').Session) => Promise<BlobPart>} write
 */

/** Rows of a table of series. */
const BUCKETS = 1000;

/** @type {Format[]} */
const FORMATS = [
  {
    key: 'trace',
    suffix: 'trace.jsonl',
    type: 'application/x-ndjson',
    write: (run) => ask('call', run.player, 'trace'),
  },
  {
    key: 'perfetto',
    suffix: 'perfetto.json',
    type: 'application/json',
    write: (run) => ask('call', run.player, 'perfetto'),
  },
  { key: 'series', suffix: 'series.csv', type: 'text/csv', write: seriesCsv },
  { key: 'tasks', suffix: 'tasks.csv', type: 'text/csv', write: tasksCsv },
  {
    key: 'report',
    suffix: 'report.json',
    type: 'application/json',
    write: async (run) => `${await ask('call', run.player, 'report_end')}\n`,
  },
];

/** @param {import('../app.js').App} app */
export async function showExport(app) {
  await stylesheet('../../css/modes.css');
  const { session } = app;
  const { runs } = session;
  const status = h('p', { class: 'note', role: 'status' });
  const problem = h('p', { class: 'problem', role: 'alert', hidden: true });

  /** @param {string} name @param {() => Promise<Blob>} make */
  async function save(name, make) {
    problem.hidden = true;
    setText(status, t('export.making', { name }));
    try {
      download(name, await make());
      setText(status, t('export.saved', { name }));
    } catch (error) {
      setText(status, '');
      setText(problem, error instanceof Error ? error.message : String(error));
      problem.hidden = false;
    }
  }

  const button = (/** @type {string} */ text, /** @type {string} */ label, /** @type {() => void} */ act) =>
    h('button', { type: 'button', 'aria-label': label, onclick: act }, text);
  const row = (/** @type {string} */ key, /** @type {HTMLElement[]} */ buttons) =>
    h(
      'li',
      { 'data-export': key },
      h('div', {}, h('h3', {}, t(`export.${key}`)), h('p', { class: 'note' }, t(`export.${key}.help`))),
      h('div', { class: 'takes' }, ...buttons),
    );

  const address = h('input', {
    type: 'text',
    readonly: true,
    value: location.href,
    'aria-label': t('export.link'),
    onfocus: (/** @type {Event} */ event) => /** @type {HTMLInputElement} */ (event.target).select(),
  });
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(address.value);
      setText(status, t('tools.copied'));
    } catch {
      address.select();
      setText(status, t('export.selected'));
    }
  };
  const dialog = h(
    'dialog',
    { class: 'dialog export', 'aria-labelledby': 'export-title', onclose: () => dialog.remove() },
    h('h2', { id: 'export-title' }, t('export.title')),
    runs.length === 0 ? h('p', {}, t('export.nothing')) : null,
    h(
      'ul',
      { class: 'formats' },
      ...(runs.length === 0
        ? []
        : FORMATS.map((format) =>
            row(
              format.key,
              runs.map((run, index) => {
                const text = runs.length > 1 ? run.title : t('export.save');
                return button(
                  text,
                  `${t(`export.${format.key}`)}: ${text}`,
                  () =>
                    void save(
                      fileName(run, runs.length > 1 ? index : -1, format.suffix),
                      async () => new Blob([await format.write(run, session)], { type: format.type }),
                    ),
                );
              }),
            ),
          )),
      row('png', [
        button(
          t('export.save'),
          `${t('export.png')}: ${t('export.save')}`,
          () => void save('fourfold.png', () => picture(app.stage.canvas, byId('legend'), captions(session))),
        ),
      ]),
    ),
    h('h3', {}, t('export.link')),
    h(
      'div',
      { class: 'address' },
      address,
      button(t('export.copy'), `${t('export.link')}: ${t('export.copy')}`, () => void copy()),
    ),
    problem,
    status,
    h('form', { method: 'dialog' }, h('button', { class: 'primary' }, t('help.close'))),
  );
  document.body.append(dialog);
  dialog.showModal();
}

/** @param {Run} run @param {number} index @param {string} suffix */
function fileName(run, index, suffix) {
  const pattern = run.params?.pattern ?? run.program ?? (index < 0 ? 'run' : `run-${index + 1}`);
  const seed = run.params?.seed === undefined ? '' : `-seed-${run.params.seed}`;
  return `fourfold-${pattern}${seed}.${suffix}`;
}

/** @param {import('../session.js').Session} session */
function captions(session) {
  const [title, subtitle] = ['title', 'subtitle'].map((id) => byId(id).textContent ?? '');
  return { title, subtitle, note: `${moment(session.t - session.startNs)} · ${t('export.digest')} ${session.digest}` };
}

/** @param {Run} run @param {import('../session.js').Session} session */
async function seriesCsv(run, session) {
  const { startNs, endNs } = session;
  /** @type {Float64Array} */
  const table = await ask('call', run.player, 'series', startNs, endNs, BUCKETS);
  const lines = [['t_ms', ...layout.series].join(',')];
  for (let bucket = 0; bucket < BUCKETS; bucket += 1) {
    const values = layout.series.map((_, row) => cell(table[row * BUCKETS + bucket]));
    lines.push([(((endNs - startNs) * bucket) / BUCKETS / 1e6).toFixed(3), ...values].join(','));
  }
  return `${lines.join('\r\n')}\r\n`;
}

/** What the run holds at the playhead. @param {Run} run */
async function tasksCsv(run) {
  const snapshot = new Snapshot(await ask('call', run.player, 'snapshot', 1e6, 0));
  const names = { place: layout.places, outcome: layout.outcomes };
  const lines = [layout.task.join(',')];
  for (let row = 0; row < snapshot.rows; row += 1) {
    lines.push(
      layout.task
        .map((name, column) => {
          const value = snapshot.task(row, column);
          const words = /** @type {Record<string, string[]>} */ (names)[name];
          return words && value >= 0 ? words[value] : cell(value);
        })
        .join(','),
    );
  }
  return `${lines.join('\r\n')}\r\n`;
}

/** Nothing where nothing is known. @param {number} value */
function cell(value) {
  return value < 0 ? '' : String(value);
}
