/**
 * One tab at a time has a system's files (Web Locks). Others ask it by messages:
 *
 *     take over    it brings its files to rest and lets go
 *     copy         it copies its files for one that only looks; answered by `copied`
 */
type Message =
  | { readonly kind: "take over" }
  | { readonly kind: "copy"; readonly name: string }
  | { readonly kind: "copied"; readonly name: string; readonly failure: string | null };

interface LockOwner {
  /** Brings the files to rest, and lets go of them. */
  release(): Promise<void>;
  /** @throws Error with words for people */
  copy(name: string): Promise<void>;
  /** The lock is gone: another tab has it. */
  onLost(): void;
}

/** How often a tab that waits looks. It stands in no queue: who takes over is not to wait behind it. */
const LOOK_MS = 500;
/** A tab that does not answer (frozen, or busy without an end) loses the lock after this. */
const PATIENCE_MS = 5000;
const COPY_PATIENCE_MS = 60_000;

export class TabLock {
  readonly #name: string;
  readonly #channel: BroadcastChannel;
  readonly #owner: LockOwner;
  readonly #patienceMs: number;
  /** Null: this tab does not have it. */
  #letGo: (() => void) | null = null;
  #isReleasing = false;

  constructor(name: string, owner: LockOwner, patienceMs: number = PATIENCE_MS) {
    this.#name = name;
    this.#owner = owner;
    this.#patienceMs = patienceMs;
    this.#channel = new BroadcastChannel(name);
    this.#channel.addEventListener("message", ({ data }: MessageEvent<Message>) => {
      if (this.#letGo === null || this.#isReleasing) return;
      if (data.kind === "take over") {
        this.#isReleasing = true;
        const letGo = this.#letGo;
        owner
          .release()
          .catch(() => {})
          .then(() => {
            letGo();
            this.#lose();
          });
      } else if (data.kind === "copy") {
        const answer = (failure: string | null): void => this.#send({ kind: "copied", name: data.name, failure });
        owner.copy(data.name).then(
          () => answer(null),
          (error: unknown) => answer((error as Error).message),
        );
      }
    });
  }

  /** @returns whether no other tab has it */
  take(): Promise<boolean> {
    return this.#request({ ifAvailable: true });
  }

  /** Waits until no other tab has it. @returns false: `waiting` was over before */
  async whenFree(waiting: AbortSignal): Promise<boolean> {
    const over = new Promise<void>((resolve) => waiting.addEventListener("abort", () => resolve(), { once: true }));
    while (!waiting.aborted) {
      if (await this.take()) return true;
      let timer: ReturnType<typeof setTimeout> | undefined;
      await Promise.race([over, new Promise((resolve) => (timer = setTimeout(resolve, LOOK_MS)))]);
      clearTimeout(timer);
    }
    return false;
  }

  /** Asks the tab that has it, and takes it from one that does not answer. */
  async takeOver(): Promise<void> {
    this.#send({ kind: "take over" });
    const patience = AbortSignal.timeout(this.#patienceMs);
    const isGiven = await this.#request({ signal: patience }).catch(() => false);
    if (!isGiven) await this.#request({ steal: true });
  }

  /** @throws Error with words for people */
  async askCopy(name: string): Promise<void> {
    const answered = new Promise<string | null>((resolve) => {
      const timer = setTimeout(() => resolve("the other tab does not answer"), COPY_PATIENCE_MS);
      this.#channel.addEventListener("message", ({ data }: MessageEvent<Message>) => {
        if (data.kind !== "copied" || data.name !== name) return;
        clearTimeout(timer);
        resolve(data.failure);
      });
    });
    this.#send({ kind: "copy", name });
    const failure = await answered;
    if (failure !== null) throw new Error(failure);
  }

  #send(message: Message): void {
    this.#channel.postMessage(message);
  }

  #request(options: LockOptions): Promise<boolean> {
    return new Promise((resolve, reject) => {
      navigator.locks
        .request(this.#name, options, (lock) => {
          resolve(lock !== null);
          return lock === null ? undefined : new Promise<void>((letGo) => (this.#letGo = letGo));
        })
        .catch((error: unknown) => {
          // It was stolen, or, when it was never had, not given in time.
          reject(error as Error);
          this.#lose();
        });
    });
  }

  /** Tells the owner, once: what it still does with the files has to end, also when it was stolen amid a release. */
  #lose(): void {
    if (this.#letGo === null) return;
    this.#letGo = null;
    this.#isReleasing = false;
    this.#owner.onLost();
  }
}
