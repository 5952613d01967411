// The meaning of the shapes, under the stage.

import { h, svg } from '../dom.js';

/**
 * Shapes as on the stage, on a grid of 20: state, form and path.
 * @type {[string, string, string][]}
 */
const SHAPES = [
  ['queued', 'open', 'M10 4a6 6 0 1 1 0 12a6 6 0 1 1 0-12z'],
  ['running', 'full', 'M10 4a6 6 0 1 1 0 12a6 6 0 1 1 0-12z'],
  ['retry', 'full', 'M10 3l7 12H3z'],
  ['done', 'full', 'M4.500 4.500h11v11h-11z'],
  ['failed', 'full', 'M10 2.500l7.500 7.500l-7.500 7.500l-7.500-7.500z'],
  ['cancelled', 'open', 'M10 4a6 6 0 1 1 0 12a6 6 0 1 1 0-12zM6 14l8-8'],
  ['leaked', 'dashed', 'M10 4a6 6 0 1 1 0 12a6 6 0 1 1 0-12z'],
];

/** Marks on full shapes. @type {Record<string, string>} */
const MARKS = { done: 'M7 10.200l2.200 2.300l4-5', failed: 'M7.800 7.800l4.400 4.400M12.200 7.800l-4.400 4.400' };

/** @param {HTMLElement} box @param {import('../translator.js').Translate} tr */
export function paintLegend(box, tr) {
  box.replaceChildren(
    h(
      'ul',
      { 'aria-label': tr('legend.title') },
      ...SHAPES.map(([state, form, path]) =>
        h(
          'li',
          {},
          svg(
            'svg',
            { viewBox: '0 0 20 20', width: 16, height: 16, 'aria-hidden': 'true', class: `shape ${form} is-${state}` },
            svg('path', { d: path }),
            ...(MARKS[state] ? [svg('path', { class: 'mark', d: MARKS[state] })] : []),
          ),
          h('span', {}, tr(`legend.${state}`)),
        ),
      ),
    ),
  );
}
