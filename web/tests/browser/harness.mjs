// Shared by the tests of the page: a server with the built page, a real Chromium, and functions that wait for what a visitor sees.

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { after, before } from 'node:test';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { serve } from './server.mjs';

/** Whether long tests run at their whole length. */
export const FULL = process.env.FULL === '1';
/** The factor on time limits: 1 with FULL, otherwise 3, since other work on the machine slows the page down. */
export const SLACK = FULL ? 1 : 3;
export const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
export const DIST = fileURLToPath(new URL('../../dist/', import.meta.url));
export const MODES = ['learn', 'lab', 'compare', 'replay', 'live', 'own'];
export const PATTERNS = ['set', 'batch', 'pool', 'group'];

/** The longest time that a test waits for one thing, in milliseconds. */
const PATIENCE_MS = 15_000;
const ARGUMENTS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** Starts the browser and the server of a test file, and stops both after its tests. */
export function setUp() {
  const house = {
    /** @type {import('playwright-core').Browser} */ browser: /** @type {any} */ (null),
    url: '',
    open: (/** @type {import('node:test').TestContext} */ t, /** @type {Opening} */ opening) => open(house, t, opening),
  };
  /** @type {Awaited<ReturnType<typeof serve>>} */
  let server;
  before(async () => {
    assert.ok(existsSync(`${DIST}fourfold_web_bg.wasm`), 'the page is not built: `cargo xtask web` builds it');
    server = await serve(DIST);
    house.url = server.url;
    house.browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ARGUMENTS });
  });
  after(async () => {
    await house.browser?.close();
    await server?.close();
  });
  return house;
}

/**
 * @typedef {object} Opening
 * @property {string} [hash]
 * @property {string} [url] another host than the file's own
 * @property {number} [width]
 * @property {number} [height]
 * @property {'light' | 'dark'} [theme]
 * @property {boolean} [moving] whether things may play by themselves
 * @property {string} [locale]
 * @property {RegExp} [excused] what may be complained of in the console
 * @property {boolean} [ready] false: do not wait until it can be used
 */

/**
 * Opens a page in a profile of its own. An error in its console fails the test, and so does a request to another origin.
 * @param {{browser: import('playwright-core').Browser, url: string}} house
 * @param {import('node:test').TestContext} t
 * @param {Opening} [opening]
 */
async function open(
  house,
  t,
  {
    hash = '',
    url = house.url,
    width = 1440,
    height = 900,
    theme = 'light',
    moving = false,
    locale = 'en-GB',
    excused,
    ready = true,
  } = {},
) {
  const context = await house.browser.newContext({
    viewport: { width, height },
    colorScheme: theme,
    reducedMotion: moving ? 'no-preference' : 'reduce',
    locale,
    acceptDownloads: true,
  });
  context.setDefaultTimeout(PATIENCE_MS);
  const page = await context.newPage();
  /** @type {string[]} */
  const complaints = [];
  // A blank page is opened first by tests that watch the page load.
  const { origin } = new URL(url === 'about:blank' ? house.url : url);
  page.on('pageerror', (error) => complaints.push(`error: ${error.message}`));
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type()))
      complaints.push(`${message.type()}: ${message.text()} (${message.location().url})`);
  });
  page.on('request', (request) => {
    const to = new URL(request.url());
    if (to.protocol.startsWith('http') && to.origin !== origin) complaints.push(`a request to ${to.origin}`);
  });
  t.after(async () => {
    await context.close();
    // The page asks its server whether there is a run to watch.
    const left = complaints.filter((complaint) => !excused?.test(complaint) && !complaint.includes('/healthz'));
    assert.deepEqual(left, [], 'the page complained');
  });
  await page.goto(url + hash);
  if (ready) await usable(page);
  return page;
}

/** Waits until a visitor can begin. @param {import('playwright-core').Page} page */
export async function usable(page) {
  await page.waitForFunction(
    () => performance.getEntriesByName('usable').length > 0 || document.querySelector('.fatal[role="alert"]'),
  );
  const fatal = await page.locator('.fatal[role="alert"]').allTextContents();
  assert.deepEqual(fatal, []);
  await still(page);
}

/** Waits until nothing is asked of the runs any more, and what is shown is what was asked for. @param {import('playwright-core').Page} page */
export async function still(page) {
  await page.waitForFunction(() => {
    const { playback } = globalThis.fourfold;
    return !playback.playing && !playback.asking && playback.wanted === null;
  });
  // The answer is drawn by the next frame.
  await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));
}

/** Waits until another mode is all there: it has written its link then. @param {import('playwright-core').Page} page @param {string} mode */
export async function arrived(page, mode) {
  await page.waitForFunction((mode) => {
    const { written } = globalThis.fourfold;
    return (
      document.body.dataset.mode === mode &&
      written === location.hash &&
      new URLSearchParams(written.slice(1)).get('mode') === mode
    );
  }, mode);
  await still(page);
}

/** Plays to where it stops by itself. @param {import('playwright-core').Page} page @param {number} [speed] */
export async function playOn(page, speed = 100) {
  await page.evaluate((speed) => {
    const { playback } = globalThis.fourfold;
    playback.setSpeed(speed);
    playback.play();
  }, speed);
  await still(page);
}

/** Every row of the table of the state: a list of values, one for each panel. @param {import('playwright-core').Page} page */
export function stateOf(page) {
  return page.evaluate(() =>
    Object.fromEntries(
      [...document.querySelectorAll('table#state tr[data-key]')].map((row) => [
        row.getAttribute('data-key'),
        [...row.querySelectorAll('td')].map((cell) => cell.dataset.value),
      ]),
    ),
  );
}

/** The traces of the runs on the stage, as events. @param {import('playwright-core').Page} page @returns {Promise<any[][]>} */
export async function tracesOf(page) {
  const texts = await page.evaluate(async () => {
    const { engine } = globalThis.fourfold;
    const traces = await Promise.all(
      globalThis.fourfold.playback.runs.map(({ player }) => engine.ask('trace', player)),
    );
    return traces.map((bytes) => new TextDecoder().decode(bytes));
  });
  return texts.map(eventsOf);
}

/** The events of a trace. @param {string} text */
export function eventsOf(text) {
  const [head, ...lines] = text.trimEnd().split('\n');
  assert.equal(JSON.parse(head).fourfold_trace, 1);
  return lines.map((line) => JSON.parse(line));
}

/** Asks the page's worker. @param {import('playwright-core').Page} page @param {string} op @param {...any} args */
export function ask(page, op, ...args) {
  return page.evaluate(
    async ([op, args]) => {
      const { engine } = globalThis.fourfold;
      return engine.ask(op, ...args);
    },
    /** @type {const} */ ([op, args]),
  );
}

/** Numbers that look random and are the same for the same seed. @param {number} seed */
export function random(seed) {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  return {
    /** A whole number from low to high, both included. @param {number} low @param {number} high */
    between: (low, high) => low + Math.floor(next() * (high - low + 1)),
    /** @template T @param {T[]} list @returns {T} */
    of: (list) => list[Math.floor(next() * list.length)],
    chance: (/** @type {number} */ part) => next() < part,
  };
}

/** A seed for this run, printed: `SEED=…` goes the same way again. @param {import('node:test').TestContext} t */
export function seedOf(t) {
  const seed = Number(process.env.SEED ?? 20_260_714);
  t.diagnostic(`seed ${seed}`);
  return seed;
}

/**
 * Measures up to three times, until the result is good: other work on the machine can only make it worse.
 * @template T
 * @param {() => Promise<T>} measure
 * @param {(measured: T) => void} check
 */
export async function best(measure, check) {
  for (let turn = 1; ; turn += 1) {
    const measured = await measure();
    try {
      check(measured);
      return;
    } catch (error) {
      if (turn === 3) throw error;
    }
  }
}

/** @param {number[]} values @param {number} part */
export function percentile(values, part) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(part * sorted.length) - 1)];
}
