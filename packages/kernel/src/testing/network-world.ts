/** Several networks of one machine, joined by links; time is the kernel's, which each test moves. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { CLONE_NEWNET } from "@stratos/abi";
import type { SocketProvider } from "@stratos/host";
import { moveInterface } from "../socket/interface-changes.ts";
import type { TestKernel } from "./fake-task.ts";
import { addressRequest, RouteClient, routeRequest } from "./route-client.ts";
import { SocketTask } from "./socket-task.ts";
import { call } from "./system-calls.ts";

const UP = 1;

/** What nft(8) sent on Linux for each text, message by message in hexadecimal. */
export const RULESETS: Readonly<Record<string, { readonly text: string; readonly sent: string }>> = JSON.parse(
  readFileSync(new URL("nft-rulesets.json", import.meta.url), "utf8"),
) as never;

export interface Station {
  user: SocketTask;
  client: RouteClient;
}

export class World {
  readonly test: TestKernel;
  readonly first: Station;

  /** @param sockets  the way out; null: there is none */
  constructor(sockets: SocketProvider | null = null) {
    const { test, user } = SocketTask.createMachine(sockets);
    this.test = test;
    this.first = { user, client: new RouteClient(user) };
  }

  station(): Station {
    const user = new SocketTask(this.test.kernel);
    assert.equal(call(user.task, "unshare", CLONE_NEWNET), 0);
    assert.equal(new RouteClient(user).setFlags(1, UP, UP), 0);
    return { user, client: new RouteClient(user) };
  }

  /** A pair with an end in each. */
  join(one: Station, name: string, other: Station, otherName: string): void {
    assert.equal(one.client.makeVeth(name, otherName), 0);
    const end = one.user.task.network.interfaceByName(otherName)!;
    assert.equal(moveInterface(end as never, other.user.task.network, null), 0);
  }

  address(at: Station, name: string, ip: readonly number[], length = 24): void {
    const index = at.client.index(name);
    assert.equal(at.client.ask(addressRequest(20, index, length, ip)), 0);
    assert.equal(at.client.setFlags(index, UP, UP), 0);
  }

  /** Time passes. */
  pass(seconds: number): void {
    for (let step = 0; step < seconds * 10; step++) {
      this.test.clock.advance(100e6);
      this.test.kernel.timers.expire(this.test.kernel.now());
    }
  }
}

/** As net.ipv4.ip_forward and net.ipv6.conf.all.forwarding say it. */
export function passOn({ user }: Station, version: "V4" | "V6" = "V4"): void {
  const { settings, interfaces } = user.task.network;
  for (const each of [settings.interfaces.all, ...interfaces.map((one) => one.settings)])
    each[`forwards${version}`] = 1;
}

interface Routed {
  world: World;
  a: Station;
  router: Station;
  b: Station;
}

/** Two stations, and a router between them that passes nothing on yet. @param sockets  the router's way out */
export function routed(sockets: SocketProvider | null = null): Routed {
  const world = new World(sockets);
  const [router, a, b] = [world.first, world.station(), world.station()];
  world.join(router, "to-a", a, "a");
  world.join(router, "to-b", b, "b");
  world.address(router, "to-a", [10, 1, 0, 1]);
  world.address(router, "to-b", [10, 2, 0, 1]);
  world.address(a, "a", [10, 1, 0, 2]);
  world.address(b, "b", [10, 2, 0, 2]);
  const byRouter = (gateway: number[]): Uint8Array => routeRequest(24, { prefix: [0, 0, 0, 0], length: 0, gateway });
  assert.equal(a.client.ask(byRouter([10, 1, 0, 1])), 0);
  assert.equal(b.client.ask(byRouter([10, 2, 0, 1])), 0);
  return { world, a, router, b };
}
