// What the page asks of the worker, and what the worker answers and reports. Both sides are checked
// against this file.

import type { Report as AnyReport, Event, Percentiles } from '../npm/events.js';
import type { Pattern, SimulationParameters, SyntheticTask } from '../npm/parameters.js';

export type { Event, Pattern, SimulationParameters, SyntheticTask };

/** The report of a run whose events were recorded, as those of the page are. */
export interface Report extends AnyReport {
  idle_permit_ms: number;
  wait_ms: Percentiles;
  service_ms: Percentiles;
  total_ms: Percentiles;
}

type Keys<T> = T extends unknown ? keyof T : never;
type Values<T, K> = T extends unknown ? (K extends keyof T ? T[K] : never) : never;

/** The fields of an event of any kind. */
export type EventFields = { [K in Keys<Event>]?: Values<Event, K> };

/** A change to a simulation at a position: an object whose one key names it. */
export type Intervention =
  | { limit: number }
  | { drain: true }
  | { abort: true }
  | { fail: number }
  | { panic: number }
  | { cancel: number }
  | { slow: number; by_ms: number }
  | { burst: number }
  | { configure: SimulationParameters };

/** A simulation: its parameters alone, or with interventions, each at a position. */
export type Simulation =
  | SimulationParameters
  | { params: SimulationParameters; interventions?: [number, Intervention][] };

/** A run that the worker has opened. */
export interface Opened {
  player: number;
  end: number;
  startNs: number;
  endNs: number;
}

/** A place to move the playheads to. */
export type Target =
  | { time: number }
  | { positions: number[] }
  | { step: number }
  | { notable: 1 | -1 }
  | { end: true };

/** The snapshots of several runs at one moment. */
export interface Frame {
  snapshots: Float64Array[];
  positions: number[];
  time: number;
  endNs: number;
}

/** A run that a trace file holds. */
export interface FoundRun {
  pattern: Pattern;
  events: number;
}

/** The result of checking a whole run against the rules. */
export interface Checks {
  /** The first event that breaks a rule. */
  violation: string | null;
  /** The number of events that never arrived. */
  missed: number;
  /** Whether the run was seen to its end. */
  complete: boolean;
}

/** Everything known about one task up to the playhead. */
export interface TaskStory {
  id: number;
  events: Event[];
  events_count: number;
  work: SyntheticTask | null;
}

/** An error thrown by a handler, in a form that can be posted. */
export interface HandlerFailure {
  message: string;
  permanent?: boolean | undefined;
  retryAfterMs?: number | undefined;
}

/**
 * The operations of the worker: arguments and result. Runs are named by the numbers of their
 * players.
 */
export interface Operations {
  /** Waits until the module is loaded. */
  ready(): void;
  /** Opens a simulated run, complete from its first event to its last. */
  simulate(simulation: Simulation): Opened;
  /** Opens a run of one of the module's small programs. */
  program(name: string, simulation: Simulation): Opened;
  /** Opens a run of a trace file, by its index in the file. */
  load(file: Blob | Uint8Array, index: number): Opened;
  /** Opens an empty run that events are pushed to. */
  live(): Opened;
  /** Starts a run in real time, whose attempts are reported with the number of the handler. */
  own(parameters: SimulationParameters, payloads: unknown[], handler: number): Opened;
  /** Opens a copy of a simulation that goes on differently from a position. */
  fork(player: number, position: number, intervention: Intervention): Opened;
  /** Frees a run. */
  close(player: number): void;

  /** Lists the runs of a trace file. */
  runs(file: Blob | Uint8Array): FoundRun[];
  /** Moves the playheads of several runs and takes their snapshots. */
  frame(players: number[], target: Target | undefined, rowsMax: number, recentNs: number): Frame;
  /** Takes one snapshot without moving the playhead. */
  snapshot(player: number, rowsMax: number, recentNs: number): Float64Array;
  /** Measures a run between two times in a number of buckets. */
  series(player: number, fromNs: number, toNs: number, buckets: number): Float64Array;
  /** Reads what each of the first permits was held for between two times. */
  lanes(player: number, fromNs: number, toNs: number, permits: number, stepNs: number): Float64Array;
  /** Reads events from a position on. */
  events(player: number, from: number, count: number): Event[];
  /** Collects everything known about a task; null where nothing is. */
  task(player: number, task: number): TaskStory | null;
  /** Reports on the whole run. */
  report(player: number): Report;
  /** Reports on the whole run as JSON text, byte for byte what the command writes. */
  reportText(player: number): string;
  /** Checks the whole run against the rules. */
  checks(player: number): Checks;
  /** Digests the state at the playhead. */
  digest(player: number): string;
  /** Writes the whole run as JSON lines. */
  trace(player: number): Uint8Array<ArrayBuffer>;
  /** Writes the whole run for Perfetto. */
  perfetto(player: number): Uint8Array<ArrayBuffer>;

  /** Appends lines of a trace to a live run. */
  push(player: number, lines: string): void;
  /**
   * Restarts a live run from a state, as JSON text: its numbers may be larger than JavaScript's.
   */
  restart(player: number, state: string): void;

  /** Waits for the end of an own run. */
  finished(player: number): Report;
  /** Lets an own run finish what has started. */
  drain(player: number): void;
  /** Makes an own run drop what has started. */
  abort(player: number): void;
  /** Changes the limit of an own run. */
  setLimit(player: number, limit: number): void;
  /** Ends an attempt of an own run that the worker reported. */
  answer(attempt: number, failure: HandlerFailure | null): void;
}

export type Operation = keyof Operations;
export type Arguments = { [K in Operation]: Parameters<Operations[K]> };
export type Results = { [K in Operation]: ReturnType<Operations[K]> };

/** The implementation of all operations, in the worker. */
export type Implementation = { [K in Operation]: (...args: Arguments[K]) => Results[K] | Promise<Results[K]> };

/** A request of the page. */
export interface Request<K extends Operation = Operation> {
  id: number;
  op: K;
  args: Arguments[K];
}

/** A message of the worker: the answer to a request, or an event of an own run. */
export type Message =
  | { kind: 'value'; id: number; value: Results[Operation] }
  | { kind: 'error'; id: number; message: string }
  | { kind: 'attempt'; handler: number; attempt: AttemptStarted }
  | { kind: 'cancel'; attempt: number };

/** An attempt that the page is to make. */
export interface AttemptStarted {
  /** The number that its answer has to name. */
  number: number;
  payload: unknown;
  id: number;
  attempt: number;
}

/** An attempt at a task of an own run, as a handler gets it. */
export interface OwnTask {
  payload: unknown;
  id: number;
  attempt: number;
  signal: AbortSignal;
}

/** The function that does the tasks of an own run. */
export type Handler = (task: OwnTask) => Promise<unknown>;
