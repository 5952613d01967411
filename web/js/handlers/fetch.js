// Fetches what the task names from this page's own server.
/** @param {{path: string}} task @param {import('./context.js').Context} context */
export default async function handler(task, { signal, log }) {
  const url = new URL(task.path, document.baseURI);
  url.searchParams.set('again', String(Math.random()));
  const response = await fetch(url, { signal, cache: 'no-store' });
  if (!response.ok) {
    // A file that is missing will be missing at the next attempt too.
    const permanent = response.status >= 400 && response.status < 500;
    throw Object.assign(new Error(`${task.path}: ${response.status}`), { permanent });
  }
  const body = await response.arrayBuffer();
  log(`${task.path}: ${body.byteLength} bytes`);
}
