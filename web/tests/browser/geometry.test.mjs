// Geometry of the stage: the bitmap fits its box, and a click selects the token under it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setUp, still } from './harness.mjs';

const house = setUp();
/** The widths and heights of a phone, a tablet, a laptop and a large screen. */
const SIZES = [
  [360, 780],
  [768, 1024],
  [1440, 900],
  [2560, 1440],
];
const TOKENS = 200;

for (const [width, height] of SIZES) {
  test(`the bitmap has the size of its box, in every mode: ${width} px`, async (t) => {
    for (const hash of ['#mode=learn', '#mode=lab&lang=zh', '#mode=compare', '#mode=own']) {
      const page = await house.open(t, { hash, width, height });
      const { bitmap, box, measured } = await page.evaluate(() => {
        const canvas = /** @type {HTMLCanvasElement} */ (document.getElementById('canvas'));
        const { width, height } = canvas.getBoundingClientRect();
        const { stage } = globalThis.fourfold;
        const density = Math.min(2, devicePixelRatio);
        return {
          bitmap: [canvas.width, canvas.height],
          box: [width * density, height * density],
          measured: [stage.width * density, stage.height * density],
        };
      });
      for (const side of [0, 1]) {
        assert.ok(Math.abs(bitmap[side] - box[side]) <= 1, `${hash}: bitmap ${bitmap}, box ${box}`);
        assert.ok(Math.abs(measured[side] - box[side]) <= 1, `${hash}: drawn for ${measured}, box ${box}`);
      }
      await page.context().close();
    }
  });

  test(`a click at the centre of each of ${TOKENS} tokens selects it: ${width} px`, async (t) => {
    const run = JSON.stringify({
      pattern: 'pool',
      limit: 60,
      queue_capacity: 200,
      tasks: 2000,
      seed: 3,
      work: { ms: [50, 200], tail_permille: 0, fail_permille: 0 },
    });
    const hash = `#${new URLSearchParams({ mode: 'lab', run })}`;
    const page = await house.open(t, { hash, width, height });
    await page.evaluate(() => globalThis.fourfold.playback.go({ time: 6e8 }));
    await still(page);
    const tokens = await page.evaluate(() => {
      const { stage } = globalThis.fourfold;
      const box = /** @type {HTMLElement} */ (document.getElementById('canvas')).getBoundingClientRect();
      return [...stage.views[0].tokens.all.values()].map(({ id, x, y }) => ({
        id,
        // The token's place on the screen, scaled as the picture is.
        x: (x * box.width) / stage.width,
        y: (y * box.height) / stage.height,
      }));
    });
    assert.ok(tokens.length >= TOKENS, `${tokens.length} tokens`);
    const canvas = page.locator('#canvas');
    await canvas.evaluate((element) => element.scrollIntoView({ block: 'center' }));
    let hit = 0;
    for (const { id, x, y } of tokens.slice(0, TOKENS)) {
      const { left, top } = await canvas.evaluate((element) => {
        const { left, top } = element.getBoundingClientRect();
        return { left, top };
      });
      await page.mouse.click(left + x, top + y);
      const selected = await page.evaluate(() => globalThis.fourfold.stage.selected.task);
      if (selected === id) hit += 1;
      else t.diagnostic(`task ${id} at ${x.toFixed(1)}, ${y.toFixed(1)}: ${selected} was selected`);
    }
    t.diagnostic(`${hit} of ${TOKENS} clicks select what they hit`);
    assert.equal(hit, TOKENS);
  });
}

test('no label of the atlas reaches into another', async (t) => {
  const page = await house.open(t, { hash: '#mode=lab' });
  const places = await page.evaluate(() => {
    const { labels } = globalThis.fourfold.stage;
    labels.clear();
    for (let n = 0; n < 900; n += 1) labels.find(String(n * 7), 8 + ((n * 5) % 9), n % 2 ? '#000000' : '#ffffff');
    return [...labels.known.values()];
  });
  assert.ok(places.length > 300, `${places.length} labels`);
  for (const [index, a] of places.entries()) {
    for (const b of places.slice(index + 1)) {
      const apart = a.x + a.w <= b.x || b.x + b.w <= a.x || a.y + a.h <= b.y || b.y + b.h <= a.y;
      assert.ok(apart, `${JSON.stringify(a)} and ${JSON.stringify(b)}`);
    }
  }
});
