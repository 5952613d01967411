// The runs on the stage and their common playhead. It asks the worker for snapshots and hands them on; what they mean, others know.

import { ask } from './engine.js';
import { Snapshot } from './snapshot.js';
import { TOKENS_MAX } from './stage/aggregate.js';

/**
 * @typedef {object} Run
 * @property {number} player its number in the worker
 * @property {string} title
 * @property {any} [params] of a simulation
 * @property {string} [program] of a user program
 *
 * @typedef {import('./worker.js').At} At
 * @typedef {'frame' | 'settle' | 'play' | 'runs' | 'speed'} Happening frame: new snapshots, as often as they are drawn; settle: the same,
 *   as often as anyone can read; play: it plays or pauses; runs: other runs
 */

/** How often texts follow a run that plays, in milliseconds. */
const READ_MS = 120;
export const SPEED_MIN = 0.01;
export const SPEED_MAX = 100;

export class Session {
  /** @param {import('./stage/stage.js').Stage} stage */
  constructor(stage) {
    this.stage = stage;
    /** @type {Run[]} */
    this.runs = [];
    /** @type {Snapshot[]} */
    this.snapshots = [];
    /** @type {number[]} */
    this.positions = [];
    this.t = 0;
    this.startNs = 0;
    this.endNs = 0;
    this.playing = false;
    this.speed = 0.05;
    /** Follows the end of a run that goes on elsewhere. */
    this.following = false;
    /** Where playing stops by itself, once. @type {number | null} */
    this.stopAt = null;
    /** @type {Map<Happening, Set<() => void>>} */
    this.listeners = new Map();
    /** Who listens from now on does so until this is aborted: what belongs to a mode goes with it. @type {AbortSignal | null} */
    this.scope = null;
    /** @type {At | null} what to ask for next */
    this.wanted = null;
    this.asking = false;
    this.goesOn = false;
    this.lastTick = 0;
    this.lastRead = 0;
    this.ticking = false;
    this.generation = 0;
    /** Wall times between frames while playing, in milliseconds, the latest 600. */
    this.frames = /** @type {number[]} */ ([]);
  }

  /**
   * @param {Happening} what
   * @param {() => void} listener
   */
  on(what, listener) {
    if (!this.listeners.has(what)) this.listeners.set(what, new Set());
    const listeners = this.listeners.get(what);
    listeners?.add(listener);
    this.scope?.addEventListener('abort', () => listeners?.delete(listener));
  }

  /** @param {Happening} what */
  tell(what) {
    for (const listener of this.listeners.get(what) ?? []) listener();
  }

  /**
   * Puts runs on the stage, at their start or where it is said.
   * @param {Run[]} runs
   * @param {{at?: At, keep?: boolean, follow?: boolean}} [options] keep: the runs before them stay open
   */
  async show(runs, { at = { t: 0 }, keep = false, follow = false } = {}) {
    this.pause();
    const before = this.runs;
    this.generation += 1;
    this.runs = runs;
    this.following = follow;
    this.stopAt = null;
    this.snapshots = [];
    this.stage.setPanels(runs.map(({ title }) => ({ title })));
    if (!keep) {
      const left = before.filter((run) => !runs.some(({ player }) => player === run.player));
      for (const { player } of left) void ask('close', player);
    }
    this.goesOn = false;
    await this.refresh(at);
    this.tell('runs');
  }

  get numbers() {
    return this.runs.map(({ player }) => player);
  }

  /** Where the playheads are, for links. */
  get digest() {
    return this.snapshots.map(digestOf).join('-');
  }

  /**
   * Asks for snapshots at once, and waits for them.
   * @param {At} [at]
   */
  async refresh(at) {
    const generation = this.generation;
    if (this.runs.length === 0) return;
    const frame = await ask('frame', this.numbers, at, TOKENS_MAX, 1e9);
    if (generation !== this.generation) return;
    this.take(frame);
    this.stage.paint(0, false);
    this.goesOn = false;
    this.read();
  }

  /** @param {import('./engine.js').Frame} frame */
  take(frame) {
    this.snapshots = frame.snapshots.map((data) => new Snapshot(data));
    this.positions = frame.positions;
    this.endNs = frame.endNs;
    this.startNs = Math.min(...this.snapshots.map((snapshot) => snapshot.of('start_ns')));
    if (!this.playing || this.following) this.t = Math.max(this.startNs, frame.t);
    this.stage.show(this.snapshots);
    this.tell('frame');
  }

  read() {
    this.lastRead = performance.now();
    this.tell('settle');
  }

  play() {
    if (this.playing || this.runs.length === 0) return;
    if (!this.following && this.t >= this.endNs) this.t = this.startNs;
    this.playing = true;
    this.frames.length = 0;
    this.tell('play');
    this.wake();
  }

  pause() {
    if (!this.playing) return;
    this.playing = false;
    this.tell('play');
    this.wake();
  }

  toggle() {
    if (this.playing) this.pause();
    else this.play();
  }

  /** @param {number} speed seconds of the run per second on the wall */
  setSpeed(speed) {
    this.speed = Math.min(SPEED_MAX, Math.max(SPEED_MIN, speed));
    this.tell('speed');
  }

  /**
   * Goes somewhere. The way there is not shown unless it is a step.
   * @param {At} at
   */
  go(at) {
    if (this.runs.length === 0) return;
    // Who looks back from the head of a run stays there.
    if (!('end' in at) && this.following) {
      this.following = false;
      this.pause();
    }
    if ('t' in at) this.t = Math.min(Math.max(at.t, this.startNs), this.endNs);
    if (!('t' in at) && this.playing) this.pause();
    // Steps add up while the worker is busy.
    const { wanted } = this;
    this.wanted = wanted && 'step' in wanted && 'step' in at ? { step: wanted.step + at.step } : at;
    this.goesOn = 'step' in at && Math.abs(at.step) === 1;
    this.wake();
  }

  /** Follows a run that goes on elsewhere, at its end. */
  follow() {
    this.following = true;
    this.play();
    this.wake();
  }

  wake() {
    if (this.ticking) return;
    this.ticking = true;
    this.lastTick = performance.now();
    requestAnimationFrame((now) => this.tick(now));
  }

  /** @param {number} now */
  tick(now) {
    const passed = Math.min(100, Math.max(1, now - this.lastTick));
    if (this.playing) {
      this.frames.push(now - this.lastTick);
      if (this.frames.length > 3600) this.frames.shift();
    }
    this.lastTick = now;
    if (this.playing && !this.following) this.advance(passed);
    void this.request();
    const still = matchMedia('(prefers-reduced-motion: reduce)').matches;
    const moving = this.stage.paint(still ? 0 : passed, this.goesOn || this.playing);
    if (this.playing && now - this.lastRead >= READ_MS) this.read();
    if (this.playing || moving || this.asking || this.wanted) requestAnimationFrame((next) => this.tick(next));
    else this.ticking = false;
  }

  /** @param {number} passed milliseconds */
  advance(passed) {
    this.t += passed * 1e6 * this.speed;
    const stop = this.stopAt ?? this.endNs;
    if (this.t < stop) return;
    this.t = stop;
    this.stopAt = null;
    this.wanted = { t: stop };
    this.pause();
  }

  async request() {
    if (this.asking || this.runs.length === 0) return;
    /** @type {At | null} */
    let at = this.wanted;
    if (!at && this.playing) at = this.following ? { end: true } : { t: this.t };
    if (!at) return;
    this.wanted = null;
    this.asking = true;
    const { generation, playing } = this;
    try {
      const frame = await ask('frame', this.numbers, at, TOKENS_MAX, Math.max(2e8, this.speed * 2e8));
      if (generation !== this.generation) return;
      this.take(frame);
      if (!playing || !this.playing) this.read();
    } finally {
      this.asking = false;
      this.wake();
    }
  }
}

/** The digest of a state, as 16 hexadecimal digits. @param {Snapshot} snapshot */
export function digestOf(snapshot) {
  const half = (/** @type {string} */ name) => snapshot.of(name).toString(16).padStart(8, '0');
  return half('digest_hi') + half('digest_lo');
}
