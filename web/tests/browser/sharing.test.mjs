// Links: each shows the view that it was made from.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SCENARIOS } from '../../js/scenarios.js';
import { arrived, MODES, setUp, still } from './harness.mjs';

const house = setUp();

/** The link that the page offers. @param {import('playwright-core').Page} page */
async function linkOf(page) {
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
  await page.locator('#tool-link').click();
  await page.locator('.flash').waitFor();
  return page.evaluate(() => navigator.clipboard.readText());
}

/** @param {import('playwright-core').Page} page */
const digestOf = (page) => page.locator('#page').getAttribute('data-digest');

/** Somewhere in the middle. @param {import('playwright-core').Page} page */
async function goIn(page) {
  await page.locator('#scrub').evaluate((scrub) => {
    scrub.value = '4321';
    scrub.dispatchEvent(new Event('input', { bubbles: true }));
  });
  await still(page);
  await page.locator('#do-step').click();
  await still(page);
}

/** @param {import('node:test').TestContext} t @param {import('playwright-core').Page} page */
async function check(t, page) {
  const [link, digest] = [await linkOf(page), await digestOf(page)];
  assert.match(digest ?? '', /^[0-9a-f]{16}(-[0-9a-f]{16})*$/);
  const hash = new URL(link).hash;
  const copy = await house.open(t, { hash });
  assert.equal(await digestOf(copy), digest, hash);
  assert.equal(await copy.locator('#clock').textContent(), await page.locator('#clock').textContent());
  return digest;
}

for (const { id } of SCENARIOS) {
  test(`a link to a moment of scenario ${id} shows that moment`, async (t) => {
    const page = await house.open(t, { hash: `#mode=learn&scenario=${id}` });
    const start = await digestOf(page);
    await goIn(page);
    assert.notEqual(await check(t, page), start);
  });
}

for (const mode of ['lab', 'compare', 'replay']) {
  test(`a link to a moment of ${mode} shows that moment`, async (t) => {
    const page = await house.open(t, { hash: `#mode=${mode}` });
    const start = await digestOf(page);
    await goIn(page);
    assert.notEqual(await check(t, page), start);
  });
}

test('a link carries forks and what was done at them', async (t) => {
  const page = await house.open(t, { hash: '#mode=lab' });
  await goIn(page);
  for (const fault of ['fail', 'more', 'slow', 'burst']) {
    const before = await page.locator('.chips button').count();
    await page.locator(`[data-fault="${fault}"]`).click();
    await page.waitForFunction((before) => document.querySelectorAll('.chips button').length > before, before);
    await still(page);
    await page.locator('#do-next').click();
    await still(page);
    await check(t, page);
  }
  await page.locator('#do-end').click();
  await still(page);
  await check(t, page);
});

test('a link carries the language, the theme and the speed', async (t) => {
  const page = await house.open(t, { hash: '#mode=lab' });
  await page.locator('#tool-lang').click();
  await page.waitForFunction(() => document.documentElement.lang === 'zh-CN');
  await page.locator('#tool-dark').click();
  await page.keyboard.press('+');
  const rate = await page.locator('.rate').textContent();
  const copy = await house.open(t, { hash: new URL(await linkOf(page)).hash });
  assert.equal(await copy.locator('html').getAttribute('lang'), 'zh-CN');
  assert.equal(await copy.locator('html').getAttribute('data-theme'), 'dark');
  assert.equal(await copy.locator('.rate').textContent(), rate);
});

const BAD = [
  '#',
  '#mode=nothing',
  '#mode=learn&scenario=nothing',
  '#mode=learn&scenario=tail&at=1,2,3,4,5,6,7',
  '#mode=learn&at=999999999',
  '#mode=learn&at=-1',
  '#mode=learn&speed=1e308',
  '#mode=lab&run={',
  '#mode=lab&run=null',
  '#mode=lab&run=[]',
  '#mode=lab&run=7',
  '#mode=lab&run={"limit":0}',
  '#mode=lab&run={"limit":"many","tasks":-3}',
  '#mode=lab&run={"work":null}',
  '#mode=lab&run={"pattern":"unknown"}',
  '#mode=lab&run={"params":{},"interventions":[[1]]}',
  '#mode=lab&run={"params":null,"interventions":7}',
  '#mode=compare&run={"limit":1e99}',
  '#mode=compare&run=null',
  '#mode=replay&scenario=../../etc',
  '#mode=live&from=javascript:alert(1)',
  '#mode=live&from=http://',
  '#mode=own&run=null',
  '#mode=own&run={"params":{"limit":"x"}}',
  '#mode=own&handler=__proto__',
  '#mode=lab&lang=xx&theme=pink&tab=nowhere',
  `#mode=lab&run=${'['.repeat(5000)}`,
  `#mode=lab&run=${'a'.repeat(60_000)}`,
  '#mode=lab&run=%7B%22limit%22%3A<img src=x onerror=alert(1)>',
  '#%E0%A4%A',
];

for (const hash of BAD) {
  test(`a bad link does not break the page: ${hash.slice(0, 70)}`, async (t) => {
    const page = await house.open(t, { hash });
    // The playhead has a position, and the page continues from it.
    assert.ok(MODES.includes((await page.locator('body').getAttribute('data-mode')) ?? ''));
    await page.locator('#modes a[href*="mode=compare"]').click();
    await arrived(page, 'compare');
    await page.locator('#do-end').click();
    await still(page);
    assert.equal(await page.locator('tr[data-key="phase"] td').first().getAttribute('data-value'), 'ended');
  });
}

test('a link that is followed while the address is brought up to date is opened', async (t) => {
  const page = await house.open(t, { hash: '#mode=learn&scenario=pressure' });
  await still(page);
  // In one task, before the browser reports that the hash has changed.
  await page.evaluate(() => {
    location.hash = '#mode=lab';
    globalThis.fourfold.writeLink();
  });
  await arrived(page, 'lab');
});
