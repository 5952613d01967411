// Whatever a handler throws or returns.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { install, load } from './package.mjs';

const { map, run } = await load(install());

const revoked = () => {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
};
const circular = {};
circular.self = circular;
const THROWN = {
  undefined: undefined,
  null: null,
  'a function': () => 'no',
  'a symbol': Symbol('no'),
  'a big number': 7n,
  'a text that is empty': '',
  'an object that has no text': Object.assign(Object.create(null), { self: circular }),
  'an object whose text throws': { toJSON: () => assert.fail('no text') },
  'an error whose message throws': Object.defineProperty(new Error('x'), 'message', { get: () => assert.fail('no') }),
  'an object whose remedy throws': Object.defineProperty({}, 'permanent', { get: () => assert.fail('no remedy') }),
  'a proxy that is revoked': revoked(),
};
for (const [name, value] of Object.entries(THROWN)) {
  test(`${name} that is thrown is a failure with a reason`, async () => {
    const throws = () => {
      throw value;
    };
    for (const handler of [throws, async () => throws(), () => Promise.reject(value)]) {
      const reasons = [];
      const report = await run([1], handler, {
        retries: 1,
        backoffMs: 1,
        onEvent: ({ event, reason }) => event === 'ended' && reasons.push(reason),
      });
      assert.deepEqual([report.failed, report.dead, report.failures.length], [2, 1, 1]);
      assert.ok(Object.is(report.failures[0].error, value) && report.failures[0].attempts === 2);
      assert.ok(reasons.length === 2 && reasons.every((reason) => typeof reason === 'string'));
    }
  });
}

test('what is returned may be a promise of another kind, or one that ends twice', async () => {
  class Twice extends Promise {}
  const then = (value) => Object.defineProperty({}, 'then', value);
  const value = (done, failed) => {
    done('first');
    failed('second');
    throw new Error('third');
  };
  const twice = Object.defineProperty(Twice.resolve(0), 'then', { value });
  const returned = [
    () => 1,
    () => undefined,
    () => then({ value: 'no function' }),
    () => then({ value: (done) => done('thenable') }),
    () => twice,
    () => Promise.resolve('promise'),
  ];
  const results = await map(returned, (give) => give(), { limit: 1 });
  assert.equal(results[2].then, 'no function');
  assert.deepEqual(results.toSpliced(2, 1), [1, undefined, 'thenable', 'first', 'promise']);
  const error = new Error('no then');
  const throws = () => {
    throw error;
  };
  await assert.rejects(
    map([0], () => then({ get: throws })),
    ({ cause }) => cause === error,
  );
});
