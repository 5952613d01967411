// The page begins: language and theme, the wasm module's layout, then the mode that the link asks for.

import { App } from './app.js';
import { h } from './dom.js';
import { ask } from './engine.js';
import { loadLanguage, preferredLanguage } from './i18n.js';
import { readLink } from './link.js';
import { learnLayout } from './snapshot.js';
import { applyTheme } from './tools.js';

async function start() {
  const view = readLink(location.hash);
  applyTheme(view.theme);
  const language = view.lang === 'zh' || view.lang === 'en' ? view.lang : preferredLanguage();
  const [, layout] = await Promise.all([loadLanguage(language), ask('layout')]);
  learnLayout(layout);
  const app = new App(view);
  await app.start();
  performance.mark('usable');
}

start().catch((error) => {
  document.body.prepend(h('p', { class: 'fatal', role: 'alert' }, `fourfold: ${error instanceof Error ? error.message : String(error)}`));
});
