// The page with the keyboard alone.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { arrived, eventsOf, setUp, stateOf, still } from './harness.mjs';

const house = setUp();

/** Presses Tab until something has the focus, as a person would. @param {import('playwright-core').Page} page @param {string} selector */
async function tabTo(page, selector, key = 'Tab') {
  for (let pressed = 0; pressed < 160; pressed += 1) {
    const there = await page.evaluate((selector) => document.activeElement?.matches(selector) ?? false, selector);
    if (there) {
      const outline = await page.evaluate(() => {
        const element = /** @type {HTMLElement} */ (document.activeElement);
        const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(element);
        // The focus of a hidden checkbox shows around its label.
        const label = element.closest('label');
        const around = label
          ? getComputedStyle(label).outlineStyle !== 'none' ||
            [...label.querySelectorAll('*')].some((part) => getComputedStyle(part).outlineStyle !== 'none')
          : false;
        return (outlineStyle !== 'none' && outlineWidth !== '0px') || boxShadow !== 'none' || around;
      });
      assert.ok(outline, `${selector} has the focus, and it is not seen`);
      return;
    }
    await page.keyboard.press(key);
  }
  assert.fail(`${selector} cannot be reached with ${key}`);
}

/** @param {import('playwright-core').Page} page */
const positionOf = async (page) => Number((await stateOf(page)).position[0]);

test('choose a scenario, run it, step back, fork, inspect a task, compare, export', async (t) => {
  const page = await house.open(t, { hash: '#mode=learn' });
  await tabTo(page, '[data-scenario="pressure"]');
  await page.keyboard.press('Enter');
  await page.waitForFunction(() => location.hash.includes('scenario=pressure'));
  await still(page);

  // The scenario runs to its pause, asks its question, and continues after the answer.
  await tabTo(page, '#lesson-play', 'Shift+Tab');
  await page.keyboard.press('Enter');
  await page.locator('.question').waitFor();
  await tabTo(page, '.question input[type="radio"]');
  await page.keyboard.press('ArrowDown');
  await tabTo(page, '#lesson-answer');
  await page.keyboard.press('Enter');
  await page.locator('#lesson-on').waitFor();
  await page.waitForFunction(() => document.activeElement?.id === 'lesson-on');

  const paused = await positionOf(page);
  assert.ok(paused > 0);
  await page.keyboard.press('ArrowLeft');
  await page.keyboard.press('ArrowLeft');
  await still(page);
  assert.equal(await positionOf(page), paused - 2);
  await page.keyboard.press('ArrowRight');
  await still(page);
  assert.equal(await positionOf(page), paused - 1);

  // Lab: a fork at the playhead.
  await tabTo(page, '#modes a[href*="mode=lab"]', 'Shift+Tab');
  await page.keyboard.press('Enter');
  await arrived(page, 'lab');
  for (let press = 0; press < 3; press += 1) await page.keyboard.press('Shift+ArrowRight');
  await still(page);
  const position = await positionOf(page);
  assert.ok(position > 0);
  await page.keyboard.press('f');
  await page.locator('.chips button').nth(1).waitFor();
  await still(page);
  assert.equal(await positionOf(page), position);

  // Inspect a task.
  await tabTo(page, '[role="tab"][aria-selected="true"]');
  await page.keyboard.press('ArrowRight');
  await page.keyboard.press('ArrowRight');
  await tabTo(page, '#tasks');
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('ArrowDown');
  await page.locator('#inspect .story li').first().waitFor();
  const selected = await page.locator('#tasks [aria-selected="true"]').getAttribute('data-task');
  assert.equal(await page.locator('#tasks').getAttribute('aria-activedescendant'), `task-${selected}`);
  await page.keyboard.press(']');
  await page.waitForFunction(
    (selected) => document.querySelector('#tasks [aria-selected="true"]')?.getAttribute('data-task') !== selected,
    selected,
  );

  // Compare the four patterns.
  await tabTo(page, '#modes a[href*="mode=compare"]', 'Shift+Tab');
  await page.keyboard.press('Enter');
  await arrived(page, 'compare');
  await page.keyboard.press('End');
  await still(page);
  assert.deepEqual((await stateOf(page)).phase, ['ended', 'ended', 'ended', 'ended']);

  // Export the run.
  await tabTo(page, '#tool-export', 'Shift+Tab');
  await page.keyboard.press('Enter');
  await page.locator('dialog.export').waitFor();
  await tabTo(page, '[data-export="trace"] button');
  const [download] = await Promise.all([page.waitForEvent('download'), page.keyboard.press('Enter')]);
  const events = eventsOf(await readFile(await download.path(), 'utf8'));
  assert.equal(events[0].event, 'run_started');
  assert.equal(events.at(-1).event, 'run_ended');
  await page.keyboard.press('Escape');
  await page.locator('dialog.export').waitFor({ state: 'detached' });
  assert.equal(await page.evaluate(() => document.activeElement?.id), 'tool-export');
});

test('every file of the export is one', async (t) => {
  const page = await house.open(t, { hash: '#mode=lab' });
  await page.locator('#do-end').click();
  await still(page);
  await page.locator('#tool-export').click();
  for (const key of ['trace', 'perfetto', 'series', 'tasks', 'report', 'png']) {
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.locator(`[data-export="${key}"] button`).first().click(),
    ]);
    const bytes = await readFile(await download.path());
    t.diagnostic(`${download.suggestedFilename()}: ${bytes.length} bytes`);
    const text = bytes.toString('utf8');
    if (key === 'trace') assert.equal(eventsOf(text).at(-1).event, 'run_ended');
    if (key === 'perfetto') assert.ok(JSON.parse(text).traceEvents.length > 100);
    if (key === 'series') assert.equal(text.trimEnd().split('\r\n').length, 1001);
    if (key === 'tasks') assert.match(text, /^id,attempt,place,/);
    if (key === 'report') assert.equal(JSON.parse(text).pattern, 'pool');
    if (key === 'png') assert.equal(bytes.subarray(1, 4).toString(), 'PNG');
  }
});

test('every key does what the help says', async (t) => {
  const page = await house.open(t, { hash: '#mode=lab' });
  const end = await page.evaluate(() => globalThis.fourfold.playback.snapshots[0].of('end'));
  await page.locator('#title').click();
  const press = async (/** @type {string} */ key) => {
    await page.keyboard.press(key);
    await still(page);
    return positionOf(page);
  };
  assert.equal(await press('End'), end);
  assert.equal(await press('ArrowLeft'), end - 1);
  assert.equal(await press('Home'), 0);
  assert.equal(await press('ArrowRight'), 1);
  const notable = await press('Shift+ArrowRight');
  assert.ok(notable > 1);
  assert.ok((await press('Shift+ArrowLeft')) < notable);
  const speed = () => page.evaluate(() => globalThis.fourfold.playback.speed);
  const before = await speed();
  await page.keyboard.press('+');
  assert.ok((await speed()) > before);
  await page.keyboard.press('-');
  await page.keyboard.press('-');
  assert.ok((await speed()) < before);
  await page.keyboard.press('Space');
  assert.equal(await page.locator('#do-play').getAttribute('aria-pressed'), 'true');
  await page.keyboard.press('Space');
  await still(page);
  assert.equal(await page.locator('#do-play').getAttribute('aria-pressed'), 'false');
  await page.keyboard.press('?');
  await page.locator('dialog[open]').waitFor();
  await page.keyboard.press('Escape');
  await page.locator('dialog').waitFor({ state: 'detached' });
  // Move to a time at which there are tasks.
  await press('Home');
  for (let step = 0; step < 40; step += 1) await page.keyboard.press('ArrowRight');
  await still(page);
  const tasks = page.locator('#tab-tasks');
  await tasks.click();
  await page.locator('#title').click();
  await page.keyboard.press(']');
  assert.equal(await page.locator('#tasks [aria-selected="true"]').count(), 1);
});

test("shortcuts are letters inside inputs, and nobody else's keys are taken", async (t) => {
  const page = await house.open(t, { hash: '#mode=own' });
  await page.locator('input[name="handler"][value="own"]').check();
  await page.locator('#own-code').fill('');
  await page.locator('#own-code').press('f');
  await page.keyboard.type(' ?[]-+=');
  assert.equal(await page.locator('#own-code').inputValue(), 'f ?[]-+=');
  assert.equal(await page.locator('dialog').count(), 0);
  await page.goto(`${house.url}#mode=lab`);
  await arrived(page, 'lab');
  const position = await positionOf(page);
  const limit = page.locator('#param-limit');
  await limit.focus();
  await page.keyboard.press('End');
  await page.keyboard.press('ArrowLeft');
  await page.keyboard.press('Home');
  await page.keyboard.press('-');
  await still(page);
  assert.equal(await positionOf(page), position);
  assert.equal(await page.locator('.chips button').count(), 0);
  await page.locator('#title').click();
  for (const key of ['Control+f', 'Alt+f', 'Meta+f']) await page.keyboard.press(key);
  await still(page);
  assert.equal(await page.locator('.chips button').count(), 0);
});

test('the first tab stop leads past everything to the stage', async (t) => {
  const page = await house.open(t, { hash: '#mode=lab' });
  await page.keyboard.press('Tab');
  assert.equal(await page.evaluate(() => document.activeElement?.className), 'skip');
  await page.keyboard.press('Enter');
  assert.equal(await page.evaluate(() => document.activeElement?.id), 'stage-section');
  assert.equal(await page.locator('body').getAttribute('data-mode'), 'lab');
});
