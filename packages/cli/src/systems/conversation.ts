/** A program of a named system on this process's terminal or streams, until it ends or is left to itself. */
import { isatty } from "node:tty";
import { SIGHUP, SIGNAL_NAMES } from "@stratos/abi";
import { NodeConsole } from "@stratos/host-node";
import type { ProgramEnd, TerminalSize } from "@stratos/sdk/api";
import { StratosError } from "@stratos/sdk/client";
import { STREAM_WINDOW, TERMINAL_WINDOW } from "@stratos/sdk/wire";
import type { SupervisorClient, SupervisorOperations, TerminalSized } from "@stratos/sdk/systems";
import { CommandError, UsageError } from "../command-error.ts";
import { forwardSignals } from "../session/forward-signals.ts";
import { DetachScanner } from "./detach-keys.ts";

interface ConversationOptions {
  /** What is typed, or read from standard input, goes to the program. */
  readonly hasInput: boolean;
  /** The program has a terminal, which is shown on ours. */
  readonly hasTerminal: boolean;
  /** They leave the program to itself; none: nothing does. */
  readonly detachKeys: Uint8Array;
  /** A signal of this process, by Linux's name. @param pid  the program's; 0 while that is not known */
  onSignal(name: string, pid: number): void;
  /** The detach keys were pressed. @param call  the program's */
  onDetach?(call: number): Promise<unknown>;
}

/** What ended a conversation: the program, the detach keys, the end of this terminal, or that of the system. */
export type Conversation = ProgramEnd | "detached" | "hung up" | "system ended";

type Conversing = "run" | "follow-system";

/** The size of this process's terminal; of another, the usual one. */
export function terminalSize(): TerminalSize {
  // A terminal that nobody has told a size has 0 of each: one of `script`, a serial line's.
  return { columns: process.stdout.columns || 80, rows: process.stdout.rows || 24 };
}

export async function converse<Name extends Conversing>(
  client: SupervisorClient,
  op: Name,
  request: SupervisorOperations[Name],
  { hasInput, hasTerminal, detachKeys, onSignal, onDetach }: ConversationOptions,
): Promise<Conversation> {
  const isOnTerminal = isatty(0) && isatty(1);
  if (hasInput && hasTerminal && !isatty(0)) throw new UsageError("--tty", "standard input is no terminal");
  let pid = 0;
  let hasOurSize = true;
  const credit = new Credit(op === "follow-system" && hasTerminal && isatty(1) ? TERMINAL_WINDOW : STREAM_WINDOW);
  const shown = { 1: Promise.resolve(), 2: Promise.resolve() };
  const input = hasInput ? new InputSender((message, bytes) => client.send({ call, ...message }, bytes)) : null;
  const { call, answer } = client.call(op, request, {
    onStarted: (started) => void (pid = started),
    onRead: (count) => input?.read(count),
    onEvent: (event) => void (hasOurSize = (event as TerminalSized).isOwn),
    onOutput: (stream, bytes) => {
      const done = new Promise<void>((resolve) =>
        (stream === 1 ? process.stdout : process.stderr).write(Uint8Array.from(bytes), () => {
          const taken = credit.of(bytes.length);
          if (taken > 0) client.send({ call, taken, stream });
          resolve();
        }),
      );
      shown[stream] = shown[stream].then(() => done);
    },
  });
  const console = hasTerminal && isOnTerminal ? new NodeConsole() : null;
  // Of several terminals that show a program the one that is typed at gives it its size.
  const sendSize = (): void => {
    if (console === null) return;
    hasOurSize = true;
    client.send({ call, size: terminalSize() });
  };
  const detached = new Promise<"detached">((resolve) => {
    if (input === null) return;
    const scanner = new DetachScanner(isatty(0) ? detachKeys : new Uint8Array(0));
    const take = (bytes: Uint8Array | null): void => {
      if (bytes === null) return input.end();
      const passed = scanner.scan(bytes);
      if (passed !== null) {
        if (passed.length > 0 && !hasOurSize) sendSize();
        input.send(passed);
      } else void Promise.resolve(onDetach?.(call)).finally(() => resolve("detached"));
    };
    if (console === null) input.readFrom(process.stdin, take);
    else console.onInput(take);
  });
  console?.onResize(sendSize);
  console?.open();
  let hangUp!: () => void;
  const hungUp = new Promise<"hung up">((resolve) => {
    hangUp = () => resolve("hung up");
  });
  const stopForwarding = forwardSignals({
    // The end of this terminal is not the program's.
    sendSignal: (signal) => (signal === SIGHUP ? hangUp() : onSignal(`SIG${SIGNAL_NAMES[signal]!}`, pid)),
  });
  try {
    const end = await Promise.race([answer.then(({ value }) => value as ProgramEnd), detached, hungUp]);
    if (end === "hung up") return end;
    await Promise.all([shown[1], shown[2]]);
    return end;
  } catch (error) {
    if (client.isGone)
      throw new CommandError("supervisor", "has ended; `stratos ps -a` tells what has become of the system");
    if (error instanceof StratosError && error.kind === "closed" && pid > 0) return "system ended";
    throw error;
  } finally {
    stopForwarding();
    console?.close();
    process.stdin.pause();
    answer.catch(() => {});
  }
}

/**
 * Who follows what others watch, too, is given a whole window, of which a part is never told to be taken: so much less
 * is under way to a terminal.
 */
export class Credit {
  #heldBack: number;

  /** @param window  bytes that are to be under way at most */
  constructor(window: number) {
    this.#heldBack = STREAM_WINDOW - window;
  }

  /** What of these bytes the other side is told of. */
  of(bytes: number): number {
    const held = Math.min(this.#heldBack, bytes);
    this.#heldBack -= held;
    return bytes - held;
  }
}

/** Sends what is read no further ahead than the program reads. */
class InputSender {
  readonly #send: (message: { readonly input: "bytes" | "end" }, bytes?: Uint8Array) => void;
  #ahead = 0;
  #source: NodeJS.ReadStream | null = null;

  constructor(send: (message: { readonly input: "bytes" | "end" }, bytes?: Uint8Array) => void) {
    this.#send = send;
  }

  readFrom(source: NodeJS.ReadStream, take: (bytes: Uint8Array | null) => void): void {
    this.#source = source;
    source.on("data", take);
    source.on("end", () => take(null));
    source.on("error", () => take(null));
  }

  send(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#ahead += bytes.length;
    this.#send({ input: "bytes" }, bytes);
    if (this.#ahead >= STREAM_WINDOW) this.#source?.pause();
  }

  end(): void {
    this.#send({ input: "end" });
  }

  read(count: number): void {
    this.#ahead -= count;
    if (this.#ahead < STREAM_WINDOW) this.#source?.resume();
  }
}
