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

  /** @type {Worker | null} */
  let worker = null;
  let heard = 0;
  let started = false;
  let lines = 1;
  let beat = 0;

  const tell = (/** @type {object} */ message) => parent.postMessage(message, '*');

  function stop() {
    worker?.terminate();
    worker = null;
    clearInterval(beat);
  }

  /** @param {string} code */
  function start(code) {
    stop();
    started = false;
    lines = code.split('\n').length;
    const url = URL.createObjectURL(new Blob([before, code, after], { type: 'text/javascript' }));
    try {
      worker = new Worker(url);
    } catch (error) {
      tell({ refused: String(error) });
      return;
    }
    heard = performance.now();
    worker.addEventListener('message', ({ data }) => {
      heard = performance.now();
      if (data.started) started = true;
      if (data.beat === undefined) tell(data);
    });
    worker.addEventListener('error', (event) => {
      event.preventDefault();
      // An error without a place is not the code's: the worker itself was refused.
      if (!event.message) tell({ refused: 'worker' });
      else
        tell(
          started
            ? { log: [['error', event.message]], dropped: 0 }
            : {
                failed: event.message.replace(/^Uncaught /, ''),
                line: Math.min(lines, Math.max(1, event.lineno - offset)),
              },
        );
    });
    let last = performance.now();
    beat = setInterval(() => {
      const now = performance.now();
      // A frame that was asleep could not hear answers.
      if (now - last > BEAT_MS * 3) heard = now;
      last = now;
      if (now - heard > SILENCE_MS) {
        stop();
        tell({ lost: true });
      } else worker?.postMessage({ beat: 1 });
    }, BEAT_MS);
  }

  addEventListener('securitypolicyviolation', (event) => tell({ refused: event.violatedDirective }));
  addEventListener('message', ({ data, source }) => {
    if (source !== parent) return;
    if (typeof data.start === 'string') start(data.start);
    else if (data.stop) stop();
    else worker?.postMessage(data);
  });
  tell({ ready: true });
})();
