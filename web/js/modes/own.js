// Own handler: an async function of JavaScript does the tasks of a run in real time, through any of the four patterns.

import { announce, h, setText } from '../dom.js';
import { ask, setHandler } from '../engine.js';
import { Sandbox } from '../frame.js';
import { OWN, OWN_PAYLOADS, PRESETS } from '../handlers/list.js';
import { count, t } from '../i18n.js';
import { stylesheet } from '../panels/charts.js';
import { editor } from '../panels/editor.js';
import { ParamsForm } from '../panels/form.js';
import { Log } from '../panels/log.js';
import { putUp, takeDown } from '../panels/placard.js';
import { reportFacts } from '../panels/report.js';
import { fitting } from '../params.js';
import { steadily } from '../steady.js';

const DEFAULTS = { pattern: 'pool', limit: 5, retries: 3, backoff_ms: 200, jitter: true };
const PROFILE_MS = 1000;
const PAYLOADS_MAX = 10_000;
const NAMES = [...PRESETS.map(({ name }) => name), 'own'];

/** Payloads as lines. @param {unknown[]} payloads */
const linesOf = (payloads) => payloads.map((payload) => JSON.stringify(payload)).join('\n');

/** @param {import('../app.js').App} app @returns {import('../app.js').Guide} */
export function guide(app) {
  const { session } = app;
  /** @type {any} */
  let params = structuredClone(DEFAULTS);
  let chosen = NAMES[0];
  /** The player of the run that goes on; -1: none does. */
  let running = -1;
  let limit = DEFAULTS.limit;
  let turn = 0;
  const profile = steadily(() => app.transport.profile(), PROFILE_MS);

  const problem = h('p', { class: 'problem', role: 'alert', hidden: true });
  const button = (/** @type {string} */ key, /** @type {() => void} */ act, primary = false) =>
    h(
      'button',
      { type: 'button', id: `own-${key}`, class: primary ? 'primary' : undefined, onclick: act },
      t(`own.${key}`),
    );
  const go = button('run', () => void run(), true);
  const drain = button('drain', () => void ask('call', running, 'drain'));
  const abort = button('abort', () => void ask('call', running, 'abort'));
  const less = h(
    'button',
    { type: 'button', id: 'own-less', 'aria-label': t('fault.less.help'), onclick: () => void setLimit(limit - 1) },
    '−',
  );
  const more = h(
    'button',
    { type: 'button', id: 'own-more', 'aria-label': t('fault.more.help'), onclick: () => void setLimit(limit + 1) },
    '+',
  );
  const shownLimit = h('output', { class: 'mono', id: 'own-limit' });
  const stepper = h('span', { class: 'stepper' }, t('param.limit'), less, shownLimit, more);
  const controls = h(
    'div',
    { class: 'row-of', role: 'group', 'aria-label': t('own.controls') },
    go,
    drain,
    abort,
    stepper,
  );

  const radios = new Map(
    NAMES.map((name) => [
      name,
      h('input', { type: 'radio', name: 'handler', value: name, onchange: () => void choose(name) }),
    ]),
  );
  const choices = h(
    'fieldset',
    { class: 'choice-list' },
    h('legend', {}, t('own.handler')),
    ...NAMES.map((name) =>
      h(
        'label',
        {},
        radios.get(name),
        h('span', {}, h('strong', {}, t(`own.${name}`)), h('span', { class: 'note' }, t(`own.${name}.help`))),
      ),
    ),
  );
  const source = h('pre', { class: 'source', tabindex: 0, role: 'region', 'aria-label': t('own.source') });
  const preset = h(
    'details',
    {},
    h('summary', {}, t('own.source')),
    source,
    h('p', {}, h('button', { type: 'button', id: 'own-copy', onclick: () => void copy() }, t('own.copy'))),
  );
  const code = editor({
    id: 'own-code',
    label: t('own.code'),
    value: OWN,
    run: () => void run(),
    class: 'code-area',
    help: t('own.codeHelp'),
  });
  const payloads = editor({
    id: 'own-payloads',
    label: t('own.payloads'),
    value: linesOf(PRESETS[0].payloads),
    run: () => void run(),
    class: 'payloads',
    help: t('own.payloadsHelp'),
  });
  const form = new ParamsForm(params, {
    without: ['seed', 'work', 'tasks'],
    onchange: (next) => {
      params = next;
      enable();
      session.tell('settle');
    },
  });
  const nest = h('div');
  const element = h(
    'div',
    { class: 'tab-body own' },
    problem,
    controls,
    choices,
    preset,
    code.element,
    payloads.element,
    form.element,
    nest,
  );

  const log = new Log('own-log');
  const result = h('div', { class: 'result' }, h('p', { class: 'note' }, t('own.reportEmpty')));
  const below = h(
    'section',
    { class: 'card', 'aria-labelledby': 'own-report-title' },
    h('h2', { id: 'own-report-title' }, t('own.report')),
    result,
    h('h3', { class: 'which' }, t('own.log')),
    log.element,
  );

  const sandbox = new Sandbox(nest, {
    log: (lines, dropped) => log.add(lines, dropped),
    lost: (message) => {
      complain(message);
      if (running >= 0) void ask('call', running, 'abort');
    },
  });

  /** @param {string | null} text */
  function complain(text) {
    problem.hidden = text === null;
    setText(problem, text ?? '');
  }

  /** Another handler; its payloads too, unless others were written. @param {string} name */
  async function choose(name) {
    const untouched = payloads.area.value === defaultPayloads(chosen);
    chosen = name;
    for (const [other, radio] of radios) radio.checked = other === name;
    if (untouched) payloads.area.value = defaultPayloads(name);
    preset.hidden = name === 'own';
    code.element.hidden = name !== 'own';
    complain(null);
    session.tell('settle');
    if (name !== 'own') setText(source, await text(name));
  }

  async function copy() {
    const given = payloads.area.value;
    code.area.value = (await text(chosen)).replace('export default ', '');
    await choose('own');
    payloads.area.value = given;
    code.area.focus();
  }

  /** What does the tasks. @returns {Promise<(task: import('../engine.js').OwnTask) => Promise<unknown>>} */
  async function prepare() {
    const found = PRESETS.find(({ name }) => name === chosen);
    if (!found) {
      await sandbox.start(code.area.value);
      return (task) => sandbox.call(task);
    }
    const module = await found.load();
    const say = (/** @type {unknown[]} */ ...values) => log.add([['log', values.map(String).join(' ')]]);
    return ({ payload, id, attempt, signal }) => module.default(payload, { id, attempt, signal, log: say });
  }

  async function run() {
    if (running >= 0 || go.disabled) return;
    turn += 1;
    const mine = turn;
    complain(null);
    code.area.removeAttribute('aria-invalid');
    go.disabled = true;
    try {
      payloads.area.setAttribute('aria-invalid', 'true');
      const values = readPayloads(payloads.area.value);
      payloads.area.removeAttribute('aria-invalid');
      const work = await prepare();
      if (mine !== turn) return;
      log.clear();
      setHandler(work);
      const { player } = await ask('own', JSON.stringify(fitting(params)), JSON.stringify(values));
      running = player;
      limit = params.limit;
      enable();
      app.caption(
        t('own.caption', { pattern: t(`pattern.${params.pattern}`), tasks: count(values.length), limit }),
        t(`advice.${params.pattern}`),
      );
      takeDown();
      await session.show([{ player, title: t(`pattern.${params.pattern}`), params }], {
        at: { end: true },
        follow: true,
      });
      session.follow();
      const report = JSON.parse(await ask('finished', player));
      if (mine !== turn) return;
      await finish(report);
    } catch (error) {
      if (mine === turn) complain(error instanceof Error ? error.message : String(error));
    } finally {
      if (mine === turn) {
        running = -1;
        enable();
        sandbox.stop();
      }
    }
  }

  /** @param {any} report */
  async function finish(report) {
    session.pause();
    session.following = false;
    await session.refresh({ end: true });
    await app.transport.profile();
    result.replaceChildren(reportFacts(report));
    announce(t('own.over', { done: count(report.done), dead: count(report.dead) }));
  }

  /** @param {number} next */
  async function setLimit(next) {
    if (running < 0 || next < 1) return;
    limit = next;
    await ask('call', running, 'set_limit', next);
    enable();
  }

  function enable() {
    const is = running >= 0;
    go.disabled = is;
    drain.disabled = !is;
    abort.disabled = !is;
    less.disabled = !is || limit <= 1;
    more.disabled = !is;
    setText(shownLimit, String(is ? limit : params.limit));
  }

  /** @param {string} json */
  function readView(json) {
    try {
      const read = JSON.parse(json);
      if (read.params) params = { ...DEFAULTS, ...read.params };
      if (typeof read.code === 'string') code.area.value = read.code;
      if (typeof read.payloads === 'string') payloads.area.value = read.payloads;
    } catch {
      complain(t('lab.badLink'));
    }
  }

  return {
    element,
    below: [below],
    enter: async (view) => {
      await stylesheet('../../css/modes.css');
      if (!view.speed) session.setSpeed(1);
      session.on('settle', () => running >= 0 && profile());
      app.caption(t('own.title'), t('own.subtitle'));
      await session.show([]);
      app.stage.paint(0, false);
      putUp(
        t('own.title'),
        t('own.press'),
        h('button', { type: 'button', class: 'primary', onclick: () => void run() }, t('own.run')),
      );
      enable();
      await choose(NAMES.includes(view.handler ?? '') ? /** @type {string} */ (view.handler) : NAMES[0]);
      // Code from a link is shown, and runs when it is asked to.
      if (view.run) readView(view.run);
      form.set(params);
      enable();
    },
    link: () => {
      const own = chosen === 'own' && code.area.value !== OWN ? code.area.value : undefined;
      const given = payloads.area.value === defaultPayloads(chosen) ? undefined : payloads.area.value;
      return { handler: chosen, run: JSON.stringify({ params, code: own, payloads: given }), at: undefined };
    },
    leave: () => {
      turn += 1;
      if (running >= 0) void ask('call', running, 'abort');
      running = -1;
      sandbox.stop();
      takeDown();
      session.following = false;
    },
  };
}

/** What a handler is given unless something else is written. @param {string} name */
function defaultPayloads(name) {
  return linesOf(PRESETS.find((one) => one.name === name)?.payloads ?? OWN_PAYLOADS);
}

/** Each line's value; an error names the line. @param {string} written @returns {unknown[]} */
function readPayloads(written) {
  /** @type {unknown[]} */
  const values = [];
  for (const [index, line] of written.split('\n').entries()) {
    if (line.trim() === '') continue;
    try {
      values.push(JSON.parse(line));
    } catch (error) {
      throw new Error(t('own.badPayload', { line: index + 1, message: error instanceof Error ? error.message : '' }));
    }
  }
  if (values.length === 0) throw new Error(t('own.noPayloads'));
  if (values.length > PAYLOADS_MAX) throw new Error(t('own.manyPayloads', { most: count(PAYLOADS_MAX) }));
  return values;
}

/** A handler's own text. @param {string} name */
async function text(name) {
  const response = await fetch(new URL(`../handlers/${name}.js`, import.meta.url));
  return response.text();
}
