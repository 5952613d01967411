// The words on the stage while there is no run.

import { byId, h } from '../dom.js';

/**
 * Puts words on the empty stage.
 * @param {string} title @param {string} text @param {...HTMLElement} actions
 * @returns {() => void} takes it down
 */
export function putUp(title, text, ...actions) {
  takeDown();
  document.body.dataset.empty = '';
  byId('stage').append(
    h('div', { class: 'placard' }, h('h2', {}, title), h('p', {}, text), h('div', { class: 'row-of' }, ...actions)),
  );
  return takeDown;
}

export function takeDown() {
  delete document.body.dataset.empty;
  document.querySelector('.placard')?.remove();
}
