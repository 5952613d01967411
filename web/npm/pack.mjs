// Prepares the module for the package: `node pack.mjs MODULE_FOLDER PACKAGE_FOLDER`.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

const [module, output] = process.argv.slice(2);
const read = (name) => readFileSync(join(module, name));
const write = (name, text) => writeFileSync(join(output, name), text);

const wasm = read('fourfold_web_bg.wasm');
write('fourfold.wasm', wasm);
const text = gzipSync(wasm, { level: 9 }).toString('base64');
write('inlined.js', `// The module, compressed.\nexport default '${text}';\n`);

// A bundler that sees the address of a file looks for the file.
const glue = read('fourfold_web.js').toString();
const address = /new URL\('fourfold_web_bg\.wasm', import\.meta\.url\)/;
if (!address.test(glue)) throw new Error('fourfold_web.js does not name its module as it did');
write('fourfold_web.js', glue.replace(address, 'undefined'));

// The types of a player, without what only this package calls and without what needs newer libraries.
const types = read('fourfold_web.d.ts').toString();
const player = /export class Player \{[\s\S]*?\n\}\n/.exec(types)?.[0];
if (!player) throw new Error('fourfold_web.d.ts has no class Player');
const hidden =
  /(?: {4}\/\*\*(?:(?!\*\/)[\s\S])*\*\/\n)? {4}(?:static own|succeed|fail|task_arrived|\[Symbol\.dispose\])\(.*\n/g;
write('player.d.ts', player.replace(hidden, ''));
