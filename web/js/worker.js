// Holds the wasm module and the runs in it, off the page's own thread.

import init, { Player } from '../fourfold_web.js';

/** @type {Map<number, Player>} */
const players = new Map();
/** What tasks of an own run wait for: answers of the page. @type {Map<number, {resolve: (value: any) => void, reject: (error: Error) => void}>} */
const calls = new Map();
let nextPlayer = 1;
let nextCall = 1;

const ready = init().then(() => Player.layout());

/** @param {number} number */
function player(number) {
  const found = players.get(number);
  if (!found) throw new Error(`there is no run ${number}`);
  return found;
}

/** @param {Player} made */
function keep(made) {
  const number = nextPlayer;
  nextPlayer += 1;
  players.set(number, made);
  return { player: number, end: made.end, startNs: made.start_ns, endNs: made.end_ns };
}

/**
 * The handler of an own run: the page does the work, for here is neither its DOM nor its sandbox.
 * @param {unknown} payload
 * @param {{id: number, attempt: number, signal: AbortSignal}} context
 */
function handler(payload, { id, attempt, signal }) {
  const call = nextCall;
  nextCall += 1;
  return new Promise((resolve, reject) => {
    calls.set(call, { resolve, reject });
    signal.addEventListener('abort', () => postMessage({ cancel: call }));
    postMessage({ task: call, payload, id, attempt });
  }).finally(() => calls.delete(call));
}

/**
 * @typedef {{t: number} | {positions: number[]} | {step: number} | {notable: 1 | -1} | {end: true}} At where to go
 */

/** @type {Record<string, (...args: any[]) => any>} */
const operations = {
  layout: () => ready,
  simulate: (params) => keep(Player.simulate(params)),
  program: (name, params) => keep(Player.program(name, params)),
  programs: () => Player.programs(),
  runs: async (file) => Player.runs(await bytesOf(file)),
  load: async (file, run) => keep(Player.load(await bytesOf(file), run)),
  live: () => keep(Player.live()),
  own: (params, payloads) => keep(Player.own(params, payloads, handler)),
  fork: (number, position, intervention) => keep(player(number).fork(position, intervention)),
  finished: (number) => player(number).finished(),
  close: (number) => {
    players.get(number)?.free();
    players.delete(number);
  },
  call: (number, method, ...args) => /** @type {any} */ (player(number))[method](...args),
  answer: (call, error, value) => {
    const waiting = calls.get(call);
    if (error) waiting?.reject(Object.assign(new Error(error.message), error));
    else waiting?.resolve(value);
  },
  frame,
};

/**
 * A file's bytes, read here: a long one holds up nobody.
 * @param {Blob | Uint8Array} file
 */
async function bytesOf(file) {
  return file instanceof Uint8Array ? file : new Uint8Array(await file.arrayBuffer());
}

/**
 * Moves the playheads and looks: what the page draws.
 * @param {number[]} numbers
 * @param {At | undefined} at
 * @param {number} rowsMax
 * @param {number} recentNs
 */
function frame(numbers, at, rowsMax, recentNs) {
  const runs = numbers.map(player);
  if (at) move(runs, at);
  return {
    snapshots: runs.map((run) => run.snapshot(rowsMax, recentNs)),
    positions: runs.map((run) => run.position),
    t: Math.max(...runs.map((run) => run.t_ns)),
    endNs: Math.max(...runs.map((run) => run.end_ns)),
  };
}

/**
 * @param {Player[]} runs
 * @param {At} at
 */
function move(runs, at) {
  if ('t' in at) for (const run of runs) run.seek(at.t);
  else if ('positions' in at) for (const [index, run] of runs.entries()) run.seek_to(at.positions[index] ?? 0);
  else if ('end' in at) for (const run of runs) run.seek_to(run.end);
  else if ('step' in at) step(runs, at.step);
  else notable(runs, at.notable);
}

/**
 * One event on or back, of all runs together: the one whose turn it is.
 * @param {Player[]} runs
 * @param {number} by
 */
function step(runs, by) {
  if (runs.length === 1) {
    runs[0].step(by);
    return;
  }
  for (let left = Math.abs(by); left > 0; left -= 1) {
    const times = runs.map((run) => timeOf(run, by > 0 ? run.position : run.position - 1));
    const open = times.map((time, index) => ({ time, run: runs[index] })).filter(({ time }) => time !== undefined);
    if (open.length === 0) return;
    open.sort((a, b) => (by > 0 ? 1 : -1) * (Number(a.time) - Number(b.time)));
    open[0].run.step(Math.sign(by));
  }
}

/**
 * @param {Player} run
 * @param {number} position
 * @returns {number | undefined}
 */
function timeOf(run, position) {
  const line = position < 0 ? undefined : run.event_at(position);
  return line === undefined ? undefined : JSON.parse(line).t_ns;
}

/**
 * @param {Player[]} runs
 * @param {1 | -1} direction
 */
function notable(runs, direction) {
  const before = Math.max(...runs.map((run) => run.t_ns));
  const places = runs.map((run) => {
    const position = run.position;
    const found = run.notable(direction);
    const there = { found, position: run.position, t: run.t_ns };
    run.seek_to(position);
    return there;
  });
  if (runs.length === 1) {
    runs[0].seek_to(places[0].position);
    return;
  }
  const found = places.filter((place) => place.found).map((place) => place.t);
  if (found.length === 0) {
    for (const run of runs) run.seek_to(direction > 0 ? run.end : run.start);
    return;
  }
  const t = direction > 0 ? Math.min(...found) : Math.max(...found);
  // Several runs go by one clock: to that moment, all of it.
  for (const run of runs) run.seek(direction < 0 && t >= before ? before - 1 : t);
}

addEventListener('message', async ({ data: { id, op, args } }) => {
  try {
    await ready;
    const value = await operations[op](...args);
    /** @type {Transferable[]} */
    const transfer = [];
    if (value instanceof Uint8Array || value instanceof Float64Array) transfer.push(value.buffer);
    else if (value?.snapshots) for (const snapshot of value.snapshots) transfer.push(snapshot.buffer);
    postMessage({ id, value }, { transfer });
  } catch (error) {
    postMessage({ id, error: error instanceof Error ? error.message : String(error) });
  }
});
