/** What happens in a machine, as it is told outside: programs that start and end, ports that are listened on. */
import { SIGNAL_NAMES } from "@stratos/abi";
import { byteStringToUtf8 } from "@stratos/base";
import { type Kernel, textOfIp } from "@stratos/kernel";
import type { SandboxEvents } from "./api.ts";

export type SandboxEvent = {
  [Name in keyof SandboxEvents]: { readonly name: Name; readonly data: SandboxEvents[Name] };
}[keyof SandboxEvents];

export class MachineEvents {
  readonly #kernel: Kernel;
  readonly #tell: (event: SandboxEvent) => void;
  /** `address port` of those that listen. Bound: open sockets. */
  #listening = new Set<string>();

  constructor(kernel: Kernel, tell: (event: SandboxEvent) => void) {
    this.#kernel = kernel;
    this.#tell = tell;
    const onExit = kernel.onProcessExit;
    kernel.onProcessExit = (process, status) => {
      onExit?.(process, status);
      tell({ name: "process-exit", data: { pid: process.pid, ...endOfStatus(status) } });
    };
    kernel.onExec = ({ group }, _path, argv) => {
      const command = argv.map(byteStringToUtf8);
      tell({ name: "process-start", data: { pid: group.pid, parentPid: group.parent?.pid ?? 0, command } });
    };
  }

  /** Between two turns of the machine: ports that are new. */
  lookAtPorts(): void {
    const listening = new Set<string>();
    for (const socket of this.#kernel.network.inetSockets) {
      if (!socket.isListening || socket.local === null) continue;
      const address = textOfIp(socket.local.ip);
      const { port } = socket.local;
      const key = `${address} ${port}`;
      listening.add(key);
      if (!this.#listening.has(key)) this.#tell({ name: "port", data: { port, address } });
    }
    this.#listening = listening;
  }
}

/** @param status  as wait(2) has it */
export function endOfStatus(status: number): { exitCode: number; signal: string | null } {
  const signal = status & 0x7f;
  if (signal === 0) return { exitCode: (status >> 8) & 0xff, signal: null };
  return { exitCode: 128 + signal, signal: `SIG${SIGNAL_NAMES[signal] ?? signal}` };
}
