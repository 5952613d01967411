// Fails sometimes. Most failures are worth another attempt, and some are permanent.
/**
 * @param {{ms: number, fails: number, hopeless: number}} task
 * @param {import('./context.js').Context} context
 */
export default async function handler(task, { id, attempt, log }) {
  await new Promise((resolve) => setTimeout(resolve, task.ms));
  if (Math.random() < task.hopeless) {
    throw Object.assign(new Error('not a thing that can be done'), { permanent: true });
  }
  if (Math.random() < task.fails) {
    log(`task ${id} failed at attempt ${attempt}`);
    throw Object.assign(new Error('busy, come back later'), { retryAfterMs: 150 });
  }
}
