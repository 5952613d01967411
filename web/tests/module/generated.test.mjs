// The files that are generated from the crate agree with the module.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import * as layout from '../../js/generated/layout.js';
import { LAYOUT } from './load.mjs';

test('the page reads snapshots by the layout that the module writes them in', () => {
  const numbered = (/** @type {string[]} */ names) => Object.fromEntries(names.map((name, index) => [name, index]));
  const {
    header,
    task,
    recent,
    lane,
    series,
    places,
    fates,
    outcomes,
    kinds,
    phases,
    source_states,
    patterns,
    ...rest
  } = LAYOUT;
  assert.deepEqual(rest, {}, 'there is more in the layout than the page knows');
  assert.deepEqual(
    { ...layout },
    {
      HEADER: numbered(header),
      TASK: numbered(task),
      RECENT: numbered(recent),
      LANE: numbered(lane),
      SERIES: numbered(series),
      PLACE: numbered(places),
      FATE: numbered(fates),
      OUTCOME: numbered(outcomes),
      KINDS: kinds,
      PHASES: phases,
      SOURCE_STATES: source_states,
      PATTERNS: patterns,
    },
  );
});
