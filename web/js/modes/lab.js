// Lab: every parameter of a run, and faults to throw at it. What is changed on the way is a fork at the playhead.

import { announce, h, setText } from '../dom.js';
import { ask } from '../engine.js';
import { moment, t } from '../i18n.js';
import { ParamsForm } from '../panels/form.js';
import { DEFAULTS, fitting } from '../params.js';
import { PLACE, TASK } from '../snapshot.js';

/**
 * @typedef {[number, any][]} Interventions each at a position
 *
 * @typedef {object} Branch
 * @property {number} player
 * @property {any} params
 * @property {Interventions} interventions
 * @property {string} name
 * @property {Branch} [from] another run up to a position
 * @property {number} [at]
 */

/** What is drawn for a run once; the rest can become another one on the way. */
const FIXED = ['pattern', 'seed', 'tasks', 'work'];

const BRANCHES_MAX = 8;
const FAULTS = /** @type {const} */ (['slow', 'fail', 'panic', 'cancel', 'burst', 'less', 'more', 'drain', 'abort']);

/**
 * @param {import('../app.js').App} app
 * @returns {import('../app.js').Guide}
 */
export function guide(app) {
  const { session } = app;
  /** @type {any} */
  let params = structuredClone(DEFAULTS);
  /** @type {Branch[]} */
  let branches = [];
  let shown = 0;
  let forks = 0;

  const form = new ParamsForm(params, { onchange: (next) => void change(next) });
  const chips = h('div', { class: 'chips', role: 'group', 'aria-label': t('lab.branches') });
  const problem = h('p', { class: 'problem', role: 'alert', hidden: true });
  const faults = h(
    'div',
    { class: 'faults', role: 'group', 'aria-label': t('lab.faults') },
    ...FAULTS.map((name) =>
      h(
        'button',
        { type: 'button', 'data-fault': name, title: t(`fault.${name}.help`), onclick: () => void strike(name) },
        t(`fault.${name}`),
      ),
    ),
  );
  const element = h(
    'div',
    { class: 'tab-body' },
    problem,
    h(
      'section',
      { 'aria-labelledby': 'faults-title' },
      h('h2', { id: 'faults-title' }, t('lab.faults')),
      h('p', { class: 'note' }, t('lab.faultsHelp')),
      faults,
      chips,
    ),
    form.element,
  );

  /** @param {unknown} error */
  function complain(error) {
    problem.hidden = error === null;
    setText(problem, error instanceof Error ? error.message : error === null ? '' : String(error));
  }

  /**
   * Other parameters: in a fork from where it was made on, otherwise for a new run.
   * @param {any} next
   */
  async function change(next) {
    const branch = branches[shown];
    const same = branch && FIXED.every((name) => JSON.stringify(next[name]) === JSON.stringify(branch.params[name]));
    if (!branch?.from || branch.at === undefined || !same) {
      await begin(next, [], []);
      return;
    }
    const { from, at } = branch;
    try {
      const intervention = { configure: fitting(next) };
      const { player } = await ask('fork', from.player, at, JSON.stringify(intervention));
      branches[shown] = { ...branch, player, params: next, interventions: [...before(from, at), [at, intervention]] };
      complain(null);
      await put({ t: session.t }, true);
      void ask('close', branch.player);
    } catch (error) {
      complain(error);
    }
  }

  /**
   * What was done to a run up to a position.
   * @param {Branch} branch
   * @param {number} position
   * @returns {Interventions}
   */
  function before(branch, position) {
    return branch.interventions.filter(([at]) => at <= position);
  }

  /**
   * A new run from its start.
   * @param {any} next @param {number[]} at @param {Interventions} interventions
   */
  async function begin(next, at, interventions) {
    params = next;
    const text = JSON.stringify(interventions.length > 0 ? { params: fitting(next), interventions } : fitting(next));
    try {
      const { player } = await ask('simulate', text);
      for (const branch of branches) if (branch.player !== session.runs[0]?.player) void ask('close', branch.player);
      branches = [{ player, params, interventions, name: t('lab.original') }];
      shown = 0;
      forks = 0;
      complain(null);
      const wasPlaying = session.playing;
      await put(at.length > 0 ? { positions: at } : { t: 0 }, false);
      if (wasPlaying) session.play();
    } catch (error) {
      complain(error);
    }
  }

  /** @param {import('../worker.js').At} at @param {boolean} keep */
  async function put(at, keep) {
    const branch = branches[shown];
    await session.show(
      [{ player: branch.player, title: t(`pattern.${branch.params.pattern}`), params: branch.params }],
      { at, keep },
    );
    app.caption(
      t('lab.caption', {
        pattern: t(`pattern.${branch.params.pattern}`),
        limit: branch.params.limit,
        tasks: branch.params.tasks,
      }),
      t(`advice.${branch.params.pattern}`),
    );
    chips.replaceChildren(
      ...(branches.length < 2
        ? []
        : branches.map(({ name }, index) =>
            h(
              'button',
              {
                type: 'button',
                class: 'chip',
                'aria-pressed': String(index === shown),
                onclick: () => void choose(index),
              },
              name,
            ),
          )),
    );
  }

  /** @param {number} index */
  async function choose(index) {
    const { t: now } = session;
    shown = index;
    form.set(branches[index].params);
    await put({ t: now }, true);
  }

  /** A fork at the playhead. @param {any} intervention @param {string} name */
  async function split(intervention, name) {
    const from = branches[shown];
    const position = session.positions[0] ?? 0;
    const playing = session.playing;
    session.pause();
    try {
      const { player } = await ask('fork', from.player, position, JSON.stringify(intervention));
      forks += 1;
      /** @type {Interventions} */
      const interventions = [...before(from, position), [position, intervention]];
      const next = { ...from.params, limit: intervention.limit ?? from.params.limit };
      branches.push({ player, params: next, interventions, name: `${forks} · ${name}`, from, at: position });
      form.set(next);
      if (branches.length > BRANCHES_MAX) void ask('close', branches.splice(1, 1)[0].player);
      shown = branches.length - 1;
      complain(null);
      await put({ positions: [position] }, true);
      announce(t('lab.forked', { name, time: moment(session.t) }));
      if (playing) session.play();
    } catch (error) {
      complain(error);
    }
  }

  /** The task that a fault befalls: the selected one, or the one that has run for the longest. */
  function victim() {
    const snapshot = session.snapshots[0];
    const { task } = app.stage.selected;
    if (!snapshot) return -1;
    if (snapshot.rowOf(task) >= 0) return task;
    let best = -1;
    let since = Number.POSITIVE_INFINITY;
    for (let row = 0; row < snapshot.rows; row += 1) {
      if (snapshot.task(row, TASK.place) !== PLACE.running || snapshot.task(row, TASK.since_ns) >= since) continue;
      since = snapshot.task(row, TASK.since_ns);
      best = snapshot.task(row, TASK.id);
    }
    return best;
  }

  /** @param {typeof FAULTS[number]} name */
  async function strike(name) {
    const limit = session.snapshots[0]?.of('limit') ?? params.limit;
    const whole = /** @type {Record<string, any>} */ ({
      burst: { burst: 20 },
      less: { limit: Math.max(1, limit - 1) },
      more: { limit: limit + 1 },
      drain: { drain: true },
      abort: { abort: true },
    });
    if (whole[name]) {
      await split(whole[name], t(`fault.${name}`));
      return;
    }
    const task = victim();
    if (task < 0) {
      complain(t('lab.nobody'));
      return;
    }
    const one = /** @type {Record<string, any>} */ ({
      slow: { slow: task, by_ms: 200 },
      fail: { fail: task },
      panic: { panic: task },
      cancel: { cancel: task },
    });
    await split(one[name], `${t(`fault.${name}`)} ${task}`);
  }

  return {
    element,
    enter: async (view) => {
      let given = structuredClone(DEFAULTS);
      /** @type {Interventions} */
      let interventions = [];
      if (view.run) {
        try {
          const read = JSON.parse(view.run);
          given = read.params ?? read;
          interventions = read.interventions ?? [];
        } catch {
          complain(t('lab.badLink'));
        }
      }
      if (!view.speed) session.setSpeed(0.05);
      form.set(given);
      await begin(given, view.at ?? [], interventions);
    },
    link: () => {
      const branch = branches[shown];
      if (!branch) return {};
      return {
        run: JSON.stringify(
          branch.interventions.length > 0
            ? { params: branches[0].params, interventions: branch.interventions }
            : branch.params,
        ),
      };
    },
    fork: () => void split({ configure: fitting(form.params) }, t('lab.fork', { time: moment(session.t) })),
    leave: () => {
      for (const { player } of branches.slice(0, -1)) if (player !== session.runs[0]?.player) void ask('close', player);
    },
  };
}
