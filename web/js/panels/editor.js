// A text area for code: Tab indents, after Escape the next Tab leaves, Ctrl+Enter runs.

import { h } from '../dom.js';

/** @import { Translate } from '../translator.js' */

/**
 * Makes an editor.
 * @param {Translate} tr
 * @param {{id: string, label: string, value: string, run: () => void, class?: string, help?:
 *   string}} options
 */
export function editor(tr, { id, label, value, run, class: name, help }) {
  let leaving = false;
  const area = h('textarea', {
    id,
    class: name,
    spellcheck: 'false',
    autocapitalize: 'off',
    autocomplete: 'off',
    wrap: 'off',
    'aria-describedby': help ? `${id}-help` : undefined,
    '.value': value,
    onkeydown: (/** @type {KeyboardEvent} */ event) => key(event),
    onblur: () => {
      leaving = false;
    },
  });

  /** @param {KeyboardEvent} event */
  function key(event) {
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      run();
    } else if (event.key === 'Escape') {
      leaving = true;
    } else if (event.key === 'Tab' && !event.ctrlKey && !event.altKey && !event.metaKey) {
      if (leaving) return;
      event.preventDefault();
      indent(area, event.shiftKey);
    } else if (event.key !== 'Shift') {
      leaving = false;
    }
  }

  return {
    area,
    element: h(
      'div',
      { class: 'stack' },
      h('label', { for: id }, h('strong', {}, label)),
      area,
      help ? h('p', { class: 'note', id: `${id}-help` }, help, ' ', tr('editor.keys')) : null,
    ),
  };
}

/**
 * Indents each selected line by two spaces, or less by two.
 * @param {HTMLTextAreaElement} area
 * @param {boolean} less
 */
function indent(area, less) {
  const { selectionStart: from, selectionEnd: to, value } = area;
  if (from === to && !less) {
    area.setRangeText('  ', from, to, 'end');
    return;
  }
  const start = value.lastIndexOf('\n', from - 1) + 1;
  const lines = value.slice(start, to).split('\n');
  const changed = lines.map((line) => (less ? line.replace(/^ {1,2}/, '') : `  ${line}`)).join('\n');
  area.setRangeText(changed, start, to, 'preserve');
  area.setSelectionRange(
    Math.max(start, from + (less ? changed.split('\n')[0].length - lines[0].length : 2)),
    start + changed.length,
  );
}
