// Compare: the four patterns on the same tasks and one clock, and what each came to.

import { h, setText, stylesheet } from '../dom.js';
import { count, messageOf } from '../format.js';
import { PATTERNS } from '../generated/layout.js';
import { Differences } from '../panels/differences.js';
import { ParamsForm } from '../panels/form.js';
import { defaults, fitting, readSimulation } from '../parameters.js';

/**
 * @import { View } from '../link.js'
 * @import { Mode, Page } from '../page.js'
 * @import { SimulationParameters } from '../protocol.js'
 */

/** @implements {Mode} */
export class Compare {
  /** @param {Page} page */
  constructor(page) {
    this.page = page;
    this.params = defaults();
    /** Counts the comparisons: an earlier one that is still loading is dropped. */
    this.turn = 0;
    const { tr } = page;
    this.problem = h('p', { class: 'problem', role: 'alert', hidden: true });
    this.form = new ParamsForm(this.params, tr, { pattern: false, onchange: (next) => void this.begin(next, []) });
    this.differences = new Differences(tr, page.translator);
    this.below = [this.differences.element];
    this.element = h(
      'div',
      { class: 'tab-body' },
      this.problem,
      h('p', { class: 'note' }, tr('compare.help')),
      this.form.element,
    );
  }

  /** @param {View} view */
  async enter(view) {
    await stylesheet('modes.css');
    let given = defaults();
    if (view.run) {
      try {
        const { params, interventions } = readSimulation(view.run, false);
        given = params;
        if (interventions.length > 0) this.page.refuse('run: interventions');
      } catch (error) {
        this.page.refuse(`run: ${messageOf(error)}`);
      }
    }
    if (!view.speed) this.page.playback.setSpeed(0.1);
    const refused = await this.begin(given, view.at ?? []);
    if (refused !== null) {
      this.page.refuse(`run: ${messageOf(refused)}`);
      await this.begin(defaults(), []);
    }
    this.form.set(this.params);
  }

  leave() {
    this.turn += 1;
    delete document.body.dataset.panels;
  }

  link() {
    return { run: JSON.stringify(this.params) };
  }

  /** @param {unknown} error null when nothing is wrong any more */
  complain(error) {
    this.problem.hidden = error === null;
    setText(this.problem, error === null ? '' : messageOf(error));
  }

  /**
   * Runs all four patterns on the same tasks.
   * @param {SimulationParameters} next
   * @param {number[]} at the position to show
   * @returns {Promise<unknown>} the reason why the runs cannot be; null where they are on the stage
   */
  async begin(next, at) {
    this.turn += 1;
    const { turn } = this;
    const { engine, playback, tr } = this.page;
    const opened = await Promise.allSettled(
      PATTERNS.map((pattern) => engine.ask('simulate', fitting({ ...next, pattern }))),
    );
    const players = opened.flatMap((one) => (one.status === 'fulfilled' ? [one.value.player] : []));
    const failed = opened.find((one) => one.status === 'rejected');
    if (turn !== this.turn || failed) {
      for (const player of players) engine.close(player);
      if (turn !== this.turn || !failed) return null;
      this.complain(failed.reason);
      return failed.reason;
    }
    this.params = next;
    this.complain(null);
    const wasPlaying = playback.playing;
    const runs = PATTERNS.map((pattern, index) => ({
      player: players[index],
      title: tr(`pattern.${pattern}`),
      params: { ...next, pattern },
    }));
    document.body.dataset.panels = String(runs.length);
    await playback.show(runs, { at: at.length > 0 ? { positions: at } : { time: 0 } });
    const { tasks = 0, limit = 0 } = next;
    this.page.caption(tr('compare.caption', { tasks: count(tasks), limit }), tr('compare.subtitle'));
    const reports = await Promise.all(players.map((player) => engine.ask('report', player)));
    if (turn !== this.turn) return null;
    this.differences.fill(reports);
    if (wasPlaying) playback.play();
    return null;
  }
}
