// The page begins: the worker, language and theme, then the mode that the link asks for.

import { Engine } from './engine.js';
import { health } from './health.js';
import { readLink } from './link.js';
import { themeOf } from './tools.js';
import { preferredLanguage, Translator } from './translator.js';

/** How long a server is given to say that it has a run to watch, in milliseconds. */
const HEALTH_MS = 400;

/**
 * A page that a native run serves shows that run, unless the link says otherwise. Pages from
 * elsewhere come over https.
 */
async function isWatched() {
  if (location.protocol !== 'http:' || new URLSearchParams(location.hash.slice(1)).has('mode')) return false;
  return (await health(HEALTH_MS)).live;
}

async function start() {
  // The module loads while the rest of the page does.
  const engine = new Engine();
  const translator = new Translator();
  const view = readLink(location.hash);
  const theme = themeOf(view.theme);
  document.documentElement.dataset.theme = theme;
  const language = view.lang === 'zh' || view.lang === 'en' ? view.lang : preferredLanguage();
  const [{ App }, watched] = await Promise.all([
    import('./app.js'),
    isWatched(),
    translator.load(language),
    engine.ask('ready'),
  ]);
  if (watched) view.mode = 'live';
  const app = new App(engine, translator, theme, view);
  await app.start();
  performance.mark('usable');
  // For the console, and for tools that measure: what is on the stage, and what it costs to draw.
  Object.assign(globalThis, { fourfold: app });
}

start().catch((error) => {
  const problem = document.createElement('p');
  problem.className = 'fatal';
  problem.setAttribute('role', 'alert');
  problem.textContent = `fourfold: ${error instanceof Error ? error.message : String(error)}`;
  document.body.prepend(problem);
});
