/** TCP and UDP over each that carries them: the conformance suite (testing/inet-conformance.ts). */
import { SimulatedNetwork } from "@stratos/host";
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
