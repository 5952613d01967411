// The package beside its peers, in one run: `cargo xtask bench --npm`.

import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const [packed, ...peers] = process.argv.slice(2);
const load = (folder, file) => import(pathToFileURL(join(folder, file)).href);
const { map, run, Queue } = await load(packed, 'index.js');
const [{ default: pLimit }, { default: PQueue }, { default: pMap }] = await Promise.all([
  load(peers[0], 'index.js'),
  load(peers[1], 'dist/index.js'),
  load(peers[2], 'index.js'),
]);

const TASKS = 100_000;
const ROUNDS = 7;
const list = Array.from({ length: TASKS }, (_, index) => index);
const ready = async (task) => task;

/** The same work in each: tasks that are ready at once, whose results are collected. */
const ways = {
  'p-limit': (limit) => {
    const limited = pLimit(limit);
    return Promise.all(list.map((task) => limited(ready, task)));
  },
  'p-queue': (limit) => {
    const queue = new PQueue({ concurrency: limit });
    return Promise.all(list.map((task) => queue.add(() => ready(task))));
  },
  'p-map': (limit) => pMap(list, ready, { concurrency: limit }),
  'fourfold: Queue': async (limit) => {
    const queue = new Queue({ limit });
    const results = await Promise.all(list.map((task) => queue.add(() => ready(task))));
    await queue.close();
    return results;
  },
  'fourfold: map': (limit) => map(list, ready, { limit }),
  'fourfold: run': async (limit) => {
    await run(list, ready, { limit });
    return list;
  },
};

const median = (numbers) => numbers.toSorted((a, b) => a - b)[numbers.length >> 1];

console.log(
  `${TASKS} tasks that are ready at once, median of ${ROUNDS} rounds, in turn; Node ${process.versions.node}`,
);
for (const limit of [1, 8, 64]) {
  const times = Object.fromEntries(Object.keys(ways).map((name) => [name, []]));
  for (let round = 0; round <= ROUNDS; round += 1) {
    for (const [name, way] of Object.entries(ways)) {
      globalThis.gc?.();
      const start = performance.now();
      const results = await way(limit);
      const took = performance.now() - start;
      if (results.length !== TASKS || results[TASKS - 1] !== TASKS - 1) throw new Error(`${name} lost results`);
      // The first round warms up.
      if (round > 0) times[name].push(took);
    }
  }
  const peer = median(times['p-limit']);
  console.log(`\nlimit ${limit}`);
  for (const [name, all] of Object.entries(times)) {
    const took = median(all);
    const each = ((took * 1e6) / TASKS).toFixed(0).padStart(6);
    console.log(`  ${name.padEnd(16)} ${each} ns a task  ${(took / peer).toFixed(2)} x p-limit`);
  }
}
