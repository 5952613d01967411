// Scenarios: their claims hold, the highlighted code is the code that ran, and reduced motion is respected.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SCENARIOS } from '../../js/scenarios.js';
import { PATTERNS, playOn, setUp, still, tracesOf } from './harness.mjs';

const house = setUp();

for (const { id, answer } of SCENARIOS) {
  test(`scenario ${id}: pauses, asks, and its claim holds`, async (t) => {
    const page = await house.open(t, { hash: `#mode=learn&scenario=${id}` });
    await playOn(page);
    await page.locator('.question').waitFor();
    const { t: at, endNs } = await page.evaluate(() => ({
      t: globalThis.fourfold.playback.time,
      endNs: globalThis.fourfold.playback.endNs,
    }));
    assert.ok(at < endNs, 'the question comes before the end');
    await page.locator(`.question input[value="${answer}"]`).check();
    await page.locator('#lesson-answer').click();
    await page.locator('.verdict.right').waitFor();
    await playOn(page);
    const claim = page.locator('.claim');
    await claim.waitFor();
    t.diagnostic((await claim.locator('p').first().textContent()) ?? '');
    assert.equal(await claim.getAttribute('data-holds'), 'true', (await claim.textContent()) ?? '');
  });
}

test('a wrong answer is told so, and the truth with it', async (t) => {
  const { id, answer } = SCENARIOS[0];
  const page = await house.open(t, { hash: `#mode=learn&scenario=${id}` });
  await playOn(page);
  await page.locator(`.question input[value="${(answer + 1) % 3}"]`).check();
  await page.locator('#lesson-answer').click();
  await page.locator('.verdict.wrong').waitFor();
});

for (const pattern of PATTERNS) {
  test(`the code of ${pattern} lights up where its events come from`, async (t) => {
    const run = JSON.stringify({
      pattern,
      limit: 4,
      tasks: 40,
      seed: 7,
      retries: 1,
      work: { ms: [5, 20], fail_permille: pattern === 'group' ? 0 : 200, fail_attempts: 3 },
    });
    const page = await house.open(t, { hash: `#${new URLSearchParams({ mode: 'lab', run, tab: 'code' })}` });
    await page.locator('.code .line').first().waitFor();
    const [events] = await tracesOf(page);
    const kinds = new Map(events.map(({ event }, index) => [event, index + 1]));
    /** @type {Map<string, string>} */
    const lines = new Map();
    for (const [kind, position] of kinds) {
      await page.evaluate((position) => globalThis.fourfold.playback.go({ positions: [position] }), position);
      await still(page);
      const lit = page.locator('.code .line.lit');
      assert.equal(await lit.count(), 1, `${kind} lights one line`);
      const text = ((await lit.textContent()) ?? '').trim();
      assert.notEqual(text, '', `the line of ${kind} says something`);
      lines.set(kind, text);
      const inside = await lit.evaluate((line) => {
        const [box, around] = [
          line.getBoundingClientRect(),
          /** @type {Element} */ (line.closest('.code')).getBoundingClientRect(),
        ];
        return box.top >= around.top - 1 && box.bottom <= around.bottom + 1;
      });
      assert.ok(inside, `the line of ${kind} is in view`);
    }
    t.diagnostic([...lines].map(([kind, line]) => `${kind}: ${line}`).join(' | '));
    assert.ok(lines.size >= 5, 'most kinds of events are lit');
  });
}

for (const { id, panels } of SCENARIOS.filter(({ panels }) => panels.some(({ program }) => program))) {
  test(`the programs of scenario ${id} show their own code, lit where their events come from`, async (t) => {
    const page = await house.open(t, { hash: `#mode=learn&scenario=${id}&tab=code` });
    const lit = page.locator('.code .line.lit');
    for (const [index, { program }] of panels.entries()) {
      if (!program) continue;
      const which = page.locator('#code-run');
      if (await which.isVisible()) await which.selectOption(String(index));
      await page.waitForFunction(
        (program) => document.querySelector('.code .file')?.textContent?.trim().endsWith(`/${program}.rs`),
        program,
      );
      await page.locator('#do-home').click();
      await still(page);
      /** @type {Set<string>} */
      const lines = new Set();
      // Events of all panels take turns; only the events of the chosen run highlight a line.
      for (let step = 0; step < 400 && lines.size < 2; step += 1) {
        await page.locator('#do-step').click();
        await still(page);
        if ((await lit.count()) === 0) continue;
        assert.notEqual(((await lit.textContent()) ?? '').trim(), '');
        lines.add((await lit.getAttribute('data-line')) ?? '');
      }
      t.diagnostic(`${program}: lines ${[...lines].join(', ')}`);
      assert.ok(lines.size >= 2, `${program} lights ${lines.size} lines`);
    }
  });
}

test('nothing plays by itself where reduced motion is asked for', async (t) => {
  for (const hash of ['', '#mode=learn&scenario=storm', '#mode=lab', '#mode=compare', '#mode=replay']) {
    const page = await house.open(t, { hash });
    await page.locator('#do-home').waitFor();
    assert.equal(await page.evaluate(() => globalThis.fourfold.playback.playing), false);
    assert.equal(
      await page
        .locator('#clock')
        .textContent()
        .then((text) => text?.split(' / ')[0]),
      '0.000 s',
      hash,
    );
    // Choosing a scenario does not start it either.
    if (hash.includes('learn')) {
      await page.locator('[data-scenario="poison"]').click();
      await page.waitForFunction(() => location.hash.includes('poison'));
      await still(page);
      assert.equal(
        await page.evaluate(() => globalThis.fourfold.playback.time),
        await page.evaluate(() => globalThis.fourfold.playback.startNs),
      );
    }
    // The play button plays; each frame shows tasks at their places, not on their way.
    await page.locator('#do-play').click();
    assert.equal(await page.evaluate(() => globalThis.fourfold.playback.playing), true);
    await page.context().close();
  }
});

test('a scenario that is chosen plays to its pause where motion is welcome', async (t) => {
  const page = await house.open(t, { moving: true, hash: '#mode=lab' });
  await page.locator('#modes a[href*="mode=learn"]').click();
  await page.locator('[data-scenario="group"]').waitFor();
  await page.locator('[data-scenario="group"]').click();
  await page.locator('.question').waitFor();
});
