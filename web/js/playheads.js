// Moves the playheads of several runs together, in the worker.

/**
 * @import { Player } from '../fourfold_web.js'
 * @import { Target } from './protocol.js'
 */

/**
 * Reads the clock that runs share: they start together, whenever each of them was recorded.
 * @param {Player[]} runs
 */
export function clockOf(runs) {
  const startNs = Math.min(...runs.map((run) => run.start_ns));
  return {
    time: startNs + Math.max(...runs.map((run) => run.t_ns - run.start_ns)),
    endNs: startNs + Math.max(...runs.map((run) => run.end_ns - run.start_ns)),
  };
}

/** Moves all playheads to a time of the shared clock. @param {Player[]} runs @param {number} time */
function seek(runs, time) {
  const startNs = Math.min(...runs.map((run) => run.start_ns));
  for (const run of runs) run.seek(time - startNs + run.start_ns);
}

/**
 * Moves the playheads of runs that share one clock.
 * @param {Player[]} runs
 * @param {Target} target
 */
export function moveTo(runs, target) {
  if ('time' in target) seek(runs, target.time);
  else if ('positions' in target) {
    for (const [index, run] of runs.entries()) run.seek_to(target.positions[index] ?? 0);
  } else if ('end' in target) for (const run of runs) run.seek_to(run.end);
  else if ('step' in target) step(runs, target.step);
  else notable(runs, target.notable);
}

/**
 * Steps over a number of events of all runs together, in the order of their times.
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
 * Reads the time of the event after a position, counted from the start of its run.
 * @param {Player} run
 * @param {number} position
 * @returns {number | undefined}
 */
function timeOf(run, position) {
  const line = position < 0 ? undefined : run.event_at(position);
  return line === undefined ? undefined : JSON.parse(line).t_ns - run.start_ns;
}

/**
 * Moves to the next notable event of any run, or to the one before.
 * @param {Player[]} runs
 * @param {1 | -1} direction
 */
function notable(runs, direction) {
  const { time: before } = clockOf(runs);
  const startNs = Math.min(...runs.map((run) => run.start_ns));
  const places = runs.map((run) => {
    const position = run.position;
    const found = run.notable(direction);
    const there = { found, position: run.position, time: run.t_ns - run.start_ns + startNs };
    run.seek_to(position);
    return there;
  });
  if (runs.length === 1) {
    runs[0].seek_to(places[0].position);
    return;
  }
  const found = places.filter((place) => place.found).map((place) => place.time);
  if (found.length === 0) {
    for (const run of runs) run.seek_to(direction > 0 ? run.end : run.start);
    return;
  }
  const time = direction > 0 ? Math.min(...found) : Math.max(...found);
  // Several runs share one clock: everything at that moment has then happened.
  seek(runs, direction < 0 && time >= before ? before - 1 : time);
}
