// The page's side of the sandbox: a visitor's own code as a handler.

import { h } from './dom.js';

/**
 * @import { OwnTask } from './protocol.js'
 * @import { Translate } from './translator.js'
 *
 * @typedef {object} Listener
 * @property {(lines: [string, string][], dropped: number) => void} log
 * @property {(message: string) => void} lost the code does not answer any more
 */

/** How long the frame and the code in it may take to start. */
const START_MS = 6000;
const CODE_MAX = 64 * 1024;

export class SandboxHost {
  /** @param {HTMLElement} place @param {Listener} listener @param {Translate} tr */
  constructor(place, listener, tr) {
    this.tr = tr;
    this.place = place;
    this.listener = listener;
    /** @type {HTMLIFrameElement | null} */
    this.frame = null;
    /** @type {Map<number, {resolve: () => void, reject: (error: Error) => void}>} */
    this.calls = new Map();
    this.next = 1;
    this.receive = (/** @type {MessageEvent} */ event) => this.hear(event);
  }

  /**
   * Starts code. An error says what is wrong with the code, or that it cannot run here.
   * @param {string} code
   * @returns {Promise<void>}
   */
  start(code) {
    this.stop();
    if (code.length > CODE_MAX) return Promise.reject(new Error(this.tr('own.tooLong', { most: CODE_MAX / 1024 })));
    addEventListener('message', this.receive);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.starting?.reject(new Error(this.tr('own.cannot'))), START_MS);
      this.starting = {
        code,
        resolve: () => {
          clearTimeout(timer);
          this.starting = undefined;
          resolve();
        },
        reject: (/** @type {Error} */ error) => {
          clearTimeout(timer);
          this.starting = undefined;
          this.stop();
          reject(error);
        },
      };
      this.frame = h('iframe', {
        sandbox: 'allow-scripts',
        src: new URL('../sandbox.html', import.meta.url).href,
        class: 'sandbox',
        title: this.tr('own.sandbox'),
        tabindex: -1,
        'aria-hidden': 'true',
      });
      this.place.append(this.frame);
    });
  }

  /** @param {MessageEvent} event */
  hear({ source, data }) {
    if (!this.frame || source !== this.frame.contentWindow || typeof data !== 'object' || data === null) return;
    if (data.ready) this.send({ start: this.starting?.code ?? '' });
    else if (data.started) this.starting?.resolve();
    else if (data.refused) this.starting?.reject(new Error(this.tr('own.cannot')));
    else if (data.failed)
      this.starting?.reject(
        new Error(
          data.failed === 'no-handler'
            ? this.tr('own.noHandler')
            : this.tr('own.line', { line: Number(data.line), message: String(data.failed) }),
        ),
      );
    else if (data.lost) this.lose();
    else if (Array.isArray(data.log)) this.listener.log(data.log, Number(data.dropped) || 0);
    else if (data.answer !== undefined) this.answer(data);
  }

  /**
   * @param {{answer: number, error?: {message: string, permanent?: boolean, retryAfterMs?:
   *   number}}} data
   */
  answer({ answer, error }) {
    const call = this.calls.get(answer);
    this.calls.delete(answer);
    if (!error) call?.resolve();
    else
      call?.reject(
        Object.assign(new Error(String(error.message)), {
          permanent: error.permanent === true,
          retryAfterMs: error.retryAfterMs,
        }),
      );
  }

  /** @param {OwnTask} task @returns {Promise<void>} */
  call({ payload, id, attempt, signal }) {
    if (!this.frame) return Promise.reject(Object.assign(new Error(this.tr('own.gone')), { permanent: true }));
    const call = this.next;
    this.next += 1;
    return new Promise((resolve, reject) => {
      this.calls.set(call, { resolve, reject });
      signal.addEventListener('abort', () => this.send({ abort: call }));
      this.send({ call, task: payload, id, attempt });
    });
  }

  /** Ends the calls of code that never pauses and was stopped. */
  lose() {
    const message = this.tr('own.loop');
    if (this.starting) {
      this.starting.reject(new Error(message));
      return;
    }
    this.stop(message);
    this.listener.lost(message);
  }

  /** @param {object} message */
  send(message) {
    this.frame?.contentWindow?.postMessage(message, '*');
  }

  /** @param {string} [why] */
  stop(why = this.tr('own.gone')) {
    removeEventListener('message', this.receive);
    this.frame?.remove();
    this.frame = null;
    for (const { reject } of this.calls.values()) reject(Object.assign(new Error(why), { permanent: true }));
    this.calls.clear();
  }
}
