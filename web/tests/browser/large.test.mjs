// Long traces: the time to load them, and the time to seek in them.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { best, FULL, percentile, random, SLACK, seedOf, setUp } from './harness.mjs';

const house = setUp();

/**
 * Makes a trace in the page, opens it as a visitor would, and seeks to random positions.
 * @param {import('node:test').TestContext} t
 * @param {number} tasks
 */
async function measure(t, tasks) {
  const draw = random(seedOf(t));
  const page = await house.open(t, { hash: '#mode=replay' });
  const parts = Array.from({ length: 100 }, () => draw.between(0, 1e6) / 1e6);
  const measured = await page.evaluate(
    async ({ tasks, parts }) => {
      const { engine } = globalThis.fourfold;
      const { playback } = globalThis.fourfold;
      const { player, end } = await engine.ask('simulate', {
        pattern: 'pool',
        limit: 50,
        tasks,
        seed: 3,
        work: { ms: [5, 40] },
      });
      const bytes = await engine.ask('trace', player);
      await engine.ask('close', player);
      const file = new File([bytes], 'long.jsonl');
      /** @type {number[]} */
      const long = [];
      const observer = new PerformanceObserver((list) =>
        long.push(...list.getEntries().map(({ duration }) => duration)),
      );
      observer.observe({ entryTypes: ['longtask'] });
      const input = /** @type {HTMLInputElement} */ (document.querySelector('input[type="file"]'));
      const transfer = new DataTransfer();
      transfer.items.add(file);
      const loaded = new Promise((resolve) => playback.on('runs', () => resolve(undefined)));
      const from = performance.now();
      input.files = transfer.files;
      input.dispatchEvent(new Event('change'));
      await loaded;
      const load = performance.now() - from;
      const seeks = [];
      for (const part of parts) {
        const t = Math.round(playback.startNs + part * (playback.endNs - playback.startNs));
        const began = performance.now();
        playback.go({ time: t });
        // Nested timers of 0 ms take 4 ms; a message arrives at once.
        const { port1, port2 } = new MessageChannel();
        await new Promise((resolve) => {
          port1.onmessage = () =>
            playback.asking || playback.wanted !== null ? port2.postMessage(0) : resolve(undefined);
          port2.postMessage(0);
        });
        port1.close();
        seeks.push(performance.now() - began);
      }
      for (const { duration } of observer.takeRecords()) long.push(duration);
      observer.disconnect();
      return { end, bytes: file.size, load, seeks, long };
    },
    { tasks, parts },
  );
  const { end, bytes, load, seeks, long } = measured;
  t.diagnostic(
    `${end} events, ${(bytes / 1e6).toFixed(1)} MB: loaded in ${load.toFixed(0)} ms; seek median ${percentile(seeks, 0.5).toFixed(1)} ms, p95 ${percentile(seeks, 0.95).toFixed(1)} ms; the longest task of the page's thread ${Math.max(0, ...long).toFixed(0)} ms`,
  );
  return measured;
}

test('a trace of 100,000 events is there within 1 s, and any place of it within 50 ms', async (t) => {
  await best(
    () => measure(t, 23_000),
    ({ end, load, seeks, long }) => {
      assert.ok(end >= 100_000, `${end} events`);
      assert.ok(load <= 1000 * SLACK, `${load} ms`);
      assert.ok(percentile(seeks, 0.95) <= 50 * SLACK, `${percentile(seeks, 0.95)} ms`);
      assert.ok(Math.max(0, ...long) <= 200 * SLACK, `${long} ms`);
    },
  );
});

if (FULL) {
  test('a trace of 1,000,000 events holds up the page for no more than 200 ms', async (t) => {
    await best(
      () => measure(t, 230_000),
      ({ end, long }) => {
        assert.ok(end >= 1_000_000, `${end} events`);
        assert.ok(Math.max(0, ...long) <= 200 * SLACK, `${long} ms`);
      },
    );
  });
}
