// What comes of a scenario, measured from its runs.

/**
 * @import { Engine } from './engine.js'
 * @import { Event, EventFields } from './protocol.js'
 * @import { Scenario } from './scenarios.js'
 */

/**
 * Holds a scenario to its claim.
 * @param {Engine} engine
 * @param {Scenario} scenario
 * @param {number[]} players the scenario's runs
 * @param {Event[][]} events their events
 */
export async function judge(engine, scenario, players, events) {
  const outcomes = await Promise.all(
    players.map(async (player, index) => {
      const [report, checks] = await Promise.all([engine.ask('report', player), engine.ask('checks', player)]);
      return { report, checks, events: events[index], depth: depthOf(events[index]) };
    }),
  );
  return scenario.claim(outcomes);
}

/** Counts the tasks that were queued at once, at most. @param {Event[]} events */
function depthOf(events) {
  let queued = 0;
  let most = 0;
  for (const { event, outcome } of /** @type {EventFields[]} */ (events)) {
    if (event === 'claimed') queued += 1;
    if (event === 'started') queued -= 1;
    // Dropped from the queue: no attempt was made.
    if ((event === 'settled' || event === 'abandoned') && outcome === undefined) queued -= 1;
    most = Math.max(most, queued);
  }
  return most;
}
