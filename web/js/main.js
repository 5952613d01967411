// The page begins: the worker, language and theme, then the mode that the link asks for.

import { Engine } from './engine.js';
import { health } from './health.js';
import { readLink } from './link.js';
import { themeOf } from './tools.js';
import { preferredLanguage, Translator } from './translator.js';

/** How long a server is given to say that it has a run to watch, in milliseconds. */
const HEALTH_MS = 400;
/** How long a slow server may take until its run is no longer opened by itself, in milliseconds. */
const LATE_MS = 8000;

/**
 * A page that a native run serves shows that run, unless the link says otherwise. Pages from
 * elsewhere come over https.
 */
async function isWatched() {
  if (location.protocol !== 'http:' || new URLSearchParams(location.hash.slice(1)).has('mode')) return false;
  return (await health(LATE_MS)).live;
}

/** Gives up waiting for an answer, not the answer itself. @param {Promise<boolean>} answer */
function soon(answer) {
  return Promise.race([answer, new Promise((resolve) => setTimeout(() => resolve(false), HEALTH_MS))]);
}

/** Opens a run that was found late, unless the visitor has begun something else. @param {import('./app.js').App} app */
function openLate(app) {
  if (app.view.mode !== 'learn' || app.isTouched) return;
  void app.open({ ...app.view, mode: 'live', front: false, scenario: undefined, at: undefined, speed: undefined });
}

async function start() {
  // In another page's frame, clicks could be led astray: `embed.html` is the document for frames.
  if (window.top !== window.self) throw new Error('this page does not run in a frame');
  // The module loads while the rest of the page does.
  const engine = new Engine();
  const translator = new Translator();
  const view = readLink(location.hash);
  const theme = themeOf(view.theme);
  document.documentElement.dataset.theme = theme;
  const language = view.lang === 'zh' || view.lang === 'en' ? view.lang : preferredLanguage();
  const answer = isWatched();
  const [{ App }, watched] = await Promise.all([
    import('./app.js'),
    soon(answer),
    translator.load(language),
    engine.ask('ready'),
  ]);
  if (watched) Object.assign(view, { mode: 'live', front: false });
  const app = new App(engine, translator, theme, view);
  await app.start();
  performance.mark('usable');
  if (!watched) void answer.then((live) => live && openLate(app));
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
