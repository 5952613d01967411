// Own handler mode: code of the visitor runs in a frame that has no access to the page.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { arrived, DIST, setUp, stateOf, still, usable } from './harness.mjs';
import { POLICY, serve } from './server.mjs';

const house = setUp();

/** Writes code and payloads, and runs them. @param {import('playwright-core').Page} page @param {string} code @param {unknown[]} payloads */
async function run(page, code, payloads) {
  await page.locator('input[name="handler"][value="own"]').check();
  await page.locator('#own-code').fill(code);
  await page.locator('#own-payloads').fill(payloads.map((payload) => JSON.stringify(payload)).join('\n'));
  await page.locator('#own-run').click();
}

/** Waits until the run is over. @param {import('playwright-core').Page} page */
async function over(page) {
  await page.waitForFunction(
    () =>
      !document.querySelector('#own-run')?.hasAttribute('disabled') &&
      document.querySelector('tr[data-key="phase"] td')?.getAttribute('data-value') === 'ended',
  );
  await still(page);
}

test("code of one's own does its tasks: done, tried again, dead", async (t) => {
  const page = await house.open(t, { hash: '#mode=own' });
  await run(
    page,
    `async function handler(task, { id, attempt, signal }) {
      if (task.fail >= attempt) throw new Error('attempt ' + attempt);
      if (task.hopeless) throw Object.assign(new Error('no way'), { permanent: true });
      await new Promise((resolve) => setTimeout(resolve, 5));
      console.log('task', id, 'at attempt', attempt);
    }`,
    [{ fail: 0 }, { fail: 2 }, { hopeless: true }, { fail: 1 }, { fail: 0 }],
  );
  await over(page);
  const state = await stateOf(page);
  assert.deepEqual(
    [state.done, state.dead, state.failed, state.retried, state.tasks],
    [['4'], ['1'], ['4'], ['3'], ['5']],
  );
  assert.match((await page.locator('#own-log').textContent()) ?? '', /task 1 at attempt 3/);
});

test('the limit holds for real tasks, and a run can be aborted', async (t) => {
  const page = await house.open(t, {
    hash: `#${new URLSearchParams({ mode: 'own', run: JSON.stringify({ params: { pattern: 'set', limit: 3 } }) })}`,
  });
  await run(
    page,
    'async function handler(task, { signal }) { await new Promise((resolve, reject) => { signal.addEventListener("abort", () => reject(signal.reason)); }); }',
    Array(20).fill({}),
  );
  await page.waitForFunction(
    () => document.querySelector('tr[data-key="in_flight"] td')?.getAttribute('data-value') === '3',
  );
  await page.locator('#own-abort').click();
  await over(page);
  const state = await stateOf(page);
  assert.deepEqual([state.peak_in_flight, state.cancelled, state.done], [['3'], ['3'], ['0']]);
});

test('the handlers that come with the page run', async (t) => {
  for (const name of ['timers', 'fetch', 'flaky']) {
    const page = await house.open(t, { hash: `#mode=own&handler=${name}`, excused: /404/ });
    await page.locator('#own-run').click();
    await over(page);
    const { tasks, done } = await stateOf(page);
    t.diagnostic(`${name}: ${done} of ${tasks} tasks done`);
    assert.ok(Number(done) > 0);
    await page.context().close();
  }
});

test('code reaches neither the page nor what it stores', async (t) => {
  const page = await house.open(t, { hash: '#mode=own' });
  await page.evaluate(() => localStorage.setItem('secret', 'x'));
  await run(
    page,
    `async function handler() {
      const tries = { document: () => document, parent: () => parent.document.title, storage: () => localStorage.getItem('secret'), cookie: () => document.cookie };
      for (const [name, attempt] of Object.entries(tries)) {
        try { console.log(name, 'reached', String(attempt())); } catch (error) { console.log(name, 'refused'); }
      }
      console.log('origin', self.origin);
    }`,
    [{}],
  );
  await over(page);
  const log = (await page.locator('#own-log').textContent()) ?? '';
  for (const name of ['document', 'parent', 'storage', 'cookie']) assert.ok(log.includes(`${name} refused`), log);
  assert.ok(log.includes('origin null'), log);
});

test('code that cannot be read, or has no handler, is told so', async (t) => {
  const page = await house.open(t, { hash: '#mode=own', excused: /SyntaxError|Unexpected/ });
  await run(page, 'async function handler(task) {\n  return task +;\n}', [{}]);
  const problem = page.locator('.own > .problem');
  await problem.filter({ hasText: /2/ }).waitFor();
  await run(page, 'const nothing = 1;', [{}]);
  await problem.filter({ hasText: /handler/ }).waitFor();
  await page.locator('#own-payloads').fill('{"ms":1}\n{');
  await page.locator('#own-run').click();
  await problem.filter({ hasText: /2/ }).waitFor();
});

test('code that never pauses is ended, and the page goes on', async (t) => {
  const page = await house.open(t, { hash: '#mode=own' });
  await run(page, 'async function handler() { for (;;); }', [{}, {}]);
  await page.locator('.own > .problem:not([hidden])').waitFor();
  await over(page);
  await page.locator('#modes a[href*="mode=lab"]').click();
  await arrived(page, 'lab');
});

test('a host with one policy for everything is told that code cannot run there', async (t) => {
  const blanket = await serve(DIST, { sandbox: POLICY });
  t.after(() => blanket.close());
  const page = await house.open(t, {
    url: blanket.url,
    hash: '#mode=own',
    excused: /Content Security Policy|Refused|violates/,
  });
  await run(page, 'async function handler() {}', [{}]);
  await page.locator('.own > .problem:not([hidden])').waitFor();
  t.diagnostic((await page.locator('.own > .problem').textContent()) ?? '');
  // The handlers of the page still run there.
  await page.locator('input[name="handler"][value="timers"]').check();
  await page.locator('#own-payloads').fill('{"ms":5}\n{"ms":5}');
  await page.locator('#own-run').click();
  await over(page);
  assert.deepEqual((await stateOf(page)).done, ['2']);
});

test('code in a link is shown and does not run by itself', async (t) => {
  const code = 'async function handler() { console.log("ran"); }';
  const page = await house.open(t, {
    hash: `#${new URLSearchParams({ mode: 'own', handler: 'own', run: JSON.stringify({ code }) })}`,
  });
  await usable(page);
  assert.equal(await page.locator('#own-code').inputValue(), code);
  assert.equal(await page.locator('iframe').count(), 0);
  assert.equal(await page.evaluate(() => globalThis.fourfold.playback.runs.length), 0);
});
