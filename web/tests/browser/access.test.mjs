// Accessibility: no violation that a tool can find, and no sideways scrolling on a narrow screen.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { SCENARIOS } from '../../js/scenarios.js';
import { FULL, MODES, setUp, still } from './harness.mjs';

const house = setUp();
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22a', 'wcag22aa'];
const LANGUAGES = ['en', 'zh'];
const THEMES = /** @type {const} */ (['light', 'dark']);
const WIDTHS = [1440, 360];

/**
 * Whether language, theme and width are tried together: all of them with FULL, otherwise half, in which every two values meet.
 * @param {string} lang @param {'light' | 'dark'} theme @param {number} width
 */
const isTried = (lang, theme, width) =>
  FULL || (LANGUAGES.indexOf(lang) + THEMES.indexOf(theme) + WIDTHS.indexOf(width)) % 2 === 0;

/** @param {import('playwright-core').Page} page @param {string} where */
async function examine(page, where) {
  // Colours are measured after their transitions have ended.
  await page.waitForFunction(() => document.getAnimations().every((animation) => animation.playState !== 'running'));
  if (!(await page.evaluate(() => 'axe' in globalThis))) await page.evaluate(AXE);
  const { violations, passes } = await page.evaluate(async (tags) => {
    const { violations, passes } = await globalThis.axe.run(document, {
      runOnly: { type: 'tag', values: tags },
      resultTypes: ['violations'],
    });
    return {
      violations: violations.map(({ id, help, nodes }) => ({
        id,
        help,
        nodes: nodes.map(({ html, failureSummary }) => `${html.slice(0, 160)} — ${failureSummary}`).slice(0, 4),
      })),
      passes: passes.length,
    };
  }, TAGS);
  assert.deepEqual(violations, [], where);
  return passes;
}

/** @param {import('playwright-core').Page} page */
async function sideways(page) {
  return page.evaluate(() => {
    const { scrollWidth, clientWidth } = document.documentElement;
    if (scrollWidth <= clientWidth) return [];
    const wide = [...document.querySelectorAll('body *')].filter(
      (element) => element.getBoundingClientRect().right > clientWidth + 1,
    );
    return wide
      .slice(0, 6)
      .map(
        (element) =>
          `${element.tagName}.${element.className} to ${Math.round(element.getBoundingClientRect().right)} of ${clientWidth}`,
      );
  });
}

/** What a mode can look like, beyond how it begins. @type {Record<string, (page: import('playwright-core').Page) => Promise<void>>} */
const BUSY = {
  learn: async (page) => {
    await page.locator('#lesson-play').click();
    await page.locator('.question').waitFor();
  },
  lab: async (page) => {
    await page.locator('#scrub').press('PageUp');
    await still(page);
    await page.locator('[data-fault="more"]').click();
    await page.locator('.chips button').nth(1).waitFor();
  },
  compare: async (page) => {
    await page.locator('#do-end').click();
    await still(page);
  },
  replay: async (page) => {
    await page.locator('#sample-four').click();
    await page.locator('.run-list').waitFor();
    await page.locator('.checks li').nth(3).waitFor();
  },
  live: async () => {},
  own: async (page) => {
    await page.locator('input[name="handler"][value="own"]').check();
    await page.locator('#own-code').waitFor();
  },
};

for (const mode of MODES) {
  for (const theme of THEMES) {
    test(`${mode}, ${theme}: no violation in any language and width`, async (t) => {
      let checked = 0;
      for (const lang of LANGUAGES) {
        for (const width of WIDTHS.filter((width) => isTried(lang, theme, width))) {
          const where = `${mode} ${lang} ${theme} ${width} px`;
          const page = await house.open(t, { hash: `#mode=${mode}&lang=${lang}`, theme, width });
          checked += await examine(page, where);
          await BUSY[mode](page);
          if (!['live', 'own'].includes(mode)) {
            await page.locator('.charts').scrollIntoViewIfNeeded();
            await page.locator('.charts figure').first().waitFor();
          }
          checked += await examine(page, `${where}, at work`);
          await page.context().close();
        }
      }
      t.diagnostic(`${checked} rules passed`);
    });
  }
}

for (const theme of THEMES) {
  test(`tabs and dialogs, ${theme}: no violation`, async (t) => {
    for (const width of WIDTHS) {
      const page = await house.open(t, { hash: '#mode=lab', theme, width });
      await page.locator('#do-next').click();
      await still(page);
      for (const tab of await page.locator('[role="tab"]').all()) {
        await tab.click();
        await still(page);
        await examine(page, `tab ${await tab.textContent()}, ${width} px`);
      }
      await page.locator('#tab-tasks').click();
      await page.locator('#tasks [role="option"]').first().click();
      await page.locator('#inspect .story li').first().waitFor();
      await examine(page, 'a task that is inspected');
      await page.locator('#tool-help').click();
      await examine(page, 'help');
      await page.keyboard.press('Escape');
      await page.locator('#tool-export').click();
      await page.locator('dialog.export').waitFor();
      await examine(page, 'export');
    }
  });
}

for (const lang of LANGUAGES) {
  test(`320 px wide, in ${lang}: nothing scrolls sideways`, async (t) => {
    for (const mode of MODES) {
      const page = await house.open(t, { hash: `#mode=${mode}&lang=${lang}`, width: 320, height: 640 });
      assert.deepEqual(await sideways(page), [], mode);
      await BUSY[mode](page);
      for (const tab of await page.locator('[role="tab"]').all()) {
        await tab.click();
        assert.deepEqual(await sideways(page), [], `${mode}, ${await tab.textContent()}`);
      }
      if (!['live', 'own'].includes(mode)) {
        await page.locator('.charts').scrollIntoViewIfNeeded();
        await page.locator('.charts figure').first().waitFor();
      }
      assert.deepEqual(await sideways(page), [], `${mode}, charts`);
      await page.locator('#tool-export').click();
      await page.locator('dialog.export').waitFor();
      assert.deepEqual(await sideways(page), [], `${mode}, export`);
      await page.context().close();
    }
    for (const { id } of SCENARIOS) {
      const page = await house.open(t, { hash: `#mode=learn&scenario=${id}&lang=${lang}`, width: 320, height: 640 });
      await page.locator('#do-end').click();
      await page.locator('.claim').waitFor();
      assert.deepEqual(await sideways(page), [], id);
      await page.context().close();
    }
  });
}

test('from 320 px to 4K the stage is seen', async (t) => {
  for (const [width, height] of [
    [320, 568],
    [768, 1024],
    [1440, 900],
    [1920, 1080],
    [3840, 2160],
  ]) {
    const page = await house.open(t, { hash: '#mode=compare', width, height });
    const box = await page.locator('#canvas').boundingBox();
    assert.ok(
      box && box.width >= Math.min(width * 0.5, 280) && box.height >= 200,
      `${width} × ${height}: ${JSON.stringify(box)}`,
    );
    assert.deepEqual(await sideways(page), [], `${width} × ${height}`);
    await page.context().close();
  }
});
