// The queue of the package, to which functions are added.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { deferred, install, load, wait } from './package.mjs';

const folder = install();
const { Queue, RunError } = await load(folder);

test('a function that is added resolves with its result; the limit is reached and never passed', async () => {
  const queue = new Queue({ limit: 3 });
  let [running, peak] = [0, 0];
  const job = (value) => async () => {
    running += 1;
    peak = Math.max(peak, running);
    await wait(1 + (value % 3));
    running -= 1;
    return value;
  };
  const results = await Promise.all(Array.from({ length: 30 }, (_, value) => queue.add(job(value))));
  assert.deepEqual([results, peak], [Array.from({ length: 30 }, (_, value) => value), 3]);
  assert.deepEqual(await queue.addAll([() => 'a', async () => 'b']), ['a', 'b']);
  assert.deepEqual([queue.size, queue.pending], [0, 0]);
  await queue.close();
  await assert.rejects(
    queue.add(() => 1),
    { message: 'the queue is closed' },
  );
});

test('a function may add functions and wait for idle rooms: tasks make tasks', async () => {
  const queue = new Queue({ limit: 2 });
  const seen = [];
  const visit = (depth) => async () => {
    seen.push(depth);
    if (depth < 6) for (let child = 0; child < 2; child += 1) void queue.add(visit(depth + 1));
    await undefined;
  };
  // The first is added while nothing runs, the others from within.
  void queue.add(visit(1));
  await queue.onIdle();
  assert.equal(seen.length, 63);
  let inside;
  await queue.add(() => {
    inside = queue.add(() => 'added from a function that returns at once');
    queue.setLimit(1);
    return queue.size;
  });
  assert.equal(await inside, 'added from a function that returns at once');
});

test('a rate spreads the starts, whatever the priorities, and can be taken away', async () => {
  const queue = new Queue({ limit: 10, rate: 50 });
  const [starts, order] = [[], []];
  const add = (priority) =>
    queue.add(
      () => {
        starts.push(performance.now());
        order.push(priority);
      },
      { priority },
    );
  await Promise.all([1, 1, 1, 1, 1, 2, 2].map(add));
  // Seven starts at 50 per second, of which five may come at once.
  assert.ok(starts.at(-1) - starts[0] >= 15, `all started within ${starts.at(-1) - starts[0]} ms`);
  assert.ok(order.indexOf(2) < 2, `the higher priority was started in the order ${order}`);
  queue.configure({ rate: undefined });
  const before = performance.now();
  await Promise.all(Array.from({ length: 200 }, () => add(0)));
  assert.ok(performance.now() - before < 2000, '200 starts at 50 per second take four seconds');
});

test('a function that throws rejects with its own error, and the others go on', async () => {
  const queue = new Queue({ limit: 1 });
  const error = new RangeError('mine');
  const failing = queue.add(() => Promise.reject(error));
  const next = queue.add(() => 'next');
  await assert.rejects(failing, (thrown) => thrown === error);
  await assert.rejects(
    queue.add(() => {
      throw undefined;
    }),
    (thrown) => thrown === undefined,
  );
  assert.equal(await next, 'next');
});

test('higher priorities start first, and a priority can change while its function waits', async () => {
  const queue = new Queue({ limit: 1, paused: true });
  const order = [];
  const add = (name, options) => queue.add(() => order.push(name), options);
  const all = [
    add('usual'),
    add('low', { priority: -1 }),
    add('high', { priority: 5 }),
    add('raised', { id: 'raised' }),
    add('lowered', { id: 'lowered', priority: 9 }),
    add('usual again'),
  ];
  assert.equal(queue.setPriority('raised', 7), true);
  assert.equal(queue.setPriority('lowered', -5), true);
  assert.equal(queue.setPriority('nobody', 7), false);
  assert.equal(queue.size, 6);
  queue.resume();
  await Promise.all(all);
  assert.deepEqual(order, ['raised', 'high', 'usual', 'usual again', 'low', 'lowered']);
  assert.equal(queue.setPriority('raised', 1), false);
});

test('idle and room can be waited for', async () => {
  const queue = new Queue({ limit: 1 });
  await queue.onIdle();
  const ends = [deferred(), deferred(), deferred()];
  for (const { promise } of ends) void queue.add(() => promise);
  let idle = false;
  const waiting = queue.onIdle().then(() => (idle = true));
  ends[0].resolve();
  await queue.onSizeLessThan(2);
  assert.equal(idle, false);
  ends[1].resolve();
  ends[2].resolve();
  await waiting;
  assert.deepEqual([queue.size, queue.pending], [0, 0]);
});

test('the limit changes on the fly, up and down', async () => {
  const queue = new Queue({ limit: 1 });
  let [running, peak] = [0, 0];
  const job = async () => {
    running += 1;
    peak = Math.max(peak, running);
    await wait(2);
    running -= 1;
  };
  const some = () => Promise.all(Array.from({ length: 12 }, () => queue.add(job)));
  await some();
  assert.equal(peak, 1);
  queue.setLimit(6);
  await some();
  assert.equal(peak, 6);
  queue.setLimit(2);
  peak = 0;
  await some();
  assert.equal(peak, 2);
  assert.throws(() => queue.setLimit(0), /limit: expected a whole number from 1/);
});

test('a signal removes a function that waits, and reaches one that runs, which is not tried again', async () => {
  const queue = new Queue({ limit: 1, retries: 5, backoffMs: 600_000, backoffMaxMs: 600_000 });
  const [first, second] = [new AbortController(), new AbortController()];
  const begun = deferred();
  let attempts = 0;
  const running = queue.add(
    async ({ signal }) => {
      attempts += 1;
      begun.resolve();
      await wait(5000, signal);
    },
    { signal: first.signal },
  );
  const waiting = queue.add(() => assert.fail('it was removed'), { signal: second.signal });
  const next = queue.add(() => 'next');
  await begun.promise;
  second.abort(new Error('removed'));
  await assert.rejects(waiting, { message: 'removed' });
  assert.equal(queue.size, 1);
  first.abort(new Error('stopped'));
  await assert.rejects(running, { message: 'stopped' });
  assert.deepEqual([await next, attempts], ['next', 1]);
  await assert.rejects(
    queue.add(() => 1, { signal: AbortSignal.abort(new Error('before')) }),
    { message: 'before' },
  );
});

test('retries are made where they are asked for', async () => {
  const queue = new Queue({ retries: 2, backoffMs: 1 });
  const attempts = [];
  const result = await queue.add(({ attempt }) => {
    attempts.push(attempt);
    if (attempt < 3) throw new Error('again');
    return 'third';
  });
  assert.deepEqual([result, attempts], ['third', [1, 2, 3]]);
});

test('a group that fails rejects all its functions, and takes no more', async () => {
  const queue = new Queue({ pattern: 'group', limit: 2 });
  const error = new Error('first');
  const failing = queue.add(async () => {
    await wait(2);
    throw error;
  });
  const running = queue.add(({ signal }) => wait(5000, signal));
  const waiting = queue.add(() => assert.fail('it never starts'));
  await assert.rejects(failing, (thrown) => thrown === error);
  for (const other of [running, waiting, queue.add(() => 1), queue.close()]) {
    await assert.rejects(other, (thrown) => thrown instanceof RunError && thrown.cause === error);
  }
});

test('a queue can be cleared, and aborted', async () => {
  const queue = new Queue({ limit: 1 });
  const begun = deferred();
  const running = queue.add(({ signal }) => {
    begun.resolve();
    return wait(5000, signal);
  });
  const waiting = queue.add(() => assert.fail('it was cleared'));
  await begun.promise;
  queue.clear(new Error('cleared'));
  await assert.rejects(waiting, { message: 'cleared' });
  const late = queue.add(() => assert.fail('it was aborted'));
  const ended = queue.abort(new Error('aborted'));
  await assert.rejects(running, { message: 'aborted' });
  await assert.rejects(late, { message: 'aborted' });
  await ended;
  await assert.rejects(
    queue.add(() => 1),
    { message: 'aborted' },
  );
  await new Queue().abort();
  await new Queue().close();
});

test('what is wrong is named', async () => {
  assert.throws(() => new Queue({ concurrency: 3 }), /there is no option concurrency; expected one of pattern, limit/);
  await assert.rejects(new Queue().add('x'), { message: 'what is added is not a function' });
  const refused = new Queue({ limit: -1 });
  await assert.rejects(
    refused.add(() => 1),
    { message: 'limit: expected a whole number from 1 to 100000, found -1' },
  );
});

test('a queue that stays idle ends its run, and the next function starts another', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const told = [];
  const runs = () => told.filter((event) => event === 'run_started' || event === 'run_ended').join(' ');
  const ended = deferred();
  const onEvent = ({ event }) => {
    told.push(event);
    if (event === 'run_ended') ended.resolve();
  };
  const queue = new Queue({ limit: 1, onEvent });
  assert.equal(await queue.add(() => 1), 1);
  t.mock.timers.tick(999);
  assert.equal(await queue.add(() => 2), 2);
  // Something was added meanwhile: another second is waited for.
  t.mock.timers.tick(1);
  assert.equal(await queue.add(() => 3), 3);
  assert.equal(runs(), 'run_started');
  t.mock.timers.tick(1000);
  t.mock.timers.tick(1000);
  const early = queue.add(() => 4);
  await ended.promise;
  assert.equal(await early, 4);
  assert.deepEqual(await queue.addAll([() => 5, () => 6]), [5, 6]);
  assert.equal(runs(), 'run_started run_ended run_started');
  await queue.close();
  assert.equal(runs(), 'run_started run_ended run_started run_ended');
});

test('what is added while a run ends is run, even when the queue is closed at once; an abort ends it', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const added = deferred();
  let late;
  const onEvent = ({ event }) => {
    if (event !== 'run_ended' || late) return;
    late = closing.add(() => 'late');
    added.resolve(closing.close());
  };
  const closing = new Queue({ onEvent });
  await closing.add(() => 1);
  t.mock.timers.tick(1000);
  await added.promise;
  assert.equal(await late, 'late');

  const aborting = new Queue();
  await aborting.add(() => 1);
  t.mock.timers.tick(1000);
  const lost = aborting.add(() => assert.fail('it was aborted'));
  await Promise.all([aborting.abort(new Error('aborted')), assert.rejects(lost, { message: 'aborted' })]);
});

test('a queue that is idle does not keep a program alive', () => {
  const text =
    "import { Queue } from 'fourfold';\nconst queue = new Queue({ timeoutMs: 60000 });\n" +
    'console.log(await queue.add(() => 3));\n';
  writeFileSync(join(folder, 'ends.js'), text);
  assert.equal(execFileSync('node', ['ends.js'], { cwd: folder, encoding: 'utf8', timeout: 20_000 }), '3\n');
});
