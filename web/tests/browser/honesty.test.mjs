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
  const told = await page.evaluate(
    () =>
      new Promise((resolve) => {
        /** @type {object[]} */
        const told = [];
        const frame = document.createElement('iframe');
        addEventListener('message', ({ source, data }) => {
          if (source !== frame.contentWindow) return;
          told.push(data);
          frame.contentWindow.postMessage({ start: 'export default async function handler() {}' }, '*');
          setTimeout(() => resolve(told), 300);
        });
        frame.src = 'sandbox.html';
        document.body.append(frame);
      }),
  );
  assert.deepEqual(told, [{ refused: 'origin' }]);
});
