// The stage: one panel for each run, painted from snapshots, without knowledge of runs, clocks and
// modes.

import { count, moment } from '../format.js';
import { TASK } from '../generated/layout.js';
import { isCrowded, paintCrowd, TOKENS_MAX } from './aggregate.js';
import { arrange, panels } from './geometry.js';
import { at, History, paintUnderWay } from './history.js';
import { Labels } from './labels.js';
import { cancelledAt, paintCounts, paintUnder, paintWave, WAVE_MS } from './overlay.js';
import { paintLook, paintTokens } from './paint.js';
import { RACK_FROM, Rack } from './rack.js';
import { paintScenery, write } from './scenery.js';
import { SANS, THEMES } from './theme.js';
import { Tokens } from './tokens.js';

/**
 * @typedef {import('../snapshot.js').Snapshot} Snapshot
 * @typedef {import('../translator.js').Translate} Translate
 * @typedef {import('./geometry.js').Places} Places
 * @typedef {{title: string}} Panel
 */

/** The highest density of pixels: a higher one costs more than it shows. */
const DENSITY_MAX = 2;

/** The memory of one panel between two frames. */
class View {
  constructor() {
    this.tokens = new Tokens();
    this.rack = new Rack();
    this.history = new History();
    /** @type {Places | null} */
    this.places = null;
    this.placesKey = '';
    /** The most places that an unbounded queue has needed: on the stage it never shrinks. */
    this.queuedMax = 0;
    this.waveAt = -1;
    this.waveAge = WAVE_MS;
  }
}

export class Stage {
  /**
   * @param {HTMLCanvasElement} canvas
   * @param {Translate} tr
   * @param {import('./theme.js').ThemeName} themeName
   */
  constructor(canvas, tr, themeName) {
    this.canvas = canvas;
    this.tr = tr;
    this.themeName = themeName;
    /** The words on the stage, looked up once per language. */
    this.words = wordsOf(tr);
    const pen = canvas.getContext('2d', { alpha: false });
    if (!pen) throw new Error('this browser gives no canvas to draw on');
    this.pen = pen;
    this.scenery = document.createElement('canvas');
    this.sceneryPen = /** @type {CanvasRenderingContext2D} */ (this.scenery.getContext('2d'));
    this.sceneryKey = '';
    this.labels = new Labels();
    /** @type {Panel[]} */
    this.panels = [];
    /** @type {View[]} */
    this.views = [];
    /** @type {Snapshot[]} */
    this.snapshots = [];
    /** The part of the runs that the lanes show. @type {import('./history.js').Axis} */
    this.axis = { fromNs: 0, lengthNs: 1 };
    this.selected = { panel: 0, task: -1 };
    this.width = 0;
    this.height = 0;
    this.density = 1;
    /** @type {CanvasPattern | string} */
    this.hatch = '';
    this.hatchKey = '';
    /** The times that the latest 600 paintings took, in milliseconds. */
    this.costs = /** @type {number[]} */ ([]);
    new ResizeObserver(() => this.resize()).observe(canvas);
    this.resize();
  }

  get theme() {
    return THEMES[this.themeName];
  }

  /** Takes the words anew, after another language was loaded. */
  translate() {
    this.words = wordsOf(this.tr);
  }

  /** @param {Panel[]} list */
  setPanels(list) {
    this.panels = list;
    this.views = list.map(() => new View());
    this.snapshots = [];
    this.sceneryKey = '';
  }

  resize() {
    // The size of the canvas itself: another box than its own would stretch the picture.
    const { width, height } = this.canvas.getBoundingClientRect();
    this.density = Math.min(DENSITY_MAX, window.devicePixelRatio || 1);
    this.width = Math.max(1, Math.round(width));
    this.height = Math.max(1, Math.round(height));
    this.canvas.width = Math.round(this.width * this.density);
    this.canvas.height = Math.round(this.height * this.density);
    this.sceneryKey = '';
    if (this.snapshots.length > 0) this.paint(0, true);
  }

  /**
   * Takes what the permits of each run were held for, and the part of the runs that the lanes show.
   * @param {Float64Array[]} lanes
   * @param {import('./history.js').Axis} axis
   */
  setLanes(lanes, axis) {
    this.axis = axis;
    for (const [index, rows] of lanes.entries()) if (this.views[index]) this.views[index].history.rows = rows;
  }

  /** @param {Snapshot[]} snapshots */
  show(snapshots) {
    this.snapshots = snapshots;
  }

  /**
   * Paints the latest snapshots.
   * @param {number} passed milliseconds since the last painting; 0 puts everything where it belongs
   *   at once
   * @param {boolean} goesOn whether these snapshots follow the ones before
   * @returns {boolean} whether anything is still moving
   */
  paint(passed, goesOn) {
    const started = performance.now();
    const { pen, density } = this;
    const { theme } = this;
    const boxes = panels(this.width, this.height, Math.max(1, this.panels.length));
    this.labels.begin(density);
    for (const [index, snapshot] of this.snapshots.entries()) this.place(this.views[index], snapshot, boxes[index]);
    this.prepare(boxes, theme);
    pen.setTransform(1, 0, 0, 1, 0, 0);
    pen.drawImage(this.scenery, 0, 0);
    pen.setTransform(density, 0, 0, density, 0, 0);
    let moving = false;
    this.snapshots.forEach((snapshot, index) => {
      const view = this.views[index];
      if (!view?.places) return;
      pen.save();
      pen.beginPath();
      pen.rect(boxes[index].x, boxes[index].y, boxes[index].w, boxes[index].h);
      pen.clip();
      this.paintRun(view, view.places, snapshot, index, theme, passed, goesOn);
      pen.restore();
      moving ||= view.tokens.moving || view.waveAge < WAVE_MS;
    });
    this.labels.draw(pen);
    this.costs.push(performance.now() - started);
    if (this.costs.length > 600) this.costs.shift();
    return moving;
  }

  /**
   * @param {View} view @param {Places} places @param {Snapshot} snapshot @param {number} index
   * @param {import('./theme.js').Theme} theme @param {number} passed @param {boolean} goesOn
   */
  paintRun(view, places, snapshot, index, theme, passed, goesOn) {
    const { pen } = this;
    const words = this.words;
    if (isCrowded(snapshot)) {
      view.tokens.clear();
      paintCrowd(pen, places, snapshot, theme);
    } else {
      const { axis } = this;
      const startNs = snapshot.of('start_ns');
      const head = at(places, axis, snapshot.of('t_ns') - startNs);
      view.tokens.update(snapshot, places, head, passed, goesOn);
      view.history.startNs = startNs;
      if (places.form === 'lanes' || snapshot.phase === 'ended') {
        view.history.draw(pen, places, axis, head, theme, this.hatch, this.density);
        if (places.form === 'lanes') paintUnderWay(pen, places, axis, view.tokens, startNs, head, theme);
      }
      const racked = places.form === 'grid' && snapshot.of('in_flight') >= RACK_FROM;
      const rack = racked
        ? (/** @type {import('./tokens.js').Token[]} */ tokens) =>
            view.rack.draw(pen, places, tokens, theme, this.density)
        : null;
      paintUnder(pen, places, snapshot, view.tokens, theme, words, racked);
      this.wave(view, places, snapshot, theme, passed);
      this.paintFlights(view, places.radius, theme);
      const selected = this.selected.panel === index ? this.selected.task : -1;
      paintTokens(
        pen,
        view.tokens.all.values(),
        places.radius,
        theme,
        this.labels,
        rack,
        selected,
        snapshot.of('t_ns'),
      );
    }
    paintCounts(pen, places, snapshot, theme, words);
    const title = this.panels[index]?.title;
    if (title && this.panels.length > 1) {
      const { panel } = places;
      write(pen, title, panel.x + 18, panel.y + 25, theme.ink, 'left', `650 15px ${SANS}`);
      const { text, color } = this.status(snapshot, theme);
      write(pen, text, panel.x + panel.w - 18, panel.y + 25, color, 'right', `550 13px ${SANS}`);
    }
  }

  /** Says where a run is, and how it ended. @param {Snapshot} snapshot @param {import('./theme.js').Theme} theme */
  status(snapshot, theme) {
    if (snapshot.phase !== 'ended') return { text: this.tr(`phase.${snapshot.phase}`), color: theme.soft };
    const elapsed = snapshot.of('end_ns') - snapshot.of('start_ns');
    const text = this.tr('stage.ended', { time: moment(elapsed) });
    const leaked = snapshot.of('abandoned');
    if (leaked > 0)
      return { text: `${text}, ${this.tr('stage.lost', { count: count(leaked) })}`, color: theme.state.leaked };
    if (snapshot.of('cause') >= 0) return { text, color: theme.state.cancelled };
    if (snapshot.of('dead') > 0) return { text, color: theme.state.failed };
    if (snapshot.of('released') > 0) return { text, color: theme.soft };
    const idle = snapshot.of('idle_ns') / Math.max(1, elapsed * snapshot.of('limit'));
    const share = this.tr('stage.idle', { percent: Math.round(100 * Math.min(1, idle)) });
    return { text: `${text} · ${share}`, color: theme.state.done };
  }

  /** @param {View} view @param {number} radius @param {import('./theme.js').Theme} theme */
  paintFlights(view, radius, theme) {
    for (const look of /** @type {const} */ (['succeeded', 'failed', 'cancelled'])) {
      const flights = view.tokens.flights.filter((flight) => flight.look === look);
      if (flights.length > 0) paintLook(this.pen, look, flights, radius * 0.85, theme);
    }
  }

  /**
   * @param {View} view
   * @param {Places} places
   * @param {Snapshot} snapshot
   * @param {import('./theme.js').Theme} theme
   * @param {number} passed
   */
  wave(view, places, snapshot, theme, passed) {
    if (places.pattern !== 'group') return;
    const at = cancelledAt(snapshot);
    if (at >= 0 && at !== view.waveAt && passed > 0) view.waveAge = 0;
    if (at >= 0) view.waveAt = at;
    if (snapshot.of('cause') < 0) view.waveAt = -1;
    view.waveAge = passed > 0 ? Math.min(WAVE_MS, view.waveAge + passed) : WAVE_MS;
    if (view.waveAge >= WAVE_MS) return;
    const { run } = places;
    paintWave(this.pen, places, { x: run.x + run.w * 0.5, y: run.y + run.h / 2 }, view.waveAge / WAVE_MS, theme);
  }

  /**
   * @param {View | undefined} view
   * @param {Snapshot} snapshot
   * @param {import('./geometry.js').Box} box
   */
  place(view, snapshot, box) {
    // Before its first event nothing is known of a run: the panel stays as it was.
    if (!view || (snapshot.phase === 'waiting' && view.places)) return;
    const pattern = snapshot.pattern;
    const queues = pattern === 'pool' || pattern === 'batch';
    const bound = snapshot.of('queue_capacity');
    const queued = snapshot.of('queued');
    view.queuedMax = Math.max(view.queuedMax, queued);
    // After the limit is lowered, tasks go on with permits of higher numbers.
    const slots = Math.min(TOKENS_MAX, Math.max(snapshot.of('limit'), highestPermit(snapshot) + 1));
    const unbounded = bound < 0 || bound > 100_000;
    const capacity = !queues ? -1 : unbounded ? 0 : Math.min(Math.max(bound, queued), TOKENS_MAX);
    const key = [box.x, box.y, box.w, box.h, pattern, slots, capacity, capacity === 0 ? view.queuedMax : 0].join();
    if (key === view.placesKey) return;
    view.placesKey = key;
    view.places = arrange(box, {
      pattern,
      limit: slots,
      capacity,
      queued: Math.min(view.queuedMax, TOKENS_MAX),
      title: Boolean(this.panels.length > 1),
    });
  }

  /**
   * Paints the scenery where something in it has changed.
   * @param {import('./geometry.js').Box[]} boxes
   * @param {import('./theme.js').Theme} theme
   */
  prepare(boxes, theme) {
    const key = [
      this.themeName,
      this.words.source,
      this.density,
      this.width,
      this.height,
      ...this.views.map((view) => view.placesKey),
    ].join('|');
    if (key === this.sceneryKey) return;
    this.sceneryKey = key;
    this.scenery.width = this.canvas.width;
    this.scenery.height = this.canvas.height;
    const pen = this.sceneryPen;
    pen.setTransform(this.density, 0, 0, this.density, 0, 0);
    pen.fillStyle = theme.ground;
    pen.fillRect(0, 0, this.width, this.height);
    pen.strokeStyle = theme.line;
    pen.lineWidth = 1;
    pen.beginPath();
    for (const { x, y, w } of boxes) {
      if (x > 0) pen.rect(Math.round(x) + 0.5, 0, 0, this.height);
      if (y > 0 && x === 0) pen.rect(0, Math.round(y) + 0.5, boxes.length > 1 && w < this.width ? this.width : w, 0);
    }
    pen.stroke();
    for (const view of this.views) if (view.places) paintScenery(pen, view.places, theme, this.words);
    this.makeHatch(theme);
  }

  /** @param {import('./theme.js').Theme} theme */
  makeHatch(theme) {
    if (this.hatchKey === theme.hatch) return;
    this.hatchKey = theme.hatch;
    const tile = document.createElement('canvas');
    tile.width = 9;
    tile.height = 9;
    const pen = /** @type {CanvasRenderingContext2D} */ (tile.getContext('2d'));
    pen.strokeStyle = theme.hatch;
    pen.lineWidth = 1.5;
    pen.beginPath();
    for (const shift of [-9, 0, 9]) {
      pen.moveTo(shift - 1, 10);
      pen.lineTo(shift + 10, -1);
    }
    pen.stroke();
    this.hatch = this.pen.createPattern(tile, 'repeat') ?? theme.hatch;
  }

  /**
   * Finds the task at a point of the canvas.
   * @param {number} x
   * @param {number} y
   */
  taskAt(x, y) {
    const boxes = panels(this.width, this.height, Math.max(1, this.panels.length));
    const panel = boxes.findIndex((box) => x >= box.x && x < box.x + box.w && y >= box.y && y < box.y + box.h);
    const view = this.views[panel];
    const task = view?.tokens.at(x, y, Math.max(10, (view.places?.radius ?? 0) + 5)) ?? -1;
    return { panel, task };
  }
}

/** @param {Snapshot} snapshot */
function highestPermit(snapshot) {
  let highest = -1;
  for (let row = 0; row < snapshot.rows; row += 1) highest = Math.max(highest, snapshot.task(row, TASK.permit));
  return highest;
}

/** Everything that the stage writes, by its key without `stage.`. */
const WORDS = [
  ...['source', 'queue', 'workers', 'permits', 'group', 'retry', 'done', 'dead', 'released', 'leaked', 'lost'],
  ...[
    'batch',
    'groupCancelled',
    'gateOpen',
    'gateWaiting',
    'gateRoom',
    'gateRate',
    'gateKeys',
    'gateSettling',
    'gateExhausted',
  ],
  'gateClosed',
];

/** @param {Translate} tr */
function wordsOf(tr) {
  return Object.fromEntries(WORDS.map((name) => [name, tr(`stage.${name}`)]));
}
