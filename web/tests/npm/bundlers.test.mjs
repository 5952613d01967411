// Bundlers that take the package along, and what they made, run.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { chromium } from 'playwright-core';

import { serve } from '../browser/server.mjs';
import { FULL, install, tool } from './package.mjs';

const folder = install();
const ESBUILD = tool('esbuild@0.28.2', 'bin/esbuild');
const PROGRAM = `import { map, Queue } from 'fourfold';
const results = await map([3, 1, 2], async (n) => n * 2, { limit: 2 });
const queue = new Queue({ limit: 1 });
const answer = JSON.stringify([results, await queue.add(() => 'added')]);
if (typeof document === 'undefined') console.log(answer);
else document.body.dataset.answer = answer;
`;
const ANSWER = '[[6,2,4],"added"]';
writeFileSync(join(folder, 'program.js'), PROGRAM);

/** @type {import('playwright-core').Browser} */
let browser;
/** @type {Awaited<ReturnType<typeof serve>>} */
let server;
before(async () => {
  browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu'] });
  server = await serve(folder);
});
after(async () => {
  await browser?.close();
  await server?.close();
});

const node = (...words) =>
  execFileSync('node', words, { cwd: folder, encoding: 'utf8', timeout: 120_000, stdio: 'pipe' });

/** Runs a script in a page, whose policy allows nothing from elsewhere. @param {string} script */
async function inBrowser(script) {
  const name = `${script.replaceAll('/', '-')}.html`;
  const head = '<!doctype html><html lang="en"><title>bundle</title><link rel="icon" href="data:,"><body>';
  writeFileSync(join(folder, name), `${head}<script type="module" src="${script}"></script>`);
  const page = await browser.newPage();
  const complaints = [];
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
  await page.goto(new URL(name, server.url).href);
  await page
    .waitForFunction(() => document.body.dataset.answer !== undefined, undefined, { timeout: 15_000 })
    .catch(() => {});
  const answer = await page.evaluate(() => document.body.dataset.answer);
  await page.close();
  assert.deepEqual([answer, complaints], [ANSWER, []]);
}

test('esbuild for a browser: one file', async () => {
  node(
    ESBUILD,
    'program.js',
    '--bundle',
    '--format=esm',
    '--minify',
    '--outfile=esbuild/one.js',
    '--log-level=warning',
  );
  await inBrowser('esbuild/one.js');
});

test('esbuild for Node: one file', () => {
  const words = ['--bundle', '--platform=node', '--format=esm', '--outfile=esbuild/node.mjs', '--log-level=warning'];
  node(ESBUILD, 'program.js', ...words);
  assert.equal(node('esbuild/node.mjs').trim(), ANSWER);
});

test('no bundler: a page imports the package as it lies there', async () => {
  writeFileSync(join(folder, 'plain.js'), PROGRAM.replace("'fourfold'", "'./node_modules/fourfold/index.js'"));
  await inBrowser('plain.js');
});

test('workers load it as pages and programs do', async () => {
  const program = PROGRAM.replace(
    "if (typeof document === 'undefined') console.log(answer);\nelse",
    'postMessage(answer);\nif (false)',
  );
  assert.notEqual(program, PROGRAM);
  writeFileSync(join(folder, 'worker.js'), program.replace("'fourfold'", "'./node_modules/fourfold/index.js'"));
  const page =
    "new Worker('worker.js', { type: 'module' }).onmessage = ({ data }) => (document.body.dataset.answer = data);\n";
  writeFileSync(join(folder, 'page.js'), page);
  await inBrowser('page.js');
  const thread =
    "import { parentPort, Worker } from 'node:worker_threads';\nglobalThis.postMessage = (answer) => parentPort.postMessage(answer);\n";
  writeFileSync(
    join(folder, 'thread.mjs'),
    `${thread}if (parentPort) await import('./worker.js');\nelse new Worker('./thread.mjs').on('message', (answer) => console.log(answer));\n`,
  );
  assert.equal(node('thread.mjs').trim(), ANSWER);
});

test('webpack for production', { skip: !FULL && 'a long one' }, async () => {
  const webpack = pathToFileURL(tool('webpack@5.112.2', 'lib/index.js')).href;
  const script = `const { default: webpack } = await import('${webpack}');
const options = { context: process.cwd(), mode: 'production', entry: './program.js', experiments: { topLevelAwait: true },
  output: { path: process.cwd() + '/webpack', filename: 'main.js' } };
webpack(options, (error, stats) => { if (error || stats.hasErrors()) throw error ?? new Error(stats.toString()); });`;
  writeFileSync(join(folder, 'webpack.mjs'), script);
  node('webpack.mjs');
  await inBrowser('webpack/main.js');
});

test('Rollup', { skip: !FULL && 'a long one' }, async () => {
  const rollup = pathToFileURL(tool('rollup@4.68.8', 'dist/es/rollup.js')).href;
  // What `@rollup/plugin-node-resolve` does for this package.
  const script = `import { rollup } from '${rollup}';
const resolveId = (id) => (id === 'fourfold' ? process.cwd() + '/node_modules/fourfold/index.js' : null);
const bundle = await rollup({ input: 'program.js', plugins: [{ name: 'resolve', resolveId }] });
await bundle.write({ dir: 'rollup', format: 'es' });`;
  writeFileSync(join(folder, 'rollup.mjs'), script);
  node('rollup.mjs');
  await inBrowser('rollup/program.js');
});

test('Vite for a browser and for its server side', { skip: !FULL && 'a long one' }, async () => {
  const vite = pathToFileURL(tool('vite@8.3.8', 'dist/node/index.js')).href;
  const script = `import { build } from '${vite}';
const common = { root: process.cwd(), logLevel: 'error', configFile: false };
const output = { entryFileNames: 'main.mjs' };
const target = 'es2022';
await build({ ...common, build: { outDir: 'vite', target, rollupOptions: { input: 'program.js', output } } });
await build({ ...common, build: { outDir: 'ssr', target, ssr: 'program.js', rollupOptions: { output } }, ssr: { noExternal: true } });`;
  writeFileSync(join(folder, 'vite.mjs'), script);
  node('vite.mjs');
  await inBrowser('vite/main.mjs');
  assert.equal(node('ssr/main.mjs').trim(), ANSWER);
});
