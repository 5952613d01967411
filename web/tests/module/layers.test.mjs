// The layers of the page's scripts: a file imports only from layers below its own, types included, and there is no circle.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize, relative } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../js', import.meta.url));

/** From the lowest to the highest. A layer is a list of files, and of folders that end with a slash. */
const LAYERS = [
  [
    'generated/',
    'protocol.d.ts',
    'dom.js',
    'format.js',
    'icons.js',
    'steady.js',
    'link.js',
    'health.js',
    'sandbox.js',
    'translator.js',
  ],
  [
    'parameters.js',
    'host.js',
    'snapshot.js',
    'sources.js',
    'tabs.js',
    'feed.js',
    'measures.js',
    'meter.js',
    'handlers/',
  ],
  ['playheads.js', 'engine.js', 'sandbox_host.js', 'scenarios.js'],
  ['worker.js', 'outcome.js', 'stage/'],
  ['playback.js'],
  ['page.d.ts'],
  ['panels/', 'transport.js', 'keys.js', 'tools.js'],
  ['modes/'],
  ['app.js'],
  ['main.js'],
];

/** Imports from outside `web/js`: the module, its types, and the library that draws charts. */
const OUTSIDE = /^\.\.\/(fourfold_web\.js|npm\/|vendor\/)/;

/** The import lines of a script: statements, calls, and types in comments. */
const IMPORT = /(?:\bfrom\s*|\bimport\s*\(?\s*)['"](\.[^'"]+)['"]/g;

/** @param {string} file */
function importsOf(file) {
  const text = readFileSync(join(ROOT, file), 'utf8');
  return [...text.matchAll(IMPORT)].map(([, path]) => normalize(join(dirname(file), path)));
}

/** @param {Map<string, string[]>} graph @param {string[][]} layers */
function faults(graph, layers) {
  const layerOf = (/** @type {string} */ file) =>
    layers.findIndex((layer) => layer.some((part) => part === file || (part.endsWith('/') && file.startsWith(part))));
  const found = [];
  for (const [file, imports] of graph) {
    const own = layerOf(file);
    if (own < 0) found.push(`${file} is in no layer`);
    for (const other of imports) {
      if (!graph.has(other)) found.push(`${file} imports ${other}, which is not there`);
      // The files of a folder are one layer: circles among them are looked for below.
      else if (layerOf(other) >= own && (dirname(file) === '.' || dirname(file) !== dirname(other)))
        found.push(`${file} imports ${other}, which is beside or above it`);
    }
  }
  return [...found, ...circles(graph)];
}

/** @param {Map<string, string[]>} graph */
function circles(graph) {
  const done = new Set();
  const found = [];
  const visit = (/** @type {string} */ file, /** @type {string[]} */ way) => {
    if (way.includes(file)) {
      found.push(`a circle: ${[...way.slice(way.indexOf(file)), file].join(' → ')}`);
      return;
    }
    if (done.has(file)) return;
    for (const other of graph.get(file) ?? []) visit(other, [...way, file]);
    done.add(file);
  };
  for (const file of graph.keys()) visit(file, []);
  return found;
}

/** @param {string[]} files */
function graphOf(files) {
  // Types are imported by the name of the script that they would describe.
  const known = (/** @type {string} */ path) => (files.includes(path) ? path : path.replace(/\.js$/, '.d.ts'));
  return new Map(
    files.map((file) => [
      file,
      importsOf(file)
        .filter((path) => !OUTSIDE.test(path))
        .map(known),
    ]),
  );
}

test('no script of the page imports from a layer above its own, and there is no circle', () => {
  const entries = readdirSync(ROOT, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const files = entries.map((entry) => relative(ROOT, join(entry.parentPath, entry.name)));
  const graph = graphOf(files);
  const arrows = [...graph.values()].reduce((sum, imports) => sum + imports.length, 0);
  assert.ok(files.length > 50 && arrows > 150, `${files.length} files, ${arrows} imports: they are not all read`);
  assert.deepEqual(faults(graph, LAYERS), []);
});

test('an arrow that runs back, a circle and a file without a layer are found', () => {
  const layers = [['low.js'], ['high.js', 'panels/']];
  const graph = new Map([
    ['low.js', ['high.js']],
    ['high.js', []],
    ['panels/a.js', ['panels/b.js', 'low.js']],
    ['panels/b.js', ['panels/a.js']],
    ['new.js', ['gone.js']],
  ]);
  assert.deepEqual(faults(graph, layers), [
    'low.js imports high.js, which is beside or above it',
    'new.js is in no layer',
    'new.js imports gone.js, which is not there',
    'a circle: panels/a.js → panels/b.js → panels/a.js',
  ]);
});

test('no type of the page is left open', () => {
  const entries = readdirSync(ROOT, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const open = entries.flatMap((entry) => {
    const path = join(entry.parentPath, entry.name);
    const lines = readFileSync(path, 'utf8').split('\n');
    const bad = lines.flatMap((line, index) => (/[{<(|,:] *any\b *[[\]})>|,;]/.test(line) ? [index + 1] : []));
    return bad.map((line) => `${relative(ROOT, path)}:${line}`);
  });
  assert.deepEqual(open, []);
});
