// The state as a table: what the canvas shows, for readers, screen readers and tests.

import { h, setText } from '../dom.js';
import { count, duration } from '../format.js';
import { PLACE, TASK } from '../generated/layout.js';

/**
 * @import { Services } from '../page.js'
 * @import { Name, Snapshot } from '../snapshot.js'
 */

/** The counters, in groups. @type {{key: string, names: Name[]}[]} */
const GROUPS = [
  { key: 'now', names: ['in_flight', 'queued', 'waiting', 'ended', 'abandoned', 'limit', 'queue_capacity', 'workers'] },
  { key: 'tasks', names: ['tasks', 'done', 'dead', 'released', 'malformed'] },
  {
    key: 'attempts',
    names: ['attempts', 'succeeded', 'failed', 'timed_out', 'panicked', 'cancelled', 'lease_lost', 'retried'],
  },
  {
    key: 'run',
    names: [
      'peak_in_flight',
      'batch',
      'batch_size',
      'batch_ended',
      'cause',
      'missed',
      'oldest_ns',
      'idle_ns',
      't_ns',
      'position',
    ],
  },
];

/**
 * The number of entries after which a list ends with an ellipsis; its count is exact all the same.
 */
const LISTED = 200;

export class StateTable {
  /** @param {Services} services */
  constructor({ playback, tr }) {
    this.playback = playback;
    this.tr = tr;
    this.table = h('table', { id: 'state' });
    /** @type {Map<string, HTMLTableCellElement[]>} */
    this.cells = new Map();
    this.element = h(
      'section',
      { class: 'card state', 'aria-labelledby': 'state-title' },
      h('h2', { id: 'state-title' }, this.tr('state.title')),
      h('div', { class: 'scroll', tabindex: 0, role: 'region', 'aria-labelledby': 'state-title' }, this.table),
    );
    playback.on('runs', () => this.build());
    playback.on('settle', () => this.fill());
    this.build();
  }

  build() {
    const { runs } = this.playback;
    this.cells.clear();
    const titles = runs.map((run) => run.title);
    const several = runs.length > 1;
    /** @type {HTMLElement[]} */
    const bodies = [];
    const line = (/** @type {string} */ key) => {
      const cells = runs.map(() => h('td'));
      this.cells.set(key, cells);
      return h('tr', { 'data-key': key }, h('th', { scope: 'row' }, this.tr(`state.${key}`)), ...cells);
    };
    for (const { key, names } of GROUPS) {
      bodies.push(
        h(
          'tbody',
          { 'data-group': key },
          h(
            'tr',
            { class: 'group' },
            h('th', { scope: 'rowgroup', colspan: runs.length + 1 }, this.tr(`state.group.${key}`)),
          ),
          ...names.map(line),
        ),
      );
    }
    const lists = ['phase', 'source_state', 'permits', 'queue', 'retries'];
    bodies.push(
      h(
        'tbody',
        { 'data-group': 'lists' },
        h(
          'tr',
          { class: 'group' },
          h('th', { scope: 'rowgroup', colspan: runs.length + 1 }, this.tr('state.group.lists')),
        ),
        ...lists.map(line),
      ),
    );
    this.table.replaceChildren(
      ...(several
        ? [h('thead', {}, h('tr', {}, h('td'), ...titles.map((title) => h('th', { scope: 'col' }, title))))]
        : []),
      ...bodies,
    );
    this.fill();
  }

  fill() {
    this.playback.snapshots.forEach((snapshot, index) => {
      for (const { names } of GROUPS)
        for (const name of names) this.set(name, index, form(name, snapshot.of(name)), snapshot.of(name));
      this.set('phase', index, this.tr(`phase.${snapshot.phase}`), snapshot.phase);
      this.set(
        'source_state',
        index,
        snapshot.sourceState && this.tr(`source_state.${snapshot.sourceState}`),
        snapshot.sourceState,
      );
      const lists = listed(snapshot);
      this.set('permits', index, lists.permits, lists.permits);
      this.set('queue', index, lists.queue, lists.queue);
      this.set('retries', index, lists.retries, lists.retries);
    });
    const page = document.getElementById('page');
    if (page) page.dataset.digest = this.playback.digest;
  }

  /**
   * @param {string} key
   * @param {number} index
   * @param {string} text
   * @param {string | number} value
   */
  set(key, index, text, value) {
    const cell = this.cells.get(key)?.[index];
    if (!cell) return;
    setText(cell, text);
    cell.dataset.value = String(value);
  }
}

/** @param {string} name @param {number} value */
function form(name, value) {
  if (value < 0) return '–';
  // From 1, as on the stage.
  if (name === 'batch') return count(value + 1);
  return name.endsWith('_ns') ? duration(value) : count(value);
}

/**
 * Lists permits and their tasks, the queue in order, and tasks that wait for another attempt.
 * @param {Snapshot} snapshot
 */
function listed(snapshot) {
  /** @type {Record<'permits' | 'queue' | 'retries', string[]>} */
  const lists = { permits: [], queue: [], retries: [] };
  for (let row = 0; row < snapshot.rows; row += 1) {
    const place = snapshot.task(row, TASK.place);
    const id = snapshot.task(row, TASK.id);
    if (place === PLACE.running) lists.permits.push(`${snapshot.task(row, TASK.permit)}:${id}`);
    else if (place === PLACE.queued) lists.queue.push(String(id));
    else if (place === PLACE.waiting) lists.retries.push(`${id}#${snapshot.task(row, TASK.attempt)}`);
  }
  const cut = (/** @type {string[]} */ list) =>
    list.length === 0 ? '–' : list.slice(0, LISTED).join(' ') + (list.length > LISTED ? ' …' : '');
  return { permits: cut(lists.permits), queue: cut(lists.queue), retries: cut(lists.retries) };
}
