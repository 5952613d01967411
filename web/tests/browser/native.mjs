// The command itself, and the network between it and a page.

import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ROOT } from './harness.mjs';

const COMMAND = process.env.FOURFOLD ?? join(ROOT, 'target/debug/fourfold');

/** An empty folder, gone when the test is over. @param {import('node:test').TestContext} t */
export async function emptyFolder(t) {
  const folder = await mkdtemp(join(tmpdir(), 'fourfold-page-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** Runs the command to its end. @param {string[]} words @param {string} folder */
export async function finished(words, folder) {
  await promisify(execFile)(COMMAND, words, { cwd: folder, env: { PATH: '' } });
}

/**
 * Starts the command in an empty folder, and waits for the address that it listens on.
 * @param {import('node:test').TestContext} t
 * @param {string[]} words
 * @param {string} folder
 */
export async function listening(t, words, folder) {
  assert.ok(existsSync(COMMAND), `${COMMAND} is not built: \`cargo build\` builds it`);
  const child = spawn(COMMAND, words, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'], env: { PATH: '' } });
  const ended = new Promise((resolve) => child.on('exit', (code, signal) => resolve({ code, signal })));
  t.after(async () => {
    child.kill('SIGTERM');
    await ended;
  });
  let said = '';
  let printed = '';
  child.stdout.on('data', (bytes) => {
    printed += bytes;
  });
  const url = await new Promise((resolve, reject) => {
    child.stderr.on('data', (bytes) => {
      said += bytes;
      const [, found] = /(http:\/\/\S+)/.exec(said) ?? [];
      if (found) resolve(found);
    });
    child.on('exit', () => reject(new Error(`it ended: ${said}`)));
    child.on('error', reject);
  });
  return { url: /** @type {string} */ (url), ended, printed: () => printed, stop: () => child.kill('SIGTERM') };
}

/**
 * A network between a page and a server that can be cut and mended.
 * @param {import('node:test').TestContext} t
 * @param {string} url
 */
export async function network(t, url) {
  const { port } = new URL(url);
  /** @type {Set<import('node:net').Socket>} */
  const sockets = new Set();
  let broken = false;
  const server = createServer((near) => {
    if (broken) {
      near.destroy();
      return;
    }
    const far = connect(Number(port), '127.0.0.1');
    for (const [one, other] of [
      [near, far],
      [far, near],
    ]) {
      sockets.add(one);
      one.on('error', () => other.destroy());
      one.on('close', () => {
        sockets.delete(one);
        other.destroy();
      });
      one.pipe(other);
    }
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(undefined)));
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const address = /** @type {import('node:net').AddressInfo} */ (server.address());
  return {
    url: `http://127.0.0.1:${address.port}/`,
    /** Breaks every connection in the middle of its data. */
    cut: () => {
      for (const socket of sockets) socket.destroy();
    },
    break: (/** @type {boolean} */ is) => {
      broken = is;
    },
    get open() {
      return sockets.size / 2;
    },
  };
}
