// Replay: a trace of a native run, dropped or chosen; up to four of its runs beside each other.

import { announce, h, setText, stylesheet } from '../dom.js';
import { bytes, count, messageOf } from '../format.js';
import { PATTERNS } from '../generated/layout.js';
import { DropZone } from '../panels/drop.js';
import { defaults, fitting } from '../parameters.js';

/**
 * @import { View } from '../link.js'
 * @import { Mode, Page } from '../page.js'
 * @import { Run } from '../playback.js'
 * @import { Checks, FoundRun, Pattern } from '../protocol.js'
 */

const PANELS_MAX = 4;
/** The number of runs that are listed. */
const LISTED_MAX = 100;
const NEWLINE = 10;
const SAMPLES = ['sample', 'sample-four'];

/** The file that was opened last: another language or a look at another mode does not lose it. @type {File | null} */
let kept = null;

/** @implements {Mode} */
export class Replay {
  /** @param {Page} page */
  constructor(page) {
    this.page = page;
    /** @type {Blob | null} */
    this.file = null;
    this.name = '';
    /** @type {FoundRun[]} */
    this.found = [];
    /** The indexes of the runs that are shown. @type {number[]} */
    this.chosen = [];
    /** Counts the files and choices: an earlier one that is still loading is dropped. */
    this.turn = 0;
    const { tr } = page;
    this.problem = h('p', { class: 'problem', role: 'alert', hidden: true });
    this.progress = h('p', { class: 'note', role: 'status' });
    this.drop = new DropZone(tr, {
      open: (file) => {
        kept = file;
        void this.open(file, file.name);
      },
      sample: (patterns) => void this.sample(patterns),
    });
    this.list = h('section', { 'aria-labelledby': 'runs-title', hidden: true });
    this.rules = h('section', { 'aria-labelledby': 'rules-title', hidden: true });
    const command = h('div', { class: 'command' }, h('code', {}, 'fourfold compare --trace runs.jsonl'));
    this.element = h(
      'div',
      { class: 'tab-body' },
      ...[this.problem, this.drop.element, this.progress, this.list, this.rules],
      h('section', {}, h('h3', {}, tr('replay.how')), command),
    );
  }

  /** @param {View} view */
  async enter(view) {
    const { tr, playback } = this.page;
    await stylesheet('modes.css');
    this.drop.listen();
    this.page.caption(tr('replay.title'), tr('replay.subtitle'));
    if (!view.speed) playback.setSpeed(0.1);
    document.body.dataset.panels = '1';
    if (kept && !view.scenario) {
      await this.open(kept, kept.name, view.at);
      return;
    }
    // A link cannot carry a file; a sample is made again.
    if (view.scenario && !SAMPLES.includes(view.scenario)) this.page.refuse(`scenario=${view.scenario}`);
    await this.sample(view.scenario === 'sample-four' ? [...PATTERNS] : ['pool'], view.at);
  }

  leave() {
    this.turn += 1;
    delete document.body.dataset.panels;
    this.drop.close();
  }

  link() {
    return this.name.startsWith('sample') ? { scenario: this.name.replace('.jsonl', '') } : { at: undefined };
  }

  /** @param {unknown} error null when nothing is wrong any more */
  complain(error) {
    this.problem.hidden = error === null;
    setText(this.problem, error === null ? '' : `${this.name}: ${messageOf(error)}`);
    if (error !== null) setText(this.progress, '');
  }

  /**
   * Opens a file, and shows the first of its runs.
   * @param {Blob} file
   * @param {string} name
   * @param {number[]} [at]
   */
  async open(file, name, at) {
    const { engine, tr } = this.page;
    this.turn += 1;
    const { turn } = this;
    this.name = name;
    this.complain(null);
    setText(this.progress, tr('replay.reading', { name, size: bytes(file.size) }));
    try {
      const runs = await engine.ask('runs', file);
      if (turn !== this.turn) return;
      if (runs.length === 0) throw new Error(tr('replay.none'));
      this.file = file;
      this.found = runs;
      this.chosen = runs.slice(0, PANELS_MAX).map((_, index) => index);
      await this.load(turn, at);
    } catch (error) {
      if (turn === this.turn) this.complain(error);
    }
  }

  /** Puts the chosen runs on the stage. @param {number} turn @param {number[]} [at] */
  async load(turn, at) {
    if (!this.file) return;
    const { engine, playback, tr } = this.page;
    const { found, chosen, name } = this;
    /** @type {Run[]} */
    const runs = [];
    for (const [place, index] of chosen.entries()) {
      const progress = { run: place + 1, of: chosen.length, events: count(found[index].events) };
      setText(this.progress, tr('replay.loading', progress));
      const { player } = await engine.ask('load', this.file, index);
      runs.push({ player, title: this.title(index) });
      if (turn !== this.turn) {
        for (const left of runs) engine.close(left.player);
        return;
      }
    }
    document.body.dataset.panels = String(runs.length);
    await playback.show(runs, { at: at ? { positions: at } : { time: 0 } });
    const events = chosen.reduce((sum, index) => sum + found[index].events, 0);
    this.page.caption(name, tr('replay.caption', { runs: runs.length, events: count(events) }));
    setText(this.progress, '');
    announce(tr('replay.loaded', { name, runs: runs.length }));
    this.drawList();
    const checks = await Promise.all(runs.map(({ player }) => engine.ask('checks', player)));
    if (turn === this.turn) this.drawRules(checks);
  }

  /** Names a run of the file. @param {number} index */
  title(index) {
    const { tr } = this.page;
    const { pattern } = this.found[index];
    const known = PATTERNS.includes(pattern) ? tr(`pattern.${pattern}`) : tr('replay.unknown');
    const twins = this.found.filter((run) => run.pattern === pattern).length;
    return twins > 1 ? `${index + 1} · ${known}` : known;
  }

  drawList() {
    const { tr } = this.page;
    const { found, list } = this;
    list.hidden = found.length < 2;
    if (list.hidden) return;
    const more = found.length - LISTED_MAX;
    list.replaceChildren(
      h('h2', { id: 'runs-title' }, tr('replay.runs')),
      h('p', { class: 'note' }, tr('replay.runsHelp', { most: PANELS_MAX })),
      h('ul', { class: 'run-list' }, ...found.slice(0, LISTED_MAX).map((run, index) => this.listed(run, index))),
      more > 0 ? h('p', { class: 'note' }, tr('tasks.more', { count: more })) : '',
    );
  }

  /** @param {FoundRun} run @param {number} index */
  listed({ events }, index) {
    const id = `run-${index}`;
    const checked = this.chosen.includes(index);
    const disabled = !checked && this.chosen.length >= PANELS_MAX;
    const onchange = () => void this.pick(index);
    const box = h('input', { type: 'checkbox', id, '.checked': checked, disabled, onchange });
    const amount = h('span', { class: 'amount' }, this.page.tr('replay.events', { count: count(events) }));
    return h('li', {}, h('label', { for: id }, box, h('span', {}, this.title(index)), amount));
  }

  /** Shows a run, or shows it no longer. @param {number} index */
  async pick(index) {
    const { chosen } = this;
    const next = chosen.includes(index) ? chosen.filter((other) => other !== index) : [...chosen, index];
    if (next.length > 0) this.chosen = next.sort((a, b) => a - b);
    this.turn += 1;
    const { turn } = this;
    try {
      if (next.length > 0) await this.load(turn);
      else this.drawList();
      document.getElementById(`run-${index}`)?.focus();
    } catch (error) {
      if (turn === this.turn) this.complain(error);
    }
  }

  /** Says whether the runs kept the rules. @param {Checks[]} checks */
  drawRules(checks) {
    const { tr } = this.page;
    const items = checks.map(({ violation, missed, complete }, place) => {
      const kept = violation === null;
      const words = [violation ?? tr('replay.kept')];
      if (missed > 0) words.push(tr('replay.missed', { count: count(missed) }));
      if (!complete) words.push(tr('replay.incomplete'));
      const title = h('strong', {}, this.title(this.chosen[place]));
      const sign = h('span', { class: 'sign', 'aria-hidden': 'true' }, kept ? '✓' : '✕');
      return h('li', { 'data-kept': String(kept) }, sign, h('span', {}, title, `: ${words.join(' ')}`));
    });
    this.rules.hidden = false;
    this.rules.replaceChildren(
      h('h2', { id: 'rules-title' }, tr('replay.rules')),
      h('p', { class: 'note' }, tr('replay.rulesHelp')),
      h('ul', { class: 'checks' }, ...items),
    );
  }

  /**
   * Makes runs on the spot, as a file of traces, and opens it.
   * @param {Pattern[]} patterns
   * @param {number[]} [at]
   */
  async sample(patterns, at) {
    const { engine } = this.page;
    /** @type {BlobPart[]} */
    const parts = [];
    for (const pattern of patterns) {
      const { player } = await engine.ask('simulate', fitting({ ...defaults(), pattern }));
      const trace = await engine.ask('trace', player);
      // A file has one header, at its top.
      parts.push(parts.length === 0 ? trace : trace.subarray(trace.indexOf(NEWLINE) + 1));
      engine.close(player);
    }
    await this.open(new Blob(parts), patterns.length > 1 ? 'sample-four.jsonl' : 'sample.jsonl', at);
  }
}
