// Everything that can be saved: files of each run on the stage, a picture, a link.

import { byId, download, h, setText, stylesheet } from '../dom.js';
import { messageOf, moment } from '../format.js';
import { OUTCOME, PLACE, SERIES, TASK } from '../generated/layout.js';
import { Snapshot } from '../snapshot.js';
import { picture } from './picture.js';

/**
 * @import { Page } from '../page.js'
 * @import { Run } from '../playback.js'
 *
 * @typedef {object} Format
 * @property {string} key
 * @property {string} suffix
 * @property {string} type
 * @property {(run: Run, page: Page) => Promise<BlobPart>} write
 */

/** Rows of a table of series. */
const BUCKETS = 1000;
/** More tasks than a run holds at once. */
const ROWS_MAX = 1e6;

/** @type {Format[]} */
const FORMATS = [
  {
    key: 'trace',
    suffix: 'trace.jsonl',
    type: 'application/x-ndjson',
    write: ({ player }, { engine }) => engine.ask('trace', player),
  },
  {
    key: 'perfetto',
    suffix: 'perfetto.json',
    type: 'application/json',
    write: ({ player }, { engine }) => engine.ask('perfetto', player),
  },
  { key: 'series', suffix: 'series.csv', type: 'text/csv', write: seriesCsv },
  { key: 'tasks', suffix: 'tasks.csv', type: 'text/csv', write: tasksCsv },
  {
    key: 'report',
    suffix: 'report.json',
    type: 'application/json',
    write: async ({ player }, { engine }) => `${await engine.ask('reportText', player)}\n`,
  },
];

/** Opens the dialog of everything that can be saved. @param {Page} page */
export async function showExport(page) {
  await stylesheet('modes.css');
  const { element } = new ExportDialog(page);
  document.body.append(element);
  element.showModal();
}

class ExportDialog {
  /** @param {Page} page */
  constructor(page) {
    this.page = page;
    this.tr = page.tr;
    this.status = h('p', { class: 'note', role: 'status' });
    this.problem = h('p', { class: 'problem', role: 'alert', hidden: true });
    this.address = h('input', {
      type: 'text',
      readonly: true,
      value: location.href,
      'aria-label': this.tr('export.link'),
      onfocus: () => {
        this.address.select();
      },
    });
    this.element = this.build();
  }

  build() {
    const { tr } = this;
    const { runs } = this.page.playback;
    const dialog = h(
      'dialog',
      { class: 'dialog export', 'aria-labelledby': 'export-title', onclose: () => void dialog.remove() },
      h('h2', { id: 'export-title' }, tr('export.title')),
      runs.length === 0 ? h('p', {}, tr('export.nothing')) : null,
      h('ul', { class: 'formats' }, runs.length > 0 && FORMATS.map((format) => this.format(format)), this.picture()),
      h('h3', {}, tr('export.link')),
      h(
        'div',
        { class: 'address' },
        this.address,
        button(tr('export.copy'), `${tr('export.link')}: ${tr('export.copy')}`, () => void this.copy()),
      ),
      this.problem,
      this.status,
      h('form', { method: 'dialog' }, h('button', { class: 'primary' }, tr('help.close'))),
    );
    return dialog;
  }

  /** @param {Format} format */
  format(format) {
    const { tr, page } = this;
    const { runs } = page.playback;
    const buttons = runs.map((run, index) => {
      const text = runs.length > 1 ? run.title : tr('export.save');
      const name = fileName(run, runs.length > 1 ? index : -1, format.suffix);
      const make = async () => new Blob([await format.write(run, page)], { type: format.type });
      return button(text, `${tr(`export.${format.key}`)}: ${text}`, () => void this.save(name, make));
    });
    return this.row(format.key, buttons);
  }

  picture() {
    const { tr, page } = this;
    const make = () => picture(page.stage, byId('legend'), captions(page));
    const label = `${tr('export.png')}: ${tr('export.save')}`;
    return this.row('png', [button(tr('export.save'), label, () => void this.save('fourfold.png', make))]);
  }

  /** @param {string} key @param {HTMLElement[]} buttons */
  row(key, buttons) {
    const { tr } = this;
    return h(
      'li',
      { 'data-export': key },
      h('div', {}, h('h3', {}, tr(`export.${key}`)), h('p', { class: 'note' }, tr(`export.${key}.help`))),
      h('div', { class: 'takes' }, ...buttons),
    );
  }

  /** @param {string} name @param {() => Promise<Blob>} make */
  async save(name, make) {
    this.problem.hidden = true;
    setText(this.status, this.tr('export.making', { name }));
    try {
      download(name, await make());
      setText(this.status, this.tr('export.saved', { name }));
    } catch (error) {
      setText(this.status, '');
      setText(this.problem, messageOf(error));
      this.problem.hidden = false;
    }
  }

  async copy() {
    try {
      await navigator.clipboard.writeText(this.address.value);
      setText(this.status, this.tr('tools.copied'));
    } catch {
      // Where the clipboard is not allowed, the visitor copies what is selected.
      this.address.select();
      setText(this.status, this.tr('export.selected'));
    }
  }
}

/** @param {string} text @param {string} label @param {() => void} onclick */
function button(text, label, onclick) {
  return h('button', { type: 'button', 'aria-label': label, onclick }, text);
}

/** @param {Run} run @param {number} index -1 for the only run @param {string} suffix */
function fileName(run, index, suffix) {
  const pattern = run.params?.pattern ?? run.program ?? (index < 0 ? 'run' : `run-${index + 1}`);
  const seed = run.params?.seed === undefined ? '' : `-seed-${run.params.seed}`;
  return `fourfold-${pattern}${seed}.${suffix}`;
}

/** @param {Page} page */
function captions({ playback, tr }) {
  const [title, subtitle] = ['title', 'subtitle'].map((id) => byId(id).textContent ?? '');
  const time = moment(playback.time - playback.startNs);
  return { title, subtitle, note: `${time} · ${tr('export.digest')} ${playback.digest}` };
}

/** Writes the run's series as a table. @param {Run} run @param {Page} page */
async function seriesCsv(run, { engine, playback }) {
  const { startNs, endNs } = playback;
  const offset = playback.offset(playback.runs.indexOf(run));
  const table = await engine.ask('series', run.player, startNs + offset, endNs + offset, BUCKETS);
  const names = Object.keys(SERIES);
  const lines = [['t_ms', ...names].join(',')];
  for (let bucket = 0; bucket < BUCKETS; bucket += 1) {
    const values = names.map((_, row) => cell(table[row * BUCKETS + bucket]));
    lines.push([(((endNs - startNs) * bucket) / BUCKETS / 1e6).toFixed(3), ...values].join(','));
  }
  return `${lines.join('\r\n')}\r\n`;
}

/**
 * Writes the tasks that the run holds at the playhead as a table.
 * @param {Run} run
 * @param {Page} page
 */
async function tasksCsv({ player }, { engine }) {
  const snapshot = new Snapshot(await engine.ask('snapshot', player, ROWS_MAX, 0));
  const places = Object.keys(PLACE);
  const outcomes = Object.keys(OUTCOME);
  const write = (/** @type {string} */ name, /** @type {number} */ value) => {
    if (value >= 0 && name === 'place') return places[value];
    return value >= 0 && name === 'outcome' ? outcomes[value] : cell(value);
  };
  const columns = Object.entries(TASK);
  const lines = [Object.keys(TASK).join(',')];
  for (let row = 0; row < snapshot.rows; row += 1) {
    lines.push(columns.map(([name, column]) => write(name, snapshot.task(row, column))).join(','));
  }
  return `${lines.join('\r\n')}\r\n`;
}

/** Writes nothing where nothing is known. @param {number} value */
function cell(value) {
  return value < 0 ? '' : String(value);
}
