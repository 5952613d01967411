import type { Event, Percentiles, Report } from './events.js';
import { Player } from './fourfold_web.js';
import type { Config, Params, Pattern, Shape, Work } from './parameters.js';

export type { Config, Event, Params, Pattern, Percentiles, Report, Shape, Work };
export { Player };

/** What a handler is told beside its task. */
export interface Context {
  /** The task's number, from 0 on. */
  readonly id: number;
  /** Which attempt at it, from 1 on. */
  readonly attempt: number;
  /** Aborted when the attempt is dropped: it took too long, the run was aborted, or its group failed. */
  readonly signal: AbortSignal;
}

/** An error that a handler may throw to say what is to happen next. Any other one is tried again. */
export interface Failure extends Error {
  /** No further attempt can mend it. */
  permanent?: boolean;
  /** When to try again. */
  retryAfterMs?: number;
}

export interface Options extends Config {
  /** Aborts the run: `finished` rejects with its reason. */
  signal?: AbortSignal | undefined;
  /** Is told everything that happens. */
  onEvent?: ((event: Event) => void) | undefined;
}

/** A run that failed as a whole: a task of a group failed for good. */
export class RunError extends Error {
  readonly report: Report;
}

/** A handle on a run. */
export interface Run {
  /** The report; rejects when the run failed or was aborted by its signal. */
  readonly finished: Promise<Report>;
  /** What has happened so far, to be gone through. Whoever has it frees it. */
  readonly player: Player;
  /** Finishes what has started, and starts nothing more. */
  drain(): void;
  /** Drops what has started: its signals are aborted. */
  abort(): void;
  /** From now on so many tasks may be in flight. */
  setLimit(limit: number): void;
}

/** Loads the module, once; `run`, `start` and `simulate` do it by themselves. */
export function load(): Promise<void>;

/** Runs every task through the handler, and reports when all have ended. */
export function run<T>(
  tasks: Iterable<T>,
  handler: (task: T, context: Context) => unknown,
  options?: Options,
): Promise<Report>;

/** Starts a run and gives a handle on it. */
export function start<T>(
  tasks: Iterable<T>,
  handler: (task: T, context: Context) => unknown,
  options?: Options,
): Promise<Run>;

/** A run of synthetic tasks on a simulated clock, to be gone through. */
export function simulate(params: Params): Promise<Player>;
