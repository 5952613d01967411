// Live: a native run is watched while it goes on. The page follows its head, or stops and looks back.

import { announce, h, setText } from '../dom.js';
import { ask } from '../engine.js';
import { Feed, health } from '../feed.js';
import { count, duration, t } from '../i18n.js';
import { stylesheet } from '../panels/charts.js';
import { putUp, takeDown } from '../panels/placard.js';
import { PATTERNS } from '../snapshot.js';
import { steadily } from '../steady.js';

const COMMAND = 'fourfold run demo --tasks 20000 --listen 127.0.0.1:4040';
const HEALTH_MS = 3000;
/** How often numbers about the connection are read. */
const READ_MS = 500;
const PROFILE_MS = 1000;
/** Lags are those of so long. */
const LAG_MS = 2000;
const GAPS_MAX = 50;

/** @param {import('../app.js').App} app @returns {import('../app.js').Guide} */
export function guide(app) {
  const { session } = app;
  /** @type {Feed | null} */
  let feed = null;
  let player = -1;
  let shownRun = '';
  let left = false;
  /** @type {import('../feed.js').FeedState} */
  let state = 'connecting';
  /** When an event of time 0 would have come, had none been late; in milliseconds of the wall. */
  let origin = Number.POSITIVE_INFINITY;
  /** @type {{at: number, lag: number}[]} */
  let lags = [];
  /** @type {{at: number, count: number}[]} */
  const counts = [];
  /** @type {{t: number, missed: number | null}[]} */
  const gaps = [];
  let missed = 0;
  let unknown = false;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  let reading;
  let asked = '';
  const profile = steadily(() => app.transport.profile(), PROFILE_MS);

  const lamp = h('span', { class: 'lamp', role: 'status' });
  const facts = h('dl', { class: 'facts' });
  const cells = /** @type {const} */ (['pattern', 'phase', 'events', 'rate', 'lag', 'missed', 'breaks']).map((key) => {
    const cell = h('dd', { 'data-live': key }, '–');
    facts.append(h('dt', {}, t(`live.${key}`)), cell);
    return cell;
  });
  const back = h(
    'button',
    { type: 'button', class: 'primary', id: 'live-follow', onclick: () => session.follow() },
    t('live.follow'),
  );
  const hold = h('button', { type: 'button', id: 'live-hold', onclick: () => stop() }, t('live.hold'));
  const gapList = h('ul', { class: 'checks' });
  const gapBox = h(
    'section',
    { hidden: true },
    h('h3', {}, t('live.gaps')),
    h('p', { class: 'note' }, t('live.gapsHelp')),
    gapList,
  );
  const problem = h('p', { class: 'problem', role: 'alert', hidden: true });
  const watching = h(
    'div',
    { class: 'tab-body', hidden: true },
    problem,
    lamp,
    facts,
    h('div', { class: 'row-of' }, back, hold),
    gapBox,
  );
  const why = h('p', { class: 'note' });
  const code = h('code', {}, COMMAND);
  const nobody = h(
    'div',
    { class: 'tab-body', hidden: true },
    h('h2', {}, t('live.nobody')),
    why,
    h('p', {}, t('live.start')),
    h('div', { class: 'command' }, code, h('button', { type: 'button', onclick: () => void copy() }, t('export.copy'))),
    h('p', {}, t('live.then'), ' ', h('a', { href: 'http://127.0.0.1:4040/' }, 'http://127.0.0.1:4040/')),
    h('p', { class: 'note' }, t('live.what')),
    h('div', {}, h('button', { type: 'button', id: 'live-again', onclick: () => void look() }, t('live.look'))),
  );
  const element = h('div', {}, watching, nobody);

  async function copy() {
    try {
      await navigator.clipboard.writeText(COMMAND);
      announce(t('live.copied'));
    } catch {
      getSelection()?.selectAllChildren(code);
    }
  }

  /** Stays where it is; events go on coming in. */
  function stop() {
    session.pause();
    session.following = false;
    session.tell('settle');
  }

  /** An empty stage, and why. @param {string} reason */
  async function nothing(reason) {
    watching.hidden = true;
    nobody.hidden = false;
    setText(why, reason);
    app.caption(t('live.title'), t('live.subtitle'));
    await session.show([]);
    app.stage.paint(0, false);
    putUp(
      t('live.nobody'),
      t('live.placard'),
      h('button', { type: 'button', onclick: () => void look() }, t('live.look')),
    );
  }

  /** Whether there is a run, and then its events. */
  async function look() {
    const { live } = await health(HEALTH_MS);
    if (left) return;
    if (!live) {
      await nothing(t('live.why'));
      return;
    }
    watching.hidden = false;
    nobody.hidden = true;
    takeDown();
    begin(new URL('../../events', import.meta.url).href);
  }

  /** @param {string} url */
  function begin(url) {
    feed?.close();
    feed = new Feed(url, { snapshot, events, gap, state: connection, problem: complain });
    feed.open();
    connection('connecting');
    clearInterval(reading);
    reading = setInterval(read, READ_MS);
  }

  /** A run that has not been seen yet gets a stage of its own. @param {string} run */
  async function stageOf(run) {
    if (run === shownRun) return;
    shownRun = run;
    origin = Number.POSITIVE_INFINITY;
    lags = [];
    ({ player } = await ask('live'));
    if (left) return;
    await session.show([{ player, title: '' }], { at: { end: true }, follow: true });
    session.follow();
  }

  /** @param {string} json @param {string} run */
  async function snapshot(json, run) {
    await stageOf(run);
    if (left) return;
    await ask('call', player, 'snapshot_from', json);
    if (!session.playing) await session.refresh(session.following ? { end: true } : undefined);
  }

  /** @param {string} lines @param {number} amount @param {string} run */
  async function events(lines, amount, run) {
    await stageOf(run);
    if (left) return;
    const arrived = performance.now();
    await ask('call', player, 'push', lines);
    problem.hidden = true;
    const now = performance.now();
    counts.push({ at: now, count: amount });
    while (counts.length > 2 && now - counts[0].at > LAG_MS) counts.shift();
    const last =
      Number(/"t_ns":(\d+)/.exec(lines.slice(lines.lastIndexOf('\n', lines.length - 2) + 1))?.[1] ?? Number.NaN) / 1e6;
    if (Number.isNaN(last)) return;
    origin = Math.min(origin, arrived - last);
    lags.push({ at: now, lag: now - (origin + last) });
    while (lags.length > 2 && now - lags[0].at > LAG_MS) lags.shift();
  }

  /** @param {unknown} error */
  function complain(error) {
    setText(problem, error instanceof Error ? error.message : String(error));
    problem.hidden = false;
  }

  /** @param {number | null} lost */
  function gap(lost) {
    if (lost === null) unknown = true;
    else missed += lost;
    gaps.push({ t: session.endNs - session.startNs, missed: lost });
    if (gaps.length > GAPS_MAX) gaps.shift();
    gapBox.hidden = false;
    gapList.replaceChildren(
      ...gaps
        .toReversed()
        .map((one) =>
          h(
            'li',
            { 'data-kept': 'false' },
            h('span', { class: 'sign', 'aria-hidden': 'true' }, '⋯'),
            h(
              'span',
              {},
              one.missed === null
                ? t('live.gapUnknown', { time: duration(one.t) })
                : t('live.gap', { time: duration(one.t), count: count(one.missed) }),
            ),
          ),
        ),
    );
    announce(t('live.gapped'));
  }

  /** @param {import('../feed.js').FeedState} next */
  function connection(next) {
    state = next;
    lamp.dataset.state = next;
    setText(lamp, t(`live.state.${next}`));
    if (next === 'ended') {
      stop();
      void session.refresh({ end: true }).then(() => app.transport.profile());
    }
    read();
  }

  /** What is known about the connection. */
  function read() {
    if (!feed) return;
    const now = performance.now();
    const recent = counts.filter(({ at }) => now - at <= LAG_MS);
    const rate = recent.reduce((sum, one) => sum + one.count, 0) / (LAG_MS / 1000);
    const late = lags.filter(({ at }) => now - at <= LAG_MS).map(({ lag }) => lag);
    const snapshot = session.snapshots[0];
    const known = Math.max(missed, snapshot?.of('missed') ?? 0);
    const texts = [
      snapshot && snapshot.phase !== 'waiting' ? t(`pattern.${snapshot.pattern}`) : '–',
      snapshot ? t(`phase.${snapshot.phase}`) : '–',
      count(feed.count),
      t('chart.perSecond', { count: count(Math.round(rate)) }),
      late.length > 0 ? duration(Math.max(...late) * 1e6) : '–',
      unknown ? t('live.atLeast', { count: count(known) }) : count(known),
      count(feed.breaks),
    ];
    for (const [index, text] of texts.entries()) setText(cells[index], text);
    if (state !== 'ended') profile();
    follow();
  }

  /** Which of the two buttons means something, and what is seen. */
  function follow() {
    const over = state === 'ended';
    back.hidden = over || (session.following && session.playing);
    hold.hidden = over || !back.hidden;
    const snapshot = session.snapshots[0];
    if (!snapshot || snapshot.phase === 'waiting') return;
    const pattern = PATTERNS.includes(snapshot.pattern) ? t(`pattern.${snapshot.pattern}`) : '';
    const what = over ? t('live.over') : back.hidden ? t('live.head') : t('live.held');
    const words = `${pattern}|${snapshot.of('limit')}|${what}`;
    if (words === asked) return;
    asked = words;
    app.caption(t('live.caption', { pattern, limit: snapshot.of('limit') }), what);
    session.runs[0].title = pattern;
  }

  return {
    element,
    enter: async (view) => {
      await stylesheet('../../css/modes.css');
      if (!view.speed) session.setSpeed(1);
      session.on('settle', follow);
      session.on('play', follow);
      app.caption(t('live.title'), t('live.subtitle'));
      const from = view.from ? new URL(view.from, location.href) : null;
      if (from && from.origin !== location.origin) {
        await nothing(t('live.elsewhere', { from: from.origin }));
        return;
      }
      await look();
    },
    link: () => ({ at: undefined, from: app.view.from }),
    leave: () => {
      left = true;
      feed?.close();
      clearInterval(reading);
      takeDown();
      session.following = false;
    },
  };
}
