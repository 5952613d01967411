// Replay: a trace of a native run, dropped or chosen; up to four of its runs beside each other.

import { announce, h, setText } from '../dom.js';
import { ask } from '../engine.js';
import { count, t } from '../i18n.js';
import { stylesheet } from '../panels/charts.js';
import { DEFAULTS, fitting } from '../params.js';
import { PATTERNS } from '../snapshot.js';

/**
 * @typedef {{pattern: string, events: number}} Found a run of a trace
 * @typedef {{violation: string | null, missed: number, complete: boolean}} Checks
 */

const PANELS_MAX = 4;
/** More runs than anybody chooses from. */
const LISTED_MAX = 100;

/** @param {import('../app.js').App} app @returns {import('../app.js').Guide} */
export function guide(app) {
  const { session } = app;
  /** @type {Blob | null} */
  let file = null;
  let name = '';
  /** @type {Found[]} */
  let found = [];
  /** @type {number[]} which of them are shown */
  let chosen = [];
  let turn = 0;

  const problem = h('p', { class: 'problem', role: 'alert', hidden: true });
  const progress = h('p', { class: 'note', role: 'status' });
  const choose = h('input', {
    type: 'file',
    class: 'hidden',
    tabindex: -1,
    'aria-hidden': 'true',
    accept: '.jsonl,.json,.ndjson,.txt',
    onchange: () => {
      const [one] = choose.files ?? [];
      if (one) void open(one, one.name);
      choose.value = '';
    },
  });
  const place = h(
    'div',
    { class: 'drop' },
    h('p', {}, t('replay.drop')),
    h(
      'div',
      { class: 'row-of' },
      h(
        'button',
        { type: 'button', class: 'primary', id: 'choose-trace', onclick: () => choose.click() },
        t('replay.choose'),
      ),
      choose,
      h('button', { type: 'button', id: 'sample-one', onclick: () => void sample(['pool']) }, t('replay.sample')),
      h('button', { type: 'button', id: 'sample-four', onclick: () => void sample(PATTERNS) }, t('replay.sampleFour')),
    ),
  );
  const list = h('section', { 'aria-labelledby': 'runs-title', hidden: true });
  const rules = h('section', { 'aria-labelledby': 'rules-title', hidden: true });
  const how = h(
    'section',
    {},
    h('h3', {}, t('replay.how')),
    h('div', { class: 'command' }, h('code', {}, 'fourfold compare --trace runs.jsonl')),
  );
  const element = h('div', { class: 'tab-body' }, problem, place, progress, list, rules, how);

  /** @param {unknown} error */
  function complain(error) {
    problem.hidden = error === null;
    setText(problem, error === null ? '' : `${name}: ${error instanceof Error ? error.message : String(error)}`);
    if (error !== null) setText(progress, '');
  }

  /** A file's runs, and the first of them on the stage. @param {Blob} blob @param {string} title @param {number[]} [at] */
  async function open(blob, title, at) {
    turn += 1;
    const mine = turn;
    name = title;
    complain(null);
    setText(progress, t('replay.reading', { name, size: bytes(blob.size) }));
    try {
      const runs = JSON.parse(await ask('runs', blob));
      if (mine !== turn) return;
      if (runs.length === 0) throw new Error(t('replay.none'));
      file = blob;
      found = runs;
      chosen = found.slice(0, PANELS_MAX).map((_, index) => index);
      await load(mine, at);
    } catch (error) {
      if (mine === turn) complain(error);
    }
  }

  /** The chosen runs on the stage. @param {number} mine @param {number[]} [at] */
  async function load(mine, at) {
    if (!file) return;
    const runs = [];
    for (const [place, index] of chosen.entries()) {
      setText(progress, t('replay.loading', { run: place + 1, of: chosen.length, events: count(found[index].events) }));
      const { player } = await ask('load', file, index);
      runs.push({ player, title: title(index) });
      if (mine !== turn) {
        for (const left of runs) void ask('close', left.player);
        return;
      }
    }
    document.body.dataset.panels = String(runs.length);
    await session.show(runs, { at: at ? { positions: at } : { t: 0 } });
    const events = chosen.reduce((sum, index) => sum + found[index].events, 0);
    app.caption(name, t('replay.caption', { runs: runs.length, events: count(events) }));
    setText(progress, '');
    announce(t('replay.loaded', { name, runs: runs.length }));
    drawList();
    const checks = await Promise.all(runs.map(async ({ player }) => JSON.parse(await ask('call', player, 'checks'))));
    if (mine === turn) drawRules(checks);
  }

  /** @param {number} index */
  function title(index) {
    const { pattern } = found[index];
    const known = PATTERNS.includes(pattern) ? t(`pattern.${pattern}`) : t('replay.unknown');
    const twins = found.filter((run) => run.pattern === pattern).length;
    return twins > 1 ? `${index + 1} · ${known}` : known;
  }

  function drawList() {
    list.hidden = found.length < 2;
    if (list.hidden) return;
    list.replaceChildren(
      h('h2', { id: 'runs-title' }, t('replay.runs')),
      h('p', { class: 'note' }, t('replay.runsHelp', { most: PANELS_MAX })),
      h(
        'ul',
        { class: 'run-list' },
        ...found.slice(0, LISTED_MAX).map((run, index) => {
          const checked = chosen.includes(index);
          const box = h('input', {
            type: 'checkbox',
            id: `run-${index}`,
            '.checked': checked,
            disabled: !checked && chosen.length >= PANELS_MAX,
            onchange: () => void pick(index),
          });
          return h(
            'li',
            {},
            h(
              'label',
              { for: `run-${index}` },
              box,
              h('span', {}, title(index)),
              h('span', { class: 'amount' }, t('replay.events', { count: count(run.events) })),
            ),
          );
        }),
      ),
      found.length > LISTED_MAX ? h('p', { class: 'note' }, t('tasks.more', { count: found.length - LISTED_MAX })) : '',
    );
  }

  /** @param {number} index */
  async function pick(index) {
    const next = chosen.includes(index)
      ? chosen.filter((other) => other !== index)
      : [...chosen, index].sort((a, b) => a - b);
    if (next.length > 0) chosen = next;
    turn += 1;
    const mine = turn;
    try {
      if (next.length > 0) await load(mine);
      else drawList();
      document.getElementById(`run-${index}`)?.focus();
    } catch (error) {
      if (mine === turn) complain(error);
    }
  }

  /** @param {Checks[]} checks */
  function drawRules(checks) {
    rules.hidden = false;
    rules.replaceChildren(
      h('h2', { id: 'rules-title' }, t('replay.rules')),
      h('p', { class: 'note' }, t('replay.rulesHelp')),
      h(
        'ul',
        { class: 'checks' },
        ...checks.map(({ violation, missed, complete }, place) => {
          const kept = violation === null;
          const words = [kept ? t('replay.kept') : (violation ?? '')];
          if (missed > 0) words.push(t('replay.missed', { count: count(missed) }));
          if (!complete) words.push(t('replay.incomplete'));
          return h(
            'li',
            { 'data-kept': String(kept) },
            h('span', { class: 'sign', 'aria-hidden': 'true' }, kept ? '✓' : '✕'),
            h('span', {}, h('strong', {}, title(chosen[place])), `: ${words.join(' ')}`),
          );
        }),
      ),
    );
  }

  /** Runs made on the spot, as a file of traces. @param {string[]} patterns @param {number[]} [at] */
  async function sample(patterns, at) {
    /** @type {BlobPart[]} */
    const parts = [];
    for (const pattern of patterns) {
      const { player } = await ask('simulate', JSON.stringify(fitting({ ...DEFAULTS, pattern })));
      const bytes = /** @type {Uint8Array<ArrayBuffer>} */ (await ask('call', player, 'trace'));
      // A file has one header, at its top.
      parts.push(parts.length === 0 ? bytes : bytes.subarray(bytes.indexOf(10) + 1));
      void ask('close', player);
    }
    await open(new Blob(parts), patterns.length > 1 ? 'sample-four.jsonl' : 'sample.jsonl', at);
  }

  const over = (/** @type {DragEvent} */ event) => {
    if (![...(event.dataTransfer?.types ?? [])].includes('Files')) return;
    event.preventDefault();
    document.body.dataset.dropping = t('replay.dropHere');
    document.body.classList.add('dropping');
  };
  const out = (/** @type {DragEvent} */ event) => {
    if (event.relatedTarget === null) document.body.classList.remove('dropping');
  };
  const drop = (/** @type {DragEvent} */ event) => {
    document.body.classList.remove('dropping');
    const one = event.dataTransfer?.files[0];
    if (!one) return;
    event.preventDefault();
    void open(one, one.name);
  };

  return {
    element,
    enter: async (view) => {
      await stylesheet('../../css/modes.css');
      document.addEventListener('dragover', over);
      document.addEventListener('dragleave', out);
      document.addEventListener('drop', drop);
      app.caption(t('replay.title'), t('replay.subtitle'));
      if (!view.speed) session.setSpeed(0.1);
      document.body.dataset.panels = '1';
      // A file is nothing that a link can carry; a sample is made again.
      await (view.scenario === 'sample-four' ? sample(PATTERNS, view.at) : sample(['pool'], view.at));
    },
    link: () => (name.startsWith('sample') ? { scenario: name.replace('.jsonl', '') } : { at: undefined }),
    leave: () => {
      turn += 1;
      delete document.body.dataset.panels;
      document.removeEventListener('dragover', over);
      document.removeEventListener('dragleave', out);
      document.removeEventListener('drop', drop);
      document.body.classList.remove('dropping');
    },
  };
}

/** @param {number} size */
function bytes(size) {
  if (size < 1e4) return `${size} B`;
  return size < 1e6 ? `${(size / 1e3).toFixed(0)} kB` : `${(size / 1e6).toFixed(1)} MB`;
}
