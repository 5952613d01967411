// The tasks as a list that can be gone through, and one of them looked at closely.

import { h, setText } from '../dom.js';
import { ask } from '../engine.js';
import { duration, t } from '../i18n.js';
import { layout, PLACE, TASK } from '../snapshot.js';
import { eventText } from './events.js';

const ROWS_MAX = 120;

export class TaskList {
  /**
   * @param {import('../session.js').Session} session
   * @param {import('../stage/stage.js').Stage} stage
   */
  constructor(session, stage) {
    this.session = session;
    this.stage = stage;
    /** What the details are of, and when. */
    this.shownAt = '';
    this.list = h('ul', {
      class: 'tasks',
      role: 'listbox',
      id: 'tasks',
      'aria-label': t('tasks.title'),
      tabindex: 0,
      onkeydown: (/** @type {KeyboardEvent} */ event) => this.key(event),
    });
    this.more = h('p', { class: 'note' });
    this.detail = h('section', { class: 'inspect', id: 'inspect', 'aria-live': 'polite' });
    this.element = h(
      'div',
      { class: 'tab-body' },
      h('p', { class: 'note' }, t('tasks.help')),
      this.list,
      this.more,
      this.detail,
    );
    session.on('settle', () => this.fill());
    session.on('runs', () => this.select(0, -1));
  }

  /** Only what is seen is kept up to date. */
  get visible() {
    return this.element.isConnected && this.element.closest('[hidden]') === null;
  }

  fill() {
    if (!this.visible) return;
    const { panel, task: selected } = this.stage.selected;
    const snapshot = this.session.snapshots[panel];
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
      const place = layout.places[snapshot.task(row, TASK.place)];
      item.id = `task-${id}`;
      item.dataset.task = String(id);
      item.dataset.place = place;
      item.setAttribute('aria-selected', String(id === selected));
      setText(item.children[1], t('tasks.row', { id, place: t(`place.${place}`), where: where(snapshot, row) }));
      setText(item.children[2], duration(Math.max(0, now - snapshot.task(row, TASK.since_ns))));
    }
    const left =
      snapshot.of('queued') + snapshot.of('in_flight') + snapshot.of('waiting') + snapshot.of('ended') - rows;
    setText(this.more, rows === 0 ? t('tasks.none') : left > 0 ? t('tasks.more', { count: left }) : '');
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

  /** The next or the previous task of the list. @param {number} by */
  move(by) {
    const { panel, task } = this.stage.selected;
    const snapshot = this.session.snapshots[panel];
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

  /** All that happened to the selected task so far. */
  async inspect() {
    const { panel, task } = this.stage.selected;
    const run = this.session.runs[panel];
    const at = `${run?.player}/${task}/${this.session.positions[panel]}`;
    if (!run || task < 0 || at === this.shownAt) return;
    this.shownAt = at;
    const json = await ask('call', run.player, 'task', task);
    if (at !== this.shownAt) return;
    const story = json === undefined ? null : JSON.parse(json);
    /** @type {any[]} */
    const events = (story?.events ?? []).map((/** @type {any} */ line) =>
      typeof line === 'string' ? JSON.parse(line) : line,
    );
    const work = story?.work;
    this.detail.replaceChildren(
      h('h3', {}, t('tasks.one', { id: task })),
      ...(work
        ? [
            h(
              'p',
              { class: 'note' },
              t('tasks.work', { ms: work.ms, fail: work.fail }) + (work.panic ? ` · ${t('tasks.panics')}` : ''),
            ),
          ]
        : []),
      h(
        'ol',
        { class: 'story' },
        ...events
          .slice(-40)
          .map((event) => h('li', {}, h('span', { class: 'mono time' }, duration(event.t_ns)), ' ', eventText(event))),
      ),
    );
  }
}

/** @param {import('../snapshot.js').Snapshot} snapshot @param {number} row */
function where(snapshot, row) {
  const place = snapshot.task(row, TASK.place);
  const attempt = snapshot.task(row, TASK.attempt);
  const again = attempt > 1 ? ` · ${t('tasks.attempt', { attempt })}` : '';
  if (place === PLACE.running) return t('tasks.permit', { permit: snapshot.task(row, TASK.permit) }) + again;
  if (place === PLACE.queued) return t('tasks.place', { place: snapshot.task(row, TASK.queue_place) + 1 }) + again;
  return t('tasks.attempt', { attempt });
}
