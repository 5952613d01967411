// Learn: a scenario is played to a pause, asks its question, is played to its end and is held to its claim.

import { announce, h } from '../dom.js';
import { ask } from '../engine.js';
import { t } from '../i18n.js';
import { writeLink } from '../link.js';
import { SCENARIOS, scenario } from '../scenarios.js';

/** @typedef {'intro' | 'question' | 'reveal' | 'end'} Stage */

/**
 * Opens a scenario's runs.
 * @param {import('../scenarios.js').Scenario} chosen
 * @returns {Promise<import('../session.js').Run[]>}
 */
async function open(chosen) {
  return Promise.all(
    chosen.panels.map(async ({ title, params, program }) => {
      const text = JSON.stringify(params);
      const { player } = await (program ? ask('program', program, text) : ask('simulate', text));
      return { player, title: t(title), params: program ? undefined : (params.params ?? params), program };
    }),
  );
}

/** The events of a run. @param {number} player @param {number} end @returns {Promise<any[]>} */
async function eventsOf(player, end) {
  const text = await ask('call', player, 'events', 0, end);
  return text
    .split('\n')
    .filter(Boolean)
    .map((/** @type {string} */ line) => JSON.parse(line));
}

/**
 * What the scenario's claim comes to, measured from its runs.
 * @param {import('../scenarios.js').Scenario} chosen
 * @param {import('../session.js').Run[]} runs
 * @param {any[][]} events
 */
export async function judge(chosen, runs, events) {
  const outcomes = await Promise.all(
    runs.map(async ({ player }, index) => {
      const [report, checks] = await Promise.all([
        ask('call', player, 'report_end').then(JSON.parse),
        ask('call', player, 'checks').then(JSON.parse),
      ]);
      return { report, checks, events: events[index], depth: depthOf(events[index]) };
    }),
  );
  return chosen.claim(outcomes);
}

/** The most tasks that were queued at any event. @param {any[]} events */
function depthOf(events) {
  let queued = 0;
  let most = 0;
  for (const event of events) {
    if (event.event === 'claimed') queued += 1;
    if (
      event.event === 'started' ||
      ((event.event === 'settled' || event.event === 'abandoned') && event.outcome === undefined)
    )
      queued -= 1;
    most = Math.max(most, queued);
  }
  return most;
}

/**
 * @param {import('../app.js').App} app
 * @returns {import('../app.js').Guide}
 */
export function guide(app) {
  const { session } = app;
  let chosen = SCENARIOS[0];
  /** @type {any[][]} */
  let events = [];
  let pauseAt = 0;
  /** @type {Stage} */
  let stage = 'intro';
  let answered = -1;
  let left = false;

  const menu = h('ol', { class: 'scenarios' });
  const lesson = h('section', { class: 'lesson', 'aria-live': 'polite' });
  const element = h(
    'div',
    { class: 'tab-body' },
    lesson,
    h('nav', { 'aria-label': t('learn.all') }, h('h2', {}, t('learn.all')), menu),
  );

  function drawMenu() {
    menu.replaceChildren(
      ...SCENARIOS.map(({ id }) =>
        h(
          'li',
          {},
          h(
            'button',
            {
              type: 'button',
              class: 'quiet',
              'aria-current': id === chosen.id ? 'true' : undefined,
              'data-scenario': id,
              onclick: () => void begin(id, true),
            },
            t(`s.${id}.title`),
          ),
        ),
      ),
    );
  }

  async function draw() {
    const key = `s.${chosen.id}`;
    /** @type {(HTMLElement | null)[]} */
    const parts = [h('p', { class: 'idea' }, t(`${key}.idea`))];
    if (stage === 'intro') {
      parts.push(
        h(
          'button',
          { type: 'button', class: 'primary', id: 'lesson-play', onclick: () => session.toggle() },
          t('learn.play'),
        ),
      );
    }
    if (stage === 'question') parts.push(question(key));
    if (stage === 'reveal' || stage === 'end') {
      const verdict =
        answered < 0
          ? null
          : h(
              'p',
              { class: answered === chosen.answer ? 'verdict right' : 'verdict wrong' },
              t(answered === chosen.answer ? 'learn.right' : 'learn.wrong'),
            );
      parts.push(
        h('div', { class: 'reveal' }, h('h3', {}, t(`${key}.question`)), verdict, h('p', {}, t(`${key}.reveal`))),
      );
    }
    if (stage === 'reveal')
      parts.push(
        h(
          'button',
          { type: 'button', class: 'primary', id: 'lesson-on', onclick: () => session.play() },
          t('learn.on'),
        ),
      );
    if (stage === 'end') parts.push(await measured(key));
    lesson.replaceChildren(...parts.filter((part) => part !== null));
  }

  /** @param {string} key */
  function question(key) {
    const name = `answer-${chosen.id}`;
    return h(
      'form',
      {
        class: 'question',
        onsubmit: (/** @type {Event} */ event) => {
          event.preventDefault();
          const picked = /** @type {HTMLInputElement | null} */ (lesson.querySelector(`input[name="${name}"]:checked`));
          answered = picked ? Number(picked.value) : -1;
          stage = 'reveal';
          void draw().then(() => document.getElementById('lesson-on')?.focus());
        },
      },
      h(
        'fieldset',
        {},
        h('legend', {}, t(`${key}.question`)),
        ...[0, 1, 2].map((n) =>
          h(
            'label',
            { class: 'answer' },
            h('input', { type: 'radio', name, value: n }),
            h('span', {}, t(`${key}.a${n}`)),
          ),
        ),
      ),
      h('button', { class: 'primary', id: 'lesson-answer' }, t('learn.answer')),
    );
  }

  /** @param {string} key */
  async function measured(key) {
    const { holds, values } = await judge(chosen, session.runs, events);
    const next = SCENARIOS[SCENARIOS.indexOf(chosen) + 1];
    return h(
      'div',
      { class: 'claim', 'data-holds': String(holds) },
      h('h3', {}, t(holds ? 'learn.measured' : 'learn.notMeasured')),
      h('p', {}, t(`${key}.claim`, values)),
      h(
        'p',
        { class: 'ways' },
        h('button', { type: 'button', onclick: () => void begin(chosen.id, true) }, t('learn.again')),
        ' ',
        next
          ? h(
              'button',
              { type: 'button', class: 'primary', onclick: () => void begin(next.id, true) },
              t('learn.next', { title: t(`s.${next.id}.title`) }),
            )
          : '',
      ),
    );
  }

  /** @param {string | undefined} id @param {boolean} plays @param {number[]} [at] @param {number} [speed] */
  async function begin(id, plays, at, speed) {
    chosen = scenario(id);
    stage = 'intro';
    answered = -1;
    drawMenu();
    app.caption(t(`s.${chosen.id}.title`), t(`s.${chosen.id}.idea`));
    const runs = await open(chosen);
    if (left) {
      for (const { player } of runs) void ask('close', player);
      return;
    }
    document.body.dataset.panels = String(runs.length);
    session.setSpeed(speed ?? chosen.speed);
    await session.show(runs, { at: at ? { positions: at } : { t: 0 } });
    events = await Promise.all(runs.map(({ player }, index) => eventsOf(player, session.snapshots[index].of('end'))));
    pauseAt = Math.round(chosen.pause(events));
    const there = Boolean(at?.some((position) => position > 0));
    if (session.t < pauseAt && !there) session.stopAt = pauseAt;
    await draw();
    if (plays && !matchMedia('(prefers-reduced-motion: reduce)').matches) session.play();
  }

  /** The lesson follows the playhead: at the pause it asks, at the end it measures. */
  function follow() {
    if (session.playing || session.runs.length === 0 || events.length === 0) return;
    const over = session.snapshots.every((snapshot) => snapshot.of('position') === snapshot.of('end'));
    if (stage === 'intro' && session.t >= pauseAt && !over) {
      stage = 'question';
      announce(t(`s.${chosen.id}.question`));
      void draw();
    } else if (stage !== 'end' && over) {
      stage = 'end';
      void draw();
    }
  }

  session.on('play', follow);
  session.on('settle', follow);

  return {
    element,
    enter: async (view) => {
      const there = Boolean(view.at?.some((position) => position > 0));
      await begin(view.scenario, !there, view.at, view.speed);
    },
    link: () => ({ scenario: chosen.id }),
    // One goes on from here in the Lab, with a run of the crate's own.
    fork: () => {
      const panel = [app.stage.selected.panel, ...session.runs.keys()].find((index) => session.runs[index]?.params);
      if (panel === undefined) return;
      const { params } = chosen.panels[panel];
      const { lang, theme } = app.view;
      location.hash = writeLink({
        mode: 'lab',
        run: JSON.stringify(params),
        at: [session.positions[panel]],
        speed: session.speed,
        lang,
        theme,
      });
    },
    leave: () => {
      left = true;
      delete document.body.dataset.panels;
    },
  };
}
