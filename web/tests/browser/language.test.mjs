// The page in both languages.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { SCENARIOS } from '../../js/scenarios.js';
import { MODES, ROOT, setUp, still } from './harness.mjs';

const house = setUp();
const texts = Object.fromEntries(
  ['en', 'zh'].map((name) => [name, JSON.parse(readFileSync(join(ROOT, `web/i18n/${name}.json`), 'utf8'))]),
);
const spaces = new Set(
  Object.keys(texts.en)
    .filter((key) => key.includes('.'))
    .map((key) => key.split('.')[0]),
);

test('both languages have the same keys, and the same values in their texts', () => {
  assert.deepEqual(Object.keys(texts.zh).sort(), Object.keys(texts.en).sort());
  const values = (/** @type {string} */ text) => [...new Set(text.match(/\{\w+\}/g))].sort();
  for (const key of Object.keys(texts.en)) {
    assert.deepEqual(values(texts.zh[key]), values(texts.en[key]), key);
    assert.ok(texts.en[key].trim() && texts.zh[key].trim(), `${key} is empty`);
  }
});

test('every key that is written in the code has a text', () => {
  const folder = join(ROOT, 'web/js');
  const files = readdirSync(folder, { recursive: true })
    .map(String)
    .filter((name) => name.endsWith('.js'));
  for (const name of files) {
    const code = readFileSync(join(folder, name), 'utf8');
    for (const [, key] of code.matchAll(/\bt\('([^']+)'/g)) assert.ok(key in texts.en, `${name}: ${key}`);
  }
  const page = readFileSync(join(ROOT, 'web/index.html'), 'utf8');
  for (const [, key] of page.matchAll(/data-i18n(?:-label)?="([^"]+)"/g))
    assert.ok(key in texts.en, `index.html: ${key}`);
});

/** Texts and labels that are keys, on what is seen. @param {import('playwright-core').Page} page @returns {Promise<string[]>} */
async function keysOn(page) {
  /** @type {string[]} */
  const words = await page.evaluate(() => {
    const found = [];
    for (const element of document.querySelectorAll('body *')) {
      if (element.closest('pre, code, textarea, script, noscript')) continue;
      for (const node of element.childNodes) if (node.nodeType === Node.TEXT_NODE) found.push(node.nodeValue ?? '');
      for (const name of ['aria-label', 'title', 'placeholder', 'aria-valuetext', 'alt'])
        found.push(element.getAttribute(name) ?? '');
    }
    return found.flatMap((text) => text.split(/[\s,;:()]+/));
  });
  return words
    .filter(
      (word) =>
        /^[a-z]\w*(\.\w+)+$/.test(word) && spaces.has(word.split('.')[0]) && !/\.(jsonl?|csv|png|rs|js)$/.test(word),
    )
    .concat(words.filter((word) => /^\{\w+\}$/.test(word)));
}

for (const lang of ['en', 'zh']) {
  for (const mode of MODES) {
    test(`no key and no empty place is seen in ${mode}, in ${lang}`, async (t) => {
      const page = await house.open(t, { hash: `#mode=${mode}&lang=${lang}` });
      assert.equal(await page.locator('html').getAttribute('lang'), lang === 'zh' ? 'zh-CN' : 'en');
      for (const tab of await page.locator('[role="tab"]').all()) {
        await tab.click();
        await still(page);
        assert.deepEqual(await keysOn(page), []);
      }
      await page.locator('#tool-help').click();
      assert.deepEqual(await keysOn(page), []);
      await page.keyboard.press('Escape');
      await page.locator('#tool-export').click();
      await page.locator('dialog.export').waitFor();
      assert.deepEqual(await keysOn(page), []);
      await page.keyboard.press('Escape');
      if (await page.locator('.charts').isVisible()) {
        await page.locator('.charts').scrollIntoViewIfNeeded();
        if (!['live', 'own'].includes(mode)) await page.locator('.charts figure').first().waitFor();
      }
      assert.deepEqual(await keysOn(page), []);
    });
  }

  test(`no key is seen while scenarios are gone through, in ${lang}`, async (t) => {
    for (const { id } of SCENARIOS) {
      const page = await house.open(t, { hash: `#mode=learn&scenario=${id}&lang=${lang}` });
      for (let place = 0; place <= 10; place += 1) {
        await page.locator('#scrub').evaluate((scrub, place) => {
          scrub.value = String(place * 1000);
          scrub.dispatchEvent(new Event('input', { bubbles: true }));
        }, place);
        await still(page);
        assert.deepEqual(await keysOn(page), [], id);
      }
      await page.locator('.claim').waitFor();
      assert.deepEqual(await keysOn(page), [], id);
      await page.context().close();
    }
  });
}

test('the language follows the browser, unless the visitor chose one', async (t) => {
  const chinese = await house.open(t, { locale: 'zh-CN' });
  assert.equal(await chinese.locator('html').getAttribute('lang'), 'zh-CN');
  await chinese.locator('#tool-lang').click();
  await chinese.waitForFunction(() => document.documentElement.lang === 'en');
  await chinese.waitForFunction(() => location.hash.includes('lang=en'));
  await chinese.reload();
  await chinese.waitForFunction(() => performance.getEntriesByName('usable').length > 0);
  assert.equal(await chinese.locator('html').getAttribute('lang'), 'en');
});
