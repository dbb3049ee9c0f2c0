/** Engines whose programs say what is typed, and end when they are told to. */
import { writeFileSync } from "node:fs";
import { type EngineClient, StratosError } from "@stratos/sdk/client";
import type { AbortSignalLike, Denial, SystemSpec } from "@stratos/sdk/api";
import { encodeCheckpoint } from "@stratos/sdk/checkpoint-file";
import type { CreateRequest, KeptPrograms, Operations } from "@stratos/sdk/wire";
import type { Engines } from "../named-system.ts";

export const SPEC: SystemSpec = {
  image: "image",
  command: ["main"],
  env: {},
  cwd: "/",
  user: "root",
  tty: null,
  hasInput: false,
  network: "none",
  ports: [],
  mounts: [],
  memoryBytes: 1 << 20,
  harts: 1,
  seed: null,
  hostname: null,
  isTransient: false,
  checkpointEveryMs: null,
};

/** Of no machine: what its head says is read, and nothing else. */
function checkpointOf(about: unknown): Uint8Array {
  const head = { image: { name: SPEC.image, content: "" }, savedMs: 0, about };
  const codec = {} as Parameters<typeof encodeCheckpoint>[2];
  return Buffer.concat([...encodeCheckpoint(head, new Uint8Array(), codec)]);
}

interface CallOptions {
  readonly signal?: AbortSignalLike | undefined;
  onStarted?(pid: number): void;
  onRead?(count: number): void;
  onEvent?(event: unknown, heard: () => void): void;
  onOutput?(stream: 1 | 2, bytes: Uint8Array): void;
}

interface GoingProgram {
  readonly target: number;
  readonly pid: number;
  type(bytes: Uint8Array): void;
  end(): void;
  cancel(): void;
}

export class ScriptedEngines implements Engines {
  /** Those that are not released. */
  processes = 0;
  /** Machines that run. */
  running = 0;
  /** Called by each machine that is to be; it is there once that has resolved. */
  created: () => Promise<void> = () => Promise.resolve();
  /** Programs that the last machines were to keep. */
  kept: KeptPrograms | undefined;
  /** The last machine's rules deny something. */
  deny: (denial: Denial) => void = () => {};
  /** What machines that did not come of a fork were made of, in order. */
  readonly asked: CreateRequest[] = [];

  acquire(): { engine: EngineClient; release(): void } {
    this.processes++;
    const programs = new Map<number, GoingProgram>();
    let last = 0;
    let lastTarget = 0;
    const machine = async ({ signal }: CallOptions): Promise<number> => {
      const aborted = new Promise<never>((_, reject) => {
        signal?.addEventListener("abort", () => reject(new Error("cancelled")));
      });
      await Promise.race([this.created(), aborted]);
      this.running++;
      return ++lastTarget;
    };
    const program = (
      number: number,
      { target, pid = number + 100 }: { readonly target: number; readonly pid?: number },
      { onStarted, onRead, onOutput }: CallOptions,
    ): Promise<unknown> => {
      onStarted?.(pid);
      return new Promise((resolve, reject) => {
        const value = { exitCode: 0, signal: null, timedOut: false, limit: null };
        const end = (): void => void (programs.delete(number) && resolve({ value }));
        const cancel = (): void => void (programs.delete(number) && reject(new Error("cancelled")));
        const type = (bytes: Uint8Array): void => {
          onRead?.(bytes.length);
          onOutput?.(1, bytes);
        };
        programs.set(number, { target, pid, type, end, cancel });
      });
    };
    const of = (target: number): GoingProgram[] => [...programs.values()].filter((each) => each.target === target);
    const answer = async (
      number: number,
      op: keyof Operations,
      request: object,
      given: CallOptions,
    ): Promise<unknown> => {
      switch (op) {
        case "create":
          this.asked.push(request);
          this.kept = (request as CreateRequest).keepsPrograms;
          return { value: await machine(given) };
        case "fork": {
          this.kept = (request as Operations["fork"]).keepsPrograms;
          const targets: number[] = [];
          try {
            for (let left = (request as Operations["fork"]).count; left > 0; left--) targets.push(await machine(given));
          } catch (error) {
            this.running -= targets.length;
            throw error;
          }
          return { value: targets };
        }
        case "run":
        case "attach":
          return program(number, request as Operations["attach"], given);
        case "events":
          return new Promise(() => {});
        case "denials":
          this.deny = (denial) => given.onEvent?.(denial, () => {});
          return new Promise(() => {});
        case "processes":
          return { value: of((request as Operations["processes"]).target).map(({ pid }) => pid) };
        case "signal": {
          const { pid } = request as Operations["signal"];
          for (const each of of((request as Operations["signal"]).target)) if (each.pid === pid) each.end();
          return { value: null };
        }
        case "checkpoint": {
          const { path, about } = request as Operations["checkpoint"];
          writeFileSync(path, checkpointOf(about));
          return { value: 1 };
        }
        case "close":
          this.running--;
          for (const each of of((request as Operations["close"]).target)) each.end();
          return { value: null };
        default:
          throw new StratosError("option", op, { option: op });
      }
    };
    const engine = {
      processId: null,
      call(op: keyof Operations, request: object, options: CallOptions = {}) {
        const call = ++last;
        return { call, answer: answer(call, op, request, options) };
      },
      send(message: { readonly call: number; readonly cancel?: true; readonly input?: "bytes" }, bytes?: Uint8Array) {
        if (message.cancel === true) programs.get(message.call)?.cancel();
        else if (message.input === "bytes") programs.get(message.call)?.type(bytes!);
      },
    };
    return { engine: engine as unknown as EngineClient, release: () => void this.processes-- };
  }
}
