// The events around the playhead, in words.

import { h } from '../dom.js';
import { duration } from '../format.js';

/**
 * @import { Services } from '../page.js'
 * @import { Event, EventFields } from '../protocol.js'
 * @import { Translate } from '../translator.js'
 */

/** How many events are listed before the playhead, and how many after. */
const BEFORE = 24;
const AFTER = 8;

/**
 * Writes an event of a trace as a sentence.
 * @param {EventFields} event
 * @param {Translate} tr
 */
export function eventText(event, tr) {
  const values = {
    ...event,
    reason: event.reason ? ` — ${event.reason}` : '',
    after: event.after_ns === undefined ? '' : duration(event.after_ns),
    outcome: event.outcome ? tr(`outcome.${event.outcome}`) : '',
    ending: event.ending ? tr(`ending.${event.ending}`) : '',
    by: event.by ? tr(`blocker.${event.by}`) : '',
    pattern: event.pattern ? tr(`pattern.${event.pattern}`) : '',
    n: (event.batch ?? 0) + 1,
  };
  return tr(`event.${event.event}`, values);
}

export class EventList {
  /** @param {Services} services */
  constructor({ playback, engine, tr }) {
    this.playback = playback;
    this.engine = engine;
    this.tr = tr;
    this.list = h('ol', { class: 'events', id: 'events' });
    this.element = h('div', { class: 'tab-body' }, h('p', { class: 'note' }, this.tr('events.help')), this.list);
    this.shownAt = '';
    playback.on('settle', () => void this.fill());
  }

  async fill() {
    if (!this.element.isConnected || this.element.closest('[hidden]') !== null) return;
    const index = 0;
    const run = this.playback.runs[index];
    const position = this.playback.positions[index] ?? 0;
    const at = `${run?.player}/${position}`;
    if (!run || at === this.shownAt) return;
    this.shownAt = at;
    const from = Math.max(this.playback.snapshots[index].of('start'), position - BEFORE);
    const events = await this.engine.ask('events', run.player, from, position - from + AFTER);
    if (at !== this.shownAt) return;
    this.list.replaceChildren(
      ...events.map((event, n) => {
        const place = from + n + 1;
        const state = place === position ? 'now' : place < position ? 'past' : 'ahead';
        return h(
          'li',
          { class: state, 'data-event': event.event, 'aria-current': state === 'now' ? 'step' : undefined },
          h(
            'button',
            { type: 'button', class: 'quiet', onclick: () => this.playback.go({ positions: [place] }) },
            h('span', { class: 'mono time' }, duration(event.t_ns)),
            ' ',
            h('span', { class: 'mono seq' }, `#${event.seq}`),
            ' ',
            h('span', {}, eventText(event, this.tr)),
          ),
        );
      }),
    );
    // The list scrolls, and the page stays where it is.
    const now = this.list.querySelector('.now');
    if (now instanceof HTMLElement) this.list.scrollTop = now.offsetTop - this.list.clientHeight / 2;
  }
}
