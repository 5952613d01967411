// The JavaScript side of a run with handlers: the module decides when an attempt starts, and this
// file makes the attempt.

/**
 * @typedef {object} Tasks the tasks of a run, numbered from 0 in the order in which they are pulled
 * @property {() => 0 | 1 | 2} pull takes the next task: 0 when there is none at the moment, 2 at the
 *   end
 * @property {(id: number) => unknown} item the task with a number
 * @property {(id: number, value: unknown) => void} done is told the result of a task
 * @property {(id: number, error: unknown, attempts: number) => void} dead is told that a task has
 *   failed for good
 *
 * @typedef {object} Module what a host needs of a player
 * @property {(slot: number) => void} succeed
 * @property {(slot: number, reason: string, permanent: boolean, cancelled: boolean, after: number)
 *   => void} fail
 * @property {() => void} task_arrived
 */

/** @type {(context: Context, reason: unknown) => void} */
let abort;

/** What a handler is told about its attempt. The signal is made when it is asked for. */
export class Context {
  /** @type {AbortController | undefined} */
  #controller;
  #aborted = false;
  /** @type {unknown} */
  #reason;

  /** @param {number} id @param {number} attempt */
  constructor(id, attempt) {
    this.id = id;
    this.attempt = attempt;
  }

  get signal() {
    if (!this.#controller) {
      this.#controller = new AbortController();
      if (this.#aborted) this.#controller.abort(this.#reason);
    }
    return this.#controller.signal;
  }

  static {
    abort = (context, reason) => {
      context.#aborted = true;
      context.#reason = reason;
      context.#controller?.abort(reason);
    };
  }
}

/** An attempt in flight. */
class Attempt {
  timedOut = false;
  /** Whether the promise has settled; a promise of another kind may settle more than once. */
  ended = false;
  /** Whether the run has given the attempt up: its end is told to nobody. */
  dropped = false;

  /** @param {number} slot @param {Context} context */
  constructor(slot, context) {
    this.slot = slot;
    this.context = context;
  }
}

/** Calls the handler of a run, and tells the module how each attempt ends. No method throws. */
export class Host {
  /** @type {(task: never, context: Context) => unknown} */
  #handler;
  #tasks;
  #onEvent;
  /** @type {(Attempt | undefined)[]} */
  #attempts = [];
  /** The latest error of each task that has failed. @type {Map<number, [unknown, number]>} */
  #errors = new Map();
  #unsettled = 0;
  /** @type {(() => void)[]} */
  #waiting = [];
  /** @type {Module} */
  module = { succeed() {}, fail() {}, task_arrived() {} };
  /** The reason of the signals that a drop aborts. @type {unknown} */
  reason;

  /**
   * @param {(task: never, context: Context) => unknown} handler
   * @param {Tasks} tasks
   * @param {((line: string) => void) | undefined} [onEvent]
   */
  constructor(handler, tasks, onEvent) {
    this.#handler = handler;
    this.#tasks = tasks;
    this.#onEvent = onEvent;
  }

  pull() {
    return this.#tasks.pull();
  }

  /** @param {number} slot @param {number} id @param {number} number */
  start(slot, id, number) {
    const context = new Context(id, number);
    const attempt = new Attempt(slot, context);
    this.#attempts[slot] = attempt;
    this.#unsettled += 1;
    try {
      const returned = this.#handler(/** @type {never} */ (this.#tasks.item(id)), context);
      if (!isThenable(returned)) {
        this.#unsettled -= 1;
        this.#attempts[slot] = undefined;
        this.#done(id, returned);
        return true;
      }
      const promise = returned instanceof Promise ? returned : Promise.resolve(returned);
      promise.then(
        (value) => this.#succeed(attempt, value),
        (error) => this.#fail(attempt, error),
      );
    } catch (error) {
      this.#fail(attempt, error);
    }
    return false;
  }

  /** @param {number} slot @param {boolean} timedOut */
  stop(slot, timedOut) {
    const attempt = this.#attempts[slot];
    if (!attempt) return;
    const { context } = attempt;
    if (timedOut) {
      attempt.timedOut = true;
      const error = new DOMException('The attempt timed out', 'TimeoutError');
      this.#errors.set(context.id, [error, context.attempt]);
      abort(context, error);
      return;
    }
    this.#attempts[slot] = undefined;
    attempt.dropped = true;
    // An attempt whose time to end is over is waited for no longer.
    if (attempt.timedOut) this.#settle();
    else abort(context, this.reason ?? new DOMException('The attempt was dropped', 'AbortError'));
  }

  /** @param {number} id */
  dead(id) {
    const [error, attempts] = this.#errors.get(id) ?? [undefined, 0];
    this.#errors.delete(id);
    this.#tasks.dead(id, error, attempts);
  }

  /** @param {string} line */
  event(line) {
    try {
      this.#onEvent?.(line);
    } catch {
      // An error in what is told of a run does not concern the run.
    }
  }

  /** Resolves when every handler that was called has ended. @returns {Promise<void>} */
  settled() {
    if (this.#unsettled === 0) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** @param {number} id @param {unknown} value */
  #done(id, value) {
    if (this.#errors.size > 0) this.#errors.delete(id);
    this.#tasks.done(id, value);
  }

  #settle() {
    this.#unsettled -= 1;
    if (this.#unsettled > 0 || this.#waiting.length === 0) return;
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  /** @param {Attempt} attempt */
  #end(attempt) {
    if (attempt.ended) return false;
    attempt.ended = true;
    if (attempt.dropped) {
      if (!attempt.timedOut) this.#settle();
      return false;
    }
    this.#attempts[attempt.slot] = undefined;
    this.#settle();
    return true;
  }

  /** @param {Attempt} attempt @param {unknown} value */
  #succeed(attempt, value) {
    if (!this.#end(attempt)) return;
    if (!attempt.timedOut) this.#done(attempt.context.id, value);
    this.module.succeed(attempt.slot);
  }

  /** @param {Attempt} attempt @param {unknown} error */
  #fail(attempt, error) {
    if (!this.#end(attempt)) return;
    const { id, attempt: number } = attempt.context;
    if (!attempt.timedOut) this.#errors.set(id, [error, number]);
    const { permanent, cancelled, after } = remedyOf(error);
    this.module.fail(attempt.slot, reasonOf(error), permanent, cancelled, after);
  }
}

/** @param {unknown} value @returns {value is PromiseLike<unknown>} */
function isThenable(value) {
  if (value === null || (typeof value !== 'object' && typeof value !== 'function')) return false;
  return typeof (/** @type {{then?: unknown}} */ (value).then) === 'function';
}

const REASON_MAX = 2000;

/** Describes what was thrown, which may be anything. @param {unknown} thrown @returns {string} */
export function reasonOf(thrown) {
  try {
    const text = thrown instanceof Error ? thrown.message || thrown.name : textOf(thrown);
    return String(text).slice(0, REASON_MAX);
  } catch {
    return 'an error without a text';
  }
}

/** @param {unknown} thrown */
function textOf(thrown) {
  const isPlain = typeof thrown === 'object' && thrown !== null;
  return (isPlain ? JSON.stringify(thrown) : undefined) ?? String(thrown);
}

/** Reads what an error says about the next attempt. @param {unknown} error */
function remedyOf(error) {
  const remedy = { permanent: false, cancelled: false, after: -1 };
  if (typeof error !== 'object' || error === null) return remedy;
  /** @type {{permanent?: unknown, cancelled?: unknown, retryAfterMs?: unknown}} */
  const said = error;
  try {
    remedy.permanent = Boolean(said.permanent);
    remedy.cancelled = Boolean(said.cancelled);
    const after = said.retryAfterMs;
    if (typeof after === 'number') remedy.after = after;
  } catch {
    // A getter that throws says nothing.
  }
  return remedy;
}

/** The tasks of a list, whose results and errors nobody asks for. */
export class List {
  #next = 0;
  #list;

  /** @param {readonly unknown[]} list */
  constructor(list) {
    this.#list = list;
  }

  pull() {
    if (this.#next >= this.#list.length) return 2;
    this.#next += 1;
    return 1;
  }

  /** @param {number} id */
  item(id) {
    return this.#list[id];
  }

  done() {}

  dead() {}
}
