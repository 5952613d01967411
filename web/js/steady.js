// What follows a run that goes on: done again and again, but never for more than a small part of the time.

/** So many times as long as it took, it rests. */
const REST = 12;

/**
 * @param {() => Promise<void>} act
 * @param {number} restMs the least that it rests
 * @returns {() => void} has it done, now or when it has rested
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
