// The tasks as a list, and everything about the selected one.

import { h, setText } from '../dom.js';
import { duration } from '../format.js';
import { PLACE, TASK } from '../generated/layout.js';
import { eventText } from './events.js';

/**
 * @import { Services } from '../page.js'
 * @import { Snapshot } from '../snapshot.js'
 * @import { Translate } from '../translator.js'
 */

const ROWS_MAX = 120;
const PLACES = Object.keys(PLACE);

export class TaskList {
  /** @param {Services} services */
  constructor({ playback, engine, stage, tr }) {
    this.playback = playback;
    this.engine = engine;
    this.stage = stage;
    this.tr = tr;
    /** The run, task and position that the details show. */
    this.shownAt = '';
    this.list = h('ul', {
      class: 'tasks',
      role: 'listbox',
      id: 'tasks',
      'aria-label': this.tr('tasks.title'),
      tabindex: 0,
      onkeydown: (/** @type {KeyboardEvent} */ event) => this.key(event),
    });
    this.more = h('p', { class: 'note' });
    this.detail = h('section', { class: 'inspect', id: 'inspect', 'aria-live': 'polite' });
    this.element = h(
      'div',
      { class: 'tab-body' },
      h('p', { class: 'note' }, this.tr('tasks.help')),
      this.list,
      this.more,
      this.detail,
    );
    playback.on('settle', () => this.fill());
    playback.on('runs', () => this.select(0, -1));
  }

  /** Whether the list is seen; otherwise it is not kept up to date. */
  get visible() {
    return this.element.isConnected && this.element.closest('[hidden]') === null;
  }

  fill() {
    if (!this.visible) return;
    const { panel, task: selected } = this.stage.selected;
    const snapshot = this.playback.snapshots[panel];
    if (!snapshot) return;
    const rows = Math.min(snapshot.rows, ROWS_MAX);
    while (this.list.children.length > rows) this.list.lastElementChild?.remove();
    while (this.list.children.length < rows) {
      this.list.append(
        h(
          'li',
          { role: 'option', onclick: (/** @type {Event} */ event) => this.click(event) },
          h('span', { class: 'dot' }),
          h('span', { class: 'what' }),
          h('span', { class: 'when' }),
        ),
      );
    }
    const now = snapshot.of('t_ns');
    for (let row = 0; row < rows; row += 1) {
      const item = /** @type {HTMLElement} */ (this.list.children[row]);
      const id = snapshot.task(row, TASK.id);
      const place = PLACES[snapshot.task(row, TASK.place)];
      item.id = `task-${id}`;
      item.dataset.task = String(id);
      item.dataset.place = place;
      item.setAttribute('aria-selected', String(id === selected));
      setText(
        item.children[1],
        this.tr('tasks.row', { id, place: this.tr(`place.${place}`), where: where(snapshot, row, this.tr) }),
      );
      setText(item.children[2], duration(Math.max(0, now - snapshot.task(row, TASK.since_ns))));
    }
    const left =
      snapshot.of('queued') + snapshot.of('in_flight') + snapshot.of('waiting') + snapshot.of('ended') - rows;
    setText(this.more, rows === 0 ? this.tr('tasks.none') : left > 0 ? this.tr('tasks.more', { count: left }) : '');
    this.list.toggleAttribute('aria-activedescendant', false);
    if (selected >= 0 && snapshot.rowOf(selected) >= 0)
      this.list.setAttribute('aria-activedescendant', `task-${selected}`);
    void this.inspect();
  }

  /** @param {Event} event */
  click(event) {
    const item = /** @type {HTMLElement} */ (event.currentTarget);
    this.select(this.stage.selected.panel, Number(item.dataset.task));
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!by) return;
    event.preventDefault();
    event.stopPropagation();
    this.move(by);
  }

  /** Selects the next or the previous task of the list. @param {number} by */
  move(by) {
    const { panel, task } = this.stage.selected;
    const snapshot = this.playback.snapshots[panel];
    if (!snapshot || snapshot.rows === 0) return;
    const row = snapshot.rowOf(task);
    const next = row < 0 ? (by > 0 ? 0 : snapshot.rows - 1) : (row + by + snapshot.rows) % snapshot.rows;
    this.select(panel, snapshot.task(next, TASK.id));
  }

  /** @param {number} panel @param {number} task */
  select(panel, task) {
    this.stage.selected = { panel: Math.max(0, panel), task };
    this.shownAt = '';
    this.stage.paint(0, true);
    this.fill();
    if (task < 0) this.detail.replaceChildren();
    document.getElementById(`task-${task}`)?.scrollIntoView({ block: 'nearest' });
  }

  /** Lists everything that has happened to the selected task so far. */
  async inspect() {
    const { panel, task } = this.stage.selected;
    const run = this.playback.runs[panel];
    const at = `${run?.player}/${task}/${this.playback.positions[panel]}`;
    if (!run || task < 0 || at === this.shownAt) return;
    this.shownAt = at;
    const story = await this.engine.ask('task', run.player, task);
    if (at !== this.shownAt) return;
    const { events, work } = story ?? { events: [], work: null };
    this.detail.replaceChildren(
      h('h3', {}, this.tr('tasks.one', { id: task })),
      ...(work
        ? [
            h(
              'p',
              { class: 'note' },
              this.tr('tasks.work', { ms: work.ms ?? 0, fail: work.fail ?? 0 }) +
                (work.panic ? ` · ${this.tr('tasks.panics')}` : ''),
            ),
          ]
        : []),
      h(
        'ol',
        { class: 'story' },
        ...events
          .slice(-40)
          .map((event) =>
            h('li', {}, h('span', { class: 'mono time' }, duration(event.t_ns)), ' ', eventText(event, this.tr)),
          ),
      ),
    );
  }
}

/** Says where a task is. @param {Snapshot} snapshot @param {number} row @param {Translate} tr */
function where(snapshot, row, tr) {
  const place = snapshot.task(row, TASK.place);
  const attempt = snapshot.task(row, TASK.attempt);
  const again = attempt > 1 ? ` · ${tr('tasks.attempt', { attempt })}` : '';
  if (place === PLACE.running) return tr('tasks.permit', { permit: snapshot.task(row, TASK.permit) }) + again;
  if (place === PLACE.queued) return tr('tasks.place', { place: snapshot.task(row, TASK.queue_place) + 1 }) + again;
  return tr('tasks.attempt', { attempt });
}
