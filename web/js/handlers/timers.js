// Waits as long as the task says, give or take a third.
/** @param {{ms: number}} task @param {import('./context.js').Context} context */
export default async function handler(task, { signal }) {
  const ms = task.ms * (0.67 + 0.66 * Math.random());
  await new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      reject(signal.reason);
    });
  });
}
