// Own handler: an async function of JavaScript does the tasks of a run in real time, through any of
// the four patterns.

import { announce, h, setText, stylesheet } from '../dom.js';
import { count, messageOf } from '../format.js';
import { ParamsForm } from '../panels/form.js';
import { HandlerPanel } from '../panels/handler.js';
import { Log } from '../panels/log.js';
import { putUp, takeDown } from '../panels/placard.js';
import { reportFacts } from '../panels/report.js';
import { fitting } from '../parameters.js';
import { SandboxHost } from '../sandbox_host.js';
import { steadily } from '../steady.js';

/**
 * @import { View } from '../link.js'
 * @import { Mode, Page } from '../page.js'
 * @import { Handler, SimulationParameters, Report } from '../protocol.js'
 */

/** @type {SimulationParameters & {limit: number}} */
const DEFAULTS = { pattern: 'pool', limit: 5, retries: 3, backoff_ms: 200, jitter: true };
/** How often the shape under the scrubber is drawn, in milliseconds. */
const PROFILE_MS = 1000;

/** @implements {Mode} */
export class Own {
  /** @param {Page} page */
  constructor(page) {
    this.page = page;
    /** @type {SimulationParameters} */
    this.params = structuredClone(DEFAULTS);
    /** The player of the run that goes on; -1 for none. */
    this.running = -1;
    /** The limit of the run that goes on. */
    this.limit = DEFAULTS.limit;
    /** Counts the runs: what belongs to an earlier one is dropped. */
    this.turn = 0;
    this.drawProfile = steadily(() => page.drawProfile(), PROFILE_MS);
    const { tr } = page;
    this.problem = h('p', { class: 'problem', role: 'alert', hidden: true });
    this.controls = this.buildControls();
    this.handler = new HandlerPanel(tr, { run: () => void this.run(), onchange: () => this.changeHandler() });
    this.form = new ParamsForm(this.params, tr, {
      without: ['seed', 'work', 'tasks'],
      onchange: (next) => {
        this.params = next;
        this.enable();
        page.playback.emit('settle');
      },
    });
    this.log = new Log('own-log', tr);
    this.result = h('div', { class: 'result' }, h('p', { class: 'note' }, tr('own.reportEmpty')));
    this.below = [this.buildReport()];
    const nest = h('div');
    this.sandbox = new SandboxHost(
      nest,
      { log: (lines, dropped) => this.log.add(lines, dropped), lost: (message) => this.lose(message) },
      tr,
    );
    this.element = h(
      'div',
      { class: 'tab-body own' },
      ...[this.problem, this.controls.element, ...this.handler.elements, this.form.element, nest],
    );
  }

  buildControls() {
    const { tr } = this.page;
    const button = (/** @type {string} */ key, /** @type {() => void} */ onclick, primary = false) =>
      h(
        'button',
        { type: 'button', id: `own-${key}`, class: primary ? 'primary' : undefined, onclick },
        tr(`own.${key}`),
      );
    const step = (/** @type {'less' | 'more'} */ key, /** @type {string} */ sign, /** @type {number} */ by) =>
      h(
        'button',
        {
          type: 'button',
          id: `own-${key}`,
          'aria-label': tr(`fault.${key}.help`),
          onclick: () => void this.setLimit(this.limit + by),
        },
        sign,
      );
    const run = button('run', () => void this.run(), true);
    const drain = button('drain', () => void this.page.engine.ask('drain', this.running));
    const abort = button('abort', () => this.abort());
    const less = step('less', '−', -1);
    const more = step('more', '+', 1);
    const limit = h('output', { class: 'mono', id: 'own-limit' });
    const stepper = h('span', { class: 'stepper' }, tr('param.limit'), less, limit, more);
    const group = { class: 'row-of', role: 'group', 'aria-label': tr('own.controls') };
    return { run, drain, abort, less, more, limit, element: h('div', group, run, drain, abort, stepper) };
  }

  buildReport() {
    const { tr } = this.page;
    return h(
      'section',
      { class: 'card', 'aria-labelledby': 'own-report-title' },
      h('h2', { id: 'own-report-title' }, tr('own.report')),
      this.result,
      h('h3', { class: 'which' }, tr('own.log')),
      this.log.element,
    );
  }

  /** @param {View} view */
  async enter(view) {
    const { tr, playback, stage } = this.page;
    await stylesheet('modes.css');
    if (!view.speed) playback.setSpeed(1);
    playback.on('settle', () => {
      if (this.running >= 0) this.drawProfile();
    });
    this.page.caption(tr('own.title'), tr('own.subtitle'));
    await playback.show([]);
    stage.paint(0, false);
    const onclick = () => void this.run();
    putUp(tr('own.title'), tr('own.press'), h('button', { type: 'button', class: 'primary', onclick }, tr('own.run')));
    this.enable();
    await this.handler.choose(view.handler);
    // Code from a link is shown, and runs only when the visitor asks for it.
    if (view.handler && this.handler.chosen !== view.handler) this.page.refuse(`handler=${view.handler}`);
    if (view.run) await this.readView(view.run);
    this.form.set(this.params);
    this.enable();
  }

  leave() {
    this.turn += 1;
    if (this.running >= 0) this.abort();
    this.running = -1;
    this.sandbox.stop();
    takeDown();
    this.page.playback.following = false;
  }

  link() {
    const { chosen, code, payloads } = this.handler.changed();
    return { handler: chosen, run: JSON.stringify({ params: this.params, code, payloads }), at: undefined };
  }

  /** Reads parameters, code and payloads from a link. @param {string} json */
  async readView(json) {
    const { engine } = this.page;
    try {
      /** @type {{params?: SimulationParameters, code?: unknown, payloads?: unknown}} */
      const { params, code, payloads } = JSON.parse(json);
      this.handler.set(code, payloads);
      if (!params) return;
      const next = { ...DEFAULTS, ...params };
      // The module says whether a run could have them.
      engine.close((await engine.ask('simulate', { ...fitting(next), tasks: 1 })).player);
      this.params = next;
    } catch (error) {
      this.page.refuse(`run: ${messageOf(error)}`);
    }
  }

  /** @param {string | null} text null when nothing is wrong any more */
  complain(text) {
    this.problem.hidden = text === null;
    setText(this.problem, text ?? '');
  }

  changeHandler() {
    this.complain(null);
    this.page.playback.emit('settle');
  }

  /** Ends a run whose code does not answer any more. @param {string} message */
  lose(message) {
    this.complain(message);
    if (this.running >= 0) this.abort();
  }

  abort() {
    void this.page.engine.ask('abort', this.running);
  }

  /** Prepares the function that does the tasks. @returns {Promise<Handler>} */
  async prepare() {
    const preset = this.handler.preset();
    if (!preset) {
      await this.sandbox.start(this.handler.code);
      return (task) => this.sandbox.call(task);
    }
    const { default: handler } = await preset.load();
    const log = (/** @type {unknown[]} */ ...values) => this.log.add([['log', values.map(String).join(' ')]]);
    return ({ payload, id, attempt, signal }) => handler(/** @type {never} */ (payload), { id, attempt, signal, log });
  }

  async run() {
    if (this.running >= 0 || this.controls.run.disabled) return;
    this.turn += 1;
    const { turn } = this;
    this.complain(null);
    this.controls.run.disabled = true;
    try {
      const payloads = this.handler.readPayloads();
      const handler = await this.prepare();
      if (turn !== this.turn) return;
      this.log.clear();
      const report = await this.play(payloads, handler);
      if (turn !== this.turn) return;
      await this.finish(report);
    } catch (error) {
      if (turn === this.turn) this.complain(messageOf(error));
    } finally {
      if (turn === this.turn) {
        this.running = -1;
        this.enable();
        this.sandbox.stop();
      }
    }
  }

  /** Plays a run to its end. @param {unknown[]} payloads @param {Handler} handler */
  async play(payloads, handler) {
    const { engine, playback, tr } = this.page;
    const { params } = this;
    const { player } = await engine.own(fitting(params), payloads, handler);
    this.running = player;
    this.limit = params.limit ?? DEFAULTS.limit;
    this.enable();
    const title = tr(`pattern.${params.pattern}`);
    const words = { pattern: title, tasks: count(payloads.length), limit: this.limit };
    this.page.caption(tr('own.caption', words), tr(`advice.${params.pattern}`));
    takeDown();
    await playback.show([{ player, title, params }], { at: { end: true }, follow: true });
    playback.follow();
    return engine.ask('finished', player);
  }

  /** @param {Report} report */
  async finish(report) {
    const { playback, tr } = this.page;
    playback.hold();
    await playback.refresh({ end: true });
    await this.page.drawProfile();
    this.result.replaceChildren(reportFacts(report, tr));
    announce(tr('own.over', { done: count(report.done), dead: count(report.dead) }));
  }

  /** @param {number} next */
  async setLimit(next) {
    if (this.running < 0 || next < 1) return;
    this.limit = next;
    await this.page.engine.ask('setLimit', this.running, next);
    this.enable();
  }

  /** Enables the controls that mean something. */
  enable() {
    const { run, drain, abort, less, more, limit } = this.controls;
    const runs = this.running >= 0;
    run.disabled = runs;
    drain.disabled = !runs;
    abort.disabled = !runs;
    less.disabled = !runs || this.limit <= 1;
    more.disabled = !runs;
    setText(limit, String(runs ? this.limit : this.params.limit));
  }
}
