// Loading: the time until the page is usable, the bytes, and the hosts.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { best, DIST, percentile, SLACK, setUp, usable } from './harness.mjs';
import { serve } from './server.mjs';

const house = setUp();
const LOADS = 9;

test('the first load is at most 220 kB, 140 kB of it the module, and no request goes to another host', async (t) => {
  const page = await house.open(t, { url: 'about:blank', ready: false });
  /** @type {{path: string, bytes: number}[]} */
  const loaded = [];
  /** @type {string[]} */
  const origins = [];
  page.context().on('request', (request) => origins.push(new URL(request.url()).origin));
  page.context().on('response', (response) => {
    if (response.ok())
      loaded.push({ path: new URL(response.url()).pathname, bytes: Number(response.headers()['content-length']) });
  });
  await page.goto(house.url, { waitUntil: 'networkidle' });
  await usable(page);
  const sum = (/** @type {typeof loaded} */ list) => list.reduce((all, { bytes }) => all + bytes, 0);
  const modules = loaded.filter(({ path }) => path.endsWith('.wasm'));
  t.diagnostic(`${loaded.length} files, ${sum(loaded)} bytes compressed, ${sum(modules)} of them the module`);
  assert.equal(modules.length, 1);
  assert.deepEqual([...new Set(origins)], [new URL(house.url).origin]);
  assert.ok(sum(modules) <= 140_000, `the module is ${sum(modules)} bytes`);
  assert.ok(
    sum(loaded) <= 220_000,
    `${sum(loaded)} bytes: ${loaded
      .sort((a, b) => b.bytes - a.bytes)
      .map(({ path, bytes }) => `${path} ${bytes}`)
      .join(', ')}`,
  );
});

test('usable within 0.6 s of the navigation', async (t) => {
  await best(
    () => loads(t),
    (times) => assert.ok(percentile(times, 0.5) <= 600 * SLACK, times.map(Math.round).join(', ')),
  );
});

/** When the page could be used, in fresh profiles. @param {import('node:test').TestContext} t */
async function loads(t) {
  const times = [];
  for (let load = 0; load < LOADS; load += 1) {
    const context = await house.browser.newContext({ viewport: { width: 1440, height: 900 }, reducedMotion: 'reduce' });
    const page = await context.newPage();
    await page.goto(house.url);
    await usable(page);
    times.push(await page.evaluate(() => performance.getEntriesByName('usable')[0].startTime));
    await context.close();
  }
  t.diagnostic(
    `${LOADS} loads in fresh profiles: median ${percentile(times, 0.5).toFixed(0)} ms, from ${Math.min(...times).toFixed(0)} to ${Math.max(...times).toFixed(0)} ms`,
  );
  return times;
}

test('the page works at any path of a host', async (t) => {
  const deep = await serve(DIST, { path: '/teaching/tools/fourfold/' });
  t.after(() => deep.close());
  for (const mode of ['learn', 'lab', 'compare', 'replay', 'own']) {
    const page = await house.open(t, { url: deep.url, hash: `#mode=${mode}` });
    assert.equal(await page.locator('body').getAttribute('data-mode'), mode);
  }
});
