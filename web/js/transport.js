// Play, step, seek, speed: one bar for all modes.

import { h, icon, setText, svg } from './dom.js';
import { moment } from './format.js';
import { SERIES } from './generated/layout.js';
import { ICONS } from './icons.js';
import { seriesRow } from './snapshot.js';

/** The scrubber's own scale. */
const STEPS = 10_000;
/** The number of buckets of the shape under the scrubber. */
const PROFILE = 160;

/**
 * @import { Services } from './page.js'
 *
 * @typedef {Pick<Services, 'playback' | 'engine' | 'tr'>} Used
 */

export class Transport {
  /**
   * @param {HTMLElement} box
   * @param {Used} services
   * @param {{fork: () => void}} actions
   */
  constructor(box, { playback, engine, tr }, actions) {
    this.box = box;
    this.playback = playback;
    this.engine = engine;
    this.tr = tr;
    this.actions = actions;
    this.bar = this.build();
    this.fill();
    playback.on('frame', () => this.follow());
    playback.on('settle', () => this.announce());
    playback.on('play', () => this.showPlaying());
    playback.on('speed', () => this.showSpeed());
    playback.on('runs', () => void this.drawProfile());
  }

  /** Builds the bar anew, in another language. */
  rebuild() {
    this.bar = this.build();
    this.fill();
  }

  build() {
    const { playback, tr } = this;
    const toggle = this.button('play', 'play', () => playback.toggle(), tr('key.space'));
    toggle.classList.add('play');
    const scrub = h('input', {
      ...{ type: 'range', id: 'scrub', min: 0, max: STEPS, value: 0, step: 1, 'aria-label': tr('transport.scrub') },
      oninput: () => void this.seek(Number(scrub.value) / STEPS),
    });
    const rate = h('input', {
      ...{ type: 'range', id: 'speed', min: -3, max: 2, step: 0.05, 'aria-label': tr('transport.speed') },
      oninput: () => void playback.setSpeed(10 ** Number(rate.value)),
    });
    return {
      toggle,
      scrub,
      rate,
      shape: svg('svg', {
        class: 'profile',
        viewBox: `0 0 ${PROFILE} 24`,
        preserveAspectRatio: 'none',
        'aria-hidden': 'true',
      }),
      clock: h('output', { class: 'clock mono', id: 'clock' }),
      rateText: h('output', { class: 'rate mono', for: 'speed' }),
    };
  }

  fill() {
    const { playback, tr, bar } = this;
    const fork = h(
      'button',
      { type: 'button', id: 'do-fork', title: `${tr('transport.forkHelp')}  (F)`, onclick: () => this.actions.fork() },
      icon(ICONS.fork),
      ' ',
      h('span', {}, tr('transport.fork')),
    );
    const buttons = [
      this.button('start', 'home', () => playback.go({ positions: [] }), 'Home'),
      this.button('previous', 'previous', () => playback.go({ notable: -1 }), '⇧←'),
      this.button('back', 'back', () => playback.go({ step: -1 }), '←'),
      bar.toggle,
      this.button('forward', 'step', () => playback.go({ step: 1 }), '→'),
      this.button('next', 'next', () => playback.go({ notable: 1 }), '⇧→'),
      this.button('end', 'end', () => playback.go({ end: true }), 'End'),
    ];
    const speed = h('label', { class: 'speed' }, h('span', {}, tr('transport.speedShort')), bar.rate, bar.rateText);
    this.box.replaceChildren(
      h('div', { class: 'track' }, bar.shape, bar.scrub),
      h('div', { class: 'row' }, h('div', { class: 'buttons' }, ...buttons), bar.clock, speed, fork),
    );
    this.showSpeed();
    this.showPlaying();
  }

  /**
   * @param {keyof typeof ICONS} name
   * @param {string} key
   * @param {() => void} onclick
   * @param {string} keys
   */
  button(name, key, onclick, keys) {
    const label = this.tr(`transport.${key}`);
    return h(
      'button',
      { type: 'button', class: 'quiet', id: `do-${key}`, 'aria-label': label, title: `${label}  (${keys})`, onclick },
      icon(ICONS[name]),
    );
  }

  /** Moves the playhead to a part of the run. @param {number} part 0 to 1 */
  seek(part) {
    const { startNs, endNs } = this.playback;
    this.playback.go({ time: Math.round(startNs + part * (endNs - startNs)) });
  }

  /** Moves the scrubber and the clock to the playhead. */
  follow() {
    const { startNs, endNs, time } = this.playback;
    const { scrub, clock } = this.bar;
    const part = endNs > startNs ? (time - startNs) / (endNs - startNs) : 0;
    const value = String(Math.round(part * STEPS));
    if (scrub.value !== value) scrub.value = value;
    this.box.style.setProperty('--part', String(part));
    setText(clock, `${moment(time - startNs)} / ${moment(endNs - startNs)}`);
  }

  /** Tells screen readers where the playhead is. */
  announce() {
    const { startNs, time, positions, snapshots } = this.playback;
    this.follow();
    const events = positions.reduce((sum, position) => sum + position, 0);
    const all = snapshots.reduce((sum, snapshot) => sum + snapshot.of('end'), 0);
    const text = this.tr('transport.at', { time: moment(time - startNs), events, all });
    this.bar.scrub.setAttribute('aria-valuetext', text);
  }

  showPlaying() {
    const { playing } = this.playback;
    const { toggle } = this.bar;
    toggle.replaceChildren(icon(playing ? ICONS.pause : ICONS.play));
    toggle.setAttribute('aria-label', this.tr(playing ? 'transport.pause' : 'transport.play'));
    toggle.setAttribute('aria-pressed', String(playing));
  }

  showSpeed() {
    const { rate, rateText } = this.bar;
    const { speed } = this.playback;
    rate.value = String(Math.log10(speed));
    const text = speed >= 1 ? `${Number(speed.toPrecision(2))}×` : `1/${Number((1 / speed).toPrecision(2))}×`;
    setText(rateText, text);
    rate.setAttribute('aria-valuetext', text);
  }

  /** Draws tasks in flight over time, and where attempts failed, under the scrubber. */
  async drawProfile() {
    const { runs, startNs, endNs, generation } = this.playback;
    const { shape } = this.bar;
    shape.replaceChildren();
    if (runs.length === 0 || endNs <= startNs) return;
    const tables = await Promise.all(
      runs.map(({ player }, index) => {
        const offset = this.playback.offset(index);
        return this.engine.ask('series', player, startNs + offset, endNs + offset, PROFILE);
      }),
    );
    if (generation !== this.playback.generation) return;
    shape.replaceChildren(...tables.flatMap((table, index) => profile(table, index, tables.length)));
  }
}

/**
 * Draws one of several runs as a level and marks.
 * @param {Float64Array} table
 * @param {number} index
 * @param {number} of
 */
function profile(table, index, of) {
  const row = (/** @type {keyof typeof SERIES} */ name) => seriesRow(table, SERIES[name], PROFILE);
  const most = Math.max(1, ...row('limit'));
  const height = 24 / of;
  const base = height * (index + 1);
  let level = `M0 ${base}`;
  row('in_flight').forEach((value, x) => {
    const y = (base - (height - 2) * Math.min(1, value / most)).toFixed(2);
    level += `L${x} ${y}L${x + 1} ${y}`;
  });
  let marks = '';
  row('failed').forEach((value, x) => {
    if (value > 0) marks += `M${x + 0.5} ${base - height + 1}v${Math.min(4, height / 3)}`;
  });
  const shapes = [svg('path', { class: 'level', d: `${level}L${PROFILE} ${base}Z` })];
  if (marks) shapes.push(svg('path', { class: 'failures', d: marks }));
  return shapes;
}
