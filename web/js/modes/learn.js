import { h } from '../dom.js';

/** @param {import('../app.js').App} app @returns {import('../app.js').Guide} */
export function guide(app) {
  return { element: h('div', { class: 'tab-body' }), enter: async () => app.caption('learn', ''), link: () => ({}) };
}
