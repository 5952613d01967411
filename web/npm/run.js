// Runs over the tasks of an iterable.

import { RunError } from './errors.js';
import { Host } from './host.js';
import { load, Player } from './module.js';
import { read } from './options.js';
import { tasksOf } from './tasks.js';

/** A handle on a run. */
class Run {
  #player;
  #options;

  constructor(player, host, options) {
    this.#player = player;
    this.#options = options;
    this.host = host;
    if (options.record) this.player = player;
  }

  drain() {
    this.#player.drain();
  }

  abort(reason) {
    this.host.reason ??= reason;
    this.#player.abort();
  }

  pause() {
    this.#player.pause();
  }

  resume() {
    this.#player.resume();
  }

  setLimit(limit) {
    this.#player.set_limit(limit);
    this.#options = { ...this.#options, limit };
  }

  /** Changes options, from the next claim and the next start on. */
  configure(options) {
    const changed = { ...this.#options, ...options };
    this.#player.configure(read(changed));
    this.#options = changed;
  }
}

/** Waits until every handler has ended, or until its time to end is over. */
export async function settle(host, abandonAfterMs) {
  if (abandonAfterMs === undefined) return host.settled();
  let timer;
  const over = new Promise((resolve) => {
    timer = setTimeout(resolve, abandonAfterMs);
  });
  await Promise.race([host.settled(), over]);
  clearTimeout(timer);
}

async function begin(tasks, handler, options, results) {
  if (typeof handler !== 'function') throw new TypeError('the handler is not a function');
  const asked = read(options);
  const { signal, onEvent, record = false } = options;
  signal?.throwIfAborted();
  const source = tasksOf(tasks, results);
  await load();
  signal?.throwIfAborted();
  const host = new Host(handler, source, onEvent && ((line) => onEvent(JSON.parse(line))));
  // Tasks stay on this side: the module knows them by their number.
  const player = Player.own(asked, host, record, onEvent !== undefined);
  host.module = player;
  source.notify = () => player.task_arrived();
  const run = new Run(player, host, options);
  const stop = () => run.abort(signal.reason);
  signal?.addEventListener('abort', stop, { once: true });
  run.finished = finish();
  // A rejection concerns those who look at `finished`.
  run.finished.catch(() => {});
  return run;

  async function finish() {
    const report = JSON.parse(await player.finished());
    source.notify = () => {};
    signal?.removeEventListener('abort', stop);
    await source.close();
    await settle(host, options.abandonAfterMs);
    if (!record) player.free();
    if (signal?.aborted) throw signal.reason;
    const { failures } = source;
    const details = { report, failures, results };
    if (source.error) throw new RunError('the iterable of tasks failed', { cause: source.error.error, ...details });
    if (report.error !== undefined) throw new RunError(report.error, { cause: failures[0]?.error, ...details });
    return { ...report, failures };
  }
}

/** Starts a run and gives a handle on it. */
export async function start(tasks, handler, options = {}) {
  return begin(tasks, handler, options);
}

/** Runs every task through the handler, and reports when all have ended. */
export async function run(tasks, handler, options = {}) {
  const { finished } = await begin(tasks, handler, options);
  return finished;
}

/** Runs every task through the handler, and returns the results in the order of the tasks. */
export async function map(tasks, handler, options = {}) {
  const results = [];
  const { finished } = await begin(tasks, handler, { pattern: 'group', retries: 0, ...options }, results);
  const { failures, ...report } = await finished;
  if (report.dead > 0) {
    const message = `${report.dead} of ${report.tasks} tasks failed`;
    throw new RunError(message, { cause: failures[0]?.error, report, failures, results });
  }
  return results;
}
