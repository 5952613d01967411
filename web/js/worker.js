// Holds the module and the runs in it, off the page's own thread.

import init, { Player } from '../fourfold_web.js';
import { Host, List } from './host.js';
import { clockOf, moveTo } from './playheads.js';

/**
 * @import { Event, Implementation, Message, Opened, Operation } from './protocol.js'
 * @import { Request, Target } from './protocol.js'
 */

/** Answers the page's requests with one module. */
class Server {
  #ready = init();
  /** @type {Map<number, Player>} */
  #players = new Map();
  #nextPlayer = 1;
  /**
   * Attempts that wait for the page's answer.
   * @type {Map<number, {resolve: () => void, reject: (error: Error) => void}>}
   */
  #attempts = new Map();
  #nextAttempt = 1;

  /** @type {Implementation} */
  #operations = {
    ready: () => undefined,
    simulate: (simulation) => this.#open(Player.simulate(JSON.stringify(simulation))),
    program: (name, simulation) => this.#open(Player.program(name, JSON.stringify(simulation))),
    load: async (file, index) => this.#open(Player.load(await bytesOf(file), index)),
    live: () => this.#open(Player.live()),
    own: (parameters, payloads, handler) => {
      const act = (/** @type {unknown} */ payload, /** @type {Context} */ context) =>
        this.#attempt(handler, payload, context);
      const host = new Host(act, new List(payloads));
      const player = Player.own(JSON.stringify(parameters), host, true, false);
      host.module = player;
      return this.#open(player);
    },
    fork: (player, position, intervention) =>
      this.#open(this.#player(player).fork(position, JSON.stringify(intervention))),
    close: (player) => {
      this.#players.get(player)?.free();
      this.#players.delete(player);
    },

    runs: async (file) => JSON.parse(Player.runs(await bytesOf(file))),
    frame: (players, target, rowsMax, recentNs) => this.#frame(players, target, rowsMax, recentNs),
    snapshot: (player, rowsMax, recentNs) => this.#player(player).snapshot(rowsMax, recentNs),
    series: (player, fromNs, toNs, buckets) => this.#player(player).series(fromNs, toNs, buckets),
    lanes: (player, fromNs, toNs, permits, stepNs) => this.#player(player).lanes(fromNs, toNs, permits, stepNs),
    events: (player, from, count) => eventsOf(this.#player(player).events(from, count).split('\n').filter(Boolean)),
    task: (player, task) => {
      const text = this.#player(player).task(task);
      if (text === undefined) return null;
      const story = JSON.parse(text);
      return { ...story, events: eventsOf(story.events) };
    },
    report: (player) => JSON.parse(this.#player(player).report_end()),
    reportText: (player) => this.#player(player).report_end(),
    checks: (player) => JSON.parse(this.#player(player).checks()),
    digest: (player) => this.#player(player).digest(),
    trace: (player) => ownBytes(this.#player(player).trace()),
    perfetto: (player) => ownBytes(this.#player(player).perfetto()),

    push: (player, lines) => this.#player(player).push(lines),
    restart: (player, state) => this.#player(player).snapshot_from(state),

    finished: async (player) => JSON.parse(await this.#player(player).finished()),
    drain: (player) => this.#player(player).drain(),
    abort: (player) => this.#player(player).abort(),
    setLimit: (player, limit) => this.#player(player).set_limit(limit),
    answer: (attempt, failure) => {
      const waiting = this.#attempts.get(attempt);
      if (failure) waiting?.reject(Object.assign(new Error(failure.message), failure));
      else waiting?.resolve();
    },
  };

  /**
   * @template {Operation} K
   * @param {Request<K>} request
   */
  async handle({ id, op, args }) {
    try {
      await this.#ready;
      const value = await this.#operations[op](...args);
      post({ kind: 'value', id, value }, buffersOf(value));
    } catch (error) {
      post({ kind: 'error', id, message: error instanceof Error ? error.message : String(error) });
    }
  }

  /** @param {number} number */
  #player(number) {
    const found = this.#players.get(number);
    if (!found) throw new Error(`there is no run ${number}`);
    return found;
  }

  /** @param {Player} player @returns {Opened} */
  #open(player) {
    const number = this.#nextPlayer;
    this.#nextPlayer += 1;
    this.#players.set(number, player);
    return { player: number, end: player.end, startNs: player.start_ns, endNs: player.end_ns };
  }

  /**
   * @param {number[]} numbers
   * @param {Target | undefined} target
   * @param {number} rowsMax
   * @param {number} recentNs
   */
  #frame(numbers, target, rowsMax, recentNs) {
    const runs = numbers.map((number) => this.#player(number));
    if (target) moveTo(runs, target);
    return {
      snapshots: runs.map((run) => run.snapshot(rowsMax, recentNs)),
      positions: runs.map((run) => run.position),
      ...clockOf(runs),
    };
  }

  /**
   * Has the page make an attempt of an own run: its DOM and its sandbox are out of the worker's
   * reach.
   * @param {number} handler
   * @param {unknown} payload
   * @param {Context} context
   * @returns {Promise<void>}
   */
  #attempt(handler, payload, { id, attempt, signal }) {
    const number = this.#nextAttempt;
    this.#nextAttempt += 1;
    /** @type {Promise<void>} */
    const answered = new Promise((resolve, reject) => {
      this.#attempts.set(number, { resolve, reject });
      signal.addEventListener('abort', () => post({ kind: 'cancel', attempt: number }));
      post({ kind: 'attempt', handler, attempt: { number, payload, id, attempt } });
    });
    return answered.finally(() => this.#attempts.delete(number));
  }
}

/**
 * @typedef {{id: number, attempt: number, signal: AbortSignal}} Context what the module tells a
 *   handler about an attempt
 */

/** @param {Message} message @param {Transferable[]} [transfer] */
function post(message, transfer = []) {
  postMessage(message, { transfer });
}

/**
 * Lists the buffers that a value hands over to the page instead of copying them.
 * @param {unknown} value
 * @returns {Transferable[]}
 */
function buffersOf(value) {
  if (value instanceof Uint8Array || value instanceof Float64Array) return [value.buffer];
  if (typeof value !== 'object' || value === null || !('snapshots' in value) || !Array.isArray(value.snapshots))
    return [];
  return value.snapshots.map((snapshot) => snapshot.buffer);
}

/**
 * Reads a file's bytes here, so that a long file holds up nothing on the page.
 * @param {Blob | Uint8Array} file
 */
async function bytesOf(file) {
  return file instanceof Uint8Array ? file : new Uint8Array(await file.arrayBuffer());
}

/** The module copies what it writes into memory of JavaScript's own. @param {Uint8Array} bytes */
function ownBytes(bytes) {
  return /** @type {Uint8Array<ArrayBuffer>} */ (bytes);
}

/** Marks that turn the direction of the text around them: a reason could make a line say something else. */
const TURNS = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/** Makes marks visible that would turn text round. @param {string} _ @param {unknown} value */
function plain(_, value) {
  return typeof value === 'string' ? value.replace(TURNS, '\ufffd') : value;
}

/** @param {string[]} lines @returns {Event[]} */
function eventsOf(lines) {
  return lines.map((line) => JSON.parse(line, plain));
}

const server = new Server();
addEventListener('message', (/** @type {MessageEvent<Request>} */ { data }) => void server.handle(data));
