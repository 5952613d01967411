// The state table of the page equals an independent fold of the trace, at any moment and on any way to it.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { SCENARIOS } from '../../js/scenarios.js';
import { foldTo } from './fold.mjs';
import { ask, FULL, PATTERNS, random, seedOf, setUp, stateOf, still, tracesOf } from './harness.mjs';
import { emptyFolder, finished } from './native.mjs';

const house = setUp();
const SEEKS = FULL ? 200 : 12;
const SEEDS = FULL ? 50 : 5;
/** The number of steps of the scrubber. */
const STEPS = 10_000;

/** Goes to random places by the scrubber, and reads the table there. @param {import('playwright-core').Page} page @param {ReturnType<typeof random>} draw */
async function check(page, draw) {
  const traces = await tracesOf(page);
  const start = Math.min(...traces.map(([first]) => first.t_ns));
  const end = Math.max(...traces.map((events) => events.at(-1).t_ns));
  const linear = await Promise.all(traces.map((_, index) => digestsOf(page, index)));
  for (let seek = 0; seek < SEEKS; seek += 1) {
    const part = draw.between(0, STEPS);
    const t = Math.round(start + (part / STEPS) * (end - start));
    await page.locator('#scrub').evaluate((scrub, part) => {
      scrub.value = String(part);
      scrub.dispatchEvent(new Event('input', { bubbles: true }));
    }, part);
    await still(page);
    const shown = await stateOf(page);
    const digests = [];
    traces.forEach((events, index) => {
      const fold = foldTo(events, t);
      const expected = fold.table(Math.min(t, events.at(-1).t_ns));
      const found = Object.fromEntries(Object.entries(shown).map(([key, values]) => [key, values[index]]));
      assert.deepEqual(
        found,
        Object.fromEntries(Object.entries(expected).map(([key, value]) => [key, String(value)])),
        `panel ${index} at ${t} ns`,
      );
      digests.push(linear[index][fold.position]);
    });
    assert.equal(await page.locator('#page').getAttribute('data-digest'), digests.join('-'), `digests at ${t} ns`);
  }
}

/** The digest at each position of a run, gone through event by event. @param {import('playwright-core').Page} page @param {number} index @returns {Promise<string[]>} */
function digestsOf(page, index) {
  return page.evaluate(async (index) => {
    const { engine } = globalThis.fourfold;
    const { player } = globalThis.fourfold.playback.runs[index];
    // The trace is read again, with a playhead of its own.
    const other = await engine.ask('load', await engine.ask('trace', player), 0);
    await engine.ask('frame', [other.player], { positions: [0] }, 0, 0);
    const digests = [await engine.ask('digest', other.player)];
    for (let position = 0; position < other.end; position += 1) {
      await engine.ask('frame', [other.player], { step: 1 }, 0, 0);
      digests.push(await engine.ask('digest', other.player));
    }
    await engine.ask('close', other.player);
    return digests;
  }, index);
}

for (const { id, panels } of SCENARIOS) {
  test(`scenario ${id}: the table is the fold of the trace at ${SEEKS} random moments`, async (t) => {
    const page = await house.open(t, { hash: `#mode=learn&scenario=${id}` });
    await check(page, random(seedOf(t)));
  });

  for (const pattern of PATTERNS) {
    test(`scenario ${id} by the pattern ${pattern}: the same`, async (t) => {
      const { params } = panels[0];
      const { params: plain = params, interventions = [] } = params;
      const run = JSON.stringify({
        params: {
          ...plain,
          pattern,
          batch_size: pattern === 'batch' ? plain.batch_size : undefined,
          queue_capacity: pattern === 'pool' ? plain.queue_capacity : undefined,
        },
        interventions,
      });
      const page = await house.open(t, { hash: `#${new URLSearchParams({ mode: 'lab', run })}` });
      await check(page, random(seedOf(t)));
    });
  }
}

test(`the command and the page give the same bytes: ${SEEDS} seeds for each pattern`, async (t) => {
  const folder = await emptyFolder(t);
  const page = await house.open(t, { hash: '#mode=lab' });
  const first = seedOf(t);
  for (const pattern of PATTERNS) {
    for (let seed = first; seed < first + SEEDS; seed += 1) {
      await finished(
        [
          'run',
          'demo',
          '-p',
          pattern,
          '-c',
          '7',
          '--tasks',
          '300',
          '--seed',
          String(seed),
          '--trace',
          'native.jsonl',
          '--quiet',
          '--json',
        ],
        folder,
      );
      const { player } = await ask(page, 'simulate', { pattern, limit: 7, tasks: 300, seed });
      const text = await page.evaluate(async (player) => {
        const { engine } = globalThis.fourfold;
        return new TextDecoder().decode(await engine.ask('trace', player));
      }, player);
      await ask(page, 'close', player);
      assert.equal(text, await readFile(join(folder, 'native.jsonl'), 'utf8'), `${pattern}, seed ${seed}`);
    }
  }
});
