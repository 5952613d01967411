// fourfold for JavaScript: async functions through four patterns of bounded concurrency.

export { RunError } from './errors.js';
export { load, simulate } from './module.js';
export { Queue } from './queue.js';
export { map, run, start } from './run.js';
