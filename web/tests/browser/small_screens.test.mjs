// Phones and tablets: what a visitor is asked, and what is pressed to go on, is in sight and large enough for a finger.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SCENARIOS } from '../../js/scenarios.js';
import { FULL, MODES, playOn, setUp, still } from './harness.mjs';

const house = setUp();
const SCREENS = [
  [360, 780],
  [768, 1024],
];
const LANGUAGES = ['en', 'zh'];
const FINGER_PX = 40;
/** The shortest time from an answer to the end of a scenario. */
const CLIMAX_S = 2.5;

/** The boxes of elements that are not wholly in the viewport. @param {import('playwright-core').Page} page @param {string} selector */
function outside(page, selector) {
  return page.evaluate((selector) => {
    const found = [...document.querySelectorAll(selector)];
    const boxes = found.map((element) => element.getBoundingClientRect());
    const cut = boxes.filter(
      ({ top, bottom, left, right }) => top < -1 || left < -1 || bottom > innerHeight + 1 || right > innerWidth + 1,
    );
    return found.length === 0 ? [`no ${selector}`] : cut.map((box) => `${selector}: ${JSON.stringify(box)}`);
  }, selector);
}

for (const [width, height] of SCREENS) {
  test(`every question, its answers and Play are in sight: ${width} × ${height}`, async (t) => {
    for (const [index, { id, answer }] of SCENARIOS.entries()) {
      // In both languages with FULL, otherwise in one after the other.
      for (const lang of FULL ? LANGUAGES : [LANGUAGES[(index + (width === 360 ? 0 : 1)) % 2]]) {
        const page = await house.open(t, { hash: `#mode=learn&scenario=${id}&lang=${lang}`, width, height });
        await playOn(page);
        await page.locator('.question').waitFor();
        for (const selector of ['.question', '.answer', '#lesson-answer', '#do-play', '#modes [aria-current]'])
          assert.deepEqual(await outside(page, selector), [], `${id} ${lang}`);
        // Over the stage, not over another part of the page.
        await page.locator(`.question input[value="${answer}"]`).check();
        await page.locator('#lesson-answer').click();
        await page.locator('#lesson-on').waitFor();
        for (const selector of ['#lesson-on', '[data-answer="right"]'])
          assert.deepEqual(await outside(page, selector), [], `${id} ${lang}, answered`);
        await page.context().close();
      }
    }
  });

  test(`controls have room for a finger, and the open mode is in sight: ${width} × ${height}`, async (t) => {
    for (const mode of MODES) {
      const page = await house.open(t, { hash: `#mode=${mode}`, width, height });
      for (const selector of ['#modes [aria-current]', '#do-play'])
        assert.deepEqual(await outside(page, selector), [], mode);
      const small = await page.evaluate((finger) => {
        const controls = document.querySelectorAll('button, select, #modes a, .answer, .choice, input[type="number"]');
        return [...controls].flatMap((control) => {
          const { width, height } = control.getBoundingClientRect();
          return height > 0 && (height < finger - 0.5 || width < finger - 0.5)
            ? [`${control.outerHTML.slice(0, 90)}: ${Math.round(width)} × ${Math.round(height)}`]
            : [];
        });
      }, FINGER_PX);
      assert.deepEqual(small, [], mode);
      await page.context().close();
    }
  });
}

test(`from every answer to the end it takes at least ${CLIMAX_S} s`, async (t) => {
  for (const { id } of SCENARIOS) {
    const page = await house.open(t, { hash: `#mode=learn&scenario=${id}` });
    await playOn(page);
    await page.locator('#lesson-answer').click();
    // As the scenario goes by itself.
    await page.evaluate(
      (speed) => globalThis.fourfold.playback.setSpeed(speed),
      SCENARIOS.find((one) => one.id === id)?.speed,
    );
    await page.locator('#lesson-on').click();
    const seconds = await page.evaluate(() => {
      const { endNs, time, speed, playing } = globalThis.fourfold.playback;
      return playing ? (endNs - time) / 1e9 / speed : 0;
    });
    t.diagnostic(`${id}: ${seconds.toFixed(1)} s`);
    assert.ok(seconds >= CLIMAX_S, `${id}: ${seconds} s`);
    await page.context().close();
  }
});

test('the chosen answer and the right one stay marked to the end', async (t) => {
  const [{ id, answer }] = SCENARIOS;
  const page = await house.open(t, { hash: `#mode=learn&scenario=${id}` });
  await playOn(page);
  await page.locator(`.question input[value="${(answer + 1) % 3}"]`).check();
  await page.locator('#lesson-answer').click();
  for (const step of ['answered', 'at the end']) {
    assert.equal(await page.locator('[data-answer="right"]').count(), 1, step);
    assert.equal(await page.locator('[data-answer="wrong"]').count(), 1, step);
    if (step === 'answered') await playOn(page);
    await page.locator('.claim').waitFor({ state: step === 'answered' ? 'attached' : 'visible' });
  }
});

test('the stage stays where it is from one scenario to the next', async (t) => {
  for (const width of [1440, 2560]) {
    const page = await house.open(t, { hash: '#mode=learn', width });
    /** @type {Set<number>} */
    const tops = new Set();
    for (const { id } of SCENARIOS) {
      await page.locator(`[data-scenario="${id}"]`).click();
      await page.waitForFunction((id) => location.hash.includes(`scenario=${id}`), id);
      await still(page);
      tops.add(
        await page.locator('#stage').evaluate((stage) => Math.round(stage.getBoundingClientRect().top + scrollY)),
      );
    }
    assert.deepEqual([...tops].length, 1, `at ${width} px: ${[...tops]}`);
    await page.context().close();
  }
});
