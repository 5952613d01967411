// The module and the command write the same traces, byte for byte.

import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';

import { PATTERNS, Player, simulate } from './load.mjs';

const PROGRAM = process.env.FOURFOLD ?? new URL('../../../target/debug/fourfold', import.meta.url).pathname;
const folder = mkdtempSync(join(tmpdir(), 'fourfold-module-'));
after(() => rmSync(folder, { recursive: true }));

/** A trace of the command. @param {string[]} words */
function native(words) {
  const path = join(folder, 'trace.jsonl');
  const { status, stderr } = spawnSync(PROGRAM, ['run', 'demo', '--quiet', '--trace', path, ...words], {
    encoding: 'utf8',
  });
  // Exit code 1 is accepted: some tasks may be dead.
  assert.ok(status === 0 || status === 1, stderr);
  return readFileSync(path);
}

for (const pattern of PATTERNS) {
  test(`${pattern}: 50 seeds`, () => {
    for (let seed = 0; seed < 50; seed += 1) {
      const [limit, tasks, batch, queue] = [1 + (seed % 9), 40 + seed, 1 + (seed % 13), 1 + (seed % 7)];
      const words = ['-p', pattern, '-c', `${limit}`, '--tasks', `${tasks}`, '--seed', `${seed}`];
      const params = { pattern, limit, tasks, seed };
      if (seed % 2) {
        words.push('--batch-size', `${batch}`, '--queue-capacity', `${queue}`, '--rate', '90.5', '--timeout', '150ms');
        Object.assign(params, { batch_size: batch, queue_capacity: queue, rate: 90.5, timeout_ms: 150, retries: 6 });
        words.push('--retries', '6');
      }
      const player = simulate(params);
      const trace = Buffer.from(player.trace());
      assert.ok(trace.equals(native(words)), `${pattern}, seed ${seed}: another trace`);
      // The recorded run is the same when it is read again.
      const read = Player.load(trace);
      assert.deepEqual([read.end, read.report_end()], [player.end, player.report_end()]);
      assert.ok(Buffer.from(read.trace()).equals(trace));
    }
  });
}

test('the report has the keys and the figures of the command', () => {
  const text = execFileSync(PROGRAM, ['run', 'demo', '--quiet', '--json', '--seed', '3', '-p', 'batch'], {
    encoding: 'utf8',
  });
  const native = JSON.parse(text.trim().split('\n').at(-1));
  const report = JSON.parse(simulate({ pattern: 'batch', limit: 5, seed: 3, tasks: 500 }).report_end());
  for (const [key, value] of Object.entries(report)) assert.deepEqual(native[key], value, key);
});

test('a trace for Perfetto is the one of the command', () => {
  const path = join(folder, 'trace.perfetto.json');
  execFileSync(PROGRAM, ['run', 'demo', '--quiet', '--trace', path, '--tasks', '60', '-p', 'batch', '--seed', '9']);
  const perfetto = simulate({ pattern: 'batch', limit: 5, seed: 9, tasks: 60 }).perfetto();
  assert.ok(Buffer.from(perfetto).equals(readFileSync(path)));
});

test('the digest is that of `fourfold replay`', () => {
  const player = simulate({ pattern: 'pool', limit: 4, seed: 5, tasks: 200 });
  player.seek_to(player.end);
  const trace = native(['-p', 'pool', '-c', '4', '--seed', '5', '--tasks', '200']);
  const said = execFileSync(PROGRAM, ['replay', '-'], { input: trace, encoding: 'utf8' });
  assert.match(said, new RegExp(`digest: ${player.digest()}`));
});
