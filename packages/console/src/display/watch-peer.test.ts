/**
 * Goal: a peer that is gone without a word loses its connection, one that answers or takes what it is sent keeps it,
 * and nothing stays of either. Method: a server of WebSockets, and clients that answer pings or don't.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { test, type TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { WebSocket, WebSocketServer } from "ws";
import { watchPeer } from "./watch-peer.ts";

const EVERY_MS = 250;

async function connected(t: TestContext, options: { autoPong: boolean }): Promise<{ own: WebSocket; peer: WebSocket }> {
  const server = new WebSocketServer({ host: "127.0.0.1", port: 0 });
  t.after(() => {
    for (const socket of server.clients) socket.terminate();
    server.close();
  });
  await once(server, "listening");
  const peer = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`, options);
  peer.on("error", () => {});
  const [[own]] = (await Promise.all([once(server, "connection"), once(peer, "open")])) as [[WebSocket], unknown];
  return { own, peer };
}

test("who answers stays, and is asked again and again", { timeout: 60_000 }, async (t) => {
  const { own, peer } = await connected(t, { autoPong: true });
  watchPeer(own, EVERY_MS);
  for (let pings = 0; pings < 5; pings++) await once(peer, "ping");
  assert.equal(own.readyState, WebSocket.OPEN);
});

test("who answers nothing is disconnected", { timeout: 60_000 }, async (t) => {
  const { own } = await connected(t, { autoPong: false });
  let pings = 0;
  const ping = own.ping.bind(own);
  t.mock.method(own, "ping", () => (pings++, ping()));
  watchPeer(own, EVERY_MS);
  await once(own, "close");
  assert.equal(pings, 2);
});

test("a message is an answer as well, and so is taking what was sent", async (t) => {
  t.mock.timers.enable({ apis: ["setInterval"] });
  const listeners = new Map<string, () => void>();
  const peer = {
    bufferedAmount: 0,
    isTerminated: false,
    on: (name: string, listener: () => void) => listeners.set(name, listener),
    once: (name: string, listener: () => void) => listeners.set(name, listener),
    ping: () => {},
    terminate: () => void (peer.isTerminated = true),
  };
  watchPeer(peer as unknown as WebSocket, 10);
  for (let times = 0; times < 5; times++) {
    listeners.get("message")!();
    t.mock.timers.tick(10);
  }
  for (let times = 0; times < 5; times++) {
    peer.bufferedAmount = 1000 - times;
    t.mock.timers.tick(10);
  }
  assert.equal(peer.isTerminated, false);
  t.mock.timers.tick(20);
  assert.equal(peer.isTerminated, true);
});

test("nothing is done behind its end", async (t) => {
  const { own, peer } = await connected(t, { autoPong: true });
  watchPeer(own, 5);
  peer.close();
  await once(own, "close");
  t.mock.method(own, "ping", () => assert.fail("a ping"));
  await sleep(40);
});
