/**
 * Goal: a page that is gone without a word gives its place back, and one that is quiet is kept from what ends quiet
 * connections. Method: a server whose pings come soon, and WebSockets that answer them or don't.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { WebSocket } from "ws";
import { ScreenViewers } from "@stratos/display";
import { DisplayServer } from "../display/display-server.ts";
import type { ConsoleOptions } from "./console-service.ts";
import { PageSockets } from "./page-sockets.ts";

const PING_MS = 250;

test("terminals and displays of the console ask whether a page is there", { timeout: 60_000 }, async (t) => {
  const limits = { path: "/v1/terminals", messageBytesMax: 1000, pingMs: PING_MS };
  const begun: string[] = [];
  const sockets = new PageSockets({ signIn: null } as unknown as ConsoleOptions, { text: "" }, limits, () => {
    begun.push("page");
  });
  const server = createServer().on("upgrade", (...request) => sockets.upgrade(...request));
  t.after(() => {
    sockets.close();
    server.close();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const open = async (autoPong: boolean): Promise<WebSocket> => {
    const { port } = server.address() as AddressInfo;
    const socket = new WebSocket(`ws://127.0.0.1:${port}/v1/terminals`, { autoPong });
    await once(socket, "open");
    socket.send("{}");
    return socket;
  };
  const [answering, gone] = [await open(true), await open(false)];
  await once(gone, "close");
  assert.deepEqual(begun, ["page", "page"]);
  await once(answering, "ping");
  assert.equal(answering.readyState, WebSocket.OPEN);
});

test("so does the page of a run's windows", { timeout: 60_000 }, async (t) => {
  const canvas = { width: 1, height: 1, pixels: new Uint32Array(1) };
  const display = { screen: { canvas, cursor: null, windows: [], isPointerLocked: false }, setRefresh: () => {} };
  const server = new DisplayServer(
    new ScreenViewers(display as unknown as ConstructorParameters<typeof ScreenViewers>[0]),
    {
      pingMs: PING_MS,
    },
  );
  t.after(() => server.close());
  const { host, origin, hash } = new URL(await server.listen());
  const gone = new WebSocket(`ws://${host}/screen`, { autoPong: false, origin });
  await once(gone, "open");
  gone.send(JSON.stringify({ token: hash.slice(1) }));
  await once(gone, "close");
});
