// At every event of every run, the bounds hold, and every task that started has an end.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SCENARIOS } from '../../js/scenarios.js';
import { Fold } from './fold.mjs';
import { eventsOf, FULL, PATTERNS, random, seedOf, setUp } from './harness.mjs';

const house = setUp();
const RUNS = FULL ? 2000 : 120;

/** Traces of many runs, made in the page's worker at once. @param {import('playwright-core').Page} page @param {{program?: string, params: any}[]} runs */
async function simulate(page, runs) {
  const texts = await page.evaluate(async (runs) => {
    const { engine } = globalThis.fourfold;
    const texts = [];
    for (const { program, params } of runs) {
      const { player } = await (program ? engine.ask('program', program, params) : engine.ask('simulate', params));
      const checks = await engine.ask('checks', player);
      texts.push({ trace: new TextDecoder().decode(await engine.ask('trace', player)), checks });
      await engine.ask('close', player);
    }
    return texts;
  }, runs);
  return texts.map(({ trace, checks }) => ({ events: eventsOf(trace), checks }));
}

/**
 * Checks a run event by event, and returns its counts. A lower limit and a burst into a queue interrupt no task: a count
 * above the bound may then only decrease.
 * @param {any[]} events
 * @param {boolean} [bounded] whether there is a bound to the queue: a program may be mistaken in that
 */
function walk(events, bounded = true) {
  const fold = new Fold();
  const starts = new Map();
  let peak = 0;
  let depth = 0;
  let last = -1;
  for (const event of events) {
    const before = { inFlight: fold.inFlight, queued: fold.queue.length };
    assert.equal(event.seq, fold.position, 'numbers without a gap');
    assert.ok(event.t_ns >= last, `time goes back at ${event.seq}`);
    last = event.t_ns;
    fold.apply(event);
    const where = `at event ${event.seq}, ${event.event}`;
    assert.ok(
      fold.inFlight <= Math.max(fold.limit, before.inFlight),
      `${fold.inFlight} in flight, limit ${fold.limit} ${where}`,
    );
    if (event.event === 'started') assert.ok(fold.inFlight <= fold.limit, `started over the limit ${where}`);
    const room = fold.queueCapacity < 0 ? Math.max(0, fold.limit - fold.inFlight) : fold.queueCapacity;
    if (event.event === 'claimed' && (bounded || fold.queueCapacity >= 0))
      assert.ok(
        fold.queue.length <= Math.max(room, before.queued),
        `${fold.queue.length} queued, room for ${room} ${where}`,
      );
    peak = Math.max(peak, fold.inFlight);
    depth = Math.max(depth, fold.queue.length);
    const attempt = `${event.task}#${event.attempt}`;
    if (event.event === 'started') {
      assert.ok(!starts.has(attempt), `${attempt} starts twice ${where}`);
      starts.set(attempt, 'running');
    }
    if (event.event === 'ended') {
      assert.equal(starts.get(attempt), 'running', `${attempt} ends ${where}`);
      starts.set(attempt, 'ended');
    }
    if (event.event === 'abandoned' && starts.get(attempt) === 'running') starts.set(attempt, 'leaked');
  }
  const open = [...starts].filter(([, state]) => state === 'running').map(([attempt]) => attempt);
  assert.deepEqual(open, [], 'started, never ended and not reported');
  assert.equal(fold.phase, 'ended');
  return { peak, depth, leaked: [...starts.values()].filter((state) => state === 'leaked').length };
}

for (const { id, panels } of SCENARIOS) {
  test(`scenario ${id}: bounded, and every start has an end`, async (t) => {
    const page = await house.open(t, { hash: '#mode=lab' });
    const runs = await simulate(page, panels);
    runs.forEach(({ events, checks }, index) => {
      const mistaken = panels[index].program !== undefined;
      const { peak, depth, leaked } = walk(events, !mistaken);
      t.diagnostic(
        `panel ${index}: ${events.length} events, at most ${peak} in flight and ${depth} queued, ${leaked} leaked`,
      );
      if (!mistaken) {
        assert.equal(leaked, 0);
        assert.deepEqual(checks, { violation: null, missed: 0, complete: true });
      }
    });
  });
}

/** @param {ReturnType<typeof random>} draw @param {string} pattern */
function anyRun(draw, pattern) {
  const low = draw.between(0, 40);
  const tasks = draw.between(1, 150);
  const limit = draw.between(1, 24);
  const params = {
    pattern,
    limit,
    tasks,
    seed: draw.between(0, 1e9),
    retries: draw.between(0, 4),
    backoff_ms: draw.between(0, 80),
    jitter: draw.chance(0.5),
    work: {
      ms: [low, low + draw.between(0, 60)],
      tail_permille: draw.between(0, 200),
      tail_ms: [50, 300],
      fail_permille: draw.of([0, 50, 400]),
      fail_attempts: draw.between(1, 5),
      panic_permille: draw.of([0, 0, 30]),
    },
    ...(pattern === 'pool' && draw.chance(0.7) ? { queue_capacity: draw.between(1, 30) } : {}),
    ...(pattern === 'pool' && draw.chance(0.3) ? { workers: draw.between(1, 30) } : {}),
    ...(pattern === 'batch' && draw.chance(0.7) ? { batch_size: draw.between(1, 40) } : {}),
    ...(draw.chance(0.2) ? { timeout_ms: draw.between(5, 120) } : {}),
    ...(draw.chance(0.15) ? { rate: draw.between(20, 2000) } : {}),
    ...(draw.chance(0.15) ? { max_tasks: draw.between(1, tasks) } : {}),
  };
  /** @type {[number, any][]} */
  const interventions = [];
  for (let position = draw.between(1, 60); interventions.length < draw.between(0, 3); position += draw.between(0, 60)) {
    const task = draw.between(0, tasks - 1);
    interventions.push([
      position,
      draw.of([
        { limit: draw.between(1, 30) },
        { fail: task },
        { panic: task },
        { cancel: task },
        { slow: task, by_ms: draw.between(1, 400) },
        { burst: draw.between(1, 60) },
        { drain: true },
        { abort: true },
      ]),
    ]);
  }
  return { params, interventions };
}

for (const pattern of PATTERNS) {
  test(`${RUNS} random runs by the pattern ${pattern}: bounded, and every start has an end`, async (t) => {
    const draw = random(seedOf(t) + PATTERNS.indexOf(pattern));
    const page = await house.open(t, { hash: '#mode=lab' });
    let [full, events] = [0, 0];
    for (let done = 0; done < RUNS; done += 40) {
      const wanted = Array.from({ length: Math.min(40, RUNS - done) }, () => anyRun(draw, pattern));
      const runs = await simulate(
        page,
        wanted.map((params) => ({ params })),
      );
      runs.forEach((run, index) => {
        try {
          const { peak, leaked } = walk(run.events);
          assert.equal(leaked, 0);
          assert.deepEqual(run.checks, { violation: null, missed: 0, complete: true });
          if (peak >= wanted[index].params.limit) full += 1;
          events += run.events.length;
        } catch (error) {
          throw new Error(`${JSON.stringify(wanted[index])}: ${/** @type {Error} */ (error).message}`);
        }
      });
    }
    t.diagnostic(`${events} events; the limit was reached in ${full} of ${RUNS} runs`);
    assert.ok(full > RUNS / 4, 'a limit that is never reached is not tested');
  });
}
