/** The display of a named system, as its supervisor shows it. */
import type { ScreenSource, ViewerEnd, Watching } from "@stratos/display";
import type { SupervisorClient } from "@stratos/sdk/systems";

/** Said, and not taken by the system's engine: a viewer who says more is sent away. */
const AHEAD_MAX = 1 << 23;

export class SystemScreen implements ScreenSource {
  readonly #client: SupervisorClient;
  readonly #name: string;

  constructor(client: SupervisorClient, name: string) {
    this.#client = client;
    this.#name = name;
  }

  /** @throws StratosError of kind no-system or system: there is none, or it has no display */
  async require(): Promise<void> {
    const looking = new AbortController();
    await new Promise<void>((resolve, reject) => {
      const { answer } = this.#client.call(
        "show-display",
        { name: this.#name, mayAct: false },
        { onStarted: () => resolve(), signal: looking.signal },
      );
      answer.then(() => resolve(), reject);
    });
    looking.abort();
  }

  /** @param onShown  there is such a display */
  connect(viewer: ViewerEnd, mayAct: boolean, onShown: () => void = () => {}): Watching {
    const client = this.#client;
    let ahead = 0;
    const { call, answer } = client.call(
      "show-display",
      { name: this.#name, mayAct },
      {
        isBackground: true,
        onStarted: onShown,
        onRead: (count) => void (ahead -= count),
        onOutput: (stream, bytes) => viewer.send(stream === 1 ? bytes : Buffer.from(bytes).toString()),
      },
    );
    answer.then(
      () => viewer.close(),
      (error: Error) => {
        viewer.send(JSON.stringify({ problem: error.message }));
        viewer.close();
      },
    );
    const leave = (): void => client.send({ call, cancel: true });
    const take = (text: string): void => {
      const bytes = Buffer.from(text);
      ahead += bytes.length;
      if (ahead <= AHEAD_MAX) return client.send({ call, input: "bytes" }, bytes);
      leave();
      viewer.close();
    };
    return { take, leave };
  }
}
