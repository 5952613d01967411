// Tabs by the ARIA practices: arrow keys move between them, and only the chosen one is in the tab
// order.

import { h } from './dom.js';

/**
 * Makes tabs and their panes.
 * @param {string} label
 * @param {{id: string, title: string, element: HTMLElement}[]} tabs
 * @param {{chosen?: string, onchoose?: (id: string) => void}} [options]
 */
export function tabs(label, tabs, { chosen, onchoose } = {}) {
  const buttons = tabs.map(({ id, title }) =>
    h(
      'button',
      {
        type: 'button',
        role: 'tab',
        id: `tab-${id}`,
        'aria-controls': `pane-${id}`,
        onclick: () => choose(id),
        onkeydown: key,
      },
      title,
    ),
  );
  const panes = tabs.map(({ id, element }) =>
    h(
      'div',
      { role: 'tabpanel', id: `pane-${id}`, 'aria-labelledby': `tab-${id}`, class: 'pane', hidden: true },
      element,
    ),
  );

  function choose(/** @type {string} */ id) {
    tabs.forEach((tab, index) => {
      const is = tab.id === id;
      buttons[index].setAttribute('aria-selected', String(is));
      buttons[index].tabIndex = is ? 0 : -1;
      panes[index].hidden = !is;
    });
    onchoose?.(id);
  }

  function key(/** @type {KeyboardEvent} */ event) {
    const at = buttons.indexOf(/** @type {HTMLButtonElement} */ (event.currentTarget));
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: tabs.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    const next = (to + tabs.length) % tabs.length;
    choose(tabs[next].id);
    buttons[next].focus();
  }

  const element = h('div', { class: 'tabs' }, h('div', { role: 'tablist', 'aria-label': label }, ...buttons), ...panes);
  choose(tabs.some(({ id }) => id === chosen) ? /** @type {string} */ (chosen) : tabs[0].id);
  return { element, choose };
}
