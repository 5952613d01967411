// The types of the package, under strict settings, without the types of a browser.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { KINDS } from '../../js/generated/layout.js';
import { install, ROOT, tool } from './package.mjs';

const folder = install();
symlinkSync(
  join(ROOT, 'target/npm/@types+node@26.6.6/node_modules/@types'),
  join(folder, 'node_modules/@types'),
  'junction',
);
symlinkSync(
  join(ROOT, 'target/npm/@types+node@26.6.6/node_modules/undici-types'),
  join(folder, 'node_modules/undici-types'),
  'junction',
);

const WORDS = ['--strict', '--noEmit', '--exactOptionalPropertyTypes', '--target', 'es2022', '--module', 'nodenext'];

/** What the compiler says of a program. @param {string} name @param {string} text @param {string[]} more */
function check(name, text, more = ['--lib', 'es2022', '--types', 'node']) {
  writeFileSync(join(folder, name), text);
  try {
    execFileSync('node', [tool('typescript@7.0.2', 'bin/tsc'), ...WORDS, ...more, name], {
      cwd: folder,
      stdio: 'pipe',
    });
    return '';
  } catch (error) {
    return error.stdout.toString();
  }
}

const GOOD = `import { map, run, start, simulate, Queue, RunError, type Event, type RunReport } from 'fourfold';
const report: RunReport<string> = await run(['a', 'b'], async (word, { id, attempt, signal }) => {
  const length: number = word.length + id + attempt;
  signal.throwIfAborted();
  return length;
}, { pattern: 'group', limit: 2, timeoutMs: 100, abandonAfterMs: 5, record: true });
const handle = await start(new Set([1]), (n: number) => n.toFixed(), { signal: AbortSignal.timeout(5) });
handle.setLimit(3);
handle.configure({ rate: 10, retries: 2 });
async function* pages() { yield { url: 'x' }; }
const lengths: number[] = await map(pages(), async ({ url }) => url.length);
const texts: string[] = await map([1, 2], (n) => String(n));
const queue = new Queue({ limit: 2 });
const sum: number = await queue.add(async ({ signal }) => (signal.aborted ? 0 : 1), { priority: 2, id: 'sum' });
const both: string[] = await queue.addAll([() => 'a', async () => 'b']);
function told(event: Event): string {
  switch (event.event) {
    case 'ended': return event.outcome + (event.reason ?? '') + event.permit;
    case 'settled': return event.ending;
    case 'source_blocked': return event.by;
    case 'run_started': return event.pattern + event.limit;
    default: return event.event;
  }
}
const player = await simulate({ pattern: 'set', work: { ms: [1, 2] } });
const numbers: Float64Array = player.snapshot(10, 0);
try { await map([1], () => { throw 1; }); } catch (error) {
  if (error instanceof RunError) console.log(error.cause, error.failures[0]?.attempts, error.report.wait_ms?.p50);
}
console.log(report.done, report.failures[0]?.task.length, numbers.length, lengths, texts, sum, both, told);
`;

test('right uses are accepted, with the types of Node alone and with those of a browser alone', () => {
  assert.equal(check('good.ts', GOOD), '');
  assert.equal(check('browser.ts', GOOD, ['--lib', 'es2022,dom', '--types', '']), '');
});

test('wrong uses are refused', () => {
  const bad = {
    'a handler of another task': "import { run } from 'fourfold'; await run([1], (word: string) => word);",
    'a pattern that is none': "import { run } from 'fourfold'; await run([1], () => {}, { pattern: 'heap' });",
    'an option that is none': "import { run } from 'fourfold'; await run([1], () => {}, { limt: 3 });",
    'a field that is none': "import { run } from 'fourfold'; (await run([1], () => {})).finished;",
    'results of another type': "import { map } from 'fourfold'; const all: string[] = await map([1], (n) => n);",
    'a field of another event':
      "import { run } from 'fourfold'; await run([1], () => {}, { onEvent: (e) => e.event === 'claimed' && e.permit });",
    'an event that is none':
      "import { run } from 'fourfold'; await run([1], () => {}, { onEvent: (e) => e.event === 'began' });",
  };
  for (const [what, text] of Object.entries(bad)) assert.match(check('bad.ts', text), /error TS/, what);
});

test('the programs of the README compile', () => {
  const text = readFileSync(join(folder, 'node_modules/fourfold/README.md'), 'utf8');
  const programs = [...text.matchAll(/```js\n([\s\S]*?)```/g)].map(([, program]) => program);
  const whole = programs.filter((program) => program.includes("from 'fourfold'"));
  assert.ok(whole.length >= 2, `${whole.length} programs`);
  const known = 'declare const urls: string[], url: string;\n';
  for (const program of whole) assert.equal(check('readme.ts', `${known}${program}export {};\n`), '');
});

test('every event of the module has a type', () => {
  const text = readFileSync(join(folder, 'node_modules/fourfold/events.d.ts'), 'utf8');
  const named = [...text.matchAll(/Head<'(\w+)'>/g)].map(([, name]) => name);
  assert.deepEqual(named, [...KINDS]);
});
