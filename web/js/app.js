// The page as a whole: the mode that is open, what stands beside and below the stage, and the link
// that says all of it.

import { byId, h, setText } from './dom.js';
import { messageOf } from './format.js';
import { listenToKeys } from './keys.js';
import { MODES, readLink, writeLink } from './link.js';
import { CodePanel } from './panels/code.js';
import { fillDoor } from './panels/door.js';
import { EventList } from './panels/events.js';
import { StateTable } from './panels/state.js';
import { TaskList } from './panels/tasks.js';
import { Playback } from './playback.js';
import { Sources } from './sources.js';
import { paintLegend } from './stage/legend.js';
import { Stage } from './stage/stage.js';
import { tabs } from './tabs.js';
import { buildTools, showHelp } from './tools.js';
import { Transport } from './transport.js';

/**
 * @import { Engine } from './engine.js'
 * @import { ModeName, View } from './link.js'
 * @import { Mode, Page } from './page.js'
 * @import { ThemeName } from './stage/theme.js'
 * @import { Language, Translator } from './translator.js'
 */

/** How long changes are collected before the link is written, in milliseconds. */
const LINK_MS = 250;
/** The number of characters of a part of a link that are shown. */
const REFUSED_MAX = 160;

/**
 * The modes, loaded when they are opened.
 * @type {Record<ModeName, () => Promise<new (page: Page) => Mode>>}
 */
const LOAD = {
  learn: async () => (await import('./modes/learn.js')).Learn,
  lab: async () => (await import('./modes/lab.js')).Lab,
  compare: async () => (await import('./modes/compare.js')).Compare,
  replay: async () => (await import('./modes/replay.js')).Replay,
  live: async () => (await import('./modes/live.js')).Live,
  own: async () => (await import('./modes/own.js')).Own,
};

/** @implements {Page} */
export class App {
  /**
   * @param {Engine} engine
   * @param {Translator} translator
   * @param {ThemeName} theme
   * @param {View} view
   */
  constructor(engine, translator, theme, view) {
    this.engine = engine;
    this.translator = translator;
    this.tr = translator.tr;
    this.view = view;
    this.stage = new Stage(/** @type {HTMLCanvasElement} */ (byId('canvas')), this.tr, theme);
    this.playback = new Playback(engine, this.stage);
    this.sources = new Sources();
    this.transport = new Transport(byId('transport'), this, { fork: () => this.fork() });
    /** @type {Mode | null} */
    this.mode = null;
    this.scope = new AbortController();
    this.tasks = new TaskList(this);
    /** The hash that was written last. */
    this.written = '';
    /** The hash that was opened or written last: another one is a view that is yet to be opened. */
    this.address = location.hash;
    this.isTouched = false;
    /** The parts of the link that cannot be shown. @type {string[]} */
    this.refused = [];
    /** Counts the views that were opened: an earlier one that is still loading is dropped. */
    this.opening = 0;
    this.playback.on('settle', () => this.writeLinkSoon());
    this.playback.on('speed', () => this.writeLinkSoon());
  }

  async start() {
    for (const kind of ['pointerdown', 'keydown']) {
      addEventListener(kind, () => this.touch(), { once: true, capture: true });
    }
    listenToKeys(this.playback, {
      fork: () => this.fork(),
      select: (by) => this.tasks.move(by),
      help: () => showHelp(this.tr),
    });
    addEventListener('hashchange', () => {
      if (location.hash === this.address) return;
      this.address = location.hash;
      void this.open(readLink(location.hash));
    });
    // The hash belongs to the view: skipping to the stage leaves it alone.
    document.querySelector('.skip')?.addEventListener('click', (event) => {
      event.preventDefault();
      byId('stage-section').focus();
    });
    byId('canvas').addEventListener('click', (event) => {
      // Offsets are whole numbers, and tokens of a crowd are closer to each other than a pixel.
      const { left, top } = byId('canvas').getBoundingClientRect();
      const { panel, task } = this.stage.taskAt(event.clientX - left, event.clientY - top);
      this.tasks.select(panel, task);
    });
    await this.open(this.view);
  }

  /** Takes note that the visitor has begun something: nothing else is opened by itself then. */
  touch() {
    this.isTouched = true;
  }

  /** Opens what a link asks for. @param {View} view */
  async open(view) {
    this.opening += 1;
    const { opening } = this;
    this.mode?.leave?.();
    this.mode = null;
    this.scope.abort();
    this.scope = new AbortController();
    this.playback.pause();
    this.view = view;
    this.refused = [...(view.refused ?? [])];
    this.showRefused();
    document.body.dataset.mode = view.mode;
    if (view.speed) this.playback.setSpeed(view.speed);
    this.frame();
    byId('door').hidden = !view.front;
    if (view.front) fillDoor(byId('door'), this, this.scope.signal).catch((error) => this.fail(error));
    const Chosen = await LOAD[view.mode]();
    if (opening !== this.opening) return;
    // Listeners that are added from here on end with the mode.
    this.playback.scope = this.scope.signal;
    const mode = new Chosen(this);
    this.mode = mode;
    this.build(mode);
    try {
      await mode.enter(view);
    } catch (error) {
      this.fail(error);
    }
    if (opening === this.opening) this.writeLink();
  }

  /** Builds what is the same in all modes. */
  frame() {
    const { tr } = this;
    const { mode, lang, theme } = this.view;
    const links = MODES.map((name) => {
      const href = writeLink({ mode: name, lang, theme });
      return h('a', { href, 'aria-current': name === mode ? 'page' : undefined }, tr(`mode.${name}`));
    });
    byId('modes').replaceChildren(...links);
    // Where the modes do not fit, the one that is open is in sight.
    const { offsetLeft = 0, offsetWidth = 0 } = links[MODES.indexOf(mode)] ?? {};
    byId('modes').scrollLeft = offsetLeft + offsetWidth / 2 - byId('modes').clientWidth / 2;
    buildTools(this.translator, this.stage.themeName, {
      language: (language) => void this.switchLanguage(language),
      theme: (name) => this.switchTheme(name),
      writeLink: () => this.writeLink(),
      save: () => void this.openExport(),
      help: () => showHelp(tr),
    });
    paintLegend(byId('legend'), tr);
    document.title = `${tr(`mode.${mode}`)} · fourfold`;
  }

  /** Builds what stands around the stage in a mode. @param {Mode} mode */
  build(mode) {
    const { tr } = this;
    const state = new StateTable(this);
    this.tasks = new TaskList(this);
    const side = tabs(
      tr('side.label'),
      [
        { id: 'mode', title: tr(`tab.${this.view.mode}`), element: mode.element },
        { id: 'code', title: tr('code.tab'), element: new CodePanel(this).element },
        { id: 'tasks', title: tr('tasks.tab'), element: this.tasks.element },
        { id: 'events', title: tr('events.tab'), element: new EventList(this).element },
      ],
      {
        chosen: this.view.tab,
        onchoose: (id) => {
          this.view.tab = id === 'mode' ? undefined : id;
          this.playback.emit('settle');
        },
      },
    );
    byId('do-fork').hidden = !mode.fork;
    byId('side').replaceChildren(side.element);
    byId('below').replaceChildren(...(mode.below ?? []), state.element, this.charts());
  }

  /** Builds the place of the charts, which are loaded when they come into view. */
  charts() {
    const box = h('div', { class: 'chart-grid' });
    const title = h('h2', { id: 'charts-title' }, this.tr('charts.title'));
    const place = h('section', { class: 'card charts', 'aria-labelledby': 'charts-title' }, title, box);
    const load = async () => {
      const { Charts } = await import('./panels/charts.js');
      if (box.isConnected) new Charts(box, this);
    };
    const observer = new IntersectionObserver(
      (entries) => {
        if (!entries.some((entry) => entry.isIntersecting)) return;
        observer.disconnect();
        void load();
      },
      // The upper edge of the charts alone is nothing to look at.
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

  drawProfile() {
    return this.transport.drawProfile();
  }

  /** Says that a part of the link cannot be shown. @param {string} what */
  refuse(what) {
    this.refused.push(what);
    this.showRefused();
  }

  showRefused() {
    const { refused, tr } = this;
    const box = byId('refused');
    box.hidden = refused.length === 0;
    const what = refused.map((one) => (one.length > REFUSED_MAX ? `${one.slice(0, REFUSED_MAX)}…` : one)).join('; ');
    setText(box, refused.length === 0 ? '' : tr('link.refused', { what }));
  }

  /** Shows an error where it is seen. @param {unknown} error */
  fail(error) {
    byId('side').prepend(h('p', { class: 'problem', role: 'alert' }, messageOf(error)));
  }

  fork() {
    this.mode?.fork?.();
  }

  async openExport() {
    const { showExport } = await import('./panels/export.js');
    await showExport(this);
  }

  writeLinkSoon() {
    clearTimeout(this.linkTimer);
    this.linkTimer = setTimeout(() => this.writeLink(), LINK_MS);
  }

  /** Brings the address up to date with the view. */
  writeLink() {
    // Where a link was followed and its event is yet to come, the address is not this view's any more.
    if (!this.mode || this.playback.playing || location.hash !== this.address) return;
    const { mode, lang, theme, tab } = this.view;
    const at = this.playback.following ? undefined : this.playback.positions;
    this.written = writeLink({ mode, lang, theme, tab, at, speed: this.playback.speed, ...this.mode.link() });
    if (location.hash !== this.written) history.replaceState(null, '', this.written);
    this.address = location.hash;
  }

  /** @param {Language} language */
  async switchLanguage(language) {
    this.writeLink();
    const view = { ...readLink(location.hash), lang: language };
    await this.translator.load(language);
    this.stage.translate();
    this.transport.rebuild();
    await this.open(view);
  }

  /** @param {ThemeName} theme */
  switchTheme(theme) {
    this.stage.themeName = theme;
    document.documentElement.dataset.theme = theme;
    this.view.theme = theme;
    this.frame();
    this.stage.paint(0, true);
    this.playback.emit('settle');
    this.writeLink();
  }
}
