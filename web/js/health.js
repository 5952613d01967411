// Asks the server of the page whether there is a native run to watch.

/**
 * Asks whether the server of this page has a native run to watch.
 * @param {number} withinMs
 * @returns {Promise<{live: boolean, phase?: string, run?: number}>}
 */
export async function health(withinMs) {
  try {
    const response = await fetch(new URL('../healthz', import.meta.url), {
      signal: AbortSignal.timeout(withinMs),
      cache: 'no-store',
    });
    const found = await response.json();
    return { ...found, live: found.live === true };
  } catch {
    return { live: false };
  }
}
