// The scenarios of the Learn mode: one idea each. Their texts are in i18n/*.json under `s.<id>.…`;
// a test checks every claim.

import { crush, idleShare, lastOf, percent, seconds, when } from './measures.js';

/**
 * @import { Outcome } from './measures.js'
 * @import { Event, SimulationParameters, Simulation, SyntheticTask } from './protocol.js'
 *
 * @typedef {object} Panel
 * @property {string} title a key of i18n
 * @property {Simulation} params
 * @property {string} [program] a small program of the module that runs the tasks instead of a
 *   pattern
 *
 * @typedef {object} Scenario
 * @property {string} id
 * @property {number} speed
 * @property {number} answer which of the three answers is right
 * @property {Panel[]} panels
 * @property {(events: Event[][]) => number} pause where to stop and ask, in nanoseconds
 * @property {(outcomes: Outcome[]) => {holds: boolean, values: Record<string, string | number>}}
 *   claim
 */

const once = { retries: 0 };

/**
 * Lists tasks of which one is different.
 * @param {number} count
 * @param {number} at
 * @param {SyntheticTask} one
 * @param {(n: number) => number} ms
 */
function except(count, at, one, ms) {
  return Array.from({ length: count }, (_, n) => (n === at ? one : { ms: ms(n), fail: 0, panic: false }));
}

/** Gives times that differ a little, without chance. @param {number} n */
const uneven = (n) => 14 + ((n * 7) % 11);

/** @param {number} limit @returns {Panel} */
const little = (limit) => ({
  title: `s.little.panel.${limit}`,
  params: {
    pattern: 'set',
    limit,
    tasks: 240,
    seed: 3,
    ...once,
    work: { ms: [15, 25], tail_permille: 0, fail_permille: 0 },
  },
});

/** @type {SimulationParameters} */
const stopped = {
  pattern: 'pool',
  limit: 4,
  tasks: 60,
  seed: 11,
  ...once,
  work: { ms: [30, 70], tail_permille: 0, fail_permille: 0 },
};
/** The position at which both runs stop: they are equal until then. */
const STOP_AT = 70;

/** @type {Scenario[]} */
export const SCENARIOS = [
  {
    id: 'tail',
    speed: 0.06,
    answer: 1,
    panels: [
      {
        title: 'pattern.batch',
        params: {
          pattern: 'batch',
          limit: 5,
          batch_size: 15,
          tasks: 60,
          seed: 9,
          ...once,
          work: { ms: [8, 20], tail_permille: 100, tail_ms: [120, 180], fail_permille: 0 },
        },
      },
      {
        title: 'pattern.pool',
        params: {
          pattern: 'pool',
          limit: 5,
          tasks: 60,
          seed: 9,
          ...once,
          work: { ms: [8, 20], tail_permille: 100, tail_ms: [120, 180], fail_permille: 0 },
        },
      },
    ],
    // In the first batch, when nothing of it is left to start.
    pause: ([batch]) => {
      const closed = when(batch, (event) => event.event === 'batch_closed');
      const last = batch.filter((event) => event.event === 'ended' && event.t_ns < closed).at(-1)?.t_ns ?? 0;
      return last + (closed - last) * 0.5;
    },
    claim: ([batch, pool]) => ({
      holds: pool.report.elapsed_ms < batch.report.elapsed_ms && idleShare(batch) > idleShare(pool),
      values: {
        batch: seconds(batch.report.elapsed_ms),
        pool: seconds(pool.report.elapsed_ms),
        batchIdle: percent(idleShare(batch)),
        poolIdle: percent(idleShare(pool)),
      },
    }),
  },
  {
    id: 'group',
    speed: 0.04,
    answer: 2,
    panels: [
      {
        title: 'pattern.group',
        params: {
          pattern: 'group',
          limit: 6,
          seed: 5,
          ...once,
          work: except(30, 13, { ms: 9, fail: 1, panic: false }, (n) => 24 + ((n * 13) % 30)),
        },
      },
    ],
    pause: ([events]) => when(events, (event) => event.event === 'group_cancelled') - 3e6,
    claim: ([group]) => {
      const after = group.events.slice(group.events.findIndex((event) => event.event === 'group_cancelled'));
      const siblings = after.filter((event) => event.event === 'ended');
      const alive =
        group.events.filter((event) => event.event === 'started').length -
        group.events.filter((event) => event.event === 'ended').length;
      return {
        holds:
          siblings.length === 5 &&
          siblings.every((event) => event.outcome === 'cancelled') &&
          alive === 0 &&
          !after.some((event) => event.event === 'started'),
        values: { cancelled: siblings.filter((event) => event.outcome === 'cancelled').length, alive },
      };
    },
  },
  {
    id: 'forgotten',
    speed: 0.04,
    answer: 0,
    panels: [
      {
        title: 's.forgotten.wrong',
        program: 'forgotten',
        params: {
          limit: 6,
          seed: 5,
          tasks: 30,
          work: except(30, 13, { ms: 9, fail: 1, panic: false }, (n) => 24 + ((n * 13) % 30)),
        },
      },
      {
        title: 's.forgotten.right',
        params: {
          pattern: 'group',
          limit: 6,
          seed: 5,
          ...once,
          work: except(30, 13, { ms: 9, fail: 1, panic: false }, (n) => 24 + ((n * 13) % 30)),
        },
      },
    ],
    pause: ([events]) => when(events, (event) => event.event === 'ended' && event.outcome === 'failed') - 3e6,
    claim: ([wrong, right]) => {
      const leaked = wrong.events.filter((event) => event.event === 'abandoned').length;
      const none = right.events.filter((event) => event.event === 'abandoned').length;
      const cancelled = right.events.filter((event) => event.event === 'ended' && event.outcome === 'cancelled').length;
      return { holds: leaked > 0 && none === 0 && cancelled > 0, values: { leaked, none, cancelled } };
    },
  },
  {
    id: 'pressure',
    speed: 0.05,
    answer: 1,
    panels: [
      {
        title: 'pattern.pool',
        params: {
          pattern: 'pool',
          limit: 3,
          queue_capacity: 6,
          tasks: 60,
          seed: 4,
          ...once,
          work: { ms: [20, 45], tail_permille: 0, fail_permille: 0 },
        },
      },
    ],
    pause: ([events]) => when(events, (event) => event.event === 'source_blocked') + 8e6,
    claim: ([pool]) => ({
      holds:
        pool.depth === 6 && pool.events.some((event) => event.event === 'source_blocked') && pool.report.done === 60,
      values: { depth: pool.depth, capacity: 6, done: pool.report.done },
    }),
  },
  {
    id: 'unbounded',
    speed: 0.06,
    answer: 2,
    panels: [
      {
        title: 's.unbounded.wrong',
        program: 'unbounded',
        params: { limit: 3, seed: 4, tasks: 160, work: { ms: [20, 45], tail_permille: 0, fail_permille: 0 } },
      },
      {
        title: 's.unbounded.right',
        program: 'bounded',
        params: { limit: 3, seed: 4, tasks: 160, work: { ms: [20, 45], tail_permille: 0, fail_permille: 0 } },
      },
    ],
    pause: ([events]) => events[0].t_ns + (lastOf(events).t_ns - events[0].t_ns) * 0.12,
    claim: ([wrong, right]) => ({
      holds: wrong.depth > 10 * right.depth && right.depth <= 3,
      values: {
        wrong: wrong.depth,
        right: right.depth,
        wrongWait: seconds(wrong.report.wait_ms.max),
        rightWait: seconds(right.report.wait_ms.max),
      },
    }),
  },
  {
    id: 'storm',
    speed: 0.05,
    answer: 0,
    panels: [false, true].map((jitter) => ({
      title: jitter ? 's.storm.right' : 's.storm.wrong',
      params: {
        pattern: 'set',
        limit: 40,
        tasks: 40,
        seed: 8,
        retries: 3,
        backoff_ms: 100,
        jitter,
        work: { ms: [10, 10], tail_permille: 0, fail_permille: 1000, fail_attempts: 2 },
      },
    })),
    pause: ([events]) => when(events, (event) => event.event === 'retry_scheduled') + 45e6,
    claim: ([storm, spread]) => {
      const [wrong, right] = [storm, spread].map(({ events }) => crush(events, 5e6));
      return {
        holds: wrong >= 36 && right * 2 <= wrong && storm.report.done === 40 && spread.report.done === 40,
        values: { wrong, right },
      };
    },
  },
  {
    id: 'permit',
    speed: 0.06,
    answer: 2,
    panels: [
      {
        title: 's.permit.wrong',
        program: 'lost_permit',
        params: {
          limit: 4,
          seed: 21,
          tasks: 60,
          work: { ms: [15, 40], tail_permille: 0, fail_permille: 180, fail_attempts: 1 },
        },
      },
      {
        title: 's.permit.right',
        program: 'guarded',
        params: {
          limit: 4,
          seed: 21,
          tasks: 60,
          work: { ms: [15, 40], tail_permille: 0, fail_permille: 180, fail_attempts: 1 },
        },
      },
    ],
    // The second permit that goes with its task.
    pause: ([events]) => when(events, (event) => event.event === 'abandoned', 1) + 4e6,
    claim: ([wrong, right]) => ({
      holds: wrong.report.done + wrong.report.dead < 60 && right.report.done + right.report.dead === 60,
      values: { wrong: wrong.report.done + wrong.report.dead, right: right.report.done + right.report.dead, all: 60 },
    }),
  },
  {
    id: 'poison',
    speed: 0.05,
    answer: 1,
    panels: [
      {
        title: 'pattern.pool',
        params: {
          pattern: 'pool',
          limit: 3,
          seed: 2,
          retries: 3,
          backoff_ms: 60,
          work: except(40, 5, { ms: 12, fail: 0, panic: true }, uneven),
        },
      },
    ],
    pause: ([events]) => when(events, (event) => event.event === 'retry_scheduled' && event.task === 5, 1) + 2e6,
    claim: ([{ report }]) => ({
      holds: report.dead === 1 && report.done === 39 && report.panicked === 4,
      values: { dead: report.dead, done: report.done, panicked: report.panicked },
    }),
  },
  {
    id: 'little',
    speed: 0.1,
    answer: 1,
    panels: [2, 4, 8, 16].map(little),
    pause: ([events]) => events[0].t_ns + 2e8,
    claim: (outcomes) => {
      const off = outcomes.map(({ report, events }) => {
        const span = report.elapsed_ms;
        const starts = new Map();
        let service = 0;
        for (const event of events) {
          if (event.event === 'started') starts.set(event.task, event.t_ns);
          if (event.event === 'ended') service += event.t_ns - starts.get(event.task);
        }
        const mean = service / 1e6 / report.attempts;
        // Little's law at the limit: L = λ W with L the limit, up to the ends of the run.
        return Math.abs((report.throughput_per_s * (mean / 1000)) / report.limit - 1) * (span > 0 ? 1 : 0);
      });
      const [two, , , sixteen] = outcomes.map(({ report }) => report.throughput_per_s);
      return {
        holds: off.every((part) => part <= 0.05),
        values: { worst: percent(Math.max(...off)), two: two.toFixed(0), sixteen: sixteen.toFixed(0) },
      };
    },
  },
  {
    id: 'stop',
    speed: 0.04,
    answer: 0,
    panels: [
      { title: 's.stop.drain', params: { params: stopped, interventions: [[STOP_AT, { drain: true }]] } },
      { title: 's.stop.abort', params: { params: stopped, interventions: [[STOP_AT, { abort: true }]] } },
    ],
    pause: ([events]) => when(events, (event) => event.event === 'drain_started') + 2e6,
    claim: ([drain, abort]) => {
      const kept = [drain, abort].map(({ events }) => {
        const claimed = events.filter((event) => event.event === 'claimed').length;
        return claimed === events.filter((event) => event.event === 'settled').length;
      });
      return {
        holds: kept.every(Boolean) && drain.report.cancelled === 0 && abort.report.cancelled === 4,
        values: { drained: drain.report.done, cancelled: abort.report.cancelled, released: abort.report.released },
      };
    },
  },
];

/** @param {string | undefined} id */
export function scenario(id) {
  return SCENARIOS.find((one) => one.id === id) ?? SCENARIOS[0];
}
