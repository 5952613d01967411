// Small charts of the runs over time, with one playhead. The module computes the numbers, and the
// charts draw them.

import { h, stylesheet } from '../dom.js';
import { steadily } from '../steady.js';
import { CHARTS, Series } from './series.js';

/** @import { Services } from '../page.js' */

/** The number of buckets that a small chart has room for. */
const BUCKETS = 96;
const REST_MS = 800;

export class Charts {
  /** @param {HTMLElement} box @param {Services} services */
  constructor(box, { playback, engine, stage, tr }) {
    this.box = box;
    this.playback = playback;
    this.engine = engine;
    this.stage = stage;
    this.tr = tr;
    /** @type {import('./chart.js').Chart[]} */
    this.charts = [];
    this.loadedEnd = -1;
    this.generation = -1;
    this.loading = false;
    this.follow = steadily(() => this.load(), REST_MS);
    /** @type {number | null} */
    this.hovered = null;
    this.times = { startNs: 0, endNs: 0, buckets: BUCKETS };
    void this.start();
  }

  async start() {
    const [{ Chart }] = await Promise.all([
      import('./chart.js'),
      stylesheet('../vendor/uplot/uplot.css'),
      stylesheet('charts.css'),
    ]);
    if (!this.box.isConnected) return;
    const { playback, stage, tr } = this;
    const actions = {
      seek: (/** @type {number} */ tNs) => playback.go({ time: Math.round(tNs) }),
      hover: (/** @type {number | null} */ bucket) => this.hover(bucket),
    };
    this.charts = CHARTS.map((kind) => new Chart(kind, actions, { stage, tr }));
    this.box.replaceChildren(
      h('p', { class: 'note wide' }, this.tr('charts.help')),
      ...this.charts.map(({ element }) => element),
    );
    this.resizes = new ResizeObserver(() => {
      for (const chart of this.charts) chart.resize();
    });
    this.resizes.observe(this.box);
    this.themes = new MutationObserver(() => this.rebuild());
    this.themes.observe(document.documentElement, { attributes: true, attributeFilter: ['data-theme'] });
    playback.on('runs', () => void this.load());
    playback.on('frame', () => this.move());
    playback.on('settle', () => this.settle());
    playback.scope?.addEventListener('abort', () => this.end());
    await this.load();
  }

  /** Ends the charts, when the mode is left. */
  end() {
    this.resizes?.disconnect();
    this.themes?.disconnect();
    for (const chart of this.charts) chart.destroy();
    this.charts = [];
  }

  async load() {
    const { runs, startNs, endNs, generation } = this.playback;
    if (this.charts.length === 0 || this.loading || runs.length === 0 || endNs <= startNs) return;
    this.loading = true;
    try {
      const tables = await Promise.all(
        runs.map(({ player }, index) => {
          const offset = this.playback.offset(index);
          return this.engine.ask('series', player, startNs + offset, endNs + offset, BUCKETS);
        }),
      );
      if (generation === this.playback.generation)
        this.show(
          tables.map((table) => new Series(table, BUCKETS)),
          { startNs, endNs, buckets: BUCKETS },
        );
    } catch {
      // The run was closed in the meantime: the next one is loaded below.
    } finally {
      this.loading = false;
    }
    if (generation !== this.playback.generation) void this.load();
  }

  /** @param {Series[]} series @param {{startNs: number, endNs: number, buckets: number}} times */
  show(series, times) {
    this.times = times;
    this.generation = this.playback.generation;
    this.loadedEnd = times.endNs;
    const { runs } = this.playback;
    for (const chart of this.charts) {
      const { lines, main } = chart.kind;
      const curves =
        series.length === 1
          ? lines.map((line, look) => ({
              name: this.tr(`chart.row.${line.row}`),
              row: line.row,
              look,
              bound: line.bound ?? false,
              sparse: line.sparse ?? false,
              values: series[0].row(line.row),
            }))
          : series.map((run, look) => ({
              name: runs[look].title,
              row: lines[main].row,
              look,
              bound: false,
              sparse: lines[main].sparse ?? false,
              values: run.row(lines[main].row),
            }));
      chart.show(curves, times);
      if (series.length > 1 && lines.filter(({ bound }) => !bound).length > 1)
        chart.unit.append(` · ${this.tr(`chart.row.${lines[main].row}`)}`);
    }
    this.move();
    this.readValues();
  }

  rebuild() {
    for (const chart of this.charts) if (chart.plot) chart.build();
    this.move();
    this.readValues();
  }

  move() {
    if (this.generation !== this.playback.generation) return;
    for (const chart of this.charts) chart.moveTo(this.playback.time);
  }

  settle() {
    if (this.generation !== this.playback.generation) void this.load();
    else if (this.playback.endNs > this.loadedEnd) this.follow();
    this.move();
    this.readValues();
  }

  /** @param {number | null} bucket */
  hover(bucket) {
    if (this.hovered === bucket) return;
    this.hovered = bucket;
    this.readValues();
  }

  /** Reads the values under the pointer, or at the playhead. */
  readValues() {
    const { startNs, endNs, buckets } = this.times;
    if (endNs <= startNs) return;
    const here = Math.floor(((this.playback.time - startNs) / (endNs - startNs)) * buckets);
    const bucket = this.hovered ?? Math.min(buckets - 1, Math.max(0, here));
    for (const chart of this.charts) if (chart.plot) chart.read(bucket);
  }
}
