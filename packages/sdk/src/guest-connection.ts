/**
 * A connection from outside to a program that listens in the machine. It comes over the machine's own loopback, so that
 * no network of the host is needed, and nothing but the machine is reached.
 */
import {
  AF_INET,
  AF_INET6,
  EAGAIN,
  EALREADY,
  ECONNREFUSED,
  EINPROGRESS,
  ERRNO_NAMES,
  O_NONBLOCK,
  SHUT_WR,
  SOCK_STREAM,
} from "@stratos/abi";
import { BytesCursor } from "@stratos/base";
import type { EventLoop } from "@stratos/host";
import {
  createSocket,
  inetAddressBytes,
  isV4,
  isWildcard,
  type Kernel,
  LOOPBACK_V4,
  LOOPBACK_V6,
  type Socket,
  type Task,
  type Waiter,
} from "@stratos/kernel";
import { StratosError } from "./api.ts";
import { ChannelInput, ChannelOutput } from "./program-streams.ts";

export interface ConnectionListener {
  /** The program's socket took it. */
  onConnected(): void;
  /** So many bytes went to the program. */
  onRead(count: number): void;
  /** The bytes hold until the call returns. */
  onOutput(bytes: Uint8Array): void;
}

/** Bytes moved at a time. */
const PIECE = 1 << 16;

export class GuestConnection implements Waiter {
  readonly input: ChannelInput;
  readonly outputs: readonly [ChannelOutput];
  /** Resolves when the program has closed it. Rejects: StratosError of kind port. */
  readonly ended: Promise<void>;
  readonly #kernel: Kernel;
  readonly #loop: EventLoop;
  readonly #socket: Socket;
  readonly #address: Uint8Array;
  readonly #port: number;
  readonly #onConnected: () => void;
  #finish!: () => void;
  #fail!: (error: unknown) => void;
  #isConnected = false;
  #isOver = false;
  #isDue = false;
  #isWriteShut = false;
  /** Taken from the input, and not by the socket as yet. */
  #unsent: Uint8Array = new Uint8Array(0);

  /** @throws StratosError of kind port or option */
  constructor(kernel: Kernel, loop: EventLoop, port: number, listener: ConnectionListener) {
    if (!(Number.isInteger(port) && port > 0 && port < 65536))
      throw new StratosError("option", "port: 1 to 65535 is expected", { option: "port" });
    const ip = listeningAddress(kernel, port);
    if (ip === null) throw refused(port, ECONNREFUSED);
    this.#kernel = kernel;
    this.#loop = loop;
    this.#port = port;
    this.#onConnected = () => listener.onConnected();
    this.input = new ChannelInput((count) => listener.onRead(count));
    this.outputs = [new ChannelOutput((bytes) => listener.onOutput(bytes))];
    this.ended = new Promise((resolve, reject) => {
      this.#finish = resolve;
      this.#fail = reject;
    });
    this.ended.catch(() => {});
    const family = isV4(ip) ? AF_INET : AF_INET6;
    const socket = createSocket(this.#init, family, SOCK_STREAM, 0, O_NONBLOCK);
    if (typeof socket === "number") throw refused(port, -socket);
    this.#socket = socket;
    this.#address = inetAddressBytes({ ip, port }, family);
    this.attach();
    this.input.onReadable(() => this.wake());
    this.outputs[0].onWritable(() => this.wake());
    this.wake();
  }

  get #init(): Task {
    this.#kernel.work.begin();
    return this.#kernel.tasks.tasks.get(1)!;
  }

  /** The port of this end. */
  get localPort(): number {
    const name = this.#socket.localName();
    return new DataView(name.buffer, name.byteOffset).getUint16(2);
  }

  /** Something may have moved. In the midst of a system call nothing is done about it. */
  wake(): void {
    if (this.#isDue || this.#isOver) return;
    this.#isDue = true;
    this.#loop.callSoon(() => {
      this.#isDue = false;
      if (!this.#isOver) this.#move();
    });
  }

  attach(): void {
    this.#socket.readiness.add(this);
  }

  /** For a while in which the machine is saved: what waits outside does not belong to it. */
  detach(): void {
    this.#socket.readiness.remove(this);
  }

  /** Ends it at once. @param why  what its end is to those who wait for it; absent: its end */
  kill(why: unknown = null): void {
    this.#end(why);
  }

  #move(): void {
    if (!this.#isConnected) {
      const result = this.#socket.connect(this.#init, this.#address, true);
      if (result === -EINPROGRESS || result === -EALREADY) return;
      if (result < 0) return this.#end(refused(this.#port, -result));
      this.#isConnected = true;
      this.#onConnected();
    }
    this.#write();
    this.#read();
  }

  #write(): void {
    for (;;) {
      if (this.#unsent.length === 0) {
        if (this.input.available === 0) break;
        const piece = new Uint8Array(Math.min(PIECE, this.input.available));
        this.#unsent = piece.subarray(0, this.input.read(piece, 0, piece.length));
      }
      const sent = this.#socket.write(this.#init, new BytesCursor(this.#unsent), -1);
      if (sent === -EAGAIN) return;
      // The program reads no more: what it still says is waited for.
      this.#unsent = sent < 0 ? new Uint8Array(0) : this.#unsent.subarray(sent);
    }
    if (!this.input.isEnded || this.#isWriteShut) return;
    this.#isWriteShut = true;
    this.#socket.shutdown(this.#init, SHUT_WR);
  }

  #read(): void {
    const [output] = this.outputs;
    while (output.room > 0) {
      const piece = new Uint8Array(Math.min(PIECE, output.room));
      const count = this.#socket.read(this.#init, new BytesCursor(piece), -1);
      if (count === -EAGAIN) return;
      if (count <= 0) return this.#end(null);
      output.write(piece, 0, count);
    }
  }

  #end(error: unknown): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.detach();
    this.#socket.release();
    this.outputs[0].finish();
    if (error === null) this.#finish();
    else this.#fail(error);
  }
}

/** Ends of connections from outside that a saved machine still had: nobody has them any more. */
export function dropOutsideEnds(kernel: Kernel, localPorts: readonly number[]): void {
  const wanted = new Set(localPorts);
  for (const socket of [...kernel.network.inetSockets])
    if (socket.type === SOCK_STREAM && !socket.isListening && wanted.has(socket.local?.port ?? 0)) socket.release();
}

/** Of `lo` in each network. */
const LOOPBACK_INDEX = 1;

/** Where a connection to the port comes in; null: nobody listens. */
function listeningAddress(kernel: Kernel, port: number): Uint32Array | null {
  const claims = kernel.network.tcpPorts.at(port).filter(({ isListening }) => isListening);
  const [first] = claims;
  if (first === undefined) return null;
  for (const loopback of [LOOPBACK_V4, LOOPBACK_V6])
    if (
      kernel.network.tcpPorts.find({ ip: loopback, port, device: LOOPBACK_INDEX }, { ip: loopback, port: 0 }, hears) !==
      null
    )
      return loopback;
  return isWildcard(first.ip) ? LOOPBACK_V4 : first.ip;
}

function hears({ isListening }: { readonly isListening: boolean }): 0 | -1 {
  return isListening ? 0 : -1;
}

function refused(port: number, errno: number): StratosError<"port"> {
  const code = ERRNO_NAMES[errno] ?? String(errno);
  return new StratosError("port", `port ${port} of the sandbox: ${code}`, { port, code });
}
