// The options of a run, checked.

import { OPTIONS } from './parameters.js';

const OWN = ['signal', 'onEvent', 'record'];

/** Reads options: those of the module as JSON, the others as they are. */
export function read(options, own = OWN) {
  const known = {};
  for (const [key, value] of Object.entries(options)) {
    if (own.includes(key)) continue;
    if (!Object.hasOwn(OPTIONS, key)) {
      const names = [...Object.keys(OPTIONS), ...own].join(', ');
      throw new TypeError(`there is no option ${key}; expected one of ${names}`);
    }
    if (value !== undefined) known[OPTIONS[key]] = value;
  }
  return JSON.stringify(known);
}
