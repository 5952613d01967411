// Runs a visitor's own code, in a frame without an origin and in a worker of its own: the code
// reaches nothing of the page, and code that never pauses is stopped. This is a plain script, since
// a module is loaded by origin and the frame has none.
'use strict';

(() => {
  const BEAT_MS = 400;
  /** The silence after which code is taken to be in a loop, in milliseconds. */
  const SILENCE_MS = 2500;
  const LOG_MAX = 200;
  const TEXT_MAX = 600;

  /**
   * Runs in the worker before the visitor's code: collects what the code prints, and calls it.
   * @param {number} most
   * @param {number} longest
   */
  function host(most, longest) {
    const post = self.postMessage.bind(self);
    const later = self.setTimeout.bind(self);
    /** @type {Map<number, AbortController>} */
    const running = new Map();
    /** @type {[string, string][]} */
    let lines = [];
    let dropped = 0;
    let timer = 0;
    /** @type {((task: unknown, context: object) => unknown) | undefined} */
    let handler;

    const show = (/** @type {unknown} */ value) => {
      if (typeof value === 'string') return value;
      if (value instanceof Error) return `${value.name}: ${value.message}`;
      try {
        return JSON.stringify(value) ?? String(value);
      } catch {
        return String(value);
      }
    };
    const flush = () => {
      timer = 0;
      if (lines.length === 0 && dropped === 0) return;
      post({ log: lines, dropped });
      lines = [];
      dropped = 0;
    };
    const print =
      (/** @type {string} */ level) =>
      (/** @type {unknown[]} */ ...values) => {
        if (lines.length < most) lines.push([level, values.map(show).join(' ').slice(0, longest)]);
        else dropped += 1;
        if (timer === 0) timer = later(flush, 50);
      };
    for (const level of ['log', 'info', 'debug', 'warn', 'error']) Reflect.set(console, level, print(level));

    const call = async (
      /** @type {{call: number, task: unknown, id: number, attempt: number}} */ { call: number, task, id, attempt },
    ) => {
      const controller = new AbortController();
      running.set(number, controller);
      // What a task printed is sent before its answer: after the last answer, nothing listens any
      // more.
      const answer = (/** @type {object} */ message) => {
        flush();
        post({ answer: number, ...message });
      };
      try {
        if (!handler) throw Object.assign(new Error('there is no handler'), { permanent: true });
        await handler(task, { id, attempt, signal: controller.signal, log: console.log });
        answer({});
      } catch (error) {
        // Anything can be thrown, nothing too.
        const { permanent, retryAfterMs } = /** @type {{permanent?: unknown, retryAfterMs?: unknown}} */ (error ?? {});
        const message = error instanceof Error ? error.message || error.name : String(error);
        const after = Number(retryAfterMs);
        answer({
          error: {
            message: message.slice(0, longest),
            permanent: permanent === true,
            retryAfterMs: after >= 0 ? after : undefined,
          },
        });
      } finally {
        running.delete(number);
      }
    };
    self.addEventListener('message', ({ data }) => {
      if (data.beat !== undefined) post({ beat: data.beat });
      else if (data.abort !== undefined) running.get(data.abort)?.abort();
      else if (data.call !== undefined) void call(data);
    });
    return (/** @type {typeof handler} */ given) => {
      handler = given;
      post(given ? { started: true } : { failed: 'no-handler' });
    };
  }

  const before = `const fourfoldHandler = (${host.toString()})(${LOG_MAX}, ${TEXT_MAX});\n`;
  const after = `\n;fourfoldHandler(typeof handler === 'function' ? handler : undefined);\n`;
  const offset = before.split('\n').length - 1;

  const tell = (/** @type {object} */ message) => parent.postMessage(message, '*');

  /** A worker with a visitor's code, which is stopped when it falls silent. */
  class CodeWorker {
    /** @param {string} code */
    constructor(code) {
      this.started = false;
      this.lines = code.split('\n').length;
      this.heard = performance.now();
      this.lastBeat = this.heard;
      const url = URL.createObjectURL(new Blob([before, code, after], { type: 'text/javascript' }));
      this.worker = new Worker(url);
      this.worker.addEventListener('message', ({ data }) => this.hear(data));
      this.worker.addEventListener('error', (event) => this.fail(event));
      this.beats = setInterval(() => this.beat(), BEAT_MS);
    }

    /** @param {{started?: boolean, beat?: number}} message */
    hear(message) {
      this.heard = performance.now();
      if (message.started) this.started = true;
      if (message.beat === undefined) tell(message);
    }

    /** @param {ErrorEvent} event */
    fail(event) {
      event.preventDefault();
      const { message, lineno } = event;
      const line = Math.min(this.lines, Math.max(1, lineno - offset));
      // An error without a place is not the code's: the worker itself was refused.
      if (!message) tell({ refused: 'worker' });
      else if (this.started) tell({ log: [['error', message]], dropped: 0 });
      else tell({ failed: message.replace(/^Uncaught /, ''), line });
    }

    beat() {
      const now = performance.now();
      // A frame that was asleep could not hear answers.
      if (now - this.lastBeat > BEAT_MS * 3) this.heard = now;
      this.lastBeat = now;
      if (now - this.heard <= SILENCE_MS) this.worker.postMessage({ beat: 1 });
      else {
        this.stop();
        tell({ lost: true });
      }
    }

    stop() {
      this.worker.terminate();
      clearInterval(this.beats);
    }
  }

  /** @type {CodeWorker | null} */
  let running = null;

  /** @param {string} code */
  function start(code) {
    running?.stop();
    try {
      running = new CodeWorker(code);
    } catch (error) {
      running = null;
      tell({ refused: String(error) });
    }
  }

  // Within an origin the code would reach the page and its storage: the frame's attribute, or the server's
  // policy, was taken away.
  if (self.origin !== 'null') {
    tell({ refused: 'origin' });
    return;
  }
  addEventListener('securitypolicyviolation', (event) => tell({ refused: event.violatedDirective }));
  addEventListener('message', ({ data, source }) => {
    if (source !== parent) return;
    if (typeof data.start === 'string') start(data.start);
    else running?.worker.postMessage(data);
  });
  tell({ ready: true });
})();
