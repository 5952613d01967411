// Live mode: a native run, over a good connection and over one that breaks.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { foldTo } from './fold.mjs';
import { eventsOf, FULL, percentile, SLACK, setUp, stateOf, still, tracesOf } from './harness.mjs';
import { emptyFolder, listening, network } from './native.mjs';

const house = setUp();
const SECONDS = FULL ? 60 : 5;
/** The number of tasks that start per second; each task has four events. */
const RATE = 1250;

/** @param {import('node:test').TestContext} t @param {string} folder @param {number} tasks @param {number} [rate] */
function run(t, folder, tasks, rate = RATE) {
  return listening(
    t,
    [
      'run',
      'demo',
      '--real',
      '--tasks',
      String(tasks),
      '-c',
      '100',
      '--rate',
      `${rate}/s`,
      '--retries',
      '3',
      '--listen',
      '127.0.0.1:0',
      '--trace',
      'native.jsonl',
      '--quiet',
      '--json',
    ],
    folder,
  );
}

/** Waits until the page says that no run comes any more. @param {import('playwright-core').Page} page @param {number} seconds */
async function over(page, seconds) {
  await page.waitForFunction(() => document.querySelector('.lamp')?.getAttribute('data-state') === 'ended', undefined, {
    timeout: seconds * 1000 + 30_000,
  });
  await page.waitForFunction(
    () => document.querySelector('tr[data-key="phase"] td')?.getAttribute('data-value') === 'ended',
  );
  await still(page);
}

/** What the page has is what the run wrote, from where the page began. @param {import('node:test').TestContext} t @param {import('playwright-core').Page} page @param {string} folder */
async function compare(t, page, folder) {
  const native = eventsOf(await readFile(join(folder, 'native.jsonl'), 'utf8'));
  const [seen] = await tracesOf(page);
  assert.ok(seen.length > native.length / 2, `${seen.length} of ${native.length} events`);
  assert.deepEqual(seen, native.slice(seen[0].seq), 'no event is lost, none comes twice');
  const state = await stateOf(page);
  assert.deepEqual(state.missed, ['0']);
  // The first snapshot and the events after it give the same state as all events.
  const fold = foldTo(native, Number.POSITIVE_INFINITY).table(native.at(-1).t_ns);
  for (const key of [
    'done',
    'dead',
    'failed',
    'retried',
    'attempts',
    'peak_in_flight',
    'idle_ns',
    'in_flight',
    'waiting',
  ])
    assert.equal(state[key][0], String(fold[key]), key);
  t.diagnostic(`${seen.length} of ${native.length} events seen, from number ${seen[0].seq} on`);
}

test(`5,000 events per second for ${SECONDS} s: none missed, late by 250 ms at most`, async (t) => {
  const folder = await emptyFolder(t);
  const { url } = await run(t, folder, RATE * (SECONDS + 4));
  const page = await house.open(t, { url, moving: true, ready: false });
  await page.waitForFunction(() => globalThis.fourfold?.playback.snapshots[0]?.of('phase') > 0);
  const measured = await page.evaluate(async (seconds) => {
    const { playback } = globalThis.fourfold;
    const read = () => ({
      now: performance.now(),
      shown: playback.endNs / 1e6,
      events: playback.snapshots[0].of('end'),
    });
    const samples = [read()];
    await new Promise((resolve) => {
      const look = () => {
        samples.push(read());
        if (samples.at(-1).now - samples[0].now < seconds * 1000) requestAnimationFrame(look);
        else resolve(undefined);
      };
      requestAnimationFrame(look);
    });
    return samples;
  }, SECONDS);
  // The smallest sample is the difference between the clocks.
  const origin = Math.min(...measured.map(({ now, shown }) => now - shown));
  const lags = measured.map(({ now, shown }) => now - shown - origin);
  const [first, last] = [measured[0], measured[measured.length - 1]];
  const rate = (1000 * (last.events - first.events)) / (last.now - first.now);
  t.diagnostic(
    `${rate.toFixed(0)} events per second over ${((last.now - first.now) / 1000).toFixed(1)} s, ${measured.length} frames; lag median ${percentile(lags, 0.5).toFixed(0)} ms, p95 ${percentile(lags, 0.95).toFixed(0)} ms, at most ${Math.max(...lags).toFixed(0)} ms`,
  );
  await over(page, 30);
  await compare(t, page, folder);
  assert.ok(rate >= 4500 / SLACK, `${rate} events per second`);
  assert.ok(percentile(lags, 0.95) <= 250 * SLACK, `${percentile(lags, 0.95)} ms`);
});

test('a connection that breaks again and again resumes without loss and without doubles', async (t) => {
  const folder = await emptyFolder(t);
  const { url } = await run(t, folder, 3000, 300);
  const wire = await network(t, url);
  const page = await house.open(t, { url: wire.url, moving: true, excused: /ERR_|net::/, ready: false });
  await page.waitForFunction(() => globalThis.fourfold?.playback.snapshots[0]?.of('position') > 100);
  for (let cut = 1; cut <= 2; cut += 1) {
    wire.cut();
    await page.waitForFunction(() => document.querySelector('.lamp')?.getAttribute('data-state') === 'waiting');
    await page.waitForFunction(() => document.querySelector('.lamp')?.getAttribute('data-state') === 'open');
    const before = await page.evaluate(() => globalThis.fourfold.playback.endNs);
    await page.waitForFunction((before) => globalThis.fourfold.playback.endNs > before, before);
  }
  await over(page, 20);
  const reconnections = Number(await page.locator('[data-live="breaks"]').textContent());
  t.diagnostic(`${reconnections} reconnections`);
  assert.ok(reconnections >= 2);
  assert.equal(await page.locator('[data-live="missed"]').textContent(), '0');
  await compare(t, page, folder);
});

test('a visitor looks back while the run continues, and follows it again', async (t) => {
  const folder = await emptyFolder(t);
  const { url } = await run(t, folder, 1500, 150);
  const page = await house.open(t, { url, moving: true, ready: false });
  await page.waitForFunction(() => globalThis.fourfold?.playback.snapshots[0]?.of('position') > 200);
  await page.locator('#live-hold').click();
  await page.keyboard.press('ArrowLeft');
  await still(page);
  const state = await stateOf(page);
  await page.waitForFunction(
    (position) => globalThis.fourfold.playback.snapshots[0].of('position') === position,
    Number(state.position[0]),
  );
  // Events keep arriving.
  const counted = await page.locator('[data-live="events"]').textContent();
  await page.waitForFunction(
    (counted) => document.querySelector('[data-live="events"]')?.textContent !== counted,
    counted,
  );
  assert.deepEqual((await stateOf(page)).position, state.position);
  await page.locator('#live-follow').click();
  await page.waitForFunction(
    (position) => globalThis.fourfold.playback.snapshots[0].of('position') > position + 100,
    Number(state.position[0]),
  );
  await over(page, 20);
});

test('without a run, the page says how to start one', async (t) => {
  const page = await house.open(t, { hash: '#mode=live' });
  assert.match((await page.locator('.command code').first().textContent()) ?? '', /--listen/);
  assert.equal(await page.locator('#live-again').isVisible(), true);
  const elsewhere = await house.open(t, { hash: '#mode=live&from=https://example.org/events' });
  assert.match((await elsewhere.locator('#pane-mode').textContent()) ?? '', /example\.org/);
});
