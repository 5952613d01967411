// fourfold for JavaScript: async functions through four patterns of bounded concurrency.

import init, { Player } from './fourfold_web.js';
import { OPTIONS } from './parameters.js';

export { Player };

let loaded;

/** Loads the module, once; `run`, `start` and `simulate` do it by themselves. */
export function load() {
  loaded ??= instantiate();
  return loaded;
}

async function instantiate() {
  const url = new URL('./fourfold_web_bg.wasm', import.meta.url);
  // Node cannot fetch files.
  const source = url.protocol === 'file:' ? await (await import('node:fs/promises')).readFile(url) : url;
  await init({ module_or_path: source });
}

/** A run that failed as a whole. */
export class RunError extends Error {
  constructor(report) {
    super(report.error);
    this.name = 'RunError';
    this.report = report;
  }
}

function params(options) {
  const { signal, onEvent, ...rest } = options;
  const known = {};
  for (const [key, value] of Object.entries(rest)) {
    if (!Object.hasOwn(OPTIONS, key)) {
      throw new TypeError(
        `there is no option ${key}; expected one of ${[...Object.keys(OPTIONS), 'signal', 'onEvent'].join(', ')}`,
      );
    }
    if (value !== undefined) known[OPTIONS[key]] = value;
  }
  return JSON.stringify(known);
}

/** Starts a run and gives a handle on it. */
export async function start(tasks, handler, options = {}) {
  if (typeof handler !== 'function') throw new TypeError('the handler is not a function');
  const asked = params(options);
  const { signal, onEvent } = options;
  signal?.throwIfAborted();
  const list = [...tasks];
  await load();
  signal?.throwIfAborted();
  const act = (_, context) => handler(list[context.id], context);
  const tell = onEvent && ((line) => onEvent(JSON.parse(line)));
  // Tasks stay on this side: the module knows them by their number.
  const player = Player.own(asked, JSON.stringify(new Array(list.length).fill(0)), act, tell);
  const abort = () => player.abort();
  signal?.addEventListener('abort', abort, { once: true });
  const finished = player.finished().then((text) => {
    signal?.removeEventListener('abort', abort);
    const report = JSON.parse(text);
    if (signal?.aborted) throw signal.reason;
    if (report.error !== undefined) throw new RunError(report);
    return report;
  });
  // Whoever looks at `finished` hears of it; whoever does not need not.
  finished.catch(() => {});
  return { player, finished, drain: () => player.drain(), abort, setLimit: (limit) => player.set_limit(limit) };
}

/** Runs every task through the handler, and reports when all have ended. */
export async function run(tasks, handler, options) {
  const { player, finished } = await start(tasks, handler, options);
  return finished.finally(() => player.free());
}

/** A run of synthetic tasks on a simulated clock, to be gone through. */
export async function simulate(params) {
  await load();
  return Player.simulate(JSON.stringify(params));
}
