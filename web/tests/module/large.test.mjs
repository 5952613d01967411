// Long traces: time and memory. The figures are printed; the limits leave room for a busy machine.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { megabytes, Player, random, simulate } from './load.mjs';

function percentile(times, share) {
  return times.toSorted((a, b) => a - b)[Math.ceil(times.length * share) - 1];
}

test('100,000 events load within a second, and are gone through within 50 ms', (context) => {
  const trace = simulate({ pattern: 'pool', limit: 64, seed: 1, tasks: 23000 }).trace();
  let start = performance.now();
  const player = Player.load(trace);
  const load = performance.now() - start;
  assert.ok(player.end >= 100000, `${player.end} events`);
  const r = random(1);
  const seeks = Array.from({ length: 400 }, () => {
    start = performance.now();
    player.seek(r.below(player.end_ns));
    player.snapshot(2000, 1e9);
    return performance.now() - start;
  });
  context.diagnostic(
    `${player.end} events: load ${load.toFixed(0)} ms; seek and snapshot p95 ${percentile(seeks, 0.95).toFixed(2)} ms`,
  );
  assert.ok(load <= 1000 * 3 && percentile(seeks, 0.95) <= 50, `load ${load} ms`);
});

test('1,000,000 events in bounded memory', (context) => {
  const start = performance.now();
  const player = simulate({ pattern: 'set', limit: 256, seed: 1, tasks: 240000 });
  const took = performance.now() - start;
  assert.ok(player.end >= 1000000, `${player.end} events`);
  const r = random(1);
  const seeks = Array.from({ length: 100 }, () => {
    const begin = performance.now();
    player.seek_to(r.below(player.end));
    return performance.now() - begin;
  });
  context.diagnostic(
    `${player.end} events: ${took.toFixed(0)} ms, ${megabytes().toFixed(0)} MB in all; seek p95 ${percentile(seeks, 0.95).toFixed(2)} ms`,
  );
  assert.ok(megabytes() < 400, `${megabytes()} MB`);
  assert.ok(percentile(seeks, 0.95) <= 100);
  player.free();
});
