/** Goal: of two tabs one has the files, whatever the other does when it is asked. Method: two locks in one process. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { TabLock } from "./tab-lock.ts";

/** A tab's channel lives as long as the tab; the process of a test ends before. */
const channels: BroadcastChannel[] = [];
const { BroadcastChannel: Channel } = globalThis;
globalThis.BroadcastChannel = class extends Channel {
  constructor(name: string) {
    super(name);
    channels.push(this);
  }
};
after(() => {
  for (const channel of channels) channel.close();
});

/** Of a tab's lock; `told` is settled when the lock is lost. */
function tab(name: string, release: () => Promise<void>, patienceMs?: number) {
  const lost = Promise.withResolvers<void>();
  let losses = 0;
  const owner = {
    release,
    copy: async () => {},
    onLost() {
      losses++;
      lost.resolve();
    },
  };
  return { lock: new TabLock(name, owner, patienceMs), lost: lost.promise, losses: () => losses };
}

test("a tab that is asked brings its files to rest, then the other has the lock", async () => {
  let isAtRest = false;
  const first = tab("asked", async () => void (isAtRest = true));
  const second = tab("asked", async () => {});
  assert.ok(await first.lock.take());
  assert.ok(!(await second.lock.take()));
  await second.lock.takeOver();
  assert.ok(isAtRest);
  await first.lost;
  assert.equal(second.losses(), 0);
  assert.ok(!(await first.lock.take()), "the second has it");
  await first.lock.takeOver();
  await second.lost;
});

test("a tab that is busy without an end is told that the lock is gone, once", async () => {
  const released = Promise.withResolvers<void>();
  const first = tab("busy", () => released.promise);
  const second = tab("busy", async () => {}, 100);
  assert.ok(await first.lock.take());
  await second.lock.takeOver();
  await first.lost;
  released.resolve();
  await new Promise(setImmediate);
  assert.equal(first.losses(), 1);
  assert.ok(!(await first.lock.take()), "the second has it");
  assert.equal(second.losses(), 0);
});

test("a tab that waits goes on when the other is closed, and never stands before one that takes over", async () => {
  const closing = Promise.withResolvers<void>();
  const opened = Promise.withResolvers<void>();
  void navigator.locks.request("waited for", () => {
    opened.resolve();
    return closing.promise;
  });
  await opened.promise;
  const second = tab("waited for", async () => {});
  const waiting = new AbortController();
  const isFree = second.lock.whenFree(waiting.signal);
  closing.resolve();
  assert.ok(await isFree);

  const third = tab("waited for", async () => {});
  const isThirds = third.lock.whenFree(waiting.signal);
  const fourth = tab("waited for", async () => {});
  await fourth.lock.takeOver();
  await second.lost;
  assert.equal(fourth.losses(), 0);
  waiting.abort();
  assert.ok(!(await isThirds));
});
