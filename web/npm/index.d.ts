import type { Disposition, Event, Outcome, Percentiles, Report } from './events.js';
import type { Config, Pattern, SimulationParameters, SyntheticTask, WorkloadSpec } from './parameters.js';
import type { Player } from './player.js';

export type {
  Config,
  Disposition,
  Event,
  Outcome,
  Pattern,
  Percentiles,
  Player,
  Report,
  SimulationParameters,
  SyntheticTask,
  WorkloadSpec,
};

/** The context of an attempt, which a handler is given beside its task. */
export interface Context {
  /** The number of the task, from 0. */
  readonly id: number;
  /** The number of the attempt, from 1. */
  readonly attempt: number;
  /**
   * The signal of the attempt, which is aborted when its time is up, the run is aborted, or its
   * group has failed. It is made when it is read.
   */
  readonly signal: AbortSignal;
}

/** Properties of an error that decide about the next attempt. Without them the retries do. */
export interface Failure {
  /** Whether the task is not tried again. */
  permanent?: boolean;
  /** Whether the attempt counts as cancelled: the task is not tried again, and its group goes on. */
  cancelled?: boolean;
  /** The pause before the next attempt, in milliseconds. */
  retryAfterMs?: number;
}

export interface Options extends Config {
  /** A signal that aborts the run, which then rejects with the reason of the signal. */
  signal?: AbortSignal | undefined;
  /** A function that is called with every event. What it throws is ignored. */
  onEvent?: ((event: Event) => void) | undefined;
  /**
   * Whether events are kept, for percentiles in the report and for the player of the run. It takes
   * memory for each event. Default: false.
   */
  record?: boolean | undefined;
}

/** A task that failed for good. */
export interface TaskFailure<T> {
  /** The number of the task, from 0. */
  id: number;
  task: T;
  /** What the last attempt threw, or a `DOMException` named `TimeoutError`. */
  error: unknown;
  attempts: number;
}

/** The report of a run with its first 1,000 failures. */
export interface RunReport<T> extends Report {
  failures: TaskFailure<T>[];
}

/**
 * The error of a run that failed as a whole: a task of a group failed, a task of `map` failed, or
 * the iterable of tasks threw. Its `cause` is the first error.
 */
export class RunError<T = unknown, R = unknown> extends Error {
  readonly cause: unknown;
  readonly report: Report;
  readonly failures: TaskFailure<T>[];
  /** The results of `map` as far as there are any. */
  readonly results?: R[];
}

/** A handle on a run. */
export interface Run<T> {
  /** The report; rejects when the run failed or was aborted by its signal. */
  readonly finished: Promise<RunReport<T>>;
  /** The recorded events, if `record` was set; `free` gives their memory back. */
  readonly player?: Player;
  /** Finishes the attempts in flight and starts no more. */
  drain(): void;
  /** Drops the attempts in flight: their signals are aborted. */
  abort(reason?: unknown): void;
  /** Starts nothing until `resume` is called. */
  pause(): void;
  resume(): void;
  /** Sets the maximum number of tasks in flight, from the next start on. */
  setLimit(limit: number): void;
  /** Changes options, such as `rate` and `retries`, from the next claim and the next start on. */
  configure(options: Config): void;
}

export type Tasks<T> = Iterable<T> | AsyncIterable<T>;
export type Handler<T, R> = (task: T, context: Context) => R | PromiseLike<R>;

/**
 * Loads the module from the package, or from another source of the same version: a URL, a response,
 * bytes or a compiled module. Everything else loads it by itself.
 */
export function load(source?: unknown): Promise<void>;

/**
 * Runs every task through the handler, and returns the results in the order of the tasks. By default
 * the first failure cancels the other tasks, and no task is tried again; `pattern` and `retries`
 * change that. Rejects with a `RunError` when a task has failed.
 */
export function map<T, R>(tasks: Tasks<T>, handler: Handler<T, R>, options?: Options): Promise<R[]>;

/** Runs every task through the handler, and reports when all have ended. */
export function run<T>(tasks: Tasks<T>, handler: Handler<T, unknown>, options?: Options): Promise<RunReport<T>>;

/** Starts a run and gives a handle on it. */
export function start<T>(tasks: Tasks<T>, handler: Handler<T, unknown>, options?: Options): Promise<Run<T>>;

export interface QueueOptions extends Config {
  /** Whether the queue starts nothing until `resume` is called. Default: false. */
  paused?: boolean | undefined;
  /** A function that is called with every event. What it throws is ignored. */
  onEvent?: ((event: Event) => void) | undefined;
}

export interface AddOptions {
  /** The priority: higher ones start first. Default: 0. */
  priority?: number | undefined;
  /** An id for `setPriority`. */
  id?: PropertyKey | undefined;
  /** A signal that removes the function while it waits, and is passed on to it while it runs. */
  signal?: AbortSignal | undefined;
}

/** A queue that functions are added to. By default a function is not tried again. */
export class Queue {
  constructor(options?: QueueOptions);
  /** The number of functions that wait for a permit. */
  readonly size: number;
  /** The number of functions that run, or wait for their next attempt. */
  readonly pending: number;
  /** Adds a function, and resolves with what it returns or rejects with what its last attempt threw. */
  add<R>(fn: (context: Context) => R | PromiseLike<R>, options?: AddOptions): Promise<R>;
  addAll<R>(fns: Iterable<(context: Context) => R | PromiseLike<R>>, options?: AddOptions): Promise<R[]>;
  /** Changes the priority of a function that still waits; returns false for any other. */
  setPriority(id: PropertyKey, priority: number): boolean;
  /** Sets the maximum number of functions that run, from the next start on. */
  setLimit(limit: number): void;
  /** Changes options, such as `rate` and `retries`, from the next claim and the next start on. */
  configure(options: Config): void;
  pause(): void;
  resume(): void;
  /** Rejects every function that has not started. */
  clear(reason?: unknown): void;
  /** Resolves when no function waits or runs. */
  onIdle(): Promise<void>;
  /** Resolves when fewer functions than this wait. */
  onSizeLessThan(size: number): Promise<void>;
  /** Takes no more functions, and resolves when all have ended. */
  close(): Promise<void>;
  /** Aborts the signals of all functions, and rejects those that have not ended. */
  abort(reason?: unknown): Promise<void>;
}

/** Simulates a run of synthetic tasks on a simulated clock. */
export function simulate(parameters: SimulationParameters): Promise<Player>;
