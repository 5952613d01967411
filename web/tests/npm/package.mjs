// The package as somebody else has it: its archive, installed into an empty folder.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { pathToFileURL } from 'node:url';

export const ROOT = new URL('../../../', import.meta.url).pathname;
export const FULL = process.env.FULL === '1';

/** Installs the package into an empty folder, which is removed after the tests of the file. */
export function install() {
  const folder = mkdtempSync(join(tmpdir(), 'fourfold-npm-'));
  after(() => rmSync(folder, { recursive: true, maxRetries: 5 }));
  const output = join(ROOT, 'target/npm-package');
  const archive = readdirSync(output).find((name) => name.endsWith('.tgz'));
  if (!archive) throw new Error('there is no archive: `cargo xtask web --npm` makes it');
  writeFileSync(join(folder, 'package.json'), '{"private": true, "type": "module"}');
  execFileSync('npm', ['install', '--offline', '--no-audit', '--no-fund', join(output, archive)], {
    cwd: folder,
    stdio: 'pipe',
  });
  return folder;
}

/** @param {string} folder @returns {Promise<typeof import('../../npm/index.js')>} */
export function load(folder) {
  return import(pathToFileURL(join(folder, 'node_modules/fourfold/index.js')).href);
}

/** A tool in the version that `cargo xtask` has installed. @param {string} spelled @param {string} path */
export function tool(spelled, path) {
  const name = spelled.slice(0, spelled.lastIndexOf('@'));
  return join(ROOT, 'target/npm', spelled.replace('/', '+'), 'node_modules', name, path);
}

/** A promise with its ends. */
export function deferred() {
  let [resolve, reject] = [undefined, undefined];
  const promise = new Promise((...ends) => {
    [resolve, reject] = ends;
  });
  return { promise, resolve, reject };
}

export const wait = (ms, signal) =>
  new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal?.addEventListener('abort', () => {
      clearTimeout(timer);
      reject(signal.reason);
    });
  });
