// The module in Node, as `cargo xtask web` has built it.

import { readFileSync } from 'node:fs';

import { initSync, Player } from '../../dist/fourfold_web.js';

const { memory } = initSync({ module: readFileSync(new URL('../../dist/fourfold_web_bg.wasm', import.meta.url)) });

/** The memory that the module has taken so far, in megabytes; a module gives none back. */
export const megabytes = () => memory.buffer.byteLength / 1e6;

export { Player };

export const PATTERNS = ['set', 'batch', 'pool', 'group'];

export const LAYOUT = JSON.parse(Player.layout());

/** @param {object} params */
export function simulate(params) {
  return Player.simulate(JSON.stringify(params));
}

/**
 * Returns the header and the rows of a snapshot, by name.
 * @param {Player} player
 */
export function snapshot(player, rowsMax = 1000, recentNs = 0) {
  const numbers = player.snapshot(rowsMax, recentNs);
  let at = 0;
  const row = (names) => Object.fromEntries(names.map((name) => [name, numbers[at++]]));
  const header = row(LAYOUT.header);
  const tasks = Array.from({ length: header.task_rows }, () => row(LAYOUT.task));
  const recent = Array.from({ length: header.recent_rows }, () => row(LAYOUT.recent));
  if (at !== numbers.length) throw new Error(`${numbers.length} numbers, and ${at} have names`);
  return { header, tasks, recent };
}

/**
 * Makes a generator of random numbers that depend on the seed only.
 * @param {number} seed
 */
export function random(seed) {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
  return { below: (bound) => Math.floor(next() * bound), oneIn: (count) => next() * count < 1 };
}
