// A server for the page as another host may be set up: any folder, any path, a strict policy.

import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname, join, normalize } from 'node:path';
import { gzipSync } from 'node:zlib';

export const POLICY =
  "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; " +
  "worker-src 'self'; frame-src 'self'; base-uri 'none'; form-action 'none'";
/** The policy that a host must send for the frame that runs visitors' code. */
export const SANDBOX_POLICY =
  "sandbox allow-scripts; default-src 'none'; script-src 'self'; worker-src blob:; connect-src *; frame-ancestors 'self'";

const TYPES = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.mjs': 'text/javascript',
  '.css': 'text/css',
  '.json': 'application/json',
  '.svg': 'image/svg+xml',
  '.wasm': 'application/wasm',
};

/** The neighbour that was built with a file, or else the same made now. @param {string} file @param {Buffer} bytes @param {number} mtimeMs */
async function compressed(file, bytes, mtimeMs) {
  const neighbour = await stat(`${file}.gz`).catch(() => null);
  return neighbour && neighbour.mtimeMs >= mtimeMs ? readFile(`${file}.gz`) : gzipSync(bytes, { level: 9 });
}

/**
 * Serves a folder on a free port of this machine.
 * @param {string} folder
 * @param {{path?: string, sandbox?: string}} [options] path: where on the host, sandbox: the policy of sandbox.html
 */
export async function serve(folder, { path = '/', sandbox = SANDBOX_POLICY } = {}) {
  const known = new Map();
  const server = createServer(async (request, response) => {
    const asked = decodeURIComponent(new URL(request.url ?? '/', 'http://localhost').pathname);
    const inside = asked.startsWith(path) ? normalize(asked.slice(path.length) || 'index.html') : '..';
    const file = join(folder, inside);
    try {
      if (inside.startsWith('..')) throw new Error('outside');
      const { mtimeMs } = await stat(file);
      let found = known.get(file);
      if (found?.mtimeMs !== mtimeMs) {
        const bytes = await readFile(file);
        found = {
          mtimeMs,
          small: await compressed(file, bytes, mtimeMs),
          tag: `"${createHash('sha256').update(bytes).digest('base64url')}"`,
        };
        known.set(file, found);
      }
      const policy = inside === 'sandbox.html' ? sandbox : POLICY;
      const unchanged = request.headers['if-none-match'] === found.tag;
      response.writeHead(unchanged ? 304 : 200, {
        'content-type': TYPES[extname(file)] ?? 'application/octet-stream',
        'content-encoding': 'gzip',
        ...(unchanged ? {} : { 'content-length': found.small.length }),
        etag: found.tag,
        'content-security-policy': policy,
        'cache-control': 'no-cache',
        'x-content-type-options': 'nosniff',
      });
      response.end(request.method === 'HEAD' || unchanged ? undefined : found.small);
    } catch {
      response
        .writeHead(404, { 'content-type': 'text/plain', 'content-security-policy': POLICY })
        .end('there is nothing here\n');
    }
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(undefined)));
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
  return {
    url: `http://127.0.0.1:${port}${path}`,
    close: () =>
      new Promise((resolve) => {
        server.close(resolve);
        server.closeAllConnections();
      }),
  };
}
