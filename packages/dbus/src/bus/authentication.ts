/**
 * Who connects says who it is, line by line, before its first message (D-Bus Specification, "Authentication
 * Protocol"). The kernel has told us already: EXTERNAL, where both agree.
 */
import { byteString, byteStringOf } from "@stratos/base";
import { flag, record, text, whole } from "@stratos/base/value-check";

const LINE_MAX = 16_384;
/** Refusals, after which the connection is ended. */
const REFUSALS_MAX = 8;

interface AuthenticationPorts {
  /** As the kernel tells; null: it does not. */
  readonly uid: number | null;
  /** Of the server, 32 hexadecimal digits. */
  readonly guid: string;
  send(line: string): void;
}

export interface SavedAuthentication {
  readonly inbox: string;
  readonly begun: boolean;
  readonly isAccepted: boolean;
  readonly asked: boolean;
  readonly refusals: number;
  readonly takesFiles: boolean;
}

export const isSavedAuthentication = record({
  inbox: text(LINE_MAX + 2),
  begun: flag,
  isAccepted: flag,
  asked: flag,
  refusals: whole(0, REFUSALS_MAX),
  takesFiles: flag,
});

export class Authentication {
  readonly #ports: AuthenticationPorts;
  #inbox = "";
  #begun = false;
  #isAccepted = false;
  #asked = false;
  #refusals = 0;
  takesFiles = false;

  constructor(ports: AuthenticationPorts) {
    this.#ports = ports;
  }

  save(): SavedAuthentication {
    return {
      inbox: this.#inbox,
      begun: this.#begun,
      isAccepted: this.#isAccepted,
      asked: this.#asked,
      refusals: this.#refusals,
      takesFiles: this.takesFiles,
    };
  }

  goOn({ inbox, begun, isAccepted, asked, refusals, takesFiles }: SavedAuthentication): void {
    this.#inbox = inbox;
    this.#begun = begun;
    this.#isAccepted = isAccepted;
    this.#asked = asked;
    this.#refusals = refusals;
    this.takesFiles = takesFiles;
  }

  /** @returns what came behind BEGIN: messages; null: it goes on; "over": the connection is to be ended */
  take(bytes: Uint8Array): Uint8Array | "over" | null {
    this.#inbox += byteString(bytes);
    if (!this.#begun) {
      if (this.#inbox[0] !== "\0") return "over";
      this.#begun = true;
      this.#inbox = this.#inbox.slice(1);
    }
    for (;;) {
      const end = this.#inbox.indexOf("\r\n");
      if (end > LINE_MAX || (end < 0 && this.#inbox.length > LINE_MAX)) return "over";
      if (end < 0) return null;
      const line = this.#inbox.slice(0, end);
      this.#inbox = this.#inbox.slice(end + 2);
      if (line === "BEGIN") return this.#isAccepted ? byteStringOf(this.#inbox) : "over";
      this.#command(line);
      if (this.#refusals > REFUSALS_MAX) return "over";
    }
  }

  #command(line: string): void {
    const [command, mechanism, initial] = line.split(" ");
    if (command === "AUTH") return this.#begin(mechanism, initial);
    if (command === "DATA" && this.#asked) return this.#external(mechanism ?? "");
    if (command === "CANCEL" || command === "ERROR") return this.#refuse();
    if (command !== "NEGOTIATE_UNIX_FD" || !this.#isAccepted) return this.#answer("ERROR");
    this.takesFiles = true;
    this.#ports.send("AGREE_UNIX_FD\r\n");
  }

  #begin(mechanism: string | undefined, initial: string | undefined): void {
    if (mechanism !== "EXTERNAL") return this.#refuse();
    if (initial !== undefined) return this.#external(initial);
    this.#asked = true;
    this.#answer("DATA");
  }

  /** @param hex  the user's number in decimal digits, each as two hexadecimal ones; "": whoever the kernel says */
  #external(hex: string): void {
    const { uid, guid } = this.#ports;
    const said = hex.replace(/../g, (digits) => String.fromCharCode(Number.parseInt(digits, 16)));
    if (uid === null || (said !== "" && said !== String(uid))) return this.#refuse();
    this.#asked = false;
    this.#isAccepted = true;
    this.#ports.send(`OK ${guid}\r\n`);
  }

  #refuse(): void {
    this.#asked = false;
    this.#isAccepted = false;
    this.#answer("REJECTED EXTERNAL");
  }

  #answer(line: string): void {
    this.#refusals++;
    this.#ports.send(`${line}\r\n`);
  }
}
