// Where the tasks of a run come from: a list, an iterable or an async iterable, taken as the run
// has room for them.

/** More failures than this are counted and not kept. */
const FAILURES_MAX = 1000;

class Tasks {
  failures = [];
  /** An error of the iterable itself. */
  error;

  constructor(results) {
    this.results = results;
  }

  done(id, value) {
    if (this.results) this.results[id] = value;
    this.forget(id);
  }

  dead(id, error, attempts) {
    if (this.failures.length < FAILURES_MAX) {
      this.failures.push({ id, task: this.item(id), error, attempts });
    }
    this.forget(id);
  }

  forget() {}

  /** Ends what tasks were taken from. */
  close() {}
}

class ListTasks extends Tasks {
  #next = 0;

  constructor(list, results) {
    super(results);
    this.list = list;
  }

  pull() {
    if (this.#next >= this.list.length) return 2;
    this.#next += 1;
    return 1;
  }

  item(id) {
    return this.list[id];
  }
}

/** Tasks that are kept only while the run has them. */
class PulledTasks extends Tasks {
  #items = new Map();
  #next = 0;
  ended = false;

  add(item) {
    this.#items.set(this.#next, item);
    this.#next += 1;
  }

  item(id) {
    return this.#items.get(id);
  }

  forget(id) {
    this.#items.delete(id);
  }

  fail(error) {
    this.error = { error };
    this.ended = true;
  }
}

class IterableTasks extends PulledTasks {
  constructor(iterable, results) {
    super(results);
    this.iterator = iterable[Symbol.iterator]();
  }

  pull() {
    if (this.ended) return 2;
    try {
      const { done, value } = this.iterator.next();
      if (!done) {
        this.add(value);
        return 1;
      }
    } catch (error) {
      this.fail(error);
    }
    this.ended = true;
    return 2;
  }

  close() {
    if (this.ended) return;
    this.ended = true;
    this.iterator.return?.();
  }
}

class AsyncIterableTasks extends PulledTasks {
  #asking = false;
  #arrived = [];
  /** Called when a task has arrived, or the end. */
  notify = () => {};

  constructor(iterable, results) {
    super(results);
    this.iterator = iterable[Symbol.asyncIterator]();
  }

  pull() {
    if (this.#arrived.length > 0) {
      this.add(this.#arrived.pop());
      return 1;
    }
    if (this.ended) return 2;
    if (!this.#asking) void this.#ask();
    return 0;
  }

  /** Asks for one task. The next is asked for when the run has room for it. */
  async #ask() {
    this.#asking = true;
    try {
      const { done, value } = await this.iterator.next();
      if (done) this.ended = true;
      else this.#arrived.push(value);
    } catch (error) {
      this.fail(error);
    }
    this.#asking = false;
    this.notify();
  }

  async close() {
    if (this.ended) return;
    this.ended = true;
    // A generator that waits for its next task ends when that has arrived.
    const returned = this.iterator.return?.();
    if (!this.#asking) await returned;
    else returned?.then?.(undefined, () => {});
  }
}

/** Takes tasks from a list, an iterable or an async iterable. */
export function tasksOf(tasks, results) {
  if (Array.isArray(tasks)) return new ListTasks(tasks, results);
  if (typeof tasks?.[Symbol.asyncIterator] === 'function') return new AsyncIterableTasks(tasks, results);
  if (typeof tasks?.[Symbol.iterator] === 'function') return new IterableTasks(tasks, results);
  throw new TypeError('the tasks are neither an iterable nor an async iterable');
}
