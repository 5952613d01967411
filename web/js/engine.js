// The page's side of the worker: runs are numbers here, and everything is asked for.

/**
 * @typedef {{player: number, end: number, startNs: number, endNs: number}} Opened
 * @typedef {{snapshots: Float64Array[], positions: number[], t: number, endNs: number}} Frame
 * @typedef {{payload: any, id: number, attempt: number, signal: AbortSignal}} OwnTask
 */

const worker = new Worker(new URL('./worker.js', import.meta.url), { type: 'module' });
/** @type {Map<number, {resolve: (value: any) => void, reject: (error: Error) => void}>} */
const waiting = new Map();
/** @type {Map<number, AbortController>} */
const tasks = new Map();
let next = 1;

/** What does the tasks of an own run. @type {(task: OwnTask) => Promise<unknown>} */
let work = async () => undefined;

/** @param {(task: OwnTask) => Promise<unknown>} handler */
export function setHandler(handler) {
  work = handler;
}

worker.addEventListener('message', ({ data }) => {
  if (data.task !== undefined) void act(data);
  else if (data.cancel !== undefined) tasks.get(data.cancel)?.abort();
  else {
    const ask = waiting.get(data.id);
    waiting.delete(data.id);
    if (data.error === undefined) ask?.resolve(data.value);
    else ask?.reject(new Error(data.error));
  }
});

worker.addEventListener('error', (event) => {
  const error = new Error(event.message || 'the worker could not be started');
  for (const ask of waiting.values()) ask.reject(error);
  waiting.clear();
});

/** @param {{task: number, payload: any, id: number, attempt: number}} call */
async function act({ task, payload, id, attempt }) {
  const controller = new AbortController();
  tasks.set(task, controller);
  try {
    const value = await work({ payload, id, attempt, signal: controller.signal });
    void ask('answer', task, null, value === undefined ? null : value);
  } catch (error) {
    const { message, permanent, retryAfterMs } = /** @type {any} */ (
      error instanceof Error ? error : new Error(String(error))
    );
    void ask('answer', task, { message, permanent, retryAfterMs });
  } finally {
    tasks.delete(task);
  }
}

/**
 * Asks the worker.
 * @param {string} op
 * @param {...any} args
 * @returns {Promise<any>}
 */
export function ask(op, ...args) {
  const id = next;
  next += 1;
  return new Promise((resolve, reject) => {
    waiting.set(id, { resolve, reject });
    worker.postMessage({ id, op, args });
  });
}
