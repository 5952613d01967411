// Errors of a whole run.

/** A run that failed as a whole. */
export class RunError extends Error {
  constructor(message, { cause, report, failures, results }) {
    super(message, { cause });
    this.name = 'RunError';
    this.report = report;
    this.failures = failures;
    if (results !== undefined) this.results = results;
  }
}
