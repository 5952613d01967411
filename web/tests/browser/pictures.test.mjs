// Pictures of every mode, in target/screenshots, for people to look at.

import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { SCENARIOS } from '../../js/scenarios.js';
import { FULL, MODES, ROOT, setUp, still } from './harness.mjs';

const house = setUp();
const FOLDER = join(ROOT, 'target/screenshots');
mkdirSync(FOLDER, { recursive: true });

/** @param {import('playwright-core').Page} page @param {string} name @param {boolean} [whole] */
async function picture(page, name, whole = true) {
  await page.waitForFunction(() => document.getAnimations().every((animation) => animation.playState !== 'running'));
  const bytes = await page.screenshot({ path: join(FOLDER, `${name}.png`), fullPage: whole });
  assert.ok(bytes.length > 5000, `${name} shows nothing`);
}

/** Somewhere in the middle of the run. @param {import('playwright-core').Page} page @param {number} part */
async function goTo(page, part) {
  await page.locator('#scrub').evaluate((scrub, part) => {
    scrub.value = String(Math.round(part * 10_000));
    scrub.dispatchEvent(new Event('input', { bubbles: true }));
  }, part);
  await still(page);
}

for (const theme of /** @type {const} */ (['light', 'dark'])) {
  // Four sets with FULL, otherwise one of each theme.
  for (const width of FULL ? [1440, 360] : [theme === 'light' ? 1440 : 360]) {
    test(`pictures of every mode: ${theme}, ${width} px`, async (t) => {
      for (const mode of MODES) {
        const page = await house.open(t, { hash: `#mode=${mode}`, theme, width });
        if (!['live', 'own'].includes(mode)) {
          await goTo(page, 0.45);
          await page.locator('.charts').scrollIntoViewIfNeeded();
          await page.locator('.charts figure').first().waitFor();
          await page.evaluate(() => scrollTo(0, 0));
        }
        if (mode === 'own') {
          await page
            .locator('#own-payloads')
            .fill(Array.from({ length: 30 }, (_, n) => `{"ms":${10 + n * 5}}`).join('\n'));
          await page.locator('#own-run').click();
          await page.waitForFunction(
            () => document.querySelector('tr[data-key="phase"] td')?.getAttribute('data-value') === 'ended',
          );
          await still(page);
        }
        await picture(page, `${mode}-${theme}-${width}`);
        await page.context().close();
      }
    });
  }

  // Pictures of all scenarios take a minute.
  test(`pictures of ${FULL ? 'every scenario' : 'a scenario'}: ${theme}`, async (t) => {
    for (const { id } of FULL ? SCENARIOS : SCENARIOS.slice(0, 1)) {
      const page = await house.open(t, {
        hash: `#mode=learn&scenario=${id}&lang=${theme === 'dark' ? 'zh' : 'en'}`,
        theme,
      });
      await page.locator('#lesson-play').click();
      await page.locator('.question').waitFor({ timeout: 60_000 });
      await still(page);
      await picture(page, `scenario-${id}-${theme}`, false);
      await page.context().close();
    }
  });
}
