// Lab: every parameter of a run, and faults to throw at the run. A change on the way is a fork at
// the playhead.

import { announce, h, setText } from '../dom.js';
import { messageOf, moment } from '../format.js';
import { PLACE, TASK } from '../generated/layout.js';
import { ParamsForm } from '../panels/form.js';
import { defaults, fitting, readSimulation } from '../parameters.js';

/**
 * @import { View } from '../link.js'
 * @import { Mode, Page } from '../page.js'
 * @import { Intervention, SimulationParameters, Target } from '../protocol.js'
 *
 * @typedef {[number, Intervention][]} Interventions each at a position
 *
 * @typedef {object} Branch
 * @property {number} player
 * @property {SimulationParameters} params
 * @property {Interventions} interventions
 * @property {string} name
 * @property {Branch} [from] the run that this one equals up to a position
 * @property {number} [at] the position
 */

/** Parameters that are drawn for a run once; the others can change on the way. */
const FIXED = /** @type {const} */ (['pattern', 'seed', 'tasks', 'work']);

const BRANCHES_MAX = 8;
const FAULTS = /** @type {const} */ (['slow', 'fail', 'panic', 'cancel', 'burst', 'less', 'more', 'drain', 'abort']);
/** @typedef {typeof FAULTS[number]} Fault */

/** How much a slowed task is slowed, and how many tasks come at once. */
const SLOW_MS = 200;
const BURST_TASKS = 20;

/** @implements {Mode} */
export class Lab {
  /** @param {Page} page */
  constructor(page) {
    this.page = page;
    this.params = defaults();
    /** @type {Branch[]} */
    this.branches = [];
    /** The index of the branch on the stage. */
    this.shown = 0;
    this.forks = 0;
    const { tr } = page;
    this.form = new ParamsForm(this.params, tr, { onchange: (next) => void this.change(next) });
    this.chips = h('div', { class: 'chips', role: 'group', 'aria-label': tr('lab.branches') });
    this.problem = h('p', { class: 'problem', role: 'alert', hidden: true });
    this.element = h('div', { class: 'tab-body' }, this.problem, this.faults(), this.form.element);
  }

  faults() {
    const { tr } = this.page;
    const buttons = FAULTS.map((name) => {
      const onclick = () => void this.strike(name);
      const title = tr(`fault.${name}.help`);
      return h('button', { type: 'button', 'data-fault': name, title, onclick }, tr(`fault.${name}`));
    });
    return h(
      'section',
      { 'aria-labelledby': 'faults-title' },
      h('h2', { id: 'faults-title' }, tr('lab.faults')),
      h('p', { class: 'note' }, tr('lab.faultsHelp')),
      h('div', { class: 'faults', role: 'group', 'aria-label': tr('lab.faults') }, ...buttons),
      this.chips,
    );
  }

  /** @param {View} view */
  async enter(view) {
    let given = { params: defaults(), interventions: /** @type {Interventions} */ ([]) };
    if (view.run) {
      try {
        given = readSimulation(view.run);
      } catch (error) {
        this.page.refuse(`run: ${messageOf(error)}`);
      }
    }
    if (!view.speed) this.page.playback.setSpeed(0.05);
    const refused = await this.begin(given.params, view.at ?? [], given.interventions);
    if (refused !== null) {
      this.page.refuse(`run: ${messageOf(refused)}`);
      await this.begin(defaults(), [], []);
    }
    this.form.set(this.params);
  }

  leave() {
    const { engine, playback } = this.page;
    for (const { player } of this.branches.slice(0, -1)) {
      if (player !== playback.runs[0]?.player) engine.close(player);
    }
  }

  link() {
    const branch = this.branches[this.shown];
    if (!branch) return {};
    const { params, interventions } = branch;
    return {
      run: JSON.stringify(interventions.length > 0 ? { params: this.branches[0].params, interventions } : params),
    };
  }

  fork() {
    const { tr, playback } = this.page;
    void this.split({ configure: fitting(this.form.params) }, tr('lab.fork', { time: moment(playback.time) }));
  }

  /** @param {unknown} error null when nothing is wrong any more */
  complain(error) {
    this.problem.hidden = error === null;
    setText(this.problem, error === null ? '' : messageOf(error));
  }

  /**
   * Applies other parameters: to a fork from where it begins, otherwise to a new run.
   * @param {SimulationParameters} next
   */
  async change(next) {
    const { engine, playback } = this.page;
    const branch = this.branches[this.shown];
    const same = branch && FIXED.every((name) => JSON.stringify(next[name]) === JSON.stringify(branch.params[name]));
    if (!branch?.from || branch.at === undefined || !same) {
      await this.begin(next, [], []);
      return;
    }
    const { from, at } = branch;
    try {
      const intervention = { configure: fitting(next) };
      const { player } = await engine.ask('fork', from.player, at, intervention);
      const interventions = /** @type {Interventions} */ ([...before(from, at), [at, intervention]]);
      this.branches[this.shown] = { ...branch, player, params: next, interventions };
      this.complain(null);
      await this.put({ time: playback.time }, true);
      engine.close(branch.player);
    } catch (error) {
      this.complain(error);
    }
  }

  /**
   * Begins a new run.
   * @param {SimulationParameters} next
   * @param {number[]} at the position to show; the start where it is empty
   * @param {Interventions} interventions
   * @returns {Promise<unknown>} the reason why the run cannot be; null where it is on the stage
   */
  async begin(next, at, interventions) {
    const { engine, playback, tr } = this.page;
    try {
      const params = fitting(next);
      const { player } = await engine.ask('simulate', interventions.length > 0 ? { params, interventions } : params);
      for (const branch of this.branches) if (branch.player !== playback.runs[0]?.player) engine.close(branch.player);
      this.params = next;
      this.branches = [{ player, params: next, interventions, name: tr('lab.original') }];
      this.shown = 0;
      this.forks = 0;
      this.complain(null);
      const wasPlaying = playback.playing;
      await this.put(at.length > 0 ? { positions: at } : { time: 0 }, false);
      if (wasPlaying) playback.play();
      return null;
    } catch (error) {
      this.complain(error);
      return error;
    }
  }

  /**
   * Puts the chosen branch on the stage.
   * @param {Target} at
   * @param {boolean} keep whether the run before it stays open
   */
  async put(at, keep) {
    const { page } = this;
    const { tr } = page;
    const { player, params } = this.branches[this.shown];
    const pattern = tr(`pattern.${params.pattern}`);
    await page.playback.show([{ player, title: pattern, params }], { at, keep });
    const { limit = '', tasks = '' } = params;
    page.caption(tr('lab.caption', { pattern, limit, tasks }), tr(`advice.${params.pattern}`));
    const chips = this.branches.map(({ name }, index) => {
      const onclick = () => void this.choose(index);
      return h(
        'button',
        { type: 'button', class: 'chip', 'aria-pressed': String(index === this.shown), onclick },
        name,
      );
    });
    this.chips.replaceChildren(...(chips.length < 2 ? [] : chips));
  }

  /** @param {number} index */
  async choose(index) {
    const { time } = this.page.playback;
    this.shown = index;
    this.form.set(this.branches[index].params);
    await this.put({ time }, true);
  }

  /** Forks the run at the playhead. @param {Intervention} intervention @param {string} name */
  async split(intervention, name) {
    const { engine, playback, tr } = this.page;
    const from = this.branches[this.shown];
    const position = playback.positions[0] ?? 0;
    const { playing } = playback;
    playback.pause();
    try {
      const { player } = await engine.ask('fork', from.player, position, intervention);
      this.forks += 1;
      const interventions = /** @type {Interventions} */ ([...before(from, position), [position, intervention]]);
      const params = 'limit' in intervention ? { ...from.params, limit: intervention.limit } : { ...from.params };
      this.branches.push({ player, params, interventions, name: `${this.forks} · ${name}`, from, at: position });
      this.form.set(params);
      if (this.branches.length > BRANCHES_MAX) engine.close(this.branches.splice(1, 1)[0].player);
      this.shown = this.branches.length - 1;
      this.complain(null);
      await this.put({ positions: [position] }, true);
      announce(tr('lab.forked', { name, time: moment(playback.time) }));
      if (playing) playback.play();
    } catch (error) {
      this.complain(error);
    }
  }

  /**
   * Finds the task that a fault strikes: the selected one, or the one that has run for the longest;
   * -1 for none.
   */
  victim() {
    const snapshot = this.page.playback.snapshots[0];
    const { task } = this.page.stage.selected;
    if (!snapshot) return -1;
    if (snapshot.rowOf(task) >= 0) return task;
    let longest = -1;
    let since = Number.POSITIVE_INFINITY;
    for (let row = 0; row < snapshot.rows; row += 1) {
      const from = snapshot.task(row, TASK.since_ns);
      if (snapshot.task(row, TASK.place) !== PLACE.running || from >= since) continue;
      since = from;
      longest = snapshot.task(row, TASK.id);
    }
    return longest;
  }

  /** Throws a fault at the run. @param {Fault} fault */
  async strike(fault) {
    const { tr, playback } = this.page;
    const limit = playback.snapshots[0]?.of('limit') ?? this.params.limit;
    const whole = faultOfRun(fault, limit);
    if (whole) {
      await this.split(whole, tr(`fault.${fault}`));
      return;
    }
    const task = this.victim();
    const one = faultOfTask(fault, task);
    if (task < 0 || !one) this.complain(tr('lab.nobody'));
    else await this.split(one, `${tr(`fault.${fault}`)} ${task}`);
  }
}

/**
 * Lists what was done to a run up to a position.
 * @param {Branch} branch
 * @param {number} position
 */
function before(branch, position) {
  return branch.interventions.filter(([at]) => at <= position);
}

/** @param {Fault} fault @param {number} limit @returns {Intervention | null} */
function faultOfRun(fault, limit) {
  if (fault === 'burst') return { burst: BURST_TASKS };
  if (fault === 'less') return { limit: Math.max(1, limit - 1) };
  if (fault === 'more') return { limit: limit + 1 };
  if (fault === 'drain') return { drain: true };
  return fault === 'abort' ? { abort: true } : null;
}

/** @param {Fault} fault @param {number} task @returns {Intervention | null} */
function faultOfTask(fault, task) {
  if (fault === 'slow') return { slow: task, by_ms: SLOW_MS };
  if (fault === 'fail') return { fail: task };
  if (fault === 'panic') return { panic: task };
  return fault === 'cancel' ? { cancel: task } : null;
}
