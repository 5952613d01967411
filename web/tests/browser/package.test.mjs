// The package for npm in a browser: installed from its archive into an empty folder, and imported by a page without a bundler.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { PATTERNS, ROOT, setUp } from './harness.mjs';
import { emptyFolder } from './native.mjs';
import { serve } from './server.mjs';

const house = setUp();

test('a page imports it without a bundler, and runs its own function through all four patterns', async (t) => {
  const folder = await emptyFolder(t);
  const output = join(ROOT, 'target/npm-package');
  const archive = readdirSync(output).find((name) => name.endsWith('.tgz'));
  assert.ok(archive, 'there is no archive: `cargo xtask web --npm` makes it');
  writeFileSync(join(folder, 'package.json'), '{"private": true}');
  execFileSync('npm', ['install', '--offline', '--no-audit', '--no-fund', join(output, archive)], {
    cwd: folder,
    stdio: 'pipe',
  });
  writeFileSync(
    join(folder, 'index.html'),
    '<!doctype html><html lang="en"><title>own page</title><link rel="icon" href="data:,">',
  );
  const server = await serve(folder);
  t.after(() => server.close());
  const page = await house.open(t, { url: server.url, ready: false });
  for (const pattern of PATTERNS) {
    const seen = await page.evaluate(async (pattern) => {
      const { run } = await import(new URL('node_modules/fourfold/index.js', document.baseURI).href);
      let [running, peak] = [0, 0];
      /** @type {string[]} */
      const events = [];
      const report = await run(
        Array.from({ length: 40 }, (_, n) => n),
        async (/** @type {number} */ n, /** @type {{attempt: number}} */ { attempt }) => {
          running += 1;
          peak = Math.max(peak, running);
          await new Promise((resolve) => setTimeout(resolve, 1 + (n % 5)));
          running -= 1;
          if (n % 8 === 5 && attempt === 1) throw new Error('once');
        },
        {
          pattern,
          limit: 6,
          retries: 2,
          backoffMs: 1,
          onEvent: (/** @type {{event: string}} */ { event }) => events.push(event),
        },
      );
      return { peak, report, first: events[0], last: events.at(-1) };
    }, pattern);
    assert.deepEqual(
      [seen.report.done, seen.report.retried, seen.peak, seen.report.peak_in_flight],
      [40, 5, 6, 6],
      pattern,
    );
    assert.deepEqual([seen.first, seen.last], ['run_started', 'run_ended']);
  }
});
