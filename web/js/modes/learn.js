// Learn: a scenario plays to a pause, asks its question, plays to its end and is held to its claim.

import { announce, byId, h } from '../dom.js';
import { writeLink } from '../link.js';
import { judge } from '../outcome.js';
import { SCENARIOS, scenario } from '../scenarios.js';

/**
 * @import { View } from '../link.js'
 * @import { Mode, Page } from '../page.js'
 * @import { Run } from '../playback.js'
 * @import { Event, SimulationParameters } from '../protocol.js'
 * @import { Scenario } from '../scenarios.js'
 *
 * @typedef {'intro' | 'question' | 'reveal' | 'end'} Stage
 */

/** The shortest time from an answer to the end, in milliseconds. */
const CLIMAX_MS = 2800;

/** @implements {Mode} */
export class Learn {
  /** @param {Page} page */
  constructor(page) {
    this.page = page;
    this.chosen = SCENARIOS[0];
    /** The events of each run. @type {Event[][]} */
    this.events = [];
    /** The time of the question, in nanoseconds. */
    this.pauseAt = 0;
    /** @type {Stage} */
    this.stage = 'intro';
    /** The answer that the visitor chose; -1 for none. */
    this.answered = -1;
    this.left = false;
    const { tr, playback } = page;
    this.menu = h('ol', { class: 'scenarios' });
    this.lesson = h('section', { class: 'lesson', 'aria-live': 'polite' });
    const nav = h('nav', { 'aria-label': tr('learn.all') }, h('h2', {}, tr('learn.all')), this.menu);
    this.element = h('div', { class: 'tab-body' }, this.lesson, nav);
    playback.on('play', () => this.follow());
    playback.on('settle', () => this.follow());
  }

  /** @param {View} view */
  async enter(view) {
    const there = Boolean(view.at?.some((position) => position > 0));
    if (view.scenario && !SCENARIOS.some(({ id }) => id === view.scenario)) {
      this.page.refuse(`scenario=${view.scenario}`);
    }
    // At the front door something else moves.
    await this.begin(view.scenario, !there && !view.front, view.at, view.speed);
  }

  leave() {
    this.left = true;
    this.ask();
    delete document.body.dataset.panels;
  }

  link() {
    return { scenario: this.chosen.id };
  }

  /** Goes on from here in the Lab, with the selected run or the first that the Lab can run. */
  fork() {
    const { playback, stage, view } = this.page;
    const indexes = [stage.selected.panel, ...playback.runs.keys()];
    const panel = indexes.find((index) => playback.runs[index]?.params);
    if (panel === undefined) return;
    const { lang, theme } = view;
    const run = JSON.stringify(this.chosen.panels[panel].params);
    location.hash = writeLink({
      mode: 'lab',
      run,
      at: [playback.positions[panel]],
      speed: playback.speed,
      lang,
      theme,
    });
  }

  /**
   * Begins a scenario.
   * @param {string | undefined} id
   * @param {boolean} plays whether it plays at once
   * @param {number[]} [at] the position to show
   * @param {number} [speed]
   */
  async begin(id, plays, at, speed) {
    const { engine, playback, tr } = this.page;
    this.chosen = scenario(id);
    this.stage = 'intro';
    this.answered = -1;
    this.ask();
    this.drawMenu();
    const { chosen } = this;
    this.page.caption(tr(`s.${chosen.id}.title`), tr(`s.${chosen.id}.idea`));
    const runs = await this.open(chosen);
    if (this.left) {
      for (const { player } of runs) engine.close(player);
      return;
    }
    document.body.dataset.panels = String(runs.length);
    playback.setSpeed(speed ?? chosen.speed);
    await playback.show(runs, { at: at ? { positions: at } : { time: 0 } });
    const ends = playback.snapshots.map((snapshot) => snapshot.of('end'));
    this.events = await Promise.all(runs.map(({ player }, index) => engine.ask('events', player, 0, ends[index])));
    this.pauseAt = Math.round(chosen.pause(this.events));
    const there = Boolean(at?.some((position) => position > 0));
    if (playback.time < this.pauseAt && !there) playback.stopAt = this.pauseAt;
    await this.draw();
    if (plays && !matchMedia('(prefers-reduced-motion: reduce)').matches) playback.play();
  }

  /** Opens a scenario's runs. @param {Scenario} chosen @returns {Promise<Run[]>} */
  open(chosen) {
    const { engine, tr } = this.page;
    return Promise.all(
      chosen.panels.map(async ({ title, params: simulation, program }) => {
        const { player } = await (program
          ? engine.ask('program', program, simulation)
          : engine.ask('simulate', simulation));
        const params = 'params' in simulation ? simulation.params : /** @type {SimulationParameters} */ (simulation);
        return { player, title: tr(title), params: program ? undefined : params, program };
      }),
    );
  }

  /** Follows the playhead: asks at the pause, and measures at the end. */
  follow() {
    const { playback, tr } = this.page;
    if (playback.playing || playback.runs.length === 0 || this.events.length === 0) return;
    const over = playback.snapshots.every((snapshot) => snapshot.of('position') === snapshot.of('end'));
    if (this.stage === 'intro' && playback.time >= this.pauseAt && !over) {
      this.stage = 'question';
      announce(tr(`s.${this.chosen.id}.question`));
      void this.draw().then(() => this.lead());
    } else if (this.stage !== 'end' && over) {
      this.stage = 'end';
      void this.draw();
    }
  }

  /** Leads the keyboard and the eye to the question, unless the visitor is at work elsewhere. */
  lead() {
    const question = byId('ask').firstElementChild;
    const { activeElement: at } = document;
    if (!(question instanceof HTMLElement) || at?.closest('input, textarea, select')) return;
    question.focus({ preventScroll: true });
    byId('ask').scrollIntoView({ block: 'nearest' });
  }

  drawMenu() {
    const { tr } = this.page;
    const items = SCENARIOS.map(({ id }) => {
      const current = id === this.chosen.id ? 'true' : undefined;
      const onclick = () => void this.begin(id, true);
      const attributes = { type: 'button', class: 'quiet', 'aria-current': current, 'data-scenario': id, onclick };
      return h('li', {}, h('button', attributes, tr(`s.${id}.title`)));
    });
    this.menu.replaceChildren(...items);
  }

  /** Draws the lesson as far as it has come: what is asked stands over the stage, the rest beside it. */
  async draw() {
    const { tr, playback } = this.page;
    const { stage } = this;
    if (stage === 'question') this.ask(this.question());
    else if (stage === 'reveal') this.ask(this.answers(), this.explanation(), this.goOn());
    else this.ask();
    /** @type {HTMLElement[]} */
    const parts = [];
    if (stage === 'intro') parts.push(primary('lesson-play', tr('learn.play'), () => playback.toggle()));
    if (stage === 'end') parts.push(await this.measured());
    if (stage === 'end') parts.push(h('div', { class: 'reveal' }, this.answers(), this.explanation()));
    this.lesson.replaceChildren(...parts);
  }

  /** Puts parts over the stage; none takes them away. @param {...HTMLElement} parts */
  ask(...parts) {
    const box = byId('ask');
    box.hidden = parts.length === 0;
    box.replaceChildren(...parts);
  }

  question() {
    const { tr } = this.page;
    const key = `s.${this.chosen.id}`;
    const name = `answer-${this.chosen.id}`;
    const answers = [0, 1, 2].map((n) =>
      h('label', { class: 'answer' }, h('input', { type: 'radio', name, value: n }), h('span', {}, tr(`${key}.a${n}`))),
    );
    const onsubmit = (/** @type {SubmitEvent} */ event) => this.answer(event);
    return h(
      'form',
      { class: 'question', tabindex: -1, onsubmit },
      h('fieldset', {}, h('legend', {}, tr(`${key}.question`)), ...answers),
      h('button', { class: 'primary', id: 'lesson-answer' }, tr('learn.answer')),
    );
  }

  /** @param {SubmitEvent} event */
  answer(event) {
    event.preventDefault();
    const picked = byId('ask').querySelector('input:checked');
    this.answered = picked instanceof HTMLInputElement ? Number(picked.value) : -1;
    this.stage = 'reveal';
    void this.draw().then(() => byId('lesson-on').focus());
  }

  /** Shows the answers, with the one that was chosen and the one that is right. */
  answers() {
    const { tr } = this.page;
    const key = `s.${this.chosen.id}`;
    const right = this.answered === this.chosen.answer;
    const verdict =
      this.answered >= 0 &&
      h('p', { class: right ? 'verdict right' : 'verdict wrong' }, tr(right ? 'learn.right' : 'learn.wrong'));
    const items = [0, 1, 2].map((n) => {
      const marks = [];
      if (n === this.chosen.answer) marks.push(tr('learn.isRight'));
      if (n === this.answered && !right) marks.push(tr('learn.yours'));
      const state = n === this.chosen.answer ? 'right' : n === this.answered ? 'wrong' : 'other';
      const sign = h('span', { class: 'sign', 'aria-hidden': 'true' }, { right: '✓', wrong: '✕', other: '' }[state]);
      const mark = marks.length > 0 && h('span', { class: 'mark' }, marks.join(' · '));
      return h('li', { 'data-answer': state }, sign, h('span', {}, tr(`${key}.a${n}`), ' ', mark));
    });
    return h('div', {}, h('h3', {}, tr(`${key}.question`)), verdict, h('ul', { class: 'answered' }, ...items));
  }

  explanation() {
    return h('p', {}, this.page.tr(`s.${this.chosen.id}.reveal`));
  }

  /** The way on from the answer to the end, which takes its time. */
  goOn() {
    const { tr, playback } = this.page;
    return primary('lesson-on', tr('learn.on'), () => {
      const left = playback.endNs - playback.time;
      playback.setSpeed(Math.min(playback.speed, left / (CLIMAX_MS * 1e6)));
      this.ask();
      playback.play();
    });
  }

  /** Shows what the scenario came to, and the ways on. */
  async measured() {
    const { engine, playback, tr } = this.page;
    const { chosen } = this;
    const { holds, values } = await judge(engine, chosen, playback.players, this.events);
    const next = SCENARIOS[SCENARIOS.indexOf(chosen) + 1];
    const again = h('button', { type: 'button', onclick: () => void this.begin(chosen.id, true) }, tr('learn.again'));
    const onclick = () => void this.begin(next.id, true);
    const on =
      next &&
      h('button', { type: 'button', class: 'primary', onclick }, tr('learn.next', { title: tr(`s.${next.id}.title`) }));
    return h(
      'div',
      { class: 'claim', 'data-holds': String(holds) },
      h('h3', {}, tr(holds ? 'learn.measured' : 'learn.notMeasured')),
      h('p', {}, tr(`s.${chosen.id}.claim`, values)),
      h('p', { class: 'ways' }, again, ' ', on),
    );
  }
}

/** @param {string} id @param {string} text @param {() => void} onclick */
function primary(id, text, onclick) {
  return h('button', { type: 'button', class: 'primary', id, onclick }, text);
}
