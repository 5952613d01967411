// Live: a native run is watched while it goes on. The page follows its head, or stops and looks
// back.

import { announce, h, setText, stylesheet } from '../dom.js';
import { Feed } from '../feed.js';
import { messageOf } from '../format.js';
import { health } from '../health.js';
import { Meter } from '../meter.js';
import { putUp, takeDown } from '../panels/placard.js';
import { WatchPanel } from '../panels/watch.js';
import { steadily } from '../steady.js';

/**
 * @import { FeedState } from '../feed.js'
 * @import { View } from '../link.js'
 * @import { Mode, Page } from '../page.js'
 */

const COMMAND = 'fourfold run demo --tasks 20000 --listen 127.0.0.1:4040';
const ADDRESS = 'http://127.0.0.1:4040/';
const HEALTH_MS = 3000;
/**
 * How often numbers about the connection are read, and how often the shape under the scrubber is
 * drawn, in milliseconds.
 */
const READ_MS = 500;
/** The time without an event after which that is said, in milliseconds. */
const SILENCE_MS = 6000;
const PROFILE_MS = 1000;

/** @implements {Mode} */
export class Live {
  /** @param {Page} page */
  constructor(page) {
    this.page = page;
    /** @type {Feed | null} */
    this.feed = null;
    this.player = -1;
    /** The run on the stage, by the middle of its events' ids. */
    this.shownRun = '';
    this.left = false;
    /** @type {FeedState} */
    this.state = 'connecting';
    this.meter = new Meter();
    /** The words above the stage, so that they are set only when they change. */
    this.caption = '';
    this.drawProfile = steadily(() => page.drawProfile(), PROFILE_MS);
    this.watching = new WatchPanel(page.tr, { follow: () => page.playback.follow(), hold: () => this.hold() });
    this.why = h('p', { class: 'note' });
    this.nobody = this.howToStart();
    this.element = h('div', {}, this.watching.element, this.nobody);
  }

  /** Builds what stands there while there is no run. */
  howToStart() {
    const { tr } = this.page;
    const code = h('code', {}, COMMAND);
    const copy = h('button', { type: 'button', onclick: () => void this.copy(code) }, tr('export.copy'));
    const look = h('button', { type: 'button', id: 'live-again', onclick: () => void this.look() }, tr('live.look'));
    return h(
      'div',
      { class: 'tab-body', hidden: true },
      h('h2', {}, tr('live.nobody')),
      this.why,
      h('p', {}, tr('live.start')),
      h('div', { class: 'command' }, code, copy),
      h('p', {}, tr('live.then'), ' ', h('a', { href: ADDRESS }, ADDRESS)),
      h('p', { class: 'note' }, tr('live.what')),
      h('div', {}, look),
    );
  }

  /** @param {View} view */
  async enter(view) {
    const { playback, tr } = this.page;
    await stylesheet('modes.css');
    if (!view.speed) playback.setSpeed(1);
    playback.on('settle', () => this.follow());
    playback.on('play', () => this.follow());
    this.page.caption(tr('live.title'), tr('live.subtitle'));
    const from = view.from && URL.canParse(view.from, location.href) ? new URL(view.from, location.href) : null;
    if (view.from && !from) this.page.refuse(`from=${view.from}`);
    if (from && from.origin !== location.origin) await this.nothing(tr('live.elsewhere', { from: from.origin }));
    else await this.look();
  }

  leave() {
    this.left = true;
    this.feed?.close();
    clearInterval(this.reading);
    takeDown();
    delete document.body.dataset.stale;
    this.page.playback.following = false;
  }

  link() {
    return { at: undefined, from: this.page.view.from };
  }

  /** @param {HTMLElement} code */
  async copy(code) {
    try {
      await navigator.clipboard.writeText(COMMAND);
      announce(this.page.tr('live.copied'));
    } catch {
      // Where the clipboard is not allowed, the visitor copies what is selected.
      getSelection()?.selectAllChildren(code);
    }
  }

  /** Stays at the playhead; events go on coming in. */
  hold() {
    this.page.playback.hold();
    this.page.playback.emit('settle');
  }

  /** Shows an empty stage, and why. @param {string} reason */
  async nothing(reason) {
    const { tr, playback, stage } = this.page;
    this.watching.element.hidden = true;
    this.nobody.hidden = false;
    setText(this.why, reason);
    this.page.caption(tr('live.title'), tr('live.subtitle'));
    await playback.show([]);
    stage.paint(0, false);
    const look = h('button', { type: 'button', onclick: () => void this.look() }, tr('live.look'));
    putUp(tr('live.nobody'), tr('live.placard'), look);
  }

  /** Looks for a run, and connects to its events. */
  async look() {
    const { live } = await health(HEALTH_MS);
    if (this.left) return;
    if (!live) {
      await this.nothing(this.page.tr('live.why'));
      return;
    }
    this.watching.element.hidden = false;
    this.nobody.hidden = true;
    takeDown();
    this.connect(new URL('../../events', import.meta.url).href);
  }

  /** @param {string} url */
  connect(url) {
    this.feed?.close();
    this.feed = new Feed(url, {
      snapshot: (json, run) => this.takeSnapshot(json, run),
      events: (lines, count, run) => this.takeEvents(lines, count, run),
      gap: (missed) => this.takeGap(missed),
      state: (state) => this.connection(state),
      problem: (error) => this.watching.complain(messageOf(error)),
    });
    this.feed.open();
    this.connection('connecting');
    clearInterval(this.reading);
    this.reading = setInterval(() => this.read(), READ_MS);
  }

  /** Gives a run that has not been seen yet a stage of its own. @param {string} run */
  async stageOf(run) {
    const { engine, playback } = this.page;
    if (run === this.shownRun) return;
    if (this.shownRun !== '') announce(this.page.tr('live.newRun'));
    this.shownRun = run;
    this.meter.restart();
    ({ player: this.player } = await engine.ask('live'));
    if (this.left) return;
    await playback.show([{ player: this.player, title: '' }], { at: { end: true }, follow: true });
    playback.follow();
  }

  /** @param {string} json @param {string} run */
  async takeSnapshot(json, run) {
    const { engine, playback } = this.page;
    await this.stageOf(run);
    if (this.left) return;
    await engine.ask('restart', this.player, json);
    if (!playback.playing) await playback.refresh(playback.following ? { end: true } : undefined);
  }

  /** @param {string} lines @param {number} count @param {string} run */
  async takeEvents(lines, count, run) {
    await this.stageOf(run);
    if (this.left) return;
    const arrived = performance.now();
    await this.page.engine.ask('push', this.player, lines);
    this.watching.complain(null);
    this.meter.take(lines, count, arrived);
  }

  /** @param {number | null} missed */
  takeGap(missed) {
    const { playback, tr } = this.page;
    this.meter.lose({ timeNs: playback.endNs - playback.startNs, missed });
    this.watching.showGaps(this.meter.gaps);
    announce(tr('live.gapped'));
  }

  /** @param {FeedState} state */
  connection(state) {
    this.state = state;
    this.watching.showState(state);
    if (state === 'ended') {
      this.hold();
      void this.page.playback.refresh({ end: true }).then(() => this.page.drawProfile());
    }
    this.read();
  }

  /** Reads what is known about the connection. */
  read() {
    if (!this.feed) return;
    this.watching.showFacts(this.feed, this.meter, this.page.playback.snapshots[0]);
    if (this.state !== 'ended') this.drawProfile();
    this.follow();
  }

  /** Says why what is shown may not be the present; null where it is. @returns {string | null} */
  trouble() {
    const { tr } = this.page;
    if (this.state === 'waiting') return tr('live.state.waiting');
    const silent = performance.now() - (this.feed?.lastAt ?? performance.now());
    return silent > SILENCE_MS ? tr('live.silent', { seconds: Math.floor(silent / 1000) }) : null;
  }

  /** Keeps the buttons and the words above the stage up to date. */
  follow() {
    const { playback, tr } = this.page;
    const over = this.state === 'ended';
    const following = playback.following && playback.playing;
    this.watching.showButtons(following, over);
    const snapshot = playback.snapshots[0];
    if (!snapshot || snapshot.phase === 'waiting') return;
    const pattern = tr(`pattern.${snapshot.pattern}`);
    const limit = snapshot.of('limit');
    const what = over ? tr('live.over') : (this.trouble() ?? (following ? tr('live.head') : tr('live.held')));
    document.body.toggleAttribute('data-stale', !over && this.trouble() !== null);
    const caption = `${pattern}|${limit}|${what}`;
    if (caption === this.caption) return;
    this.caption = caption;
    this.page.caption(tr('live.caption', { pattern, limit }), what);
    playback.runs[0].title = pattern;
  }
}
