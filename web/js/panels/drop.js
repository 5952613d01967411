// Where a trace file is chosen, or dropped anywhere on the page.

import { h } from '../dom.js';
import { PATTERNS } from '../generated/layout.js';

/**
 * @import { Pattern } from '../protocol.js'
 * @import { Translate } from '../translator.js'
 *
 * @typedef {object} Actions
 * @property {(file: File) => void} open
 * @property {(patterns: Pattern[]) => void} sample
 */

export class DropZone {
  #listening = new AbortController();

  /** @param {Translate} tr @param {Actions} actions */
  constructor(tr, actions) {
    this.tr = tr;
    this.actions = actions;
    const input = h('input', {
      type: 'file',
      class: 'hidden',
      tabindex: -1,
      'aria-hidden': 'true',
      accept: '.jsonl,.json,.ndjson,.txt',
      onchange: () => {
        const [file] = input.files ?? [];
        if (file) actions.open(file);
        input.value = '';
      },
    });
    const button = (/** @type {string} */ id, /** @type {string} */ key, /** @type {() => void} */ onclick) =>
      h('button', { type: 'button', class: id === 'choose-trace' ? 'primary' : undefined, id, onclick }, tr(key));
    this.element = h(
      'div',
      { class: 'drop' },
      h('p', {}, tr('replay.drop')),
      h(
        'div',
        { class: 'row-of' },
        button('choose-trace', 'replay.choose', () => input.click()),
        input,
        button('sample-one', 'replay.sample', () => actions.sample(['pool'])),
        button('sample-four', 'replay.sampleFour', () => actions.sample([...PATTERNS])),
      ),
    );
  }

  /** Listens for files that are dropped on the page. */
  listen() {
    const { signal } = this.#listening;
    document.addEventListener('dragover', (event) => this.#over(event), { signal });
    document.addEventListener('dragleave', (event) => this.#out(event), { signal });
    document.addEventListener('drop', (event) => this.#drop(event), { signal });
  }

  close() {
    this.#listening.abort();
    document.body.classList.remove('dropping');
  }

  /** @param {DragEvent} event */
  #over(event) {
    if (![...(event.dataTransfer?.types ?? [])].includes('Files')) return;
    event.preventDefault();
    document.body.dataset.dropping = this.tr('replay.dropHere');
    document.body.classList.add('dropping');
  }

  /** @param {DragEvent} event */
  #out(event) {
    if (event.relatedTarget === null) document.body.classList.remove('dropping');
  }

  /** @param {DragEvent} event */
  #drop(event) {
    document.body.classList.remove('dropping');
    const file = event.dataTransfer?.files[0];
    if (!file) return;
    event.preventDefault();
    this.actions.open(file);
  }
}
