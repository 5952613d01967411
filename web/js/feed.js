// Receives the events of a native run as server-sent events: collects them, hands them on in
// batches, and resumes where it stopped.

/**
 * @typedef {'connecting' | 'open' | 'waiting' | 'ended' | 'none'} FeedState connecting: for the
 *   first time; waiting: the connection broke and is being made again; none: there is nothing to
 *   connect to
 *
 * @typedef {object} Sink the receiver of events, in order; the next batch waits for the promise
 * @property {(json: string, run: string) => Promise<void>} snapshot the state to begin with, or to
 *   go on from
 * @property {(lines: string, count: number, run: string) => Promise<void>} events
 * @property {(missed: number | null) => void} gap the number of events that never came; null where
 *   it is unknown
 * @property {(state: FeedState) => void} state
 * @property {(error: unknown) => void} problem something could not be taken in
 */

/** The interval at which events are handed on, in milliseconds. */
const BATCH_MS = 50;
/**
 * The maximum number of events that wait. When more do, the receiver is too slow, and begins anew
 * from a snapshot.
 */
const WAITING_MAX = 400_000;
const BACKOFF_MIN_MS = 500;
const BACKOFF_MAX_MS = 15_000;

export class Feed {
  /** @param {string} url @param {Sink} sink */
  constructor(url, sink) {
    this.url = url;
    this.sink = sink;
    /** @type {EventSource | null} */
    this.source = null;
    /** @type {string[]} */
    this.lines = [];
    /** The run of the collected lines: the middle part of an id. */
    this.run = '';
    /** Ends when everything that was handed on has been taken in. */
    this.taking = Promise.resolve();
    this.waiting = 0;
    this.lastFlush = 0;
    this.backoff = BACKOFF_MIN_MS;
    this.closed = false;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.timer = undefined;
    /** The number of events since the beginning. */
    this.count = 0;
    /** The number of times that the connection broke. */
    this.breaks = 0;
    this.isUp = false;
    /** When anything came last, in milliseconds on the clock of `performance`. */
    this.lastAt = performance.now();
    /**
     * Whether this connection is a new one, which does not know the last id: there is a gap before
     * it.
     */
    this.anew = false;
  }

  open() {
    if (this.closed) return;
    const source = new EventSource(this.url);
    this.source = source;
    source.addEventListener('open', () => {
      this.isUp = true;
      this.lastAt = performance.now();
      this.tell('open');
    });
    source.addEventListener('message', (event) => this.take(event));
    source.addEventListener('snapshot', (event) => this.snapshot(event));
    source.addEventListener('gap', (event) => {
      this.anew = false;
      this.flush();
      const { missed } = JSON.parse(event.data);
      this.inTurn(async () => this.sink.gap(missed));
    });
    source.addEventListener('end', () => {
      this.flush();
      source.close();
      this.inTurn(async () => this.tell('ended'));
    });
    source.addEventListener('error', () => {
      if (this.source !== source) return;
      if (this.isUp) this.breaks += 1;
      this.isUp = false;
      this.tell('waiting');
      // While the source is connecting, the browser tries again by itself, with the id of the last
      // event.
      if (source.readyState === EventSource.CLOSED) this.again();
    });
  }

  /** @param {MessageEvent} event */
  take(event) {
    const run = runOf(event.lastEventId);
    if (run !== this.run) {
      this.flush();
      this.run = run;
    }
    this.lines.push(event.data);
    this.count += 1;
    const now = performance.now();
    this.lastAt = now;
    // Timers are slow in hidden tabs; messages are not.
    if (now - this.lastFlush >= BATCH_MS) this.flush();
    else this.timer ??= setTimeout(() => this.flush(), BATCH_MS);
    if (this.waiting + this.lines.length > WAITING_MAX) this.overrun();
  }

  /** @param {MessageEvent} event */
  snapshot(event) {
    this.flush();
    const run = runOf(event.lastEventId);
    // Nothing is missing of a run that has begun meanwhile: its state says everything before.
    const anew = this.anew && run === this.run;
    this.run = run;
    this.anew = false;
    // Numbers may be larger than JavaScript's are exact: the state is cut out as text, not parsed.
    const from = event.data.indexOf('"state":');
    const json = from < 0 ? event.data : event.data.slice(from + 8, event.data.lastIndexOf('}'));
    this.inTurn(async () => {
      if (anew) this.sink.gap(null);
      await this.sink.snapshot(json, run);
    });
  }

  /** Hands on the collected events. */
  flush() {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.lastFlush = performance.now();
    if (this.lines.length === 0) return;
    const { lines, run } = this;
    this.lines = [];
    this.waiting += lines.length;
    this.inTurn(async () => {
      await this.sink.events(`${lines.join('\n')}\n`, lines.length, run);
      this.waiting -= lines.length;
      this.backoff = BACKOFF_MIN_MS;
    });
  }

  /** Acts after everything before it has been taken in. @param {() => Promise<void>} act */
  inTurn(act) {
    this.taking = this.taking
      .then(() => (this.closed ? undefined : act()))
      .catch((error) => {
        this.sink.problem(error);
        this.overrun();
      });
  }

  /**
   * Gives up events that are taken in too slowly or not at all, and begins anew from a snapshot.
   */
  overrun() {
    this.lines = [];
    this.waiting = 0;
    this.source?.close();
    this.again();
  }

  /** Makes a new connection after a pause that doubles each time. */
  again() {
    if (this.closed) return;
    this.source?.close();
    this.source = null;
    this.anew = true;
    clearTimeout(this.retry);
    this.retry = setTimeout(() => this.open(), this.backoff);
    this.backoff = Math.min(BACKOFF_MAX_MS, this.backoff * 2);
  }

  /** @param {FeedState} state */
  tell(state) {
    if (!this.closed) this.sink.state(state);
  }

  close() {
    this.closed = true;
    this.source?.close();
    clearTimeout(this.timer);
    clearTimeout(this.retry);
  }
}

/** Reads the run from an id, `token-run-known`. @param {string} id */
function runOf(id) {
  return id.slice(0, id.lastIndexOf('-'));
}
