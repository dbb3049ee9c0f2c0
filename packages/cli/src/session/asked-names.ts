/**
 * Names that programs asked the host's name servers for in vain. A program says of each that it "could not resolve
 * host", be the name wrong, its server silent, or known to the host alone by /etc/hosts; who started it learns which.
 */
import { readFileSync } from "node:fs";
import { printable } from "@stratos/base";
import type { HostAddress } from "@stratos/host";
import type { outcomeOf, questionOf } from "@stratos/sdk/dns-message";

/** Names that are remembered at a time, the last ones: programs may ask for any number. */
const NAMES_MAX = 64;
/** Lines that tell of them. */
const LINES_MAX = 3;
const DNS_PORT = 53;

/** "question": nobody has answered yet. */
type Outcome = ReturnType<typeof outcomeOf>;

interface Asked {
  readonly outcome: Outcome;
  /** Who was asked, or has answered. */
  readonly server: string;
}

/** What reads messages of name servers: loaded for a run that has a network. */
interface MessageReader {
  readonly outcomeOf: typeof outcomeOf;
  readonly questionOf: typeof questionOf;
}

interface Host {
  /** A file such as /etc/hosts. */
  readonly hostsFile: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

export class AskedNames {
  readonly #asked = new Map<string, Asked>();

  /** Hears of datagrams that leave and come in. */
  watch({ outcomeOf, questionOf }: MessageReader): (bytes: Uint8Array, other: HostAddress) => void {
    return (bytes, { address, port }) => {
      if (port !== DNS_PORT) return;
      const question = questionOf(bytes);
      // Other records are asked for on the chance that there are some: apt looks for services (SRV) of each mirror.
      if (question === null || !question.asksAddress || question.name === "") return;
      const { name } = question;
      const outcome = outcomeOf(bytes);
      const before = this.#asked.get(name);
      // Both kinds of address are asked for, at the same time, and each server in turn: the best answer counts.
      if (before !== undefined && WORTH[before.outcome] > WORTH[outcome]) return;
      this.#asked.delete(name);
      this.#asked.set(name, { outcome, server: address });
      if (this.#asked.size > NAMES_MAX) this.#asked.delete(this.#asked.keys().next().value!);
    };
  }

  /** Lines without a newline, without "stratos: ", for a run that failed. */
  lines({ hostsFile, environment }: Host): string[] {
    const failed = [...this.#asked].filter(([, { outcome }]) => outcome !== "known").slice(-LINES_MAX);
    if (failed.length === 0) return [];
    const isKnownHere = namesIn(hostsFile);
    return failed.map(([name, { outcome, server }]) => {
      const what = `${printable(name)}: the host's name server ${server} ${WORDS[outcome]}`;
      if (isKnownHere.has(name))
        return `${what}; ${hostsFile} of the host does: -v ${hostsFile}:/etc/hosts:ro shows it to programs`;
      const proxy = PROXIES.find((variable) => (environment[variable] ?? "") !== "");
      return proxy === undefined ? what : `${what}; programs use the host's proxy with -e ${proxy}`;
    });
  }
}

const WORTH: Readonly<Record<Outcome, number>> = { question: 0, failed: 1, unknown: 2, known: 3 };
const WORDS: Readonly<Record<Outcome, string>> = {
  question: "has not answered",
  failed: "could not find it out",
  unknown: "knows no such name",
  known: "knows it",
};
const PROXIES = ["https_proxy", "HTTPS_PROXY", "http_proxy"];

function namesIn(hostsFile: string): Set<string> {
  let text = "";
  try {
    text = readFileSync(hostsFile, "utf8");
  } catch {
    // A host without such a file knows no names by it.
  }
  const lines = text.split("\n").map((line) => line.replace(/#.*/, "").trim().split(/\s+/));
  return new Set(lines.flatMap(([, ...names]) => names.map((name) => name.toLowerCase())));
}
