// The latest lines that a handler printed.

import { h } from '../dom.js';
import { count } from '../format.js';

/** @import { Translate } from '../translator.js' */

const LINES_MAX = 300;

export class Log {
  /** @param {string} id @param {Translate} tr */
  constructor(id, tr) {
    this.tr = tr;
    this.list = h('ol', { class: 'log', id, tabindex: 0, 'aria-label': this.tr('own.log'), hidden: true });
    this.empty = h('p', { class: 'note' }, this.tr('own.logEmpty'));
    this.element = h('div', {}, this.empty, this.list);
  }

  clear() {
    this.list.replaceChildren();
  }

  /**
   * @param {[string, string][]} lines level and text
   * @param {number} [dropped] the number of lines that were dropped
   */
  add(lines, dropped = 0) {
    const { list } = this;
    this.empty.hidden = true;
    list.hidden = false;
    const atEnd = list.scrollTop + list.clientHeight >= list.scrollHeight - 8;
    list.append(...lines.map(([level, text]) => h('li', { 'data-level': level }, String(text))));
    if (dropped > 0) list.append(h('li', { 'data-level': 'warn' }, this.tr('own.dropped', { count: count(dropped) })));
    while (list.children.length > LINES_MAX) list.firstElementChild?.remove();
    if (atEnd) list.scrollTop = list.scrollHeight;
  }
}
