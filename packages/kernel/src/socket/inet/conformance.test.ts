/** TCP and UDP over each that carries them: the conformance suite (testing/inet-conformance.ts). */
import assert from "node:assert/strict";
import { CLONE_NEWNET } from "@stratos/abi";
import { SimulatedNetwork } from "@stratos/host";
import { addressRequest, RouteClient } from "../../testing/route-client.ts";
import { call } from "../../testing/system-calls.ts";
import { moveInterface } from "../interface-changes.ts";
import { SocketTask } from "../../testing/socket-task.ts";
import { inetConformance } from "../../testing/inet-conformance.ts";

inetConformance(
  "the loopback",
  () => {
    const { test, user } = SocketTask.createMachine();
    const server = new SocketTask(test.kernel, user);
    return { client: user, server, serverIp: "127.0.0.1", clientIp: "127.0.0.1", settle: () => {} };
  },
  { hasUrgent: true, hasGroups: true, hidesBacklog: false, keepsPort: true },
);

inetConformance(
  "a provider",
  () => {
    const network = new SimulatedNetwork();
    const machine = (address: string): SocketTask =>
      SocketTask.createMachine(network.host([{ family: 4, address, prefixLength: 24 }])).user;
    const client = machine("10.0.0.1");
    const server = machine("10.0.0.2");
    return { client, server, serverIp: "10.0.0.2", clientIp: "10.0.0.1", settle: () => network.deliver() };
  },
  { hasUrgent: false, hasGroups: false, hidesBacklog: true, keepsPort: false },
);

inetConformance(
  "a link between two networks",
  () => {
    const { test, user: client } = SocketTask.createMachine();
    const server = new SocketTask(test.kernel);
    assert.equal(call(server.task, "unshare", CLONE_NEWNET), 0);
    const [here, there] = [new RouteClient(client), new RouteClient(server)];
    assert.equal(here.makeVeth("left", "right"), 0);
    const end = client.task.network.interfaceByName("right")!;
    assert.equal(moveInterface(end as never, server.task.network, null), 0);
    const start = (at: RouteClient, name: string, ip: readonly number[]): void => {
      assert.equal(at.ask(addressRequest(20, at.index(name), 24, ip)), 0);
      assert.equal(at.setFlags(at.index(name), 1, 1), 0);
    };
    start(here, "left", [10, 0, 0, 1]);
    start(there, "right", [10, 0, 0, 2]);
    // Long enough for a SYN that was dropped to come again.
    const settle = (): void => {
      for (let step = 0; step < 15; step++) {
        test.clock.advance(100e6);
        test.kernel.timers.expire(test.kernel.now());
      }
    };
    return { client, server, serverIp: "10.0.0.2", clientIp: "10.0.0.1", settle };
  },
  { hasUrgent: true, hasGroups: true, hidesBacklog: false, keepsPort: true },
);
