// JavaScript's own functions through the four patterns, in real time.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Host, List } from '../../js/host.js';
import { PATTERNS, Player } from './load.mjs';

const wait = (ms, signal) =>
  new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal?.addEventListener('abort', () => {
      clearTimeout(timer);
      reject(new Error('aborted'));
    });
  });

function own(params, payloads, handler, onEvent) {
  const host = new Host(handler, new List(payloads), onEvent);
  const player = Player.own(JSON.stringify({ backoff_ms: 1, ...params }), host, true, onEvent !== undefined);
  host.module = player;
  return player;
}

for (const pattern of PATTERNS) {
  test(`${pattern}: the limit is reached and never passed, failures are tried again`, async () => {
    let [running, peak] = [0, 0];
    const seen = [];
    const player = own(
      { pattern, limit: 4, retries: 2 },
      [...Array(30).keys()],
      async (payload, { id, attempt, signal }) => {
        assert.equal(payload, id);
        assert.ok(signal instanceof AbortSignal && !signal.aborted);
        running += 1;
        peak = Math.max(peak, running);
        await wait(2, signal);
        running -= 1;
        seen.push([id, attempt]);
        if (payload % 7 === 3 && attempt === 1) throw new Error(`no luck with ${payload}`);
      },
    );
    const report = JSON.parse(await player.finished());
    assert.deepEqual([report.done, report.retried, report.failed, report.error, peak], [30, 4, 4, undefined, 4]);
    assert.equal(report.peak_in_flight, 4);
    assert.equal(seen.length, 34);
    assert.deepEqual(JSON.parse(player.checks()), { violation: null, missed: 0, complete: true });
    player.seek_to(player.end);
    assert.match(player.failures(), /no luck with 3/);
  });
}

test('a timeout aborts the signal of its attempt, and the next one goes on', async () => {
  const aborted = [];
  const player = own(
    { pattern: 'pool', limit: 2, timeout_ms: 20 },
    ['slow', 'fast'],
    async (payload, { attempt, signal }) => {
      signal.addEventListener('abort', () => aborted.push([payload, attempt]));
      await wait(payload === 'slow' && attempt === 1 ? 5000 : 1, signal);
    },
  );
  const report = JSON.parse(await player.finished());
  assert.deepEqual([report.done, report.timed_out, aborted], [2, 1, [['slow', 1]]]);
});

test('a failed group aborts its siblings and says why', async () => {
  let aborted = 0;
  const player = own({ pattern: 'group', limit: 3, retries: 0 }, [1, 2, 3, 4, 5], async (payload, { signal }) => {
    signal.addEventListener('abort', () => (aborted += 1));
    await wait(payload === 2 ? 5 : 5000, signal);
    throw new Error('the second one fails');
  });
  const report = JSON.parse(await player.finished());
  assert.deepEqual([report.dead, report.cancelled, aborted], [1, 2, 2]);
  assert.match(report.error, /the group failed.*the second one fails/);
});

test('drain finishes what has started, abort drops it, a limit changes on the way', async () => {
  const drained = own({ pattern: 'set', limit: 2 }, Array(50).fill(0), (_, { signal }) => wait(10, signal));
  setTimeout(() => drained.drain(), 3);
  assert.deepEqual((({ done, cancelled }) => [done, cancelled])(JSON.parse(await drained.finished())), [2, 0]);

  const aborted = own({ pattern: 'pool', limit: 2 }, Array(50).fill(0), (_, { signal }) => wait(5000, signal));
  setTimeout(() => aborted.abort(), 3);
  assert.deepEqual((({ done, cancelled }) => [done, cancelled])(JSON.parse(await aborted.finished())), [0, 2]);

  const widened = own({ pattern: 'set', limit: 1 }, Array(20).fill(0), () => wait(2));
  widened.set_limit(6);
  assert.throws(() => widened.set_limit(0), /limit: expected a whole number from 1/);
  assert.equal(JSON.parse(await widened.finished()).peak_in_flight, 6);
});

test('what a handler throws says whether there is another attempt', async () => {
  const player = own(
    { pattern: 'set', limit: 1, retries: 3 },
    ['never', 'later', 'text', 'object', 'sync'],
    (payload, { attempt }) => {
      if (attempt > 1) return 'no promise';
      if (payload === 'never') throw Object.assign(new Error('for good'), { permanent: true });
      if (payload === 'later') throw Object.assign(new Error('busy'), { retryAfterMs: 15 });
      if (payload === 'text') throw 'only text';
      if (payload === 'object') return Promise.reject({ code: 7 });
      return undefined;
    },
  );
  const report = JSON.parse(await player.finished());
  assert.deepEqual([report.done, report.dead, report.retried], [4, 1, 3]);
  player.seek_to(player.end);
  assert.deepEqual(
    JSON.parse(player.failures())
      .map(({ reason }) => reason)
      .sort(),
    ['busy', 'for good', 'only text', '{"code":7}'],
  );
  const lines = player.events(0, player.end).split('\n');
  assert.ok(lines.some((line) => line.includes('"after_ns":15000000')));
});

test('events are told as they come, and the state can be looked at from inside a handler', async () => {
  const lines = [];
  const player = own(
    { pattern: 'pool', limit: 2 },
    [1, 2, 3],
    () => {
      player.seek_to(player.end);
      assert.ok(player.snapshot(10, 0).length > 0);
      return wait(1);
    },
    (line) => lines.push(line),
  );
  await player.finished();
  assert.equal(`${lines.join('\n')}\n`, player.events(0, player.end));
});

test('no timer is left behind: Node may end', async () => {
  const before = process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
  const player = own({ pattern: 'pool', limit: 4, timeout_ms: 600000, grace_ms: 600000 }, [1, 2, 3, 4, 5], () =>
    wait(1),
  );
  await player.finished();
  const after = process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
  assert.ok(after <= before, `${after - before} timers are left`);
});

test('only a run with a handler can be told to end', async () => {
  assert.throws(() => Player.live().drain(), /it cannot be controlled/);
  assert.throws(() => own({ limit: 0 }, [], () => {}), /limit: expected/);
  await assert.rejects(Player.live().finished(), /it has no end to wait for/);
  assert.equal(JSON.parse(await own({ pattern: 'pool', limit: 2 }, [], () => {}).finished()).done, 0);
});
