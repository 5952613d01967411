// Broken links: the page works, and says what it could not read.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FULL, MODES, random, seedOf, setUp, still } from './harness.mjs';

const house = setUp();
const LINKS = FULL ? 2000 : 200;
/** Values that no parameter accepts. */
const WRONG = [-1, 1.5, 1e99, 'many', null, [], {}, true, [1], '8'];
const KEYS = ['limit', 'tasks', 'seed', 'retries'];

/** @param {ReturnType<typeof random>} draw */
function brokenRun(draw) {
  const good = { pattern: 'pool', limit: 4, tasks: 30, seed: 1, retries: 1, work: { ms: [5, 20] } };
  const text = JSON.stringify(good);
  return draw.of([
    () => text.slice(0, draw.between(1, text.length - 1)),
    () => JSON.stringify({ ...good, [draw.of(KEYS)]: draw.of(WRONG) }),
    () => JSON.stringify({ [draw.of(KEYS)]: draw.of(WRONG) }),
    () => JSON.stringify({ ...good, [`key_${draw.between(0, 99)}`]: 1 }),
    () => JSON.stringify({ ...good, pattern: draw.of(['', 'queue', 7, null]) }),
    () => JSON.stringify({ ...good, work: draw.of([7, 'x', null, [], [{ ms: -1 }], { ms: [9, 1] }, { ms: 5 }]) }),
    () => JSON.stringify(draw.of([null, 7, 'x', [], [good], true])),
    () => JSON.stringify({ params: draw.of([null, 7, [], { limit: -1 }]) }),
    () => JSON.stringify({ params: good, interventions: draw.of([7, {}, [[1]], [[1, { limit: -4 }]], [[-1, {}]]]) }),
    () => JSON.stringify({ params: good, interventions: [], more: 1 }),
  ])();
}

/** @param {ReturnType<typeof random>} draw */
function brokenLink(draw) {
  /** @type {Record<string, string>} */
  const link = { mode: draw.of(['learn', 'lab', 'compare']) };
  const break_ = draw.of([
    () => Object.assign(link, { mode: draw.of(['lab', 'compare']), run: brokenRun(draw) }),
    () => Object.assign(link, { mode: draw.of(['lab', 'compare']), run: brokenRun(draw) }),
    () => Object.assign(link, { mode: draw.of(['lab', 'compare']), run: brokenRun(draw) }),
    () => Object.assign(link, { mode: draw.of(['labs', '', 'LAB', '../x']) }),
    () => Object.assign(link, { speed: draw.of(['fast', '-1', '0', 'Infinity', 'NaN', '1,2', '']) }),
    () => Object.assign(link, { at: draw.of(['x', '-1', '1.5', '1,,2', '', '1,2,3,4,5', '9e99']) }),
    () => Object.assign(link, { tab: draw.of(['x', '', 'Code']) }),
    () => Object.assign(link, { theme: draw.of(['pink', '']), lang: draw.of(['en', 'xx']) }),
    () => Object.assign(link, { mode: 'learn', scenario: draw.of(['x', 'TAIL', '__proto__', '']) || 'x' }),
    () => Object.assign(link, { mode: 'own', handler: draw.of(['x', '__proto__']) }),
    () => Object.assign(link, { mode: 'own', run: draw.of(['{', '7x', '{"params":{"limit":-1}}', '{"params":[1]}']) }),
    () => Object.assign(link, { [`word${draw.between(0, 99)}`]: '1' }),
  ]);
  break_();
  return `#${new URLSearchParams(link)}`;
}

/** Follows a link within the page, and says what is on it then. @param {import('playwright-core').Page} page @param {string} hash */
async function follow(page, hash) {
  await page.evaluate(async (hash) => {
    const { fourfold } = globalThis;
    const { opening } = fourfold;
    // Opening the same hash twice would not open a new view.
    fourfold.address = '';
    location.hash = hash;
    while (fourfold.opening === opening) await new Promise((resolve) => setTimeout(resolve));
  }, hash);
  await page.waitForFunction(() => globalThis.fourfold.mode && globalThis.fourfold.written === location.hash);
  await still(page);
  return page.evaluate(() => ({
    mode: document.body.dataset.mode ?? '',
    said: document.querySelector('#refused:not([hidden])')?.textContent ?? '',
    runs: globalThis.fourfold.playback.snapshots.length,
    placard: document.querySelector('.placard') !== null,
    // The message may quote any part of the link.
    texts: ['title', 'subtitle', 'side', 'below'].map((id) => document.getElementById(id)?.textContent ?? ''),
  }));
}

test(`${LINKS} broken links give a working page and a message`, async (t) => {
  const draw = random(seedOf(t));
  const page = await house.open(t, { hash: '#mode=replay' });
  for (let n = 0; n < LINKS; n += 1) {
    const hash = brokenLink(draw);
    const { mode, said, runs, placard, texts } = await follow(page, hash);
    const where = decodeURIComponent(hash);
    assert.ok(MODES.includes(mode), where);
    assert.notEqual(said, '', `no message: ${where}`);
    assert.ok(runs > 0 || placard, `an empty stage: ${where}`);
    assert.doesNotMatch(texts.join(' '), /undefined|NaN|\[object|advice\.|pattern\./, where);
  }
});

test('a link that leaves parameters out shows the run with the defaults, without a message', async (t) => {
  const page = await house.open(t, { hash: '#mode=lab&run={"limit":8}' });
  assert.equal(await page.locator('#refused').isVisible(), false);
  assert.match((await page.locator('#title').textContent()) ?? '', /500 tasks, at most 8/);
  assert.equal(await page.locator('#param-limit').inputValue(), '8');
});

test('a message about a link goes away with the next view', async (t) => {
  const page = await house.open(t, { hash: '#mode=lab&run={"limit":-1}' });
  assert.match((await page.locator('#refused').textContent()) ?? '', /limit/);
  await page.locator('#modes a[href*="mode=compare"]').click();
  await page.locator('#refused').waitFor({ state: 'hidden' });
});
