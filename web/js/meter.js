// Measures how a watched run comes in: its rate, how late its events are, and what was lost.

/** The time that rates and lags are taken over, in milliseconds. */
const WINDOW_MS = 2000;
const GAPS_MAX = 50;

/**
 * @typedef {{timeNs: number, missed: number | null}} Gap where events are missing, and how many;
 *   null where nobody knows
 */

export class Meter {
  /** When an event of time 0 would have come, had none been late; in milliseconds on the wall. */
  #origin = Number.POSITIVE_INFINITY;
  /** @type {{at: number, lagMs: number}[]} */
  #lags = [];
  /** @type {{at: number, count: number}[]} */
  #counts = [];
  /** The latest gaps. @type {Gap[]} */
  gaps = [];
  /** The events that are known to be lost. */
  missed = 0;
  /** Whether events were lost that nobody counted. */
  unknown = false;

  /** Begins anew with another run, whose clock is another one. */
  restart() {
    this.#origin = Number.POSITIVE_INFINITY;
    this.#lags = [];
    this.gaps = [];
    this.missed = 0;
    this.unknown = false;
  }

  /**
   * Counts events that were taken in.
   * @param {string} lines
   * @param {number} count
   * @param {number} arrived when they came, in milliseconds on the wall
   */
  take(lines, count, arrived) {
    const now = performance.now();
    this.#counts.push({ at: now, count });
    forget(this.#counts, now);
    const lastMs = lastTimeNs(lines) / 1e6;
    if (Number.isNaN(lastMs)) return;
    this.#origin = Math.min(this.#origin, arrived - lastMs);
    this.#lags.push({ at: now, lagMs: now - (this.#origin + lastMs) });
    forget(this.#lags, now);
  }

  /** @param {Gap} gap */
  lose(gap) {
    if (gap.missed === null) this.unknown = true;
    else this.missed += gap.missed;
    this.gaps.push(gap);
    if (this.gaps.length > GAPS_MAX) this.gaps.shift();
  }

  /** The events per second of late. */
  get rate() {
    const now = performance.now();
    const recent = this.#counts.filter(({ at }) => now - at <= WINDOW_MS);
    return recent.reduce((sum, { count }) => sum + count, 0) / (WINDOW_MS / 1000);
  }

  /** The largest lag of late, in milliseconds; null where nothing came. */
  get lagMs() {
    const now = performance.now();
    const late = this.#lags.filter(({ at }) => now - at <= WINDOW_MS).map(({ lagMs }) => lagMs);
    return late.length > 0 ? Math.max(...late) : null;
  }
}

/**
 * Drops what is older than the window, down to two entries.
 * @param {{at: number}[]} list
 * @param {number} now
 */
function forget(list, now) {
  while (list.length > 2 && now - list[0].at > WINDOW_MS) list.shift();
}

/** Reads the time of the last line of a trace. @param {string} lines */
function lastTimeNs(lines) {
  const last = lines.slice(lines.lastIndexOf('\n', lines.length - 2) + 1);
  return Number(/"t_ns":(\d+)/.exec(last)?.[1] ?? Number.NaN);
}
