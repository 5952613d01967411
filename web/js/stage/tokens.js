// The places of tasks on the stage. State, permit and counts follow the snapshot at once; only
// positions take a moment.

import { FATE, PLACE, RECENT, TASK } from '../generated/layout.js';
import { binPlace, queuePlace, retryPlace, running } from './geometry.js';

/**
 * The time in which a position follows, and the time of the way into a bin, in milliseconds on the
 * wall.
 */
const FOLLOW_MS = 75;
const FLY_MS = 380;
const FLYING_MAX = 160;
/**
 * The part of the tasks that may be new with each frame; beyond, following would show tasks where
 * none is.
 */
const CHURN_MAX = 0.08;

/**
 * @typedef {'queued' | 'running' | 'succeeded' | 'failed' | 'cancelled' | 'waiting' | 'leaked'}
 *   Look
 *
 * @typedef {object} Token
 * @property {number} id
 * @property {number} row
 * @property {number} x
 * @property {number} y
 * @property {Look} look
 * @property {number} attempt
 * @property {number} progress 0 to 1; -1 where unknown
 * @property {number} slot
 * @property {number} sinceNs
 * @property {number} place in the queue
 * @property {number} seen the last frame with this task
 * @property {boolean} rides whether it has reached its lane, and goes along with the playhead
 *
 * @typedef {{id: number, x: number, y: number, fromX: number, fromY: number, toX: number, toY:
 *   number, age: number, look: Look}} Flight
 *
 * @typedef {import('../snapshot.js').Snapshot} Snapshot
 * @typedef {import('./geometry.js').Places} Places
 */

const OUTCOMES = /** @type {Look[]} */ (['succeeded', 'failed', 'failed', 'failed', 'cancelled']);

/** Finds the bin of a fate, and the look of a task on its way there. */
function landing(/** @type {number} */ fate) {
  if (fate === FATE.done) return { bin: 0, look: /** @type {Look} */ ('succeeded') };
  if (fate === FATE.dead) return { bin: 1, look: /** @type {Look} */ ('failed') };
  if (fate === FATE.released || fate === FATE.lease_lost) return { bin: 2, look: /** @type {Look} */ ('cancelled') };
  return null;
}

export class Tokens {
  constructor() {
    /** @type {Map<number, Token>} */
    this.all = new Map();
    /** @type {Flight[]} */
    this.flights = [];
    this.frame = 0;
    this.moving = false;
    /** The part of the tasks that is new with a frame, on a moving average. */
    this.churn = 0;
  }

  clear() {
    this.all.clear();
    this.flights.length = 0;
  }

  /**
   * @param {Snapshot} snapshot
   * @param {Places} places
   * @param {number} head where the playhead is in the lanes
   * @param {number} passed milliseconds since the last frame; 0 puts everything in its place at
   *   once
   * @param {boolean} goesOn whether this snapshot follows the one before it, so that missing tasks
   *   are seen to leave
   */
  update(snapshot, places, head, passed, goesOn) {
    this.frame += 1;
    this.moving = false;
    const follows = passed > 0 && this.churn < CHURN_MAX;
    const follow = follows ? 1 - Math.exp(-passed / FOLLOW_MS) : 1;
    let fresh = 0;
    const nowNs = snapshot.of('t_ns');
    const waiting = snapshot.of('waiting');
    let waits = 0;
    for (let row = 0; row < snapshot.rows; row += 1) {
      const id = snapshot.task(row, TASK.id);
      let token = this.all.get(id);
      const isFresh = !token;
      if (!token) {
        token = {
          id,
          row,
          x: 0,
          y: 0,
          look: 'queued',
          attempt: 1,
          progress: 0,
          slot: -1,
          sinceNs: 0,
          place: 0,
          seen: 0,
          rides: false,
        };
        this.all.set(id, token);
      }
      token.seen = this.frame;
      token.row = row;
      const to = this.target(token, snapshot, row, places, head, nowNs, waits, waiting);
      if (token.look === 'waiting') waits += 1;
      if (isFresh) {
        fresh += 1;
        token.x = follows ? places.gate.x : to.x;
        token.y = follows ? places.gate.y + places.gate.h / 2 : to.y;
      }
      const dx = to.x - token.x;
      const dy = to.y - token.y;
      if (Math.abs(dx) + Math.abs(dy) > 0.4) this.moving = true;
      const held = places.form === 'lanes' && token.slot >= 0;
      token.rides = held && (token.rides || Math.abs(dx) + Math.abs(dy) < 1.5);
      token.x += token.rides ? dx : dx * follow;
      token.y += dy * follow;
    }
    if (passed > 0) this.churn += (fresh / Math.max(1, snapshot.rows) - this.churn) * 0.1;
    if (this.all.size > snapshot.rows) this.leave(snapshot, places, goesOn && passed > 0);
    this.fly(passed);
  }

  /**
   * Reads a row, and finds the place of its token.
   * @param {Token} token
   * @param {Snapshot} snapshot
   * @param {number} row
   * @param {Places} places
   * @param {number} head
   * @param {number} nowNs
   * @param {number} waits
   * @param {number} waiting
   */
  target(token, snapshot, row, places, head, nowNs, waits, waiting) {
    const place = snapshot.task(row, TASK.place);
    const since = snapshot.task(row, TASK.since_ns);
    const until = snapshot.task(row, TASK.until_ns);
    token.attempt = snapshot.task(row, TASK.attempt);
    token.sinceNs = since;
    token.progress = until > since ? Math.min(1, Math.max(0, (nowNs - since) / (until - since))) : -1;
    const permit = snapshot.task(row, TASK.permit);
    if (place === PLACE.running) {
      token.look = 'running';
      token.slot = permit;
      return running(places, permit, head);
    }
    if (place === PLACE.queued) {
      token.look = 'queued';
      token.slot = -1;
      token.place = snapshot.task(row, TASK.queue_place);
      if (places.queue) return queuePlace(places, Math.max(0, token.place));
      return { x: places.gate.x + 14, y: places.gate.y + places.gate.h / 2 };
    }
    if (place === PLACE.waiting) {
      token.look = 'waiting';
      token.slot = -1;
      return retryPlace(places, token.progress, waits, waiting);
    }
    if (place === PLACE.abandoned) {
      token.look = 'leaked';
      token.slot = permit;
      return permit >= 0 && permit < places.slots ? running(places, permit, head) : binPlace(places, 3);
    }
    token.look = OUTCOMES[snapshot.task(row, TASK.outcome)] ?? 'succeeded';
    // Ended and not yet settled: the token stays where it ended.
    if (token.slot >= 0 && token.slot < places.slots) return running(places, token.slot, head);
    return { x: places.run.x + places.run.w, y: places.run.y + places.run.h / 2 };
  }

  /**
   * Lets tasks leave that the run no longer holds.
   * @param {Snapshot} snapshot
   * @param {Places} places
   * @param {boolean} visibly
   */
  leave(snapshot, places, visibly) {
    /** @type {Map<number, number>} */
    const fates = new Map();
    if (visibly) {
      for (let row = 0; row < snapshot.recents; row += 1) {
        fates.set(snapshot.recent(row, RECENT.id), snapshot.recent(row, RECENT.fate));
      }
    }
    for (const [id, token] of this.all) {
      if (token.seen === this.frame) continue;
      this.all.delete(id);
      const fate = fates.get(id);
      const end = fate === undefined ? null : landing(fate);
      if (!end || this.flights.length >= FLYING_MAX) continue;
      const to = binPlace(places, end.bin);
      const { x, y } = token;
      this.flights.push({ id, x, y, fromX: x, fromY: y, toX: to.x, toY: to.y, age: 0, look: end.look });
    }
  }

  /** @param {number} passed */
  fly(passed) {
    let kept = 0;
    for (const flight of this.flights) {
      flight.age += passed > 0 ? passed : FLY_MS;
      if (flight.age >= FLY_MS) continue;
      const part = flight.age / FLY_MS;
      const eased = 1 - (1 - part) ** 3;
      flight.x = flight.fromX + (flight.toX - flight.fromX) * eased;
      flight.y = flight.fromY + (flight.toY - flight.fromY) * eased;
      this.flights[kept] = flight;
      kept += 1;
    }
    this.flights.length = kept;
    if (kept > 0) this.moving = true;
  }

  /**
   * Finds the task at a point.
   * @param {number} x
   * @param {number} y
   * @param {number} reach
   */
  at(x, y, reach) {
    let best = -1;
    let least = reach * reach;
    for (const token of this.all.values()) {
      const distance = (token.x - x) ** 2 + (token.y - y) ** 2;
      if (distance < least) {
        least = distance;
        best = token.id;
      }
    }
    return best;
  }
}
