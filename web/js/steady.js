// Work that follows a run: done again and again, but for no more than a small part of the time.

/** How many times as long as the work took the pause after it lasts. */
const REST = 12;

/**
 * Limits how often some work is done.
 * @param {() => Promise<void>} act
 * @param {number} restMs the shortest pause
 * @returns {() => void} asks for the work, which is done now or after the pause
 */
export function steadily(act, restMs) {
  let due = 0;
  let busy = false;
  let wanted = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;

  async function run() {
    timer = undefined;
    busy = true;
    const began = performance.now();
    try {
      await act();
    } finally {
      const now = performance.now();
      due = now + Math.max(restMs, (now - began) * REST);
      busy = false;
    }
    if (!wanted) return;
    wanted = false;
    ask();
  }

  function ask() {
    const left = due - performance.now();
    if (busy) wanted = true;
    else if (left <= 0) void run();
    else if (timer === undefined) timer = setTimeout(run, left);
  }

  return ask;
}
