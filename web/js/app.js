// The page as a whole: the mode that is open, what stands beside and below the stage, and the link that says all of it.

import { byId, h, setText } from './dom.js';
import { loadLanguage, t } from './i18n.js';
import { listenToKeys } from './keys.js';
import { MODES, readLink, writeLink } from './link.js';
import { CodePanel } from './panels/code.js';
import { EventList } from './panels/events.js';
import { StateTable } from './panels/state.js';
import { TaskList } from './panels/tasks.js';
import { Session } from './session.js';
import { paintLegend } from './stage/legend.js';
import { Stage } from './stage/stage.js';
import { tabs } from './tabs.js';
import { applyTheme, buildTools, showHelp } from './tools.js';
import { Transport } from './transport.js';

/**
 * @typedef {import('./link.js').Mode} Mode
 * @typedef {import('./link.js').View} View
 *
 * @typedef {object} Guide what a mode is for the page
 * @property {HTMLElement} element what stands beside the stage
 * @property {(HTMLElement | null)[]} [below] what stands below it, before the state
 * @property {(view: View) => Promise<void>} enter shows what the link asks for
 * @property {() => void} [leave]
 * @property {() => Partial<View>} link what the link has to say
 * @property {() => void} [fork]
 */

/** The modes, loaded when they are wanted. @type {Record<Mode, () => Promise<{guide: (app: App) => Guide}>>} */
const GUIDES = {
  learn: () => import('./modes/learn.js'),
  lab: () => import('./modes/lab.js'),
  compare: () => import('./modes/compare.js'),
  replay: () => import('./modes/replay.js'),
  live: () => import('./modes/live.js'),
  own: () => import('./modes/own.js'),
};

export class App {
  /** @param {View} view */
  constructor(view) {
    this.view = view;
    this.stage = new Stage(/** @type {HTMLCanvasElement} */ (byId('canvas')), byId('stage'));
    this.session = new Session(this.stage);
    this.transport = new Transport(byId('transport'), this.session, { fork: () => this.fork() });
    /** @type {Guide | null} */
    this.guide = null;
    this.scope = new AbortController();
    this.tasks = new TaskList(this.session, this.stage);
    this.written = '';
    this.opening = 0;
    this.session.on('settle', () => this.writeLinkSoon());
    this.session.on('speed', () => this.writeLinkSoon());
  }

  async start() {
    listenToKeys(this);
    addEventListener('hashchange', () => {
      if (location.hash !== this.written) void this.open(readLink(location.hash));
    });
    // The hash is the view's: the way past everything leaves it alone.
    document.querySelector('.skip')?.addEventListener('click', (event) => {
      event.preventDefault();
      byId('stage-section').focus();
    });
    byId('canvas').addEventListener('click', (event) => {
      const { panel, task } = this.stage.taskAt(event.offsetX, event.offsetY);
      this.tasks.select(panel, task);
    });
    await this.open(this.view);
  }

  /** Opens what a link asks for. @param {View} view */
  async open(view) {
    this.opening += 1;
    const { opening } = this;
    this.guide?.leave?.();
    this.guide = null;
    this.scope.abort();
    this.scope = new AbortController();
    this.session.pause();
    this.view = view;
    document.body.dataset.mode = view.mode;
    if (view.speed) this.session.setSpeed(view.speed);
    this.frame();
    const { guide } = await GUIDES[view.mode]();
    if (opening !== this.opening) return;
    this.session.scope = this.scope.signal;
    this.guide = guide(this);
    this.build(this.guide);
    try {
      await this.guide.enter(view);
    } catch (error) {
      this.fail(error);
    }
    if (opening === this.opening) this.writeLink();
  }

  /** What is the same in all modes. */
  frame() {
    const { mode, lang, theme } = this.view;
    byId('modes').replaceChildren(
      ...MODES.map((name) =>
        h(
          'a',
          { href: writeLink({ mode: name, lang, theme }), 'aria-current': name === mode ? 'page' : undefined },
          t(`mode.${name}`),
        ),
      ),
    );
    buildTools(this);
    paintLegend(byId('legend'));
    document.title = `${t(`mode.${mode}`)} · fourfold`;
  }

  /** @param {Guide} guide */
  build(guide) {
    const { mode } = this.view;
    this.state = new StateTable(this.session);
    this.tasks = new TaskList(this.session, this.stage);
    this.events = new EventList(this.session);
    this.code = new CodePanel(this.session);
    const side = tabs(
      t('side.label'),
      [
        { id: 'guide', title: t(`guide.${mode}`), element: guide.element },
        { id: 'code', title: t('code.tab'), element: this.code.element },
        { id: 'tasks', title: t('tasks.tab'), element: this.tasks.element },
        { id: 'events', title: t('events.tab'), element: this.events.element },
      ],
      {
        chosen: this.view.tab,
        onchoose: (id) => {
          this.view.tab = id === 'guide' ? undefined : id;
          this.session.tell('settle');
        },
      },
    );
    byId('do-fork').hidden = !guide.fork;
    byId('side').replaceChildren(side.element);
    byId('below').replaceChildren(
      ...(guide.below ?? []).filter((element) => element !== null),
      this.state.element,
      this.charts(),
    );
  }

  /** Charts are loaded when they are wanted. */
  charts() {
    const place = h(
      'section',
      { class: 'card charts', 'aria-labelledby': 'charts-title' },
      h('h2', { id: 'charts-title' }, t('charts.title')),
    );
    const box = h('div', { class: 'chart-grid' });
    place.append(box);
    const observer = new IntersectionObserver(
      async (entries) => {
        if (!entries.some((entry) => entry.isIntersecting)) return;
        observer.disconnect();
        const { Charts } = await import('./panels/charts.js');
        if (box.isConnected) new Charts(box, this.session);
        // Their upper edge alone is nothing to look at.
      },
      { rootMargin: '0px 0px -48px' },
    );
    observer.observe(place);
    return place;
  }

  /** @param {string} title @param {string} subtitle */
  caption(title, subtitle) {
    setText(byId('title'), title);
    setText(byId('subtitle'), subtitle);
  }

  /** What went wrong, where it is seen. @param {unknown} error */
  fail(error) {
    const text = error instanceof Error ? error.message : String(error);
    byId('side').prepend(h('p', { class: 'problem', role: 'alert' }, text));
  }

  fork() {
    this.guide?.fork?.();
  }

  help() {
    showHelp();
  }

  async openExport() {
    const { showExport } = await import('./panels/export.js');
    showExport(this);
  }

  writeLinkSoon() {
    clearTimeout(this.linkTimer);
    this.linkTimer = setTimeout(() => this.writeLink(), 250);
  }

  writeLink() {
    if (!this.guide || this.session.playing) return;
    const { mode, lang, theme, tab } = this.view;
    const at = this.session.following ? undefined : this.session.positions;
    const view = { mode, lang, theme, tab, at, speed: this.session.speed, ...this.guide.link() };
    this.written = writeLink(view);
    if (location.hash !== this.written) history.replaceState(null, '', this.written);
  }

  /** @param {'en' | 'zh'} language */
  async switchLanguage(language) {
    this.writeLink();
    const view = { ...readLink(location.hash), lang: language };
    await loadLanguage(language);
    this.transport.build();
    await this.open(view);
  }

  /** @param {'light' | 'dark'} theme */
  switchTheme(theme) {
    applyTheme(theme);
    this.view.theme = theme;
    this.frame();
    this.stage.paint(0, true);
    this.session.tell('settle');
    this.writeLink();
  }
}
