// Where tasks come from: generators and async iterables, taken as the run has room for them.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { FULL, install, load, wait } from './package.mjs';

const { map, run, RunError, start } = await load(install());

test('a generator is asked for what the run has room for, and is ended', async () => {
  let [pulled, ended] = [0, 0];
  function* endless() {
    try {
      for (; pulled < 2_000_000; pulled += 1) yield pulled;
    } finally {
      ended += 1;
    }
  }
  const report = await run(endless(), () => wait(1), { maxTasks: 10, limit: 3, pattern: 'set' });
  assert.deepEqual([report.done, ended], [10, 1]);
  assert.ok(pulled <= 10 + 3, `${pulled} were pulled`);

  function* broken() {
    yield 1;
    throw new Error('no second one');
  }
  const done = [];
  await assert.rejects(
    run(broken(), (task) => done.push(task)),
    (error) => error instanceof RunError && error.cause.message === 'no second one',
  );
  assert.deepEqual(done, [1]);
});

test('an async iterable has the back-pressure of the run', async () => {
  let [given, ended, ahead] = [0, 0, 0];
  async function* source() {
    while (given < 60) {
      // Most of its tasks are there at once: it could run ahead.
      if (given % 7 === 0) await wait(1);
      given += 1;
      ahead = Math.max(ahead, given - ended);
      yield given;
    }
  }
  const results = await map(
    source(),
    async (task) => {
      await wait(1 + (task % 3));
      ended += 1;
      return -task;
    },
    { limit: 4, pattern: 'set' },
  );
  assert.deepEqual(
    results,
    Array.from({ length: 60 }, (_, index) => -1 - index),
  );
  assert.ok(ahead <= 5, `${ahead} were ahead of those that had ended, of a limit of 4`);

  let closed = false;
  async function* endless() {
    try {
      for (let task = 0; ; task += 1) yield task;
    } finally {
      closed = true;
    }
  }
  const report = await run(endless(), () => wait(1), { maxTasks: 5, limit: 2 });
  assert.deepEqual([report.done, closed], [5, true]);
});

test('many tasks leave nothing behind: events are recorded only where that is asked for', async () => {
  const count = FULL ? 1_000_000 : 100_000;
  const before = process.memoryUsage();
  const report = await run(
    (function* () {
      for (let task = 0; task < count; task += 1) yield { task };
    })(),
    async ({ task }) => task,
    { limit: 16 },
  );
  const { arrayBuffers, external } = process.memoryUsage();
  assert.deepEqual([report.done, report.wait_ms, report.peak_in_flight], [count, null, 16]);
  const grown = arrayBuffers + external - before.arrayBuffers - before.external;
  assert.ok(grown < 16e6, `${(grown / 1e6).toFixed(1)} MB more`);

  const handle = await start([1, 2], () => wait(1), { record: true });
  const recorded = await handle.finished;
  assert.ok(recorded.service_ms.p50 > 0 && handle.player.end > 4);
  handle.player.free();
});
