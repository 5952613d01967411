// The boundary of the module: positions, rows, forks, messages.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { LAYOUT, PATTERNS, Player, random, simulate, snapshot } from './load.mjs';

/** Draws the parameters of a run. */
function draw(seed) {
  const r = random(seed);
  const params = {
    pattern: PATTERNS[seed % 4],
    limit: 1 + r.below(8),
    seed,
    tasks: 10 + r.below(50),
    retries: r.below(4),
  };
  if (r.oneIn(2)) params.batch_size = 1 + r.below(12);
  if (r.oneIn(2)) params.queue_capacity = 1 + r.below(12);
  if (r.oneIn(3)) params.workers = 1 + r.below(8);
  if (r.oneIn(3)) params.timeout_ms = 10 + r.below(100);
  if (r.oneIn(4)) params.rate = 50 + r.below(200);
  if (r.oneIn(3)) params.jitter = false;
  params.work = {
    ms: [0, 1 + r.below(30)],
    fail_permille: r.below(400),
    fail_attempts: 1 + r.below(4),
    panic_permille: r.below(60),
  };
  const interventions = [];
  let position = 0;
  for (let count = r.below(4); count > 0; count -= 1) {
    position += r.below(60);
    const task = r.below(30);
    interventions.push([
      position,
      [
        { limit: 1 + r.below(9) },
        { fail: task },
        { cancel: task },
        { panic: task },
        { slow: task, by_ms: 50 },
        { burst: 5 },
        { drain: true },
        { abort: true },
      ][r.below(8)],
    ]);
  }
  return { params, interventions };
}

test('at every event of random runs: limit, queue, and each attempt ends once', () => {
  for (let seed = 0; seed < 200; seed += 1) {
    const plan = draw(seed);
    const player = simulate(plan);
    assert.equal(JSON.parse(player.checks()).violation, null, `seed ${seed}`);
    const lines = player
      .events(0, player.end)
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    let [limit, capacity] = [0, Infinity];
    const started = new Map();
    for (const event of lines) {
      player.step(1);
      const { header } = snapshot(player, 0);
      if (event.limit) {
        // Tasks that started or were queued under a higher limit may still be there.
        limit = Math.max(limit, event.limit);
        capacity = Math.max(capacity === Infinity ? 0 : capacity, event.queue_capacity ?? Infinity);
      }
      assert.ok(header.in_flight <= limit && header.queued <= capacity, `seed ${seed}, event ${event.seq}`);
      const key = `${event.task}/${event.attempt}`;
      if (event.event === 'started') started.set(key, (started.get(key) ?? 0) + 1);
      if (event.event === 'ended') {
        assert.ok(started.get(key) > 0, `seed ${seed}: ${key} ends and was not started`);
        started.set(key, started.get(key) - 1);
      }
    }
    assert.ok(
      [...started.values()].every((count) => count === 0),
      `seed ${seed}: what was started has ended`,
    );
    player.free();
  }
});

test('every place is the same, however one gets there', () => {
  for (let seed = 0; seed < 12; seed += 1) {
    const player = simulate(draw(seed));
    const digests = [player.digest()];
    while (player.position < player.end) {
      player.step(1);
      digests.push(player.digest());
    }
    const r = random(seed);
    for (let count = 0; count < 60; count += 1) {
      const position = r.below(player.end + 1);
      player.seek_to(position);
      assert.equal(player.digest(), digests[position]);
      const t = r.below(player.end_ns + 1);
      player.seek(t);
      assert.equal(player.digest(), digests[player.position]);
      assert.equal(player.t_ns, t);
      const { header } = snapshot(player);
      assert.equal(header.position, player.position);
      assert.equal(BigInt(`0x${player.digest()}`), (BigInt(header.digest_hi) << 32n) | BigInt(header.digest_lo));
    }
  }
});

test('rows stand in their order and add up to the counts', () => {
  const places = LAYOUT.places;
  for (const pattern of PATTERNS) {
    const player = simulate({ pattern, limit: 6, seed: 8, tasks: 120, work: { fail_permille: 300, ms: [1, 40] } });
    for (let position = 0; position < player.end; position += 17) {
      player.seek_to(position);
      const { header, tasks, recent } = snapshot(player, 1000, 20e6);
      const count = (name) => tasks.filter(({ place }) => places[place] === name).length;
      assert.deepEqual(
        [count('running'), count('queued'), count('waiting'), count('ended')],
        [header.in_flight, header.queued, header.waiting, header.ended],
      );
      const order = tasks.map(({ place }) =>
        ['running', 'queued', 'waiting', 'ended', 'abandoned'].indexOf(places[place]),
      );
      assert.deepEqual(
        order,
        order.toSorted((a, b) => a - b),
      );
      const running = tasks.filter(({ place }) => places[place] === 'running');
      assert.deepEqual(
        running.map(({ permit }) => permit),
        running.map(({ permit }) => permit).toSorted((a, b) => a - b),
      );
      // The timeline knows the end of each running task, which is never in the past.
      assert.ok(running.every(({ since_ns, until_ns }) => since_ns <= header.t_ns && until_ns >= header.t_ns));
      const queued = tasks.filter(({ place }) => places[place] === 'queued');
      assert.deepEqual(
        queued.map(({ queue_place }) => queue_place),
        queued.map((_, index) => index),
      );
      assert.ok(recent.every(({ at_ns }) => at_ns >= header.t_ns - 20e6 && at_ns <= header.t_ns));
      assert.equal(snapshot(player, 3).tasks.length, Math.min(3, tasks.length));
    }
  }
});

test('a fork is the same up to its place, says what was done, and can be made again from a link', () => {
  const params = { pattern: 'group', limit: 4, seed: 2, tasks: 80 };
  const player = simulate(params);
  for (const intervention of [
    { limit: 9 },
    { drain: true },
    { abort: true },
    { fail: 20 },
    { panic: 20 },
    { cancel: 20 },
    { slow: 20, by_ms: 900.5 },
    { burst: 7 },
    { configure: { ...params, retries: 0, rate: 90 } },
  ]) {
    const fork = player.fork(60, JSON.stringify(intervention));
    assert.equal(fork.position, 60);
    assert.equal(fork.events(0, 60), player.events(0, 60));
    assert.notEqual(fork.events(60, 1000), player.events(60, 1000), JSON.stringify(intervention));
    const again = simulate({ params, interventions: JSON.parse(fork.interventions()) });
    assert.ok(Buffer.from(again.trace()).equals(Buffer.from(fork.trace())), JSON.stringify(intervention));
  }
  assert.throws(() => Player.load(player.trace()).fork(3, '{"drain":true}'), /only a simulation can be forked/);
});

test('a task that is cancelled ends cancelled and does not come again', () => {
  const player = simulate({
    params: { pattern: 'pool', limit: 3, seed: 1, tasks: 20 },
    interventions: [[10, { cancel: 12 }]],
  });
  const report = JSON.parse(player.report_end());
  assert.deepEqual([report.cancelled, report.dead, report.done], [1, 1, 19]);
  player.seek_to(player.end);
  const events = JSON.parse(player.task(12)).events.map((line) => JSON.parse(line));
  assert.deepEqual(
    events.slice(-2).map(({ event, outcome, ending }) => [event, outcome, ending]),
    [
      ['ended', 'cancelled', undefined],
      ['settled', 'cancelled', 'dead'],
    ],
  );
  assert.equal(player.task(20), undefined, 'there is no such task');
});

test('what is wrong is named', () => {
  const refused = (params, message) =>
    assert.throws(() => Player.simulate(typeof params === 'string' ? params : JSON.stringify(params)), { message });
  refused({ limit: 0 }, 'limit: expected a whole number from 1 to 100000, found 0');
  refused({ limit: -3 }, 'limit: expected a whole number from 1 to 100000, found -3');
  refused({ limit: 1e9 }, 'limit: expected a whole number from 1 to 100000, found 1000000000');
  refused({ limit: 1.5 }, 'limit: expected a whole number from 1 to 100000, found a number with a fraction');
  refused({ limit: NaN }, 'limit: expected a whole number from 1 to 100000, found null');
  refused({ tasks: 0 }, 'tasks: expected a whole number from 1 to 1000000, found 0');
  refused({ rate: -1 }, 'rate: expected starts per second, above 0, found -1');
  refused({ timeout_ms: 0 }, /^timeout_ms: expected milliseconds, above 0/);
  refused({ backoff_ms: 500, backoff_max_ms: 20 }, /^backoff_max_ms: 20ms is shorter than backoff_ms, 500ms/);
  refused({ pattern: 'heap' }, 'pattern: unknown pattern: expected set, batch, pool or group, found "heap"');
  refused({ limt: 3 }, /^limt: there is no such key; expected one of pattern, limit,/);
  refused({ work: { ms: [9, 3] } }, /^work\.ms: expected \[shortest, longest\]/);
  refused({ work: [{ ms: 1 }, { ms: 1, fial: 2 }] }, /^work\[1\]\.fial: there is no such key/);
  refused({ work: [{ ms: 1 }], tasks: 4 }, 'tasks: 4, but work lists 1');
  refused({ tasks: 1e6, retries: 1000 }, /^tasks × \(retries \+ 1\): 1001000000 attempts/);
  refused({ params: { limit: 'x' } }, 'params.limit: expected a whole number from 1 to 100000, found "x"');
  refused(
    {
      params: {},
      interventions: [
        [5, { drain: true }],
        [4, { drain: true }],
      ],
    },
    'interventions[1][0]: position 4 is before 5; positions must ascend',
  );
  refused(
    { params: {}, interventions: [[5, { drian: true }]] },
    /^interventions\[0\]\[1\]: expected one of limit, drain/,
  );
  refused('{', /^this is not JSON: /);
  refused('7', 'expected an object, found 7');
  const load = (text, message, index) =>
    assert.throws(() => Player.load(new TextEncoder().encode(text), index), { message });
  load('x', 'line 1: this is no trace: expected {"fourfold_trace":1,…}');
  load('{"fourfold_trace":9}\n', /version 9/);
  load('{"fourfold_trace":1}\n', 'the trace has no event');
  load('{"fourfold_trace":1}\n{"seq":0,"t_ns":0,"event":"jump"}\n', 'line 2: there is no event `jump`');
  load(
    '{"fourfold_trace":1}\n{"seq":0,"t_ns":0,"event":"claimed","attempt":1}\n',
    'line 2: `claimed` has no field `task`',
  );
  load(
    '{"fourfold_trace":1}\n{"seq":0,"t_ns":0,"event":"claimed","task":"a","attempt":1}\n',
    'line 2: the field `task` may not be "a"',
  );
  load(
    '{"fourfold_trace":1}\n{"seq":0,"t_ns":0,"event":"run_ended"}\n',
    'run_index: 3, but the trace has only 1 runs, counted from 0',
    3,
  );
});

test('a trace that was cut is shown as far as it goes, and several runs are told apart', () => {
  const [one, two] = ['set', 'pool'].map((pattern) =>
    Buffer.from(simulate({ pattern, limit: 2, seed: 1, tasks: 9 }).trace()),
  );
  const cut = Player.load(one.subarray(0, one.length - 9));
  assert.deepEqual(JSON.parse(cut.checks()), { violation: null, missed: 0, complete: false });
  const both = Buffer.concat([one, two.subarray(two.indexOf('\n') + 1)]);
  const runs = JSON.parse(Player.runs(both));
  assert.deepEqual(
    runs.map(({ pattern }) => pattern),
    ['set', 'pool'],
  );
  const second = Player.load(both, 1);
  assert.equal(second.end, runs[1].events);
  assert.ok(Buffer.from(second.trace()).equals(two));
});

test('a live run is pushed, goes on after a gap, and takes a state to begin from', () => {
  const whole = simulate({ pattern: 'batch', limit: 3, seed: 6, tasks: 60 });
  const live = Player.live();
  live.push(whole.events(0, 50));
  live.push(whole.events(30, 40));
  assert.equal(live.end, 70, 'what came twice counts once');
  live.push(whole.events(80, whole.end));
  assert.deepEqual(JSON.parse(live.checks()).missed, 10);
  assert.throws(() => live.push('{"seq":1,"t_ns":0,"event":"ended"}'), /line 1: `ended` has no field `task`/);
  assert.throws(() => live.snapshot_from('{"counters":{}}'), /is missing/);
});

test('the programs run, with their mistakes', () => {
  assert.deepEqual(JSON.parse(Player.programs()), ['forgotten', 'unbounded', 'bounded', 'lost_permit', 'guarded']);
  const params = JSON.stringify({ limit: 4, tasks: 200, seed: 7 });
  const lost = Player.program('lost_permit', params);
  assert.match(JSON.parse(lost.checks()).violation, /permits that never came back: 4/);
  lost.seek_to(lost.end);
  const { header, tasks } = snapshot(lost);
  assert.equal(header.abandoned, 4);
  assert.deepEqual(
    tasks.map(({ place }) => LAYOUT.places[place]),
    ['abandoned', 'abandoned', 'abandoned', 'abandoned'],
  );
  assert.equal(JSON.parse(Player.program('guarded', params).checks()).violation, null);
  assert.throws(() => Player.program('none', params), /there is no program `none`; there are forgotten/);
});

test('the series add up', () => {
  const player = simulate({ pattern: 'pool', limit: 5, seed: 4, tasks: 300 });
  const buckets = 40;
  const numbers = player.series(0, player.end_ns, buckets);
  assert.equal(numbers.length, LAYOUT.series.length * buckets);
  const row = (name) => [...numbers.subarray(LAYOUT.series.indexOf(name) * buckets).subarray(0, buckets)];
  const seconds = player.end_ns / 1e9 / buckets;
  const sum = (list) => list.reduce((a, b) => a + b, 0);
  assert.ok(Math.abs(sum(row('ended_per_s')) * seconds - 300) < 1e-6);
  const report = JSON.parse(player.report_end());
  assert.equal(sum(row('failed')), report.failed);
  assert.ok(row('in_flight_max').every((most) => most <= 5) && row('limit').every((limit) => limit === 5));
  const idle = sum(row('utilisation').map((share) => (1 - share) * 5 * seconds * 1e3));
  assert.ok(Math.abs(idle - report.idle_permit_ms) < 1e-3, `${idle} of ${report.idle_permit_ms}`);
});

test('a snapshot is a list of its own, and stays what it was while memory grows', () => {
  const player = simulate({ pattern: 'pool', limit: 50, seed: 4, tasks: 300 });
  player.seek_to(300);
  const [before, series] = [player.snapshot(100, 1e9), player.series(0, 1e9, 100)];
  const copies = [[...before], [...series]];
  const big = simulate({ pattern: 'set', limit: 1000, seed: 1, tasks: 200000 });
  assert.ok(big.end > 800000);
  assert.deepEqual([[...before], [...series]], copies);
  assert.ok(before.length > 0 && before.buffer.byteLength === before.byteLength);
  big.free();
});
