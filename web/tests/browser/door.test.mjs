// The front door: what a visitor without a link sees first.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { arrived, PATTERNS, setUp, still } from './harness.mjs';

const house = setUp();

for (const lang of ['en', 'zh']) {
  for (const [width, height] of [
    [360, 780],
    [1440, 900],
  ]) {
    test(`four patterns, each with a loop and a way in, in sight: ${lang}, ${width} px`, async (t) => {
      const page = await house.open(t, { hash: `#lang=${lang}`, width, height });
      const ways = page.locator('.way');
      await ways.nth(3).waitFor();
      for (let index = 0; index < PATTERNS.length; index += 1) {
        const box = await ways.nth(index).boundingBox();
        assert.ok(box && box.y + box.height <= height, `${PATTERNS[index]} ends at ${box && box.y + box.height}`);
      }
      // Painted, and not all alike.
      const pictures = await page.locator('.way canvas').evaluateAll((canvases) =>
        canvases.map((canvas) => {
          const { width, height } = /** @type {HTMLCanvasElement} */ (canvas);
          return width > 50 && height > 20 ? /** @type {HTMLCanvasElement} */ (canvas).toDataURL() : '';
        }),
      );
      assert.ok(pictures.every((picture) => picture.length > 300));
      assert.ok(new Set(pictures).size >= 3);
      await ways.nth(1).click();
      await arrived(page, 'learn');
      assert.match(page.url(), /scenario=tail/);
      assert.equal(await page.locator('#door').isVisible(), false);
    });
  }
}

test('a link to a view leads past the front door, and the name of the page back to it', async (t) => {
  const page = await house.open(t, { hash: '#mode=lab' });
  assert.equal(await page.locator('#door').isVisible(), false);
  await page.locator('.brand').click();
  await page.locator('.way').nth(3).waitFor();
  await still(page);
});
