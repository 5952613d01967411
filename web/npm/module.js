// The module, which is loaded once. It lies in a script, so that every bundler takes it along.

import init, { Player } from './fourfold_web.js';

/** @type {Promise<void> | undefined} */
let loaded;

/** Loads the module, once; everything else here does it by itself. */
export function load(source) {
  loaded ??= instantiate(source);
  return loaded;
}

async function instantiate(source) {
  await init({ module_or_path: source ?? (await inlined()) });
}

async function inlined() {
  const { default: text } = await import('./inlined.js');
  const packed = Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream('gzip'));
  return new Response(stream).arrayBuffer();
}

/** A run of synthetic tasks on a simulated clock. */
export async function simulate(params) {
  await load();
  return Player.simulate(JSON.stringify(params));
}

export { Player };
