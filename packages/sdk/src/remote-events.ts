/** What happens in a sandbox, as its program hears it: events by name, and files that are watched. */
import type { FileAccess, FileDifference, FileEvent, FileUser, SandboxEvents, SignalOption } from "./api.ts";
import { checkEvent, checkFileUser, checkOptions, checkText, TREE } from "./check-options.ts";
import { RemoteFiles, type RemoteHandle } from "./remote-files.ts";

type Listener = (event: never) => void;

/** One call of the engine, for as long as somebody listens. */
export class RemoteEvents {
  readonly #handle: RemoteHandle;
  readonly #listeners = new Map<keyof SandboxEvents, Set<Listener>>();
  #cancel: (() => void) | null = null;

  constructor(handle: RemoteHandle) {
    this.#handle = handle;
  }

  on<Name extends keyof SandboxEvents>(name: Name, listener: (event: SandboxEvents[Name]) => void): () => void {
    checkEvent(name, listener);
    this.#begin();
    const listeners = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, listeners.add(listener as Listener));
    return () => {
      listeners.delete(listener as Listener);
      if ([...this.#listeners.values()].some(({ size }) => size > 0)) return;
      this.#cancel?.();
      this.#cancel = null;
    };
  }

  #begin(): void {
    const { engine, target } = this.#handle.use();
    if (this.#cancel !== null) return;
    const onEvent = (event: unknown, heard: () => void): void => {
      heard();
      this.#tell(event);
    };
    const { call, answer } = engine.call("events", { target }, { isBackground: true, onEvent });
    // Its end is the sandbox's, which other calls hear of.
    answer.catch(() => {});
    this.#cancel = () => engine.send({ call, cancel: true });
  }

  #tell(event: unknown): void {
    const { name, data } = event as { name: keyof SandboxEvents; data: never };
    // What a listener throws is its program's, not the channel's.
    for (const listener of this.#listeners.get(name) ?? []) void Promise.resolve(data).then(listener);
  }
}

/** Files of a running sandbox. */
export class SandboxFiles extends RemoteFiles {
  readonly #handle: RemoteHandle;

  constructor(handle: RemoteHandle) {
    super(handle);
    this.#handle = handle;
  }

  /** The same files, used by somebody else than root. @throws StratosError of kind option: ids that there are not */
  as(user: FileUser): FileAccess {
    checkFileUser(user);
    const { uid, gid, groups = [] } = user;
    return new RemoteFiles(this.#handle, { uid, gid, groups: [...groups] });
  }

  /**
   * Files that differ from those of the image, or of a snapshot (`box.snapshot`), ordered by path. Of the root only:
   * what lies in /tmp and the like when these are mounts, or in volumes, is not looked at.
   *
   * @throws StratosError of kind snapshot: none of that name, or one of a past that `rollback` has left
   */
  async diff(label?: string): Promise<FileDifference[]> {
    if (label !== undefined) checkText(label, "label");
    const { engine, target } = this.#handle.use();
    return (await engine.call("diff", { target, label: label ?? null }).answer).value as FileDifference[];
  }

  /**
   * What happens to a file or a folder from now on, until the loop is left or `signal` says so. `recursive`: with all
   * folders below. The host stays up for it once its events are asked for.
   *
   * @throws StratosError of kind file; closed when the sandbox ends; the reason of `signal`
   */
  watch(path: string, options: SignalOption & { readonly recursive?: boolean } = {}): AsyncIterable<FileEvent> {
    checkText(path, "path");
    checkOptions(options, TREE);
    const { engine, target } = this.#handle.use();
    const events: { readonly event: FileEvent; readonly heard: () => void }[] = [];
    let wake = (): void => {};
    const { call, answer } = engine.call(
      "watch",
      { target, path, isRecursive: options.recursive === true },
      {
        signal: options.signal,
        isBackground: true,
        onEvent: (event, heard) => {
          events.push({ event: event as FileEvent, heard });
          wake();
        },
      },
    );
    let ended: { readonly error: unknown } | "left" | null = null;
    const end = (how: { readonly error: unknown } | "left"): void => {
      ended = how;
      wake();
    };
    answer.then(
      () => end("left"),
      (error) => end({ error }),
    );
    const told = (async function* (): AsyncGenerator<FileEvent, void> {
      let letGo = (): void => {};
      try {
        // Begun here and now, so that whoever leaves before the first event ends it as well.
        yield undefined as never;
        letGo = engine.hold();
        for (;;) {
          for (let next = events.shift(); next !== undefined; next = events.shift()) {
            next.heard();
            yield next.event;
          }
          if (ended === "left") return;
          if (ended !== null) throw (ended as { readonly error: unknown }).error;
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        }
      } finally {
        letGo();
        engine.send({ call, cancel: true });
      }
    })();
    void told.next();
    return told;
  }
}
