/** Which relay the machine's network goes through, and how it stands with it. */
import { type RelaySettings, type RelayState, relayUrl } from "@stratos/host-browser/relay-settings";

interface Page {
  readonly relay: RelaySettings | null;
  /** @throws Error with words for people */
  use(relay: RelaySettings | null): Promise<void>;
}

export class NetworkDialog {
  readonly #page: Page;
  readonly #dialog = document.querySelector<HTMLDialogElement>("#network-dialog")!;
  readonly #state = document.querySelector<HTMLElement>("#network-state")!;
  readonly #url = document.querySelector<HTMLInputElement>("#relay-url")!;
  readonly #token = document.querySelector<HTMLInputElement>("#relay-token")!;

  constructor(page: Page) {
    this.#page = page;
    document.querySelector("#network-form")!.addEventListener("submit", (event) => {
      event.preventDefault();
      const url = relayUrl(this.#url.value.trim());
      if (url === null) this.#say("this is no address of a relay");
      else this.#use({ url, token: this.#token.value.trim() });
    });
    document.querySelector("#network-off")!.addEventListener("click", () => this.#use(null));
    this.show({ kind: "none" });
  }

  open(): void {
    const { relay } = this.#page;
    this.#url.value = relay?.url ?? "";
    this.#token.value = relay?.token ?? "";
    this.#dialog.showModal();
  }

  show(state: RelayState): void {
    this.#say(state.kind === "lost" ? `${state.words}; the next connection tries again` : WORDS[state.kind]);
  }

  #use(relay: RelaySettings | null): void {
    this.#page.use(relay).catch((error: unknown) => this.#say((error as Error).message));
  }

  #say(words: string): void {
    this.#state.textContent = words;
  }
}

const WORDS: Readonly<Record<Exclude<RelayState["kind"], "lost">, string>> = {
  none: "No relay is set: programs reach nothing outside.",
  connecting: "Connecting to the relay …",
  connected: "Connected: programs reach what the relay permits.",
};
