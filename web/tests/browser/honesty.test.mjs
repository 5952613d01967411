// What is shown is so: ends, recorded files, and where code and page refuse to run.

import assert from 'node:assert/strict';

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { DIST, setUp, still } from './harness.mjs';
import { POLICY, serve } from './server.mjs';

const house = setUp();

test('after an abort, Play shows the end of the run and not its beginning', async (t) => {
  const page = await house.open(t, { hash: '#mode=lab' });
  await page.locator('#scrub').press('PageUp');
  await still(page);
  const before = await page.evaluate(() => globalThis.fourfold.playback.positions[0]);
  assert.ok(before > 0);
  await page.locator('[data-fault="abort"]').click();
  await page.locator('.chips button').nth(1).waitFor();
  await still(page);
  assert.equal(await page.evaluate(() => globalThis.fourfold.playback.positions[0]), before, 'the playhead stays');
  await page.locator('#do-play').click();
  const [time, end] = await page.evaluate(() => [
    globalThis.fourfold.playback.time,
    globalThis.fourfold.playback.endNs,
  ]);
  assert.equal(time, end, 'the playhead does not go back');
  await page.waitForFunction(
    () => document.querySelector('tr[data-key="phase"] td')?.getAttribute('data-value') === 'ended',
  );
});

/**
 * Writes the file that the page names in its recipe: four runs, one recorded after the other.
 * @param {import('node:test').TestContext} t @param {import('playwright-core').Page} page
 */
async function recorded(t, page) {
  const text = await page.evaluate(async () => {
    const { engine } = globalThis.fourfold;
    const lines = [];
    for (const [index, pattern] of ['set', 'batch', 'pool', 'group'].entries()) {
      const { player } = await engine.ask('simulate', { pattern, tasks: 60, limit: 4 });
      const trace = new TextDecoder().decode(await engine.ask('trace', player));
      const [head, ...events] = trace.trimEnd().split('\n');
      if (index === 0) lines.push(head);
      for (const event of events) {
        const later = event.replace(/"t_ns":(\d+)/, (_, ns) => `"t_ns":${Number(ns) + index * 5e9}`);
        lines.push(later.replace('"outcome":"failed"', '"outcome":"failed","reason":"\u202egnp.exe"'));
      }
    }
    return `${lines.join('\n')}\n`;
  });
  const folder = mkdtempSync(join(tmpdir(), 'fourfold-page-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'runs.jsonl');
  writeFileSync(file, `\ufeff${text}`);
  return file;
}

test('four runs that were recorded one after the other play side by side, and the file survives another language', async (t) => {
  const page = await house.open(t, { hash: '#mode=replay' });
  const file = await recorded(t, page);
  await page.locator('input[type="file"]').setInputFiles(file);
  await page.locator('.checks li').nth(3).waitFor();
  const { length, title } = await page.evaluate(() => {
    const { playback } = globalThis.fourfold;
    return { length: playback.endNs - playback.startNs, title: document.getElementById('title')?.textContent };
  });
  assert.equal(title, 'runs.jsonl');
  assert.ok(length < 5e9, `${length / 1e9} s: the runs start together`);
  await page.evaluate(() => {
    const { playback } = globalThis.fourfold;
    playback.go({ time: playback.startNs + 5e7 });
  });
  await still(page);
  const phases = await page.evaluate(() => globalThis.fourfold.playback.snapshots.map(({ phase }) => phase));
  assert.deepEqual(phases, Array(4).fill('running'));
  await page.locator('#tool-lang').click();
  await page.waitForFunction(() => document.documentElement.lang === 'zh-CN');
  await page.locator('.checks li').nth(3).waitFor();
  assert.equal(await page.locator('#title').textContent(), 'runs.jsonl');
});

test('a reason cannot turn the text around it', async (t) => {
  const page = await house.open(t, { hash: '#mode=replay' });
  await page.locator('input[type="file"]').setInputFiles(await recorded(t, page));
  await page.locator('.checks li').nth(3).waitFor();
  const reasons = await page.evaluate(async () => {
    const { engine, playback } = globalThis.fourfold;
    const events = await engine.ask('events', playback.runs[0].player, 0, 1000);
    return events.map(({ reason }) => reason).filter(Boolean);
  });
  assert.ok(reasons.length > 0);
  for (const reason of reasons) assert.doesNotMatch(reason, /\u202e/);
});

test('the page does not run in a frame', async (t) => {
  const page = await house.open(t, { hash: '#mode=lab' });
  await page.evaluate(() => {
    const frame = document.createElement('iframe');
    frame.src = 'index.html';
    frame.name = 'framed';
    document.body.append(frame);
  });
  await page.frameLocator('iframe[name="framed"]').locator('.fatal[role="alert"]').waitFor();
  assert.equal(await page.frame('framed')?.evaluate(() => 'fourfold' in globalThis), false);
});

test('the sandbox runs nothing where it has an origin', async (t) => {
  const host = await serve(DIST, { sandbox: POLICY });
  t.after(() => host.close());
  const page = await house.open(t, { url: host.url, hash: '#mode=lab' });
  await page.evaluate(() => {
    const frame = document.createElement('iframe');
    frame.name = 'sandbox';
    /** @type {object[]} */
    const told = [];
    addEventListener('message', ({ source, data }) => source === frame.contentWindow && told.push(data));
    Object.assign(globalThis, { told });
    frame.src = 'sandbox.html';
    document.body.append(frame);
  });
  await page.waitForFunction(() => globalThis.told.length > 0);
  await page.evaluate(() => frames.sandbox.postMessage({ start: 'export default async function handler() {}' }, '*'));
  // One task of the frame later, the message has been heard; one of the page later, so has an answer.
  await page.frame('sandbox')?.evaluate(() => new Promise((resolve) => setTimeout(resolve)));
  const told = await page.evaluate(() => globalThis.told);
  assert.deepEqual(told, [{ refused: 'origin' }]);
});

/**
 * Serves a live run that says something and is gone, after a while.
 * @param {import('playwright-core').Page} page
 * @param {number} healthMs how long the server takes to say that it has a run
 */
async function serveGone(page, healthMs) {
  const events = [
    { seq: 0, t_ns: 0, event: 'run_started', pattern: 'pool', limit: 2, workers: 2, queue_capacity: 2 },
    { seq: 1, t_ns: 1e6, event: 'claimed', task: 1, attempt: 1 },
    { seq: 2, t_ns: 2e6, event: 'started', task: 1, attempt: 1, permit: 0, worker: 0 },
  ];
  const body = events.map((event) => `id: token-1-${event.seq}\ndata: ${JSON.stringify(event)}\n\n`).join('');
  await page.route('**/healthz', async (route) => {
    await new Promise((resolve) => setTimeout(resolve, healthMs));
    await route.fulfill({ json: { live: true } }).catch(() => {});
  });
  let asked = 0;
  await page.route('**/events', async (route) => {
    asked += 1;
    if (asked === 1) await route.fulfill({ contentType: 'text/event-stream', body: `retry: 60000\n\n${body}` });
    else await route.abort();
  });
}

test('a live run whose server is gone is said to be, and dimmed', async (t) => {
  const page = await house.open(t, { url: 'about:blank', ready: false, excused: /events/ });
  await serveGone(page, 0);
  await page.goto(`${house.url}#mode=live`);
  await page.waitForFunction(() => document.body.hasAttribute('data-stale'));
  const said = await page.locator('#subtitle').textContent();
  assert.match(said ?? '', /connection lost/);
});

test('a server that is slow to answer has its run opened all the same, unless the visitor has begun something', async (t) => {
  for (const touched of [false, true]) {
    const page = await house.open(t, { url: 'about:blank', ready: false, excused: /events/ });
    await serveGone(page, 1500);
    await page.goto(house.url);
    await page.waitForFunction(() => performance.getEntriesByName('usable').length > 0);
    assert.equal(await page.locator('body').getAttribute('data-mode'), 'learn');
    if (touched) await page.keyboard.press('ArrowRight');
    await page.waitForResponse('**/healthz').catch(() => {});
    // The answer is acted upon before the next frame.
    if (touched) await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve))));
    else await page.waitForFunction(() => document.body.dataset.mode === 'live');
    assert.equal(await page.locator('body').getAttribute('data-mode'), touched ? 'learn' : 'live');
    await page.context().close();
  }
});
