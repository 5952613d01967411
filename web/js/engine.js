// The page's side of the worker: runs are numbers here, and everything about them is asked for.

/**
 * @import { Arguments, AttemptStarted, Handler, HandlerFailure } from './protocol.js'
 * @import { Message, Opened, Operation, SimulationParameters, Results } from './protocol.js'
 *
 * @typedef {object} Waiting a request that has no answer yet
 * @property {(value: never) => void} resolve
 * @property {(error: Error) => void} reject
 */

/** The connection to one worker. */
export class Engine {
  #worker = new Worker(new URL('./worker.js', import.meta.url), { type: 'module' });
  /** @type {Map<number, Waiting>} */
  #waiting = new Map();
  #nextRequest = 1;
  /** The handlers of own runs, by number. @type {Map<number, Handler>} */
  #handlers = new Map();
  #nextHandler = 1;
  /** The handler of each own run, by player. @type {Map<number, number>} */
  #handlerOf = new Map();
  /** Attempts that handlers are at work on. @type {Map<number, AbortController>} */
  #attempts = new Map();

  constructor() {
    this.#worker.addEventListener('message', (/** @type {MessageEvent<Message>} */ { data }) => this.#receive(data));
    this.#worker.addEventListener('error', (event) => {
      const error = new Error(event.message || 'the worker could not be started');
      for (const { reject } of this.#waiting.values()) reject(error);
      this.#waiting.clear();
    });
  }

  /**
   * Asks the worker for an operation.
   * @template {Operation} K
   * @param {K} op
   * @param {Arguments[K]} args
   * @returns {Promise<Results[K]>}
   */
  ask(op, ...args) {
    const id = this.#nextRequest;
    this.#nextRequest += 1;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#worker.postMessage({ id, op, args });
    });
  }

  /**
   * Starts a run in real time: every attempt calls the handler.
   * @param {SimulationParameters} parameters
   * @param {unknown[]} payloads
   * @param {Handler} handler
   * @returns {Promise<Opened>}
   */
  async own(parameters, payloads, handler) {
    const number = this.#nextHandler;
    this.#nextHandler += 1;
    this.#handlers.set(number, handler);
    try {
      const opened = await this.ask('own', parameters, payloads, number);
      this.#handlerOf.set(opened.player, number);
      return opened;
    } catch (error) {
      this.#handlers.delete(number);
      throw error;
    }
  }

  /** Frees a run, without waiting for it. @param {number} player */
  close(player) {
    const handler = this.#handlerOf.get(player);
    if (handler !== undefined) this.#handlers.delete(handler);
    this.#handlerOf.delete(player);
    void this.ask('close', player);
  }

  /** @param {Message} message */
  #receive(message) {
    if (message.kind === 'attempt') void this.#act(message.handler, message.attempt);
    else if (message.kind === 'cancel') this.#attempts.get(message.attempt)?.abort();
    else {
      const waiting = this.#waiting.get(message.id);
      this.#waiting.delete(message.id);
      if (message.kind === 'error') waiting?.reject(new Error(message.message));
      // The worker has answered the operation that was asked for: its type is the promise's.
      else waiting?.resolve(/** @type {never} */ (message.value));
    }
  }

  /** @param {number} handler @param {AttemptStarted} started */
  async #act(handler, { number, payload, id, attempt }) {
    const controller = new AbortController();
    this.#attempts.set(number, controller);
    try {
      await this.#handlers.get(handler)?.({ payload, id, attempt, signal: controller.signal });
      await this.ask('answer', number, null);
    } catch (error) {
      await this.ask('answer', number, failureOf(error));
    } finally {
      this.#attempts.delete(number);
    }
  }
}

/** @param {unknown} thrown @returns {HandlerFailure} */
function failureOf(thrown) {
  /** @type {HandlerFailure} */
  const { message, permanent, retryAfterMs } = thrown instanceof Error ? thrown : new Error(String(thrown));
  return { message, permanent, retryAfterMs };
}
