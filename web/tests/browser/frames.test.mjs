// The frame rate of the stage, without a graphics processor.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { best, FULL, percentile, SLACK, setUp, still } from './harness.mjs';

const house = setUp();
const SECONDS = FULL ? 10 : 4;

/**
 * Plays for some seconds, and measures the frames per second and the JavaScript time of each frame on the page's thread.
 * @param {import('playwright-core').Page} page
 */
async function measure(page) {
  return page.evaluate(async (seconds) => {
    const { playback, stage } = globalThis.fourfold;
    /** @type {number[]} by frame */
    const costs = [];
    let spent = 0;
    // A second measurement of the same page does not use the clock of the first.
    delete playback.tick;
    delete playback.take;
    const timed = (/** @type {any} */ object, /** @type {string} */ name) => {
      const act = object[name].bind(object);
      object[name] = (/** @type {any[]} */ ...args) => {
        const from = performance.now();
        try {
          return act(...args);
        } finally {
          spent += performance.now() - from;
        }
      };
    };
    timed(playback, 'tick');
    timed(playback, 'take');
    playback.play();
    /** @type {number[]} */
    const frames = [];
    /** @type {number[]} */
    const tokens = [];
    let last = performance.now();
    const until = last + seconds * 1000 + 500;
    await new Promise((resolve) => {
      const look = (/** @type {number} */ now) => {
        // The first half second is a warm-up.
        if (now > until - seconds * 1000) {
          frames.push(now - last);
          costs.push(spent);
          tokens.push(Math.min(...playback.snapshots.map((/** @type {any} */ snapshot) => snapshot.rows)));
        }
        spent = 0;
        last = now;
        if (now < until) requestAnimationFrame(look);
        else resolve(undefined);
      };
      requestAnimationFrame(look);
    });
    const { playing } = playback;
    playback.pause();
    return {
      frames,
      costs,
      paints: stage.costs.slice(-frames.length),
      tokens,
      playing,
      size: [stage.width, stage.height],
    };
  }, SECONDS);
}

/** @param {import('node:test').TestContext} t @param {Awaited<ReturnType<typeof measure>>} measured */
function tell(t, { frames, costs, paints, tokens, playing, size }) {
  assert.ok(playing, 'the run was over too soon');
  const fps = (1000 * frames.length) / frames.reduce((sum, frame) => sum + frame, 0);
  t.diagnostic(
    `${fps.toFixed(1)} frames per second over ${SECONDS} s at ${size.join(' × ')}; JavaScript per frame: median ${percentile(costs, 0.5).toFixed(2)} ms, p95 ${percentile(costs, 0.95).toFixed(2)} ms; ` +
      `painting p95 ${percentile(paints, 0.95).toFixed(2)} ms; frame p95 ${percentile(frames, 0.95).toFixed(1)} ms; at least ${Math.min(...tokens)} tasks in each panel`,
  );
  return fps;
}

test('four panels of 500 tokens at 1600 × 900: 55 frames per second, 6 ms of JavaScript', async (t) => {
  const run = JSON.stringify({
    limit: 500,
    tasks: 100_000,
    seed: 1,
    retries: 0,
    batch_size: 500,
    queue_capacity: 1,
    work: { ms: [200, 900], tail_permille: 0, fail_permille: 0 },
  });
  const page = await house.open(t, {
    hash: `#${new URLSearchParams({ mode: 'compare', run, speed: '0.1' })}`,
    width: 1600,
    height: 900,
    moving: true,
  });
  await best(
    () => measure(page),
    (measured) => {
      const fps = tell(t, measured);
      assert.ok(percentile(measured.tokens, 0.5) >= 300, 'there are about 500 tokens in each panel');
      assert.ok(fps >= 55 / SLACK, `${fps} frames per second`);
      assert.ok(percentile(measured.costs, 0.95) <= 6 * SLACK, `${percentile(measured.costs, 0.95)} ms`);
    },
  );
});

test('20,000 tasks in aggregate: 50 frames per second', async (t) => {
  const run = JSON.stringify({
    pattern: 'pool',
    limit: 2000,
    queue_capacity: 18_000,
    tasks: 100_000,
    seed: 1,
    retries: 0,
    work: { ms: [400, 4000], tail_permille: 0, fail_permille: 0 },
  });
  const page = await house.open(t, {
    hash: `#${new URLSearchParams({ mode: 'lab', run, speed: '0.1' })}`,
    width: 1600,
    height: 900,
    moving: true,
  });
  await page.evaluate(() => globalThis.fourfold.playback.go({ time: 2e9 }));
  await still(page);
  const [queued, running] = await page.evaluate(() =>
    ['queued', 'in_flight'].map((name) => globalThis.fourfold.playback.snapshots[0].of(name)),
  );
  assert.equal(queued + running, 20_000);
  await best(
    () => measure(page),
    (measured) => {
      const fps = tell(t, measured);
      assert.ok(fps >= 50 / SLACK, `${fps} frames per second`);
    },
  );
});
