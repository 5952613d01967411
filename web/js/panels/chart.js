// One chart: the plot, its legend, and the same values as a table.

import uPlot from '../../vendor/uplot/uplot.js';
import { h, setText, svg } from '../dom.js';
import { duration } from '../format.js';
import { SANS } from '../stage/theme.js';
import { tickText, valueText } from './series.js';

/**
 * @import { AlignedData } from '../../vendor/uplot/uplot.js'
 * @import { Services } from '../page.js'
 * @import { Theme } from '../stage/theme.js'
 * @import { Chart as ChartKind, Row } from './series.js'
 *
 * @typedef {object} Curve
 * @property {string} name
 * @property {Row} row
 * @property {number} look which colour and dashes
 * @property {boolean} bound
 * @property {boolean} sparse
 * @property {(number | null)[]} values
 *
 * @typedef {object} Times
 * @property {number} startNs
 * @property {number} endNs
 * @property {number} buckets
 */

const HEIGHT = 132;
/** Dashes, which tell curves apart without colour. */
const DASHES = [[], [7, 4], [2, 3], [9, 3, 2, 3]];
/** @type {('running' | 'retry' | 'done' | 'cancelled')[]} */
const TONES = ['running', 'retry', 'done', 'cancelled'];

export class Chart {
  /**
   * @param {ChartKind} kind
   * @param {{seek: (tNs: number) => void, hover: (bucket: number | null) => void}} actions
   * @param {Pick<Services, 'stage' | 'tr'>} services
   */
  constructor(kind, actions, { stage, tr }) {
    this.kind = kind;
    this.stage = stage;
    this.tr = tr;
    this.actions = actions;
    const id = `chart-${kind.key}`;
    this.unit = h('span', { class: 'unit' });
    this.plotBox = h('div', { class: 'plot', 'aria-hidden': 'true' });
    this.playhead = h('div', { class: 'playhead' });
    this.legend = h('ul', { class: 'chart-legend' });
    this.tableBox = h('div', {
      class: 'scroll',
      tabindex: 0,
      role: 'region',
      'aria-label': this.tr('chart.tableOf', { chart: this.tr(`chart.${kind.key}`) }),
    });
    this.details = h(
      'details',
      { class: 'chart-table', ontoggle: () => this.fillTable() },
      h('summary', {}, this.tr('chart.table')),
      this.tableBox,
    );
    this.element = h(
      'figure',
      { class: 'chart', id, 'aria-labelledby': `${id}-title` },
      h('figcaption', {}, h('h3', { id: `${id}-title` }, this.tr(`chart.${kind.key}`)), this.unit),
      this.plotBox,
      this.legend,
      this.details,
    );
    /** @type {Curve[]} */
    this.curves = [];
    /** @type {Times} */
    this.times = { startNs: 0, endNs: 0, buckets: 0 };
    /** @type {HTMLElement[]} */
    this.values = [];
    /** @type {uPlot | null} */
    this.plot = null;
    this.atNs = 0;
  }

  /** @param {Curve[]} curves @param {Times} times */
  show(curves, times) {
    const same =
      this.plot &&
      curves.length === this.curves.length &&
      curves.every((curve, index) => curve.name === this.curves[index].name);
    this.curves = curves;
    this.times = times;
    setText(
      this.unit,
      this.kind.unit === 'per_bucket'
        ? this.tr('chart.perBucket', { time: duration((times.endNs - times.startNs) / times.buckets) })
        : this.tr(`chart.unit.${this.kind.unit}`),
    );
    if (this.plot && same) this.plot.setData(this.data());
    else this.build();
    if (this.details.open) this.fillTable();
  }

  /** @returns {AlignedData} */
  data() {
    const { startNs, endNs, buckets } = this.times;
    const width = (endNs - startNs) / buckets / 1e9;
    const times = Array.from({ length: buckets + 1 }, (_, index) => index * width);
    // The last bucket has an end too.
    return /** @type {AlignedData} */ ([times, ...this.curves.map(({ values }) => [...values, values.at(-1) ?? null])]);
  }

  /** Draws everything anew, with other lines or another theme. */
  build() {
    this.plot?.destroy();
    const { theme } = this.stage;
    const axis = {
      stroke: theme.soft,
      font: `12px ${SANS}`,
      grid: { stroke: theme.line, width: 1 },
      ticks: { show: false },
    };
    const { unit } = this.kind;
    const line = uPlot.paths.stepped?.({ align: 1 });
    this.plot = new uPlot(
      {
        width: Math.max(120, this.plotBox.clientWidth),
        height: HEIGHT,
        padding: [8, 10, 0, 0],
        legend: { show: false },
        cursor: { sync: { key: 'fourfold' }, drag: { x: false, y: false }, y: false, points: { show: false } },
        scales: {
          x: { time: false },
          y: {
            range: (/** @type {uPlot} */ _, /** @type {number} */ __, /** @type {number} */ most) => [
              0,
              unit === 'percent' ? 1.02 : Math.max(1, (most || 0) * 1.08),
            ],
          },
        },
        axes: [
          {
            ...axis,
            size: 24,
            gap: 3,
            space: 64,
            values: (/** @type {uPlot} */ _, /** @type {number[]} */ splits) =>
              splits.map((value) => `${Number(value.toPrecision(4))} s`),
          },
          {
            ...axis,
            size: 44,
            gap: 4,
            space: 26,
            values: (/** @type {uPlot} */ _, /** @type {number[]} */ splits) =>
              splits.map((value) => tickText(value, unit)),
          },
        ],
        series: [
          {},
          ...this.curves.map((curve, index) => ({
            label: curve.name,
            stroke: color(curve, theme),
            fill: this.curves.length <= 2 && index === 0 && !curve.bound ? `${color(curve, theme)}1f` : undefined,
            width: curve.bound ? 1.25 : 1.75,
            dash: curve.bound ? [3, 3] : DASHES[curve.look % DASHES.length],
            paths: line,
            points: { show: false },
            spanGaps: curve.sparse,
          })),
        ],
        // The scales are known once the plot has drawn.
        hooks: {
          draw: [() => this.moveTo(this.atNs)],
          setCursor: [
            (/** @type {uPlot} */ plot) =>
              this.actions.hover((plot.cursor.left ?? -1) >= 0 ? (plot.cursor.idx ?? null) : null),
          ],
        },
      },
      this.data(),
      this.plotBox,
    );
    const { plot } = this;
    plot.over.append(this.playhead);
    plot.over.addEventListener('click', (event) => {
      const x = event.clientX - plot.over.getBoundingClientRect().left;
      this.actions.seek(this.times.startNs + plot.posToVal(x, 'x') * 1e9);
    });
    this.values = this.curves.map(() => h('span', { class: 'mono' }));
    this.legend.replaceChildren(
      ...this.curves.map((curve, index) =>
        h('li', {}, swatch(curve, theme), h('span', {}, curve.name), this.values[index]),
      ),
    );
  }

  resize() {
    const width = Math.max(120, this.plotBox.clientWidth);
    if (this.plot && width !== this.plot.width) this.plot.setSize({ width, height: HEIGHT });
  }

  /** @param {number} tNs */
  moveTo(tNs) {
    this.atNs = tNs;
    if (!this.plot) return;
    const x = this.plot.valToPos((tNs - this.times.startNs) / 1e9, 'x');
    this.playhead.style.transform = `translateX(${Math.round(x * 2) / 2}px)`;
  }

  /** Shows the values of a bucket beside the names. @param {number} bucket */
  read(bucket) {
    for (const [index, { values }] of this.curves.entries()) {
      setText(this.values[index], valueText(values[Math.min(bucket, values.length - 1)], this.kind.unit, this.tr));
    }
  }

  /** Fills the table, once it is open. */
  fillTable() {
    if (!this.details.open) return;
    const { startNs, endNs, buckets } = this.times;
    const width = (endNs - startNs) / buckets;
    this.tableBox.replaceChildren(
      h(
        'table',
        {},
        h('caption', { class: 'hidden' }, this.tr(`chart.${this.kind.key}`)),
        h(
          'thead',
          {},
          h(
            'tr',
            {},
            h('th', { scope: 'col' }, this.tr('chart.from')),
            ...this.curves.map(({ name }) => h('th', { scope: 'col' }, name)),
          ),
        ),
        h(
          'tbody',
          {},
          ...Array.from({ length: buckets }, (_, index) =>
            h(
              'tr',
              {},
              h(
                'th',
                { scope: 'row' },
                h(
                  'button',
                  {
                    type: 'button',
                    class: 'quiet',
                    onclick: () => this.actions.seek(startNs + index * width),
                    title: this.tr('chart.seek'),
                  },
                  duration(index * width),
                ),
              ),
              ...this.curves.map(({ values }) => h('td', {}, valueText(values[index], this.kind.unit, this.tr))),
            ),
          ),
        ),
      ),
    );
  }

  destroy() {
    this.plot?.destroy();
    this.plot = null;
  }
}

/** @param {Curve} curve @param {Theme} theme */
function color(curve, theme) {
  return curve.bound ? theme.strong : theme.state[TONES[curve.look % TONES.length]];
}

/** Draws a line as it is in the plot. @param {Curve} curve @param {Theme} theme */
function swatch(curve, theme) {
  const dash = curve.bound ? [3, 3] : DASHES[curve.look % DASHES.length];
  return svg(
    'svg',
    { viewBox: '0 0 24 8', width: 24, height: 8, 'aria-hidden': 'true' },
    svg('path', {
      d: 'M0 4h24',
      stroke: color(curve, theme),
      'stroke-width': curve.bound ? 1.5 : 2.25,
      'stroke-dasharray': dash.join(' '),
      fill: 'none',
    }),
  );
}
