// The executable alone serves the whole page.

import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import { setUp, stateOf, still, usable } from './harness.mjs';
import { emptyFolder, listening } from './native.mjs';

const house = setUp();

test('fourfold web serves all of the page from an empty folder, without a network', async (t) => {
  const folder = await emptyFolder(t);
  const { url, ended, stop } = await listening(t, ['web', '--listen', '127.0.0.1:0'], folder);
  assert.deepEqual(readdirSync(folder), []);
  // A request to another host fails the test, and so does a violation of the policy.
  for (const mode of ['learn', 'lab', 'compare', 'replay', 'live', 'own']) {
    const page = await house.open(t, { url, hash: `#mode=${mode}` });
    if (['lab', 'compare', 'replay'].includes(mode)) {
      await page.locator('#do-end').click();
      await still(page);
      assert.equal((await stateOf(page)).phase[0], 'ended');
      await page.locator('.charts').scrollIntoViewIfNeeded();
      await page.locator('.charts figure').first().waitFor();
    }
    await page.context().close();
  }
  stop();
  assert.deepEqual(await ended, { code: 143, signal: null });
});

test('its policy lets the page work and lets nothing else in', async (t) => {
  const { url } = await listening(t, ['web', '--listen', '127.0.0.1:0'], await emptyFolder(t));
  const answer = await fetch(url);
  const policy = answer.headers.get('content-security-policy') ?? '';
  assert.match(policy, /default-src 'none'/);
  assert.match(policy, /script-src 'self' 'wasm-unsafe-eval';/);
  assert.doesNotMatch(policy, /unsafe-inline|'unsafe-eval'|https?:|\*/);
  assert.equal(answer.headers.get('content-encoding'), 'gzip');
  const wasm = await fetch(`${url}fourfold_web_bg.wasm`);
  assert.equal(wasm.headers.get('content-type'), 'application/wasm');
});

test("code of one's own runs in the page that the executable serves", async (t) => {
  const { url } = await listening(t, ['web', '--listen', '127.0.0.1:0'], await emptyFolder(t));
  const page = await house.open(t, { url, hash: '#mode=own' });
  await usable(page);
  await page.locator('input[name="handler"][value="own"]').check();
  await page
    .locator('#own-code')
    .fill('async function handler(task) { if (task.no) throw Object.assign(new Error("no"), { permanent: true }); }');
  await page.locator('#own-payloads').fill('{}\n{"no":1}\n{}');
  await page.locator('#own-run').click();
  await page.waitForFunction(
    () => document.querySelector('tr[data-key="phase"] td')?.getAttribute('data-value') === 'ended',
  );
  await still(page);
  const { done, dead } = await stateOf(page);
  assert.deepEqual([done, dead], [['2'], ['1']]);
});
