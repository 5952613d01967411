// Numbers and times in a form for people, the same in every language.

/** Made once: making it takes longer than using it a thousand times. */
const GROUPED = new Intl.NumberFormat('en');

/** Formats a whole number in groups of three digits. @param {number} value */
export function count(value) {
  return value < 0 ? '–' : GROUPED.format(value);
}

/** Formats a duration with three significant digits. @param {number} ns */
export function duration(ns) {
  if (ns < 0) return '–';
  if (ns === 0) return '0 ms';
  if (ns < 1e3) return `${Math.round(ns)} ns`;
  if (ns < 1e6) return `${digits(ns / 1e3)} µs`;
  if (ns < 1e9) return `${digits(ns / 1e6)} ms`;
  if (ns < 60e9) return `${digits(ns / 1e9)} s`;
  return `${Math.floor(ns / 60e9)} min ${Math.floor((ns / 1e9) % 60)} s`;
}

/** Formats a number with three significant digits. @param {number} value */
export function digits(value) {
  if (value >= 100) return value.toFixed(0);
  return value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

/** Formats a moment of a run at a constant width, for a clock that runs. @param {number} ns */
export function moment(ns) {
  return `${(Math.max(0, ns) / 1e9).toFixed(3)} s`;
}

/** Formats a size in bytes. @param {number} size */
export function bytes(size) {
  if (size < 1e4) return `${size} B`;
  return size < 1e6 ? `${(size / 1e3).toFixed(0)} kB` : `${(size / 1e6).toFixed(1)} MB`;
}

/** Reads the message of anything that was thrown. @param {unknown} error */
export function messageOf(error) {
  return error instanceof Error ? error.message : String(error);
}
