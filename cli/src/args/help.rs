//! What stands below the options in `--help`. A paragraph is one line here: the terminal wraps it.

/// Below `fourfold --help`.
pub(super) const EXAMPLES: &str = "\
Examples:
  fourfold                                          the four patterns on the same simulated work
  fourfold run tasks.jsonl -c 16 --exec ./do.sh {}  a process per line of JSON, 16 at once
  ls *.png | fourfold run --lines - --exec convert {} {}.webp  a process per line of any text
  fourfold run 'redis://localhost/0?list=tasks' -p pool --pipe ./worker
  fourfold run tasks.jsonl -c 64 --post https://example.org/tasks
  fourfold push 'redis://localhost/0?list=tasks' tasks.jsonl
  fourfold run tasks.jsonl --trace run.jsonl --exec ./do.sh {} && fourfold replay run.jsonl
  fourfold run tasks.jsonl --listen 4040 --exec ./do.sh {}  and watch it at http://127.0.0.1:4040/

A Redis URL without a password takes the one in the environment variable REDISCLI_AUTH, which is not seen in the list of processes.

Which pattern? Production: pool. A simple script: set. All or nothing: group. Batch by batch: batch.

Exit codes; when several apply, the first in this order: 2 wrong usage; 129, 130, 131 or 143 stopped by SIGHUP, SIGINT, SIGQUIT or SIGTERM; \
3 the source or the handler's command failed; 141 the reader of standard output went away; 1 some tasks are dead or \
malformed, or a group failed; 5 with --no-wait, others hold tasks; 4 an output could not be written; 0 all tasks are done.";

/// Below `fourfold run -h`.
pub(super) const RUN_SHORT: &str = "\
Examples:
  fourfold run tasks.jsonl --exec curl -fsS -- {.url}
  fourfold run 'redis://localhost/0?list=tasks' --follow --pipe ./worker
  fourfold run tasks.jsonl -c 64 --post https://example.org/tasks

`fourfold run --help` says more about each option.";

/// Below `fourfold run --help`.
pub(super) const RUN: &str = "\
Examples:
  fourfold run tasks.jsonl --exec curl -fsS -- {.url}
  ls *.png | fourfold run --lines - -c 4 --exec convert {} {}.webp
  find . -name '*.log' -print0 | fourfold run -0 - --exec gzip -- {}
  fourfold run tasks.jsonl -c 64 --rate 100/s --timeout 30s --dead dead.jsonl --pipe ./worker
  fourfold run 'redis://localhost/0?list=tasks' -p group --follow --exec ./do.sh \\; --json
  fourfold run tasks.jsonl --post https://example.org/tasks --header 'Authorization: Bearer …'

--exec starts its command directly, without a shell. The task's JSON is on standard input; FOURFOLD_TASK_ID and \
FOURFOLD_ATTEMPT are in the environment. In each argument, {} stands for the task, {.field} for one of its fields and \
{.field.inner} for a field within. A string is put there without its quotes; other braces stand for themselves. Put -- \
before a placeholder where the command would take a task that begins with - for an option, and never put one into the \
script of sh -c: write sh -c '… \"$1\"' sh {} instead. Exit code 0 means that the task is done, any other that the attempt \
failed; --dead-on and --retry-on say after which there is no further attempt. The output of each attempt is passed on in \
one piece, so outputs never mix; the summary then goes to standard error. What a task that succeeds writes to standard \
error is passed on, too; what one that fails wrote last becomes the reason. An attempt is over when the process has ended \
and its outputs are closed.

With --lines or -0, a task is any text, such as the name of a file: {} stands for it, and --exec, --pipe and --post pass \
on the text itself: with a newline at its end to a process, as text/plain to a server. A text with a newline in it, which -0 \
allows, cannot be a line for --pipe: it is dead. Only empty lines are left out. Dead letters and traces have the text as a \
JSON string; --rest writes lines that --lines or -0 reads again.

--pipe starts its command once per permit and gives each process one task at a time: a line of JSON on its standard \
input. The process answers with one line. {\"error\": …} is a failed attempt: with \"permanent\": true it is not tried \
again, with \"retry_after_ms\" not before that time. Any other line means that the task is done. A process that ends is \
replaced.

--post sends the task's JSON as the body of a POST, with the headers Fourfold-Task-Id, Fourfold-Attempt and an \
Idempotency-Key that is the same for all attempts of a task in one run. A status of 2xx means that the task is done. \
After 408, 425, 429 and from 500 on, and when the server cannot be reached, the task is tried again: not before Retry-After \
says, if the response has it (an hour at most). After any other status the task is dead; redirects are not followed. A \
response that breaks off is a failed attempt.

What processes write to standard output, the lines that --pipe answers and the bodies of successful responses to --post go to \
standard output, each in one piece; --keep-order puts them into the order of the input. --results FILE writes a line of JSON \
per ended task: task, outcome (done, dead, malformed or lease_lost), attempts, exit_code, signal or status of the last attempt, when it \
started, attempt_ms, total_ms, reason, and output, of which at most 8 MiB are kept (output_bytes says how many there were; \
output_base64 has what is not UTF-8). Replies and answers are then in FILE alone; with `-`, all output is.

With --journal FILE, a line per ended task is in FILE before the task is counted, and on the disk within a second: a run that was killed \
loses nothing that has ended, a machine without power at most the last second. --resume leaves out what has ended; its attempts start \
anew, and what was running when the earlier run stopped runs again. Lines are known by their numbers and by a hash of their \
text, standard input by the order of its lines; a line that has changed ends the run. The exit code is that of the whole: 1 while some tasks are dead.

--listen serves to this machine alone unless ADDR says otherwise; then everyone who can reach ADDR can read what is \
served, without a password. Nothing can be changed through it. /metrics is for Prometheus, /events sends the run's \
events as server-sent events, /healthz answers 200 until the run drains and 503 from then on.";

/// Below `fourfold compare --help`.
pub(super) const COMPARE: &str = "\
Examples:
  fourfold compare                                     500 simulated tasks, in no time and the same on every machine
  fourfold compare -c 20 --tasks 2000 --seed 7         other simulated tasks
  fourfold compare tasks.jsonl --exec ./do.sh {}       real work: each task runs four times";

/// Below `fourfold push --help`.
pub(super) const PUSH: &str = "\
Each line that is JSON becomes a task. Other lines are left out and written to standard error; the exit code is then 1.";

/// Below `fourfold replay --help`.
pub(super) const REPLAY: &str = "\
The rules that are checked: no event is missing; no more tasks are in flight or queued than the run's settings allow; a permit is \
held by one task at a time; each delivery ends exactly once; nothing is left over at the end.

Exit codes: 0 the trace is complete and every rule was kept; 1 it is not, or one was broken; 3 the trace cannot be read.";

/// Below `fourfold web --help`.
pub(super) const WEB: &str = "\
The page is part of this program: it needs no other files and no network. To watch a run, start that run with --listen: it serves \
the same page.";
