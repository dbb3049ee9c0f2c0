/** Asks what an installation needs. An empty answer takes what stands in brackets; a wrong one is asked for again. */
import { randomBytes } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { bytesOfSize } from "@stratos/base/bytes-of-size";
import { defaultPartitions, type InstallConfig } from "@stratos/outputs";
import { cryptSalt, sha512Crypt } from "./sha512-crypt.ts";

/** Who answers. */
export interface Questioner {
  /** Prints a question and waits for a line; rejects when there are no more. */
  ask(question: string, isSecret: boolean): Promise<string>;
  say(text: string): void;
}

interface GivenAnswers {
  readonly source?: string;
  readonly target?: string;
  readonly size?: string;
}

/** @returns the same as a configuration file would say */
export async function askInstallConfig(person: Questioner, given: GivenAnswers): Promise<InstallConfig> {
  const ask = async (
    question: string,
    usual: string,
    check: (answer: string) => string | null = () => null,
  ): Promise<string> => {
    for (;;) {
      const answer =
        (await person.ask(usual === "" ? `${question}: ` : `${question} [${usual}]: `, false)).trim() || usual;
      const problem = check(answer);
      if (problem === null) return answer;
      person.say(`  ${problem}\n`);
    }
  };
  const source =
    given.source ??
    (await ask("Image, folder or archive to install", "", (answer) =>
      answer === "" ? "something has to be installed" : sourceProblem(answer),
    ));
  const target =
    given.target ??
    (await ask("Disk or disk image to install on", "", (answer) => (answer === "" ? "a disk is needed" : null)));
  const isNew = !existsSync(target);
  const size = !isNew
    ? undefined
    : (given.size ??
      (await ask("Size of the disk image", "8G", (answer) =>
        bytesOfSize(answer) === undefined ? "expected a size such as 8G" : null,
      )));
  const hostname = await ask("Name of the machine", "stratos", (answer) =>
    /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(answer) ? null : "lower-case letters, digits and -",
  );
  const locale = await ask("Locale", "C.UTF-8", (answer) =>
    /^[A-Za-z0-9_.@-]+$/.test(answer) ? null : "expected a locale such as en_GB.UTF-8",
  );
  const timezone = await ask("Time zone", "Etc/UTC", (answer) =>
    /^[A-Za-z0-9_+-]+(\/[A-Za-z0-9_+-]+)*$/.test(answer) ? null : "expected a zone such as Europe/Berlin",
  );
  const home = await ask("Size of a partition for /home (none: it is on the root)", "none", (answer) =>
    answer === "none" || bytesOfSize(answer) !== undefined ? null : "expected a size such as 2G, or none",
  );
  const swap = await ask("Size of a swap partition", "none", (answer) =>
    answer === "none" || bytesOfSize(answer) !== undefined ? null : "expected a size such as 1G, or none",
  );
  const name = await ask("First user (none: root alone)", "user", (answer) =>
    /^[a-z_][a-z0-9_-]{0,31}$/.test(answer) ? null : "lower-case letters, digits, _ and -",
  );
  const who = name === "none" ? "root" : name;
  const password = await askPassword(person, who);
  const keyFile = await ask(`File with public keys that let ${who} in by SSH`, "none", (answer) =>
    answer === "none" || existsSync(answer) ? null : "no such file",
  );
  const keys =
    keyFile === "none"
      ? []
      : readFileSync(keyFile, "utf8")
          .split("\n")
          .map((line) => line.trim())
          .filter((line) => line !== "" && !line.startsWith("#"));
  const login = {
    ...(password === null ? {} : { password_hash: password }),
    ...(keys.length === 0 ? {} : { ssh_keys: keys }),
  };
  const partitions = defaultPartitions();
  if (home !== "none") partitions.push({ name: "home", size: home, format: "ext4", mount: "/home" });
  if (swap !== "none") partitions.push({ name: "swap", size: swap, format: "swap" });
  return {
    disk: { target, ...(size === undefined ? {} : { size }) },
    partition: partitions,
    system: { source, hostname, locale, ...(timezone === "Etc/UTC" ? {} : { timezone }) },
    ...(name === "none" ? { root: login } : { user: [{ name, ...login }] }),
    network: [{ interface: "en* eth*", dhcp: true }],
  };
}

/**
 * A path that leads nowhere is told before all else is asked; names of images and prefixes are left to who opens them.
 */
function sourceProblem(source: string): string | null {
  const path = source.includes(":") ? source.split(":")[1]! : source;
  return path.includes("/") && !existsSync(path) ? "no such file or folder" : null;
}

async function askPassword(person: Questioner, who: string): Promise<string | null> {
  for (;;) {
    const first = await person.ask(`Password of ${who} (empty: none, keys only): `, true);
    if (first === "") return null;
    if ((await person.ask("The same again: ", true)) === first) return sha512Crypt(first, cryptSalt(randomBytes(16)));
    person.say("  the two differ\n");
  }
}
