// A queue that functions are added to.

import { RunError } from './errors.js';
import { Host } from './host.js';
import { load, Player } from './module.js';
import { read } from './options.js';
import { settle } from './run.js';

const OWN = ['onEvent', 'paused'];

/**
 * How long a queue is idle before its run ends, in milliseconds: a queue that is forgotten takes no
 * memory. The next function starts another run.
 */
const IDLE_MS = 1000;

/** First in, first out; taking from the front moves nothing. */
class Line {
  #items = [];
  #head = 0;

  push(item) {
    this.#items.push(item);
  }

  shift() {
    const item = this.#items[this.#head];
    this.#items[this.#head] = undefined;
    this.#head += 1;
    if (this.#head > 1024 && this.#head * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    return item;
  }

  get length() {
    return this.#items.length - this.#head;
  }
}

/** The tasks that wait, the highest priority first. */
class Waiting {
  #lines = new Map();
  #priorities = [];
  #items = new Map();
  #next = 0;
  size = 0;
  closed = false;
  /** Whether the run ends for now, since nothing is added. */
  resting = false;
  /** The first error of a function. */
  cause;

  add(job) {
    let line = this.#lines.get(job.priority);
    if (!line) {
      line = new Line();
      this.#lines.set(job.priority, line);
      this.#priorities = [...this.#lines.keys()].sort((a, b) => b - a);
    }
    line.push(job);
    this.size += 1;
  }

  /** Takes the next task that is neither removed nor moved to another priority. */
  take() {
    for (const priority of this.#priorities) {
      const line = this.#lines.get(priority);
      while (line.length > 0) {
        const job = line.shift();
        if (job.state === 'waiting' && job.priority === priority) {
          this.size -= 1;
          return job;
        }
      }
      // The usual priority stays; a queue may see any number of others.
      if (priority !== 0) {
        this.#lines.delete(priority);
        this.#priorities = this.#priorities.filter((other) => other !== priority);
      }
    }
    return undefined;
  }

  // What the host asks of its tasks.

  pull() {
    const job = this.take();
    if (job) {
      job.state = 'taken';
      this.#items.set(this.#next, job);
      this.#next += 1;
      this.onchange();
      return 1;
    }
    return this.closed || this.resting ? 2 : 0;
  }

  item(id) {
    return this.#items.get(id);
  }

  done(id, value) {
    const job = this.#items.get(id);
    this.#items.delete(id);
    job.resolve(value);
    this.onchange();
  }

  dead(id, error) {
    const job = this.#items.get(id);
    this.#items.delete(id);
    const reason = error instanceof Cancelled ? error.reason : error;
    this.cause ??= reason;
    job.reject(reason);
    this.onchange();
  }

  get taken() {
    return this.#items.size;
  }

  /** Takes out every task that has not ended. */
  *drain() {
    for (let job = this.take(); job; job = this.take()) yield job;
    for (const job of this.#items.values()) yield job;
    this.#items.clear();
  }

  /** Begins to number tasks anew, for another run. */
  restart() {
    this.#items.clear();
    this.#next = 0;
    this.resting = false;
  }

  onchange = () => {};
}

/** Functions with bounded concurrency, which can be added at any time. */
export class Queue {
  #options;
  #waiting = new Waiting();
  #jobs = new Map();
  #host;
  #player;
  #starting;
  #error;
  #watchers = [];
  #added = 0;
  /** The timer that ends the run of an idle queue. */
  #timer;

  constructor(options = {}) {
    read(options, OWN);
    this.#options = { pattern: 'set', retries: 0, ...options };
    this.#waiting.onchange = () => this.#watch();
  }

  /** The number of functions that wait for a permit. */
  get size() {
    return this.#waiting.size;
  }

  /** The number of functions that run, or wait for their next attempt. */
  get pending() {
    return this.#waiting.taken;
  }

  /** Adds a function, and resolves with what it returns. */
  add(fn, options) {
    if (typeof fn !== 'function') return Promise.reject(new TypeError('what is added is not a function'));
    if (this.#error) return Promise.reject(this.#error);
    if (this.#waiting.closed) return Promise.reject(new TypeError('the queue is closed'));
    const signal = options?.signal;
    if (signal?.aborted) return Promise.reject(signal.reason);
    const job = { fn, priority: options?.priority ?? 0, id: options?.id, signal, state: 'waiting' };
    const promise = new Promise((resolve, reject) => {
      job.resolve = resolve;
      job.reject = reject;
    });
    if (job.id !== undefined) this.#keep(job);
    if (signal) this.#obey(job);
    this.#waiting.add(job);
    this.#added += 1;
    if (this.#player) this.#player.task_arrived();
    else this.#starting ??= this.#start();
    return promise;
  }

  /** Adds several functions. */
  addAll(fns, options) {
    return Promise.all(Array.from(fns, (fn) => this.add(fn, options)));
  }

  /** Changes the priority of a function that still waits, by the id that it was added with. */
  setPriority(id, priority) {
    const job = this.#jobs.get(id);
    if (job?.state !== 'waiting') return false;
    if (job.priority !== priority) {
      job.priority = priority;
      this.#waiting.size -= 1;
      this.#waiting.add(job);
    }
    return true;
  }

  setLimit(limit) {
    this.configure({ limit });
  }

  /** Changes options, from the next claim and the next start on. */
  configure(options) {
    const changed = { ...this.#options, ...options };
    const asked = read(changed, OWN);
    this.#player?.configure(asked);
    this.#options = changed;
  }

  pause() {
    this.#options.paused = true;
    this.#player?.pause();
  }

  resume() {
    this.#options.paused = false;
    this.#player?.resume();
  }

  /** Rejects every function that has not started. */
  clear(reason = new DOMException('The queue was cleared', 'AbortError')) {
    for (let job = this.#waiting.take(); job; job = this.#waiting.take()) {
      job.state = 'removed';
      job.reject(reason);
    }
    this.#watch();
  }

  /** Resolves when no function waits or runs. */
  onIdle() {
    return this.#when(() => this.size === 0 && this.pending === 0);
  }

  /** Resolves when fewer functions than this wait. */
  onSizeLessThan(size) {
    return this.#when(() => this.size < size);
  }

  /** Takes no more functions, and resolves when all have ended. */
  async close() {
    this.#waiting.closed = true;
    await this.onIdle();
    if (!this.#starting) return;
    const { finished } = await this.#starting;
    this.#player?.task_arrived();
    await finished;
  }

  /** Aborts the signals of all functions, and rejects those that have not ended. */
  async abort(reason = new DOMException('The queue was aborted', 'AbortError')) {
    this.#error = reason;
    this.#waiting.closed = true;
    if (!this.#starting) return;
    const starting = this.#starting;
    if (!this.#player) await starting.catch(() => {});
    if (!this.#player) return;
    this.#host.reason = reason;
    this.#player.abort();
    const { finished } = await starting;
    await finished.catch(() => {});
  }

  #keep(job) {
    if (this.#jobs.has(job.id)) throw new TypeError(`there is a function with the id ${String(job.id)} already`);
    this.#jobs.set(job.id, job);
    const { resolve, reject } = job;
    job.resolve = (value) => {
      this.#jobs.delete(job.id);
      resolve(value);
    };
    job.reject = (error) => {
      this.#jobs.delete(job.id);
      reject(error);
    };
  }

  /** Removes a function that waits, or aborts one that runs, when its own signal is aborted. */
  #obey(job) {
    const { signal, resolve, reject } = job;
    const stop = () => {
      if (job.state !== 'waiting') {
        job.controller?.abort(signal.reason);
        return;
      }
      job.state = 'removed';
      this.#waiting.size -= 1;
      job.reject(signal.reason);
      this.#watch();
    };
    signal.addEventListener('abort', stop, { once: true });
    job.resolve = (value) => {
      signal.removeEventListener('abort', stop);
      resolve(value);
    };
    job.reject = (error) => {
      signal.removeEventListener('abort', stop);
      reject(error);
    };
  }

  #start() {
    const begun = this.#begin();
    begun.catch((error) => this.#fail(error));
    return begun;
  }

  /** Starts the run behind the queue. Its end comes in an object, for it is awaited elsewhere. */
  async #begin() {
    await load();
    const { onEvent, paused } = this.#options;
    const tell = onEvent && ((line) => onEvent(JSON.parse(line)));
    const host = new Host(call, this.#waiting, tell);
    const player = Player.own(read(this.#options, OWN), host, false, onEvent !== undefined);
    host.module = player;
    this.#host = host;
    this.#player = player;
    if (paused) player.pause();
    const finished = this.#finish(player, host);
    finished.catch(() => {});
    return { finished };
  }

  async #finish(player, host) {
    const report = JSON.parse(await player.finished());
    const goesOn = this.size > 0 || !this.#waiting.closed;
    if (this.#waiting.resting && goesOn && !report.error && !this.#error) {
      player.free();
      this.#player = undefined;
      this.#starting = undefined;
      this.#waiting.restart();
      if (this.size > 0) this.#starting = this.#start();
      return;
    }
    const { cause } = this.#waiting;
    const error = report.error && new RunError(report.error, { cause, report, failures: [] });
    this.#error ??= error;
    this.#waiting.closed = true;
    this.#player = undefined;
    await settle(host, this.#options.abandonAfterMs);
    player.free();
    this.#fail(this.#error ?? new TypeError('the queue is closed'));
    if (error) throw error;
  }

  #fail(error) {
    this.#error ??= error;
    for (const job of this.#waiting.drain()) job.reject(error);
    this.#watch();
  }

  #when(condition) {
    if (condition()) return Promise.resolve();
    return new Promise((resolve) => this.#watchers.push({ condition, resolve }));
  }

  /** Ends the run of a queue that stays idle. A rate is kept: its next run may not begin too early. */
  #restSoon() {
    if (this.#timer !== undefined) return;
    const added = this.#added;
    const { rate } = this.#options;
    const idle = () => {
      this.#timer = undefined;
      if (!this.#player || this.size + this.pending > 0) return;
      if (this.#added !== added) return this.#restSoon();
      this.#waiting.resting = true;
      this.#player.task_arrived();
    };
    this.#timer = setTimeout(idle, Math.max(IDLE_MS, rate ? 1000 / rate : 0));
    // Node may end meanwhile.
    this.#timer.unref?.();
  }

  #watch() {
    if (this.#player && this.size + this.pending === 0) this.#restSoon();
    if (this.#watchers.length === 0) return;
    this.#watchers = this.#watchers.filter(({ condition, resolve }) => {
      if (!condition()) return true;
      resolve();
      return false;
    });
  }
}

/** The failure of a function whose own signal was aborted: it is not tried again. */
class Cancelled {
  cancelled = true;

  constructor(reason) {
    this.reason = reason;
  }
}

/** Calls an added function. */
function call(job, context) {
  return job.signal ? callWithSignal(job, context) : job.fn(context);
}

/** Calls a function whose own signal and the run's are one. */
async function callWithSignal(job, { id, attempt, signal }) {
  if (job.signal.aborted) throw new Cancelled(job.signal.reason);
  job.controller = new AbortController();
  const { controller } = job;
  const stop = () => controller.abort(signal.reason);
  signal.addEventListener('abort', stop, { once: true });
  try {
    return await job.fn({ id, attempt, signal: controller.signal });
  } catch (error) {
    throw job.signal.aborted ? new Cancelled(job.signal.reason) : error;
  }
}
