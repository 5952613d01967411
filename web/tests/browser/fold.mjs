// An independent fold of a trace, written from src/trace/FORMAT.md alone and in another language, so that a mistake in one of the
// two folds shows.

const OUTCOMES = ['succeeded', 'failed', 'timed_out', 'panicked', 'cancelled'];

/** The state of a run after some of its events. */
export class Fold {
  constructor() {
    this.phase = 'waiting';
    this.sourceState = 'open';
    this.position = 0;
    this.at = 0;
    this.limit = -1;
    this.workers = -1;
    this.queueCapacity = -1;
    this.counts = Object.fromEntries(
      [...OUTCOMES, 'lease_lost', 'retried', 'done', 'dead', 'released', 'malformed', 'abandoned'].map((name) => [
        name,
        0,
      ]),
    );
    /** @type {Map<number, any>} where each task is */
    this.tasks = new Map();
    /** @type {number[]} */
    this.queue = [];
    this.inFlight = 0;
    this.peak = 0;
    /** The time for which permits were not held, in nanoseconds, summed over the permits. */
    this.idle = 0;
    /** @type {{number: number, size: number, claimed: number, ended: number} | null} */
    this.batch = null;
    this.cause = -1;
  }

  /** @param {any} event */
  apply(event) {
    if (this.phase !== 'waiting' && this.phase !== 'ended')
      this.idle += Math.max(0, this.limit - this.held) * (event.t_ns - this.at);
    this.at = event.t_ns;
    this.position += 1;
    this[event.event]?.(event);
  }

  /** The number of permits that are held. */
  get held() {
    return this.inFlight;
  }

  run_started({ limit, workers, queue_capacity: capacity }) {
    this.phase = 'running';
    this.limits({ limit, workers, queue_capacity: capacity });
  }

  limit_changed(event) {
    this.limits(event);
  }

  limits({ limit, workers = -1, queue_capacity: capacity = -1 }) {
    this.limit = limit;
    this.workers = workers;
    this.queueCapacity = capacity;
  }

  claimed({ task, attempt, t_ns }) {
    const { batch } = this;
    const inBatch = batch !== null && batch.claimed < batch.size;
    if (inBatch) batch.claimed += 1;
    this.tasks.set(task, { place: 'queued', attempt, claimed: t_ns, batch: inBatch ? batch.number : -1 });
    this.queue.push(task);
    if (this.sourceState === 'waiting') this.sourceState = 'open';
  }

  malformed() {
    this.counts.malformed += 1;
  }

  started({ task, permit, t_ns }) {
    this.queue.splice(this.queue.indexOf(task), 1);
    Object.assign(this.tasks.get(task), { place: 'running', permit, since: t_ns });
    this.inFlight += 1;
    this.peak = Math.max(this.peak, this.inFlight);
  }

  ended({ task }) {
    this.inFlight -= 1;
    const found = this.tasks.get(task);
    found.place = 'ended';
    if (this.batch && found.batch === this.batch.number) this.batch.ended += 1;
  }

  retry_scheduled({ task, after_ns: after }) {
    this.tasks.get(task).after = after;
  }

  settled({ task, outcome, ending, t_ns }) {
    if (ending === 'lease_lost') this.counts.lease_lost += 1;
    else if (outcome) this.counts[outcome] += 1;
    if (ending !== 'lease_lost') this.counts[ending] += 1;
    if (!outcome) this.queue = this.queue.filter((queued) => queued !== task);
    const found = this.tasks.get(task);
    if (ending === 'retried') Object.assign(found, { place: 'waiting', due: t_ns + (found.after ?? 0) });
    else this.tasks.delete(task);
  }

  abandoned({ task, outcome }) {
    this.counts.abandoned += 1;
    if (outcome) this.counts[outcome] += 1;
    const found = this.tasks.get(task);
    if (found?.place === 'queued') this.queue = this.queue.filter((queued) => queued !== task);
    if (found?.place === 'running') this.inFlight -= 1;
    this.tasks.delete(task);
  }

  batch_opened({ batch, size }) {
    this.batch = { number: batch, size, claimed: 0, ended: 0 };
  }

  batch_closed() {
    this.batch = null;
  }

  group_cancelled({ cause }) {
    this.cause = cause;
  }

  source_waiting() {
    this.sourceState = 'waiting';
  }

  source_blocked({ by }) {
    this.sourceState = `blocked_${by}`;
  }

  source_exhausted() {
    this.sourceState = 'exhausted';
  }

  drain_started() {
    this.phase = 'draining';
  }

  abort_started() {
    this.phase = 'aborting';
  }

  run_ended() {
    this.phase = 'ended';
  }

  /** As the page's table says it, with the playhead at a time. @param {number} t */
  table(t) {
    const at = (/** @type {string} */ place) => [...this.tasks].filter(([, task]) => task.place === place);
    const { counts, batch } = this;
    const oldest = this.queue.length > 0 ? t - this.tasks.get(this.queue[0]).claimed : -1;
    const list = (/** @type {string[]} */ items) =>
      items.length === 0 ? '–' : items.slice(0, 200).join(' ') + (items.length > 200 ? ' …' : '');
    const running = at('running').sort(([, a], [, b]) => a.permit - b.permit);
    const waiting = at('waiting').sort(([a, { due: first }], [b, { due: second }]) => first - second || a - b);
    return {
      in_flight: this.inFlight,
      queued: this.queue.length,
      waiting: waiting.length,
      ended: at('ended').length,
      abandoned: counts.abandoned,
      limit: this.limit,
      queue_capacity: this.queueCapacity,
      workers: this.workers,
      tasks: counts.done + counts.dead + counts.released + counts.malformed,
      done: counts.done,
      dead: counts.dead,
      released: counts.released,
      malformed: counts.malformed,
      attempts: [...OUTCOMES, 'lease_lost'].reduce((sum, name) => sum + counts[name], 0),
      ...Object.fromEntries([...OUTCOMES, 'lease_lost', 'retried'].map((name) => [name, counts[name]])),
      peak_in_flight: this.peak,
      batch: batch?.number ?? -1,
      batch_size: batch?.size ?? -1,
      batch_ended: batch?.ended ?? -1,
      cause: this.cause,
      missed: 0,
      oldest_ns: oldest,
      idle_ns: this.idle,
      t_ns: t,
      position: this.position,
      phase: this.phase,
      source_state: this.sourceState,
      permits: list(running.map(([id, { permit }]) => `${permit}:${id}`)),
      queue: list(this.queue.map(String)),
      retries: list(waiting.map(([id, { attempt }]) => `${id}#${attempt}`)),
    };
  }
}

/** The state after all that happened until a time, that moment included. @param {any[]} events @param {number} t */
export function foldTo(events, t) {
  const fold = new Fold();
  for (const event of events) {
    if (event.t_ns > t) break;
    fold.apply(event);
  }
  return fold;
}
