// The same simulations in the module and natively: `node web/tests/module/speed.mjs`, after `cargo xtask web` and
// `cargo build --release -p fourfold-web --example speed`. Both take turns, and the fastest of their runs counts.

import { execFileSync } from 'node:child_process';

import { PATTERNS, simulate } from './load.mjs';

const PROGRAM = new URL('../../../target/release/examples/speed', import.meta.url).pathname;
const TASKS = 50000;
const ROUNDS = 7;

const module = new Map(PATTERNS.map((pattern) => [pattern, Infinity]));
const native = new Map(module);
for (let round = 0; round < ROUNDS; round += 1) {
  for (const line of execFileSync(PROGRAM, [`${TASKS}`], { encoding: 'utf8' })
    .trim()
    .split('\n')) {
    const [pattern, , ns] = line.split(' ');
    native.set(pattern, Math.min(native.get(pattern), Number(ns)));
  }
  for (const pattern of PATTERNS) {
    const start = performance.now();
    simulate({ pattern, limit: 64, tasks: TASKS, retries: 3 }).free();
    const ns = ((performance.now() - start) * 1e6) / TASKS;
    module.set(pattern, Math.min(module.get(pattern), ns));
  }
}
console.log('ns per task'.padEnd(14), 'native'.padStart(8), 'module'.padStart(8), 'ratio'.padStart(8));
for (const pattern of PATTERNS) {
  const [ours, theirs] = [module.get(pattern), native.get(pattern)];
  console.log(
    pattern.padEnd(14),
    theirs.toFixed(0).padStart(8),
    ours.toFixed(0).padStart(8),
    (ours / theirs).toFixed(2).padStart(8),
  );
}
