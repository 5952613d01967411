// Plays the runs on the stage: one playhead for all of them, moved by the worker, whose snapshots
// are handed on.

import { Snapshot } from './snapshot.js';
import { TOKENS_MAX } from './stage/aggregate.js';
import { steadily } from './steady.js';

/**
 * @import { Engine } from './engine.js'
 * @import { Frame, SimulationParameters, Target } from './protocol.js'
 * @import { Stage } from './stage/stage.js'
 *
 * @typedef {object} Run
 * @property {number} player its number in the worker
 * @property {string} title
 * @property {SimulationParameters} [params] of a simulation or an own run
 * @property {string} [program] the name of a small program
 *
 * @typedef {'frame' | 'settle' | 'play' | 'runs' | 'speed'} Happening frame: new snapshots, as
 *   often as they are drawn; settle: new snapshots, as often as texts can be read; play: playing or
 *   paused; runs: other runs
 */

/** How often texts follow a run that plays, in milliseconds. */
const READ_MS = 120;
/** A moment of a few milliseconds takes seconds at the lowest speed. */
export const SPEED_MIN = 0.001;
export const SPEED_MAX = 100;
/** The number of permits whose history is shown, and the width of a lane that it is read for. */
const PERMITS_MAX = 512;
const LANE_PX = 1500;
/** How often the history of a run that goes on elsewhere is read, in milliseconds. */
const LANES_MS = 200;
/** The lengths of time that the lanes of such a run show, in nanoseconds; the last one moves along. */
const WINDOWS = [1e9, 2e9, 5e9, 10e9, 20e9, 30e9];

export class Playback {
  /** @param {Engine} engine @param {Stage} stage */
  constructor(engine, stage) {
    this.engine = engine;
    this.stage = stage;
    /** @type {Run[]} */
    this.runs = [];
    /** @type {Snapshot[]} */
    this.snapshots = [];
    /** @type {number[]} */
    this.positions = [];
    /** The playhead's time, in nanoseconds. */
    this.time = 0;
    this.startNs = 0;
    this.endNs = 0;
    this.playing = false;
    /** Seconds of the run per second on the wall. */
    this.speed = 0.05;
    /** Whether the playhead follows the end of a run that goes on elsewhere. */
    this.following = false;
    /** The time at which playing stops by itself, once. @type {number | null} */
    this.stopAt = null;
    /** @type {Map<Happening, Set<() => void>>} */
    this.listeners = new Map();
    /**
     * Ends the listeners that are added from now on: what belongs to a mode goes with it.
     * @type {AbortSignal | null}
     */
    this.scope = null;
    /** The target to ask for next. @type {Target | null} */
    this.wanted = null;
    this.asking = false;
    /** Whether the next snapshots follow the ones before, so that positions may be interpolated. */
    this.continues = false;
    this.lastTick = 0;
    this.lastRead = 0;
    this.ticking = false;
    /** Counts the sets of runs that were shown: an answer about an earlier set is dropped. */
    this.generation = 0;
    /**
     * Times on the wall between frames while playing, in milliseconds; the latest 3,600.
     * @type {number[]}
     */
    this.frames = [];
    this.readLanesSoon = steadily(() => this.readLanes(), LANES_MS);
  }

  /**
   * Calls a listener whenever something happens, until the current scope ends.
   * @param {Happening} what
   * @param {() => void} listener
   */
  on(what, listener) {
    const listeners = this.listeners.get(what) ?? new Set();
    this.listeners.set(what, listeners.add(listener));
    this.scope?.addEventListener('abort', () => listeners.delete(listener));
  }

  /** Calls the listeners. @param {Happening} what */
  emit(what) {
    for (const listener of this.listeners.get(what) ?? []) listener();
  }

  /**
   * Puts runs on the stage, at their start or at a target.
   * @param {Run[]} runs
   * @param {{at?: Target, keep?: boolean, follow?: boolean}} [options] keep: the runs before them
   *   stay open
   */
  async show(runs, { at = { time: 0 }, keep = false, follow = false } = {}) {
    this.pause();
    const before = this.runs;
    this.generation += 1;
    this.runs = runs;
    this.following = follow;
    this.stopAt = null;
    this.snapshots = [];
    this.stage.setPanels(runs.map(({ title }) => ({ title })));
    if (!keep) {
      for (const { player } of before) if (!runs.some((run) => run.player === player)) this.engine.close(player);
    }
    this.continues = false;
    await this.refresh(at);
    await this.readLanes();
    this.emit('runs');
  }

  /** Finds how much later than the first of the runs on the stage one was recorded, in nanoseconds. @param {number} index */
  offset(index) {
    return (this.snapshots[index]?.of('start_ns') ?? this.startNs) - this.startNs;
  }

  get players() {
    return this.runs.map(({ player }) => player);
  }

  /** The digests of all states at the playhead. */
  get digest() {
    return this.snapshots.map((snapshot) => snapshot.digest).join('-');
  }

  /** Takes snapshots at once, and waits for them. @param {Target} [at] */
  async refresh(at) {
    const { generation } = this;
    if (this.runs.length === 0) return;
    const frame = await this.engine.ask('frame', this.players, at, TOKENS_MAX, 1e9);
    if (generation !== this.generation) return;
    this.take(frame);
    this.stage.paint(0, false);
    this.continues = false;
    this.settle();
  }

  /** Reads what the permits were held for, as far as it is known. */
  async readLanes() {
    const { generation, runs, snapshots, startNs, endNs, following } = this;
    if (runs.length === 0) return;
    const elapsed = Math.max(1, endNs - startNs);
    const lengthNs = following ? (WINDOWS.find((length) => length > elapsed) ?? WINDOWS[WINDOWS.length - 1]) : elapsed;
    const fromNs = Math.max(0, elapsed - lengthNs);
    const lanes = await Promise.all(
      runs.map(({ player }, index) => {
        const from = snapshots[index].of('start_ns') + fromNs;
        return this.engine.ask('lanes', player, from, from + lengthNs, PERMITS_MAX, lengthNs / LANE_PX);
      }),
    );
    if (generation !== this.generation) return;
    this.stage.setLanes(lanes, { fromNs, lengthNs });
    if (!this.ticking) this.stage.paint(0, false);
  }

  /** @param {Frame} frame */
  take(frame) {
    this.snapshots = frame.snapshots.map((data) => new Snapshot(data));
    this.positions = frame.positions;
    this.endNs = frame.endNs;
    this.startNs = Math.min(...this.snapshots.map((snapshot) => snapshot.of('start_ns')));
    if (!this.playing || this.following) this.time = Math.max(this.startNs, frame.time);
    this.stage.show(this.snapshots);
    if (this.following) this.readLanesSoon();
    this.emit('frame');
  }

  settle() {
    this.lastRead = performance.now();
    this.emit('settle');
  }

  play() {
    if (this.playing || this.runs.length === 0) return;
    if (!this.following && this.time >= this.endNs) {
      const left = this.snapshots.some((snapshot) => snapshot.of('position') < snapshot.of('end'));
      if (left) {
        // An abort ends a run at once: what is left of it has the playhead's own time.
        this.wanted = { end: true };
        this.continues = true;
        this.wake();
        return;
      }
      this.time = this.startNs;
    }
    this.playing = true;
    this.frames.length = 0;
    this.emit('play');
    this.wake();
  }

  pause() {
    if (!this.playing) return;
    this.playing = false;
    this.emit('play');
    this.wake();
  }

  toggle() {
    if (this.playing) this.pause();
    else this.play();
  }

  /** @param {number} speed seconds of the run per second on the wall */
  setSpeed(speed) {
    this.speed = Math.min(SPEED_MAX, Math.max(SPEED_MIN, speed));
    this.emit('speed');
  }

  /** Moves the playhead. Only a single step is animated. @param {Target} target */
  go(target) {
    if (this.runs.length === 0) return;
    // Whoever looks back from the head of a run stays there.
    if (!('end' in target) && this.following) {
      this.following = false;
      this.pause();
    }
    if ('time' in target) this.time = Math.min(Math.max(target.time, this.startNs), this.endNs);
    if (!('time' in target) && this.playing) this.pause();
    // Steps add up while the worker is busy.
    const { wanted } = this;
    this.wanted = wanted && 'step' in wanted && 'step' in target ? { step: wanted.step + target.step } : target;
    this.continues = 'step' in target && Math.abs(target.step) === 1;
    this.wake();
  }

  /** Follows the end of a run that goes on elsewhere. */
  follow() {
    this.following = true;
    this.play();
    this.wake();
  }

  /** Stays at the playhead while events of the run go on coming in. */
  hold() {
    this.pause();
    this.following = false;
    void this.readLanes();
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
    const moving = this.stage.paint(still ? 0 : passed, this.continues || this.playing);
    if (this.playing && now - this.lastRead >= READ_MS) this.settle();
    if (this.playing || moving || this.asking || this.wanted) requestAnimationFrame((next) => this.tick(next));
    else this.ticking = false;
  }

  /** @param {number} passed milliseconds */
  advance(passed) {
    this.time += passed * 1e6 * this.speed;
    const stop = this.stopAt ?? this.endNs;
    if (this.time < stop) return;
    this.time = stop;
    this.stopAt = null;
    this.wanted = { time: stop };
    this.pause();
  }

  async request() {
    if (this.asking || this.runs.length === 0) return;
    const target = this.wanted ?? this.nextTarget();
    if (!target) return;
    this.wanted = null;
    this.asking = true;
    const { generation, playing } = this;
    try {
      const recentNs = Math.max(2e8, this.speed * 2e8);
      const frame = await this.engine.ask('frame', this.players, target, TOKENS_MAX, recentNs);
      if (generation !== this.generation) return;
      this.take(frame);
      if (!playing || !this.playing) this.settle();
    } finally {
      this.asking = false;
      this.wake();
    }
  }

  /** Finds the target that playing leads to. @returns {Target | null} */
  nextTarget() {
    if (!this.playing) return null;
    return this.following ? { end: true } : { time: this.time };
  }
}
