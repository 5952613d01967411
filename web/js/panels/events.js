// What happened around the playhead, in words.

import { h } from '../dom.js';
import { ask } from '../engine.js';
import { duration, t } from '../i18n.js';

const BEFORE = 24;
const AFTER = 8;

/**
 * An event of a trace as a sentence.
 * @param {any} event
 */
export function eventText(event) {
  const values = {
    ...event,
    reason: event.reason ? ` — ${event.reason}` : '',
    after: event.after_ns === undefined ? '' : duration(event.after_ns),
    outcome: event.outcome ? t(`outcome.${event.outcome}`) : '',
    ending: event.ending ? t(`ending.${event.ending}`) : '',
    by: event.by ? t(`blocker.${event.by}`) : '',
    pattern: event.pattern ? t(`pattern.${event.pattern}`) : '',
    n: (event.batch ?? 0) + 1,
  };
  return t(`event.${event.event}`, values);
}

export class EventList {
  /** @param {import('../session.js').Session} session */
  constructor(session) {
    this.session = session;
    this.list = h('ol', { class: 'events', id: 'events' });
    this.element = h('div', { class: 'tab-body' }, h('p', { class: 'note' }, t('events.help')), this.list);
    this.shownAt = '';
    session.on('settle', () => void this.fill());
  }

  async fill() {
    if (!this.element.isConnected || this.element.closest('[hidden]') !== null) return;
    const index = 0;
    const run = this.session.runs[index];
    const position = this.session.positions[index] ?? 0;
    const at = `${run?.player}/${position}`;
    if (!run || at === this.shownAt) return;
    this.shownAt = at;
    const from = Math.max(this.session.snapshots[index].of('start'), position - BEFORE);
    const text = await ask('call', run.player, 'events', from, position - from + AFTER);
    if (at !== this.shownAt) return;
    const events = text
      .split('\n')
      .filter(Boolean)
      .map((/** @type {string} */ line) => JSON.parse(line));
    this.list.replaceChildren(
      ...events.map((/** @type {any} */ event, /** @type {number} */ n) => {
        const place = from + n + 1;
        const state = place === position ? 'now' : place < position ? 'past' : 'ahead';
        return h(
          'li',
          { class: state, 'data-event': event.event, 'aria-current': state === 'now' ? 'step' : undefined },
          h(
            'button',
            { type: 'button', class: 'quiet', onclick: () => this.session.go({ positions: [place] }) },
            h('span', { class: 'mono time' }, duration(event.t_ns)),
            ' ',
            h('span', { class: 'mono seq' }, `#${event.seq}`),
            ' ',
            h('span', {}, eventText(event)),
          ),
        );
      }),
    );
    // Within the list: the page stays where it is.
    const now = this.list.querySelector('.now');
    if (now instanceof HTMLElement) this.list.scrollTop = now.offsetTop - this.list.clientHeight / 2;
  }
}
