// What is known about the connection to a native run.

import { h, setText } from '../dom.js';
import { count, duration } from '../format.js';

/**
 * @import { Feed, FeedState } from '../feed.js'
 * @import { Gap, Meter } from '../meter.js'
 * @import { Snapshot } from '../snapshot.js'
 * @import { Translate } from '../translator.js'
 *
 * @typedef {object} Actions
 * @property {() => void} follow
 * @property {() => void} hold
 */

const FACTS = /** @type {const} */ (['pattern', 'phase', 'events', 'rate', 'lag', 'missed', 'breaks']);

export class WatchPanel {
  /** @param {Translate} tr @param {Actions} actions */
  constructor(tr, actions) {
    this.tr = tr;
    this.lamp = h('span', { class: 'lamp', role: 'status' });
    this.facts = FACTS.map((key) => h('dd', { 'data-live': key }, '–'));
    const facts = FACTS.flatMap((key, index) => [h('dt', {}, tr(`live.${key}`)), this.facts[index]]);
    const onfollow = () => actions.follow();
    const onhold = () => actions.hold();
    this.follow = h(
      'button',
      { type: 'button', class: 'primary', id: 'live-follow', onclick: onfollow },
      tr('live.follow'),
    );
    this.hold = h('button', { type: 'button', id: 'live-hold', onclick: onhold }, tr('live.hold'));
    this.gapList = h('ul', { class: 'checks' });
    this.gapBox = h(
      'section',
      { hidden: true },
      h('h3', {}, tr('live.gaps')),
      h('p', { class: 'note' }, tr('live.gapsHelp')),
      this.gapList,
    );
    this.problem = h('p', { class: 'problem', role: 'alert', hidden: true });
    this.element = h(
      'div',
      { class: 'tab-body', hidden: true },
      this.problem,
      this.lamp,
      h('dl', { class: 'facts' }, ...facts),
      h('div', { class: 'row-of' }, this.follow, this.hold),
      this.gapBox,
    );
  }

  /** @param {string | null} text null when nothing is wrong any more */
  complain(text) {
    this.problem.hidden = text === null;
    if (text !== null) setText(this.problem, text);
  }

  /** @param {FeedState} state */
  showState(state) {
    this.lamp.dataset.state = state;
    setText(this.lamp, this.tr(`live.state.${state}`));
  }

  /** @param {Gap[]} gaps the latest last */
  showGaps(gaps) {
    const { tr } = this;
    const items = gaps.toReversed().map(({ timeNs, missed }) => {
      const time = duration(timeNs);
      const text = missed === null ? tr('live.gapUnknown', { time }) : tr('live.gap', { time, count: count(missed) });
      return h(
        'li',
        { 'data-kept': 'false' },
        h('span', { class: 'sign', 'aria-hidden': 'true' }, '⋯'),
        h('span', {}, text),
      );
    });
    this.gapBox.hidden = false;
    this.gapList.replaceChildren(...items);
  }

  /** @param {Feed} feed @param {Meter} meter @param {Snapshot | undefined} snapshot */
  showFacts(feed, meter, snapshot) {
    const { tr } = this;
    const known = Math.max(meter.missed, snapshot?.of('missed') ?? 0);
    const { lagMs } = meter;
    const texts = [
      snapshot && snapshot.phase !== 'waiting' ? tr(`pattern.${snapshot.pattern}`) : '–',
      snapshot ? tr(`phase.${snapshot.phase}`) : '–',
      count(feed.count),
      tr('chart.perSecond', { count: count(Math.round(meter.rate)) }),
      lagMs === null ? '–' : duration(lagMs * 1e6),
      meter.unknown ? tr('live.atLeast', { count: count(known) }) : count(known),
      count(feed.breaks),
    ];
    for (const [index, text] of texts.entries()) setText(this.facts[index], text);
  }

  /** Shows the button that means something. @param {boolean} following @param {boolean} over */
  showButtons(following, over) {
    this.follow.hidden = over || following;
    this.hold.hidden = over || !following;
  }
}
