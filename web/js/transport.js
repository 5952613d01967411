// Play, step, seek, speed: one bar for all modes.

import { h, icon, setText, svg } from './dom.js';
import { ask } from './engine.js';
import { moment, t } from './i18n.js';
import { ICONS } from './icons.js';
import { layout } from './snapshot.js';

/** The scrubber's own scale. */
const STEPS = 10_000;
const PROFILE = 160;

export class Transport {
  /**
   * @param {HTMLElement} box
   * @param {import('./session.js').Session} session
   * @param {{fork: () => void}} actions
   */
  constructor(box, session, actions) {
    this.session = session;
    this.box = box;
    this.actions = actions;
    this.scrubbing = false;
    this.build();
    session.on('frame', () => this.follow());
    session.on('settle', () => this.tell());
    session.on('play', () => this.playing());
    session.on('speed', () => this.speed());
    session.on('runs', () => void this.profile());
  }

  build() {
    const { session } = this;
    const button = (
      /** @type {keyof typeof ICONS} */ name,
      /** @type {string} */ key,
      /** @type {() => void} */ act,
      keys = '',
    ) =>
      h(
        'button',
        {
          type: 'button',
          class: 'quiet',
          id: `do-${key}`,
          'aria-label': t(`transport.${key}`),
          title: t(`transport.${key}`) + (keys && `  (${keys})`),
          onclick: act,
        },
        icon(ICONS[name]),
      );
    this.toggle = button('play', 'play', () => session.toggle(), t('key.space'));
    this.toggle.classList.add('play');
    this.scrub = h('input', {
      type: 'range',
      id: 'scrub',
      min: 0,
      max: STEPS,
      value: 0,
      step: 1,
      'aria-label': t('transport.scrub'),
      oninput: () => this.seek(),
    });
    this.shape = svg('svg', {
      class: 'profile',
      viewBox: `0 0 ${PROFILE} 24`,
      preserveAspectRatio: 'none',
      'aria-hidden': 'true',
    });
    this.clock = h('output', { class: 'clock mono', id: 'clock' });
    this.rate = h('input', {
      type: 'range',
      id: 'speed',
      min: -2,
      max: 2,
      step: 0.05,
      'aria-label': t('transport.speed'),
      oninput: () => session.setSpeed(10 ** Number(/** @type {HTMLInputElement} */ (this.rate).value)),
    });
    this.rateText = h('output', { class: 'rate mono', for: 'speed' });
    this.fork = h(
      'button',
      { type: 'button', id: 'do-fork', title: `${t('transport.forkHelp')}  (F)`, onclick: () => this.actions.fork() },
      icon(ICONS.fork),
      ' ',
      h('span', {}, t('transport.fork')),
    );
    this.box.replaceChildren(
      h('div', { class: 'track' }, this.shape, this.scrub),
      h(
        'div',
        { class: 'row' },
        h(
          'div',
          { class: 'buttons' },
          button('start', 'home', () => session.go({ positions: [] }), 'Home'),
          button('previous', 'previous', () => session.go({ notable: -1 }), '⇧←'),
          button('back', 'back', () => session.go({ step: -1 }), '←'),
          this.toggle,
          button('forward', 'step', () => session.go({ step: 1 }), '→'),
          button('next', 'next', () => session.go({ notable: 1 }), '⇧→'),
          button('end', 'end', () => session.go({ end: true }), 'End'),
        ),
        this.clock,
        h('label', { class: 'speed' }, h('span', {}, t('transport.speedShort')), this.rate, this.rateText),
        this.fork,
      ),
    );
    this.speed();
    this.playing();
  }

  seek() {
    const { startNs, endNs } = this.session;
    const part = Number(this.scrub?.value) / STEPS;
    this.session.go({ t: Math.round(startNs + part * (endNs - startNs)) });
  }

  follow() {
    const { startNs, endNs, t: now } = this.session;
    if (!this.scrub || !this.clock) return;
    const part = endNs > startNs ? (now - startNs) / (endNs - startNs) : 0;
    const value = String(Math.round(part * STEPS));
    if (this.scrub.value !== value && document.activeElement !== this.scrub) this.scrub.value = value;
    else if (this.scrub.value !== value) this.scrub.value = value;
    this.box.style.setProperty('--part', String(part));
    setText(this.clock, `${moment(now - startNs)} / ${moment(endNs - startNs)}`);
  }

  tell() {
    const { startNs, t: now, positions, snapshots } = this.session;
    this.follow();
    const events = positions.reduce((sum, position) => sum + position, 0);
    const all = snapshots.reduce((sum, snapshot) => sum + snapshot.of('end'), 0);
    this.scrub?.setAttribute('aria-valuetext', t('transport.at', { time: moment(now - startNs), events, all }));
  }

  playing() {
    if (!this.toggle) return;
    const { playing } = this.session;
    this.toggle.replaceChildren(icon(playing ? ICONS.pause : ICONS.play));
    this.toggle.setAttribute('aria-label', t(playing ? 'transport.pause' : 'transport.play'));
    this.toggle.setAttribute('aria-pressed', String(playing));
  }

  speed() {
    if (!this.rate || !this.rateText) return;
    const { speed } = this.session;
    this.rate.value = String(Math.log10(speed));
    const text = speed >= 1 ? `${Number(speed.toPrecision(2))}×` : `1/${Number((1 / speed).toPrecision(2))}×`;
    setText(this.rateText, text);
    this.rate.setAttribute('aria-valuetext', text);
  }

  /** Under the scrubber: tasks in flight over time, and where attempts failed. */
  async profile() {
    const { runs, startNs, endNs } = this.session;
    const shown = this.session.generation;
    this.shape?.replaceChildren();
    if (runs.length === 0 || endNs <= startNs) return;
    const tables = await Promise.all(runs.map(({ player }) => ask('call', player, 'series', startNs, endNs, PROFILE)));
    if (shown !== this.session.generation || !this.shape) return;
    const row = (/** @type {Float64Array} */ table, /** @type {string} */ name) => {
      const index = layout.series.indexOf(name);
      return table.subarray(index * PROFILE, (index + 1) * PROFILE);
    };
    this.shape.replaceChildren();
    tables.forEach((table, index) => {
      const inFlight = row(table, 'in_flight');
      const failed = row(table, 'failed');
      const most = Math.max(1, ...row(table, 'limit'));
      const height = 24 / tables.length;
      const base = height * (index + 1);
      let path = `M0 ${base}`;
      inFlight.forEach((value, x) => {
        path += `L${x} ${(base - (height - 2) * Math.min(1, value / most)).toFixed(2)}L${x + 1} ${(base - (height - 2) * Math.min(1, value / most)).toFixed(2)}`;
      });
      this.shape?.append(svg('path', { class: 'level', d: `${path}L${PROFILE} ${base}Z` }));
      let marks = '';
      failed.forEach((value, x) => {
        if (value > 0) marks += `M${x + 0.5} ${base - height + 1}v${Math.min(4, height / 3)}`;
      });
      if (marks) this.shape?.append(svg('path', { class: 'failures', d: marks }));
    });
  }
}
