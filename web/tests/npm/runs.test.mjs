// The package as somebody else has it: its archive, installed into an empty folder.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { pathToFileURL } from 'node:url';

const ROOT = new URL('../../../', import.meta.url).pathname;
const folder = mkdtempSync(join(tmpdir(), 'fourfold-npm-'));
after(() => rmSync(folder, { recursive: true }));

/** @type {typeof import('../../npm/index.js')} */
let fourfold;

before(async () => {
  const output = join(ROOT, 'target/npm-package');
  const archive = readdirSync(output).find((name) => name.endsWith('.tgz'));
  writeFileSync(join(folder, 'package.json'), '{"private": true, "type": "module"}');
  execFileSync('npm', ['install', '--offline', '--no-audit', '--no-fund', join(output, archive)], {
    cwd: folder,
    stdio: 'pipe',
  });
  fourfold = await import(pathToFileURL(join(folder, 'node_modules/fourfold/index.js')).href);
});

const wait = (ms, signal) =>
  new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal?.addEventListener('abort', () => {
      clearTimeout(timer);
      reject(signal.reason);
    });
  });

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

test('the types are right, and wrong uses are refused', () => {
  const good = `import { run, start, simulate, RunError, type Report } from 'fourfold';
const report: Report = await run(['a', 'b'], async (word, { id, attempt, signal }) => {
  const length: number = word.length + id + attempt;
  signal.throwIfAborted();
  return length;
}, { pattern: 'group', limit: 2, timeoutMs: 100, onEvent: ({ event, task }) => console.log(event, task) });
const handle = await start(new Set([1]), (n: number) => n.toFixed(), { signal: AbortSignal.timeout(5) });
handle.setLimit(3);
const player = await simulate({ pattern: 'set', work: { ms: [1, 2] } });
const numbers: Float64Array = player.snapshot(10, 0);
console.log(report.done, numbers.length, new RunError('x' as never).report.dead);
`;
  const bad = [
    "import { run } from 'fourfold'; await run([1], (word: string) => word);",
    "import { run } from 'fourfold'; await run([1], () => {}, { pattern: 'heap' });",
    "import { run } from 'fourfold'; await run([1], () => {}, { limt: 3 });",
    "import { run } from 'fourfold'; (await run([1], () => {})).finished;",
  ];
  const config = {
    compilerOptions: {
      strict: true,
      exactOptionalPropertyTypes: true,
      noEmit: true,
      target: 'es2022',
      module: 'nodenext',
      lib: ['es2023', 'esnext.disposable', 'dom'],
      types: [],
    },
  };
  const check = (name, text) => {
    writeFileSync(join(folder, name), text);
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ ...config, files: [name] }));
    execFileSync('node', [join(ROOT, 'target/npm/typescript@7.0.2/node_modules/typescript/bin/tsc'), '-p', folder], {
      stdio: 'pipe',
    });
  };
  try {
    check('good.ts', good);
  } catch (error) {
    assert.fail(error.stdout.toString());
  }
  for (const [index, text] of bad.entries()) {
    assert.throws(
      () => check(`bad${index}.ts`, text),
      (error) => /error TS/.test(error.stdout),
      text,
    );
  }
});
