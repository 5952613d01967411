// Measures of runs that the claims of scenarios are made of.

/**
 * @import { Checks, Event, Report } from './protocol.js'
 *
 * @typedef {object} Outcome what came of a panel
 * @property {Report} report
 * @property {Event[]} events
 * @property {number} depth the number of tasks that were queued at once, at most
 * @property {Checks} checks
 */

/** Finds the last event; a run has one. @param {Event[]} events */
export const lastOf = (events) => events[events.length - 1];

/**
 * Finds the time at which something happens for the n-th time.
 * @param {Event[]} events
 * @param {(event: Event) => boolean} is
 * @param {number} [nth]
 */
export function when(events, is, nth = 0) {
  const found = events.filter(is);
  return (found[Math.min(nth, found.length - 1)] ?? lastOf(events)).t_ns;
}

/** Computes the share of permit time that was idle. @param {Outcome} outcome */
export const idleShare = ({ report }) => report.idle_permit_ms / (report.limit * report.elapsed_ms);

/** Formats a part as a percentage. @param {number} part */
export const percent = (part) => `${(100 * part).toFixed(1)} %`;

/** Formats milliseconds as seconds. @param {number} ms */
export const seconds = (ms) => `${(ms / 1000).toFixed(2)} s`;

/**
 * Counts the retries that start within the same few milliseconds, at most.
 * @param {Event[]} events
 * @param {number} windowNs
 */
export function crush(events, windowNs) {
  const starts = events
    .filter((event) => event.event === 'started' && (event.attempt ?? 0) > 1)
    .map((event) => event.t_ns);
  let most = 0;
  let from = 0;
  starts.forEach((time, index) => {
    while (time - starts[from] > windowNs) from += 1;
    most = Math.max(most, index - from + 1);
  });
  return most;
}
