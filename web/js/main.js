// The page begins: language and theme, the wasm module's layout, then the mode that the link asks for.

import { App } from './app.js';
import { h } from './dom.js';
import { ask } from './engine.js';
import { health } from './feed.js';
import { loadLanguage, preferredLanguage } from './i18n.js';
import { readLink } from './link.js';
import { learnLayout } from './snapshot.js';
import { applyTheme } from './tools.js';

const HEALTH_MS = 400;

/** A page that a native run serves shows that run, unless the link says otherwise. Pages from elsewhere come over https. */
async function isWatched() {
  if (location.protocol !== 'http:' || new URLSearchParams(location.hash.slice(1)).has('mode')) return false;
  return (await health(HEALTH_MS)).live;
}

async function start() {
  const view = readLink(location.hash);
  applyTheme(view.theme);
  const language = view.lang === 'zh' || view.lang === 'en' ? view.lang : preferredLanguage();
  const [, layout, watched] = await Promise.all([loadLanguage(language), ask('layout'), isWatched()]);
  learnLayout(layout);
  if (watched) view.mode = 'live';
  const app = new App(view);
  await app.start();
  performance.mark('usable');
  // For the console, and for tools that measure: what is on the stage, and what it costs to draw.
  Object.assign(globalThis, { fourfold: app });
}

start().catch((error) => {
  document.body.prepend(
    h('p', { class: 'fatal', role: 'alert' }, `fourfold: ${error instanceof Error ? error.message : String(error)}`),
  );
});
