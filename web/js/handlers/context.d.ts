/** What a handler is told about an attempt. */
export interface Context {
  id: number;
  attempt: number;
  signal: AbortSignal;
  /** Prints a line below the stage. */
  log(...values: unknown[]): void;
}
