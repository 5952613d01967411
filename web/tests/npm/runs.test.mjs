// Runs of the package: what handlers may do, and what the caller gets.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';

import { deferred, FULL, install, load, tool, wait } from './package.mjs';

const folder = install();
const fourfold = await load(folder);
const { map, run, start } = fourfold;

for (const pattern of ['set', 'batch', 'pool', 'group']) {
  test(`${pattern}: a real handler; the bound is reached and never passed; errors are tried again`, async () => {
    let [running, peak] = [0, 0];
    const results = new Map();
    const words = Array.from({ length: 40 }, (_, index) => ({ word: 'x'.repeat(index) }));
    const options = { pattern, limit: 6, retries: 2, backoffMs: 1 };
    const report = await fourfold.run(
      words,
      async ({ word }, { attempt, signal }) => {
        running += 1;
        peak = Math.max(peak, running);
        await wait(1 + (word.length % 5), signal);
        running -= 1;
        if (word.length % 8 === 5 && attempt === 1) throw new Error('once');
        results.set(word, word.length);
      },
      options,
    );
    assert.deepEqual([report.done, report.retried, peak, report.peak_in_flight], [40, 5, 6, 6]);
    assert.deepEqual(
      [...results.values()].sort((a, b) => a - b),
      words.map((_, index) => index),
    );
  });
}

test('a signal aborts the run: handlers hear of it, nothing more starts, and it rejects with the reason', async () => {
  const controller = new AbortController();
  let [started, aborted] = [0, 0];
  const tasks = fourfold.run(
    Array(100).keys(),
    async (_, { signal }) => {
      started += 1;
      signal.addEventListener('abort', () => (aborted += 1));
      await wait(5000, signal);
    },
    { limit: 3, signal: controller.signal },
  );
  setTimeout(() => controller.abort(new Error('enough')), 20);
  await assert.rejects(tasks, { message: 'enough' });
  assert.deepEqual([started, aborted], [3, 3]);
  await assert.rejects(
    fourfold.run([1], () => {}, { signal: controller.signal }),
    { message: 'enough' },
  );
});

test('a group that fails rejects with its report', async () => {
  const failing = fourfold.run(
    [1, 2, 3],
    async (task, { signal }) => {
      await wait(task === 2 ? 3 : 5000, signal);
      throw Object.assign(new Error('two is wrong'), { permanent: true });
    },
    { pattern: 'group', limit: 3 },
  );
  await assert.rejects(failing, (error) => {
    assert.ok(error instanceof fourfold.RunError && /two is wrong/.test(error.message));
    assert.deepEqual([error.report.dead, error.report.cancelled], [1, 2]);
    assert.deepEqual([error.cause.message, error.failures[0].task], ['two is wrong', 2]);
    return true;
  });
});

test('in the other patterns a dead task is counted', async () => {
  const report = await fourfold.run(
    [1, 2, 3],
    (task) => {
      if (task === 2) throw new Error('no');
    },
    { pattern: 'set', retries: 0 },
  );
  assert.deepEqual([report.done, report.dead, report.failed], [2, 1, 1]);
});

test('the module can be loaded from its file, or from anything else that has it', () => {
  const text = `import { readFile } from 'node:fs/promises';
import { load, map } from 'fourfold';
globalThis.DecompressionStream = undefined;
await load(await readFile(new URL(import.meta.resolve('fourfold/fourfold.wasm'))));
console.log(await map([1], (n) => n + 1));
`;
  writeFileSync(join(folder, 'loads.js'), text);
  assert.equal(execFileSync('node', ['loads.js'], { cwd: folder, encoding: 'utf8', timeout: 20_000 }), '[ 2 ]\n');
});

test('a timeout ends an attempt and its signal', async () => {
  let aborted = 0;
  const report = await fourfold.run(
    ['slow'],
    async (_, { attempt, signal }) => {
      signal.addEventListener('abort', () => (aborted += 1));
      await wait(attempt === 1 ? 5000 : 1, signal);
    },
    { timeoutMs: 15, backoffMs: 1 },
  );
  assert.deepEqual([report.done, report.timed_out, aborted], [1, 1, 1]);
});

test('events are told; a handle drains and widens', async () => {
  const events = [];
  const run = await fourfold.start(Array(50).keys(), () => wait(4), {
    limit: 1,
    record: true,
    onEvent: (event) => events.push(event),
  });
  run.setLimit(5);
  setTimeout(() => run.drain(), 20);
  const report = await run.finished;
  assert.ok(report.done < 50 && report.peak_in_flight === 5);
  assert.deepEqual([events[0].event, events.at(-1).event], ['run_started', 'run_ended']);
  assert.equal(events.length, run.player.end);
  assert.equal(JSON.parse(run.player.checks()).violation, null);
});

test('what is wrong is named', async () => {
  await assert.rejects(
    fourfold.run([], () => {}, { limt: 3 }),
    { name: 'TypeError', message: /there is no option limt; expected one of pattern, limit/ },
  );
  await assert.rejects(
    fourfold.run([], () => {}, { limit: 0 }),
    { message: 'limit: expected a whole number from 1 to 100000, found 0' },
  );
  await assert.rejects(fourfold.run([], 'x'), { message: 'the handler is not a function' });
});

test('a simulation can be gone through', async () => {
  const player = await fourfold.simulate({ pattern: 'batch', limit: 4, seed: 1, tasks: 100 });
  player.seek(player.end_ns / 2);
  assert.ok(JSON.parse(player.report()).done > 20);
  player.free();
});

test('a program with it ends by itself', () => {
  writeFileSync(
    join(folder, 'ends.js'),
    "import { run } from 'fourfold';\nconsole.log((await run([1, 2, 3], () => {}, { timeoutMs: 60000 })).done);\n",
  );
  assert.equal(execFileSync('node', ['ends.js'], { cwd: folder, encoding: 'utf8', timeout: 20000 }), '3\n');
});

test('a handler that ignores its signal keeps its permit after its timeout until it has ended', async () => {
  let [running, peak] = [0, 0];
  const report = await run(
    Array(12).keys(),
    async () => {
      running += 1;
      peak = Math.max(peak, running);
      await wait(40);
      running -= 1;
    },
    { limit: 4, timeoutMs: 10, retries: 0 },
  );
  assert.deepEqual([report.timed_out, report.dead, peak, running], [12, 12, 4, 0]);
  assert.equal(report.failures[0].error.name, 'TimeoutError');
  assert.ok(report.elapsed_ms > 100, `three lots of 40 ms took ${report.elapsed_ms} ms`);
});

test('a handler that never ends gives its permit back when it is abandoned', async () => {
  const never = () => new Promise(() => {});
  const report = await run(Array(6).keys(), never, { limit: 2, timeoutMs: 5, abandonAfterMs: 5, retries: 0 });
  assert.deepEqual([report.timed_out, report.dead, report.peak_in_flight], [6, 6, 2]);
});

test('a run that is aborted waits for handlers that ignore their signals, unless they are abandoned', async () => {
  const [begun, end] = [deferred(), deferred()];
  const controller = new AbortController();
  const handler = async () => {
    begun.resolve();
    await end.promise;
    end.ended = true;
  };
  const failing = run([1], handler, { signal: controller.signal });
  await begun.promise;
  controller.abort(new Error('enough'));
  setTimeout(end.resolve, 20);
  await assert.rejects(failing, { message: 'enough' });
  assert.ok(end.ended, 'the handler has ended before the run');

  const other = new AbortController();
  const abandoned = run([1], () => new Promise(() => {}), { signal: other.signal, abandonAfterMs: 5 });
  setTimeout(() => other.abort(new Error('now')), 5);
  await assert.rejects(abandoned, { message: 'now' });
});

test('results come in the order of the tasks, whatever order they end in', async () => {
  const results = await map([30, 1, 20, 2], (ms) => wait(ms).then(() => ms * 2), { limit: 3 });
  assert.deepEqual(results, [60, 2, 40, 4]);
  assert.deepEqual(await map([], () => assert.fail('there is no task')), []);
  assert.deepEqual(await map(new Set(['a', 'b']), (text) => text + text), ['aa', 'bb']);
});

test('the first failure of a map cancels the others and is the cause', async () => {
  const error = new RangeError('two is wrong');
  let cancelled = 0;
  const failing = map(
    [1, 2, 3],
    async (task, { signal }) => {
      signal.addEventListener('abort', () => (cancelled += 1));
      await wait(task === 2 ? 3 : 5000, signal);
      throw error;
    },
    { limit: 3 },
  );
  await assert.rejects(failing, (thrown) => thrown instanceof fourfold.RunError && thrown.cause === error);
  assert.equal(cancelled, 2);
});

test('a map that goes on after failures names all of them, and has the other results', async () => {
  const failing = map([1, 2, 3, 4], (task) => (task % 2 ? Promise.reject(new Error(`no ${task}`)) : task * 10), {
    pattern: 'set',
  });
  await assert.rejects(failing, ({ message, cause, failures, results }) => {
    assert.deepEqual([message, cause.message], ['2 of 4 tasks failed', 'no 1']);
    assert.deepEqual(
      failures.map(({ id, task, error, attempts }) => [id, task, error.message, attempts]),
      [
        [0, 1, 'no 1', 1],
        [2, 3, 'no 3', 1],
      ],
    );
    assert.deepEqual([results[1], results[3], 0 in results], [20, 40, false]);
    return true;
  });
});

test('a rate, a limit and retries change while the run goes on', async () => {
  let failing = true;
  const handle = await start(
    Array(30).keys(),
    () => {
      if (failing) throw new Error('not yet');
    },
    { limit: 1, rate: 1, retries: 1000, backoffMs: 1, backoffMaxMs: 1, jitter: false },
  );
  handle.pause();
  failing = false;
  handle.configure({ rate: undefined, limit: 8 });
  handle.resume();
  const { done, elapsed_ms: elapsed } = await handle.finished;
  assert.equal(done, 30);
  assert.ok(elapsed < 10_000, `30 tasks at 1 per second took ${elapsed} ms`);
});

test('a task that is ready at once costs at most 1.5 times what p-limit takes', {
  skip: !FULL && 'a long one',
}, async (t) => {
  const { default: pLimit } = await import(pathToFileURL(tool('p-limit@7.3.3', 'index.js')).href);
  const list = Array.from({ length: 100_000 }, (_, index) => index);
  const ready = async (task) => task;
  const ways = {
    peer: (limited = pLimit(8)) => Promise.all(list.map((task) => limited(ready, task))),
    queue: (queue = new fourfold.Queue({ limit: 8 })) => Promise.all(list.map((task) => queue.add(() => ready(task)))),
    map: () => map(list, ready, { limit: 8 }),
  };
  const best = {};
  for (let round = 0; round < 7; round += 1) {
    for (const [name, way] of Object.entries(ways)) {
      const start = performance.now();
      await way();
      best[name] = Math.min(best[name] ?? Number.POSITIVE_INFINITY, performance.now() - start);
    }
  }
  t.diagnostic(
    Object.entries(best)
      .map(([name, ms]) => `${name} ${(ms * 10).toFixed(0)} ns a task`)
      .join(', '),
  );
  assert.ok(best.queue <= 1.5 * best.peer && best.map <= 1.5 * best.peer);
});

test('no signal is made that nobody asks for', async () => {
  let made = 0;
  const { AbortController: Real } = globalThis;
  globalThis.AbortController = class extends Real {
    constructor() {
      super();
      made += 1;
    }
  };
  try {
    await run(Array(20).keys(), async () => {}, { timeoutMs: 1000 });
    assert.equal(made, 0);
    await run(Array(20).keys(), async (_, { signal }) => signal.throwIfAborted());
    assert.equal(made, 20);
  } finally {
    globalThis.AbortController = Real;
  }
});
