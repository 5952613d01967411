// The lanes: what is painted in them is what the events say, up to the playhead and no further.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SCENARIOS } from '../../js/scenarios.js';
import { FULL, PATTERNS, setUp, still, tracesOf } from './harness.mjs';

const house = setUp();

/** The attempts of a trace, each with its permit. @param {any[]} events */
function attemptsOf(events) {
  const start = events[0].t_ns;
  /** @type {Map<number, number>} */
  const open = new Map();
  const attempts = [];
  for (const { event, permit, t_ns, outcome } of events) {
    if (event === 'started') open.set(permit, t_ns - start);
    if (event === 'ended') attempts.push({ permit, from: open.get(permit) ?? 0, to: t_ns - start, outcome });
  }
  return attempts;
}

/**
 * Reads the colours of points in the lanes, named by permit and time.
 * @param {import('playwright-core').Page} page
 * @param {number} panel
 * @param {{permit: number, ns: number}[]} points
 */
function colorsAt(page, panel, points) {
  return page.evaluate(
    async ({ panel, points }) => {
      const { stage } = globalThis.fourfold;
      const { at } = await import(new URL('js/stage/history.js', document.baseURI).href);
      const { lane, laneInset } = await import(new URL('js/stage/geometry.js', document.baseURI).href);
      // The latest snapshots may be a frame ahead of the picture.
      stage.paint(0, false);
      const { places } = stage.views[panel];
      const pen = stage.canvas.getContext('2d');
      return points.map(({ permit, ns }) => {
        const { y, h } = lane(places, permit);
        const x = at(places, stage.axis, ns);
        // Near the upper edge: numbers and tokens are in the middle.
        const [r, g, b] = pen.getImageData(
          Math.round(x * stage.density),
          Math.round((y + laneInset(places) + Math.min(4, h / 6)) * stage.density),
          1,
          1,
        ).data;
        return `#${[r, g, b].map((part) => part.toString(16).padStart(2, '0')).join('')}`;
      });
    },
    { panel, points },
  );
}

/** @param {import('playwright-core').Page} page */
function paletteOf(page) {
  return page.evaluate(() => {
    const { state, band } = globalThis.fourfold.stage.theme;
    return { succeeded: state.running, failed: state.failed, cancelled: state.cancelled, panicked: state.failed, band };
  });
}

for (const pattern of PATTERNS) {
  test(`every attempt of ${pattern} is painted in its lane in the colour of its outcome, and nothing is foretold`, async (t) => {
    const run = JSON.stringify({
      pattern,
      limit: 4,
      tasks: 24,
      seed: 5,
      retries: pattern === 'group' ? 0 : 1,
      work: { ms: [30, 90], tail_permille: 0, fail_permille: pattern === 'group' ? 60 : 200, fail_attempts: 1 },
    });
    const page = await house.open(t, {
      hash: `#${new URLSearchParams({ mode: 'lab', run })}`,
      excused: /willReadFrequently/,
    });
    const [events] = await tracesOf(page);
    const palette = await paletteOf(page);
    const end = events.at(-1).t_ns - events[0].t_ns;
    let checked = 0;
    for (const part of [0.3, 0.6, 1]) {
      const now = Math.round(end * part);
      await page.evaluate((ns) => globalThis.fourfold.playback.go({ time: ns }), now + events[0].t_ns);
      await still(page);
      const known = attemptsOf(events).filter(({ from, to }) => to < now - 0.03 * end && to - from > 0.02 * end);
      const points = known.map(({ permit, from, to }) => ({ permit, ns: (from + to) / 2 }));
      const colors = await colorsAt(page, 0, points);
      known.forEach(({ outcome, permit, from }, index) => {
        assert.equal(colors[index], palette[outcome], `permit ${permit} from ${from} at ${now}: ${outcome}`);
      });
      checked += known.length;
      if (part === 1) continue;
      const ahead = [0, 1, 2, 3].map((permit) => ({ permit, ns: now + 0.2 * end }));
      assert.deepEqual(await colorsAt(page, 0, ahead), Array(4).fill(palette.band), `after the playhead at ${now}`);
    }
    t.diagnostic(`${checked} attempts`);
    assert.ok(checked >= 10);
  });
}

test('the rows of the module are the attempts of the trace, in every scenario', async (t) => {
  const page = await house.open(t, { hash: '#mode=learn' });
  for (const { id } of FULL ? SCENARIOS : SCENARIOS.slice(0, 5)) {
    await page.locator(`[data-scenario="${id}"]`).click();
    await page.waitForFunction((id) => location.hash.includes(`scenario=${id}`), id);
    await still(page);
    const traces = await tracesOf(page);
    const rows = await page.evaluate(() =>
      Promise.all(
        globalThis.fourfold.playback.runs.map(async ({ player }) => [
          ...(await globalThis.fourfold.engine.ask('lanes', player, 0, 1e15, 512, 0)),
        ]),
      ),
    );
    traces.forEach((events, index) => {
      const start = events[0].t_ns;
      const spans = [];
      for (let at = 0; at < rows[index].length; at += 5) {
        const [permit, from, to, outcome] = rows[index].slice(at, at + 4);
        if (permit >= 0 && outcome >= 0) spans.push({ permit, from: from - start, to: to - start });
      }
      assert.deepEqual(
        spans,
        attemptsOf(events).map(({ permit, from, to }) => ({ permit, from, to })),
        `${id}, run ${index}`,
      );
    });
  }
});
