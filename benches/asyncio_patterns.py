#!/usr/bin/env python3
"""The four patterns as asyncio users write them, on the workloads of the benchmark.

    asyncio_patterns.py [--workload y1]... [--concurrency 16]... [--tasks N] [--rounds N]    microseconds per task as JSON
    asyncio_patterns.py --serve      for each line "PATTERN WORKLOAD LIMIT TASKS", a line with the seconds it took
"""

import argparse
import asyncio
import json
import statistics
import sys
import time


class Exchange:
    """A sibling that replies through futures, for `xwake`."""

    def __init__(self):
        self.requests = asyncio.Queue()

    async def serve(self):
        while True:
            number, reply = await self.requests.get()
            reply.set_result(number)

    async def ask(self, number):
        reply = asyncio.get_running_loop().create_future()
        self.requests.put_nowait((number, reply))
        return await reply


def task_of(workload, exchange):
    """The coroutine function of a workload; it gives the task's number back."""
    if workload == "xwake":
        return exchange.ask
    yields = {"y0": 0, "y1": 1, "y10": 10}[workload]

    async def task(number):
        for _ in range(yields):
            await asyncio.sleep(0)
        return number

    return task


async def task_set(task, numbers, limit):
    """A set kept by hand: fill it up, prune the done, gather the rest."""
    results = []
    running = set()
    for number in numbers:
        while len(running) >= limit:
            await asyncio.sleep(0)
            done = {started for started in running if started.done()}
            results.extend(finished.result() for finished in done)
            running -= done
        running.add(asyncio.create_task(task(number)))
    results.extend(await asyncio.gather(*running))
    return results


async def semaphore_batch(task, numbers, limit):
    """A semaphore, and gather over one batch after another."""
    semaphore = asyncio.Semaphore(limit)

    async def limited(number):
        async with semaphore:
            return await task(number)

    results = []
    batch_size = 4 * limit
    for start in range(0, len(numbers), batch_size):
        batch = numbers[start : start + batch_size]
        results.extend(await asyncio.gather(*(limited(number) for number in batch), return_exceptions=True))
    return results


async def worker_pool(task, numbers, limit):
    """A bounded queue, as many workers as the limit, join, and a sentinel for each."""
    queue = asyncio.Queue(maxsize=limit)
    results = []

    async def worker():
        while True:
            number = await queue.get()
            try:
                if number is None:
                    return
                results.append(await task(number))
            finally:
                queue.task_done()

    workers = [asyncio.create_task(worker()) for _ in range(limit)]
    for number in numbers:
        await queue.put(number)
    await queue.join()
    for _ in workers:
        await queue.put(None)
    await asyncio.gather(*workers)
    return results


async def task_group(task, numbers, limit):
    """A task group, and a permit before each spawn."""
    semaphore = asyncio.Semaphore(limit)
    results = []

    async def permitted(number):
        try:
            results.append(await task(number))
        finally:
            semaphore.release()

    async with asyncio.TaskGroup() as group:
        for number in numbers:
            await semaphore.acquire()
            group.create_task(permitted(number))
    return results


PATTERNS = {"set": task_set, "batch": semaphore_batch, "pool": worker_pool, "group": task_group}
WORKLOADS = ["y0", "y1", "y10", "xwake"]


def watched(task):
    """The task, and the peak of how many were in flight."""
    seen = {"now": 0, "peak": 0}

    async def watched_task(number):
        seen["now"] += 1
        seen["peak"] = max(seen["peak"], seen["now"])
        try:
            return await task(number)
        finally:
            seen["now"] -= 1

    return watched_task, seen


async def run(pattern, workload, limit, tasks, watch=False):
    """Runs the tasks, checks what came back; gives the seconds and, if watched, the peak in flight."""
    exchange = Exchange()
    sibling = asyncio.create_task(exchange.serve())
    task, seen = task_of(workload, exchange), {"peak": None}
    if watch:
        task, seen = watched(task)
    numbers = range(tasks)
    start = time.perf_counter()
    results = await PATTERNS[pattern](task, numbers, limit)
    seconds = time.perf_counter() - start
    sibling.cancel()
    if len(results) != tasks or sum(results) != tasks * (tasks - 1) // 2:
        raise SystemExit(f"{pattern} {workload}: {len(results)} results of {tasks}, sum {sum(results)}")
    return seconds, seen["peak"]


def verify(pattern, workload, limit):
    """The limit is never passed, and reached where tasks wait."""
    tasks = 2 * limit + 3
    _, peak = asyncio.run(run(pattern, workload, limit, tasks, watch=True))
    if peak > limit or (workload != "y0" and peak < limit):
        raise SystemExit(f"{pattern} {workload}: the peak in flight was {peak}, the limit {limit}")


def serve():
    checked = set()
    for line in sys.stdin:
        pattern, workload, limit, tasks = line.split()
        if (pattern, workload, limit) not in checked:
            verify(pattern, workload, int(limit))
            checked.add((pattern, workload, limit))
        seconds, _ = asyncio.run(run(pattern, workload, int(limit), int(tasks)))
        print(f"{seconds:.9f}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--serve", action="store_true")
    parser.add_argument("--workload", action="append", choices=WORKLOADS)
    parser.add_argument("--concurrency", action="append", type=int)
    parser.add_argument("--tasks", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    if options.serve:
        serve()
        return
    cells = [(w, c) for w in options.workload or WORKLOADS for c in options.concurrency or [1, 16, 256, 4096]]
    taken = {}
    for round_number in range(options.rounds):
        for workload, limit in cells:
            for pattern in PATTERNS:
                if round_number == 0:
                    verify(pattern, workload, limit)
                seconds, _ = asyncio.run(run(pattern, workload, limit, options.tasks))
                taken.setdefault((pattern, workload, limit), []).append(seconds * 1e6 / options.tasks)
    rows = [
        {
            "peer": f"asyncio {pattern}",
            "workload": workload,
            "limit": limit,
            "us_per_task": {"median": statistics.median(us), "min": min(us), "max": max(us)},
        }
        for (pattern, workload, limit), us in taken.items()
    ]
    json.dump(rows, sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main()
